from __future__ import annotations

import asyncio
import contextvars
import sys
import unittest
from typing import Any

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer

from channels_testkit import SimpleWebsocketTestCase
from channels_testkit.engine.resume import AtRest
from channels_testkit.engine.watches import watch_of
from channels_testkit.websocket.subjects import driver_of
from tests.utils import LoopTestCase, run_case


class Slow(AsyncWebsocketConsumer):
    """Answers through threads and tasks, so that it takes many rounds."""

    groups = ("all",)

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.tell({"text": text_data})

    async def tell(self, event: dict[str, Any]) -> None:
        for _ in range(5):
            await sync_to_async(int, thread_sensitive=False)("1")
            await sync_to_async(int)("1")
            await asyncio.sleep(0)
        await asyncio.create_task(self.send(event["text"]))


class ResumeCase(SimpleWebsocketTestCase):
    ws_path = "/"
    application = Slow.as_asgi()
    check_leaks = "off"


class AnyAwaitTests(ResumeCase):
    """An async test is resumed at rest, whatever it awaited."""

    async def asyncSetUp(self) -> None:
        self.ann = await self.aconnect()
        self.loop = asyncio.get_running_loop()

    def assert_done(self, *texts: str) -> None:
        self.assertEqual(self.ann.frames, list(texts))

    async def tell(self, text: str) -> None:
        await get_channel_layer().group_send("all", {"type": "tell", "text": text})

    async def test_kit_call(self) -> None:
        await self.ann.send_text("a")
        self.assert_done("a")

    async def test_raw_group_send(self) -> None:
        for number in range(20):
            await self.tell(str(number))
            self.assertEqual(self.ann.frames[-1], str(number))

    async def test_gather(self) -> None:
        await asyncio.gather(self.tell("a"), self.tell("b"))
        self.assert_done("a", "b")

    async def test_sleep_of_nothing(self) -> None:
        task = asyncio.ensure_future(self.tell("a"))
        await asyncio.sleep(0)
        self.assertTrue(task.done())
        self.assert_done("a")

    async def test_event_that_the_application_sets(self) -> None:
        event = asyncio.Event()

        class Setting(Slow):
            async def tell(self, message: dict[str, Any]) -> None:
                event.set()
                await super().tell(message)

        self.ann = await self.aconnect(application=Setting.as_asgi())
        driver_of(self.ann).connection.feed({"type": "websocket.receive", "text": "a"})
        await event.wait()
        self.assert_done("a")

    async def test_thread_job(self) -> None:
        await sync_to_async(self.loop.call_soon_threadsafe)(
            lambda: asyncio.ensure_future(self.tell("a"))
        )
        self.assert_done("a")

    async def test_queue_future_and_timer(self) -> None:
        queue: asyncio.Queue[str] = asyncio.Queue()
        future = self.loop.create_future()
        self.loop.call_later(0.001, queue.put_nowait, "item")
        self.loop.call_later(0.002, future.set_result, "result")
        self.tasks = [asyncio.ensure_future(self.tell("a"))]
        self.assertEqual(await queue.get(), "item")
        self.assert_done("a")
        self.assertEqual(await future, "result")

    async def test_async_client_and_async_iteration(self) -> None:
        async def generate() -> Any:
            for text in "ab":
                await self.tell(text)
                yield text

        async for text in generate():
            self.assertEqual(self.ann.frames[-1], text)

    @unittest.skipIf(sys.version_info < (3, 11), "asyncio.TaskGroup came with 3.11")
    async def test_task_group(self) -> None:
        async with asyncio.TaskGroup() as group:
            for text in "abc":
                group.create_task(self.tell(text))
        self.assert_done(*"abc")

    async def test_await_that_raises(self) -> None:
        future = self.loop.create_future()
        self.tasks = [asyncio.ensure_future(self.tell("a"))]
        self.loop.call_soon(future.set_exception, ValueError())
        try:
            await future
        except ValueError:
            self.assert_done("a")
        else:
            self.fail("nothing was raised")

    async def test_await_that_is_cancelled(self) -> None:
        self.tasks = [asyncio.ensure_future(self.tell("a"))]
        try:
            await asyncio.wait_for(self.loop.create_future(), 0.001)
        except asyncio.TimeoutError:
            self.assert_done("a")
        else:
            self.fail("nothing was raised")

    @unittest.skipIf(sys.version_info < (3, 11), "asyncio.timeout came with 3.11")
    async def test_timeout_block(self) -> None:
        with self.assertRaises(TimeoutError):
            async with asyncio.timeout(0.001):
                self.tasks = [asyncio.ensure_future(self.tell("a"))]
                await self.loop.create_future()
        self.assert_done("a")

    async def test_shielded_await_goes_on(self) -> None:
        may_end = asyncio.Event()
        task = asyncio.ensure_future(may_end.wait())
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(task), 0.001)
        self.assertFalse(task.done())
        may_end.set()
        self.assertTrue(await task)

    async def test_own_task_is_an_ordinary_one(self) -> None:
        """Its kit calls return at rest."""
        log: list[str] = []

        async def own() -> None:
            await self.ann.send_text("a")
            log.append(self.ann.frames[-1])
            await self.ann.send_text("b")
            log.append(self.ann.frames[-1])

        await asyncio.gather(own())
        self.assertEqual(log, ["a", "b"])

    async def test_plain_call_while_the_application_works_is_refused(self) -> None:
        driver_of(self.ann).connection.feed({"type": "websocket.receive", "text": "a"})
        with self.assertRaises(RuntimeError) as caught:
            _ = self.ann.frames
        self.assertEqual(
            str(caught.exception),
            "The application is still working: 'await self.asettle()' first.",
        )
        await self.asettle()
        self.assert_done("a")


