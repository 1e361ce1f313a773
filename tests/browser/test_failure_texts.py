"""The failures about pages that the reference shows, compared whole."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User

from channels_testkit import Group
from channels_testkit.browser import BrowserTestCase
from tests.browser.outer import BrowserOuterTestCase
from tests.scenarios import Scenarios
from tests.utils import FAILURES, assertFailureText, run_case

scenario = Scenarios()


@scenario
def browser_not_shown(case: Any) -> None:
    case.open_page("/pages/changing/")
    case.assertPageShows("li", "coffee", timeout=0)


@scenario
def browser_nothing_there(case: Any) -> None:
    case.open_page("/pages/changing/")
    case.assertPageShows("#status", timeout=0)


@scenario
def browser_still_shown(case: Any) -> None:
    case.open_page("/pages/changing/")
    case.assertPageShowsNot("li", "tea", timeout=0)


@scenario
def browser_no_selector(case: Any) -> None:
    case.open_page("/pages/changing/")
    case.assertPageShows("li[")


@scenario
def browser_no_frame(case: Any) -> None:
    case.open_page("/pages/room/")
    case.assertPageShows("#status", "connected")
    case.browser.find_element("id", "text").send_keys("hullo")
    case.browser.find_element("id", "send").click()
    case.assertPageShows("li", "hullo")
    case.assertPageReceives({"text": "hello"}, timeout=0)


@scenario
def browser_no_frame_at_all(case: Any) -> None:
    case.open_page("/pages/changing/")
    case.assertPageSends({"text": "hello"}, timeout=0)


@scenario
def browser_nobody_in_the_group(case: Any) -> None:
    case.open_page("/pages/room/")
    case.assertPageShows("#status", "connected")
    Group("room-2").send({"type": "room.message", "content": {"text": "hello"}})
    case.assertPageShows("#log li", "hello", timeout=0)


@scenario
def browser_error_meanwhile(case: Any) -> None:
    case.check_page = "off"  # which would say it once more
    case.open_page("/pages/broken/")
    case.assertPageShows("#status", timeout=0)


@scenario
def browser_forgotten(case: Any) -> None:
    browser = case.new_browser()
    case.open_page("/pages/changing/", browser)
    case.assertPageShows("li", "tea")


@scenario
def browser_page_error(case: Any) -> None:
    case.open_page("/pages/broken/")


@scenario
def browser_policy(case: Any) -> None:
    case.open_page("/pages/forbidding/")
    case.assertPageShows("p", "closed")


@scenario
def browser_no_page_error(case: Any) -> None:
    with case.assertPageError("WebSocket", timeout=0):
        case.open_page("/pages/empty/")


@scenario
def browser_cookies_only(case: Any) -> None:
    case.get_login = lambda user: {"headers": {"authorization": "Bearer x"}}
    case.browser_login(User(username="ann"))


@scenario
def browser_of_another_test(case: Any) -> None:
    case.open_page("/pages/empty/", "ann")


@scenario
async def browser_in_an_async_test(case: Any) -> None:
    case.open_page("/pages/empty/")


class FailureTextTests(BrowserOuterTestCase):
    def test_each_scenario_prints_its_file(self) -> None:
        """All in one Chromium."""
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        tests = {f"test_{name}": body for name, body in sorted(scenario.items())}
        names = {"__module__": __name__, "evidence_dir": folder, **tests}
        raised = run_case(type("RoomTests", (BrowserTestCase,), names)).raised
        self.assertEqual(len(raised), len(tests), raised)
        for name, error in zip(sorted(scenario), raised, strict=True):
            with self.subTest(name):
                notes = getattr(error, "__notes__", [])
                text = "\n".join([str(error), *notes])
                shown = type(error)(text.replace(folder, "/tmp/evidence"))
                assertFailureText(name, shown)

    def test_each_file_is_of_a_scenario(self) -> None:
        files = {path.stem for path in Path(FAILURES).glob("browser-*.txt")}
        self.assertEqual(files, set(scenario))
