"""What docs/topics/live.rst shows."""

from __future__ import annotations

import asyncio
import json
import os
from unittest import mock
from urllib.request import Request, urlopen

import hypercorn.asyncio
import hypercorn.config
import websocket
from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail import send_mail
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from channels_testkit import (
    Channel,
    Group,
    LiveServerTestCase,
    RollbackLiveServerTestCase,
    apply_routes,
)
from channels_testkit.live import LoopServer
from channels_testkit.redis import RedisTestMixin
from tests.app.asgi import websocket_routes


# docs:start live-case
class LiveRoomTests(LiveServerTestCase):
    def dial(self, path, user=None):
        url = f"{self.live_server_ws_url}{path}"
        headers = self.login_headers(user) if user else {}
        client = websocket.create_connection(url, header=headers)
        self.addCleanup(client.close)
        return client

    def test_the_room_hears_what_is_said(self):
        ann, ben = self.dial("/ws/room/1/"), self.dial("/ws/room/1/")
        ann.send(json.dumps({"text": "hello"}))
        self.assertEqual(json.loads(ben.recv()), {"text": "hello"})
        self.assertGroupSent("room-1", count=1)
        # docs:end live-case

    # docs:start live-in-process
    def test_one_client_is_in_process(self):
        ann, ben = self.connect("/ws/room/1/"), self.dial("/ws/room/1/")
        ben.send(json.dumps({"text": "hello"}))
        self.assertReceivesJson(ann, {"text": "hello"})
        # docs:end live-in-process

    # docs:start live-login
    def test_a_client_is_logged_in(self):
        ann = self.dial("/ws/who/", User.objects.create_user("ann"))
        self.assertEqual(json.loads(ann.recv()), {"user": "ann"})
        # docs:end live-login

    def test_the_test_can_broadcast(self):
        ann = self.dial("/ws/room/1/")
        Group("room-1").send({"type": "room.message", "content": "to all"})
        self.assertEqual(json.loads(ann.recv()), "to all")


# docs:start live-rollback
class RollbackRoomTests(RollbackLiveServerTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")

    def test_the_page_and_the_socket_know_ann(self):
        headers = self.login_headers(self.ann)
        page = Request(f"{self.live_server_url}/who/", headers=headers)
        with urlopen(page) as response:
            self.assertEqual(response.read(), b"<p>ann</p>")
        who = self.dial("/ws/who/", self.ann)
        self.assertEqual(json.loads(who.recv()), {"user": "ann"})
        # docs:end live-rollback

    dial = LiveRoomTests.dial


def sign_up(request):
    send_mail("Welcome", "Hello", None, [request.GET["to"]])
    return HttpResponse("signed up")


def fail(request):
    raise LookupError("no such page")


class Clock(AsyncJsonWebsocketConsumer):
    """Says what time it is."""

    @staticmethod
    def now():
        raise AssertionError("the tests patch this")

    async def connect(self):
        await self.accept()
        await self.send_json({"time": self.now()})


class Thumbnails(AsyncConsumer):
    """Says in the room that it is done."""

    async def make(self, message):
        done = {"type": "room.message", "content": {"done": message["id"]}}
        await self.channel_layer.group_send("room-1", done)


routes = apply_routes(
    [
        path("ws/clock/", Clock.as_asgi()),
        *websocket_routes,
        {"thumbnails": Thumbnails.as_asgi()},
    ]
)


@routes
@override_settings(ROOT_URLCONF=(path("sign-up/", sign_up), path("fail/", fail)))
class OneProcessTests(LiveServerTestCase):
    dial = LiveRoomTests.dial

    # docs:start live-patch
    def test_mails_and_patches(self):
        with urlopen(f"{self.live_server_url}/sign-up/?to=ann@example.com"):
            self.assertEqual(mail.outbox[0].to, ["ann@example.com"])
        with mock.patch.object(Clock, "now", return_value="high noon"):
            clock = self.dial("/ws/clock/")
            self.assertEqual(json.loads(clock.recv()), {"time": "high noon"})
            # docs:end live-patch

    # docs:start live-raises
    def test_a_page_that_raises(self):
        with self.assertApplicationRaises(LookupError):
            with self.assertRaisesRegex(OSError, "500") as answer:
                urlopen(f"{self.live_server_url}/fail/")
            answer.exception.close()
            # docs:end live-raises


# docs:start live-https
@override_settings(SECURE_SSL_REDIRECT=False)
class PageTests(LiveServerTestCase):
    def test_the_page_says_who_is_logged_in(self):
        with urlopen(f"{self.live_server_url}/who/") as page:
            self.assertEqual(page.read(), b"<p>nobody</p>")
            # docs:end live-https


@routes
# docs:start live-worker
class ThumbnailTests(LiveServerTestCase):
    worker_channels = ("thumbnails",)  # or "__all__"
    # docs:end live-worker
    dial = LiveRoomTests.dial

    # docs:start live-worker-test
    def test_the_room_hears_of_a_thumbnail(self):
        ann = self.dial("/ws/room/1/")
        Channel("thumbnails").send({"type": "make", "id": 7})
        self.assertEqual(json.loads(ann.recv()), {"done": 7})
        # docs:end live-worker-test


# docs:start live-own-server
class HypercornServer(LoopServer):
    async def serve(self):
        config = hypercorn.config.Config()
        config.bind = [f"fd://{os.dup(self.socket.fileno())}"]
        config.errorlog = None
        self.closing = asyncio.Event()
        self.serving = asyncio.create_task(
            hypercorn.asyncio.serve(
                self.application, config, shutdown_trigger=self.closing.wait
            )
        )

    async def close(self):
        self.closing.set()
        await self.serving


class OnHypercornTests(LiveServerTestCase):
    server_class = HypercornServer
    # docs:end live-own-server
    dial = LiveRoomTests.dial
    test_the_room_hears_what_is_said = LiveRoomTests.test_the_room_hears_what_is_said
    test_the_test_can_broadcast = LiveRoomTests.test_the_test_can_broadcast


# docs:start live-redis
class LiveOnRedisTests(RedisTestMixin, LiveServerTestCase):
    def test_the_room_hears_what_is_said(self):
        ann, ben = self.dial("/ws/room/1/"), self.dial("/ws/room/1/")
        ann.send(json.dumps({"text": "hello"}))
        self.assertEqual(json.loads(ben.recv()), {"text": "hello"})
        # docs:end live-redis

    dial = LiveRoomTests.dial
    test_the_test_can_broadcast = LiveRoomTests.test_the_test_can_broadcast


class LiveOnPubSubTests(LiveOnRedisTests):
    redis_backend = "pubsub"
