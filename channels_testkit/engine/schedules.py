"""
Which of several events comes first: the choices of one run.

Where the loop has nothing to do and more than one event may come next, a
schedule chooses. Its usual choice is the oldest; another one is a departure.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from channels_testkit.timeline.timeline import Timeline


class Option(NamedTuple):
    """
    An event that may come next.

    ``source`` is where it comes from: what comes from one source stays in
    order. ``text`` says what happens, in the words of the application.
    """

    source: object
    text: str


class Step(NamedTuple):
    """What came next, and what else might have."""

    place: int
    text: str
    others: tuple[str, ...]


class Strategy(Protocol):
    """Chooses among events, the oldest of which is the first."""

    def choose(self, options: Sequence[Option]) -> int:
        """Return the place of the event that comes next."""


class Usual:
    """The usual order: the oldest event comes first."""

    def choose(self, options: Sequence[Option]) -> int:
        """Return the place of the oldest event."""
        del options
        return 0


class Random:
    """Any event with equal chance."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def choose(self, options: Sequence[Option]) -> int:
        """Return the place of any event."""
        return self._random.randrange(len(options))


class Priorities:
    """
    Sources with priorities that change at few places (PCT).

    It finds what needs one source to be late for long: a source stays behind
    all others until it is the only one.
    """

    def __init__(self, seed: str, *, length: int, changes: int = 2) -> None:
        self._random = random.Random(seed)
        self._priorities: dict[object, float] = {}
        places = range(1, max(length, changes + 1) + 1)
        self._changes = set(self._random.sample(places, changes))
        self._count = 0
        self._lowest = 0.0

    def choose(self, options: Sequence[Option]) -> int:
        """Return the place of the event whose source has most priority."""
        self._count += 1
        for option in options:
            if option.source not in self._priorities:
                self._priorities[option.source] = 1 + self._random.random()
        if self._count in self._changes:
            self._lowest -= 1
            top = self._top(options)
            self._priorities[options[top].source] = self._lowest
        return self._top(options)

    def _top(self, options: Sequence[Option]) -> int:
        places = range(len(options))
        return max(places, key=lambda it: self._priorities[options[it].source])


class Replayed:
    """Choices that were made before; the usual one where there is none."""

    def __init__(self, places: Sequence[int]) -> None:
        self._places = list(places)
        self._count = 0

    def choose(self, options: Sequence[Option]) -> int:
        """Return the place that was chosen before."""
        self._count += 1
        if self._count > len(self._places):
            return 0
        place = self._places[self._count - 1]
        return place if place < len(options) else 0


class Schedule:
    """
    The choices of one run, which are made where there is one to make.

    ``steps`` is what came, in order, and ``waiting_at_failure`` what had not
    when the test failed.
    """

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self.steps: list[Step] = []
        self.waiting_at_failure: list[str] = []
        #: Says what has not come yet.
        self.say_waiting: Callable[[], list[str]] = list
        self._count_at_failure: int | None = None
        #: What has happened in the run, if the test has failed.
        self.timeline: Timeline | None = None

    def note_failure(self) -> None:
        """Note that the test has failed: what comes now is its tear-down."""
        if self._count_at_failure is None:
            self._count_at_failure = len(self.steps)
            self.waiting_at_failure = self.say_waiting()

    @property
    def steps_to_failure(self) -> list[Step]:
        """What came before the test failed, or all of it."""
        return self.steps[: self._count_at_failure]

    @property
    def places(self) -> list[int]:
        """What was chosen, of the choices that there were."""
        return [step.place for step in self.steps if step.others]

    def again(self) -> Schedule:
        """Return one that makes the same choices."""
        return Schedule(Replayed(self.places))

    def choose(self, options: Sequence[Option]) -> int:
        """Return the place of the event that comes next."""
        place = self._strategy.choose(options) if len(options) > 1 else 0
        others = tuple(it.text for n, it in enumerate(options) if n != place)
        self.steps.append(Step(place, options[place].text, others))
        return place
