"""What a frame must be like: one class for each kind of schema."""

from __future__ import annotations

import abc
import importlib
import inspect
import json
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from channels_testkit.matching import json_path
from channels_testkit.matching.wording import say, shorten

from .wire import JsonWire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

#: Of what is wrong in one frame, how much is looked for.
_MOST = 100
#: Where a JSON Schema has values that are no schemas.
_VALUES = {"const", "default", "enum", "examples"}


class NotASchemaError(ValueError):
    """What a test gives as a schema cannot be used as one."""


class Mismatch(NamedTuple):
    """A place in a frame that is not as its schema says, and how."""

    path: str
    reason: str


class MismatchError(ValueError):
    """
    A frame is not as its schema says; there is at least one mismatch.

    What a function of the test has raised is the cause. A package's own
    exception is none: the mismatches say all of it.
    """

    def __init__(self, mismatches: list[Mismatch]) -> None:
        super().__init__(mismatches)
        self.mismatches = mismatches


class FrameSchema(abc.ABC):
    """What the frames of one direction must be like."""

    #: How failures call it.
    name: str

    def check(self, frame: str | bytes, wire: JsonWire) -> None:
        """Raise ``MismatchError`` for a frame that is not like it."""
        try:
            self._check(frame, wire)
        except MismatchError:
            raise
        except Exception as error:
            # A function, or a validator of a model: whatever it raises, it
            # refuses. An application that catches it would hide it.
            reason = f"{self.name} raised {type(error).__name__}: {_in_a_line(error)}"
            raise MismatchError([Mismatch("", reason)]) from error

    @abc.abstractmethod
    def _check(self, frame: str | bytes, wire: JsonWire) -> None:
        """Raise ``MismatchError`` for a frame that is not like it."""


def installed(name: str, needed_by: str, remedy: str) -> Any:
    """Import a package that the user may not have."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise NotASchemaError(
            f"is {needed_by}, which needs {name}: {remedy}."
        ) from error


def decoded(frame: str | bytes, wire: JsonWire) -> Any:
    """Return a frame's payload; ``MismatchError`` where it has none."""
    fault = "is not JSON" if is_json(wire) else "cannot be decoded"
    try:
        if is_json(wire) and isinstance(frame, str):
            return json.loads(frame, parse_constant=_refuse_constant)
        return wire.decode_frame(frame)
    except Exception as error:  # noqa: BLE001 - told
        # Packages for other formats raise exceptions of their own.
        reason = f"it {fault} ({_in_a_line(error)})"
        if is_json(wire) and isinstance(frame, bytes):
            reason = "it is a binary frame"
        raise MismatchError([Mismatch("", reason)]) from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is none of its values")


def _in_a_line(said: object) -> str:
    """Return a text as the end of a sentence has it."""
    return shorten(" ".join(str(said).split()).removesuffix("."))


def is_json(wire: JsonWire) -> bool:
    """Tell whether frames are JSON, and not in a format of the test's own."""
    function = getattr(wire.decode_frame, "__func__", None)
    return function is JsonWire.decode_frame


