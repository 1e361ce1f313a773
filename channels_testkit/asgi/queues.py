"""The events of a connection in queues, as ``channels.testing`` has them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .application import Event

    EventQueue = asyncio.Queue[Event]
else:
    EventQueue = asyncio.Queue


class InputQueue(EventQueue):
    """
    What the application has been given and not received.

    What a test puts into it is given as any other event is, by ``feed``.
    """

    def __init__(self, feed: Callable[[Event], None]) -> None:
        super().__init__()
        self._feed = feed

    def put_nowait(self, item: Event) -> None:
        """Give the application an event."""
        self._feed(item)

    def give(self, event: Event) -> None:
        """Let the application receive an event."""
        super().put_nowait(event)


class OutputQueue(EventQueue):
    """What the application has sent and the test has not read."""

    def _init(self, maxsize: int) -> None:
        del maxsize
        #: The events, the next one first. It is the queue's own storage.
        self.events: deque[Event] = deque()
        self._queue = self.events

    def _get(self) -> Event:
        return self.events.popleft()

    def _put(self, item: Event) -> None:
        self.events.append(item)
