"""Assertions that judge what happens inside a ``with`` block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.engine.errors import ExpectedErrors
from channels_testkit.engine.numbers import next_number
from channels_testkit.matching.wording import say

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import TracebackType

    from channels_testkit.layers.sent import Sent
    from channels_testkit.running.run import TestRun

    Judge = Callable[[int], Any]

__unittest = True


class SentBlock:
    """
    An assertion about what is sent inside a ``with`` block.

    It judges what has a greater number than the one it is given.
    """

    def __init__(self, ensure_rest: Callable[[], object], judge: Judge) -> None:
        self._ensure_rest = ensure_rest
        self._judge = judge
        self._found: list[Sent] = []
        self.was_entered = False

    def __enter__(self) -> list[Sent]:
        self.was_entered = True
        self._ensure_rest()
        self._since = next_number()
        return self._found

    def __exit__(self, kind: object, *exc_info: object) -> None:
        __tracebackhide__ = True
        if kind is not None:
            return
        found = self._judge(self._since)
        self._found += found if isinstance(found, list) else [found]


class UndeliveredBlock(SentBlock):
    """A block whose messages are captured, and put on no channel."""

    def __init__(
        self,
        ensure_rest: Callable[[], object],
        judge: Judge,
        capture: Callable[[], AbstractContextManager[None]],
    ) -> None:
        super().__init__(ensure_rest, judge)
        self._capture = capture
        self._entered: list[AbstractContextManager[None]] = []

    def __enter__(self) -> list[Sent]:
        found = super().__enter__()
        capturing = self._capture()
        capturing.__enter__()
        self._entered.append(capturing)
        return found

    def __exit__(self, kind: object, *exc_info: object) -> None:
        __tracebackhide__ = True
        try:
            super().__exit__(kind, *exc_info)
        finally:
            self._entered.pop().__exit__(None, None, None)


if TYPE_CHECKING:
    # A call and a ``with`` block are one call to type checkers.

    class SentOrBlock(Sent, SentBlock):
        """An entry, or the block."""

    class AllSentOrBlock(list[Sent], SentBlock):
        """Entries, or the block."""


class ApplicationRaises:
    """The block of ``assertApplicationRaises()``."""

    def __init__(self, run: TestRun, kinds: Any, failure: type[BaseException]) -> None:
        self._run = run
        self._failure = failure
        self._expected = ExpectedErrors(kinds)
        self.was_entered = False

    def __enter__(self) -> ExpectedErrors:
        self.was_entered = True
        self._run.ensure_rest()
        self._run.errors.expect(self._expected)
        return self._expected

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        __tracebackhide__ = True
        try:
            if kind is None:
                self._run.ensure_rest()
                if not self._expected.exceptions:
                    waited = self._run.outside.wait(lambda: self._expected.exceptions)
        finally:
            self._run.errors.expect_no_more(self._expected)
        if kind is None and not self._expected.exceptions:
            raise self._failure(_nothing_raised(self._expected.kinds) + waited)
        return any(error is expected for expected in self._expected.exceptions)


def check_exception_classes(kinds: object) -> None:
    """Raise ``TypeError`` for what ``except`` would not take."""
    classes = kinds if isinstance(kinds, tuple) else (kinds,)
    for kind in classes:
        if not isinstance(kind, type) or not issubclass(kind, BaseException):
            raise TypeError(
                f"assertApplicationRaises() takes exception classes, not {say(kind)}."
            )


def _nothing_raised(kinds: Any) -> str:
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    names = " or ".join(kind.__name__ for kind in kinds)
    return f"The application did not raise {names}."
