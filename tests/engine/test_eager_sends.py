"""Broadcasts from code that is not a consumer reach connected clients."""

from __future__ import annotations

import threading
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import get_channel_layer
from django.core.management import BaseCommand, call_command
from django.db import transaction
from django.db.models.signals import post_save

from channels_testkit import ChannelClient, WebsocketTestCase
from channels_testkit.websocket.subjects import driver_of
from tests.app.models import Note

ROOM = "room-1"


def tell(text: str) -> None:
    """Broadcast to the room, as sync code does."""
    message = {"type": "room.message", "content": {"note": text}}
    async_to_sync(get_channel_layer().group_send)(ROOM, message)


def tell_of_note(instance: Note, **kwargs: Any) -> None:
    tell(instance.text)


class Command(BaseCommand):
    """A management command, which needs no name to be called."""

    def handle(self, *args: Any, **options: Any) -> None:
        Note.objects.create(text="command")
        tell("command")


def in_thread(function: Any, *args: Any) -> None:
    """Call in a thread of its own, and wait for that."""
    thread = threading.Thread(target=function, args=args)
    thread.start()
    thread.join()


class EagerTask:
    """What a task queue makes of a function, where tasks run at once."""

    def __init__(self, function: Any) -> None:
        self.delay = function


@EagerTask
def make_thumbnail(pk: int) -> None:
    tell(f"thumbnail of {Note.objects.get(pk=pk)}")


class SendsTestCase(WebsocketTestCase):
    ws_path = "/ws/room/1/"


class SyncTests(SendsTestCase):
    def setUp(self):
        self.ann, self.ben = self.connect_many(2)

    def check(self, text: str) -> None:
        for client in (self.ann, self.ben):
            self.assertReceivesJson(client, {"note": text})
            self.assertReceivesNothing(client)

    def test_a_view(self):
        self.client.post("/broadcast/1/", {"text": "view"})
        self.check("view")

    def test_a_signal(self):
        post_save.connect(tell_of_note, sender=Note)
        self.addCleanup(post_save.disconnect, tell_of_note, sender=Note)
        Note.objects.create(text="signal")
        self.check("signal")

    def test_a_management_command(self):
        call_command(Command())
        self.check("command")

    def test_a_thread(self):
        in_thread(tell, "thread")
        self.check("thread")

    def test_a_commit(self):
        with transaction.atomic():
            transaction.on_commit(lambda: tell("commit"))
            self.assertReceivesNothing(self.ann)
        self.check("commit")

    def test_a_rollback_tells_nobody(self):
        with self.assertRaises(KeyError), transaction.atomic():
            transaction.on_commit(lambda: tell("commit"))
            raise KeyError
        self.assertReceivesNothing(self.ann)

    def test_a_commit_that_is_captured(self):
        with self.captureOnCommitCallbacks(execute=True), transaction.atomic():
            transaction.on_commit(lambda: tell("commit"))
        self.check("commit")

    def test_an_eager_task(self):
        note = Note.objects.create(text="milk")
        transaction.on_commit(lambda: make_thumbnail.delay(note.pk))
        self.check("thumbnail of milk")

    def test_the_tests_own_code(self):
        tell("test")
        self.check("test")

    def test_it_is_heard_at_a_call_and_not_beside_the_tests_code(self):
        tell("later")
        # The connection's own list, which does not come to rest first.
        frames = driver_of(self.ann).connection.frames
        self.assertEqual(frames, [])
        self.settle()
        self.assertEqual(len(frames), 1)
        self.check("later")

    def test_a_client_of_a_group(self):
        client = ChannelClient()
        client.join_group(ROOM)
        in_thread(tell, "thread")
        self.assertEqual(client.receive()["content"], {"note": "thread"})
        tell("test")
        self.assertEqual(client.receive()["content"], {"note": "test"})


class AsyncTests(SendsTestCase):
    async def asyncSetUp(self):
        self.ann, self.ben = await self.aconnect_many(2)

    def check(self, text: str) -> None:
        for communicator in (self.ann, self.ben):
            self.assertReceivesJson(communicator, {"note": text})
            self.assertReceivesNothing(communicator)

    async def test_a_view(self):
        await self.async_client.post("/broadcast/1/", {"text": "view"})
        self.check("view")

    async def test_a_signal(self):
        post_save.connect(tell_of_note, sender=Note)
        self.addCleanup(post_save.disconnect, tell_of_note, sender=Note)
        await Note.objects.acreate(text="signal")
        self.check("signal")

    async def test_a_management_command(self):
        await sync_to_async(call_command)(Command())
        self.check("command")

    async def test_a_thread(self):
        await sync_to_async(in_thread)(tell, "thread")
        self.check("thread")

    async def test_a_thread_that_is_joined_in_the_test(self):
        in_thread(tell, "thread")
        await self.asettle()
        self.check("thread")

    async def test_a_commit(self):
        def commit() -> None:
            with transaction.atomic():
                transaction.on_commit(lambda: tell("commit"))

        await sync_to_async(commit)()
        self.check("commit")

    async def test_a_commit_that_is_captured(self):
        def commit() -> None:
            with transaction.atomic():
                transaction.on_commit(lambda: tell("commit"))

        async with self.captureOnCommitCallbacks(execute=True):
            await sync_to_async(commit)()
        self.check("commit")

    async def test_an_eager_task(self):
        note = await Note.objects.acreate(text="milk")
        await sync_to_async(make_thumbnail.delay)(note.pk)
        self.check("thumbnail of milk")

    async def test_the_layer_itself(self):
        message = {"type": "room.message", "content": {"note": "layer"}}
        await get_channel_layer().group_send(ROOM, message)
        self.check("layer")

    async def test_a_client_of_a_group(self):
        client = ChannelClient()
        await client.ajoin_group(ROOM)
        await sync_to_async(in_thread)(tell, "thread")
        self.assertEqual((await client.areceive())["content"], {"note": "thread"})
