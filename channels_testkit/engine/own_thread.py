"""
The loop and the thread-sensitive jobs of a test, in the test's own thread.

A job runs inside the ``select()`` of the loop, where no callback is under way.
A job that waits in ``async_to_sync()`` runs further rounds of the loop from
there. One that waits by other means hands the loop over to another thread,
until it ends.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from typing import TYPE_CHECKING, Any

from django.db import connections

from . import private, private_asgiref
from .baton import BatonThread
from .database import is_in_own_block
from .hand_over import HandOver
from .jobs import no_job
from .order import order_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from .private_asgiref import OwnThreadExecutor


class OwnThread:
    """
    Runs the thread-sensitive jobs of one loop, in the thread that made it.

    Each thread that a server would have is a lane. ``run_loop`` runs the loop
    for ``async_to_sync()`` of the test itself, between the calls of the kit;
    a loop that is somebody else's has none.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        run_loop: Callable[[Future[Any]], None] | None = None,
    ) -> None:
        self.loop = loop
        self.thread_id = threading.get_ident()
        self.lanes: list[OwnThreadExecutor] = []
        #: How many jobs have begun and not ended, one inside the other.
        self.depth = 0
        #: Whether the loop was told to stop while a job holds the thread.
        self.is_stopping = False
        self.hand_over = HandOver(loop)
        self._run_loop = run_loop
        #: Jobs that have begun while another one was parked.
        self._batons: list[BatonThread] = []
        self._connections = connections.all()
        #: Calls of ``async_to_sync()`` of the test itself.
        self._calls: list[Any] = []
        self._lent = private_asgiref.OwnThreadExecutor(self.lanes, self._is_held_up)
        private_asgiref.lend_thread(loop, self._lent)
        private_asgiref.teach_waits(self)
        self._adopted = contextlib.ExitStack()
        if run_loop is not None:
            self._adopted.enter_context(private_asgiref.loop_adopted(loop))

    def close(self) -> None:
        """Lend the thread no longer."""
        self._adopted.close()
        private_asgiref.forget_waits(self)
        private_asgiref.lend_thread(self.loop, None)

    # Jobs.

    def run_next(self) -> bool:
        """Run the next job, if one can start; called inside ``select()``."""
        is_own = threading.get_ident() == self.thread_id
        if not (is_own or self.hand_over.is_given):
            return False
        for call in reversed(self._calls):
            if is_own and not self.depth and private_asgiref.has_work(call):
                self._run(private_asgiref.take_work(call))
                return True
        for baton in self._batons:
            if baton.has_ended or baton.can_go_on:
                self._run_baton(baton, baton.go_on)
                return True
        lanes = [it for it in self.lanes if it.has_work and not it.is_held_up]
        if not lanes:
            return False
        first = [lane.first for lane in lanes] if len(lanes) > 1 else lanes
        self._run_of(lanes[order_of(self.loop).choose_job(first)])
        return True

    def _is_held_up(self) -> bool:
        """Tell whether a job of another lane would get into a transaction."""
        is_alone = not (self.depth or self._batons)
        if is_alone:
            return False
        if threading.get_ident() != self.thread_id:
            return any(it.in_atomic_block for it in self._connections)
        # With a loop running, Django finds the connections of async code.
        with private.NoLoop():
            return is_in_own_block()

    def _run_baton(self, baton: BatonThread, step: Callable[[], None]) -> None:
        if not baton.has_ended:
            step()
        if baton.has_ended:
            baton.finish()
            self._batons.remove(baton)
            self._forget_unused_lanes()
            private.raise_if_interrupted(baton.future)

    def _run_of(self, lane: OwnThreadExecutor) -> None:
        if self.depth:
            wake = functools.partial(private.wake, self.loop)
            baton = BatonThread(lane, self.thread_id, self._connections, wake)
            self._batons.append(baton)
            self._run_baton(baton, baton.start)
            return
        lane.is_taken = True
        try:
            self._run(lane.take())
        finally:
            lane.is_taken = False
            if lane is not self._lent and not lane.has_work:
                # Made for a context, which may have ended.
                self._forget_unused_lanes()

    def _forget_unused_lanes(self) -> None:
        used = private_asgiref.executors_of_contexts()
        self.lanes[:] = [
            lane
            for lane in self.lanes
            if lane is self._lent or lane.has_work or lane.is_taken or lane in used
        ]

    def _run(self, item: Any) -> None:
        with private_asgiref.job_state_kept(), private.NoLoop():
            self.depth += 1
            self.hand_over.begin()
            try:
                item.run()
            finally:
                self.hand_over.end()
                self.depth -= 1
        private.raise_if_interrupted(item.future)
        self.hand_over.raise_what_came()

    @property
    def has_loop(self) -> bool:
        """Whether this thread is the one that runs the loop now."""
        if threading.get_ident() != self.thread_id or self.hand_over.is_given:
            return False
        return self.depth > 0 or private.running_loop() is self.loop

    # Waiting inside of one.

    @property
    def waits_in_itself(self) -> bool:
        """Whether ``async_to_sync()`` here waits for the thread's loop."""
        is_paused = private.thread_of(self.loop) is None
        return self.depth > 0 or (self._run_loop is not None and is_paused)

    def run_until(self, executor: Any, future: Future[Any]) -> None:
        """Run the loop on until a future is done, for code that waits."""
        private_asgiref.break_when_done(executor, future)
        if self._run_loop is not None and not self.depth:
            self._calls.append(executor)
            try:
                self._run_loop(future)
            finally:
                self._calls.remove(executor)
            return
        with self._loop_back(), no_job():
            while True:
                if private_asgiref.has_work(executor):
                    self._run_inside(private_asgiref.take_work(executor))
                elif private_asgiref.is_broken(executor):
                    return
                else:
                    self._round()

    def _run_inside(self, item: Any) -> None:
        self.hand_over.begin()
        try:
            item.run()
        finally:
            self.hand_over.end()
        self.hand_over.raise_what_came()

    def _round(self) -> None:
        if private.is_told_to_stop(self.loop):
            # It stops when the thread is free; until then it would not wait.
            self.is_stopping = True
            private.tell_to_stop(self.loop, stop=False)
        private.run_round(self.loop)

    @contextlib.contextmanager
    def _loop_back(self) -> Iterator[None]:
        """Have the loop in this thread while a job waits for it."""
        was_stopping = self.is_stopping
        self.hand_over.end()
        try:
            yield
        finally:
            if self.is_stopping and not was_stopping:
                self.is_stopping = False
                private.tell_to_stop(self.loop, stop=True)
            self.hand_over.begin()

    def posted(self, function: Callable[..., Any]) -> None:
        """Take note that this thread has posted to the loop, in a job."""
        if not private_asgiref.is_of_async_to_sync(function, self.loop):
            # It may wait for what it has posted.
            self.hand_over.hurry()
