"""Whether a payload matches what is expected, and where it first differs."""

from __future__ import annotations

import re
from difflib import SequenceMatcher, get_close_matches
from enum import Enum
from itertools import islice, zip_longest
from numbers import Number
from types import CoroutineType, GenericAlias, UnionType
from typing import TYPE_CHECKING, Any, NamedTuple, get_args
from unittest.mock import ANY
from unittest.util import safe_repr

from .wording import MAX_LINE, say_steps, shorten

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

__all__ = (
    "Difference",
    "closest_name",
    "first_difference",
    "has_predicates",
    "json_path",
    "matches",
    "nearest",
)

MAX_TEXT = 80
# Of a long common beginning, what is left to show where the texts part.
MAX_COMMON = 20
# Telling strings apart costs far more than counting what differs.
MAX_COMPARED = 100
MAX_COMPARED_TEXT = 200
MAX_NAMES = 1_000
MAX_WORK = 1_000_000

# list[int] is among them to be refused: as a callable it is true of any list.
GENERICS = (UnionType, GenericAlias)
KINDS = (type, *GENERICS)

Kind = type | UnionType | GenericAlias
Path = tuple[object, ...]


class Difference(NamedTuple):
    """
    A place where a payload differs: its path, and what is there.

    The path of the payload itself is empty. ``expected`` and ``actual`` are
    texts to be read; of two long ones the common beginning is left out.
    """

    path: str
    expected: str
    actual: str


class _Absent(Enum):
    """What stands on one side of a difference when nothing is there."""

    KEY = "no such key"
    ITEM = "nothing"


class _Spot(NamedTuple):
    """A place where two values differ, before it is put into words."""

    path: Path
    expected: object
    actual: object


def first_difference(
    expected: object, actual: object, *, partial: bool = False
) -> Difference | None:
    """
    Return the first place where ``actual`` does not match, or ``None``.

    Keys are taken in the order of their text, those that were not expected
    last. If ``partial`` is true they are ignored, in dicts at every depth;
    lists must be of equal length all the same.

    Inside ``expected``, ``unittest.mock.ANY``, a type, a compiled regular
    expression (which must match all of a string) and a predicate stand for
    what they match. A tuple also matches a list. A bool is not a number.

    Example::

        difference = first_difference({"id": int}, {"id": "7"})
        self.assertEqual(difference.path, "id")
        self.assertEqual(difference.expected, "an instance of int")
        self.assertEqual(difference.actual, "'7'")
    """
    spot = next(_find_spots(expected, actual, partial=partial), None)
    return None if spot is None else _put_into_words(spot)


def matches(expected: object, actual: object, *, partial: bool = False) -> bool:
    """Return whether ``actual`` matches; see ``first_difference()``."""
    return next(_find_spots(expected, actual, partial=partial), None) is None


