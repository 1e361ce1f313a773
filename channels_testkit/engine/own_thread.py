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

from . import private, private_asgiref, sharing
from .database import connections_here, is_in_query, open_blocks
from .hand_over import HandOver
from .job_thread import JobThread
from .jobs import no_job
from .order import SOMETHING_ELSE, order_of

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
    a loop of another owner has none.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        run_loop: Callable[[Future[Any]], None] | None = None,
    ) -> None:
        self.loop = loop
        self.thread_id = threading.get_ident()
        self._thread = threading.current_thread()
        self.lanes: list[OwnThreadExecutor] = []
        #: How many jobs have begun and not ended, one inside the other.
        self.depth = 0
        #: Whether the loop was told to stop while a job holds the thread.
        self.is_stopping = False
        self.hand_over = HandOver(loop)
        self._run_loop = run_loop
        #: Jobs that have begun while another one was parked.
        self._job_threads: list[JobThread] = []
        #: Entered while there are any: they share the test's connections.
        self._turns = contextlib.ExitStack()
        self._connections = connections_here()
        #: How many atomic blocks are open that no job has opened.
        self._blocks_of_the_test = 0
        self.note_blocks_of_the_test()
        #: Calls of ``async_to_sync()`` of the test itself.
        self._calls: list[Any] = []
        self._lent = private_asgiref.OwnThreadExecutor(self.lanes, self._is_held_up)
        private_asgiref.lend_thread(loop, self._lent)
        private_asgiref.patch_waits(self)
        self._adopted = contextlib.ExitStack()
        if run_loop is not None:
            self._adopted.enter_context(private_asgiref.loop_adopted(loop))

    def close(self) -> None:
        """Lend the thread no longer."""
        self._adopted.close()
        private_asgiref.forget_waits(self)
        private_asgiref.lend_thread(self.loop, None)
        self._turns.close()

    # Jobs.

    def run_next(self) -> bool:
        """Run the next job, if one can start; called inside ``select()``."""
        waiting = [lane for lane in self.lanes if lane.has_work]
        if not (waiting or self._job_threads or self._calls):
            return False
        is_own = threading.get_ident() == self.thread_id
        if not (is_own or self.hand_over.is_given):
            return False
        for call in reversed(self._calls):
            if is_own and not self.depth and private_asgiref.has_work(call):
                self._run(private_asgiref.take_work(call))
                return True
        for job_thread in self._job_threads:
            if job_thread.has_ended or (
                job_thread.can_go_on and self._may_go_on(job_thread.thread)
            ):
                self._step(job_thread, job_thread.go_on)
                return True
        lanes = [lane for lane in waiting if not (lane.is_taken or lane.is_held_up)]
        if not lanes:
            return False
        place = order_of(self.loop).choose_lane(lanes)
        if place is None or place == SOMETHING_ELSE:
            return place is not None
        self._run_of(lanes[place])
        return True

    # All jobs have one connection: none may get into the transaction of one.

    def note_blocks_of_the_test(self) -> None:
        """Note the atomic blocks that the test's own code is in."""
        if not self._job_threads:
            self._blocks_of_the_test = open_blocks(self._connections)

    def _is_held_up(self) -> bool:
        """Tell whether a job of another lane would disturb one under way."""
        if not (self.depth or self._job_threads):
            return False
        if self.hand_over.is_given and not self._job_threads:
            return is_in_query(self.thread_id)
        return bool(self._threads_in_a_block())

    def _may_go_on(self, thread: threading.Thread) -> bool:
        """Tell whether a job that has waited disturbs no other one."""
        return self._threads_in_a_block() <= {thread}

    def _threads_in_a_block(self) -> set[threading.Thread]:
        """Return the threads of jobs that are in a block of their own."""
        if self._job_threads:
            found = set(sharing.whose_turn_it_is(self._connections))
        elif open_blocks(self._connections) > self._blocks_of_the_test:
            found = {self._thread}
        else:
            found = set()
        return found if self.depth else found - {self._thread}

    def _step(self, job_thread: JobThread, step: Callable[[], None]) -> None:
        if not job_thread.has_ended:
            step()
        if job_thread.has_ended:
            job_thread.finish()
            self._job_threads.remove(job_thread)
            if not self._job_threads:
                self._turns.close()
            self._forget_unused_lanes()
            private.raise_if_interrupted(job_thread.future)

    def _run_of(self, lane: OwnThreadExecutor) -> None:
        if self.depth or private_asgiref.is_background(lane.first):
            if not self._job_threads:
                self._turns.enter_context(sharing.in_turns(self._connections))
                if self.hand_over.is_given and is_in_query(self.thread_id):
                    # It has begun before there were turns to take.
                    self._turns.close()
                    return
            wake = functools.partial(private.wake, self.loop)
            job_thread = JobThread(lane, self.thread_id, self._connections, wake)
            self._job_threads.append(job_thread)
            self._step(job_thread, job_thread.start)
            return
        try:
            self._run(lane.take())
        finally:
            lane.let_go()
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
        with private_asgiref.JobStateKept(), private.NoLoop():
            self.depth += 1
            self.hand_over.begin()
            try:
                item.run()
            finally:
                try:
                    self.hand_over.end()
                finally:
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
                # In this order: another thread gives a job before the result.
                is_done = private_asgiref.is_broken(executor)
                if not self._is_my_turn():
                    self._round()
                elif private_asgiref.has_work(executor):
                    self._run_inside(private_asgiref.take_work(executor))
                elif is_done:
                    return
                else:
                    self._round()

    def _is_my_turn(self) -> bool:
        return not self._job_threads or self._may_go_on(self._thread)

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

    def look(self) -> None:
        """See to a job that takes long; called from another thread."""
        self.hand_over.look()
        if self.hand_over.is_given and any(lane.has_work for lane in self.lanes):
            # Its query may have ended, which has held up another one.
            private.wake(self.loop)

    def posted(self) -> None:
        """Take note that a job here has posted what it may wait for."""
        if threading.get_ident() == self.thread_id:
            self.hand_over.hurry()
        for job_thread in self._job_threads:
            if job_thread.thread is threading.current_thread():
                job_thread.let_go()
