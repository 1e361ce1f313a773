"""
Time that a test moves: the clock of a loop, which stands still by itself.

It moves at rest, from timer to timer, and only while the test's own code waits
for a timer: that of ``advance()``, of the timeout of a receive, of a sleep.
What the application has set comes due on the way, in its order.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from . import places, private, private_timers
from .jobs import APPLICATION
from .numbers import next_number
from .order import Order, put_in_order
from .patches import OwnAttribute

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Callable, Iterator

    from .rest import RestWatch


_MANY = 500
_DIGITS = 9
_SLACK = 10**-_DIGITS


def exact(seconds: float) -> str:
    """Return a number of seconds as it is typed."""
    return f"{seconds:.{_DIGITS}f}".rstrip("0").rstrip(".")


class Timer(NamedTuple):
    """
    A timer of the application.

    ``due`` is when, in seconds since virtual time began. ``whose`` is the
    connection, or None where it is that of none; ``name`` is the function that
    has set it, and ``line`` its line: ``"consumers.py:41"``.
    """

    due: float
    whose: str | None
    name: str
    line: str

    def __str__(self) -> str:
        whose = f" of {self.whose}" if self.whose else ""
        return f"+{exact(self.due)} s: {self.name}() ({self.line}){whose}"


class _Due(float):
    """When a timer is due: at one time, first the one that was set first."""

    def __init__(self, _when: float) -> None:
        self.number = next_number()

    def __lt__(self, other: float) -> bool:
        if isinstance(other, _Due) and self == other:
            return self.number < other.number
        return super().__lt__(other)


class _SetBy(NamedTuple):
    """Which function has set a timer, and its line."""

    handle: asyncio.TimerHandle
    name: str
    line: str


class VirtualTime(Order):
    """
    The clock of one loop while a test moves it.

    ``patience()`` are seconds of real time that work outside of the loop may
    take before a wait of the test goes on without it; ``has_news()`` tells of
    an exception of the application, which ends ``advance()`` and receives;
    ``is_held_up()`` tells whether a job keeps the test from going on until
    time does; ``moved(to)`` is called at each step, with the seconds since
    virtual time began.
    """

    is_virtual = True

    def __init__(
        self,
        rest: RestWatch,
        *,
        patience: Callable[[], float],
        has_news: Callable[[], bool],
        is_held_up: Callable[[], bool],
        moved: Callable[[float], object],
        call_that_advances: Callable[[float], str],
    ) -> None:
        #: Returns the call that moves time on, as the test writes it.
        self.call_that_advances = call_that_advances
        self._rest = rest
        self._is_held_up = is_held_up
        self._patience = patience
        self._has_news = has_news
        self._moved = moved
        #: How many timers of the application have come due.
        self.fired = 0
        self._began = self._now = rest.loop.time()
        #: Seconds since it began. Whole nanoseconds: many small steps are as
        #: long as a large one.
        self.elapsed = 0.0
        self.has_ended = False
        #: The timers of the test's own code.
        self._own: list[asyncio.TimerHandle] = []
        # Which function has set each timer of the application, by its id:
        # those that are due at one time may be equal.
        self._set_by: dict[int, _SetBy] = {}
        self._most = _MANY
        #: What waits of the test wait for, which end at an exception.
        self._waits: set[asyncio.Future[None]] = set()
        self._give_up_at: float | None = None
        self._taken = contextlib.ExitStack()

    # Its life.

    def begin(self) -> None:
        """Let the clock stand still."""
        loop, rest = self._rest.loop, self._rest
        self._call_at, self._idle_before = loop.call_at, rest.on_idle
        selector = private.selector_of(loop)
        self._poll = selector.select
        self._note_earlier_timers()
        enter = self._taken.enter_context
        enter(OwnAttribute(loop, "call_at", self._set_timer))
        enter(OwnAttribute(selector, "select", self._select))
        enter(OwnAttribute(rest, "on_idle", self._idle))
        enter(private_timers.resolution_kept(loop))
        put_in_order(loop, self)
        self._move_to(self._now)

    def end(self) -> None:
        """Let the clock go on from its time, at the rate of the real one."""
        self._taken.close()
        self.has_ended = True
        put_in_order(self._rest.loop, Ahead(self._now))

    # The time.

    @property
    def is_moving(self) -> bool:
        """Whether the test waits for a timer of its own."""
        return any(map(private_timers.is_scheduled, self._own))

    def time(self) -> float:
        """Return the time of the loop, in seconds."""
        return self._now

    async def advance(self, seconds: float) -> int:
        """Move on; return how many timers of the application came due."""
        fired = self.fired
        loop = self._rest.loop
        move = loop.create_future()
        end = self._began + round(self.elapsed + seconds, _DIGITS)
        timer = loop.call_at(end, _settle, move)
        try:
            with self.until_news(move):
                await move
        finally:
            timer.cancel()
        await self._rest.wait()
        return self.fired - fired

    @contextlib.contextmanager
    def until_news(self, wait: asyncio.Future[None]) -> Iterator[None]:
        """End a wait at the next exception of the application."""
        self._waits.add(wait)
        try:
            yield
        finally:
            self._waits.discard(wait)

    def timers(
        self, say_whose: Callable[[contextvars.Context], str | None]
    ) -> list[Timer]:
        """Return the application's timers, the next one first."""
        found: list[Timer] = []
        if self.has_ended:
            return found
        scheduled = private_timers.scheduled_timers(self._rest.loop)
        for handle, context in sorted(scheduled, key=lambda it: it[0].when()):
            if context.get(APPLICATION):
                _, name, line = self._set_by[id(handle)]
                # It may be late from before.
                due = max(self._since_began(handle.when()), self.elapsed)
                found.append(Timer(due, say_whose(context), name, line))
        return found

    # What the loop calls.

    def _set_timer(
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        # Whole nanoseconds, but for what is nearer than one: it is due now.
        whole = self._began + self._since_began(when)
        due = _Due(whole if whole > self._now else when)
        handle = self._call_at(due, callback, *args, context=context)
        self._note(handle, private.context_of(handle), places.calling_function)
        return handle

    def _note_earlier_timers(self) -> None:
        loop = self._rest.loop
        tasks = asyncio.all_tasks(loop)
        waiting = {it: task for task in tasks if (it := private.awaited_by(task))}
        for handle, context in private_timers.scheduled_timers(loop):
            task = private_timers.task_behind(handle, waiting)
            self._note(handle, context, functools.partial(_set_for, task, handle))

    def _note(
        self,
        handle: asyncio.TimerHandle,
        context: contextvars.Context,
        find_function: Callable[[], tuple[str, str]],
    ) -> None:
        if not context.get(APPLICATION):
            self._own.append(handle)
            self._give_up_at = None
            return
        if len(self._set_by) >= self._most:
            self._forget_cancelled()
        self._set_by[id(handle)] = _SetBy(handle, *find_function())

    def _forget_cancelled(self) -> None:
        is_scheduled = private_timers.is_scheduled
        kept = {key: it for key, it in self._set_by.items() if is_scheduled(it.handle)}
        self._set_by, self._most = kept, max(_MANY, 2 * len(kept))

    def _select(self, timeout: float | None) -> Any:
        # By the clock that stands still no time has to pass.
        is_busy = timeout is not None and timeout <= 0
        events = self._poll(timeout if is_busy else None)
        due = list(private_timers.due_timers(self._rest.loop))
        # No timer is called before its time: anyio's would be set again.
        self._now = max([self._now, *(float(it.when()) for it in due)])
        for handle in due:
            if self._set_by.pop(id(handle), None) and not handle.cancelled():
                # One that is due now as well may cancel it.
                private_timers.call_first(handle, self._count)
        return events

    def _count(self) -> None:
        self.fired += 1

    def _idle(self, _is_endless: bool) -> float | None:
        """Move to the next timer, if the test waits for one of its own."""
        self._own = list(filter(private_timers.is_scheduled, self._own))
        if not (self._own or self._has_to_go_on()):
            return self._idle_before(True)  # noqa: FBT003 - a callback
        if self._waits and self._has_news():
            for wait in self._waits:
                _settle(wait)
            return 0
        left = self._seconds_for_outside()
        if left > 0:
            return left
        self._move_to(private_timers.next_timer(self._rest.loop).when())
        return 0

    def _has_to_go_on(self) -> bool:
        return self._is_held_up() and bool(self._rest.application_timers())

    def _seconds_for_outside(self) -> float:
        """Return how long work outside of the loop may still take."""
        if not self._rest.outside_work():
            return 0
        if self._give_up_at is None:
            patience = self._patience()
            self._give_up_at = private.clock() + patience
            if self._rest.deadline is not None:
                self._rest.arm(patience)
        return self._give_up_at - private.clock()

    def _since_began(self, when: float) -> float:
        return round(when - self._began, _DIGITS)

    def _move_to(self, when: float) -> None:
        self.elapsed = max(self._since_began(when), self.elapsed)
        self._now = max(self._began + self.elapsed, self._now)
        # Timers that are due now have to count as due, however late it is.
        slack = max(_SLACK, 2 * math.ulp(self._now))
        private_timers.set_resolution(self._rest.loop, slack)
        self._moved(self.elapsed)


class Ahead(Order):
    """The real clock, put on or back to a time in seconds."""

    def __init__(self, now: float) -> None:
        self._ahead = now - private.clock()

    def time(self) -> float:
        """Return the time of the loop, in seconds."""
        return private.clock() + self._ahead


def _set_for(
    task: asyncio.Task[Any] | None, handle: asyncio.TimerHandle
) -> tuple[str, str]:
    if task is not None:
        return places.waiting_function(task)
    return places.defined_function(private_timers.callback_of(handle))


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
