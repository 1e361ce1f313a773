"""A room that tells everything twice: the page on the timeline."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels.generic.websocket import JsonWebsocketConsumer
from channels.layers import get_channel_layer
from django.db import transaction
from django.db.models.signals import post_save

from tests.app.models import Note


def tell_room(note: Note) -> None:
    message = {"type": "room.note", "text": note.text}
    async_to_sync(get_channel_layer().group_send)("room", message)


# docs:start noticeboard
class Noticeboard(JsonWebsocketConsumer):
    groups = ("room",)

    def receive_json(self, content: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            note = Note.objects.create(text=content)
        tell_room(note)

    def room_note(self, event: dict[str, Any]) -> None:
        self.send_json(event["text"])


# docs:end noticeboard


# docs:start saved
def saved(instance: Note, **kwargs: Any) -> None:
    tell_room(instance)


# docs:end saved


class signals_connected:  # noqa: N801 - a block
    """Connect the receiver of the project for a block."""

    def __enter__(self) -> None:
        post_save.connect(saved, sender=Note)

    def __exit__(self, *exc_info: object) -> None:
        post_save.disconnect(saved, sender=Note)


class MendedNoticeboard(Noticeboard):
    """Leaves it to the signal."""

    def receive_json(self, content: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            Note.objects.create(text=content)
