from __future__ import annotations

import contextlib
import pickle
import re
import sys
import traceback
import unittest
from types import SimpleNamespace
from typing import Any

from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncWebsocketConsumer

from channels_testkit import (
    ChannelClient,
    Group,
    HttpCommunicator,
    ProtocolError,
    SimpleWebsocketTestCase,
    apply_routes,
)
from channels_testkit.engine import tracebacks
from channels_testkit.engine.errors import ApplicationErrors
from channels_testkit.engine.tracebacks import hide_kit_frames
from channels_testkit.running.outside import Outside
from tests.utils import run_case


def names_of(error: BaseException) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def raised(function: Any, *args: Any) -> BaseException:
    try:
        function(*args)
    except Exception as error:  # noqa: BLE001 - whatever it raises
        return error
    raise NotImplementedError("it raised nothing")


@unittest.skipIf(sys.version_info < (3, 11), "exceptions have no notes")
class OwnerTests(unittest.TestCase):
    def notes_of(self, error: BaseException) -> list[str]:
        return getattr(error, "__notes__", [])

    def test_error_is_told_with_the_connection_that_raised_it(self) -> None:
        class Leaving(AsyncWebsocketConsumer):
            groups = ("room",)

            async def shout(self, event: Any) -> None:
                if self.scope["path"] == event["path"]:
                    raise ValueError("from the consumer")

        class Inner(SimpleWebsocketTestCase):
            application = Leaving.as_asgi()

            def test_it(self) -> None:
                self.connect("/ann/", name="ann")
                self.connect("/ben/", name="ben")
                Group("room").send({"type": "shout", "path": "/ben/"})

        (error,) = run_case(Inner).raised
        note = "Raised by the application of ben (/ben/)."
        self.assertEqual(str(error), "from the consumer")
        self.assertEqual(self.notes_of(error), [note])
        # As --parallel takes it home.
        self.assertEqual(self.notes_of(pickle.loads(pickle.dumps(error))), [note])

    def test_exception_is_the_same_and_has_each_note_once(self) -> None:
        error = ValueError("made once")

        class Raising(AsyncWebsocketConsumer):
            async def receive(self, text_data: Any = None, bytes_data: Any = None):
                raise error

        class Inner(SimpleWebsocketTestCase):
            application = Raising.as_asgi()

            def test_it(self) -> None:
                for _ in range(2):
                    ann = self.connect("/", name="ann")
                    with self.assertApplicationRaises(ValueError) as caught:
                        ann.send_text("go")
                    assert caught.exception is error
                    self._kit.errors._seen.clear()

        self.assertEqual(run_case(Inner).raised, [])
        note = "Raised by the application of ann (/)."
        self.assertEqual(self.notes_of(error), [note])

    def test_error_of_a_request_is_told_with_the_request(self) -> None:
        async def application(scope: Any, receive: Any, send: Any) -> None:
            raise ValueError("from the view")

        class Inner(SimpleWebsocketTestCase):
            async def test_it(self) -> None:
                await HttpCommunicator(application, "GET", "/feed/").get_response()

        (error,) = run_case(Inner).raised
        note = "Raised by the application of GET /feed/."
        self.assertEqual(self.notes_of(error), [note])

    def test_error_of_a_worker_is_told_with_its_channel(self) -> None:
        class Resizer(AsyncConsumer):
            async def resize(self, message: Any) -> None:
                raise ValueError("no image")

        class Inner(SimpleWebsocketTestCase):
            @apply_routes({"thumbnails": Resizer.as_asgi()})
            def test_it(self) -> None:
                ChannelClient().send_and_consume("thumbnails", {"type": "resize"})

        (error,) = run_case(Inner).raised
        note = "Raised by the worker consumer of channel 'thumbnails'."
        self.assertEqual(self.notes_of(error), [note])

    def test_what_begins_with_the_connection_has_no_note(self) -> None:
        async def application(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.send", "text": "early"})

        class Inner(SimpleWebsocketTestCase):
            def test_it(self) -> None:
                self.connect("/", application=application)

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, ProtocolError)
        self.assertEqual(self.notes_of(error), [])


