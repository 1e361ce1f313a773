"""Frames judged by real jsonschema, pydantic and msgspec, and by functions."""

from __future__ import annotations

import datetime  # noqa: TC003 - pydantic reads annotations when it runs
import functools
import json
import sys
from types import MappingProxyType
from typing import Annotated, Any, Generic, Literal, NewType, TypeVar
from unittest import TestCase, mock

import msgspec
import pydantic
from typing_extensions import TypeAliasType

from channels_testkit.asgi.frame_schemas import schema_of
from channels_testkit.asgi.schema_kinds import MismatchError, NotASchemaError, lines_of
from channels_testkit.asgi.wire import JsonWire

ORDER = {
    "title": "Order",
    "type": "object",
    "required": ["id", "items"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
    },
    "$defs": {
        "item": {"type": "object", "properties": {"price": {"type": "number"}}},
    },
}
Frame = NewType("Frame", int)
T = TypeVar("T")
ID = "0c3a1f6e-8f43-4b7e-9d0e-0d8bb1b2a111"


class Item(pydantic.BaseModel):
    price: float


class Order(pydantic.BaseModel):
    type: Literal["order"]
    items: list[Item]


class Note(pydantic.BaseModel):
    type: Literal["note"]
    order: Order


class Bar(msgspec.Struct, tag="bar"):
    price: float


class Bars(msgspec.Struct, tag="bars"):
    bars: list[Bar]


class Box(msgspec.Struct, Generic[T]):
    content: T


class ReversedWire(JsonWire):
    """Its frames are JSON from behind."""

    def encode_frame(self, payload: object) -> bytes:
        return json.dumps(payload)[::-1].encode()

    def decode_frame(self, frame: str | bytes) -> Any:
        return json.loads(frame[::-1])


class SchemaTestCase(TestCase):
    def mismatches(
        self, schema: object, frame: str | bytes, wire: JsonWire | None = None
    ) -> list[str]:
        """Return what is wrong with a frame, in lines."""
        try:
            schema_of(schema).check(frame, wire or JsonWire())
        except MismatchError as error:
            return lines_of(error.mismatches)
        return []

    def assert_no_schema(self, given: object, text: str) -> None:
        with self.assertRaises(NotASchemaError) as caught:
            schema_of(given)
        self.assertEqual(str(caught.exception), text)


