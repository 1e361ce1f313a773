"""Communicators made by hand in test cases of Django, and in functions."""

from __future__ import annotations

import asyncio

from asgiref.sync import async_to_sync
from channels.consumer import SyncConsumer
from channels.db import database_sync_to_async
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import (
    AsyncWebsocketConsumer,
    WebsocketConsumer,
)
from django.test import TestCase, TransactionTestCase

from channels_testkit import (
    ApplicationCommunicator,
    HttpCommunicator,
    WebsocketCommunicator,
    WebsocketTestCase,
)
from tests.app.models import Note
from tests.utils import LoopTestCase, OuterTestCase, run_case

# Consumers that use the database in each of their handlers.


class SyncNotes(WebsocketConsumer):
    def connect(self):
        Note.objects.create(text="connected")
        self.accept()

    def receive(self, text_data=None, bytes_data=None):
        Note.objects.create(text=text_data)
        self.send(text_data=str(Note.objects.count()))

    def disconnect(self, code):
        Note.objects.create(text="gone")


class AsyncNotes(AsyncWebsocketConsumer):
    async def connect(self):
        await Note.objects.acreate(text="connected")
        await self.accept()

    async def receive(self, text_data=None, bytes_data=None):
        await database_sync_to_async(Note.objects.create)(text=text_data)
        await self.send(text_data=str(await Note.objects.acount()))

    async def disconnect(self, code):
        await Note.objects.acreate(text="gone")


class HttpNotes(AsyncHttpConsumer):
    async def handle(self, body):
        await Note.objects.acreate(text=body.decode())
        await self.send_response(200, str(await Note.objects.acount()).encode())


class Worker(SyncConsumer):
    def note(self, message):
        Note.objects.create(text=message["text"])
        self.send({"type": "noted", "count": Note.objects.count()})


async def talk(consumer) -> list[str]:
    """Have a row written in each handler; return all rows."""
    communicator = WebsocketCommunicator(consumer.as_asgi(), "/")
    connected, _ = await communicator.connect()
    assert connected
    await communicator.send_to(text_data="said")
    await communicator.receive_from()
    await communicator.disconnect()
    return await all_notes()


async def ask() -> list[str]:
    communicator = HttpCommunicator(HttpNotes.as_asgi(), "POST", "/", b"asked")
    await communicator.get_response()
    await communicator.wait()
    return await all_notes()


async def work() -> list[str]:
    communicator = ApplicationCommunicator(Worker.as_asgi(), {"type": "channel"})
    await communicator.send_input({"type": "note", "text": "worked"})
    assert (await communicator.receive_output())["type"] == "noted"
    communicator.stop()
    return await all_notes()


@database_sync_to_async
def all_notes() -> list[str]:
    return [note.text for note in Note.objects.order_by("pk")]


TALKED = ["connected", "said", "gone"]


class DatabaseTests:
    """What is written is there, and the test's connection stays open."""

    async def test_sync_consumer(self):
        self.assertEqual(await talk(SyncNotes), TALKED)

    async def test_async_consumer(self):
        self.assertEqual(await talk(AsyncNotes), TALKED)

    async def test_request(self):
        self.assertEqual(await ask(), ["asked"])

    async def test_worker(self):
        self.assertEqual(await work(), ["worked"])


class LoopsOfSyncTests:
    def test_in_a_loop_of_a_sync_test(self):
        self.assertEqual(async_to_sync(talk)(SyncNotes), TALKED)
        self.assertEqual(async_to_sync(ask)(), [*TALKED, "asked"])
        self.assertEqual(Note.objects.count(), 4)


class OfDjangoTests(DatabaseTests, LoopsOfSyncTests, TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.note = Note.objects.create(text="of the class")
        Note.objects.all().delete()


class OfDjangoTransactionTests(DatabaseTests, LoopsOfSyncTests, TransactionTestCase):
    pass


class OfTheKitTests(DatabaseTests, WebsocketTestCase):
    pass


class PlainFunctionTests(OuterTestCase):
    def test_in_asyncio_run(self):
        self.addCleanup(Note.objects.all().delete)
        self.assertEqual(asyncio.run(talk(SyncNotes)), TALKED)

    def test_in_pythons_own_case(self):
        class Inner(LoopTestCase):
            async def test_sync(self):
                self.assertEqual(await talk(SyncNotes), TALKED)

        self.addCleanup(Note.objects.all().delete)
        self.assertEqual(run_case(Inner).texts, [])
