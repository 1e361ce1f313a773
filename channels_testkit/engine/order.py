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

    from .jobs import Job

    #: Gives a job to its thread; returns it, and what gets its result first.
    Start = Callable[[], tuple[Job, asyncio.Future[Any]]]

_ORDER = "_channels_testkit_order"


#: No job starts: something else has come.
SOMETHING_ELSE = -1


class Order:
    """The usual order: first come, first served, by the real clock."""

    #: Whether time passes only where the test lets it.
    is_virtual = False
    #: Whether events wait for their turn.
    is_explored = False

    def choose_lane(self, lanes: Sequence[Any]) -> int | None:
        """
        Return the place of the lane whose job starts, of those that can.

        ``SOMETHING_ELSE`` says that something else has come, None that nothing
        can come now.
        """
        del lanes
        return 0

    def arrive(
        self, source: object, say: Callable[[], str], come: Callable[[], object]
    ) -> None:
        """Let an event come; what is of one source comes in its order."""
        del source, say
        come()

    def job_starts(self, executor: Any, start: Start) -> Any:
        """Give a job to its thread; return its future."""
        del executor
        job, _ = start()
        return job.future

    def result_comes(self, future: Any, post: Callable[[], object]) -> None:
        """Let the loop see the result of a job, in whatever thread."""
        del future
        post()

    def time(self) -> float:
        """Return the time of the loop, in seconds."""
        return private.clock()

    def until_news(self, wait: asyncio.Future[None]) -> AbstractContextManager[None]:
        """End a wait of the test early where it moves time, for a block."""
        del wait
        return nullcontext()


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
