"""A test of three clients, once and under 200 schedules."""

from __future__ import annotations

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from channels_testkit import WebsocketTestCase, explore_schedules

from .measuring import compare, whole_tests
from .models import Row


class Room(AsyncJsonWebsocketConsumer):
    groups = ("room",)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await Row.objects.acreate(text=content)
        message = {"type": "room.text", "text": content}
        await self.channel_layer.group_send("room", message)

    async def room_text(self, event: dict[str, Any]) -> None:
        await self.send_json(event["text"])


class Rooms(WebsocketTestCase):
    application = Room.as_asgi()
    ws_path = "/"

    def once(self) -> None:
        clients = self.connect_many(3)
        for client in clients:
            client.send_json("hello")
        for client in clients:
            self.assertEqual(client.receive_all_json(), ["hello"] * 3)

    explored = explore_schedules(200)(lambda self: self.once())
    overlapping = explore_schedules(200, sends_overlap=True)(lambda self: self.once())


def measure(*, smoke: bool) -> None:
    compare(
        "Three clients that write and hear",
        [
            whole_tests("once", Rooms, "once", 1 if smoke else 20),
            whole_tests("200 schedules", Rooms, "explored", 1),
            whole_tests("200 schedules, sends overlap", Rooms, "overlapping", 1),
        ],
        1 if smoke else 5,
    )
