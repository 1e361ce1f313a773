"""Which layers a live server shares with the test."""

from __future__ import annotations

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.urls import path

from channels_testkit import Group, LiveServerTestCase, apply_routes
from channels_testkit.redis import redis_channel_layers, requires_redis
from tests.utils import OuterTestCase, run_case

from .clients import SERVERS, dial, hear, say

IN_MEMORY = {"BACKEND": "channels.layers.InMemoryChannelLayer"}


class TwoLayers(AsyncJsonWebsocketConsumer):
    """Hears of one alias, and tells the other."""

    channel_layer_alias = "other"
    groups = ("news",)

    async def receive_json(self, content, **kwargs):
        message = {"type": "told", "content": content}
        await get_channel_layer("default").group_send("news", message)
        await self.channel_layer.group_send("news", message)

    async def told(self, event):
        await self.send_json(event["content"])


@apply_routes([path("ws/two/", TwoLayers.as_asgi())])
class AliasTests(LiveServerTestCase):
    def test_each_alias_is_a_layer_of_its_own(self):
        client = dial(self, "/ws/two/")
        say(client, "hello")
        self.assertEqual(hear(client), "hello")
        self.assertGroupSent("news", count=1)
        sent = self.assertGroupSent("news", alias="other")
        self.assertEqual(len(sent.receivers), 1)


class FaultTests(LiveServerTestCase):
    """Each block ends when the server has done what is asked of it."""

    def test_what_a_server_delivers_is_lost(self):
        ann, ben = dial(self, "/ws/room/1/"), dial(self, "/ws/room/1/")
        with self.layer_faults(lose=2) as faults:
            say(ann, "lost")
        self.assertEqual(len(faults.lost), 2)
        say(ann, "hello")
        self.assertEqual([hear(ann), hear(ben)], ["hello", "hello"])

    def test_it_comes_late(self):
        ann = dial(self, "/ws/room/1/")
        with self.layer_faults(delay=1, by=0.01):
            say(ann, "hello")
        self.assertEqual(hear(ann), "hello")

    def test_it_comes_at_the_end_of_the_block(self):
        ann = dial(self, "/ws/room/1/")
        with self.layer_faults(delay=1):
            say(ann, "late")
            say(ann, "hello")
            self.assertEqual(hear(ann), "hello")
        self.assertEqual(hear(ann), "late")

    def test_a_call_raises(self):
        ann = dial(self, "/ws/room/1/")
        with self.assertApplicationRaises(ConnectionError):
            with self.layer_faults(error=1):
                say(ann, "hello")


class Inner:
    layer_source = "configured"
    test_channel_aliases = ("default",)

    def test_round_trip(self):
        ann, ben = dial(self, "/ws/room/1/"), dial(self, "/ws/room/1/")
        say(ann, "hello")
        self.assertEqual(hear(ben), "hello")
        Group("room-1").send({"type": "room.message", "content": "from the test"})
        self.assertEqual([hear(ann), hear(ann)], ["hello", "from the test"])


class ConfiguredTests(OuterTestCase):
    def run_inner(self, layers):
        with override_settings(CHANNEL_LAYERS=layers):
            for server_class in SERVERS:
                attributes = {"server_class": server_class}
                case = type("InnerTests", (Inner, LiveServerTestCase), attributes)
                yield run_case(case)

    @requires_redis
    def test_redis_is_served(self):
        for backend in ("core", "pubsub"):
            for result in self.run_inner(redis_channel_layers(backend)):
                self.assertEqual(result.texts, [])

    def test_a_layer_of_one_loop_is_refused(self):
        for result in self.run_inner({"default": {**IN_MEMORY, "TEST_CONFIG": {}}}):
            self.assertIsInstance(result.raised[0], ImproperlyConfigured)
            self.assertIn("takes no prefix", result.texts[0])

    def test_without_a_configuration_for_tests_they_are_refused(self):
        for result in self.run_inner({"default": IN_MEMORY}):
            self.assertIsInstance(result.raised[0], ImproperlyConfigured)
            self.assertIn("has no TEST_CONFIG", result.texts[0])
