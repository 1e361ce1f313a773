"""Failures of a connection: verdict, evidence, transcript, next step."""

from __future__ import annotations

import json
from difflib import ndiff
from typing import TYPE_CHECKING, Any

from channels.security.websocket import WebsocketDenier

from .connection import is_frame, payload_of
from .engine.transcript import describe_payload, shorten
from .matching import (
    Difference,
    asked_for,
    closest_name,
    first_difference,
    has_predicates,
    matches,
)
from .routing import (
    NO_ROUTE,
    follows_settings,
    origins_of,
    refusing_validator,
    routes_of,
)
from .silence import NOT_SAID, in_words, nothing_came, said
from .wire import JsonWire

if TYPE_CHECKING:
    from channels.security.websocket import OriginValidator

    from .connection import Connection
    from .engine.application import Event

__unittest = True

#: What to use instead of a ``with`` block on a connection.
WITHOUT_BLOCK = "connect() without a block: it returns the Handshake"


def refused(connection: Connection, *, allowing: str | None = None) -> AssertionError:
    """
    Return the failure of a handshake that should have been accepted.

    ``allowing`` is what to use where the refusal is what is tested; it is
    ``assertRejected()`` on a client that the test connects itself by default.
    """
    handshake = connection.handshake
    evidence = _user_line(connection)
    if handshake is None:
        verdict = f"{connection.label} was not accepted."
    elif handshake.status is not None:
        body = shorten(repr(handshake.body))
        verdict = (
            f"{connection.label} refused the handshake: status {handshake.status},"
            f" body {body}."
        )
    elif (validator := _who_refused_origin(connection)) is not None:
        verdict = (
            f"{connection.label} refused the handshake: {type(validator).__name__}"
            f" does not accept {_origin(connection) or 'a handshake without origin'}."
        )
        evidence = _accepted_origins(validator)
    else:
        verdict = (
            f"{connection.label} refused the handshake: close code {handshake.code}"
            f"{_with_reason(handshake.reason)}."
        )
    use = f"use {allowing}." if allowing else _steps_to_reject(connection)
    return AssertionError(
        f"{verdict}\n\n"
        f"{evidence}\n\n"
        f"To test the refusal itself, {use}\n\n"
        f"{connection.transcript}"
    )


def _steps_to_reject(connection: Connection) -> str:
    is_async = connection.surroundings.is_async
    name, wait = ("communicator", "await ") if is_async else ("client", "")
    return (
        "with the same options:\n"
        f"    {name} = self.create_{name}({connection.opened_at!r})\n"
        f"    {wait}{name}.connect()\n"
        f"    self.assertRejected({name})"
    )


def _with_reason(reason: str) -> str:
    return f", reason {reason!r}" if reason else ""


def _user_line(connection: Connection) -> str:
    user = connection.scope.get("user")
    who = "not set" if user is None else str(user)
    lines = [f"scope['user']: {who}", f"Origin: {_origin(connection) or 'none'}"]
    opened_as = connection.user
    is_stranger = opened_as is None and _header(connection, b"cookie") is None
    if is_stranger and getattr(user, "is_anonymous", False):
        lines.append("It was opened without user=, which logs somebody in.")
    if opened_as is not None and _key(user) != _key(opened_as):
        lines.append(f"It was opened as {_named(opened_as)}. {_LOGIN_HINT}")
    return "\n".join(lines)


def _origin(connection: Connection) -> str:
    origin = _header(connection, b"origin")
    return "" if origin is None else repr(origin.decode("latin1"))


def _header(connection: Connection, name: bytes) -> bytes | None:
    return dict(connection.scope.get("headers") or []).get(name)


def _who_refused_origin(connection: Connection) -> OriginValidator | None:
    if not isinstance(connection.consumer, WebsocketDenier):
        return None
    return refusing_validator(connection.application, _header(connection, b"origin"))


def _accepted_origins(validator: OriginValidator) -> str:
    accepted = ", ".join(map(repr, origins_of(validator))) or "none"
    if follows_settings(validator):
        return (
            f"It accepts what ALLOWED_HOSTS has: {accepted}.\n"
            "Give an origin= that it accepts, or use"
            " override_settings(ALLOWED_HOSTS=...)."
        )
    return f"It accepts: {accepted}.\nGive an origin= that it accepts."


