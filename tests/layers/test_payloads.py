from __future__ import annotations

import json
import sys
import uuid
from collections import OrderedDict, defaultdict, deque, namedtuple
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from types import MappingProxyType, SimpleNamespace
from unittest import mock

import msgpack
from django.contrib.auth.models import User
from django.db.models import TextChoices
from django.test import SimpleTestCase
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from channels_testkit.layers.payloads import copy_plain, normalise

Point = namedtuple("Point", "x y")
HINT = "(strict_messages = False on the test case turns this check off.)"
LAYER = "a real channel layer"
JSON_LAYER = "a real channel layer with the json serializer"


# These cannot be asked for their value, and no serializer asks.


class Text(str):
    __str__ = None


class Number(int):
    __int__ = None


class Ratio(float):
    __float__ = None


class Data(bytes):
    __bytes__ = None


class Pairs(dict):
    def items(self):
        return [("instead", 1)]


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Size(TextChoices):
    SMALL = "s"


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def deep(depth, kind):
    value = 1
    for _ in range(depth):
        value = {"a": value} if kind is dict else [value]
    return value


def depth_of(value):
    depth = 0
    while value != 1:
        (value,) = value.values() if isinstance(value, dict) else value
        depth += 1
    return depth


# Whatever a message may hold: the test compares with the real serializers.
VALUES = {
    "None": None,
    "true": True,
    "int": 7,
    "largest int": 2**64 - 1,
    "smallest int": -(2**63),
    "int too large": 2**64,
    "int too small": -(2**63) - 1,
    "int of many digits": 10**5000,
    "int subclass": Number(5),
    "large int subclass": Number(2**64),
    "IntEnum": Level.HIGH,
    "float": 1.5,
    "infinity": float("inf"),
    "float subclass": Ratio(2.5),
    "empty str": "",
    "str": "text",
    "str beyond ASCII": "größer, \U0001f600",
    "lone surrogate": "\ud800",
    "str subclass": Text("text"),
    "surrogate in a str subclass": Text("\udfff"),
    "safe string": mark_safe("<b>"),
    "TextChoices": Size.SMALL,
    "bytes": b"\x00\xff",
    "bytes subclass": Data(b"data"),
    "bytearray": bytearray(b"data"),
    "memoryview": memoryview(b"data"),
    "memoryview of numbers": memoryview(bytearray(b"data")).cast("H"),
    "scattered memoryview": memoryview(b"data")[::2],
    "list": [1, "two", None],
    "tuple": (1, (2, 3)),
    "namedtuple": Point(1, 2),
    "dict": {"a": {"b": [{"c": 1}]}},
    "empty dict": {},
    "OrderedDict": OrderedDict(b=1, a=2),
    "defaultdict": defaultdict(list, a=[1]),
    "dict subclass with items of its own": Pairs(a=2),
    "bytes key": {b"key": 1},
    "bytes subclass as a key": {Data(b"key"): 1},
    "str subclass as a key": {Text("key"): 1},
    "key beyond ASCII": {"größe": 1},
    "surrogate in a key": {"\ud800": 1},
    "tuple as a key": {("a", "b"): 1},
    "deep": nested(200),
    "far too deep": nested(20_000),
    "datetime": datetime(2024, 1, 2, tzinfo=timezone.utc),
    "date": date(2024, 1, 2),
    "time": time(12),
    "timedelta": timedelta(seconds=1),
    "Decimal": Decimal("1.5"),
    "UUID": uuid.UUID(int=1),
    "set": {1},
    "frozenset": frozenset({1}),
    "range": range(3),
    "generator": (number for number in ()),
    "deque": deque([1]),
    "dict view": {}.keys(),
    "mapping that is no dict": MappingProxyType({}),
    "Enum": Colour.RED,
    "complex": 1j,
    "model": User(username="ann"),
    "lazy model": SimpleLazyObject(lambda: User(username="ann")),
    "lazy object that claims to be a str": SimpleLazyObject(lambda: "text"),
    "lazy string": gettext_lazy("text"),
    "class": User,
    "function": len,
    "object": SimpleNamespace(a=1),
    "mock": mock.MagicMock(),
}
# Real json writes these keys as str; here they are refused with either.
NUMERIC_KEYS = {
    "int key": {1: 2},
    "bool key": {True: 1},
    "None key": {None: 1},
    "float key": {1.5: 1},
}


def exact(value):
    """The value with the types of all that is in it."""
    if isinstance(value, dict):
        return dict, [(exact(key), exact(item)) for key, item in value.items()]
    if type(value) is list:
        return list, [exact(item) for item in value]
    return type(value), value


def outcome(function, message):
    try:
        return exact(function(message)["value"])
    except (TypeError, ValueError, OverflowError, BufferError, RecursionError):
        return "refused"


