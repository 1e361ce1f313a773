"""``channels_browser``: the project's pages in a browser, for a function."""

from __future__ import annotations

import functools
import unittest
from typing import TYPE_CHECKING, Any

from channels_testkit.browser.chromium import find_programs
from channels_testkit.browser.methods import BrowserMethods
from channels_testkit.browser.report import Places
from channels_testkit.running.options import LEVELS, check_choice, check_seconds

from .channels_test import ChannelsTest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import ExitStack

    from selenium.webdriver import Chrome

    from channels_testkit.browser.session import BrowserPool

    from .live_server import ChannelsLiveServer

__unittest = True


class BrowserTest(BrowserMethods, ChannelsTest):
    """The methods and options of a ``BrowserTestCase``."""

    _server: ChannelsLiveServer

    @property
    def _places(self) -> Places:
        return Places(self._server.url, self._server.ws_url)

    def has_failed(self, error: BaseException) -> None:
        """Save what the browsers show, and say where."""
        if isinstance(error, Exception) and not isinstance(error, unittest.SkipTest):
            self._name_evidence(error)


class Pools:
    """The browsers of the session, which wait for the next test."""

    def __init__(self, undo: ExitStack) -> None:
        self._undo = undo
        self._pools: dict[tuple[str, ...], BrowserPool] = {}

    def of(self, arguments: Iterable[str]) -> BrowserPool:
        """Return the browsers with some arguments."""
        programs = find_programs()
        # It needs Selenium, which is there now.
        from channels_testkit.browser.session import Browser, BrowserPool

        key = tuple(arguments)
        if key not in self._pools:
            start = functools.partial(Browser, programs, key)
            self._pools[key] = self._undo.enter_context(BrowserPool(start))
        return self._pools[key]


def browse(test: BrowserTest, server: Any, pools: Pools) -> Chrome:
    """Return the browser of a test, which is watched from now on."""
    check_choice(test, "channels_browser", "check_page", LEVELS)
    check_seconds(test, "channels_browser", "browser_timeout")
    pool = pools.of(test.browser_arguments)
    vars(test).update(_pool=pool, _server=server)
    # Before the server ends the test: a page that has lost its connection
    # may dial again.
    leave = functools.partial(test._leave_pages, test.run)  # noqa: SLF001 - its own
    test.run.outside.closers.append(leave)
    return test.browser
