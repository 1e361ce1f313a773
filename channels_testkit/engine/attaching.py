"""The engine on a loop of another owner: pytest-asyncio or anyio."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from . import private
from .bridge import SECONDS_TO_STOP, Bridge
from .cancelling import cancel
from .patches import OwnAttribute
from .resume import AtRest
from .watchdog import is_of_runner
from .watches import fresh_watch

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from .own_thread import OwnThread
    from .rest import RestWatch
    from .threads import Before

T = TypeVar("T")

__unittest = True


class AttachedBridge(Bridge):
    """
    A ``Bridge`` on a loop that this thread runs, or will run, by other means.

    While it is attached the thread-sensitive jobs of the loop run in this
    thread. ``close()`` ends what was begun meanwhile, and leaves the loop, and
    whatever it had before, as they were.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        hang_timeout: float | None,
        before: Before | None = None,
    ) -> None:
        self._attached = contextlib.ExitStack()
        #: Whether the loop runs for a call of the kit.
        self._is_called = False
        self._tasks_before = set(asyncio.all_tasks(loop))
        super().__init__(hang_timeout=hang_timeout, before=before, loop=loop)
        self._attached.callback(self._ask_no_more)
        enter = self._attached.enter_context
        handler = loop.get_exception_handler()
        self._attached.callback(loop.set_exception_handler, handler)
        enter(_interrupts_of_jobs(self._own))
        if loop.is_running():
            enter(self._under_way())
        enter(self._seen_running())

    def _watch(self) -> RestWatch:
        return self._attached.enter_context(fresh_watch(self.loop))

    @property
    def is_running(self) -> bool:
        """Whether the loop is running, for any caller."""
        return self.loop.is_running()

    @property
    def is_in_async_test(self) -> bool:
        """Whether a coroutine of the test, or of a fixture, is under way."""
        return self.is_running and not self._is_called

    def tasks(self) -> set[asyncio.Task[Any]]:
        """Return the tasks that have begun since, and not ended."""
        return super().tasks() - self._tasks_before

    async def resumed_at_rest(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine of the test, which is resumed only at rest."""
        self._test = AtRest(work, self.rest, lambda raised: self.on_resume(raised))
        try:
            result: T = await self._test
        finally:
            self._test = None
        return result

    def close(self) -> None:
        """End what was begun, and give the loop back."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            is_paused = not (self.loop.is_closed() or self.loop.is_running())
            if is_paused and (left := self.tasks()):
                self._run(cancel(left, SECONDS_TO_STOP))
        except KeyboardInterrupt:
            private.forget_tasks(self.loop)
            raise
        finally:
            self._attached.close()
            self._interrupter.remove()
            self._own.close()

    def _take_exit(self, error: SystemExit) -> bool:
        # A fixture's own task ends the loop; asyncio would wait for it.
        is_of_fixture = not (self._test or self._is_called)
        return not is_of_fixture and super()._take_exit(error)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        self._is_called = True
        try:
            return self._run_loop(work)
        finally:
            self._is_called = False

    @contextlib.contextmanager
    def _seen_running(self) -> Iterator[None]:
        """Know when the loop runs, for any caller."""
        run_forever = self.loop.run_forever

        def run() -> None:
            with self._under_way():
                run_forever()

        with OwnAttribute(self.loop, "run_forever", run):
            yield


@contextlib.contextmanager
def _interrupts_of_jobs(own: OwnThread) -> Iterator[None]:
    """
    Let Ctrl-C end a job: ``asyncio.Runner`` cancels its main task only.

    A job runs in the thread of the loop, which goes on when it has ended.
    """
    former: Any = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or is_of_runner(former):
        # Attached inside of run(): asyncio puts back what was there before.
        yield
        return
    is_usual = former is signal.default_int_handler or not callable(former)

    def interrupt(number: int, frame: Any) -> None:
        if own.depth or is_usual:
            raise KeyboardInterrupt
        former(number, frame)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, former)
