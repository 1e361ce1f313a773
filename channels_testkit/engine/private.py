"""
The private names of asyncio and asgiref that the engine stands on.

They are used nowhere else; tests/engine/test_private.py has canaries for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import sys
import threading
import time
from asyncio import events
from concurrent.futures import (
    Executor,
    Future,
    ThreadPoolExecutor,
    thread as pool_module,
)
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from asgiref import local as asgiref_local, sync as asgiref_sync
from asgiref.current_thread_executor import CurrentThreadExecutor
from asgiref.sync import AsyncToSync, SyncToAsync, ThreadSensitiveContext
from django.utils import asyncio as django_asyncio

from .patches import Patch

if TYPE_CHECKING:
    import selectors
    from collections import deque
    from collections.abc import Callable, Iterator
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


#: Another function while ``parked_loops_hidden()``.
find_running_loop = asyncio._get_running_loop


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that this thread is running, if any."""
    return find_running_loop()


@contextlib.contextmanager
def parked_loops_hidden() -> Iterator[None]:
    """
    Let this thread go on while a loop of its own is parked in a greenlet.

    Playwright's sync calls leave theirs marked as running when they return to
    the test. Django would refuse its queries, and asgiref ``async_to_sync()``.
    Playwright itself goes on to see it.
    """
    real, thread = find_running_loop, threading.get_ident()

    def find() -> asyncio.AbstractEventLoop | None:
        loop = real()
        if loop is None or threading.get_ident() != thread:
            return loop
        return loop if _is_run_by_a_loop(sys._getframe()) else None

    def get_running_loop() -> asyncio.AbstractEventLoop:
        if (loop := find()) is None:
            raise RuntimeError("no running event loop")
        return loop

    names = {**vars(asyncio), "get_running_loop": get_running_loop}
    as_asgiref_sees_it = SimpleNamespace(**names)
    with (
        Patch(sys.modules[__name__], "find_running_loop", find),
        Patch(django_asyncio, "get_running_loop", get_running_loop),
        Patch(asgiref_sync, "asyncio", as_asgiref_sees_it),
        Patch(asgiref_local, "asyncio", as_asgiref_sees_it),
    ):
        yield


