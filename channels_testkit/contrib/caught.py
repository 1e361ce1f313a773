"""Exceptions that a framework catches, and what a test's clients share."""

from __future__ import annotations

import contextlib
import logging
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from channels_testkit.run import TestRun

    from .pages import Page
    from .turns import Turn

__unittest = True


class Caught(logging.Handler):
    """Takes the exceptions that a framework has caught and logged."""

    def __init__(self, test: TestRun) -> None:
        super().__init__(logging.ERROR)
        self._run = test
        self._turns: list[Turn] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Give an exception to the turn under way, or else to the test."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return
        if self._turns:
            self._turns[-1].errors.append(error)
        else:
            self._run.errors.record(error)

    @contextlib.contextmanager
    def during(self, turn: Turn) -> Iterator[None]:
        """Give what is caught to a turn."""
        self._turns.append(turn)
        try:
            yield
        finally:
            self._turns.remove(turn)


class ForTest:
    """What the clients of one kind of page share in a test."""

    def __init__(self, test: TestRun, kind: type[Page]) -> None:
        self.caught = Caught(test)
        with contextlib.ExitStack() as stack:
            self.held: Any = stack.enter_context(kind.for_test(test))
            for name in kind.error_loggers:
                logger = logging.getLogger(name)
                logger.addHandler(self.caught)
                stack.callback(logger.removeHandler, self.caught)
            test.case.addCleanup(stack.pop_all().close)  # type: ignore[attr-defined]

    @classmethod
    def of(cls, test: TestRun, kind: type[Page]) -> ForTest:
        """Return it; put it in place where that has not been done."""
        shared = _shared.setdefault(test, {})
        if kind not in shared:
            shared[kind] = cls(test, kind)
        return shared[kind]


_shared: weakref.WeakKeyDictionary[TestRun, dict[type[Page], ForTest]] = (
    weakref.WeakKeyDictionary()
)
