"""Whose an exception is, where its code was started, what was before it."""

from __future__ import annotations

import asyncio
import multiprocessing.pool
import pickle
import sys
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

from asgiref.sync import sync_to_async
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
from channels_testkit.engine import notes
from tests.utils import notes_of, run_case

POOL = ThreadPoolExecutor(1, thread_name_prefix="project pool")


def fail(*_: object) -> None:
    raise ValueError("on purpose")


async def fail_later() -> None:
    await asyncio.sleep(0)
    fail()


class Starter(AsyncWebsocketConsumer):
    """Starts what the client asks for, and what that starts raises."""

    kept: Any = None

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await getattr(self, text_data)()

    async def itself(self) -> None:
        fail()

    async def task(self) -> None:
        self.kept = asyncio.create_task(fail_later())

    async def task_of_a_task(self) -> None:
        self.kept = asyncio.create_task(self.task())

    async def sync_code(self) -> None:
        self.kept = asyncio.ensure_future(sync_to_async(fail)())

    async def job(self) -> None:
        self.kept = asyncio.get_running_loop().run_in_executor(None, fail)

    async def job_of_a_pool(self) -> None:
        self.kept = POOL.submit(fail)

    async def job_of_a_job(self) -> None:
        await sync_to_async(self.submit)()

    def submit(self) -> None:
        self.kept = POOL.submit(fail)

    async def callback(self) -> None:
        asyncio.get_running_loop().call_soon(fail)

    async def timer(self) -> None:
        asyncio.get_running_loop().call_later(0.001, fail)

    async def callback_of_a_task(self) -> None:
        asyncio.create_task(asyncio.sleep(0)).add_done_callback(fail)

    async def callback_of_a_job(self) -> None:
        POOL.submit(str).add_done_callback(fail)

    async def thread(self) -> None:
        thread = threading.Thread(target=fail, name="feeder")
        thread.start()
        await asyncio.to_thread(thread.join)

    def post(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.run_coroutine_threadsafe(fail_later(), loop)

    async def task_of_a_thread(self) -> None:
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=self.post, args=[loop], name="feeder")
        thread.start()
        await asyncio.to_thread(thread.join)

    async def job_of_multiprocessing(self) -> None:
        with multiprocessing.pool.ThreadPool(1) as pool:
            self.kept = pool.apply_async(fail)
            pool.close()
            await asyncio.to_thread(pool.join)


