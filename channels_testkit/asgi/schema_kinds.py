"""What a frame must be like, by a model, a type or a function."""

from __future__ import annotations

import abc
import importlib
import inspect
import json
import multiprocessing
import pickle
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from channels_testkit.matching import json_path
from channels_testkit.matching.wording import say, shorten

from .wire import JsonWire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

#: Of what is wrong in one frame, how much is looked for.
MOST = 100


class NotASchemaError(ValueError):
    """What a test gives as a schema cannot be used as one."""


class Mismatch(NamedTuple):
    """A place in a frame that is not as its schema says, and how."""

    path: str
    reason: str


class MismatchError(ValueError):
    """
    A frame is not as its schema says; there is at least one mismatch.

    What a function or a validator of the test has raised is the cause. A
    package's own exception is none: the mismatches say all of it.
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
        except Exception as error:  # noqa: BLE001 - told
            # A function, or a validator of a model: whatever it raises, it
            # refuses. An application that catches it would hide it.
            reason = f"{self.name} raised {type(error).__name__}: {_in_a_line(error)}"
            raise MismatchError([Mismatch("", reason)]) from _cause(error)

    @abc.abstractmethod
    def _check(self, frame: str | bytes, wire: JsonWire) -> None:
        """Raise ``MismatchError`` for a frame that is not like it."""


def _cause(error: Exception) -> Exception | None:
    """
    Return an exception, unless a run with ``--parallel`` would end by it.

    Django passes failures to its main process, with their causes.
    """
    if multiprocessing.parent_process() is None:
        return error
    try:
        pickle.dumps(error)
    except Exception:  # noqa: BLE001 - of the exception's own class
        return None
    return error


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


class PydanticSchema(FrameSchema):
    """A model of pydantic, or a type of several, as its own rules say."""

    def __init__(self, given: Any) -> None:
        remedy = "python -m pip install pydantic"
        package = installed("pydantic", "a type of pydantic", remedy)
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
            found = [_of_pydantic(it, payload) for it in errors[:MOST]]
            raise MismatchError(found) from None


def _of_pydantic(error: Mapping[str, Any], payload: object) -> Mismatch:
    value, reason, place = error["input"], error["msg"], error["loc"]
    if not isinstance(value, (dict, list)):
        reason = f"{reason}, not {say(value, 60)}"
    # Of a key that is missing, the value is what it is missing from.
    missing = place[-1:] if error["type"] == "missing" else ()
    place = place[: len(place) - len(missing)]
    found = list(islice(_in_payload(place, payload), MOST))
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
        remedy = "python -m pip install msgspec"
        self._package = installed("msgspec", "a type of msgspec", remedy)
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
            raise NotASchemaError("is async, but a frame is checked at once: use def.")
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
