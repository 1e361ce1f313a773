"""What the page about background tasks shows."""

from __future__ import annotations

import contextlib
from functools import partial
from unittest import mock

import dramatiq
from asgiref.sync import async_to_sync
from celery import shared_task
from channels.generic.websocket import JsonWebsocketConsumer
from channels.layers import get_channel_layer
from django.db import transaction
from dramatiq.brokers.stub import StubBroker
from dramatiq.message import Message

from channels_testkit import WebsocketTestCase
from tests.app import tasks as project  # noqa: F401 - its Celery app
from tests.app.models import Note

dramatiq.set_broker(StubBroker())


# docs:start task
@shared_task
def count_words(note_id: int) -> None:
    note = Note.objects.get(pk=note_id)
    message = {"type": "note.counted", "words": len(note.text.split())}
    async_to_sync(get_channel_layer().group_send)("notes", message)


class NoteConsumer(JsonWebsocketConsumer):
    groups = ["notes"]

    def receive_json(self, content):
        with transaction.atomic():
            note = Note.objects.create(text=content["text"])
            count_words.delay_on_commit(note.pk)

    def note_counted(self, message):
        self.send_json({"words": message["words"]})
        # docs:end task


# docs:start test
class NoteTests(WebsocketTestCase):
    application = NoteConsumer.as_asgi()
    ws_path = "/ws/notes/"

    def test_the_words_of_a_note_are_counted(self):
        ann = self.connect()
        with self.held_tasks() as tasks:
            ann.send_json({"text": "three little words"})
            self.assertReceivesNothing(ann)
            tasks.run()
            self.assertReceivesJson(ann, {"words": 3})

    async def test_the_words_of_a_note_are_counted_async(self):
        ann = await self.aconnect()
        with self.held_tasks() as tasks:
            await ann.send_json({"text": "three little words"})
            await tasks.arun()
        self.assertReceivesJson(ann, {"words": 3})
        # docs:end test

    # docs:start look
    def test_the_task_gets_the_note(self):
        ann = self.connect()
        with self.held_tasks() as tasks:
            ann.send_json({"text": "three little words"})
            note = Note.objects.get()
            self.assertEnqueued(count_words, args=[note.pk], count=1)
            task = tasks[0]
            self.assertEqual(task.queue, "celery")
            self.assertIsNone(task.eta)

    def test_a_note_without_text_is_not_counted(self):
        ann = self.connect()
        with self.held_tasks():
            with self.assertApplicationRaises(KeyError):
                ann.send_json({})
            self.assertNothingEnqueued()

    # docs:end look

    # docs:start commit
    def test_the_task_finds_the_note(self):
        ann = self.connect()
        with self.held_tasks():
            ann.send_json({"text": "three little words"})
            self.assertEnqueuedAfterCommit(count_words)

    # docs:end commit

    # docs:start step
    def test_one_after_the_other(self):
        ann = self.connect()
        with self.held_tasks() as tasks:
            ann.send_json({"text": "one"})
            ann.send_json({"text": "one two"})
            tasks.run_next()
            self.assertReceivesJson(ann, {"words": 1})
            self.assertReceivesNothing(ann)
            self.assertEqual(len(tasks), 1)

    # docs:end step

    # docs:start raises
    def test_a_note_that_does_not_exist(self):
        with self.held_tasks() as tasks:
            count_words.delay(0)
            with self.assertRaises(Note.DoesNotExist):
                tasks.run()
            # docs:end raises


@dramatiq.actor
def count_letters(text: str) -> None:
    message = {"type": "note.counted", "words": len(text)}
    async_to_sync(get_channel_layer().group_send)("notes", message)


# docs:start dramatiq
@contextlib.contextmanager
def dramatiq_queue(tasks):
    broker = dramatiq.get_broker()

    def enqueue(message, *, delay=None):
        received = Message.decode(message.encode())
        actor = broker.get_actor(received.actor_name)
        args, kwargs = received.args, received.kwargs
        work = partial(actor, *args, **kwargs)
        tasks.hold(actor, args, kwargs, work, queue=received.queue_name)
        return message

    with mock.patch.object(broker, "enqueue", enqueue):
        yield


class DramatiqTests(WebsocketTestCase):
    application = NoteConsumer.as_asgi()

    def test_the_letters_of_a_text_are_counted(self):
        ann = self.connect("/ws/notes/")
        with self.held_tasks(dramatiq_queue) as tasks:
            count_letters.send("hello")
            self.assertEnqueued(count_letters, args=["hello"])
            tasks.run()
            self.assertReceivesJson(ann, {"words": 5})
            # docs:end dramatiq

    def test_arguments_that_are_not_json_raise(self):
        with self.held_tasks(dramatiq_queue):
            with self.assertRaises(TypeError):
                count_letters.send(object())
            self.assertNothingEnqueued()
