"""The two protocols of GraphQL over a WebSocket: their words and codes."""

from __future__ import annotations

from typing import NamedTuple

from channels_testkit.matching import closest_name
from channels_testkit.matching.wording import say


class Protocol(NamedTuple):
    """The types of the messages that a protocol has."""

    name: str
    start: str
    result: str
    stop: str


TRANSPORT_WS = Protocol("graphql-transport-ws", "subscribe", "next", "complete")
#: The older one, that of Apollo's subscriptions-transport-ws.
LEGACY_WS = Protocol("graphql-ws", "start", "data", "stop")
PROTOCOLS = {protocol.name: protocol for protocol in (TRANSPORT_WS, LEGACY_WS)}

#: The messages that only keep a connection open.
PING, PONG, KEEP_ALIVE = "ping", "pong", "ka"

_CODES = {
    4400: "the server could not take a message: its JSON, its type, or its query",
    4401: "an operation came before the server had sent connection_ack",
    4403: "the server refuses connection_init; check connection_params= and user=",
    4406: "the server does not speak the protocol; check protocol=",
    4408: "no connection_init came in the time that the server allows",
    4409: "an operation with this id is still running on the connection",
    4429: "connection_init came twice on one connection",
    4500: "the server itself has failed; look at its log",
}
_LEGACY_CODES = {
    1002: "the server could not take a frame",
    1011: "the server refuses connection_init; check connection_params= and user=",
    **{code: _CODES[code] for code in (4401, 4406)},
}


def protocol_named(name: str) -> Protocol:
    """Return a protocol, or raise ``ValueError`` for what is none."""
    found = PROTOCOLS.get(name)
    if found is None:
        known = " or ".join(map(repr, PROTOCOLS))
        meant = closest_name(str(name), PROTOCOLS)
        hint = f" Did you mean {meant!r}?" if meant else ""
        raise ValueError(f"protocol= is {known}, not {say(name)}.{hint}")
    return found


def meaning_of(code: int | None, protocol: Protocol) -> str:
    """Say what a close code means in a protocol, or return ''."""
    codes = _CODES if protocol is TRANSPORT_WS else _LEGACY_CODES
    return "" if code is None else codes.get(code, "")
