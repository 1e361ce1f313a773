"""Why a live server refused a client, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels.security.websocket import WebsocketDenier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from channels.consumer import AsyncConsumer

    from channels_testkit.asgi.application import Event


def refusal(
    event: Event, scope: Mapping[str, Any], consumer: AsyncConsumer | None
) -> str:
    """Say that a handshake was refused, as whom and from where."""
    origin = dict(scope["headers"]).get(b"origin", b"none").decode("latin1")
    where = f"The live server refused the WebSocket {scope['path']}"
    if isinstance(consumer, WebsocketDenier):
        return f"{where}: its origin, {origin}, is not accepted."
    code, reason = event.get("code", 1000), event.get("reason")
    said = f"close code {code}" + (f", reason {reason!r}" if reason else "")
    user = scope.get("user", "not set")
    return f"{where}: {said}; scope['user']: {user}; Origin: {origin}."
