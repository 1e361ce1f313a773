"""The lifespan of the application that a live server serves."""

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.environment import Environment
from channels_testkit.asgi.lifespan import Lifespan
from channels_testkit.engine.tracebacks import hide_kit_frames
from channels_testkit.engine.watches import watch_of

from .loops import call_bounded_on

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Mapping

    from channels_testkit.asgi.application import ASGIApplication

__unittest = True


class _ServerEnvironment(Environment):
    """The loop of a server."""

    def prepare(self) -> None:
        """Be ready: its thread has connections of its own."""


class LiveLifespan:
    """
    One lifespan on the loop of a live server.

    ``report`` is called with what is raised between start-up and shutdown.
    Start-up and shutdown may take ``timeout`` seconds each.
    """

    def __init__(
        self,
        name: str,
        loop: asyncio.AbstractEventLoop,
        report: Callable[[BaseException], object],
        timeout: float,
    ) -> None:
        self._loop = loop
        self._report = report
        self._timeout = timeout
        self._environment = _ServerEnvironment()
        self._lifespan = Lifespan(name, self._environment)
        #: What it has not ended, in words.
        self.left: list[str] = []

    @property
    def values(self) -> Mapping[str, Any]:
        """The state."""
        return self._lifespan.values

    def start(self, application: ASGIApplication, *, is_needed: bool) -> bool:
        """
        Start the application; tell whether it has a lifespan.

        Raises what it fails with, and ``ImproperlyConfigured`` where it needs
        a lifespan and has none.
        """
        try:
            self._call(self._start(application))
        except BaseException as error:
            self._call(self._end())
            if self._lifespan.is_missing and not is_needed:
                return False
            hide_kit_frames(error)
            # Python 3.10 gives a bare raise the traceback of before.
            raise error
        return True

    def stop(self) -> None:
        """Shut the application down; raise what it fails with."""
        self._environment.errors.on_record = bool
        try:
            self._call(self._lifespan.shut_down(self._timeout))
        finally:
            self.left += self._lifespan.left
            self._call(self._end())

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        watch = watch_of(self._loop)
        # The loop may have had other bounds, of other tests.
        watch.hang_timeout, watch.deadline = self._timeout, None
        try:
            call_bounded_on(self._loop, work, 2 * self._timeout)
        except CancelledError:
            raise self._lifespan.cancelled_while_waiting() from None

    async def _start(self, application: ASGIApplication) -> None:
        watch_of(self._loop).tasks.keepers.append(self._lifespan)
        await self._lifespan.start_up(application, self._timeout)
        self._environment.errors.on_record = self._hand_on

    async def _end(self) -> None:
        tasks = watch_of(self._loop).tasks
        tasks.keepers = [it for it in tasks.keepers if it is not self._lifespan]
        await self._lifespan.end()

    def _hand_on(self) -> None:
        for error in self._environment.errors.take_pending():
            self._report(error)
