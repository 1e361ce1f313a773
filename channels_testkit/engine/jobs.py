"""
Thread jobs, and the states they go through.

A job is queued, running, posting (it asked the loop for something that the
loop has not begun), parked (it waits in ``async_to_sync()`` for a task of the
loop, whose own state decides) or finished. All is seen from the outside, from
``run_in_executor()`` and ``call_soon_threadsafe()``.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from . import private, private_asgiref
from .origins import OWNER, CallersKept

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor
    from types import FrameType

    from .failures import Failures
    from .origins import Owner

#: Set in the context of everything the application under test does.
APPLICATION: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "channels_testkit.application", default=False
)
#: The jobs whose threads have asked the loop for this, the innermost first. A
#: thread without a job has none; what no thread has asked for has None.
_asked_by: contextvars.ContextVar[tuple[Job, ...] | None] = contextvars.ContextVar(
    "channels_testkit.asked_by", default=None
)
#: Jobs of no loop, until they have ended.
_loose: set[Job] = set()
_running = threading.local()
#: Called with each job that a thread begins, and again when it has ended.
followers: list[Callable[[Job, bool], object]] = []


def current_job() -> Job | None:
    """Return the job that this thread is running, if any."""
    stack = getattr(_running, "stack", None)
    return stack[-1] if stack else None


def current_owner() -> Owner | None:
    """Return the run of an application that this code belongs to."""
    job = current_job()
    return OWNER.get() if job is None else job.owner


@contextlib.contextmanager
def no_job() -> Iterator[None]:
    """Run code in this thread that is not that of the job it is running."""
    stack = _running.__dict__.setdefault("stack", [])
    stack.append(None)
    try:
        yield
    finally:
        stack.pop()


def loose_jobs() -> set[Job]:
    """Return the jobs that are work of no loop."""
    _loose.difference_update([job for job in tuple(_loose) if job.is_finished])
    return set(_loose)


def callers() -> tuple[Job, ...] | None:
    """
    Return the jobs that may wait for this code, if a thread has asked for it.

    These are the job of that thread, the one that has started it, and so on.
    """
    job = current_job()
    return _asked_by.get() if job is None else (job, *job.callers)


def asked(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Return a callback that knows which thread has posted it to the loop."""
    by = callers() or ()

    def run(*args: Any) -> Any:
        _asked_by.set(by)
        return callback(*args)

    return run


class Watch(Protocol):
    """The watch of a loop, as jobs know it."""

    #: Jobs that failed, and that no code has checked.
    failures: Failures
    #: The same of the test's own.
    own_failures: Failures
    loop: asyncio.AbstractEventLoop

    @property
    def jobs(self) -> set[Job]:
        """The thread jobs that are work of the loop."""

    def take_in(self, executor: Executor | None, func: Callable[..., Any]) -> Job:
        """Return the job of a function that is about to be given to a pool."""


class HasEnd(Protocol):
    """What a job comes to: asyncio's future, or what is like one."""

    def done(self) -> bool:
        """Tell whether it has ended, and all were told."""

    def cancelled(self) -> bool:
        """Tell whether it was cancelled."""


class JobKey(NamedTuple):
    """What a declared background job is compared with."""

    function: object

    @property
    def name(self) -> str:
        """The dotted name of the function."""
        function = getattr(self.function, "__func__", self.function)
        module = getattr(function, "__module__", "")
        name = getattr(function, "__qualname__", repr(function))
        return f"{module}.{name}" if module else name

    def matches(self, declared: object) -> bool:
        """Tell whether a declared name or function means this one."""
        function = getattr(self.function, "__func__", self.function)
        return declared in (self.name, self.function, function)


