"""Values and lists in the texts of failures, cut to a limit."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING
from unittest.util import safe_repr

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

#: The characters of one value or line, and how many of them a list has.
MAX_LINE = 160
MAX_LISTED = 12
#: The characters of a name of a thread or task, before what it does.
MAX_NAME = 60
MAX_STEPS = 20
#: Of what is alike, how many are shown, and how much of each decides.
SHOWN_OF_A_KIND = 3
_COMPARED = 1_000
#: How much of the lines of all kinds is shown.
_MOST_LINES = 40
_WIDTH = 300


def shorten(text: str, width: int = MAX_LINE) -> str:
    """Bound a text to ``width`` characters."""
    return text if len(text) <= width else f"{text[: width - 4]} ..."


def say(value: object, width: int = MAX_LINE) -> str:
    """Return the ``repr()`` of any value, bounded to ``width`` characters."""
    return shorten(safe_repr(value), width)


def say_steps(steps: Sequence[str]) -> str:
    """Return the steps of a path without those in the middle of a long one."""
    skipped = len(steps) - MAX_STEPS
    if skipped <= 0:
        return "".join(steps)
    half = MAX_STEPS // 2
    return "".join([*steps[:half], f"[... {skipped:,} more ...]", *steps[-half:]])


def listed(values: Collection[object]) -> str:
    """Return ``repr()`` of values with commas between, the first of many."""
    return in_a_row(list(map(say, islice(values, MAX_LISTED))), len(values))


def in_a_row(
    texts: Sequence[str], count: int | None = None, *, none: str = "none"
) -> str:
    """Return texts with commas between, the first of many, or ``none``."""
    shown = [shorten(text) for text in texts[:MAX_LISTED]]
    more = (len(texts) if count is None else count) - len(shown)
    return ", ".join(shown + ([f"and {more:,} more"] if more else [])) or none


def first_lines(
    lines: Sequence[str], indent: str = "", *, most: int = MAX_LISTED
) -> list[str]:
    """Return the first of many lines, and one that counts the others."""
    more = len(lines) - most
    rest = [f"{indent}... and {more:,} more"] if more > 0 else []
    return [*lines[:most], *rest]


def kind_of(text: str) -> str:
    """Return what is the same in texts that differ in their numbers."""
    return re.sub(r"\d+", "#", text[:_COMPARED])


def first_of_each_kind(
    lines: Iterable[str], indent: str = "", *, width: int = _WIDTH
) -> list[str]:
    """Return the first of the lines of each kind, and how many others are."""
    kinds: dict[str, list[str]] = {}
    for line in lines:
        kinds.setdefault(kind_of(line), []).append(line)
    shown = []
    for alike in kinds.values():
        shown += [shorten(line, width) for line in alike[:SHOWN_OF_A_KIND]]
        more = len(alike) - SHOWN_OF_A_KIND
        shown += [f"{indent}... and {more:,} more like these"] if more > 0 else []
    return first_lines(shown, indent, most=_MOST_LINES)
