"""Tests of django-liveview's handlers, middleware and rooms."""

from __future__ import annotations

from .handlers import HandlerResult
from .registry import isolated_registry
from .rooms import LiveViewClient
from .testcases import LiveViewTestCase, LiveViewTestMixin

__all__ = (
    "HandlerResult",
    "LiveViewClient",
    "LiveViewTestCase",
    "LiveViewTestMixin",
    "isolated_registry",
)
