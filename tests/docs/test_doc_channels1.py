"""Examples of the page about moving from Channels 1."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels.consumer import SyncConsumer
from channels.generic.websocket import JsonWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter
from django.contrib.auth.models import User
from django.db.models.signals import post_save
from django.urls import path

from channels_testkit import (
    Channel,
    ChannelClient,
    ChannelTestCase,
    Group,
    WebsocketTestCase,
    WSClient,
    apply_routes,
)
from tests.app.models import Note


# docs:start channels1-consumer
class SquareConsumer(SyncConsumer):
    def square(self, message: dict[str, Any]) -> None:
        answer = {"type": "answer", "value": message["value"] ** 2}
        async_to_sync(self.channel_layer.send)(message["reply_channel"], answer)


# docs:end channels1-consumer


class LobbyConsumer(JsonWebsocketConsumer):
    """Says who came in, and repeats what it hears."""

    groups = ("lobby",)

    def connect(self) -> None:
        self.accept()
        self.send_json({"user": self.scope["user"].get_username()})

    def receive_json(self, content: Any, **kwargs: Any) -> None:
        self.send_json({"heard": content["say"]})

    def news(self, event: dict[str, Any]) -> None:
        self.send_json({"news": event["text"]})


class MessageTests(ChannelTestCase):
    # docs:start channels1-messages
    def test_messages(self):
        Channel("jobs").send({"type": "make", "number": 42})
        message = self.get_next_message("jobs", require=True)
        self.assertEqual(message["number"], 42)
        self.assertEqual(message.channel.name, "jobs")
        self.assertIsNone(self.get_next_message("jobs"))

    def test_groups(self):
        Group("makers").add("ann")
        Group("makers").send({"type": "made", "number": 42})
        self.assertEqual(self.get_next_message("ann")["number"], 42)

    # docs:end channels1-messages


class WorkerTests(ChannelTestCase):
    application = ProtocolTypeRouter(
        {"channel": ChannelNameRouter({"input": SquareConsumer.as_asgi()})}
    )

    # docs:start channels1-client
    def test_the_worker_answers(self):
        client = ChannelClient()
        client.send_and_consume("input", {"type": "square", "value": 3})
        self.assertEqual(client.receive(), {"type": "answer", "value": 9})

    async def test_the_worker_answers_async(self):
        client = ChannelClient()
        await client.asend_and_consume("input", {"type": "square", "value": 3})
        self.assertEqual(await client.areceive(), {"type": "answer", "value": 9})

    # docs:end channels1-client


class LobbyTests(WebsocketTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann", password="secret")

    # docs:start channels1-websocket
    def test_with_the_calls_of_channels_1(self):
        with apply_routes([path("lobby/", LobbyConsumer.as_asgi())]):
            client = WSClient()
            client.login(username="ann", password="secret")
            client.send_and_consume("websocket.connect", path="/lobby/")
            self.assertEqual(client.receive(), {"user": "ann"})
            client.send_and_consume("websocket.receive", text={"say": "hello"})
            self.assertEqual(client.receive(), {"heard": "hello"})
            Group("lobby").send({"type": "news", "text": "it rains"})
            self.assertEqual(client.receive(), {"news": "it rains"})
            self.assertIsNone(client.receive())

    # docs:end channels1-websocket

    # docs:start channels1-today
    def test_with_the_calls_of_today(self):
        with apply_routes([path("lobby/", LobbyConsumer.as_asgi())]):
            ann = self.connect("/lobby/", user=self.ann)
            self.assertReceivesJson(ann, {"user": "ann"})
            ann.send_json({"say": "hello"})
            self.assertReceivesJson(ann, {"heard": "hello"})

    # docs:end channels1-today


# docs:start channels1-decorator
@apply_routes(
    [path("new/", LobbyConsumer.as_asgi()), {"input": SquareConsumer.as_asgi()}]
)
class RoutedTests(WebsocketTestCase):
    def test_the_new_lobby(self):
        ben = self.connect("/new/")
        self.assertReceivesJson(ben, {"user": ""})

    @apply_routes(LobbyConsumer.as_asgi())
    async def test_a_consumer_without_its_route(self):
        ben = await self.aconnect("/any/path/")
        self.assertReceivesJson(ben, {"user": ""})
        # docs:end channels1-decorator


# docs:start channels1-binding
def tell_of_note(instance, created, **kwargs):
    """Tell the group when a note is saved."""
    payload = {"action": "create" if created else "update", "pk": instance.pk}
    event = {"type": "note.saved", "payload": payload}
    async_to_sync(get_channel_layer().group_send)("note-updates", event)


class BindingTests(ChannelTestCase):
    def setUp(self):
        post_save.connect(tell_of_note, sender=Note)
        self.addCleanup(post_save.disconnect, tell_of_note, sender=Note)

    def test_a_saved_note_is_sent(self):
        client = ChannelClient()
        client.join_group("note-updates")
        note = Note.objects.create(text="hello")
        expected = {"action": "create", "pk": note.pk}
        self.assertEqual(client.receive()["payload"], expected)
        self.assertIsNone(client.receive())
        # docs:end channels1-binding
