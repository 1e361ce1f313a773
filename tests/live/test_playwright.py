"""Playwright's sync API, beside queries and broadcasts of the test."""

from __future__ import annotations

import asyncio
import os

import django.utils.asyncio
from asgiref.sync import async_to_sync
from django.core.exceptions import SynchronousOnlyOperation
from django.http import HttpResponse
from django.test import SimpleTestCase, override_settings
from django.urls import path
from playwright.sync_api import sync_playwright

from channels_testkit import Group, LiveServerTestCase
from channels_testkit.browser.chromium import find_programs
from channels_testkit.engine import parked_loops, private
from tests.app.models import Note
from tests.utils import entered

PAGE = """<!doctype html>
<title>connecting</title>
<link rel="icon" href="data:,">
<ul></ul>
<script>
  const url = `${location.origin.replace("http", "ws")}/ws/room/1/`;
  const socket = new WebSocket(url);
  socket.onopen = () => document.title = "connected";
  socket.onmessage = ({data}) => {
    const item = document.createElement("li");
    item.textContent = JSON.parse(data).note;
    document.querySelector("ul").append(item);
  };
  const say = (note) => socket.send(JSON.stringify({note}));
</script>
"""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@override_settings(ROOT_URLCONF=(path("room/", lambda _: HttpResponse(PAGE)),))
class PlaywrightTests(LiveServerTestCase):
    @classmethod
    def setUpClass(cls):
        program = find_programs().chromium
        super().setUpClass()
        playwright = cls.enterClassContext(sync_playwright())
        cls.chromium = playwright.chromium.launch(
            executable_path=program, args=ARGUMENTS
        )
        cls.addClassCleanup(cls.chromium.close)

    # docs:start playwright
    def open_room(self):
        page = self.chromium.new_page()
        self.addCleanup(page.close)
        page.goto(f"{self.live_server_url}/room/")
        page.wait_for_function("document.title === 'connected'")
        return page

    def test_what_is_said_is_kept(self):
        ann, ben = self.open_room(), self.open_room()
        ann.evaluate("say('hello')")
        ben.get_by_text("hello").wait_for()
        self.assertEqual(Note.objects.get().text, "hello")
        # docs:end playwright

    def test_the_kit_works_beside_it(self):
        page, ann = self.open_room(), self.connect("/ws/room/1/")
        message = {"type": "room.message", "content": {"note": "from the test"}}
        Group("room-1").send(message)
        async_to_sync(self.channel_layer.group_send)("room-1", message)
        page.get_by_text("from the test").last.wait_for()
        self.assertReceivesJson(ann, {"note": "from the test"})
        page.evaluate("say('hello')")
        self.assertReceivesJson(ann, {"note": "from the test"})
        self.assertReceivesJson(ann, {"note": "hello"})

    def test_what_a_page_does_can_be_expected(self):
        page = self.open_room()
        with page.expect_console_message() as message:
            page.evaluate("console.log('hello')")
        self.assertEqual(message.value.text, "hello")
        with page.expect_request("**/other/") as request:
            page.evaluate("fetch('/other/')")
        self.assertTrue(request.value.url.endswith("/other/"))
        with page.expect_response("**/other/") as response:
            page.evaluate("fetch('/other/')")
        self.assertEqual(response.value.status, 404)
        with page.expect_websocket() as websocket:
            page.reload()
        self.assertTrue(websocket.value.url.startswith(self.live_server_ws_url))
        with websocket.value.expect_event("framereceived") as frame:
            page.wait_for_function("document.title === 'connected'")
            page.evaluate("say('hello')")
        self.assertIn("hello", frame.value)
        with page.expect_popup() as popup:
            page.evaluate("window.open('about:blank')")
        popup.value.close()
        with page.expect_navigation():
            page.goto(f"{self.live_server_url}/room/")
        # The kit, Django and asgiref go on to work between them.
        Note.objects.create(text="by the test")
        self.settle()

    def test_no_variable_is_set_for_it(self):
        self.assertNotIn("DJANGO_ALLOW_ASYNC_UNSAFE", os.environ)


class LoopTests(SimpleTestCase):
    def test_code_that_a_loop_runs_is_still_refused(self):
        @django.utils.asyncio.async_unsafe
        def query():
            raise AssertionError("it ran")

        async def ask():
            self.assertIs(private.running_loop(), asyncio.get_running_loop())
            query()

        entered(self, parked_loops.parked_loops_hidden())
        with self.assertRaises(SynchronousOnlyOperation):
            asyncio.run(ask())

    def test_a_loop_that_is_marked_as_running_but_is_not_is_none(self):
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        asyncio._set_running_loop(loop)
        self.addCleanup(asyncio._set_running_loop, None)
        self.assertIs(private.running_loop(), loop)
        entered(self, parked_loops.parked_loops_hidden())
        self.assertIsNone(private.running_loop())
