"""The frames that one action on a page caused, and its result."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from channels_testkit.matching import first_difference, matches
from channels_testkit.matching.wording import MAX_LISTED, say, shorten

if TYPE_CHECKING:
    from collections.abc import Callable

__unittest = True


class Turn:
    """
    Every frame that one action of the client caused.

    It goes on until the next action: frames that the application sends by
    itself until then belong to it. ``errors`` are the exceptions that the
    framework caught and logged.
    """

    def __init__(self, action: str, read_frames: Callable[[], list[Any]]) -> None:
        #: What the test did.
        self.action = action
        self.errors: list[BaseException] = []
        self._read_frames = read_frames
        self._start = len(read_frames())
        self._end: int | None = None

    @property
    def frames(self) -> list[Any]:
        """The payloads of the frames, in order."""
        return self._read_frames()[self._start : self._end]

    def end(self) -> None:
        """Take in no more frames."""
        self._end = len(self._read_frames())

    def find(self, expected: object) -> list[Any]:
        """Return the payloads that match, dicts by the keys expected."""
        return [f for f in self.frames if matches(expected, f, partial=True)]

    def __str__(self) -> str:
        frames = self.frames
        if not frames:
            return f"The turn of {self.action} held no frame."
        lines = [f"The turn of {self.action} held:"]
        first = max(0, len(frames) - MAX_LISTED)
        if first:
            lines.append(f"     ... {first:,} earlier frames")
        for number, frame in enumerate(frames[first:], first + 1):
            lines.append(f"  {number:>4}  {shorten(in_json(frame))}")
        return "\n".join(lines)


class EventResult(dict[str, Any]):
    """
    The result of an event: a dict, and the exception as an attribute.

    Its keys are ``success``, ``error``, ``state_before``, ``state_after``,
    ``duration_ms`` and ``frames``; an adapter may add others, such as a
    ``code``. If the event has failed, the test must look at ``success``,
    ``error``, ``code`` or ``exception``. Otherwise the next action, or the
    end of the test, fails.
    """

    def __init__(
        self, action: str, exception: BaseException | None, **values: Any
    ) -> None:
        super().__init__(values)
        #: What the test did.
        self.action = action
        #: Whether the test knows the outcome, which it has to look at.
        self.is_examined = False
        self._exception = exception

    @property
    def exception(self) -> BaseException | None:
        """What the server's code raised, where that is known."""
        self.is_examined = True
        return self._exception

    @property
    def has_failed(self) -> bool:
        """Whether it failed. Reading this does not count as looking at it."""
        return not super().__getitem__("success")

    def __getitem__(self, key: str) -> Any:
        self.is_examined |= key in {"success", "error", "code"}
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value as ``dict.get()`` does."""
        # dict.get() would not come by __getitem__().
        return self[key] if key in self else default  # noqa: SIM401

    def failure(self) -> AssertionError | None:
        """Return the failure of an event whose result nobody has looked at."""
        if self.is_examined or not self.has_failed:
            return None
        text = (
            f"{self.action} failed on the server: {shorten(str(self['error']))}\n\n"
            "If the test expects this, look at 'success' or 'error' of the result."
        )
        failure = AssertionError(text)
        failure.__cause__ = self._exception
        return failure


def in_json(payload: object) -> str:
    """Return a payload as JSON, or as Python where it is not JSON."""
    try:
        return json.dumps(payload, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return say(payload)


def snapshot(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy that later changes in place do not reach."""
    return {name: _copied(value) for name, value in state.items()}


def _copied(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001 - what cannot be copied stands for itself
        return value


def contains(expected: Any, actual: Any) -> bool:
    """
    Tell whether a value has what is expected in it.

    A part of a str, some keys of a dict, some items of a list, or one item.
    Anything else matches as it does elsewhere.
    """
    if isinstance(expected, str) and isinstance(actual, str):
        return expected in actual
    if isinstance(actual, Mapping):
        return matches(expected, dict(actual), partial=True)
    if isinstance(actual, (str, bytes)) or not hasattr(actual, "__iter__"):
        return matches(expected, actual)
    items = list(actual)
    wanted = expected if isinstance(expected, (list, tuple, set, frozenset)) else None
    return all(
        any(matches(want, item, partial=True) for item in items)
        for want in ([expected] if wanted is None else wanted)
    )


def say_difference(expected: object, actual: object) -> str:
    """Say where a value differs from what is expected, or return ''."""
    difference = first_difference(expected, actual)
    if difference is None:
        return ""
    place = f" at {say(difference.path)}" if difference.path else ""
    return f"expected {difference.expected}, got {difference.actual}{place}."
