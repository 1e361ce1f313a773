"""Who has sent a message: ``Sent.sender``."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import pickle
import threading
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from channels.consumer import AsyncConsumer
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    JsonWebsocketConsumer,
)
from channels.layers import get_channel_layer
from django.db import transaction

from channels_testkit import Channel, Group, Sender, WebsocketTestCase, apply_routes
from channels_testkit.layers.senders import Origin
from channels_testkit.layers.sent import Sent
from tests.explored import not_explored

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGE = {"type": "told"}


async def tell() -> None:
    await get_channel_layer().group_send("lobby", MESSAGE)


class AsyncTeller(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content: Any, **options: Any) -> None:
        if content == "later":
            self.task = asyncio.create_task(tell())
        else:
            await self.channel_layer.group_send("lobby", MESSAGE)


class SyncTeller(JsonWebsocketConsumer):
    def receive_json(self, content: Any, **options: Any) -> None:
        self.pass_on()

    def pass_on(self) -> None:
        async_to_sync(self.channel_layer.group_send)("lobby", MESSAGE)


class Worker(AsyncConsumer):
    async def make(self, message: dict[str, Any]) -> None:
        await self.channel_layer.group_send("lobby", MESSAGE)


def save(tell_others: Callable[[], Any]) -> None:
    transaction.on_commit(tell_others)


def tell_from_django() -> None:
    async_to_sync(tell)()


class OnCommitTests(WebsocketTestCase):
    """A callback sends from where it was asked for, not from the commit."""

    def check(self, commit: Callable[[], Any]) -> None:
        send = async_to_sync(self.channel_layer.group_send)
        asked_for = ["save", "check"]
        for name, callback, functions in (
            ("partial", functools.partial(send, "lobby", MESSAGE), asked_for),
            ("lambda", lambda: send("lobby", MESSAGE), asked_for),
            ("function", tell_from_django, ["tell"]),
        ):
            with self.subTest(name):
                with self.captureSent(group="lobby") as sent, commit():
                    save(callback)
                (entry,) = sent
                places = entry.sender._origin.places
                found = [place.function(None).split(".")[-1] for place in places]
                self.assertEqual(found, functions)

    def test_in_a_block(self) -> None:
        self.check(transaction.atomic)

    def test_outside_of_any(self) -> None:
        self.check(contextlib.nullcontext)

    def test_captured(self) -> None:
        self.check(functools.partial(self.captureOnCommitCallbacks, execute=True))


class SenderTests(WebsocketTestCase):
    def sender(self) -> Any:
        return self.assertGroupSent("lobby", MESSAGE).sender

    def test_a_consumer(self):
        ann = self.connect("/", application=AsyncTeller.as_asgi(), name="ann")
        ann.send_json("now")
        sender = self.sender()
        self.assertIs(sender.consumer, ann.consumer)
        self.assertEqual(sender.label, "ann (/)")
        self.assertEqual(sender.function, "AsyncTeller.receive_json")
        self.assertRegex(sender.line, r"^test_senders\.py:\d+$")
        self.assertEqual(
            str(sender),
            f"AsyncTeller of ann (/), in AsyncTeller.receive_json() ({sender.line})",
        )
        self.assertEqual(repr(sender), f"<Sender {sender}>")

    def test_a_sync_consumer(self):
        ann = self.connect("/", application=SyncTeller.as_asgi())
        ann.send_json("now")
        sender = self.sender()
        self.assertIs(sender.consumer, ann.consumer)
        self.assertEqual(sender.function, "SyncTeller.pass_on")

    def test_a_task_of_a_consumer(self):
        ann = self.connect("/", application=AsyncTeller.as_asgi())
        ann.send_json("later")
        sender = self.sender()
        self.assertIs(sender.consumer, ann.consumer)
        self.assertEqual(sender.function, "tell")

    def test_a_worker(self):
        with apply_routes({"jobs": Worker.as_asgi()}), self.run_worker("jobs"):
            Channel("jobs").send({"type": "make"})
        sender = self.sender()
        self.assertIsInstance(sender.consumer, Worker)
        self.assertEqual(sender.function, "Worker.make")

    def test_the_test(self):
        Group("lobby").send(MESSAGE)
        sender = self.sender()
        self.assertEqual((sender.label, sender.consumer), ("the test", None))
        # Python 3.10 does not know the class.
        self.assertRegex(sender.function, r"^(SenderTests\.)?test_the_test$")

    def test_a_view(self):
        self.client.post("/broadcast/1/", {"text": "hello"})
        sender: Any = self.assertGroupSent("room-1").sender
        self.assertEqual((sender.label, sender.consumer), ("the test", None))
        self.assertEqual(sender.function, "tell")

    @not_explored
    def test_a_thread(self):
        thread = threading.Thread(target=async_to_sync(tell))
        thread.start()
        thread.join()
        self.assertEqual(self.sender().label, "the test")

    async def test_an_async_test(self):
        await tell()
        sender = self.sender()
        self.assertEqual((sender.label, sender.function), ("the test", "tell"))

    def test_code_of_a_library_alone_has_no_function(self):
        sender = Sender(Origin(None, False, ()))  # noqa: FBT003 - a field
        self.assertEqual((sender.function, sender.line), (None, None))
        self.assertEqual(str(sender), "the test")

    def test_a_copy_of_an_entry_has_the_same_sender(self):
        ann = self.connect("/", application=AsyncTeller.as_asgi())
        ann.send_json("now")
        sent = self.assertGroupSent("lobby", MESSAGE)
        sender = sent.sender
        self.assertEqual(copy.deepcopy(sent), sent)
        self.assertIs(copy.deepcopy(sent).sender, sender)
        self.assertIs(copy.copy(sender), sender)

    def test_a_pickled_entry_has_none(self):
        ann = self.connect("/", application=AsyncTeller.as_asgi())
        ann.send_json("now")
        sent = self.assertGroupSent("lobby", MESSAGE)
        elsewhere = pickle.loads(pickle.dumps(sent))
        self.assertEqual(elsewhere, sent._replace(sender=None))

    def test_an_entry_of_a_tests_own_has_none(self):
        entry = Sent("send", "jobs", None, {}, (), (), 1, False)  # noqa: FBT003 - a field
        self.assertIsNone(entry.sender)


class FailureTests(WebsocketTestCase):
    """Who has sent what should not have been sent, or not so often."""

    def check(self, verdict: str, call: Any, *args: Any, **options: Any) -> None:
        with self.assertRaises(AssertionError) as caught:
            call(*args, **options)
        sender: Any = self.assertGroupSent("lobby").sender
        said = f"AsyncTeller of ann (/), in AsyncTeller.receive_json() ({sender.line})"
        self.assertEqual(str(sender), said)
        text = str(caught.exception)
        self.assertTrue(text.startswith(verdict), text)
        self.assertIn(f" {MESSAGE!r}\n        by {said}", text)

    def test_each(self) -> None:
        ann = self.connect("/", application=AsyncTeller.as_asgi(), name="ann")
        ann.send_json("now")
        self.check("1 message was sent", self.assertNothingGroupSent, "lobby")
        self.check("1 message was sent", self.assertNothingSentAnywhere)
        self.check("1 message to group", self.assertGroupSent, "lobby", count=0)

    def test_none_where_too_few_were_sent(self) -> None:
        Group("lobby").send(MESSAGE)
        with self.assertRaises(AssertionError) as caught:
            self.assertGroupSent("lobby", count=2)
        self.assertNotIn("by the test", str(caught.exception))