class JsonSchemaTests(SchemaTestCase):
    def order(self, **changes: Any) -> str:
        return json.dumps({"id": ID, "items": [{"price": 1}], **changes})

    def test_right_frame(self) -> None:
        self.assertEqual(self.mismatches(ORDER, self.order()), [])

    def test_path_to_what_is_wrong(self) -> None:
        wrong = self.order(items=[{"price": 1}, {"price": "2"}])
        self.assertEqual(
            self.mismatches(ORDER, wrong),
            ["$.items[1].price: '2' is not of type 'number'"],
        )

    def test_all_that_is_wrong_is_told(self) -> None:
        found = self.mismatches(ORDER, '{"items": {"a": 1}}')
        self.assertEqual(
            found,
            [
                "$: 'id' is a required property",
                "$.items: {'a': 1} is not of type 'array'",
            ],
        )

    def test_formats_are_checked(self) -> None:
        self.assertEqual(
            self.mismatches(ORDER, self.order(id="seven")),
            ["$.id: 'seven' is not a 'uuid'"],
        )

    def test_long_value_leaves_room_for_the_rule(self) -> None:
        schema = {"type": "array", "maxItems": 3}
        (found,) = self.mismatches(schema, json.dumps(["x" * 20] * 50))
        self.assertLess(len(found), 170)
        self.assertTrue(found.endswith(" breaks maxItems: 3"), found)

    def test_member_of_a_union_that_is_meant(self) -> None:
        """By its constant, whatever else is wrong; else the union is told."""
        inner = {"oneOf": [{"type": "integer"}, {"const": None}]}
        near = {"anyOf": [{"maximum": 3}, {"properties": {"m": {"maximum": 3}}}]}
        self.assertEqual(self.mismatches(near, '{"m": 4}'), [])
        kinds = [
            {
                "properties": {"type": {"const": kind}, "n": inner, "m": {}},
                "required": ["type", "n"],
            }
            for kind in ("one", "two")
        ]
        for union in ("anyOf", "oneOf"):
            schema = {"type": "object", union: kinds}
            self.assertEqual(self.mismatches(schema, '{"type": "two", "n": 1}'), [])
            self.assertEqual(
                self.mismatches(schema, '{"type": "two", "n": "x"}'),
                ["$.n: 'x' is not valid under any of the given schemas"],
            )
            self.assertEqual(
                self.mismatches(schema, '{"type": "two"}'),
                ["$: 'n' is a required property"],
            )
            self.assertEqual(
                self.mismatches(schema, '{"type": "three", "n": 1}'),
                [
                    "$: {'type': 'three', 'n': 1} is not valid under any of the given"
                    " schemas"
                ],
            )

    def test_choice_in_the_member_that_is_meant(self) -> None:
        """An enum of several values is no sign of another member."""
        price, news = (
            {"properties": {"type": kind, "currency": {"enum": ["EUR", "USD"]}}}
            for kind in ({"const": "price"}, {"enum": ["news"]})
        )
        for kind in ("price", "news"):
            with self.subTest(kind):
                frame = json.dumps({"type": kind, "currency": "X"})
                self.assertEqual(
                    self.mismatches({"anyOf": [price, news]}, frame),
                    ["$.currency: 'X' is not one of ['EUR', 'USD']"],
                )

    def test_draft_that_the_schema_names(self) -> None:
        draft = "http://json-schema.org/draft-04/schema#"
        schema = {"$schema": draft, "maximum": 3, "exclusiveMaximum": True}
        self.assertEqual(len(self.mismatches(schema, "3")), 1)

    def test_what_is_not_json_is_refused(self) -> None:
        self.assertEqual(self.mismatches(ORDER, b"{}"), ["it is a binary frame"])
        (found,) = self.mismatches(ORDER, "hello")
        self.assertTrue(found.startswith("it is not JSON (Expecting value"), found)

    def test_numbers_of_python_that_json_has_not(self) -> None:
        """No browser can read them."""
        prices = pydantic.TypeAdapter(dict[str, float])
        for schema in ({"type": "object"}, prices):
            for name in ("NaN", "Infinity", "-Infinity"):
                with self.subTest(schema, name=name):
                    self.assertEqual(
                        self.mismatches(schema, f'{{"price": {name}}}'),
                        [f"it is not JSON ({name} is none of its values)"],
                    )
        self.assertEqual(self.mismatches(prices, '{"NaN": 1}'), [])

    def test_what_cannot_be_judged_is_refused(self) -> None:
        circle = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
        (found,) = self.mismatches(circle, "1")
        self.assertTrue(found.startswith("a JSON Schema raised RecursionError"), found)

    def test_wire_format_of_the_test(self) -> None:
        wire = ReversedWire()
        right, wrong = ({"items": [{"price": it}], "id": ID} for it in (1, "1"))
        self.assertEqual(self.mismatches(ORDER, wire.encode_frame(right), wire), [])
        self.assertEqual(
            self.mismatches(ORDER, wire.encode_frame(wrong), wire),
            ["$.items[0].price: '1' is not of type 'number'"],
        )
        (found,) = self.mismatches(ORDER, b"x", wire)
        self.assertTrue(found.startswith("it cannot be decoded ("), found)

    def test_wire_format_that_raises_what_it_likes(self) -> None:
        class CodeWire(JsonWire):
            def decode_frame(self, frame: str | bytes) -> Any:
                return {b"tea": {"price": 3}}[frame]  # type: ignore[index]

        self.assertEqual(self.mismatches(Item, b"tea", CodeWire()), [])
        for schema in (ORDER, Item):
            (found,) = self.mismatches(schema, b"cake", CodeWire())
            self.assertEqual(found, "it cannot be decoded (b'cake')")

    def test_name(self) -> None:
        self.assertEqual(schema_of(ORDER).name, "the JSON Schema 'Order'")
        self.assertEqual(schema_of({"type": "object"}).name, "a JSON Schema")

    def test_what_is_no_json_schema(self) -> None:
        self.assert_no_schema(
            {"properties": {"id": {"type": "text"}}},
            "is not a valid JSON Schema, at $.properties.id.type: 'text' is not valid"
            " under any of the given schemas.",
        )
        self.assert_no_schema(
            {"items": [{"$ref": "#/$defs/itme"}], "$defs": {"item": {}}},
            "is not a valid JSON Schema, at $.items: [{'$ref': '#/$defs/itme'}] is not"
            " of type 'object', 'boolean'.",
        )
        self.assert_no_schema(
            {"anyOf": [{"$ref": "#/$defs/itme"}], "$defs": {"item": {}}},
            "has {'$ref': '#/$defs/itme'}, which leads to nothing.",
        )

    def test_reference_to_another_schema(self) -> None:
        """One that is not known is not fetched; those of drafts are known."""
        schema = {"items": {"$ref": "https://example.invalid/order.json"}}
        self.assertEqual(self.mismatches(schema, "[]"), [])
        self.assertEqual(
            self.mismatches(schema, "[1]"),
            [
                "the schema has {'$ref': 'https://example.invalid/order.json'}, which"
                " leads to nothing"
            ],
        )
        draft = {"$ref": "https://json-schema.org/draft/2020-12/schema"}
        self.assertEqual(len(self.mismatches(draft, '{"type": 5}')), 1)

    def test_reference_in_a_part_with_an_id(self) -> None:
        part = {"$id": "https://example.invalid/part", "$defs": {"n": {"type": "null"}}}
        schema = {"items": {"$ref": "#/$defs/n", **part}}
        self.assertEqual(self.mismatches(schema, "[null]"), [])
        self.assertEqual(len(self.mismatches(schema, "[1]")), 1)

    def test_reference_in_a_value_is_none(self) -> None:
        schema = {"const": {"$ref": "#/nowhere"}}
        self.assertEqual(self.mismatches(schema, '{"$ref": "#/nowhere"}'), [])

    def test_package_is_missing(self) -> None:
        with mock.patch.dict(sys.modules, {"jsonschema": None}):
            self.assert_no_schema(
                {"type": "null"},
                "is a JSON Schema, which needs jsonschema: python -m pip"
                ' install "channels-testkit[schema]".',
            )


