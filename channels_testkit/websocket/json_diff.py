"""How two JSON payloads differ, line by line."""

from __future__ import annotations

import json
from difflib import ndiff
from itertools import takewhile

from channels_testkit.matching import asked_for, count_parts
from channels_testkit.matching.wording import shorten

#: The most lines that are compared, each with each, and shown.
_LINES = 60
#: Those before the first difference.
_BEFORE = 10
#: The keys and values of a payload that is not too large for a diff.
_PARTS = 20_000


def diff(wanted: object, payload: object, *, partial: bool) -> str:
    """
    Return a diff of two dicts or lists, and nothing of other values.

    Of long ones it shows the lines around the first difference. Nothing is
    shown of those that are too large to be written in lines.
    """
    if not all(map(_is_shown, (wanted, payload))):
        return ""
    found = asked_for(wanted, payload) if partial else payload
    before, after = map(_lines, (wanted, found))
    start = _start(before, after)
    before, after = before[start:], after[start:]
    compared = ndiff(before[:_LINES], after[:_LINES])
    lines = [f"  {line}" for line in compared if not line.startswith("?")]
    if start:
        lines.insert(0, f"    ... {start:,} equal lines")
    if max(len(before), len(after)) > _LINES:
        lines[_LINES:] = ["    ..."]
    return "\n".join(lines[: _LINES + 1]) + "\n\n"


def _is_shown(payload: object) -> bool:
    return isinstance(payload, (dict, list)) and count_parts(payload) <= _PARTS


def _lines(payload: object) -> list[str]:
    text = json.dumps(payload, indent=4, sort_keys=True, default=repr)
    return [shorten(line) for line in text.splitlines()]


def _start(before: list[str], after: list[str]) -> int:
    """Return the number of lines to leave out, where there are many."""
    if max(len(before), len(after)) <= _LINES:
        return 0
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False))
    return max(0, sum(1 for _ in pairs) - _BEFORE)
