"""
Operations of django-liveops, watched through its real consumer.

It needs django-liveops, which nothing else of the package imports.
"""

from __future__ import annotations

from .client import LiveOpClient
from .fragments import Shows
from .testcases import LiveOpsTestCase, LiveOpsTestMixin

__all__ = ["LiveOpClient", "LiveOpsTestCase", "LiveOpsTestMixin", "Shows"]
