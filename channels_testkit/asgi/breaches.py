"""What a transcript shows of a breach of the protocol that is let through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .application import Event
    from .events import Breach

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


def is_meaningless(breach: Breach) -> bool:
    """Tell whether an event with this breach says nothing to a client."""
    return breach.name in _MEANINGLESS


def printable(event: Any) -> Event:
    """Return something that the transcript can show, whatever was sent."""
    if isinstance(event, dict) and isinstance(event.get("type"), str):
        return event
    return {"type": repr(event)}
