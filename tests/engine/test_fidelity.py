"""
The engine does what a server does.

Each scenario is run on a plain loop of asyncio, with a thread for each lane of
jobs as on a server, and on the engine, which has one thread for all of it.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import signal
import threading
import unittest
from typing import Any

from asgiref.local import Local
from asgiref.sync import async_to_sync, sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import get_urlconf, path, set_urlconf
from django.utils import timezone, translation

from channels_testkit import SimpleWebsocketTestCase
from channels_testkit.engine import private_asgiref
from channels_testkit.engine.patches import Patch
from channels_testkit.engine.watches import watch_of

from .fidelity import (
    FidelityCase,
    Log,
    attached,
    expect_that_nobody_retrieves,
    on_the_engine,
    outcome_of,
    request,
    soon,
)


class JobTests(FidelityCase):
    def test_an_unrelated_job_waits_while_one_is_parked(self) -> None:
        async def scenario() -> list[str]:
            log, go_on = Log(), asyncio.Event()

            def first() -> None:
                log.append("first begins")
                async_to_sync(go_on.wait)()
                log.append("first ends")

            one = asyncio.create_task(sync_to_async(first)())
            await log.begun()
            two = asyncio.create_task(sync_to_async(log.job("unrelated"))())
            await soon()
            go_on.set()
            await asyncio.gather(one, two)
            return log

        self.assert_same(scenario, ["first begins", "first ends", "unrelated"])

    def test_a_job_of_another_request_runs_meanwhile(self) -> None:
        async def scenario() -> list[str]:
            log, go_on = Log(), asyncio.Event()

            def first() -> None:
                log.append("first begins")
                async_to_sync(go_on.wait)()
                log.append("first ends")

            one = asyncio.create_task(request(first))
            await log.begun()
            await request(log.job("another request"))
            go_on.set()
            await one
            return log

        self.assert_same(scenario, ["first begins", "another request", "first ends"])

    def test_tasks_that_are_eager(self) -> None:
        factory = getattr(asyncio, "eager_task_factory", None)
        if factory is None:
            self.skipTest("needs Python 3.12")

        async def scenario() -> list[list[str]]:
            asyncio.get_running_loop().set_task_factory(factory)

            async def work(log: list[str]) -> list[str]:
                log.append("begins")
                await sync_to_async(log.append)("works")
                return log

            return list(
                await asyncio.gather(*(asyncio.create_task(work([])) for _ in range(2)))
            )

        self.assert_same(scenario, [["begins", "works"]] * 2)

    def test_a_job_begins_at_the_end_of_the_round_that_gives_it(self) -> None:
        """A worker that is idle begins it while the loop looks for events."""

        async def scenario() -> list[str]:
            log = Log()
            task = asyncio.create_task(sync_to_async(log.append)("written"))
            for _ in range(2):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            return log

        self.assertEqual(on_the_engine(scenario), ["written"])

    def test_code_that_is_always_ready_waits_for_a_job(self) -> None:
        async def scenario() -> bool:
            done = threading.Event()
            job = asyncio.create_task(sync_to_async(done.set)())
            while not done.is_set():  # noqa: ASYNC110 - that is the scenario
                await asyncio.sleep(0)
            await job
            return True

        self.assert_same(scenario, expected=True)

    def test_eight_levels_of_nesting(self) -> None:
        async def deeper(level: int) -> int:
            return await sync_to_async(down)(level)

        def down(level: int) -> int:
            return level if level == 8 else async_to_sync(deeper)(level + 1)

        async def scenario() -> int:
            return await deeper(0)

        self.assert_same(scenario, 8)

    def test_a_job_has_no_loop(self) -> None:
        async def scenario() -> list[str]:
            def job() -> list[str]:
                return [
                    str(outcome_of(asyncio.get_running_loop)),
                    str(outcome_of(asyncio.get_event_loop)).partition(" in ")[0],
                ]

            return await sync_to_async(job)()

        self.assert_same(scenario)

    def test_a_job_that_blocks_inside_a_parked_one(self) -> None:
        async def scenario() -> list[str]:
            log, told = Log(), asyncio.Event()
            loop = asyncio.get_running_loop()

            def inner() -> None:
                log.append("inner begins")
                asyncio.run_coroutine_threadsafe(told.wait(), loop).result(5)
                log.append("inner ends")

            async def between() -> None:
                await sync_to_async(inner)()

            def outer() -> None:
                async_to_sync(between)()
                log.append("outer ends")

            job = asyncio.create_task(sync_to_async(outer)())
            await log.begun()
            told.set()
            await job
            return log

        self.assert_same(scenario, ["inner begins", "inner ends", "outer ends"])

    def test_the_exception_of_a_job_is_raised_where_it_is_awaited(self) -> None:
        async def scenario() -> str:
            def fail() -> None:
                raise ValueError("asked for")

            try:
                await sync_to_async(fail)()
            except ValueError as error:
                return str(error)
            return "nothing"

        self.assert_same(scenario, "asked for")

    def test_a_task_that_is_cancelled_while_its_job_waits(self) -> None:
        async def scenario() -> list[str]:
            log, began = Log(), asyncio.Event()

            async def wait() -> None:
                began.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    log.append("cancelled inside")
                    raise

            def job() -> None:
                try:
                    async_to_sync(wait)()
                except asyncio.CancelledError:
                    log.append("cancelled in the job")
                    raise

            task = asyncio.create_task(sync_to_async(job)())
            await began.wait()
            task.cancel()
            await asyncio.wait([task])
            # On a server its thread is told of it later.
            await log.begun(2)
            log.append(f"task cancelled: {task.cancelled()}")
            return log

        self.assert_same(scenario)


class HandOverTests(FidelityCase):
    """A job may wait for the loop by any means."""

    def test_by_a_future_of_the_loop(self) -> None:
        async def scenario() -> str:
            loop = asyncio.get_running_loop()

            async def answer() -> str:
                await asyncio.sleep(0.001)
                return "answer"

            def job() -> str:
                return asyncio.run_coroutine_threadsafe(answer(), loop).result(5)

            return await sync_to_async(job)()

        self.assert_same(scenario, "answer")

    def test_by_a_queue(self) -> None:
        async def scenario() -> str:
            answers: queue.Queue[str] = queue.Queue()
            asyncio.get_running_loop().call_later(0.001, answers.put, "answer")
            return await sync_to_async(answers.get)(timeout=5)

        self.assert_same(scenario, "answer")

    def test_by_an_event_that_a_callback_sets(self) -> None:
        async def scenario() -> bool:
            told, loop = threading.Event(), asyncio.get_running_loop()

            def job() -> bool:
                loop.call_soon_threadsafe(told.set)
                return told.wait(5)

            return await sync_to_async(job)()

        self.assert_same(scenario, expected=True)

    def test_locals_of_a_task_are_there_in_the_other_thread(self) -> None:
        async def scenario() -> list[Any]:
            local, variable = Local(), contextvars.ContextVar[str]("variable")
            told, seen = threading.Event(), []

            async def read() -> None:
                local.value = "set"
                variable.set("set")
                await asyncio.sleep(0.001)
                seen.extend([getattr(local, "value", None), variable.get()])
                told.set()

            reading = asyncio.create_task(read())
            await soon()
            await sync_to_async(told.wait)(5)
            await reading
            return seen

        self.assert_same(scenario, ["set", "set"])

    def test_language_time_zone_and_urlconf(self) -> None:
        async def scenario() -> list[Any]:
            told, seen = threading.Event(), []

            async def read() -> None:
                set_urlconf("tests.app.urls")
                with translation.override("de"), timezone.override("Asia/Tokyo"):
                    await asyncio.sleep(0.001)
                    seen.append(translation.get_language())
                    seen.append(timezone.get_current_timezone_name())
                seen.append(get_urlconf())
                told.set()

            reading = asyncio.create_task(read())
            await soon()
            await sync_to_async(told.wait)(5)
            await reading
            return seen

        self.assert_same(scenario, ["de", "Asia/Tokyo", "tests.app.urls"])

    def test_system_exit_of_a_task_ends_the_loop(self) -> None:
        async def scenario() -> None:
            told = threading.Event()
            expect_that_nobody_retrieves()

            async def leave() -> None:
                await asyncio.sleep(0.001)
                told.set()
                raise SystemExit("asked for")

            task = asyncio.create_task(leave())
            await soon()
            await sync_to_async(told.wait)(5)
            await task

        self.assert_same(scenario, "raised SystemExit: asked for")

    def test_an_async_generator_that_is_left_is_closed(self) -> None:
        async def scenario() -> list[str]:
            log, told = Log(), threading.Event()

            async def generate() -> Any:
                try:
                    yield 1
                finally:
                    log.append("closed")

            async def leave() -> None:
                await asyncio.sleep(0.001)
                async for _ in generate():
                    break
                told.set()

            task = asyncio.create_task(leave())
            await soon()
            await sync_to_async(told.wait)(5)
            await task
            await soon()
            return log

        self.assert_same(scenario, ["closed"])

    def test_the_next_job_is_waited_for_while_the_loop_comes_back(self) -> None:
        """The first one has its result, and its thread not yet the loop."""
        looked = threading.Event()
        real_take = private_asgiref.OwnThreadExecutor.take

        def take_and_stay(lane: private_asgiref.OwnThreadExecutor) -> Any:
            item = real_take(lane)
            item.future.add_done_callback(lambda _: looked.wait(5))
            return item

        async def scenario() -> list[str]:
            log = Log()
            loop = asyncio.get_running_loop()
            waited = threading.Event()
            loop.call_later(0.001, waited.set)
            await sync_to_async(waited.wait)(5)
            second = asyncio.ensure_future(sync_to_async(log.append)("second"))
            loop.call_later(0.05, looked.set)
            await watch_of(loop).wait()
            log.append("at rest")
            await second
            return log

        with Patch(private_asgiref.OwnThreadExecutor, "take", take_and_stay):
            self.assertEqual(on_the_engine(scenario), ["second", "at rest"])

    def test_a_job_is_waited_for_that_its_thread_is_slow_to_begin(self) -> None:
        """Others behind it are queued, and nothing seems to be under way."""
        looked = threading.Event()
        real_take = private_asgiref.OwnThreadExecutor.take

        def take_and_stay(lane: private_asgiref.OwnThreadExecutor) -> Any:
            item = real_take(lane)
            real_run = item.run

            def run() -> None:
                # From when another thread has the loop.
                loop.call_soon(loop.call_later, 0.05, looked.set)
                looked.wait(5)
                real_run()

            item.run = run
            return item

        async def scenario() -> list[str]:
            nonlocal loop
            loop = asyncio.get_running_loop()
            log = Log()
            append = sync_to_async(log.append)
            jobs = [asyncio.ensure_future(append(it)) for it in ("first", "second")]
            await watch_of(loop).wait()
            log.append("at rest")
            await asyncio.gather(*jobs)
            return log

        loop: Any = None
        with Patch(private_asgiref.OwnThreadExecutor, "take", take_and_stay):
            self.assertEqual(on_the_engine(scenario), ["first", "second", "at rest"])

    def test_the_next_job_is_in_the_own_thread_again(self) -> None:
        async def scenario() -> int:
            waited = threading.Event()
            asyncio.get_running_loop().call_later(0.001, waited.set)
            await sync_to_async(waited.wait)(5)
            return await sync_to_async(threading.get_ident)()

        self.assertEqual(on_the_engine(scenario), threading.get_ident())


class ExitTests(FidelityCase):
    def test_system_exit_in_a_job_goes_to_the_task_that_awaits_it(self) -> None:
        async def scenario() -> None:
            def leave() -> None:
                raise SystemExit("asked for")

            await sync_to_async(leave)()

        self.assert_same(scenario, "raised SystemExit: asked for")

    def test_an_interrupt_in_a_job_ends_the_run(self) -> None:
        async def scenario() -> None:
            expect_that_nobody_retrieves()

            def interrupt() -> None:
                raise KeyboardInterrupt("asked for")

            await sync_to_async(interrupt)()

        self.assert_same(scenario, "raised KeyboardInterrupt: asked for")


class AttachedTests(unittest.TestCase):
    """A loop that is somebody else's is as it was afterwards."""

    async def in_own_thread(self) -> bool:
        return await sync_to_async(threading.get_ident)() == threading.get_ident()

    def test_jobs_are_in_the_own_thread_while_it_is_attached(self) -> None:
        async def main() -> list[bool]:
            found = [await self.in_own_thread()]
            with attached(asyncio.get_running_loop()):
                found.append(await self.in_own_thread())
            return [*found, await self.in_own_thread()]

        self.assertEqual(asyncio.run(main()), [False, True, False])

    def test_a_loop_that_goes_on_leaves_the_thread_clean(self) -> None:
        """As one of the session, which a sync test follows."""
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        with attached(loop):
            self.assertTrue(loop.run_until_complete(self.in_own_thread()))
        self.assertFalse(async_to_sync(self.in_own_thread)())
        self.assertFalse(loop.run_until_complete(self.in_own_thread()))

    @unittest.skipUnless(hasattr(asyncio, "Runner"), "needs Python 3.11")
    def test_an_interrupt_ends_a_job_under_a_runner(self) -> None:
        def job() -> None:
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("it went on")

        async def main() -> None:
            await sync_to_async(job)()

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        with asyncio.Runner() as runner, attached(runner.get_loop()):
            with self.assertRaises(KeyboardInterrupt):
                runner.run(main())
        self.assertIs(signal.getsignal(signal.SIGINT), signal.default_int_handler)


