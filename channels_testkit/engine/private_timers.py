"""The private names of asyncio's timers that the engine stands on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .patches import OwnAttribute

if TYPE_CHECKING:
    import contextvars
    from asyncio import events
    from collections.abc import Callable, Iterator, Mapping


def scheduled_timers(
    loop: asyncio.AbstractEventLoop,
) -> Iterator[tuple[events.TimerHandle, contextvars.Context]]:
    """Yield the timers that are still to come, with their contexts."""
    for handle in list(loop._scheduled):  # type: ignore[attr-defined]
        if not handle.cancelled():
            yield handle, handle._context


def is_scheduled(handle: events.TimerHandle) -> bool:
    """Tell whether a timer is still to come."""
    return bool(handle._scheduled) and not handle.cancelled()  # type: ignore[attr-defined]


def next_timer(loop: asyncio.AbstractEventLoop) -> events.TimerHandle:
    """Return the next timer of a loop that looks for events, and has one."""
    # The loop has dropped those in front that were cancelled.
    timer: events.TimerHandle = loop._scheduled[0]  # type: ignore[attr-defined]
    return timer


def due_timers(loop: asyncio.AbstractEventLoop) -> Iterator[events.TimerHandle]:
    """Yield the timers that the loop calls in this round."""
    heap: list[events.TimerHandle] = loop._scheduled  # type: ignore[attr-defined]
    end = loop.time() + loop._clock_resolution  # type: ignore[attr-defined]
    places = [0]
    while places:
        place = places.pop()
        if place < len(heap) and heap[place].when() < end:
            yield heap[place]
            places += (2 * place + 1, 2 * place + 2)


def call_first(handle: events.TimerHandle, function: Callable[[], object]) -> None:
    """Call a function when the loop calls a timer, unless it is cancelled."""
    callback = handle._callback  # type: ignore[attr-defined]

    def call(*args: Any) -> None:
        function()
        callback(*args)

    handle._callback = call  # type: ignore[attr-defined]


def resolution_kept(loop: asyncio.AbstractEventLoop) -> OwnAttribute:
    """Put back, after a block, how early a timer may be called."""
    return OwnAttribute(loop, "_clock_resolution", loop._clock_resolution)  # type: ignore[attr-defined]


def set_resolution(loop: asyncio.AbstractEventLoop, seconds: float) -> None:
    """Let a loop call timers so much earlier than they are due."""
    loop._clock_resolution = seconds  # type: ignore[attr-defined]


def has_due_timer(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a timer is due; a cancelled one may be taken for one."""
    timers = loop._scheduled  # type: ignore[attr-defined]
    return bool(timers) and bool(timers[0].when() <= loop.time())


def callback_of(handle: events.Handle) -> object:
    """Return what a loop will call."""
    return handle._callback  # type: ignore[attr-defined]


def task_behind(
    handle: events.Handle, waiting: Mapping[asyncio.Future[Any], asyncio.Task[Any]]
) -> asyncio.Task[Any] | None:
    """Return the task that a timer wakes or cancels, if it does either."""
    timeout = getattr(callback_of(handle), "__self__", None)
    futures = filter(asyncio.isfuture, handle._args)
    tasks = filter(None, map(waiting.get, futures))
    return next(tasks, None) or getattr(timeout, "_task", None)


def future_of_sleep(handle: events.Handle) -> asyncio.Future[Any] | None:
    """Return what ``asyncio.sleep()`` waits for, if a timer is that of one."""
    callback = handle._callback  # type: ignore[attr-defined]
    if callback is not asyncio.futures._set_result_unless_cancelled:  # type: ignore[attr-defined]
        return None
    future: asyncio.Future[Any] = handle._args[0]
    return future
