from __future__ import annotations

import asyncio
import contextvars
import functools
import multiprocessing
import threading
import unittest
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from unittest import mock

from asgiref.sync import async_to_sync, sync_to_async

from channels_testkit.engine import private_asgiref
from channels_testkit.engine.jobs import Job, JobKey, current_job
from channels_testkit.engine.origins import OWNER
from channels_testkit.engine.watches import watch_of
from tests.utils import LoopTestCase

if TYPE_CHECKING:
    from channels_testkit.engine.rest import RestWatch


class Listener:
    def listen(self) -> None:
        pass


def listen() -> None:
    pass


class NameTests(unittest.TestCase):
    def test_function_is_named_with_its_module(self) -> None:
        self.assertEqual(JobKey(listen).name, f"{__name__}.listen")

    def test_method_is_named_with_its_class(self) -> None:
        self.assertEqual(JobKey(Listener().listen).name, f"{__name__}.Listener.listen")

    def test_callable_object_is_named_by_its_repr(self) -> None:
        listener = Listener()
        self.assertEqual(JobKey(listener).name, f"{__name__}.{listener!r}")

    def test_name_and_function_match(self) -> None:
        self.assertTrue(JobKey(listen).matches(f"{__name__}.listen"))
        self.assertTrue(JobKey(listen).matches(listen))

    def test_other_function_of_the_same_name_does_not_match(self) -> None:
        self.assertFalse(JobKey(listen).matches("listen"))
        self.assertFalse(JobKey(Listener().listen).matches(listen))


# A fork of a process with threads is a deadlock waiting to happen.
SPAWN = multiprocessing.get_context("spawn")


