"""Finding a schedule under which a test fails, and shrinking it."""

from __future__ import annotations

import functools
import itertools
import random
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from channels_testkit.engine.schedules import (
    Priorities,
    Random,
    Replayed,
    Schedule,
    Usual,
)

from .exploration import SEED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .exploration import Exploration

    #: Runs the test once; returns what it has raised.
    RunOnce = Callable[[Schedule], BaseException | None]

_MOST_TRIES = 200


@dataclass
class Failure:
    """A schedule under which the test fails, and what it has raised."""

    seed: int
    schedule: Schedule
    error: BaseException

    @property
    def departures(self) -> int:
        """How often it departs from the usual order."""
        return sum(1 for step in self.schedule.steps_to_failure if step.place)


def find_failure(
    exploration: Exploration, run_once: RunOnce, *, name: str
) -> Failure | None:
    """Run a test under schedules until it fails; shrink what was found."""
    if exploration.seed is not None:
        _tell_of_replay(exploration.seed)
    state = random.getstate()
    had_choice = False
    try:
        for seed, schedule in _schedules(exploration, name):
            random.seed(seed)
            error = run_once(schedule)
            if error is not None:
                return Shrinking(Failure(seed, schedule, error), run_once).shrunk()
            had_choice = had_choice or bool(schedule.places)
    finally:
        random.setstate(state)
    if not (had_choice or exploration.is_of_class):
        _tell_of_no_choice(exploration, name)
    return None


@functools.cache
def _tell_of_replay(seed: int) -> None:
    """Say so once: without it, a forgotten variable looks like success."""
    sys.stderr.write(f"{SEED}={seed}: one schedule of each explored test.\n")


def _tell_of_no_choice(exploration: Exploration, name: str) -> None:
    hint = (
        ""
        if exploration.sends_overlap
        else " sends_overlap=True lets the sends of clients overlap."
    )
    sys.stderr.write(
        f"{name}: every schedule was the same, since no two events were ever under way"
        f" at the same time.{hint}\n"
    )


def _schedules(exploration: Exploration, name: str) -> Iterator[tuple[int, Schedule]]:
    if exploration.strategy == "all":
        yield from _all_schedules(exploration, name)
        return
    # First and in a replay too: others depend on its length, known afterwards.
    usual = Schedule(Usual())
    yield 0, usual
    replayed = exploration.seed
    seeds = range(1, exploration.schedules) if replayed is None else [replayed]
    for seed in filter(None, seeds):
        yield seed, _with_seed(exploration, seed, len(usual.places))


def _with_seed(exploration: Exploration, seed: int, length: int) -> Schedule:
    # Each other one: some races need any change, others a late source.
    if exploration.strategy == "pct" or seed % 2 == 0:
        return Schedule(Priorities(f"pct:{seed}", length=max(length, 8)))
    return Schedule(Random(f"random:{seed}"))


def _all_schedules(
    exploration: Exploration, name: str
) -> Iterator[tuple[int, Schedule]]:
    """Yield every schedule with few departures, the fewest first."""
    waiting: list[list[int]] = [[]]
    seed = 0
    while waiting and seed < exploration.schedules:
        prefix = waiting.pop(0)
        schedule = Schedule(Replayed(prefix))
        yield seed, schedule
        seed += 1
        if sum(map(bool, prefix)) < exploration.bound:
            waiting += _departures(schedule, len(prefix))
    end = "stopped" if waiting else "complete"
    which = "of more" if waiting else "all"
    most = departures_in_words(exploration.bound)
    sys.stderr.write(
        f"{name}: {end} after {seed} schedules, {which} with at most {most}.\n"
    )


def _departures(schedule: Schedule, begin: int) -> Iterator[list[int]]:
    """Yield what is as a schedule but for one departure after some choices."""
    choices = [step for step in schedule.steps if step.others]
    places = [step.place for step in choices]
    for number, step in itertools.islice(enumerate(choices), begin, None):
        for place in range(1, len(step.others) + 1):
            yield [*places[:number], place]


class Shrinking:
    """Looks for as few departures as a failure needs."""

    def __init__(self, found: Failure, run_once: RunOnce) -> None:
        self._found = found
        self._run_once = run_once

    def shrunk(self) -> Failure:
        """Return the failure with the fewest departures that were found."""
        if self._found.departures and not self._needs_at_most_one():
            self._take_back()
        return self._found

    def _fails(self, schedule: Schedule) -> bool:
        """Tell whether the test fails so too, and keep it if it does."""
        random.seed(self._found.seed)
        error = self._run_once(schedule)
        if error is None or type(error) is not type(self._found.error):
            return False
        self._found = Failure(self._found.seed, schedule, error)
        return True

    def _needs_at_most_one(self) -> bool:
        """Try the usual order, and each single departure from it."""
        usual = Schedule(Usual())
        if self._fails(usual):
            return True
        single = itertools.islice(_departures(usual, 0), _MOST_TRIES)
        return any(self._fails(Schedule(Replayed(places))) for places in single)

    def _take_back(self) -> None:
        """Take back departures, many at a time and then one by one."""
        tries = _MOST_TRIES
        size = len(self._found.schedule.places)
        while size >= 1:
            begin = 0
            while begin < len(self._found.schedule.places) and tries > 0:
                candidates = _without(self._found.schedule.places, begin, size)
                tries -= len(candidates)
                if not any(self._fails(Schedule(Replayed(it))) for it in candidates):
                    begin += size
            size //= 2


def _without(places: list[int], begin: int, size: int) -> list[list[int]]:
    """Return choices without the departures of one part, if it has any."""
    before, part, after = (
        places[:begin],
        places[begin : begin + size],
        places[begin + size :],
    )
    if not any(part):
        return []
    usual = [*before, *[0] * len(part), *after]
    # A departure may have brought a choice that there is not without it.
    return [usual] if size > 1 else [usual, [*before, 0, *after[1:]]]


def departures_in_words(count: int) -> str:
    """Return a number of departures, in words."""
    return f"{count} departure{'s' if count != 1 else ''}"
