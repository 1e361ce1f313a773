"""The messages of one connection: taken by their operation, pings answered."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from channels_testkit.websocket.connection import is_frame, payload_of

from .protocols import KEEP_ALIVE, PING, PONG

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_testkit.asgi.application import Event
    from channels_testkit.asgi.wire import JsonWire
    from channels_testkit.running.run import TestRun
    from channels_testkit.websocket.connection import WebsocketConnection

__unittest = True


class Messages:
    """
    The GraphQL messages of one connection.

    Those that nobody has asked for stay among its unread frames.
    """

    def __init__(self, connection: WebsocketConnection, wire: JsonWire) -> None:
        self.connection = connection
        self._wire = wire
        connection.on_frame = self._answer
        for event in filter(is_frame, list(connection.unread)):
            self._answer(event)

    def find(self, fits: Callable[[dict[str, Any]], bool]) -> Event | None:
        """Return the first unread frame with a message that fits."""
        for event in self.connection.unread:
            if is_frame(event) and fits(self.message_of(event)):
                return event
        return None

    def take(self, event: Event) -> dict[str, Any]:
        """Take a frame off the connection; return its message."""
        unread = self.connection.unread
        # By identity: an equal frame may have come before.
        kept = [other for other in unread if other is not event]
        unread.clear()
        unread.extend(kept)
        return self.message_of(event)

    def message_of(self, event: Event) -> dict[str, Any]:
        """Return the message of a frame, or {} where it has none."""
        try:
            found = self._wire.decode_frame(payload_of(event))
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def has_strays(self) -> bool:
        """Tell whether an unread frame has no ``id`` of an operation."""
        frames = filter(is_frame, self.connection.unread)
        return any(not isinstance(self.message_of(it).get("id"), str) for it in frames)

    async def until(
        self, fits: Callable[[dict[str, Any]], bool], timeout: float
    ) -> None:
        """Wait for a message that fits, as long as one can come."""
        connection = self.connection
        await connection.until(
            lambda: (
                self.find(fits) is not None
                or not connection.is_open
                or connection.has_ended
            ),
            timeout,
        )
        if self.find(fits) is None:
            connection.raise_error()

    def _answer(self, event: Event) -> None:
        """Answer a ping as a client does, and leave keep-alives out."""
        message = self.message_of(event)
        kind = message.get("type")
        if kind not in {PING, PONG, KEEP_ALIVE}:
            return
        self.take(event)
        if kind == PING and self.connection.is_open:
            payload = {k: v for k, v in message.items() if k == "payload"}
            answer = self._wire.encode_frame({"type": PONG, **payload})
            self.connection.feed({"type": "websocket.receive", "text": answer})


class LoggedErrors(logging.Filter):
    """
    The exceptions of resolvers in a test, if the server logs them.

    The server catches them, and answers only with their texts. A filter does
    not change how the log is handled, and works inside ``assertLogs()``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._errors: dict[str, BaseException] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep an exception, by what it says."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self._errors[str(error)] = error
        return True

    def behind(self, texts: list[Any]) -> BaseException | None:
        """Return the exception that one of these texts is of."""
        found = (self._errors.get(text) for text in texts if isinstance(text, str))
        return next((error for error in found if error is not None), None)

    @classmethod
    def of(cls, run: TestRun) -> LoggedErrors:
        """Return the one of a test; begin to listen if none does."""
        return run.once(cls, lambda: cls._listening(run))

    @classmethod
    def _listening(cls, run: TestRun) -> LoggedErrors:
        logger, raised = logging.getLogger("strawberry.execution"), cls()
        logger.addFilter(raised)
        run.add_cleanup(logger.removeFilter, raised)
        return raised
