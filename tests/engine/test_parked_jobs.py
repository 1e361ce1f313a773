"""
Jobs of several requests, which wait in ``async_to_sync()`` and for each other.

On a server each request has a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import queue
import signal
import threading
import unittest
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync, sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import connection, transaction

from channels_testkit import HangError, SimpleWebsocketTestCase, WebsocketTestCase
from channels_testkit.engine import job_thread, private
from channels_testkit.engine.bridge import Bridge
from tests.app.models import Note
from tests.utils import OuterTestCase, run_case

from .fidelity import FidelityCase, Log, on_the_engine, outcome_of, request, soon


def wait(log: Log, name: str, event: asyncio.Event) -> None:
    log.append(f"{name} begins")
    async_to_sync(event.wait)()
    log.append(f"{name} ends")


class OrderTests(FidelityCase):
    def test_the_first_one_ends_first(self) -> None:
        async def scenario() -> list[str]:
            log, first, second = Log(), asyncio.Event(), asyncio.Event()
            one = asyncio.create_task(request(wait, log, "first", first))
            await log.begun()
            two = asyncio.create_task(request(wait, log, "second", second))
            await log.begun(2)
            first.set()
            await one
            log.append("first answered")
            second.set()
            await two
            return log

        self.assert_same(
            scenario,
            [
                "first begins",
                "second begins",
                "first ends",
                "first answered",
                "second ends",
            ],
        )

    def test_two_parked_jobs_that_end_in_the_other_order(self) -> None:
        """Each request has a thread of its own on a server."""

        async def scenario() -> list[str]:
            log, first, second = Log(), asyncio.Event(), asyncio.Event()

            def wait(name: str, event: asyncio.Event) -> None:
                log.append(f"{name} begins")
                async_to_sync(event.wait)()

            async def ask(name: str, event: asyncio.Event) -> None:
                await request(wait, name, event)
                log.append(f"{name} answered")

            one = asyncio.create_task(ask("first", first))
            await log.begun()
            two = asyncio.create_task(ask("second", second))
            await log.begun(2)
            second.set()
            await two
            first.set()
            await one
            return log

        self.assert_same(
            scenario,
            ["first begins", "second begins", "second answered", "first answered"],
        )

    def test_a_short_request_beneath_a_long_poll(self) -> None:
        async def scenario() -> list[str]:
            log, answered = Log(), asyncio.Event()

            def short() -> None:
                async_to_sync(asyncio.sleep)(0.01)
                log.append("short")

            def poll() -> None:
                async_to_sync(answered.wait)()
                log.append("poll")

            async def first() -> None:
                await request(short)
                answered.set()

            await asyncio.gather(first(), request(poll))
            return log

        self.assert_same(scenario, ["short", "poll"])

    def test_many_at_a_time(self) -> None:
        async def scenario() -> int:
            def view(number: int) -> int:
                async_to_sync(asyncio.sleep)(0.01)
                return number

            views = (request(view, number) for number in range(60))
            return sum(await asyncio.gather(*views))

        self.assert_same(scenario, 1770)
        # On a busy machine a thread may have lost the turn before it runs.
        with mock.patch.object(job_thread, "SECONDS_TO_WAIT", 0):
            self.assertEqual(on_the_engine(scenario), 1770)

    def test_one_that_was_cancelled_lets_the_others_go_on(self) -> None:
        async def scenario() -> list[str]:
            log, go_on = Log(), asyncio.Event()
            never = asyncio.Event()
            one = asyncio.create_task(request(wait, log, "first", never))
            await log.begun()
            two = asyncio.create_task(request(wait, log, "second", never))
            await log.begun(2)
            three = asyncio.create_task(request(wait, log, "third", go_on))
            await log.begun(3)
            two.cancel()
            await asyncio.wait([two])
            go_on.set()
            await three
            one.cancel()
            await asyncio.wait([one])
            return log

        self.assert_same(
            scenario, ["first begins", "second begins", "third begins", "third ends"]
        )


class WaitingForEachOtherTests(FidelityCase):
    def test_a_lock_that_a_parked_job_has(self) -> None:
        for lock_type in (threading.Lock, threading.RLock):
            with self.subTest(lock_type):

                async def scenario(lock_type: Any = lock_type) -> list[str]:
                    log, lock, go_on = Log(), lock_type(), asyncio.Event()

                    def first() -> None:
                        with lock:
                            wait(log, "first", go_on)

                    def second() -> None:
                        log.append("second wants it")
                        with lock:
                            log.append("second has it")

                    one = asyncio.create_task(request(first))
                    await log.begun()
                    two = asyncio.create_task(request(second))
                    await log.begun(2)
                    go_on.set()
                    await asyncio.gather(one, two)
                    return log

                self.assert_same(
                    scenario,
                    ["first begins", "second wants it", "first ends", "second has it"],
                )

    def test_a_barrier(self) -> None:
        async def scenario() -> list[int]:
            barrier = threading.Barrier(2, timeout=5)
            both = asyncio.gather(request(barrier.wait), request(barrier.wait))
            return sorted(await both)

        self.assert_same(scenario, [0, 1])

    def test_a_queue_that_another_request_fills(self) -> None:
        async def scenario() -> list[str]:
            log, filled = Log(), queue.Queue[str]()

            def first() -> None:
                log.append("first begins")
                log.append(filled.get(timeout=5))

            async def second() -> None:
                await log.begun()
                await request(filled.put, "of the second")

            await asyncio.gather(request(first), second())
            return log

        self.assert_same(scenario, ["first begins", "of the second"])

    def test_a_job_that_posts_to_the_loop_and_waits(self) -> None:
        """It begins while another one is parked."""

        async def scenario() -> list[str]:
            log, go_on = Log(), asyncio.Event()
            loop = asyncio.get_running_loop()

            def second() -> None:
                told = asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "told"), loop)
                log.append(told.result(5))

            one = asyncio.create_task(request(wait, log, "first", go_on))
            await log.begun()
            await request(second)
            go_on.set()
            await one
            return log

        self.assert_same(scenario, ["first begins", "told", "first ends"])


class TransactionTests(OuterTestCase):
    """The rows of one lane are not rolled back with those of another."""

    def test_a_job_of_another_lane_stays_out_of_an_atomic_block(self) -> None:
        async def scenario() -> list[str]:
            log, go_on = Log(), asyncio.Event()

            def in_a_block() -> None:
                with transaction.atomic():
                    Note.objects.create(text="rolled back")
                    log.append("block begins")
                    async_to_sync(go_on.wait)()
                    log.append("block ends")
                    transaction.set_rollback(True)

            one = asyncio.create_task(request(in_a_block))
            await log.begun()
            two = asyncio.create_task(request(log.job("another lane")))
            await soon()
            go_on.set()
            await asyncio.gather(one, two)
            return log

        self.assertEqual(
            on_the_engine(scenario), ["block begins", "block ends", "another lane"]
        )
        self.assertEqual(Note.objects.count(), 0)

    def test_a_job_of_another_request_stays_out_of_a_slow_query(self) -> None:
        async def scenario() -> list[str]:
            log, slow = Log(), threading.Event()

            def slowly(execute: Any, *args: Any) -> Any:
                log.append("query begins")
                slow.wait(5)
                log.append("query ends")
                return execute(*args)

            def query() -> None:
                # A new connection to MariaDB begins with a query of its own.
                connection.ensure_connection()
                with connection.execute_wrapper(slowly):
                    Note.objects.count()

            async def second() -> None:
                await log.begun()
                job = asyncio.create_task(request(log.job("another request")))
                await soon()
                slow.set()
                await job

            await asyncio.gather(request(query), second())
            return log

        self.assertEqual(
            on_the_engine(scenario), ["query begins", "query ends", "another request"]
        )

    def test_two_that_wait_for_each_other_across_a_block_are_named(self) -> None:
        async def scenario() -> None:
            log, told = Log(), asyncio.Event()

            def in_a_block() -> None:
                with transaction.atomic():
                    wait(log, "first", told)

            def tells() -> None:
                async_to_sync(self.tell)(told)

            one = asyncio.create_task(request(in_a_block))
            await log.begun()
            await asyncio.gather(one, request(tells))

        text = str(on_the_engine(scenario))
        self.assertIn("in_a_block waits in async_to_sync()", text)
        self.assertIn(
            "tells is queued\n"
            "    It waits until the job in async_to_sync() has left atomic(): in a test"
            " both\n"
            "    have one connection. A server would have two threads, with one each.",
            text,
        )

    async def tell(self, told: asyncio.Event) -> None:
        told.set()

    def test_a_parked_job_does_not_go_on_inside_the_block_of_another(self) -> None:
        async def scenario() -> list[str]:
            log, first, second = Log(), asyncio.Event(), asyncio.Event()

            def writes() -> None:
                wait(log, "first", first)
                Note.objects.create(text="kept")

            def in_a_block() -> None:
                with transaction.atomic():
                    wait(log, "second", second)
                    transaction.set_rollback(True)

            one = asyncio.create_task(request(writes))
            await log.begun()
            two = asyncio.create_task(request(in_a_block))
            await log.begun(2)
            first.set()
            await soon()
            second.set()
            await asyncio.gather(one, two)
            return log

        self.assertEqual(
            on_the_engine(scenario),
            ["first begins", "second begins", "second ends", "first ends"],
        )
        self.assertEqual(Note.objects.get().text, "kept")
        Note.objects.all().delete()

    def test_a_block_of_the_first_one_is_left_before_the_second_goes_on(self) -> None:
        async def scenario() -> list[str]:
            log, first, second = Log(), asyncio.Event(), asyncio.Event()
            third = asyncio.Event()

            def in_a_block() -> None:
                wait(log, "first", first)
                with transaction.atomic():
                    wait(log, "block", third)
                    transaction.set_rollback(True)

            def writes() -> None:
                wait(log, "second", second)
                Note.objects.create(text="kept")

            one = asyncio.create_task(request(in_a_block))
            await log.begun()
            two = asyncio.create_task(request(writes))
            await log.begun(2)
            first.set()
            await log.begun(4)
            second.set()
            await soon()
            third.set()
            await asyncio.gather(one, two)
            return log[3:]

        self.assertEqual(
            on_the_engine(scenario), ["block begins", "block ends", "second ends"]
        )
        self.assertEqual(Note.objects.get().text, "kept")
        Note.objects.all().delete()


class InterruptTests(unittest.TestCase):
    def test_the_loop_is_back_before_an_interrupt_goes_on(self) -> None:
        """Else two threads would run one loop from then on."""
        bridge = Bridge(hang_timeout=10)
        self.addCleanup(bridge.close)
        real_wake = private.wake

        def wake_and_interrupt(loop: asyncio.AbstractEventLoop) -> None:
            real_wake(loop)
            private.wake = real_wake
            signal.raise_signal(signal.SIGINT)

        async def more() -> str:
            return await sync_to_async(str)("more")

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        with mock.patch.object(private, "wake", wake_and_interrupt):
            outcome = outcome_of(lambda: bridge.run(self.blocked()))
        self.assertEqual(outcome, "raised KeyboardInterrupt: ")
        self.assertEqual(bridge.run(more()), "more")

    def test_what_is_posted_during_a_hand_over_wakes_the_loop(self) -> None:
        bridge = Bridge(hang_timeout=10)
        self.addCleanup(bridge.close)
        real_is_here, hand_over = bridge.rest.is_here, bridge._own.hand_over

        def is_here_just_before_a_hand_over() -> bool:
            is_here = real_is_here()
            if is_here and bridge._own.depth:
                hand_over.hurry()
                # Until the other thread has nothing to do but wait.
                while private.thread_of(bridge.loop) == threading.get_ident():
                    pass
            return is_here

        with mock.patch.object(bridge.rest, "is_here", is_here_just_before_a_hand_over):
            self.assertEqual(outcome_of(lambda: bridge.run(self.blocked())), None)

    async def blocked(self) -> None:
        """Wait in a job for what the loop does."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)

        def job() -> None:
            told = threading.Event()
            loop.call_soon_threadsafe(told.set)
            assert told.wait(5)

        await sync_to_async(job)()


