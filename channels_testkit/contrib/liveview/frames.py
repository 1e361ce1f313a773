"""Assertions about what django-liveview sends a browser in one turn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from channels_testkit.matching import (
    closest_name,
    first_difference,
    matches,
    nearest,
)
from channels_testkit.matching.wording import first_lines, listed, say, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from channels_testkit.asgi.transcript import Transcript

__unittest = True

UNKNOWN_FUNCTION = "Unknown function: {}"


class TurnAssertions(ABC):
    """
    Assertions about the frames of one turn, in any order.

    Each returns the frame that it is about. Their text says what else came.
    """

    @abstractmethod
    def _look(self) -> tuple[list[Any], str, Transcript]:
        """Return the frames, how they came, and the transcript."""

    def assert_target(
        self, selector: str, contains: str | None = None, **fields: object
    ) -> Any:
        """
        Assert that a frame of this turn is for a target; return the first.

        ``contains`` is a part of its ``html``. Other keywords are fields of
        the frame, such as ``append=True``, matched as expected payloads are.
        """
        __tracebackhide__ = True
        frames, came, transcript = self._look()
        return take_target(frames, came, transcript, selector, contains, fields)

    def assert_error(self, contains: str = "") -> Any:
        """
        Assert that a frame of this turn reports an error; return the first.

        An unknown function, and a handler that raises, answer with one.
        ``contains`` is a part of the error's text.
        """
        __tracebackhide__ = True
        frames, came, transcript = self._look()
        for frame in frames:
            if is_error(frame) and contains in str(frame["error"]):
                return frame
        saying = f" with {say(contains)} in it" if contains else ""
        verdict = f"No error{saying} {came}."
        raise AssertionError(f"{verdict}\n{_what_came(frames)}\n\n{transcript}")

    def assert_unknown_function(self, function: str) -> Any:
        """
        Assert that a function was called that is not registered.

        Returns the frame; its ``"available_functions"`` are the registered
        ones.
        """
        __tracebackhide__ = True
        frames, came, transcript = self._look()
        text = UNKNOWN_FUNCTION.format(function)
        for frame in frames:
            if is_error(frame) and frame["error"] == text:
                return frame
        verdict = f"No error that {say(function)} is an unknown function {came}."
        raise AssertionError(f"{verdict}\n{_what_came(frames)}\n\n{transcript}")

    def assert_no_reply(self) -> None:
        """Assert that no frame came in this turn."""
        __tracebackhide__ = True
        frames, came, transcript = self._look()
        if frames:
            verdict = f"A frame {came}, where none was expected."
            raise AssertionError(f"{verdict}\n{_what_came(frames)}\n\n{transcript}")


def find_target(
    frames: Iterable[Any], selector: str, contains: str | None, fields: dict[str, Any]
) -> Any:
    """Return the first frame that is for a target, or ``None``."""
    for frame in frames:
        if _target_of(frame) == selector and _is_wanted(frame, contains, fields):
            return frame
    return None


def take_target(
    frames: Sequence[Any],
    came: str,
    transcript: Transcript,
    selector: str,
    contains: str | None,
    fields: dict[str, Any],
) -> Any:
    """Return the first frame that is for a target, or fail."""
    __tracebackhide__ = True
    found = find_target(frames, selector, contains, fields)
    if found is not None:
        return found
    candidates = [frame for frame in frames if _target_of(frame) == selector]
    if candidates:
        near = candidates[nearest(fields, candidates) or 0]
        verdict = (
            f"No such frame for {say(selector)} {came}: {_why(near, contains, fields)}."
        )
        raise AssertionError(f"{verdict}\n\n{transcript}")
    verdict = f"No frame for {say(selector)} {came}."
    meant = closest_name(selector, filter(None, map(_target_of, frames)))
    hint = f"\nDid you mean {meant!r}?" if meant else ""
    raise AssertionError(f"{verdict}\n{_what_came(frames)}{hint}\n\n{transcript}")


def _target_of(frame: Any) -> str | None:
    return frame.get("target") if isinstance(frame, dict) else None


def is_error(frame: Any) -> bool:
    """Tell whether a frame tells of an error."""
    return isinstance(frame, dict) and "error" in frame


def _html_of(frame: Any) -> str:
    return str(frame.get("html") or "")


def _is_wanted(frame: Any, contains: str | None, fields: dict[str, Any]) -> bool:
    has_text = contains is None or contains in _html_of(frame)
    return has_text and matches(fields, frame, partial=True)


def _why(frame: Any, contains: str | None, fields: dict[str, Any]) -> str:
    """Say why a frame for the right target is not the one that is wanted."""
    difference = first_difference(fields, frame, partial=True)
    if difference is None:
        return f"{say(contains)} is not in its html, {say(_html_of(frame))}"
    return f"{say(difference.path)} is {difference.actual}, not {difference.expected}"


def _what_came(frames: Sequence[Any]) -> str:
    """Say which targets frames are for, and which errors they tell."""
    if not frames:
        return "There was no frame."
    targets = [it for it in dict.fromkeys(map(_target_of, frames)) if it is not None]
    errors = [_error_line(frame) for frame in frames if is_error(frame)]
    lines = [f"Targets: {listed(targets)}."] if targets else []
    return "\n".join([*lines, *first_lines(errors)]) or f"Frames: {say(list(frames))}"


def _error_line(frame: Any) -> str:
    text = f"Error: {shorten(str(frame['error']))}"
    called = str(frame["error"]).removeprefix(UNKNOWN_FUNCTION.format(""))
    meant = closest_name(called, frame.get("available_functions") or [])
    return f"{text} (did you mean {meant!r}?)" if meant else text
