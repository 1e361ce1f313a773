"""
The private names of asyncio and concurrent.futures that the engine stands on.

They are used nowhere else, and its tests have a canary for each; those of
asgiref are in ``private_asgiref``.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
import threading
import time
import weakref
from asyncio import events
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.thread import _threads_queues
from multiprocessing import pool
from typing import TYPE_CHECKING, Any, cast

from asgiref.current_thread_executor import CurrentThreadExecutor

from .patches import OwnAttribute

if TYPE_CHECKING:
    import contextvars
    import selectors
    from collections import deque
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future
    from types import FrameType


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


#: Where threads come from, as they were seen while they ran.
_origins: weakref.WeakKeyDictionary[threading.Thread, list[str]] = (
    weakref.WeakKeyDictionary()
)

#: Another one hides loops that only seem to run: see ``private_asgiref``.
find_running_loop = asyncio._get_running_loop


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that this thread is running, if any."""
    return find_running_loop()


def is_run_by_a_loop() -> bool:
    """Tell whether a loop has called what calls this."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not HANDLE_CODE:
        frame = frame.f_back
    return frame is not None


def ready_callbacks(loop: asyncio.AbstractEventLoop) -> deque[events.Handle]:
    """Return the callbacks that the loop will run next."""
    return cast("deque[events.Handle]", loop._ready)  # type: ignore[attr-defined]


def context_of(handle: events.Handle) -> contextvars.Context:
    """Return the context that a callback will run in."""
    return cast("contextvars.Context", handle._context)  # type: ignore[attr-defined]


#: Returns the time that waits are measured by, in seconds. Packages that move
#: or freeze time replace a function where they find it, and here do not.
clock: Callable[[], float] = functools.partial(time.perf_counter)


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
    if type(executor).__module__ == "concurrent.futures.interpreter":
        return False  # Python 3.14's pool of interpreters, which is one of threads
    kinds = (ThreadPoolExecutor, CurrentThreadExecutor)
    return executor is None or isinstance(executor, kinds)


def origins_of(thread: threading.Thread) -> list[str]:
    """Return the modules of a thread's class and of what it runs or ran."""
    if thread in _threads_queues:
        return [ThreadPoolExecutor.__module__]
    # Once it has run, Python lets go of its function, then of the thread.
    if thread not in _origins:
        target = getattr(thread, "_target", None)
        found = (target, type(getattr(target, "__self__", None)), type(thread))
        modules = (getattr(it, "__module__", "") for it in found)
        _origins[thread] = list(filter(None, modules))
    return _origins[thread]


def can_be_joined(thread: threading.Thread) -> bool:
    """Tell whether Python can wait for a thread: not if C has started it."""
    return not isinstance(thread, threading._DummyThread)


def awaited_by(task: asyncio.Task[Any]) -> asyncio.Future[Any] | None:
    """Return what a task waits for, unless it is about to go on."""
    waiter: asyncio.Future[Any] | None = task._fut_waiter  # type: ignore[attr-defined]
    return waiter


def generator_of_context(frame: FrameType) -> object:
    """Return what code of an async context manager steps, if it does."""
    return getattr(frame.f_locals.get("self"), "gen", None)


def invoke_callbacks_by(
    future: Future[Any], invoke: Callable[[Callable[[], None]], None]
) -> None:
    """Call something where a pool's future calls who waits, with that call."""
    real: Callable[[], None] = future._invoke_callbacks  # type: ignore[attr-defined]
    future._invoke_callbacks = functools.partial(invoke, real)  # type: ignore[attr-defined]


def is_of_chain(callback: object) -> bool:
    """Tell whether a callback is that of ``asyncio.wrap_future()``."""
    return getattr(callback, "__qualname__", "").startswith("_chain_future.")


def passes_cancelling_on(callback: object) -> bool:
    """Tell whether a callback does nothing but pass a cancelling on."""
    return getattr(callback, "__qualname__", "").endswith("._call_check_cancel")


def future_given_by(callback: Any) -> Future[Any]:
    """Return what ``run_coroutine_threadsafe()`` returns, by what it posts."""
    names = callback.__code__.co_freevars
    cells = dict(zip(names, callback.__closure__, strict=True))
    future: Future[Any] = cells["future"].cell_contents
    return future


def gathered_by(future: asyncio.Future[Any]) -> list[asyncio.Future[Any]]:
    """Return what ``asyncio.gather()`` has put into a future, if it has."""
    return list(getattr(future, "_children", ()))


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
    while frame is not None and frame.f_code is not HANDLE_CODE:
        frames.append(frame)
        frame = frame.f_back
    return frames


HANDLE_CODE = events.Handle._run.__code__
#: What ``run_coroutine_threadsafe()`` posts to a loop.
GIVING_CODE = next(
    it
    for it in asyncio.run_coroutine_threadsafe.__code__.co_consts
    if getattr(it, "co_name", "") == "callback"
)
#: What Python calls, of the module of warnings, with a coroutine that is lost.
UNAWAITED_HOOK = "_warn_unawaited_coroutine"
#: What ``asyncio.wait()`` waits in, for its ``fs``.
WAIT_CODE = asyncio.tasks._wait.__code__  # type: ignore[attr-defined]


