"""
When is the application at rest.

A loop asks its selector once in each round, and with a timeout other than 0
only when nothing is ready to run. That makes ``select()`` the place to stand:
nothing is ready, nothing is posted, and if no thread job can run either, the
application is at rest. Nothing of the loop is replaced; four of its methods
are wrapped on the instance.
"""

from __future__ import annotations

import functools
from collections import Counter
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from channels_testkit.matching.wording import MAX_NAME, say

from . import anyio_jobs, pools, private, private_asgiref, private_timers, threads
from .application_tasks import ApplicationTasks
from .failures import Failures
from .jobs import APPLICATION, Job, JobKey, asked, callers, current_job
from .loop_jobs import LoopJobs
from .order import order_of
from .origin_notes import Origin
from .pool_future import still_pending
from .threads import Before, Declared
from .waiters import Waiters

if TYPE_CHECKING:
    import asyncio
    import contextvars
    import threading
    from collections.abc import Callable
    from concurrent.futures import Executor
    from types import FrameType

_SPINS_BETWEEN_CLOCK_LOOKS = 256
# A test's own code may be what goes on without end, until the test does.
_SPINS_BEFORE_DOUBT = 100
_SPINS_OF_THE_TEST_ALONE = 4000
# A loop that waits for nothing but its own pipe has no events to look for
# while it has something to do, but for the signals that wake it.
_SPINS_BETWEEN_POLLS = 16


