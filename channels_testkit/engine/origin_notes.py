"""Notes that say whose an exception is, and where its code was started."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from channels_testkit.exceptions import REFUSED_SENDS

from . import places
from .jobs import current_owner
from .notes import put_note, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .jobs import Job
    from .origins import Owner
    from .places import Line

A_JOB = "a thread job"
A_TASK = "a task"


class _OriginNote(str):
    """What an exception has once, also where it is raised again."""

    __slots__ = ()


class Origin(NamedTuple):
    """A task, a thread job or the like: whose it is, and who started it."""

    what: str
    owner: Owner | None = None
    #: Who has started it, from the inside.
    callers: Sequence[Line] = ()

    @classmethod
    def here(cls, what: str) -> Origin:
        """Return that of something which this code starts."""
        caller = places.caller()
        return cls(what, current_owner(), () if caller is None else (caller,))

    @classmethod
    def of_job(cls, job: Job) -> Origin:
        """Return that of a job which this code gives to a thread."""
        if [it.f_code for it in job.awaiters[:1]] == [places.SYNC_TO_ASYNC]:
            # That always awaits it, and its own line is in the traceback.
            return cls(A_JOB, job.owner)
        return cls.here(A_JOB)

    @classmethod
    def of(cls, coroutine: object) -> Origin:
        """Return that of a task which this code makes of a coroutine."""
        callers = getattr(coroutine, "cr_origin", None)
        return cls(A_TASK, current_owner(), callers or ())

    def note_on(self, error: BaseException) -> None:
        """Add to an exception where it comes from."""
        line = places.first_of_project(self.callers)
        started = "" if line is None else f" started at {places.in_words(line)}"
        inside = f"in {self.what}{started}"
        if self.owner is None:
            _put_note(error, f"Raised {inside}.", None)
        else:
            _put_note(error, f"Raised by {self.owner.in_words}, {inside}.", self.owner)


def note_owner(error: BaseException, owner: Owner) -> None:
    """Add to an exception whose it is, and what has happened before."""
    _put_note(error, f"Raised by {owner.in_words}.", owner)


def _put_note(error: BaseException, text: str, owner: Owner | None) -> None:
    # A breach of the protocol says all of this by itself.
    if isinstance(error, REFUSED_SENDS):
        return
    put_note(error, _OriginNote(text))
    transcript = "" if owner is None else str(owner.transcript or "")
    if transcript and transcript not in text_of(error):
        put_note(error, _OriginNote(f"{text}\n\n{transcript}"))
