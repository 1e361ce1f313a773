"""A handler that does not return is named where something is missed."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from channels_testkit import Group, NoFrame, SimpleWebsocketTestCase
from tests.explored import not_explored


class Busy(AsyncJsonWebsocketConsumer):
    groups = ("room",)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await getattr(self, content)()

    async def event(self) -> None:
        await asyncio.Event().wait()

    async def lock(self) -> None:
        lock = asyncio.Lock()
        async with lock, lock:
            raise NotImplementedError

    async def queue(self) -> None:
        await asyncio.Queue().get()

    async def sleep(self) -> None:
        while True:  # noqa: ASYNC110 - what this is about
            await asyncio.sleep(1000)

    async def answer(self) -> None:
        await self.send_json("answer")

    async def tell(self, event: dict[str, Any]) -> None:
        await asyncio.Event().wait()


class Plain:
    """An application without Channels, inside of a middleware."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        await asyncio.Event().wait()


class UnfinishedHandlerTests(SimpleWebsocketTestCase):
    ws_path = "/"
    check_leaks = "off"
    application: Any = Busy.as_asgi()

    def missed(self, *contents: str) -> str:
        client = self.connect()
        for content in contents:
            client.send_json(content)
        with self.assertRaises(NoFrame) as caught:
            client.receive_json()
        return str(caught.exception).partition("\n")[0]

    def test_it_is_named_with_its_line_and_the_event(self) -> None:
        for way in ("event", "lock"):
            with self.subTest(way=way):
                self.assertRegex(
                    self.missed(way),
                    r"^No JSON frame from .+: the application is at rest, and"
                    rf" Busy\.{way}\(\) \(test_unfinished\.py:\d+\) has not returned"
                    r" since event 3\.$",
                )

    def test_what_waits_behind_it_is_counted(self) -> None:
        self.assertTrue(
            self.missed("event", "answer").endswith(
                " has not returned since event 3; 1 message waits behind it."
            )
        )

    def test_messages_of_groups_wait_behind_it_as_well(self) -> None:
        client = self.connect()
        client.send_json("event")
        for _ in range(3):
            Group("room").send({"type": "tell"})
        with self.assertRaisesRegex(NoFrame, "; 3 messages wait behind it"):
            client.receive_json()

    def test_a_handler_of_a_message_of_a_group(self) -> None:
        client = self.connect()
        Group("room").send({"type": "tell"})
        client.send_json("answer")
        with self.assertRaisesRegex(
            NoFrame,
            r"Busy\.tell\(\) \(test_unfinished\.py:\d+\) has not returned; 1 message",
        ):
            client.receive_json()

    @not_explored
    def test_one_that_sleeps_for_long_is_not_to_be_waited_for(self) -> None:
        client = self.connect()
        client.send_json("sleep")
        with self.assertRaises(NoFrame) as caught:
            client.receive_json()
        text = str(caught.exception)
        self.assertRegex(
            text, r"sleep\(\) \(test_unfinished\.py:\d+\) waits for a timer"
        )
        self.assertNotIn("timeout=", text)

    def test_an_application_without_channels(self) -> None:
        client = self.connect(application=Plain())
        client.send_json("event")
        with self.assertRaisesRegex(
            NoFrame,
            r"__call__\(\) \(test_unfinished\.py:\d+\) has not returned",
        ):
            client.receive_json()

    def test_one_that_waits_for_its_client_is_not_stuck(self) -> None:
        self.assertOpen(self.connect())
        with self.assertRaisesRegex(NoFrame, r"the application is at rest\.\n"):
            self.connect().receive_json()

    async def test_in_an_async_test(self) -> None:
        communicator = await self.aconnect()
        await communicator.send_json_to("event")
        with self.assertRaisesRegex(NoFrame, "has not returned since event 3"):
            await communicator.receive_json_from()


class Misjoined(AsyncJsonWebsocketConsumer):
    """Joins with the name of something else than its channel."""

    async def connect(self) -> None:
        await self.channel_layer.group_add("lobby", "lobby_name")
        await self.accept()


class UnreadMemberTests(SimpleWebsocketTestCase):
    ws_path = "/"
    application = Misjoined.as_asgi()

    def test_members_that_nobody_reads_are_named(self) -> None:
        client = self.connect()
        Group("lobby").send({"type": "tell"})
        with self.assertRaises(NoFrame) as caught:
            client.receive_json()
        self.assertIn(
            "No connection reads 'lobby_name', the members of group 'lobby'.",
            str(caught.exception),
        )

    def test_a_group_is_not_what_may_be_meant_by_itself(self) -> None:
        client = self.connect()
        with self.assertRaises(AssertionError) as caught:
            self.assertInGroup(client, "lobby")
        self.assertNotIn("Did you mean", str(caught.exception))
