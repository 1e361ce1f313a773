"""Consumers without the races of public projects, and with them."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.core.cache import cache

from tests.app.models import Note


# docs:start reload
class Participant(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept()
        await Note.objects.acreate(text="ann")
        await self.tell_admins("present")

    async def disconnect(self, code: int) -> None:
        await self.forget_one_tab()
        if not await Note.objects.filter(text="ann").aexists():
            await self.tell_admins("absent")

    @database_sync_to_async
    def forget_one_tab(self) -> None:
        Note.objects.filter(text="ann")[0].delete()

    async def tell_admins(self, status: str) -> None:
        message = {"type": "room.changed", "status": status}
        await self.channel_layer.group_send("admins", message)


class Admin(AsyncJsonWebsocketConsumer):
    groups = ("admins",)

    async def room_changed(self, event: dict[str, Any]) -> None:
        # The message says that something has changed; the rows say what.
        is_present = await Note.objects.filter(text="ann").aexists()
        await self.send_json("present" if is_present else "absent")


# docs:end reload


# docs:start reload-racy
class RacyAdmin(Admin):
    async def room_changed(self, event: dict[str, Any]) -> None:
        await self.send_json(event["status"])


# docs:end reload-racy


# docs:start viewers
class Viewers(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept()
        await self.count(1)

    async def disconnect(self, code: int) -> None:
        await self.count(-1)

    async def count(self, change: int) -> None:
        await cache.aadd("viewers", 0, timeout=None)
        await sync_to_async(cache.incr)("viewers", change)


# docs:end viewers


# docs:start viewers-racy
class RacyViewers(Viewers):
    async def count(self, change: int) -> None:
        viewers = await cache.aget("viewers", 0)
        await cache.aset("viewers", viewers + change, timeout=None)


# docs:end viewers-racy


# docs:start viewers-aincr
class IncrementingViewers(Viewers):
    async def count(self, change: int) -> None:
        await cache.aadd("viewers", 0, timeout=None)
        await cache.aincr("viewers", change)


# docs:end viewers-aincr


# docs:start seats
class Game(AsyncJsonWebsocketConsumer):
    groups = ("game",)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        players = await self.join(content)
        if len(players) == 2:
            await self.start(players)

    @database_sync_to_async
    def join(self, name: str) -> list[str]:
        # In one job; with several processes, with the game's row locked.
        players = list(Note.objects.values_list("text", flat=True))
        if name in players or len(players) == 2:
            return []
        Note.objects.create(text=name)
        return sorted([*players, name])

    async def start(self, players: list[str]) -> None:
        message = {"type": "game.started", "players": players}
        await self.channel_layer.group_send("game", message)

    async def game_started(self, event: dict[str, Any]) -> None:
        await self.send_json(event["players"])


# docs:end seats


# docs:start seats-racy
class RacyGame(Game):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        players = await self.players()
        if content not in players and len(players) < 2:
            await Note.objects.acreate(text=content)
            players = await self.players()
            if len(players) == 2:
                await self.start(players)

    @database_sync_to_async
    def players(self) -> list[str]:
        return sorted(Note.objects.values_list("text", flat=True))


# docs:end seats-racy
