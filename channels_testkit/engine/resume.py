"""
Resuming a coroutine, and ending a call, only at rest.

Whatever the test awaited, its next line runs when the application is at rest.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from channels_testkit.exceptions import HangError

from . import places, private

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator

    from .rest import RestWatch

__unittest = True


class _Interruptible:
    """What a report of a hang is raised in."""

    def __init__(self, rest: RestWatch) -> None:
        self._rest = rest
        self._task: asyncio.Task[Any] | None = None
        self._interruption: BaseException | None = None
        self._last_told: BaseException | None = None

    def has_told(self, error: BaseException | None) -> bool:
        """Tell whether the error was raised there."""
        return error is self._last_told and self._interruption is None

    def has_raised(self, error: BaseException) -> bool:
        """Tell whether the error has ended the task that all this is in."""
        task = self._task
        return task is not None and private.exception_of(task) is error

    def interrupt(self, error: BaseException) -> None:
        """Raise the error where the code of the test awaits."""
        self._interruption = self._last_told = error
        if self._task is not None:
            self._task.cancel()


class AtRest(_Interruptible):
    """
    An awaitable that steps a coroutine, and waits for rest between steps.

    What the coroutine awaits is passed up to the real task, so that timeouts,
    task groups and cancellation work as they do without it.
    """

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, Any],
        rest: RestWatch,
        on_resume: Callable[[BaseException | None], None],
    ) -> None:
        super().__init__(rest)
        #: Where reports go on to look: nothing awaits it.
        self.coroutine = coroutine
        self._on_resume = on_resume

    def __await__(self) -> Generator[Any, Any, Any]:
        self._task = asyncio.current_task()
        value: Any = None
        error: BaseException | None = None
        spinning: float | None = None
        while True:
            self._rest.deadline = None
            try:
                if error is None:
                    awaited = self.coroutine.send(value)
                else:
                    awaited = self.coroutine.throw(error)
            except StopIteration as stop:
                return stop.value
            if self._rest.deadline is None:
                self._rest.arm()
            if awaited is None and spinning:
                # sleep(0) after sleep(0) is one wait, however often.
                self._rest.deadline = spinning
            spinning = self._rest.deadline if awaited is None else None
            value, error = None, None
            try:
                value = yield awaited
            except GeneratorExit:
                self.coroutine.close()
                raise
            except BaseException as raised:  # noqa: BLE001 - thrown in above
                error = raised
            # First of all: what was awaited may have swallowed its cancelling.
            error = self._interrupted() or error
            if not self._rest.is_at_rest_with_no_timer_due():
                error = yield from self._come_to_rest(error)
            error = self._told(error)

    def _come_to_rest(
        self, error: BaseException | None
    ) -> Generator[Any, Any, BaseException | None]:
        deadline = self._rest.deadline
        while True:
            try:
                yield from self._rest.wait().__await__()
            except asyncio.CancelledError as cancelled:  # noqa: PERF203 - it goes on after each
                error = self._interrupted() or cancelled
                # However often: the wait is still the same.
                self._rest.deadline = deadline
                if self._rest.is_at_rest():
                    return error
            except HangError as hang:
                return hang
            else:
                return error

    def _interrupted(self) -> BaseException | None:
        error, self._interruption = self._interruption, None
        if error is not None and self._task is not None:
            # Python 3.10 does not count cancellations.
            getattr(self._task, "uncancel", int)()
        return error

    def _told(self, error: BaseException | None) -> BaseException | None:
        """Return what to tell the test; its own exception goes first."""
        is_cancelled = isinstance(error, asyncio.CancelledError)
        try:
            self._on_resume(None if is_cancelled else error)
        except BaseException as told:  # noqa: BLE001 - thrown into the test
            return told
        return error


places.stepping.add(AtRest.__await__.__code__)


class InterruptibleCall(_Interruptible):
    """A kit coroutine, which may await code of the test."""

    def __init__(self, work: Awaitable[Any], rest: RestWatch) -> None:
        super().__init__(rest)
        self._work = work

    async def run(self) -> Any:
        """Finish the work at rest."""
        self._task = asyncio.current_task()
        self._rest.arm()
        try:
            result = await self._work
        except GeneratorExit:
            # Left behind: there is no loop any more that could come to rest.
            raise
        except BaseException:
            await self._come_to_rest()
            raise
        await self._come_to_rest()
        return result

    async def _come_to_rest(self) -> None:
        if not self._rest.is_at_rest():
            await self._rest.wait()
        self._raise_interruption()

    def _raise_interruption(self) -> None:
        if self._interruption is not None:
            raise self._interruption


class HeldCall(InterruptibleCall):
    """What a sync test waits for; the application stands still meanwhile."""

    async def _come_to_rest(self) -> None:
        """Leave the application where it is."""
        self._raise_interruption()
