"""
Jobs that code gives to a pool by itself, with ``submit()``.

The loop does not see these: what it gives to a thread goes through its own
``run_in_executor()``. A job of the application is work of its loop, wherever
it was given from; one of the test's own is outside of it.
"""

from __future__ import annotations

import functools
import threading
import weakref
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, cast

from asgiref.current_thread_executor import CurrentThreadExecutor

from . import private
from .jobs import APPLICATION, Job, current_job
from .origin_notes import A_JOB, A_TASK, Origin
from .pool_future import PoolFuture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from .jobs import Watch

#: Where a loop has its watch.
WATCH = "_channels_testkit_watch"

#: Those that code of an application has started.
threads_of_application: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
_seen_kinds: list[type[Executor]] = []


class _KnownToItsLoop(threading.local):
    """A block in which jobs are given to pools that are known already."""

    depth = 0

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(self, *exc_info: object) -> None:
        self.depth -= 1


known_to_its_loop = _KnownToItsLoop()


def see_submissions() -> None:
    """
    See what is given to pools, from now on and for good.

    Kinds of pools that were defined since the last call are seen as well; one
    that is derived from another calls that one's.
    """
    kinds = Executor.__subclasses__()
    if kinds == _seen_kinds:
        return
    _seen_kinds[:] = kinds
    for kind in _kinds_of_pools(Executor):
        submit = vars(kind)["submit"]
        if not hasattr(submit, "sees_jobs"):
            kind.submit = _seeing(submit)  # type: ignore[method-assign]


def _kinds_of_pools(kind: type[Executor]) -> Iterator[type[Executor]]:
    for below in kind.__subclasses__():
        # asgiref's runs its jobs in a thread that waits for them.
        if not issubclass(below, CurrentThreadExecutor):
            if "submit" in vars(below):
                yield below
            yield from _kinds_of_pools(below)


def _seeing(submit: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
    @functools.wraps(submit)
    def submit_seen(
        pool: Executor, function: Callable[..., Any], /, *args: Any, **options: Any
    ) -> Future[Any]:
        if known_to_its_loop.depth:
            return submit(pool, function, *args, **options)
        watch = watch_of_code()
        job = watch.take_in(pool, function) if watch else Job(pool, function)
        with job, known_to_its_loop:
            future = submit(pool, job.run, *args, **options)
            # In this order: a loop that is told sees that the job has ended.
            tell = functools.partial(_told, watch)
            job.future = followed = PoolFuture(future, tell, Origin.here(A_JOB))
            followed.follow()
        return future

    submit_seen.sees_jobs = True  # type: ignore[attr-defined]
    return submit_seen


def watch_of_code() -> Watch | None:
    """Return the watch of the loop whose work this is, if it is of one."""
    job = current_job()
    if job is not None:
        return job.watch
    loop = private.running_loop() if APPLICATION.get() else None
    return cast("Watch | None", getattr(loop, WATCH, None))


def is_of_application() -> bool:
    """Tell whether this is code of an application, its jobs or threads."""
    if watch_of_code() is not None:
        return True
    return threading.current_thread() in threads_of_application


def follow_posted(watch: Watch, future: Future[Any]) -> None:
    """Follow the future of a coroutine that a thread gives to a loop."""
    failures = watch.failures if is_of_application() else watch.own_failures
    PoolFuture(future, failures.add_late, Origin.here(A_TASK)).follow()


def _told(watch: Watch | None, future: PoolFuture) -> None:
    """Let a loop see that a job has ended of which it may not be told."""
    if watch is None:
        return
    if future.unseen_error() is not None:
        watch.failures.add(future)
    private.wake(watch.loop)
