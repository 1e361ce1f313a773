"""``explore_schedules()``: a test under many schedules, till one fails."""

from __future__ import annotations

import itertools
import os
import random
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from channels_testkit.engine.schedules import (
    Priorities,
    Random,
    Replayed,
    Schedule,
    Usual,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    #: Runs the test once; returns what it has raised.
    RunOnce = Callable[[Schedule], BaseException | None]

T = TypeVar("T")

StrategyName = Literal["random", "pct", "all"]
SEED = "CHANNELS_TESTKIT_SEED"
_MARK = "_channels_testkit_exploration"
_MOST_TRIES = 200
_MOST_LINES = 40


def _asked_seed() -> int | None:
    """Return the seed that the environment asks for."""
    text = os.environ.get(SEED)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ValueError(
            f"{SEED} is the number that a failure prints, such as 7, not {text!r}."
        )
    return int(text)


@dataclass(frozen=True)
class Exploration:
    """What ``explore_schedules()`` was told."""

    schedules: int = 200
    strategy: StrategyName = "random"
    bound: int = 2
    sends_overlap: bool = False
    seed: int | None = field(default_factory=_asked_seed)

    def __post_init__(self) -> None:
        for name in ("schedules", "bound"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise TypeError(
                    f"explore_schedules() takes a number of {name}, not {value!r}."
                )
        if self.strategy not in get_args(StrategyName):
            known = ", ".join(map(repr, get_args(StrategyName)))
            raise ValueError(
                f"The strategy of explore_schedules() is one of {known}, not"
                f" {self.strategy!r}."
            )


def explore_schedules(
    schedules: int = 200,
    *,
    strategy: StrategyName = "random",
    bound: int = 2,
    sends_overlap: bool = False,
) -> Callable[[T], T]:
    """
    Run a test under many orders of events that production could have.

    It decorates a test method, a test function, or a class, for each test of
    it. Each schedule is a run of its own: with a transaction, layers, clients,
    ``setUp()`` and function-scoped fixtures. The first is the usual order,
    without the decorator; all run in virtual time. The first that fails is
    shrunk to few departures from the usual order, and told with what the test
    has raised.

    ``strategy`` is ``"random"``, ``"pct"``, which keeps few sources of events
    late for long, or ``"all"``: every schedule with at most ``bound``
    departures, as far as ``schedules`` go. With ``sends_overlap`` a client's
    sends and disconnects return before the application is at rest, so that
    those of several clients are under way at the same time.

    Raises ``TypeError`` and ``ValueError`` for options that mean nothing, and
    for a ``CHANNELS_TESTKIT_SEED`` that is no number. The test fails where
    work outside of its loop is under way.

    Example::

        class RoomTests(WebsocketTestCase):
            @explore_schedules(sends_overlap=True)
            def test_both_are_heard(self):
                ann, ben = self.connect_many(2, "/ws/room/1/")
                ann.send_json({"message": "one"})
                ben.send_json({"message": "two"})
                self.assertEqual(len(ann.receive_all_json()), 2)
    """
    exploration = Exploration(schedules, strategy, bound, sends_overlap)

    def mark(test: T) -> T:
        setattr(test, _MARK, exploration)
        return test

    return mark


def exploration_of(*marked: Any) -> Exploration | None:
    """Return what the first of these is marked with that is marked."""
    for it in marked:
        found: Exploration | None = getattr(it, _MARK, None)
        if found is not None:
            return found
    return None


@dataclass
class Failure:
    """A schedule under which the test fails, and what it has raised."""

    seed: int
    schedule: Schedule
    error: BaseException


def find_failure(
    exploration: Exploration, run_once: RunOnce, *, name: str
) -> Failure | None:
    """Run a test under schedules until it fails; shrink what was found."""
    state = random.getstate()
    try:
        for seed, schedule in _schedules(exploration, name):
            random.seed(seed)
            error = run_once(schedule)
            if error is not None:
                return _shrunk(Failure(seed, schedule, error), run_once)
    finally:
        random.setstate(state)
    return None


def _schedules(exploration: Exploration, name: str) -> Iterator[tuple[int, Schedule]]:
    if exploration.strategy == "all":
        yield from _all_schedules(exploration, name)
        return
    # First and in a replay too: others depend on its length, known afterwards.
    usual = Schedule(Usual())
    yield 0, usual
    asked = exploration.seed
    seeds = range(1, exploration.schedules) if asked is None else [asked]
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
    most = _departures_in_words(exploration.bound)
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


def _shrunk(found: Failure, run_once: RunOnce) -> Failure:
    """Return a failure with as few departures as can be found."""
    tries = 0
    size = len(found.schedule.places)
    while size >= 1:
        begin = 0
        while begin < len(found.schedule.places) and tries < _MOST_TRIES:
            places = list(found.schedule.places)
            if not any(places[begin : begin + size]):
                begin += size
                continue
            places[begin : begin + size] = [0] * len(places[begin : begin + size])
            random.seed(found.seed)
            schedule = Schedule(Replayed(places))
            error = run_once(schedule)
            tries += 1
            if type(error) is type(found.error) and error is not None:
                found = Failure(found.seed, schedule, error)
            else:
                begin += size
        size //= 2
    return found


def report(found: Failure, exploration: Exploration) -> str:
    """Return what is said of a schedule, below what the test has raised."""
    steps = found.schedule.steps_to_failure
    lines = [
        f"This test fails under schedule {found.seed} of {exploration.schedules}:"
        f" {SEED}={found.seed} replays it.",
        _verdict(sum(1 for step in steps if step.place)),
        "",
    ]
    start = max(0, len(steps) - _MOST_LINES)
    if start:
        lines.append(f"     ... {start} earlier events")
    for number, step in enumerate(steps[start:], start + 1):
        mark = f"\n          <== ahead of: {step.others[0]}" if step.place else ""
        lines.append(f"  {number:>4}  {step.text}{mark}")
    return "\n".join(lines)


def _verdict(departures: int) -> str:
    if not departures:
        return "What was under way at the same time came in the usual order:"
    return f"Shrunk to {_departures_in_words(departures)} from the usual order:"


def _departures_in_words(count: int) -> str:
    return f"{count} departure{'s' if count != 1 else ''}"
