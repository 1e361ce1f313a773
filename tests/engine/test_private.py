"""
A canary for each private name of asyncio, concurrent.futures and asgiref.

Each test says what the kit can no longer do when it fails.
"""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import contextvars
import functools
import importlib.util
import sys
import threading
import unittest
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from typing import Any
from unittest import mock

from asgiref.current_thread_executor import CurrentThreadExecutor
from asgiref.local import Local
from asgiref.sync import (
    AsyncToSync,
    SyncToAsync,
    ThreadSensitiveContext,
    async_to_sync,
    sync_to_async,
)

from channels_testkit.engine import private, private_asgiref, private_timers
from channels_testkit.engine.bridge import Bridge
from channels_testkit.engine.origin_notes import A_JOB, Origin
from channels_testkit.engine.places import await_chain
from channels_testkit.engine.pool_future import PoolFuture


class GeneratorTests(unittest.TestCase):
    def test_a_context_manager_tells_its_generator(self) -> None:
        """Else a task is said to wait in contextlib."""

        @contextlib.asynccontextmanager
        async def manager() -> Any:
            await asyncio.sleep(0)
            yield

        async def enter() -> None:
            async with manager():
                pass

        work = enter()
        work.send(None)
        with contextlib.closing(work):
            names = [frame.f_code.co_name for frame in await_chain(work)]
        self.assertEqual(names, ["enter", "__aenter__", "manager", "sleep", "__sleep0"])


