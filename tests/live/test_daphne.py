"""What the live server changes in Daphne."""

from __future__ import annotations

from autobahn.exception import Disconnected
from django.test import SimpleTestCase

from channels_testkit.live.daphne import DaphneServer, _Daphne


class Closing:
    """A WebSocket that one side has closed, and that is still connected."""

    def __init__(self, *, by_application):
        self.closedByMe = by_application

    def handle_reply(self, message):
        raise Disconnected("Attempt to send on a closed protocol")


class ClosingTests(SimpleTestCase):
    async def send(self, protocol):
        server = _Daphne(DaphneServer(None, None))
        server.connections[protocol] = {}
        await server.handle_reply(protocol, {"type": "websocket.send", "text": "hello"})

    async def test_what_is_sent_after_a_clients_close_is_dropped(self):
        await self.send(Closing(by_application=False))

    async def test_what_is_sent_after_the_applications_own_is_not(self):
        with self.assertRaises(Disconnected):
            await self.send(Closing(by_application=True))
