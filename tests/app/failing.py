"""
Consumers that go wrong, for the printed failures.

The failures name lines of this file: docs/failures follows when it changes.
"""

from __future__ import annotations

import asyncio
from typing import Any

from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth.models import AnonymousUser


class SlowConsumer(AsyncJsonWebsocketConsumer):
    """Answers after the seconds that it is sent."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await asyncio.sleep(content["seconds"])
        await self.send_json({"slept": content["seconds"]})


class TimerConsumer(AsyncJsonWebsocketConsumer):
    """Leaves the answer to a timer of the loop."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        loop = asyncio.get_running_loop()
        self.timer = loop.call_later(content["seconds"], print)

    async def disconnect(self, code: int) -> None:
        self.timer.cancel()


class SilentConsumer(AsyncJsonWebsocketConsumer):
    """Neither accepts nor rejects."""

    async def connect(self) -> None:
        pass


class EarlyConsumer(AsyncJsonWebsocketConsumer):
    """Sends before it accepts."""

    async def connect(self) -> None:
        await self.send_json({"hello": "too early"})


async def forbid(scope: Any, receive: Any, send: Any) -> None:
    """Deny every handshake with a response."""
    await receive()
    await send({"type": "websocket.http.response.start", "status": 403})
    await send({"type": "websocket.http.response.body", "body": b"not here"})


class StrangersOnly:
    """Middleware that takes everybody for a stranger."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.inner({**scope, "user": AnonymousUser()}, receive, send)


class TroubledWorker(AsyncConsumer):
    """A worker consumer that cannot do what it is asked to."""

    async def wait(self, message: dict[str, Any]) -> None:
        await asyncio.get_running_loop().create_future()

    async def answer(self, message: dict[str, Any]) -> None:
        await self.send({"type": "websocket.send", "text": "hello"})

    async def forward(self, message: dict[str, Any]) -> None:
        await self.channel_layer.send(message["to"], {"type": "made"})


async def never_answer(scope: Any, receive: Any, send: Any) -> None:
    """Answer no request."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def answer_in_part(scope: Any, receive: Any, send: Any) -> None:
    """Begin a response, and leave it at that."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    await never_answer(scope, receive, send)


async def move(scope: Any, receive: Any, send: Any) -> None:
    """Send every request to another place."""
    headers = [(b"location", b"/login/")]
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send({"type": "http.response.body"})


async def start_twice(scope: Any, receive: Any, send: Any) -> None:
    """Start a response that has been started."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.start", "status": 500})


class MisspellingConsumer(AsyncJsonWebsocketConsumer):
    """Tells a group that nobody is in."""

    groups = ("chat_lobby",)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        for group in content["groups"]:
            message = {"type": "chat.message", "text": "hello"}
            await self.channel_layer.group_send(group, message)

    async def chat_message(self, message: dict[str, Any]) -> None:
        await self.send(message["text"])


class StuckConsumer(AsyncJsonWebsocketConsumer):
    """Does not return from its handlers."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if content == "go round":
            while True:  # noqa: ASYNC110 - what this is about
                await asyncio.sleep(0)
        await asyncio.Event().wait()


class ForgetfulConsumer(AsyncJsonWebsocketConsumer):
    """Forgets to await."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        self.send_json({"answer": content})  # type: ignore[unused-coroutine]


class CountingConsumer(AsyncJsonWebsocketConsumer):
    """Counts what it is given, also in a task, and breaks where it cannot."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if content.get("later"):
            self.counting = asyncio.create_task(self.count(content))
        else:
            await self.count(content)

    async def count(self, content: Any) -> None:
        await self.send_json({"count": len(content["items"])})


class RestlessConsumer(AsyncJsonWebsocketConsumer):
    """Leaves neither its group nor its task when its client has gone."""

    async def connect(self) -> None:
        await self.channel_layer.group_add("lobby", self.channel_name)
        self.ticking = asyncio.create_task(self.tick(), name="ticker")
        await self.accept()

    async def tick(self) -> None:
        await asyncio.sleep(3600)


class RpcConsumer(AsyncJsonWebsocketConsumer):
    """Replies with numbers that have become text, after a note."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.send_json({"note": "adding"})
        await self.send_json({"id": str(content["id"]), "sum": 3})
