"""
A thread for a job that begins while another one is parked.

Only one of the threads runs at a time, the one that has the turn: a job gives
it back when it waits in ``async_to_sync()``, and when it ends. So jobs may end
in any order, and what happens does not depend on the machine. One that takes
longer than most, as it waits for another one, loses the turn and goes on as
in a thread of a server. So does at once one that is meant to wait.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from django.db import connections

from . import debuggers, private_asgiref, threads
from .hand_over import SECONDS_TO_WAIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from .private_asgiref import OwnThreadExecutor


class JobThread:
    """Runs one job of a lane, by turns with the test's own thread."""

    waits_in_itself = True

    def __init__(
        self,
        lane: OwnThreadExecutor,
        own_thread: int,
        mine: list[Any],
        wake: Callable[[], None],
    ) -> None:
        self._lane = lane
        self._item: Any = lane.take()
        self._own_thread = own_thread
        self._waits_for: Any = None
        self._connections = mine
        self._changed = threading.Condition()
        self._has_turn = False
        self.has_ended = False
        self._wake = wake
        self.thread = threads.of_kit(self._serve, "channels_testkit job")

    @property
    def future(self) -> Future[Any]:
        """The result of the job."""
        future: Future[Any] = self._item.future
        return future

    @property
    def can_go_on(self) -> bool:
        """Whether what it waits for has come."""
        waits_for = self._waits_for
        return waits_for is not None and (
            private_asgiref.has_work(waits_for) or private_asgiref.is_broken(waits_for)
        )

    # In the thread that has the loop.

    def start(self) -> None:
        """Run the job until it waits or ends."""
        self._has_turn = True
        self.thread.start()
        self._wait()

    def go_on(self) -> None:
        """Let the job go on until it waits again, or ends."""
        with self._changed:
            self._waits_for = None
            self._has_turn = True
            self._changed.notify_all()
        self._wait()

    def _wait(self) -> None:
        with self._changed:
            try:
                while self._has_turn and not self._loses_turn():
                    pass
            finally:
                self._has_turn = False

    def _loses_turn(self) -> bool:
        if private_asgiref.is_background(self._item):
            return True
        is_back = self._changed.wait_for(
            lambda: not self._has_turn, timeout=SECONDS_TO_WAIT
        )
        return not (is_back or debuggers.is_traced() or debuggers.debugger_is_active())

    def finish(self) -> None:
        """Clean up after a job that has ended."""
        self.thread.join()
        self._lane.let_go()

    # In its thread.

    def let_go(self) -> None:
        """Lose the turn now: the job may wait for what it has posted."""
        with self._changed:
            self._has_turn = False
            self._changed.notify_all()

    def run_until(self, executor: Any, future: Future[Any]) -> None:
        """Give the turn back until a future is done, or there is a job."""
        private_asgiref.break_when_done(executor, future)
        while True:
            # In this order: another thread gives a job before the result.
            is_done = private_asgiref.is_broken(executor)
            if private_asgiref.has_work(executor):
                private_asgiref.take_work(executor).run()
            elif is_done:
                return
            else:
                with self._changed:
                    self._waits_for = executor
                    self._give_back()
                    # Not for the turn, which may be lost before this runs.
                    self._changed.wait_for(lambda: self._waits_for is None)

    def _serve(self) -> None:
        try:
            with self._in_place():
                self._item.run()
        finally:
            with self._changed:
                self.has_ended = True
                self._give_back()

    def _give_back(self) -> None:
        self._has_turn = False
        self._changed.notify_all()
        self._wake()

    @contextlib.contextmanager
    def _in_place(self) -> Iterator[None]:
        for connection in self._connections:
            connections[connection.alias] = connection
        with (
            private_asgiref.standing_for(self._own_thread),
            private_asgiref.waits_of(self),
        ):
            yield
