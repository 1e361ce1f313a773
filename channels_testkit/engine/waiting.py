"""Waiting for what the application may still do, while that makes sense."""

from __future__ import annotations

import asyncio
import math
import weakref
from typing import TYPE_CHECKING, Protocol

from .order import order_of
from .sleeps import ends_of_sleeps

if TYPE_CHECKING:
    from collections.abc import Callable

    from .errors import ApplicationErrors
    from .rest import RestWatch

#: A timer that is due has to be run before it can be looked for again.
_AFTER_TIMER = 0.001
#: Due times that differ by less are the same, to asyncio as well.
_SLACK = 1e-9


#: How many waits let others go first, by the watch of their loop.
_giving_way: weakref.WeakKeyDictionary[RestWatch, int] = weakref.WeakKeyDictionary()


class HasLoop(Protocol):
    """Whose loop it is, and who is told of exceptions."""

    @property
    def rest(self) -> RestWatch:
        """The watch of the loop."""

    @property
    def errors(self) -> ApplicationErrors:
        """The exceptions of the application."""


class Waiting:
    """Waits for one run of an application; is woken when something comes."""

    def __init__(self, environment: HasLoop) -> None:
        self._around = environment
        self._arrivals: set[asyncio.Future[None]] = set()

    async def settle(self) -> None:
        """Come to rest; raise what the application raised meanwhile."""
        rest = self._around.rest
        if not rest.is_at_rest():
            await rest.wait()
        self._around.errors.deliver()

    async def until(
        self,
        condition: Callable[[], bool],
        timeout: float,
        *,
        for_timers_only: bool = False,
    ) -> bool:
        """
        Come to rest, and wait on while the condition can still come true.

        It can where a timer of the application is due within ``timeout``
        seconds, or a task of the test is going to wake up, which may send
        something then; and where there is work outside of the loop. Virtual
        time moves on by the whole timeout, or else ``for_timers_only``.
        """
        rest = self._around.rest
        deadline = rest.loop.time() + timeout
        await self.settle()
        while not condition():
            seconds = self._worth_waiting(deadline, for_timers_only)
            if seconds is not None:
                is_virtual = order_of(rest.loop).is_virtual
                rest.arm(0 if is_virtual else seconds)
                await self._arrives(seconds)
            elif not await _gave_way(rest, deadline) and rest.is_at_rest():
                return False
            # Else a thread has posted something and gone.
            await self.settle()
        return True

    def wake(self) -> None:
        """Let who waits look at the condition again."""
        for arrival in self._arrivals:
            if not arrival.done():
                arrival.set_result(None)

    def _worth_waiting(self, deadline: float, for_timers_only: bool) -> float | None:
        """Return how long it makes sense to wait, at most, or None."""
        rest = self._around.rest
        now, is_virtual = rest.loop.time(), order_of(rest.loop).is_virtual
        left = deadline - now
        if left <= _SLACK:
            return None
        if rest.outside_work() or (is_virtual and not for_timers_only):
            return left
        timers = [due for due, _ in rest.application_timers()]
        if not rest.is_settled:
            timers += ends_of_sleeps(rest.loop)
        due = min(timers, default=math.inf)
        if due > deadline + _SLACK:
            return None
        return max(due - now, 0.0) + (0.0 if is_virtual else _AFTER_TIMER)

    async def _arrives(self, timeout: float) -> None:
        loop = asyncio.get_running_loop()
        arrival = loop.create_future()
        self._arrivals.add(arrival)
        try:
            with order_of(loop).until_news(arrival):
                await asyncio.wait([arrival], timeout=timeout)
        finally:
            self._arrivals.discard(arrival)


async def _gave_way(rest: RestWatch, deadline: float) -> bool:
    """
    Let code of the test go on that is about to, and come to rest again.

    Returns False where there is none, but for other waits that do the same,
    and after the deadline.
    """
    ahead = _giving_way.get(rest, 0)
    if len(rest.waiters) <= ahead or rest.loop.time() >= deadline:
        return False
    _giving_way[rest] = ahead + 1
    try:
        await rest.wait()
    finally:
        _giving_way[rest] -= 1
    return True
