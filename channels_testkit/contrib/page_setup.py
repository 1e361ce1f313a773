"""What a test sets up for its page clients: listening to logs, and more."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from channels_testkit.running.run import TestRun

    from .page_turns import Turn

__unittest = True


class LoggedExceptions(logging.Handler):
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


class SharedSetup(Protocol):
    """A kind of page whose clients share something in a test."""

    error_loggers: tuple[str, ...]

    @classmethod
    def for_test(cls, test: TestRun) -> contextlib.AbstractContextManager[Any]:
        """Hold what has to be in place for a test, once for its clients."""


class PageSetup:
    """What the clients of one kind of page share in a test."""

    def __init__(self, test: TestRun, kind: type[SharedSetup]) -> None:
        self.caught = LoggedExceptions(test)
        with contextlib.ExitStack() as stack:
            self.held: Any = stack.enter_context(kind.for_test(test))
            for name in kind.error_loggers:
                logger = logging.getLogger(name)
                logger.addHandler(self.caught)
                stack.callback(logger.removeHandler, self.caught)
            test.add_cleanup(stack.pop_all().close)

    @classmethod
    def of(cls, test: TestRun, kind: type[SharedSetup]) -> PageSetup:
        """Return it; put it in place where that has not been done."""
        return test.once((cls, kind), lambda: cls(test, kind))
