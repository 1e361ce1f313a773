"""What clients have under way when a test ends is ended first."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading

import websocket
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    JsonWebsocketConsumer,
)
from django.http import StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from channels_testkit import (
    ChannelsTestkitWarning,
    HangError,
    LiveServerTestCase,
    apply_routes,
)
from tests.app.models import Note
from tests.utils import OuterTestCase, run_case

from .clients import SERVERS, dial, fetch, hear, say

#: What the applications of this module have seen, in order.
seen = []
#: A poll is under way, which says nothing to its client.
polls = threading.Event()


class Leaving(AsyncJsonWebsocketConsumer):
    """Counts the rows when its client goes; ``"linger"`` and ``"task"`` do."""

    lingers = False

    async def receive_json(self, content, **kwargs):
        self.lingers = content == "linger"
        if content == "task":
            self.task = asyncio.create_task(asyncio.Event().wait(), name="forgotten")
        await self.send_json(content)

    async def disconnect(self, code):
        seen.append((code, await Note.objects.acount()))
        if self.lingers:
            await asyncio.Event().wait()


class SyncLeaving(JsonWebsocketConsumer):
    def disconnect(self, code):
        seen.append((code, Note.objects.count()))


class Flooding(AsyncJsonWebsocketConsumer):
    """Sends more than fits into what is between it and its client."""

    async def receive_json(self, content, **kwargs):
        for _ in range(100):
            await self.send(bytes_data=bytes(200_000))


class Listening(AsyncJsonWebsocketConsumer):
    """Has a thread that listens for as long as its client is there."""

    async def connect(self):
        self.has_gone = threading.Event()
        await self.accept()
        self.listening = asyncio.create_task(asyncio.to_thread(self.listen))

    def listen(self):
        self.has_gone.wait(10)

    async def disconnect(self, code):
        self.has_gone.set()
        await self.listening
        seen.append(code)


async def announce(request):
    async def begin():
        yield b"begun\n"
        await asyncio.Event().wait()

    return StreamingHttpResponse(begin(), headers={"Content-Length": "1000"})


async def stream(request):
    async def lines():
        try:
            yield b"begun\n"
            await asyncio.Event().wait()
        finally:
            seen.append("streamed")

    return StreamingHttpResponse(lines())


async def poll(request):
    polls.set()
    try:
        await asyncio.Event().wait()
    finally:
        seen.append("polled")


ROUTES = [
    path("ws/leaving/", Leaving.as_asgi()),
    path("ws/sync-leaving/", SyncLeaving.as_asgi()),
    path("ws/listening/", Listening.as_asgi()),
    path("ws/flooding/", Flooding.as_asgi()),
]


class Inner:
    def setUp(self):
        Note.objects.create(text="gone with the flush")

    @classmethod
    def dial_for_class(cls, path):
        """Open a WebSocket that is still there when the test has ended."""
        return dial(cls, path)

    def test_open(self):
        for name in ("leaving", "sync-leaving"):
            self.dial_for_class(f"/ws/{name}/")

    def test_gone(self):
        dial(self, "/ws/leaving/").close()

    def test_vanished(self):
        client = dial(self, "/ws/leaving/")
        linger = struct.pack("ii", 1, 0)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        client.shutdown()

    def test_requests(self):
        self.request("stream", "poll")

    def test_announced(self):
        self.request("announce")

    def request(self, *names):
        host, _, port = self.live_server_url.partition("//")[2].rpartition(":")
        for name in names:
            client = socket.create_connection((host, int(port)), timeout=10)
            self.addClassCleanup(client.close)
            request = f"GET /{name}/ HTTP/1.1\r\nHost: {host}\r\n\r\n"
            client.sendall(request.encode())
            self.clients.append(client)
        text = b""
        while b"begun" not in text:
            text += self.clients[0].recv(4096)
        if "poll" in names:
            self.assertTrue(polls.wait(10))

    def test_lingering(self):
        client = self.dial_for_class("/ws/leaving/")
        say(client, "linger")
        hear(client)

    def test_many_lingering(self):
        for _ in range(5):
            self.test_lingering()

    def test_flooding(self):
        client = self.dial_for_class("/ws/flooding/")
        say(client, "now")
        client.recv()

    def test_listening(self):
        self.dial_for_class("/ws/listening/")

    def test_nothing(self):
        pass

    def test_task(self):
        client = self.dial_for_class("/ws/leaving/")
        say(client, "task")
        hear(client)

    def test_between(self):
        self.addClassCleanup(self.come_late)

    @classmethod
    def come_late(cls):
        seen.append(fetch(f"{cls.live_server_url}/stream/")[0])
        try:
            dial(cls, "/ws/leaving/")
        except websocket.WebSocketBadStatusException as error:
            seen.append(error.status_code)


class EndingTests:
    """Run on each server."""

    def run_inner(self, *names, **attributes):
        seen.clear()
        polls.clear()
        self.clients = []
        attributes |= {"server_class": self.server_class, "clients": self.clients}
        case = type("InnerTests", (Inner, LiveServerTestCase), attributes)
        urls = [path(f"{view.__name__}/", view) for view in (announce, poll, stream)]
        case = override_settings(ROOT_URLCONF=tuple(urls))(apply_routes(ROUTES)(case))
        return run_case(case, *names)

    def assertSeen(self, name, *expected):
        result = self.run_inner(name)
        self.assertEqual(result.texts, [])
        self.assertEqual(seen, list(expected))

    def test_sockets_are_closed_before_the_flush(self):
        self.assertSeen("test_open", (1001, 1), (1001, 1))

    def test_clients_that_have_gone_have_gone_once(self):
        self.assertSeen("test_gone", (1000, 1))

    def test_a_client_that_vanishes_is_a_lost_connection(self):
        # No close frame has come; RFC 6455 has two codes to say so.
        self.run_inner("test_vanished")
        self.assertIn(seen, [[(1005, 1)], [(1006, 1)]])

    def test_requests_under_way_are_ended(self):
        self.run_inner("test_requests")
        self.assertEqual(set(seen), {"streamed", "polled"})

    def test_clients_that_come_between_tests_are_turned_away(self):
        self.assertSeen("test_between", 503, 403)

    def test_an_application_that_does_not_end_is_told(self):
        with self.assertWarns(ChannelsTestkitWarning) as warned:
            self.run_inner("test_lingering", hang_timeout=1)
        self.assertRegex(
            str(warned.warning),
            r"the application of websocket /ws/leaving/, which did not end within"
            r" 1 s: task '.+' waits in (Leaving\.)?disconnect"
            r" \(test_ending\.py:\d+\)",
        )

    def test_many_that_do_not_end_are_told_in_the_same_time(self):
        with self.assertWarns(ChannelsTestkitWarning) as warned:
            result = self.run_inner("test_many_lingering", hang_timeout=0.5)
        self.assertEqual(result.texts, [])
        self.assertEqual(str(warned.warning).count("websocket /ws/leaving/"), 3)
        self.assertIn("... and 2 more like these", str(warned.warning))

    def test_a_response_shorter_than_announced_is_cut(self):
        self.assertSeen("test_announced")

    def test_a_client_that_reads_no_more_is_sent_away_as_well(self):
        result = self.run_inner("test_flooding", hang_timeout=1, check_leaks="off")
        self.assertEqual(result.texts, [])

    def test_a_thread_that_waits_for_its_client_hangs_once(self):
        # Half a second hangs; in as much, the thread has to end after it.
        result = self.run_inner("test_listening", "test_nothing", hang_timeout=0.5)
        self.assertEqual([type(error) for error in result.raised], [HangError])
        self.assertIn("self.has_gone.wait(10)", result.texts[0])
        self.assertEqual(seen, [1001])

    def test_a_thread_that_is_declared_may_wait(self):
        declared = [f"{__name__}.Listening.listen"]
        result = self.run_inner("test_listening", background_jobs=declared)
        self.assertEqual(result.texts, [])
        self.assertEqual(seen, [1001])

    def test_a_task_that_is_left_is_told_and_cancelled(self):
        with self.assertWarns(ChannelsTestkitWarning) as warned:
            self.run_inner("test_task")
        text = str(warned.warning)
        self.assertRegex(
            text,
            r"task 'forgotten', started at test_ending\.py:\d+ in \w+\(\), waits in"
            r" (Event\.)?wait\(\)",
        )

    def test_leaks_can_fail_the_test(self):
        result = self.run_inner("test_task", check_leaks="fail")
        self.assertIn(
            "Still there after all clients had left:\n  task", result.texts[0]
        )


class DaphneTests(EndingTests, OuterTestCase):
    server_class = SERVERS[0]


class UvicornTests(EndingTests, OuterTestCase):
    server_class = SERVERS[1]
