"""JSON Schemas of frames."""

from __future__ import annotations

import importlib
from itertools import islice
from typing import TYPE_CHECKING, Any

from channels_testkit.matching import json_path
from channels_testkit.matching.wording import say, shorten

from .schema_kinds import (
    MOST,
    FrameSchema,
    Mismatch,
    MismatchError,
    NotASchemaError,
    decoded,
    installed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .wire import JsonWire

#: Where a JSON Schema has values that are no schemas.
_VALUES = {"const", "default", "enum", "examples"}


class JsonSchema(FrameSchema):
    """A JSON Schema, of the draft that it names or else of the newest one."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        remedy = 'python -m pip install "channels-testkit[schema]"'
        self._package = package = installed("jsonschema", "a JSON Schema", remedy)
        newest = package.Draft202012Validator
        kind = package.validators.validator_for(schema, default=newest)
        try:
            kind.check_schema(schema)
        except package.SchemaError as error:
            reason = shorten(error.message)
            text = f"is not a valid JSON Schema, at {error.json_path}: {reason}."
            raise NotASchemaError(text) from error
        for reference in _references(schema):
            if not _leads_somewhere(reference, schema):
                raise NotASchemaError(f"has {_nowhere(reference)}.")
        # With a registry of its own it asks no network for other schemas.
        self._validator = kind(
            schema,
            format_checker=kind.FORMAT_CHECKER,
            registry=importlib.import_module("jsonschema_specifications").REGISTRY,
        )
        title = schema.get("title") or schema.get("$id")
        self.name = f"the JSON Schema {say(title)}" if title else "a JSON Schema"

    def _check(self, frame: str | bytes, wire: JsonWire) -> None:
        rules = self._package.exceptions
        found = sorted(self._errors(frame, wire), key=rules.relevance, reverse=True)
        best = (_innermost(error, rules) for error in found)
        mismatches = [Mismatch(json_path(it.absolute_path), _rule(it)) for it in best]
        if mismatches:
            raise MismatchError(mismatches)

    def _errors(self, frame: str | bytes, wire: JsonWire) -> list[Any]:
        payload = decoded(frame, wire)
        unresolvable = importlib.import_module("referencing.exceptions").Unresolvable
        try:
            return list(islice(self._validator.iter_errors(payload), MOST))
        except unresolvable as error:
            reason = f"the schema has {_nowhere(error.ref)}"
            raise MismatchError([Mismatch("", reason)]) from None


def _nowhere(reference: object) -> str:
    return f"{{'$ref': {say(reference)}}}, which leads to nothing"


def _innermost(error: Any, rules: Any) -> Any:
    """Return what is wrong with the member of a union that is meant."""
    members: dict[object, list[Any]] = {}
    for inner in error.context:
        members.setdefault(inner.schema_path[0], []).append(inner)
    # One whose constants, such as a name of the event, are those of the frame.
    for others in (_has_other_constant, _has_other_choice):
        meant = [it for it in members.values() if not any(map(others, it))]
        if len(meant) == 1:
            return _innermost(max(meant[0], key=rules.relevance), rules)
    return rules.best_match([error]) if len(meant) == len(members) else error


def _has_other_constant(error: Any) -> bool:
    """Tell whether a value was meant for another member of its union."""
    is_whole = not error.relative_path
    is_constant = error.validator == "enum" and len(error.validator_value) == 1
    return (
        is_constant
        or error.validator == "const"
        or (is_whole and error.validator == "type")
    )


def _has_other_choice(error: Any) -> bool:
    return _has_other_constant(error) or bool(error.validator == "enum")


def _rule(error: Any) -> str:
    """Say which rule of a JSON Schema a value breaks, and by what."""
    text = shorten(error.message)
    if text == error.message:
        return text
    # It begins with the value, which is long.
    rule = f"{error.validator}: {say(error.validator_value, 60)}"
    return f"{say(error.instance, 60)} breaks {rule}"


def _references(schema: Any) -> Iterator[str]:
    """
    Yield the references of a JSON Schema into itself.

    Parts with an ``$id`` are left out: there they lead into that part.
    """
    left = [schema]
    while left:
        part = left.pop()
        if isinstance(part, dict) and not (part is not schema and "$id" in part):
            reference = part.get("$ref")
            if isinstance(reference, str) and reference.startswith("#/"):
                yield reference
            left += [value for key, value in part.items() if key not in _VALUES]
        elif isinstance(part, list):
            left += part


def _leads_somewhere(reference: str, schema: Mapping[str, Any]) -> bool:
    referencing = importlib.import_module("referencing.jsonschema")
    base = referencing.DRAFT202012.create_resource(schema)
    registry = importlib.import_module("jsonschema_specifications").REGISTRY
    errors = importlib.import_module("referencing.exceptions")
    try:
        registry.resolver_with_root(base).lookup(reference)
    except errors.Unresolvable:
        return False
    return True
