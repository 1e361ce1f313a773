"""Channels 1's calls of ``WSClient``: events that are sent and consumed."""

from __future__ import annotations

import asyncio
import os
import warnings
from typing import Any

from channels.consumer import SyncConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from django.http import QueryDict
from django.test import SimpleTestCase
from django.urls import path

from channels_testkit import Group, HttpClient, SimpleWebsocketTestCase, WSClient
from tests.app import failing
from tests.app.consumers import EchoConsumer
from tests.explored import not_explored
from tests.utils import OuterTestCase, run_case

CONNECT, RECEIVE, DISCONNECT = (
    "websocket.connect",
    "websocket.receive",
    "websocket.disconnect",
)

REJECTED = """\
Connection rejected: /picky/ refused the handshake: close code 4003, reason 'not you'.

scope['user']: not set
Origin: 'http://testserver'

To test the refusal itself, use check_accept=False.

Transcript of /picky/ (-> test to application, <- application to test):
     1  -> connect /picky/
     2  <- close   code=4003 reason='not you'"""

NOT_JSON = """\
The frame from / is not JSON: 'not json' (Expecting value: line 1 column 1 (char 0)).

Transcript of / (-> test to application, <- application to test):
     1  -> connect /
     2  <- accept
     3  -> text    'not json'
     4  <- text    'not json'   <== this one"""

NOT_CONNECTED = (
    "websocket.receive on a WebSocket that is {}: call"
    " send_and_consume('websocket.connect', path=...) first."
)

ORDER = (
    "A frame has no 'order': ASGI delivers the events of a connection in the order in"
    " which they come."
)


class RecordingConsumer(AsyncJsonWebsocketConsumer):
    """Keeps what it is sent, and tells a path from another."""

    async def connect(self) -> None:
        self.received: list[Any] = []
        self.code: int | None = None
        await self.accept()

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        self.received.append(bytes_data if text_data is None else text_data)

    async def disconnect(self, code: int) -> None:
        self.code = code

    async def room_message(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["text"])


class PickyConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.close(code=4003, reason="not you")


class CrashingConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        raise ValueError("asked for")


