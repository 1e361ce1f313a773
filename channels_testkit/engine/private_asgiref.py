"""
The private names of asgiref that the engine stands on.

They are used nowhere else, and its tests have a canary for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Protocol, cast

from asgiref import local as asgiref_local, sync as asgiref_sync
from asgiref.current_thread_executor import CurrentThreadExecutor
from asgiref.sync import AsyncToSync, SyncToAsync, ThreadSensitiveContext

from .patches import Patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future

_MAIN_WRAP_CODE = AsyncToSync.main_wrap.__code__


def is_awaited_by_its_thread(posted: object) -> bool:
    """
    Tell whether this is the task that ``async_to_sync()`` waits for.

    It posts ``loop.create_task``, as code may do that does not wait.
    """
    if not isinstance(posted, asyncio.Task):
        return False
    return getattr(posted.get_coro(), "cr_code", None) is _MAIN_WRAP_CODE


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


@contextlib.contextmanager
def lanes_of_contexts() -> Iterator[None]:
    """
    Give each ``ThreadSensitiveContext`` a lane of the test's own thread.

    Django's ``ASGIHandler`` enters one for each request, whose ORM work then
    has a thread and a connection of its own on a server.
    """
    real_enter = ThreadSensitiveContext.__aenter__
    real_exit = ThreadSensitiveContext.__aexit__
    lanes: dict[ThreadSensitiveContext, Callable[[], None]] = {}

    async def enter(context: ThreadSensitiveContext) -> ThreadSensitiveContext:
        has_own_executor = getattr(context, "_executor", None) is not None
        lent = lent_thread(asyncio.get_running_loop())
        if has_own_executor or not isinstance(lent, OwnThreadExecutor):
            return await real_enter(context)  # type: ignore[no-any-return, no-untyped-call]
        if SyncToAsync.thread_sensitive_context.get(None) is None:
            lane = lent.lane()
            token = SyncToAsync.thread_sensitive_context.set(context)
            cast("Any", SyncToAsync.context_to_thread_executor)[context] = lane

            def leave() -> None:
                SyncToAsync.thread_sensitive_context.reset(token)
                SyncToAsync.context_to_thread_executor.pop(context, None)

            lanes[context] = leave
        return context

    async def leave_context(context: ThreadSensitiveContext, *exc_info: Any) -> None:
        leave = lanes.pop(context, None)
        if leave is None:
            await real_exit(context, *exc_info)  # type: ignore[no-untyped-call]
        else:
            leave()

    with (
        Patch(ThreadSensitiveContext, "__aenter__", enter),
        Patch(ThreadSensitiveContext, "__aexit__", leave_context),
    ):
        yield


def executors_of_contexts() -> list[object]:
    """Return the executors of each ``ThreadSensitiveContext``."""
    return list(SyncToAsync.context_to_thread_executor.values())


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


class OwnThreadExecutor(CurrentThreadExecutor):
    """
    Queues jobs of one lane for the thread that made it.

    Jobs of one lane run one after another, as in a thread of a server. It must
    be a subclass because asgiref walks from a finished call's executor to it.
    """

    def __init__(
        self, lanes: list[OwnThreadExecutor], held_up: Callable[[], bool]
    ) -> None:
        super().__init__(None)
        # Every thread may give it a job; this one has the loop of the jobs.
        self._work_thread = None  # type: ignore[assignment]
        self._lanes = lanes
        self._held_up = held_up
        self._taken: Any = None
        lanes.append(self)

    def lane(self) -> OwnThreadExecutor:
        """Return another lane of the same thread."""
        return OwnThreadExecutor(self._lanes, self._held_up)

    @property
    def is_taken(self) -> bool:
        """Whether a job of the lane has begun, and its thread is not back."""
        return self._taken is not None

    @property
    def is_held_up(self) -> bool:
        """
        Whether no job of the lane can start by itself.

        One that was taken and has not begun is about to; the thread of one
        that has returned is about to be back.
        """
        is_behind = self.is_taken and _is_under_way(self._taken)
        return is_behind or self.is_kept_out_of_a_block

    @property
    def is_kept_out_of_a_block(self) -> bool:
        """Whether its jobs would get into the atomic block of another."""
        return self._held_up()

    @property
    def has_work(self) -> bool:
        """Whether a job is queued."""
        return bool(self._work_items)

    @property
    def first(self) -> Any:
        """The next job."""
        return self._work_items[0]

    def take(self) -> Any:
        """Take the next job; no other can start until ``let_go()``."""
        self._taken = self._work_items.popleft()
        return self._taken

    def let_go(self) -> None:
        """Let the next job start."""
        self._taken = None


def is_background(item: Any) -> bool:
    """Tell whether a job that was taken is one that is meant to wait."""
    return bool(getattr(getattr(item.fn, "job", None), "is_background", False))


def _is_under_way(item: Any) -> bool:
    job = getattr(item.fn, "job", None)
    return bool(item.future.running() if job is None else job.is_under_way)


def has_work(executor: Any) -> bool:
    """Tell whether a call of ``async_to_sync()`` was given a job."""
    return bool(executor._work_items)


def take_work(executor: Any) -> Any:
    """Take the next job of a call of ``async_to_sync()``."""
    return executor._work_items.popleft()


def is_broken(executor: Any) -> bool:
    """Tell whether a call of ``async_to_sync()`` has its result."""
    return bool(executor._broken)


def break_when_done(executor: Any, future: Future[Any]) -> None:
    """End a call of ``async_to_sync()`` with its result, as asgiref does."""

    def done(_: Future[Any]) -> None:
        with executor._work_ready:
            executor._broken = True

    future.add_done_callback(done)


class WaitsInItself(Protocol):
    """A thread that runs its loop on where something in it waits for that."""

    @property
    def waits_in_itself(self) -> bool:
        """Whether ``async_to_sync()`` here waits for the thread's loop."""

    def run_until(self, executor: Any, future: Future[Any]) -> None:
        """Run the loop on until a future is done."""