class PydanticTests(SchemaTestCase):
    def test_model(self) -> None:
        self.assertEqual(self.mismatches(Item, '{"price": 1}'), [])
        self.assertEqual(
            self.mismatches(Item, '{"price": "dear"}'),
            [
                "$.price: Input should be a valid number, unable to parse string as a"
                " number, not 'dear'"
            ],
        )
        self.assertEqual(self.mismatches(Item, "{}"), ["$.price: Field required"])
        self.assertEqual(schema_of(Item).name, "the pydantic model Item")

    def test_path_has_no_names_of_members(self) -> None:
        kinds: Any = Annotated[Order | Note, pydantic.Field(discriminator="type")]
        order = {"type": "order", "items": [{"price": 1}, {}]}
        for schema in (kinds, pydantic.TypeAdapter(kinds)):
            self.assertEqual(
                self.mismatches(schema, json.dumps({"type": "note", "order": order})),
                ["$.order.items[1].price: Field required"],
            )

    def test_key_with_the_name_of_a_member(self) -> None:
        class Message(pydantic.BaseModel):
            type: Literal["message"]
            message: Any
            id: int

        union: Any = Annotated[Message | Note, pydantic.Field(discriminator="type")]
        for message in ("hi", {"id": 1}, {"id": "y"}):
            frame = {"type": "message", "message": message}
            with self.subTest(message):
                self.assertEqual(
                    self.mismatches(union, json.dumps(frame)), ["$.id: Field required"]
                )
                (found,) = self.mismatches(union, json.dumps({**frame, "id": "x"}))
                self.assertTrue(found.startswith("$.id: Input should be"), found)
        (found,) = self.mismatches(Message, '{"type": "message", "id": 1}')
        self.assertEqual(found, "$.message: Field required")

    def test_validator_that_raises(self) -> None:
        class Known(pydantic.BaseModel):
            id: int

            @pydantic.field_validator("id")
            @classmethod
            def check(cls, id: int) -> int:  # noqa: A002 - the name of the key
                if id:
                    raise ValueError("ids are\nzero.")
                return {1: 1}[id]

        self.assertEqual(
            self.mismatches(Known, '{"id": 1}'),
            ["$.id: Value error, ids are zero., not 1"],
        )
        with self.assertRaises(MismatchError) as caught:
            schema_of(Known).check('{"id": 0}', JsonWire())
        self.assertIsInstance(caught.exception.__cause__, KeyError)
        (found,) = lines_of(caught.exception.mismatches)
        self.assertEqual(found, "the pydantic model Known raised KeyError: 0")

    def test_alias_stands_for_its_type(self) -> None:
        alias = TypeAliasType("Frame", Item | Note)  # type: ignore[misc]
        self.assertEqual(self.mismatches(alias, '{"price": 1}'), [])
        self.assertEqual(len(self.mismatches(alias, '{"price": null}')), 3)

    def test_union_without_a_tag(self) -> None:
        found = self.mismatches(Item | Note, '{"price": null}')
        self.assertEqual(
            found,
            [
                "$.price: Input should be a valid number, not None",
                "$.type: Field required",
                "$.order: Field required",
            ],
        )

    def test_strict_model_takes_what_json_has(self) -> None:
        class At(pydantic.BaseModel, strict=True):
            at: datetime.date

        self.assertEqual(self.mismatches(At, '{"at": "2026-11-20"}'), [])
        self.assertEqual(len(self.mismatches(At, '{"at": 7}')), 1)

    def test_other_types_by_an_adapter(self) -> None:
        schema = pydantic.TypeAdapter(dict[str, int])
        self.assertEqual(
            self.mismatches(schema, '{"a": "b"}')[0].partition(":")[0], "$.a"
        )

    def test_wire_format_of_the_test(self) -> None:
        wire = ReversedWire()
        frame = wire.encode_frame({"price": "dear"})
        self.assertEqual(len(self.mismatches(Item, frame, wire)), 1)
        frame = wire.encode_frame({"price": 2})
        self.assertEqual(self.mismatches(Item, frame, wire), [])

    def test_what_is_not_json_is_refused(self) -> None:
        self.assertEqual(self.mismatches(Item, b"{}"), ["it is a binary frame"])

    def test_model_that_is_not_defined(self) -> None:
        class Undefined(pydantic.BaseModel):
            other: SomethingElse  # type: ignore[name-defined] # noqa: F821

        with self.assertRaises(NotASchemaError) as caught:
            schema_of(Undefined)
        text = str(caught.exception)
        self.assertTrue(text.startswith("is a type that pydantic cannot use: "), text)

    def test_package_is_missing(self) -> None:
        class Other(pydantic.BaseModel): ...

        with mock.patch.dict(sys.modules, {"pydantic": None}):
            self.assert_no_schema(
                Other,
                "is a type of pydantic, which needs pydantic: python -m pip"
                " install pydantic.",
            )


