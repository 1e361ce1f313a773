"""Many findings of one kind at a test's end, which are one failure."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.test import override_settings

from channels_testkit import Group, ProtocolError
from channels_testkit.engine.added_lines import add_to_text
from channels_testkit.engine.notes import notes_of
from tests.running.test_leftovers import Staying, WatchedCase, WatchTestCase
from tests.utils import told_with

SMALL = {
    "default": {
        "BACKEND": "channels.layers.InMemoryChannelLayer",
        "CONFIG": {"capacity": 1},
    }
}


class DroppedTests(WatchTestCase):
    def test_fifty_messages_to_one_group_are_one_failure(self) -> None:
        class Inner(WatchedCase):
            check_dropped = "fail"

            def test_it(self) -> None:
                Group("lobby").add("slow")
                for number in range(51):
                    Group("lobby").send({"type": "hello", "number": number})

        with override_settings(CHANNEL_LAYERS=SMALL):
            (text,) = self.run_watched(Inner).texts
        self.assertEqual(
            text.partition("\n\nA real layer")[0],
            "50 messages to group 'lobby' were dropped, because 'slow' held as many"
            " messages as its capacity allows.\n"
            "\n"
            "Messages:\n"
            "  {'type': 'hello', 'number': 1}\n"
            "  {'type': 'hello', 'number': 2}\n"
            "  {'type': 'hello', 'number': 3}\n"
            "  ... and 47 more",
        )

    def test_each_group_is_a_failure_of_its_own(self) -> None:
        class Inner(WatchedCase):
            check_dropped = "fail"

            def test_it(self) -> None:
                for group in ("lobby", "yard"):
                    Group(group).add("slow")
                    for _ in range(2):
                        Group(group).send({"type": "hello"})

        with override_settings(CHANNEL_LAYERS=SMALL):
            texts = self.run_watched(Inner).texts
        self.assertEqual(
            [text.partition(" dropped")[0] for text in texts],
            ["A message to group 'lobby' was", "2 messages to group 'yard' were"],
        )


class UnreadTests(WatchTestCase):
    def test_frames_of_fifty_connections_are_one_failure(self) -> None:
        class Inner(WatchedCase):
            check_unread = "fail"

            def test_it(self) -> None:
                for client in self.connect_many(50):
                    client.send_text("one")

        (text,) = self.run_watched(Inner).texts
        self.assertEqual(
            text.partition("\n\n")[0],
            "The test did not read the frames of 50 connections:\n"
            "  1 frame from connection 1 (/ws/echo/)\n"
            "  1 frame from connection 2 (/ws/echo/)\n"
            "  1 frame from connection 3 (/ws/echo/)\n"
            "  ... and 47 more like these",
        )
        self.assertEqual(text.count("Transcript of"), 3)


class LeftTests(WatchTestCase):
    def test_what_is_left_of_one_kind_is_counted(self) -> None:
        class Inner(WatchedCase):
            application = Staying.as_asgi()
            check_leaks = "fail"

            def test_it(self) -> None:
                self.connect_many(50)
                self.connect(name="ann")

        (text,) = self.run_watched(Inner).texts
        reason = "in group 'lobby': call group_discard()"
        self.assertEqual(
            text,
            "Still there after all clients had left:\n"
            f"  connection 1 (/ws/echo/) {reason}\n"
            f"  connection 2 (/ws/echo/) {reason}\n"
            f"  connection 3 (/ws/echo/) {reason}\n"
            "  ... and 47 more like these\n"
            f"  ann (/ws/echo/) {reason}",
        )

    def test_who_could_not_leave_a_group_is_not_told_to(self) -> None:
        class Grouped(AsyncWebsocketConsumer):
            groups = ("lobby",)

        class Inner(WatchedCase):
            application = Grouped.as_asgi()
            check_leaks = "fail"

            async def test_it(self) -> None:
                ann = await self.aconnect(name="ann")
                ann.stop()

        self.assertEqual(
            self.run_watched(Inner).texts,
            [
                "Still there after all clients had left:\n"
                "  ann (/ws/echo/) in group 'lobby': it was cancelled before it could"
                " leave; end it with disconnect()"
            ],
        )

    def test_who_ended_early_has_left_no_group(self) -> None:
        class Leaving(AsyncWebsocketConsumer):
            groups = ("lobby",)

            async def receive(self, text_data: Any = None, **data: Any) -> None:
                raise StopConsumer

        class Inner(WatchedCase):
            application = Leaving.as_asgi()
            check_leaks = "fail"

            def test_it(self) -> None:
                self.connect(name="ann").send_text("go")

        self.assertEqual(
            self.run_watched(Inner).texts,
            [
                "Still there after all clients had left:\n"
                "  ann (/ws/echo/) in group 'lobby': it ended before its client left;"
                " call group_discard() before that"
            ],
        )


class ErrorTests(WatchTestCase):
    def test_fifty_tasks_that_fail_alike_are_one_failure(self) -> None:
        async def fail(number: int) -> None:
            raise ValueError(f"no seat {number}")

        class Failing(AsyncWebsocketConsumer):
            async def disconnect(self, code: int) -> None:
                await asyncio.wait([asyncio.create_task(fail(n)) for n in range(50)])

        class Inner(WatchedCase):
            application = Failing.as_asgi()
            application_errors = "fail"

            def test_it(self) -> None:
                self.connect()

        first, second = self.run_watched(Inner).raised
        self.assertRegex(str(first), r"^no seat \d+")
        told = told_with(second)
        self.assertIn("And 48 more like it, for example:\n  ValueError: no seat", told)
        self.assertEqual(told.count("\n  ValueError: no seat"), 3)

    def test_failures_at_different_lines_stay_distinct(self) -> None:
        async def fail() -> None:
            raise ValueError("no seat")

        async def fail_too() -> None:
            raise ValueError("no seat")

        async def fail_otherwise() -> None:
            raise KeyError("no seat")

        class Failing(AsyncWebsocketConsumer):
            async def disconnect(self, code: int) -> None:
                works = [fail(), fail_too(), fail_otherwise(), fail_otherwise()]
                await asyncio.wait(list(map(asyncio.create_task, works)))

        class Inner(WatchedCase):
            application = Failing.as_asgi()
            application_errors = "fail"

            def test_it(self) -> None:
                self.connect()

        raised = self.run_watched(Inner).raised
        kinds = [type(error).__name__ for error in raised]
        self.assertEqual(kinds, ["ValueError", "ValueError", "KeyError"])

    def test_fifty_connections_that_fail_at_their_end_are_two_failures(self) -> None:
        class Failing(AsyncWebsocketConsumer):
            async def disconnect(self, code: int) -> None:
                raise ValueError("cannot leave")

        class Inner(WatchedCase):
            application = Failing.as_asgi()
            application_errors = "fail"

            def test_sync(self) -> None:
                self.connect_many(50)

            async def test_async(self) -> None:
                await self.aconnect_many(50)

        raised = self.run_watched(Inner).raised
        # One at its place among the clean-ups, and the others at the end.
        verdicts = [told_with(error).partition("\n")[0] for error in raised]
        self.assertEqual(verdicts, ["cannot leave"] * 4)
        for error in raised[1::2]:
            self.assertIn("There were 48 more like it.", told_with(error))

    def test_a_breach_of_fifty_connections_is_one_failure(self) -> None:
        class Breaking(AsyncWebsocketConsumer):
            groups = ("lobby",)

            async def news(self, message: Any) -> None:
                await self.send(text_data=b"no text")

        class Inner(WatchedCase):
            application = Breaking.as_asgi()
            check_protocol = "fail"

            def test_it(self) -> None:
                for name in ("ann", "ben", "eve", "joe", "kim"):
                    self.connect(name=name)
                Group("lobby").send({"type": "news"})

        first, second = self.run_watched(Inner).raised
        self.assertIsInstance(first, ProtocolError)
        self.assertRegex(
            told_with(second),
            "And 3 more like it, for example:\n"
            r"  ProtocolError: eve \(/ws/echo/\): The application sent",
        )

    def test_a_call_that_nobody_awaits_fifty_times_is_one_failure(self) -> None:
        class Inner(WatchedCase):
            async def test_it(self) -> None:
                ann = await self.aconnect()
                for _ in range(50):
                    ann.send_json({})

        (error,) = self.run_watched(Inner).raised
        self.assertRegex(str(error), r"^send_json\(\) was called at ")
        self.assertTrue(told_with(error).endswith("There were 49 more like it."))

    def test_a_breach_takes_the_line_where_there_are_no_notes(self) -> None:
        error = ProtocolError("a breach", "close-code")
        add_to_text(error, "There were 2 more like it.")
        self.assertEqual(str(error), "a breach\nThere were 2 more like it.")


class FailedTaskTests(WatchTestCase):
    class Spreading(AsyncWebsocketConsumer):
        """Has 30 tasks that fail."""

        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            self.tasks = [asyncio.create_task(self.fail()) for _ in range(30)]

        async def fail(self) -> None:
            raise LookupError("of a task")

    def test_all_that_follow_the_first_are_one_failure(self) -> None:
        class Inner(WatchedCase):
            application = self.Spreading.as_asgi()
            application_errors = "fail"

            def test_it(self) -> None:
                self.connect_many(3)[1].send_text("go")

        first, second = map(told_with, self.run_watched(Inner).raised)
        self.assertNotIn("like it", first)
        self.assertIn("There were 28 more like it.", second)


class LongNameTests(WatchTestCase):
    def test_long_name_of_a_task_hides_nothing_else(self) -> None:
        class Leaving(AsyncWebsocketConsumer):
            async def receive(self, text_data: Any = None, bytes_data: Any = None):
                wait = asyncio.Event().wait()
                self.task = asyncio.create_task(wait, name="x" * 60_000)

        class Inner(WatchedCase):
            application = Leaving.as_asgi()
            check_leaks = "fail"

            def test_it(self) -> None:
                self.connect().send_text("go")

        (text,) = self.run_watched(Inner).texts
        self.assertRegex(
            text,
            r"  task 'x{55} \.\.\., started at test_error_kinds\.py:\d+ in receive\(\),"
            r" waits in Event\.wait\(\)",
        )

    def test_name_of_a_thread_may_be_long(self) -> None:
        class Starting(AsyncWebsocketConsumer):
            async def receive(self, text_data: Any = None, bytes_data: Any = None):
                threading.Thread(target=self.fail, name="x" * 60_000).start()

            def fail(self) -> None:
                raise LookupError("of a thread")

        class Inner(WatchedCase):
            application = Starting.as_asgi()
            application_errors = "fail"

            def test_it(self) -> None:
                self.connect().send_text("go")

        (error,) = self.run_watched(Inner).raised
        self.assertRegex(
            told_with(error),
            r", in thread 'x{55} \.\.\. started at test_error_kinds\.py",
        )


class UnprintableTests(WatchTestCase):
    def test_an_exception_whose_text_fails_is_told_as_itself(self) -> None:
        class UnprintableError(Exception):
            def __str__(self) -> str:
                raise LookupError

        class Raising(AsyncWebsocketConsumer):
            async def receive(self, text_data: Any = None, bytes_data: Any = None):
                raise UnprintableError

        class Inner(WatchedCase):
            application = Raising.as_asgi()
            application_errors = "fail"

            def test_it(self) -> None:
                self.connect().send_text("go")

        (error,) = self.run_watched(Inner).raised
        self.assertIsInstance(error, UnprintableError)
        (note,) = notes_of(error)
        self.assertIn("<- raised  UnprintableError: <exception str() failed>", note)
