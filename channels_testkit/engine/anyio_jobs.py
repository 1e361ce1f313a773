"""
What anyio does beside the loop: jobs in threads, and how it cancels.

anyio need not be installed. Unless it is imported, there is nothing to see.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from . import private, private_timers
from .jobs import APPLICATION
from .places import await_chain

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

_BACKEND = "anyio._backends._asyncio"
_SECONDS_TO_END = 0.1
_RUNS_A_JOB = "run_sync_in_worker_thread"


def is_idle(thread: threading.Thread) -> bool:
    """Tell whether the thread is a worker of anyio's without a job."""
    worker: Any = thread
    if getattr(worker, "stopping", False):
        if _has_a_job(worker):
            # It may have done it, and not said so yet.
            worker.join(_SECONDS_TO_END)
        return not (worker.is_alive() and _has_a_job(worker))
    return thread in getattr(thread, "idle_workers", ())


def _has_a_job(worker: Any) -> bool:
    # That it is to stop is in its queue too.
    return bool(worker.queue.unfinished_tasks > 1)


def are_under_way(tasks: Callable[[], Iterable[asyncio.Task[Any]]]) -> bool:
    """Tell whether one of the tasks waits for a job in a thread of anyio's."""
    if _BACKEND not in sys.modules:
        return False
    threads = [it for it in threading.enumerate() if hasattr(it, "idle_workers")]
    return not all(map(is_idle, threads)) and any(map(_waits_for_one, tasks()))


def is_cancellation(handle: asyncio.Handle) -> bool:
    """
    Tell whether a callback of the test's own cancels what is in a scope.

    It comes again in each round until that has gone on.
    """
    if private.context_of(handle).get(APPLICATION, False):
        return False
    scope = getattr(private_timers.callback_of(handle), "__self__", None)
    kind = type(scope)
    return kind.__module__ == _BACKEND and kind.__name__ == "CancelScope"


def _waits_for_one(task: asyncio.Task[Any]) -> bool:
    frames = await_chain(task.get_coro())
    return any(
        frame.f_code.co_name == _RUNS_A_JOB and frame.f_globals["__name__"] == _BACKEND
        for frame in frames
    )