class WhoseTests(unittest.TestCase):
    def notes_after(self, text: str) -> list[str]:
        """Return the notes on what a client sees that has sent the text."""

        class Inner(SimpleWebsocketTestCase):
            application = Starter.as_asgi()

            def test_sync(self) -> None:
                ann = self.connect("/ann/", name="ann")
                self.connect("/ben/", name="ben")
                ann.send_text(text)
                ann.receive_nothing()

            async def test_async(self) -> None:
                ann = await self.aconnect("/ann/", name="ann")
                await self.aconnect("/ben/", name="ben")
                await ann.send_to(text)
                await ann.receive_nothing()

        (error,) = run_case(Inner, "test_sync").raised
        (again,) = run_case(Inner, "test_async").raised
        self.assertEqual(notes_of(error), notes_of(again))
        return notes_of(error)

    def test_a_consumer_is_told_with_what_its_connection_has_seen(self) -> None:
        (note,) = self.notes_after("itself")
        self.assertEqual(
            note,
            "Raised by Starter, the application of ann (/ann/).\n\n"
            "Transcript of ann (/ann/) (-> test to application, <- application to"
            " test):\n"
            "     1  -> connect /ann/\n"
            "     2  <- accept\n"
            "     3  -> text    'itself'\n"
            "     4  <- raised  ValueError: on purpose",
        )

    def test_what_a_consumer_starts_is_told_with_the_line_that_did(self) -> None:
        for way, kind, function in [
            ("task", "a task", "task"),
            ("task_of_a_task", "a task", "task"),
            ("sync_code", "a task", "sync_code"),
            ("job", "a thread job", "job"),
            ("job_of_a_pool", "a thread job", "job_of_a_pool"),
            ("job_of_a_job", "a thread job", "submit"),
            ("thread", "thread 'feeder'", "thread"),
            ("task_of_a_thread", "a task", "post"),
            ("job_of_multiprocessing", "a thread job", "job_of_multiprocessing"),
        ]:
            with self.subTest(way=way):
                (note,) = self.notes_after(way)
                self.assertRegex(
                    note,
                    r"^Raised by Starter, the application of ann \(/ann/\), in"
                    rf" {kind} started at test_origin_notes\.py:\d+ in {function}\(\)\."
                    r"\n\nTranscript of ann \(/ann/\)",
                )

    def test_a_callback_of_a_job_of_a_pool_is_told_with_its_line(self) -> None:
        # Python logs it as well.
        with self.assertLogs("concurrent.futures"):
            (note,) = self.notes_after("callback_of_a_job")
        self.assertRegex(
            note,
            r"^Raised by Starter, the application of ann \(/ann/\), in a callback"
            r" started at test_origin_notes\.py:\d+ in callback_of_a_job\(\)\.",
        )

    def test_a_callback_is_told_with_its_connection(self) -> None:
        for way in ("callback", "timer", "callback_of_a_task"):
            with self.subTest(way=way):
                (note,) = self.notes_after(way)
                self.assertRegex(
                    note,
                    r"^Raised by Starter, the application of ann \(/ann/\), in a"
                    r" callback\.\n\nTranscript of ann",
                )

    def test_connection_that_raised_is_not_the_one_that_was_asked(self) -> None:
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
        (note,) = notes_of(error)
        self.assertEqual(str(error), "from the consumer")
        self.assertTrue(note.startswith("Raised by Leaving, the application of ben"))
        # As --parallel takes it home.
        self.assertEqual(notes_of(pickle.loads(pickle.dumps(error))), [note])

    def test_error_that_is_raised_again_has_the_last_note(self) -> None:
        error = ValueError("made once")

        class Raising(AsyncWebsocketConsumer):
            async def receive(self, text_data: Any = None, bytes_data: Any = None):
                raise error

        class Inner(SimpleWebsocketTestCase):
            application = Raising.as_asgi()

            def test_1(self) -> None:
                self.connect("/", name="ann").send_text("go")

            def test_2(self) -> None:
                self.connect("/", name="ben").send_text("go")

        self.assertEqual(len(run_case(Inner).raised), 2)
        (note,) = notes_of(error)
        self.assertTrue(note.startswith("Raised by Raising, the application of ben"))

    def test_error_of_a_request_is_told_with_the_request(self) -> None:
        async def application(scope: Any, receive: Any, send: Any) -> None:
            raise ValueError("from the view")

        class Inner(SimpleWebsocketTestCase):
            async def test_it(self) -> None:
                await HttpCommunicator(application, "GET", "/feed/").get_response()

        (error,) = run_case(Inner).raised
        (note,) = notes_of(error)
        self.assertTrue(note.startswith("Raised by the application of GET /feed/.\n"))

    def test_error_of_a_worker_is_told_with_its_channel(self) -> None:
        class Resizer(AsyncConsumer):
            kept: Any = None

            async def resize(self, message: Any) -> None:
                if message["later"]:
                    self.kept = asyncio.create_task(fail_later())
                else:
                    fail()

        class Inner(SimpleWebsocketTestCase):
            later = False

            @apply_routes({"thumbnails": Resizer.as_asgi()})
            def test_it(self) -> None:
                message = {"type": "resize", "later": self.later}
                ChannelClient().send_and_consume("thumbnails", message)

        (error,) = run_case(Inner).raised
        whose = "Raised by Resizer, the worker consumer of channel 'thumbnails'"
        self.assertEqual(notes_of(error), [f"{whose}."])
        Inner.later = True
        (error,) = run_case(Inner).raised
        (note,) = notes_of(error)
        self.assertTrue(note.startswith(f"{whose}, in a task started at test_"), note)

    def test_breach_says_where_and_has_no_note(self) -> None:
        class Early(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                await self.send("early")

        class Inner(SimpleWebsocketTestCase):
            def test_it(self) -> None:
                self.connect("/", application=Early.as_asgi())

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, ProtocolError)
        self.assertEqual(notes_of(error), [])
        self.assertRegex(
            str(error),
            r"\n\nSent by Early at test_origin_notes\.py:\d+ in connect\(\)\.\n\n",
        )

    def test_breach_of_a_library_does_not_name_the_line_of_the_test(self) -> None:
        class Accepting(AsyncWebsocketConsumer):
            pass

        class Inner(SimpleWebsocketTestCase):
            def test_it(self) -> None:
                self.connect("/", application=Accepting.as_asgi(), subprotocols=["v1"])

        (error,) = run_case(Inner).raised
        self.assertIn("\n\nSent by Accepting.\n\n", str(error))

    def test_text_of_any_length_is_one_short_line_of_the_transcript(self) -> None:
        class Long(AsyncWebsocketConsumer):
            async def receive(self, text_data: Any = None, bytes_data: Any = None):
                raise ValueError("first\n" + 5000 * "x")

        class Longer(Long):
            async def receive(self, text_data: Any = None, bytes_data: Any = None):
                raise ValueError(5000 * "y")

        for consumer, end in [(Long, "ValueError: first"), (Longer, "y ...")]:

            class Inner(SimpleWebsocketTestCase):
                application = consumer.as_asgi()

                def test_it(self) -> None:
                    self.connect("/").send_text("go")

            (error,) = run_case(Inner).raised
            (note,) = notes_of(error)
            self.assertTrue(note.endswith(end), note)
            self.assertLess(len(note), 500)


class PrintedTests(unittest.TestCase):
    """Notes are printed by every Python, and are no part of the text."""

    def test_what_is_printed_ends_with_them(self) -> None:
        for error in (ValueError("on purpose"), KeyError("name"), OSError(2, "no")):

            class Raising(AsyncWebsocketConsumer):
                async def receive(self, text_data: Any = None, bytes_data: Any = None):
                    raise error  # noqa: B023 - it is called in the loop

            class Inner(SimpleWebsocketTestCase):
                application = Raising.as_asgi()

                def test_it(self) -> None:
                    self.connect("/", name="ann").send_text("go")

            text = str(error)
            result = run_case(Inner)
            self.assertEqual(result.texts, [text])
            ((_, printed),) = result.errors
            self.assertIn(f"Error: {text}\nRaised by Raising, the application", printed)
            self.assertIn("4  <- raised ", printed)

    def test_python_that_has_none_is_taught(self) -> None:
        class Made:
            _str = "on purpose"

        error = ValueError("on purpose")
        notes.add_note(error, "noted")
        make = notes._printing_notes(lambda *_: None)
        # As if nobody printed them, which pytest's own package does.
        with mock.patch.dict(sys.modules):
            sys.modules.pop("exceptiongroup", None)
            made = Made()
            make(made, ValueError, error)
            self.assertEqual(made._str, "on purpose\nnoted")
            sys.modules["exceptiongroup"] = sys
            made = Made()
            make(made, ValueError, error)
            self.assertEqual(made._str, "on purpose")
