"""One object decides what runs next; a test puts another in its place."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from channels_testkit import Group, SimpleWebsocketTestCase
from channels_testkit.engine.order import Order, put_in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Reversed(Order):
    """Lets the last job start, and when told to the last message come."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []
        self.is_told = False

    def choose_lane(self, lanes: Sequence[Any]) -> int:
        return len(lanes) - 1

    def arrive(
        self, source: object, say: Callable[[], str], come: Callable[[], object]
    ) -> None:
        if not (self.is_told and isinstance(source, str)):
            return super().arrive(source, say, come)
        self.waiting.append(come)
        if len(self.waiting) == 3:
            for waiting in reversed(self.waiting):
                waiting()
        return None


class Frozen(Order):
    now = 1000.0

    def time(self) -> float:
        return self.now


class Listening(AsyncJsonWebsocketConsumer):
    groups = ("room",)
    heard: list[str]

    async def room_message(self, event: dict[str, Any]) -> None:
        self.scope["heard"].append(self.scope["path"])


class Beating(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept()
        self.task = asyncio.ensure_future(self.beat())

    async def beat(self) -> None:
        for number in range(3):
            await asyncio.sleep(30)
            await self.send_json(number)


class OrderTests(SimpleWebsocketTestCase):
    def hear(self) -> list[str]:
        heard: list[str] = []
        for path in ("/1", "/2", "/3"):
            application = Listening.as_asgi()
            self.connect(path, application=application, scope={"heard": heard})
        Group("room").send({"type": "room.message"})
        return heard

    def test_deliveries_come_in_the_order_of_joining(self) -> None:
        self.assertEqual(self.hear(), ["/1", "/2", "/3"])

    def test_deliveries_can_be_reversed(self) -> None:
        order = Reversed()
        put_in_order(self._kit.bridge.loop, order)
        order.is_told = True
        self.assertEqual(self.hear(), ["/3", "/2", "/1"])

    async def jobs(self) -> list[str]:
        log: list[str] = []

        async def request(name: str) -> None:
            async with ThreadSensitiveContext():
                await sync_to_async(log.append)(name)

        await asyncio.gather(*map(request, "abc"))
        return log

    async def test_jobs_start_in_the_order_in_which_they_came(self) -> None:
        self.assertEqual(await self.jobs(), ["a", "b", "c"])

    async def test_jobs_can_start_in_another_order(self) -> None:
        put_in_order(self._kit.bridge.loop, Reversed())
        self.assertEqual(await self.jobs(), ["c", "b", "a"])

    def test_a_clock_can_stand_still(self) -> None:
        clock = Frozen()
        put_in_order(self._kit.bridge.loop, clock)
        ann = self.connect("/", application=Beating.as_asgi())
        self.assertReceivesNothing(ann)
        for number in range(3):
            clock.now += 30
            self.settle()
            self.assertReceivesJson(ann, number)
