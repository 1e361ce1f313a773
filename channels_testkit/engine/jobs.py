"""
Thread jobs, and the states they go through.

A job is queued, running, posting (it asked the loop for something that the
loop has not begun), parked (it waits in ``async_to_sync()`` for a task of the
loop, whose own state decides) or finished. All is seen from the outside, from
``run_in_executor()`` and ``call_soon_threadsafe()``.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from . import private

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

_running = threading.local()


def current_job() -> Job | None:
    """Return the job that this thread is running, if any."""
    stack = getattr(_running, "stack", None)
    return stack[-1] if stack else None


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
        return declared in (self.name, self.function)


class Job:
    """One function that the loop has given to a thread."""

    __slots__ = (
        "_function",
        "_posted",
        "_ran",
        "_tasks",
        "executor",
        "future",
        "has_returned",
        "has_started",
        "is_background",
        "is_foreign",
        "thread_id",
    )

    def __init__(
        self, executor: Executor | None, function: object, *, is_background: bool
    ) -> None:
        self._function = function
        # Each counter is written by one thread only.
        self._posted = 0
        self._ran = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self.executor = executor
        self.future: asyncio.Future[Any] | None = None
        self.has_started = False
        self.has_returned = False
        self.is_background = is_background
        self.is_foreign = False
        self.thread_id: int | None = None

    @property
    def name(self) -> str:
        """The dotted name of the function, inside asgiref's wraps."""
        return JobKey(private.job_function(self._function)).name

    @property
    def is_finished(self) -> bool:
        """Whether the loop has its result and the thread is done with it."""
        if self.future is None or not self.future.done():
            return False
        return self.has_returned or not self.has_started

    @property
    def is_parked(self) -> bool:
        """Whether the thread waits for a task of the loop."""
        if self._posted != self._ran or not self._tasks:
            return False
        self._tasks = [task for task in self._tasks if not task.done()]
        return bool(self._tasks)

    @property
    def state(self) -> str:
        """One word for reports."""
        if not self.has_started:
            return "queued"
        return "parked" if self.is_parked else "running"

    def wrap(self, function: Callable[..., Any], live: set[Job]) -> Callable[..., Any]:
        """Return the function, telling when it starts and returns."""

        def run(*args: Any) -> Any:
            # Its future may have been cancelled, and the job given up, just
            # before the thread took it.
            live.add(self)
            stack = _running.__dict__.setdefault("stack", [])
            stack.append(self)
            self.thread_id = threading.get_ident()
            self.has_started = True
            try:
                return function(*args)
            finally:
                stack.pop()
                self.has_returned = True

        return run

    def posting(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        """Return the callback, telling when the loop has run it."""
        self._posted += 1

        def run(*args: Any) -> None:
            try:
                task = callback(*args)
            finally:
                self._ran += 1
            # This is how async_to_sync() starts what its thread waits for.
            if isinstance(task, asyncio.Task):
                self._tasks.append(task)

        return run
