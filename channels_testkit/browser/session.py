"""A browser of a test case class, and all of them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from channels_testkit.engine.programs import Watcher

from .devtools import DevTools
from .evidence import save_evidence
from .exceptions import BrowserGone
from .page_content import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .chromium import Programs
    from .page_content import PageContent
    from .page_log import PageError

__unittest = True

_ARGUMENTS = (
    "--headless=new",
    "--window-size=1200,800",
    "--no-first-run",
    # A page that is left would keep its streams open.
    "--disable-back-forward-cache",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",  # it is small in a container
    "--disable-gpu",
    "--disable-sync",
)
_ROOT = 0
# There are sockets in it, whose paths have to be short. TMPDIR may not be.
_SHORT_DIRECTORY = "/tmp"
#: Where Chromium has what is temporary: the second one is for macOS.
_TEMPORARY = ("TMPDIR", "MAC_CHROMIUM_TMPDIR")
_SECONDS_TO_CLOSE = 10.0


class Browser:
    """A Chromium, its driver, and the connection that watches its pages."""

    def __init__(self, programs: Programs, arguments: Iterable[str]) -> None:
        with contextlib.ExitStack() as undo:
            directory = tempfile.mkdtemp(prefix="ctk-browser-", dir=_SHORT_DIRECTORY)
            watcher = Watcher(directory)
            undo.callback(watcher.end)
            driver = WatchedDriver(programs.chromedriver, watcher)
            self.driver = start(programs.chromium, arguments, driver)
            undo.callback(self.driver.quit)
            self.devtools = DevTools(devtools_url(self.driver))
            undo.callback(self.devtools.close)
            self._undo = undo.pop_all()
        self.log = self.devtools.log

    def wait_for(
        self, selector: str, text: str | None, *, is_wanted: bool, timeout: float
    ) -> PageContent:
        """Wait until the page shows an element, or no longer shows one."""
        try:
            return wait_for(
                self.driver, selector, text, is_wanted=is_wanted, timeout=timeout
            )
        except WebDriverException as error:
            self.devtools.catch_up()
            if self.devtools.is_gone:
                raise BrowserGone from error
            raise

    def set_cookie(self, name: str, value: str, url: str) -> None:
        """Give the browser a cookie, whatever page it is on."""
        self.devtools.command(
            "Storage.setCookies", cookies=[{"name": name, "value": value, "url": url}]
        )

    def start_afresh(self) -> None:
        """
        Leave all pages for an empty one, with no cookies, storage and cache.

        Raises what keeps it from that, ``BrowserGone`` for instance.
        """
        devtools = self.devtools
        left = devtools.pages()
        target = devtools.command(
            "Target.createTarget", url="about:blank", newWindow=True
        )
        for page in left:
            devtools.command("Target.closeTarget", targetId=page)
        fresh = [target["targetId"]]
        if not devtools.wait_until(
            lambda: devtools.pages() == fresh, _SECONDS_TO_CLOSE
        ):
            raise RuntimeError("The browser did not close a page.")
        devtools.command("Storage.clearCookies")
        self.driver.switch_to.window(*fresh)
        # A redirect may be in it, which another test's settings have made.
        self.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
        for origin in sorted(self.log.origins):
            self.driver.execute_cdp_cmd(
                "Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"}
            )
        self.log.clear()

    def quit(self) -> None:
        """End the browser and its driver."""
        self._undo.close()


class WatchedDriver(Service):  # type: ignore[misc]  # it is untyped
    """Chromium's driver, which ends with this process, as Chromium does."""

    def __init__(self, chromedriver: str, watcher: Watcher) -> None:
        temporary = dict.fromkeys(_TEMPORARY, watcher.directory)
        super().__init__(
            env={**os.environ, **temporary}, popen_kw={"start_new_session": True}
        )
        self.path = str(shutil.which("sh"))
        self._chromedriver, self._watcher = chromedriver, watcher

    def env_path(self) -> None:
        """Let SE_CHROMEDRIVER name no other program to start."""

    def command_line_args(self) -> list[str]:
        """Return the arguments of the shell that becomes the driver."""
        arguments = super().command_line_args()
        return self._watcher.arguments(self._chromedriver, *arguments)


def start(chromium: str, arguments: Iterable[str], driver: Service) -> Chrome:
    """Start Chromium, with a profile of its own, and return its driver."""
    options = ChromeOptions()
    options.binary_location = chromium
    for argument in [*_ARGUMENTS, *arguments]:
        options.add_argument(argument)
    if getattr(os, "geteuid", object)() == _ROOT:
        # Chromium's sandbox does not work for root.
        options.add_argument("--no-sandbox")
    return Chrome(options=options, service=driver)


def devtools_url(driver: Chrome) -> str:
    """Return where Chromium speaks the DevTools protocol."""
    profile = Path(driver.capabilities["chrome"]["userDataDir"])
    port, path = (profile / "DevToolsActivePort").read_text().split()
    return f"ws://127.0.0.1:{port}{path}"


class BrowserPool:
    """
    The browsers of a test case class: those in use, and those that wait.

    A context manager, which ends them.
    """

    def __init__(self, start: Callable[[], Browser]) -> None:
        self._start = start
        self._waiting: list[Browser] = []
        self.in_use: list[Browser] = []

    def __enter__(self) -> BrowserPool:
        return self

    def __exit__(self, *exc_info: object) -> None:
        with contextlib.ExitStack() as to_end:
            for browser in [*self._waiting, *self.in_use]:
                to_end.callback(browser.quit)

    def find(self, driver: Chrome) -> Browser:
        """Return the browser in use that a driver is of."""
        for browser in self.in_use:
            if browser.driver is driver:
                return browser
        raise TypeError(
            "browser= is self.browser, or a browser that self.new_browser() returned in"
            f" this test, not {driver!r}."
        )

    def catch_up(self) -> None:
        """Know all that the pages in use have done so far."""
        for browser in self.in_use:
            browser.devtools.catch_up()

    def has_lost_one(self) -> bool:
        """Tell whether a browser in use does not run any more."""
        return any(browser.devtools.is_gone for browser in self.in_use)

    def only_others_have_pages(self, browser: Browser) -> bool:
        """Tell whether this browser has opened no page, and another has."""
        if not browser.log.has_page:
            self.catch_up()
        with_page = [it for it in self.in_use if it.log.has_page]
        return bool(with_page) and browser not in with_page

    def errors(self) -> list[PageError]:
        """Return the errors of all pages in use."""
        return [error for browser in self.in_use for error in browser.log.errors]

    def save(self, test: str, directory: str | Path | None) -> Path:
        """Save what the browsers in use show; return the test's folder."""
        return save_evidence(self.in_use, test, directory)

    def take(self) -> Browser:
        """Return a browser that nobody uses; start one where there is none."""
        browser = self._waiting.pop(0) if self._waiting else self._start()
        self.in_use.append(browser)
        return browser

    def give_back(self) -> None:
        """Make all fresh for the next test; end those that cannot be."""
        used, self.in_use = self.in_use, []
        with contextlib.ExitStack() as to_do:
            for browser in reversed(used):
                to_do.callback(self._give_back, browser)

    def _give_back(self, browser: Browser) -> None:
        try:
            browser.start_afresh()
        except BrowserGone:
            # The test has been told.
            browser.quit()
        except BaseException:
            browser.quit()
            raise
        else:
            self._waiting.append(browser)
