"""
Consumers that make queries, for budgets and the failures of these.

The failures name lines of this file: docs/failures follows when it changes.
"""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    JsonWebsocketConsumer,
)
from django.db import transaction

from .models import Note


def count_notes() -> int:
    """Make a query."""
    return Note.objects.count()


class QueryingConsumer(AsyncJsonWebsocketConsumer):
    """Makes a query for each item of a list, and one for each listener."""

    groups = ("listeners",)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        for text in content.get("items", ()):
            await Note.objects.filter(text=text).aexists()
        if "tell" in content:
            message = {"type": "told", "text": content["tell"]}
            await self.channel_layer.group_send("listeners", message)

    async def told(self, event: dict[str, Any]) -> None:
        count = await Note.objects.filter(text=event["text"]).acount()
        await self.send_json({"notes": count})


class SyncQueryingConsumer(JsonWebsocketConsumer):
    """The same, in sync code, with a block of its own."""

    groups = ("listeners",)

    def receive_json(self, content: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            for text in content.get("items", ()):
                Note.objects.filter(text=text).exists()
        if "tell" in content:
            message = {"type": "told", "text": content["tell"]}
            async_to_sync(self.channel_layer.group_send)("listeners", message)

    def told(self, event: dict[str, Any]) -> None:
        count = Note.objects.filter(text=event["text"]).count()
        self.send_json({"notes": count})
