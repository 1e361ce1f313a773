"""What is said of a schedule under which a test fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exploration import SEED
from .schedule_search import departures_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .exploration import Exploration
    from .schedule_search import Failure

_MOST_LINES = 40
_MOST_WAITING = 10
_OUTLIVES = (
    "Just before, the test passed without schedules. If that was the same order, some"
    " state outlives a run: a global variable, a class attribute, a cache."
)


def report(found: Failure, exploration: Exploration) -> str:
    """Return what is said of a schedule, below what the test has raised."""
    steps = found.schedule.steps_to_failure
    count = exploration.schedules
    of_all = f" of {count}" if found.seed < count else ""
    lines = [
        f"This test fails under schedule {found.seed}{of_all}:"
        f" {SEED}={found.seed} replays it.",
        _verdict(found.departures),
        "",
    ]
    start = max(0, len(steps) - _MOST_LINES)
    if start:
        lines.append(f"     ... {start} earlier events")
    for number, step in enumerate(steps[start:], start + 1):
        mark = f"\n          <== ahead of: {step.others[0]}" if step.place else ""
        lines.append(f"  {number:>4}  {step.text}{mark}")
    lines += _not_come(found.schedule.waiting_at_failure)
    if not (found.seed or found.departures or exploration.sends_overlap):
        lines += ["", _OUTLIVES]
    return "\n".join(lines)


def _not_come(waiting: Sequence[str]) -> list[str]:
    if not waiting:
        return []
    lines = [f"        {text}" for text in waiting[:_MOST_WAITING]]
    more = len(waiting) - len(lines)
    if more:
        lines.append(f"        ... {more} more")
    return [
        "",
        "Still to come when the test failed; settle() waits for it:",
        "",
        *lines,
    ]


def _verdict(departures: int) -> str:
    if not departures:
        return "Events that were under way at the same time came in the usual order:"
    return f"Shrunk to {departures_in_words(departures)} from the usual order:"