def check_user(connection: Connection, user: Any) -> None:
    """Fail when the application takes the connection for somebody else's."""
    seen = connection.scope.get("user", user)
    if user is None or seen is user or _key(seen) == _key(user):
        return
    raise AssertionError(
        f"{connection.label} was opened as {_named(user)}, but the application's"
        f" scope has the user {_named(seen)}.\n\n"
        f"{_LOGIN_HINT}\n\n"
        f"{connection.transcript}"
    )


_LOGIN_HINT = (
    "Where the project does not log in by session, override get_login(user) on the"
    " test case."
)


def _key(user: Any) -> object:
    key = getattr(user, "pk", None)
    return user if key is None else key


def _named(user: Any) -> str:
    """Return a user's name, with the key where there is one."""
    key = getattr(user, "pk", None)
    return str(user) if key is None else f"{user!s} (pk {key})"


def explain_missing_route(error: ValueError, application: object) -> None:
    """Turn Channels' "No route found" into a failure that lists the routes."""
    text = str(error)
    if NO_ROUTE not in text:
        return
    routes = routes_of(application)
    listed = "\n".join(f"  {route}" for route in routes) or "  none"
    meant = closest_name(text.partition(NO_ROUTE)[2].strip(" .'"), routes)
    hint = f"\n\nDid you mean {meant!r}?" if meant else ""
    raise AssertionError(f"{text}\n\nThe routes are:\n{listed}{hint}") from None


def check_frame_is_next(
    connection: Connection,
    what: str,
    timeout: float | None = None,
    *,
    expected: Any = NOT_SAID,
) -> None:
    """Fail unless the next unread event is a frame."""
    if not connection.unread:
        raise nothing_came(connection, what, timeout, expected=expected)
    event = connection.unread[0]
    if is_frame(event):
        return
    kind = event["type"]
    if kind == "websocket.close":
        verdict = (
            f"{connection.label} closed the connection (code {connection.close_code}"
            f"{_with_reason(connection.close_reason)}) where a {what} was expected."
        )
    else:
        verdict = f"{connection.label} sent {kind!r} where a {what} was expected."
    raise AssertionError(
        f"{verdict}{said(expected)}\n\n{connection.transcript.render(event)}"
    )


def take_payload(connection: Connection) -> str | bytes:
    """Take the next frame's payload."""
    return payload_of(connection.take())


def take_json(connection: Connection, wire: JsonWire) -> Any:
    """Take the next frame's payload, decoded."""
    event = connection.take()
    frame = payload_of(event)
    try:
        return wire.decode_frame(frame)
    except ValueError as error:
        is_json = type(wire).decode_frame is JsonWire.decode_frame
        fault = "is not JSON" if is_json else "cannot be decoded"
        raise AssertionError(
            f"The frame from {connection.label} {fault}: {_shown(event)}"
            f" ({error}).\n\n{connection.transcript.render(event)}"
        ) from error


def take_text(connection: Connection) -> str:
    """Take the next frame's text."""
    event = connection.take()
    payload = payload_of(event)
    if isinstance(payload, str):
        return payload
    raise AssertionError(_wrong_kind(connection, event, "binary", "text"))


def take_bytes(connection: Connection) -> bytes:
    """Take the next frame's bytes."""
    event = connection.take()
    payload = payload_of(event)
    if isinstance(payload, bytes):
        return payload
    raise AssertionError(_wrong_kind(connection, event, "text", "binary"))


def _wrong_kind(connection: Connection, event: Event, kind: str, wanted: str) -> str:
    return (
        f"{connection.label} sent a {kind} frame where a {wanted} frame was expected:"
        f" {_shown(event)}.\n\n{connection.transcript.render(event)}"
    )


def _shown(event: Event) -> str:
    payload = payload_of(event)
    is_text = isinstance(payload, str)
    return shorten(describe_payload(payload) if is_text else repr(payload))


def not_closed(
    connection: Connection, code: int | None, reason: str | None
) -> str | None:
    """Say why the application has not closed the connection that way."""
    label = connection.label
    if connection.state not in {"closed", "rejected"}:
        verdict = (
            f"{label} is {in_words(connection)}: the application has not closed it."
        )
    elif code is not None and connection.close_code != code:
        verdict = f"{label} closed with code {connection.close_code}, not {code}."
    elif reason is not None and connection.close_reason != reason:
        found = connection.close_reason
        verdict = f"{label} closed with reason {found!r}, not {reason!r}."
    else:
        return None
    return f"{verdict}\n\n{connection.transcript}"


