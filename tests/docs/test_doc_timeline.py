"""The page on the timeline shows what is printed, and what it says holds."""

from __future__ import annotations

import os
import re
import traceback
from typing import Any

from channels_testkit import WebsocketTestCase
from tests.utils import FAILURES, InnerResult, OuterTestCase, entered, run_case

from . import timeline

PRINTED = FAILURES.parent / "printed"


class NoticeboardTestCase(WebsocketTestCase):
    __test__ = False  # pytest is not to find it: it fails.
    application: Any = timeline.Noticeboard.as_asgi()
    ws_path = "/"

    def setUp(self) -> None:
        entered(self, timeline.signals_connected())


# docs:start noticeboard-test
class NoticeboardTests(NoticeboardTestCase):
    def test_a_note_is_shown_once(self) -> None:
        ann, ben = self.connect(name="ann"), self.connect(name="ben")
        ann.send_json("tea is ready")
        self.assertReceivesJson(ben, "tea is ready")
        self.assertReceivesNothing(ben)

    # docs:end noticeboard-test


class PrintingTests(NoticeboardTestCase):
    printed: str = ""

    def test_it_is_printed(self) -> None:
        ann, _ben = self.connect(name="ann"), self.connect(name="ben")
        ann.send_json("tea is ready")
        type(self).printed = str(self.timeline)


def told(result: InnerResult) -> str:
    """Return what is printed of the one failure."""
    (error,) = result.raised
    return "".join(traceback.format_exception_only(type(error), error))


class TimelinePageTests(OuterTestCase):
    maxDiff = None

    def test_the_page_shows_the_failure(self) -> None:
        self.assertPage("timeline-of-a-failure", told(run_case(NoticeboardTests)))

    def test_the_page_shows_what_is_printed(self) -> None:
        self.assertEqual(run_case(PrintingTests).texts, [])
        self.assertPage("timeline", f"{PrintingTests.printed}\n")

    def test_what_mends_it_holds(self) -> None:
        mended = timeline.MendedNoticeboard.as_asgi()
        case = type("MendedTests", (NoticeboardTests,), {"application": mended})
        self.assertEqual(run_case(case).texts, [])

    def assertPage(self, name: str, text: str) -> None:
        """Compare a text with a page, but for times."""
        page = PRINTED / f"{name}.txt"
        if os.environ.get("CHANNELS_TESTKIT_UPDATE_FAILURES"):
            page.write_text(text)
        self.assertMultiLineEqual(_timeless(text), _timeless(page.read_text()))


def _timeless(text: str) -> str:
    return re.sub(r"\+\d\.\d{4} s", "+0.0000 s", text)


def load_tests(loader: Any, tests: Any, pattern: Any) -> Any:
    """Leave the test that fails out."""
    return loader.loadTestsFromTestCase(TimelinePageTests)