class LoopTests(unittest.TestCase):
    def setUp(self) -> None:
        self.loop = asyncio.SelectorEventLoop()
        self.addCleanup(self.loop.close)

    def test_selector_is_asked_once_in_each_round(self) -> None:
        """Else nobody sees when the application is at rest."""
        timeouts: list[float | None] = []
        selector = private.selector_of(self.loop)
        real = selector.select

        def select(timeout: float | None = None) -> Any:
            timeouts.append(timeout)
            if timeout:
                idle.set_result(None)
                return real(0)
            return real(timeout)

        idle = self.loop.create_future()
        selector.select = select  # type: ignore[method-assign]
        self.loop.run_until_complete(asyncio.sleep(0))
        self.assertTrue(timeouts)
        self.assertEqual(set(timeouts), {0})
        timeouts.clear()
        self.loop.call_later(60, print)
        self.loop.run_until_complete(idle)
        self.assertTrue(any(timeouts), timeouts)

    def test_timer_of_a_sleep_is_known(self) -> None:
        """Else a receive gives up while a task of the test sleeps."""
        task = self.loop.create_task(asyncio.sleep(60))
        self.loop.run_until_complete(asyncio.sleep(0))
        ((handle, _),) = private_timers.scheduled_timers(self.loop)
        self.assertIs(private_timers.future_of_sleep(handle), private.awaited_by(task))
        other = self.loop.call_later(60, print)
        self.assertIsNone(private_timers.future_of_sleep(other))
        private.forget_tasks(self.loop)

    def test_loop_without_a_selector_is_refused(self) -> None:
        class Foreign:
            pass

        with self.assertRaises(RuntimeError) as caught:
            private.selector_of(Foreign())  # type: ignore[arg-type]
        self.assertIn(f"cannot watch a {__name__}.", str(caught.exception))

    @unittest.skipUnless(importlib.util.find_spec("uvloop"), "needs uvloop")
    def test_uvloop_has_none(self) -> None:
        import uvloop

        loop = uvloop.new_event_loop()
        self.addCleanup(loop.close)
        with self.assertRaises(RuntimeError):
            private.selector_of(loop)

    def test_running_loop_is_known_without_an_exception(self) -> None:
        """Else a call from a foreign loop is not refused."""

        async def ask() -> Any:
            return private.running_loop()

        self.assertIsNone(private.running_loop())
        self.assertIs(self.loop.run_until_complete(ask()), self.loop)

    def test_what_a_task_waits_for_is_known(self) -> None:
        """Else a thread may wake it, and nobody waits for that."""
        event = asyncio.Event()

        async def wait() -> None:
            await asyncio.wait([first])

        async def gather() -> None:
            await asyncio.gather(first, second)

        async def look() -> None:
            await asyncio.sleep(0)
            self.assertIsInstance(private.awaited_by(first), asyncio.Future)
            gathered = private.awaited_by(third)
            assert gathered is not None
            self.assertEqual(private.gathered_by(gathered), [first, second])
            frames = await_chain(second.get_coro())
            self.assertIs(frames[-1].f_code, private.WAIT_CODE)
            self.assertEqual(set(frames[-1].f_locals["fs"]), {first})
            event.set()
            await third

        first = self.loop.create_task(event.wait())
        second = self.loop.create_task(wait())
        third = self.loop.create_task(gather())
        self.assertIsNone(private.awaited_by(third))
        self.loop.run_until_complete(look())

    def test_callback_of_wrap_future_is_told_from_others(self) -> None:
        """Else awaiting a quick job may not suspend a test: Python 3.14."""
        callbacks: list[object] = []
        future: Future[None] = Future()
        future.add_done_callback = callbacks.append  # type: ignore[method-assign]
        asyncio.wrap_future(future, loop=self.loop).cancel()
        self.assertTrue(private.is_of_chain(callbacks[0]))
        self.assertFalse(private.is_of_chain(print))

    def test_ready_callbacks_are_seen(self) -> None:
        """Else a posted callback is missed where rest is claimed."""
        self.assertFalse(private.ready_callbacks(self.loop))
        self.loop.call_soon(print)
        self.assertEqual(len(private.ready_callbacks(self.loop)), 1)

    def test_timers_are_seen_with_context_and_callback(self) -> None:
        """Else receives do not wait for the application's timers."""
        self.assertFalse(private_timers.has_due_timer(self.loop))
        handle = self.loop.call_later(60, print, "later")
        cancelled = self.loop.call_later(60, print)
        cancelled.cancel()
        ((timer, context),) = private_timers.scheduled_timers(self.loop)
        self.assertIs(timer, handle)
        self.assertIsInstance(context, contextvars.Context)
        self.assertIs(private_timers.callback_of(timer), print)
        self.assertFalse(private_timers.has_due_timer(self.loop))
        self.loop.call_later(-1, print)
        self.assertTrue(private_timers.has_due_timer(self.loop))

    def test_timers_that_come_in_a_round_are_seen_before(self) -> None:
        """Else virtual time does not count them, or moves past one."""
        now = self.loop.time()
        with mock.patch.object(self.loop, "time", return_value=now):
            due = [self.loop.call_at(now - after, print) for after in (3, 1, 2)]
            first = due[0]
            later = self.loop.call_at(now + 1, print)
            self.assertIs(private_timers.next_timer(self.loop), first)
            self.assertCountEqual(private_timers.due_timers(self.loop), due)
        self.assertTrue(private_timers.is_scheduled(later))
        later.cancel()
        self.assertFalse(private_timers.is_scheduled(later))

    def test_timer_can_tell_that_it_is_called(self) -> None:
        """Else ``advance()`` counts those that were cancelled in the end."""
        called: list[object] = []
        for name in ("cancelled", "called"):
            handle = self.loop.call_later(0, called.append, name)
            private_timers.call_first(handle, lambda: called.append("first"))
            if name == "cancelled":
                handle.cancel()
        self.loop.run_until_complete(asyncio.sleep(0.001))
        self.assertEqual(called, ["first", "called"])

    def test_loop_takes_timers_for_due_within_its_resolution(self) -> None:
        """Else virtual time stands still before a timer that is far ahead."""
        called: list[str] = []
        self.loop.call_later(60, called.append, "called")
        with private_timers.resolution_kept(self.loop):
            private_timers.set_resolution(self.loop, 61)
            self.loop.run_until_complete(asyncio.sleep(0))
        self.assertEqual(called, ["called"])
        self.assertLess(self.loop._clock_resolution, 1)  # type: ignore[attr-defined]

    def test_task_behind_a_timer_is_known(self) -> None:
        """Else a timer from before virtual time is ascribed to nobody."""
        event = asyncio.Event()
        tasks = [
            self.loop.create_task(work)
            for work in (
                asyncio.sleep(60),
                asyncio.wait_for(event.wait(), 60),
                asyncio.wait([self.loop.create_future()], timeout=60),
            )
        ]
        self.loop.run_until_complete(asyncio.sleep(0))
        waiting = {it: task for task in tasks if (it := private.awaited_by(task))}
        found = [
            private_timers.task_behind(handle, waiting)
            for handle, _ in private_timers.scheduled_timers(self.loop)
        ]
        self.assertCountEqual(found, tasks)
        private.forget_tasks(self.loop)

    def test_loop_registers_one_socket_of_its_own(self) -> None:
        """Else every test seems to have outside work, or none does."""
        files = private.selector_of(self.loop).get_map()
        self.assertEqual(len(files), 1)

        async def serve() -> None:
            server = await asyncio.start_server(print, "127.0.0.1", 0)
            self.assertEqual(len(files), 2)
            server.close()
            await server.wait_closed()

        self.loop.run_until_complete(serve())

    def test_wake_up_of_a_loop_comes_on_its_own_socket(self) -> None:
        """Else a late one looks like work."""
        self.loop._write_to_self()
        ((key, _),) = self.loop._selector.select(0)
        self.assertTrue(private.is_wake_up(self.loop, key))

    def test_open_generators_are_seen(self) -> None:
        """Else their clean-up is lost with the loop."""

        async def generate() -> Any:
            yield

        async def start() -> Any:
            generator = generate()
            await anext(generator)
            return generator

        self.assertFalse(private.has_unfinished_work(self.loop))
        generator = self.loop.run_until_complete(start())
        self.assertTrue(private.has_unfinished_work(self.loop))
        self.loop.run_until_complete(generator.aclose())

    def test_default_executor_is_known(self) -> None:
        """Else jobs behind a full pool of parked ones seem to be busy."""
        self.loop.set_default_executor(ThreadPoolExecutor(3))
        self.assertEqual(private.worker_limit(self.loop, None), 3)
        self.assertEqual(private.worker_limit(self.loop, ThreadPoolExecutor(2)), 2)
        self.assertEqual(
            private.worker_limit(self.loop, CurrentThreadExecutor(None)), 1
        )

    def test_loop_tells_the_thread_that_runs_it(self) -> None:
        """Else the threads of loops that were given work are not named."""
        found: list[int | None] = []
        self.assertIsNone(private.thread_of(self.loop))
        self.loop.call_soon(lambda: found.append(private.thread_of(self.loop)))
        self.loop.run_until_complete(asyncio.sleep(0))
        self.assertEqual(found, [threading.get_ident()])

    def test_failures_of_tasks_are_seen_and_stay_unseen(self) -> None:
        """Else an exception in a task of a consumer is lost."""

        async def fail() -> None:
            raise ValueError

        async def start() -> asyncio.Task[None]:
            task = asyncio.ensure_future(fail())
            await asyncio.wait([task])
            return task

        task = self.loop.run_until_complete(start())
        self.assertIsInstance(private.exception_of(task), ValueError)
        self.assertTrue(private.is_unretrieved(task))
        task.exception()
        self.assertFalse(private.is_unretrieved(task))

    def test_tasks_can_be_forgotten(self) -> None:
        """Else a loop that hangs is followed by pages of warnings."""

        async def start() -> asyncio.Task[Any]:
            return asyncio.ensure_future(asyncio.Event().wait())

        loop = asyncio.SelectorEventLoop()
        complaints: list[Any] = []
        loop.set_exception_handler(lambda *args: complaints.append(args))
        task = loop.run_until_complete(start())
        private.forget_tasks(loop)
        loop.close()
        del task
        self.assertEqual(complaints, [])

    def test_callers_of_a_task_end_at_its_loop(self) -> None:
        """Else the line that awaits a thread job is not named."""

        async def inner() -> list[str]:
            return [frame.f_code.co_name for frame in self.ask()]

        async def outer() -> list[str]:
            return await inner()

        names = self.loop.run_until_complete(outer())
        self.assertEqual(names[:3], ["<listcomp>", "inner", "outer"][-len(names) :])

    def ask(self) -> Any:
        return private.callers_in_task()


