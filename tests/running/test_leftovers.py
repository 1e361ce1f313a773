from __future__ import annotations

import asyncio
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from asgiref.sync import async_to_sync
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from django.test import SimpleTestCase, override_settings

from channels_testkit import (
    ChannelsTestkitWarning,
    Group,
    ProtocolError,
    SimpleWebsocketTestCase,
)
from tests.app.asgi import websocket_application
from tests.utils import InnerResult, run_case


class Staying(AsyncWebsocketConsumer):
    """Does not leave its group."""

    async def connect(self) -> None:
        await self.channel_layer.group_add("lobby", self.channel_name)
        await self.accept()


class WatchedCase(SimpleWebsocketTestCase):
    """Everything that is watched is off; a test turns one watch on."""

    application = websocket_application
    ws_path = "/ws/echo/"
    application_errors = "off"
    check_protocol = "off"
    check_dropped = "off"
    check_leaks = "off"
    check_unread = "off"


class WatchTestCase(SimpleTestCase):
    maxDiff = None

    def run_watched(self, case: type[Any], *, silent: bool = False) -> InnerResult:
        """Run the case; warnings that are heard are collected."""
        with warnings.catch_warnings(record=True) as self.warnings:
            warnings.simplefilter("error")
            warnings.simplefilter("always", ChannelsTestkitWarning)
            result = run_case(case)
        if silent:
            self.assertEqual([str(warning.message) for warning in self.warnings], [])
        return result

    def assert_policy(self, case: type[Any], name: str, text: str) -> None:
        """Assert what each value of a policy makes of one finding."""
        setattr(case, name, "fail")
        result = self.run_watched(case, silent=True)
        self.assertEqual(result.texts, [text])
        self.assertIsInstance(result.raised[0], AssertionError)
        self.assertEqual(len(result.failures), 1)

        setattr(case, name, "warn")
        self.assertEqual(self.run_watched(case).texts, [])
        (warning,) = self.warnings
        self.assertIs(warning.category, ChannelsTestkitWarning)
        test = f"{case.__module__}.{case.__qualname__}.test_it"
        self.assertEqual(str(warning.message), f"{test}: {text}")
        with warnings.catch_warnings():
            # Where warnings are errors, this one is the test's.
            warnings.simplefilter("error")
            self.assertEqual(run_case(case).texts, [f"{test}: {text}"])

        setattr(case, name, "off")
        self.assertEqual(self.run_watched(case, silent=True).texts, [])


class UnreadTests(WatchTestCase):
    def test_frames_nobody_read_are_found(self) -> None:
        class Inner(WatchedCase):
            def test_it(self) -> None:
                ann = self.connect(name="ann")
                ann.send_text("one")
                self.assertReceivesText(ann, "one")
                ann.send_text("two")

        self.assert_policy(
            Inner,
            "check_unread",
            "The test did not read 1 frame from ann (/ws/echo/).\n\n"
            "Transcript of ann (/ws/echo/) (-> test to application, <- application to"
            " test):\n"
            "     1  -> connect /ws/echo/\n"
            "     2  <- accept\n"
            "     3  -> text    'one'\n"
            "     4  <- text    'one'\n"
            "     5  -> text    'two'\n"
            "     6  <- text    'two'\n"
            "     7  -> disconnect code=1000",
        )

    def test_several_frames_are_counted_and_default_is_off(self) -> None:
        class Inner(WatchedCase):
            check_unread = "fail"

            async def test_it(self) -> None:
                ann = await self.aconnect(name="ann")
                await ann.send_text("one")
                await ann.send_text("two")
                await self.aconnect(name="ben")
                self.create_client(name="eve")

        (text,) = self.run_watched(Inner).texts
        verdict = "The test did not read 2 frames from ann (/ws/echo/)."
        self.assertEqual(text.partition("\n")[0], verdict)
        self.assertEqual(SimpleWebsocketTestCase.check_unread, "off")


class DroppedTests(WatchTestCase):
    def test_message_that_a_full_channel_dropped_is_found(self) -> None:
        class Inner(WatchedCase):
            def test_it(self) -> None:
                Group("lobby").add("slow")
                for number in range(2):
                    Group("lobby").send({"type": "hello", "number": number})

        layer = {
            "BACKEND": "channels.layers.InMemoryChannelLayer",
            "CONFIG": {"capacity": 1},
        }
        with override_settings(CHANNEL_LAYERS={"default": layer}):
            self.assert_policy(
                Inner,
                "check_dropped",
                "A message to group 'lobby' was dropped, because 'slow' held as many"
                " messages as its capacity allows.\n\n"
                "Message: {'type': 'hello', 'number': 1}\n\n"
                "A real layer also drops it, without an error. If the test is about"
                ' this, set check_dropped = "off" on the test case.',
            )
        self.assertEqual(SimpleWebsocketTestCase.check_dropped, "fail")


