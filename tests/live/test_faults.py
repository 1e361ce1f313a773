"""What goes wrong on a network, and in applications that block."""

from __future__ import annotations

import threading
from typing import ClassVar

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.urls import path

from channels_testkit import HangError, LiveServerTestCase, ProtocolError, apply_routes
from channels_testkit.live.daphne import DaphneServer
from channels_testkit.live.uvicorn import UvicornServer
from channels_testkit.redis import RedisServer, RedisTestMixin
from tests.utils import OuterTestCase, run_case

from .clients import SERVERS, dial, hear, is_closed, say

MANY = 200


class SmallDaphne(DaphneServer):
    options: ClassVar = {
        "websocket_max_message_size": 1000,
        "websocket_max_frame_size": 1000,
    }


class SmallUvicorn(UvicornServer):
    options: ClassVar = {"ws_max_size": 1000}


class FaultTests:
    """Run on each server."""

    def test_two_hundred_sockets_hear_a_broadcast(self):
        clients = [dial(self, "/ws/room/1/") for _ in range(MANY)]
        say(clients[0], "hello")
        self.assertEqual([hear(client) for client in clients], ["hello"] * MANY)
        self.assertEqual(len(self.channel_layer.members("room-1")), MANY)

    def test_a_frame_over_the_limit_ends_one_connection(self):
        ann, ben = dial(self, "/ws/echo/"), dial(self, "/ws/echo/")
        say(ann, "x" * 2000)
        self.assertTrue(is_closed(ann))
        say(ben, {"still": "here"})
        self.assertEqual(hear(ben), {"still": "here"})

    def test_garbage_ends_one_connection(self):
        ann, ben = dial(self, "/ws/echo/"), dial(self, "/ws/echo/")
        ann.sock.sendall(b"\xff\xff\xff\xff no frame at all")
        self.assertTrue(is_closed(ann))
        say(ben, {"still": "here"})
        self.assertEqual(hear(ben), {"still": "here"})

    def test_a_broadcast_passes_by_who_has_vanished(self):
        ann, ben = dial(self, "/ws/room/1/"), dial(self, "/ws/room/1/")
        ann.shutdown()
        say(ben, "hello")
        self.assertEqual(hear(ben), "hello")


class DaphneTests(FaultTests, LiveServerTestCase):
    server_class = SmallDaphne

    def test_a_close_code_that_check_protocol_refuses_is_one_it_raises_for(self):
        with self.assertApplicationRaises(Exception) as caught:
            say(dial(self, "/ws/echo/"), {"close": 1011})
        self.assertIn("invalid close code 1011", str(caught.exception))
        with self.assertApplicationRaises(ProtocolError):
            self.connect("/ws/echo/").send_json({"close": 1011})


class UvicornTests(FaultTests, LiveServerTestCase):
    server_class = SmallUvicorn


class Blocking(AsyncJsonWebsocketConsumer):
    """Blocks the loop of the server, as no consumer should."""

    free = threading.Event()

    async def receive_json(self, content, **kwargs):
        self.free.wait(10)


class BlockedTests(OuterTestCase):
    def test_a_loop_that_is_blocked_is_told_with_the_place(self):
        class Inner(LiveServerTestCase):
            hang_timeout = 0.5

            def test_it(self):
                self.addClassCleanup(Blocking.free.set)
                say(dial(self, "/ws/block/"), "now")

        for server_class in SERVERS:
            with self.subTest(server_class.__name__):
                Blocking.free.clear()
                case = type("Inner", (Inner,), {"server_class": server_class})
                routes = apply_routes([path("ws/block/", Blocking.as_asgi())])
                result = run_case(routes(case))
                self.assertIsInstance(result.raised[0], HangError)
                self.assertIn("self.free.wait(10)", result.texts[0])


class RedisFaultTests(RedisTestMixin, LiveServerTestCase):
    @classmethod
    def get_redis_server(cls):
        manager = RedisServer.private()
        cls.addClassCleanup(manager.__exit__, None, None, None)
        return manager.__enter__()

    def test_clients_come_back_when_the_server_does(self):
        ann = dial(self, "/ws/room/1/")
        with self.assertApplicationRaises(Exception) as caught:
            self.redis_server.kill()
            # Its consumer reads from the layer all the time.
            self.assertTrue(is_closed(ann))
        self.assertIn("ConnectionError", type(caught.exception).__name__)
        self.redis_server.start()
        ben, eve = dial(self, "/ws/room/1/"), dial(self, "/ws/room/1/")
        say(ben, "hello again")
        self.assertEqual(hear(eve), "hello again")
