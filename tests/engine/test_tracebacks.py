from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import threading
import traceback
import unittest
from types import SimpleNamespace
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from channels_testkit import Channel, SimpleWebsocketTestCase
from channels_testkit.engine import tracebacks
from channels_testkit.engine.errors import ApplicationErrors
from channels_testkit.engine.tracebacks import hide_kit_frames
from channels_testkit.running.outside import Outside
from channels_testkit.websocket.opening import options_of
from tests.utils import run_case


def names_of(error: BaseException) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def raised(function: Any, *args: Any) -> BaseException:
    try:
        function(*args)
    except Exception as error:  # noqa: BLE001 - whatever it raises
        return error
    raise NotImplementedError("it raised nothing")


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

    def test_frames_of_generated_methods_are_hidden_as_well(self) -> None:
        error = raised(options_of, {"user": "ann"})
        self.assertIn("__init__", names_of(error))
        hide_kit_frames(error)
        self.assertEqual(names_of(error), ["raised"])

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


class PlumbingTests(unittest.TestCase):
    """What leads from a loop or a thread to the code that raised is hidden."""

    def text_of(self, work: Any) -> str:
        class Working(AsyncWebsocketConsumer):
            async def receive(self, text_data: Any = None, bytes_data: Any = None):
                await work()

        class Inner(SimpleWebsocketTestCase):
            application = Working.as_asgi()

            def test_sync(self) -> None:
                self.connect("/").send_text("go")

            async def test_async(self) -> None:
                with self.subTest("in a block"):
                    await (await self.aconnect("/")).send_to("go")

        texts = []
        for name in ("test_sync", "test_async"):
            ((_, text),) = run_case(Inner, name).errors
            files = set(re.findall(r'File "(.*)", line', text))
            self.assertEqual(files, {__file__})
            texts.append(text)
        return texts[0]

    def test_of_channels_the_line_that_raises_stays(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            application = AsyncWebsocketConsumer.as_asgi()

            def test(self) -> None:
                ann = self.connect("/")
                Channel(ann.channel_name).send({"type": "nobody.knows"})

        ((_, text),) = run_case(Inner).errors
        files = [os.path.basename(it) for it in re.findall(r'File "(.*)", line', text)]
        self.assertEqual(files, ["test_tracebacks.py", "consumer.py"])

    def test_of_jobs_callbacks_and_threads(self) -> None:
        def fail() -> None:
            raise ValueError("on purpose")

        async def job() -> None:
            await asyncio.get_running_loop().run_in_executor(None, fail)

        async def sync_code() -> None:
            await sync_to_async(fail)()

        async def async_code_of_sync_code() -> None:
            await sync_to_async(async_to_sync(sync_code))()

        async def callback() -> None:
            asyncio.get_running_loop().call_soon(fail)

        async def thread() -> None:
            thread = threading.Thread(target=fail)
            thread.start()
            await asyncio.to_thread(thread.join)

        for work in (job, sync_code, async_code_of_sync_code, callback, thread):
            with self.subTest(work.__name__):
                self.assertIn("raise ValueError", self.text_of(work))

    def test_what_the_plumbing_raises_ends_with_the_line_that_called_it(self) -> None:
        async def empty() -> None:
            asyncio.Queue[None]().get_nowait()

        text = self.text_of(empty)
        self.assertRegex(text, r"    asyncio\.Queue.*\n( *~*\^+\n)?\S*QueueEmpty")

    def test_of_what_an_exception_came_of(self) -> None:
        def look_up() -> None:
            {}["name"]

        async def explained() -> None:
            try:
                await sync_to_async(look_up)()
            except KeyError as error:
                raise ValueError("no such name") from error

        async def as_it_comes() -> None:
            try:
                await sync_to_async(look_up)()
            except KeyError:
                raise ValueError("no such name")  # noqa: B904 - on purpose

        text = self.text_of(explained)
        self.assertIn("KeyError: 'name'\n\nThe above exception was the direct", text)
        self.assertIn("KeyError: 'name'\n\nDuring", self.text_of(as_it_comes))

    @unittest.skipIf(sys.version_info < (3, 11), "there are no groups")
    def test_of_the_exceptions_of_a_group(self) -> None:
        async def fail() -> None:
            int("x")

        async def group() -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fail())
                tasks.create_task(fail())

        text = self.text_of(group)
        self.assertEqual(text.count("ValueError: invalid literal"), 2)
        self.assertEqual(text.count("Raised by Working"), 1)


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
