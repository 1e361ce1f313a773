"""Failures about handshakes: verdict, evidence, transcript, next step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels.security.websocket import WebsocketDenier
from django.conf import settings

from channels_testkit.matching.wording import say, shorten
from channels_testkit.routing.origins import (
    follows_settings,
    origins_of,
    refusing_validator,
)

from .close_failures import with_reason
from .login_hints import NO_SESSION

if TYPE_CHECKING:
    from channels.security.websocket import OriginValidator

    from .connection import WebsocketConnection

__unittest = True

#: What to use instead of a ``with`` block on a connection.
WITHOUT_BLOCK = "connect() without a block: it returns the Handshake"


def refused(
    connection: WebsocketConnection, *, allowing: str | None = None
) -> AssertionError:
    """
    Return the failure of a handshake that should have been accepted.

    ``allowing`` is what to use to test the refusal itself. By default it is
    ``assertRejected()`` on a client that the test connects itself.
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
            f"{with_reason(handshake.reason)}."
        )
    use = f"use {allowing}." if allowing else _steps_to_reject(connection)
    return AssertionError(
        f"{verdict}\n\n"
        f"{evidence}\n\n"
        f"To test the refusal itself, {use}\n\n"
        f"{connection.transcript}"
    )


def _steps_to_reject(connection: WebsocketConnection) -> str:
    is_async, kit = connection.environment.is_async, connection.environment.called
    name, wait = ("communicator", "await ") if is_async else ("client", "")
    return (
        "with the same options:\n"
        f"    {name} = {kit}.create_{name}({say(connection.opened_at)})\n"
        f"    {wait}{name}.connect()\n"
        f"    {kit}.assertRejected({name})"
    )


def _user_line(connection: WebsocketConnection) -> str:
    user = None if connection.lacks_user else connection.scope.get("user")
    who = "not set" if user is None else str(user)
    lines = [f"scope['user']: {who}", f"Origin: {_origin(connection) or 'none'}"]
    opened_as = connection.user
    is_stranger = opened_as is None and _header(connection, b"cookie") is None
    if is_stranger and getattr(user, "is_anonymous", False):
        kit = connection.environment.called
        lines.append(
            f"It was opened without user=, and {kit}.client is not logged in. To log a"
            " user in, give user= or client=."
        )
    if opened_as is not None and _key(user) != _key(opened_as):
        hint = connection.login_hint
        lines.append(f"It was opened as {_named(opened_as)}. {hint}")
    return "\n".join(lines)


def _origin(connection: WebsocketConnection) -> str:
    origin = _header(connection, b"origin")
    return "" if origin is None else repr(origin.decode("latin1"))


def _header(connection: WebsocketConnection, name: bytes) -> bytes | None:
    return dict(connection.scope.get("headers") or []).get(name)


def _who_refused_origin(connection: WebsocketConnection) -> OriginValidator | None:
    if not isinstance(connection.consumer, WebsocketDenier):
        return None
    return refusing_validator(connection.application, _header(connection, b"origin"))


def _accepted_origins(validator: OriginValidator) -> str:
    accepted = ", ".join(map(repr, origins_of(validator))) or "none"
    if follows_settings(validator):
        return (
            f"It accepts the hosts in ALLOWED_HOSTS: {accepted}.\n"
            "Give an origin= that it accepts, or use"
            " override_settings(ALLOWED_HOSTS=...)."
        )
    return f"It accepts: {accepted}.\nGive an origin= that it accepts."


def check_user(connection: WebsocketConnection, user: Any) -> None:
    """Fail if the application has another user for the connection."""
    seen = connection.scope.get("user", user)
    if user is None or seen is user or _key(seen) == _key(user):
        return
    raise AssertionError(
        f"{connection.label} was opened as {_named(user)}, but the application's"
        f" scope has the user {_named(seen)}.\n\n"
        f"{connection.login_hint}\n\n"
        f"{connection.transcript}"
    )


def no_auth(connection: WebsocketConnection) -> AssertionError:
    """Return the failure of a login that the project does not look for."""
    return AssertionError(
        f"{connection.label} was opened as {_named(connection.user)}, but"
        f" ASGI_APPLICATION ({settings.ASGI_APPLICATION!r}) sets no scope['user'] on"
        " this route.\n\n"
        "In production there would be no user: wrap its WebSocket routes in"
        f" AuthMiddlewareStack from channels.auth. {NO_SESSION}\n\n"
        f"{connection.transcript}"
    )


def _key(user: Any) -> object:
    key = getattr(user, "pk", None)
    return user if key is None else key


def _named(user: Any) -> str:
    """Return a user's name, with the key where there is one."""
    key = getattr(user, "pk", None)
    return str(user) if key is None else f"{user!s} (pk {key})"


def not_accepted(
    connection: WebsocketConnection, subprotocol: str | None
) -> str | None:
    """Say why the handshake was not accepted that way."""
    handshake = connection.handshake
    if handshake is None or not handshake.accepted:
        return str(refused(connection, allowing="assertRejected()"))
    if subprotocol is None or handshake.subprotocol == subprotocol:
        return None
    return (
        f"{connection.label} was accepted with subprotocol"
        f" {say(handshake.subprotocol)}, not {say(subprotocol)}."
        f"\n\n{connection.transcript}"
    )


def not_rejected(
    connection: WebsocketConnection,
    code: int | None,
    reason: str | None,
    status: int | None,
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
            verdict = f"{connection.label} was rejected with {name} {say(found)}"
            return f"{verdict}, not {say(wanted)}.\n\n{connection.transcript}"
    return None
