"""Consumers that several test modules share."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    JsonWebsocketConsumer,
)

from .models import Note


class EchoConsumer(AsyncJsonWebsocketConsumer):
    """Echoes JSON; ``"raise"`` and ``"close"`` in it do what they say."""

    async def connect(self) -> None:
        offered = self.scope["subprotocols"]
        await self.accept(subprotocol=offered[0] if offered else None)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None
    ) -> None:
        if bytes_data is not None:
            await self.send(bytes_data=bytes_data)
        elif text_data is not None and not text_data.startswith(("{", "[")):
            await self.send(text_data=text_data)
        else:
            await super().receive(text_data)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if "raise" in content:
            raise {"ValueError": ValueError, "KeyError": KeyError}[content["raise"]](
                "asked for"
            )
        if "close" in content:
            await self.close(code=content["close"], reason=content.get("reason"))
        else:
            await self.send_json(content)


class RoomConsumer(AsyncJsonWebsocketConsumer):
    """What one says, everybody in the room hears, and the database keeps."""

    async def connect(self) -> None:
        self.room = f"room-{self.scope['url_route']['kwargs']['number']}"
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if "note" in content:
            await Note.objects.acreate(text=content["note"])
        message = {"type": "room.message", "content": content}
        await self.channel_layer.group_send(self.room, message)

    async def room_message(self, event: dict[str, Any]) -> None:
        await self.send_json(event["content"])

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.room, self.channel_name)


class SyncRoomConsumer(JsonWebsocketConsumer):
    """The same, in sync code."""

    def connect(self) -> None:
        self.room = f"room-{self.scope['url_route']['kwargs']['number']}"
        async_to_sync(self.channel_layer.group_add)(self.room, self.channel_name)
        self.accept()

    def receive_json(self, content: Any, **kwargs: Any) -> None:
        if "note" in content:
            Note.objects.create(text=content["note"])
        message = {"type": "room.message", "content": content}
        async_to_sync(self.channel_layer.group_send)(self.room, message)

    def room_message(self, event: dict[str, Any]) -> None:
        self.send_json(event["content"])

    def disconnect(self, code: int) -> None:
        async_to_sync(self.channel_layer.group_discard)(self.room, self.channel_name)


class WhoConsumer(AsyncJsonWebsocketConsumer):
    """Says who is connected, and turns strangers away."""

    async def connect(self) -> None:
        user = self.scope["user"]
        if not user.is_authenticated:
            await self.close(code=4401, reason="log in first")
            return
        await self.accept()
        await self.send_json({"user": user.username})


class CountConsumer(AsyncJsonWebsocketConsumer):
    """Says how many notes there are, in each of the ways to ask."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        ways = {"async": self.ask, "thread": self.ask_in_thread}
        await self.send_json({"count": await ways[content["way"]]()})

    async def ask(self) -> int:
        return await Note.objects.acount()

    async def ask_in_thread(self) -> int:
        return await database_sync_to_async(Note.objects.count)()
