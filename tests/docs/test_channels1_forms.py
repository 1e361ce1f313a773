"""
The calls of Channels 1's page on testing, in the forms that it has them.

The consumers are those of Channels 4 that a project has made of its own. What
cannot go on as it was fails with what to write.
"""

from __future__ import annotations

import json
from typing import Any

from asgiref.sync import async_to_sync
from channels.consumer import SyncConsumer
from channels.generic.websocket import JsonWebsocketConsumer
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.db.models.signals import post_save
from django.urls import path

from channels_testkit import (
    Channel,
    ChannelTestCase,
    Client,
    Group,
    HttpClient,
    WSClient,
    apply_routes,
)
from tests.app.models import Note


def my_consumer(message: Any) -> None:
    """Put the square of a value on the channel "result"."""
    Channel("result").send({"value": message["value"] ** 2})


class InternalConsumer(SyncConsumer):
    def work(self, message: dict[str, Any]) -> None:
        answer = {"all is": "done"}
        async_to_sync(self.channel_layer.send)(message["reply_channel"], answer)


class RoomConsumer(JsonWebsocketConsumer):
    groups = ("rooms_watchers",)

    def receive_json(self, content: Any, **kwargs: Any) -> None:
        self.send_json({"rooms": self.scope["session"].get("rooms", [])})
        told = {"user": self.scope["user"].pk, "message": content["message"]}
        async_to_sync(self.channel_layer.send)("rooms_receive", told)

    def room_text(self, event: dict[str, Any]) -> None:
        self.send(text_data=event["text"])


class NewConsumer(JsonWebsocketConsumer):
    def connect(self) -> None:
        self.accept()
        self.send_json({"key": "value"})


NOTE = (
    "In Channels 4 a message for a consumer needs a 'type', which names its handler:"
    " {'type': 'room.text', ...} calls room_text()."
)


class FirstTests(ChannelTestCase):
    def test_a_thing(self):
        Channel("some-channel-name").send({"foo": "bar"})
        self.assertEqual(self.get_next_message("some-channel-name")["foo"], "bar")

    def test_a_square(self):
        Channel("input").send({"value": 33})
        my_consumer(self.get_next_message("input", require=True))
        result = self.get_next_message("result", require=True)
        self.assertEqual(result["value"], 1089)

    def test_a_group(self):
        Group("test-group").add("test-channel")
        Group("test-group").send({"value": 42})
        result = self.get_next_message("test-channel", require=True)
        self.assertEqual(result["value"], 42)


class ClientTests(ChannelTestCase):
    def test_my_consumer(self):
        with apply_routes({"my_internal_channel": InternalConsumer.as_asgi()}):
            client = Client()
            client.send_and_consume("my_internal_channel", {"type": "work"})
            self.assertEqual(client.receive(), {"all is": "done"})

    def test_a_message_without_type_says_what_it_lacks(self):
        with apply_routes({"my_internal_channel": InternalConsumer.as_asgi()}):
            client = Client()
            with self.assertRaisesMessage(
                AssertionError, "has no 'type', so the worker consumer cannot"
            ):
                client.send_and_consume("my_internal_channel", {"value": "my_value"})

    def test_a_message_is_a_dict(self):
        for client in (Client(), WSClient()):
            with self.assertRaisesMessage(
                TypeError, "A message is a dict, not '/new'."
            ):
                client.send("my_internal_channel", "/new")