#: What ``asyncio.gather()`` returns is one of them.
KINDS_OF_FUTURES = {
    asyncio.Future,
    asyncio.Task,
    asyncio.tasks._GatheringFuture,  # type: ignore[attr-defined]
}
#: What the pools of multiprocessing return, and its method that a pool calls
#: with an index, and whether a job has succeeded, with its result.
RESULTS_OF_POOLS: tuple[type, ...] = (
    pool.ApplyResult,
    pool.MapResult,
    pool.IMapIterator,
    pool.IMapUnorderedIterator,
)
SET_RESULT = "_set"


def has_error_callback(result: object) -> bool:
    """Tell whether a pool reports the failure of a job to some code."""
    return getattr(result, "_error_callback", None) is not None


def loop_of(future: asyncio.Future[Any]) -> asyncio.AbstractEventLoop | None:
    """Return the loop of a future; None for one that was not initialised."""
    loop: asyncio.AbstractEventLoop | None = future._loop
    return loop


def is_unretrieved(future: asyncio.Future[Any]) -> bool:
    """Tell whether it failed and no code has looked at its exception."""
    return bool(future._log_traceback)


def end_of(protocol: asyncio.StreamReaderProtocol) -> asyncio.Future[None]:
    """Return the future of a stream's end, which has its exception."""
    ended: asyncio.Future[None] = protocol._closed  # type: ignore[attr-defined]
    return ended


def told_elsewhere(future: asyncio.Future[Any]) -> asyncio.Future[Any]:
    """Return a future with the exception of another, which code gets."""
    future.add_done_callback(lambda it: it.cancelled() or it.exception())
    return future


def exception_of(future: asyncio.Future[Any]) -> BaseException | None:
    """Return the exception of what has ended without marking it as seen."""
    return future._exception


def thread_of(loop: asyncio.AbstractEventLoop) -> int | None:
    """Return the id of the thread that runs the loop, as far as it tells."""
    found: int | None = getattr(loop, "_thread_id", None)
    return found


class NoLoop:
    """For a block, have no running loop and no current one, as a worker."""

    __slots__ = ("_current", "_hooks", "_is_set", "_running")

    def __enter__(self) -> None:
        self._running = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        local = _policy_local()
        self._current = getattr(local, "_loop", None)
        self._is_set = getattr(local, "_set_called", False)
        local._loop, local._set_called = None, True
        self._hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, None)

    def __exit__(self, *exc_info: object) -> None:
        local = _policy_local()
        local._loop, local._set_called = self._current, self._is_set
        asyncio._set_running_loop(self._running)
        sys.set_asyncgen_hooks(*self._hooks)


def _policy_local() -> Any:
    """Return where the policy keeps what is the thread's current loop."""
    # Python 3.14 warns of the name without underscore.
    get = getattr(events, "_get_event_loop_policy", None)
    policy: Any = (get or asyncio.get_event_loop_policy)()
    return policy._local


def _current_tasks() -> dict[Any, Any]:
    tasks: Any = asyncio.tasks
    current: dict[Any, Any] = tasks._current_tasks
    return current


@contextlib.contextmanager
def loop_lifted() -> Iterator[None]:
    """Run a loop although this thread seems to run another: Playwright's."""
    loop = asyncio._get_running_loop()
    if loop is None:
        yield
        return
    task = _current_tasks().pop(loop, None)
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)
        if task is not None:
            _current_tasks()[loop] = task


def make_handle(
    loop: asyncio.AbstractEventLoop,
    callback: Callable[..., Any],
    args: tuple[Any, ...],
    context: contextvars.Context,
) -> asyncio.Handle:
    """Return a callback as a loop keeps it."""
    return events.Handle(callback, args, loop, context)


def run_round(loop: asyncio.AbstractEventLoop) -> None:
    """Let a loop go round once, from inside one of its rounds."""
    of_loop: Any = loop
    before = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        of_loop._run_once()
    finally:
        asyncio._set_running_loop(before)


def take_exits(
    loop: asyncio.AbstractEventLoop, take: Callable[[SystemExit], bool]
) -> Callable[[], None]:
    """Ask if a loop goes on after a ``SystemExit``; return what ends that."""
    run_once = loop._run_once  # type: ignore[attr-defined]

    def run() -> None:
        try:
            run_once()
        except SystemExit as error:
            if not take(error):
                raise

    taking = contextlib.ExitStack()
    taking.enter_context(OwnAttribute(loop, "_run_once", run))
    return taking.close


def is_told_to_stop(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether the loop stops after this round."""
    return bool(vars(loop)["_stopping"])


def tell_to_stop(loop: asyncio.AbstractEventLoop, *, stop: bool) -> None:
    """Let the loop stop after this round, or go on."""
    vars(loop)["_stopping"] = stop


def wake(loop: asyncio.AbstractEventLoop) -> None:
    """Make ``select()`` of a loop return, from another thread."""
    of_loop: Any = loop
    of_loop._write_to_self()


def raise_if_interrupted(future: Future[Any]) -> None:
    """Raise ``KeyboardInterrupt`` where a job has."""
    if future.done() and not future.cancelled():
        error = future.exception()
        if isinstance(error, KeyboardInterrupt):
            raise error
