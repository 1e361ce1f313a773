"""The protocol at the guilty send(), and what the test sees of the events."""

from __future__ import annotations

import asyncio

from django.test import SimpleTestCase

from channels_testkit import ProtocolError, SimpleWebsocketTestCase
from channels_testkit.asgi.breaches import BREACHES
from channels_testkit.asgi.environment import Environment
from channels_testkit.websocket.connection import WebsocketConnection
from channels_testkit.websocket.subjects import driver_of
from tests.utils import run_case

ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close"}
FRAME = {"type": "websocket.send", "text": "hello"}
DENIAL = {"type": "websocket.http.response.start", "status": 403}
BODY = {"type": "websocket.http.response.body", "body": b"no"}

# What an application sends to commit each breach.
GUILTY = {
    "accept-twice": [ACCEPT, ACCEPT],
    "body-not-bytes": [DENIAL, {**BODY, "body": "no"}],
    "bytes-not-bytes": [ACCEPT, {"type": "websocket.send", "bytes": "x"}],
    "close-code": [ACCEPT, {**CLOSE, "code": 1006}],
    "close-twice": [ACCEPT, CLOSE, CLOSE],
    "denial-after-accept": [ACCEPT, DENIAL],
    "denial-body-before-start": [BODY],
    "denial-interrupted": [DENIAL, ACCEPT],
    "denial-status": [{**DENIAL, "status": "403"}],
    "denial-unsupported": [DENIAL, BODY],
    "headers-not-bytes": [{**ACCEPT, "headers": [("a", "b")]}],
    "no-payload": [ACCEPT, {"type": "websocket.send"}],
    "no-type": [{"text": "hello"}],
    "not-a-dict": [["websocket.accept"]],
    "not-utf8": [ACCEPT, {**FRAME, "text": "\ud800"}],
    "reason-not-str": [ACCEPT, {**CLOSE, "reason": b"bye"}],
    "reason-too-long": [ACCEPT, {**CLOSE, "reason": "x" * 124}],
    "send-after-close": [ACCEPT, CLOSE, FRAME],
    "send-before-accept": [FRAME],
    "subprotocol-not-chosen": [ACCEPT],
    "subprotocol-not-offered": [{**ACCEPT, "subprotocol": "chat.v1"}],
    "text-and-bytes": [ACCEPT, {**FRAME, "bytes": b"x"}],
    "text-not-str": [ACCEPT, {**FRAME, "text": 7}],
    "unknown-type": [{"type": "websocket.open"}],
}

# What the test case must have for it.
ATTRIBUTES = {
    "denial-unsupported": {"asgi_extensions": {}},
    "subprotocol-not-chosen": {"subprotocols": ["chat.v1"]},
}


def sending(events, raised=None):
    """Make an application that sends these events when it is connected to."""

    async def application(scope, receive, send):
        await receive()
        for event in events:
            await send_or_note(send, event)

    async def send_or_note(send, event):
        try:
            await send(event)
        except ProtocolError as error:
            if raised is not None:
                raised.append((event, error.breach))
            raise

    return application


def run_test_of(events, raised=None, **attributes):
    class Inner(SimpleWebsocketTestCase):
        application = sending(events, raised)
        ws_path = "/"

        def test(self):
            client = self.create_client()
            client.send_input({"type": "websocket.connect"})
            self.clients = [client]

    for name, value in attributes.items():
        setattr(Inner, name, value)
    return run_case(Inner)


class CheckProtocolTests(SimpleTestCase):
    def test_each_breach_is_tried(self):
        # Those of an HTTP response are tried in test_http.
        others = ("lifespan-", "response-")
        names = {name for name in BREACHES if not name.startswith(others)}
        self.assertEqual(GUILTY.keys(), names)

    def test_is_raised_at_the_guilty_send(self):
        for name, events in GUILTY.items():
            with self.subTest(name):
                raised = []
                result = run_test_of(events, raised, **ATTRIBUTES.get(name, {}))
                self.assertEqual(
                    raised, [(events[-1 if name != "denial-unsupported" else 0], name)]
                )
                (error,) = result.raised
                self.assertIsInstance(error, ProtocolError)
                self.assertEqual(error.breach, name)
                self.assertIn(f"check_protocol=[{name!r}]", str(error))
                self.assertIn(f"(refused: {name})", str(error))

    def test_can_be_off_or_let_one_pass(self):
        """Whatever was sent, the kit itself is not confused by it."""
        for name, events in GUILTY.items():
            for allowed in ("off", [name]):
                with self.subTest(name, allowed=allowed):
                    attributes = ATTRIBUTES.get(name, {})
                    result = run_test_of(events, check_protocol=allowed, **attributes)
                    self.assertEqual(result.texts, [])

    def test_can_warn(self):
        with self.assertWarnsRegex(UserWarning, "sent a frame with neither text"):
            result = run_test_of(GUILTY["no-payload"], check_protocol="warn")
        self.assertEqual(result.texts, [])

    def test_is_a_watch_of_its_own(self):
        """Exceptions of the application may be off."""
        result = run_test_of(GUILTY["no-payload"], application_errors="off")
        self.assertEqual([type(error) for error in result.raised], [ProtocolError])

    def test_is_reported_when_the_application_hides_it(self):
        async def application(scope, receive, send):
            await receive()
            try:
                await send(FRAME)
            except Exception:  # noqa: BLE001 - the case in question
                await send(ACCEPT)

        class Inner(SimpleWebsocketTestCase):
            def test(self):
                self.connect("/", application=application)

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, ProtocolError)


