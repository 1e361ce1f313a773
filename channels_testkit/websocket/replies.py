"""The reply to a request: found among the frames, or why there is none."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.receive_failures import nothing_came
from channels_testkit.asgi.transcript import describe_payload
from channels_testkit.asgi.wire import expected_payload
from channels_testkit.matching import (
    asked_for,
    first_difference,
    has_predicates,
    matches,
    nearest,
)
from channels_testkit.matching.wording import say

from .connection import is_frame, payload_of
from .frame_failures import not_a_frame

if TYPE_CHECKING:
    from channels_testkit.asgi.application import Event

    from .connection import WebsocketConnection

__unittest = True

#: Stands for the payload of a frame that cannot be read as the reply.
_UNREADABLE: Any = object()


class Reply:
    """
    The first frame after a request that matches its reply.

    Other frames stay where they are, to be received later. A reply that is
    text, bytes or a regular expression is compared with undecoded frames, any
    other with decoded payloads. A predicate gets undecoded frames if the
    request is text or bytes.
    """

    def __init__(
        self, connection: WebsocketConnection, request: object, reply: object
    ) -> None:
        self._connection = connection
        says_kind = isinstance(reply, (str, bytes, re.Pattern))
        is_plain = isinstance(reply, (dict, list, tuple, int, float, type(None)))
        self._is_decoded = not says_kind and (
            is_plain or not isinstance(request, (str, bytes))
        )
        self._is_text = _is_text(reply if says_kind else request)
        wire = connection.environment.wire
        self._given = reply
        self._wanted = expected_payload(wire, reply) if self._is_decoded else reply
        self._earlier = list(connection.unread)
        # By identity: an application may send the same twice.
        self._seen = set(map(id, self._earlier))
        self._found: tuple[Event, Any] | None = None

    async def come(self, timeout: float) -> Any:
        """Wait until it has come, and take it; fail where it cannot."""
        found = self._connection
        await found.until(lambda: self._has_come() or not self._can_come(), timeout)
        if self._found is not None:
            return self._take()
        found.raise_error()
        raise self._none_came(timeout)

    def _has_come(self) -> bool:
        """Tell whether it is there; each frame is looked at once."""
        for event in list(self._connection.unread):
            if self._found is None and id(event) not in self._seen:
                self._seen.add(id(event))
                payload = self._read(event)
                if self._matches(payload):
                    self._found = event, payload
        return self._found is not None

    def _can_come(self) -> bool:
        """Tell whether frames can still come."""
        return self._connection.is_open and not self._connection.has_ended

    def _take(self) -> Any:
        """Take it off the connection, and return its payload."""
        event, payload = self._found or (None, None)
        unread = self._connection.unread
        others = [other for other in unread if other is not event]
        unread.clear()
        unread.extend(others)
        return payload

    def _none_came(self, timeout: float) -> AssertionError:
        """Return the failure where there is none."""
        found = self._connection
        close = next((it for it in found.unread if not is_frame(it)), None)
        if close is not None:
            return not_a_frame(found, close, "reply", expected=self._given)
        event, evidence = self._earlier_match() or self._nearest()
        return nothing_came(
            found,
            "reply",
            timeout,
            expected=self._given,
            step="To wait for it, give request() a longer timeout=.",
            evidence=evidence,
            marked=event,
        )

    def _nearest(self) -> tuple[Event | None, str]:
        """Return the frame that is most like it, and how that differs."""
        if has_predicates(self._wanted) and not isinstance(self._wanted, (dict, list)):
            # What a predicate looks for is not known.
            return None, ""
        events = [it for it in self._connection.unread if is_frame(it)]
        read = [(it, self._read(it)) for it in events if not self._is_earlier(it)]
        read = [(it, payload) for it, payload in read if payload is not _UNREADABLE]
        compared = [asked_for(self._wanted, payload) for _, payload in read]
        index = nearest(self._wanted, compared)
        if index is None:
            return None, ""
        event, payload = read[index]
        number = self._connection.transcript.number_of(event)
        differs = _how_it_differs(self._wanted, payload)
        return event, (
            f"Nearest: {_in_a_line(payload)}, number {number} of the"
            f" transcript{differs}."
        )

    def _earlier_match(self) -> tuple[Event, str] | None:
        """Say which earlier frame matches; predicates are not called."""
        if has_predicates(self._wanted):
            return None
        for event in filter(is_frame, self._earlier):
            if self._matches(self._read(event)):
                number = self._connection.transcript.number_of(event)
                return event, (
                    f"Number {number} of the transcript matches, but it came before"
                    " the request, so it is not the reply. To read it, call"
                    f" {self._receive()} before the request."
                )
        return None

    def _receive(self) -> str:
        """Return the call that reads a frame like it."""
        if self._is_decoded:
            return "receive_until(..., partial=True)"
        return "receive_text()" if self._is_text else "receive_bytes()"

    def _is_earlier(self, event: Event) -> bool:
        return any(event is other for other in self._earlier)

    def _matches(self, payload: object) -> bool:
        is_readable = payload is not _UNREADABLE
        return is_readable and matches(self._wanted, payload, partial=True)

    def _read(self, event: Event) -> Any:
        if not is_frame(event):
            return _UNREADABLE
        payload = payload_of(event)
        if not self._is_decoded:
            return payload if isinstance(payload, str) is self._is_text else _UNREADABLE
        try:
            return self._connection.environment.wire.decode_frame(payload)
        except ValueError:
            return _UNREADABLE


def _is_text(value: object) -> bool:
    return not isinstance(getattr(value, "pattern", value), bytes)


def _how_it_differs(wanted: object, payload: object) -> str:
    is_told = not has_predicates(wanted)
    difference = first_difference(wanted, payload, partial=True) if is_told else None
    if difference is None:
        return ""
    place = f" at {say(difference.path)}" if difference.path else ""
    return (
        f", differs{place}: expected {difference.expected}, received"
        f" {difference.actual}"
    )


def _in_a_line(payload: object) -> str:
    if isinstance(payload, (str, bytes)):
        return say(payload)
    return describe_payload(json.dumps(payload, default=repr))
