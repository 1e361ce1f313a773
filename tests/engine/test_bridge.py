from __future__ import annotations

import asyncio
import gc
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync, sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import get_channel_layer

from channels_testkit import SimpleWebsocketTestCase
from channels_testkit.engine import private_asgiref
from channels_testkit.engine.bridge import Bridge
from tests.utils import run_case

value = "real"


def tell(*, group: str = "all", text: str = "") -> None:
    message = {"type": "tell", "text": text}
    async_to_sync(get_channel_layer().group_send)(group, message)


class Listening(AsyncWebsocketConsumer):
    """Sends what ``value`` is when it is woken."""

    groups = ("all",)

    async def tell(self, event: dict[str, Any]) -> None:
        await self.send(value)


class SyncListening(WebsocketConsumer):
    groups = ("all",)

    def tell(self, event: dict[str, Any]) -> None:
        self.send(value)


class Case(SimpleWebsocketTestCase):
    ws_path = "/"
    application = Listening.as_asgi()


class PausedTests(Case):
    """Between the calls of a sync test nothing of the application runs."""

    def check(self) -> None:
        """The stress script does this some thousand times more."""
        ann = self.connect()
        for _ in range(60):
            with mock.patch(f"{__name__}.value", "patched"):
                tell()
                # A loop that is left running would be let through here.
                threading.Event().wait(0.0001)
            self.assertReceivesText(ann, "real")
            with mock.patch(f"{__name__}.value", "patched"):
                tell()
                self.settle()
            self.assertReceivesText(ann, "patched")

    def test_consumer_woken_in_a_patched_block_waits_for_the_next_call(self) -> None:
        self.check()

    def test_sync_consumer_does_too(self) -> None:
        self.application = SyncListening.as_asgi()
        self.check()

    def test_message_of_a_plain_thread_waits_for_the_next_call(self) -> None:
        ann = self.connect()
        thread = threading.Thread(target=tell)
        with mock.patch(f"{__name__}.value", "patched"):
            thread.start()
            thread.join()
        self.assertReceivesText(ann, "real")

    def test_each_read_comes_to_rest(self) -> None:
        ann = self.connect()
        tell()
        self.assertEqual(ann.frames, ["real"])
        tell()
        self.assertEqual(len(ann.transcript), 4)

    def test_due_timer_waits_for_the_next_call(self) -> None:
        steps: list[str] = []

        self.connect()
        # Set while the loop stands still, so that it cannot be early.
        self._kit.bridge.loop.call_later(0.001, steps.append, "tick")
        threading.Event().wait(0.005)
        self.assertEqual(steps, [])
        self.settle()
        self.assertEqual(steps, ["tick"])


