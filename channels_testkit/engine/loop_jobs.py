"""The thread jobs that are work of one loop."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from . import private
from .jobs import Job, callers, loose_jobs

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator


class LoopJobs(set[Job]):
    """The jobs of a loop, until they have finished; threads add to it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop

    def busy(self, *, but_for_test: bool = False) -> Iterator[Job]:
        """
        Yield the jobs that run or can start.

        ``but_for_test`` leaves out those of the test's own code, as if each
        of them waited for something.
        """
        # A copy: threads ask as well, for a report.
        jobs = tuple(self)
        left_out = {job for job in jobs if but_for_test and job.is_of_test}
        waiting = {job for job in jobs if job.holds_worker}
        waiting.update(job for job in left_out if job.has_started)
        held = Counter(job.executor for job in waiting)
        for job in jobs:
            if job.is_finished:
                self.discard(job)
            elif job in waiting or job in left_out:
                continue
            elif job.has_started:
                yield job
            elif getattr(job.executor, "is_held_up", False):
                continue
            elif held[job.executor] < private.worker_limit(self._loop, job.executor):
                yield job

    def live(self) -> list[Job]:
        """Return the jobs that have not finished."""
        return [job for job in tuple(self) if not job.is_finished]

    def inside(self, thread_id: int) -> list[Job]:
        """Return the jobs that hold a thread, in each other."""
        return [job for job in tuple(self) if job.is_inside(thread_id)]

    def names_of_unknown(
        self, before: set[Job], *, but_for_returned: bool = False
    ) -> list[str]:
        """
        Name what goes on beside the loop, for all that who asks can know.

        A thread may ask for what a job of the test waits for; that another
        such job does nothing more is not known then. ``before`` are the jobs
        that are older than the test; one that has returned may still have
        callbacks to run.
        """
        asking = callers()
        unknown = loose_jobs() - before
        if asking is not None:
            unknown.update(job for job in self.busy() if job.is_of_test)
        names = [
            f"thread job {job.name} of the test"
            for job in unknown.difference(asking or ())
            if not (but_for_returned and job.has_returned)
        ]
        background = (job for job in self.live() if job.is_background)
        return names + [f"background job {job.name}" for job in background]
