"""Tests that stop in a debugger, and flaky ones: the page on debugging."""

from __future__ import annotations

import time

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from channels_testkit import WebsocketTestCase
from tests.app.models import Note


# docs:start breakpoint
class LoudConsumer(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        answer = {"answer": content["question"].upper()}
        breakpoint()
        await self.send_json(answer)


class LoudTests(WebsocketTestCase):
    application = LoudConsumer.as_asgi()
    ws_path = "/"

    def test_the_answer_is_loud(self):
        ann = self.connect(name="ann")
        ann.send_json({"question": "tea?"})
        self.assertReceivesJson(ann, {"answer": "TEA?"})
        # docs:end breakpoint


class QuietConsumer(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        await self.send_json({"answer": content["question"].lower()})


# docs:start fails
class QuietTests(WebsocketTestCase):
    application = QuietConsumer.as_asgi()
    ws_path = "/"

    def test_the_answer_is_loud(self):
        ann = self.connect(name="ann")
        ann.send_json({"question": "Tea?"})
        self.assertReceivesJson(ann, {"answer": "TEA?"})
        # docs:end fails


class SlowConsumer(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        time.sleep(0.15)  # noqa: ASYNC251 - this is what is reported
        await self.send_json(content)


class SlowTests(WebsocketTestCase):
    application = SlowConsumer.as_asgi()
    ws_path = "/"

    def test_the_loop_is_blocked(self):
        ann = self.connect(name="ann")
        ann.send_json({"question": "tea?"})
        self.assertReceivesJson(ann, {"question": "tea?"})


class NoteConsumer(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        note = await Note.objects.acreate(text=content["text"])
        await self.send_json({"id": note.pk, "text": note.text})


class NoteTests(WebsocketTestCase):
    application = NoteConsumer.as_asgi()
    ws_path = "/"

    # docs:start first-id
    def test_a_note_has_an_id(self):
        ann = self.connect()
        ann.send_json({"text": "tea"})
        self.assertReceivesJson(ann, {"id": 1, "text": "tea"})
        # docs:end first-id

    # docs:start any-id
    def test_a_note_has_its_id(self):
        ann = self.connect()
        ann.send_json({"text": "tea"})
        note = Note.objects.get()
        self.assertReceivesJson(ann, {"id": note.pk, "text": "tea"})
        # docs:end any-id


# docs:start module-state
online = set()


class OnlineConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self):
        await self.accept()
        online.add(self.scope["path"])
        await self.send_json({"online": len(online)})
        # docs:end module-state


class OnlineTests(WebsocketTestCase):
    application = OnlineConsumer.as_asgi()

    def test_ann_is_first(self):
        self.assertReceivesJson(self.connect("/ann/"), {"online": 1})

    def test_ben_is_first(self):
        self.assertReceivesJson(self.connect("/ben/"), {"online": 1})


class ClearedOnlineTests(OnlineTests):
    # docs:start module-state-cleared
    def setUp(self):
        online.clear()
        self.addCleanup(online.clear)
        # docs:end module-state-cleared
