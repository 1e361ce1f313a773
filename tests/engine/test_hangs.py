from __future__ import annotations

import asyncio
import contextlib
import io
import queue
import signal
import sys
import threading
import time
import traceback
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync, sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer

from channels_testkit import (
    DeadlockError,
    HangError,
    SimpleWebsocketTestCase,
    WebsocketCommunicator,
)
from channels_testkit.engine import debuggers, hangs, private
from channels_testkit.engine.bridge import Bridge
from channels_testkit.engine.patches import Patch
from channels_testkit.engine.watchdog import Watchdog
from tests.utils import InnerResult, LoopTestCase, run_case

#: Ends the threads that a test has left behind.
go_on = threading.Event()

VERDICT = "The application did not come to rest within 0.5 s (hang_timeout)."
OF_A_ROUND = "let it await an event, or sleep for some time."
OF_A_BLOCKED_LOOP = "code that blocks with 'await sync_to_async(...)(...)'."
ADVICE = (
    "If this thread job is meant to wait, declare it with background_jobs or with"
    " self.background(function)."
)
DEADLOCK = (
    "Nothing can ever wake this test up: the application is at rest, no timer is"
    " pending, and there is no work outside of it."
)


class Spinning(AsyncWebsocketConsumer):
    """Never comes to rest, and stops when it is told."""

    async def connect(self) -> None:
        await self.accept()
        while not go_on.is_set():  # noqa: ASYNC110 - it is to spin
            await asyncio.sleep(0)


class Waiting(AsyncWebsocketConsumer):
    """Waits in a thread of a pool for what does not come."""

    async def connect(self) -> None:
        await self.accept()
        await sync_to_async(wait_in_pool, thread_sensitive=False)()


class Sleeping(WebsocketConsumer):
    """Sleeps on the test's own thread."""

    def connect(self) -> None:
        self.accept()
        time.sleep(60)


class Blocking(AsyncWebsocketConsumer):
    """Blocks the loop."""

    async def connect(self) -> None:
        await self.accept()
        go_on.wait(60)


class Parked(WebsocketConsumer):
    """Waits on the test's own thread, for a task of the loop."""

    def connect(self) -> None:
        self.accept()
        async_to_sync(self.wait)()

    async def wait(self) -> None:
        await asyncio.Event().wait()


class Napping(Parked):
    async def wait(self) -> None:
        await asyncio.sleep(0.02)
        await self.send_later()

    @sync_to_async
    def send_later(self) -> None:
        self.send("awake")


class Slow(WebsocketConsumer):
    """Takes its time on the test's own thread."""

    def connect(self) -> None:
        self.accept()
        go_on.wait(1.5)


def wait_in_pool() -> None:
    go_on.wait(60)


class HangCase(SimpleWebsocketTestCase):
    hang_timeout = 0.5
    receive_timeout = 0.02
    ws_path = "/"
    check_leaks = "off"


