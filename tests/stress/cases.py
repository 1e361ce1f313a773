"""The tests that the stress script runs; no part of the usual suite."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import anyio
from asgiref.sync import async_to_sync, sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer

from channels_testkit import HttpCommunicator, WebsocketTestCase
from tests.app.asgi import application
from tests.app.models import Note
from tests.engine import test_pools, test_threads

USERS = 5


class Roundabout(AsyncWebsocketConsumer):
    """Answers by way of tasks, pools, timers and the database."""

    groups = ("all",)
    value = "real"

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        self.tasks = [asyncio.create_task(self.answer(text_data))]

    async def answer(self, text: str) -> None:
        for _ in range(3):
            await sync_to_async(str, thread_sensitive=False)(text)
            await asyncio.sleep(0)
        await sync_to_async(self.post)(text)

    def post(self, text: str) -> None:
        Note.objects.create(text=text)
        async_to_sync(self.send)(f"{text} {Note.objects.count()}")

    async def tell(self, event: dict[str, Any]) -> None:
        await self.send(type(self).value)


class BroadcastTests(WebsocketTestCase):
    """One says, all hear, and the row is there."""

    def broadcast(self, path: str) -> None:
        users = self.connect_many(USERS, path)
        for number, user in enumerate(users):
            user.send_json({"note": f"note {number}"})
            self.assertEqual(Note.objects.count(), number + 1)
            self.assertAllReceive(users, {"note": f"note {number}"})
        users[0].disconnect()
        users[1].send_json({"note": "last"})
        self.assertOnlyReceive(users[1:], {"note": "last"})
        for user in users:
            self.assertReceivesNothing(user)

    async def abroadcast(self, path: str) -> None:
        users = await self.aconnect_many(USERS, path)
        for number, user in enumerate(users):
            await user.send_json_to({"note": f"note {number}"})
            self.assertEqual(await Note.objects.acount(), number + 1)
            self.assertAllReceive(users, {"note": f"note {number}"})
        await users[0].disconnect()
        await users[1].send_json_to({"note": "last"})
        self.assertOnlyReceive(users[1:], {"note": "last"})
        for user in users:
            self.assertReceivesNothing(user)

    def test_async_consumers_in_a_sync_test(self) -> None:
        self.broadcast("/ws/room/1/")

    def test_sync_consumers_in_a_sync_test(self) -> None:
        self.broadcast("/ws/sync-room/1/")

    async def test_async_consumers_in_an_async_test(self) -> None:
        await self.abroadcast("/ws/room/1/")

    async def test_sync_consumers_in_an_async_test(self) -> None:
        await self.abroadcast("/ws/sync-room/1/")


class RoundaboutTests(WebsocketTestCase):
    ws_path = "/"
    application = Roundabout.as_asgi()

    def test_sync(self) -> None:
        users = self.connect_many(USERS)
        for number, user in enumerate(users, 1):
            user.send_text("text")
            self.assertEqual(user.frames, [f"text {number}"])

    async def test_async(self) -> None:
        users = await self.aconnect_many(USERS)
        await asyncio.gather(*(user.send_text("text") for user in users))
        self.assertEqual(
            {user.frames[0] for user in users},
            {f"text {number + 1}" for number in range(USERS)},
        )

    async def test_raw_layer(self) -> None:
        users = await self.aconnect_many(USERS)
        for count in range(1, 4):
            await get_channel_layer().group_send("all", {"type": "tell"})
            self.assertEqual([len(user.frames) for user in users], [count] * USERS)

    def test_patched_block(self) -> None:
        """What is woken inside the block runs after it."""
        user = self.connect()
        for _ in range(10):
            Roundabout.value = "patched"
            async_to_sync(get_channel_layer().group_send)("all", {"type": "tell"})
            threading.Event().wait(0.001)
            Roundabout.value = "real"
            self.assertReceivesText(user, "real")


class RequestTests(WebsocketTestCase):
    """Requests have lanes of their own, and jobs in them wait for the loop."""

    def post(self, number: int) -> HttpCommunicator:
        return HttpCommunicator(
            application,
            "POST",
            "/broadcast/1/",
            f"text=note+{number}".encode(),
            headers=[(b"content-type", b"application/x-www-form-urlencoded")],
        )

    def check(self, users: list[Any]) -> None:
        wanted = [{"note": f"note {number}"} for number in range(USERS)]
        for user in users:
            frames = [json.loads(frame) for frame in user.frames]
            self.assertCountEqual(frames, wanted)
        self.assertEqual(Note.objects.count(), USERS)

    async def test_sync_consumers(self) -> None:
        users = await self.aconnect_many(USERS, "/ws/sync-room/1/")
        posts = [self.post(number) for number in range(USERS)]
        await asyncio.gather(*(it.get_response() for it in posts))
        await sync_to_async(self.check)(users)

    async def test_async_consumers(self) -> None:
        users = await self.aconnect_many(USERS, "/ws/room/1/")
        posts = [self.post(number) for number in range(USERS)]
        await asyncio.gather(*(it.get_response() for it in posts))
        await sync_to_async(self.check)(users)


class PoolTests(WebsocketTestCase):
    """Pools that the application keeps, and gives jobs to by itself."""

    application = test_pools.Consumer.as_asgi()

    def test_sync(self) -> None:
        users = self.connect_many(USERS, "/")
        for way in test_pools.WAYS:
            for user in users:
                user.send_text(way)
            for user in users:
                self.assertReceivesText(user, "done")
                self.assertReceivesNothing(user)

    async def test_async(self) -> None:
        users = await self.aconnect_many(USERS, "/")
        for way in test_pools.WAYS:
            await asyncio.gather(*(user.send_to(way) for user in users))
            for user in users:
                self.assertReceivesText(user, "done")
                self.assertReceivesNothing(user)


class ServiceTests(WebsocketTestCase):
    """A thread that is older than the test answers."""

    application = test_threads.Consumer.as_asgi()

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        test_threads.Consumer.service = test_threads.Service(turns=500)
        cls.addClassCleanup(test_threads.Consumer.service.stop)

    def test_sync(self) -> None:
        users = self.connect_many(USERS, "/")
        for way in test_threads.WAYS:
            for user in users:
                user.send_text(way)
            for user in users:
                self.assertReceivesText(user, "done", timeout=60)

    async def test_async(self) -> None:
        users = await self.aconnect_many(USERS, "/")
        for way in test_threads.WAYS:
            for user in users:
                await user.send_to(way)
            for user in users:
                self.assertEqual(await user.receive_from(timeout=60), "done")


class AnyioTests(WebsocketTestCase):
    """The test's own code cancels, and waits in groups."""

    application = Roundabout.as_asgi()

    async def test_cancelled(self) -> None:
        users = await self.aconnect_many(USERS, "/")
        for user in users:
            with anyio.CancelScope() as scope:
                scope.cancel()
                await user.send_text("text")
            self.assertEqual(len(user.frames), 1)

    async def test_groups(self) -> None:
        users = await self.aconnect_many(USERS, "/")
        async with anyio.create_task_group() as group:
            for user in users:
                group.start_soon(user.send_text, "text")
        self.assertEqual([len(user.frames) for user in users], [1] * USERS)