class BusyConsumer(AsyncWebsocketConsumer):
    """Blocks the loop while a thread waits for it."""

    async def receive(self, **frame: Any) -> None:
        told = threading.Event()
        job = asyncio.create_task(sync_to_async(told.wait)(5))
        loop = asyncio.get_running_loop()
        loop.call_later(0.15, told.set)
        loop.call_later(0.15, self.block)
        await job

    def block(self) -> None:
        while True:
            pass


class ListeningConsumer(AsyncWebsocketConsumer):
    """Has a job that waits as long as the connection is there."""

    told: queue.Queue[None]

    async def connect(self) -> None:
        ListeningConsumer.told = queue.Queue()
        await self.accept()
        self.job = asyncio.create_task(sync_to_async(self.listen)())

    def listen(self) -> None:
        self.told.get(timeout=5)

    async def disconnect(self, code: int) -> None:
        self.told.put(None)
        await self.job


class BlockedTests(OuterTestCase):
    def test_a_loop_that_is_blocked_in_the_other_thread_is_cut(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            application = BusyConsumer.as_asgi()
            ws_path = "/"
            hang_timeout = 0.3

            def test(self) -> None:
                self.connect().send_text("go")

        with contextlib.redirect_stderr(io.StringIO()):
            raised = run_case(Inner).raised
        self.assertIsInstance(raised[0], HangError)
        self.assertIn("the loop is blocked", str(raised[0]))
        # From Python 3.14 on a loop of nothing is in its body.
        self.assertRegex(str(raised[0]), r"in block\n {8}(while True:|pass)")

    def test_an_async_test_stays_in_its_thread_beside_a_background_job(self) -> None:
        me = threading.get_ident()
        others: list[int] = []

        class Inner(WebsocketTestCase):
            application = ListeningConsumer.as_asgi()
            ws_path = "/"
            background_jobs = (ListeningConsumer.listen,)

            async def test(self) -> None:
                communicator = await self.aconnect()
                others.append(threading.get_ident())
                await communicator.disconnect()
                others.append(threading.get_ident())

        self.assertEqual(run_case(Inner).raised, [])
        self.assertEqual(others, [me, me])