class RealSerializerTests(SimpleTestCase):
    """The rules are held against what channels_redis uses."""

    def assertSameAs(self, real, values, **options):
        for name, value in values.items():
            with self.subTest(name):
                message = {"type": "a.message", "value": value}
                self.assertEqual(
                    outcome(lambda message: normalise(message, **options), message),
                    outcome(real, message),
                )

    def test_messages_are_as_from_msgpack(self):
        extensions = {
            "Timestamp": msgpack.Timestamp(1, 2),
            "ExtType": msgpack.ExtType(5, b"data"),
        }
        self.assertSameAs(
            lambda message: msgpack.unpackb(msgpack.packb(message)),
            {**VALUES, **NUMERIC_KEYS, **extensions},
        )

    def test_messages_are_as_from_json(self):
        extensions = {
            "Timestamp": msgpack.Timestamp(1, 2),
            "ExtType": msgpack.ExtType(5, b"data"),
        }
        self.assertSameAs(
            lambda message: json.loads(json.dumps(message)),
            {**VALUES, **extensions},
            serializer="json",
        )

    def test_messages_may_be_as_deep_as_in_msgpack(self):
        for kind in (dict, list):
            for depth in (400, 490, 511, 512, 513, 980, 1022, 1023, 1024, 1025, 1100):
                with self.subTest(kind=kind, depth=depth):
                    message = {"value": deep(depth, kind)}
                    try:
                        msgpack.packb(message)
                    except ValueError:
                        with self.assertRaisesRegex(TypeError, "too deeply"):
                            normalise(message)
                    else:
                        self.assertEqual(depth_of(normalise(message)), depth + 1)

    def test_without_msgpack_it_is_taken_for_a_new_one(self):
        with mock.patch.dict(sys.modules, {"msgpack": None}):
            self.assertEqual(depth_of(normalise(deep(1024, dict))), 1024)
            with self.assertRaisesRegex(TypeError, "too deeply"):
                normalise(deep(1025, dict))

    def test_messages_may_be_as_deep_as_in_json(self):
        message = normalise({"value": deep(600, dict)}, serializer="json")
        self.assertEqual(depth_of(message), 601)

    def test_nan_arrives(self):
        for serializer in ("msgpack", "json"):
            plain = normalise({"value": float("nan")}, serializer=serializer)
            self.assertNotEqual(plain["value"], plain["value"])

    def test_without_msgpack_its_types_are_refused(self):
        message = {"value": msgpack.Timestamp(1, 2)}
        # As where the package is not installed.
        with mock.patch.dict(sys.modules):
            del sys.modules["msgpack"]
            with self.assertRaises(TypeError):
                normalise(message)


class NormaliseTests(SimpleTestCase):
    def test_result_is_a_deep_copy(self):
        message = {"type": "a.message", "data": {"rows": [[1], {"a": 2}]}}
        plain = normalise(message)
        plain["data"]["rows"][0].append(3)
        plain["data"]["rows"][1]["a"] = 4
        self.assertEqual(
            message, {"type": "a.message", "data": {"rows": [[1], {"a": 2}]}}
        )

    def test_message_of_a_dict_subclass_becomes_a_dict(self):
        self.assertIs(type(normalise(OrderedDict(type="a.message"))), dict)

    def test_unknown_serializer_is_refused(self):
        with self.assertRaises(ValueError) as caught:
            normalise({}, serializer="yaml")
        self.assertEqual(
            str(caught.exception), "serializer is 'msgpack' or 'json', not 'yaml'."
        )


