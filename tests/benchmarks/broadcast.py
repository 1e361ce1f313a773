"""A broadcast: connect all, tell them, each receives, disconnect all."""

from __future__ import annotations

from channels.layers import InMemoryChannelLayer, channel_layers, get_channel_layer
from channels.testing import WebsocketCommunicator
from django.test import SimpleTestCase

from channels_testkit import Group, SimpleWebsocketTestCase

from .consumers import GROUP, router
from .measuring import Repeats, Side, calls, compare

MESSAGE = {"type": "told", "text": "hello"}
PATH = "/listen/"
#: The peer needs it: it counts the delivery to all who come before.
TIMEOUT = 600


class Ours(Repeats, SimpleWebsocketTestCase):
    ws_path = PATH
    connections = 1

    def broadcast(self) -> None:
        self.repeat(self.tell_everybody)

    async def abroadcast(self) -> None:
        await self.arepeat(self.atell_everybody)

    def tell_everybody(self) -> None:
        everybody = self.connect_many(self.connections)
        Group(GROUP).send(MESSAGE)
        for client in everybody:
            assert client.receive_text() == "hello"
        self.disconnect_all()

    async def atell_everybody(self) -> None:
        everybody = await self.aconnect_many(self.connections)
        await get_channel_layer().group_send(GROUP, MESSAGE)
        for communicator in everybody:
            assert await communicator.receive_from() == "hello"
        await self.adisconnect_all()


class Channels(Repeats, SimpleTestCase):
    connections = 1

    async def abroadcast(self) -> None:
        channel_layers.set("default", InMemoryChannelLayer())
        await self.arepeat(self.atell_everybody)

    async def atell_everybody(self) -> None:
        everybody = [
            WebsocketCommunicator(router, PATH) for _ in range(self.connections)
        ]
        for communicator in everybody:
            await communicator.connect(TIMEOUT)
        await get_channel_layer().group_send(GROUP, MESSAGE)
        for communicator in everybody:
            assert await communicator.receive_from(TIMEOUT) == "hello"
        for communicator in everybody:
            await communicator.disconnect(timeout=TIMEOUT)


def measure(*, smoke: bool) -> None:
    for number in (10,) if smoke else (1_000, 2_500, 5_000):
        compare(
            f"A broadcast to {number:,} connections, from connect to disconnect",
            [
                side("async test", Ours, "abroadcast", number),
                side("sync test", Ours, "broadcast", number),
                side("channels.testing", Channels, "abroadcast", number, is_peer=True),
            ],
            1 if smoke else 3,
        )


def side(
    name: str, case: type[Repeats], method: str, number: int, *, is_peer: bool = False
) -> Side:
    once = calls(name, case, method, 1, is_peer=is_peer)

    def sample() -> float:
        case.connections = number
        return once.sample()

    return once._replace(sample=sample)