class HangTests(unittest.TestCase):
    """Each kind of hang is cut, and told in words."""

    def setUp(self) -> None:
        go_on.clear()
        self.addCleanup(go_on.set)
        self.printed = io.StringIO()

    def run_quietly(self, case: type[unittest.TestCase]) -> InnerResult:
        with contextlib.redirect_stderr(self.printed):
            return run_case(case)

    def assert_hang(
        self, error: BaseException, *lines: str, advice: str = ADVICE, at: str = ""
    ) -> None:
        """``at`` is the innermost line of the traceback."""
        self.assertIsInstance(error, HangError)
        verdict, _, rest = str(error).partition("\n\n")
        self.assertEqual(verdict, VERDICT)
        for line in lines:
            self.assertIn(line, rest)
        self.assertTrue(str(error).endswith(advice), str(error))
        for kits in ("RestWatch", "CaptiveChannelLayer"):
            self.assertNotIn(kits, str(error))
        entries = traceback.extract_tb(error.__traceback__)
        self.assertEqual(entries[-1].filename, __file__)
        if at:
            self.assertEqual(entries[-1].line, at)

    def test_loop_that_never_rests_is_cut_in_a_sync_test(self) -> None:
        class Inner(HangCase):
            application = Spinning.as_asgi()

            def test_it(self) -> None:
                self.connect()

        (first,) = self.run_quietly(Inner).raised
        self.assert_hang(
            first, "task '/' waits in ", advice=OF_A_ROUND, at="await asyncio.sleep(0)"
        )

    def test_loop_that_never_rests_is_cut_in_an_async_test(self) -> None:
        class Inner(HangCase):
            application = Spinning.as_asgi()

            async def test_it(self) -> None:
                await self.aconnect()

        (first,) = self.run_quietly(Inner).raised
        self.assert_hang(first, advice=OF_A_ROUND, at="await asyncio.sleep(0)")

    def test_loop_of_the_test_itself_is_cut(self) -> None:
        class Inner(HangCase):
            async def test_it(self) -> None:
                while not go_on.is_set():  # noqa: ASYNC110 - it is to spin
                    await asyncio.sleep(0)

        (first,) = self.run_quietly(Inner).raised
        self.assert_hang(first, advice=OF_A_ROUND, at="await asyncio.sleep(0)")

    def test_loop_of_async_to_sync_in_a_sync_test_is_cut(self) -> None:
        async def spin() -> None:
            while not go_on.is_set():  # noqa: ASYNC110 - it is to spin
                await asyncio.sleep(0)

        class Inner(HangCase):
            application = AsyncWebsocketConsumer.as_asgi()

            def test_alone(self) -> None:
                async_to_sync(spin)()

            def test_with_a_connection(self) -> None:
                self.connect()
                async_to_sync(spin)()

        raised = self.run_quietly(Inner).raised
        self.assertEqual(len(raised), 2)
        for error in raised:
            self.assertIsInstance(error, HangError)
            self.assertIn("await asyncio.sleep(0)", str(error))

    def test_thread_job_is_cut_once_and_its_stack_shown(self) -> None:
        class Inner(HangCase):
            application = Waiting.as_asgi()

            def test_it(self) -> None:
                self.connect()

        (error,) = self.run_quietly(Inner).raised
        self.assert_hang(
            error,
            f"  thread job {__name__}.wait_in_pool is running\n",
            "    go_on.wait(60)",
        )

    def test_thread_job_of_an_async_test_is_cut(self) -> None:
        class Inner(HangCase):
            async def test_it(self) -> None:
                await sync_to_async(wait_in_pool, thread_sensitive=False)()

        (error,) = self.run_quietly(Inner).raised
        self.assert_hang(error, f"  thread job {__name__}.wait_in_pool is running\n")

    def test_job_on_the_own_thread_is_interrupted(self) -> None:
        class Inner(HangCase):
            application = Sleeping.as_asgi()

            def test_it(self) -> None:
                self.connect()

        (first,) = self.run_quietly(Inner).raised
        self.assert_hang(first, "    time.sleep(60)", at="time.sleep(60)")
        self.assertIn(str(first), self.printed.getvalue())

    def test_job_on_the_own_thread_of_an_async_test_is_interrupted(self) -> None:
        class Inner(HangCase):
            application = Sleeping.as_asgi()

            async def test_it(self) -> None:
                await self.aconnect()

        (first,) = self.run_quietly(Inner).raised
        self.assert_hang(first, "    time.sleep(60)")

    def test_callback_that_blocks_the_loop_is_interrupted(self) -> None:
        class Inner(HangCase):
            application = Blocking.as_asgi()

            def test_it(self) -> None:
                self.connect()

        (error,) = self.run_quietly(Inner).raised
        self.assert_hang(
            error,
            "  the loop is blocked\n",
            "    go_on.wait(60)",
            advice=OF_A_BLOCKED_LOOP,
            at="go_on.wait(60)",
        )
        self.assertIn(str(error), self.printed.getvalue())

    def test_blocked_loop_of_an_async_test_is_reported(self) -> None:
        class Inner(HangCase):
            application = Blocking.as_asgi()

            async def test_it(self) -> None:
                await self.aconnect()

        (first,) = self.run_quietly(Inner).raised
        self.assert_hang(
            first,
            "  the loop is blocked\n",
            "    go_on.wait(60)",
            advice=OF_A_BLOCKED_LOOP,
            at="go_on.wait(60)",
        )

    def test_sync_consumer_that_waits_for_ever_is_a_deadlock(self) -> None:
        class Inner(HangCase):
            application = Parked.as_asgi()
            hang_timeout = 60

            def test_it(self) -> None:
                self.connect()

        (first,) = self.run_quietly(Inner).raised
        self.assertIsInstance(first, DeadlockError)
        self.assertEqual(
            str(first).partition("\n")[0],
            "A thread job waits in async_to_sync() on the test's own thread for"
            " something that never comes: the application is at rest, no timer is"
            " pending, and there is no work outside of it.",
        )
        self.assertIn(" waits in async_to_sync()", str(first))

    def test_sync_consumer_that_waits_for_a_timer_is_waited_for(self) -> None:
        class Inner(HangCase):
            application = Napping.as_asgi()
            hang_timeout = 60

            def test_it(self) -> None:
                self.assertReceivesText(self.connect(), "awake")

        self.assertEqual(self.run_quietly(Inner).texts, [])

    def test_background_job_on_the_own_thread_is_cut(self) -> None:
        class Inner(HangCase):
            application = Sleeping.as_asgi()
            background_jobs = (f"{__name__}.Sleeping.dispatch",)

            def test_it(self) -> None:
                self.connect()

        (first,) = self.run_quietly(Inner).raised
        self.assert_hang(first, "    time.sleep(60)")

    def test_bound_is_none_where_the_class_says_so(self) -> None:
        class Inner(HangCase):
            hang_timeout = None

            def test_it(self) -> None:
                self.connect(application=AsyncWebsocketConsumer.as_asgi())

            async def test_async(self) -> None:
                with self.assertRaises(DeadlockError):
                    await asyncio.get_running_loop().create_future()

        self.assertEqual(self.run_quietly(Inner).texts, [])


