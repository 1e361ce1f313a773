"""A timeline as one HTML file: a sequence diagram."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .story import TEST, Event, Lane, Story, in_full
from .text import say_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_TEMPLATE = Path(__file__).with_name("diagram.html")
#: How many events are drawn: of the first, and of the last.
_FIRST = 100
_LAST = 1_900
#: How many groups and channels have lanes of their own.
_MOST_LANES_OF_LAYERS = 12
_OTHERS = Lane("layer", "other groups and channels")
#: How lanes stand, from the left; clients are beside their consumers.
_ORDER = ("test", "client", "layer", "worker", "views", "database")

_Arrow = tuple[int, Event, Lane, Lane]


def page_of(story: Story, title: str) -> str:
    """Return a page that shows the events on their lanes."""
    arrows = [_arrow(story, *numbered) for numbered in enumerate(story.events, 1)]
    more = len(arrows) - _FIRST - _LAST
    shown = arrows if more <= 0 else [*arrows[:_FIRST], *arrows[-_LAST:]]
    lanes = _lanes(story, shown)
    places = {lane: place for place, lane in enumerate(lanes)}
    events = [_event(arrow, places) for arrow in shown]
    if more > 0:
        events.insert(_FIRST, _gap(more))
    data = {
        "title": title,
        "count": len(arrows),
        "lanes": [{"kind": lane.kind, "name": lane.name} for lane in lanes],
        "events": events,
    }
    template = _TEMPLATE.read_text(encoding="utf-8")
    return template.replace("__TIMELINE__", _for_a_script(data), 1)


def _arrow(story: Story, number: int, event: Event) -> _Arrow:
    own = story.names.lane_of(event.actor)
    source = own if event.source is None else event.source
    target = own if event.target is None else event.target
    return number, event, source, target


def _lanes(story: Story, arrows: Sequence[_Arrow]) -> list[Lane]:
    """Return the lanes from left to right, without unused ones."""
    used = dict.fromkeys(lane for arrow in arrows for lane in arrow[2:])
    order: dict[Lane, None] = {TEST: None}
    for actor in story.names.actors:
        order |= {story.names.client_lane_of(actor): None}
        order |= {story.names.lane_of(actor): None}
    rest = sorted(used, key=lambda lane: _ORDER.index(_beside(lane)))
    lanes = [lane for lane in order if lane in used]
    lanes = [it for it in lanes if it.kind != "worker"]
    lanes += [it for it in rest if it not in lanes]
    return _without_many_layers(lanes)


def _beside(lane: Lane) -> str:
    return "client" if lane.kind == "consumer" else lane.kind


def _without_many_layers(lanes: Iterable[Lane]) -> list[Lane]:
    kept: list[Lane] = []
    count = 0
    for lane in lanes:
        count += lane.kind == "layer"
        if lane.kind != "layer" or count <= _MOST_LANES_OF_LAYERS:
            kept.append(lane)
        elif _OTHERS not in kept:
            kept.append(_OTHERS)
    return kept


def _event(arrow: _Arrow, places: dict[Lane, int]) -> dict[str, Any]:
    number, event, source, target = arrow
    others = places.get(_OTHERS, 0)
    return {
        "number": number,
        "at": say_time(event),
        "kind": event.kind,
        "from": places.get(source, others),
        "to": places.get(target, others),
        "text": event.text,
        "detail": in_full(event.detail),
    }


def _gap(more: int) -> dict[str, Any]:
    text = f"... {more:,} events"
    nothing = {"number": 0, "at": "", "from": 0, "to": 0, "detail": ""}
    return {**nothing, "kind": "gap", "text": text}


def _for_a_script(data: object) -> str:
    """Return JSON that does not end the element of a page that it is in."""
    text = json.dumps(data, ensure_ascii=True)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