class HideTests(unittest.TestCase):
    def deliver(self, error: BaseException) -> None:
        errors = ApplicationErrors()
        errors.record(error)
        errors.deliver()

    def test_frames_of_the_kit_are_hidden_from_a_verdict(self) -> None:
        error = raised(self.deliver, AssertionError("no"))
        self.assertEqual(names_of(error), ["raised", "deliver", "deliver"])
        hide_kit_frames(error)
        self.assertEqual(names_of(error), ["raised", "deliver"])

    def test_frames_of_the_kit_are_hidden_from_a_refusal(self) -> None:
        error = raised(self.deliver, RuntimeError("connect() first"))
        hide_kit_frames(error)
        self.assertEqual(names_of(error), ["raised", "deliver"])

    def test_error_of_the_kit_itself_keeps_its_frames(self) -> None:
        error = raised(tracebacks._entries, "no traceback")
        hide_kit_frames(error)
        self.assertIsInstance(error, AttributeError)
        self.assertEqual(names_of(error), ["raised", "_entries"])

    def test_error_without_a_traceback_is_left_alone(self) -> None:
        error = ValueError()
        hide_kit_frames(error)
        self.assertIsNone(error.__traceback__)

    def test_verdict_with_no_other_frame_keeps_its_own(self) -> None:
        error = raised(self.deliver, AssertionError("no"))
        entries = tracebacks._entries(error.__traceback__)
        error.__traceback__ = entries[-1]
        hide_kit_frames(error)
        self.assertEqual(names_of(error), ["deliver"])

    def close(self, to_call: Any) -> None:
        """Call it as the kit does when a test ends."""
        outside = Outside(SimpleNamespace())
        outside.closers.append(to_call)
        outside.close()

    def test_frames_of_an_exit_stack_of_the_kit_are_hidden_as_well(self) -> None:
        def fail() -> None:
            raise ValueError

        error = raised(self.close, fail)
        self.assertIn("_exit_wrapper", names_of(error))
        hide_kit_frames(error)
        self.assertEqual(names_of(error), ["raised", "close", "fail"])

    def test_verdict_at_the_end_of_a_test_keeps_the_kits_last_frame(self) -> None:
        errors = ApplicationErrors()
        errors.record(AssertionError("no"))
        error = raised(self.close, errors.deliver)
        error.__traceback__ = tracebacks._entries(error.__traceback__)[2]
        self.assertEqual(names_of(error)[0], "close")
        hide_kit_frames(error)
        self.assertEqual(names_of(error), ["deliver"])

    def test_frames_of_an_exit_stack_of_the_test_are_shown(self) -> None:
        def leave() -> None:
            with contextlib.ExitStack() as stack:
                stack.callback(self.deliver, ValueError())

        error = raised(leave)
        hide_kit_frames(error)
        self.assertIn("_exit_wrapper", names_of(error))

    def test_package_with_a_longer_name_is_not_the_kit(self) -> None:
        name = tracebacks._PACKAGE.rstrip("/\\") + "_more/views.py"
        scope: dict[str, Any] = {}
        exec(compile("def view(): raise AssertionError", name, "exec"), scope)
        error = raised(scope["view"])
        hide_kit_frames(error)
        self.assertEqual(names_of(error), ["raised", "view"])


class ConsumerTests(unittest.TestCase):
    def test_error_of_a_consumer_shows_the_test_and_the_consumer(self) -> None:
        class Failing(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                raise ValueError("asked for")

        class Inner(SimpleWebsocketTestCase):
            def test_sync(self) -> None:
                self.connect("/", application=Failing.as_asgi())

            async def test_async(self) -> None:
                await self.aconnect("/", application=Failing.as_asgi())

        for test in ("test_sync", "test_async"):
            with self.subTest(test):
                result = run_case(Inner, test)
                ((_, text),) = result.errors
                frames = re.findall(r'File "(.*)", line \d+, in (\w+)', text)
                self.assertEqual(frames[0], (__file__, test))
                self.assertEqual(frames[-1], (__file__, "connect"))
                self.assertNotIn(tracebacks._PACKAGE, text)


class SubTestTests(unittest.TestCase):
    def test_a_failure_in_one_shows_the_test_alone(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            application = AsyncWebsocketConsumer.as_asgi()

            def test_sync(self) -> None:
                with self.subTest("first"):
                    self.connect("/").receive_text()

            async def test_async(self) -> None:
                with self.subTest("first"):
                    await (await self.aconnect("/")).receive_from()

        for name in ("test_sync", "test_async"):
            with self.subTest(name):
                (error,) = run_case(Inner, name).raised
                self.assertEqual(names_of(error)[-1], name)
