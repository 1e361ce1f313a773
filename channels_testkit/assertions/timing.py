"""Moving the time of a test."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from channels_testkit.matching.wording import say
from channels_testkit.running.kit_calls import kit_coroutine

from .in_run import InRun

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from channels_testkit.running.time_of_run import VirtualClock

__unittest = True


class TimeMethods(InRun):
    """The clock of a test that has virtual time."""

    #: Whether the application's time moves only by ``advance()`` and with the
    #: timeouts of receives.
    use_virtual_time: bool = False

    @property
    def clock(self) -> VirtualClock:
        """
        The clock of virtual time, on a test with ``use_virtual_time``.

        Raises ``RuntimeError`` if time is real.
        """
        if self.use_virtual_time:
            self._kit.make_loop()
        return self._kit.time.clock()

    @contextlib.contextmanager
    def virtual_time(self, start: dt.datetime | None = None) -> Iterator[VirtualClock]:
        """
        Stop the application's time for a ``with`` block.

        It moves only by ``advance()`` and with the timeouts of receives, which
        then take no real time. After the block it goes on from there, at the
        rate of the real clock.

        If time-machine is installed, ``timezone.now()`` and ``time.time()``
        stop and move as well, from the real time or from ``start``. Raises
        ``ImproperlyConfigured`` for a ``start`` without time-machine, and on
        live servers and real layers, which go by real time. Raises
        ``RuntimeError`` if time is virtual already, and in the application or
        another thread.

        Example::

            with self.virtual_time() as clock:
                ann = self.connect("/ws/echo/")
                self.advance(600)
                self.assertOpen(ann)
                self.assertEqual(clock.now, 600)
        """
        time = self._kit.time
        time.refuse_elsewhere("virtual_time()")
        time.begin(start)
        try:
            yield time.clock()
        finally:
            time.end()

    def advance(self, seconds: float) -> int:
        """
        Move virtual time on, from timer to timer; come to rest after each.

        Returns how many timers of the application came due, those at the new
        time included. An exception of the application stops the move and is
        raised. Raises ``RuntimeError`` if time is real, and in the application
        or another thread, ``ValueError`` for a negative number, and
        ``TypeError`` for a value that is not a number.
        """
        __tracebackhide__ = True
        self._kit.time.refuse_elsewhere("advance()")
        self._kit.refuse_in_async_test("self.aadvance")
        time = self._kit.time.virtual("advance()")
        work = time.advance(_checked(seconds))
        return self._kit.run_in_sync_test(work, "self.aadvance")

    @kit_coroutine
    async def aadvance(self, seconds: float) -> int:
        """Move virtual time on, in an async test. As ``advance()``."""
        __tracebackhide__ = True
        self._kit.time.refuse_elsewhere("aadvance()")
        time = self._kit.time.virtual("aadvance()")
        fired = await time.advance(_checked(seconds))
        self._kit.errors.deliver()
        return fired


def _checked(seconds: float) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"advance() takes a number of seconds, not {say(seconds)}.")
    if not 0 <= seconds <= sys.float_info.max:
        raise ValueError(f"Time does not move by {say(seconds)} s: it only goes on.")
    return seconds