class LateConsumer(AsyncJsonWebsocketConsumer):
    """Answers after a while."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await asyncio.sleep(0.01)
        await self.send_json(content)


class CountingConsumer(JsonWebsocketConsumer):
    """Sync, and says how many frames have come."""

    count = 0

    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        self.count += 1
        self.send(text_data=f"{self.count}: {text_data}")


class WorkConsumer(SyncConsumer):
    def work(self, message: dict[str, Any]) -> None:
        self.message = message


APPLICATION = ProtocolTypeRouter(
    {
        "websocket": URLRouter(
            [
                path("", EchoConsumer.as_asgi()),
                path("record/", RecordingConsumer.as_asgi()),
                path("record/<int:number>/", RecordingConsumer.as_asgi()),
                path("picky/", PickyConsumer.as_asgi()),
                path("crash/", CrashingConsumer.as_asgi()),
                path("late/", LateConsumer.as_asgi()),
                path("count/", CountingConsumer.as_asgi()),
                path("silent/", failing.SilentConsumer.as_asgi()),
                path("forbid/", failing.forbid),
            ]
        ),
        "channel": ChannelNameRouter({"work": WorkConsumer.as_asgi()}),
    }
)


class Channels1TestCase(SimpleWebsocketTestCase):
    application: Any = APPLICATION


class SyncTests(Channels1TestCase):
    def test_an_event_goes_to_the_consumer_which_is_returned(self):
        client = WSClient()
        consumer = client.send_and_consume(CONNECT, path="/record/7/")
        self.assertIsInstance(consumer, RecordingConsumer)
        self.assertEqual(consumer.scope["url_route"]["kwargs"], {"number": 7})
        again = client.send_and_consume(RECEIVE, text="hello", path="/record/7/")
        self.assertIs(again, consumer)
        self.assertEqual(consumer.received, ["hello"])
        self.assertIs(client.send_and_consume(DISCONNECT), consumer)
        self.assertEqual(consumer.code, 1000)

    def test_the_code_of_a_disconnect_may_be_given(self):
        client = WSClient()
        client.send_and_consume(CONNECT, path="/record/")
        left = {"code": 4001, "reason": "enough"}
        consumer = client.send_and_consume(DISCONNECT, left)
        self.assertEqual(client.transcript.entries[-1].event["reason"], "enough")
        self.assertEqual(consumer.code, 4001)

    def test_text_is_json_unless_it_is_text_or_bytes(self):
        client = WSClient()
        consumer = client.send_and_consume(CONNECT, path="/record/")
        for text in ({"n": 1}, [1], 1, False, "", "1", b"\x00", b""):
            client.send_and_consume(RECEIVE, text=text)
        self.assertEqual(
            consumer.received, ['{"n": 1}', "[1]", "1", "false", "", "1", b"\x00", b""]
        )

    def test_content_may_hold_text_or_bytes(self):
        client = WSClient()
        consumer = client.send_and_consume(CONNECT, path="/record/")
        client.send_and_consume(RECEIVE, {"text": "one"})
        client.send_and_consume(RECEIVE, {"bytes": b"two"})
        client.send_and_consume(RECEIVE, {"text": {"n": 3}})
        self.assertEqual(consumer.received, ["one", b"two", '{"n": 3}'])

    def test_text_beats_that_of_the_content(self):
        client = WSClient()
        consumer = client.send_and_consume(CONNECT, path="/record/")
        client.send_and_consume(RECEIVE, {"text": "one"}, text="two")
        self.assertEqual(consumer.received, ["two"])

    def test_a_frame_is_not_taken_for_the_name_of_a_channel(self):
        client = WSClient()
        text = "send('hi') would put an empty message on channel 'hi'. To send a frame,"
        with self.assertRaisesMessage(TypeError, text):
            client.send("hi")
        self.assertNothingSentAnywhere()

    def test_a_frame_without_payload_is_refused(self):
        client = WSClient()
        client.send_and_consume(CONNECT)
        with self.assertRaisesMessage(TypeError, "A frame has text= or content="):
            client.send_and_consume(RECEIVE)

    def test_the_path_of_the_content_counts(self):
        client, content = WSClient(), {"path": "/record/1/"}
        client.send_and_consume(CONNECT, content, path="/record/2/")
        self.assertEqual(client.scope["path"], "/record/1/")
        self.assertEqual(content, {"path": "/record/1/"})

    def test_without_a_path_it_is_the_clients(self):
        client = WSClient("/record/1/")
        client.send_and_consume(CONNECT)
        self.assertEqual(client.scope["path"], "/record/1/")

    def test_a_path_may_have_a_query(self):
        client = WSClient()
        client.send_and_consume(CONNECT, path="/record/?key1=val1&key2=val2&key1=a?b")
        self.assertEqual(client.scope["path"], "/record/")
        query = QueryDict(client.scope["query_string"])
        self.assertEqual(query.getlist("key1"), ["val1", "a?b"])
        self.assertEqual(query["key2"], "val2")

    def test_an_order_is_refused(self):
        client = WSClient()
        for content in ({"order": 0}, {"order": 1, "text": "hello"}):
            with self.assertRaises(TypeError) as caught:
                client.send(RECEIVE, content=content, text="1")
            self.assertEqual(str(caught.exception), ORDER)

    def test_frames_are_in_order(self):
        for ordered in (True, False):
            client = WSClient(ordered=ordered)
            client.send_and_consume(CONNECT, path="/count/")
            for text in "abc":
                client.send_and_consume(RECEIVE, text=text, path="/count/")
            answers = [client.receive(json=False) for _ in range(4)]
            self.assertEqual(answers, ["1: a", "2: b", "3: c", None])

    def test_events_wait_until_they_are_consumed_in_order(self):
        client = WSClient()
        client.send(CONNECT, path="/record/")
        client.send(RECEIVE, text="1")
        client.send(RECEIVE, text="2")
        client.send(DISCONNECT)
        consumer = client.consume(CONNECT)
        self.assertEqual(consumer.received, [])
        client.consume(RECEIVE)
        self.assertEqual(consumer.received, ["1"])
        client.consume(RECEIVE)
        client.consume(DISCONNECT)
        self.assertEqual(consumer.received, ["1", "2"])
        for event in (CONNECT, RECEIVE, DISCONNECT):
            with self.assertRaises(AssertionError) as caught:
                client.consume(event)
            self.assertEqual(
                str(caught.exception), f"No message for channel {event!r}."
            )
            self.assertIsNone(client.consume(event, fail_on_none=False))

    def test_events_are_consumed_by_name(self):
        client = WSClient()
        client.send(RECEIVE, text="1")
        client.send(CONNECT, path="/record/")
        consumer = client.consume(CONNECT)
        client.consume(RECEIVE)
        self.assertEqual(consumer.received, ["1"])

    def test_other_names_are_channels(self):
        client = WSClient()
        consumer = client.send_and_consume("work", {"type": "work", "value": 1})
        self.assertIsInstance(consumer, WorkConsumer)
        self.assertEqual(consumer.message["reply_channel"], client.reply_channel)
        client.send_and_consume("work", {"type": "work"}, text={"n": 1})
        self.assertEqual(consumer.message["text"], '{"n": 1}')
        client.send_and_consume("work", {"type": "work"}, text="n")
        self.assertEqual(consumer.message["text"], "n")
        self.assertNotIn("path", consumer.message)
        with self.assertRaisesMessage(AssertionError, "No message for channel 'work'"):
            client.consume("work")

    def test_receive_gives_what_came(self):
        client = WSClient()
        client.send_and_consume(CONNECT)
        self.assertIsNone(client.receive())
        client.send_text('{"n": 1}')
        client.send_text('{"n": 1}')
        client.send_bytes(b"\x00")
        client.send_bytes(b"\x00")
        client.send_json({"close": 4000})
        self.assertEqual(client.receive(), {"n": 1})
        self.assertEqual(client.receive(json=False), '{"n": 1}')
        self.assertEqual(client.receive(), b"\x00")
        self.assertEqual(client.receive(json=False), b"\x00")
        self.assertEqual(client.receive(), {"close": 4000})
        self.assertIsNone(client.receive())

    @not_explored
    def test_receive_of_what_is_not_json_shows_the_frame(self):
        client = WSClient()
        client.send_and_consume(CONNECT)
        client.send_and_consume(RECEIVE, text="not json")
        with self.assertRaises(AssertionError) as caught:
            client.receive()
        self.assertEqual(str(caught.exception), NOT_JSON)

    def test_receive_without_a_connection_is_that_of_the_reply_channel(self):
        client = WSClient()
        self.assertIsNone(client.receive())
        client.join_group("lobby")
        Group("lobby").send({"type": "hello"})
        self.assertEqual(client.receive(), {"type": "hello"})
        self.assertIsNone(client.receive())

    def test_receive_looks_at_the_connection_first(self):
        client = WSClient()
        client.join_group("lobby")
        client.send_and_consume(CONNECT)
        Group("lobby").send({"type": "hello"})
        client.send_and_consume(RECEIVE, text=[1])
        self.assertEqual(client.receive(), [1])
        self.assertEqual(client.receive(), {"type": "hello"})
        self.assertIsNone(client.receive())

    def test_receive_waits_for_a_timer_of_the_application(self):
        client = WSClient()
        client.send_and_consume(CONNECT, path="/late/")
        client.send_and_consume(RECEIVE, text=[1])
        self.assertEqual(client.receive(), [1])

    def test_receive_after_events_one_by_one(self):
        client = WSClient()
        client.send_input({"type": CONNECT})
        self.assertEqual(client.receive(), {"accept": True})

    @not_explored
    def test_a_rejection_fails_with_code_and_reason(self):
        client = WSClient()
        with self.assertRaises(AssertionError) as caught:
            client.send_and_consume(CONNECT, path="/picky/")
        self.assertEqual(str(caught.exception), REJECTED)
        with self.assertRaisesMessage(
            AssertionError, "Connection rejected: /forbid/ refused the handshake"
        ):
            client.send_and_consume(CONNECT, path="/forbid/")

    def test_a_handshake_without_an_answer_fails(self):
        client = WSClient()
        with self.assertRaisesMessage(
            AssertionError, "No answer to the handshake from /silent/"
        ):
            client.send_and_consume(CONNECT, path="/silent/")

    def test_a_rejection_can_be_received(self):
        client = WSClient()
        client.send_and_consume(CONNECT, path="/picky/", check_accept=False)
        self.assertEqual(client.receive(), {"close": 4003})
        self.assertIsNone(client.receive())
        client.send_and_consume(CONNECT, path="/forbid/", check_accept=False)
        self.assertEqual(client.receive(), {"close": 403})
        self.assertIsNone(client.receive())

    def test_an_acceptance_can_be_received(self):
        client = WSClient()
        client.send_and_consume(CONNECT, check_accept=False)
        self.assertEqual(client.receive(), {"accept": True})
        self.assertIsNone(client.receive())

    def test_a_consumer_that_raises_fails_the_call(self):
        client = WSClient()
        with self.assertRaisesMessage(ValueError, "asked for"):
            client.send_and_consume(CONNECT, path="/crash/")
        client.send_and_consume(CONNECT, path="/")
        with self.assertRaisesMessage(ValueError, "asked for"):
            client.send_and_consume(RECEIVE, text={"raise": "ValueError"})

    def test_a_frame_before_connect_is_said(self):
        client = WSClient()
        for event in (RECEIVE, DISCONNECT):
            with self.assertRaises(AssertionError) as caught:
                client.send_and_consume(event, text="hello")
            self.assertEqual(
                str(caught.exception),
                NOT_CONNECTED.format("not connected yet").replace(RECEIVE, event),
            )

    def test_a_frame_after_the_end_is_said(self):
        client = WSClient()
        client.send_and_consume(CONNECT)
        client.send_and_consume(RECEIVE, text={"close": 4000})
        with self.assertRaises(AssertionError) as caught:
            client.send_and_consume(RECEIVE, text="hello")
        self.assertEqual(
            str(caught.exception),
            NOT_CONNECTED.format("closed by the application (code 4000)"),
        )
        client.send_and_consume(DISCONNECT)

    def test_a_second_connect_is_said(self):
        client = WSClient()
        client.send_and_consume(CONNECT)
        with self.assertRaises(AssertionError) as caught:
            client.send_and_consume(CONNECT)
        self.assertEqual(
            str(caught.exception),
            "The WebSocket is open: a client has one connection at a time.",
        )
        client.send_and_consume(DISCONNECT)
        client.send_and_consume(CONNECT)
        self.assertOpen(client)

    def test_several_clients_are_several_connections(self):
        clients = [WSClient() for _ in range(3)]
        for number, client in enumerate(clients):
            client.send_and_consume(CONNECT, path="/record/")
            client.send_and_consume(RECEIVE, text=str(number))
        self.assertEqual(
            [client.consumer.received for client in clients], [["0"], ["1"], ["2"]]
        )
        Group("all").add(clients[0])
        Group("all").send({"type": "room.message", "text": "hello"})
        self.assertEqual(clients[0].receive(json=False), "hello")
        self.assertIsNone(clients[1].receive())
        Group("all").discard(clients[0])

    def test_natural_spellings_work_beside_them(self):
        client = WSClient()
        client.connect("/record/")
        client.send_and_consume(RECEIVE, text="one")
        client.send_text("two")
        client.send_json([3])
        client.send_bytes(b"four")
        self.assertEqual(client.consumer.received, ["one", "two", "[3]", b"four"])
        client.disconnect()
        client.send_and_consume(CONNECT, path="/")
        client.send_and_consume(RECEIVE, text=[1])
        client.send_and_consume(RECEIVE, text=[2])
        self.assertEqual(client.receive_json(), [1])
        self.assertReceivesJson(client, [2])

    def test_headers_go_with_the_handshake(self):
        client = WSClient()
        client.set_header("X-Token", "one")
        client.set_header(b"x-token", b"two")
        client.set_header("ORIGIN", "http://elsewhere")
        client.send_and_consume(CONNECT)
        headers = client.scope["headers"]
        self.assertEqual([v for n, v in headers if n == b"x-token"], [b"two"])
        self.assertEqual(
            [v for n, v in headers if n == b"origin"], [b"http://elsewhere"]
        )

    def test_the_cookie_header_is_refused(self):
        client = WSClient()
        for name in ("cookie", "Cookie", "COOKIE", b"cookie", b"Cookie"):
            with self.subTest(name), self.assertRaises(ValueError) as caught:
                client.set_header(name, "theme=dark")
            self.assertEqual(
                str(caught.exception), "Use set_cookie() for the cookie header."
            )


class AsyncTests(Channels1TestCase):
    async def test_an_event_goes_to_the_consumer_which_is_returned(self):
        client = WSClient()
        consumer = await client.asend_and_consume(CONNECT, path="/record/7/")
        self.assertIsInstance(consumer, RecordingConsumer)
        again = await client.asend_and_consume(RECEIVE, text="hello", path="/record/7/")
        self.assertIs(again, consumer)
        self.assertEqual(consumer.received, ["hello"])
        self.assertIs(
            await client.asend_and_consume(DISCONNECT, {"code": 4001}), consumer
        )
        self.assertEqual(consumer.code, 4001)

    async def test_text_is_json_unless_it_is_text_or_bytes(self):
        client = WSClient()
        consumer = await client.asend_and_consume(CONNECT, path="/record/")
        for text in ({"n": 1}, [1], "", "1", b"\x00", b""):
            await client.asend_and_consume(RECEIVE, text=text)
        await client.asend_and_consume(RECEIVE, {"text": "one"}, text="two")
        self.assertEqual(
            consumer.received, ['{"n": 1}', "[1]", "", "1", b"\x00", b"", "two"]
        )
        with self.assertRaisesMessage(TypeError, "A frame has text= or content="):
            await client.asend_and_consume(RECEIVE)

    async def test_the_path_of_the_content_counts(self):
        client, content = WSClient(), {"path": "/record/1/?a=1"}
        await client.asend_and_consume(CONNECT, content, path="/record/2/")
        self.assertEqual(client.scope["path"], "/record/1/")
        self.assertEqual(client.scope["query_string"], b"a=1")

    async def test_an_order_is_refused(self):
        with self.assertRaises(TypeError) as caught:
            await WSClient().asend(RECEIVE, content={"order": 0}, text="1")
        self.assertEqual(str(caught.exception), ORDER)

    async def test_events_wait_until_they_are_consumed_in_order(self):
        client = WSClient(ordered=True)
        await client.asend(CONNECT, path="/record/")
        await client.asend(RECEIVE, text="1")
        await client.asend(RECEIVE, text="2")
        consumer = await client.aconsume(CONNECT)
        self.assertEqual(consumer.received, [])
        await client.aconsume(RECEIVE)
        await client.aconsume(RECEIVE)
        self.assertEqual(consumer.received, ["1", "2"])
        with self.assertRaisesMessage(AssertionError, "No message for channel"):
            await client.aconsume(RECEIVE)
        self.assertIsNone(await client.aconsume(RECEIVE, fail_on_none=False))

    async def test_other_names_are_channels(self):
        client = WSClient()
        content = {"type": "work"}
        consumer = await client.asend_and_consume("work", content, text={"n": 1})
        self.assertEqual(consumer.message["text"], '{"n": 1}')

    async def test_receive_gives_what_came(self):
        client = WSClient()
        await client.asend_and_consume(CONNECT)
        self.assertIsNone(await client.areceive())
        await client.asend_text('{"n": 1}')
        await client.asend_text('{"n": 1}')
        await client.asend_bytes(b"\x00")
        await client.asend_json({"close": 4000})
        self.assertEqual(await client.areceive(), {"n": 1})
        self.assertEqual(await client.areceive(json=False), '{"n": 1}')
        self.assertEqual(await client.areceive(), b"\x00")
        self.assertEqual(await client.areceive(), {"close": 4000})
        self.assertIsNone(await client.areceive())

    @not_explored
    async def test_receive_of_what_is_not_json_shows_the_frame(self):
        client = WSClient()
        await client.asend_and_consume(CONNECT)
        await client.asend_and_consume(RECEIVE, text="not json")
        with self.assertRaises(AssertionError) as caught:
            await client.areceive()
        self.assertEqual(str(caught.exception), NOT_JSON)

    async def test_receive_looks_at_the_connection_first(self):
        client = WSClient()
        await client.ajoin_group("lobby")
        await client.asend_and_consume(CONNECT)
        await Group("lobby").asend({"type": "hello"})
        await client.asend_and_consume(RECEIVE, text=[1])
        self.assertEqual(await client.areceive(), [1])
        self.assertEqual(await client.areceive(), {"type": "hello"})
        self.assertIsNone(await client.areceive())

    async def test_receive_waits_for_a_timer_of_the_application(self):
        client = WSClient()
        await client.asend_and_consume(CONNECT, path="/late/")
        await client.asend_and_consume(RECEIVE, text=[1])
        self.assertEqual(await client.areceive(), [1])

    @not_explored
    async def test_a_rejection_fails_with_code_and_reason(self):
        with self.assertRaises(AssertionError) as caught:
            await WSClient().asend_and_consume(CONNECT, path="/picky/")
        self.assertEqual(str(caught.exception), REJECTED)

    async def test_the_answer_to_a_handshake_can_be_received(self):
        client = WSClient()
        await client.asend_and_consume(CONNECT, path="/picky/", check_accept=False)
        self.assertEqual(await client.areceive(), {"close": 4003})
        await client.asend_and_consume(CONNECT, path="/", check_accept=False)
        self.assertEqual(await client.areceive(), {"accept": True})
        self.assertIsNone(await client.areceive())

    async def test_a_consumer_that_raises_fails_the_call(self):
        client = WSClient()
        with self.assertRaisesMessage(ValueError, "asked for"):
            await client.asend_and_consume(CONNECT, path="/crash/")
        await client.asend_and_consume(CONNECT, path="/")
        with self.assertRaisesMessage(ValueError, "asked for"):
            await client.asend_and_consume(RECEIVE, text={"raise": "ValueError"})

    async def test_a_frame_before_connect_is_said(self):
        with self.assertRaises(AssertionError) as caught:
            await WSClient().asend_and_consume(RECEIVE, text="hello")
        self.assertEqual(
            str(caught.exception), NOT_CONNECTED.format("not connected yet")
        )

    async def test_a_second_connect_is_said(self):
        client = WSClient()
        await client.asend_and_consume(CONNECT)
        with self.assertRaisesMessage(AssertionError, "The WebSocket is open"):
            await client.asend_and_consume(CONNECT)

    async def test_several_clients_are_several_connections(self):
        clients = [WSClient() for _ in range(3)]
        for number, client in enumerate(clients):
            await client.asend_and_consume(CONNECT, path="/record/")
            await client.asend_and_consume(RECEIVE, text=str(number))
        self.assertEqual(
            [client.consumer.received for client in clients], [["0"], ["1"], ["2"]]
        )

    async def test_natural_spellings_work_beside_them(self):
        client = WSClient()
        await client.aconnect("/record/")
        await client.asend_and_consume(RECEIVE, text="one")
        await client.asend_text("two")
        self.assertEqual(client.consumer.received, ["one", "two"])
        await client.adisconnect()
        await client.asend_and_consume(CONNECT, path="/")
        await client.asend_and_consume(RECEIVE, text=[1])
        self.assertEqual(await client.areceive_json(), [1])

    async def test_headers_go_with_the_handshake(self):
        client = WSClient()
        client.set_header("X-Token", b"one")
        await client.asend_and_consume(CONNECT)
        self.assertIn((b"x-token", b"one"), client.scope["headers"])

    async def test_sync_calls_name_their_twins(self):
        client = WSClient()
        for call, twin in (
            (lambda: client.send(CONNECT), "asend"),
            (lambda: client.consume(CONNECT), "aconsume"),
            (lambda: client.send_and_consume(CONNECT), "asend_and_consume"),
            (client.receive, "areceive"),
        ):
            with self.subTest(twin), self.assertRaises(RuntimeError) as caught:
                call()
            self.assertEqual(
                str(caught.exception),
                f"A sync call in an async test: write 'await client.{twin}(...)'.",
            )


class HeadersOfTheClassTests(Channels1TestCase):
    def get_ws_headers(self):
        return {"x-token": "the class's", "x-other": "the class's"}

    def test_a_header_that_is_set_replaces_the_classs(self):
        client = WSClient()
        client.set_header("x-token", "mine")
        client.send_and_consume(CONNECT)
        headers = client.scope["headers"]
        self.assertEqual([v for n, v in headers if n == b"x-token"], [b"mine"])
        self.assertIn((b"x-other", b"the class's"), headers)


class HttpClientTests(Channels1TestCase):
    def test_is_deprecated_where_it_is_called(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            client = HttpClient(ordered=True)
        (warning,) = caught
        self.assertIs(warning.category, DeprecationWarning)
        self.assertEqual(
            str(warning.message), "HttpClient is a deprecated name: use WSClient."
        )
        self.assertEqual(os.path.basename(warning.filename), "test_channels1.py")
        client.send_and_consume(CONNECT)
        self.assertIsInstance(client, WSClient)

    async def test_is_deprecated_in_an_async_test(self):
        with self.assertWarns(DeprecationWarning) as caught:
            client = HttpClient()
        self.assertEqual(os.path.basename(caught.filename), "test_channels1.py")
        await client.asend_and_consume(CONNECT)


class TearDownTests(OuterTestCase):
    def test_a_connection_is_closed_at_the_end(self):
        codes = []

        class Consumer(RecordingConsumer):
            async def disconnect(self, code: int) -> None:
                codes.append(code)

        class Inner(SimpleWebsocketTestCase):
            application = Consumer.as_asgi()

            def test_sync(self):
                WSClient().send_and_consume(CONNECT)

            async def test_async(self):
                await WSClient().asend_and_consume(CONNECT)

        result = run_case(Inner)
        self.assertEqual((result.testsRun, result.texts, codes), (2, [], [1000, 1000]))

    def test_an_event_that_is_not_consumed_harms_nothing(self):
        class Inner(Channels1TestCase):
            def test(self):
                WSClient().send(CONNECT)

        self.assertEqual(run_case(Inner).texts, [])


class OutsideTests(SimpleTestCase):
    def test_needs_a_test_of_the_kit(self):
        with self.assertRaisesMessage(RuntimeError, "WSClient works while"):
            WSClient()