class Job:
    """
    One function that was given to a thread or a process.

    ``watch`` is that of the loop whose work it is, if it is that of one.
    """

    __slots__ = (
        "__weakref__",
        "_awaited",
        "_executor",
        "_function",
        "_posted",
        "_ran",
        "awaiters",
        "callers",
        "future",
        "has_returned",
        "has_started",
        "is_background",
        "is_foreign",
        "is_of_test",
        "owner",
        "thread_id",
        "watch",
    )

    def __init__(
        self,
        executor: Executor | None,
        function: Callable[..., Any],
        *,
        is_background: bool = False,
        watch: Watch | None = None,
    ) -> None:
        self._function = function
        self._executor = executor
        # Each counter is written by one thread only.
        self._posted = 0
        self._ran = 0
        # One is enough: a thread that waits for a task starts no other. What
        # it runs meanwhile is a job of its own.
        self._awaited: asyncio.Task[Any] | None = None
        self.future: HasEnd | None = None
        self.has_started = False
        self.has_returned = False
        self.is_background = is_background
        #: Whether it is run in another process.
        self.is_foreign = not private.runs_in_this_process(executor)
        #: The code that gave the job to its thread, from the inside.
        self.awaiters: Sequence[FrameType] = ()
        #: The jobs that have started it, the innermost first.
        self.callers = callers() or ()
        #: Whether it is work of the test's own code.
        self.is_of_test: bool = not APPLICATION.get() and all(
            job.is_of_test for job in self.callers
        )
        #: The run of an application whose work it is.
        self.owner = current_owner()
        self.thread_id: int | None = None
        self.watch = watch

    def __enter__(self) -> None:
        """Begin to give it to its thread, where it may end at once."""
        self._all().add(self)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Forget it if it could not be given."""
        if kind is not None:
            self._all().discard(self)

    def _all(self) -> set[Job]:
        return _loose if self.watch is None else self.watch.jobs

    @property
    def function(self) -> object:
        """The function, inside asgiref's wraps."""
        return private_asgiref.job_function(self._function)

    @property
    def name(self) -> str:
        """The dotted name of the function."""
        return JobKey(self.function).name

    @property
    def executor(self) -> Executor | None:
        """The executor that runs the job, which may not be the one asked."""
        return private_asgiref.executor_in_use(self._executor)

    @property
    def is_finished(self) -> bool:
        """Whether the loop has its result and the thread is done with it."""
        if self.future is None or not self.future.done():
            return False
        return self.has_returned or not self.has_started

    @property
    def is_parked(self) -> bool:
        """Whether the thread waits for a task of the loop."""
        task = self._awaited
        return self._posted == self._ran and task is not None and not task.done()

    @property
    def holds_worker(self) -> bool:
        """Whether the job keeps a thread without keeping it busy."""
        return self.is_parked or (self.is_background and self.is_under_way)

    @property
    def is_under_way(self) -> bool:
        """Whether a thread has begun it and not returned."""
        return self.has_started and not self.has_returned

    def is_inside(self, thread_id: int) -> bool:
        """Tell whether that thread has begun the job and not returned."""
        return self.thread_id == thread_id and self.is_under_way

    def unpark(self) -> None:
        """Cancel the task that the thread waits for."""
        if self._awaited is not None:
            self._awaited.cancel()

    @property
    def state(self) -> str:
        """One word for what the job does."""
        if not self.has_started:
            return "queued"
        return "parked" if self.is_parked else "running"

    @property
    def run(self) -> Callable[..., Any]:
        """The function, telling when it starts and returns."""
        return self._function if self.is_foreign else self._wrapped(self._function)

    def _wrapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            self.thread_id = threading.get_ident()
            # In this order: a loop that has given the job up sees that it has
            # started, or else the job sees that it was given up.
            self.has_started = True
            if self.is_background and self.watch is not None:
                # No code waits for a job in the background.
                private.wake(self.watch.loop)
            if self.future is not None and self.future.cancelled():
                self.has_returned = True
                return None
            stack = _running.__dict__.setdefault("stack", [])
            stack.append(self)
            for follow in followers:
                follow(self, False)  # noqa: FBT003 - twice for each job
            try:
                with CallersKept():
                    return function(*args, **options)
            finally:
                for follow in followers:
                    follow(self, True)  # noqa: FBT003 - as above
                stack.pop()
                self.has_returned = True

        run.job = self  # type: ignore[attr-defined]
        return run

    def posting(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        """Return the callback, telling when the loop has run it."""
        self._posted += 1

        def run(*args: Any) -> None:
            result = None
            try:
                result = callback(*args)
            finally:
                if private_asgiref.is_awaited_by_its_thread(result):
                    self._awaited = result
                self._ran += 1

        return run
