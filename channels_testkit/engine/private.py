"""
The private names of asyncio and asgiref that the engine stands on.

They are used nowhere else, and tests/test_private.py has a canary for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
from asyncio import events
from collections import deque
from concurrent.futures import Executor, ThreadPoolExecutor
from concurrent.futures import thread as pool_module
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

from asgiref import sync as asgiref_sync
from asgiref.current_thread_executor import CurrentThreadExecutor
from asgiref.sync import AsyncToSync, SyncToAsync, ThreadSensitiveContext

if TYPE_CHECKING:
    import selectors
    import threading
    from collections.abc import Iterator
    from types import FrameType

_MAIN_LOOP_NAMES = ("main_event_loop", "main_event_loop_pid", "task_context")


def selector_of(loop: asyncio.AbstractEventLoop) -> selectors.BaseSelector:
    """Return the selector of one of asyncio's own loops."""
    selector = getattr(loop, "_selector", None)
    if not isinstance(loop, asyncio.BaseEventLoop) or selector is None:
        kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
        raise RuntimeError(
            f"channels_testkit cannot watch a {kind}: it sees that the application"
            " is at rest by watching the selector of asyncio's own loops. Run the"
            " tests on one of these, for instance with"
            " asyncio.set_event_loop_policy(None) before they start."
        )
    return cast("selectors.BaseSelector", selector)


def ready_callbacks(loop: asyncio.AbstractEventLoop) -> deque[events.Handle]:
    """Return the callbacks that the loop will run next."""
    return cast("deque[events.Handle]", loop._ready)  # type: ignore[attr-defined]


def scheduled_timers(
    loop: asyncio.AbstractEventLoop,
) -> Iterator[tuple[events.TimerHandle, contextvars.Context]]:
    """Yield the timers that are still to come, with their contexts."""
    for handle in list(loop._scheduled):  # type: ignore[attr-defined]
        if not handle.cancelled():
            yield handle, handle._context


def timer_callback(handle: events.Handle) -> object:
    """Return what a timer will call."""
    return handle._callback  # type: ignore[attr-defined]


def waits_only_for_itself(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether the loop has no socket or pipe but the one that wakes it."""
    registered = selector_of(loop).get_map()
    return registered is None or len(registered) <= 1


def has_unfinished_work(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether tasks or asynchronous generators would be lost with the loop."""
    generators = loop._asyncgens  # type: ignore[attr-defined]
    return bool(generators) or bool(asyncio.all_tasks(loop))


def worker_limit(loop: asyncio.AbstractEventLoop, executor: Executor | None) -> int:
    """Return how many jobs the executor can run at a time."""
    if executor is None:
        executor = loop._default_executor  # type: ignore[attr-defined]
    return int(getattr(executor, "_max_workers", 1))


def runs_in_this_process(executor: Executor | None) -> bool:
    """Tell whether the executor runs its jobs in threads that can be seen."""
    kinds = (ThreadPoolExecutor, CurrentThreadExecutor)
    return executor is None or isinstance(executor, kinds)


def is_idle_worker(thread: threading.Thread, frame: FrameType | None) -> bool:
    """Tell whether the thread is a pool's worker that has nothing to do."""
    is_worker = thread in pool_module._threads_queues
    return is_worker and frame is not None and frame.f_code is _WORKER_CODE


def frames_by_thread() -> dict[int, FrameType]:
    """Return what each thread is doing now."""
    return sys._current_frames()


_WORKER_CODE = pool_module._worker.__code__


def is_unretrieved(task: asyncio.Task[Any]) -> bool:
    """Tell whether the task failed and nobody has looked at its exception."""
    return bool(task._log_traceback)  # type: ignore[attr-defined]


def exception_of(task: asyncio.Task[Any]) -> BaseException | None:
    """Return a finished task's exception without marking it as seen."""
    return cast("BaseException | None", task._exception)  # type: ignore[attr-defined]


def restore_context(context: contextvars.Context) -> None:
    """
    Copy a context's values into the current one.

    asgiref's own function also moves its ``Local`` data to this thread.
    """
    asgiref_sync._restore_context(context)


def lend_thread(
    loop: asyncio.AbstractEventLoop, executor: CurrentThreadExecutor | None
) -> None:
    """Make the loop's thread-sensitive work run on the executor."""
    if executor is None:
        AsyncToSync.loop_thread_executors.pop(loop, None)
    else:
        AsyncToSync.loop_thread_executors[loop] = executor


def lent_thread(loop: asyncio.AbstractEventLoop) -> CurrentThreadExecutor | None:
    """Return the executor that the loop's thread-sensitive work runs on."""
    return AsyncToSync.loop_thread_executors.get(loop)


@contextlib.contextmanager
def lent_threads_preferred() -> Iterator[None]:
    """
    Keep ``ThreadSensitiveContext`` from leaving a lent thread.

    Django's ``ASGIHandler`` enters one for each request, which would send its
    ORM work to another thread and connection.
    """
    real_enter = ThreadSensitiveContext.__aenter__

    async def enter(context: ThreadSensitiveContext) -> ThreadSensitiveContext:
        has_own_executor = getattr(context, "_executor", None) is not None
        if has_own_executor or not lent_thread(asyncio.get_running_loop()):
            return await real_enter(context)  # type: ignore[no-any-return]
        return context

    with mock.patch.object(ThreadSensitiveContext, "__aenter__", enter):
        yield


def forget_main_loop() -> None:
    """
    Make this thread's next ``async_to_sync()`` use a loop of its own.

    asgiref remembers the loop of the last job that this thread ran. It is
    paused by now, and would be waited for without end.
    """
    for name in _MAIN_LOOP_NAMES:
        vars(SyncToAsync.threadlocal).pop(name, None)


def job_function(func: object) -> object:
    """Return the function that a thread job is about, inside asgiref's wraps."""
    while hasattr(func, "func"):
        args = getattr(func, "args", ())
        is_handler = getattr(func.func, "__name__", "") == "thread_handler"
        func = args[-1] if is_handler and args else func.func
    return func


class TestThreadExecutor(CurrentThreadExecutor):
    """
    Runs jobs in the thread that made it, while that thread calls ``pump()``.

    asgiref's class serves one call; this one serves a whole test. It must be
    a subclass because asgiref walks from a finished call's executor to this.
    """

    __test__ = False

    def __init__(self) -> None:
        super().__init__(None)
        self._paused = True

    def pump(self) -> None:
        """Run jobs as they come until ``pause()`` is called."""
        while True:
            with self._work_ready:
                while not self._work_items and not self._paused:
                    self._work_ready.wait()
                if self._paused:
                    return
                work_item = self._work_items.popleft()
            work_item.run()
            del work_item

    def resume(self) -> None:
        """Let the next ``pump()`` run until it is paused."""
        self._paused = False

    def wait_for_pause(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds, without running jobs."""
        with self._work_ready:
            return self._work_ready.wait_for(lambda: self._paused, timeout)

    def pause(self) -> None:
        """Make ``pump()`` return. Callable from any thread."""
        with self._work_ready:
            self._paused = True
            self._work_ready.notify_all()