class RestWatch:
    """Sees when a loop and its threads are at rest, and wakes who waits."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        selector = private.selector_of(loop)
        #: The loop that is watched.
        self.loop = loop
        self._ready = private.ready_callbacks(loop)
        self._poll = selector.select
        self._files = selector.get_map()
        self._submit = loop.run_in_executor
        self._post = loop.call_soon_threadsafe
        self._create_task = loop.create_task
        #: Those that wait for rest.
        self.waiters = Waiters(loop)
        self._spins = 0
        self._spins_alone = 0
        #: The thread jobs that are work of the loop.
        self.jobs = LoopJobs(loop)
        #: What ran already when the test began, and is no work of it.
        self.before = Before.now()
        self.declared_threads = Declared()
        #: Thread jobs that are meant to wait: dotted names and functions.
        self.background: Counter[object] = Counter()
        #: Application tasks that failed, to be looked at once at rest.
        self.failures = Failures()
        #: The same of tasks of the test, to be looked at when it has ended.
        self.own_failures = Failures()
        #: The tasks that the application has started.
        self.tasks = ApplicationTasks()
        #: Whether it counts as at rest, because it is, or never will be.
        self.is_settled = False
        #: Names of what acts on the test from outside as long as it runs.
        self.declared_outside: list[str] = []
        #: Seconds that one wait may take, or None for no bound.
        self.hang_timeout: float | None = None
        #: private.clock() after which ``on_hang`` is called.
        self.deadline: float | None = None
        self.on_hang: Callable[[], None] = _do_nothing
        #: Runs the next job of the test's own thread, if one can start.
        self.run_own_job: Callable[[], bool] = _no_job
        #: Whether this thread has the loop, as far as is known.
        self.is_here: Callable[[], bool] = _no_job
        #: Called when a job has posted to the loop what it may wait for.
        self.on_post: Callable[[], None] = _do_nothing
        #: Called where nothing else can run: lets more run, if there is more.
        self.let_go: Callable[[], bool] = _no_job
        self.has_held: Callable[[], bool] = _no_job
        self.is_going_round = False  # for code of the test alone
        #: Called at rest when no call waits for it, with whether there is no
        #: timer either; answers when to ask again, in seconds.
        self.on_idle: Callable[[bool], float | None] = _no_opinion
        pools.see_submissions()
        selector.select = self._select  # type: ignore[method-assign, assignment]
        loop.run_in_executor = self._run_in_executor  # type: ignore[assignment]
        loop.call_soon_threadsafe = self._call_soon_threadsafe  # type: ignore[method-assign, assignment]
        loop.create_task = self._create_watched_task  # type: ignore[method-assign]

    # What users of the watch call.

    async def wait(self) -> None:
        """
        Return at rest. Waiters are resumed one at a time, in order.

        Where code of the test keeps the loop from it, all but that is at rest.
        """
        is_first = False
        self.arm()
        while not self.is_settled:
            is_certain = await self.waiters.add(is_first=is_first)
            # A thread may have posted something just before this was woken.
            if is_certain or self.is_at_rest():
                return
            is_first = True

    # At rest, and what more can be asked of it.

    def is_at_rest(self) -> bool:
        """Tell whether nothing is ready, posted or running in a thread."""
        # In this order: a thread posts first and wakes the loop then.
        return self.is_settled or not (self._has_events() or self._works())

    def is_at_rest_so_far(self) -> bool:
        """
        Tell whether the loop is at rest by what has come in so far.

        A socket, to Redis for instance, may have something new at any time;
        no code has seen it yet.
        """
        return self.is_settled or not self._works()

    def is_at_rest_with_no_timer_due(self) -> bool:
        """Tell whether the loop is at rest, and would be if it ran on now."""
        return not private_timers.has_due_timer(self.loop) and self.is_at_rest()

    def is_at_rest_for_good(self) -> bool:
        """Tell whether a paused loop is at rest, and nothing can end that."""
        if order_of(self.loop).is_virtual:
            return False  # A wait moves time.
        # In this order: a thread that has gone meanwhile may have posted.
        is_alone = not (self.application_timers() or self.outside_work())
        return is_alone and self.is_at_rest_with_no_timer_due()

    def _works(self) -> bool:
        # What a thread has asked for may be what a job of the test waits for.
        but_for_test = bool(self.jobs) and callers() is not None
        return self._is_busy(but_for_test=but_for_test) or self._is_ready()

    def _is_ready(self) -> bool:
        """Tell whether there is a callback to run; a cancelled one is not."""
        if self.has_held():
            return True
        # A copy: threads post meanwhile.
        return bool(self._ready) and any(
            not (handle.cancelled() or anyio_jobs.is_cancellation(handle))
            for handle in tuple(self._ready)
        )

    def _has_events(self) -> bool:
        if self._is_alone():
            return False
        return any(not private.is_wake_up(self.loop, key) for key, _ in self._poll(0))

    def _is_alone(self) -> bool:
        """Tell whether the loop waits for nothing but its own pipe."""
        return len(self._files) <= 1

    def arm(self, timeout: float = 0) -> None:
        """Begin a wait that ``hang_timeout`` bounds, beyond ``timeout``."""
        if self.hang_timeout is not None:
            deadline = private.clock() + self.hang_timeout + timeout
            self.deadline = max(deadline, self.deadline or deadline)

    def application_timers(self) -> list[tuple[float, object]]:
        """Return when the application's timers are due, and what they call."""
        if self.is_settled:
            return []
        return sorted(
            (
                (handle.when(), private_timers.callback_of(handle))
                for handle, context in private_timers.scheduled_timers(self.loop)
                if context.get(APPLICATION)
            ),
            key=lambda timer: timer[0],
        )

    def outside_work(self, *, only_new: bool = False) -> list[str]:
        """
        Name what may still act on the test from outside of the loop.

        ``only_new`` leaves out what may be older than the test.
        """
        if self.is_settled:
            return []
        names = list(self.declared_outside)
        names += [
            f"thread {say(thread.name, MAX_NAME)}"
            for thread in self.outside_threads()
            if not (only_new and thread in self.before.threads)
        ]
        if not only_new and None in self.before.given_loops.thread_ids():
            names.append("the event loop of another thread")
        if not (self._is_alone() or (only_new and self.tasks.keepers)):
            names.append("an open socket, pipe or subprocess")
        before = self.before.jobs
        names += self.jobs.names_of_unknown(before, but_for_returned=only_new)
        return names

    def give_up(self, limit: float) -> None:
        """Let what hangs hang, and be quick with what is left to do."""
        for job in self.jobs.busy():
            job.is_background = True
        self.hang_timeout = min(self.hang_timeout or limit, limit)
        self.deadline = None
        self.arm()

    # What the loop calls.

    def _select(self, timeout: float | None) -> Any:
        if timeout is not None and timeout <= 0:
            self._spin()
            # A server's thread begins its job while the loop looks for events.
            self.run_own_job()
            if self._spins % _SPINS_BETWEEN_POLLS and self._is_alone():
                return []
            return self._poll(0)
        events = self._poll(0)
        if events or self._ready:
            return events
        self._spins_alone = 0
        if self.run_own_job() or self.let_go():
            return self._poll(0)
        if self._is_busy():
            if self._wake_who_asks_from_a_thread():
                return []
            return self._poll(self._bounded(timeout))
        if self.waiters.wake_one():
            return []
        pause = self.on_idle(timeout is None)
        bounds = (pause, self._bounded(timeout))
        return self._poll(min((it for it in bounds if it is not None), default=None))

    def _is_busy(self, *, but_for_test: bool = False) -> bool:
        jobs = self.jobs.busy(but_for_test=but_for_test) if self.jobs else ()
        is_busy = any(True for _ in jobs)
        return is_busy or anyio_jobs.are_under_way(self.tasks.undone)

    def _wake_who_asks_from_a_thread(self) -> bool:
        """Wake who waits for all but the jobs of the test's own code."""
        if not self.waiters.has_asked_by_thread or self._is_busy(but_for_test=True):
            return False
        return self.waiters.wake_one(only_asked_by_thread=True)

    def _spin(self) -> None:
        self._spins += 1
        if self._spins > _SPINS_BEFORE_DOUBT and self.waiters:
            self._let_the_test_go_on()
        if self._spins >= _SPINS_BETWEEN_CLOCK_LOOKS:
            self._bounded(None)

    def _let_the_test_go_on(self) -> None:
        """Wake who waits for rest where only the test's own code goes on."""
        ready = tuple(self._ready)
        is_alone = not (self._is_busy() or any(map(_is_of_application, ready)))
        self._spins_alone = self._spins_alone + 1 if is_alone else 0
        if self._spins_alone > _SPINS_OF_THE_TEST_ALONE:
            self._spins_alone = 0
            self.is_going_round = True
            if not self.let_go():
                self.waiters.wake_one(is_certain=True)
            self.is_going_round = False

    def _bounded(self, timeout: float | None) -> float | None:
        self._spins = 0
        if self.deadline is None:
            return timeout
        left = self.deadline - private.clock()
        if left <= 0:
            self.on_hang()
            return 0
        return left if timeout is None else min(left, timeout)

    def _run_in_executor(
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> Any:
        awaiters = private.callers_in_task()
        start = functools.partial(self._start_job, awaiters, executor, func, *args)
        return order_of(self.loop).job_starts(executor, start)

    def _start_job(
        self,
        awaiters: list[FrameType],
        executor: Executor | None,
        func: Callable[..., Any],
        *args: Any,
    ) -> tuple[Job, asyncio.Future[Any]]:
        """Return the job, and what its thread gives the result to."""
        job = self.take_in(executor, func)
        job.awaiters = awaiters
        with job, pools.known_to_its_loop:
            result = self._submit(executor, job.run, *args)
        job.future = future = still_pending(self.loop, result)
        if APPLICATION.get():
            self.failures.watch(future, Origin.of_job(job))
        return job, result

    def take_in(self, executor: Executor | None, func: Callable[..., Any]) -> Job:
        """Return the job of a function that is about to be given to a pool."""
        return Job(executor, func, is_background=self._is_background(func), watch=self)

    def _is_background(self, func: Callable[..., Any]) -> bool:
        if not self.background:
            return False
        key = JobKey(private_asgiref.job_function(func))
        declared = (name for name, count in self.background.items() if count)
        return any(map(key.matches, declared))

    def _call_soon_threadsafe(
        self,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        job, is_here = current_job(), self.is_here()
        is_of_job = job is not None and job in self.jobs
        # That async_to_sync() waits for its task is known.
        is_awaited = private_asgiref.is_of_async_to_sync(args)
        run = asked(callback) if not is_awaited and (job or not is_here) else callback
        if job is None and not is_here:
            threads.note_poster()
        elif job and is_of_job:
            run = job.posting(run)
        if getattr(callback, "__code__", None) is private.GIVING_CODE:
            pools.follow_posted(self, private.future_given_by(callback))
        order = order_of(self.loop)
        if order.is_explored and private.is_of_chain(callback):
            post = functools.partial(self._posted, run, *args, context=context)
            order.result_comes(args[0], post)
            return private.make_handle(self.loop, run, args, copy_context())
        handle = self._posted(run, *args, context=context)
        if is_of_job and not is_awaited:
            self.on_post()
        return handle

    def _posted(
        self, callback: Callable[..., Any], *args: Any, **options: Any
    ) -> asyncio.Handle:
        """Post to the loop; in its own thread there is nothing to wake."""
        if not self.is_here() or self.loop.get_debug():
            return self._post(callback, *args, **options)
        handle = self.loop.call_soon(callback, *args, **options)
        if not self.is_here():  # It has just been handed over.
            private.wake(self.loop)
        return handle

    def _create_watched_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task = self._create_task(coro, **options)
        failures = self.own_failures
        if APPLICATION.get():
            self.tasks.add(task)
            failures = self.failures
        failures.watch(task, Origin.of(coro))
        return task

    def outside_threads(self) -> list[threading.Thread]:
        """Return the threads that may still act on the test."""
        busy = {job.thread_id for job in self.jobs.live()}
        return [
            thread
            for thread in threads.that_may_act(
                self.before, self.declared_threads, self.tasks.undone
            )
            if thread.ident not in busy
        ]


def _is_of_application(handle: asyncio.Handle) -> bool:
    return private.context_of(handle).get(APPLICATION, False)


def _no_job() -> bool:
    """Stand for a function that is not set."""
    return False


def _do_nothing(*_: object) -> None:
    """Stand for a callback that is not set."""


def _no_opinion(_is_endless: bool) -> None:
    return None
