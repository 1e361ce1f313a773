"""``frame_schema`` and ``sent_frame_schema`` on connections of a test."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import pickle
import traceback
from typing import Any
from unittest import mock

import msgspec
import pydantic
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
)
from channels.layers import channel_layers
from django.core.exceptions import ImproperlyConfigured

from channels_testkit import (
    ChannelTestCase,
    FrameError,
    SimpleChannelTestCase,
    SimpleWebsocketTestCase,
    WebsocketCommunicator,
)
from channels_testkit.assertions.methods import TestMethods
from channels_testkit.layers.captive import CaptiveChannelLayer
from channels_testkit.running.run import in_place
from tests.app.asgi import websocket_application
from tests.app.consumers import EchoConsumer
from tests.explored import not_explored
from tests.utils import OuterTestCase, run_case, told_with

PRICES = {
    "type": "object",
    "properties": {"price": {"type": "number"}},
    "required": ["price"],
}


class Price(pydantic.BaseModel):
    price: float


class Priced(msgspec.Struct):
    price: float


def check_price(payload: Any) -> None:
    if "price" not in payload:
        raise ValueError("no price")


def has_price(payload: Any) -> bool:
    return isinstance(payload, dict) and isinstance(payload.get("price"), (int, float))


SCHEMAS = (PRICES, Price, Priced, has_price, pydantic.TypeAdapter(Price))


class QuietConsumer(AsyncJsonWebsocketConsumer):
    """Sends what it gets, and says nothing of what goes wrong with that."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        try:
            await self.send_json(content)
        except AssertionError:
            await self.send_json({"price": 0})


class SyncConsumer(JsonWebsocketConsumer):
    def receive_json(self, content: Any, **kwargs: Any) -> None:
        self.send_json(content)  # the guilty line


