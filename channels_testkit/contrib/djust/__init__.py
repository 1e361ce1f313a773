"""
Tests of djust's LiveViews through djust's own consumer.

Needs djust 1.2.6 or later.
"""

from __future__ import annotations

from channels_testkit.contrib.pages import EventResult, MountRefused, Turn

from .client import AsyncLiveViewTestClient, LiveViewTestClient
from .exceptions import NoHandlerFoundError
from .snapshots import SnapshotTestMixin

__all__ = (
    "AsyncLiveViewTestClient",
    "EventResult",
    "LiveViewTestClient",
    "MountRefused",
    "NoHandlerFoundError",
    "SnapshotTestMixin",
    "Turn",
)