class MsgspecTests(SchemaTestCase):
    def test_text_is_json(self) -> None:
        self.assertEqual(self.mismatches(Bars, '{"type": "bars", "bars": []}'), [])
        wrong = [{"type": "bar", "price": 1}, {"type": "bar", "price": "2"}]
        self.assertEqual(
            self.mismatches(Bars, json.dumps({"type": "bars", "bars": wrong})),
            ["$.bars[1].price: Expected `float`, got `str`"],
        )
        self.assertEqual(
            self.mismatches(Bar, "[]"), ["$: Expected `object`, got `array`"]
        )
        self.assertEqual(schema_of(Bar).name, "the msgspec type Bar")

    def test_bytes_are_messagepack(self) -> None:
        self.assertEqual(self.mismatches(Bar, msgspec.msgpack.encode(Bar(1))), [])
        wrong = msgspec.msgpack.encode({"type": "bar", "price": "1"})
        self.assertEqual(
            self.mismatches(Bar, wrong), ["$.price: Expected `float`, got `str`"]
        )

    def test_union(self) -> None:
        self.assertEqual(self.mismatches(Bar | Bars, '{"type": "bar", "price": 1}'), [])
        self.assertEqual(
            self.mismatches(Bar | Bars, '{"type": "baz"}'),
            ["$.type: Invalid value 'baz'"],
        )

    def test_generic_type(self) -> None:
        for schema in (Box[int], list[Box[int]] | Box[int]):
            with self.subTest(schema):
                self.assertEqual(self.mismatches(schema, '{"content": 1}'), [])
                self.assertEqual(
                    self.mismatches(schema, '{"content": "1"}'),
                    ["$.content: Expected `int`, got `str`"],
                )

    def test_what_cannot_be_decoded_is_refused(self) -> None:
        (text,) = self.mismatches(Bar, "hello")
        self.assertTrue(text.startswith("it is not JSON ("), text)
        (text,) = self.mismatches(Bar, b"\xc1")
        self.assertTrue(text.startswith("it is not MessagePack ("), text)

    def test_wire_format_of_the_test(self) -> None:
        wire = ReversedWire()
        frame = wire.encode_frame({"type": "bar", "price": "1"})
        self.assertEqual(
            self.mismatches(Bar, frame, wire), ["$.price: Expected `float`, got `str`"]
        )

    def test_type_that_msgspec_cannot_use(self) -> None:
        class Untagged(msgspec.Struct): ...

        with self.assertRaises(NotASchemaError) as caught:
            schema_of(Untagged | Bar)
        text = str(caught.exception)
        self.assertTrue(text.startswith("is a type that msgspec cannot use: "), text)