def not_accepted(connection: Connection, subprotocol: str | None) -> str | None:
    """Say why the handshake was not accepted that way."""
    handshake = connection.handshake
    if handshake is None or not handshake.accepted:
        return str(refused(connection, allowing="assertRejected()"))
    if subprotocol is None or handshake.subprotocol == subprotocol:
        return None
    return (
        f"{connection.label} was accepted with subprotocol"
        f" {handshake.subprotocol!r}, not {subprotocol!r}.\n\n{connection.transcript}"
    )


def not_silent(connection: Connection, event: Event) -> str:
    """Say that a frame has come."""
    kind = "text" if isinstance(payload_of(event), str) else "binary"
    return (
        f"{connection.label} received a {kind} frame where none was expected:"
        f" {_shown(event)}.\n\n"
        f"{connection.transcript.render(event)}"
    )


def payload_differs(
    connection: Connection, event: Event, what: str, difference: Difference
) -> str:
    """Say how the text or the bytes of a frame differ."""
    return (
        f"The {what} from {connection.label} differs: expected"
        f" {difference.expected}, received {difference.actual}.\n\n"
        f"{connection.transcript.render(event)}"
    )


def not_rejected(
    connection: Connection, code: int | None, reason: str | None, status: int | None
) -> str | None:
    """Say why the handshake was not refused that way."""
    handshake = connection.handshake
    if handshake is None or handshake.accepted:
        verdict = f"{connection.label} was accepted, and should have been rejected."
        return f"{verdict}\n\n{connection.transcript}"
    for name, wanted, found in (
        ("code", code, handshake.code),
        ("reason", reason, handshake.reason),
        ("status", status, handshake.status),
    ):
        if wanted is not None and wanted != found:
            verdict = f"{connection.label} was rejected with {name} {found!r}"
            return f"{verdict}, not {wanted!r}.\n\n{connection.transcript}"
    return None


def is_dead(connection: Connection) -> str:
    """Say that silence proves nothing, because the application is gone."""
    has_raised = connection.error is not None
    what = f"raised {type(connection.error).__name__}" if has_raised else "has ended"
    return (
        f"{connection.label} received nothing because its application {what}."
        f"\n\n{connection.transcript}"
    )


def json_differs(
    found: Connection, event: Event, wanted: object, payload: object, *, partial: bool
) -> str:
    """Say where the payload of a frame differs, with a diff."""
    difference = first_difference(wanted, payload, partial=partial)
    place = f" at {difference.path!r}" if difference and difference.path else ""
    values = (
        f"expected {difference.expected}, received {difference.actual}"
        if difference
        else "it does not match"
    )
    return (
        f"JSON frame from {found.label} differs{place}: {values}.\n\n"
        f"Expected: {_line(wanted)}\n"
        f"Received: {_line(payload)}\n\n"
        f"{_diff(wanted, asked_for(wanted, payload) if partial else payload)}"
        f"{_later_match(found, wanted, partial=partial)}"
        f"{found.transcript.render(event)}"
    )


def _later_match(found: Connection, wanted: object, *, partial: bool) -> str:
    """Say which unread frame matches, if any; predicates are not called."""
    if has_predicates(wanted):
        return ""
    event = unread_match(found, wanted, partial=partial)
    if event is None:
        return ""
    return (
        f"A later frame matches, number {found.transcript.number_of(event)} of the"
        " transcript: read those before it first, or use receive_until().\n\n"
    )


def unread_match(found: Connection, wanted: object, *, partial: bool) -> Event | None:
    """Return the first unread frame that matches, or None."""
    wire = found.surroundings.wire
    for event in filter(is_frame, found.unread):
        try:
            payload = wire.decode_frame(payload_of(event))
        except ValueError:
            continue
        if matches(wanted, payload, partial=partial):
            return event
    return None


def _line(payload: object) -> str:
    return shorten(describe_payload(json.dumps(payload, default=repr)))


def _diff(wanted: object, payload: object) -> str:
    if not isinstance(wanted, (dict, list)) or not isinstance(payload, (dict, list)):
        return ""
    before, after = (
        json.dumps(value, indent=4, sort_keys=True, default=repr).splitlines()
        for value in (wanted, payload)
    )
    lines = [f"  {line}" for line in ndiff(before, after) if not line.startswith("?")]
    return "\n".join(lines[:_DIFF_LINES]) + "\n\n"


_DIFF_LINES = 60
