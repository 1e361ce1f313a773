"""The messages that a worker consumer had been given when it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .failures import lost

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_testkit.asgi.application import Event


class LostBacklog:
    """
    Messages that are lost with a worker consumer, and a text about them.

    On Python 3.11 and later, the exception that has ended the consumer has the
    text as a note. Other failures of the test have it as a remark.
    """

    def __init__(
        self,
        channel: str,
        error: BaseException | None,
        remark: Callable[[object], object],
    ) -> None:
        self._channel = channel
        self._error = error
        self._remark = remark
        self._messages: list[Event] = []
        self._note: str | None = None

    def __str__(self) -> str:
        return lost(self._channel, self._messages, self._error)

    def add(self, *messages: Event) -> None:
        """Take note of messages, if there are any."""
        if not messages:
            return
        if not self._messages:
            self._remark(self)
        self._messages += messages
        self._put_note()

    def _put_note(self) -> None:
        add_note = getattr(self._error, "add_note", None)
        if add_note is None:
            return
        notes = getattr(self._error, "__notes__", [])
        if self._note in notes:
            notes.remove(self._note)
        self._note = str(self)
        add_note(self._note)
