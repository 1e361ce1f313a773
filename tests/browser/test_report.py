"""Failures about pages, where a browser is not needed to see them."""

from __future__ import annotations

import unittest

from channels_testkit.browser.page_log import PageError, PageFrame
from channels_testkit.browser.report import (
    Places,
    describe,
    no_frame,
    not_shown,
    page_errors,
    raised_as_well,
)
from channels_testkit.testcases.requirements import installed

PLACES = Places("http://127.0.0.1:8000", "ws://127.0.0.1:8000")


@unittest.skipUnless(installed("selenium"), "needs Selenium")
class ReportTests(unittest.TestCase):
    def shown(self, **fields):
        from channels_testkit.browser.page_content import PageContent

        url = "http://127.0.0.1:8000/a/"
        nothing = PageContent(is_met=False, element=None, url=url, page="", there=[])
        return nothing._replace(**fields)

    def frames(self, *payloads):
        url = "ws://127.0.0.1:8000/ws/"
        return [PageFrame(url, "received", payload, "") for payload in payloads]

    def report(self, expected, frames, direction="received"):
        return no_frame(direction, expected, frames, 5.0, partial=False, places=PLACES)

    def test_only_the_last_frames_are_listed(self):
        lines = self.report("x", self.frames(*range(20))).splitlines()
        self.assertEqual(lines[6], "     ... 8 earlier frames")
        self.assertEqual(lines[7], "     9  <- /ws/ 8")
        self.assertEqual(lines[-1], "    20  <- /ws/ 19")

    def test_whole_payload_that_differs_has_no_path(self):
        self.assertTrue(
            self.report("x", self.frames("y")).startswith(
                "The page received no frame that matches within 5 s; the nearest"
                " differs: expected 'x', found 'y'.\n"
            )
        )

    def test_frame_that_came_too_late_is_shown_without_a_difference(self):
        self.assertTrue(
            self.report("x", self.frames("x")).startswith(
                "The page received no frame that matches within 5 s.\n"
            )
        )

    def test_likest_texts_come_first_and_are_few(self):
        there = [(f"order {number}", True) for number in range(9)]
        shown = self.shown(there=there)
        lines = not_shown("li", "order 7!", shown, 5.0, PLACES).splitlines()
        self.assertEqual(lines[3], "  'order 7'")
        self.assertEqual(len(lines), 8)

    def test_texts_are_as_they_come_where_none_is_wanted(self):
        shown = self.shown(there=[("a", False), ("b", False)])
        lines = not_shown("li", None, shown, 5.0, PLACES).splitlines()
        self.assertEqual(lines[0], "The page /a/ showed no 'li' within 5 s.")
        self.assertEqual(lines[3:], ["  'a' (hidden)", "  'b' (hidden)"])

    def test_empty_page_shows_nothing(self):
        text = not_shown("li", None, self.shown(), 5.0, PLACES)
        self.assertIn("Nothing on it matches 'li'. It shows: nothing", text)

    def test_urls_of_the_server_are_paths_and_others_are_whole(self):
        error = PageError(
            "http://127.0.0.1:8000/room/", "Error: no", "https://cdn.example/a.js"
        )
        self.assertEqual(
            describe(error, PLACES), "/room/: Error: no (https://cdn.example/a.js)"
        )

    def test_errors_of_one_kind_are_counted(self):
        page = "http://127.0.0.1:8000/a/"
        errors = [PageError(page, f"Error: no {n}", "") for n in range(200)]
        errors.append(PageError(page, "Error: another", ""))
        self.assertEqual(
            raised_as_well(errors, PLACES),
            "The page also raised: Error: no 0\n"
            "The page also raised: Error: no 1\n"
            "The page also raised: Error: no 2\n"
            "  ... and 197 more like these\n"
            "The page also raised: Error: another",
        )
        lines = page_errors(errors, PLACES).splitlines()
        self.assertEqual(lines[0], "Page error: Error: no 0, and 200 more.")
        self.assertEqual(
            lines[5:7], ["  ... and 197 more like these", "  /a/: Error: another"]
        )

    def test_errors_of_many_kinds_are_bounded(self):
        page = f"http://127.0.0.1:8000/{'a' * 60_000}/"
        errors = [PageError(page, chr(97 + n) * 60_000, "") for n in range(26)]
        for said in (raised_as_well, page_errors):
            with self.subTest(said.__name__):
                self.assertLess(len(said(errors, PLACES)), 20_000)
