"""What the page about Redis shows."""

from __future__ import annotations

import copy

import redis
from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter
from django.db import transaction
from django.test import SimpleTestCase, override_settings

from channels_testkit import Channel, Group, WebsocketTestCase
from channels_testkit.redis import (
    RedisLayerTestCase,
    RedisServer,
    RedisTestMixin,
    redis_channel_layers,
    requires_redis,
)
from tests.app.asgi import websocket_application
from tests.app.models import Note


class NoteConsumer(AsyncJsonWebsocketConsumer):
    groups = ("notes",)

    async def note_made(self, event):
        await self.send_json({"notes": await Note.objects.acount()})


class ThumbnailConsumer(AsyncConsumer):
    async def make(self, message):
        made = {"type": "room.message", "content": {"made": message["number"]}}
        await self.channel_layer.group_send("room-1", made)


application = ProtocolTypeRouter(
    {
        "websocket": websocket_application,
        "channel": ChannelNameRouter({"thumbnails": ThumbnailConsumer.as_asgi()}),
    }
)


# docs:start redis-case
class RoomTests(RedisLayerTestCase):
    def test_the_room_hears_ann(self):
        ann, ben = self.connect("/ws/room/1/"), self.connect("/ws/room/1/")
        ann.send_json({"message": "hello"})
        self.assertReceivesJson(ben, {"message": "hello"})

    async def test_the_room_hears_ann_in_an_async_test(self):
        ann = await self.aconnect("/ws/room/1/")
        ben = await self.aconnect("/ws/room/1/")
        await ann.send_json_to({"message": "hello"})
        self.assertEqual(await ben.receive_json_from(), {"message": "hello"})
        # docs:end redis-case


# docs:start redis-options
class PubSubTests(RedisTestMixin, WebsocketTestCase):
    redis_backend = "pubsub"
    redis_config = {"serializer_format": "json"}
    # docs:end redis-options

    def test_the_room_hears_the_test(self):
        # docs:start redis-helpers
        ann = self.connect("/ws/room/1/")
        Group("room-1").send({"type": "room.message", "content": "hello"})
        self.assertReceivesJson(ann, "hello")
        self.assertReceivesNothing(ann, within=0.01)
        # docs:end redis-helpers


class ThumbnailTests(RedisLayerTestCase):
    application = application

    # docs:start redis-worker
    def test_the_room_hears_of_a_thumbnail(self):
        ann = self.connect("/ws/room/1/")
        with self.run_worker():
            Channel("thumbnails").send({"type": "make", "number": 3})
            self.assertReceivesJson(ann, {"made": 3})

    # docs:end redis-worker


class CommitTests(RedisLayerTestCase):
    application = NoteConsumer.as_asgi()

    # docs:start redis-commit
    def test_the_receiver_finds_the_note(self):
        ann = self.connect("/ws/notes/")
        with transaction.atomic():
            Note.objects.create(text="hello")
            push = {"type": "note.made"}
            transaction.on_commit(lambda: Group("notes").send(push))
        self.assertReceivesJson(ann, {"notes": 1})

    # docs:end redis-commit


# docs:start redis-fault
class FaultTests(RedisLayerTestCase):
    @classmethod
    def get_redis_server(cls):
        return cls.enterClassContext(RedisServer.private())

    def test_clients_come_back_after_a_crash(self):
        self.connect("/ws/room/1/")
        with self.assertApplicationRaises(redis.ConnectionError):
            self.redis_server.kill()
            self.settle()
        self.redis_server.start()
        ann = self.connect("/ws/room/1/")
        ann.send_json("here again")
        self.assertReceivesJson(ann, "here again")
        # docs:end redis-fault


# docs:start redis-test-config
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": ["redis://redis.example.com:6379/0"]},
        "TEST_CONFIG": {"hosts": ["redis://127.0.0.1:6379/0"]},
    }
}
# docs:end redis-test-config


class OnTheServerOfTheSuite:
    @classmethod
    def setUpClass(cls):
        layers = copy.deepcopy(CHANNEL_LAYERS)
        layers["default"]["TEST_CONFIG"]["hosts"] = [RedisServer.obtain().url]
        cls.enterClassContext(override_settings(CHANNEL_LAYERS=layers))
        super().setUpClass()


class ConfiguredTests(OnTheServerOfTheSuite, WebsocketTestCase):
    # docs:start redis-configured
    layer_source = "configured"
    # docs:end redis-configured

    def test_the_room_hears_the_test(self):
        ann = self.connect("/ws/room/1/")
        Group("room-1").send({"type": "room.message", "content": "hello"})
        self.assertReceivesJson(ann, "hello")


# docs:start redis-settings
class LayerTests(SimpleTestCase):
    @requires_redis
    async def test_a_message_arrives(self):
        with override_settings(CHANNEL_LAYERS=redis_channel_layers(expiry=5)):
            layer = get_channel_layer()
            await layer.send("jobs", {"type": "make"})
            self.assertEqual(await layer.receive("jobs"), {"type": "make"})
            await layer.flush()

    # docs:end redis-settings
