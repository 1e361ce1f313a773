"""A request and the reply to it, among other frames."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from typing import Any
from unittest import mock

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from channels_testkit import NoFrame, SimpleWebsocketTestCase, WebsocketCommunicator
from tests.app.consumers import EchoConsumer
from tests.explored import not_explored
from tests.utils import OuterTestCase, run_case


class RpcConsumer(AsyncJsonWebsocketConsumer):
    """Replies between two notes; ``delay`` waits, ``die`` raises after one."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.send_json({"note": 1})
        await asyncio.sleep(content.get("delay", 0))
        if "die" in content:
            raise ValueError("asked for")
        if "close" in content:
            await self.close(content["close"])
            return
        await self.send_json({"id": content["id"], "result": {"twice": 2}})
        await self.send_json({"note": 2})


@dataclasses.dataclass
class Request:
    id: int


class RpcTestCase(SimpleWebsocketTestCase):
    application = RpcConsumer.as_asgi()
    ws_path = "/"


class RequestTests(RpcTestCase):
    def test_other_frames_are_kept_in_order(self) -> None:
        ann = self.connect()
        reply = ann.request({"id": 7}, reply={"id": 7})
        self.assertEqual(reply, {"id": 7, "result": {"twice": 2}})
        self.assertEqual(ann.receive_all_json(), [{"note": 1}, {"note": 2}])

    async def test_the_same_in_an_async_test(self) -> None:
        ann = await self.aconnect()
        self.assertEqual((await ann.request({"id": 7}, reply={"id": 7}))["id"], 7)
        self.assertEqual(await ann.receive_all_json(), [{"note": 1}, {"note": 2}])
        client = self.create_client()
        await client.aconnect()
        self.assertEqual((await client.arequest({"id": 1}, reply={"id": 1}))["id"], 1)

    def test_reply_is_matched_at_every_depth(self) -> None:
        ann = self.connect()
        for reply in (
            {"result": {"twice": int}},
            {"id": mock.ANY, "result": {}},
            lambda payload: "result" in payload,
        ):
            found = ann.request({"id": 3}, reply=reply)
            self.assertEqual(found, {"id": 3, "result": {"twice": 2}})

    def test_what_was_there_before_is_no_reply(self) -> None:
        ann = self.connect()
        ann.send_json({"id": 7, "first": True})
        self.assertEqual(ann.receive_json(), {"note": 1})
        reply = ann.request({"id": 7, "again": True}, reply={"id": 7})
        self.assertEqual(reply["id"], 7)
        left = ann.receive_all_json()
        self.assertEqual([sorted(it) for it in left[:2]], [["id", "result"], ["note"]])
        self.assertEqual(len(left), 4)

    def test_the_first_of_two_equal_replies_is_taken(self) -> None:
        class TwiceConsumer(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content: Any, **kwargs: Any) -> None:
                await self.send_json({"id": 1})
                await self.send_json({"note": 1})
                await self.send_json({"id": 1})

        ann = self.connect(application=TwiceConsumer.as_asgi())
        ann.send_json({})
        self.assertEqual(ann.request({}, reply={"id": 1}), {"id": 1})
        left = ann.receive_all_json()
        first, one, two = {"id": 1}, {"note": 1}, {"id": 1}
        self.assertEqual(left, [first, one, two, one, two])

    def test_application_sends_the_same_event_again(self) -> None:
        event = {"type": "websocket.send", "text": '{"id": 1}'}

        async def application(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            while (await receive())["type"] == "websocket.receive":
                await send(event)
                await send(event)

        ann = self.connect(application=application)
        ann.send_json({})
        ann.request({}, reply={"id": 1})
        self.assertEqual(ann.receive_all_json(), [{"id": 1}] * 3)

    def test_each_client_has_its_own_replies(self) -> None:
        ann, ben = self.connect_many(2)
        self.assertEqual(ann.request({"id": 1}, reply={"id": int})["id"], 1)
        self.assertReceivesNothing(ben)
        self.assertEqual(ben.request({"id": 2}, reply={"id": int})["id"], 2)

    async def test_requests_at_the_same_time_get_their_own_replies(self) -> None:
        ann = await self.aconnect()
        numbers = [3, 1, 2]
        replies = await asyncio.gather(
            *(ann.request({"id": n}, reply={"id": n}) for n in numbers)
        )
        self.assertEqual([reply["id"] for reply in replies], numbers)
        self.assertEqual(len(await ann.receive_all_json()), 6)

    def test_object_is_sent_as_send_message_does(self) -> None:
        ann = self.connect()
        self.assertEqual(ann.request(Request(5), reply={"id": 5})["id"], 5)

    async def test_subclass_sends_messages_in_its_own_way(self) -> None:
        class Numbering(WebsocketCommunicator):
            async def send_message(self, message: Any) -> None:
                await super().send_message({**message, "id": 7})

        ann = Numbering(RpcConsumer.as_asgi(), "/")
        await ann.connect()
        self.assertEqual((await ann.request({}, reply={"id": 7}))["id"], 7)

    def test_what_a_predicate_raises_is_raised(self) -> None:
        ann = self.connect()
        with self.assertRaises(KeyError):
            ann.request({"id": 1}, reply=lambda payload: payload["id"] == 1)
        self.assertEqual(len(ann.receive_all_json()), 3)


class KindTests(SimpleWebsocketTestCase):
    """Text and bytes go and come as they are."""

    application = EchoConsumer.as_asgi()
    ws_path = "/"

    def test_text(self) -> None:
        ann = self.connect()
        ann.send_json({"note": 1})
        self.assertEqual(ann.request("ping", reply="ping"), "ping")
        self.assertEqual(ann.request("ping", reply=re.compile("p.*")), "ping")
        self.assertEqual(ann.request("ping", reply=str), "ping")
        self.assertEqual(ann.request("ping", reply=lambda text: "in" in text), "ping")
        self.assertEqual(ann.receive_json(), {"note": 1})

    def test_bytes(self) -> None:
        ann = self.connect()
        self.assertEqual(ann.request(b"\x00", reply=b"\x00"), b"\x00")
        self.assertEqual(ann.request(b"\x01", reply=re.compile(b".")), b"\x01")
        self.assertEqual(ann.request(b"\x02", reply=lambda data: data[0] == 2), b"\x02")

    def test_json_that_was_encoded_before(self) -> None:
        ann = self.connect()
        self.assertEqual(ann.request('{"id": 7}', reply={"id": 7}), {"id": 7})

    def test_nearest_text(self) -> None:
        with self.assertRaises(NoFrame) as caught:
            self.connect().request("ping", reply="pong")
        text = "Nearest: 'ping', number 4 of the transcript, differs: expected 'pong',"
        self.assertIn(text, str(caught.exception))

    def test_step_for_what_came_before_reads_it(self) -> None:
        ann = self.connect()

        def assert_step(reply: object, step: str) -> None:
            with self.assertRaises(NoFrame) as caught:
                ann.request("other", reply=reply)
            text = f"To read it, call {step} before the request."
            self.assertIn(text, str(caught.exception))

        ann.send_text("ping")
        assert_step("ping", "receive_text()")
        self.assertEqual(ann.receive_text(), "ping")
        self.assertEqual(ann.receive_text(), "other")
        ann.send_bytes(b"ping")
        assert_step(b"ping", "receive_bytes()")
        self.assertEqual(ann.receive_bytes(), b"ping")
        self.assertEqual(ann.receive_text(), "other")
        ann.send_json({"id": 7, "n": 1})
        assert_step({"id": 7}, "receive_until(..., partial=True)")
        self.assertEqual(
            ann.receive_until({"id": 7}, partial=True), [{"id": 7, "n": 1}]
        )

    def test_text_in_the_place_of_json_is_no_reply(self) -> None:
        ann = self.connect()
        with self.assertRaises(NoFrame) as caught:
            ann.request("ping", reply={"id": 7})
        self.assertNotIn("Nearest", str(caught.exception))
        self.assertEqual(ann.receive_text(), "ping")

    def test_wire_of_the_test_decodes(self) -> None:
        with (
            mock.patch.object(
                type(self), "encode_frame", lambda self, it: repr(it).encode()
            ),
            mock.patch.object(type(self), "decode_frame", lambda self, it: len(it)),
        ):
            self.assertEqual(self.connect().request([1], reply=3), 3)


class FailureTests(RpcTestCase):
    def test_nothing_is_lost(self) -> None:
        ann = self.connect()
        with self.assertRaises(NoFrame):
            ann.request({"id": 8}, reply={"id": 7})
        self.assertEqual(len(ann.receive_all_json()), 3)

    def test_application_closes_meanwhile(self) -> None:
        ann = self.connect()
        with self.assertRaisesRegex(
            AssertionError, "closed the connection .code 4400. where a reply was"
        ):
            ann.request({"close": 4400}, reply={"id": 7})
        self.assertEqual(ann.receive_json(), {"note": 1})
        self.assertClosed(ann, code=4400)

    def test_application_raises_meanwhile(self) -> None:
        ann = self.connect()
        with self.assertApplicationRaises(ValueError), self.assertRaises(NoFrame):
            ann.request({"die": True}, reply={"id": 7})

    async def test_exception_comes_out_of_the_request(self) -> None:
        """Also on a communicator made by hand, which holds it otherwise."""
        communicator = WebsocketCommunicator(RpcConsumer.as_asgi(), "/")
        await communicator.connect()
        with self.assertRaises(ValueError):
            await communicator.request({"die": True}, reply={"id": 7})

    def test_connection_that_is_not_open(self) -> None:
        ann = self.create_client()
        text = r"request\(\) before connect\(\)"
        with self.assertRaisesRegex(RuntimeError, text):
            ann.request({}, reply={})
        ann.connect()
        ann.disconnect()
        with self.assertRaisesRegex(RuntimeError, r"request\(\) on a connection"):
            ann.request({}, reply={})

    def test_time_is_a_number_of_seconds(self) -> None:
        with self.assertRaisesRegex(TypeError, "give a number of seconds"):
            self.connect().request({}, reply={}, timeout="1")

    def test_differences_are_not_told_of_a_predicate(self) -> None:
        with self.assertRaises(NoFrame) as caught:
            self.connect().request({"id": 1}, reply={"id": lambda n: n == 2})
        self.assertRegex(str(caught.exception), r"Nearest: .*, number \d of the")
        self.assertNotIn("differs", str(caught.exception))

    def test_no_frame_is_near_to_a_predicate(self) -> None:
        with self.assertRaises(NoFrame) as caught:
            self.connect().request({"id": 1}, reply=lambda payload: False)
        self.assertNotIn("Nearest", str(caught.exception))


@not_explored
class VirtualTimeTests(RpcTestCase):
    use_virtual_time = True

    def test_time_moves_on_to_the_reply(self) -> None:
        ann = self.connect()
        reply = ann.request({"id": 1, "delay": 60}, reply={"id": 1}, timeout=60)
        self.assertEqual(reply["id"], 1)
        self.assertEqual(self.clock.now, 60)

    async def test_later_frame_does_not_end_the_wait_of_another(self) -> None:
        ann = await self.aconnect()
        replies = await asyncio.gather(
            ann.request({"id": 1, "delay": 0.5}, reply={"id": 1}),
            ann.request({"id": 2}, reply={"id": 2}),
        )
        self.assertEqual([reply["id"] for reply in replies], [1, 2])

    def test_a_predicate_sees_each_frame_once(self) -> None:
        seen: list[Any] = []

        def is_reply(payload: Any) -> bool:
            seen.append(payload)
            return "result" in payload

        ann = self.connect()
        ann.send_json({"id": 1})
        ann.request({"id": 2, "delay": 0.5}, reply=is_reply)
        self.assertEqual(seen, [{"note": 1}, {"id": 2, "result": {"twice": 2}}])

    def test_longer_timeout_is_what_helps(self) -> None:
        ann = self.connect()
        with self.assertRaises(NoFrame) as caught:
            ann.request({"id": 1, "delay": 60}, reply={"id": 1})
        text = "To wait for it, give request() a longer timeout=."
        self.assertIn(text, str(caught.exception))
        self.assertNotIn("self.advance", str(caught.exception))
        ann.stop()


class MisuseTests(OuterTestCase):
    def test_there_is_no_request_without_a_reply(self) -> None:
        class Inner(RpcTestCase):
            def test_it(self) -> None:
                self.connect().request({"id": 1})  # type: ignore[call-arg]

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, TypeError)
        self.assertIn("missing 1 required keyword-only argument", str(error))

    def test_it_is_awaited(self) -> None:
        class Inner(RpcTestCase):
            async def test_it(self) -> None:
                ann = await self.aconnect()
                ann.request({"id": 1}, reply={"id": 1})

        (text,) = run_case(Inner).texts
        self.assertRegex(text, r"^request\(\) was called at .* but never awaited")
