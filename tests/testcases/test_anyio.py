"""anyio in the test's own code, and libraries that stand on it."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any
from unittest import mock

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
from channels.generic.websocket import AsyncWebsocketConsumer

from channels_testkit import SimpleWebsocketTestCase, explore_schedules
from tests.explored import not_explored
from tests.utils import run_case


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(text_data)


class Slow(AsyncWebsocketConsumer):
    """Takes many rounds of the loop to answer."""

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        for _ in range(100):
            await asyncio.sleep(0)
        await self.send(text_data)


class CancellationTests(SimpleWebsocketTestCase):
    application = Echo.as_asgi()

    async def test_a_scope_that_is_cancelled(self) -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.sleep(60)
        self.assertTrue(scope.cancelled_caught)

    async def test_a_scope_that_times_out(self) -> None:
        with anyio.move_on_after(0.001) as scope:
            await anyio.sleep(60)
        self.assertTrue(scope.cancelled_caught)
        with self.assertRaises(TimeoutError), anyio.fail_after(0.001):
            await asyncio.Event().wait()

    @not_explored
    def test_scopes_in_virtual_time_however_long_the_machine_runs(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            use_virtual_time = True
            hang_timeout = 5

            async def test(self) -> None:
                for _ in range(50):
                    with anyio.move_on_after(0.001) as scope:
                        await anyio.sleep(60)
                    self.assertTrue(scope.cancelled_caught)
                for _ in range(950):
                    await asyncio.sleep(0.001)
                self.assertEqual(self.clock.now, 1)

        # How exact a float is depends on its size.
        for uptime in (1_000.1, 70_000.3, 140_000.7, 1_000_000.3, 10_000_000.3):
            ahead = uptime - time.monotonic()
            later = mock.patch.object(
                asyncio.BaseEventLoop,
                "time",
                lambda _, ahead=ahead: time.monotonic() + ahead,
            )
            with self.subTest(uptime=uptime), later:
                self.assertEqual(run_case(Inner).texts, [])

    async def test_a_receive_inside_of_one(self) -> None:
        communicator = await self.aconnect("/")
        await communicator.send_to("hello")
        with anyio.fail_after(60):
            self.assertEqual(await communicator.receive_from(), "hello")
        with anyio.CancelScope() as scope:
            scope.cancel()
            await communicator.send_to("lost")
            await communicator.receive_from(timeout=60)
        self.assertTrue(scope.cancelled_caught)

    async def test_code_that_goes_on_for_a_while_when_it_is_cancelled(self) -> None:
        log: list[str] = []
        with anyio.CancelScope() as scope:
            try:
                scope.cancel()
                await anyio.sleep(60)
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.lowlevel.checkpoint()
                    communicator = await self.aconnect("/")
                    await communicator.send_to("bye")
                    log.append(await communicator.receive_from())
        self.assertEqual(log, ["bye"])

    async def test_the_application_comes_to_rest_before_the_next_line(self) -> None:
        communicator = await self.aconnect("/", application=Slow.as_asgi())
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(communicator.send_to, "hello")
                await anyio.lowlevel.checkpoint()
                scope.cancel()
        self.assertReceivesText(communicator, "hello")


class SpinningTests(SimpleWebsocketTestCase):
    """Code of the test that goes round until the test itself goes on."""

    application = Slow.as_asgi()

    async def test_a_task_that_waits_for_the_next_line(self) -> None:
        communicator = await self.aconnect("/")
        is_done = False

        async def spin() -> None:
            while not is_done:  # noqa: ASYNC110 - what this is about
                await asyncio.sleep(0)

        task = asyncio.ensure_future(spin())
        await communicator.send_to("hello")
        self.assertEqual(await communicator.receive_from(), "hello")
        is_done = True
        await task


class TaskGroupTests(SimpleWebsocketTestCase):
    application = Echo.as_asgi()

    async def test_tasks_that_talk(self) -> None:
        communicators = [await self.aconnect("/") for _ in range(3)]
        heard: list[str] = []

        async def talk(number: int) -> None:
            await communicators[number].send_to(str(number))
            heard.append(await communicators[number].receive_from())

        async with anyio.create_task_group() as group:
            for number in range(3):
                group.start_soon(talk, number)
        self.assertEqual(sorted(heard), ["0", "1", "2"])

    async def test_a_task_that_fails_cancels_the_others(self) -> None:
        communicator = await self.aconnect("/")

        async def fail() -> None:
            raise ValueError("on purpose")

        with self.assertRaises(Exception) as caught:
            async with anyio.create_task_group() as group:
                group.start_soon(communicator.receive_from, 60)
                group.start_soon(fail)
        (error,) = caught.exception.exceptions
        self.assertIsInstance(error, ValueError)

    async def test_streams_and_events(self) -> None:
        send, receive = anyio.create_memory_object_stream[str]()
        communicator = await self.aconnect("/")

        async def relay() -> None:
            async with receive:
                async for text in receive:
                    await communicator.send_to(text)

        async with anyio.create_task_group() as group, send:
            group.start_soon(relay)
            await send.send("hello")
            self.assertEqual(await communicator.receive_from(), "hello")
            await send.aclose()


class ThreadTests(SimpleWebsocketTestCase):
    application = Echo.as_asgi()

    async def test_a_job_in_a_thread(self) -> None:
        own = threading.get_ident()
        self.assertNotEqual(await anyio.to_thread.run_sync(threading.get_ident), own)

    @not_explored
    async def test_a_job_that_calls_back(self) -> None:
        communicator = await self.aconnect("/")

        def talk() -> str:
            anyio.from_thread.run(communicator.send_to, "hello")
            return anyio.from_thread.run(communicator.receive_from)

        self.assertEqual(await anyio.to_thread.run_sync(talk), "hello")

    async def test_a_worker_that_is_told_to_end_and_has_not_yet(self) -> None:
        go_on = threading.Event()
        self.addClassCleanup(go_on.set)

        def be_slow_to_end() -> None:
            worker: Any = threading.current_thread()
            queue = worker.queue
            get = queue.get

            def slow_get() -> Any:
                item = get()
                if item is None:
                    go_on.wait()
                return item

            queue.get = slow_get

        await anyio.to_thread.run_sync(be_slow_to_end)
        # It waits in the first get() still.
        await anyio.to_thread.run_sync(int)

    @explore_schedules(1)
    async def test_a_worker_that_is_about_to_have_done_its_job(self) -> None:
        def be_slow_to_have_done_it() -> None:
            worker: Any = threading.current_thread()
            task_done = worker.queue.task_done
            is_waited_for = threading.Event()

            def join(timeout: float | None = None) -> None:
                is_waited_for.set()
                threading.Thread.join(worker, timeout)

            worker.join = join
            worker.queue.task_done = lambda: is_waited_for.wait() and task_done()

        await self.aconnect("/")
        await anyio.to_thread.run_sync(be_slow_to_have_done_it)

    async def test_what_it_leaves_is_no_outside_work(self) -> None:
        await anyio.to_thread.run_sync(int)
        communicator = await self.aconnect("/")
        with self.assertRaises(AssertionError) as caught:
            await communicator.receive_from()
        self.assertIn("the application is at rest", str(caught.exception))