def asked_for(expected: object, actual: object) -> object:
    """Return the part of a value that a partial expectation looks at."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        keys = [key for key in actual if key in expected]
        return {key: asked_for(expected[key], actual[key]) for key in keys}
    if isinstance(expected, list) and isinstance(actual, list):
        # What one of them has more is a difference of its own.
        pairs = list(zip(expected, actual, strict=False))
        return [asked_for(*pair) for pair in pairs] + actual[len(pairs) :]
    return actual


def nearest(expected: object, candidates: Sequence[object]) -> int | None:
    """
    Return the index of the candidate that differs least, or ``None``.

    What is expected and missing or different weighs more than what was not
    expected. Among equals the one whose differing parts read most alike is
    taken, then the first. Predicates are not called.
    """
    expected = _without_predicates(expected)
    first = max(0, len(candidates) - max(1, MAX_WORK // count_parts(expected)))
    costs = [_cost(expected, candidate) for candidate in candidates[first:]]
    if not costs:
        return None
    least = min(costs)
    tied = (index for index, cost in enumerate(costs, first) if cost == least)
    return max(
        islice(tied, MAX_COMPARED),
        key=lambda index: _likeness(expected, candidates[index]),
    )


def has_predicates(expected: object) -> bool:
    """Return whether anything in ``expected`` is a predicate."""
    return any(
        callable(part) and not isinstance(part, (dict, list, tuple, *KINDS))
        for part in _parts(expected)
    )


def closest_name(name: str, names: Iterable[str]) -> str | None:
    """Return the one of ``names`` that ``name`` may be a misspelling of."""
    if len(name) > MAX_LINE:
        return None
    known = (known for known in names if len(known) <= MAX_LINE)
    found = get_close_matches(name, list(islice(known, MAX_NAMES)), n=1)
    return found[0] if found else None


def _find_spots(expected: object, actual: object, *, partial: bool) -> Iterator[_Spot]:
    # Not by recursion: a message may be nested as deeply as Python can go.
    open_spots = [iter([_Spot((), expected, actual)])]
    while open_spots:
        spot = next(open_spots[-1], None)
        if spot is None:
            open_spots.pop()
            continue
        inner = _inside(spot, partial=partial)
        if inner is not None:
            open_spots.append(inner)
        elif _is_absent(spot) or not _agrees(spot.expected, spot.actual):
            yield spot


def _inside(spot: _Spot, *, partial: bool) -> Iterator[_Spot] | None:
    """Return what to compare of two containers, or None for other values."""
    path, expected, actual = spot
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _pairs_of_dicts(expected, actual, partial=partial, path=path)
    if isinstance(expected, (list, tuple)) and isinstance(
        actual, _list_kinds(expected)
    ):
        return _pairs_of_lists(expected, actual, path=path)
    return None


def _is_absent(spot: _Spot) -> bool:
    return isinstance(spot.expected, _Absent) or isinstance(spot.actual, _Absent)


def _pairs_of_dicts(
    expected: Mapping[object, object],
    actual: Mapping[object, object],
    *,
    partial: bool,
    path: Path,
) -> Iterator[_Spot]:
    for key in sorted(expected, key=str):
        yield _Spot((*path, key), expected[key], actual.get(key, _Absent.KEY))
    if not partial:
        for key in sorted((key for key in actual if key not in expected), key=str):
            yield _Spot((*path, key), _Absent.KEY, actual[key])


def _pairs_of_lists(
    expected: Sequence[object], actual: Sequence[object], *, path: Path
) -> Iterator[_Spot]:
    pairs = zip_longest(expected, actual, fillvalue=_Absent.ITEM)
    for index, pair in enumerate(pairs):
        yield _Spot((*path, index), *pair)


def _list_kinds(expected: object) -> tuple[type[list[Any] | tuple[Any, ...]], ...]:
    """Return what to compare item by item: a tuple may have become a list."""
    return (list, tuple) if isinstance(expected, tuple) else (list,)


def _agrees(expected: object, actual: object) -> bool:
    if isinstance(expected, KINDS):
        return _is_instance(actual, expected)
    if isinstance(expected, re.Pattern):
        return _is_full_match(expected, actual)
    if callable(expected):
        return _is_true_of(expected, actual)
    return _is_equal(expected, actual)


def _is_true_of(predicate: Callable[..., object], actual: object) -> bool:
    found = predicate(actual)
    if isinstance(found, CoroutineType):
        # A coroutine is true, whatever it would return.
        found.close()
        name = _name_predicate(predicate)
        raise TypeError(f"{name} is async, and a predicate is called at once: use def.")
    return bool(found)


def _is_instance(actual: object, kind: Kind) -> bool:
    if isinstance(kind, GenericAlias):
        raise TypeError(
            f"{kind} cannot be matched, since isinstance() refuses it: expect "
            f"{kind.__origin__.__name__} instead, or a predicate."
        )
    if isinstance(kind, UnionType):
        return any(_is_instance(actual, member) for member in get_args(kind))
    return isinstance(actual, kind) and not (kind is int and isinstance(actual, bool))


def _is_full_match(pattern: re.Pattern[Any], actual: object) -> bool:
    if not isinstance(actual, type(pattern.pattern)):
        return False
    return pattern.fullmatch(actual) is not None


def _is_equal(expected: object, actual: object) -> bool:
    if isinstance(expected, Number) and isinstance(actual, Number):
        same_kind = isinstance(expected, bool) is isinstance(actual, bool)
        return same_kind and bool(expected == actual)
    return bool(expected == actual)


def _put_into_words(spot: _Spot) -> Difference:
    expected, actual = _shorten(_say_expected(spot.expected), _say(spot.actual))
    return Difference(_say_path(spot.path), expected, actual)


def _say_path(path: Path) -> str:
    return say_steps([_say_step(step) for step in path]).removeprefix(".")


def json_path(steps: Iterable[object]) -> str:
    """Return a path in a payload, such as ``$.items[2].price``."""
    return "$" + say_steps([_say_step(step) for step in steps])


def _say_step(step: object) -> str:
    if isinstance(step, str) and step.isidentifier():
        return shorten(f".{step}", MAX_TEXT)
    return f"[{safe_repr(step, short=True)}]"


def _say(value: object) -> str:
    return value.value if isinstance(value, _Absent) else safe_repr(value)


def _say_expected(expected: object) -> str:
    if isinstance(expected, KINDS):
        return f"an instance of {_name_kind(expected)}"
    if isinstance(expected, re.Pattern):
        return f"a match of {_say_pattern(expected.pattern)}"
    if callable(expected):
        return f"a value for which {_name_predicate(expected)} is true"
    return _say(expected)


def _name_kind(kind: Kind) -> str:
    return str(kind) if isinstance(kind, GENERICS) else kind.__name__


def _say_pattern(pattern: str | bytes) -> str:
    """Return the pattern as a raw string, the way it was probably written."""
    return "r" + repr(pattern).replace("\\\\", "\\")


def _name_predicate(predicate: Callable[..., object]) -> str:
    name = getattr(predicate, "__name__", None)
    if name is None:
        return safe_repr(predicate)
    return "the lambda" if name == "<lambda>" else f"{name}()"


def _shorten(expected: str, actual: str) -> tuple[str, str]:
    """Cut two texts to where they part, if either is long."""
    if max(len(expected), len(actual)) <= MAX_TEXT:
        return expected, actual
    skipped = _count_common(expected, actual) - MAX_COMMON
    return _cut(expected, skipped), _cut(actual, skipped)


def _count_common(one: str, other: str) -> int:
    """Return the length of the common beginning of two texts."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _cut(text: str, skipped: int) -> str:
    if skipped > 0:
        text = f"[{skipped} characters]...{text[skipped:]}"
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]} [truncated]..."
    return text


