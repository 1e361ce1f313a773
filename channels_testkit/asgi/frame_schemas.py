"""``frame_schema``: which kind of schema it is, made once for each."""

from __future__ import annotations

import sys
from typing import Any, get_args, get_origin

from channels_testkit.matching.wording import say

from .json_schemas import JsonSchema
from .schema_kinds import (
    FrameSchema,
    FunctionSchema,
    MsgspecSchema,
    NotASchemaError,
    PydanticSchema,
)

_KINDS = (
    "a JSON Schema (a dict), a pydantic model, a msgspec Struct, or a function that"
    " takes the payload"
)
#: The schemas in use by the id of what was given, which they keep alive.
_made: dict[int, tuple[object, FrameSchema]] = {}
_MOST_MADE = 200


def schema_of(given: object) -> FrameSchema:
    """
    Return what a test gives as a schema, ready to check frames.

    Raises ``NotASchemaError`` for what is not a schema, and if a package is
    missing. Its text continues the sentence that the option's name begins.
    """
    found = _made.get(id(given))
    if found is not None:
        return found[1]
    schema = _make(given)
    # A function may hold a whole test, and costs little.
    if not isinstance(schema, FunctionSchema):
        if len(_made) >= _MOST_MADE:
            _made.clear()
        _made[id(given)] = given, schema
    return schema


def _make(given: Any) -> FrameSchema:
    if isinstance(given, dict):
        return JsonSchema(given)
    parts = list(_parts(given))
    if any(hasattr(part, "__struct_fields__") for part in parts):
        return MsgspecSchema(given)
    if _is_adapter(given) or any(
        hasattr(part, "model_validate_json") for part in parts
    ):
        return PydanticSchema(given)
    if callable(given) and not parts and not _is_annotation(given):
        return FunctionSchema(given)
    raise NotASchemaError(f"is {_KINDS}, not {say(given)}.{_hint(given)}")


def _is_adapter(given: object) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(given, pydantic.TypeAdapter)


def _is_annotation(given: object) -> bool:
    # Some, such as a Literal or a NewType, can be called.
    return bool(get_args(given)) or hasattr(given, "__supertype__")


def _parts(given: object) -> list[type]:
    """Return the classes that an annotation is made of."""
    # What "type Frame = ..." of Python 3.12 stands for.
    given = getattr(given, "__value__", given)
    if isinstance(given, type) and not get_args(given):
        return [given]
    made_of = (get_origin(given), *get_args(given))
    return [part for it in made_of if it is not None for part in _parts(it)]


def _hint(given: object) -> str:
    if isinstance(given, (str, bytes)) or hasattr(given, "read_text"):
        return " Load a file first: json.loads(Path(...).read_text())."
    if isinstance(given, type) or _is_annotation(given):
        return " For other types, give pydantic.TypeAdapter(...)."
    if hasattr(given, "model_validate_json") or hasattr(given, "__struct_fields__"):
        return f" Give the class, {type(given).__name__}."
    return ""
