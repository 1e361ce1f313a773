"""What the page about payloads shows."""

from __future__ import annotations

import json
from typing import Any

from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
)
from django import forms
from hypothesis import given, settings, strategies as st
from hypothesis.extra.django import TestCase

from channels_testkit import WebsocketTestMixin
from tests.app.models import Note
from tests.utils import OuterTestCase, run_case


# docs:start trusting
class TrustingConsumer(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content, **kwargs):
        if content["type"] == "add":
            note = await Note.objects.acreate(text=content["text"])
            await self.send_json({"type": "added", "id": note.pk})
        else:
            await self.send_json({"type": "error"})


# docs:end trusting


# docs:start wary
class NoteForm(forms.Form):
    text = forms.CharField(max_length=100)


class WaryConsumer(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        match decoded(text_data):
            case {"type": "add", "text": str(text)}:
                answer = await self.add(NoteForm({"text": text}))
            case _:
                answer = {"type": "error"}
        await self.send(json.dumps(answer))

    async def add(self, form):
        if not form.is_valid():
            return {"type": "error"}
        note = await Note.objects.acreate(**form.cleaned_data)
        return {"type": "added", "id": note.pk}


def decoded(text):
    try:
        return json.loads(text or "")
    except ValueError:
        return None


# docs:end wary


# docs:start payloads
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
commands = st.fixed_dictionaries(
    {"type": st.sampled_from(["add", "remove"])},
    optional={"text": anything, "id": anything},
)


class PayloadTests(WebsocketTestMixin, TestCase):
    application = WaryConsumer.as_asgi()
    ws_path = "/"

    @settings(deadline=None, derandomize=True)
    @given(commands | anything)
    def test_every_payload_is_answered(self, payload):
        with self.connect() as ann:
            ann.send_json(payload)
            self.assertReceivesJson(ann, {"type": str}, partial=True)
            self.assertOpen(ann)

    # docs:end payloads

    # docs:start frames
    @settings(deadline=None, derandomize=True)
    @given(st.text() | st.binary())
    def test_every_frame_is_answered(self, frame):
        with self.connect() as ann:
            if isinstance(frame, str):
                ann.send_text(frame)
            else:
                ann.send_bytes(frame)
            self.assertReceivesJson(ann, {"type": "error"})

    # docs:end frames


class TrustingTests(OuterTestCase):
    def test_a_consumer_that_trusts_its_clients_fails(self) -> None:
        quoted: Any = PayloadTests.test_every_payload_is_answered

        class Trusting(PayloadTests):
            application = TrustingConsumer.as_asgi()

            # Hypothesis refuses one test in two classes.
            @settings(deadline=None, derandomize=True, report_multiple_bugs=False)
            @given(commands | anything)
            def test_a_payload(self, payload: Any) -> None:
                quoted.hypothesis.inner_test(self, payload)

        (error,) = run_case(Trusting, "test_a_payload").raised
        self.assertIsInstance(error, (AttributeError, KeyError, TypeError))