def _without_predicates(expected: object) -> object:
    """Return ``expected`` with ``ANY`` in the place of predicates."""
    if not has_predicates(expected):
        return expected
    if isinstance(expected, dict):
        return {key: _without_predicates(value) for key, value in expected.items()}
    if isinstance(expected, (list, tuple)):
        items = map(_without_predicates, expected)
        return tuple(items) if isinstance(expected, tuple) else list(items)
    return ANY


def _cost(expected: object, actual: object) -> tuple[int, int]:
    """Weigh what ``actual`` lacks or has wrong, and what it has besides."""
    wrong = besides = 0
    for spot in _find_spots(expected, actual, partial=False):
        if isinstance(spot.expected, _Absent):
            besides += count_parts(spot.actual)
        else:
            wrong += count_parts(spot.expected)
    return wrong, besides


def count_parts(value: object) -> int:
    """Count the leaves of ``value`` and its containers."""
    return sum(1 for _ in _parts(value))


def _parts(value: object) -> Iterator[object]:
    """Yield a value and all that is in it, however deep."""
    left = [value]
    while left:
        part = left.pop()
        yield part
        if isinstance(part, dict):
            left.extend(part.values())
        elif isinstance(part, (list, tuple)):
            left.extend(part)


def _likeness(expected: object, actual: object) -> float:
    """Return how alike the differing parts of the two read, from 0 to 1."""
    found = _find_spots(expected, actual, partial=False)
    spots = list(islice(found, MAX_COMPARED))
    return SequenceMatcher(
        None,
        " ".join(_say_expected(spot.expected) for spot in spots)[:MAX_COMPARED_TEXT],
        " ".join(_say(spot.actual) for spot in spots)[:MAX_COMPARED_TEXT],
    ).ratio()


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return a line that asks for the name that may have been meant."""
    close = closest_name(name, names)
    return f"\nDid you mean {close!r}?" if close else ""