class BinaryConsumer(AsyncWebsocketConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(bytes_data=bytes_data or b"\xc1")


class PriceTestCase(SimpleWebsocketTestCase):
    application: Any = EchoConsumer.as_asgi()
    ws_path = "/"


class ReceivedTests(PriceTestCase):
    """Frames of the application."""

    frame_schema = PRICES

    def test_right_frames_pass_in_every_kind(self) -> None:
        for schema in SCHEMAS:
            with self.subTest(schema):
                ann = self.connect(frame_schema=schema)
                ann.send_json({"price": 2})
                self.assertReceivesJson(ann, {"price": 2})

    def test_wrong_frames_are_refused_in_every_kind(self) -> None:
        for schema in SCHEMAS:
            with self.subTest(schema):
                ann = self.connect(frame_schema=schema)
                with self.assertRaises(FrameError) as caught:
                    ann.send_json({"price": "dear"})
                self.assertEqual(caught.exception.option, "frame_schema")
                is_function = schema is has_price
                path = "" if is_function else "$.price"
                self.assertEqual(caught.exception.path, path)
                self.assertEqual(ann.frames, [])

    async def test_in_an_async_test(self) -> None:
        ann = await self.aconnect()
        with self.assertRaises(FrameError):
            await ann.send_json({})

    def test_application_cannot_hide_it(self) -> None:
        ann = self.connect(application=QuietConsumer.as_asgi())
        with self.assertRaises(FrameError):
            ann.send_json({})
        self.assertReceivesJson(ann, {"price": 0})

    def test_expected_breach(self) -> None:
        ann = self.connect()
        with self.assertApplicationRaises(FrameError) as caught:
            ann.send_json({})
        self.assertEqual(caught.exception.path, "$")

    def test_each_connection_has_the_schema(self) -> None:
        ann, ben = self.connect_many(2)
        ann.send_json({"price": 1})
        with self.assertRaises(FrameError):
            ben.send_json({})

    def test_connection_of_its_own(self) -> None:
        ann = self.connect(frame_schema=None)
        ann.send_json({"no": "price"})
        self.assertReceivesJson(ann, {"no": "price"})

    def test_in_the_place_of_other_options(self) -> None:
        ann = self.connect(receive_timeout=0.5)
        with self.assertRaises(FrameError):
            ann.send_json({})

    async def test_communicator_made_by_hand(self) -> None:
        consumer = EchoConsumer.as_asgi()
        communicator = WebsocketCommunicator(consumer, "/")
        await communicator.connect()
        with self.assertRaises(FrameError):
            await communicator.send_json_to({})
        other = WebsocketCommunicator(consumer, "/", frame_schema=None)
        await other.connect()
        await other.send_json_to({})
        self.assertEqual(await other.receive_json_from(), {})

    def test_what_is_not_json_is_refused(self) -> None:
        ann = self.connect()
        with self.assertRaisesRegex(FrameError, "frame_schema: it is not JSON"):
            ann.send_text("hello")

    def test_binary_frames(self) -> None:
        ann = self.connect(application=BinaryConsumer.as_asgi())
        with self.assertRaisesRegex(FrameError, "frame_schema: it is a binary frame"):
            ann.send_bytes(b"{}")
        ben = self.connect(application=BinaryConsumer.as_asgi(), frame_schema=Priced)
        ben.send_bytes(msgspec.msgpack.encode(Priced(1)))
        with self.assertRaisesRegex(FrameError, "it is not MessagePack"):
            ben.send_text("")

    def test_frame_that_nobody_gets_is_not_judged(self) -> None:
        class LateConsumer(EchoConsumer):
            async def disconnect(self, code: int) -> None:
                await self.send_json({"no": "price"})

        ann = self.connect(application=LateConsumer.as_asgi())
        ann.disconnect()
        self.assertEqual(ann.frames, [])

    def test_closes_are_no_frames(self) -> None:
        ann = self.connect()
        ann.send_json({"close": 4400})
        self.assertClosed(ann, code=4400)

    def test_schema_can_be_set_in_the_test(self) -> None:
        ann = self.connect()
        self.frame_schema = None
        ann.send_json({})
        self.frame_schema = PRICES
        with self.assertRaises(FrameError):
            ann.send_json({})

    def test_what_is_set_in_the_test_is_no_schema(self) -> None:
        ann = self.connect()
        self.frame_schema: Any = 7
        with self.assertRaisesRegex(ImproperlyConfigured, "^frame_schema is a JSON"):
            ann.send_json({})
        self.frame_schema = None

    def test_recorder_of_frames(self) -> None:
        """A mock is a function, whatever attributes it has."""
        seen = mock.Mock()
        ann = self.connect(frame_schema=seen)
        ann.send_json({"n": 1})
        ann.send_text("hello")
        self.assertEqual([it.args[0] for it in seen.mock_calls], [{"n": 1}, "hello"])

    def test_error_can_be_pickled(self) -> None:
        error = FrameError("text", "frame_schema", "$.a")
        other = pickle.loads(pickle.dumps(error))
        self.assertEqual(
            (str(other), other.option, other.path), ("text", "frame_schema", "$.a")
        )


class SentTests(PriceTestCase):
    """Frames of clients."""

    sent_frame_schema = Price

    def test_line_of_the_test_raises(self) -> None:
        ann = self.connect()
        with self.assertRaises(FrameError) as caught:
            ann.send_json({"price": "dear"})
        self.assertEqual(caught.exception.option, "sent_frame_schema")
        self.assertEqual(len(ann.transcript), 2)

    async def test_every_call_that_sends(self) -> None:
        ann = await self.aconnect()
        for call in (
            ann.send_json({}),
            ann.send_json_to({}),
            ann.send_message({}),
            ann.send_text("{}"),
            ann.send_bytes(b"{}"),
            ann.send_to(text_data="{}"),
            ann.request({}, reply={}),
        ):
            with self.assertRaises(FrameError):
                await call
        await ann.send_json({"price": 1})
        self.assertEqual(ann.frames, ['{"price": 1}'])

    def test_calls_of_channels_1(self) -> None:
        ann = self.connect()
        with self.assertRaises(FrameError):
            ann.send_and_consume("websocket.receive", text={"no": "price"})

    def test_ways_around_it(self) -> None:
        ann, ben = self.connect(), self.connect(sent_frame_schema=None)
        ann.send_input({"type": "websocket.receive", "text": '{"a": 1}'})
        ben.send_json({"a": 1})
        self.assertAllReceive([ann, ben], {"a": 1})

    def test_both_directions(self) -> None:
        ann = self.connect(frame_schema=PRICES)
        ann.send_json({"price": 1})
        self.assertReceivesJson(ann, {"price": 1})


class FunctionTests(PriceTestCase):
    """A function of the class is no method, and may be made one."""

    frame_schema = check_price

    @staticmethod
    def sent_frame_schema(payload: Any) -> bool:
        return payload != {"price": 13}

    def test_it_is_called_with_the_payload(self) -> None:
        ann = self.connect()
        ann.send_json({"price": 1})
        with self.assertRaisesRegex(FrameError, "check_price.. raised ValueError: no"):
            ann.send_json({})
        with self.assertRaisesRegex(FrameError, "returned False"):
            self.connect().send_json({"price": 13})


class PropertyTests(PriceTestCase):
    @property
    def frame_schema(self) -> Any:  # type: ignore[override]
        return {"required": [self.key]}

    def test_it_is_read_in_the_test(self) -> None:
        self.key = "a"
        ann = self.connect()
        ann.send_json({"a": 1})
        self.key = "b"
        with self.assertRaisesRegex(FrameError, "'b' is a required property"):
            ann.send_json({"a": 1})

    def test_what_it_raises_is_no_lack_of_a_schema(self) -> None:
        ann = self.connect()
        del self.key
        with self.assertRaisesRegex(AttributeError, "no attribute 'key'"):
            ann.send_json({})
        self.key = "a"

    def setUp(self) -> None:
        self.key = "a"


@not_explored
class VirtualTimeTests(PriceTestCase):
    use_virtual_time = True
    frame_schema = PRICES

    def test_breach_of_a_timer_comes_out_of_the_call_that_moves_time(self) -> None:
        class LateConsumer(EchoConsumer):
            async def connect(self) -> None:
                await super().connect()
                await asyncio.sleep(60)
                await self.send_json({})

        self.connect(application=LateConsumer.as_asgi())
        with self.assertRaises(FrameError):
            self.advance(60)


class GuiltyLineTests(OuterTestCase):
    def lines(self, error: BaseException) -> list[str]:
        found = traceback.extract_tb(error.__traceback__)
        return [str(it.line) for it in found]

    def test_line_of_the_application_is_in_the_traceback(self) -> None:
        class Inner(PriceTestCase):
            application = SyncConsumer.as_asgi()
            frame_schema = PRICES

            def test_it(self) -> None:
                self.connect().send_json({})

        (error,) = run_case(Inner).raised
        self.assertIn("self.send_json(content)  # the guilty line", self.lines(error))
        sender = "Sent by SyncConsumer at test_frame_schemas.py:"
        self.assertIn(sender, str(error))

    def test_line_of_the_test_is_the_last_but_those_of_the_kit(self) -> None:
        class Inner(PriceTestCase):
            sent_frame_schema = PRICES

            async def test_it(self) -> None:
                ann = await self.aconnect()
                await ann.send_json({"the": "line"})

        (error,) = run_case(Inner).raised
        self.assertIn('await ann.send_json({"the": "line"})', self.lines(error))


class PolicyTests(OuterTestCase):
    def test_other_policies_do_not_matter(self) -> None:
        for name in ("application_errors", "check_protocol"):

            class Inner(PriceTestCase):
                frame_schema = PRICES

                def test_it(self) -> None:
                    self.connect().send_json({})

            setattr(Inner, name, "off")
            with self.subTest(name):
                (error,) = run_case(Inner).raised
                self.assertIsInstance(error, FrameError)

    def test_many_breaches_of_one_kind_are_told_once(self) -> None:
        class ManyConsumer(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content: Any, **kwargs: Any) -> None:
                for number in range(5):
                    with contextlib.suppress(FrameError):
                        await self.send_json({"price": f"p{number}"})

        class Inner(PriceTestCase):
            application = ManyConsumer.as_asgi()
            frame_schema = PRICES

            def test_it(self) -> None:
                self.connect().send_json({})

        first, others = run_case(Inner).raised
        self.assertIn("'p0' is not", str(first))
        self.assertIn("And 3 more like it", told_with(others))


class BadInputTests(OuterTestCase):
    maxDiff = None

    def set_up_class(self, base: type, **schemas: Any) -> list[BaseException]:
        class Inner(base):  # type: ignore[misc]
            def test_it(self) -> None: ...

        for name, schema in schemas.items():
            setattr(Inner, name, schema)
        raised = run_case(Inner).raised
        # Nothing is left in place.
        self.assertIsNone(in_place())
        backends = channel_layers.backends.values()
        self.assertFalse(any(isinstance(it, CaptiveChannelLayer) for it in backends))
        return raised

    def test_class_is_refused_at_once(self) -> None:
        for base in (SimpleWebsocketTestCase, SimpleChannelTestCase, ChannelTestCase):
            for name in ("frame_schema", "sent_frame_schema"):
                with self.subTest(base, name=name):
                    (error,) = self.set_up_class(base, **{name: {"type": "text"}})
                    self.assertIsInstance(error, ImproperlyConfigured)
                    self.assertEqual(
                        str(error),
                        f"Inner.{name} is not a valid JSON Schema, at $.type: 'text'"
                        " is not valid under any of the given schemas.",
                    )

    def test_package_is_missing(self) -> None:
        with mock.patch.dict("sys.modules", {"jsonschema": None}):
            (error,) = self.set_up_class(
                SimpleWebsocketTestCase, frame_schema=copy.deepcopy(PRICES)
            )
        self.assertIsInstance(error, ImproperlyConfigured)
        self.assertEqual(
            str(error),
            "Inner.frame_schema is a JSON Schema, which needs jsonschema: python -m"
            ' pip install "channels-testkit[schema]".',
        )

    def test_method_of_the_class(self) -> None:
        def frame_schema(self: Any, payload: Any) -> None: ...

        (error,) = self.set_up_class(SimpleWebsocketTestCase, frame_schema=frame_schema)
        self.assertRegex(str(error), "A method of the class is a staticmethod.$")

    def test_connection_is_refused_at_once(self) -> None:
        class Inner(PriceTestCase):
            def test_it(self) -> None:
                self.connect(sent_frame_schema=json.dumps(PRICES))

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, ImproperlyConfigured)
        self.assertRegex(str(error), r"^sent_frame_schema= is a JSON Schema \(a dict\)")

    def test_run_without_a_test_case(self) -> None:
        test = TestMethods(application=websocket_application, frame_schema=7)
        with self.assertRaises(ImproperlyConfigured):
            test.run.begin()
        self.assertIsNone(in_place())


class PlainTests(OuterTestCase):
    async def test_communicator_outside_of_the_kit(self) -> None:
        communicator = WebsocketCommunicator(
            EchoConsumer.as_asgi(), "/", frame_schema=PRICES
        )
        await communicator.connect()
        with self.assertRaises(FrameError):
            await communicator.send_json_to({})
        await communicator.wait()
