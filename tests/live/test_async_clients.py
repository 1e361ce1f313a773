"""Clients on the test's own loop, which wait for what comes from outside."""

from __future__ import annotations

import asyncio
import json

import anyio
import httpx
from django.contrib.auth.models import User
from websockets.asyncio.client import connect

from channels_testkit import Group, LiveServerTestCase

from .clients import SECONDS, SERVERS


class Clients:
    """Run on each server by the classes below."""

    async def test_requests_of_httpx(self):
        async with httpx.AsyncClient(base_url=self.live_server_url) as client:
            answers = await asyncio.gather(
                *(client.get("/no/such/page/", timeout=SECONDS) for _ in range(3))
            )
        self.assertEqual([answer.status_code for answer in answers], [404] * 3)

    async def test_a_request_that_a_scope_cancels(self):
        async with httpx.AsyncClient(base_url=self.live_server_url) as client:
            with anyio.CancelScope() as scope:
                scope.cancel()
                await client.get("/no/such/page/", timeout=SECONDS)
            self.assertTrue(scope.cancelled_caught)
            answer = await client.get("/no/such/page/", timeout=SECONDS)
        self.assertEqual(answer.status_code, 404)

    async def test_a_socket_of_somebody_who_is_logged_in(self):
        url, origin = f"{self.live_server_ws_url}/ws/who/", self.live_server_url
        user = await User.objects.acreate_user("ann")
        headers = await self.alogin_headers(user)
        async with connect(url, origin=origin, additional_headers=headers) as ann:
            self.assertEqual(json.loads(await ann.recv()), {"user": "ann"})

    async def test_sockets_of_websockets(self):
        url, origin = f"{self.live_server_ws_url}/ws/room/1/", self.live_server_url
        async with (
            connect(url, origin=origin) as ann,
            connect(url, origin=origin) as ben,
        ):
            await ann.send(json.dumps("hello"))
            self.assertEqual(json.loads(await ben.recv()), "hello")
            await Group("room-1").asend({"type": "room.message", "content": "all"})
            heard = [json.loads(await ann.recv()) for _ in range(2)]
        self.assertEqual(heard, ["hello", "all"])


class DaphneTests(Clients, LiveServerTestCase):
    server_class = SERVERS[0]


class UvicornTests(Clients, LiveServerTestCase):
    server_class = SERVERS[1]
