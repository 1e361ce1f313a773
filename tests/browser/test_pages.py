"""What a page shows, and the frames that cross its WebSockets."""

from __future__ import annotations

import datetime
import re
import unittest
from unittest import mock

from django.shortcuts import redirect
from django.test import override_settings
from django.urls import path

from channels_testkit import Group
from channels_testkit.browser import BrowserTestCase, PageFrame
from channels_testkit.live.uvicorn import UvicornServer
from channels_testkit.testcases.requirements import installed
from tests.app import pages


class ShowingTests(BrowserTestCase):
    def test_an_element_is_returned(self):
        self.open_page("/pages/changing/")
        self.assertEqual(self.assertPageShows("h1").text, "Orders")

    def test_white_space_counts_as_one_space(self):
        self.open_page("/pages/changing/")
        self.assertPageShows("li", "tea for two")
        self.assertPageShows("li", "tea\n for")

    def test_text_of_a_field_is_its_value(self):
        self.open_page("/pages/changing/")
        self.assertPageShows("input", "query")

    def test_what_comes_or_goes_later_is_waited_for(self):
        browser = self.open_page("/pages/changing/")
        show, remove = browser.find_elements("tag name", "button")
        show.click()
        self.assertPageShows("li", "coffee")
        remove.click()
        self.assertPageShowsNot("li", "tea")

    def test_a_value_that_a_script_sets_is_waited_for(self):
        browser = self.open_page("/pages/changing/")
        # For one frame in twenty, so that a look at the end is too late.
        browser.execute_script("""
          const field = document.querySelector("input");
          let frames = 0;
          (function blink() {
            field.value = ++frames % 20 ? "" : "sugar";
            requestAnimationFrame(blink);
          })();
        """)
        self.assertPageShows("input", "sugar")
        self.assertPageShowsNot("input", "sugar")

    def test_another_page_may_come_meanwhile(self):
        self.open_page("/pages/leading/")
        self.assertPageShows("#status", "connected")

    def test_a_page_that_is_loaded_again_and_again(self):
        browser = self.open_page("/pages/reloading/")
        self.assertPageShows("p", "loaded 5 times")
        browser.execute_script("location = '/pages/leading/'")
        self.assertPageShows("#status", "connected")

    def test_only_visible_elements_count(self):
        self.open_page("/pages/changing/")
        self.assertPageShowsNot("li", "coffee")
        with self.assertRaises(AssertionError):
            self.assertPageShows("li", "coffee", timeout=0)

    def test_timeout_is_that_of_the_class(self):
        self.browser_timeout = 0
        self.open_page("/pages/empty/")
        with self.assertRaisesRegex(AssertionError, "within 0 s"):
            self.assertPageShows("h1")

    def test_message_is_on_the_first_line(self):
        self.open_page("/pages/changing/")
        for fail in (
            lambda: self.assertPageShows("h2", timeout=0, msg="no subtitle"),
            lambda: self.assertPageShowsNot("h1", timeout=0, msg="still there"),
            lambda: self.assertPageReceives("x", timeout=0, msg="deaf"),
            lambda: self.assertPageSends("x", timeout=0, msg="mute"),
        ):
            with self.assertRaises(AssertionError) as caught:
                fail()
            first_line = str(caught.exception).partition("\n")[0]
            self.assertRegex(first_line, "no subtitle|still there|deaf|mute")

    def test_what_may_be_the_cause_comes_last(self):
        Group("lobby").send({"type": "room.message", "content": "hello"})
        self.open_page("/pages/changing/")
        cause = (
            r"\n\nGroup 'lobby' had no members when a message was sent to it"
            r" at test_pages\.py:\d+\.$"
        )
        for fail in (
            lambda: self.assertPageShows("h2", timeout=0),
            lambda: self.assertPageShowsNot("h1", timeout=0),
            lambda: self.assertPageReceives("x", timeout=0),
            lambda: self.assertPageSends("x", timeout=0),
        ):
            with self.assertRaises(AssertionError) as caught:
                fail()
            self.assertRegex(str(caught.exception), cause)

    def test_inside_a_frame(self):
        browser = self.open_page("/pages/framed/")
        browser.switch_to.frame(self.assertPageShows("iframe"))
        self.assertPageShows("h1", "Orders")

    def test_an_alert_can_be_answered(self):
        browser = self.open_page("/pages/empty/")
        browser.execute_script("setTimeout(() => {document.title = confirm('Sure?')})")
        browser.switch_to.alert.accept()
        self.assertEqual(browser.title, "true")

    def test_windows_of_one_browser(self):
        browser = self.open_page("/pages/changing/")
        browser.switch_to.new_window("tab")
        self.open_page("/pages/room/")
        self.assertPageShows("#status")

    def test_a_page_elsewhere_is_opened_by_its_url(self):
        self.open_page("data:text/html,<h1>elsewhere</h1>")
        self.assertPageShows("h1", "elsewhere")

    async def test_an_async_test_is_refused(self):
        with self.assertRaisesRegex(RuntimeError, "make it a sync test"):
            self.open_page("/pages/empty/")


