"""What Chanx's consumers and topics broadcast."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


@dataclass
class CapturedBroadcastEvent:
    """An event that a consumer class has broadcast, and the groups given."""

    event: Any
    groups: Collection[str] | str | None


@dataclass
class CapturedTopicBroadcast:
    """An event that a topic has broadcast."""

    topic: str
    event: Any
    seq: int | None


@contextlib.contextmanager
def capture_broadcast_events(
    consumer: Any, suppress: bool = False
) -> Iterator[list[CapturedBroadcastEvent]]:
    """
    Collect what a consumer class and its subclasses broadcast.

    The events are delivered all the same, unless ``suppress`` is true; Chanx's
    own function of this name suppresses them by default.
    """
    events: list[CapturedBroadcastEvent] = []
    broadcast = consumer.broadcast_event.__func__

    async def broadcast_event(
        cls: Any, event: Any, groups: Collection[str] | str | None = None
    ) -> None:
        events.append(CapturedBroadcastEvent(event, groups))
        if not suppress:
            await broadcast(cls, event, groups)

    with mock.patch.object(consumer, "broadcast_event", classmethod(broadcast_event)):
        yield events


@contextlib.contextmanager
def capture_topic_broadcasts(
    topic_class: Any, *, suppress: bool = False
) -> Iterator[list[CapturedTopicBroadcast]]:
    """
    Collect what a topic class and its subclasses broadcast.

    As ``capture_broadcast_events()``.
    """
    events: list[CapturedTopicBroadcast] = []
    publish = topic_class.broadcast.__func__

    async def broadcast(
        cls: Any, topic: str, event: Any, *, seq: int | None = None
    ) -> None:
        events.append(CapturedTopicBroadcast(topic, event, seq))
        if not suppress:
            await publish(cls, topic, event, seq=seq)

    with mock.patch.object(topic_class, "broadcast", classmethod(broadcast)):
        yield events
