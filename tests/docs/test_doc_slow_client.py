"""What the page about live servers shows of a client that does not read."""

from __future__ import annotations

import asyncio
from unittest import mock

import websocket
from channels.generic.websocket import AsyncWebsocketConsumer

from channels_testkit import LiveServerTestCase
from channels_testkit.live.uvicorn import UvicornServer


# docs:start slow-consumer
class PictureConsumer(AsyncWebsocketConsumer):
    """Sends pictures, and gives a client ten seconds to take each of them."""

    groups = ["pictures"]
    patience = 10

    async def receive(self, text_data=None, bytes_data=None):
        try:
            while True:
                sending = self.send(bytes_data=bytes(100_000))
                await asyncio.wait_for(sending, self.patience)
        except asyncio.TimeoutError:
            await self.channel_layer.group_send("pictures", {"type": "too.slow"})

    async def too_slow(self, event):
        await self.close(4008)


# docs:end slow-consumer


# docs:start slow-client
class SlowClientTests(LiveServerTestCase):
    application = PictureConsumer.as_asgi()
    server_class = UvicornServer
    receive_timeout = 5

    def test_a_client_that_does_not_read_is_noticed(self):
        ben = self.connect("/")
        url, origin = self.live_server_ws_url, self.live_server_url
        slow = websocket.create_connection(f"{url}/", origin=origin)
        self.addCleanup(slow.close)
        with mock.patch.object(PictureConsumer, "patience", 0.1):
            slow.send("pictures, please")
            self.assertClosed(ben, code=4008)
        # docs:end slow-client