@apply_routes([path("rooms/", RoomConsumer.as_asgi())])
class RoomsTests(ChannelTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.user = User.objects.create_user(
            username="test", email="test@test.com", password="123456"
        )

    def test_rooms(self):
        client = WSClient()
        client.login(username="test", password="123456")
        # Before it connects: then a connection loads its session.
        client.session["rooms"] = ["test", "1"]
        client.session.save()

        client.send_and_consume("websocket.connect", path="/rooms/")
        # check that there is nothing to receive
        self.assertIsNone(client.receive())

        # test that the client in the group
        message = {"type": "room.text", "text": "ok"}
        Group(RoomConsumer.groups[0]).send(message, immediately=True)
        self.assertEqual(client.receive(json=False), "ok")

        client.send_and_consume(
            "websocket.receive", text={"message": "hey"}, path="/rooms/"
        )
        # test 'response'
        self.assertEqual(client.receive(), {"rooms": ["test", "1"]})

        self.assertEqual(
            self.get_next_message("rooms_receive").content,
            {"user": self.user.id, "message": "hey"},
        )

        # There is nothing to receive
        self.assertIsNone(client.receive())

    def test_a_group_message_without_type(self):
        client = WSClient()
        client.send_and_consume("websocket.connect", path="/rooms/")
        with self.assertRaisesMessage(ValueError, "no 'type' attribute") as caught:
            Group(RoomConsumer.groups[0]).send({"text": "ok"}, immediately=True)
        # Python 3.10 has no notes.
        self.assertIn(NOTE, getattr(caught.exception, "__notes__", [NOTE]))

    async def test_a_group_message_without_type_async(self):
        client = WSClient()
        await client.asend_and_consume("websocket.connect", path="/rooms/")
        with self.assertRaisesMessage(ValueError, "no 'type' attribute") as caught:
            await Group(RoomConsumer.groups[0]).asend({"text": "ok"})
        self.assertIn(NOTE, getattr(caught.exception, "__notes__", [NOTE]))


class OrderTests(ChannelTestCase):
    def test_frames_need_a_connection(self):
        with self.assertWarns(DeprecationWarning):
            client = HttpClient(ordered=True)
        with self.assertRaisesMessage(
            AssertionError, "send_and_consume('websocket.connect', path=...) first"
        ):
            client.send_and_consume("websocket.receive", text="1", path="/ws")

    def test_an_order_of_ones_own(self):
        with self.assertWarns(DeprecationWarning):
            client = HttpClient()
        with self.assertRaisesMessage(TypeError, "A frame has no 'order'"):
            client.send("websocket.receive", content={"order": 0}, text="1")


class RoutesTests(ChannelTestCase):
    def test_myconsumer(self):
        client = WSClient()

        with apply_routes([path("new", NewConsumer.as_asgi())]):
            client.send_and_consume("websocket.connect", "/new")
            self.assertEqual(client.receive(), {"key": "value"})

    def test_a_path_in_every_place(self):
        with apply_routes([path("new", NewConsumer.as_asgi())]):
            for call in ({"content": "/new"}, {"content": {"path": "/new"}}):
                client = WSClient()
                client.send("websocket.connect", path="/other", **call)
                client.consume("websocket.connect")
                self.assertEqual(client.receive(), {"key": "value"})

    async def test_myconsumer_async(self):
        client = WSClient()
        with apply_routes([path("new", NewConsumer.as_asgi())]):
            await client.asend_and_consume("websocket.connect", "/new")
            self.assertEqual(await client.areceive(), {"key": "value"})


def tell_in_text(instance: Note, **kwargs: Any) -> None:
    """Broadcast as the bindings of Channels 1 did: JSON in a text."""
    payload = {"action": "create", "pk": instance.pk, "data": {"text": instance.text}}
    message = {"text": json.dumps({"stream": "notes", "payload": payload})}
    async_to_sync(get_channel_layer().group_send)("intval-updates", message)


class TestIntegerValueBinding(ChannelTestCase):
    def setUp(self):
        post_save.connect(tell_in_text, sender=Note)
        self.addCleanup(post_save.disconnect, tell_in_text, sender=Note)

    def check(self, received: Any, value: Note) -> None:
        self.assertIsNotNone(received)
        self.assertTrue("payload" in received)
        self.assertTrue("action" in received["payload"])
        self.assertEqual(received["payload"]["action"], "create")
        self.assertEqual(received["payload"]["pk"], value.pk)
        self.assertEqual(received["payload"]["data"]["text"], "fifty")

    def test_outbound_create(self):
        # We use WSClient because of json encoding messages
        client = WSClient()
        client.join_group("intval-updates")  # join outbound binding

        # create target entity
        value = Note.objects.create(text="fifty")

        received = client.receive()  # receive outbound binding message
        self.check(received, value)

        # assert that is nothing to receive
        self.assertIsNone(client.receive())

    async def test_outbound_create_async(self):
        client = WSClient()
        await client.ajoin_group("intval-updates")
        value = await Note.objects.acreate(text="fifty")
        self.check(await client.areceive(), value)
        self.assertIsNone(await client.areceive())


class ReplyTests(ChannelTestCase):
    """What a client that has joined a group makes of messages."""

    def receive(self, content: dict[str, Any], **options: Any) -> Any:
        client = WSClient()
        client.join_group("room")
        Group("room").send(content)
        received = client.receive(**options)
        self.assertIsNone(client.receive())
        return received

    def test_a_text_is_decoded(self):
        self.assertEqual(self.receive({"text": '{"a": 1}'}), {"a": 1})
        self.assertEqual(self.receive({"text": '{"a": 1}'}, json=False), '{"a": 1}')
        frame = {"type": "websocket.send", "text": "[1]"}
        self.assertEqual(self.receive(frame), [1])

    def test_bytes_are_bytes(self):
        self.assertEqual(self.receive({"bytes": b"xx"}), b"xx")

    def test_an_answer_to_the_handshake_stays_as_it_is(self):
        for answer in ({"accept": True}, {"close": True}, {"close": 4003}):
            self.assertEqual(self.receive(answer), answer)

    def test_a_message_of_channels_4_stays_as_it_is(self):
        message = {"type": "chat.message", "text": "hello"}
        self.assertEqual(self.receive(message), message)
        self.assertEqual(self.receive(message, json=False), message)

    def test_a_client_of_workers_decodes_nothing(self):
        client = Client()
        client.join_group("room")
        Group("room").send({"text": "[1]"})
        self.assertEqual(client.receive(), {"text": "[1]"})

    def test_a_text_that_is_no_json(self):
        client = WSClient()
        client.join_group("room")
        Group("room").send({"text": "ok"})
        with self.assertRaisesMessage(
            AssertionError,
            f"The message on channel '{client.reply_channel}' is not JSON: 'ok'"
            " (Expecting value: line 1 column 1 (char 0)). receive(json=False) returns"
            " it as it is.",
        ):
            client.receive()

    def test_beside_a_connection(self):
        with apply_routes([path("new", NewConsumer.as_asgi())]):
            client = WSClient()
            client.join_group("room")
            client.send_and_consume("websocket.connect", "/new")
            Group("room").send({"text": "[1]"})
            self.assertEqual(client.receive(), {"key": "value"})
            self.assertEqual(client.receive(), [1])
            self.assertIsNone(client.receive())