class BusyPage:
    """The driver of a page that never answers."""

    def set_script_timeout(self, seconds):
        self.seconds = seconds

    def execute_async_script(self, *args):
        from selenium.common.exceptions import TimeoutException

        raise TimeoutException("script timeout")


@unittest.skipUnless(installed("selenium"), "needs Selenium")
class BusyPageTests(unittest.TestCase):
    def test_it_is_given_some_seconds_more(self):
        from selenium.common.exceptions import TimeoutException

        from channels_testkit.browser import page_content

        page = BusyPage()
        with mock.patch.object(page_content, "_SECONDS_TO_ANSWER", -0.001):
            with self.assertRaisesRegex(TimeoutException, "script timeout"):
                page_content.wait_for(page, "p", None, is_wanted=True, timeout=0)
        self.assertEqual(page.seconds, -0.001)


class RoomTests(BrowserTestCase):
    """Two browsers in one room."""

    def setUp(self):
        self.ann, self.ben = self.browser, self.new_browser()
        for browser in (self.ann, self.ben):
            self.open_page("/pages/room/", browser)
            self.assertPageShows("#status", "connected", browser=browser)

    def say(self, text):
        self.ann.find_element("id", "text").send_keys(text)
        self.ann.find_element("id", "send").click()

    def test_both_show_what_one_says(self):
        self.say("hello")
        for browser in (self.ann, self.ben):
            self.assertPageShows("#log li", "hello", browser=browser)

    def test_frames_of_each(self):
        self.say("hello")
        url, page = f"{self.live_server_ws_url}/ws/room/1/", self.ann.current_url
        sent = PageFrame(url, "sent", {"text": "hello"}, page)
        received = sent._replace(direction="received")
        self.assertEqual(self.assertPageSends({"text": "hello"}), sent)
        self.assertEqual(self.assertPageReceives({"text": str}), received)
        heard = self.assertPageReceives({"text": "hello"}, browser=self.ben)
        self.assertEqual(heard, received)
        self.assertEqual(self.page_frames(), [sent, received])
        self.assertEqual(self.page_frames(self.ben), [received])

    def test_what_was_sent_before_is_not_waited_for(self):
        for number in range(50):
            self.ann.execute_script(
                "document.getElementById('text').value = arguments[0];"
                "document.getElementById('send').click();",
                str(number),
            )
            self.assertPageSends({"text": str(number)}, timeout=0)

    def test_frames_are_matched_as_everywhere(self):
        today = datetime.date(2026, 12, 24)
        content = {"text": "hello", "day": today.isoformat(), "tags": [1, 2]}
        Group("room-1").send({"type": "room.message", "content": content})
        self.assertPageReceives({"text": re.compile("hel+o")}, partial=True)
        self.assertPageReceives({"day": today, "tags": (1, 2)}, partial=True)
        with self.assertRaises(AssertionError):
            self.assertPageReceives({"text": "hello"}, timeout=0)

    def test_a_frame_that_comes_later_is_waited_for(self):
        self.ann.execute_script(
            """setTimeout(() => socket.send('{"text": "later"}'), 20)"""
        )
        self.assertPageReceives({"text": "later"}, browser=self.ben)

    def test_one_that_is_not_in_use_is_refused(self):
        with self.assertRaisesRegex(TypeError, "browser= is self.browser, or a"):
            self.assertPageShows("p", browser="ben")

    def test_a_client_without_a_browser_is_in_the_same_room(self):
        cal = self.connect("/ws/room/1/")
        self.say("hello")
        self.assertReceivesJson(cal, {"text": "hello"})


