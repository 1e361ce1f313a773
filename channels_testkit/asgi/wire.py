"""How payloads become frames and back."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

from django.core.serializers.json import DjangoJSONEncoder

from channels_testkit.matching.wording import say

if TYPE_CHECKING:
    from collections.abc import Iterable


class JsonWire:
    """
    Payloads as JSON in text frames.

    Set ``json_encoder`` for other values, or override ``encode_frame()`` and
    ``decode_frame()`` for another wire format.
    """

    json_encoder: type[json.JSONEncoder] = DjangoJSONEncoder

    def encode_frame(self, payload: object) -> str | bytes:
        """
        Return the frame that carries a payload.

        Raises ``TypeError`` with the path to the value that cannot be encoded.
        """
        try:
            return json.dumps(payload, cls=self.json_encoder)
        except TypeError as error:
            path, value = _unencodable(payload, self.json_encoder, "payload")
            raise TypeError(
                f"{path} is {_a(value)}, which {self.json_encoder.__name__} cannot"
                " encode. Set json_encoder on the test case, or send plain values."
            ) from error

    def decode_frame(self, frame: str | bytes) -> Any:
        """
        Return the payload that a frame carries.

        Raises ``ValueError`` for a frame that is not JSON.
        """
        if isinstance(frame, bytes):
            raise ValueError("it is a binary frame")
        return json.loads(frame)


def expected_payload(wire: JsonWire, expected: Any) -> Any:
    """Return an expected payload as it would be after the wire."""
    if isinstance(expected, dict):
        return {
            _key(wire, key): expected_payload(wire, value)
            for key, value in expected.items()
        }
    if isinstance(expected, (list, tuple)):
        return [expected_payload(wire, value) for value in expected]
    if _stands_for_itself(expected):
        return expected
    try:
        return wire.decode_frame(wire.encode_frame(expected))
    except (TypeError, ValueError):
        # No frame of the application can equal it; the failure shows it.
        return expected


def plain_message(message: object) -> object:
    """Return a dict for a dataclass, pydantic, attrs or msgspec object."""
    if hasattr(message, "model_dump"):
        return message.model_dump(mode="json")
    if hasattr(message, "__struct_fields__"):
        # Only msgspec itself knows of tags and other names for fields.
        return sys.modules["msgspec"].to_builtins(message)
    names = _field_names(message)
    if names is not None:
        return {name: plain_message(getattr(message, name)) for name in names}
    if isinstance(message, dict):
        return {key: plain_message(value) for key, value in message.items()}
    if isinstance(message, (list, tuple)):
        return [plain_message(item) for item in message]
    return message


def _field_names(message: object) -> list[str] | None:
    if isinstance(message, type):
        return None
    if dataclasses.is_dataclass(message):
        return [field.name for field in dataclasses.fields(message)]
    fields = getattr(message, "__attrs_attrs__", None)
    return None if fields is None else [field.name for field in fields]


def _stands_for_itself(expected: object) -> bool:
    plain = expected is None or isinstance(expected, (str, int, float))
    matcher = expected is mock.ANY or isinstance(expected, (type, re.Pattern))
    return plain or matcher or callable(expected)


def _key(wire: JsonWire, key: Any) -> Any:
    """Return a key as it is after the wire: JSON makes ``"1"`` of ``1``."""
    if isinstance(key, str):
        return key
    try:
        return next(iter(wire.decode_frame(wire.encode_frame({key: 0}))))
    except (TypeError, ValueError):
        return key


def _a(value: object) -> str:
    """Return the name of a value's type with its article."""
    name = type(value).__name__
    return f"an {name}" if name[0] in "AEIOaeio" else f"a {name}"


def _unencodable(
    value: object, encoder: type[json.JSONEncoder], path: str
) -> tuple[str, object]:
    """Find the innermost value that cannot be encoded, in one that cannot."""
    parts: Iterable[tuple[object, object]] = ()
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, (str, int, float, type(None))):
                return f"the key {say(key)} of {path}", key
        parts = value.items()
    elif isinstance(value, (list, tuple)):
        parts = enumerate(value)
    for key, item in parts:
        if not _is_encodable(item, encoder):
            return _unencodable(item, encoder, f"{path}[{say(key)}]")
    return path, value


def _is_encodable(value: object, encoder: type[json.JSONEncoder]) -> bool:
    try:
        json.dumps(value, cls=encoder)
    except TypeError:
        return False
    return True