class LeakTests(WatchTestCase):
    def test_membership_and_messages_of_a_connection_are_found(self) -> None:
        class Inner(WatchedCase):
            application = Staying.as_asgi()

            def test_it(self) -> None:
                ann = self.connect(name="ann")
                ann.disconnect()
                Group("lobby").send({"type": "late"})

        self.assert_policy(
            Inner,
            "check_leaks",
            "Still there after all clients had left:\n"
            "  ann (/ws/echo/) in group 'lobby': call group_discard()\n"
            "  1 message on the channel of ann (/ws/echo/)",
        )
        self.assertEqual(SimpleWebsocketTestCase.check_leaks, "warn")

    def test_message_to_a_group_that_a_connection_has_left_is_no_leak(self) -> None:
        class Leaving(WebsocketConsumer):
            groups = ("lobby",)

            def leave(self, message: Any) -> None:
                self.close(4401)

            def left(self, message: Any) -> None:
                """Take no note of it."""

            def disconnect(self, code: int) -> None:
                async_to_sync(self.channel_layer.group_send)("lobby", {"type": "left"})

        class Inner(WatchedCase):
            application = Leaving.as_asgi()
            check_leaks = "fail"

            def test_it(self) -> None:
                clients = [self.connect() for _ in range(3)]
                Group("lobby").send({"type": "leave"})
                self.assertAllClosed(*clients, code=4401)

        self.assertEqual(run_case(Inner).texts, [])

    def test_task_of_the_application_is_found_and_cancelled(self) -> None:
        ended = []

        async def linger() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(True)

        class Lingering(AsyncWebsocketConsumer):
            tasks: ClassVar[set[Any]] = set()

            async def connect(self) -> None:
                self.tasks.add(asyncio.create_task(linger(), name="lingering"))
                await self.accept()

        class Inner(WatchedCase):
            application = Lingering.as_asgi()

            def test_it(self) -> None:
                self.connect()

        line = linger.__code__.co_firstlineno + 2
        self.assert_policy(
            Inner,
            "check_leaks",
            "Still there after all clients had left:\n"
            f"  task 'lingering' waits in {linger.__qualname__}"
            f" (test_leftovers.py:{line}): await asyncio.Event().wait()",
        )
        self.assertEqual(ended, [True] * 4)

    def test_task_of_what_others_wrote_is_found_with_who_started_it(self) -> None:
        class Listening(AsyncWebsocketConsumer):
            async def receive(self, text_data: Any = None, bytes_data: Any = None):
                self.one = asyncio.create_task(asyncio.Event().wait())
                self.two = asyncio.create_task(self.channel_layer.receive("news"))

        class Inner(WatchedCase):
            check_leaks = "fail"

            def test_it(self) -> None:
                self.connect(application=Listening.as_asgi()).send_text("go")

        (text,) = run_case(Inner).texts
        for waits in (r"(Event\.)?wait", "receive"):
            self.assertRegex(
                text,
                r"  task 'Task-\d+', started at test_leftovers\.py:\d+ in receive\(\),"
                rf" waits in {waits}\(\)(\n|$)",
            )

    def test_application_that_does_not_end_is_found(self) -> None:
        async def application(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})
            await asyncio.Event().wait()

        class Inner(WatchedCase):
            def test_it(self) -> None:
                self.connect(application=application, name="ann")

        self.assert_policy(
            Inner,
            "check_leaks",
            "Still there after all clients had left:\n"
            "  the application of ann (/ws/echo/), which did not end after"
            " websocket.disconnect",
        )

    def test_thread_is_found(self) -> None:
        over = threading.Event()
        self.addCleanup(over.set)

        class Threading(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                name = "still waiting"
                threading.Thread(target=over.wait, name=name, daemon=True).start()
                await self.accept()

        class Inner(WatchedCase):
            application = Threading.as_asgi()
            check_leaks = "fail"

            def test_it(self) -> None:
                self.connect()

        self.assertEqual(
            self.run_watched(Inner).texts,
            ["Still there after all clients had left:\n  thread 'still waiting'"],
        )
        # One that a test left is not the next one's.
        Inner.application = websocket_application
        self.assertEqual(self.run_watched(Inner).texts, [])

    def test_job_that_has_returned_is_not_left(self) -> None:
        """Its pool may still be busy with the callbacks."""
        may_return, has_returned, may_end = (threading.Event() for _ in range(3))
        pool = ThreadPoolExecutor(1)
        self.addCleanup(pool.shutdown)

        def end_slowly(_: object) -> None:
            has_returned.set()
            may_end.wait()

        class Inner(WatchedCase):
            check_leaks = "fail"

            async def test_it(self) -> None:
                pool.submit(may_return.wait).add_done_callback(end_slowly)
                may_return.set()
                has_returned.wait()

        self.addCleanup(may_end.set)
        self.assertEqual(self.run_watched(Inner).texts, [])

    def test_thread_that_ends_a_pool_of_asgiref_is_waited_for(self) -> None:
        """It ends by itself, which takes a while on a busy machine."""
        is_waited_for = threading.Event()

        class Ends(threading.Thread):
            def join(self, timeout: float | None = None) -> None:
                if timeout is None or timeout > 1:
                    is_waited_for.set()
                super().join(timeout)

        def join() -> None:
            is_waited_for.wait()

        join.__module__ = "asgiref.sync"

        class Ending(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                Ends(target=join, daemon=True).start()
                await self.accept()

        class Inner(WatchedCase):
            application = Ending.as_asgi()
            check_leaks = "fail"

            def test_it(self) -> None:
                self.connect()

        self.addCleanup(is_waited_for.set)
        self.assertEqual(self.run_watched(Inner).texts, [])

    def test_thread_on_its_way_out_is_not_left(self) -> None:
        may_end = threading.Event()

        class Threading(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                threading.Thread(target=may_end.wait).start()
                await self.accept()

        class Inner(WatchedCase):
            application = Threading.as_asgi()
            check_leaks = "fail"

            def setUp(self) -> None:
                self.addCleanup(may_end.set)

            def test_it(self) -> None:
                self.connect()

        self.assertEqual(self.run_watched(Inner).texts, [])

    def test_consumer_that_raised_has_left_nothing(self) -> None:
        """It never came to leave its groups: the error tells."""

        class Inner(WatchedCase):
            application_errors = "fail"
            check_leaks = "fail"

            def test_it(self) -> None:
                ann = self.connect("/ws/room/1/")
                ann.send_text("not JSON")

        (error,) = self.run_watched(Inner).raised
        self.assertIsInstance(error, ValueError)


class ApplicationErrorTests(WatchTestCase):
    def test_each_policy(self) -> None:
        class Inner(WatchedCase):
            def test_sync(self) -> None:
                self.connect().send_json({"raise": "ValueError"})

            async def test_async(self) -> None:
                ann = await self.aconnect()
                await ann.send_json({"raise": "ValueError"})

        Inner.application_errors = "fail"
        result = self.run_watched(Inner, silent=True)
        self.assertEqual(result.texts, ["asked for"] * 2)
        self.assertEqual([type(error) for error in result.raised], [ValueError] * 2)

        Inner.application_errors = "warn"
        self.assertEqual(self.run_watched(Inner).texts, [])
        told = "The application raised ValueError: asked for"
        for warning in self.warnings:
            test, text = str(warning.message).split(": ", 1)
            self.assertIn(".Inner.test_", test)
            self.assertEqual(text, told)
        self.assertEqual(len(self.warnings), 2)

        Inner.application_errors = "off"
        self.assertEqual(self.run_watched(Inner, silent=True).texts, [])
        self.assertEqual(SimpleWebsocketTestCase.application_errors, "fail")

    def test_warning_that_is_an_error_fails_the_test(self) -> None:
        class Inner(WatchedCase):
            application_errors = "warn"

            def test_it(self) -> None:
                self.connect().send_json({"raise": "ValueError"})

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            (text,) = run_case(Inner).texts
            self.assertIn(".Inner.test_it: The application raised ValueError", text)


class ProtocolTests(WatchTestCase):
    def test_each_policy(self) -> None:
        async def early(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "websocket.send", "text": "early"})
            await send({"type": "websocket.accept"})
            await receive()

        class Inner(WatchedCase):
            application_errors = "fail"
            application = early

            def test_it(self) -> None:
                self.connect("/", name="ann")

        Inner.check_protocol = "fail"
        (error,) = self.run_watched(Inner, silent=True).raised
        self.assertIsInstance(error, ProtocolError)
        verdict = str(error).partition("\n")[0]
        self.assertEqual(error.breach, "send-before-accept")

        Inner.check_protocol = "warn"
        self.assertEqual(self.run_watched(Inner).texts, [])
        (warning,) = self.warnings
        self.assertIs(warning.category, ChannelsTestkitWarning)
        self.assertEqual(str(warning.message).partition("\n")[0], verdict)

        for value in ("off", ["send-before-accept"]):
            Inner.check_protocol = value
            self.assertEqual(self.run_watched(Inner, silent=True).texts, [])
        self.assertEqual(SimpleWebsocketTestCase.check_protocol, "fail")
