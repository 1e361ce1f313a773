"""How a real channel layer delivers a message, and what it refuses."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import sys
import uuid
from collections import deque
from importlib import import_module
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from django.db.models import Model, QuerySet
from django.utils.functional import LazyObject, Promise

from channels_testkit.matching.wording import say, say_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ("copy_plain", "normalise")

_CONTAINERS = (dict, list, tuple)
#: How deep msgpack goes since 1.2, and where a message that holds itself is
#: not followed further.
_DEPTH_OF_MSGPACK = 1024
_TOO_DEEP = 10_000
_NESTED = "message is nested too deeply for a real channel layer, or holds itself."
_WIDTH = 80

SMALLEST_INT = -(2**63)
LARGEST_INT = 2**64 - 1

Remedies = tuple[tuple[tuple[type, ...], str], ...]

# The first that fits is in the failure.
REMEDIES: Remedies = (
    ((Model, LazyObject), "send its pk, or a dict of plain values"),
    ((datetime.date, datetime.time), "send its isoformat()"),
    ((datetime.timedelta,), "send its total_seconds()"),
    ((decimal.Decimal, uuid.UUID, Promise), "send str() of it"),
    ((enum.Enum,), "send its value"),
    ((set, frozenset, deque, range, GeneratorType, QuerySet), "send a list of it"),
    ((memoryview,), "send bytes() of it"),
    ((object,), "send None, bool, int, float, str, bytes, lists and dicts"),
)
JSON_REMEDIES: Remedies = (
    ((bytes, bytearray, memoryview), "send text, base64 for instance"),
    *REMEDIES[:-1],
    ((object,), "send None, bool, int, float, str, lists and dicts"),
)


def normalise(
    message: Mapping[Any, object], *, serializer: str = "msgpack"
) -> dict[Any, Any]:
    """
    Return what a real channel layer would deliver of ``message``.

    It is a deep copy, as channels_redis makes it with its ``serializer``,
    ``"msgpack"`` or ``"json"``: tuples become lists, and values of a subclass
    of a plain type become plain. A value that the serializer refuses, or that
    the other end could not read, raises ``TypeError`` with the path to it.
    Keys must be str or, with ``"msgpack"``, bytes.
    """
    if serializer not in SERIALIZERS:
        raise ValueError(f"serializer is 'msgpack' or 'json', not {serializer!r}.")
    try:
        try:
            return SERIALIZERS[serializer].mapping(message)
        except RecursionError:
            return SERIALIZERS[serializer].deep(message)
    except _RefusalError as refusal:
        raise TypeError(str(refusal)) from None


def copy_plain(message: dict[Any, Any]) -> dict[Any, Any]:
    """Return a deep copy of a dict that ``normalise()`` returned."""
    copy = message.copy()
    opened: list[Any] = [copy]
    while opened:
        found = opened.pop()
        # Values are replaced under the keys they have, which iteration allows.
        items = found.items() if type(found) is dict else enumerate(found)
        for key, value in items:
            if type(value) in _CONTAINERS:
                found[key] = inner = value.copy()
                opened.append(inner)
    return copy


class _RefusalError(Exception):
    """A value that cannot be carried. Its path grows on the way out."""

    def __init__(self, finding: str, layer: str, remedy: str) -> None:
        super().__init__(finding, layer, remedy)
        self.path: list[object] = []

    def __str__(self) -> str:
        finding, layer, remedy = self.args
        path = say_steps([f"[{say(it, _WIDTH)}]" for it in reversed(self.path)])
        return (
            f"message{path} {finding}, which {layer} cannot carry: {remedy}. "
            "(strict_messages = False on the test case turns this check off.)"
        )


class _Opened:
    """A container that is copied, and how far the copy has come."""

    __slots__ = ("copy", "items", "key")

    def __init__(self, copy: Any, items: Iterator[tuple[Any, Any]]) -> None:
        self.copy = copy
        self.items = items
        self.key: object = None

    @classmethod
    def of(cls, source: Any) -> _Opened:
        """Open a dict, a list or a tuple."""
        if type(source) is dict:
            return cls({}, iter(source.items()))
        return cls([], enumerate(source))


class _MsgPack:
    """
    The rules of msgpack, with the options that channels_redis uses.

    It looks at ``type()``, never at ``isinstance()``, which takes a
    ``SimpleLazyObject`` for what it wraps. msgpack does not.
    """

    layer = "a real channel layer"
    remedies = REMEDIES
    atoms: frozenset[type] = frozenset({type(None), bool, float, bytes})
    keys: tuple[type, ...] = (str, bytes)
    # How to make a plain value of one that is only of a subclass.
    bases: Mapping[type, Callable[[Any], Any]] = {
        int: int.__int__,
        float: float.__float__,
        bytes: lambda value: bytes(memoryview(value)),
        bytearray: bytes,
        memoryview: bytes,
        str: str.__str__,
        dict: lambda value: dict(value.items()),
        list: list,
        tuple: list,
    }

    def value(self, value: Any) -> Any:
        kind = type(value)
        if kind in self.atoms:
            return value
        if kind is str:
            return self.text(value)
        if kind is int:
            return self.integer(value)
        if kind is dict:
            return self.mapping(value)
        if kind is list or kind is tuple:
            return self.sequence(value)
        return self.uncommon(value, kind)

    def mapping(self, mapping: Mapping[Any, object]) -> dict[Any, Any]:
        plain = {}
        for key, value in mapping.items():
            name = key if type(key) is str and key.isascii() else self.key(key)
            try:
                plain[name] = self.value(value)
            except _RefusalError as refusal:
                refusal.path.append(name)
                raise
        return plain

    def sequence(self, values: Iterable[object]) -> list[Any]:
        plain: list[Any] = []
        try:
            plain.extend(map(self.value, values))
        except _RefusalError as refusal:
            # What came before the refused value is there.
            refusal.path.append(len(plain))
            raise
        return plain

    def deep(self, message: Mapping[Any, object]) -> dict[Any, Any]:
        """
        Return a message as ``mapping()`` does, without recursion.

        A serializer goes deeper than Python does, and this is slower.
        """
        opened = [_Opened({}, iter(message.items()))]
        copy: dict[Any, Any] = opened[0].copy
        deepest = 0
        try:
            while opened:
                inner = self.go_on(opened[-1])
                if inner is None:
                    opened.pop()
                    continue
                opened.append(inner)
                deepest = max(deepest, len(opened))
                if deepest > _TOO_DEEP:
                    raise TypeError(_NESTED)
        except _RefusalError as refusal:
            own = [it.key for it in reversed(opened) if it.key is not None]
            refusal.path += own
            raise
        if not self.goes_through(copy, deepest):
            raise TypeError(_NESTED)
        return copy

    def go_on(self, opened: _Opened) -> _Opened | None:
        """Copy values up to a container, which is to be copied first."""
        copy, is_dict = opened.copy, type(opened.copy) is dict
        for key, value in opened.items:
            if is_dict and not (type(key) is str and key.isascii()):
                opened.key = None
                key = self.key(key)
            opened.key = key
            inner = self.opened(value)
            plain = self.value(value) if inner is None else inner.copy
            if is_dict:
                copy[key] = plain
            else:
                copy.append(plain)
            if inner is not None:
                return inner
        return None

    def opened(self, value: Any) -> _Opened | None:
        """Open a container, or what becomes one."""
        kind = type(value)
        if kind not in _CONTAINERS and kind not in self.atoms:
            base = next((it for it in _CONTAINERS if issubclass(kind, it)), None)
            value = value if base is None else self.bases[base](value)
        return _Opened.of(value) if type(value) in _CONTAINERS else None

    def goes_through(self, message: dict[Any, Any], depth: int) -> bool:
        """Tell whether the serializer takes a message that is so deep."""
        try:
            msgpack: Any = import_module("msgpack")
        except ImportError:
            return depth <= _DEPTH_OF_MSGPACK
        try:
            msgpack.unpackb(msgpack.packb(message), raw=False)
        except (ValueError, RecursionError):
            return False
        return True

    def key(self, key: object) -> Any:
        kind = type(key)
        if issubclass(kind, self.keys):
            return self.value(key)
        raise self.refusal(f"has {_a(kind)} as a key", "make it a str")

    def text(self, text: str) -> str:
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                remedy = "send text that UTF-8 can encode"
                raise self.refusal("has a lone surrogate", remedy) from None
        return text

    def integer(self, number: int) -> int:
        if not SMALLEST_INT <= number <= LARGEST_INT:
            raise self.refusal("is an int beyond 64 bits", "send str() of it")
        return number

    def uncommon(self, value: Any, kind: type) -> Any:
        if self.is_extension(kind):
            return value
        base = next((base for base in self.bases if issubclass(kind, base)), None)
        if base is None or (base is memoryview and not value.c_contiguous):
            raise self.refusal(f"is {_a(kind)}", self.remedy(kind))
        return self.value(self.bases[base](value))

    def is_extension(self, kind: type) -> bool:
        """Tell the types of msgpack itself, which arrive as they are."""
        msgpack = sys.modules.get("msgpack")
        return msgpack is not None and issubclass(
            kind, (msgpack.ExtType, msgpack.Timestamp)
        )

    def remedy(self, kind: type) -> str:
        return next(text for kinds, text in self.remedies if issubclass(kind, kinds))

    def refusal(self, finding: str, remedy: str) -> _RefusalError:
        return _RefusalError(finding, self.layer, remedy)


class _Json(_MsgPack):
    """The rules of Python's json: any int, any text, and no bytes."""

    layer = "a real channel layer with the json serializer"
    remedies = JSON_REMEDIES
    atoms = frozenset({type(None), bool, float})
    keys = (str,)
    bases: Mapping[type, Callable[[Any], Any]] = {
        base: _MsgPack.bases[base] for base in (int, float, str, dict, list, tuple)
    }

    def text(self, text: str) -> str:
        return text

    def integer(self, number: int) -> int:
        try:
            int.__repr__(number)
        except ValueError:
            finding = "is an int of too many digits"
            raise self.refusal(finding, "send hex() of it") from None
        return number

    def is_extension(self, kind: type) -> bool:
        return False

    def goes_through(self, message: dict[Any, Any], depth: int) -> bool:
        try:
            json.loads(json.dumps(message))
        except RecursionError:
            return False
        return True


def _a(kind: type) -> str:
    """Return the name of a type with its article."""
    if issubclass(kind, Promise):
        return "a lazy string"
    article = "an" if kind.__name__[0] in "AEIOaeio" else "a"
    return f"{article} {kind.__name__}"


SERIALIZERS = {"msgpack": _MsgPack(), "json": _Json()}
