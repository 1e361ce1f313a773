"""
Pages in a real browser, on the live server.

``BrowserTestCase`` and ``RollbackBrowserTestCase`` drive headless Chromium by
Selenium.
"""

from __future__ import annotations

from .page_log import PageError, PageFrame
from .testcases import BrowserTestCase, RollbackBrowserTestCase

__all__ = ["BrowserTestCase", "PageError", "PageFrame", "RollbackBrowserTestCase"]
