"""Frames after a login has ended, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_testkit.asgi.transcript import describe_payload
from channels_testkit.matching.wording import say

from .connection import payload_of

if TYPE_CHECKING:
    from channels_testkit.asgi.application import Event

    from .connection import WebsocketConnection
    from .ended_logins import Reason

_REMEDY = """\
{who} has left the connection open. Put the connections of each user into a group, \
and close them when the login ends:

    # in connect()
    await self.channel_layer.group_add(f"user-{{user.pk}}", self.channel_name)
    # {place}
    async_to_sync(layer.group_send)(f"user-{{user.pk}}", {{"type": "login.ended"}})

One last frame before the close is allowed."""


def leaked(
    connection: WebsocketConnection, event: Event, user: str, reason: Reason
) -> str:
    """Say that a user got a frame after the login had ended."""
    consumer = connection.consumer
    who = "The application" if consumer is None else type(consumer).__name__
    return (
        f"{connection.label} received a frame after"
        f" {reason.verdict.format(f'user {say(user)}')}:"
        f" {describe_payload(payload_of(event))}.\n\n"
        f"{_REMEDY.format(who=who, place=reason.place)}\n\n"
        f"{connection.transcript.render(event)}"
    )
