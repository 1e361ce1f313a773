"""Single calls: nothing arrived, all frames so far, an echo's round trip."""

from __future__ import annotations

from channels.testing import WebsocketCommunicator
from django.test import SimpleTestCase

from channels_testkit import SimpleWebsocketTestCase

from .consumers import Echo, plain_echo, router
from .measuring import Repeats, calls, compare

try:
    from chanx.channels.testing import WebsocketCommunicator as ChanxCommunicator
except ImportError:
    ChanxCommunicator = None

ECHO = "/echo/"


class Ours(Repeats, SimpleWebsocketTestCase):
    ws_path = ECHO

    def assert_nothing(self) -> None:
        client = self.connect()
        self.repeat(lambda: self.assertReceivesNothing(client))

    async def aassert_nothing(self) -> None:
        communicator = await self.aconnect()
        self.repeat(lambda: self.assertReceivesNothing(communicator))

    def nothing(self) -> None:
        self.repeat(self.connect().receive_nothing)

    async def anothing(self) -> None:
        await self.arepeat((await self.aconnect()).receive_nothing)

    def receive_all(self) -> None:
        client = self.connect()
        client.send_json([])
        self.repeat(client.receive_all_json)

    async def areceive_all(self) -> None:
        communicator = await self.aconnect()
        await communicator.send_json_to([])
        await self.arepeat(communicator.receive_all_json)

    def echo(self) -> None:
        client = self.connect()

        def round_trip() -> None:
            client.send_text("hello")
            client.receive_text()

        self.repeat(round_trip)

    async def aecho(self) -> None:
        communicator = await self.aconnect()

        async def round_trip() -> None:
            await communicator.send_to("hello")
            await communicator.receive_from()

        await self.arepeat(round_trip)


class OursPlain(Ours):
    application = plain_echo


class Channels(Repeats, SimpleTestCase):
    application = router

    async def connected(self) -> WebsocketCommunicator:
        communicator = WebsocketCommunicator(vars(type(self))["application"], ECHO)
        await communicator.connect()
        return communicator

    async def anothing(self) -> None:
        communicator = await self.connected()
        await self.arepeat(communicator.receive_nothing)
        await communicator.disconnect()

    async def aecho(self) -> None:
        communicator = await self.connected()

        async def round_trip() -> None:
            await communicator.send_to("hello")
            await communicator.receive_from()

        await self.arepeat(round_trip)
        await communicator.disconnect()


class ChannelsPlain(Channels):
    application = plain_echo


class Chanx(Repeats, SimpleTestCase):
    async def areceive_all(self) -> None:
        communicator = ChanxCommunicator(router, ECHO, consumer=Echo)
        await communicator.connect()
        await communicator.send_json_to([])
        await self.arepeat(communicator.receive_all_json)


def measure(*, smoke: bool) -> None:
    measure_silence(10 if smoke else 1_000, 1 if smoke else 7)
    measure_round_trips(10 if smoke else 10_000, 1 if smoke else 5)


def measure_silence(count: int, rounds: int) -> None:
    compare(
        "Nothing arrived, one call",
        [
            calls("assertReceivesNothing(), sync test", Ours, "assert_nothing", count),
            calls("the same, async test", Ours, "aassert_nothing", count),
            calls("receive_nothing(), sync test", Ours, "nothing", count),
            calls("the same, async test", Ours, "anothing", count),
            calls("channels.testing", Channels, "anothing", 1, is_peer=True),
        ],
        rounds,
    )
    sides = [
        calls("receive_all_json(), sync test", Ours, "receive_all", count),
        calls("the same, async test", Ours, "areceive_all", count),
    ]
    if ChanxCommunicator is not None:
        sides.append(calls("Chanx", Chanx, "areceive_all", 1, is_peer=True))
    compare("All frames so far, one call", sides, rounds)


def measure_round_trips(count: int, rounds: int) -> None:
    compare(
        f"Echo of a consumer, one of {count} round trips",
        [
            calls("communicator, async test", Ours, "aecho", count),
            calls("client, sync test", Ours, "echo", count),
            calls("channels.testing", Channels, "aecho", count, is_peer=True),
        ],
        rounds,
    )
    compare(
        f"Echo of a bare ASGI application, one of {count} round trips",
        [
            calls("communicator, async test", OursPlain, "aecho", count),
            calls("client, sync test", OursPlain, "echo", count),
            calls("channels.testing", ChannelsPlain, "aecho", count, is_peer=True),
        ],
        rounds,
    )
