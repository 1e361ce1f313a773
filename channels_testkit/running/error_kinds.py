"""Exceptions of one kind, which are one failure of a test."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from channels_testkit.engine.added_lines import add_line
from channels_testkit.engine.notes import words_of
from channels_testkit.engine.places import is_of_kit
from channels_testkit.exceptions import FrameError, ProtocolError
from channels_testkit.matching.wording import (
    SHOWN_OF_A_KIND,
    kind_of,
    shorten,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


def first_of_each(errors: Iterable[BaseException]) -> list[BaseException]:
    """
    Return the first exception of each kind, and let it say what others came.

    Those of one kind were raised at the same lines, and their texts differ in
    numbers at most; of breaches of a protocol the name is compared.
    """
    kinds: dict[object, list[BaseException]] = {}
    for error in errors:
        kinds.setdefault(kind_of_error(error), []).append(error)
    for first, *others in kinds.values():
        if others:
            add_line(first, _others_in_words(first, others))
    return [first for first, *_ in kinds.values()]


def kind_of_error(error: BaseException) -> object:
    """Return what is the same in exceptions of one kind."""
    places: list[object] = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        places.append((frame.f_code, line))
        if is_of_kit(frame.f_code.co_filename):
            # The way from the test to the application does not matter.
            places.clear()
    said = kind_of(words_of(error))
    if isinstance(error, ProtocolError):
        said = error.breach
    elif isinstance(error, FrameError):
        said = f"{error.option} {kind_of(error.path)}"
    return type(error), tuple(places), said


def _others_in_words(first: BaseException, others: list[BaseException]) -> str:
    own, count = _first_line(first), len(others)
    more = "1 more like it" if count == 1 else f"{count:,} more like it"
    texts = dict.fromkeys(map(_first_line, others))
    shown = [text for text in texts if text != own][:SHOWN_OF_A_KIND]
    if not shown:
        return f"There was {more}." if count == 1 else f"There were {more}."
    lines = "\n".join(f"  {text}" for text in shown)
    return f"And {more}, for example:\n{lines}"


def _first_line(error: BaseException) -> str:
    text = shorten(words_of(error).partition("\n")[0])
    return f"{type(error).__name__}: {text}"
