"""
What users of Channels 1 wrote in tests, on applications of Channels 4.

The calls are those of Channels 1, the applications are this module's own; each
test has a sync and an async form.
"""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels.auth import AuthMiddlewareStack
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.generic.websocket import JsonWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
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


class PriceConsumer(SyncConsumer):
    """Adds the tax, and puts the sum where it is wanted."""

    def price(self, message: dict[str, Any]) -> None:
        total = {"type": "total", "cents": message["cents"] * 119 // 100}
        to = message.get("reply_channel", "totals")
        async_to_sync(self.channel_layer.send)(to, total)


class TotalsConsumer(SyncConsumer):
    """Does the same for a channel of its own."""

    def price(self, message: dict[str, Any]) -> None:
        total = {"type": "total", "cents": message["cents"] * 119 // 100}
        async_to_sync(self.channel_layer.send)("totals", total)


class GreetingConsumer(AsyncConsumer):
    async def greet(self, message: dict[str, Any]) -> None:
        greeting = {"type": "greeting", "text": f"hello, {message['name']}"}
        await self.channel_layer.send(message["reply_channel"], greeting)


class SeatsConsumer(JsonWebsocketConsumer):
    """Says which seats the session holds, and tells the ushers."""

    groups = ("audience",)

    def receive_json(self, content: Any, **kwargs: Any) -> None:
        session = self.scope["session"]
        # The scope's own was loaded when the connection was made.
        now = session.__class__(session.session_key)
        self.send_json({"seats": now.get("seats", [])})
        call = {"type": "call", "user": self.scope["user"].pk, "row": content["row"]}
        async_to_sync(self.channel_layer.send)("ushers", call)

    def curtain(self, event: dict[str, Any]) -> None:
        self.send(text_data=event["text"])


class TurnstileConsumer(JsonWebsocketConsumer):
    """Counts who comes through, in order."""

    def connect(self) -> None:
        self.names: list[Any] = []
        self.accept()

    def receive_json(self, content: Any, **kwargs: Any) -> None:
        self.names.append(content)
        self.send_json(self.names)


class BellConsumer(JsonWebsocketConsumer):
    def connect(self) -> None:
        self.accept()
        self.send_json({"bell": "rings"})


class DoorConsumer(JsonWebsocketConsumer):
    """Lets nobody in."""

    def connect(self) -> None:
        self.close(code=4003)


class NoteStream(JsonWebsocketConsumer):
    """Hands what comes for a stream to the stream's worker."""

    groups = ("notes",)

    def receive_json(self, content: Any, **kwargs: Any) -> None:
        message = {"type": "inbound", "payload": content["payload"]}
        channel = f"streams.{content['stream']}"
        async_to_sync(self.channel_layer.send)(channel, message)

    def outbound(self, event: dict[str, Any]) -> None:
        self.send_json({"stream": event["stream"], "payload": event["payload"]})


class NoteConsumer(SyncConsumer):
    def inbound(self, message: dict[str, Any]) -> None:
        Note.objects.create(**message["payload"]["data"])


def tell_of_note(instance: Note, created: bool, **kwargs: Any) -> None:
    """Broadcast that a note has been written."""
    payload = {
        "action": "create" if created else "update",
        "pk": instance.pk,
        "model": instance._meta.label_lower,
        "data": {"text": instance.text},
    }
    event = {"type": "outbound", "stream": "note", "payload": payload}
    async_to_sync(get_channel_layer().group_send)("notes", event)


APPLICATION = ProtocolTypeRouter(
    {
        "websocket": AuthMiddlewareStack(
            URLRouter(
                [
                    path("seats/", SeatsConsumer.as_asgi()),
                    path("turnstile/", TurnstileConsumer.as_asgi()),
                    path("door/", DoorConsumer.as_asgi()),
                ]
            )
        ),
        "channel": ChannelNameRouter(
            {
                "prices": TotalsConsumer.as_asgi(),
                "greetings": GreetingConsumer.as_asgi(),
            }
        ),
    }
)


class PageTestCase(ChannelTestCase):
    application: Any = APPLICATION


class MessageTests(PageTestCase):
    def test_a_message_is_put_on_a_channel(self):
        Channel("some-channel").send({"foo": "bar"})
        self.assertEqual(self.get_next_message("some-channel").content, {"foo": "bar"})

    async def test_a_message_is_put_on_a_channel_async(self):
        await Channel("some-channel").asend({"foo": "bar"})
        self.assertEqual(self.get_next_message("some-channel").content, {"foo": "bar"})

    def test_a_consumer_answers_on_a_channel(self):
        Channel("prices").send({"type": "price", "cents": 100})
        Client().consume("prices")
        result = self.get_next_message("totals", require=True)
        self.assertEqual(result["cents"], 119)

    async def test_a_consumer_answers_on_a_channel_async(self):
        await Channel("prices").asend({"type": "price", "cents": 100})
        await Client().aconsume("prices")
        result = self.get_next_message("totals", require=True)
        self.assertEqual(result["cents"], 119)

    def test_a_plain_function_takes_a_message(self):
        def price(message: Any) -> None:
            total = {"cents": message["cents"] * 119 // 100}
            Channel("totals").send(total)

        Channel("prices").send({"cents": 100})
        price(self.get_next_message("prices", require=True))
        result = self.get_next_message("totals", require=True)
        self.assertEqual(result["cents"], 119)

    async def test_a_plain_function_takes_a_message_async(self):
        async def price(message: Any) -> None:
            await Channel("totals").asend({"cents": message["cents"] * 119 // 100})

        await Channel("prices").asend({"cents": 100})
        await price(self.get_next_message("prices", require=True))
        result = self.get_next_message("totals", require=True)
        self.assertEqual(result["cents"], 119)

    def test_nothing_is_required_of_an_empty_channel(self):
        self.assertIsNone(self.get_next_message("prices"))
        with self.assertRaisesMessage(
            AssertionError, "Expected a message on channel 'prices', got none"
        ):
            self.get_next_message("prices", require=True)

    async def test_nothing_is_required_of_an_empty_channel_async(self):
        self.assertIsNone(self.get_next_message("prices"))
        with self.assertRaisesMessage(
            AssertionError, "Expected a message on channel 'prices', got none"
        ):
            self.get_next_message("prices", require=True)


class ReplyChannelTests(PageTestCase):
    def test_a_consumer_answers_on_the_reply_channel(self):
        with apply_routes([{"input": PriceConsumer.as_asgi()}]):
            content = {"type": "price", "cents": 100, "reply_channel": "reply"}
            Channel("input").send(content)
            Client().consume("input")
        result = self.get_next_message("reply", require=True)
        self.assertEqual(result["cents"], 119)

    async def test_a_consumer_answers_on_the_reply_channel_async(self):
        with apply_routes([{"input": PriceConsumer.as_asgi()}]):
            content = {"type": "price", "cents": 100, "reply_channel": "reply"}
            await Channel("input").asend(content)
            await Client().aconsume("input")
        result = self.get_next_message("reply", require=True)
        self.assertEqual(result["cents"], 119)


class GroupTests(PageTestCase):
    def test_a_group_reaches_its_channels(self):
        Group("test-group").add("test-channel")
        Group("test-group").send({"value": 42})
        result = self.get_next_message("test-channel", require=True)
        self.assertEqual(result["value"], 42)

    async def test_a_group_reaches_its_channels_async(self):
        await Group("test-group").aadd("test-channel")
        await Group("test-group").asend({"value": 42})
        result = self.get_next_message("test-channel", require=True)
        self.assertEqual(result["value"], 42)


class ClientTests(PageTestCase):
    def test_a_client_sends_consumes_and_receives(self):
        client = Client()
        client.send_and_consume("greetings", {"type": "greet", "name": "ann"})
        self.assertEqual(client.receive(), {"type": "greeting", "text": "hello, ann"})

    async def test_a_client_sends_consumes_and_receives_async(self):
        client = Client()
        await client.asend_and_consume("greetings", {"type": "greet", "name": "ann"})
        self.assertEqual(
            await client.areceive(), {"type": "greeting", "text": "hello, ann"}
        )


class WSClientTests(PageTestCase):
    def test_a_logged_in_client_talks_to_its_consumer(self):
        client = WSClient()
        user = User.objects.create_user(
            username="test", email="test@example.com", password="123456"
        )
        client.login(username="test", password="123456")

        client.send_and_consume("websocket.connect", path="/seats/")
        self.assertIsNone(client.receive())

        curtain = {"type": "curtain", "text": "up"}
        Group(SeatsConsumer.groups[0]).send(curtain, immediately=True)
        self.assertEqual(client.receive(json=False), "up")

        client.session["seats"] = ["A", "1"]
        client.session.save()
        client.send_and_consume("websocket.receive", text={"row": "A"}, path="/seats/")
        self.assertEqual(client.receive(), {"seats": ["A", "1"]})
        self.assertEqual(
            self.get_next_message("ushers").content,
            {"type": "call", "user": user.pk, "row": "A"},
        )
        self.assertIsNone(client.receive())

    async def test_a_logged_in_client_talks_to_its_consumer_async(self):
        client = WSClient()
        user = await User.objects.acreate_user(
            username="test", email="test@example.com", password="123456"
        )
        await client.alogin(username="test", password="123456")

        await client.asend_and_consume("websocket.connect", path="/seats/")
        self.assertIsNone(await client.areceive())

        await Group(SeatsConsumer.groups[0]).asend({"type": "curtain", "text": "up"})
        self.assertEqual(await client.areceive(json=False), "up")

        session = await client.asession()
        await session.aset("seats", ["A", "1"])
        await session.asave()
        await client.asend_and_consume(
            "websocket.receive", text={"row": "A"}, path="/seats/"
        )
        self.assertEqual(await client.areceive(), {"seats": ["A", "1"]})
        self.assertEqual(
            self.get_next_message("ushers").content,
            {"type": "call", "user": user.pk, "row": "A"},
        )
        self.assertIsNone(await client.areceive())

    def test_a_user_is_logged_in_without_a_password(self):
        client = WSClient()
        user = User.objects.create_user("test")
        client.force_login(user)
        consumer = client.send_and_consume("websocket.connect", path="/seats/")
        self.assertEqual(consumer.scope["user"], user)

    async def test_a_user_is_logged_in_without_a_password_async(self):
        client = WSClient()
        user = await User.objects.acreate_user("test")
        await client.aforce_login(user)
        consumer = await client.asend_and_consume("websocket.connect", path="/seats/")
        self.assertEqual(consumer.scope["user"], user)

    def test_a_consumer_that_closes_is_not_checked(self):
        client = WSClient()
        client.send_and_consume("websocket.connect", path="/door/", check_accept=False)
        self.assertEqual(client.receive(), {"close": 4003})

    async def test_a_consumer_that_closes_is_not_checked_async(self):
        client = WSClient()
        await client.asend_and_consume(
            "websocket.connect", path="/door/", check_accept=False
        )
        self.assertEqual(await client.areceive(), {"close": 4003})


class OrderTests(PageTestCase):
    def test_frames_come_in_order(self):
        with self.assertWarns(DeprecationWarning):
            client = HttpClient(ordered=True)
        client.send_and_consume("websocket.connect", path="/turnstile/")
        for text in ("1", "2", "3"):
            client.send_and_consume("websocket.receive", text=text, path="/turnstile/")
        self.assertEqual(client.receive(), [1])
        self.assertEqual(client.receive(), [1, 2])
        self.assertEqual(client.receive(), [1, 2, 3])
        self.assertIsNone(client.receive())

    async def test_frames_come_in_order_async(self):
        with self.assertWarns(DeprecationWarning):
            client = HttpClient(ordered=True)
        await client.asend_and_consume("websocket.connect", path="/turnstile/")
        for text in ("1", "2", "3"):
            await client.asend_and_consume(
                "websocket.receive", text=text, path="/turnstile/"
            )
        self.assertEqual(client.consumer.names, [1, 2, 3])

    def test_an_order_of_ones_own_is_refused(self):
        with self.assertWarns(DeprecationWarning):
            client = HttpClient()
        with self.assertRaisesMessage(TypeError, "A frame has no 'order'"):
            client.send("websocket.receive", content={"order": 2}, text="2")

    async def test_an_order_of_ones_own_is_refused_async(self):
        with self.assertWarns(DeprecationWarning):
            client = HttpClient()
        with self.assertRaisesMessage(TypeError, "A frame has no 'order'"):
            await client.asend("websocket.receive", content={"order": 2}, text="2")

    def test_frames_wait_until_they_are_consumed(self):
        client = WSClient()
        client.send_and_consume("websocket.connect", path="/turnstile/")
        for text in ("1", "2", "3"):
            client.send("websocket.receive", text=text)
        for _ in range(3):
            client.consume("websocket.receive")
        self.assertEqual(client.consumer.names, [1, 2, 3])

    async def test_frames_wait_until_they_are_consumed_async(self):
        client = WSClient()
        await client.asend_and_consume("websocket.connect", path="/turnstile/")
        for text in ("1", "2", "3"):
            await client.asend("websocket.receive", text=text)
        for _ in range(3):
            await client.aconsume("websocket.receive")
        self.assertEqual(client.consumer.names, [1, 2, 3])


class RoutesTests(PageTestCase):
    def test_routes_hold_for_a_block(self):
        client = WSClient()
        with apply_routes([path("new", BellConsumer.as_asgi())]):
            client.send_and_consume("websocket.connect", path="/new")
            self.assertEqual(client.receive(), {"bell": "rings"})

    async def test_routes_hold_for_a_block_async(self):
        client = WSClient()
        with apply_routes([path("new", BellConsumer.as_asgi())]):
            await client.asend_and_consume("websocket.connect", path="/new")
            self.assertEqual(await client.areceive(), {"bell": "rings"})


class BindingTests(PageTestCase):
    def setUp(self):
        post_save.connect(tell_of_note, sender=Note)
        self.addCleanup(post_save.disconnect, tell_of_note, sender=Note)

    def check_creation(self, received: Any, note: Note) -> None:
        self.assertIsNotNone(received)
        self.assertEqual(received["payload"]["action"], "create")
        self.assertEqual(received["payload"]["model"], "app.note")
        self.assertEqual(received["payload"]["pk"], note.pk)
        self.assertEqual(received["payload"]["data"], {"text": "fifty"})

    def test_outbound(self):
        client = WSClient()
        client.join_group("notes")
        note = Note.objects.create(text="fifty")
        self.check_creation(client.receive(), note)
        self.assertIsNone(client.receive())

    async def test_outbound_async(self):
        client = WSClient()
        await client.ajoin_group("notes")
        note = await Note.objects.acreate(text="fifty")
        self.check_creation(await client.areceive(), note)
        self.assertIsNone(await client.areceive())

    routes = (
        path("", NoteStream.as_asgi()),
        {"streams.note": NoteConsumer.as_asgi()},
    )

    def frame(self) -> dict[str, Any]:
        return {
            "stream": "note",
            "payload": {"action": "create", "data": {"text": "one"}},
        }

    def test_inbound(self):
        self.assertEqual(Note.objects.count(), 0)
        with apply_routes(self.routes):
            client = WSClient()
            client.send_and_consume("websocket.connect", path="/")
            client.send_and_consume("websocket.receive", path="/", text=self.frame())
            client.consume("streams.note")
        self.assertEqual(Note.objects.count(), 1)
        self.assertEqual(Note.objects.get().text, "one")

    async def test_inbound_async(self):
        with apply_routes(self.routes):
            client = WSClient()
            await client.asend_and_consume("websocket.connect", path="/")
            await client.asend_and_consume(
                "websocket.receive", path="/", text=self.frame()
            )
            await client.aconsume("streams.note")
        self.assertEqual((await Note.objects.aget()).text, "one")


class LayersTests(PageTestCase):
    test_channel_aliases = ("default", "other")

    def test_an_alias_can_be_given(self):
        Channel("channel", alias="other").send({"a": 1})
        self.assertIsNone(self.get_next_message("channel"))
        message = self.get_next_message("channel", alias="other")
        self.assertEqual(message.content, {"a": 1})
        client = Client(alias="other")
        client.join_group("group")
        Group("group", alias="other").send({"b": 2})
        self.assertEqual(client.receive(), {"b": 2})

    async def test_an_alias_can_be_given_async(self):
        await Channel("channel", alias="other").asend({"a": 1})
        self.assertIsNone(self.get_next_message("channel"))
        message = self.get_next_message("channel", alias="other")
        self.assertEqual(message.content, {"a": 1})
        client = Client(alias="other")
        await client.ajoin_group("group")
        await Group("group", alias="other").asend({"b": 2})
        self.assertEqual(await client.areceive(), {"b": 2})
