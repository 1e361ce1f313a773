"""Frames that a consumer has no method for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)

from channels_testkit.routing.remedies import meant_method, own_methods

if TYPE_CHECKING:
    from .connection import WebsocketConnection

_JSON = (JsonWebsocketConsumer, AsyncJsonWebsocketConsumer)
#: What leads from a frame to ``receive()``.
_WAY = ("dispatch", "websocket_receive", "receive")


def ignores_frames(connection: WebsocketConnection) -> str:
    """
    Say that the consumer has no method for the test's frames, if that is so.

    Channels' own ``receive()`` and ``receive_json()`` do nothing.
    """
    consumer = connection.consumer
    if not isinstance(consumer, (WebsocketConsumer, AsyncWebsocketConsumer)):
        return ""
    is_json = isinstance(consumer, _JSON)
    kind, name = type(consumer), "receive_json" if is_json else "receive"
    events = [entry.event["type"] for entry in connection.transcript]
    was_sent = "websocket.receive" in events
    if not was_sent or {*_WAY, name}.intersection(own_methods(kind)):
        return ""
    meant = meant_method(kind, name)
    return f"{kind.__name__} has no {name}(), so it ignores frames.{meant}"