class AnsweringConsumer(AsyncJsonWebsocketConsumer):
    groups = ("questions",)

    async def question_asked(self, event: dict[str, Any]) -> None:
        answer = {"type": "answer", "value": event["value"] + 1}
        await self.channel_layer.send(event["reply_channel"], answer)


async def asking_view(request: HttpRequest) -> HttpResponse:
    layer: Any = get_channel_layer()
    name = await layer.new_channel()
    question = {"type": "question.asked", "value": 41, "reply_channel": name}
    await layer.group_send("questions", question)
    answer = await asyncio.wait_for(layer.receive(name), 5)
    return HttpResponse(answer["value"])


urlpatterns = [path("ask/", asking_view)]


@override_settings(ROOT_URLCONF=__name__)
class ViewTests(SimpleWebsocketTestCase):
    """A view of a sync test's client asks a consumer, and gets its answer."""

    def test_of_a_client_of_django(self) -> None:
        self.connect("/", application=AnsweringConsumer.as_asgi())
        self.assertEqual(self.client.get("/ask/").content, b"42")

    def test_of_async_to_sync(self) -> None:
        self.connect("/", application=AnsweringConsumer.as_asgi())
        response = async_to_sync(asking_view)(HttpRequest())
        self.assertEqual(response.content, b"42")

    def test_the_application_stands_still_where_nobody_waits_for_it(self) -> None:
        heard: list[int] = []

        class Hearing(AnsweringConsumer):
            async def question_asked(self, event: dict[str, Any]) -> None:
                heard.append(event["value"])

        self.connect("/", application=Hearing.as_asgi())
        layer: Any = get_channel_layer()
        question = {"type": "question.asked", "value": 41}
        async_to_sync(layer.group_send)("questions", question)
        self.assertEqual(heard, [])
        self.settle()
        self.assertEqual(heard, [41])
