"""Those that wait for a loop to be at rest, in order."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from .jobs import callers

if TYPE_CHECKING:
    import asyncio


class _Waiter(NamedTuple):
    """One that waits; its result tells whether the rest is certain."""

    future: asyncio.Future[bool]
    #: Whether a thread has asked for it, which may be a job of the test.
    is_asked_by_thread: bool


class Waiters:
    """
    Resumes one at a time of those that wait for rest.

    A call of the kit that a thread has asked for waits for less than others:
    a job of the test may wait for that call.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiters: deque[_Waiter] = deque()

    def __len__(self) -> int:
        return len(self._waiters)

    @property
    def has_asked_by_thread(self) -> bool:
        """Whether a thread has asked for one of them."""
        return any(it.is_asked_by_thread for it in self._waiters)

    def add(self, *, is_first: bool = False) -> asyncio.Future[bool]:
        """Return what to await, after all others or before them."""
        future = self._loop.create_future()
        waiter = _Waiter(future, callers() is not None)
        (self._waiters.appendleft if is_first else self._waiters.append)(waiter)
        return future

    def wake_one(
        self, *, is_certain: bool = False, only_asked_by_thread: bool = False
    ) -> bool:
        """Resume the first one, if there is one."""
        for waiter in tuple(self._waiters):
            if only_asked_by_thread and not waiter.is_asked_by_thread:
                continue
            self._waiters.remove(waiter)
            if not waiter.future.done():
                waiter.future.set_result(is_certain)
                return True
        return False

    def fail(self, error: BaseException) -> bool:
        """Raise the error in all of them; tell whether there were any."""
        waiters = [it.future for it in self._waiters if not it.future.done()]
        self._waiters.clear()
        for future in waiters:
            future.set_exception(error)
        return bool(waiters)
