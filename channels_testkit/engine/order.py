"""
What runs next: the one place that decides it.

Which job starts, what time it is and when a delivery happens is asked of one
object for each loop. Another one can be put in its place.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from . import private

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

_ORDER = "_channels_testkit_order"


class Order:
    """The usual order: first come, first served, by the real clock."""

    #: Whether time passes only where the test lets it.
    is_virtual = False

    def choose_job(self, jobs: Sequence[Any]) -> int:
        """Return the place of the job that starts, of those that can."""
        del jobs
        return 0

    def time(self) -> float:
        """Return the time of the loop, in seconds."""
        return private.clock()

    def until_news(self, wait: asyncio.Future[None]) -> AbstractContextManager[None]:
        """End a wait of the test early where it moves time, for a block."""
        del wait
        return nullcontext()

    def deliver(self, deliveries: Sequence[Callable[[], None]]) -> None:
        """Wake the receivers of one message, now or later."""
        for delivery in deliveries:
            delivery()


_USUAL = Order()


def order_of(loop: asyncio.AbstractEventLoop) -> Order:
    """Return what decides for a loop."""
    order: Order = getattr(loop, _ORDER, _USUAL)
    return order


def put_in_order(loop: asyncio.AbstractEventLoop, order: Order) -> None:
    """Let an object decide for a loop."""
    setattr(loop, _ORDER, order)
    is_usual = type(order).time is Order.time
    # A loop looks at its clock twice in each round.
    loop.time = private.clock if is_usual else order.time  # type: ignore[method-assign]
