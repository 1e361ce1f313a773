"""What a test does with its browsers, and what they leave behind."""

from __future__ import annotations

import contextlib
import unittest
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urljoin

from channels_testkit.asgi.login import Login
from channels_testkit.engine.added_lines import add_line

from .assertions import PageAssertions
from .exceptions import GONE, BrowserGone
from .report import Places, page_errors

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

    from channels_testkit.running.run import TestRun

    from .session import Browser, BrowserPool

__unittest = True


class BrowserMethods(PageAssertions):
    """The browsers of a test that has a live server."""

    #: Seconds that an assertion waits for what a page does.
    browser_timeout: float = 5.0
    #: What an error on a page does: "fail", "warn" or "off".
    check_page: str = "fail"
    #: Where tests that fail leave a folder, if CHANNELS_TESTKIT_EVIDENCE is
    #: not set. By default below the system's directory for temporary files.
    evidence_dir: str | Path | None = None
    #: More arguments for Chromium, such as ``"--lang=de"``.
    browser_arguments: Collection[str] = ()

    _pool: ClassVar[BrowserPool | None] = None
    _own_browser: Browser | None = None
    _evidence: Path | None = None

    if TYPE_CHECKING:
        # What a test has.
        get_login: Any

        def _kit_name(self) -> str: ...
        @property
        def _places(self) -> Places: ...

    # Browsers.

    @property
    def browser(self) -> Chrome:
        """The test's browser: a Selenium WebDriver, made on first use."""
        return self._browser(None).driver

    def new_browser(self, user: Any = None) -> Chrome:
        """
        Return another browser, with cookies of its own, for another user.

        ``user`` is logged in there.
        """
        driver = self._take_browser().driver
        if user is not None:
            self.browser_login(user, driver)
        return driver

    def browser_login(self, user: Any, browser: Chrome | None = None) -> None:
        """
        Log a user in by cookie, without a page and a form.

        The cookies are those that ``get_login()`` returns. Raises
        ``ValueError`` if it returns none: a browser cannot be given other
        headers.
        """
        found = self._browser(browser)
        with self._kit.database.uncounted():
            given = self._kit.call_test_code(self.get_login, user)
        cookies = Login.from_mapping(given).cookies
        if not cookies:
            returned = ", ".join(map(repr, given)) or "nothing"
            raise ValueError(
                f"get_login() has returned {returned} for {str(user)!r}, and a browser"
                " takes only cookies. Return 'cookies' from get_login(), or log in on a"
                " page."
            )
        for name, value in cookies.items():
            text = getattr(value, "value", value)
            found.set_cookie(name, text, self._places.http)

    def open_page(self, path: str, browser: Chrome | None = None) -> Chrome:
        """Open a path of the live server, and return the browser."""
        driver = self._browser(browser).driver
        driver.get(urljoin(self._places.http, path))
        return driver

    def _browser(self, driver: Chrome | None) -> Browser:
        if driver is not None:
            return self._browsers.find(driver)
        if self._own_browser is None:
            self._own_browser = self._take_browser()
        return self._own_browser

    def _page(self, driver: Chrome | None) -> Browser:
        """Return the browser whose page is looked at."""
        found = self._browser(driver)
        if driver is None and self._browsers.only_others_have_pages(found):
            raise RuntimeError(
                "self.browser has opened no page in this test, but another browser"
                " has: pass browser=."
            )
        return found

    def _take_browser(self) -> Browser:
        if self._kit.is_async:
            raise RuntimeError(
                "A call that waits for the browser in an async test: make it a sync"
                " test ('def', not 'async def')."
            )
        return self._browsers.take()

    @property
    def _browsers(self) -> BrowserPool:
        if self._pool is None:
            raise AttributeError(
                f"{type(self).__name__} has no browsers now: they run from"
                " setUpClass() to the class's clean-ups."
            )
        return self._pool

    # The end of a test.

    def _leave_pages(self, run: TestRun) -> None:
        try:
            with self._evidence_of_failure():
                self._check_pages(run)
            for error in run.errors.pending():
                self._name_evidence(error)
        finally:
            self._browsers.give_back()

    def _check_pages(self, run: TestRun) -> None:
        self._browsers.catch_up()
        if self._browsers.has_lost_one() and self._evidence is None:
            raise BrowserGone
        errors = self._browsers.errors()
        if self.check_page == "off" or not errors:
            return
        text = page_errors(errors, self._places)
        if self.check_page == "fail":
            failure = self.failureException(text)
            run.outside.explain(failure)
            raise failure
        for warning in run.warnings.warn(text):
            raise warning

    @contextlib.contextmanager
    def _evidence_of_failure(self) -> Iterator[None]:
        try:
            yield
        except unittest.SkipTest:
            raise
        except Exception as error:
            self._name_evidence(error)
            raise

    def _name_evidence(self, error: BaseException) -> None:
        """Save what is seen, once in a test, and say where."""
        if getattr(error, "stacktrace", None):
            # Addresses in Chromium's driver, which would hide the rest.
            error.stacktrace = None  # type: ignore[attr-defined]
        browsers = self._browsers
        if not browsers.in_use:
            return
        browsers.catch_up()
        if browsers.has_lost_one() and not isinstance(error, BrowserGone):
            add_line(error, GONE)
        if self._evidence is None:
            self._evidence = browsers.save(self._kit_name(), self.evidence_dir)
        add_line(error, f"Browser evidence: {self._evidence}")
