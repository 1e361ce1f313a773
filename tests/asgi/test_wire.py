from __future__ import annotations

import dataclasses
import datetime
import decimal
import importlib.util
import json
import re
import sys
import types
import unittest
import uuid
from unittest import mock

from django.test import SimpleTestCase
from django.utils.translation import gettext_lazy

from channels_testkit.asgi.wire import JsonWire, expected_payload, plain_message
from channels_testkit.matching import matches

NOW = datetime.datetime(2026, 11, 20, 10, 0, tzinfo=datetime.timezone.utc)


class ZipWire(JsonWire):
    """A wire whose frames are binary, and whose keys stay as they are."""

    def encode_frame(self, payload):
        return repr(payload).encode()

    def decode_frame(self, frame):
        return eval(frame, {"datetime": datetime})


class EncodeTests(SimpleTestCase):
    def test_is_json_by_djangos_encoder(self):
        frame = JsonWire().encode_frame({"at": NOW, "by": gettext_lazy("Ann")})
        self.assertEqual(frame, '{"at": "2026-11-20T10:00:00Z", "by": "Ann"}')

    def test_is_json_by_an_encoder_of_ones_own(self):
        class Encoder(json.JSONEncoder):
            def default(self, o):
                return f"<{type(o).__name__}>"

        wire = JsonWire()
        wire.json_encoder = Encoder
        self.assertEqual(wire.encode_frame([{1}]), '["<set>"]')

    def test_what_cannot_be_encoded_is_named_with_its_path(self):
        remedy = "Set json_encoder on the test case, or send plain values."
        for payload, finding in (
            ({1}, "payload is a set"),
            ({"a": [1, {"b": {1}}]}, "payload['a'][1]['b'] is a set"),
            (({"a": object()},), "payload[0]['a'] is an object"),
            ({"a": {(1, 2): 3}}, "the key (1, 2) of payload['a'] is a tuple"),
        ):
            with self.subTest(payload=payload), self.assertRaises(TypeError) as caught:
                JsonWire().encode_frame(payload)
            self.assertEqual(
                str(caught.exception),
                f"{finding}, which DjangoJSONEncoder cannot encode. {remedy}",
            )


class DecodeTests(SimpleTestCase):
    def test_decodes_json(self):
        self.assertEqual(JsonWire().decode_frame('{"a": 1}'), {"a": 1})

    def test_what_is_not_json_is_a_value_error(self):
        with self.assertRaises(ValueError):
            JsonWire().decode_frame("hello")
        with self.assertRaisesMessage(ValueError, "it is a binary frame"):
            JsonWire().decode_frame(b"{}")


class ExpectedPayloadTests(SimpleTestCase):
    def test_values_are_as_after_the_wire(self):
        key = uuid.uuid4()
        expected = {
            "at": NOW,
            "key": key,
            "price": decimal.Decimal("1.50"),
            "title": gettext_lazy("Hello"),
            "pair": (1, 2),
            "deep": [{"at": NOW}],
            7: None,
            None: True,
        }
        self.assertEqual(
            expected_payload(JsonWire(), expected),
            {
                "at": "2026-11-20T10:00:00Z",
                "key": str(key),
                "price": "1.50",
                "title": "Hello",
                "pair": [1, 2],
                "deep": [{"at": "2026-11-20T10:00:00Z"}],
                "7": None,
                "null": True,
            },
        )

    def test_matchers_stay(self):
        pattern, predicate = re.compile("x"), str.isdigit
        expected = [mock.ANY, int, pattern, predicate]
        self.assertEqual(expected_payload(JsonWire(), expected), expected)
        self.assertIs(expected_payload(JsonWire(), expected)[3], predicate)

    def test_what_the_wire_cannot_carry_stays_and_never_matches(self):
        for expected in ({1, 2}, {(1, 2): 3}):
            with self.subTest(expected=expected):
                wanted = expected_payload(JsonWire(), expected)
                self.assertEqual(wanted, expected)
                self.assertFalse(matches(wanted, [1, 2]))

    def test_another_wire_decides(self):
        self.assertEqual(expected_payload(ZipWire(), {1: NOW}), {1: NOW})


class PlainMessageTests(SimpleTestCase):
    def test_plain_values_stay(self):
        for message in ({"a": [1, "x", None]}, "text", 7, None):
            with self.subTest(message=message):
                self.assertEqual(plain_message(message), message)

    def test_a_dataclass_is_a_dict_at_every_depth(self):
        @dataclasses.dataclass
        class Author:
            name: str

        @dataclasses.dataclass
        class Say:
            text: str
            by: Author
            to: list[Author]

        say = Say("hi", Author("ann"), [Author("ben")])
        expected = {"text": "hi", "by": {"name": "ann"}, "to": [{"name": "ben"}]}
        self.assertEqual(plain_message(say), expected)
        self.assertEqual(plain_message({"say": say}), {"say": expected})

    def test_a_class_is_not_a_message(self):
        @dataclasses.dataclass
        class Say:
            text: str

        self.assertIs(plain_message(Say), Say)

    @unittest.skipUnless(importlib.util.find_spec("attrs"), "needs attrs")
    def test_an_attrs_object_is_a_dict(self):
        import attrs

        @attrs.define
        class Say:
            text: str
            at: datetime.datetime

        self.assertEqual(plain_message(Say("hi", NOW)), {"text": "hi", "at": NOW})

    @unittest.skipUnless(importlib.util.find_spec("pydantic"), "needs pydantic")
    def test_a_pydantic_object_is_a_dict(self):
        import pydantic

        class Say(pydantic.BaseModel):
            text: str
            at: datetime.datetime

        expected = {"text": "hi", "at": "2026-11-20T10:00:00Z"}
        self.assertEqual(plain_message(Say(text="hi", at=NOW)), expected)

    @unittest.skipUnless(importlib.util.find_spec("msgspec"), "needs msgspec")
    def test_a_msgspec_object_has_its_tag(self):
        import msgspec

        class Say(msgspec.Struct, tag="say"):
            text: str

        self.assertEqual(plain_message(Say("hi")), {"type": "say", "text": "hi"})

    def test_attrs_objects_are_known_by_their_fields(self):
        """What attrs makes of a class, without attrs."""

        class Say:
            __attrs_attrs__ = (types.SimpleNamespace(name="text"),)
            text = "hi"

        self.assertEqual(plain_message(Say()), {"text": "hi"})

    def test_pydantic_objects_dump_themselves(self):
        class Say:
            def model_dump(self, mode):
                return {"text": "hi", "mode": mode}

        self.assertEqual(plain_message(Say()), {"text": "hi", "mode": "json"})

    def test_msgspec_converts_its_own(self):
        class Say:
            __struct_fields__ = ("text",)

        module = types.SimpleNamespace(to_builtins=lambda message: {"text": "hi"})
        # The struct says that the module is there; this one stands for it.
        with mock.patch.dict(sys.modules, {"msgspec": module}):
            self.assertEqual(plain_message(Say()), {"text": "hi"})
