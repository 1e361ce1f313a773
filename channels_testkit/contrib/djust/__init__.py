"""
Tests of djust's LiveViews through djust's own consumer.

Has every public name of ``djust.testing``; those that drive no page are
djust's own. Needs djust 1.2.6 or later.
"""

from __future__ import annotations

from djust.testing import (
    LiveComponentTestClient,
    LiveViewSmokeTest,
    MockRequest,
    NoHandlerFoundError,
    assert_all_routed_liveviews_allowlisted,
    create_test_view,
    performance_test,
)

from channels_testkit.contrib.pages import EventResult, MountRefused, Turn

from .client import AsyncLiveViewTestClient, LiveViewTestClient
from .snapshots import SnapshotTestMixin

__all__ = (
    "AsyncLiveViewTestClient",
    "EventResult",
    "LiveComponentTestClient",
    "LiveViewSmokeTest",
    "LiveViewTestClient",
    "MockRequest",
    "MountRefused",
    "NoHandlerFoundError",
    "SnapshotTestMixin",
    "Turn",
    "assert_all_routed_liveviews_allowlisted",
    "create_test_view",
    "performance_test",
)
