"""
The entries of a recording, put into words: events, each on its lanes.

What says nothing is left out: the beginning and the end of a handler that
no other actor did anything during, or the second of two moves of time.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from channels_testkit.matching.wording import say, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .recording import Actor, Entry, Recording

Kind = Literal[
    "frame",
    "message",
    "group",
    "handler",
    "thread",
    "query",
    "transaction",
    "request",
    "time",
    "error",
    "gap",
]
LaneKind = Literal["test", "client", "consumer", "layer", "worker", "views", "database"]

#: The characters of what is said of an event in full.
MAX_IN_FULL = 4_000


def in_full(value: object) -> str:
    """Return a text as it is, and a value as JSON or as Python writes it."""
    if isinstance(value, str):
        return shorten(value, MAX_IN_FULL)
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, default=say)
    except (TypeError, ValueError, RecursionError):
        text = say(value, MAX_IN_FULL)
    return shorten(text, MAX_IN_FULL)


class Lane(NamedTuple):
    """A lane of the diagram: an actor, or a thing that actors talk to."""

    kind: LaneKind
    name: str


TEST = Lane("test", "the test")
VIEWS = Lane("views", "the views")


class Event:
    """One thing that has happened, in words."""

    __slots__ = (
        *("actor", "at", "detail", "in_transcript", "is_minor", "is_virtual"),
        *("kind", "parts", "place", "source", "target", "text"),
    )

    def __init__(
        self,
        entry: Entry,
        kind: Kind,
        text: str,
        *,
        detail: object = "",
        source: Lane | None = None,
        target: Lane | None = None,
        in_transcript: str = "",
        place: str = "",
    ) -> None:
        self.at, self.is_virtual, self.actor = entry.at, entry.is_virtual, entry.actor
        self.kind: Kind = kind
        self.text = text
        #: All that there is to say, as a text or as a value.
        self.detail = detail
        #: None stands for the lane of the actor.
        self.source, self.target = source, target
        #: The line of a transcript that has the same, with its number.
        self.in_transcript = in_transcript
        #: The line of the project that it comes from.
        self.place = place
        #: What it is made of, where it stands for several.
        self.parts: list[str] = []
        #: Whether a failure has no line for it.
        self.is_minor = False


class _Begun(NamedTuple):
    """Something that has begun, and what is said when it ends."""

    event: Event
    ended: str
    alone: str
    says_nothing: bool


class Story:
    """What has happened in one test, as a list of events."""

    def __init__(self, recording: Recording) -> None:
        first, missing, last = recording.parts
        self.names = Names(entry.actor for entry in (*first, *last))
        self.events: list[Event] = []
        #: What is remembered from one entry to the next, by who tells them.
        self.notes: dict[object, Any] = {}
        self._begun: dict[object, _Begun] = {}
        self._entry: Entry
        self._tell(first)
        if missing:
            self.events.append(Event(last[0], "gap", f"... {missing:,} are left out"))
        self._tell(last)

    def _tell(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._entry = entry
            entry.tell(self, *entry.facts)

    @property
    def actor(self) -> Actor | None:
        """Who the entry is of that is being told."""
        return self._entry.actor

    @property
    def last(self) -> Event | None:
        """The event before, if it is of the same actor."""
        found = self.events[-1] if self.events else None
        return found if found is not None and found.actor is self.actor else None

    def add(self, kind: Kind, text: str, **more: Any) -> Event:
        """Add an event of the actor."""
        event = Event(self._entry, kind, text, **more)
        self.events.append(event)
        return event

    def begin(
        self,
        key: object,
        kind: Kind,
        text: str,
        ended: str,
        *,
        alone: str = "",
        says_nothing: bool = False,
        **more: Any,
    ) -> None:
        """
        Add that something begins, which has an end.

        If no other actor does anything until then, one event stands for both:
        with the text ``alone``, if that is another, or none at all if it
        ``says_nothing``.
        """
        event = self.add(kind, text, **more)
        self._begun[key] = _Begun(event, ended, alone, says_nothing)

    def end(self, key: object) -> None:
        """Add that something ends."""
        begun = self._begun.pop(key, None)
        if begun is None:
            return
        event = begun.event
        place = len(self.events) - 1
        while self.events[place] is not event:
            if self.events[place].actor is not event.actor:
                event.is_minor = begun.says_nothing
                self.add(event.kind, begun.ended).is_minor = True
                return
            place -= 1
        if begun.says_nothing:
            del self.events[place]
        else:
            event.text = begun.alone or event.text

    def is_answering(self) -> bool:
        """Tell whether the actor alone has done something since a frame."""
        for event in reversed(self.events):
            if event.actor is not self.actor:
                return False
            if event.kind == "frame" and event.source is not None:
                return event.source.kind == "client"
        return False


class Names:
    """How the lines of a timeline call the actors of one test."""

    def __init__(self, actors: Iterable[Actor | None]) -> None:
        found = {id(it): it for it in actors if it is not None}
        #: Everybody but the test, in order of appearance.
        self.actors: list[Actor] = list(found.values())
        labels = [actor.label for actor in self.actors]
        short = {label: label.partition(" (")[0] for label in labels}
        if len(set(short.values())) == len(short):
            labels = [short[label] for label in labels]
        counts: dict[str, int] = {}
        self._names: dict[int, str] = {}
        for actor, label in zip(self.actors, labels, strict=True):
            counts[label] = counts.get(label, 0) + 1
            times = f" ({counts[label]})" if counts[label] > 1 else ""
            self._names[id(actor)] = f"{label}{times}"

    def of(self, actor: Actor | None) -> str:
        """Return what an actor is called."""
        return TEST.name if actor is None else self._names[id(actor)]

    def lane_of(self, actor: Actor | None) -> Lane:
        """Return the lane of what an actor's code does."""
        if actor is None:
            return TEST
        if not actor.has_client:
            return Lane("worker", self.of(actor))
        consumer = actor.consumer
        kind = "application" if consumer is None else type(consumer).__name__
        return Lane("consumer", f"{kind} of {self.of(actor)}")

    def client_lane_of(self, actor: Actor) -> Lane:
        """Return the lane of the client of an actor."""
        return Lane("client", self.of(actor))
