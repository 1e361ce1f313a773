"""
Hangs and deadlocks, in words.

A wait that ``hang_timeout`` has cut, or that nothing can ever end, is
reported with every task and thread job, and with what each of them waits for.
"""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, Any

from channels_testkit.matching.wording import MAX_NAME, first_of_each_kind, say, shorten

from . import places, private
from .order import order_of
from .virtual_time import VirtualTime, exact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from .jobs import Job
    from .rest import RestWatch


_KEPT_OUT = (
    "    It waits until the job in async_to_sync() has left atomic(): in a test both",
    "    have one connection. A server would have two threads, with one each.",
)
_OF_A_JOB = (
    "If this thread job is meant to wait, declare it with background_jobs or with"
    " self.background(function)."
)
_OF_A_BLOCKED_LOOP = (
    "A coroutine must not block, on a server either: all other tasks wait for it. Call"
    " code that blocks with 'await sync_to_async(...)(...)'."
)
_OF_A_ROUND = (
    "A loop that repeats without a pause, for instance with sleep(0), never lets the"
    " test go on: let it await an event, or sleep for some time."
)
_OF_A_LONG_WAY = (
    "Virtual time has reached {} s. hang_timeout is real time: if many timers are due,"
    " raise it, or advance in several calls."
)
_DOES = {
    "queued": "is queued",
    "parked": "waits in async_to_sync()",
    "running": "is running",
}
_MOST_LINES = 30
_MOST_STACKS = 3
_MOST = 14_000

#: Why nothing can go on.
NEVER_WOKEN = "Nothing can ever wake this test up"
THREAD_IS_HELD = (
    "A thread job waits in async_to_sync() on the test's own thread for something that"
    " never comes"
)


def deadlock_text(rest: RestWatch, *, is_held_up: bool) -> str:
    """Return the report of a wait that nothing can ever end."""
    verdict = THREAD_IS_HELD if is_held_up else NEVER_WOKEN
    timers, order = rest.application_timers(), order_of(rest.loop)
    if timers and isinstance(order, VirtualTime):  # By itself it does not pass.
        due = max(0.0, timers[0][0] - order.time())
        why = (
            "the application is at rest, virtual time does not move, and the next timer"
            f" is due in {exact(due)} s. To get there, write"
            f" '{order.call_that_advances(due)}'"
        )
    else:
        why = "the application is at rest, no timer is pending"
        why += ", and there is no work outside of it"
    return f"{verdict}: {why}.\n\n{describe_work(rest)}"


def hang_text(
    rest: RestWatch,
    more: str = "",
    *,
    blocked_by: int | None = None,
    is_early: bool = False,
) -> str:
    """
    Return the report of a wait that has lasted for ``hang_timeout``.

    ``blocked_by`` is the thread of a loop that does not go on; ``is_early``
    says that Ctrl-C has cut the wait.
    """
    works = describe_work(rest, blocked_by=blocked_by)
    verdict = (
        "Interrupted by Ctrl-C: the application did not come to rest."
        if is_early
        else f"The application did not come to rest within {rest.hang_timeout:g} s"
        " (hang_timeout)."
    )
    return f"{verdict}\n\n{works}{more}\n\n{_advice(rest, blocked_by)}"


def _advice(rest: RestWatch, blocked_by: int | None) -> str:
    if blocked_by is not None and not rest.jobs.inside(blocked_by):
        return _OF_A_BLOCKED_LOOP
    if any(rest.jobs.live()):
        return _OF_A_JOB
    order = order_of(rest.loop)
    if isinstance(order, VirtualTime) and order.is_moving:
        return _OF_A_LONG_WAY.format(exact(order.elapsed))
    return _OF_A_ROUND


def describe_work(rest: RestWatch, *, blocked_by: int | None = None) -> str:
    """Return a line for each task, thread job and timer of the loop."""
    running = None if blocked_by is None else asyncio.current_task(rest.loop)
    tasks = sorted(
        f"  {describe_task(task)}"
        for task in asyncio.all_tasks(rest.loop)
        if task is not running and not places.is_of_kit_alone(task)
    )
    lines = first_of_each_kind(tasks, "  ")
    jobs = list(rest.jobs.live())
    for job in jobs[:_MOST_STACKS]:
        lines += _job_lines(job)
    lines += first_of_each_kind(map(_job_line, jobs[_MOST_STACKS:]), "  ")
    if blocked_by is not None and not rest.jobs.inside(blocked_by):
        lines += ["  the loop is blocked", *stack_lines(blocked_by)]
    lines += first_of_each_kind(_timer_lines(rest), "  ")
    return shorten("\n".join(lines), _MOST) or "  nothing"


def describe_task(task: asyncio.Task[Any]) -> str:
    """Say what a task waits for, and who has started what a library wrote."""
    line = places.starting_line(task)
    started = "" if line is None else f", started at {places.in_words(line)},"
    name = say(task.get_name(), MAX_NAME)
    return f"task {name}{started} waits {places.waiting_place(task)}"


def _job_line(job: Job) -> str:
    return f"  thread job {job.name} {_DOES[job.state]}"


def _job_lines(job: Job) -> Iterator[str]:
    yield _job_line(job)
    if job.state == "running" and job.thread_id is not None:
        yield from stack_lines(job.thread_id)
    if job.state == "queued" and getattr(job.executor, "is_kept_out_of_a_block", False):
        yield from _KEPT_OUT


def stack_lines(thread_id: int | None) -> Iterator[str]:
    """Yield what a thread is doing, from the project's code on if there is."""
    frames = _stack_of(thread_id)
    summary = traceback.StackSummary.extract(
        (frame, frame.f_lineno) for frame in frames
    )
    lines = "".join(summary.format()).rstrip().splitlines()
    if len(lines) > _MOST_LINES:
        lines = [*lines[:2], "  ...", *lines[-_MOST_LINES:]]
    yield from (f"    {shorten(line)}" for line in lines)


def _stack_of(thread_id: int | None) -> list[FrameType]:
    frame = private.frames_by_thread().get(thread_id or 0)
    return [] if frame is None else places.inner_stack(frame)


def stuck_frames(rest: RestWatch, blocked_by: int | None) -> list[FrameType]:
    """Return where the project's code is that does not go on."""
    if blocked_by is not None:
        return _stack_of(blocked_by)
    for job in rest.jobs.busy():
        if job.state == "running" and job.thread_id is not None:
            stack = _stack_of(job.thread_id)
            is_projects = places.as_traceback(stack) is not None
            return stack if is_projects else list(reversed(job.awaiters))
    for task in rest.tasks.undone():
        if private.awaited_by(task) is None:
            return places.await_chain(task.get_coro())
    return []


def _timer_lines(rest: RestWatch) -> Iterator[str]:
    order = order_of(rest.loop)
    for when, _ in rest.application_timers():
        due = max(0.0, when - rest.loop.time())
        seconds = exact(due) if order.is_virtual else f"{due:.3g}"
        yield f"  a timer of the application is due in {seconds} s"
