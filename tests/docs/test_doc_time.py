"""What the page on time shows."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth.models import User
from django.utils import timezone

from channels_testkit import WebsocketTestCase


# docs:start heartbeat
class Heartbeat(AsyncJsonWebsocketConsumer):
    """Pings every 30 seconds, and closes if no answer comes within 10."""

    async def connect(self) -> None:
        await self.accept()
        self.answered = asyncio.Event()
        self.beat = asyncio.create_task(self.ping())

    async def ping(self) -> None:
        while True:
            await asyncio.sleep(30)
            self.answered.clear()
            await self.send_json({"type": "ping"})
            try:
                await asyncio.wait_for(self.answered.wait(), 10)
            except asyncio.TimeoutError:
                return await self.close(4008)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        self.answered.set()

    async def disconnect(self, code: int) -> None:
        self.beat.cancel()


# docs:end heartbeat


# docs:start class
class HeartbeatTests(WebsocketTestCase):
    use_virtual_time = True
    application = Heartbeat.as_asgi()
    ws_path = "/"

    def test_a_client_that_answers_stays(self) -> None:
        ann = self.connect()
        for _ in range(120):
            self.advance(30)
            self.assertReceivesJson(ann, {"type": "ping"})
            ann.send_json({"type": "pong"})
        self.assertOpen(ann)
        self.assertEqual(self.clock.now, 3600)

    def test_a_silent_client_is_disconnected(self) -> None:
        ann = self.connect()
        self.advance(39)
        self.assertOpen(ann)
        self.advance(1)
        self.assertReceivesJson(ann, {"type": "ping"})
        self.assertClosed(ann, code=4008)

    # docs:end class

    # docs:start async
    async def test_in_an_async_test(self) -> None:
        ann = await self.aconnect()
        await self.aadvance(30)
        self.assertReceivesJson(ann, {"type": "ping"})
        await asyncio.sleep(10)
        self.assertClosed(ann, code=4008)

    # docs:end async

    # docs:start receives
    def test_receives_move_the_clock(self) -> None:
        ann = self.connect()
        self.assertReceivesNothing(ann, within=29)
        self.assertReceivesJson(ann, {"type": "ping"}, timeout=5)
        self.assertEqual(self.clock.now, 30)

    # docs:end receives

    # docs:start timers
    def test_timers(self) -> None:
        self.connect(name="ann")
        (timer,) = self.clock.timers
        self.assertEqual((timer.due, timer.whose), (30, "ann (/)"))
        self.assertTrue(timer.name.endswith("ping"))

    # docs:end timers


class BlockTests(WebsocketTestCase):
    application = Heartbeat.as_asgi()
    ws_path = "/"

    # docs:start block
    def test_a_part_of_it(self) -> None:
        ann = self.connect()
        with self.virtual_time() as clock:
            self.advance(40)
            self.assertEqual(clock.now, 40)
        self.assertClosed(ann, code=4008)

    # docs:end block

    # docs:start wall
    def test_a_session_expires(self) -> None:
        ann = User.objects.create_user("ann")
        self.client.force_login(ann)
        start = dt.datetime(2030, 1, 1, 12, tzinfo=dt.timezone.utc)
        with self.virtual_time(start):
            session = self.client.session
            session.set_expiry(600)
            session.save()
            self.advance(601)
            self.assertEqual(timezone.now(), start + dt.timedelta(seconds=601))
            self.assertNotIn("_auth_user_id", self.client.session)

    # docs:end wall
