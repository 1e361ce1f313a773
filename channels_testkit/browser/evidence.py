"""The folder that a failed test leaves: what its browsers showed."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from selenium.common.exceptions import WebDriverException
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from selenium.webdriver import Chrome

    from .page_log import PageLog

EVIDENCE = "CHANNELS_TESTKIT_EVIDENCE"
_SECONDS_TO_ANSWER = 5.0


class EvidenceSource(Protocol):
    """The part of a browser that evidence needs."""

    driver: Chrome
    log: PageLog


def save_evidence(
    browsers: Iterable[EvidenceSource], test: str, directory: str | Path | None
) -> Path:
    """Save what is seen of the browsers, and return the test's folder."""
    above = os.environ.get(EVIDENCE) or directory or _temporary()
    folder = Path(above, re.sub(r"[^\w.-]+", "_", test)).absolute()
    for number, browser in enumerate(browsers, 1):
        place = folder if number == 1 else folder / f"browser-{number}"
        place.mkdir(parents=True, exist_ok=True)
        _save_browser(browser, place)
    return folder


@functools.cache
def _temporary() -> str:
    return tempfile.mkdtemp(prefix="channels-testkit-evidence-")


def _save_browser(browser: EvidenceSource, folder: Path) -> None:
    log = browser.log
    (folder / "console.log").write_text("".join(f"{line}\n" for line in log.console))
    (folder / "frames.log").write_text("".join(f"{line}\n" for line in log.traffic))
    try:
        with _quick_answers(browser.driver):
            _save_windows(browser.driver, folder)
    except (WebDriverException, HTTPError) as error:
        # Of one that is dead, for instance, there is nothing to be seen.
        (folder / "not-saved.txt").write_text(str(error))


@contextlib.contextmanager
def _quick_answers(driver: Chrome) -> Iterator[None]:
    """Wait for the driver no longer than for a page that can answer."""
    # Selenium has this object since 4.26; before it waits for two minutes.
    config: Any = getattr(driver.command_executor, "client_config", None)
    if config is None:
        yield
        return
    timeout, config.timeout = config.timeout, _SECONDS_TO_ANSWER
    try:
        yield
    finally:
        config.timeout = timeout


def _save_windows(driver: Chrome, folder: Path) -> None:
    """Save each window; the first one's files have no number."""
    current = driver.current_window_handle
    for number, window in enumerate(driver.window_handles, 1):
        suffix = "" if number == 1 else f"-{number}"
        driver.switch_to.window(window)
        (folder / f"page{suffix}.html").write_text(driver.page_source)
        (folder / f"screenshot{suffix}.png").write_bytes(driver.get_screenshot_as_png())
    driver.switch_to.window(current)