class PoolTests(unittest.TestCase):
    def test_thread_that_python_has_not_started_cannot_be_joined(self) -> None:
        """Else a test with one fails, or waits for it for ever."""
        found: list[threading.Thread] = []
        is_found = threading.Event()

        def look() -> None:
            found.append(threading.current_thread())
            is_found.set()

        _thread.start_new_thread(look, ())
        is_found.wait()
        self.assertFalse(private.can_be_joined(found[0]))
        self.assertTrue(private.can_be_joined(threading.Thread()))

    def test_future_of_a_pool_is_done_when_all_were_told(self) -> None:
        """Else the loop is at rest just before it is told."""
        told: list[object] = []
        seen: list[bool] = []
        go_on = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(go_on.wait)
            watched = PoolFuture(
                future, lambda it: told.append(it.done()), Origin(A_JOB)
            )
            watched.follow()
            future.add_done_callback(
                lambda it: seen.extend([it.done(), watched.done()])
            )
            go_on.set()
        self.assertEqual((seen, told), ([True, False], [True]))
        self.assertFalse(watched.cancelled())

    def test_future_that_ends_while_it_is_followed_is_done(self) -> None:
        """Else who waits for the job is never told, and waits for ever."""

        class Ending(Future[None]):
            def __setattr__(self, name: str, value: object) -> None:
                super().__setattr__(name, value)
                if name == "_invoke_callbacks":
                    self.set_result(None)

        watched = PoolFuture(Ending(), bool, Origin(A_JOB))
        watched.follow()
        self.assertTrue(watched.done())

    def test_future_that_is_done_already_is_done(self) -> None:
        future: Future[None] = Future()
        future.cancel()
        watched = PoolFuture(future, bool, Origin(A_JOB))
        watched.follow()
        self.assertTrue(watched.done() and watched.cancelled())

    def test_threads_are_known_by_what_they_run(self) -> None:
        """Else those of debuggers make receives wait."""
        with ThreadPoolExecutor(1) as pool:
            pool.submit(int).result()
            (worker,) = (thread for thread in pool._threads)
            self.assertIn("concurrent.futures.thread", private.origins_of(worker))
        timer = threading.Timer(0, self.setUp)
        self.assertEqual(private.origins_of(timer)[-1], "threading")
        thread = threading.Thread(target=self.setUp)
        self.assertEqual(private.origins_of(thread)[:2], ["unittest.case", __name__])


