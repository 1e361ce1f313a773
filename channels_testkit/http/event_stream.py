"""Server-sent events: a ``text/event-stream`` body, parsed as browsers do."""

from __future__ import annotations

import codecs
import json
from collections import deque
from typing import Any, NamedTuple

#: The longest time that a stream can ask for, in milliseconds.
LONGEST_TIME = 2**63 - 1


class ServerSentEvent(NamedTuple):
    """
    One event of a ``text/event-stream`` body.

    ``id`` is the last id of the stream so far, which a browser keeps, or
    ``None``; ``retry`` is in milliseconds, at most ``2**63 - 1``.

    Example::

        event = ServerSentEvent(event="note", data='{"text": "hello"}')
        self.assertEqual(event.json(), {"text": "hello"})
    """

    event: str = "message"
    data: str = ""
    id: str | None = None
    retry: int | None = None

    def json(self) -> Any:
        """Return the data decoded as JSON."""
        return json.loads(self.data)


class EventStream:
    """
    Makes events of the bytes of a body, however they are split.

    A block of lines becomes an event when its empty line has come; a block
    without data becomes none, but its id and its time to retry count.
    """

    def __init__(self, last_event_id: str | None = None) -> None:
        self.last_event_id = last_event_id
        self.retry: int | None = None
        #: The id that counts when its block ends.
        self._next_id = last_event_id
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._lines: deque[str] = deque()
        #: What has come of a line that has not ended.
        self._begun = ""
        self._ends_with_cr = False
        self._block: dict[str, Any] = {}

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        text = self._decoder.decode(chunk)
        if not text:
            return
        if self._ends_with_cr:
            # The other half of a line end that was cut in two.
            text = text.removeprefix("\n")
        self._ends_with_cr = text.endswith("\r")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        *lines, self._begun = f"{self._begun}{text}".split("\n")
        self._lines.extend(lines)

    def take(self) -> ServerSentEvent | None:
        """Return the next event, or ``None`` while there is none."""
        while self._lines:
            line = self._lines.popleft()
            if line:
                self._read(line)
                continue
            block, self._block = self._block, {}
            self.last_event_id = self._next_id
            if "data" in block:
                block["data"] = "\n".join(block["data"])
                return ServerSentEvent(id=self.last_event_id, **block)
        return None

    def _read(self, line: str) -> None:
        """Read one line; one with an unknown name, or none, is a comment."""
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._block.setdefault("data", []).append(value)
        elif name == "event":
            self._block["event"] = value or "message"
        elif name == "id" and "\0" not in value:
            self._next_id = value or None
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry = self._block["retry"] = _time_of(value)


def _time_of(digits: str) -> int:
    """Return a time that may have any number of digits."""
    # Python reads no more than 4,300 of them, unless it is told to.
    digits = digits.lstrip("0")[: len(str(LONGEST_TIME)) + 1]
    return min(int(digits or "0"), LONGEST_TIME)