class ThreadTests(Case):
    """Where things run."""

    def test_thread_sensitive_work_runs_on_the_thread_of_the_test(self) -> None:
        threads: dict[str, int] = {}

        class Noting(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                await self.accept()
                await sync_to_async(self.note)("sensitive")
                await sync_to_async(self.note, thread_sensitive=False)("pool")
                await asyncio.create_task(sync_to_async(self.note)("task"))
                self.note("loop")

            def note(self, name: str) -> None:
                threads[name] = threading.get_ident()

        self.connect(application=Noting.as_asgi())
        own = threading.get_ident()
        self.assertNotEqual(threads.pop("pool"), own)
        self.assertEqual(set(threads.values()), {own})

    def test_async_to_sync_of_the_test_uses_a_loop_of_its_own(self) -> None:
        """asgiref remembers the loop of the last job, which is paused."""

        class Working(WebsocketConsumer):
            pass

        self.connect(application=Working.as_asgi())
        self.assertEqual(async_to_sync(self.work)(), "done")

    async def work(self) -> str:
        return await sync_to_async(lambda: "done")()

    def test_consumers_may_nest_the_two_worlds(self) -> None:
        class Nesting(WebsocketConsumer):
            def connect(self) -> None:
                self.accept()
                self.send(async_to_sync(self.outer)())

            async def outer(self) -> str:
                return await sync_to_async(self.inner)()

            def inner(self) -> str:
                return async_to_sync(self.innermost)()

            async def innermost(self) -> str:
                return await sync_to_async(threading.current_thread)()

        class Naming(Nesting):
            async def innermost(self) -> str:
                return (await sync_to_async(threading.current_thread)()).name

        ann = self.connect(application=Naming.as_asgi())
        self.assertReceivesText(ann, threading.current_thread().name)

    def test_connection_starts_from_an_empty_context(self) -> None:
        from django.utils import translation

        class Speaking(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                await self.accept()
                await self.send(translation.get_language())

        with translation.override("de"):
            ann = self.connect(application=Speaking.as_asgi())
        self.assertReceivesText(ann, "en-us")


class RefusalTests(unittest.TestCase):
    def setUp(self) -> None:
        self.bridge = Bridge(hang_timeout=5)
        self.addCleanup(self.bridge.close)

    async def work(self) -> str:
        return "done"

    def assert_refused(self, text: str) -> None:
        with self.assertRaises(RuntimeError) as caught:
            self.bridge.run(self.work())
        self.assertEqual(str(caught.exception), text)

    def test_call_from_another_thread_is_refused(self) -> None:
        text = "This call belongs to the test's own thread."
        with ThreadPoolExecutor(1) as pool:
            pool.submit(self.assert_refused, text).result()

    def test_call_inside_a_call_is_refused(self) -> None:
        text = "This call was made while another one is running."

        async def nested() -> None:
            await sync_to_async(self.assert_refused)(text)

        self.bridge.run(nested())

    def test_exceptions_come_out_as_they_are(self) -> None:
        for kind in (ValueError, KeyboardInterrupt, SystemExit):

            async def fail(kind: type[BaseException] = kind) -> None:
                raise kind("asked for")

            with self.subTest(kind), self.assertRaises(kind):
                self.bridge.run(fail())
        self.assertEqual(self.bridge.run(self.work()), "done")

    def test_read_does_not_run_the_loop_of_a_still_application(self) -> None:
        with mock.patch.object(self.bridge, "_run") as run:
            self.assertEqual(self.bridge.run_if_needed(self.work()), "done")
        run.assert_not_called()

    def test_call_ends_at_rest_also_where_it_raises(self) -> None:
        log: list[str] = []

        async def later() -> None:
            await sync_to_async(log.append, thread_sensitive=False)("done")

        async def fail() -> None:
            self.task = asyncio.ensure_future(later())
            raise ValueError

        with self.assertRaises(ValueError):
            self.bridge.run(fail())
        self.assertEqual(log, ["done"])


class ClosingTests(unittest.TestCase):
    """What a test leaves is ended with its loop."""

    def test_tasks_and_generators_are_ended(self) -> None:
        log: list[str] = []

        async def never() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                log.append("task ended")

        async def generate() -> Any:
            try:
                yield
            finally:
                log.append("generator ended")

        async def start() -> None:
            self.generator = generate()
            self.task = asyncio.ensure_future(never())
            await anext(self.generator)

        bridge = Bridge(hang_timeout=5)
        bridge.run(start())
        self.assertEqual(log, [])
        bridge.close()
        self.assertEqual(log, ["task ended", "generator ended"])
        self.assertTrue(bridge.loop.is_closed())
        self.assertIsNone(private_asgiref.lent_thread(bridge.loop))

    def test_no_loop_and_no_thread_is_left(self) -> None:
        class Inner(Case):
            def test_it(self) -> None:
                self.connect(application=Busy.as_asgi())

            async def test_async(self) -> None:
                await self.aconnect(application=Busy.as_asgi())

        class Busy(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                await self.accept()
                await sync_to_async(int, thread_sensitive=False)("1")

        run_case(Inner)
        gc.collect()
        before, loops = set(threading.enumerate()), _open_loops()
        for _ in range(5):
            self.assertEqual(run_case(Inner).texts, [])
        gc.collect()
        made = set(threading.enumerate()) - before
        for thread in made:
            thread.join(5)
        self.assertEqual([it for it in made if it.is_alive()], [])
        self.assertEqual(_open_loops(), loops)


def _open_loops() -> int:
    return sum(
        issubclass(type(it), asyncio.SelectorEventLoop) and not it.is_closed()
        for it in gc.get_objects()
    )
