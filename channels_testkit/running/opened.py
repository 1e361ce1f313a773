"""What is opened during a test, and closed at its end."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from .error_kinds import kind_of_error

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from channels_testkit.engine.errors import ApplicationErrors

__unittest = True


class Opened(Protocol):
    """
    What registers with a run when it is opened, so that the run closes it.

    A communicator, the worker consumers of a test, or anything else that
    runs on the test's loop.
    """

    @property
    def label(self) -> str:
        """How failures call it."""

    @property
    def needs_closing(self) -> bool:
        """Whether it is still open."""

    async def close(self) -> None:
        """End it as its user would; cancel what does not end by itself."""

    @property
    def unfinished(self) -> str | None:
        """The event after which its application did not end, if it did not."""

    @property
    def channel(self) -> str | None:
        """The channel of its own that must be in no group afterwards."""

    @property
    def way_to_leave(self) -> str:
        """What would have taken that channel out of its groups."""

    def unread(self) -> tuple[int, object]:
        """Take the unread frames: how many, and the record of them."""


class Closing(Protocol):
    """What is asked of the run that closes them."""

    errors: ApplicationErrors
    add_cleanup: Callable[..., object]
    #: Of which kinds the exceptions are that the test has raised.
    kinds_raised: set[object]

    def run_work(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a kit coroutine."""

    def forget_revoked(self) -> None:
        """Judge nothing of what comes next: connections are being closed."""


class AllOpened:
    """All that one test has opened, in order."""

    def __init__(self, run: Closing) -> None:
        self._run = run
        self.items: list[Opened] = []
        self._last: list[Opened] = []

    def register(self, opened: Opened, *, is_last: bool = False) -> None:
        """Close something when the test ends; what is last, after others."""
        if is_last:
            self._last.append(opened)
            return
        self.items.append(opened)
        self._run.add_cleanup(self._close, opened)

    def _close(self, opened: Opened) -> None:
        if not opened.needs_closing:
            return
        self._run.forget_revoked()
        try:
            self._run.run_work(opened.close())
            self._run.errors.deliver()
        except Exception as error:
            is_known = kind_of_error(error) in self._run.kinds_raised
            # Those like one that was raised are reported together at the end.
            if not is_known or not self._run.errors.take_back(error):
                raise

    def close_all(self) -> None:
        """Close all but the last, in reverse order."""
        if any(opened.needs_closing for opened in self.items):
            self._run.run_work(self.aclose_all())
            self._run.errors.deliver()

    async def aclose_all(self) -> None:
        """Close all but the last, in reverse order."""
        self._run.forget_revoked()
        async with contextlib.AsyncExitStack() as to_close:
            for opened in self.items:
                if opened.needs_closing:
                    to_close.push_async_callback(opened.close)
        self._run.errors.deliver()

    def close_last(self) -> None:
        """Close what is closed after all others."""
        for opened in self._last:
            if opened.needs_closing:
                self._run.run_work(opened.close())
