"""Frames of a page, held to the schemas of its test."""

from __future__ import annotations

from typing import Any

from channels_testkit import FrameError
from channels_testkit.browser import BrowserTestCase
from tests.browser.outer import BrowserOuterTestCase
from tests.utils import run_case

GREETING = {
    "required": ["text"],
    "properties": {"text": {"type": "string", "pattern": "^hello"}},
}


def say(case: Any, text: str) -> None:
    browser = case.open_page("/pages/room/")
    case.assertPageShows("#status", "connected")
    browser.find_element("id", "text").send_keys(text)
    browser.find_element("id", "send").click()


class PageSchemaTests(BrowserOuterTestCase):
    def test_frames_of_the_page_and_of_the_application(self) -> None:
        class Inner(BrowserTestCase):
            frame_schema: Any = GREETING
            sent_frame_schema: Any = GREETING

            def test_right(self) -> None:
                say(self, "hello")
                self.assertPageShows("li", "hello")

        self.assertEqual(run_case(Inner).texts, [])

    def test_page_sends_a_wrong_frame(self) -> None:
        class Inner(BrowserTestCase):
            sent_frame_schema = GREETING

            def test_wrong(self) -> None:
                say(self, "goodbye")
                self.assertPageShows("li", "goodbye")

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, FrameError)
        self.assertRegex(
            str(error),
            r"^The client's frame to /ws/room/1/ breaks sent_frame_schema at \$\.text:"
            r" 'goodbye' does not match",
        )
