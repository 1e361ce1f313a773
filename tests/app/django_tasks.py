"""
Background tasks of the application, for Django's framework.

``framework`` is django.tasks, or its backport for older versions.
"""

from __future__ import annotations

import importlib
from typing import Any

import django
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from .models import Note

PACKAGE = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
framework = importlib.import_module(PACKAGE)
BaseTaskBackend: Any = importlib.import_module(
    f"{PACKAGE}.backends.base"
).BaseTaskBackend

task = framework.task


class FarBackend(BaseTaskBackend):
    """A backend whose queue is nowhere, and which defers nothing."""

    supports_async_task = True

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        raise ConnectionError("The queue is nowhere.")


@task
def shout(room: str, text: str) -> str:
    """Send a text to all in a room, in capitals."""
    message = {"type": "room.message", "content": text.upper()}
    async_to_sync(get_channel_layer().group_send)(f"room-{room}", message)
    return text.upper()


@task
async def whisper(room: str, text: str) -> None:
    message = {"type": "room.message", "content": text.lower()}
    await get_channel_layer().group_send(f"room-{room}", message)
    await Note.objects.acreate(text=text)


@task(takes_context=True)
def tell_attempt(context: Any, words: list[str]) -> list[Any]:
    words.append("changed")
    return [context.attempt, context.task_result.status, words]


@task
def fail(text: str) -> None:
    raise ValueError(text)


@task
def note_later(text: str) -> None:
    whisper.enqueue("1", text)


@task
def give_back_what_is_no_json() -> Any:
    return object()