class SilenceTests(unittest.TestCase):
    """What Python says nothing of, or too late."""

    def test_the_future_of_a_coroutine_that_a_thread_gives_is_found(self) -> None:
        posted: list[Any] = []
        loop = asyncio.SelectorEventLoop()
        self.addCleanup(loop.close)
        work = asyncio.sleep(0)
        with mock.patch.object(loop, "call_soon_threadsafe", posted.append):
            future = asyncio.run_coroutine_threadsafe(work, loop)
        self.assertIs(posted[0].__code__, private.GIVING_CODE)
        self.assertIs(private.future_given_by(posted[0]), future)
        callbacks: list[Any] = []
        with mock.patch.object(future, "add_done_callback", callbacks.append):
            posted[0]()
        self.assertTrue(any(map(private.passes_cancelling_on, callbacks)))
        loop.run_until_complete(asyncio.sleep(0))

    def test_futures_of_every_kind_are_known(self) -> None:
        async def make() -> set[type]:
            gathered, task = asyncio.gather(nothing()), asyncio.create_task(nothing())
            await asyncio.wait([gathered, task])
            made = (gathered, task, asyncio.Future(), asyncio.shield(task))
            return set(map(type, made))

        async def nothing() -> None:
            pass

        self.assertLessEqual(asyncio.run(make()), private.KINDS_OF_FUTURES)

    def test_a_pool_says_what_came_of_a_job_and_whether_somebody_is_told(self) -> None:
        seen: list[tuple[bool, Any]] = []

        def patched(kind: type) -> Any:
            real = vars(kind)[private.SET_RESULT]

            def set_result(result: object, number: int, outcome: Any) -> None:
                seen.append(outcome)
                real(result, number, outcome)

            return mock.patch.object(kind, private.SET_RESULT, set_result)

        with contextlib.ExitStack() as patches, ThreadPool(1) as pool:
            for kind in private.RESULTS_OF_POOLS:
                patches.enter_context(patched(kind))
            told: list[BaseException] = []
            result = pool.apply_async(int, ("one",), error_callback=told.append)
            others = pool.apply_async(int), pool.map_async(int, "1")
            others += pool.imap(int, "1"), pool.imap_unordered(int, "1")
            pool.close()
            pool.join()
        self.assertTrue(private.has_error_callback(result))
        self.assertFalse(any(map(private.has_error_callback, others)))
        self.assertEqual(seen[0], (False, told[0]))
        self.assertEqual([has_succeeded for has_succeeded, _ in seen[1:]], [True] * 4)

    def test_a_loop_goes_on_after_an_exit_that_is_taken(self) -> None:
        loop = asyncio.SelectorEventLoop()
        self.addCleanup(loop.close)
        taken: list[BaseException] = []
        private.take_exits(loop, lambda error: not taken.append(error))
        loop.call_soon(sys.exit, 3)
        loop.run_until_complete(asyncio.sleep(0))
        self.assertEqual([str(error) for error in taken], ["3"])


