"""Which threads may act on a test from outside of its loop."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, NamedTuple

from . import anyio_jobs, places, private
from .jobs import Job, loose_jobs

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Iterable, Iterator

#: What runs threads that act on no application, or run jobs that are known.
_MACHINERY = (
    "_pydevd_bundle",
    "_pytest",
    "channels_testkit.browser",
    "channels_testkit.engine.baton",
    "channels_testkit.engine.hand_over",
    "channels_testkit.live",
    "concurrent",
    "coverage",
    "debugpy",
    "execnet",
    "psycopg_pool",
    "pydevd",
    "pytest_timeout",
    "xdist",
)
#: Threads that never count: the watchdog adds itself.
_never: weakref.WeakSet[threading.Thread] = weakref.WeakSet([threading.main_thread()])
#: Threads that have posted to a loop without being one of its jobs.
_posters: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


class Before(NamedTuple):
    """What ran already when a test began."""

    threads: set[threading.Thread]
    jobs: set[Job]

    @classmethod
    def now(cls) -> Before:
        """Return what runs now."""
        return cls(set(threading.enumerate()), loose_jobs())


def count_never(thread: threading.Thread) -> None:
    """Leave a thread out, whatever it does and is declared to be."""
    _never.add(thread)


def note_poster() -> None:
    """Take note that this thread acts on loops."""
    _posters.add(threading.current_thread())


class Declared(NamedTuple):
    """
    What a test says of threads, by name or by a function that is asked.

    ``outside`` may act on the test at any time, ``idle`` never do.
    """

    outside: Collection[object] = ()
    idle: Collection[object] = ()


def that_may_act(
    before: Before,
    declared: Declared,
    tasks: Callable[[], Iterable[asyncio.Task[object]]],
) -> Iterator[threading.Thread]:
    """
    Yield the threads that may wake something of the application.

    One that was started since may, and one that has done so. Any other may
    where a task waits for what nothing that is known will bring.
    """
    is_open = None
    for thread in threading.enumerate():
        if thread in _never:
            continue
        if _is_among(declared.outside, thread):
            yield thread
        if not is_somebodys(thread, declared):
            continue
        if thread in before.threads and thread not in _posters:
            if is_open is None:
                is_open = any(map(places.may_be_woken_by_a_thread, tasks()))
            if not is_open:
                continue
        yield thread


def _is_among(declared: Collection[object], thread: threading.Thread) -> bool:
    return any(it(thread) if callable(it) else it == thread.name for it in declared)


def is_somebodys(thread: threading.Thread, declared: Declared) -> bool:
    """Tell whether neither the test nor a tool of it has made the thread."""
    if thread is threading.current_thread():
        return False
    if _is_among(declared.outside, thread) or _is_among(declared.idle, thread):
        return False
    if anyio_jobs.is_idle(thread):
        return False
    origins = [f"{name}." for name in private.origins_of(thread)]
    return not any(
        origin.startswith(f"{name}.") for origin in origins for name in _MACHINERY
    )
