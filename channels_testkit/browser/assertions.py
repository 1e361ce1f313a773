"""Assertions about pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.wire import expected_payload
from channels_testkit.assertions.verdicts import with_message
from channels_testkit.layers.group_failures import no_receivers
from channels_testkit.matching import matches
from channels_testkit.running.arguments import (
    PAYLOAD,
    TEXT,
    TEXT_OR_NONE,
    ArgumentKind,
    check_arguments,
    has_attribute,
)
from channels_testkit.running.options import check_seconds
from channels_testkit.running.seconds import takes_seconds

from .page_log import RECEIVED, SENT
from .report import (
    Places,
    no_frame,
    no_page_error,
    not_shown,
    raised_as_well,
    still_shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

    from channels_testkit.running.run import TestRun

    from .devtools import DevTools
    from .page_log import PageError, PageFrame
    from .session import Browser

__unittest = True

#: Of the messages of a test, all.
_ALL = 0
SELECTOR = ArgumentKind("a CSS selector", lambda value: isinstance(value, str))
#: Not a browser, which has a keyword of its own.
ON_PAGE = ArgumentKind(
    "a payload (another browser is given as browser=)",
    lambda value: PAYLOAD.takes(value) and not has_attribute(value, "execute_cdp_cmd"),
)


class PageErrorBlock:
    """The block of ``assertPageError()``."""

    def __init__(
        self,
        devtools: DevTools,
        text: str,
        timeout: float,
        judge: Callable[..., None],
    ) -> None:
        self._devtools = devtools
        self._text = text
        self._timeout = timeout
        self._judge = judge
        self._expected: list[PageError] = []

    def __enter__(self) -> list[PageError]:
        self._devtools.catch_up()
        self._known = self._devtools.log.errors
        return self._expected

    def __exit__(self, kind: object, *exc_info: object) -> None:
        __tracebackhide__ = True
        if kind is not None:
            return
        is_met = self._devtools.wait_until(self._find, self._timeout)
        self._devtools.catch_up()
        self._judge(self._new(), is_met=is_met)
        self._expected += self._find()
        self._devtools.log.ignore(self._expected)

    def _find(self) -> list[PageError]:
        return [error for error in self._new() if self._text in error.text]

    def _new(self) -> list[PageError]:
        errors = self._devtools.log.errors
        return [error for error in errors if not _has(self._known, error)]


def _has(errors: Iterable[PageError], wanted: PageError) -> bool:
    """Tell whether that very error is among them, not one that reads alike."""
    return any(error is wanted for error in errors)


class PageAssertions:
    """
    Assertions that wait for what a page does.

    ``browser`` is a browser that ``new_browser()`` has returned; None means
    ``self.browser``. For ``timeout``, None means ``browser_timeout``.
    """

    if TYPE_CHECKING:
        # What a test case has.
        @property
        def _places(self) -> Places: ...
        @property
        def _kit(self) -> TestRun: ...
        def _browser(self, driver: Chrome | None) -> Browser: ...
        def _page(self, driver: Chrome | None) -> Browser: ...

    browser_timeout: float
    failureException: Any

    @takes_seconds
    def assertPageShows(
        self,
        selector: str,
        text: str | None = None,
        *,
        browser: Chrome | None = None,
        timeout: float | None = None,
        msg: object = None,
    ) -> WebElement:
        """
        Assert that the page shows an element, and return it.

        It waits for a visible element that the CSS selector matches and whose
        text, or value, contains ``text``; white space counts as one space.
        Another page may be loaded meanwhile.

        Fails if there is none within the timeout, and says what the page
        shows. Raises ``ValueError`` if it is not a CSS selector.
        """
        __tracebackhide__ = True
        self._check_shown("assertPageShows", selector, text)
        page, seconds = self._page(browser), self._seconds(timeout)
        shown = page.wait_for(selector, text, is_wanted=True, timeout=seconds)
        if not shown.is_met:
            failure = not_shown(selector, text, shown, seconds, self._places)
            raise self._failure(failure, page, msg)
        return shown.element

    @takes_seconds
    def assertPageShowsNot(
        self,
        selector: str,
        text: str | None = None,
        *,
        browser: Chrome | None = None,
        timeout: float | None = None,
        msg: object = None,
    ) -> None:
        """
        Assert that the page does not show an element.

        It waits until what ``assertPageShows()`` would find is gone or hidden.
        An element may still come later: first wait for what comes last.
        """
        __tracebackhide__ = True
        self._check_shown("assertPageShowsNot", selector, text)
        page, seconds = self._page(browser), self._seconds(timeout)
        shown = page.wait_for(selector, text, is_wanted=False, timeout=seconds)
        if not shown.is_met:
            failure = still_shown(selector, text, shown, seconds, self._places)
            raise self._failure(failure, page, msg)

    def page_frames(self, browser: Chrome | None = None) -> list[PageFrame]:
        """Return the frames of the pages of this test, in order."""
        found = self._browser(browser)
        found.devtools.catch_up()
        return self._decoded(found)

    @takes_seconds
    def assertPageReceives(
        self,
        expected: object,
        *,
        browser: Chrome | None = None,
        partial: bool = False,
        timeout: float | None = None,
        msg: object = None,
    ) -> PageFrame:
        """
        Assert that a WebSocket of the page receives a frame, and return it.

        It may have come at any time of the test, on any of the pages; the
        first that matches is returned. It is matched as everywhere: see
        ``assertReceivesJson()``.
        """
        __tracebackhide__ = True
        check_arguments(self, "assertPageReceives", "expected", (ON_PAGE, expected))
        return self._await_frame(
            RECEIVED, expected, browser, partial=partial, timeout=timeout, msg=msg
        )

    @takes_seconds
    def assertPageSends(
        self,
        expected: object,
        *,
        browser: Chrome | None = None,
        partial: bool = False,
        timeout: float | None = None,
        msg: object = None,
    ) -> PageFrame:
        """Assert that a WebSocket of the page sends a frame, and return it."""
        __tracebackhide__ = True
        check_arguments(self, "assertPageSends", "expected", (ON_PAGE, expected))
        return self._await_frame(
            SENT, expected, browser, partial=partial, timeout=timeout, msg=msg
        )

    @takes_seconds
    def assertPageError(
        self,
        text: str = "",
        *,
        browser: Chrome | None = None,
        timeout: float | None = None,
        msg: object = None,
    ) -> PageErrorBlock:
        """
        Expect an error on a page, for the length of a ``with`` block.

        An error is one that no script caught, a WebSocket that failed, what
        the page's Content-Security-Policy has blocked, or a script, style
        sheet or event stream that the page's server does not have. The end of
        the block waits for it. The block yields a list, which is filled with
        the errors whose text contains ``text``; they do not fail the test.

        Fails if there is none. An exception of the block itself comes first.
        """
        check_arguments(self, "assertPageError", "text", (TEXT, text))

        def judge(errors: list[PageError], *, is_met: bool) -> None:
            __tracebackhide__ = True
            if not is_met:
                failure = no_page_error(text, errors, seconds, self._places)
                raise self.failureException(with_message(failure, msg))

        seconds = self._seconds(timeout)
        return PageErrorBlock(self._browser(browser).devtools, text, seconds, judge)

    def _check_shown(self, call: str, selector: object, text: object) -> None:
        __tracebackhide__ = True
        arguments = (SELECTOR, selector), (TEXT_OR_NONE, text)
        check_arguments(self, call, "selector, text", *arguments)

    def _await_frame(
        self,
        direction: str,
        expected: object,
        browser: Chrome | None,
        *,
        partial: bool,
        timeout: float | None,
        msg: object,
    ) -> PageFrame:
        """Return the first frame that matches; fail where none comes."""
        __tracebackhide__ = True
        page, seconds = self._page(browser), self._seconds(timeout)
        wanted = expected_payload(self._kit.wire, expected)
        matching: list[PageFrame] = []

        def look() -> bool:
            matching[:] = [
                frame
                for frame in self._decoded(page)
                if frame.direction == direction
                and matches(wanted, frame.payload, partial=partial)
            ]
            return bool(matching)

        found = page.devtools.wait_until(look, seconds)
        if not found:
            # What the page has done by now may not be known yet.
            page.devtools.catch_up()
            found = look()
        if found:
            return matching[0]
        failure = no_frame(
            direction,
            wanted,
            self._decoded(page),
            seconds,
            partial=partial,
            places=self._places,
        )
        raise self._failure(failure, page, msg)

    def _failure(self, text: str, page: Browser, msg: object) -> BaseException:
        """Return a failure that ends with what may be its cause."""
        page.devtools.catch_up()
        causes = [raised_as_well(page.log.errors, self._places), no_receivers(_ALL)]
        whole = "\n\n".join([text, *filter(None, causes)])
        failure: BaseException = self.failureException(with_message(whole, msg))
        return failure

    def _decoded(self, browser: Browser) -> list[PageFrame]:
        return [
            frame._replace(payload=self._payload_of(frame.payload))
            for frame in browser.log.frames
        ]

    def _payload_of(self, frame: str | bytes) -> Any:
        try:
            return self._kit.wire.decode_frame(frame)
        except ValueError:
            return frame

    def _seconds(self, timeout: float | None) -> float:
        check_seconds(self, type(self).__name__, "browser_timeout")
        return self.browser_timeout if timeout is None else timeout
