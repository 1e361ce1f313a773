"""Worker consumers that raise, on real Redis servers."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.consumer import AsyncConsumer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter

from channels_testkit import Channel
from channels_testkit.redis import RedisLayerTestCase


class Numbers(AsyncConsumer):
    """Tells the server of each job, and fails at one of them."""

    done: list[int]

    async def job(self, message: dict[str, Any]) -> None:
        await self.channel_layer.group_send("audit", {"type": "seen"})
        if message["number"] == 5:
            raise ValueError("asked for")
        self.done.append(message["number"])

    async def wait(self, message: dict[str, Any]) -> None:
        await asyncio.Event().wait()


def job(number: int) -> dict[str, Any]:
    return {"type": "job", "number": number}


class CoreTests(RedisLayerTestCase):
    application = ProtocolTypeRouter(
        {"channel": ChannelNameRouter({"numbers": Numbers.as_asgi()})}
    )
    receive_timeout = 10.0

    def setUp(self) -> None:
        Numbers.done = []

    def test_jobs_that_come_one_by_one_have_a_new_consumer(self) -> None:
        with self.run_worker("numbers"), self.assertApplicationRaises(ValueError):
            for number in range(10):
                Channel("numbers").send(job(number))
        self.assertEqual(Numbers.done, [0, 1, 2, 3, 4, 6, 7, 8, 9])

    async def test_jobs_that_come_one_by_one_have_a_new_consumer_async(self) -> None:
        async with self.run_worker("numbers"):
            with self.assertApplicationRaises(ValueError):
                for number in range(10):
                    await Channel("numbers").asend(job(number))
        self.assertEqual(Numbers.done, [0, 1, 2, 3, 4, 6, 7, 8, 9])

    def test_an_exception_comes_from_the_call_that_sends(self) -> None:
        with self.run_worker("numbers"):
            with self.assertRaisesMessage(ValueError, "asked for"):
                Channel("numbers").send(job(5))
            Channel("numbers").send(job(6))
            self.assertEqual(Numbers.done, [6])

    def test_a_message_without_type_is_said_at_once(self) -> None:
        with self.run_worker("numbers"):
            with self.assertRaisesMessage(ValueError, "has no 'type'"):
                Channel("numbers").send({"number": 1})

    def test_who_does_not_come_to_an_end_is_waited_for_no_longer_than_a_receive(
        self,
    ) -> None:
        self.receive_timeout = 0.001
        with self.run_worker("numbers"):
            Channel("numbers").send({"type": "wait"})
            Channel("numbers").send(job(1))
        self.assertEqual(Numbers.done, [])

    def test_a_message_that_cannot_be_sent_is_not_waited_for(self) -> None:
        with self.run_worker("numbers"):
            with self.assertRaises(TypeError):
                Channel("numbers").send({"type": "job", "number": {1}})
            Channel("numbers").send(job(1))
            self.assertEqual(Numbers.done, [1])

    def test_a_channel_that_nobody_serves_takes_no_time(self) -> None:
        Channel("numbers").send(job(1))
        with self.run_worker("numbers"):
            Channel("others").send(job(1))
        Channel("numbers").send(job(1))

    async def test_all_at_once_are_handled_where_the_project_says_so(self) -> None:
        self.worker_backlog = "kept"
        async with self.run_worker("numbers"):
            with self.assertApplicationRaises(ValueError):
                jobs = [Channel("numbers").asend(job(number)) for number in range(10)]
                await asyncio.gather(*jobs)
        self.assertEqual(sorted(Numbers.done), [0, 1, 2, 3, 4, 6, 7, 8, 9])


class PubSubTests(CoreTests):
    redis_backend = "pubsub"
