from __future__ import annotations

import asyncio
import gc
import importlib.util
import itertools
import threading
import unittest
import weakref
from typing import TYPE_CHECKING, Any
from unittest import mock

from asgiref.sync import async_to_sync, sync_to_async

from channels_testkit import NoFrame, WebsocketCommunicator
from channels_testkit.engine import anyio_jobs
from channels_testkit.engine.jobs import APPLICATION
from channels_testkit.engine.threads import Before
from channels_testkit.engine.watches import watch_of
from tests.app.consumers import EchoConsumer
from tests.utils import LoopTestCase

if TYPE_CHECKING:
    from channels_testkit.engine.rest import RestWatch


class LoopCase(LoopTestCase):
    async def asyncSetUp(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.rest: RestWatch = watch_of(self.loop)
        self.log: list[str] = []


class RestTests(LoopCase):
    """What is at rest and what is not."""

    async def test_loop_has_one_watch(self) -> None:
        self.assertIs(watch_of(self.loop), self.rest)

    async def test_ready_callback_is_not_rest(self) -> None:
        self.assertTrue(self.rest.is_at_rest())
        self.loop.call_soon(self.log.append, "ran")
        self.assertFalse(self.rest.is_at_rest())
        await self.rest.wait()
        self.assertEqual(self.log, ["ran"])
        self.assertTrue(self.rest.is_at_rest())

    async def test_posted_callback_is_not_rest(self) -> None:
        thread = threading.Thread(
            target=self.loop.call_soon_threadsafe, args=(self.log.append, "ran")
        )
        thread.start()
        thread.join()
        self.assertFalse(self.rest.is_at_rest())
        await self.rest.wait()
        self.assertEqual(self.log, ["ran"])

    async def test_wake_up_that_comes_after_what_it_announces_is_rest(self) -> None:
        """A thread posts first; the loop may run that before it is woken."""
        self.loop._write_to_self()
        self.assertTrue(self.rest.is_at_rest())

    async def test_thread_job_is_not_rest_and_its_result_is_used(self) -> None:
        async def work() -> None:
            for _ in range(20):
                text = await sync_to_async(str, thread_sensitive=False)("step")
                self.log.append(text)

        task = asyncio.ensure_future(work())
        await self.rest.wait()
        self.assertTrue(task.done())
        self.assertEqual(len(self.log), 20)

    async def test_job_that_only_posts_is_waited_for(self) -> None:
        """It has posted and returned, and the loop may not have looked yet."""
        for number in range(300):
            event = asyncio.Event()
            follower = asyncio.ensure_future(event.wait())
            post = self.loop.call_soon_threadsafe
            self.loop.run_in_executor(None, post, event.set)
            await self.rest.wait()
            self.assertTrue(follower.done(), number)

    async def test_job_that_posts_again_and_again_is_waited_for(self) -> None:
        async def add(text: str) -> None:
            self.log.append(text)

        def work() -> None:
            for _ in range(50):
                async_to_sync(add)("step")

        for _ in range(5):
            self.log.clear()
            task = asyncio.ensure_future(sync_to_async(work, thread_sensitive=False)())
            await self.rest.wait()
            self.assertTrue(task.done())
            self.assertEqual(len(self.log), 50)

    async def test_long_chain_of_tasks_is_followed_to_its_end(self) -> None:
        async def chain(links: int) -> None:
            if links:
                await asyncio.sleep(0)
                self.tasks = [asyncio.ensure_future(chain(links - 1))]
            else:
                self.log.append("end")

        self.tasks = [asyncio.ensure_future(chain(300))]
        await self.rest.wait()
        self.assertEqual(self.log, ["end"])

    async def test_pending_timer_is_rest_and_a_due_one_is_not_quiet(self) -> None:
        later = self.loop.call_later(60, self.log.append, "later")
        await self.rest.wait()
        self.assertTrue(self.rest.is_at_rest_with_no_timer_due())
        self.loop.call_later(0, self.log.append, "now")
        self.assertTrue(self.rest.is_at_rest())
        self.assertFalse(self.rest.is_at_rest_with_no_timer_due())
        await self.rest.wait()
        self.assertEqual(self.log, ["now"])
        later.cancel()

    async def test_waiters_are_resumed_one_at_a_time(self) -> None:
        """What the first one starts is done before the second goes on."""

        async def effect(name: str) -> None:
            await sync_to_async(self.log.append, thread_sensitive=False)(name)

        async def waiter(name: str) -> None:
            await self.rest.wait()
            self.log.append(f"{name} resumed")
            self.effects.append(asyncio.ensure_future(effect(f"{name} effect")))
            await self.rest.wait()
            self.log.append(f"{name} again")

        self.effects: list[asyncio.Task[None]] = []
        await asyncio.gather(waiter("one"), waiter("two"), waiter("three"))
        self.assertEqual(
            self.log,
            [
                *("one resumed", "one effect", "two resumed", "two effect"),
                *("three resumed", "three effect"),
                *("one again", "two again", "three again"),
            ],
        )

    async def test_what_is_posted_while_a_waiter_is_woken_is_done_first(self) -> None:
        async def work() -> None:
            for _ in range(3):
                await asyncio.sleep(0)
            self.log.append("done")

        def start() -> None:
            self.task = asyncio.ensure_future(work())

        def wake_one() -> bool:
            self.rest.waiters.wake_one = real  # type: ignore[method-assign]
            post = self.loop.call_soon_threadsafe
            thread = threading.Thread(target=post, args=(start,))
            thread.start()
            thread.join()
            return real()

        real = self.rest.waiters.wake_one
        self.rest.waiters.wake_one = wake_one  # type: ignore[method-assign]
        await self.rest.wait()
        self.assertEqual(self.log, ["done"])

    async def test_a_callback_may_be_posted_while_they_are_looked_at(self) -> None:
        """As threads do, at any moment."""
        for _ in range(2):
            self.loop.call_soon(self.log.append, "ready")

        def is_cancellation(_: object) -> bool:
            self.loop.call_soon(self.log.append, "posted")
            return False

        with mock.patch.object(anyio_jobs, "is_cancellation", is_cancellation):
            self.assertFalse(self.rest.is_at_rest())
        with mock.patch.object(
            anyio_jobs, "is_cancellation", lambda it: not is_cancellation(it)
        ):
            self.assertTrue(self.rest.is_at_rest())

    async def test_cancelled_waiter_does_not_take_the_turn_of_another(self) -> None:
        tasks = [asyncio.ensure_future(self.rest.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[2].cancel()
        await tasks[1]
        self.assertTrue(tasks[0].cancelled() and tasks[2].cancelled())

    async def test_wait_can_be_bounded(self) -> None:
        token = APPLICATION.set(True)
        spinning = asyncio.ensure_future(self.spin())
        APPLICATION.reset(token)
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(self.rest.wait(), 0.01)
        spinning.cancel()
        await self.rest.wait()

    async def spin(self) -> None:
        for _ in itertools.count():
            await asyncio.sleep(0)

    async def test_idle_callback_is_asked_with_and_without_timers(self) -> None:
        self.addAsyncCleanup(self.ask_no_more)
        timer = self.loop.call_later(60, print)
        self.assertFalse(await self.is_idle_without_end())
        timer.cancel()
        self.assertTrue(await self.is_idle_without_end())

    async def is_idle_without_end(self) -> bool:
        """Return what the idle callback is asked next."""
        asked: asyncio.Future[bool] = self.loop.create_future()

        def on_idle(is_endless: bool) -> float:
            if not asked.done():
                asked.set_result(is_endless)
            return 0

        self.rest.on_idle = on_idle
        return await asked

    async def ask_no_more(self) -> None:
        self.rest.on_idle = lambda is_endless: None


class OutsideTests(LoopCase):
    """What may act on the test from outside of the loop."""

    async def test_nothing_is_outside_of_a_plain_test(self) -> None:
        await sync_to_async(int, thread_sensitive=False)("1")
        self.assertEqual(self.rest.outside_work(), [])

    async def test_thread_started_since_is_outside_while_it_lives(self) -> None:
        event = threading.Event()
        thread = threading.Thread(target=event.wait, name="listener")
        thread.start()
        self.assertEqual(self.rest.outside_work(), ["thread 'listener'"])
        event.set()
        thread.join()
        self.assertEqual(self.rest.outside_work(), [])

    async def test_known_thread_is_not_outside(self) -> None:
        event = threading.Event()
        thread = threading.Thread(target=event.wait)
        thread.start()
        self.rest.before = Before.now()
        self.assertEqual(self.rest.outside_work(), [])
        event.set()
        thread.join()

    async def test_open_socket_is_outside(self) -> None:
        server = await asyncio.start_server(print, "127.0.0.1", 0)
        self.assertEqual(
            self.rest.outside_work(), ["an open socket, pipe or subprocess"]
        )
        server.close()
        await server.wait_closed()

    async def test_timers_of_the_application_alone_are_told(self) -> None:
        self.loop.call_later(60, self.log.append, "own")
        self.assertEqual(self.rest.application_timers(), [])
        token = APPLICATION.set(True)
        handle = self.loop.call_later(60, self.log.append, "its")
        APPLICATION.reset(token)
        ((due, callback),) = self.rest.application_timers()
        self.assertEqual((due, callback), (handle.when(), self.log.append))
        self.assertFalse(self.rest.is_at_rest_for_good())
        handle.cancel()
        self.assertEqual(self.rest.application_timers(), [])
        self.assertTrue(self.rest.is_at_rest_for_good())


class FailureTests(LoopCase):
    """Exceptions of application tasks that nobody awaits."""

    async def start(self, *, is_application: bool = True) -> asyncio.Task[Any]:
        async def fail() -> None:
            raise ValueError("nobody looks")

        token = APPLICATION.set(is_application)
        task = asyncio.ensure_future(fail())
        APPLICATION.reset(token)
        await self.rest.wait()
        return task

    async def test_failure_of_a_task_is_told_once(self) -> None:
        await self.start()
        (error,) = self.rest.failures.take()
        self.assertEqual(str(error), "nobody looks")
        self.assertEqual(self.rest.failures.take(), [])

    async def test_failure_that_was_awaited_is_not_told(self) -> None:
        task = await self.start()
        with self.assertRaises(ValueError):
            await task
        self.assertEqual(self.rest.failures.take(), [])

    async def test_task_of_the_test_is_its_own_affair(self) -> None:
        task = await self.start(is_application=False)
        self.assertEqual(self.rest.failures.take(), [])
        self.assertIsInstance(task.exception(), ValueError)

    async def test_cancelled_task_is_no_failure(self) -> None:
        token = APPLICATION.set(True)
        task = asyncio.ensure_future(asyncio.Event().wait())
        APPLICATION.reset(token)
        await asyncio.sleep(0)
        task.cancel()
        await self.rest.wait()
        self.assertEqual(self.rest.failures.take(), [])


async def accept(scope: Any, receive: Any, send: Any) -> None:
    """Be an application that touches no database, not even to close it."""
    await receive()
    await send({"type": "websocket.accept"})
    await receive()


class LoopTests(unittest.TestCase):
    """Loops that are not the kit's."""

    async def echo(self) -> None:
        communicator = WebsocketCommunicator(EchoConsumer.as_asgi(), "/")
        await communicator.connect()
        await communicator.send_json_to({"text": "hello"})
        self.assertEqual(await communicator.receive_json_from(), {"text": "hello"})
        self.assertTrue(await communicator.receive_nothing())
        await communicator.disconnect()

    def test_communicator_works_on_a_plain_loop(self) -> None:
        asyncio.run(self.echo())

    def test_communicator_works_in_a_task_group_of_waiters(self) -> None:
        async def several() -> None:
            await asyncio.gather(*(self.echo() for _ in range(5)))

        asyncio.run(several())

    def test_call_of_async_to_sync_ends_the_application_and_says_so(self) -> None:
        communicator = WebsocketCommunicator(accept, "/")
        async_to_sync(communicator.connect)()
        gone = (
            "gone with its event loop, which async_to_sync() and asyncio.run() make for"
            " one call: make all calls in one coroutine, or use a WebsocketTestCase and"
            " its sync calls."
        )
        for error, call, verdict in (
            (RuntimeError, communicator.send_text, "send_text() on a connection that"),
            (NoFrame, communicator.receive_from, "No frame from /: the connection"),
        ):
            arguments = ("text",) if error is RuntimeError else ()
            with self.subTest(verdict), self.assertRaises(error) as caught:
                async_to_sync(call)(*arguments)
            text = str(caught.exception).partition("\n")[0]
            self.assertEqual(text, f"{verdict} is {gone}")

    def test_watch_goes_with_its_loop(self) -> None:
        loop = asyncio.new_event_loop()
        watch = weakref.ref(watch_of(loop))
        loop.close()
        del loop
        gc.collect()
        self.assertIsNone(watch())

    @unittest.skipUnless(importlib.util.find_spec("uvloop"), "needs uvloop")
    def test_uvloop_is_refused(self) -> None:
        import uvloop

        loop = uvloop.new_event_loop()
        self.addCleanup(loop.close)
        with self.assertRaises(RuntimeError) as caught:
            loop.run_until_complete(self.echo())
        self.assertEqual(
            str(caught.exception),
            "channels_testkit cannot watch a uvloop.Loop: it sees that the application"
            " is at rest by watching the selector of asyncio's own loops. Run the"
            " tests on one of these, for instance with"
            " asyncio.set_event_loop_policy(None) before they start.",
        )
        self.assertEqual(asyncio.all_tasks(loop), set())
