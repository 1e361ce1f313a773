"""How payloads become frames and back."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any
from unittest import mock

from django.core.serializers.json import DjangoJSONEncoder


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
            place = _unencodable(payload, self.json_encoder, "payload")
            if place is None:
                raise
            path, value = place
            kind = type(value).__name__
            raise TypeError(
                f"{path} is a {kind}, which {self.json_encoder.__name__} cannot"
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
            _key(key): expected_payload(wire, value) for key, value in expected.items()
        }
    if isinstance(expected, (list, tuple)):
        return [expected_payload(wire, value) for value in expected]
    if _stands_for_itself(expected):
        return expected
    try:
        return wire.decode_frame(wire.encode_frame(expected))
    except (TypeError, ValueError):
        # Nothing the application sends can equal it; the failure shows it.
        return expected


def plain_message(message: object) -> object:
    """Return a dict for a dataclass, pydantic, attrs or msgspec object."""
    if dataclasses.is_dataclass(message) and not isinstance(message, type):
        return dataclasses.asdict(message)
    if hasattr(message, "model_dump"):
        return message.model_dump(mode="json")
    fields = getattr(message, "__attrs_attrs__", None)
    if fields is not None:
        return {
            field.name: plain_message(getattr(message, field.name)) for field in fields
        }
    names = getattr(message, "__struct_fields__", None)
    if names is not None:
        return {name: plain_message(getattr(message, name)) for name in names}
    if isinstance(message, (list, tuple)):
        return [plain_message(item) for item in message]
    return message


def _stands_for_itself(expected: object) -> bool:
    plain = expected is None or isinstance(expected, (str, int, float))
    matcher = expected is mock.ANY or isinstance(expected, (type, re.Pattern))
    return plain or matcher or callable(expected)


def _key(key: Any) -> str:
    """Return a key as JSON has it: ``1`` becomes ``"1"``."""
    return key if isinstance(key, str) else next(iter(json.loads(json.dumps({key: 0}))))


def _unencodable(
    value: object, encoder: type[json.JSONEncoder], path: str
) -> tuple[str, object] | None:
    """Find the innermost value that cannot be encoded."""
    try:
        json.dumps(value, cls=encoder)
    except TypeError:
        pass
    else:
        return None
    if isinstance(value, dict):
        parts = [(f"{path}[{key!r}]", item) for key, item in value.items()]
    elif isinstance(value, (list, tuple)):
        parts = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    else:
        parts = []
    for part, item in parts:
        found = _unencodable(item, encoder, part)
        if found is not None:
            return found
    return path, value
