"""Failures of a connection, in words: verdict, evidence, transcript, next step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .connection import NOT_SAID, is_frame, payload_of, said
from .engine.transcript import describe_payload, shorten
from .routing import NO_ROUTE, routes_of

if TYPE_CHECKING:
    from .connection import Connection
    from .engine.application import Event
    from .wire import JsonWire

__unittest = True


def refused(connection: Connection) -> AssertionError:
    """Return the failure of a handshake that should have been accepted."""
    handshake = connection.handshake
    if handshake is None:
        verdict = f"{connection.label} was not accepted."
    elif handshake.status is not None:
        body = shorten(repr(handshake.body))
        verdict = (
            f"{connection.label} refused the handshake: status {handshake.status},"
            f" body {body}."
        )
    else:
        verdict = (
            f"{connection.label} refused the handshake: close code {handshake.code}"
            f"{_with_reason(handshake.reason)}."
        )
    return AssertionError(
        f"{verdict}\n\n"
        f"{_user_line(connection)}\n"
        "To test the refusal itself, use assertRejected().\n\n"
        f"{connection.transcript}"
    )


def _with_reason(reason: str) -> str:
    return f", reason {reason!r}" if reason else ""


def _user_line(connection: Connection) -> str:
    user = connection.scope.get("user")
    who = "not set" if user is None else str(user)
    origins = dict(connection.scope.get("headers") or []).get(b"origin", b"")
    return f"scope['user']: {who}\nOrigin: {origins.decode('latin1') or 'none'}"


def check_user(connection: Connection, user: Any) -> None:
    """Fail when the application takes the connection for somebody else's."""
    seen = connection.scope.get("user", user)
    if user is None or seen is user or getattr(seen, "pk", None) == user.pk:
        return
    raise AssertionError(
        f"{connection.label} was opened as {user!s}, but the application's scope has"
        f" the user {seen!s}.\n\n"
        "Where the project does not log in by session, override get_login(user) on"
        " the test case.\n\n"
        f"{connection.transcript}"
    )


def explain_missing_route(error: ValueError, application: object) -> None:
    """Turn Channels' "No route found" into a failure that lists the routes."""
    if NO_ROUTE not in str(error):
        return
    routes = "\n".join(f"  {path}" for path in routes_of(application)) or "  none"
    raise AssertionError(f"{error}\n\nThe routes are:\n{routes}") from error


def check_frame_is_next(
    connection: Connection, what: str, timeout: float, *, expected: Any = NOT_SAID
) -> None:
    """Fail unless the next unread event is a frame."""
    if not connection.unread:
        raise connection.nothing_came(what, timeout, expected=expected)
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
        raise AssertionError(
            f"The frame from {connection.label} is not JSON: {_shown(event)}"
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
            verdict = (
                f"{connection.label} was rejected with {name} {found!r}, not {wanted!r}."
            )
            return f"{verdict}\n\n{connection.transcript}"
    return None


def is_dead(connection: Connection) -> str:
    """Say that silence proves nothing, because the application raised."""
    kind = type(connection.error).__name__
    return (
        f"{connection.label} received nothing because its application raised"
        f" {kind}.\n\n{connection.transcript}"
    )


def in_words(connection: Connection) -> str:
    """Return the state of a connection as a sentence has it."""
    words = {
        "connecting": "not accepted yet",
        "closed": f"closed by the application (code {connection.close_code})",
        "ended": "gone: its application has ended",
    }
    return words.get(connection.state, connection.state)
