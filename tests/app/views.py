from __future__ import annotations

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from django.http import HttpRequest, JsonResponse

from .models import Note


def broadcast(request: HttpRequest, number: int) -> JsonResponse:
    """Keep a note, and tell the room when it is committed."""
    text = request.POST["text"]

    def tell() -> None:
        message = {"type": "room.message", "content": {"note": text}}
        async_to_sync(get_channel_layer().group_send)(f"room-{number}", message)

    with transaction.atomic():
        Note.objects.create(text=text)
        transaction.on_commit(tell)
    return JsonResponse({"notes": Note.objects.count()})


def notes(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"notes": Note.objects.count()})


async def anotes(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"notes": await Note.objects.acount()})
