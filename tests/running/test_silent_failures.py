"""What goes wrong in an application, and on a server without a word."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import get_channel_layer
from django.contrib.auth.models import User

from channels_testkit import SimpleWebsocketTestCase
from tests.utils import OuterTestCase, run_case

POOL = ThreadPoolExecutor(2, thread_name_prefix="project pool")


def fail() -> None:
    raise ValueError("on purpose")


class Forgetful(AsyncWebsocketConsumer):
    """Does what the client says, and forgets to await something."""

    writer: asyncio.StreamWriter | None = None

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await getattr(self, text_data)()

    async def own_method(self) -> None:
        self.send("lost")  # type: ignore[unused-coroutine]

    async def query(self) -> None:
        User.objects.acreate(username="lost")  # type: ignore[unused-coroutine]

    @database_sync_to_async
    def save(self) -> None:
        """Do what needs a thread."""

    async def decorated(self) -> None:
        self.save()

    async def function_for_a_thread(self) -> None:
        sync_to_async(fail)()

    async def layer(self) -> None:
        get_channel_layer().group_send("room", {"type": "tell"})

    async def in_a_task(self) -> None:
        async def work() -> None:
            self.send("lost")  # type: ignore[unused-coroutine]

        await asyncio.create_task(work())

    async def in_a_job(self) -> None:
        def work() -> None:
            self.send("lost")  # type: ignore[unused-coroutine]

        await sync_to_async(work)()

    async def kept_in_a_variable(self) -> None:
        sending = self.send("lost")
        del sending

    async def job(self) -> None:
        asyncio.get_running_loop().run_in_executor(None, fail)

    async def job_of_a_pool(self) -> None:
        POOL.submit(fail)

    async def jobs_that_are_seen(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ValueError):
            await loop.run_in_executor(None, fail)
        with contextlib.suppress(ValueError):
            await asyncio.wrap_future(POOL.submit(fail))
        await loop.run_in_executor(None, self.see_some)

    def see_some(self) -> None:
        assert POOL.submit(fail).exception()
        with contextlib.suppress(ValueError):
            list(POOL.map(lambda _: fail(), range(3)))

    async def thread(self) -> None:
        thread = threading.Thread(target=fail)
        thread.start()
        await asyncio.to_thread(thread.join)

    async def thread_of_a_job(self) -> None:
        thread = threading.Thread(target=fail)
        await sync_to_async(thread.start)()
        await asyncio.to_thread(thread.join)

    async def thread_of_a_thread(self) -> None:
        inner = threading.Thread(target=fail)
        outer = threading.Thread(target=inner.start)
        outer.start()
        await asyncio.to_thread(outer.join)
        await asyncio.to_thread(inner.join)

    async def connection_that_breaks(self) -> None:
        ours, theirs = socket.socketpair()
        _, self.writer = await asyncio.open_connection(sock=ours)
        theirs.close()
        self.writer.write(b"to nobody")

    async def disconnect(self, code: int) -> None:
        if self.writer is not None:
            self.writer.close()


class AsyncMethodOfSyncConsumer(WebsocketConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        self.send("lost")


class SyncForgetful(WebsocketConsumer):
    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        get_channel_layer().group_send("room", {"type": "tell"})


def failures_of(text: str, consumer: Any = Forgetful) -> list[str]:
    """Return what a test is told, whose client sends the text."""

    class Inner(SimpleWebsocketTestCase):
        application = consumer.as_asgi()

        def test_sync(self) -> None:
            client = self.connect("/")
            client.send_text(text)
            client.receive_nothing()

        async def test_async(self) -> None:
            communicator = await self.aconnect("/")
            await communicator.send_to(text)
            await communicator.receive_nothing()

    told = [str(error) for error in run_case(Inner, "test_sync").raised]
    again = [str(error) for error in run_case(Inner, "test_async").raised]
    assert told == again, (told, again)
    return told


class NeverAwaitedTests(SimpleWebsocketTestCase):
    def assert_told(self, text: str, name: str, place: str) -> None:
        (told,) = failures_of(text)
        self.assertRegex(
            told,
            rf"^{name}\(\) was called at test_silent_failures.py:\d+ in {place}\(\)"
            r" but never awaited, so it did nothing\. ",
        )

    def test_a_method_of_the_consumer(self) -> None:
        self.assert_told("own_method", "AsyncWebsocketConsumer.send", "own_method")

    def test_a_query_names_the_line_of_the_project(self) -> None:
        self.assert_told("query", "QuerySet.acreate", "query")

    def test_what_runs_in_a_thread_is_called_by_its_name(self) -> None:
        self.assert_told("decorated", "Forgetful.save", "decorated")
        self.assert_told("function_for_a_thread", "fail", "function_for_a_thread")
        (told,) = failures_of("decorated")
        self.assertIn("Write 'await save(...)'", told)

    def test_a_call_of_the_layer(self) -> None:
        self.assert_told("layer", "group_send", "layer")

    def test_in_a_task(self) -> None:
        self.assert_told("in_a_task", "AsyncWebsocketConsumer.send", "work")

    def test_in_a_job(self) -> None:
        self.assert_told("in_a_job", "AsyncWebsocketConsumer.send", "work")

    def test_one_that_was_kept(self) -> None:
        self.assert_told(
            "kept_in_a_variable", "AsyncWebsocketConsumer.send", "kept_in_a_variable"
        )

    def test_an_async_method_of_a_sync_consumer(self) -> None:
        (told,) = failures_of("text", AsyncMethodOfSyncConsumer)
        self.assertIn("AsyncMethodOfSyncConsumer.receive() was called by a", told)
        self.assertIn("write 'def receive", told)

    def test_a_call_of_the_layer_in_a_sync_consumer(self) -> None:
        (told,) = failures_of("text", SyncForgetful)
        self.assertIn("group_send() was called at", told)
        self.assertIn("async_to_sync(", told)

    def test_the_test_itself_has_pythons_warning_at_its_own_line(self) -> None:
        async def nothing() -> None:
            pass

        with self.assertWarnsRegex(RuntimeWarning, "nothing' was never") as caught:
            nothing()  # type: ignore[unused-coroutine]
        self.assertEqual(caught.filename, __file__)

    def test_a_call_of_the_layer_in_the_test_itself_fails_it(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            async def test_it(self) -> None:
                self.channel_layer.group_send("room", {"type": "tell"})

        (text,) = run_case(Inner).texts
        self.assertRegex(
            text,
            r"^group_send\(\) was called at test_silent_failures\.py:\d+ in test_it\(\)"
            r" but never awaited, so it did nothing\. Write 'await group_send",
        )


class InterruptedTests(OuterTestCase):
    def test_the_next_test_is_not_told_of_what_an_interrupt_has_kept(self) -> None:
        kept: list[Any] = []

        class Dropping(AsyncWebsocketConsumer):
            async def receive(self, text_data: Any = None, bytes_data: Any = None):
                kept.clear()

        class Inner(SimpleWebsocketTestCase):
            application = Dropping.as_asgi()

            def test_1(self) -> None:
                kept.append(self.aconnect("/"))
                kept.append(asyncio.sleep(0))
                raise KeyboardInterrupt

            def test_2(self) -> None:
                self.connect("/").send_text("drop them")

        with self.assertRaises(KeyboardInterrupt):
            run_case(Inner, "test_1")
        Inner.doClassCleanups()
        self.assertEqual(len(kept), 2)
        self.assertEqual(run_case(Inner, "test_2").raised, [])
        self.assertEqual(kept, [])


class JobTests(SimpleWebsocketTestCase):
    def test_one_that_nobody_awaits(self) -> None:
        self.assertEqual(failures_of("job"), ["on purpose"])

    def test_one_of_a_pool_that_nobody_awaits(self) -> None:
        self.assertEqual(failures_of("job_of_a_pool"), ["on purpose"])

    def test_those_that_somebody_has_seen(self) -> None:
        self.assertEqual(failures_of("jobs_that_are_seen"), [])

    def test_what_asyncio_itself_keeps_to_itself(self) -> None:
        self.assertEqual(failures_of("connection_that_breaks"), [])


class ThreadTests(SimpleWebsocketTestCase):
    def test_one_that_dies(self) -> None:
        for way in ("thread", "thread_of_a_job", "thread_of_a_thread"):
            with self.subTest(way=way):
                self.assertEqual(failures_of(way), ["on purpose"])

    def test_one_of_the_test_itself_is_left_to_python(self) -> None:
        seen: list[Any] = []
        hook, threading.excepthook = threading.excepthook, seen.append
        try:
            thread = threading.Thread(target=fail)
            thread.start()
            thread.join()
        finally:
            threading.excepthook = hook
        self.assertEqual(len(seen), 1)
