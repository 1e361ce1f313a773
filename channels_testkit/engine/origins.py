"""Where code was started, and by whom."""

from __future__ import annotations

import contextvars
import sys
from typing import Protocol

from channels_testkit.timeline.recording import Actor

#: A layer's own function, who calls it, and enough to see a test's runner.
_CALLERS = 4


class CallersKept:
    """
    Keeps the callers of the coroutines that this thread makes in a block.

    With all callers it would be known of each whether a test has made it. Of
    four, each takes some 0.2 microseconds.
    """

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before = sys.get_coroutine_origin_tracking_depth()
        sys.set_coroutine_origin_tracking_depth(max(self._before, _CALLERS))

    def __exit__(self, *exc_info: object) -> None:
        sys.set_coroutine_origin_tracking_depth(self._before)


class Owner(Actor, Protocol):
    """An actor of the timeline, and what exceptions say of it."""

    @property
    def in_words(self) -> str:
        """How a note calls it."""

    @property
    def transcript(self) -> object | None:
        """What has crossed it, if that is recorded."""


class Source(Protocol):
    """What an exception may come from: a task, a thread job or the like."""

    def note_on(self, error: BaseException) -> None:
        """Add to an exception that it comes from there."""


#: In the context of an application: which run of it this is.
OWNER: contextvars.ContextVar[Owner | None] = contextvars.ContextVar(
    "channels_testkit.owner", default=None
)


def with_consumer(consumer: object, words: str) -> str:
    """Return how a note calls an owner, by its consumer where there is one."""
    return words if consumer is None else f"{type(consumer).__name__}, {words}"


def called(owner: Owner | None) -> str:
    """Return what a schedule calls who does something."""
    return "the test" if owner is None else owner.label
