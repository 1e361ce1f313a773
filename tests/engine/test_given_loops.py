"""Loops of other threads, which an application gives work that is not seen."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from unittest import mock

from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import get_channel_layer

from channels_testkit import Channel, NoFrame, SimpleWebsocketTestCase
from channels_testkit.engine.given_loops import GivenLoops
from tests.utils import run_case

if TYPE_CHECKING:
    from collections.abc import Callable

#: As many rounds as take longer than the test's loop does to come to rest.
ROUNDS = 300


class Service:
    """A part of a project that runs a loop of its own in a thread."""

    def __init__(
        self,
        make_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    ) -> None:
        self.loop = make_loop()
        self.may_tell = threading.Event()
        self.may_tell.set()
        self.thread = threading.Thread(
            target=self.loop.run_forever, name="service", daemon=True
        )

    def start(self) -> None:
        is_running = threading.Event()
        self.loop.call_soon(is_running.set)
        self.thread.start()
        is_running.wait()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def tell(self, text: str = "done") -> None:
        # An event of the loop's would be set by a post to it.
        while not self.may_tell.is_set():  # noqa: ASYNC110
            await asyncio.sleep(0)
        for _ in range(ROUNDS):
            await asyncio.sleep(0)
        await get_channel_layer().group_send("all", {"type": "tell", "text": text})

    def run(self) -> Any:
        return asyncio.run_coroutine_threadsafe(self.tell(), self.loop)

    def post(self) -> None:
        self.loop.call_soon_threadsafe(lambda: self.loop.create_task(self.tell()))


class ServiceInPool(Service):
    def __init__(self) -> None:
        super().__init__()
        self.pool = ThreadPoolExecutor(1)

    def start(self) -> None:
        is_running = threading.Event()
        self.loop.call_soon(is_running.set)
        self.pool.submit(self.loop.run_forever)
        is_running.wait()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.pool.shutdown()
        self.loop.close()


class Consumer(AsyncWebsocketConsumer):
    groups = ("all",)
    service: Service

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await getattr(self, text_data)()

    async def run(self) -> None:
        self.service.run()

    async def post(self) -> None:
        self.service.post()

    async def job(self) -> None:
        await asyncio.to_thread(self.service.run)

    async def old_pool(self) -> None:
        await asyncio.get_running_loop().run_in_executor(POOL, self.service.run)

    async def submit(self) -> None:
        POOL.submit(self.service.post)

    async def thread(self) -> None:
        thread = threading.Thread(target=self.service.run)
        thread.start()
        thread.join()

    async def tell(self, event: dict[str, str]) -> None:
        await self.send(event["text"])


class SyncConsumer(WebsocketConsumer):
    groups = ("all",)

    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        getattr(Consumer.service, text_data)()

    def tell(self, event: dict[str, str]) -> None:
        self.send(event["text"])


POOL = ThreadPoolExecutor(1, thread_name_prefix="project pool")
WAYS = ("run", "post", "job", "old_pool", "submit", "thread")


class ServiceTestCase(SimpleWebsocketTestCase):
    """Each test has a service that is older and has never posted to a loop."""

    application = Consumer.as_asgi()
    receive_timeout = 60.0
    kind: Callable[[], Service] = Service

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        POOL.submit(int).result()
        cls.services: list[Service] = []
        for _ in range(2 * len(WAYS)):
            service = cls.kind()
            service.start()
            cls.addClassCleanup(service.stop)
            cls.services.append(service)

    def next_service(self) -> Service:
        Consumer.service = self.services.pop()
        return Consumer.service


class GivenLoopTests(ServiceTestCase):
    def test_sync(self) -> None:
        for way in WAYS:
            with self.subTest(way):
                self.next_service()
                client = self.connect("/")
                client.send_text(way)
                self.assertEqual(client.receive_text(), "done")

    async def test_async(self) -> None:
        for way in WAYS:
            with self.subTest(way):
                self.next_service()
                communicator = await self.aconnect("/")
                await communicator.send_to(way)
                self.assertEqual(await communicator.receive_from(), "done")


class SyncConsumerTests(ServiceTestCase):
    application = SyncConsumer.as_asgi()

    def test_sync_consumer(self) -> None:
        for way in ("run", "post"):
            with self.subTest(way):
                self.next_service()
                client = self.connect("/")
                client.send_text(way)
                self.assertReceivesText(client, "done")


class CodeOfTheTestTests(ServiceTestCase):
    def test_before_anything_else(self) -> None:
        service = self.next_service()
        service.may_tell.clear()
        service.run()
        client = self.connect("/")
        service.may_tell.set()
        self.assertReceivesText(client, "done")

    def test_silence_is_no_proof(self) -> None:
        self.next_service()
        client = self.connect("/")
        client.send_text("run")
        with self.assertRaises(AssertionError):
            self.assertReceivesNothing(client, within=60)
        self.assertEqual(self._kit.seconds_to_doubt(), 0.1)

    def test_it_is_named(self) -> None:
        loop = self.next_service().loop
        may_go_on = threading.Event()
        self.addCleanup(may_go_on.set)
        loop.call_soon_threadsafe(may_go_on.wait)
        with self.assertRaises(NoFrame) as caught:
            self.connect("/").receive_text(timeout=0.01)
        self.assertIn("within 0.01 s; thread 'service' may", str(caught.exception))

    def test_what_an_older_thread_posts_is_its_own(self) -> None:
        """Until a message of the test wakes what it has begun."""

        async def answer() -> None:
            layer = get_channel_layer()
            work = asyncio.ensure_future(layer.receive("service"))
            await asyncio.sleep(0)
            is_ready.set()
            await work
            await service.tell("answered")

        is_ready = threading.Event()
        older, service = self.next_service(), self.next_service()
        client = self.connect("/")
        begin = functools.partial(self.begin, answer, service.loop)
        older.loop.call_soon_threadsafe(begin)
        is_ready.wait()
        given = self._kit._before.given_loops
        self.assertEqual(given.thread_ids(), {older.thread.ident})
        Channel("service").send({"type": "ask"})
        both = {older.thread.ident, service.thread.ident}
        self.assertEqual(given.thread_ids(), both)
        self.assertReceivesText(client, "answered")

    def begin(self, work: Any, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.run_coroutine_threadsafe(work(), loop)


class ScopeTests(ServiceTestCase):
    def test_each_test_knows_what_it_has_given_itself(self) -> None:
        service = self.next_service()
        with GivenLoops(set()) as first:
            service.loop.call_soon_threadsafe(int)
        self.assertEqual(first.thread_ids(), {service.thread.ident})
        with GivenLoops(set()) as second:
            self.assertEqual(second.thread_ids(), set())
            asyncio.run(asyncio.sleep(0))
        self.assertEqual(second.thread_ids(), set())

    def test_one_that_is_said_to_be_idle_is_left_out(self) -> None:
        service = self.next_service()

        class Inner(SimpleWebsocketTestCase):
            application = Consumer.as_asgi()
            idle_threads = ("service",)

            def test(self) -> None:
                service.loop.call_soon_threadsafe(int)
                self.connect("/").receive_text()

        (error,) = run_case(Inner).raised
        self.assertIn("the application is at rest", str(error))

    def test_the_end_of_a_test_does_not_wait_for_it(self) -> None:
        service = self.next_service()

        class Inner(SimpleWebsocketTestCase):
            application = Consumer.as_asgi()

            def test(self) -> None:
                service.loop.call_soon_threadsafe(int)
                self.connect("/")

        # Its thread goes on, so a wait for it is a loss of time.
        with mock.patch.object(service.thread, "join") as join:
            self.assertEqual(run_case(Inner).raised, [])
        join.assert_not_called()


class PoolTests(ServiceTestCase):
    kind = ServiceInPool

    def test_a_loop_that_a_pool_runs(self) -> None:
        self.next_service()
        client = self.connect("/")
        client.send_text("run")
        self.assertReceivesText(client, "done")


@unittest.skipUnless(importlib.util.find_spec("uvloop"), "needs uvloop")
class UvloopTests(ServiceTestCase):
    @staticmethod
    def kind() -> Service:
        import uvloop

        return Service(uvloop.new_event_loop)

    def test_a_loop_of_uvloop(self) -> None:
        self.next_service()
        client = self.connect("/")
        client.send_text("run")
        self.assertReceivesText(client, "done")
