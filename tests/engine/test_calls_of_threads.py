"""Calls of the kit that a thread of the test asks the test's loop for."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import anyio.from_thread
import anyio.to_thread
from asgiref.sync import async_to_sync, sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer

from channels_testkit import NoFrame, SimpleWebsocketTestCase

POOL = ThreadPoolExecutor(4, thread_name_prefix="pool of the test")


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(text_data)


class SyncEcho(WebsocketConsumer):
    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        self.send(text_data)


class CallsOfThreads(SimpleWebsocketTestCase):
    application = Echo.as_asgi()
    receive_timeout = 60.0

    async def asyncSetUp(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.ann = await self.aconnect("/")
        self.echoes: list[Any] = []

    def ask(self, work: Any) -> Any:
        """Do a call of the kit in the test's loop, from a thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def echo(self) -> None:
        self.ask(self.ann.send_to("a"))
        self.echoes.append(self.ask(self.ann.receive_from()))


class JobsThatWaitTests(CallsOfThreads):
    """A call of the kit does not wait for the job that waits for the call."""

    async def test_a_job(self) -> None:
        await asyncio.to_thread(self.echo)
        await self.loop.run_in_executor(POOL, self.echo)
        await sync_to_async(self.echo)()
        await sync_to_async(self.echo, thread_sensitive=False)()
        await asyncio.wrap_future(POOL.submit(self.echo))
        self.assertEqual(self.echoes, ["a"] * 5)

    async def test_a_job_that_calls_by_another_way(self) -> None:
        def by_anyio() -> None:
            anyio.from_thread.run(self.ann.send_to, "a")
            self.echoes.append(anyio.from_thread.run(self.ann.receive_from))

        def by_event() -> None:
            done = threading.Event()

            async def call() -> None:
                await self.ann.send_to("a")
                self.echoes.append(await self.ann.receive_from())
                done.set()

            self.loop.call_soon_threadsafe(self.loop.create_task, call())
            done.wait()

        def several() -> None:
            def ask(work: Any) -> Any:
                return asyncio.run_coroutine_threadsafe(work, self.loop)

            wait([ask(self.ann.send_to("a")) for _ in range(2)])
            done, _ = wait([ask(self.ann.receive_from()) for _ in range(2)])
            self.echoes += [it.result() for it in done]

        await anyio.to_thread.run_sync(by_anyio)
        await asyncio.to_thread(by_event)
        await asyncio.to_thread(several)
        self.assertEqual(self.echoes, ["a"] * 4)

    async def test_a_job_of_a_job(self) -> None:
        def in_pool() -> None:
            POOL.submit(self.echo).result()

        def in_thread() -> None:
            thread = threading.Thread(target=self.echo)
            thread.start()
            thread.join()

        def in_loop() -> None:
            self.ask(asyncio.to_thread(self.echo))

        def in_async_to_sync() -> None:
            async_to_sync(asyncio.to_thread)(self.echo)

        await asyncio.to_thread(in_pool)
        await asyncio.to_thread(in_thread)
        await asyncio.to_thread(in_loop)
        await sync_to_async(in_async_to_sync)()
        self.assertEqual(self.echoes, ["a"] * 4)

    async def test_a_job_that_waits_for_whoever_calls(self) -> None:
        thread = threading.Thread(target=self.echo)
        thread.start()
        await asyncio.to_thread(thread.join)
        await asyncio.to_thread(POOL.submit(self.echo).result)
        self.assertEqual(self.echoes, ["a"] * 2)

    async def test_several_at_a_time(self) -> None:
        def echo(name: str) -> str:
            self.ask(clients[name].send_to(name))
            text: str = self.ask(clients[name].receive_from())
            return text

        clients = {name: await self.aconnect("/") for name in "abc"}
        jobs = [asyncio.to_thread(echo, name) for name in clients]
        self.assertEqual(await asyncio.gather(*jobs), list("abc"))


class SyncConsumerTests(CallsOfThreads):
    """Whose own jobs are waited for, as ever."""

    application = SyncEcho.as_asgi()

    async def test_a_job(self) -> None:
        await asyncio.to_thread(self.echo)
        await asyncio.wrap_future(POOL.submit(self.echo))
        self.assertEqual(self.echoes, ["a"] * 2)

    async def test_a_job_in_the_thread_of_the_consumer_keeps_it_from_going_on(
        self,
    ) -> None:
        with self.assertRaises(NoFrame):
            await sync_to_async(self.echo)()
        self.assertEqual(await self.ann.receive_from(), "a")


class RestTests(CallsOfThreads):
    """What else waits for rest still waits for these jobs."""

    async def test_the_test_waits_for_its_jobs(self) -> None:
        ben = await self.aconnect("/")

        def send() -> None:
            self.echo()
            self.ask(ben.send_to("b"))

        job, text = asyncio.to_thread(send), ben.receive_from()
        self.assertEqual(await asyncio.gather(job, text), [None, "b"])

    async def test_a_thread_waits_for_another_for_a_while(self) -> None:
        may_send = threading.Event()

        def send() -> None:
            may_send.wait()
            self.ask(self.ann.send_to("a"))

        def receive() -> Any:
            work = self.ann.receive_from()
            receiving = asyncio.run_coroutine_threadsafe(work, self.loop)
            self.loop.call_soon_threadsafe(may_send.set)
            return receiving.result()

        jobs = [asyncio.to_thread(it) for it in (send, receive)]
        self.assertEqual(await asyncio.gather(*jobs), [None, "a"])

    async def test_silence_is_proven_where_a_job_waits_for_it(self) -> None:
        def nested() -> str:
            return POOL.submit(receive).result()

        def receive() -> str:
            with self.assertRaises(NoFrame) as caught:
                self.ask(self.ann.receive_from())
            return str(caught.exception)

        at_rest = "the application is at rest"
        self.assertIn(at_rest, await asyncio.to_thread(receive))
        self.assertIn(at_rest, await asyncio.to_thread(nested))
        self.assertIn(at_rest, await sync_to_async(receive)())

    async def test_another_job_may_still_act(self) -> None:
        def receive() -> str:
            may_begin.wait()
            with self.assertRaises(NoFrame) as caught:
                self.ask(self.ann.receive_from(timeout=0.01))
            return str(caught.exception)

        may_begin = threading.Event()
        job = POOL.submit(receive)
        waiting = asyncio.ensure_future(asyncio.to_thread(job.result))
        self.loop.call_soon(may_begin.set)
        self.assertIn(
            "within 0.01 s; thread job concurrent.futures._base.Future.result of the"
            " test may still cause one.",
            await waiting,
        )