class FunctionTests(SchemaTestCase):
    def test_gets_the_payload(self) -> None:
        seen: list[object] = []
        for frame in ('{"id": 7}', "hello", b"\x00", ""):
            self.assertEqual(self.mismatches(seen.append, frame), [])
        self.assertEqual(seen, [{"id": 7}, "hello", b"\x00", ""])

    def test_false_refuses_and_nothing_else(self) -> None:
        def says(it: object) -> object:
            return it

        for frame in ("null", "0", '""', "true"):
            self.assertEqual(self.mismatches(says, frame), [])
        name = "says()"
        self.assertEqual(self.mismatches(says, "false"), [f"{name} returned False"])

    def test_exception_refuses_and_is_kept(self) -> None:
        def check(it: Any) -> None:
            raise ValueError("no\nprice.")

        with self.assertRaises(MismatchError) as caught:
            schema_of(check).check("{}", JsonWire())
        self.assertIsInstance(caught.exception.__cause__, ValueError)
        (text,) = lines_of(caught.exception.mismatches)
        self.assertEqual(text, "check() raised ValueError: no price")

    def test_exception_that_a_parallel_run_cannot_pass_on(self) -> None:
        """It cannot be pickled, and would end the run of all tests."""

        class LocalError(ValueError): ...

        def check(kind: str) -> None:
            raise {"local": LocalError, "known": ValueError}[kind]("no price")

        def cause_of(kind: str) -> BaseException | None:
            with self.assertRaises(MismatchError) as caught:
                schema_of(check).check(json.dumps(kind), JsonWire())
            (text,) = lines_of(caught.exception.mismatches)
            self.assertTrue(text.endswith("Error: no price"), text)
            return caught.exception.__cause__

        # Each process of such a run has a parent.
        for parent in (None, self):
            with mock.patch("multiprocessing.parent_process", return_value=parent):
                self.assertIsInstance(cause_of("known"), ValueError)
                self.assertEqual(cause_of("local") is None, parent is self)

    def test_function_of_c_that_tells_no_arguments(self) -> None:
        self.assertEqual(self.mismatches(max, "[1, 2]"), [])

    def test_names(self) -> None:
        def check(it: Any, most: int) -> bool:
            return len(it) < most

        self.assertEqual(schema_of(lambda it: it).name, "the lambda")
        of_parts = functools.partial(check, most=3)
        self.assertEqual(self.mismatches(of_parts, '"abc"')[0][-14:], "returned False")

    def test_async_function_is_none(self) -> None:
        async def check(it: Any) -> None: ...

        class Checker:
            async def __call__(self, it: Any) -> None: ...

        for given in (check, Checker()):
            self.assert_no_schema(
                given, "is async, but a frame is checked at once: use def."
            )

    def test_function_of_other_arguments_is_none(self) -> None:
        def check(self: Any, it: Any) -> None: ...

        with self.assertRaises(NotASchemaError) as caught:
            schema_of(check)
        text = str(caught.exception)
        self.assertTrue(text.startswith("is called with one argument, the "), text)


class NoSchemaTests(SchemaTestCase):
    def test_other_values(self) -> None:
        kinds = (
            "is a JSON Schema (a dict), a pydantic model, a msgspec Struct, or a"
            " function that takes the payload, not "
        )
        adapter = " For other types, give pydantic.TypeAdapter(...)."
        for given, text in (
            (7, "7."),
            (True, "True."),
            (
                "a.json",
                "'a.json'. Load a file first: json.loads(Path(...).read_text()).",
            ),
            (dict, f"<class 'dict'>.{adapter}"),
            (Literal["a"], f"typing.Literal['a'].{adapter}"),
            (Frame, f"{Frame!r}.{adapter}"),
            (MappingProxyType({}), "mappingproxy({})."),
            (dict[str, int], f"dict[str, int].{adapter}"),
            (Item(price=1), "Item(price=1.0). Give the class, Item."),
        ):
            with self.subTest(given):
                self.assert_no_schema(given, kinds + text)

    def test_many_schemas(self) -> None:
        for number in range(500):
            schema = {"const": number}
            self.assertEqual(self.mismatches(schema, str(number)), [])
            self.assertEqual(len(self.mismatches(schema, "-1")), 1)
