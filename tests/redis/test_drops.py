"""Messages that channels_redis drops, on real Redis servers."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from django.test import override_settings
from django.urls import path

from channels_testkit import Group, LiveServerTestCase, WebsocketTestCase, apply_routes
from channels_testkit.redis import (
    RedisLayerTestCase,
    redis_channel_layers,
    requires_redis,
)
from tests.live.clients import SERVERS, dial, hear, say
from tests.utils import OuterTestCase, assertFailureText, run_case


def told(number: object) -> dict[str, Any]:
    return {"type": "told", "number": number}


def send_three(case: Any) -> None:
    """Send to a channel that nobody reads, and that holds one."""
    Group("lobby").add("slow")
    for number in range(3):
        Group("lobby").send(told(number))


class Member(AsyncJsonWebsocketConsumer):
    """Hears a group; is sent a number of messages, or told to wait."""

    groups = ("lobby",)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if content == "wait":
            self.go_on = asyncio.Event()
            await self.go_on.wait()
        for number in range(content if isinstance(content, int) else 0):
            await get_channel_layer().group_send("others", told(number))
        await self.send_json("done")

    async def told(self, event: dict[str, Any]) -> None:
        await self.send_json(event["number"])


class Watched(RedisLayerTestCase):
    redis_config = {"capacity": 1}  # noqa: RUF012 - as users write it
    receive_timeout = 10.0


class GroupTests(OuterTestCase):
    def texts_of(self, body: Any, base: Any = Watched, **members: Any) -> list[str]:
        return run_case(type("Inner", (base,), {"test_it": body, **members})).texts

    def test_dropped_messages_fail_the_test_once_for_each_group(self) -> None:
        def body(case: Any) -> None:
            send_three(case)
            Group("hall").add("slow")
            Group("hall").send(told("x" * 10_000))

        inner = type("Inner", (Watched,), {"test_it": body})
        first, second = run_case(inner).raised
        assertFailureText("dropped-on-redis", first)
        self.assertEqual(
            str(second).partition("\n")[0],
            "1 message to group 'hall' was dropped, because Redis held as many for a"
            " channel as its capacity allows.",
        )
        self.assertLess(len(str(second)), 1000)

    def test_the_policy_is_that_of_the_class(self) -> None:
        self.assertEqual(self.texts_of(send_three, check_dropped="off"), [])
        with self.assertWarnsRegex(UserWarning, "2 messages to group 'lobby' were"):
            texts = self.texts_of(send_three, check_dropped="warn")
        self.assertEqual(texts, [])

    def test_what_the_application_sends_from_anywhere_is_seen(self) -> None:
        async def in_a_thread(case: Any) -> None:
            layer = case.channel_layer
            await layer.group_add("lobby", "slow")
            await layer.group_send("lobby", told(0))
            await asyncio.to_thread(asyncio.run, layer.group_send("lobby", told(1)))

        (text,) = self.texts_of(in_a_thread)
        self.assertIn("1 message to group 'lobby' was dropped", text)
        self.assertIn("{'type': 'told', 'number': 1}", text)

    def test_it_does_not_matter_what_is_logged(self) -> None:
        logger = logging.getLogger("channels_redis.core")
        logger.disabled = True
        try:
            (text,) = self.texts_of(send_three)
        finally:
            logger.disabled = False
        self.assertIn("2 messages to group 'lobby' were dropped", text)

    def test_it_is_logged_as_ever(self) -> None:
        def body(case: Any) -> None:
            send_three(case)
            logging.getLogger("channels_redis.core").info("of %s", "another kind")

        with self.assertLogs("channels_redis.core", "INFO") as logs:
            self.assertEqual(len(self.texts_of(body)), 1)
        *texts, other = [record.getMessage() for record in logs.records]
        self.assertEqual(texts, 2 * ["1 of 1 channels over capacity in group lobby"])
        self.assertEqual(other, "of another kind")
        functions = [record.funcName for record in logs.records]
        self.assertEqual(functions, ["group_send", "group_send", "body"])

    def test_the_next_test_has_no_part_in_it(self) -> None:
        self.assertEqual(len(self.texts_of(send_three)), 1)
        self.assertEqual(self.texts_of(lambda case: Group("lobby").add("slow")), [])
        self.assertNotIn("info", vars(logging.getLogger("channels_redis.core")))

    @requires_redis
    def test_configured_layers_are_watched(self) -> None:
        layers = redis_channel_layers(capacity=1)
        with override_settings(CHANNEL_LAYERS=layers):
            (text,) = self.texts_of(
                send_three, WebsocketTestCase, layer_source="configured"
            )
        self.assertIn("2 messages to group 'lobby' were dropped", text)

    @requires_redis
    def test_what_a_live_server_sends_is_seen(self) -> None:
        def body(case: Any) -> None:
            Group("others").add("slow")
            ann = dial(case, "/ws/member/")
            say(ann, 3)
            self.assertEqual(hear(ann), "done")

        routes = [path("ws/member/", Member.as_asgi())]
        layers = redis_channel_layers(capacity=1)
        for server_class in SERVERS:
            with (
                self.subTest(server_class),
                override_settings(CHANNEL_LAYERS=layers),
                apply_routes(routes),
            ):
                (text,) = self.texts_of(
                    body,
                    LiveServerTestCase,
                    layer_source="configured",
                    server_class=server_class,
                )
                self.assertIn("2 messages to group 'others' were dropped", text)


class ConsumerTests(OuterTestCase):
    """channels_redis keeps messages of consumers in the process as well."""

    def run_with(self, expected: list[object], **members: Any) -> list[BaseException]:
        """Send five messages to ann, who waits, and to ben, who does not."""

        async def body(case: Any) -> None:
            ann = await case.aconnect("/", name="ann")
            ben = await case.aconnect("/", name="ben")
            await ann.send_json_to("wait")
            for number in range(5):
                await Group("lobby").asend(told(number))
                self.assertEqual(await ben.receive_json_from(), number)
            ann.consumer.go_on.set()
            found = [await ann.receive_json_from() for _ in expected]
            self.assertEqual(found, expected)

        members = {"application": Member.as_asgi(), "test_it": body, **members}
        return run_case(type("Inner", (Watched,), members)).raised

    def test_what_a_consumer_that_waits_does_not_take_is_seen(self) -> None:
        (error,) = self.run_with(["done", 0, 4])
        assertFailureText("dropped-in-the-process", error)

    def test_pubsub_drops_nothing(self) -> None:
        self.assertEqual(
            self.run_with(["done", 0, 1, 2, 3, 4], redis_backend="pubsub"), []
        )
