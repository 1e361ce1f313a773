"""What a server answers to an operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from channels_testkit.matching import matches
from channels_testkit.matching.wording import MAX_LISTED, say

if TYPE_CHECKING:
    from collections.abc import Mapping


class GraphQLResult(NamedTuple):
    """
    A result of an operation: the payload of its message.

    ``data`` is ``None`` if all of it failed, and has ``None`` for each field
    that failed. ``errors`` are dicts with ``"message"``, and mostly ``"path"``
    and ``"locations"``.
    """

    data: Any
    errors: list[Any]
    extensions: Any = None

    @classmethod
    def of(cls, payload: Any) -> GraphQLResult:
        """Return the result that a payload has."""
        found: Mapping[str, Any] = payload if is_result(payload) else {}
        errors = errors_of(found.get("errors") or [])
        return cls(found.get("data"), errors, found.get("extensions"))


def is_result(payload: Any) -> bool:
    """Tell whether a payload has what a result must have."""
    return isinstance(payload, dict) and ("data" in payload or "errors" in payload)


def errors_of(payload: Any) -> list[Any]:
    """Return the errors that a server has sent: a list, or one of them."""
    return payload if isinstance(payload, list) else [payload]


def fits(expected: Any, error: Any) -> bool:
    """
    Tell whether an error is the expected one.

    A dict is compared with all of it, by the keys that the dict has; anything
    else, such as a text or a regular expression, with its message.
    """
    if isinstance(expected, dict):
        return matches(expected, error, partial=True)
    return matches(expected, _message(error))


def fit(expected: Any, errors: list[Any]) -> bool:
    """Tell whether all errors are the expected ones, in whatever order."""
    wanted = expected if isinstance(expected, (list, tuple)) else [expected]
    left = list(errors)
    for want in wanted:
        found = next((n for n, it in enumerate(left) if fits(want, it)), None)
        if found is None:
            return False
        del left[found]
    return not left


def in_words(errors: list[Any]) -> str:
    """Say what errors are about, and where."""
    shown = [_in_words(error) for error in errors[:MAX_LISTED]]
    more = len(errors) - len(shown)
    return "; ".join([*shown, f"and {more:,} more"] if more else shown)


def _in_words(error: Any) -> str:
    path = error.get("path") if isinstance(error, dict) else None
    where = f" at {say('.'.join(map(str, path)))}" if isinstance(path, list) else ""
    return f"{say(_message(error))}{where}"


def _message(error: Any) -> Any:
    return error.get("message") if isinstance(error, dict) else error


def messages(errors: list[Any]) -> list[Any]:
    """Return the messages of errors."""
    return [_message(error) for error in errors]
