"""The event streams of a page: leaving them, and those that are none."""

from __future__ import annotations

import threading

from channels.generic.http import AsyncHttpConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

from channels_testkit.browser import BrowserTestCase
from channels_testkit.live.daphne import DaphneServer
from channels_testkit.live.uvicorn import UvicornServer

SECONDS = 10


class Stream(AsyncHttpConsumer):
    """Sends an event, and waits for the client to go."""

    has_gone = threading.Event()

    async def http_request(self, message):
        headers = [(b"content-type", b"text/event-stream")]
        await self.send_headers(headers=headers)
        await self.send_body(b"data: hello\n\n", more_body=True)

    async def disconnect(self):
        self.has_gone.set()


class LeavingTests:
    """Run on each server."""

    application = ProtocolTypeRouter(
        {
            "http": URLRouter(
                [
                    path("stream/", Stream.as_asgi()),
                    re_path("", get_asgi_application()),
                ]
            )
        }
    )

    def setUp(self):
        Stream.has_gone.clear()

    def test_stream_of_a_page_ends_when_another_is_opened(self):
        self.open_page("/pages/streaming/")
        self.assertPageShows("p", "hello")
        self.open_page("/pages/changing/")
        self.assertTrue(Stream.has_gone.wait(SECONDS))

    def test_stream_of_a_page_ends_when_a_link_is_followed(self):
        self.open_page("/pages/streaming/")
        self.assertPageShows("p", "hello")
        self.browser.find_element("tag name", "a").click()
        self.assertTrue(Stream.has_gone.wait(SECONDS))


class DaphneTests(LeavingTests, BrowserTestCase):
    server_class = DaphneServer


class UvicornTests(LeavingTests, BrowserTestCase):
    server_class = UvicornServer


class NoStreamTests(BrowserTestCase):
    def test_stream_that_cannot_be_read_is_an_error_of_the_page(self):
        browser = self.open_page("/pages/empty/")
        for url, fault in [
            ("/missing/", "404"),
            ("/who/", "a text/html, not text/event-stream"),
        ]:
            with self.subTest(url), self.assertPageError(f"GET {url}: {fault}"):
                browser.execute_script("new EventSource(arguments[0])", url)
