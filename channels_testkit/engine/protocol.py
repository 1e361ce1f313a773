"""The rules for what an application may send on a websocket connection."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeGuard
from unittest.util import safe_repr

__all__ = ("BREACHES", "Breach", "WebsocketProtocol")

Event = Mapping[str, object]

ACCEPT = "websocket.accept"
SEND = "websocket.send"
CLOSE = "websocket.close"
DENIAL_START = "websocket.http.response.start"
DENIAL_BODY = "websocket.http.response.body"
DENIAL_EXTENSION = "websocket.http.response"

EVENT_TYPES = (ACCEPT, CLOSE, DENIAL_BODY, DENIAL_START, SEND)

# What may come next. In "gone" everything may: a server drops it.
EXPECTED: Mapping[str, Collection[str]] = {
    "connecting": frozenset({ACCEPT, CLOSE, DENIAL_START}),
    "denying": frozenset({DENIAL_BODY}),
    "open": frozenset({SEND, CLOSE}),
    "closed": frozenset(),
    "gone": frozenset(EVENT_TYPES),
}

MAX_REASON_BYTES = 123

BREACHES: Mapping[str, str] = MappingProxyType(
    {
        "accept-twice": "The connection is accepted a second time.",
        "body-not-bytes": "The body of a response is not bytes.",
        "bytes-not-bytes": "The binary content of a frame is not bytes.",
        "close-code": "The close code is not one an endpoint may send.",
        "close-twice": "The connection is closed after it has ended.",
        "denial-after-accept": "A denial response follows an accept.",
        "denial-body-before-start": "A denial response begins with its body.",
        "denial-interrupted": "A denial response is followed by something else.",
        "denial-status": "A denial response has no status, or not an int.",
        "denial-unsupported": "The server offers no denial response.",
        "headers-not-bytes": "The headers are not pairs of byte strings.",
        "no-payload": "A frame has neither text nor bytes.",
        "no-type": "An event has no type.",
        "not-a-dict": "An event is not a dict.",
        "not-utf8": "A text or a close reason cannot be encoded in UTF-8.",
        "reason-not-str": "The close reason is not a str.",
        "reason-too-long": "The close reason is longer than 123 bytes.",
        "response-after-end": "Something is sent after the last part of a response.",
        "response-before-start": "A response begins with its body.",
        "response-status": "A response has no status, or not an int.",
        "response-twice": "A response is started a second time.",
        "send-after-close": "Something is sent after the connection has ended.",
        "send-before-accept": "A frame is sent before the connection is accepted.",
        "subprotocol-not-offered": "The client did not offer the subprotocol.",
        "text-and-bytes": "A frame has both text and bytes.",
        "text-not-str": "The text of a frame is not a str.",
        "unknown-type": "An event has a type that no server knows.",
    }
)


class Breach(NamedTuple):
    """A breach of the protocol: its name, and one sentence about this one."""

    name: str
    text: str


class WebsocketProtocol:
    """
    Follow what the application sends on one connection, and judge it.

    ``offered`` are the subprotocols of the client's handshake, ``extensions``
    the names in the ``extensions`` of the scope. ``state`` is one of:

    * ``"connecting"``: the handshake is not answered;
    * ``"denying"``: the application has begun a denial response;
    * ``"open"``: the application has accepted;
    * ``"closed"``: the application has closed or rejected the connection, or
      has finished its denial response;
    * ``"gone"``: the client has disconnected.
    """

    def __init__(
        self, *, offered: Sequence[str] = (), extensions: Collection[str] = ()
    ) -> None:
        self.state = "connecting"
        self._offered = tuple(offered)
        self._can_deny = DENIAL_EXTENSION in extensions

    def check(self, event: object) -> Breach | None:
        """
        Return what is wrong with sending ``event`` now, or ``None``.

        A key whose value is ``None`` counts as absent, as on a server. The
        strictest of the servers decides: bytes are ``bytes``, since Daphne
        takes no other buffer. Once the client has gone only the type is
        judged.
        """
        if not isinstance(event, dict):
            return _not_a_dict(event)
        kind = event.get("type")
        if not isinstance(kind, str) or kind not in EXPECTED[self.state]:
            return _unexpected(self.state, event)
        if self.state == "gone":
            return None
        if kind == SEND:
            return _check_send(event)
        return self._check_answer(kind, event)

    def sent(self, event: Event) -> None:
        """Move on to the state that sending ``event`` leads to."""
        kind = event.get("type")
        if kind == SEND or self.state in ("closed", "gone"):
            return
        if kind == CLOSE or (self.state == "denying" and _is_last_body(event)):
            self.state = "closed"
        elif self.state == "connecting":
            self._answer(kind)

    def client_gone(self) -> None:
        """Note that the client has disconnected."""
        self.state = "gone"

    def _answer(self, kind: object) -> None:
        """Move on from the handshake, where ``kind`` answers it."""
        if kind == ACCEPT:
            self.state = "open"
        elif kind == DENIAL_START:
            self.state = "denying"

    def _check_answer(self, kind: str, event: Event) -> Breach | None:
        if kind == ACCEPT:
            return self._check_subprotocol(event) or check_headers(event)
        if kind == CLOSE:
            return _check_code(event) or _check_reason(event)
        if kind == DENIAL_BODY:
            return check_body(event)
        return self._check_denial() or _check_status(event) or check_headers(event)

    def _check_subprotocol(self, event: Event) -> Breach | None:
        subprotocol = event.get("subprotocol")
        if subprotocol is None or subprotocol in self._offered:
            return None
        return Breach(
            "subprotocol-not-offered",
            f"The application accepted with the subprotocol {told(subprotocol)}, and "
            "a client drops a connection whose subprotocol it did not offer; it "
            f"offered {listed(self._offered)}, so choose from scope['subprotocols'].",
        )

    def _check_denial(self) -> Breach | None:
        if self._can_deny:
            return None
        return Breach(
            "denial-unsupported",
            f"The application sent {DENIAL_START!r}, and a server refuses it that does "
            f"not offer the extension {DENIAL_EXTENSION!r}; look for it in "
            "scope['extensions'] first, or reject with 'websocket.close'.",
        )


def told(value: object) -> str:
    return safe_repr(value, short=True)


def listed(values: Sequence[str]) -> str:
    return ", ".join(map(repr, values)) or "none"


def described(value: object) -> str:
    """Return ``value`` with its type, for a text that finds it wrong."""
    return f"{told(value)}, of type {type(value).__name__}"


def _not_a_dict(event: object) -> Breach:
    return Breach(
        "not-a-dict",
        f"The application sent {described(event)}, and a server reads only dicts; "
        "send a dict with a 'type', such as {'type': 'websocket.close'}.",
    )


def _unexpected(state: str, event: Event) -> Breach:
    kind = event.get("type")
    if isinstance(kind, str) and kind in EVENT_TYPES:
        return _out_of_order(state, kind)
    if kind is None:
        return Breach(
            "no-type",
            f"The application sent {told(event)}, and a server cannot tell what an "
            f"event without a 'type' is; give it one of {listed(EVENT_TYPES)}.",
        )
    return Breach(
        "unknown-type",
        f"The application sent an event of type {told(kind)}, which no server knows; "
        f"send one of {listed(EVENT_TYPES)}.",
    )


def _out_of_order(state: str, kind: str) -> Breach:
    if state == "closed":
        return _after_the_end(kind)
    if state == "open":
        return _after_accept(kind)
    if state == "denying":
        return Breach(
            "denial-interrupted",
            f"The application sent {kind!r} after {DENIAL_START!r}, and a server then "
            f"takes nothing but {DENIAL_BODY!r}; finish the response, and send nothing "
            "else.",
        )
    return _before_accept(kind)


def _after_the_end(kind: str) -> Breach:
    if kind == CLOSE:
        return Breach(
            "close-twice",
            f"The application sent {CLOSE!r} after it had closed, rejected or denied "
            "the connection, and a server refuses to close it again; close it once.",
        )
    return Breach(
        "send-after-close",
        f"The application sent {kind!r} after it had closed, rejected or denied the "
        "connection, and a server refuses everything after that; send it before, or "
        "not at all.",
    )


def _after_accept(kind: str) -> Breach:
    if kind == ACCEPT:
        return Breach(
            "accept-twice",
            f"The application sent {ACCEPT!r} to a connection that it had accepted, "
            "and a server refuses to answer a handshake again; accept once.",
        )
    return Breach(
        "denial-after-accept",
        f"The application sent {kind!r} to a connection that it had accepted, and a "
        f"server can no longer deny it; deny instead of {ACCEPT!r}, or end the "
        f"connection with {CLOSE!r}.",
    )


def _before_accept(kind: str) -> Breach:
    if kind == SEND:
        return Breach(
            "send-before-accept",
            f"The application sent {SEND!r} before {ACCEPT!r}, and a server refuses "
            "frames before the handshake is answered; accept the connection first.",
        )
    return Breach(
        "denial-body-before-start",
        f"The application sent {kind!r} before {DENIAL_START!r}, and a server refuses "
        "a body without a status; start the response first.",
    )


def _check_send(event: Event) -> Breach | None:
    text, data = event.get("text"), event.get("bytes")
    if text is None:
        return _check_bytes(data)
    if data is not None:
        return Breach(
            "text-and-bytes",
            f"The application sent a frame with both text {told(text)} and bytes "
            f"{told(data)}, and a frame carries only one of them; send two frames, or "
            "leave one out.",
        )
    return _check_text(text)


def _check_text(text: object) -> Breach | None:
    if isinstance(text, str):
        return _check_unicode(text, "a frame with text")
    return Breach(
        "text-not-str",
        f"The application sent a frame with text {described(text)}, and a server "
        "takes a str; encode it first, as send_json() does.",
    )


def _check_bytes(data: object) -> Breach | None:
    if isinstance(data, bytes):
        return None
    if data is None:
        return Breach(
            "no-payload",
            "The application sent a frame with neither text nor bytes, and a server "
            "has nothing to put in it; give one of them, empty if the frame is to be "
            "empty.",
        )
    return Breach(
        "bytes-not-bytes",
        f"The application sent a frame with bytes {described(data)}, and not every "
        "server takes anything but bytes; convert it to bytes, or send a str as text.",
    )


def _check_unicode(text: str, what: str) -> Breach | None:
    """Find a lone surrogate, which a str may have and UTF-8 has not."""
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return Breach(
            "not-utf8",
            f"The application sent {what} {told(text)}, and a server cannot encode "
            f"{text[error.start]!r} in UTF-8; replace it, for instance with "
            "text.encode(errors='replace').decode().",
        )
    return None


def _check_code(event: Event) -> Breach | None:
    code = event.get("code")
    if code is None or _is_close_code(code):
        return None
    return Breach(
        "close-code",
        f"The application closed with the code {told(code)}, which an endpoint may "
        "not send; use an int: 1000 to 1003, 1007 to 1014, or for codes of your own "
        "3000 to 4999.",
    )


def _is_close_code(code: object) -> bool:
    return is_int(code) and (
        1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
    )


def is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_reason(event: Event) -> Breach | None:
    reason = event.get("reason")
    if reason is None:
        return None
    if isinstance(reason, str):
        return _check_unicode(reason, "the close reason") or _check_length(reason)
    return Breach(
        "reason-not-str",
        f"The application closed with the reason {described(reason)}, and a server "
        "takes a str; convert it first.",
    )


def _check_length(reason: str) -> Breach | None:
    length = len(reason.encode())
    if length <= MAX_REASON_BYTES:
        return None
    return Breach(
        "reason-too-long",
        f"The application closed with the reason {told(reason)} of {length} bytes, "
        f"and a close frame has room for {MAX_REASON_BYTES}; shorten it, or send the "
        "text in a frame before the close.",
    )


def check_headers(event: Event) -> Breach | None:
    """
    Judge the headers of an accept or of a denial response.

    An iterator is taken on trust: to look into it would use it up.
    """
    headers = event.get("headers")
    if headers is None or isinstance(headers, Iterator):
        return None
    wrong = _find_wrong_header(headers)
    if wrong is None:
        return None
    return Breach(
        "headers-not-bytes",
        f"The application sent {event['type']!r} with {wrong}, and not every server "
        "takes headers that are not pairs of byte strings; write them as "
        "[(b'name', b'value')].",
    )


def _find_wrong_header(headers: object) -> str | None:
    if not isinstance(headers, Iterable):
        return f"the headers {told(headers)}"
    for header in headers:
        if not _is_header(header):
            return f"the header {told(header)}"
    return None


def _is_header(header: object) -> bool:
    return (
        isinstance(header, (list, tuple))
        and len(header) == 2
        and all(isinstance(part, bytes) for part in header)
    )


def _check_status(event: Event) -> Breach | None:
    status = event.get("status")
    if is_int(status):
        return None
    return Breach(
        "denial-status",
        f"The application sent {DENIAL_START!r} with the status {told(status)}, and a "
        "server needs an int to answer with; give the status of the response, such as "
        "403.",
    )


def check_body(event: Event) -> Breach | None:
    """Find what is wrong with the part of a body that an event carries."""
    body = event.get("body")
    if body is None or isinstance(body, bytes):
        return None
    return Breach(
        "body-not-bytes",
        f"The application sent {event['type']!r} with the body {described(body)}, and "
        "a server takes bytes; encode it first.",
    )


def _is_last_body(event: Event) -> bool:
    return event.get("type") == DENIAL_BODY and not event.get("more_body")
