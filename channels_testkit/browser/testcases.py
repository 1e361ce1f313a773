"""``BrowserTestCase``: the project's pages in a real browser."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from channels_testkit.live.testcases import (
    LiveServerTestCase,
    RollbackLiveServerTestCase,
    ServedTests,
)
from channels_testkit.running.options import LEVELS, check_choice, check_seconds

from .chromium import find_programs
from .methods import BrowserMethods
from .report import Places

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_testkit.running.run import TestRun


__unittest = True


class BrowsedTests(BrowserMethods, ServedTests):
    """Browsers around the tests of a class, which has a live server."""

    if TYPE_CHECKING:
        # What unittest's test cases have.
        def id(self) -> str: ...  # noqa: D102 - of unittest

    @classmethod
    def setUpClass(cls) -> None:
        """Find Chromium, and start the live server."""
        check_choice(cls, cls.__name__, "check_page", LEVELS)
        check_seconds(cls, cls.__name__, "browser_timeout")
        programs = find_programs()
        # It needs Selenium, which is there now.
        from .session import Browser, BrowserPool

        super().setUpClass()
        start = functools.partial(Browser, programs, cls.browser_arguments)
        enter: Any = cls.enterClassContext  # type: ignore[attr-defined]
        cls._pool = enter(BrowserPool(start))

    # Around a test.

    def _kit_name(self) -> str:
        return self.id()

    @property
    def _places(self) -> Places:
        return Places(self.live_server_url, self.live_server_ws_url)

    def _kit_run_begins(self, run: TestRun) -> None:
        super()._kit_run_begins(run)
        self._own_browser = self._evidence = None
        # Before the server ends the test: a page that has lost its connection
        # may connect again.
        run.outside.closers.append(functools.partial(self._leave_pages, run))

    def _callSetUp(self) -> None:
        with self._evidence_of_failure():
            super()._callSetUp()

    def _callTestMethod(self, method: Callable[[], Any]) -> None:
        with self._evidence_of_failure():
            super()._callTestMethod(method)


class BrowserTestCase(BrowsedTests, LiveServerTestCase):
    """
    ``LiveServerTestCase`` with headless Chromium, driven by Selenium.

    ``browser`` is the driver. A browser starts when a test first uses it and
    serves all tests of the class, but each test begins without pages, cookies
    and storage of the test before.

    A page on which a script fails or is missing, or a WebSocket cannot
    connect, fails the test. A test that fails leaves a screenshot, the page,
    its console and its frames in a folder, which the failure names.

    Without Chromium or Selenium, the tests are skipped.
    """


class RollbackBrowserTestCase(BrowsedTests, RollbackLiveServerTestCase):
    """
    ``BrowserTestCase`` in one transaction, which is rolled back.

    It is to ``BrowserTestCase`` what ``RollbackLiveServerTestCase`` is to
    ``LiveServerTestCase``.
    """
