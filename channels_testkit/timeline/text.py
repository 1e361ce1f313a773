"""A timeline as text: one line for each event."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from channels_testkit.matching.wording import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from .story import Event, Story

    #: An event with its number.
    Numbered = tuple[int, Event]
    #: An event with what its line says.
    Row = tuple[Numbered, str]

_TRANSCRIPT = "Transcript of "
#: How many events are printed: of the first, and of the last.
_FIRST = 20
_LAST = 480
_LAST_OF_A_FAILURE = 15
#: Of how many who do the same the first two and the last one are enough.
_MANY_ALIKE = 5
#: The characters of what a line says; a message has receivers and places, too.
_WIDEST = 260
_WIDEST_NAME = 30
_DIGITS = 9


def printed(story: Story) -> list[str]:
    """Return a line for each event, without those in the middle of many."""
    rows = [(it, _words(it[1])) for it in enumerate(story.events, 1)]
    more = len(rows) - _FIRST - _LAST
    if more <= 0:
        return list(_lines(story, rows, say_time))
    return [
        *_lines(story, rows[:_FIRST], say_time),
        f"        ... {more:,} events",
        *_lines(story, rows[-_LAST:], say_time),
    ]


def last_lines(story: Story, known: str) -> list[str]:
    """
    Return lines for the last events, without times that differ in each run.

    What a transcript in the text ``known`` has is told by its number there.
    """
    lines = _lines_in(known)
    events = [it for it in enumerate(story.events, 1) if _is_news(it[1], known)]
    rows = [
        row
        for _, group in itertools.groupby(events, lambda it: _place_in(lines, it[1]))
        for row in _told_together(lines, list(group))
    ]
    shown = _without_repeats(rows)[-_LAST_OF_A_FAILURE:]
    return list(_lines(story, shown, _say_virtual_time))


def _is_news(event: Event, known: str) -> bool:
    """Tell whether an event is worth a line below a failure."""
    is_told = event.kind == "error" and str(event.detail) in known
    return not event.is_minor and not (is_told and event.actor is None)


def _lines_in(known: str) -> Collection[tuple[str, str]]:
    """Return the lines of transcripts, each with the label of its own."""
    lines = set()
    label = ""
    for line in known.splitlines():
        if line.startswith(_TRANSCRIPT):
            label = line.removeprefix(_TRANSCRIPT).partition(" (->")[0]
        if line.strip():
            lines.add((label, line.partition("   <== ")[0].strip()))
    return lines


def _place_in(lines: Collection[tuple[str, str]], event: Event) -> str:
    """Return the label of the transcript that shows an event, if one does."""
    label = "" if event.actor is None else event.actor.label
    return label if (label, event.in_transcript) in lines else ""


def _told_together(
    lines: Collection[tuple[str, str]], group: Sequence[Numbered]
) -> list[Row]:
    """Return rows for events: one for all that a transcript shows in a row."""
    if not _place_in(lines, group[0][1]):
        return [(numbered, _words(numbered[1])) for numbered in group]
    first, last = (group[n][1].in_transcript.partition(" ")[0] for n in (0, -1))
    if len(group) > 1:
        to = "and" if len(group) == 2 else "to"
        return [(group[0], f"   numbers {first} {to} {last} above")]
    arrow, kind, *_ = group[0][1].text.split()
    return [(group[0], f"{arrow} {kind:<7} (number {first} above)")]


def _without_repeats(rows: Sequence[Row]) -> list[Row]:
    """Return rows with one for all who do the same after the first two."""
    shown: list[Row] = []
    alike: list[list[Row]] = []
    for _, group in itertools.groupby(rows, lambda row: row[0][1].actor):
        block = list(group)
        if not _is_repeated(alike, block):
            shown += _in_short(alike)
            alike = []
        alike.append(block)
    return shown + _in_short(alike)


def _is_repeated(alike: Sequence[Sequence[Row]], block: Sequence[Row]) -> bool:
    """Tell whether another actor does the same as those just before."""
    actors = [it[0][0][1].actor for it in alike]
    words = [[text for _, text in it] for it in (*alike[:1], block)]
    return words[0] == words[-1] and block[0][0][1].actor not in actors


def _in_short(alike: Sequence[Sequence[Row]]) -> list[Row]:
    if len(alike) < _MANY_ALIKE:
        return [row for block in alike for row in block]
    numbered, _ = alike[-1][-1]
    return [
        *alike[0],
        *alike[1],
        (numbered, f"   the same, after {len(alike) - 3} others"),
    ]


def _lines(
    story: Story,
    rows: Sequence[Row],
    say_when: Callable[[Event], str],
) -> Iterator[str]:
    names = [story.names.of(event.actor) for (_, event), _ in rows]
    times = [say_when(event) for (_, event), _ in rows]
    width = min(max(map(len, names), default=0), _WIDEST_NAME)
    for ((number, _), words), name, time in zip(rows, names, times, strict=True):
        shown = f"{time:>11}  " if any(times) else ""
        yield f"  {number:>4}  {shown}{shorten(name, width):<{width}}  {words}"


def _words(event: Event) -> str:
    """Return what a line says, with arrows below one another."""
    if event.text.startswith(("->", "<-")):
        return event.text
    return f"   {shorten(event.text, _WIDEST)}"


def say_time(event: Event) -> str:
    """Return when an event was, in seconds."""
    if not event.is_virtual:
        return f"+{event.at:.4f} s"
    exact = f"{event.at:.{_DIGITS}f}".rstrip("0")
    return f"+{exact}0 s" if exact.endswith(".") else f"+{exact} s"


def _say_virtual_time(event: Event) -> str:
    return say_time(event) if event.is_virtual else ""
