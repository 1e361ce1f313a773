"""What outlives its test is refused, in words that lead to the mistake."""

from __future__ import annotations

import asyncio
import copy
import gc
import threading
import unittest
import weakref
from typing import Any, ClassVar

from asgiref.sync import async_to_sync
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.test import TestCase, TransactionTestCase

from channels_testkit import (
    ChannelClient,
    HttpCommunicator,
    SimpleWebsocketTestCase,
    WebsocketCommunicator,
    WebsocketTestCase,
    WSClient,
)
from tests.app.asgi import application
from tests.app.models import Note
from tests.utils import OuterTestCase, run_case

TOO_EARLY = (
    " was made before the test began, and would outlive it: make it in setUp() or in"
    " the test, not in a module, setUpClass() or setUpTestData()."
)
SECONDS = 30
# As a project's module might have them.
OF_A_MODULE = WebsocketCommunicator(application, "/ws/echo/")
REQUEST_OF_A_MODULE = HttpCommunicator(application, "GET", "/pages/empty/")
LOCK = asyncio.Lock()
QUEUE: asyncio.Queue[str] = asyncio.Queue()


class TooEarlyTests(OuterTestCase):
    """Clients and communicators that were made before their test."""

    def test_communicators_are_refused_when_they_are_used(self):
        class Inner(WebsocketTestCase):
            @classmethod
            def setUpTestData(cls):
                cls.of_data = WebsocketCommunicator(application, "/ws/echo/")

            @classmethod
            def setUpClass(cls):
                super().setUpClass()
                cls.of_class = WebsocketCommunicator(application, "/ws/echo/")

            async def test_it(self):
                for communicator in (OF_A_MODULE, self.of_data, self.of_class):
                    for call in (communicator.connect, communicator.receive_from):
                        with self.assertRaises(RuntimeError) as caught:
                            await call()
                        self.assertEqual(
                            str(caught.exception),
                            f"The communicator of /ws/echo/{TOO_EARLY}",
                        )
                with self.assertRaises(RuntimeError) as caught:
                    await REQUEST_OF_A_MODULE.get_response()
                self.assertIn(TOO_EARLY, str(caught.exception))

        self.assertEqual(run_case(Inner).raised, [])

    def test_clients_are_refused_when_they_are_made(self):
        for make in (WSClient, ChannelClient):
            with self.assertRaises(RuntimeError) as caught:
                make()
            self.assertEqual(
                str(caught.exception),
                f"{make.__name__} works while a ChannelTestCase or WebsocketTestCase"
                " test runs: make it in setUp() or in the test, not in a module,"
                " setUpClass() or setUpTestData(). Any other TestCase needs"
                " ChannelTestMixin before it.",
            )


class CopyTests(WebsocketTestCase):
    ws_path = "/ws/echo/"

    def test_what_has_something_open_is_not_copied(self):
        for original in (
            self.connect(),
            self.create_client(),
            self.create_communicator(),
            HttpCommunicator(application, "GET", "/pages/empty/"),
            ChannelClient(),
        ):
            with self.assertRaises(TypeError) as caught:
                copy.deepcopy({"a": [original]})
            self.assertEqual(
                str(caught.exception),
                f"{type(original).__name__} objects cannot be copied: a copy would"
                " share what this one has open. Make another one the way this one was"
                " made.",
            )


