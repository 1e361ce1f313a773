"""What becomes of a breach of the protocol."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from .engine.transcript import OUT
from .exceptions import ChannelsTestkitWarning, ProtocolError

if TYPE_CHECKING:
    from .connection import Connection
    from .engine.application import Event
    from .engine.events import Breach
    from .http_connection import HttpConnection

__unittest = True

#: Breaches that, where they are allowed, no client could make sense of.
_MEANINGLESS = {
    "accept-twice",
    "body-not-bytes",
    "bytes-not-bytes",
    "close-twice",
    "denial-after-accept",
    "denial-body-before-start",
    "denial-interrupted",
    "denial-status",
    "headers-not-bytes",
    "no-payload",
    "no-type",
    "not-a-dict",
    "reason-not-str",
    "response-after-end",
    "response-before-start",
    "response-status",
    "response-twice",
    "send-after-close",
    "text-not-str",
    "unknown-type",
}


def tell(connection: Connection | HttpConnection, breach: Breach, event: Event) -> None:
    """Raise, warn or do nothing, as the test case asks for."""
    around = connection.surroundings
    if around.allows_breach(breach.name):
        return
    text = (
        f"{connection.label}: {breach.text}\n\nTo let it pass, set check_protocol ="
        f" [{breach.name!r}] on the test case."
    )
    if around.check_protocol == "warn":
        # Past this function, the connection's and that of its application.
        warnings.warn(text, ChannelsTestkitWarning, stacklevel=4)
        return
    note = f"refused: {breach.name}"
    connection.transcript.add(OUT, printable(event), note)
    error = ProtocolError(f"{text}\n\n{connection.transcript}", breach.name)
    around.errors.record(error)
    raise error


def is_meaningless(breach: Breach) -> bool:
    """Tell whether an event with this breach says nothing to a client."""
    return breach.name in _MEANINGLESS


def printable(event: Any) -> Event:
    """Return something that the transcript can show, whatever was sent."""
    if isinstance(event, dict) and isinstance(event.get("type"), str):
        return event
    return {"type": repr(event)}