class JsonSchema(FrameSchema):
    """A JSON Schema, of the draft that it names or else of the newest one."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        remedy = "pip install channels-testkit[schema]"
        self._package = package = installed("jsonschema", "a JSON Schema", remedy)
        newest = package.Draft202012Validator
        kind = package.validators.validator_for(schema, default=newest)
        try:
            kind.check_schema(schema)
        except package.SchemaError as error:
            reason = shorten(error.message)
            text = f"is no valid JSON Schema, at {error.json_path}: {reason}."
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
            return list(islice(self._validator.iter_errors(payload), _MOST))
        except unresolvable as error:
            reason = f"the schema has {_nowhere(error.ref)}"
            raise MismatchError([Mismatch("", reason)]) from None


def _nowhere(reference: object) -> str:
    return f"{{'$ref': {say(reference)}}}, and there is nothing at that place"


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


class PydanticSchema(FrameSchema):
    """A model of pydantic, or a type of several, as its own rules say."""

    def __init__(self, given: Any) -> None:
        package = installed("pydantic", "a type of pydantic", "pip install pydantic")
        is_adapter = isinstance(given, package.TypeAdapter)
        self._error = package.ValidationError
        try:
            self._adapter = given if is_adapter else package.TypeAdapter(given)
            self._adapter.rebuild(raise_errors=True)
        except (package.PydanticUserError, NameError) as error:
            reason = str(error).partition("\n")[0]
            text = f"is a type that pydantic cannot use: {shorten(reason)}"
            raise NotASchemaError(text) from error
        self.name = _type_in_words(given, "pydantic")

    def _check(self, frame: str | bytes, wire: JsonWire) -> None:
        payload = decoded(frame, wire)
        try:
            if is_json(wire):
                # Strict models take other values from JSON than from Python.
                self._adapter.validate_json(frame)
            else:
                self._adapter.validate_python(payload)
        except self._error as error:
            errors = error.errors(include_url=False, include_context=False)
            found = [_of_pydantic(it, payload) for it in errors[:_MOST]]
            raise MismatchError(found) from None


def _of_pydantic(error: Mapping[str, Any], payload: object) -> Mismatch:
    value, reason, place = error["input"], error["msg"], error["loc"]
    if not isinstance(value, (dict, list)):
        reason = f"{reason}, not {say(value, 60)}"
    # Of a key that is missing, the value is what it is missing from.
    missing = place[-1:] if error["type"] == "missing" else ()
    place = place[: len(place) - len(missing)]
    found = list(islice(_in_payload(place, payload), _MOST))
    steps = next((steps for steps, at in found if at == value), found[0][0])
    return Mismatch(json_path((*steps, *missing)), _in_a_line(reason))


def _in_payload(
    place: tuple[Any, ...], payload: Any
) -> Iterator[tuple[tuple[Any, ...], object]]:
    """
    Yield where in a payload the place of an error may be, and what is there.

    A step is a key or an index, or it is the name of a member of a union,
    which may be that of a key as well.
    """
    if not place:
        yield (), payload
        return
    step, rest = place[0], place[1:]
    if isinstance(payload, (dict, list)) and _has(payload, step):
        for steps, value in _in_payload(rest, payload[step]):
            yield (step, *steps), value
    yield from _in_payload(rest, payload)


def _has(payload: dict[Any, Any] | list[Any], step: Any) -> bool:
    if isinstance(payload, list):
        return isinstance(step, int) and step < len(payload)
    return step in payload


class MsgspecSchema(FrameSchema):
    """A type of msgspec: text frames are JSON, binary ones MessagePack."""

    def __init__(self, given: Any) -> None:
        self._package = installed("msgspec", "a type of msgspec", "pip install msgspec")
        self._type = given
        try:
            self._json = self._package.json.Decoder(given)
            self._msgpack = self._package.msgpack.Decoder(given)
        except (TypeError, NameError) as error:
            text = f"is a type that msgspec cannot use: {shorten(str(error))}"
            raise NotASchemaError(text) from error
        self.name = _type_in_words(given, "msgspec")

    def _check(self, frame: str | bytes, wire: JsonWire) -> None:
        try:
            if not is_json(wire):
                self._package.convert(decoded(frame, wire), self._type)
            elif isinstance(frame, str):
                self._json.decode(frame)
            else:
                self._msgpack.decode(frame)
        except self._package.ValidationError as error:
            reason, _, path = str(error).partition(" - at `")
            found = Mismatch(shorten(path.rstrip("`")) or "$", shorten(reason))
            raise MismatchError([found]) from None
        except self._package.DecodeError as error:
            name = "JSON" if isinstance(frame, str) else "MessagePack"
            reason = f"it is not {name} ({shorten(str(error))})"
            raise MismatchError([Mismatch("", reason)]) from None


def _type_in_words(given: Any, package: str) -> str:
    is_model = isinstance(given, type)
    kind = "model" if is_model and package == "pydantic" else "type"
    name = given.__name__ if is_model else shorten(str(given))
    return f"the {package} {kind} {name}"


class FunctionSchema(FrameSchema):
    """
    A function that refuses a payload: it raises, or returns ``False``.

    It gets what cannot be decoded as it is.
    """

    def __init__(self, function: Callable[[Any], object]) -> None:
        called = getattr(function, "__call__", None)  # noqa: B004 - of an object
        if any(map(inspect.iscoroutinefunction, (function, called))):
            raise NotASchemaError("is async, and a frame is judged at once: use def.")
        if not _takes_one(function):
            raise NotASchemaError(
                f"is called with one argument, the payload, which {say(function)} does"
                " not take. A method of the class is a staticmethod."
            )
        name = getattr(function, "__qualname__", None)
        name = f"{name.rpartition('<locals>.')[2]}()" if name else say(function, 60)
        self.name = "the lambda" if name == "<lambda>()" else name
        self._function = function

    def _check(self, frame: str | bytes, wire: JsonWire) -> None:
        if self._function(_decoded_or_as_it_is(frame, wire)) is False:
            reason = f"{self.name} returned False"
            raise MismatchError([Mismatch("", reason)])


def _decoded_or_as_it_is(frame: str | bytes, wire: JsonWire) -> Any:
    try:
        return wire.decode_frame(frame)
    except ValueError:
        return frame


def _takes_one(function: Callable[..., object]) -> bool:
    try:
        inspect.signature(function).bind(None)
    except ValueError:
        # One of C that does not tell.
        return True
    except TypeError:
        return False
    return True


def lines_of(mismatches: Iterable[Mismatch]) -> list[str]:
    """Return a line for each mismatch."""
    return [f"{it.path}: {it.reason}" if it.path else it.reason for it in mismatches]
