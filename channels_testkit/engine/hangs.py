"""
Hangs and deadlocks, told in words.

A wait that ``hang_timeout`` has cut, or that nothing can ever end, is
reported with every task and thread job, and with what each of them waits for.
"""

from __future__ import annotations

import asyncio
import linecache
import os
import signal
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from . import private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from .jobs import Job
    from .rest import RestWatch

_GRACE = 1.0
_DEBUGGERS = {"bdb", "pdb", "ipdb", "pydevd", "_pydevd_bundle"}


def describe_work(rest: RestWatch) -> str:
    """Return a line for each task, thread job and timer of the loop."""
    lines = sorted(f"  {describe_task(task)}" for task in asyncio.all_tasks(rest.loop))
    for job in rest.live_jobs():
        lines += _job_lines(job)
    lines += _timer_lines(rest)
    return "\n".join(lines) or "  nothing"


def describe_task(task: asyncio.Task[Any]) -> str:
    """Say what a task waits for."""
    frame = _innermost(task.get_coro())
    return f"task {task.get_name()!r} waits {_place(frame)}"


def _innermost(awaitable: Any) -> FrameType | None:
    """Follow what awaits what down to the last coroutine with a frame."""
    frame = None
    while awaitable is not None:
        inner = getattr(awaitable, "cr_frame", None)
        inner = inner or getattr(awaitable, "gi_frame", None)
        if inner is None:
            return frame
        if frame is None or not _is_machinery(inner):
            frame = inner
        awaitable = getattr(awaitable, "cr_await", None) or getattr(
            awaitable, "gi_yieldfrom", None
        )
    return frame


def _is_machinery(frame: FrameType) -> bool:
    return os.path.dirname(frame.f_code.co_filename) == os.path.dirname(
        asyncio.__file__
    )


def _place(frame: FrameType | None) -> str:
    if frame is None:
        return "nowhere: it has finished"
    path, line = frame.f_code.co_filename, frame.f_lineno
    source = linecache.getline(path, line).strip()
    name = getattr(frame.f_code, "co_qualname", frame.f_code.co_name)
    return f"in {name} ({os.path.basename(path)}:{line}): {source}"


def _job_lines(job: Job) -> Iterator[str]:
    yield f"  thread job {job.name} is {job.state}"
    frame = private.frames_by_thread().get(job.thread_id or 0)
    if frame is not None and job.state == "running":
        stack = "".join(traceback.format_stack(frame)[-4:]).rstrip()
        yield from (f"    {line}" for line in stack.splitlines())


def _timer_lines(rest: RestWatch) -> Iterator[str]:
    now = rest.loop.time()
    for due, _ in rest.application_timers():
        yield f"  a timer of the application is due in {max(0.0, due - now):.3g} s"


def debugger_is_active() -> bool:
    """Tell whether some thread is stopped in a debugger."""
    for frame in private.frames_by_thread().values():
        current: FrameType | None = frame
        while current is not None:
            module = current.f_globals.get("__name__") or ""
            if module.partition(".")[0] in _DEBUGGERS:
                return True
            current = current.f_back
    return False


def is_traced() -> bool:
    """Tell whether a tracer, other than coverage's, follows this thread."""
    trace = sys.gettrace()
    return trace is not None and not _is_coverage(trace)


def _is_coverage(trace: object) -> bool:
    owner = getattr(trace, "__self__", trace)
    return type(owner).__module__.partition(".")[0] == "coverage"


def interrupt(thread_id: int) -> bool:
    """Raise ``KeyboardInterrupt`` in the main thread, if that is the one."""
    is_main = thread_id == threading.main_thread().ident
    if not is_main or not hasattr(signal, "pthread_kill"):
        return False
    signal.pthread_kill(thread_id, signal.SIGINT)
    return True


class Watchdog:
    """
    Calls back when a deadline has passed that the loop could not see.

    The loop looks at the clock between its callbacks. A callback that blocks
    is seen only from another thread; one serves the whole process.
    """

    _current: Watchdog | None = None

    def __init__(self) -> None:
        self._process = os.getpid()
        self._changed = threading.Condition()
        self._until: float | None = None
        self._sleeps_until = 0.0
        self._on_late: Callable[[], None] = _ignore
        threading.Thread(
            target=self._serve, name="channels_testkit watchdog", daemon=True
        ).start()

    @classmethod
    def get(cls) -> Watchdog:
        """Return this process's watchdog: a fork does not take it along."""
        if cls._current is None or cls._current._process != os.getpid():
            cls._current = cls()
        return cls._current

    def arm(self, timeout: float, on_late: Callable[[], None]) -> None:
        """Call ``on_late`` in ``timeout`` seconds unless disarmed before."""
        self._on_late = on_late
        self._until = until = time.monotonic() + timeout + _GRACE
        # A later deadline needs no waking: it is read when the sleep ends.
        if until < self._sleeps_until or not self._sleeps_until:
            with self._changed:
                self._changed.notify()

    def disarm(self) -> None:
        """Forget the deadline."""
        self._until = None

    def _serve(self) -> None:
        with self._changed:
            while True:
                until = self._until
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    self._until = None
                    self._on_late()
                    continue
                self._sleeps_until = until or 0.0
                self._changed.wait(left)


def _ignore() -> None:
    """Stand for a callback that nobody has set."""
