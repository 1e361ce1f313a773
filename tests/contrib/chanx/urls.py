from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import path
from rest_framework.exceptions import PermissionDenied
from rest_framework.views import APIView

from .consumers import BoardConsumer
from .messages import NoteEvent, Pinned
from .models import Board, Note


def pin(request: HttpRequest, pk: int) -> JsonResponse:
    """Pin a note, and tell who looks at the board."""
    note = Note.objects.create(board=Board.objects.get(pk=pk), text="by a view")
    event = NoteEvent(payload=Pinned(note_id=note.pk, note_text=note.text))
    BoardConsumer.broadcast_event_sync(event, f"board-{pk}")
    return JsonResponse({"note": note.pk})


class RefusedView(APIView):
    def post(self, request: Any) -> None:
        Board.objects.create(name="refused")
        raise PermissionDenied


urlpatterns: list[Any] = [
    path("boards/<int:pk>/pin/", pin),
    path("boards/refused/", RefusedView.as_view()),
]
