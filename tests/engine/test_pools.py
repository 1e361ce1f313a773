"""Pools that an application keeps, and gives jobs to by itself."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from channels.generic.websocket import (
    AsyncWebsocketConsumer,
    WebsocketConsumer,
)
from channels.layers import get_channel_layer

from channels_testkit import SimpleWebsocketTestCase
from channels_testkit.engine import private
from channels_testkit.engine.patches import Patch
from channels_testkit.engine.private import clock

#: As old as the process, as far as a test can tell.
POOL = ThreadPoolExecutor(4, thread_name_prefix="project pool")
ROUNDS = 50


def take_long() -> str:
    """Take longer than the loop does to come to rest, with no sleep."""
    end = clock() + 0.001
    while clock() < end:
        pass
    return "done"


class Consumer(AsyncWebsocketConsumer):
    """Answers with the result of a job, by the way that it is told."""

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await getattr(self, text_data)()

    async def wrapped(self) -> None:
        jobs = [asyncio.wrap_future(POOL.submit(take_long)) for _ in range(4)]
        await self.send((await asyncio.gather(*jobs))[0])

    async def by_callback(self) -> None:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        future = POOL.submit(take_long)
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(done.set))
        await done.wait()
        await self.send(future.result())

    async def by_coroutine(self) -> None:
        loop = asyncio.get_running_loop()

        def work() -> None:
            answer = self.send(take_long())
            asyncio.run_coroutine_threadsafe(answer, loop).result()

        POOL.submit(work)

    async def by_a_job_of_a_job(self) -> None:
        loop = asyncio.get_running_loop()

        def tell() -> None:
            asyncio.run_coroutine_threadsafe(self.send(take_long()), loop)

        POOL.submit(POOL.submit, tell)

    async def mapped(self) -> None:
        loop = asyncio.get_running_loop()
        results = await loop.run_in_executor(
            None, lambda: list(POOL.map(lambda _: take_long(), range(3)))
        )
        await self.send(results[-1])

    async def by_another_kind(self) -> None:
        await self.send(await asyncio.wrap_future(OWN_KIND.submit(take_long)))


class SyncConsumer(WebsocketConsumer):
    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        if text_data == "later":
            POOL.submit(self.send_later)
        else:
            self.send(POOL.submit(take_long).result())

    def send_later(self) -> None:
        take_long()
        layer = get_channel_layer()
        message = {"type": "tell", "text": "done"}
        async_to_sync(layer.send)(self.channel_name, message)

    def tell(self, event: dict[str, str]) -> None:
        self.send(event["text"])


class OwnKindOfPool(Executor):
    """A pool with a thread for each job, which no library knows."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def run() -> None:
            future.set_result(fn(*args, **kwargs))

        threading.Thread(target=run).start()
        return future


OWN_KIND = OwnKindOfPool()
WAYS = (
    "wrapped",
    "by_callback",
    "by_coroutine",
    "by_a_job_of_a_job",
    "mapped",
    "by_another_kind",
)


class PoolTests(SimpleWebsocketTestCase):
    application = Consumer.as_asgi()

    def test_sync(self) -> None:
        for way in WAYS:
            with self.subTest(way=way):
                client = self.connect("/")
                for _ in range(ROUNDS):
                    client.send_text(way)
                    self.assertEqual(client.receive_text(), "done")
                self.assertReceivesNothing(client)

    async def test_async(self) -> None:
        for way in WAYS:
            with self.subTest(way=way):
                communicator = await self.aconnect("/")
                for _ in range(ROUNDS):
                    await communicator.send_to(way)
                    self.assertReceivesText(communicator, "done")
                self.assertReceivesNothing(communicator)

    def test_what_has_come_is_all_that_comes(self) -> None:
        client = self.connect("/")
        for number in range(ROUNDS):
            for way in WAYS:
                client.send_text(way)
            self.assertEqual(len(client.frames), (number + 1) * len(WAYS))


class QuickPool(ThreadPoolExecutor):
    """A pool whose jobs have ended before anybody can await them."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = super().submit(fn, *args, **kwargs)
        wait([future])
        return future


class Listener(AsyncWebsocketConsumer):
    groups = ("all",)

    async def tell(self, event: dict[str, str]) -> None:
        await self.send(event["text"])


def broadcast(text: str) -> str:
    # The test's own loop waits for the pool meanwhile.
    asyncio.run(get_channel_layer().group_send("all", {"type": "tell", "text": text}))
    return text


class QuickJobTests(SimpleWebsocketTestCase):
    """
    A test that awaits a job goes on at rest, however quick the job is.

    From Python 3.14 on, such an await does not suspend by itself.
    """

    application = Listener.as_asgi()

    async def asyncSetUp(self) -> None:
        self.pool = QuickPool(1)
        self.addCleanup(self.pool.shutdown)
        self.ann = await self.aconnect("/")

    async def test_run_in_executor(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self.pool, broadcast, "a")
        self.assertReceivesText(self.ann, "a")

    async def test_sync_to_async(self) -> None:
        call = sync_to_async(broadcast, thread_sensitive=False, executor=self.pool)
        self.assertEqual(await call("b"), "b")
        self.assertReceivesText(self.ann, "b")

    async def test_wrap_future(self) -> None:
        await asyncio.wrap_future(self.pool.submit(broadcast, "c"))
        self.assertReceivesText(self.ann, "c")

    async def test_a_job_that_raises(self) -> None:
        with self.assertRaises(ZeroDivisionError):
            await asyncio.wrap_future(self.pool.submit(lambda: 1 / 0))
        with self.assertRaises(ZeroDivisionError):
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self.pool, lambda: 1 / 0)
        self.assertReceivesNothing(self.ann)

    async def test_a_callback_of_ones_own_is_called_at_once(self) -> None:
        results: list[str] = []
        future = self.pool.submit(broadcast, "d")
        future.add_done_callback(lambda future: results.append(future.result()))
        self.assertEqual(results, ["d"])
        await self.asettle()
        self.assertReceivesText(self.ann, "d")


class TellingTests(SimpleWebsocketTestCase):
    def test_a_loop_that_is_told_of_a_job_sees_that_it_has_ended(self) -> None:
        """Else it waits for it, and is not told again."""
        pool = QuickPool(1)
        self.addCleanup(pool.shutdown)
        rest, ended = self._kit.bridge.rest, []

        def wake(loop: asyncio.AbstractEventLoop) -> None:
            ended.extend(job.is_finished for job in rest.jobs)
            real_wake(loop)

        class Submitting(AsyncWebsocketConsumer):
            async def receive(self, **_: object) -> None:
                pool.submit(int)

        real_wake = private.wake
        client = self.connect("/", application=Submitting.as_asgi())
        with Patch(private, "wake", wake):
            client.send_text("begin")
        self.assertEqual(ended, [True])


class SyncConsumerTests(SimpleWebsocketTestCase):
    application = SyncConsumer.as_asgi()

    def test_a_job_that_the_consumer_waits_for(self) -> None:
        client = self.connect("/")
        for _ in range(ROUNDS):
            client.send_text("now")
            self.assertEqual(client.frames.pop(), "done")

    def test_a_job_that_answers_by_the_layer(self) -> None:
        client = self.connect("/")
        for number in range(ROUNDS):
            client.send_text("later")
            self.assertEqual(len(client.frames), number + 1)
