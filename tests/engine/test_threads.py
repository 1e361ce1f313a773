"""Threads older than the test, which may act on its application."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from channels_testkit import NoFrame, SimpleWebsocketTestCase
from channels_testkit.engine import threads
from channels_testkit.engine.patches import Patch
from tests.utils import run_case

ROUNDS = 20


class Service:
    """A driver with a thread of its own, as brokers and databases have."""

    def __init__(self, turns: int = 20_000) -> None:
        #: As many as take as long as a loop takes to come to rest, and longer.
        self.turns = turns
        self.asked: queue.Queue[Any] = queue.Queue()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.thread = threading.Thread(target=self.serve, name="service", daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while (asked := self.asked.get()) is not None:
            loop, answer = asked
            for _ in range(self.turns):
                self.may_answer.wait()
            with contextlib.suppress(RuntimeError):  # the test may be over
                loop.call_soon_threadsafe(answer)

    def stop(self) -> None:
        self.may_answer.set()
        self.asked.put(None)
        self.thread.join()


class Consumer(AsyncWebsocketConsumer):
    service: Service

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await getattr(self, text_data)()

    async def future(self) -> None:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self.service.asked.put((loop, lambda: future.set_result("done")))
        await self.send(await future)

    async def event(self) -> None:
        event = asyncio.Event()
        self.service.asked.put((asyncio.get_running_loop(), event.set))
        await event.wait()
        await self.send("done")

    async def queue(self) -> None:
        answers: asyncio.Queue[str] = asyncio.Queue()
        answer = lambda: answers.put_nowait("done")  # noqa: E731
        self.service.asked.put((asyncio.get_running_loop(), answer))
        await self.send(await asyncio.wait_for(answers.get(), 60))

    async def several(self) -> None:
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(2)]
        for future in futures:
            self.service.asked.put((loop, lambda it=future: it.set_result("done")))
        await self.send((await asyncio.gather(*futures))[0])


WAYS = ("future", "event", "queue", "several")


class OldThreadTests(SimpleWebsocketTestCase):
    application = Consumer.as_asgi()
    receive_timeout = 60.0

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        Consumer.service = Service()
        cls.addClassCleanup(Consumer.service.stop)

    def test_sync(self) -> None:
        for way in WAYS:
            with self.subTest(way=way):
                client = self.connect("/")
                for _ in range(ROUNDS):
                    client.send_text(way)
                    self.assertEqual(client.receive_text(), "done")

    async def test_async(self) -> None:
        for way in WAYS:
            with self.subTest(way=way):
                communicator = await self.aconnect("/")
                for _ in range(ROUNDS):
                    await communicator.send_to(way)
                    self.assertEqual(await communicator.receive_from(), "done")

    def test_it_is_named_and_nothing_is_at_rest(self) -> None:
        Consumer.service.may_answer.clear()
        client = self.connect("/")
        client.send_text("future")
        with self.assertRaises(NoFrame) as caught:
            client.receive_text(timeout=0.05)
        Consumer.service.may_answer.set()
        self.assertIn("within 0.05 s; thread 'service' may", str(caught.exception))
        self.assertNotIn("at rest", str(caught.exception))
        self.assertEqual(client.receive_text(), "done")

    def test_silence_is_no_proof(self) -> None:
        client = self.connect("/")
        client.send_text("future")
        with self.assertRaises(AssertionError):
            self.assertReceivesNothing(client, within=60)
        self.assertEqual(self._kit.seconds_to_doubt(), 0.1)


class IdleThreadTests(SimpleWebsocketTestCase):
    """One that has never acted on anything."""

    application = Consumer.as_asgi()

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.addClassCleanup(Service().stop)

    def test_who_waits_for_nothing_else_is_at_rest(self) -> None:
        client = self.connect("/")
        with self.assertRaises(NoFrame) as caught:
            client.receive_text()
        self.assertIn("the application is at rest", str(caught.exception))
        self.assertReceivesNothing(client)


class PostingThreadTests(SimpleWebsocketTestCase):
    def test_a_thread_that_does_nothing_but_post_is_outside(self) -> None:
        """What it runs is a function of the watch, which has no threads."""
        post = self._kit.bridge.loop.call_soon_threadsafe
        thread = threading.Thread(target=post, args=(print,))
        self.assertTrue(threads.is_somebodys(thread, threads.Declared()))


class EndingThreadTests(SimpleWebsocketTestCase):
    """Whose work is over, while Python lets go of it."""

    def setUp(self) -> None:
        self.has_run, may_go = threading.Event(), threading.Event()
        real_run = threading.Thread.run

        def run(thread: threading.Thread) -> None:
            real_run(thread)
            self.has_run.set()
            may_go.wait()

        self.held = Patch(threading.Thread, "run", run)
        self.addCleanup(may_go.set)

    def test_one_of_a_pool_is_nobodys(self) -> None:
        """Its function is gone, from which it would be known."""
        pool = ThreadPoolExecutor(1)
        with self.held:
            thread = pool.submit(threading.current_thread).result()
        pool.shutdown(wait=False)
        self.has_run.wait()
        self.assertFalse(threads.is_somebodys(thread, threads.Declared()))

    def test_one_of_a_tool_that_was_seen_before_is_nobodys(self) -> None:
        may_end = threading.Event()
        wait = functools.partial(may_end.wait)
        wait.__module__ = "execnet.gateway"  # type: ignore[attr-defined]
        with self.held:
            thread = threading.Thread(target=wait)
            thread.start()
        self.assertFalse(threads.is_somebodys(thread, threads.Declared()))
        may_end.set()
        self.has_run.wait()
        self.assertFalse(threads.is_somebodys(thread, threads.Declared()))

    def test_one_of_the_application_counts_until_it_is_gone(self) -> None:
        """What it raised is not told yet."""
        with self.held:
            thread = threading.Thread(target=int)
            thread.start()
        self.has_run.wait()
        self.assertTrue(threads.is_somebodys(thread, threads.Declared()))


class DeclaredTests(SimpleWebsocketTestCase):
    """What is known of a thread may be said."""

    application = Consumer.as_asgi()

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.service = Consumer.service = Service()
        cls.addClassCleanup(cls.service.stop)

    def reason(self, **declared: Any) -> str:
        service = self.service

        class Inner(SimpleWebsocketTestCase):
            application = Consumer.as_asgi()
            outside_threads = declared.get("outside", ())
            idle_threads = declared.get("idle", ())
            receive_timeout = 0.01
            check_leaks = "off"

            def test(self) -> None:
                service.may_answer.clear()
                self.addCleanup(service.may_answer.set)
                client = self.connect("/")
                if "send" in declared:
                    client.send_text("future")
                client.receive_text()

        (error,) = run_case(Inner).raised
        return str(error).partition("\n")[0]

    def test_one_that_is_idle_is_left_out(self) -> None:
        for idle in ("service", lambda thread: thread is self.service.thread):
            self.assertIn(
                ": the application is at rest", self.reason(idle=[idle], send=1)
            )
        self.assertIn("thread 'service' may still cause", self.reason(send=1))

    def test_one_that_is_outside_counts_always(self) -> None:
        text = self.reason(outside=["service"])
        self.assertTrue(text.endswith("thread 'service' may still cause one."), text)