class AllowedBreachTests(SimpleWebsocketTestCase):
    ws_path = "/"
    check_protocol = "off"

    def connect_to(self, *events):
        client = self.create_client(application=sending(events))
        return client, client.connect()

    def test_what_no_client_could_read_is_ignored_and_shown(self):
        client, handshake = self.connect_to(ACCEPT, {**FRAME, "text": 7}, FRAME)
        self.assertTrue(handshake)
        self.assertEqual(client.frames, ["hello"])
        self.assertIn("(ignored: text-not-str)", str(client.transcript))

    def test_a_frame_before_the_accept_is_kept(self):
        client, handshake = self.connect_to(FRAME, ACCEPT)
        self.assertTrue(handshake)
        self.assertEqual(client.receive_text(), "hello")

    def test_an_odd_close_code_is_seen(self):
        client, _ = self.connect_to(ACCEPT, {**CLOSE, "code": 1006})
        self.assertClosed(client, code=1006)

    def test_of_text_and_bytes_the_text_is_seen(self):
        client, _ = self.connect_to(ACCEPT, {**FRAME, "bytes": b"x"})
        self.assertReceivesText(client, "hello")

    def test_an_event_after_the_close_changes_nothing(self):
        client, _ = self.connect_to(ACCEPT, {**CLOSE, "code": 4000}, ACCEPT, CLOSE)
        self.assertClosed(client, code=4000)


class DenialTests(SimpleWebsocketTestCase):
    ws_path = "/"

    def test_a_body_in_parts_is_put_together(self):
        application = sending(
            [
                {**DENIAL, "headers": [(b"x-why", b"none")]},
                {**BODY, "more_body": True},
                {"type": BODY["type"]},
            ]
        )
        stranger = self.create_client(application=application)
        handshake = stranger.connect()
        self.assertEqual(handshake, (False, 403))
        self.assertEqual(handshake.body, b"no")
        self.assertEqual(stranger.response_headers, [(b"x-why", b"none")])
        self.assertRejected(stranger, status=403)

    def test_a_rejection_is_told_to_the_application_as_1006(self):
        """The code of a rejection never crosses the wire, an HTTP 403 does."""
        received = []

        async def application(scope, receive, send):
            await receive()
            await send({**CLOSE, "code": 4401})
            received.append(await receive())

        self.create_client(application=application).connect()
        self.assertEqual(
            received, [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]
        )


class FeedTests(SimpleTestCase):
    def test_nothing_is_fed_before_it_has_started(self):
        connection = WebsocketConnection(lambda: "/ws/", Environment())
        self.assertFalse(connection.has_ended)
        self.assertIsNone(connection.task)
        connection.cancel()
        with self.assertRaises(RuntimeError) as caught:
            connection.feed(CLOSE)
        self.assertEqual(
            str(caught.exception), "/ws/ is not connected: connect() first."
        )


class SentEventTests(SimpleWebsocketTestCase):
    def test_application_changes_an_event_that_it_has_sent(self):
        async def application(scope, receive, send):
            await receive()
            await send(ACCEPT)
            event = {"type": "websocket.send"}
            for event["text"] in ("1", "2"):
                await send(event)

        ann = self.connect("/", application=application)
        self.assertEqual(ann.receive_all_json(), [1, 2])
        self.assertIn("text    1", str(ann.transcript))


class UntilTests(SimpleWebsocketTestCase):
    ws_path = "/"

    async def test_a_heartbeat_is_waited_for_no_longer_than_the_timeout(self):
        async def application(scope, receive, send):
            await receive()
            await send(ACCEPT)
            while True:  # noqa: ASYNC110 - a heartbeat
                await asyncio.sleep(0.001)

        ann = await self.aconnect(application=application)
        self.assertTrue(await ann.receive_nothing(timeout=0.01))
        ann.stop()

    async def test_what_is_waited_for_may_have_come_already(self):
        ann = await self.aconnect(application=sending([ACCEPT, FRAME]))
        self.assertEqual(await ann.receive_text(timeout=0), "hello")

    async def test_each_frame_is_told_as_it_comes(self):
        async def application(scope, receive, send):
            await receive()
            await send(ACCEPT)
            while (await receive())["type"] == "websocket.receive":
                await send(FRAME)

        ann = await self.aconnect(application=application)
        told = []
        driver_of(ann).connected("on_frame").on_frame = told.append
        await ann.send_text("hello")
        self.assertEqual(told, [FRAME])
        self.assertEqual(await ann.receive_text(), "hello")
