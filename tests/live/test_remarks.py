"""What a failure of a live test says of a server that let its client down."""

from __future__ import annotations

import http.client
import socket
import ssl
import sys
from functools import partial
from urllib.error import URLError

from channels.generic.websocket import AsyncWebsocketConsumer
from django.test import override_settings
from django.urls import path
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from channels_testkit import LiveServerTestCase, apply_routes
from channels_testkit.live.daphne import DaphneServer
from channels_testkit.live.uvicorn import UvicornServer
from tests.utils import OuterTestCase, run_case

from .clients import SECONDS, dial, fetch, is_closed

MIDDLEWARE = ["django.middleware.security.SecurityMiddleware"]
TLS = (
    r"A client spoke TLS to the live server, which does not support it: its URLs"
    r" begin with http:// and ws://\."
)
OWN_HOST = r"127\.0\.0\.1:\d+"
REDIRECT = (
    rf"The live server redirected GET /who/ to https://{OWN_HOST}/who/, where"
    r" nothing is served: SECURE_SSL_REDIRECT is True\. Turn it off for the test:"
    r" @override_settings\(SECURE_SSL_REDIRECT=False\)\."
)
BIG = 3_000_000


DAPHNE = (
    r"A frame of %(size)d bytes on the WebSocket /ws/big/ is over the live server's"
    r' limit of 1000\. To raise it, set options = {"websocket_max_message_size":'
    r' %(size)d, "websocket_max_frame_size": %(size)d} on a subclass of Daphne1000, and'
    r" name that as server_class\."
)
CLOSED = (
    r"The WebSocket /ws/big/ was closed with code 1009: a frame was over a limit"
    r"(?: \(frame .*exceeds limit of 1048576 bytes\))?\."
)


def daphne(limit):
    """Return a Daphne with a limit of its own."""
    names = ("websocket_max_message_size", "websocket_max_frame_size")
    options = dict.fromkeys(names, limit)
    return type(f"Daphne{limit}", (DaphneServer,), {"options": options})


def uvicorn(limit):
    """Return a Uvicorn with a limit of its own."""
    options = {"ws_max_size": limit}
    return type(f"Uvicorn{limit}", (UvicornServer,), {"options": options})


class Big(AsyncWebsocketConsumer):
    """Sends as many bytes as it is told to, or closes."""

    async def receive(self, text_data=None, bytes_data=None):
        if text_data == "close":
            await self.close(code=1009)
        else:
            await self.send("x" * int(text_data))


def say(case, text):
    """Send a frame that the server is not to take."""
    client = dial(case, "/ws/big/")
    client.send(text)
    case.assertTrue(is_closed(client))
    case.fail("closed")


def hear(case, size):
    """Be sent a frame, and raise what the client does."""
    with connect(
        f"{case.live_server_ws_url}/ws/big/",
        origin=case.live_server_url,
        # Of its own limit it would have to know first.
        compression=None,
    ) as client:
        client.send(str(size))
        client.recv(timeout=SECONDS)


def speak_tls(case):
    """Shake hands as a wss:// client does."""
    address = case.live_server_url.rpartition("/")[2].split(":")
    context = ssl.create_default_context()
    with socket.create_connection(address, SECONDS) as sock:
        context.wrap_socket(sock, server_hostname="localhost")


class RemarkTests:
    """Run on each server."""

    def run_inner(self, body, **options):
        members = {"test_it": lambda case: body(case), "server_class": self.server}
        case = type("InnerTests", (LiveServerTestCase,), {**members, **options})
        routes = apply_routes([path("ws/big/", Big.as_asgi())])
        return run_case(routes(case)).raised

    def assertNotes(self, error, *texts):
        notes = getattr(error, "__notes__", [])
        if sys.version_info >= (3, 11):
            self.assertEqual(len(notes), len(texts), notes)
            for note, text in zip(notes, texts, strict=True):
                self.assertRegex(note, f"^{text}$")

    def test_client_that_speaks_tls_is_refused_at_once(self):
        [error] = self.run_inner(speak_tls)
        self.assertIsInstance(error, ssl.SSLError)
        self.assertNotes(error, TLS)

    @override_settings(SECURE_SSL_REDIRECT=True, MIDDLEWARE=MIDDLEWARE)
    def test_redirect_to_https_names_the_setting(self):
        [error] = self.run_inner(lambda case: fetch(f"{case.live_server_url}/who/"))
        self.assertIsInstance(error, URLError)
        self.assertNotes(error, REDIRECT, TLS)

    @override_settings(
        SECURE_SSL_REDIRECT=True,
        SECURE_SSL_HOST="localhost:1",
        MIDDLEWARE=MIDDLEWARE,
    )
    def test_redirect_to_a_host_of_the_settings_names_the_setting(self):
        [error] = self.run_inner(lambda case: fetch(f"{case.live_server_url}/who/"))
        self.assertIsInstance(error, URLError)
        self.assertNotes(error, REDIRECT.replace(OWN_HOST, r"localhost:1"))

    @override_settings(SECURE_SSL_REDIRECT=True, MIDDLEWARE=MIDDLEWARE)
    def test_redirect_that_is_expected_is_no_failure(self):
        def body(case):
            client = http.client.HTTPConnection(
                case.live_server_url.rpartition("/")[2], timeout=SECONDS
            )
            client.request("GET", "/who/")
            with client.getresponse() as response:
                case.assertEqual(response.status, 301)
            client.close()

        self.assertEqual(self.run_inner(body), [])

    def test_frame_over_the_limit_of_the_server(self):
        for size in (2000, BIG):
            with self.subTest(size):
                [error] = self.run_inner(
                    partial(say, text="1" * size), server_class=self.small
                )
                self.assertNotes(error, self.too_big % {"size": size})

    def test_frame_over_the_limit_of_the_client(self):
        [error] = self.run_inner(partial(hear, size=BIG), server_class=self.large)
        self.assertIsInstance(error, ConnectionClosedError)
        self.assertNotes(error, f"{CLOSED} {self.limits}")


class DaphneTests(RemarkTests, OuterTestCase):
    server = DaphneServer
    small = daphne(1000)
    large = daphne(2 * BIG)
    too_big = DAPHNE
    limits = (
        r"The server's is in options of Daphne6000000: websocket_max_message_size ="
        r" 6000000, websocket_max_frame_size = 6000000\. A client's limit is an option"
        r" of that client\."
    )

    def test_frame_that_daphne_does_not_send(self):
        error, raised = self.run_inner(
            partial(hear, size=2000), server_class=self.small
        )
        self.assertNotes(error, DAPHNE % {"size": 2000})
        self.assertIn("tried to send WebSocket message with size 2000", str(raised))


class UvicornTests(RemarkTests, OuterTestCase):
    server = UvicornServer
    small = uvicorn(1000)
    large = UvicornServer
    too_big = (
        r"The WebSocket /ws/big/ was closed with code 1009: a frame was over a limit"
        r" \(frame with %(size)d bytes exceeds limit of 1000 bytes\)\. The server's is"
        r" in options of Uvicorn1000: ws_max_size = 1000\. A client's limit is an"
        r" option of that client\."
    )
    limits = (
        r"The server's is in options of UvicornServer: ws_max_size = 16777216\. A"
        r" client's limit is an option of that client\."
    )

    def test_code_of_the_application_itself_says_nothing_of_limits(self):
        [error] = self.run_inner(partial(say, text="close"))
        self.assertNotes(error)