class ToldTests(unittest.TestCase):
    """What the application raised is thrown in at the next resume."""

    class Case(ResumeCase):
        class Failing(AsyncWebsocketConsumer):
            groups = ("all",)

            async def tell(self, event: dict[str, Any]) -> None:
                raise ValueError(event["text"])

        application = Failing.as_asgi()

        async def tell(self, text: str) -> None:
            message = {"type": "tell", "text": text}
            await get_channel_layer().group_send("all", message)

    def test_it_is_thrown_in_once(self) -> None:
        class Inner(self.Case):
            async def test_it(self) -> None:
                await self.aconnect()
                with self.assertRaisesMessage(ValueError, "asked for"):
                    await self.tell("asked for")
                await asyncio.sleep(0)

        self.assertEqual(run_case(Inner).texts, [])

    def test_what_the_await_itself_raises_goes_first(self) -> None:
        class Inner(self.Case):
            async def test_it(self) -> None:
                await self.aconnect()
                with self.assertRaises(KeyError):
                    await self.both()
                with self.assertRaisesMessage(ValueError, "second"):
                    await asyncio.sleep(0)

            async def both(self) -> None:
                future = asyncio.get_running_loop().create_future()
                self.tasks = [asyncio.ensure_future(self.tell("second"))]
                asyncio.get_running_loop().call_soon(future.set_exception, KeyError())
                await future

        self.assertEqual(run_case(Inner).texts, [])

    def test_it_outranks_a_cancellation(self) -> None:
        class Inner(self.Case):
            async def test_it(self) -> None:
                await self.aconnect()
                task = asyncio.current_task()
                loop = asyncio.get_running_loop()
                with self.assertRaisesMessage(ValueError, "asked for"):
                    self.tasks = [asyncio.ensure_future(self.tell("asked for"))]
                    loop.call_soon(task.cancel)
                    await asyncio.Event().wait()

        self.assertEqual(run_case(Inner).texts, [])


class ContextTests(unittest.TestCase):
    def test_variables_go_in_and_come_out(self) -> None:
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

        class Inner(ResumeCase):
            def setUp(self) -> None:
                variable.set("setUp")

            async def test_it(self) -> None:
                self.assertEqual(variable.get(), "setUp")
                await asyncio.sleep(0)
                variable.set("test")

            def tearDown(self) -> None:
                self.assertEqual(variable.get(), "test")

        contextvars.copy_context().run(
            lambda: self.assertEqual(run_case(Inner).texts, [])
        )


class ClosedTests(LoopTestCase):
    async def test_coroutine_is_closed_with_what_awaits_it(self) -> None:
        log: list[str] = []

        async def test() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                log.append("closed")

        rest = watch_of(asyncio.get_running_loop())
        steps = AtRest(test(), rest, lambda raised: None).__await__()
        next(steps)
        steps.close()
        self.assertEqual(log, ["closed"])

    async def test_interruption_before_the_start_is_raised_at_the_first_await(
        self,
    ) -> None:
        async def test() -> None:
            with self.assertRaises(ValueError):
                await asyncio.sleep(0)

        rest = watch_of(asyncio.get_running_loop())
        at_rest = AtRest(test(), rest, lambda raised: None)
        at_rest.interrupt(ValueError())
        await at_rest

    async def test_cancellation_while_coming_to_rest_is_thrown_in(self) -> None:
        rest = watch_of(asyncio.get_running_loop())
        log: list[str] = []

        async def test() -> None:
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                log.append("cancelled")

        async def driven() -> None:
            await AtRest(test(), rest, lambda raised: None)

        async def busy() -> None:
            for _ in range(10):
                await asyncio.sleep(0)
            task.cancel()
            for _ in range(10):
                await asyncio.sleep(0)
            log.append("at rest")

        other = asyncio.ensure_future(busy())
        task = asyncio.ensure_future(driven())
        await task
        self.assertEqual(log, ["at rest", "cancelled"])
        await other
