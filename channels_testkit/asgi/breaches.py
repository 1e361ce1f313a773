"""All breaches of the protocols by name, and what is shown of one."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Union

from channels_testkit.engine import places

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .application import Event
    from .events import Breach

#: What a check does with what it finds.
Level = Literal["fail", "warn", "off"]

BreachName = Literal[
    "accept-twice",
    "body-not-bytes",
    "bytes-not-bytes",
    "close-code",
    "close-twice",
    "denial-after-accept",
    "denial-body-before-start",
    "denial-interrupted",
    "denial-status",
    "denial-unsupported",
    "headers-not-bytes",
    "lifespan-answered-twice",
    "lifespan-not-asked",
    "no-payload",
    "no-type",
    "not-a-dict",
    "not-utf8",
    "reason-not-str",
    "reason-too-long",
    "response-after-end",
    "response-before-start",
    "response-status",
    "response-twice",
    "send-after-close",
    "send-before-accept",
    "subprotocol-not-chosen",
    "subprotocol-not-offered",
    "text-and-bytes",
    "text-not-str",
    "unknown-type",
]

#: What ``check_protocol`` can be: a level, or the breaches to let through.
ProtocolPolicy = Union[Level, "Collection[BreachName]"]

#: What ``check_protocol`` can allow, by name.
BREACHES: Mapping[BreachName, str] = MappingProxyType(
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
        "lifespan-answered-twice": "A lifespan answers an event a second time.",
        "lifespan-not-asked": "A lifespan answers a shutdown that is still to come.",
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
        "subprotocol-not-chosen": "None of the subprotocols on offer is chosen.",
        "subprotocol-not-offered": "The client did not offer the subprotocol.",
        "text-and-bytes": "A frame has both text and bytes.",
        "text-not-str": "The text of a frame is not a str.",
        "unknown-type": "An event has a type that no server knows.",
    }
)

#: Breaches that no client could make sense of, if they are allowed.
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
    "lifespan-answered-twice",
    "lifespan-not-asked",
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


def sent_by(consumer: object) -> str:
    """Say who sent the wrong event, and at which line of the project."""
    line = places.caller()
    who = "" if consumer is None else f" by {type(consumer).__name__}"
    where = "" if line is None else f" at {places.in_words(line)}"
    return f"\n\nSent{who}{where}." if who or where else ""


def printable(event: Any) -> Event:
    """Return something that the transcript can show, whatever was sent."""
    if isinstance(event, dict) and isinstance(event.get("type"), str):
        return event
    return {"type": repr(event)}
