"""
Tests of Chanx consumers, with Chanx's own names, at rest.

It needs Chanx 2.13 or later with its extra ``[channels]``. The names are those
of ``chanx.channels.testing``, so that a change of one import is a migration.
"""

from __future__ import annotations

from .broadcasts import (
    CapturedBroadcastEvent,
    CapturedTopicBroadcast,
    capture_broadcast_events,
    capture_topic_broadcasts,
)
from .communicator import WebsocketCommunicator
from .testcases import (
    TransactionWebsocketTestCase,
    WebsocketTestCase,
    WebsocketTestMixin,
)

#: Chanx's other name of it.
DjangoWebsocketCommunicator = WebsocketCommunicator

__all__ = [
    "CapturedBroadcastEvent",
    "CapturedTopicBroadcast",
    "DjangoWebsocketCommunicator",
    "TransactionWebsocketTestCase",
    "WebsocketCommunicator",
    "WebsocketTestCase",
    "WebsocketTestMixin",
    "capture_broadcast_events",
    "capture_topic_broadcasts",
]