class LateInterruptTests(unittest.TestCase):
    """A call ends by itself while its hang is being told."""

    def setUp(self) -> None:
        self.bridge = Bridge(hang_timeout=0.05)
        self.addCleanup(self.bridge.close)

    def test_the_call_is_told_and_nothing_after_it(self) -> None:
        looks, ends = threading.Event(), threading.Event()
        real_text, real_rest = hangs.hang_text, Watchdog.rest

        def text(*args: Any, **options: Any) -> str:
            looks.set()
            ends.wait()
            return real_text(*args, **options)

        def rest(watchdog: Watchdog) -> None:
            ends.set()
            real_rest(watchdog)

        async def block() -> None:
            self.bridge.rest.arm()
            looks.wait()

        with (
            Patch(hangs, "hang_text", text),
            Patch(Watchdog, "rest", rest),
            contextlib.redirect_stderr(io.StringIO()),
            self.assertRaises(HangError),
        ):
            self.bridge.run(block())

    def test_a_signal_that_comes_after_the_call_interrupts_nothing(self) -> None:
        async def nothing() -> None:
            pass

        self.bridge.run(nothing())
        self.bridge._interrupter.interrupt(threading.get_ident())
        self.assertFalse(self.bridge._interrupter._is_wanted)


class DeadlockTests(unittest.TestCase):
    def setUp(self) -> None:
        go_on.clear()
        self.addCleanup(go_on.set)

    def test_future_nobody_sets_fails_at_once_and_names_the_line(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            async def test_it(self) -> None:
                await asyncio.get_running_loop().create_future()

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, DeadlockError)
        verdict, _, work = str(error).partition("\n\n")
        self.assertEqual(verdict, DEADLOCK)
        self.assertRegex(
            work,
            r"^  task 'Task-\d+' waits in .*test_it \(test_hangs.py:\d+\):"
            r" await asyncio.get_running_loop\(\).create_future\(\)$",
        )

    def test_async_to_sync_of_a_sync_test_for_what_never_comes(self) -> None:
        class Inner(HangCase):
            application = AsyncWebsocketConsumer.as_asgi()
            hang_timeout = 60

            async def wait(self) -> None:
                await asyncio.Event().wait()

            def test_alone(self) -> None:
                async_to_sync(self.wait)()

            def test_with_a_connection(self) -> None:
                self.connect()
                async_to_sync(self.wait)()

            def test_caught(self) -> None:
                with self.assertRaises(DeadlockError):
                    async_to_sync(self.wait)()

        with contextlib.redirect_stderr(io.StringIO()):
            alone, caught, connected = (
                run_case(Inner, name).raised
                for name in ("test_alone", "test_caught", "test_with_a_connection")
            )
        for error, *others in (alone, connected):
            self.assertEqual(others, [])
            self.assertIsInstance(error, DeadlockError)
            self.assertIn("Inner.wait (test_hangs.py:", str(error))
        self.assertEqual(caught, [])

    def test_deadlock_names_tasks_jobs_queues_and_groups(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            async def test_it(self) -> None:
                await self.channel_layer.group_add("lobby", "ann")
                await self.channel_layer.send("ann", {"type": "hello"})
                event = asyncio.Event()
                parked = sync_to_async(async_to_sync(event.wait))
                await asyncio.gather(parked(), self.never(), return_exceptions=True)

            async def never(self) -> None:
                await asyncio.Event().wait()

        (error,) = run_case(Inner).raised
        text = str(error)
        self.assertIn("never (test_hangs.py", text)
        self.assertIn(
            "  thread job asyncio.locks.Event.wait waits in async_to_sync()", text
        )
        self.assertIn("  channel 'ann' (default) holds 1 message(s)", text)
        self.assertIn("  group 'lobby' (default) has 1 member(s)", text)

    def test_awaited_code_that_swallows_its_cancelling_is_told_too(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            async def test_it(self) -> None:
                task = asyncio.ensure_future(self.stubborn())
                with self.assertRaises(DeadlockError):
                    await task
                self.assertEqual(task.result(), "swallowed")

            async def stubborn(self) -> str:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
                return "swallowed"

        self.assertEqual(run_case(Inner).texts, [])

    def test_test_goes_on_after_a_deadlock_it_caught(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            async def test_it(self) -> None:
                for _ in range(3):
                    with self.assertRaises(DeadlockError):
                        await asyncio.Event().wait()
                await asyncio.sleep(0)
                task = asyncio.current_task()
                if sys.version_info >= (3, 11):
                    self.assertEqual(task.cancelling(), 0)

        self.assertEqual(run_case(Inner).texts, [])

    def test_live_thread_can_still_wake_the_test(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            async def test_it(self) -> None:
                loop = asyncio.get_running_loop()
                future = loop.create_future()
                timer = threading.Timer(
                    0.02, loop.call_soon_threadsafe, (future.set_result, "woken")
                )
                timer.start()
                self.assertEqual(await future, "woken")

        self.assertEqual(run_case(Inner).texts, [])

    def test_live_thread_that_does_not_is_waited_for_until_the_bound(self) -> None:
        class Inner(HangCase):
            async def test_it(self) -> None:
                threading.Thread(target=go_on.wait, name="listener").start()
                await asyncio.Event().wait()

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, HangError)
        self.assertEqual(str(error).partition("\n")[0], VERDICT)

    def test_thread_that_ends_without_a_word_leaves_a_deadlock(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            async def test_it(self) -> None:
                threading.Timer(0.02, lambda: None).start()
                await asyncio.Event().wait()

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, DeadlockError)

    def test_thread_that_ends_with_a_word_wakes_the_test(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            async def test_it(self) -> None:
                loop = asyncio.get_running_loop()
                for _ in range(100):
                    event = asyncio.Event()
                    post = loop.call_soon_threadsafe
                    threading.Thread(target=post, args=(event.set,)).start()
                    await event.wait()

        self.assertEqual(run_case(Inner).texts, [])

    def test_open_socket_is_waited_for_until_the_bound(self) -> None:
        class Inner(HangCase):
            async def test_it(self) -> None:
                server = await asyncio.start_server(print, "127.0.0.1", 0)
                self.addCleanup(server.close)
                await asyncio.Event().wait()

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, HangError)

    def test_pending_timer_is_waited_for(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            async def test_it(self) -> None:
                event = asyncio.Event()
                asyncio.get_running_loop().call_later(0.02, event.set)
                await event.wait()

        self.assertEqual(run_case(Inner).texts, [])

    def test_worker_that_hands_over_its_result_is_no_outside_work(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            async def test_it(self) -> None:
                for _ in range(50):
                    await sync_to_async(int, thread_sensitive=False)("1")
                    with self.assertRaises(DeadlockError):
                        await asyncio.Event().wait()

        self.assertEqual(run_case(Inner).texts, [])


class SuspendedTests(unittest.TestCase):
    """A debugger or a tracer takes as long as it likes."""

    class Slow(HangCase):
        hang_timeout = 0.6

        async def test_it(self) -> None:
            await sync_to_async(self.job, thread_sensitive=False)()

        def job(self) -> None:
            raise NotImplementedError

    def test_bound_is_suspended_while_a_debugger_is_active(self) -> None:
        debugger = {"__name__": "pdb", "wait": go_on.wait}
        exec("def interaction(): wait(1.5)", debugger)

        class Inner(self.Slow):
            def job(self) -> None:
                debugger["interaction"]()

        go_on.clear()
        self.assertEqual(run_case(Inner).texts, [])

    def test_bound_is_suspended_where_the_loop_stands_in_a_debugger(self) -> None:
        debugger = {"__name__": "bdb", "wait": go_on.wait}
        exec("def interaction(): wait(1.5)", debugger)

        class Inner(HangCase):
            hang_timeout = 0.6

            async def test_it(self) -> None:
                await asyncio.gather(self.stop())

            async def stop(self) -> None:
                debugger["interaction"]()
                await asyncio.sleep(0.01)

        go_on.clear()
        self.assertEqual(run_case(Inner).texts, [])

    def test_bound_is_suspended_under_a_tracer(self) -> None:
        class Inner(self.Slow):
            def test_it(self) -> None:
                go_on.clear()
                before = sys.gettrace()
                sys.settrace(lambda *args: None)
                try:
                    self.connect(application=Slow.as_asgi())
                finally:
                    sys.settrace(before)

        self.assertEqual(run_case(Inner).texts, [])

    def test_tracer_of_coverage_does_not_count(self) -> None:
        tracer = type("CTracer", (), {"__module__": "coverage.tracer"})()
        # The real one would measure this test.
        for trace, expected in (
            (None, False),
            (tracer, False),
            (lambda *args: None, True),
        ):
            with mock.patch.object(sys, "gettrace", lambda trace=trace: trace):
                self.assertEqual(debuggers.is_traced(), expected)


class BackgroundTests(unittest.TestCase):
    def setUp(self) -> None:
        go_on.clear()
        self.addCleanup(go_on.set)

    def test_declared_job_does_not_keep_the_test_busy(self) -> None:
        class Inner(HangCase):
            application = Waiting.as_asgi()
            background_jobs = (f"{__name__}.wait_in_pool",)
            hang_timeout = 60

            def test_it(self) -> None:
                self.assertOpen(self.connect())
                go_on.set()

        self.assertEqual(run_case(Inner).texts, [])

    def test_job_may_be_declared_for_a_block(self) -> None:
        for declared in (wait_in_pool, f"{__name__}.wait_in_pool"):

            class Inner(HangCase):
                application = Waiting.as_asgi()

                def test_it(self, declared: object = declared) -> None:
                    with self.background(declared):
                        self.assertOpen(self.connect())
                    go_on.set()
                    go_on.clear()
                    with self.assertRaises(HangError):
                        self.connect()

            with self.subTest(declared):
                self.assertEqual(run_case(Inner).texts, [])

    def test_declared_job_may_begin_late(self) -> None:
        """Until its thread begins it, the test waits for it as for others."""
        may_begin = threading.Event()
        pool = ThreadPoolExecutor(1, initializer=may_begin.wait)
        self.addCleanup(pool.shutdown)

        class Late(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                await self.accept()
                loop = asyncio.get_running_loop()
                threading.Timer(0.05, may_begin.set).start()
                went_on = await loop.run_in_executor(pool, go_on.wait, 20)
                await self.send(f"The test went on: {went_on}")

        class Inner(HangCase):
            application = Late.as_asgi()
            background_jobs = (go_on.wait,)
            hang_timeout = 60
            receive_timeout = 60.0

            def test_it(self) -> None:
                ann = self.connect()
                go_on.set()
                self.assertReceivesText(ann, "The test went on: True")

        self.assertEqual(run_case(Inner).texts, [])

    def test_what_a_background_job_sends_arrives(self) -> None:
        said: queue.SimpleQueue[str] = queue.SimpleQueue()

        class Listening(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                await self.accept()
                while text := await sync_to_async(said.get, thread_sensitive=False)():
                    await self.send(text)

        class Inner(HangCase):
            application = Listening.as_asgi()
            background_jobs = (said.get,)
            receive_timeout = 60.0

            def test_it(self) -> None:
                # Else its thread keeps the process from its end.
                self.addCleanup(said.put, "")
                ann = self.connect()
                said.put("hello")
                self.assertReceivesText(ann, "hello")
                said.put("")

        self.assertEqual(run_case(Inner).texts, [])


class FreeStandingTests(LoopTestCase):
    """On a loop that is not the kit's, a hang ends as well."""

    async def asyncSetUp(self) -> None:
        go_on.clear()
        self.addCleanup(go_on.set)

    async def test_hang_fails_the_call(self) -> None:
        communicator = WebsocketCommunicator(Waiting.as_asgi(), "/")
        communicator._kit_driver.environment.rest.hang_timeout = 0.05
        with self.assertRaises(HangError) as caught:
            await communicator.connect()
        self.assertEqual(
            str(caught.exception).partition("\n")[0],
            "The application did not come to rest within 0.05 s (hang_timeout).",
        )

    async def test_time_between_two_calls_does_not_count(self) -> None:
        communicator = WebsocketCommunicator(AsyncWebsocketConsumer.as_asgi(), "/")
        communicator._kit_driver.environment.rest.hang_timeout = 5
        await communicator.connect(timeout=0)
        later = private.clock() + 60
        with mock.patch.object(private, "clock", return_value=later):
            await communicator.send_to(text_data="")
            await communicator.disconnect()


class InterruptTests(unittest.TestCase):
    """Ctrl-C leaves nothing running."""

    def test_interrupt_ends_the_call_and_the_application_stands_still(self) -> None:
        steps: list[str] = []

        async def interrupted(scope: Any, receive: Any, send: Any) -> None:
            # Python sees a signal late that comes before the thread waits.
            main = threading.main_thread().ident
            asyncio.get_running_loop().call_later(
                0.02, signal.pthread_kill, main, signal.SIGINT
            )
            while True:
                await asyncio.sleep(0)
                steps.append("step")

        # Django's runner has another, which waits for a second Ctrl-C.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        bridge = Bridge(hang_timeout=5)
        self.addCleanup(bridge.close)

        async def connect() -> None:
            communicator = WebsocketCommunicator(interrupted, "/")
            await communicator.connect()

        with self.assertRaises(KeyboardInterrupt):
            bridge.run(connect())
        count = len(steps)
        threading.Event().wait(0.01)
        self.assertEqual(len(steps), count)

    def test_signal_nobody_sent_for_is_ignored(self) -> None:
        bridge = Bridge(hang_timeout=5)
        self.addCleanup(bridge.close)
        signal.raise_signal(signal.SIGURG)

    def test_handler_is_put_back(self) -> None:
        before = signal.getsignal(signal.SIGURG)
        bridge = Bridge(hang_timeout=5)
        self.assertNotEqual(signal.getsignal(signal.SIGURG), before)
        bridge.close()
        self.assertEqual(signal.getsignal(signal.SIGURG), before)