class RefusalTests(SimpleTestCase):
    def assertRefused(self, message, text, **options):
        with self.assertRaises(TypeError) as caught:
            normalise(message, **options)
        self.assertEqual(str(caught.exception), text)
        self.assertIsNone(caught.exception.__cause__)

    def test_each_kind_of_value_has_its_remedy(self):
        a_list = "send a list of it"
        model = "send its pk, or a dict of plain values"
        default = "send None, bool, int, float, str, bytes, lists and dicts"
        for value, finding, remedy in [
            (User(username="ann"), "is a User", model),
            (SimpleLazyObject(User), "is a SimpleLazyObject", model),
            (User.objects.none(), "is a QuerySet", a_list),
            (datetime(2024, 1, 2), "is a datetime", "send its isoformat()"),
            (date(2024, 1, 2), "is a date", "send its isoformat()"),
            (time(12), "is a time", "send its isoformat()"),
            (timedelta(1), "is a timedelta", "send its total_seconds()"),
            (Decimal(1), "is a Decimal", "send str() of it"),
            (uuid.UUID(int=1), "is a UUID", "send str() of it"),
            (gettext_lazy("a"), "is a lazy string", "send str() of it"),
            (Colour.RED, "is a Colour", "send its value"),
            ({1}, "is a set", a_list),
            (frozenset(), "is a frozenset", a_list),
            (range(2), "is a range", a_list),
            (deque(), "is a deque", a_list),
            (memoryview(b"data")[::2], "is a memoryview", "send bytes() of it"),
            (2**64, "is an int beyond 64 bits", "send str() of it"),
            ("\ud800", "has a lone surrogate", "send text that UTF-8 can encode"),
            (object(), "is an object", default),
        ]:
            with self.subTest(finding):
                self.assertRefused(
                    {"type": "a.message", "value": value},
                    f"message['value'] {finding}, which {LAYER} cannot carry: "
                    f"{remedy}. {HINT}",
                )

    def test_each_kind_of_value_has_its_remedy_with_json(self):
        text = "send text, base64 for instance"
        default = "send None, bool, int, float, str, lists and dicts"
        for value, finding, remedy in [
            (b"data", "is a bytes", text),
            (bytearray(), "is a bytearray", text),
            (memoryview(b""), "is a memoryview", text),
            (10**5000, "is an int of too many digits", "send hex() of it"),
            (Decimal(1), "is a Decimal", "send str() of it"),
            (object(), "is an object", default),
        ]:
            with self.subTest(finding):
                self.assertRefused(
                    {"value": value},
                    f"message['value'] {finding}, which {JSON_LAYER} cannot carry: "
                    f"{remedy}. {HINT}",
                    serializer="json",
                )

    def test_value_deep_inside_has_its_path(self):
        self.assertRefused(
            {"rows": [0, ({"größe": {b"set": {1}}},)]},
            "message['rows'][1][0]['größe'][b'set'] is a set, which "
            f"{LAYER} cannot carry: send a list of it. {HINT}",
        )

    def test_key_is_refused_with_the_path_to_its_dict(self):
        self.assertRefused(
            {"scores": [{"ann": 1}, {7: 1}]},
            f"message['scores'][1] has an int as a key, which {LAYER} cannot carry: "
            f"make it a str. {HINT}",
        )

    def test_key_of_the_message_itself_is_refused(self):
        self.assertRefused(
            {None: 1},
            f"message has a NoneType as a key, which {LAYER} cannot carry: "
            f"make it a str. {HINT}",
        )

    def test_json_refuses_numbers_and_bytes_as_keys(self):
        for key in (1, 1.5, True, None, b"key"):
            with self.subTest(key):
                article = "an" if key == 1 and key is not True else "a"
                self.assertRefused(
                    {key: 1},
                    f"message has {article} {type(key).__name__} as a key, which "
                    f"{JSON_LAYER} cannot carry: make it a str. {HINT}",
                    serializer="json",
                )

    def test_a_path_that_is_long_is_cut_in_the_middle(self):
        value, kept = object(), OrderedDict(a=(1,))
        for number in range(600):
            value = {f"k{number}": value, b"other": kept, "größe": [None]}
        self.assertRefused(
            {"value": value},
            "message['value']['k599']['k598']['k597']['k596']['k595']['k594']['k593']"
            "['k592']['k591'][... 581 more ...]['k9']['k8']['k7']['k6']['k5']['k4']"
            f"['k3']['k2']['k1']['k0'] is an object, which {LAYER} cannot carry: send"
            f" None, bool, int, float, str, bytes, lists and dicts. {HINT}",
        )

    def test_a_key_that_is_deep_is_refused(self):
        value = {7: 1}
        for _ in range(600):
            value = [value]
        with self.assertRaisesRegex(TypeError, "has an int as a key"):
            normalise({"value": value})

    def test_message_that_is_too_deep_for_json_is_refused(self):
        # From Python 3.13 on json goes deeper.
        with self.assertRaisesRegex(TypeError, "too deeply"):
            normalise({"value": deep(20_000, dict)}, serializer="json")
        message = {"value": deep(5_000, dict)}
        try:
            json.dumps(message)
        except RecursionError:
            with self.assertRaisesRegex(TypeError, "too deeply"):
                normalise(message, serializer="json")
        else:
            copy = normalise(message, serializer="json")
            self.assertEqual(depth_of(copy), 5_001)

    def test_message_that_holds_itself_is_refused(self):
        message = {"type": "a.message"}
        message["again"] = [message]
        for serializer in ("msgpack", "json"):
            self.assertRefused(
                message,
                "message is nested too deeply for a real channel layer, "
                "or holds itself.",
                serializer=serializer,
            )

    def test_lazy_object_is_not_evaluated(self):
        fetch = mock.Mock()
        self.assertRefused(
            {"user": SimpleLazyObject(fetch)},
            f"message['user'] is a SimpleLazyObject, which {LAYER} cannot carry: "
            f"send its pk, or a dict of plain values. {HINT}",
        )
        fetch.assert_not_called()


class CopyPlainTests(SimpleTestCase):
    def test_a_deep_message_is_copied(self):
        self.assertEqual(depth_of(copy_plain(normalise(deep(1000, dict)))), 1000)

    def test_copy_equals_and_shares_nothing_that_can_change(self):
        plain = normalise({"a": [1, [2, {"b": []}]], "c": {"d": {"e": 3}}, "f": None})
        copy = copy_plain(plain)
        self.assertEqual(copy, plain)
        for path in (
            lambda message: message,
            lambda message: message["a"],
            lambda message: message["a"][1],
            lambda message: message["a"][1][1],
            lambda message: message["a"][1][1]["b"],
            lambda message: message["c"],
            lambda message: message["c"]["d"],
        ):
            self.assertIsNot(path(copy), path(plain))
