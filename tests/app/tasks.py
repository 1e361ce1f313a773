"""
Background tasks of the application, for Celery.

Nothing listens at its broker and its results, and its tasks would be run at
once by the settings that many projects have for tests.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

from asgiref.sync import async_to_sync
from celery import Celery, shared_task
from celery.exceptions import Ignore, Reject
from channels.layers import get_channel_layer
from django.db import close_old_connections, connection, transaction

from .models import Note

app = Celery(
    "tests", broker="amqp://nowhere.invalid//", backend="redis://nowhere.invalid/0"
)
app.conf.task_always_eager = True
#: Of a project that keeps no results.
without_results = Celery(
    "without", broker="amqp://nowhere.invalid//", set_as_current=False
)

#: Set by who enqueues, and seen by no worker.
WHO = contextvars.ContextVar("WHO", default="nobody")


@app.task
def shout(room: str, text: str) -> str:
    """Send a text to all in a room, in capitals."""
    message = {"type": "room.message", "content": text.upper()}
    async_to_sync(get_channel_layer().group_send)(f"room-{room}", message)
    return text.upper()


@app.task
def shout_and_fail(room: str, text: str) -> None:
    shout(room, text)
    raise ValueError(text)


@shared_task
def add(a: int, b: int) -> int:
    return a + b


@app.task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@app.task
def write_note(text: str) -> None:
    with transaction.atomic():
        Note.objects.create(text=text)


@app.task
def fail(text: str) -> None:
    raise ValueError(text)


@app.task(bind=True, max_retries=2, default_retry_delay=600)
def fail_twice(self: Any) -> int:
    """Succeed at the third attempt."""
    if self.request.retries < 2:
        raise self.retry(exc=ValueError(f"attempt {self.request.retries}"))
    return self.request.retries


@app.task(bind=True, max_retries=1)
def never_succeed(self: Any) -> None:
    raise self.retry(exc=ValueError(f"attempt {self.request.retries}"))


@app.task(bind=True)
def tell_request(self: Any, number: int) -> dict[str, Any]:
    request = self.request
    return {
        "id": request.id,
        "args": request.args,
        "is_eager": request.is_eager,
        "called_directly": request.called_directly,
        "who": WHO.get(),
    }


@app.task
def note_later(text: str) -> None:
    write_note.delay(text)


@app.task
def again() -> None:
    again.apply_async(countdown=60)


@app.task
def ignored() -> None:
    raise Ignore


@app.task(bind=True)
def rejected_once(self: Any, seen: list[str] = []) -> None:  # noqa: B006 - a memory
    seen.append(self.request.id)
    if len(seen) % 2:
        raise Reject("busy", requeue=True)


@app.task
def wait_for(task_id: str) -> Any:
    return app.AsyncResult(task_id).get()


@without_results.task
def unrecorded() -> None:
    """Do nothing, of which nothing is kept."""


@app.task
def sleep(seconds: float) -> None:
    async_to_sync(asyncio.sleep)(seconds)


@app.task
def close_connections() -> int:
    """Count notes after what ends a connection in production."""
    connection.close()
    close_old_connections()
    return Note.objects.count()


@app.task
def stop_the_worker() -> None:
    raise SystemExit(3)


@app.task
def take_first(texts: list[str]) -> str:
    return next(iter(texts))


@app.task
def wait_for_ever() -> None:
    threading.Event().wait()
