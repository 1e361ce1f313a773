"""What a single event may carry, whatever came before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeGuard
from unittest.util import safe_repr

from channels_testkit.matching.wording import in_a_row

Event = Mapping[str, object]

ACCEPT = "websocket.accept"
SEND = "websocket.send"
CLOSE = "websocket.close"
DENIAL_START = "websocket.http.response.start"
DENIAL_BODY = "websocket.http.response.body"
DENIAL_EXTENSION = "websocket.http.response"


class Breach(NamedTuple):
    """A breach of the protocol: its name, and one sentence about this one."""

    name: str
    text: str


def quoted(value: object) -> str:
    """Return the ``repr()`` of ``value``, cut short if it is long."""
    return safe_repr(value, short=True)


def listed(values: Sequence[str]) -> str:
    """Return ``values``, quoted, with commas between them."""
    return in_a_row(list(map(quoted, values)))


def described(value: object) -> str:
    """Return ``value`` with its type, for a text that says it is wrong."""
    return f"{quoted(value)}, of type {type(value).__name__}"


def not_a_dict(event: object, example: str) -> Breach:
    """Say that an event is not a dict, and what would be one."""
    return Breach(
        "not-a-dict",
        f"The application sent {described(event)}, and a server reads only dicts; "
        f"send a dict with a 'type', such as {example}.",
    )


def no_type(event: Event, known: Sequence[str]) -> Breach:
    """Say that an event has no type, and which there are."""
    return Breach(
        "no-type",
        f"The application sent {quoted(event)}, and a server cannot tell what an "
        f"event without a 'type' is; give it one of {listed(known)}.",
    )


def unknown_type(event: Event, known: Sequence[str], place: str) -> Breach:
    """Say that an event has no type, or one that has no place there."""
    kind = event.get("type")
    if kind is None:
        return no_type(event, known)
    return Breach(
        "unknown-type",
        f"The application sent an event of type {quoted(kind)}, which a server does "
        f"not know in {place}; send one of {listed(known)}.",
    )


def check_send(event: Event) -> Breach | None:
    """Find what is wrong with the content of a frame."""
    text, data = event.get("text"), event.get("bytes")
    if text is None:
        return _check_bytes(data)
    if data is not None:
        return Breach(
            "text-and-bytes",
            f"The application sent a frame with both text {quoted(text)} and bytes "
            f"{quoted(data)}, and a frame carries only one of them; send two frames, "
            "or leave one out.",
        )
    return _check_text(text)


def _check_text(text: object) -> Breach | None:
    if isinstance(text, str):
        return check_unicode(text, "a frame with text")
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
            "has nothing to put in it; give one of them, an empty one for an empty "
            "frame.",
        )
    return Breach(
        "bytes-not-bytes",
        f"The application sent a frame with bytes {described(data)}, and some "
        "servers take only bytes; convert it to bytes, or send a str as text.",
    )


def check_unicode(text: str, what: str) -> Breach | None:
    """Find a lone surrogate, which a str may have and UTF-8 has not."""
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return Breach(
            "not-utf8",
            f"The application sent {what} {quoted(text)}, and a server cannot encode "
            f"{text[error.start]!r} in UTF-8; replace it, for instance with "
            "text.encode(errors='replace').decode().",
        )
    return None


def is_int(value: object) -> TypeGuard[int]:
    """Tell whether ``value`` is a number, which a bool is not here."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_headers(event: Event) -> Breach | None:
    """
    Find what is wrong with the headers of an accept or a denial response.

    An iterator is not checked: to look into it would use it up.
    """
    headers = event.get("headers")
    if headers is None or isinstance(headers, Iterator):
        return None
    wrong = _find_wrong_header(headers)
    if wrong is None:
        return None
    return Breach(
        "headers-not-bytes",
        f"The application sent {event['type']!r} with {wrong}, and some servers "
        "take only pairs of byte strings; write them as [(b'name', b'value')].",
    )


def _find_wrong_header(headers: object) -> str | None:
    if not isinstance(headers, Iterable):
        return f"the headers {quoted(headers)}"
    for header in headers:
        if not _is_header(header):
            return f"the header {quoted(header)}"
    return None


def _is_header(header: object) -> bool:
    return (
        isinstance(header, (list, tuple))
        and len(header) == 2
        and all(isinstance(part, bytes) for part in header)
    )


def check_status(event: Event, name: str, example: int) -> Breach | None:
    """Find what is wrong with the status of a response, named as said."""
    status = event.get("status")
    if is_int(status):
        return None
    return Breach(
        name,
        f"The application sent {event['type']!r} with the status {quoted(status)}, and "
        "a server needs an int to answer with; give the status of the response, such "
        f"as {example}.",
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
