"""
Hangs and deadlocks, told in words.

A wait that ``hang_timeout`` has cut, or that nothing can ever end, is
reported with every task and thread job, and with what each of them waits for.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, Protocol

from . import private
from .places import waiting_place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from .jobs import Job
    from .rest import RestWatch

_DEBUGGERS = {"bdb", "pdb", "ipdb", "pydevd", "_pydevd_bundle"}


def hang_text(rest: RestWatch, more: str = "") -> str:
    """Return the report of a wait that has lasted for ``hang_timeout``."""
    return (
        f"The application did not come to rest within {rest.hang_timeout:g} s"
        f" (hang_timeout).\n\n{describe_work(rest)}{more}\n\n"
        "A thread job that is meant to wait is declared with background_jobs or"
        " with self.background(function)."
    )


def describe_work(rest: RestWatch) -> str:
    """Return a line for each task, thread job and timer of the loop."""
    lines = sorted(f"  {describe_task(task)}" for task in asyncio.all_tasks(rest.loop))
    for job in rest.live_jobs():
        lines += _job_lines(job)
    lines += _timer_lines(rest)
    return "\n".join(lines) or "  nothing"


def describe_task(task: asyncio.Task[Any]) -> str:
    """Say what a task waits for."""
    return f"task {task.get_name()!r} waits {waiting_place(task)}"


def _job_lines(job: Job) -> Iterator[str]:
    yield f"  thread job {job.name} is {job.state}"
    if job.state == "running" and job.thread_id is not None:
        yield from stack_lines(job.thread_id)


def stack_lines(thread_id: int | None) -> Iterator[str]:
    """Yield the last lines of what a thread is doing."""
    frame = private.frames_by_thread().get(thread_id or 0)
    if frame is not None:
        stack = "".join(traceback.format_stack(frame)[-4:]).rstrip()
        yield from (f"    {line}" for line in stack.splitlines())


def _timer_lines(rest: RestWatch) -> Iterator[str]:
    now = rest.loop.time()
    for due, _ in rest.application_timers():
        yield f"  a timer of the application is due in {max(0.0, due - now):.3g} s"


def is_debugged() -> bool:
    """Tell whether somebody takes their time: a debugger or a tracer."""
    return is_traced() or debugger_is_active()


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


class Interrupter:
    """
    Raises ``CancelledError`` in the main thread, whatever that is doing.

    Not by SIGINT: Django's runner takes the first for a wish to stop after
    this test. SIGURG is ignored where nobody handles it, and nobody does.
    """

    def __init__(self) -> None:
        self._is_wanted = False
        self._undo = contextlib.ExitStack()

    def install(self) -> None:
        """Handle the signal, where the platform and the thread allow."""
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and hasattr(signal, "pthread_kill"):
            previous = signal.signal(signal.SIGURG, self._raise)
            self._undo.callback(signal.signal, signal.SIGURG, previous)

    def remove(self) -> None:
        """Put back what handled the signal before."""
        self._undo.close()

    def interrupt(self, thread_id: int) -> None:
        """Interrupt the thread, if it is the main one."""
        if hasattr(signal, "pthread_kill"):
            self._is_wanted = thread_id == threading.main_thread().ident
            signal.pthread_kill(thread_id, signal.SIGURG)

    def _raise(self, *_: object) -> None:
        is_wanted, self._is_wanted = self._is_wanted, False
        if is_wanted:
            raise asyncio.CancelledError


class Watched(Protocol):
    """What the watchdog looks after."""

    #: Seconds between two looks.
    pause: float

    def look(self) -> None:
        """Act where a deadline has passed; called from another thread."""


class Watchdog:
    """
    Sees that a deadline has passed where the loop cannot see it.

    The loop looks at the clock between its callbacks. A callback that blocks
    is seen only from another thread; one serves the whole process.
    """

    _current: Watchdog | None = None

    def __init__(self) -> None:
        self.process_id = os.getpid()
        self._changed = threading.Condition()
        self._watched: Watched | None = None
        self._sleeps_until = math.inf
        self.thread = threading.Thread(
            target=self._serve, name="channels_testkit watchdog", daemon=True
        )
        self.thread.start()

    @classmethod
    def get(cls) -> Watchdog:
        """Return this process's watchdog: a fork does not take it along."""
        if cls._current is None or cls._current.process_id != os.getpid():
            cls._current = cls()
        return cls._current

    def watch(self, watched: Watched) -> None:
        """Look every now and then, until ``rest()``."""
        self._watched = watched
        # To wake a thread costs more than most calls take. One that sleeps
        # not much longer than it should will see this by itself.
        if self._sleeps_until > private.clock() + watched.pause:
            with self._changed:
                self._changed.notify()

    def rest(self) -> None:
        """Look no more."""
        self._watched = None

    def _serve(self) -> None:
        with self._changed:
            while True:
                # In this order: who sets the one looks at the other.
                self._sleeps_until = math.inf
                watched = self._watched
                if watched is None:
                    self._changed.wait()
                else:
                    watched.look()
                    self._sleeps_until = private.clock() + watched.pause
                    self._changed.wait(watched.pause)
