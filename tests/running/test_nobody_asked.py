"""What nobody has asked about when its test ends: told there, and once."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import functools
import gc
import sys
import threading
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from typing import Any, ClassVar
from unittest import mock

from asgiref.sync import sync_to_async
from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer

from channels_testkit import (
    ChannelClient,
    SimpleChannelTestCase,
    SimpleWebsocketTestCase,
    apply_routes,
)
from channels_testkit.engine import private
from tests.utils import OuterTestCase, run_case

POOL = ThreadPoolExecutor(2, thread_name_prefix="project pool")
KEPT: list[Any] = []


def fail(*_: Any) -> None:
    raise ValueError("on purpose")


def failure() -> BaseException:
    """Return an exception that was raised."""
    try:
        fail()
    except ValueError as error:
        return error
    raise AssertionError("not reached")


async def fail_async() -> None:
    raise ValueError("on purpose")


async def nothing() -> None:
    """Be awaited, or not."""


async def run_thread(function: Any) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    await asyncio.to_thread(thread.join)


class Careless(AsyncWebsocketConsumer):
    """Does what the client says, and asks for nothing that comes of it."""

    kept: Any

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await getattr(self, text_data)()

    # A coroutine that a thread gives to the loop.

    async def given_by_a_thread(self) -> None:
        loop = asyncio.get_running_loop()
        give = functools.partial(asyncio.run_coroutine_threadsafe, loop=loop)
        await run_thread(lambda: give(fail_async()))

    async def given_by_a_job(self) -> None:
        loop = asyncio.get_running_loop()
        give = functools.partial(asyncio.run_coroutine_threadsafe, loop=loop)
        await sync_to_async(lambda: KEPT.append(give(fail_async())))()

    async def given_by_a_pool(self) -> None:
        loop = asyncio.get_running_loop()
        give = functools.partial(asyncio.run_coroutine_threadsafe, loop=loop)
        POOL.submit(lambda: give(fail_async()) and None)

    async def given_and_asked_for(self) -> None:
        loop = asyncio.get_running_loop()

        def give() -> None:
            future = asyncio.run_coroutine_threadsafe(fail_async(), loop)
            assert isinstance(future.exception(), ValueError)

        await run_thread(give)
        await sync_to_async(give, thread_sensitive=False)()

    # Callbacks of futures of threads.

    async def callback(self) -> None:
        POOL.submit(print, end="").add_done_callback(fail)

    async def callback_of_what_is_done(self) -> None:
        future: Future[None] = Future()
        future.set_result(None)
        future.add_done_callback(fail)

    async def callback_of_a_job(self) -> None:
        await sync_to_async(self.add_callback)()

    def add_callback(self) -> None:
        POOL.submit(print, end="").add_done_callback(fail)

    # Threads without a class.

    async def bare_thread(self) -> None:
        _thread.start_new_thread(fail, ())

    async def bare_thread_of_a_thread(self) -> None:
        await run_thread(lambda: _thread.start_new_thread(fail, (1,), {}))

    # The pool of threads of multiprocessing.

    async def pool_of_threads(self) -> None:
        self.with_pool(lambda pool: pool.apply_async(fail))

    async def pool_of_threads_many(self) -> None:
        self.with_pool(lambda pool: pool.map_async(fail, range(3)))

    async def pool_of_threads_lazily(self) -> None:
        self.with_pool(lambda pool: pool.imap(fail, range(3)))

    async def pool_of_threads_in_any_order(self) -> None:
        self.with_pool(lambda pool: pool.imap_unordered(fail, range(3)))

    def with_pool(self, give: Any) -> None:
        with ThreadPool(1) as pool:
            KEPT.append(give(pool))
            pool.close()
            pool.join()

    async def pool_of_threads_seen(self) -> None:
        seen: list[BaseException] = []

        def use(pool: Any) -> None:
            pool.apply_async(fail, error_callback=seen.append)
            for ask in (
                pool.apply_async(fail).get,
                pool.map_async(fail, [1]).get,
                pool.imap(fail, [1, 2]).next,
            ):
                with contextlib.suppress(ValueError):
                    seen.append(ask())
            result = pool.apply_async(fail)
            result.wait()
            assert not result.successful()

        self.with_pool(use)
        assert len(seen) == 1

    # Loops that the application makes.

    async def own_loop(self) -> None:
        async def main() -> None:
            task = asyncio.create_task(fail_async())
            await asyncio.sleep(0)
            del task

        await asyncio.to_thread(lambda: asyncio.run(main()))

    async def own_loop_kept(self) -> None:
        async def main() -> None:
            KEPT.append(asyncio.create_task(fail_async()))
            await asyncio.sleep(0)

        await asyncio.to_thread(lambda: asyncio.run(main()))

    async def own_loop_callback(self) -> None:
        async def main() -> None:
            asyncio.get_running_loop().call_soon(fail)
            await asyncio.sleep(0)

        await run_thread(lambda: asyncio.run(main()))

    # Futures that are kept.

    async def gathered(self) -> None:
        self.kept = asyncio.gather(fail_async(), nothing())

    async def future(self) -> None:
        self.kept = asyncio.get_running_loop().create_future()
        self.kept.set_exception(failure())

    async def bare_future_of_a_module(self) -> None:
        future: asyncio.Future[None] = asyncio.Future()
        future.set_exception(failure())
        KEPT.append(future)

    async def shielded(self) -> None:
        self.kept = [asyncio.shield(fail_async())]

    async def wrapped(self) -> None:
        self.kept = asyncio.wrap_future(POOL.submit(fail))

    async def future_in_a_circle(self) -> None:
        circle: list[Any] = [asyncio.gather(fail_async())]
        circle.append(circle)

    async def gathered_and_asked(self) -> None:
        self.kept = asyncio.gather(fail_async())
        await asyncio.wait([self.kept])
        assert self.kept.exception()


class InSyncConsumer(WebsocketConsumer):
    """The same, where a consumer can do it in its thread."""

    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        getattr(self, text_data)()

    def bare_thread(self) -> None:
        _thread.start_new_thread(fail, ())

    def callback(self) -> None:
        POOL.submit(print, end="").add_done_callback(fail)

    def pool_of_threads(self) -> None:
        with ThreadPool(1) as pool:
            pool.apply_async(fail)
            pool.close()
            pool.join()

    def own_loop(self) -> None:
        async def main() -> None:
            KEPT.append(asyncio.create_task(fail_async()))
            await asyncio.sleep(0)

        thread = threading.Thread(target=lambda: asyncio.run(main()))
        thread.start()
        thread.join()


class Forgetful(AsyncWebsocketConsumer):
    """Forgets to await what it keeps."""

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await getattr(self, text_data)()

    async def attribute(self) -> None:
        self.kept = self.send("lost")

    async def nested(self) -> None:
        self.kept = {"sends": [self.send("lost")]}

    async def circle(self) -> None:
        circle: list[Any] = [self.send("lost")]
        circle.append(circle)

    async def module(self) -> None:
        KEPT.append(self.send("lost"))

    async def job(self) -> None:
        await sync_to_async(lambda: KEPT.append(self.send("lost")))()

    async def thread(self) -> None:
        await run_thread(lambda: KEPT.append(self.send("lost")))

    async def several(self) -> None:
        [self.send(str(number)) for number in range(3)]

    async def several_kept(self) -> None:
        self.kept = [self.send(str(number)) for number in range(3)]

    async def in_a_row(self) -> None:
        for number in range(3):
            self.send(str(number))  # type: ignore[unused-coroutine]
            await asyncio.sleep(0)

    async def wrapped(self) -> None:
        asyncio.wait_for(self.send("lost"), 1)  # type: ignore[unused-coroutine]

    async def wrapped_twice(self) -> None:
        asyncio.wait_for(asyncio.wait_for(self.send("lost"), 1), 1)  # type: ignore[unused-coroutine]

    async def wrapped_and_kept(self) -> None:
        self.kept = asyncio.wait_for(self.send("lost"), 1)

    async def wrapped_and_awaited(self) -> None:
        sending = self.send("sent")
        asyncio.wait_for(sending, 1)  # type: ignore[unused-coroutine]
        await sending

    async def left_by_an_exception(self) -> None:
        sending = self.send("lost")
        raise ValueError(f"on purpose {sending is None}")

    async def mocked(self) -> None:
        self.kept = asyncio.create_task(self.send("lost"))


def inner_case(text: str, consumer: Any) -> Any:
    class Inner(SimpleWebsocketTestCase):
        application = consumer.as_asgi()
        sent: ClassVar[str] = text

        def test_1_sync(self) -> None:
            self.connect("/").send_text(self.sent)

        async def test_2_async(self) -> None:
            await (await self.aconnect("/")).send_to(self.sent)

        def test_3_another_one(self) -> None:
            KEPT.clear()
            self.connect("/")

    return Inner


def failures_of(text: str, consumer: Any = Careless) -> list[BaseException]:
    """Return what a test is told; the next one is told nothing."""
    case = inner_case(text, consumer)
    told = [run_case(case, name).raised for name in ("test_1_sync", "test_2_async")]
    assert run_case(case, "test_3_another_one").raised == []
    first, again = ([str(error) for error in raised] for raised in told)
    assert first == again, (first, again)
    return told[0]


class NobodyAskedTests(OuterTestCase):
    def assert_told(self, *ways: str, consumer: Any = Careless) -> None:
        for way in ways:
            with self.subTest(way):
                (error,) = failures_of(way, consumer)
                self.assertEqual(str(error), "on purpose")
                [*_, line] = traceback.extract_tb(error.__traceback__)
                self.assertEqual(line.filename, __file__)

    def test_a_coroutine_that_a_thread_gives_to_the_loop(self) -> None:
        self.assert_told("given_by_a_thread", "given_by_a_job", "given_by_a_pool")

    def test_a_callback_of_a_future(self) -> None:
        with self.assertLogs("concurrent.futures"):
            self.assert_told("callback", "callback_of_what_is_done")
            self.assert_told("callback_of_a_job")
            self.assert_told("callback", consumer=InSyncConsumer)

    def test_a_thread_without_a_class(self) -> None:
        self.assert_told("bare_thread", "bare_thread_of_a_thread")
        self.assert_told("bare_thread", consumer=InSyncConsumer)

    def test_a_job_of_a_pool_of_multiprocessing(self) -> None:
        self.assert_told("pool_of_threads", "pool_of_threads_many")
        self.assert_told("pool_of_threads_lazily", "pool_of_threads_in_any_order")
        self.assert_told("pool_of_threads", consumer=InSyncConsumer)

    def test_a_task_in_a_loop_of_the_application(self) -> None:
        self.assert_told("own_loop", "own_loop_kept", "own_loop_callback")
        self.assert_told("own_loop", consumer=InSyncConsumer)

    def test_a_future_that_is_kept(self) -> None:
        self.assert_told("gathered", "future", "bare_future_of_a_module", "shielded")
        self.assert_told("wrapped", "future_in_a_circle")

    def test_what_somebody_has_seen(self) -> None:
        ways = ("given_and_asked_for", "pool_of_threads_seen", "gathered_and_asked")
        for way in ways:
            with self.subTest(way):
                self.assertEqual(failures_of(way), [])

    def test_what_comes_after_all_is_left_to_python(self) -> None:
        loops: list[asyncio.AbstractEventLoop] = []

        class Keeping(AsyncWebsocketConsumer):
            async def receive(self, text_data: Any = None, bytes_data: Any = None):
                loops.append(asyncio.get_running_loop())

        self.assertEqual(failures_of("", Keeping), [])
        with self.assertLogs("asyncio") as logged:
            loops[0].call_exception_handler({"message": "M", "exception": failure()})
        self.assertIn("ERROR:asyncio:M\n", logged.output[0])

    def test_a_future_that_was_never_begun_is_passed_by(self) -> None:
        """As Ctrl-C leaves one where it comes amid the making."""

        class Inner(SimpleWebsocketTestCase):
            application = Careless.as_asgi()

            def test_it(self) -> None:
                self.connect("/")
                self.kept = [it.__new__(it) for it in private.KINDS_OF_FUTURES]

        self.assertEqual(run_case(Inner).texts, [])

    def test_a_block_expects_it(self) -> None:
        for way in ("gathered", "own_loop_kept", "pool_of_threads", "given_by_a_job"):

            class Expecting(inner_case(way, Careless)):  # type: ignore[misc]
                def test_1_sync(self) -> None:
                    client = self.connect("/")
                    with self.assertApplicationRaises(ValueError):
                        client.send_text(self.sent)

                async def test_2_async(self) -> None:
                    communicator = await self.aconnect("/")
                    with self.assertApplicationRaises(ValueError):
                        await communicator.send_to(self.sent)

            with self.subTest(way):
                self.assertEqual(run_case(Expecting).raised, [])

    def test_after_garbage_was_collected(self) -> None:
        for generation in range(3):

            class Collecting(AsyncWebsocketConsumer):
                generation_: ClassVar[int] = generation

                async def receive(self, text_data: Any = None, bytes_data: Any = None):
                    self.kept = asyncio.gather(fail_async()), self.send("lost")
                    gc.collect(self.generation_)

            with self.subTest(generation):
                told = [str(error) for error in failures_of("", Collecting)]
                self.assertEqual(len(told), 2, told)


class KeptTests(OuterTestCase):
    def assert_told(self, way: str, function: str, times: str = "") -> None:
        with self.subTest(way):
            (error,) = failures_of(way, Forgetful)
            self.assertRegex(
                str(error),
                rf"^AsyncWebsocketConsumer\.send\(\) was called{times} at"
                rf" test_nobody_asked\.py:\d+ in {function}\(\) but never awaited, so"
                r" it did nothing\. ",
            )

    def test_wherever_it_is_kept(self) -> None:
        for way in ("attribute", "nested", "circle", "module"):
            self.assert_told(way, way)
        self.assert_told("job", "<lambda>")
        self.assert_told("thread", "<lambda>")

    def test_a_circle_that_is_found_while_code_of_the_test_runs(self) -> None:
        class Collecting(SimpleWebsocketTestCase):
            application = Forgetful.as_asgi()

            def test_it(self) -> None:
                client = self.connect("/")
                gc.disable()
                self.addCleanup(gc.enable)
                client.send_text("circle")
                gc.collect()

        (error,) = run_case(Collecting).raised
        self.assertIn(f"was called at {FILE}", str(error))

    def test_one_line_is_one_failure(self) -> None:
        self.assert_told("several", "several", " 3 times")
        self.assert_told("several_kept", "several_kept", " 3 times")
        self.assert_told("in_a_row", "in_a_row", " 3 times")

    def test_what_another_one_was_to_await_is_not_told(self) -> None:
        for way in ("wrapped", "wrapped_twice", "wrapped_and_kept"):
            with self.subTest(way):
                (error,) = failures_of(way, Forgetful)
                self.assertIn(f"wait_for() was called at {FILE}", str(error))
                self.assertIn(f" in {way}()", str(error))

    def test_what_is_awaited_after_all_is_not_told(self) -> None:
        (error,) = failures_of("wrapped_and_awaited", Forgetful)
        self.assertIn("wait_for() was called at", str(error))

    def test_an_exception_is_the_only_failure_where_it_came_in_between(self) -> None:
        (error,) = failures_of("left_by_an_exception", Forgetful)
        self.assertEqual(str(error), "on purpose False")

    def test_what_a_mock_was_called_with_is_not_told(self) -> None:
        class Mocking(inner_case("mocked", Forgetful)):  # type: ignore[misc]
            def test_1_sync(self) -> None:
                client = self.connect("/")
                self.mock = mock.Mock()
                with mock.patch("asyncio.create_task", self.mock):
                    client.send_text(self.sent)
                self.mock.assert_called_once()

        self.assertEqual(run_case(Mocking, "test_1_sync").raised, [])

    def test_one_of_the_test_itself_is_left_to_python(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            application = Forgetful.as_asgi()

            def test_1_sync(self) -> None:
                self.connect("/")
                KEPT.append(nothing())

            async def test_2_async(self) -> None:
                await self.aconnect("/")
                KEPT.append(nothing())

        self.assertEqual(run_case(Inner).raised, [])
        with self.assertWarns(RuntimeWarning):
            KEPT.clear()

    def test_a_worker(self) -> None:
        class Worker(AsyncConsumer):
            async def work(self, message: Any) -> None:
                self.kept = self.channel_layer.send("other", {"type": "other"})
                self.failed = asyncio.gather(fail_async())

        class Inner(SimpleChannelTestCase):
            def test_client(self) -> None:
                ChannelClient().send_and_consume("input", {"type": "work"})

            def test_block(self) -> None:
                with self.run_worker("input"):
                    ChannelClient().send("input", {"type": "work"})

            async def test_async_block(self) -> None:
                async with self.run_worker("input"):
                    await ChannelClient().asend("input", {"type": "work"})

        for name in ("test_client", "test_block", "test_async_block"):
            with self.subTest(name), apply_routes({"input": Worker.as_asgi()}):
                errors = sorted(map(str, run_case(Inner, name).raised))
                self.assertEqual(len(errors), 2, errors)
                self.assertEqual(errors[0], "on purpose")
                self.assertRegex(errors[1], r"^send\(\) was called at .* in work\(\)")


FILE = "test_nobody_asked.py"


class ExitTests(OuterTestCase):
    def test_an_exit_is_one_failure(self) -> None:
        class Exiting(AsyncWebsocketConsumer):
            async def receive(self, text_data: Any = None, bytes_data: Any = None):
                if text_data == "task":
                    self.task = asyncio.create_task(self.leave())
                elif text_data == "callback":
                    asyncio.get_running_loop().call_soon(sys.exit, 3)
                else:
                    await getattr(self, text_data)()

            async def leave(self) -> None:
                raise SystemExit(3)

            async def job(self) -> None:
                await sync_to_async(sys.exit)(3)

        class SyncExiting(WebsocketConsumer):
            def receive(self, text_data: Any = None, bytes_data: Any = None):
                raise SystemExit(3)

        for consumer, way in (
            *((Exiting, way) for way in ("leave", "task", "job", "callback")),
            (SyncExiting, ""),
        ):
            with self.subTest(way):
                (error,) = failures_of(way, consumer)
                self.assertIsInstance(error, SystemExit)
                self.assertEqual(error.code, 3)

    def test_at_a_disconnect(self) -> None:
        class Exiting(AsyncWebsocketConsumer):
            async def receive(self, text_data: Any = None, bytes_data: Any = None):
                """Nothing yet."""

            async def disconnect(self, code: int) -> None:
                raise SystemExit(3)

        class Inner(inner_case("text", Exiting)):  # type: ignore[misc]
            test_3_another_one = None

        raised = run_case(Inner, "test_1_sync", "test_2_async").raised
        self.assertEqual([str(error) for error in raised], ["3", "3"])
