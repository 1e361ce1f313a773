"""``frame_schema`` and ``sent_frame_schema`` on a live server."""

from __future__ import annotations

import contextlib
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import URLRouter
from django.urls import path

from channels_testkit import FrameError, LiveServerTestCase
from tests.app.consumers import EchoConsumer
from tests.utils import OuterTestCase, run_case, told_with

from .clients import SERVERS, dial, hear, is_closed, say

NUMBERED = {"required": ["n"], "properties": {"n": {"type": "number"}}}


class QuietConsumer(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        with contextlib.suppress(FrameError):
            await self.send_json(content)
        await self.send_json({"n": 0})


class LateConsumer(EchoConsumer):
    async def disconnect(self, code: int) -> None:
        # Uvicorn refuses it.
        with contextlib.suppress(OSError, RuntimeError):
            await self.send_json({"late": True})


class LiveCase(LiveServerTestCase):
    application = URLRouter(
        [
            path("echo/", EchoConsumer.as_asgi()),
            path("quiet/", QuietConsumer.as_asgi()),
            path("late/", LateConsumer.as_asgi()),
        ]
    )


class LiveSchemaTests(OuterTestCase):
    def raised(self, body: Any, **options: Any) -> list[BaseException]:
        """Run a test on each server; return what it has raised on the last."""
        for server_class in SERVERS:
            names = {"server_class": server_class, "test_it": body, **options}
            raised = run_case(type("Inner", (LiveCase,), names)).raised
            with self.subTest(server_class):
                self.assertEqual(len(raised), bool(raised))
        return raised

    def test_right_frames_pass(self) -> None:
        def body(case: Any) -> None:
            client = dial(case, "/echo/")
            say(client, {"n": 1})
            self.assertEqual(hear(client), {"n": 1})

        options = {"frame_schema": NUMBERED, "sent_frame_schema": NUMBERED}
        self.assertEqual(self.raised(body, **options), [])

    def test_wrong_frame_of_the_application(self) -> None:
        def body(case: Any) -> None:
            client = dial(case, "/echo/")
            say(client, {"n": "one"})
            self.assertTrue(is_closed(client))

        (error,) = self.raised(body, frame_schema=NUMBERED)
        self.assertEqual(
            told_with(error),
            "The frame from /echo/ breaks frame_schema at $.n: 'one' is not of type"
            " 'number'.\n\n"
            "Sent by EchoConsumer at consumers.py:42 in receive_json().\n\n"
            'Frame:  {"n": "one"}\n'
            "Schema: a JSON Schema",
        )

    def test_application_cannot_hide_it(self) -> None:
        def body(case: Any) -> None:
            client = dial(case, "/quiet/")
            say(client, {})
            self.assertEqual(hear(client), {"n": 0})

        (error,) = self.raised(body, frame_schema=NUMBERED)
        self.assertIsInstance(error, FrameError)

    def test_wrong_frame_of_a_client(self) -> None:
        """The application gets it: no line of the test has sent it."""

        def body(case: Any) -> None:
            client = dial(case, "/echo/")
            say(client, {"m": 1})
            self.assertEqual(hear(client), {"m": 1})

        (error,) = self.raised(body, sent_frame_schema=NUMBERED)
        self.assertEqual(
            told_with(error),
            "The client's frame to /echo/ breaks sent_frame_schema: 'n' is a required"
            ' property.\n\nFrame:  {"m": 1}\nSchema: a JSON Schema',
        )

    def test_frame_that_nobody_gets_is_not_judged(self) -> None:
        def body(case: Any) -> None:
            dial(case, "/late/").close()

        self.assertEqual(self.raised(body, frame_schema=NUMBERED), [])

    def test_path_without_a_route(self) -> None:
        """Its failure lists the routes, as without a schema."""

        def body(case: Any) -> None:
            with self.assertRaisesRegex(Exception, "500"):
                dial(case, "/eco/")

        (error,) = self.raised(body, frame_schema=NUMBERED)
        self.assertIn("echo/", str(error))

    def test_schema_of_the_class_is_checked_before_the_server_starts(self) -> None:
        def body(case: Any) -> None: ...

        (error,) = self.raised(body, frame_schema={"type": "text"})
        self.assertIn("Inner.frame_schema is not a valid JSON Schema", str(error))
