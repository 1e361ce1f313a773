from __future__ import annotations

import os

from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path
from playwright.sync_api import sync_playwright

from channels_testkit import Group, LiveServerTestCase
from tests.app.models import Note

PAGE = """<!doctype html><title>Room</title><ul></ul><script>
const socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws/room/1/`);
socket.onmessage = ({data}) => {
  const item = document.createElement("li");
  item.textContent = JSON.parse(data).note;
  document.querySelector("ul").append(item);
};
function say(note) { socket.send(JSON.stringify({note})); }
socket.onopen = () => document.title = "Open";
</script>"""


@override_settings(ROOT_URLCONF=(path("room/", lambda r: HttpResponse(PAGE)),))
class PlaywrightTests(LiveServerTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.playwright = cls.enterClassContext(sync_playwright())
        cls.chromium = cls.playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
            ],
        )
        cls.addClassCleanup(cls.chromium.close)

    def test_it(self):
        self.assertNotIn("DJANGO_ALLOW_ASYNC_UNSAFE", os.environ)
        page = self.chromium.new_page()
        self.addCleanup(page.close)
        page.goto(f"{self.live_server_url}/room/")
        page.wait_for_function("document.title == 'Open'")
        page.evaluate("say('hello')")
        page.get_by_text("hello").wait_for()
        self.assertEqual(Note.objects.get().text, "hello")
        Group("room-1").send(
            {"type": "room.message", "content": {"note": "from the test"}}
        )
        page.get_by_text("from the test").wait_for()
        inproc = self.connect("/ws/room/1/")
        async_to_sync(self.channel_layer.group_send)(
            "room-1", {"type": "room.message", "content": {"note": "x"}}
        )
        page.evaluate("say('ho')")
        self.assertEqual(inproc.receive_json(), {"note": "x"})
        self.assertEqual(inproc.receive_json(), {"note": "ho"})
