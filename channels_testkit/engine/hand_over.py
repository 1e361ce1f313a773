"""
A thread that runs the loop while a job blocks the test's own thread.

On a server the loop and the job have a thread each, so that a job may wait for
the loop by any means. It has the loop's thread to itself until it ends, or
until it takes longer than most do.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from . import debuggers, private, private_asgiref, threads

if TYPE_CHECKING:
    import asyncio

#: A job that takes longer than this may be waiting for the loop.
SECONDS_TO_WAIT = 0.1


class HandOver:
    """Who has the loop: the test's own thread, or another meanwhile."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._own_thread = threading.get_ident()
        self._changed = threading.Condition(threading.Lock())
        self._began: float | None = None
        self._is_given = False
        self._is_wanted_back = False
        self._came: BaseException | None = None

    @property
    def is_given(self) -> bool:
        """Whether another thread has the loop."""
        return self._is_given

    # In the test's own thread.

    def begin(self) -> None:
        """Note that a job begins, or goes on."""
        self._began = private.clock()

    def end(self) -> None:
        """Have the loop back: a job ends, or waits in ``async_to_sync()``."""
        came: BaseException | None = None
        while True:
            try:
                self._take_back()
                break
            except BaseException as error:  # noqa: BLE001 - raised below
                # Two threads must not run one loop, whatever interrupts this.
                came = error
        if came is not None:
            raise came

    def _take_back(self) -> None:
        with self._changed:
            self._began = None
            if not self._is_given:
                return
            self._is_wanted_back = True
            private.wake(self._loop)
            self._changed.wait_for(lambda: not self._is_given)
            self._is_wanted_back = False

    def raise_what_came(self) -> None:
        """Raise what has left the loop while another thread had it."""
        came, self._came = self._came, None
        if came is not None:
            raise came

    def hurry(self) -> None:
        """Give the loop away now: the job may wait for what it has posted."""
        if not debuggers.is_traced():
            self._give()

    # In others.

    def look(self) -> None:
        """Give the loop away where a job has taken long."""
        began = self._began
        is_long = began is not None and private.clock() - began >= SECONDS_TO_WAIT
        if is_long and not (self._is_given or debuggers.debugger_is_active()):
            self._give()

    def _give(self) -> None:
        with self._changed:
            if self._began is None or self._is_given:
                return
            self._is_given = True
        threads.of_kit(self._run, "channels_testkit hand-over").start()

    def _run(self) -> None:
        is_stopping = False
        try:
            with private_asgiref.owning(self._loop, self._own_thread):
                while not self._is_wanted_back:
                    if private.is_told_to_stop(self._loop):
                        # It stops where it was begun; here it would not wait.
                        private.tell_to_stop(self._loop, stop=False)
                        is_stopping = True
                    private.run_round(self._loop)
        except BaseException as error:  # noqa: BLE001 - raised in the test's thread
            self._came = error
        finally:
            if is_stopping:
                private.tell_to_stop(self._loop, stop=True)
            with self._changed:
                self._is_given = False
                self._changed.notify_all()