def _is_run_by_a_loop(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code is not _HANDLE_CODE:
        frame = frame.f_back
    return frame is not None


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


def has_due_timer(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a timer is due; a cancelled one may be taken for one."""
    timers = loop._scheduled  # type: ignore[attr-defined]
    return bool(timers) and bool(timers[0].when() <= loop.time())


def timer_callback(handle: events.Handle) -> object:
    """Return what a timer will call."""
    return handle._callback  # type: ignore[attr-defined]


def waits_only_for_itself(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether the loop has no socket or pipe but its own, to be woken."""
    return len(selector_of(loop).get_map()) <= 1


def clock(now: Callable[[], float] = time.perf_counter) -> float:
    """
    Return the time that waits are measured by, in seconds.

    Packages that move or freeze time do not move this function, held here.
    """
    return now()


def is_wake_up(loop: asyncio.AbstractEventLoop, key: selectors.SelectorKey) -> bool:
    """Tell whether the event is that of the loop's own pipe, to be woken."""
    return bool(key.fd == loop._ssock.fileno())  # type: ignore[attr-defined]


def has_unfinished_work(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether tasks or generators would be lost with the loop."""
    generators = loop._asyncgens  # type: ignore[attr-defined]
    return bool(generators) or bool(asyncio.all_tasks(loop))


def forget_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Let tasks that could not be cancelled go without a word."""
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]


def worker_limit(loop: asyncio.AbstractEventLoop, executor: Executor | None) -> int:
    """Return how many jobs the executor can run at a time."""
    if executor is None:
        executor = loop._default_executor  # type: ignore[attr-defined]
    return int(getattr(executor, "_max_workers", 1))


def runs_in_this_process(executor: Executor | None) -> bool:
    """Tell whether the executor runs its jobs in threads that can be seen."""
    kinds = (ThreadPoolExecutor, CurrentThreadExecutor)
    return executor is None or isinstance(executor, kinds)


def executor_in_use(executor: Executor | None) -> Executor | None:
    """
    Return the executor that runs what is submitted to this one.

    That of an ``async_to_sync()`` call that has ended hands over to the one of
    the call around it.
    """
    while getattr(executor, "_broken", False):
        around = getattr(executor, "_old_executor", None)
        if around is None:
            break
        executor = around
    return executor


def is_awaited_by_its_thread(posted: object) -> bool:
    """
    Tell whether this is the task that ``async_to_sync()`` waits for.

    It posts ``loop.create_task``, as code may do that does not wait.
    """
    if not isinstance(posted, asyncio.Task):
        return False
    return getattr(posted.get_coro(), "cr_code", None) is _MAIN_WRAP_CODE


_MAIN_WRAP_CODE = AsyncToSync.main_wrap.__code__


def threads_with_work() -> list[threading.Thread]:
    """Return the threads of the process, but for pools' idle workers."""
    frames = frames_by_thread()
    return [
        thread
        for thread in threading.enumerate()
        if not is_idle_worker(thread, frames.get(thread.ident or 0))
    ]


def is_idle_worker(thread: threading.Thread, frame: FrameType | None) -> bool:
    """
    Tell whether the thread is a pool's worker that runs nobody's function.

    It is also idle while it hands over the result of the last one, which may
    take longer than the loop takes to come to rest.
    """
    if thread not in pool_module._threads_queues:
        return False
    caller = None
    while frame is not None and frame.f_code is not _WORKER_CODE:
        if frame.f_code is _WORK_ITEM_CODE:
            return caller is not None and caller.f_code in _RESULT_CODES
        caller, frame = frame, frame.f_back
    return True


def frames_by_thread() -> dict[int, FrameType]:
    """Return what each thread is doing now."""
    return sys._current_frames()


def callers_in_task() -> list[FrameType]:
    """
    Return the frames of the running task, from the inside.

    They are taken now: a coroutine that is suspended does not know its caller.
    """
    frames = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code is not _HANDLE_CODE:
        frames.append(frame)
        frame = frame.f_back
    return frames


_HANDLE_CODE = events.Handle._run.__code__
_WORKER_CODE = pool_module._worker.__code__
_WORK_ITEM_CODE = pool_module._WorkItem.run.__code__
_RESULT_CODES = {
    Future.set_result.__code__,
    Future.set_exception.__code__,
    Future.set_running_or_notify_cancel.__code__,
}


def is_unretrieved(task: asyncio.Task[Any]) -> bool:
    """Tell whether the task failed and nobody has looked at its exception."""
    return bool(task._log_traceback)


def exception_of(task: asyncio.Task[Any]) -> BaseException | None:
    """Return a finished task's exception without marking it as seen."""
    return task._exception


def restore_context(context: contextvars.Context) -> None:
    """
    Copy a context's values into the current one.

    asgiref's own function also moves its ``Local`` data to this thread.
    """
    asgiref_sync._restore_context(context)


def lend_thread(loop: asyncio.AbstractEventLoop, executor: Executor | None) -> None:
    """Make the loop's thread-sensitive work run on the executor."""
    executors = cast("dict[Any, Executor]", AsyncToSync.loop_thread_executors)
    if executor is None:
        executors.pop(loop, None)
    else:
        executors[loop] = executor


def lent_thread(loop: asyncio.AbstractEventLoop) -> Executor | None:
    """Return the executor that the loop's thread-sensitive work runs on."""
    return AsyncToSync.loop_thread_executors.get(loop)


def thread_of(loop: asyncio.AbstractEventLoop) -> int | None:
    """Return the id of the thread that runs the loop, if one does."""
    found: int | None = loop._thread_id  # type: ignore[attr-defined]
    return found


@contextlib.contextmanager
def lent_threads_preferred() -> Iterator[None]:
    """
    Keep ``ThreadSensitiveContext`` from leaving a test's thread.

    Django's ``ASGIHandler`` enters one for each request, which would send its
    ORM work to another thread and connection.
    """
    real_enter = ThreadSensitiveContext.__aenter__

    async def enter(context: ThreadSensitiveContext) -> ThreadSensitiveContext:
        has_own_executor = getattr(context, "_executor", None) is not None
        lent = lent_thread(asyncio.get_running_loop())
        if has_own_executor or not isinstance(lent, TestThreadExecutor):
            return await real_enter(context)  # type: ignore[no-any-return, no-untyped-call]
        return context

    with Patch(ThreadSensitiveContext, "__aenter__", enter):
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
    """Return the function that a thread job is about, inside its wraps."""
    while isinstance(func, (functools.partial, AsyncToSync)):
        if isinstance(func, AsyncToSync):
            func = func.awaitable
            continue
        name = getattr(func.func, "__name__", "")
        if name == "thread_handler":  # of sync_to_async()
            func = func.args[-1]
        elif isinstance(getattr(func.func, "__self__", None), contextvars.Context):
            func = func.args[0]  # of asyncio.to_thread()
        else:
            func = func.func
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
        #: Called when a job has left the thread.
        self.on_free: Callable[[], object] | None = None

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
            if (on_free := self.on_free) is not None:
                on_free()

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
