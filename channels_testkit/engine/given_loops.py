"""
Loops of other threads, which a test or its application gives work.

What such a loop does with it cannot be seen, so its thread may act on the
test from outside, until the test has ended.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from typing import TYPE_CHECKING, Any

from . import private
from .jobs import APPLICATION, current_job
from .pools import WATCH

if TYPE_CHECKING:
    from collections.abc import Callable

_seen_kinds: list[type[asyncio.AbstractEventLoop]] = []
#: Those of the tests that run, the innermost last.
_open: list[GivenLoops] = []


class GivenLoops:
    """The loops to which one test, or its application, has posted."""

    def __init__(self, older_threads: set[threading.Thread]) -> None:
        # The thread that runs the test is its own.
        self._older_threads = older_threads - {threading.current_thread()}
        self._loops: set[asyncio.AbstractEventLoop] = set()

    def __enter__(self) -> GivenLoops:
        _see_posts()
        _open.append(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        _open.remove(self)

    def note(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take note of a post, unless an older thread makes it by itself."""
        is_in_older_thread = threading.current_thread() in self._older_threads
        # Those of pools run new jobs.
        if APPLICATION.get() or current_job() or not is_in_older_thread:
            self._loops.add(loop)

    def thread_ids(self) -> set[int | None]:
        """Return the threads that run them; None for one that is not known."""
        # A copy: threads add to it.
        loops = tuple(self._loops)
        return {private.thread_of(loop) for loop in loops if loop.is_running()}


def _see_posts() -> None:
    """
    See what is posted to loops, from now on and for good.

    Kinds of loops that were defined since the last call are seen as well;
    asyncio's own have one kind, and uvloop's another.
    """
    kinds = asyncio.AbstractEventLoop.__subclasses__()
    if kinds == _seen_kinds:
        return
    _seen_kinds[:] = kinds
    for kind in kinds:
        post = kind.call_soon_threadsafe
        if not hasattr(post, "sees_posts"):
            setattr(kind, "call_soon_threadsafe", _seeing(post))  # noqa: B010 - its type is not ours


def _seeing(post: Callable[..., asyncio.Handle]) -> Callable[..., asyncio.Handle]:
    @functools.wraps(post)
    def post_seen(
        loop: asyncio.AbstractEventLoop, *args: Any, **options: Any
    ) -> asyncio.Handle:
        # A loop with a watch is known, and one's own thread is as well.
        if not (hasattr(loop, WATCH) or private.running_loop() is loop):
            for given in tuple(_open):
                given.note(loop)
        return post(loop, *args, **options)

    post_seen.sees_posts = True  # type: ignore[attr-defined]
    return post_seen
