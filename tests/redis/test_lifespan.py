"""A pool of connections to a real Redis, opened by start-up."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from redis.asyncio import Redis

from channels_testkit import WebsocketTestCase
from channels_testkit.redis import RedisServer, RedisTestMixin
from tests.lifespans import lifespan_of, routed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def with_pool(state: dict[str, Any]) -> AsyncIterator[None]:
    async with Redis.from_url(RedisServer.obtain().url) as pool:
        await pool.ping()
        state["redis"] = pool
        yield


class CountConsumer(AsyncJsonWebsocketConsumer):
    groups = ("counts",)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        pool = self.scope["state"]["redis"]
        key = f"channels-testkit-{content}"
        count = await pool.incr(key)
        await pool.delete(key)
        await self.channel_layer.group_send("counts", {"type": "count", "is": count})

    async def count(self, message: Any) -> None:
        await self.send_json(message["is"])


class PoolTests(RedisTestMixin, WebsocketTestCase):
    application = routed(lifespan_of(with_pool), CountConsumer.as_asgi())
    ws_path = "/"
    run_lifespan = True
    check_leaks = "fail"
    receive_timeout = 10.0

    def test_consumers_share_it(self) -> None:
        ann, ben = self.connect_many(2)
        ann.send_json("sync")
        self.assertAllReceive([ann, ben], 1)

    async def test_in_an_async_test(self) -> None:
        ann = await self.aconnect()
        await ann.send_json("async")
        self.assertEqual(await ann.receive_json(), 1)


class SharedPoolTests(PoolTests):
    run_lifespan = "class"
