"""Data binding, as Channels 4 does it: signals out, a demultiplexer in."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels.consumer import SyncConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from django.db.models.signals import post_delete, post_save
from django.urls import path

from channels_testkit import ChannelClient, WebsocketTestCase, WSClient, apply_routes
from tests.app.models import Note
from tests.utils import entered

FIELDS = ("text",)


def broadcast(action: str, note: Note) -> None:
    payload = {"action": action, "pk": note.pk, "data": {"text": note.text}}
    event = {"type": "binding.outbound", "stream": "note", "payload": payload}
    async_to_sync(get_channel_layer().group_send)("note-updates", event)


def saved(instance: Note, created: bool, **kwargs: Any) -> None:
    broadcast("create" if created else "update", instance)


def deleted(instance: Note, **kwargs: Any) -> None:
    broadcast("delete", instance)


class Demultiplexer(AsyncJsonWebsocketConsumer):
    """Sends each stream to its worker; echoes what is broadcast."""

    groups = ("note-updates",)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        message = {"type": "binding.inbound", "payload": content["payload"]}
        await self.channel_layer.send(f"binding.{content['stream']}", message)

    async def binding_outbound(self, event: dict[str, Any]) -> None:
        await self.send_json({"stream": event["stream"], "payload": event["payload"]})


class NoteBinding(SyncConsumer):
    def binding_inbound(self, message: dict[str, Any]) -> None:
        payload = message["payload"]
        data = {key: payload.get("data", {}).get(key) for key in FIELDS}
        if payload["action"] == "create":
            Note.objects.create(**data)
            return
        note = Note.objects.get(pk=payload["pk"])
        if payload["action"] == "delete":
            note.delete()
        else:
            note.text = data["text"]
            note.save()


class BindingTestCase(WebsocketTestCase):
    ws_path = "/"

    def setUp(self):
        for signal, receiver in ((post_save, saved), (post_delete, deleted)):
            signal.connect(receiver, sender=Note)
            self.addCleanup(signal.disconnect, receiver, sender=Note)
        entered(
            self,
            apply_routes(
                [
                    path("", Demultiplexer.as_asgi()),
                    {"binding.note": NoteBinding.as_asgi()},
                ]
            ),
        )

    def inbound(self, action: str, **payload: Any) -> dict[str, Any]:
        return {"stream": "note", "payload": {"action": action, **payload}}

    def outbound(self, action: str, pk: Any, text: str) -> dict[str, Any]:
        payload = {"action": action, "pk": pk, "data": {"text": text}}
        return {"stream": "note", "payload": payload}


class OutboundTests(BindingTestCase):
    def test_each_change_is_received(self):
        for client in (ChannelClient(), WSClient()):
            client.join_group("note-updates")
            note = Note.objects.create(text="one")
            pk = note.pk
            note.text = "two"
            note.save()
            note.delete()
            received = [client.receive()["payload"] for _ in range(3)]
            self.assertEqual(
                [(it["action"], it["pk"], it["data"]["text"]) for it in received],
                [("create", pk, "one"), ("update", pk, "two"), ("delete", pk, "two")],
            )
            self.assertIsNone(client.receive())

    async def test_each_change_is_received_in_an_async_test(self):
        client = WSClient()
        await client.ajoin_group("note-updates")
        note = await Note.objects.acreate(text="one")
        pk = note.pk
        await note.adelete()
        created, gone = await client.areceive(), await client.areceive()
        self.assertEqual(created["payload"]["data"], {"text": "one"})
        self.assertEqual(
            (gone["payload"]["action"], gone["payload"]["pk"]), ("delete", pk)
        )
        self.assertIsNone(await client.areceive())

    def test_a_connection_hears_it(self):
        ann = self.connect()
        note = Note.objects.create(text="one")
        self.assertReceivesJson(ann, self.outbound("create", note.pk, "one"))

    async def test_a_connection_hears_it_in_an_async_test(self):
        ann = await self.aconnect()
        note = await Note.objects.acreate(text="one")
        self.assertReceivesJson(ann, self.outbound("create", note.pk, "one"))


class InboundTests(BindingTestCase):
    def say(self, client: WSClient, frame: dict[str, Any]) -> None:
        client.send_and_consume("websocket.receive", text=frame, path="/")
        client.consume("binding.note")

    async def asay(self, client: WSClient, frame: dict[str, Any]) -> None:
        await client.asend_and_consume("websocket.receive", text=frame, path="/")
        await client.aconsume("binding.note")

    def test_creates_and_echoes(self):
        client = WSClient()
        client.send_and_consume("websocket.connect", path="/")
        self.say(client, self.inbound("create", data={"text": "one"}))
        note = Note.objects.get()
        self.assertEqual(note.text, "one")
        self.assertEqual(client.receive(), self.outbound("create", note.pk, "one"))
        self.assertIsNone(client.receive())

    async def test_creates_and_echoes_in_an_async_test(self):
        client = WSClient()
        await client.asend_and_consume("websocket.connect", path="/")
        await self.asay(client, self.inbound("create", data={"text": "one"}))
        note = await Note.objects.aget()
        self.assertEqual(
            await client.areceive(), self.outbound("create", note.pk, "one")
        )
        self.assertIsNone(await client.areceive())

    def test_updates_and_leaves_other_fields(self):
        note = Note.objects.create(text="one", slug="one")
        client = WSClient()
        client.send_and_consume("websocket.connect", path="/")
        data = {"text": "two", "slug": "two"}
        self.say(client, self.inbound("update", pk=note.pk, data=data))
        note.refresh_from_db()
        self.assertEqual((note.text, note.slug), ("two", "one"))
        self.assertEqual(client.receive(), self.outbound("update", note.pk, "two"))

    async def test_deletes_in_an_async_test(self):
        note = await Note.objects.acreate(text="one")
        client = WSClient()
        await client.asend_and_consume("websocket.connect", path="/")
        await self.asay(client, self.inbound("delete", pk=note.pk))
        self.assertEqual(await Note.objects.acount(), 0)
        self.assertEqual(
            await client.areceive(), self.outbound("delete", note.pk, "one")
        )

    def test_an_error_of_the_binding_comes_out(self):
        client = WSClient()
        client.send_and_consume("websocket.connect", path="/")
        with self.assertRaises(Note.DoesNotExist):
            self.say(client, self.inbound("delete", pk=0))

    def test_a_running_worker_does_the_same(self):
        ann, ben = self.connect(), self.connect()
        with self.run_worker("binding.note"):
            ann.send_json(self.inbound("create", data={"text": "one"}))
        note = Note.objects.get()
        self.assertAllReceive([ann, ben], self.outbound("create", note.pk, "one"))

    async def test_a_running_worker_does_the_same_in_an_async_test(self):
        ann, ben = await self.aconnect(), await self.aconnect()
        async with self.run_worker("binding.note"):
            await ann.send_json(self.inbound("create", data={"text": "one"}))
        note = await Note.objects.aget()
        self.assertAllReceive([ann, ben], self.outbound("create", note.pk, "one"))

    def test_a_stream_that_nobody_serves_is_said(self):
        ann = self.connect()
        frame = {**self.inbound("create", data={"text": "one"}), "stream": "notes"}
        with (
            self.assertRaisesMessage(
                AssertionError, "'binding.notes', which no worker handles"
            ),
            self.run_worker("binding.note"),
        ):
            ann.send_json(frame)
