"""An hour of virtual time: timers that come due, and heartbeats of a crowd."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from channels_testkit import SimpleWebsocketTestCase

from .measuring import Repeats, Side, calls, compare

HOUR = 3600


class Timers(AsyncJsonWebsocketConsumer):
    """Sets so many timers, which come due one after the other in an hour."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        loop = asyncio.get_running_loop()
        for number in range(content):
            loop.call_later((number + 1) * HOUR / content, int)


class Beats(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept()
        self.beating = asyncio.create_task(self.beat())

    async def beat(self) -> None:
        while True:
            await asyncio.sleep(30)
            await self.send_json("beat")

    async def disconnect(self, code: int) -> None:
        self.beating.cancel()


class Hour(Repeats, SimpleWebsocketTestCase):
    use_virtual_time = True
    ws_path = "/"
    number = 1

    def timers(self) -> None:
        ann = self.connect(application=Timers.as_asgi())
        ann.send_json(self.number)
        self.repeat(lambda: self.advance(HOUR))

    def heartbeats(self) -> None:
        clients = self.connect_many(self.number, application=Beats.as_asgi())
        self.repeat(lambda: self.advance(HOUR))
        self.assertEqual({len(ann.frames) for ann in clients}, {HOUR // 30})


def measure(*, smoke: bool) -> None:
    timers, clients = (10, 2) if smoke else (1_000, 200)
    compare(
        "advance(3600)",
        [
            side("no timer", "timers", 0),
            side(f"{timers:,} timers", "timers", timers),
            side(f"{clients:,} clients with 120 heartbeats", "heartbeats", clients),
        ],
        1 if smoke else 5,
    )


def side(name: str, method: str, number: int) -> Side:
    once = calls(name, Hour, method, 1)

    def sample() -> float:
        Hour.number = number
        return once.sample()

    return once._replace(sample=sample)
