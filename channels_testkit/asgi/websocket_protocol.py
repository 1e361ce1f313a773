"""The rules for what an application may send on a websocket connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .close_codes import check_close
from .events import (
    ACCEPT,
    CLOSE,
    DENIAL_BODY,
    DENIAL_EXTENSION,
    DENIAL_START,
    SEND,
    Breach,
    Event,
    check_body,
    check_headers,
    check_send,
    check_status,
    listed,
    no_type,
    not_a_dict,
    quoted,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

EVENT_TYPES = (ACCEPT, CLOSE, DENIAL_BODY, DENIAL_START, SEND)

# What may come next. In "gone" everything may: a server drops it.
EXPECTED: Mapping[str, Collection[str]] = {
    "connecting": frozenset({ACCEPT, CLOSE, DENIAL_START}),
    "denying": frozenset({DENIAL_BODY}),
    "open": frozenset({SEND, CLOSE}),
    "closed": frozenset(),
    "gone": frozenset(EVENT_TYPES),
}


class WebsocketProtocol:
    """
    Follow what the application sends on one connection, and check it.

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
        takes no other buffer. After the client has gone only the type is
        checked.
        """
        if not isinstance(event, dict):
            return not_a_dict(event, "{'type': 'websocket.close'}")
        kind = event.get("type")
        if not isinstance(kind, str) or kind not in EXPECTED[self.state]:
            return _unexpected(self.state, event)
        if self.state == "gone":
            return None
        if kind == SEND:
            return check_send(event)
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
            return check_close(event, is_open=self.state == "open")
        if kind == DENIAL_BODY:
            return check_body(event)
        return (
            self._check_denial()
            or check_status(event, "denial-status", 403)
            or check_headers(event)
        )

    def _check_subprotocol(self, event: Event) -> Breach | None:
        subprotocol = event.get("subprotocol")
        if subprotocol is None:
            return _none_chosen(self._offered) if self._offered else None
        if subprotocol in self._offered:
            return None
        return Breach(
            "subprotocol-not-offered",
            f"The application accepted with the subprotocol {quoted(subprotocol)}, and "
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


def _none_chosen(offered: Sequence[str]) -> Breach:
    return Breach(
        "subprotocol-not-chosen",
        "The application accepted without a subprotocol, and a browser drops a "
        "connection where none of those that it offered is chosen; it offered "
        f"{listed(offered)}, so choose one of scope['subprotocols'], with "
        "accept(subprotocol=...).",
    )


def _unexpected(state: str, event: Event) -> Breach:
    kind = event.get("type")
    if isinstance(kind, str) and kind in EVENT_TYPES:
        return _out_of_order(state, kind)
    if kind is None:
        return no_type(event, EVENT_TYPES)
    return Breach(
        "unknown-type",
        f"The application sent an event of type {quoted(kind)}, which no server knows; "
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


def _is_last_body(event: Event) -> bool:
    return event.get("type") == DENIAL_BODY and not event.get("more_body")
