"""
The loop and the thread-sensitive jobs of a test, in the test's own thread.

A job runs inside the ``select()`` of the loop, where no callback is under way.
A job that waits in ``async_to_sync()`` runs further rounds of the loop from
there. One that waits by other means hands the loop over to another thread,
until it ends.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from . import private
from .hand_over import HandOver
from .jobs import no_job

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future


class OwnThread:
    """Runs the thread-sensitive jobs of one loop, in the thread that made it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.thread_id = threading.get_ident()
        #: Where asgiref puts the jobs.
        self.executor = private.OwnThreadExecutor()
        #: How many jobs have begun and not ended, one inside the other.
        self.depth = 0
        #: Whether the loop was told to stop while a job holds the thread.
        self.is_stopping = False
        self.hand_over = HandOver(loop)
        self._interruption: BaseException | None = None
        private.lend_thread(loop, self.executor)
        self._waits_taught = contextlib.ExitStack()
        self._waits_taught.enter_context(private.own_waits(self))

    def close(self) -> None:
        """Lend the thread no longer."""
        self._waits_taught.close()
        private.lend_thread(self.loop, None)

    # Jobs.

    def run_next(self) -> bool:
        """Run the next job, if one can start; called inside ``select()``."""
        is_mine = threading.get_ident() == self.thread_id
        if not (is_mine and self.executor.has_work) or self.depth:
            # A job is parked: on a server its thread would be taken, too.
            return False
        self._run(self.executor.take())
        return True

    def _run(self, item: Any) -> None:
        with private.job_state_kept(), private.no_loop_running(self.loop):
            self.depth += 1
            self.hand_over.begin()
            try:
                item.run()
            finally:
                self.hand_over.end()
                self.depth -= 1
        private.raise_if_interrupted(item.future)
        self.hand_over.raise_what_came()

    # Waiting inside of one.

    @property
    def is_in_job(self) -> bool:
        """Whether this code is that of a job, in this thread."""
        return self.depth > 0 and threading.get_ident() == self.thread_id

    def run_until(self, executor: Any, future: Future[Any]) -> None:
        """Run the loop on until a future is done, for a job that waits."""
        private.break_when_done(executor, future)
        with self._loop_back(), no_job():
            while True:
                if private.has_work(executor):
                    self._run_inside(private.take_work(executor))
                elif private.is_broken(executor):
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
        if not private.is_of_async_to_sync(function, self.loop):
            # It may wait for what it has posted.
            self.hand_over.hurry()
