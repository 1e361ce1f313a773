"""What happened on one connection, in order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from channels_testkit.engine.notes import shortly
from channels_testkit.matching.wording import say, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from channels_testkit.timeline.story import Story

IN = "->"
OUT = "<-"
_LAST = 12
# To show the beginning of one line, nobody decodes all of a long frame.
_MOST_DECODED = 100_000


class Entry(NamedTuple):
    """One event: from the test to the application, or back."""

    direction: str
    event: Mapping[str, Any]
    note: str = ""
    #: Seconds of virtual time, or None where time was real.
    at: float | None = None

    def __str__(self) -> str:
        return self.timed(self.words)

    def timed(self, words: str) -> str:
        """Return its words behind its time, if that is virtual."""
        return words if self.at is None else f"{f'+{self.at:.1f} s':>10}  {words}"

    @property
    def words(self) -> str:
        """What has crossed, which way, and what came of it."""
        kind, detail = map(shorten, _describe(self.event))
        text = f"{self.direction} {kind:<7} {detail}".rstrip()
        return f"{text}   ({shorten(self.note)})" if self.note else text


def _no_time() -> None:
    """Stand for a clock where time is real."""


class Transcript:
    """The ordered record of one connection."""

    def __init__(
        self, label: str, say_time: Callable[[], float | None] = _no_time
    ) -> None:
        self.label = label
        self._say_time = say_time
        self.entries: list[Entry] = []

    def add(self, direction: str, event: Mapping[str, Any], note: str = "") -> Entry:
        """Record an event, and return the entry."""
        entry = Entry(direction, event, note, self._say_time())
        self.entries.append(entry)
        return entry

    def __iter__(self) -> Any:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __str__(self) -> str:
        return self.render()

    def number_of(self, event: Mapping[str, Any]) -> int:
        """Return the number that an event has where the record is shown."""
        events = [entry.event for entry in self.entries]
        return 1 + next(i for i, other in enumerate(events) if other is event)

    def number_of_fed(self, count: int) -> int | None:
        """Return the number of the event that was given as that one."""
        numbers = [n for n, it in enumerate(self.entries, 1) if it.direction == IN]
        return numbers[count - 1] if 0 < count <= len(numbers) else None

    def render(self, marked: Mapping[str, Any] | None = None) -> str:
        """Return the last entries as text, with one event marked."""
        title = f"Transcript of {self.label} ({IN} test to application,"
        lines = [f"{title} {OUT} application to test):"]
        start = max(0, len(self.entries) - _LAST)
        if start:
            lines.append(f"     ... {start:,} earlier entries")
        for number, entry in enumerate(self.entries[start:], start + 1):
            mark = "   <== this one" if entry.event is marked else ""
            lines.append(f"  {number:>4}  {entry}{mark}")
        if not self.entries:
            lines.append("     nothing yet")
        return "\n".join(lines)


def crossed(story: Story, entry: Entry, number: int = 0) -> None:
    """Tell that an event has crossed a connection, with its number there."""
    actor = story.actor
    if actor is None:
        return
    ends = (story.names.client_lane_of(actor), story.names.lane_of(actor))
    source, target = ends if entry.direction == IN else reversed(ends)
    words, text = entry.words, entry.event.get("text")
    is_raised = entry.event.get("type") == "raised"
    last = story.last
    if is_raised and last is not None and last.kind == "error":
        # The same, as the transcript has it.
        story.events.pop()
    story.add(
        "error" if is_raised else "frame",
        words,
        detail=text if isinstance(text, str) else dict(entry.event),
        source=source,
        target=target,
        in_transcript=f"{number}  {entry.timed(words)}",
    )


def _describe(event: Mapping[str, Any]) -> tuple[str, str]:
    kind = str(event.get("type", "?")).removeprefix("websocket.")
    if kind in {"receive", "send"}:
        return _describe_frame(event)
    if kind == "connect":
        return "connect", event.get("path", "")
    if kind == "raised":
        return kind, shortly(event["error"])
    fields = {key: value for key, value in event.items() if key != "type"}
    given = [f"{key}={say(value)}" for key, value in fields.items() if _says(value)]
    return kind.removeprefix("http."), " ".join(given)


def done(event: Mapping[str, Any]) -> str:
    """Say what a client does whose event this is."""
    kind, detail = _describe(event)
    verb = {"connect": "connects", "disconnect": "leaves"}.get(kind, f"sends {kind}")
    return f"{verb} {detail}".rstrip()


def _says(value: object) -> bool:
    """Tell whether a value is worth showing: 0 is, what is empty is not."""
    return bool(value) or (value == 0 and value is not False)


def _describe_frame(event: Mapping[str, Any]) -> tuple[str, str]:
    if event.get("text") is not None:
        return "text", describe_payload(event["text"])
    return "bytes", say(event.get("bytes"))


def describe_payload(text: object) -> str:
    """Return a text frame as one line: JSON with sorted keys, or a string."""
    if not isinstance(text, str) or len(text) > _MOST_DECODED:
        return say(text)
    try:
        found = json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError):
        return say(text)
    # A lone surrogate, which JSON writes with an escape, cannot be printed.
    return shorten(found.encode("utf-8", "backslashreplace").decode())
