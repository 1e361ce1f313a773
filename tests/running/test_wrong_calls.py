"""Calls with arguments that Python refuses, as their tests report them."""

from __future__ import annotations

import traceback
from typing import Any

from django.test import SimpleTestCase

from channels_testkit import (
    CaptiveChannelLayer,
    SimpleWebsocketTestCase,
    WebsocketCommunicator,
)
from channels_testkit.engine.notes import notes_of
from tests.app.consumers import EchoConsumer
from tests.utils import run_case


def case_of(call: Any, *, is_async: bool) -> type[SimpleWebsocketTestCase]:
    """Return a test case that makes one call, with a connection if async."""

    class Inner(SimpleWebsocketTestCase):
        application = EchoConsumer.as_asgi()
        ws_path = "/"

        if is_async:

            async def test_it(self) -> None:
                await call(await self.aconnect())

        else:

            def test_it(self) -> None:
                call(self)

    return Inner


class WrongCallTests(SimpleTestCase):
    def refused(self, call: Any, *, is_async: bool = False) -> BaseException:
        (error,) = run_case(case_of(call, is_async=is_async)).raised
        self.assertIs(type(error), TypeError)
        (*_, last) = traceback.extract_tb(error.__traceback__)
        self.assertEqual(last.name, "<lambda>")
        return error

    def test_misspelled_keyword_names_the_near_one(self) -> None:
        error = self.refused(
            lambda case: case.assertReceivesJson(case.connect(), 1, timout=1)
        )
        text = "assertReceivesJson() got an unexpected keyword argument 'timout'"
        self.assertEqual(str(error), text)
        self.assertEqual(notes_of(error), ["Did you mean timeout=?"])

    def test_in_an_async_test_no_frame_of_the_kit_is_shown(self) -> None:
        error = self.refused(lambda ann: ann.receive_json_from(timout=1), is_async=True)
        text = "receive_json_from() got an unexpected keyword argument 'timout'"
        self.assertEqual(str(error), text)
        self.assertEqual(notes_of(error), ["Did you mean timeout=?"])
        names = [it.name for it in traceback.extract_tb(error.__traceback__)]
        self.assertEqual(names[-2:], ["test_it", "<lambda>"])
        self.assertNotIn("_begun", names)

    def test_keyword_that_is_near_to_none_shows_the_call(self) -> None:
        error = self.refused(lambda case: case.connect().send_json(type="ping"))
        text = "send_json() got an unexpected keyword argument 'type'"
        self.assertEqual(str(error), text)
        self.assertEqual(notes_of(error), ["Write send_json(data)."])

    def test_missing_argument_shows_the_call(self) -> None:
        error = self.refused(lambda case: case.assertGroupMembers("lobby"))
        text = "assertGroupMembers() missing 1 required positional argument: 'members'"
        self.assertEqual(str(error), text)
        call = "assertGroupMembers(group, members, alias=..., msg=...)"
        self.assertEqual(notes_of(error), [f"Write {call}."])

    def test_one_argument_too_many_shows_the_options(self) -> None:
        error = self.refused(lambda case: case.assertClosed(case.connect(), 4001))
        text = "assertClosed() takes 2 positional arguments but 3 were given"
        self.assertEqual(str(error), text)
        call = "assertClosed(connection, code=..., reason=..., msg=...)"
        self.assertEqual(notes_of(error), [f"Write {call}."])

    def test_class_is_called_by_its_name(self) -> None:
        error = self.refused(lambda case: WebsocketCommunicator("/"))
        self.assertEqual(
            str(error),
            "WebsocketCommunicator() missing 1 required positional argument: 'path'",
        )
        (note,) = notes_of(error)
        self.assertTrue(note.startswith("Write WebsocketCommunicator(application, "))

    def test_call_of_the_projects_own_is_left_alone(self) -> None:
        class Layer(CaptiveChannelLayer):
            def peek(self, channel: str) -> None:
                """Look at a channel."""

        error = self.refused(lambda case: Layer().peek())
        self.assertIn("Layer.peek() missing 1 required", str(error))
        self.assertEqual(notes_of(error), [])