class StateTests(LoopTestCase):
    """What a job is in, on a plain loop with a pool of its own."""

    async def asyncSetUp(self) -> None:
        self.rest: RestWatch = watch_of(asyncio.get_running_loop())
        self.pool = ThreadPoolExecutor(1)
        self.addCleanup(self.pool.shutdown)
        self.go_on = threading.Event()
        self.addCleanup(self.go_on.set)
        self.started = threading.Event()

    def wait_in_thread(self) -> str:
        self.started.set()
        self.go_on.wait()
        return "done"

    def submit(self, function: Any, *args: Any) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self.pool, function, *args)

    def states(self) -> list[str]:
        return sorted(job.state for job in self.rest.jobs.live())

    def busy(self) -> list[str]:
        return sorted(job.state for job in self.rest.jobs.busy())

    async def test_running_job_is_busy_and_so_is_one_behind_it(self) -> None:
        jobs = [self.submit(self.wait_in_thread), self.submit(listen)]
        self.started.wait()
        self.assertEqual(self.busy(), ["queued", "running"])
        self.go_on.set()
        await asyncio.gather(*jobs)
        self.assertEqual(self.busy(), [])
        self.assertEqual(self.states(), [])

    async def test_parked_job_holds_its_thread_and_is_not_busy(self) -> None:
        event = asyncio.Event()
        parked = asyncio.ensure_future(
            sync_to_async(
                async_to_sync(event.wait), thread_sensitive=False, executor=self.pool
            )()
        )
        await self.rest.wait()
        behind = self.submit(listen)
        await self.rest.wait()
        self.assertEqual(self.states(), ["parked", "queued"])
        self.assertEqual(self.busy(), [])
        event.set()
        await self.rest.wait()
        self.assertEqual(self.states(), [])
        self.assertTrue(parked.done() and behind.done())

    async def test_job_that_posts_a_task_and_goes_on_is_busy(self) -> None:
        loop = asyncio.get_running_loop()
        forever = asyncio.Event()
        posted = threading.Event()

        def post() -> None:
            loop.call_soon_threadsafe(loop.create_task, forever.wait())
            posted.set()
            self.go_on.wait()

        job = self.submit(post)
        posted.wait()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.assertEqual(self.busy(), ["running"])
        self.go_on.set()
        await job
        await self.rest.wait()
        forever.set()

    async def test_full_default_pool_of_parked_jobs_is_at_rest(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(2))
        event = asyncio.Event()
        wait = sync_to_async(async_to_sync(event.wait), thread_sensitive=False)
        tasks = [asyncio.ensure_future(wait()) for _ in range(5)]
        await self.rest.wait()
        self.assertEqual(
            self.states(), ["parked", "parked", "queued", "queued", "queued"]
        )
        event.set()
        await self.rest.wait()
        self.assertTrue(all(task.done() for task in tasks))

    async def test_cancelled_job_that_runs_is_busy_until_it_returns(self) -> None:
        job = self.submit(self.wait_in_thread)
        self.started.wait()
        job.cancel()
        await asyncio.sleep(0)
        self.assertEqual(self.busy(), ["running"])
        self.go_on.set()
        await self.rest.wait()
        self.assertEqual(self.states(), [])

    async def test_job_cancelled_before_its_thread_takes_it_never_runs(self) -> None:
        ran: list[str] = []
        job = Job(self.pool, lambda: ran.append("ran"), watch=self.rest)
        future = asyncio.get_running_loop().create_future()
        with job:
            job.future = future
        future.cancel()
        # The thread comes late: it finds the job taken, and then cancelled.
        job.run()
        self.assertEqual(ran, [])
        self.assertTrue(job.is_finished)

    async def test_job_knows_itself_and_where_it_comes_from(self) -> None:
        def ask() -> Any:
            return current_job()

        job = await self.submit(ask)
        names = [frame.f_code.co_name for frame in job.awaiters]
        test = "test_job_knows_itself_and_where_it_comes_from"
        self.assertEqual(names[:2], ["submit", test])
        self.assertIsNone(current_job())

    async def test_job_of_a_thread_without_a_context_is_its_jobs_owners(self) -> None:
        owner: Any = object()

        def start() -> Job:
            # A pool takes no context along.
            return contextvars.Context().run(Job, self.pool, listen)

        token = OWNER.set(owner)
        started = await self.submit(start)
        OWNER.reset(token)
        self.assertIs(started.owner, owner)

    async def test_job_that_cannot_be_submitted_is_forgotten(self) -> None:
        self.pool.shutdown()
        with self.assertRaises(RuntimeError):
            self.submit(listen)
        self.assertEqual(self.states(), [])

    async def test_background_job_holds_its_thread_and_is_not_busy(self) -> None:
        self.rest.background[f"{__name__}.StateTests.wait_in_thread"] += 1
        jobs = [self.submit(self.wait_in_thread), self.submit(listen)]
        self.started.wait()
        await self.rest.wait()
        self.assertEqual(self.states(), ["queued", "running"])
        self.assertIn(
            f"background job {__name__}.StateTests.wait_in_thread",
            self.rest.outside_work(),
        )
        self.go_on.set()
        await asyncio.gather(*jobs)

    async def test_background_job_may_be_wrapped_in_any_way(self) -> None:
        self.rest.background[self.wait_in_thread] += 1
        ways = (
            functools.partial(self.wait_in_thread),
            functools.partial(functools.partial(self.wait_in_thread)),
        )
        for way in ways:
            self.assertEqual(private_asgiref.job_function(way), self.wait_in_thread)
        jobs = [
            asyncio.ensure_future(asyncio.to_thread(self.wait_in_thread)),
            asyncio.ensure_future(
                sync_to_async(self.wait_in_thread, thread_sensitive=False)()
            ),
        ]
        await self.rest.wait()
        self.assertEqual(self.states(), ["running", "running"])
        self.go_on.set()
        await asyncio.gather(*jobs)

    async def test_job_in_another_process_is_busy_until_it_is_done(self) -> None:
        with self.allowed_children(), ProcessPoolExecutor(1, SPAWN) as processes:
            loop = asyncio.get_running_loop()
            future = loop.run_in_executor(processes, abs, -3)
            self.assertEqual(self.busy(), ["queued"])
            await self.rest.wait()
            self.assertEqual(future.result(), 3)
        self.assertEqual(self.states(), [])

    def allowed_children(self) -> Any:
        # A process of Django's --parallel may not have children of its own.
        config = multiprocessing.current_process()._config
        return mock.patch.dict(config, {"daemon": False})

    async def test_exception_of_a_job_comes_out(self) -> None:
        with self.assertRaises(ZeroDivisionError):
            await self.submit(divmod, 1, 0)
        self.assertEqual(self.states(), [])


class NestedTests(LoopTestCase):
    async def test_job_of_an_ended_call_is_queued_where_it_runs(self) -> None:
        """
        A task outlives the ``async_to_sync()`` that it was started in; its
        jobs go to the executor of the call around, which may be parked.
        """
        rest = watch_of(asyncio.get_running_loop())
        outer_goes_on, inner_goes_on = asyncio.Event(), asyncio.Event()
        left: list[asyncio.Task[Any]] = []
        ran: list[str] = []

        async def later() -> None:
            await inner_goes_on.wait()
            await sync_to_async(ran.append)("later")

        async def start() -> None:
            left.append(asyncio.ensure_future(later()))

        def middle() -> None:
            async_to_sync(start)()
            async_to_sync(outer_goes_on.wait)()

        async def around() -> None:
            await sync_to_async(middle)()

        outermost = asyncio.ensure_future(
            sync_to_async(async_to_sync(around), thread_sensitive=False)()
        )
        await rest.wait()
        inner_goes_on.set()
        await rest.wait()
        self.assertEqual(ran, [])
        outer_goes_on.set()
        await rest.wait()
        self.assertEqual(ran, ["later"])
        await asyncio.gather(outermost, *left)
