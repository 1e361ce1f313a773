"""A room that says who is here: the page on state machines."""

from __future__ import annotations

from typing import Any

from channels.generic.websocket import JsonWebsocketConsumer

from tests.app.models import Note


# docs:start presence
class Presence(JsonWebsocketConsumer):
    """Says who is here, with a row for each tab."""

    def connect(self) -> None:
        self.name = self.scope["url_route"]["kwargs"]["name"]
        self.row = Note.objects.create(text=self.name)
        self.accept()

    def receive_json(self, content: Any, **kwargs: Any) -> None:
        self.send_json(sorted(set(Note.objects.values_list("text", flat=True))))

    def disconnect(self, code: int) -> None:
        self.row.delete()


# docs:end presence


# docs:start presence-one-row
class OneRowPresence(Presence):
    def connect(self) -> None:
        self.name = self.scope["url_route"]["kwargs"]["name"]
        Note.objects.get_or_create(text=self.name)
        self.accept()

    def disconnect(self, code: int) -> None:
        Note.objects.filter(text=self.name).delete()


# docs:end presence-one-row
