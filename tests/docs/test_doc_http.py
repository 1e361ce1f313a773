"""What the page about HTTP and the pages about workers and layers show."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.consumer import AsyncConsumer
from channels.generic.http import AsyncHttpConsumer
from django.test import override_settings

from channels_testkit import (
    Channel,
    ChannelClient,
    ChannelTestCase,
    Group,
    HttpCommunicator,
    SimpleChannelTestCase,
    WebsocketTestCase,
    apply_routes,
)
from tests.app.models import Note


# docs:start http-consumer
class EchoConsumer(AsyncHttpConsumer):
    async def handle(self, body: bytes) -> None:
        headers = [(b"content-type", b"text/plain")]
        await self.send_response(200, b"You said: " + body, headers=headers)


class EchoTests(SimpleChannelTestCase):
    application = EchoConsumer.as_asgi()

    async def test_the_body_comes_back(self):
        communicator = HttpCommunicator(None, "POST", "/echo/?a=1", body=b"hello")
        response = await communicator.get_response()
        self.assertEqual(response["status"], 200)
        self.assertEqual(response["headers"], [(b"content-type", b"text/plain")])
        self.assertEqual(response["body"], b"You said: hello")
        # docs:end http-consumer

    # docs:start request-in-chunks
    async def test_a_body_may_come_in_chunks(self):
        communicator = HttpCommunicator(None, "POST", "/echo/", more_body=True)
        await communicator.send_chunk(b"hello ")
        await communicator.send_chunk(b"there", more_body=False)
        response = await communicator.get_response()
        self.assertEqual(response["body"], b"You said: hello there")

    # docs:end request-in-chunks


class ViewTests(ChannelTestCase):
    # docs:start http-view
    async def test_a_view_sees_the_rows_of_the_test(self):
        await Note.objects.acreate(text="hello")
        communicator = HttpCommunicator(None, "GET", "/notes/", client=self.client)
        response = await communicator.get_response()
        self.assertEqual(response["body"], b'{"notes": 1}')

    # docs:end http-view


class CountdownConsumer(AsyncHttpConsumer):
    async def handle(self, body: bytes) -> None:
        await self.send_headers()
        for number in [b"3", b"2", b"1"]:
            await self.send_body(number, more_body=True)
            await asyncio.sleep(0.01)
        await self.send_body(b"lift-off")


class CountdownTests(SimpleChannelTestCase):
    application = CountdownConsumer.as_asgi()

    # docs:start response-in-chunks
    async def test_the_parts_come_one_by_one(self):
        communicator = HttpCommunicator(None, "GET", "/countdown/")
        self.assertEqual(await communicator.start(), 200)
        self.assertEqual(await communicator.receive_chunk(), b"3")
        rest = [chunk async for chunk in communicator.chunks()]
        self.assertEqual(rest, [b"2", b"1", b"lift-off"])

    # docs:end response-in-chunks


class ThumbnailConsumer(AsyncConsumer):
    async def make(self, message: dict[str, Any]) -> None:
        if not message["name"]:
            raise ValueError("no picture")
        event = {"type": "room.message", "content": {"made": message["name"]}}
        await self.channel_layer.group_send("room-1", event)


THUMBNAILS = {"thumbnails": ThumbnailConsumer.as_asgi()}


class WorkerTests(ChannelTestCase):
    # docs:start worker-routes
    @apply_routes(THUMBNAILS)
    def test_a_worker_without_its_route(self):
        with self.run_worker():
            Channel("thumbnails").send({"type": "make", "name": "cat.png"})
        self.assertGroupSent("room-1", {"content": {"made": "cat.png"}}, partial=True)

    # docs:end worker-routes


@apply_routes(THUMBNAILS)
class BrokenPictureTests(ChannelTestCase):
    # docs:start worker-raises
    def test_the_worker_survives_a_broken_picture(self):
        with self.run_worker("thumbnails"):
            with self.assertApplicationRaises(ValueError):
                Channel("thumbnails").send({"type": "make", "name": ""})
            Channel("thumbnails").send({"type": "make", "name": "cat.png"})
        self.assertGroupSent("room-1", {"content": {"made": "cat.png"}}, partial=True)

    # docs:end worker-raises


# docs:start worker-backlog
class PictureQueueTests(ChannelTestCase):
    worker_backlog = "kept"  # by default "lost"
    # docs:end worker-backlog

    @apply_routes(THUMBNAILS)
    def test_those_behind_a_broken_picture_are_made(self):
        for name in ["", "cat.png"]:
            Channel("thumbnails").send({"type": "make", "name": name})
        with self.assertApplicationRaises(ValueError), self.run_worker():
            self.assertGroupSent("room-1", count=1)


TWO_LAYERS = {
    alias: {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": []}}
    for alias in ["default", "jobs"]
}


class LayersTests(WebsocketTestCase):
    # docs:start several-layers
    @override_settings(CHANNEL_LAYERS=TWO_LAYERS)
    def test_each_alias_is_a_layer_of_its_own(self):
        Channel("resize", alias="jobs").send({"type": "make"})
        Group("room").send({"type": "made"})
        self.assertIsNone(self.get_next_message("resize"))
        self.assertEqual(self.get_next_message("resize", alias="jobs")["type"], "make")
        self.assertGroupSent("room", {"type": "made"})
        self.assertNothingGroupSent(alias="jobs")
        client = ChannelClient(alias="jobs")
        client.send("resize", {"type": "make"})
        self.assertSent("resize", alias="jobs", count=2)

    # docs:end several-layers