#: By thread; the innermost is the last one.
_own_threads: dict[int, list[WaitsInItself]] = {}
_patches = contextlib.ExitStack()


def patch_waits(own: WaitsInItself) -> None:
    """
    Let ``async_to_sync()`` work where loop and job share this thread.

    asgiref waits for another thread to run the loop, and refuses a job that
    comes from the thread that is to run it.
    """
    if not _own_threads:
        _patches.enter_context(
            Patch(CurrentThreadExecutor, "run_until_future", _run_until_future)
        )
        _patches.enter_context(Patch(CurrentThreadExecutor, "submit", _submit))
    _own_threads.setdefault(threading.get_ident(), []).append(own)


def forget_waits(own: WaitsInItself) -> None:
    """Undo ``patch_waits()``, from whatever thread."""
    for thread_id, owners in list(_own_threads.items()):
        if own in owners:
            owners.remove(own)
        if not owners:
            del _own_threads[thread_id]
    if not _own_threads:
        _patches.close()


_real_run_until_future = CurrentThreadExecutor.run_until_future
_real_submit = CurrentThreadExecutor.submit


def _run_until_future(executor: Any, future: Future[Any]) -> None:
    for own in reversed(_own_threads.get(threading.get_ident(), ())):
        if own.waits_in_itself:
            own.run_until(executor, future)
            return
    _real_run_until_future(executor, future)


def _submit(executor: Any, fn: Any, /, *args: Any, **options: Any) -> Future[Any]:
    is_own = threading.get_ident() in _own_threads
    if not is_own or executor._work_thread is not threading.current_thread():
        return _real_submit(executor, fn, *args, **options)
    thread, executor._work_thread = executor._work_thread, None
    try:
        return _real_submit(executor, fn, *args, **options)
    finally:
        executor._work_thread = thread


@contextlib.contextmanager
def loop_adopted(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Let ``async_to_sync()`` of this thread run things on a loop."""
    with JobStateKept():
        state = vars(SyncToAsync.threadlocal)
        state.update(main_event_loop=loop, main_event_loop_pid=os.getpid())
        yield


class JobStateKept:
    """
    Puts back what asgiref remembers of this thread when a job has ended.

    It would otherwise wait for a loop that no longer runs.
    """

    __slots__ = ("_before", "_state")

    def __enter__(self) -> None:
        self._state = vars(SyncToAsync.threadlocal)
        self._before = dict(self._state)

    def __exit__(self, *exc_info: object) -> None:
        self._state.clear()
        self._state.update(self._before)


@contextlib.contextmanager
def standing_for(own_thread: int) -> Iterator[None]:
    """Let asgiref's Local take this thread for another one."""
    thread_id = threading.get_ident()
    _stands_for[thread_id] = own_thread
    try:
        yield
    finally:
        del _stands_for[thread_id]


@contextlib.contextmanager
def waits_of(own: WaitsInItself) -> Iterator[None]:
    """Let ``async_to_sync()`` of this thread wait by what is given."""
    thread_id = threading.get_ident()
    _own_threads[thread_id] = [own]
    try:
        yield
    finally:
        del _own_threads[thread_id]


@contextlib.contextmanager
def owning(loop: asyncio.AbstractEventLoop, own_thread: int) -> Iterator[None]:
    """Let this thread run a loop that is another's, as that would."""
    own: Any = loop
    thread_id = threading.get_ident()
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(
        firstiter=own._asyncgen_firstiter_hook,
        finalizer=own._asyncgen_finalizer_hook,
    )
    before, own._thread_id = own._thread_id, thread_id
    _stands_for[thread_id] = own_thread
    try:
        yield
    finally:
        del _stands_for[thread_id]
        own._thread_id = before
        sys.set_asyncgen_hooks(*hooks)


#: Threads that asgiref's Local takes for others, by identity.
_stands_for: dict[int, int] = {}


class _Threading:
    """The module as asgiref's Local sees it, which tags data by thread."""

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)

    def get_ident(self) -> int:
        """Return the identity of this thread, or of the one it stands for."""
        thread_id = threading.get_ident()
        return _stands_for.get(thread_id, thread_id)


if hasattr(asgiref_local, "_Storage"):
    # Since asgiref 3.12; before, data follow the context alone.
    vars(asgiref_local)["threading"] = _Threading()


def is_of_async_to_sync(posted: tuple[object, ...]) -> bool:
    """Tell whether ``async_to_sync()`` has posted what has these arguments."""
    return bool(posted) and getattr(posted[0], "cr_code", None) is _MAIN_WRAP_CODE
