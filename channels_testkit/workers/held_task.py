"""One background task that a test holds."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from channels_testkit.matching.wording import MAX_LISTED, say, shorten

if TYPE_CHECKING:
    import datetime as dt

__unittest = True

#: The characters of one argument.
_WIDTH = 60


@dataclasses.dataclass(eq=False)
class HeldTask:
    """
    A task that the project has enqueued, and that the test holds.

    ``args`` and ``kwargs`` are what a worker gets, after the queue's
    serializer. ``in_atomic_block`` is true if it was enqueued inside an
    ``atomic()`` that is not the test case's own, so that a worker could look
    for rows before they are committed. ``eta`` is the time before which a
    worker would not run it, ``retries`` how often it has retried.
    ``sequence`` grows with each task that is enqueued and each message that
    is sent on a layer. ``runs`` is how often the test has run it, and
    ``is_revoked`` is true if it was revoked before it ran.
    """

    name: str
    args: list[Any]
    kwargs: dict[str, Any]
    queue: str | None
    priority: int | None
    eta: dt.datetime | None
    retries: int
    in_atomic_block: bool
    sequence: int
    #: How often it was run.
    runs: int = dataclasses.field(default=0, init=False)
    #: Whether it was revoked before it was run.
    is_revoked: bool = dataclasses.field(default=False, init=False)

    #: None: what happens to it is in the queue. See ``engine.origins.Owner``.
    transcript = None
    #: Of a task as an actor of the timeline: it has neither.
    consumer = None
    has_client = is_live = False

    @property
    def label(self) -> str:
        """How the timeline calls it."""
        return f"task {self.name}"

    def put_back_as(self, new: HeldTask) -> None:
        """Take what a worker gets next time; who has enqueued it stays."""
        for name in ("args", "kwargs", "queue", "priority", "eta", "retries"):
            setattr(self, name, getattr(new, name))

    @property
    def in_words(self) -> str:
        """How notes on exceptions call it."""
        return f"the task {self}"

    def __str__(self) -> str:
        """Return the call that a worker makes, and which attempt it is."""
        given = [say(it, _WIDTH) for it in self.args[:MAX_LISTED]]
        given += [f"{key}={say(it, _WIDTH)}" for key, it in self.kwargs.items()]
        call = shorten(f"{self.name}({', '.join(given)})")
        return f"{call}, retry {self.retries}" if self.retries else call

    def __repr__(self) -> str:
        atomic = ", in an atomic block" if self.in_atomic_block else ""
        return f"<task {self}{atomic}>"
