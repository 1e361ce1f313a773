"""Jobs of the pools of multiprocessing, the one of threads among them."""

from __future__ import annotations

import time
import weakref
from multiprocessing.pool import ApplyResult
from typing import TYPE_CHECKING, Any

from channels_testkit.engine import private
from channels_testkit.engine.origin_notes import A_JOB, Origin

if TYPE_CHECKING:
    from types import TracebackType

    from channels_testkit.engine.errors import ApplicationErrors

_SECONDS_TO_END = 0.1


class PoolResults:
    """Reports failed jobs whose result no code has got."""

    def __init__(self, errors: ApplicationErrors) -> None:
        self._errors = errors
        #: Those of the application, and where each comes from.
        self._results: weakref.WeakKeyDictionary[Any, Origin] = (
            weakref.WeakKeyDictionary()
        )
        self._checked: weakref.WeakSet[Any] = weakref.WeakSet()
        # Those that failed. To be raised again changes an exception's
        # traceback.
        self._failed: dict[Any, tuple[BaseException, TracebackType | None]] = {}

    def follow(self, result: object) -> None:
        """Take note of a result that is to come."""
        self._results[result] = Origin.here(A_JOB)

    def note(self, result: object, has_succeeded: bool, value: Any) -> None:
        """Take note of what came of a job, unless a callback gets it."""
        is_silent = not (has_succeeded or private.has_error_callback(result))
        if is_silent and result in self._results:
            # Of several jobs that were given in one call, the first.
            self._failed.setdefault(result, (value, value.__traceback__))

    def note_checked(self, result: object) -> None:
        """Take note that code checks whether a job has failed."""
        self._checked.add(result)

    def look(self) -> None:
        """Report those that failed, and that no code has checked."""
        deadline = time.monotonic() + _SECONDS_TO_END
        for result in list(self._results):
            if isinstance(result, ApplyResult):
                result.wait(max(0.0, deadline - time.monotonic()))
        while self._failed:
            result, (error, traceback) = self._failed.popitem()
            if error.__traceback__ is traceback and result not in self._checked:
                self._results[result].note_on(error)
                self._errors.record(error)
