"""
A sync test drives a loop; an async test is resumed at rest.

The loop of a test runs in the test's own thread, and only during a call. The
thread-sensitive jobs run in it too, so that all ORM work is done on the test's
connection. Between calls nothing of the application runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
import threading
from typing import TYPE_CHECKING, Any, TypeVar, cast

from channels_testkit.exceptions import DeadlockError, HangError

from . import debuggers, hangs, places, private, private_asgiref
from .cancelling import cancel_everything
from .holding import application_held
from .order import Order, put_in_order
from .own_thread import OwnThread
from .resume import AtRest, HeldCall, InterruptibleCall
from .watchdog import Interrupter, Watchdog
from .watches import watch_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from concurrent.futures import Future

    from .jobs import Job
    from .rest import RestWatch
    from .threads import Before

T = TypeVar("T")

__unittest = True

SECONDS_TO_STOP = 2.0
_SECONDS_AFTER_CTRL_C = 0.1
_SECONDS_BETWEEN_LOOKS_OUTSIDE = 0.1
_SECONDS_BETWEEN_LOOKS = 0.05
# How often the watchdog looks within one hang_timeout. A debugger that is
# active when it looks costs the test nothing of its time.
_LOOKS = 4
_PAUSE = 60.0
# The loop may be late by itself where the machine is busy.
_GRACE = 1.0


class Bridge:
    """Runs coroutines for a test's thread, on the loop of that test."""

    def __init__(
        self,
        *,
        hang_timeout: float | None,
        before: Before | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._watchdog = Watchdog.get()
        self.loop = loop or asyncio.SelectorEventLoop()
        self.rest = self._watch()
        self.rest.before = before or self.rest.before
        self.rest.hang_timeout = hang_timeout
        self.rest.on_hang = self._hang
        self.rest.on_idle = self._idle
        self.thread_id = threading.get_ident()
        self._own = OwnThread(self.loop, self._run_until)
        self.rest.run_own_job = self._own.run_next
        self.rest.on_post = self._own.posted
        self.rest.is_here = lambda: self._own.has_loop
        self._ask_no_more = private.take_exits(self.loop, self._take_exit)
        self._is_running = self._is_closed = False
        #: Whether a hang or an interrupt was reported: it is the last failure.
        self.has_hung = False
        self._was_interrupted = False
        #: Seconds between two looks of the watchdog.
        self.pause = min((hang_timeout or _PAUSE) / _LOOKS, _SECONDS_BETWEEN_LOOKS)
        self._is_traced = False
        self._test: AtRest | None = None
        self._call: InterruptibleCall | None = None
        self._verdict: BaseException | None = None
        #: Raises what the test has to be told when it is resumed; called with
        #: what is raised there anyway.
        self.on_resume: Callable[[BaseException | None], None] = _nothing
        #: Called with a ``SystemExit`` that is not the test's own.
        self.on_exit: Callable[[BaseException], object] | None = None
        #: Says more about the application in the report of a hang.
        self.describe: Callable[[], str] = str
        self._interrupter = Interrupter(self._ctrl_c, lambda: self._is_running)
        self._interrupter.install()

    def _watch(self) -> RestWatch:
        put_in_order(self.loop, Order())  # so that nothing else moves its time
        return watch_of(self.loop)

    @property
    def is_running(self) -> bool:
        """Whether the loop is under way."""
        return self._is_running

    @property
    def is_held_up(self) -> bool:
        """Whether a job that waits keeps the thread from going on."""
        return self._own.is_stopping

    @property
    def is_in_async_test(self) -> bool:
        """Whether a coroutine of the test itself is under way."""
        return self._test is not None or isinstance(self._call, HeldCall)

    @property
    def is_in_own_thread(self) -> bool:
        """Whether this code runs in the test's own thread."""
        return threading.get_ident() == self.thread_id

    @property
    def is_in_loop(self) -> bool:
        """Whether this code runs in the test's own loop."""
        return private.running_loop() is self.loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a kit coroutine until it is done and the application at rest."""
        self._refuse_if_unusable(work)
        self._call = InterruptibleCall(work, self.rest)
        try:
            return cast("T", self._run(self._call.run()))
        finally:
            self._call = None

    def run_if_needed(self, work: Coroutine[Any, Any, T]) -> T:
        """
        Run a kit coroutine that only waits for what the application does.

        Where that can do nothing, the loop need not run: to start and
        stop it takes longer than all the rest of a receive.
        """
        if not self.rest.is_at_rest_for_good():
            return self.run(work)
        self._refuse_if_unusable(work)
        # A thread that comes now comes after this call.
        was_settled, self.rest.is_settled = self.rest.is_settled, True
        try:
            work.send(None)
        except StopIteration as stop:
            return cast("T", stop.value)
        finally:
            self.rest.is_settled = was_settled
            self.rest.deadline = None
        raise RuntimeError(f"{work!r} waits for something else.")

    def run_test(self, work: Coroutine[Any, Any, T]) -> T:
        """
        Run a coroutine of the test itself, resumed only at rest.

        It sees the calling thread's context variables, which sees its own.
        """
        self._refuse_if_unusable(work)
        context = contextvars.copy_context()
        after: list[contextvars.Context] = []
        self._test = AtRest(work, self.rest, lambda raised: self.on_resume(raised))
        try:
            return cast("T", self._run(self._in_context(self._test, context, after)))
        finally:
            self._test = None
            if after:
                private_asgiref.restore_context(after[0])

    def settle(self) -> None:
        """Come to rest. Costs next to nothing where that is so already."""
        if not (self._is_closed or self.rest.is_at_rest_with_no_timer_due()):
            self.run(_nothing_more())

    def close(self) -> None:
        """Cancel what is left and close the loop."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if private.has_unfinished_work(self.loop):
                self._run(cancel_everything(SECONDS_TO_STOP))
        except KeyboardInterrupt:
            private.forget_tasks(self.loop)
            raise
        finally:
            self._interrupter.remove()
            self._own.close()
            self.loop.close()

    async def _in_context(
        self, test: AtRest, context: contextvars.Context, after: list[Any]
    ) -> object:
        private_asgiref.restore_context(context)
        try:
            return await test
        finally:
            after.append(contextvars.copy_context())

    def tasks(self) -> set[asyncio.Task[Any]]:
        """Return the tasks that have not ended, and are not kept."""
        return asyncio.all_tasks(self.loop) - self.rest.tasks.kept()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        with self._under_way():
            return self._run_loop(work)

    def _run_loop(self, work: Coroutine[Any, Any, T]) -> T:
        with private.loop_lifted():
            return self.loop.run_until_complete(work)

    @contextlib.contextmanager
    def _under_way(self) -> Iterator[None]:
        """See to the loop, and its jobs, while this thread runs it."""
        self._is_running = True
        self._own.note_blocks_of_the_test()
        self._is_traced = debuggers.is_traced()
        self._watchdog.watch(self)
        try:
            yield
        except KeyboardInterrupt:
            # Clients still leave, where that does not take long.
            self.rest.give_up(_SECONDS_AFTER_CTRL_C)
            self.has_hung = True
            raise
        finally:
            self._is_running = False
            self._watchdog.rest()
            self.rest.deadline = None
            self._raise_verdict()

    def _take_exit(self, error: SystemExit) -> bool:
        """Let the loop go on, unless what it runs for has ended."""
        work = self._test or self._call
        if self.on_exit is None or (work and work.has_raised(error)):
            return False
        self.on_exit(error)
        return True

    def _run_until(self, future: Future[Any]) -> None:
        """
        Run the loop for ``async_to_sync()`` of the test itself.

        The application stands still, as between two calls of the kit, unless
        that waits for it.
        """
        done = private.told_elsewhere(asyncio.wrap_future(future, loop=self.loop))
        waiting = asyncio.wait([done])
        self._refuse_if_unusable(waiting)
        self._call = HeldCall(waiting, self.rest)
        try:
            with application_held(self.rest):
                self._run(self._call.run())
        finally:
            self._call = None

    def _raise_verdict(self) -> None:
        verdict, self._verdict = self._verdict, None
        is_told = self._test is not None and self._test.has_told(verdict)
        if verdict is not None and not is_told:
            raise verdict from None

    def _held_by(self) -> list[Job]:
        return self.rest.jobs.inside(self.thread_id)

    def _refuse_if_unusable(self, work: Coroutine[Any, Any, Any]) -> None:
        reason = None
        if not self.is_in_own_thread:
            reason = "This call belongs to the test's own thread."
        elif self._is_closed:
            reason = "The test has left its loop."
        elif self.is_running:
            reason = "This call was made while another one is running."
        if reason:
            work.close()
            raise RuntimeError(reason)

    # Hangs and deadlocks.

    def look(self) -> None:
        """See to a job that takes long, and to a loop that is late."""
        if not self._is_traced:
            self._own.look()
        deadline, bound = self.rest.deadline, self.rest.hang_timeout or _GRACE
        if deadline is None:
            return
        left = deadline - private.clock()
        # The loop may look at its clock as soon as a debugger lets it go on.
        if left < bound / 2 and self._is_debugged():
            self.rest.arm()
        elif left < -min(bound, _GRACE):
            self._report_blocked_loop()

    def _hang(self) -> None:
        """End a wait that has lasted for ``hang_timeout``."""
        self.rest.arm()
        if self._is_debugged():
            return
        error = self._hang_error()
        is_own = any(job.thread_id == self.thread_id for job in self.rest.jobs.busy())
        self._give_up()
        if is_own or self._own.is_stopping:
            self._free_thread(error)
        elif not self.rest.waiters.fail(error):
            self._interrupt_test(error)

    def _idle(self, is_endless: bool) -> float | None:
        """End a wait for what can never come. See ``RestWatch.on_idle``."""
        if (self.is_held_up and not self._held_by()) or not is_endless:
            # The thread is about to say so; a timer is about to be due.
            return None
        if self.rest.outside_work():
            # It may end without a word, and then nothing can.
            return _SECONDS_BETWEEN_LOOKS_OUTSIDE
        if not self.rest.is_at_rest():
            return 0  # It has ended, with a word.
        is_held_up = self.is_held_up
        text = hangs.deadlock_text(self.rest, is_held_up=is_held_up)
        error = DeadlockError(f"{text}{self._more()}")
        if is_held_up:
            self._free_thread(error)
        else:
            self._interrupt_test(error)
        return 0

    def _interrupt_test(self, error: BaseException) -> None:
        """Raise the error where the test, or what it called, awaits."""
        work = self._test or self._call
        if work is not None:
            work.interrupt(error)

    def _free_thread(self, error: BaseException) -> None:
        """Make the jobs end that hold the test's own thread."""
        self._verdict = error
        if all(job.is_parked for job in self._held_by()):
            for job in self._held_by():
                job.unpark()
        else:
            self._cut(error, self.thread_id)

    def _cut(self, error: BaseException, thread_id: int) -> None:
        """Interrupt a thread; tell the test where it awaits, if it does."""
        self.loop.call_soon_threadsafe(self._tell_test, error)
        self._interrupt_thread(error, thread_id)

    def _interrupt_thread(self, error: BaseException, thread_id: int) -> None:
        print(f"\n{error}", file=sys.stderr)  # noqa: T201 - nobody may catch it
        self._interrupter.interrupt(thread_id)

    def _report_blocked_loop(self) -> None:
        """Interrupt a callback that blocks the loop."""
        thread_id = private.thread_of(self.loop) or self.thread_id
        self._verdict = error = self._hang_error(thread_id)
        self._give_up()
        self._cut(error, thread_id)

    def _tell_test(self, error: BaseException) -> None:
        if self._test is not None:
            self._test.interrupt(error)

    def _ctrl_c(self) -> None:
        """Give the application a moment to come to rest."""
        if self.is_running:
            self._was_interrupted = True
            self.rest.deadline = private.clock() + _SECONDS_AFTER_CTRL_C
            private.wake(self.loop)

    def _hang_error(self, blocked_by: int | None = None) -> HangError:
        text = hangs.hang_text(
            self.rest,
            self._more(),
            blocked_by=blocked_by,
            is_early=self._was_interrupted,
        )
        error = HangError(text)
        frames = hangs.stuck_frames(self.rest, blocked_by)
        error.stuck_at = places.as_traceback(frames)
        return error

    def _give_up(self) -> None:
        self.rest.give_up(SECONDS_TO_STOP)
        self.has_hung = self.rest.is_settled = True

    def _is_debugged(self) -> bool:
        return self._is_traced or debuggers.debugger_is_active()

    def _more(self) -> str:
        more = self.describe()
        return f"\n\n{more}" if more else ""


def _nothing(_raised: BaseException | None) -> None:
    """Stand for a callback that is not set."""


async def _nothing_more() -> None:
    """Be the work of a call that only comes to rest."""
