"""Consumers without races, and with them: the page on schedules."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.db import transaction
from django.db.models import F

from tests.app.models import Account, Note


# docs:start lost-update
class Counter(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        account = Account.objects.filter(pk=content)
        await account.aupdate(balance=F("balance") + 1)


# docs:end lost-update


# docs:start lost-update-racy
class RacyCounter(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        account = await Account.objects.aget(pk=content)
        account.balance += 1
        await account.asave()


# docs:end lost-update-racy


# docs:start double-spending
class Till(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.pay(content)

    @database_sync_to_async
    def pay(self, pk: int) -> None:
        rich = Account.objects.filter(pk=pk, balance__gte=10)
        rich.update(balance=F("balance") - 10)


# docs:end double-spending


# docs:start double-spending-racy
class RacyTill(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if await self.has_money(content):
            await self.pay(content)

    @database_sync_to_async
    def has_money(self, pk: int) -> bool:
        return Account.objects.get(pk=pk).balance >= 10

    @database_sync_to_async
    def pay(self, pk: int) -> None:
        Account.objects.filter(pk=pk).update(balance=F("balance") - 10)


# docs:end double-spending-racy


# docs:start history
class Room(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.channel_layer.group_add("room", self.channel_name)
        await self.accept()
        async for note in Note.objects.all():
            await self.send_json(note.text)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await Note.objects.acreate(text=content)
        message = {"type": "room.text", "text": content}
        await self.channel_layer.group_send("room", message)

    async def room_text(self, event: dict[str, Any]) -> None:
        await self.send_json(event["text"])

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("room", self.channel_name)


# docs:end history


# docs:start history-racy
class RacyRoom(Room):
    async def connect(self) -> None:
        await self.accept()
        async for note in Note.objects.all():
            await self.send_json(note.text)
        await self.channel_layer.group_add("room", self.channel_name)


# docs:end history-racy


# docs:start presence
class Presence(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept()
        await self.remember(online=True)

    async def disconnect(self, code: int) -> None:
        await self.remember(online=False)

    async def remember(self, *, online: bool) -> None:
        change = 1 if online else -1
        await Account.objects.aupdate(balance=F("balance") + change)


# docs:end presence


# docs:start presence-racy
class RacyPresence(Presence):
    async def remember(self, *, online: bool) -> None:
        account = await Account.objects.aget()
        account.balance = int(online)
        await account.asave()


# docs:end presence-racy


# docs:start check-then-create
class Lobby(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.open(content)

    @database_sync_to_async
    def open(self, name: str) -> None:
        # In one job; with several processes, a unique constraint as well.
        if not Note.objects.filter(text=name).exists():
            Note.objects.create(text=name)


# docs:end check-then-create


# docs:start check-then-create-racy
class RacyLobby(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if not await Note.objects.filter(text=content).aexists():
            await Note.objects.acreate(text=content)


# docs:end check-then-create-racy


# docs:start two-senders
class Chat(AsyncJsonWebsocketConsumer):
    groups = ("chat",)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.say(content)

    @database_sync_to_async
    def say(self, text: str) -> None:
        message = {"type": "chat.text", "number": Note.objects.create(text=text).pk}
        async_to_sync(self.channel_layer.group_send)("chat", message)

    async def chat_text(self, event: dict[str, Any]) -> None:
        await self.send_json(event["number"])


# docs:end two-senders


# docs:start two-senders-racy
class RacyChat(Chat):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        note = await Note.objects.acreate(text=content)
        message = {"type": "chat.text", "number": note.pk}
        await self.channel_layer.group_send("chat", message)


# docs:end two-senders-racy


# docs:start before-commit
class News(AsyncJsonWebsocketConsumer):
    groups = ("news",)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.publish(content)

    @database_sync_to_async
    def publish(self, text: str) -> None:
        with transaction.atomic():
            note = Note.objects.create(text=text)
            transaction.on_commit(lambda: self.tell(note))

    def tell(self, note: Note) -> None:
        message = {"type": "news.made", "text": note.text}
        async_to_sync(self.channel_layer.group_send)("news", message)

    async def news_made(self, event: dict[str, Any]) -> None:
        note = await Note.objects.aget(text=event["text"])
        await self.send_json(note.text)


# docs:end before-commit


# docs:start before-commit-racy
class RacyNews(News):
    @database_sync_to_async
    def publish(self, text: str) -> None:
        with transaction.atomic():
            self.tell(Note.objects.create(text=text))


# docs:end before-commit-racy
