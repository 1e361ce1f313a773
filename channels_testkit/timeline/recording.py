"""
What happens in a test, as it happens: short entries, one after another.

An entry is what was there anyway, and the function that puts it into words
when the timeline is read.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    #: Adds to a story what an entry is about; takes the story and the facts.
    Tell = Callable[..., object]

#: How many entries are kept: the first ones, and the last ones.
KEPT_FIRST = 200
KEPT_LAST = 10_000

_in_place: list[Recording] = []


class Actor(Protocol):
    """One run of an application, for a client or a channel."""

    @property
    def label(self) -> str:
        """How failures call it."""

    @property
    def consumer(self) -> object | None:
        """The consumer behind it, if it has led to one."""

    @property
    def has_client(self) -> bool:
        """Whether it is that of a client, or else that of a worker."""

    @property
    def is_live(self) -> bool:
        """Whether a server runs it beside the test."""


class Entry(NamedTuple):
    """Something that has happened, and when, in seconds."""

    at: float
    #: Whether that is virtual time, since this began, or else real time,
    #: since the test began.
    is_virtual: bool
    #: None is the test.
    actor: Actor | None
    tell: Tell
    facts: tuple[Any, ...]


class Recording:
    """
    The entries of one test, in order, which any thread may add.

    ``first`` are those from its beginning, ``most_first`` how many that are.
    """

    def __init__(
        self,
        # Packages that move time do not find this one here.
        clock: Callable[[], float] = time.perf_counter,
        *,
        first: int = KEPT_FIRST,
        last: int = KEPT_LAST,
    ) -> None:
        self._clock = clock
        self._began = clock()
        #: Returns the time that it goes by, in seconds.
        self.now = clock
        self.is_virtual = False
        self.most_first = first
        # Plain tuples: the collector of garbage looks at each object often.
        self.first: list[tuple[Any, ...]] = []
        self._last: deque[tuple[Any, ...]] = deque(maxlen=last)
        self._numbers = itertools.count(1)
        self._count_last = 0

    def keep_last(self, entry: tuple[Any, ...]) -> None:
        """Keep an entry, as the last one of many."""
        self._count_last = next(self._numbers)
        self._last.append(entry)

    def follow(self, elapsed: Callable[[], float] | None) -> None:
        """Go by virtual time, in seconds, or by real time again."""
        self.is_virtual = elapsed is not None
        self.now = self._clock if elapsed is None else elapsed

    @property
    def is_empty(self) -> bool:
        """Whether nothing has happened so far."""
        return not self.first

    @property
    def parts(self) -> tuple[list[Entry], int, list[Entry]]:
        """The first entries, how many are not kept, and the last ones."""
        first, last = map(self._read, (self.first, self._last))
        return first, max(0, self._count_last - len(last)), last

    def _read(self, kept: Collection[tuple[Any, ...]]) -> list[Entry]:
        entries = []
        for at, is_virtual, actor, tell, *facts in tuple(kept):
            seconds = at if is_virtual else at - self._began
            entries.append(Entry(seconds, is_virtual, actor, tell, tuple(facts)))
        return entries

    # It takes note of what happens in a block.

    def __enter__(self) -> None:
        _in_place.append(self)

    def __exit__(self, *exc_info: object) -> None:
        _in_place.remove(self)


def record(actor: Actor | None, tell: Tell, *facts: Any) -> None:
    """Record that an actor does something, if a test of the kit runs."""
    if not _in_place:
        return
    recording = _in_place[-1]
    entry = (recording.now(), recording.is_virtual, actor, tell, *facts)
    if len(recording.first) < recording.most_first:
        recording.first.append(entry)
    else:
        recording.keep_last(entry)


def is_recording() -> bool:
    """Tell whether a test of the kit runs."""
    return bool(_in_place)
