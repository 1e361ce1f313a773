"""The application that every side of a comparison is given."""

from __future__ import annotations

from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
)
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from .models import Row


def count_rows(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(Row.objects.count())


urlpatterns = [path("rows/", count_rows)]

GROUP = "everybody"


class AsyncWriter(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        row = await Row.objects.acreate(text=content["text"])
        await self.send_json({"id": row.pk})


class SyncWriter(JsonWebsocketConsumer):
    def receive_json(self, content: Any, **kwargs: Any) -> None:
        row = Row.objects.create(text=content["text"])
        self.send_json({"id": row.pk})


class Echo(AsyncWebsocketConsumer):
    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None
    ) -> None:
        await self.send(text_data)


class Listener(AsyncWebsocketConsumer):
    groups = (GROUP,)

    async def told(self, event: dict[str, Any]) -> None:
        await self.send(event["text"])


async def plain_echo(scope: Any, receive: Any, send: Any) -> None:
    """Echo without Channels."""
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"]})


router = URLRouter(
    [
        path("async/", AuthMiddlewareStack(AsyncWriter.as_asgi())),
        path("sync/", AuthMiddlewareStack(SyncWriter.as_asgi())),
        path("echo/", Echo.as_asgi()),
        path("listen/", Listener.as_asgi()),
        path("plain/", plain_echo),
    ]
)
application = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": router})