class ForgottenBrowserTests(BrowserTestCase):
    def test_own_browser_without_a_page_beside_another_with_one_is_refused(self):
        self.open_page("/pages/changing/", self.new_browser())
        for look in (
            lambda: self.assertPageShows("h1"),
            lambda: self.assertPageShowsNot("h2"),
            lambda: self.assertPageReceives("x"),
            lambda: self.assertPageSends("x"),
        ):
            with self.assertRaisesRegex(RuntimeError, r"pass browser=\.$"):
                look()

    def test_own_browser_with_a_page_is_meant(self):
        self.open_page("/pages/changing/", self.new_browser())
        self.open_page("/pages/changing/")
        self.assertPageShows("h1")

    def test_own_browser_is_meant_where_no_browser_has_a_page(self):
        self.new_browser()
        self.assertPageShowsNot("h1")


class UvicornRoomTests(RoomTests):
    server_class = UvicornServer


class OtherFrameTests(BrowserTestCase):
    def test_what_is_no_json_is_as_it_is(self):
        self.open_page("/pages/binary/")
        self.assertPageReceives(b"\x00\x01")
        self.assertPageReceives("plain")

    def test_frames_of_workers(self):
        self.open_page("/pages/worker/")
        self.assertPageReceives({"from": "a worker"})

    def test_frames_of_other_windows(self):
        browser = self.open_page("/pages/changing/")
        browser.switch_to.new_window("tab")
        self.open_page("/pages/binary/")
        self.assertPageReceives("plain")

    def test_wire_of_the_test_case_decodes(self):
        self.decode_frame = lambda frame: {"decoded": str(frame)}
        self.open_page("/pages/binary/")
        self.assertPageReceives({"decoded": "plain"})


class FreshTests(BrowserTestCase):
    """Both tests are the same: the second finds nothing of the first."""

    def test_nothing_is_stored(self):
        browser = self.open_page("/pages/storing/")
        self.assertPageShows("p", ", undefined, undefined")
        self.open_page("/pages/storing/")
        self.assertPageShows("p", "kept=1, 1, 1")
        self.assertEqual(len(browser.window_handles), 1)
        self.assertEqual(browser.get_window_size()["width"], 1200)
        self.assertEqual(self.page_frames(), [])
        # The next test has none of this.
        browser.set_window_size(400, 600)
        browser.execute_script("open('/pages/changing/')")
        with self.assertPageError("later"):
            browser.execute_script("setTimeout(() => {throw new Error('later')})")

    test_nothing_is_stored_by_the_other_test = test_nothing_is_stored

    def test_an_alert_may_be_left_open(self):
        """Takes the seconds that a busy page is waited for."""
        browser = self.open_page("/pages/empty/")
        browser.execute_script("setTimeout(() => alert('still open'))")

    def test_no_redirect_is_kept(self):
        page = next(self.pages)

        def view(request):
            return redirect(f"/pages/{page}/", permanent=True)

        urls = (path("moved/", view), path("pages/<slug:name>/", pages.page))
        with override_settings(ROOT_URLCONF=urls):
            self.open_page("/moved/")
            self.assertTrue(self.browser.current_url.endswith(f"/pages/{page}/"))

    test_no_redirect_is_kept_by_the_other_test = test_no_redirect_is_kept
    pages = iter(["empty", "changing"])

    @override_settings(SESSION_COOKIE_NAME="other")
    def test_settings_of_the_test_reach_the_page(self):
        self.open_page("/who/")
        self.assertPageShows("p", "nobody")