class OfAnotherTestTests(OuterTestCase):
    def test_every_call_names_the_test_that_has_ended(self):
        class Inner(WebsocketTestCase):
            ws_path = "/ws/echo/"
            kept: ClassVar[dict[str, Any]] = {}

            def test_1(self):
                self.kept["client"] = self.connect()
                self.kept["channels"] = ChannelClient()
                self.name = self.id()

            def test_2(self):
                client, channels = self.kept["client"], self.kept["channels"]
                for call in (
                    client.connect,
                    client.reconnect,
                    client.disconnect,
                    client.receive_json,
                    client.receive_nothing,
                    lambda: client.send_json({}),
                    lambda: client.frames,
                    lambda: client.transcript,
                    lambda: client.consumer,
                    lambda: client.cookies,
                    lambda: client.session,
                    lambda: client.login(username="ann", password="secret"),
                    lambda: client.force_login(AnonymousUser()),
                    client.logout,
                    channels.receive,
                    lambda: channels.join_group("room"),
                    lambda: self.assertReceivesNothing(client),
                    lambda: self.assertReceivesJson(client, {}),
                    lambda: self.assertAllReceive([client], {}),
                    lambda: self.assertClosed(client),
                    lambda: self.assertOpen(client),
                    lambda: self.assertInGroup(client, "room"),
                    lambda: self.assertGroupMembers("room", [client]),
                ):
                    with self.assertRaises(RuntimeError) as caught:
                        call()
                    self.assertEqual(
                        str(caught.exception),
                        "This call is made on an object that belongs to another test,"
                        f" {self.id()[:-1]}1, which has ended. Make clients and"
                        " communicators anew for each test: in setUp(), or in the"
                        " test.",
                    )
                self.assertIn("disconnected", repr(client))

        self.assertEqual(run_case(Inner).raised, [])

    def test_communicators_as_well(self):
        class Inner(WebsocketTestCase):
            ws_path = "/ws/echo/"
            kept: ClassVar[dict[str, Any]] = {}

            async def test_1(self):
                self.kept["ann"] = await self.aconnect()

            async def test_2(self):
                ann = self.kept["ann"]
                for call in (
                    ann.connect,
                    ann.receive_from,
                    ann.receive_nothing,
                    ann.disconnect,
                    ann.wait,
                    lambda: ann.send_to("a"),
                ):
                    with self.assertRaisesRegex(
                        RuntimeError, "test_1, which has ended"
                    ):
                        await call()

        self.assertEqual(run_case(Inner).raised, [])

    def test_a_run_is_freed_when_its_test_is_over(self):
        class Inner(SimpleWebsocketTestCase):
            def test_it(self):
                class Own(WebsocketConsumer):
                    """Nobody else has it."""

                self.connect("/", application=Own.as_asgi())
                weakref.finalize(self._kit, run_is_free.set)
                weakref.finalize(Own, consumer_is_free.set)

        run_is_free, consumer_is_free = threading.Event(), threading.Event()
        self.assertEqual(run_case(Inner).raised, [])
        gc.collect()
        # The watchdog's thread may have it in its hands.
        self.assertTrue(run_is_free.wait(SECONDS))
        self.assertTrue(consumer_is_free.wait(SECONDS))


class LockingConsumer(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        if text_data == "lock":
            async with LOCK:
                await asyncio.Event().wait()
        else:
            await QUEUE.get()


class OtherLoopTests(OuterTestCase):
    """asyncio's objects belong to the loop that has used them first."""

    @unittest.skipUnless(hasattr(Exception, "add_note"), "needs Python 3.11")
    def test_what_a_module_keeps_fails_with_the_reason(self):
        class Inner(SimpleWebsocketTestCase):
            ws_path = "/"
            application = LockingConsumer.as_asgi()

            def use(self):
                for user in self.connect_many(2):
                    user.send_text(self.way)

            test_1 = test_2 = use

        for way in ("lock", "queue"):
            case = type("Inner", (Inner,), {"way": way, "check_leaks": "off"})
            with self.subTest(way):
                [error, *_] = run_case(case).raised
                self.assertIn("is bound to a different event loop", str(error))
                self.assertIn(
                    "It was used in an earlier test, whose loop is closed: each test"
                    " has a loop of its own, as each server process has. Do not keep"
                    " locks, events and queues of asyncio in a module or a class: make"
                    " them where they are first used.",
                    error.__notes__,
                )


class NotesConsumer(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        Note.objects.create(text=text_data)
        self.send("made")

    def disconnect(self, code):
        Note.objects.create(text="gone")


# An inner TestCase closes the connections when its class ends.
class OfDjangoTests(TransactionTestCase):
    """Communicators in test cases that know nothing of the kit."""

    def test_the_connection_of_the_test_stays_open(self):
        class Inner(TestCase):
            async def talk(self):
                communicator = WebsocketCommunicator(NotesConsumer.as_asgi(), "/")
                await communicator.connect()
                await communicator.send_to("said")
                self.assertEqual(await communicator.receive_from(), "made")
                await communicator.disconnect()

            def check(self):
                texts = sorted(Note.objects.values_list("text", flat=True))
                self.assertEqual(texts, ["gone", "said"])

            async def test_async(self):
                await self.talk()
                await asyncio.to_thread(print, end="")
                self.assertEqual(await Note.objects.acount(), 2)

            def test_sync(self):
                async_to_sync(self.talk)()
                self.check()

            def test_zz_another_one(self):
                self.assertEqual(Note.objects.count(), 0)

        self.assertEqual(run_case(Inner).raised, [])
        self.assertEqual(Note.objects.count(), 0)

    def test_a_class_that_cannot_be_set_up_leaves_no_transaction_open(self):
        class Broken(WebsocketTestCase):
            @classmethod
            def setUpClass(cls):
                super().setUpClass()
                Note.objects.create(text="left")
                raise ValueError("in setUpClass()")

            def test_it(self):
                """Not reached."""

        [error] = run_case(Broken).raised
        self.assertEqual(str(error), "in setUpClass()")
        self.assertFalse(connection.in_atomic_block)
        with transaction.atomic():
            self.assertEqual(Note.objects.count(), 0)
