"""
Hangs and deadlocks, told in words.

A wait that ``hang_timeout`` has cut, or that nothing can ever end, is
reported with every task and thread job, and with what each of them waits for.
"""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, Any

from . import private
from .places import waiting_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .jobs import Job
    from .rest import RestWatch


_KEPT_OUT = (
    "    It waits until the parked job has left its atomic() block: in a test both",
    "    have one connection. A server would have two threads, with one each.",
)


def hang_text(rest: RestWatch, more: str = "") -> str:
    """Return the report of a wait that has lasted for ``hang_timeout``."""
    return (
        f"The application did not come to rest within {rest.hang_timeout:g} s"
        f" (hang_timeout).\n\n{describe_work(rest)}{more}\n\n"
        "A thread job that is meant to wait is declared with background_jobs or"
        " with self.background(function)."
    )


def describe_work(rest: RestWatch) -> str:
    """Return a line for each task, thread job and timer of the loop."""
    lines = sorted(f"  {describe_task(task)}" for task in asyncio.all_tasks(rest.loop))
    for job in rest.live_jobs():
        lines += _job_lines(job)
    lines += _timer_lines(rest)
    return "\n".join(lines) or "  nothing"


def describe_task(task: asyncio.Task[Any]) -> str:
    """Say what a task waits for."""
    return f"task {task.get_name()!r} waits {waiting_place(task)}"


def _job_lines(job: Job) -> Iterator[str]:
    yield f"  thread job {job.name} is {job.state}"
    if job.state == "running" and job.thread_id is not None:
        yield from stack_lines(job.thread_id)
    if job.state == "queued" and getattr(job.executor, "is_kept_out_of_a_block", False):
        yield from _KEPT_OUT


def stack_lines(thread_id: int | None) -> Iterator[str]:
    """Yield the last lines of what a thread is doing."""
    frame = private.frames_by_thread().get(thread_id or 0)
    if frame is not None:
        stack = "".join(traceback.format_stack(frame)[-4:]).rstrip()
        yield from (f"    {line}" for line in stack.splitlines())


def _timer_lines(rest: RestWatch) -> Iterator[str]:
    now = rest.loop.time()
    for due, _ in rest.application_timers():
        yield f"  a timer of the application is due in {max(0.0, due - now):.3g} s"