class RoundTests(unittest.TestCase):
    """A loop is run round by round, from inside one of its rounds."""

    def setUp(self) -> None:
        self.loop = asyncio.SelectorEventLoop()
        self.addCleanup(self.loop.close)

    def test_a_round_runs_what_is_ready(self) -> None:
        done: list[object] = []
        self.loop.call_soon(lambda: done.append(private.running_loop()))
        private.run_round(self.loop)
        self.assertEqual(done, [self.loop])
        self.assertIsNone(private.running_loop())

    def test_a_loop_is_told_to_stop_and_to_go_on(self) -> None:
        self.assertFalse(private.is_told_to_stop(self.loop))
        self.loop.stop()
        self.assertTrue(private.is_told_to_stop(self.loop))
        private.tell_to_stop(self.loop, stop=False)
        self.assertFalse(private.is_told_to_stop(self.loop))

    def test_a_loop_that_waits_is_woken(self) -> None:
        waker = threading.Timer(0.001, private.wake, [self.loop])
        waker.start()
        private.run_round(self.loop)  # would wait for ever
        waker.join()

    def test_a_handle_is_run_in_its_context(self) -> None:
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
        context = contextvars.copy_context()
        context.run(variable.set, "set")
        seen: list[str] = []
        handle = private.make_handle(
            self.loop, lambda: seen.append(variable.get()), (), context
        )
        private.ready_callbacks(self.loop).append(handle)  # type: ignore[arg-type]
        private.run_round(self.loop)
        self.assertEqual(seen, ["set"])

    def test_a_job_has_no_running_loop_and_no_current_one(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.addCleanup(asyncio.set_event_loop, None)
        with private.NoLoop():
            self.assertIsNone(private.running_loop())
            with self.assertRaises(RuntimeError):
                asyncio.get_event_loop()
        self.assertIs(asyncio.get_event_loop(), self.loop)

    def test_a_loop_that_seems_to_run_is_lifted(self) -> None:
        async def lift() -> tuple[object, object]:
            with private.loop_lifted():
                return private.running_loop(), asyncio.current_task(self.loop)

        async def main() -> None:
            task = asyncio.current_task()
            self.assertEqual(await lift(), (None, None))
            self.assertIs(asyncio.current_task(), task)

        self.loop.run_until_complete(main())


class AsgirefTests(unittest.TestCase):
    def test_task_of_async_to_sync_is_told_from_others(self) -> None:
        """Else a thread that goes on seems to be parked."""
        found: list[bool] = []

        async def look() -> None:
            found.append(
                private_asgiref.is_awaited_by_its_thread(asyncio.current_task())
            )

        def call() -> None:
            async_to_sync(look)()

        async def run() -> None:
            await sync_to_async(call)()
            await asyncio.create_task(look())

        asyncio.run(run())
        self.assertEqual(found, [True, False])
        self.assertFalse(private_asgiref.is_awaited_by_its_thread(None))

    def test_post_of_async_to_sync_is_told_from_others(self) -> None:
        """Else a call of the kit waits for the job that waits for it."""
        found: list[bool] = []

        async def nothing() -> None:
            pass

        async def run() -> None:
            loop = asyncio.get_running_loop()
            real = loop.call_soon_threadsafe

            def post(callback: Any, *args: Any, **options: Any) -> Any:
                found.append(private_asgiref.is_of_async_to_sync(args))
                return real(callback, *args, **options)

            with mock.patch.object(loop, "call_soon_threadsafe", post):
                await sync_to_async(async_to_sync(nothing))()
                first, *_ = found
                self.assertTrue(first)
                loop.call_soon_threadsafe(loop.create_task, nothing())
                self.assertFalse(found[-1])

        asyncio.run(run())

    def test_ended_executor_hands_over_to_the_one_around(self) -> None:
        """Else a job that cannot start seems to be busy."""
        around = CurrentThreadExecutor(None)
        executor = CurrentThreadExecutor(around)
        self.assertIs(private_asgiref.executor_in_use(executor), executor)
        executor._broken = True
        self.assertIs(private_asgiref.executor_in_use(executor), around)
        around._broken = True
        self.assertIs(private_asgiref.executor_in_use(executor), around)
        self.assertIsNone(private_asgiref.executor_in_use(None))

    def test_job_of_sync_to_async_has_its_function_last(self) -> None:
        """Else ``background_jobs`` finds nothing."""
        jobs: list[object] = []

        async def run() -> None:
            loop = asyncio.get_running_loop()
            real = loop.run_in_executor

            def run_in_executor(executor: Any, func: Any, *args: Any) -> Any:
                jobs.append(private_asgiref.job_function(func))
                return real(executor, func, *args)

            with mock.patch.object(loop, "run_in_executor", run_in_executor):
                await sync_to_async(self.work)("a", b="b")
                await asyncio.to_thread(self.work, "a", b="b")
                await sync_to_async(async_to_sync(self.awork))()
                await sync_to_async(functools.partial(self.work, "a"))()

        asyncio.run(run())
        self.assertEqual(jobs, [self.work, self.work, self.awork, self.work])

    def work(self, a: str, b: str = "") -> None:
        pass

    async def awork(self) -> None:
        pass

    def test_lent_thread_runs_thread_sensitive_work(self) -> None:
        """Else consumers have another connection than the test."""
        bridge = Bridge(hang_timeout=5)
        self.addCleanup(bridge.close)
        executor = private_asgiref.lent_thread(bridge.loop)
        self.assertIsInstance(executor, private_asgiref.OwnThreadExecutor)

        async def idents() -> list[int]:
            here = await sync_to_async(threading.get_ident)()
            async with ThreadSensitiveContext():
                return [here, await sync_to_async(threading.get_ident)()]

        with private_asgiref.lanes_of_contexts():
            self.assertEqual(bridge.run(idents()), [threading.get_ident()] * 2)

    def test_executors_queue_their_jobs_under_these_names(self) -> None:
        """Else a job that waits cannot run those that it waits for."""
        executor = CurrentThreadExecutor(None)
        self.assertFalse(private_asgiref.has_work(executor))
        self.assertFalse(private_asgiref.is_broken(executor))
        done: list[str] = []
        submit = threading.Thread(target=executor.submit, args=(done.append, "job"))
        submit.start()
        submit.join()
        self.assertTrue(private_asgiref.has_work(executor))
        private_asgiref.take_work(executor).run()
        self.assertEqual(done, ["job"])
        result: Future[None] = Future()
        private_asgiref.break_when_done(executor, result)
        result.set_result(None)
        self.assertTrue(private_asgiref.is_broken(executor))

    def test_what_is_taught_is_forgotten(self) -> None:
        """Else code outside of tests is changed."""
        names = ("run_until_future", "submit")
        before = [vars(CurrentThreadExecutor)[name] for name in names]
        one, two = Bridge(hang_timeout=5), Bridge(hang_timeout=5)
        self.assertNotEqual(
            [vars(CurrentThreadExecutor)[name] for name in names], before
        )
        one.close()
        two.close()
        self.assertEqual([vars(CurrentThreadExecutor)[name] for name in names], before)

    def test_locals_are_tagged_by_thread_as_these_see_it(self) -> None:
        """Else language and time zone are lost where a helper has the loop."""
        local, loop = Local(), asyncio.SelectorEventLoop()
        self.addCleanup(loop.close)
        local.value = "set"
        context, own = contextvars.copy_context(), threading.get_ident()
        found: list[Any] = []

        def read() -> None:
            with private_asgiref.owning(loop, own):
                found.append(context.run(getattr, local, "value", None))

        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
        self.assertEqual(found, ["set"])

    def test_each_context_has_a_lane_while_it_lasts(self) -> None:
        """Else a request waits for another that waits for it."""
        bridge = Bridge(hang_timeout=5)
        self.addCleanup(bridge.close)

        async def enter() -> Any:
            async with ThreadSensitiveContext() as context:
                return SyncToAsync.context_to_thread_executor[context]

        with private_asgiref.lanes_of_contexts():
            first, second = bridge.run(enter()), bridge.run(enter())
        self.assertIsNot(first, second)
        self.assertIsInstance(first, private_asgiref.OwnThreadExecutor)
        self.assertNotIn(first, private_asgiref.executors_of_contexts())

    def test_contexts_of_other_loops_are_left_alone(self) -> None:
        async def enter() -> bool:
            async with ThreadSensitiveContext() as context:
                return SyncToAsync.thread_sensitive_context.get(None) is context

        with private_asgiref.lanes_of_contexts():
            self.assertTrue(asyncio.run(enter()))

    def test_main_loop_is_remembered_under_these_names(self) -> None:
        """Else ``async_to_sync()`` in a test uses a loop of its own."""
        names: list[str] = []

        async def run() -> None:
            await sync_to_async(lambda: names.extend(vars(SyncToAsync.threadlocal)))()

        asyncio.run(run())
        self.assertLessEqual({"main_event_loop", "main_event_loop_pid"}, set(names))

    def test_what_a_job_has_changed_is_put_back(self) -> None:
        """Else the next ``async_to_sync()`` waits for a paused loop."""
        state = vars(SyncToAsync.threadlocal)
        before = dict(state)
        with private_asgiref.JobStateKept():
            state["main_event_loop"] = "another"
        self.assertEqual(state, before)

    def test_context_is_restored_with_asgirefs_locals(self) -> None:
        """Else what ``setUp`` has set, a language for one, is lost."""
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
        local = Local()

        def change() -> None:
            variable.set("set")
            local.value = "set"

        changed = contextvars.copy_context()
        thread = threading.Thread(target=changed.run, args=(change,))
        thread.start()
        thread.join()

        def restore() -> None:
            private_asgiref.restore_context(changed)
            self.assertEqual((variable.get(), local.value), ("set", "set"))

        contextvars.copy_context().run(restore)

    def test_wrapped_test_method_can_be_unwrapped(self) -> None:
        """Else an async test is run on a loop of Django's."""
        self.assertEqual(async_to_sync(self.awork).awaitable, self.awork)
        self.assertIsInstance(async_to_sync(self.awork), AsyncToSync)
