"""Which threads may act on a test from outside of its loop."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, NamedTuple

from . import anyio_jobs, places, private
from .given_loops import GivenLoops
from .jobs import Job, loose_jobs

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Iterable, Iterator

#: Tools whose threads act on no application, or run jobs that are known.
_MACHINERY = (
    "_pydevd_bundle",
    "_pytest",
    "coverage",
    "debugpy",
    "execnet",
    "psycopg_pool",
    "pydevd",
    "pytest_timeout",
    "xdist",
)
#: What has threads for jobs that are known.
_POOLS = ("concurrent",)
#: Threads that never count, those of the kit among them.
_never: weakref.WeakSet[threading.Thread] = weakref.WeakSet([threading.main_thread()])
#: Threads that have posted to a loop without being one of its jobs.
_posters: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


class Before(NamedTuple):
    """What ran already when a test began, and what of it has work since."""

    threads: set[threading.Thread]
    jobs: set[Job]
    given_loops: GivenLoops

    @classmethod
    def now(cls) -> Before:
        """Return what runs now."""
        threads = set(threading.enumerate())
        return cls(threads, loose_jobs(), GivenLoops(threads))


def of_kit(target: Callable[[], object], name: str) -> threading.Thread:
    """Return a thread of the kit, left out whatever a test declares."""
    thread = threading.Thread(target=target, name=name, daemon=True)
    _never.add(thread)
    return thread


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

    One that was started since may, and one that has done so or whose loop was
    given work. Any other may where a task waits for what nothing that is known
    will bring.
    """
    is_open = None
    has_work = before.given_loops.thread_ids()
    for thread in threading.enumerate():
        if thread in _never:
            continue
        if _is_among(declared.outside, thread):
            yield thread
        has_loop = thread.ident in has_work
        if not is_somebodys(thread, declared, has_loop=has_loop):
            continue
        is_known = thread in _posters or has_loop
        if thread in before.threads and not is_known:
            if is_open is None:
                is_open = any(map(places.may_be_woken_by_a_thread, tasks()))
            if not is_open:
                continue
        yield thread


def _is_among(declared: Collection[object], thread: threading.Thread) -> bool:
    return any(it(thread) if callable(it) else it == thread.name for it in declared)


def is_somebodys(
    thread: threading.Thread, declared: Declared, *, has_loop: bool = False
) -> bool:
    """
    Tell whether neither the test nor a tool of it has made the thread.

    One of a pool is, if its job is a loop that does what it was given since.
    """
    if thread is threading.current_thread():
        return False
    if _is_among(declared.outside, thread) or _is_among(declared.idle, thread):
        return False
    if anyio_jobs.is_idle(thread):
        return False
    origins = [f"{name}." for name in private.origins_of(thread)]
    known = _MACHINERY if has_loop else _MACHINERY + _POOLS
    return not any(
        origin.startswith(f"{name}.") for origin in origins for name in known
    )
