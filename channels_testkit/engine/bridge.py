"""
A sync test drives a loop; an async test is resumed at rest.

The loop of a test runs in a helper thread, and only during a call. Meanwhile
the test's own thread runs the thread-sensitive jobs, so that all ORM work is
done on the test's connection. Between calls nothing of the application runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import sys
import threading
from typing import TYPE_CHECKING, Any, TypeVar, cast

from channels_testkit.exceptions import DeadlockError, HangError

from . import debuggers, hangs, private
from .cancelling import cancel_everything
from .helper import HelperThread
from .resume import AtRest, InterruptibleCall
from .watchdog import Interrupter, Watchdog
from .watches import watch_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from .jobs import Job
    from .rest import RestWatch

T = TypeVar("T")

__unittest = True

_SECONDS_TO_STOP = 2.0
_SECONDS_BETWEEN_LOOKS_OUTSIDE = 0.1
# How often the watchdog looks within one hang_timeout. A debugger that is
# active when it looks costs the test nothing of its time.
_LOOKS = 4
_PAUSE = 60.0
# The loop may be late by itself where the machine is busy.
_GRACE = 1.0
_NEVER_WOKEN = "Nothing can ever wake this test up"
_THREAD_IS_HELD = (
    "A thread job waits in async_to_sync() on the test's own thread for what never"
    " comes"
)


class Bridge:
    """Runs coroutines for a test's thread, on the loop of that test."""

    def __init__(
        self,
        *,
        hang_timeout: float | None,
        known_threads: Iterable[threading.Thread] | None = None,
    ) -> None:
        self._helper = HelperThread.get()
        self._watchdog = Watchdog.get()
        self.loop: asyncio.AbstractEventLoop = asyncio.SelectorEventLoop()
        # A test that moves time does not move the application's timers.
        self.loop.time = private.clock  # type: ignore[method-assign]
        self.rest: RestWatch = watch_of(self.loop)
        known = threading.enumerate() if known_threads is None else known_threads
        self.rest.know_threads({*known, self._helper.thread, self._watchdog.thread})
        self.rest.hang_timeout = hang_timeout
        self.rest.on_hang = self._hang
        self.rest.on_idle = self._idle
        self.thread_id = threading.get_ident()
        self.executor = private.TestThreadExecutor()
        self.is_running = False
        self._runs = 0
        self._is_freeing = False
        #: Seconds between two looks of the watchdog.
        self.pause = (hang_timeout or _PAUSE) / _LOOKS
        self._is_traced = False
        self._test: AtRest | None = None
        self._call: InterruptibleCall | None = None
        self._stuck: BaseException | None = None
        self._verdict: BaseException | None = None
        #: Raises what the test has to be told when it is resumed; called with
        #: what is raised there anyway.
        self.on_resume: Callable[[BaseException | None], None] = _nothing
        #: Says more about the application in the report of a hang.
        self.describe: Callable[[], str] = str
        self._interrupter = Interrupter()
        self._interrupter.install()
        private.lend_thread(self.loop, self.executor)

    @property
    def is_in_async_test(self) -> bool:
        """Whether a coroutine of the test itself is under way."""
        return self._test is not None

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

        Where that can do nothing, the loop need not run: two changes of thread
        take longer than all the rest of a receive.
        """
        if not self.rest.is_at_rest_for_good():
            return self.run(work)
        self._refuse_if_unusable(work)
        try:
            work.send(None)
        except StopIteration as stop:
            return cast("T", stop.value)
        finally:
            self.rest.deadline = None
        raise RuntimeError(f"{work!r} waits for something else.")

    def run_test(self, work: Coroutine[Any, Any, T]) -> T:
        """
        Run a coroutine of the test itself, resumed only at rest.

        It sees the context variables of the calling thread, which sees
        those that it sets.
        """
        self._refuse_if_unusable(work)
        context = contextvars.copy_context()
        after: list[contextvars.Context] = []
        self._test = AtRest(work, self.rest, self._resumed)
        try:
            return cast("T", self._run(self._in_context(self._test, context, after)))
        finally:
            self._test = None
            if after:
                private.restore_context(after[0])

    def settle(self) -> None:
        """Come to rest. Costs next to nothing where that is so already."""
        if not self.rest.is_at_rest_with_no_timer_due():
            self.run(_nothing_more())

    def close(self) -> None:
        """Cancel what is left and close the loop."""
        try:
            if not self._stuck and private.has_unfinished_work(self.loop):
                self._run(cancel_everything(_SECONDS_TO_STOP))
        finally:
            self._interrupter.remove()
            private.lend_thread(self.loop, None)
            if not self._stuck:
                self.loop.close()

    async def _in_context(
        self, test: AtRest, context: contextvars.Context, after: list[Any]
    ) -> object:
        private.restore_context(context)
        try:
            return await test
        finally:
            after.append(contextvars.copy_context())

    def _resumed(self, raised: BaseException | None) -> None:
        self.on_resume(raised)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the loop in the helper while this thread runs the jobs."""
        results: list[T] = []
        errors: list[BaseException] = []

        def run_loop() -> None:
            try:
                results.append(self.loop.run_until_complete(work))
            except BaseException as error:  # noqa: BLE001 - raised by the caller
                errors.append(error)
            self._stop_running(errors)

        self.is_running = True
        self._runs += 1
        self._is_traced = debuggers.is_traced()
        if self.rest.hang_timeout is not None:
            self._watchdog.watch(self)
        self.executor.resume()
        try:
            self._pump(run_loop)
        finally:
            self._watchdog.rest()
            self.is_running = False
            self.rest.deadline = None
            private.forget_main_loop()
        self._raise_verdict()
        if errors:
            raise errors[0]
        return results[0]

    def _raise_verdict(self) -> None:
        verdict, self._verdict = self._verdict, None
        if verdict is not None:
            raise verdict

    def _pump(self, run_loop: Callable[[], None]) -> None:
        try:
            self._helper.run(run_loop)
            self.executor.pump()
        except BaseException:
            # Nothing of the application may run beside the test's code.
            self.loop.call_soon_threadsafe(self._stop, self._runs)
            if not self.executor.wait_for_pause(_SECONDS_TO_STOP):
                self._give_up(RuntimeError("The loop of this test was interrupted."))
            # It may be the watchdog that has interrupted this thread.
            self._raise_verdict()
            raise

    def _stop(self, run: int) -> None:
        # One that comes too late would stop the next run.
        if run == self._runs:
            self.loop.stop()

    def _stop_running(self, errors: list[BaseException]) -> None:
        """
        Make the test's thread go on, which pumps jobs meanwhile.

        One that waits in ``async_to_sync()`` is at rest but holds the thread:
        the loop has to run on until that ends.
        """
        try:
            while self._held_by() and not self._stuck:
                self.loop.run_until_complete(self._thread_is_free())
        except BaseException as error:  # noqa: BLE001 - raised by the caller
            errors.append(error)
        finally:
            self.executor.pause()
            if self._stuck:
                self._close_abandoned_loop()

    def _close_abandoned_loop(self) -> None:
        """Close a loop that the test has left behind, in silence."""
        with contextlib.suppress(BaseException):
            self.loop.run_until_complete(cancel_everything(_SECONDS_TO_STOP))
        private.forget_tasks(self.loop)
        self.loop.close()

    async def _thread_is_free(self) -> None:
        free = self.loop.create_future()
        self.rest.arm()
        self._is_freeing = True

        def wake() -> None:
            # More jobs than one may leave the thread before this runs.
            if not free.done():
                free.set_result(None)

        self.executor.on_free = functools.partial(self.loop.call_soon_threadsafe, wake)
        try:
            if self._held_by():
                await free
        finally:
            self.executor.on_free = None
            self._is_freeing = False

    def _held_by(self) -> list[Job]:
        return self.rest.jobs_inside(self.thread_id)

    def _refuse_if_unusable(self, work: Coroutine[Any, Any, Any]) -> None:
        reason = None
        if self._stuck:
            reason = "The loop of this test is stuck, as reported before."
        elif not self.is_in_own_thread:
            reason = "This call belongs to the test's own thread."
        elif self.is_running:
            reason = "This call was made while another one is running."
        if reason:
            work.close()
            raise RuntimeError(reason)

    # Hangs and deadlocks.

    def look(self) -> None:
        """Report a loop that has not looked at the clock in time."""
        deadline = self.rest.deadline
        if deadline is None:
            return
        if self._is_debugged():
            self.rest.arm()
        elif private.clock() > deadline + min(self.pause * _LOOKS, _GRACE):
            self._report_blocked_loop()

    def _hang(self) -> None:
        """End a wait that has lasted for ``hang_timeout``."""
        self.rest.arm()
        if self._is_debugged():
            return
        error = HangError(hangs.hang_text(self.rest, self._more()))
        is_own = any(job.thread_id == self.thread_id for job in self.rest.busy_jobs())
        self.rest.give_up(_SECONDS_TO_STOP)
        if is_own or self._is_freeing:
            self._free_thread(error)
        elif not self.rest.fail_waiters(error):
            self._interrupt_test(error)

    def _idle(self, is_endless: bool) -> float | None:
        """End a wait for what can never come. See ``RestWatch.on_idle``."""
        is_free = self._is_freeing and not self._held_by()
        if is_free or not is_endless:
            # The thread is about to say so; a timer is about to be due.
            return None
        if self.rest.outside_work():
            # It may end without a word, and then nothing can.
            return _SECONDS_BETWEEN_LOOKS_OUTSIDE
        if not self.rest.is_at_rest():
            # It has ended, with a word.
            return 0
        verdict = _THREAD_IS_HELD if self._is_freeing else _NEVER_WOKEN
        error = DeadlockError(
            f"{verdict}: the application is at rest, no timer is pending, and there"
            f" is no work outside of it.\n\n{self._work()}"
        )
        if self._is_freeing:
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
            self._interrupt_thread(error)

    def _interrupt_thread(self, error: BaseException) -> None:
        print(f"\n{error}", file=sys.stderr)  # noqa: T201 - nobody may catch it
        self._interrupter.interrupt(self.thread_id)

    def _report_blocked_loop(self) -> None:
        """Report a callback that blocks the loop, which cannot be cut."""
        stack = "\n".join(hangs.stack_lines(self._helper.thread.ident))
        more = f"\n  the loop is blocked\n{stack}{self._more()}"
        error = HangError(hangs.hang_text(self.rest, more))
        self._verdict = error
        if self._held_by():
            self._interrupt_thread(error)
        else:
            print(f"\n{error}", file=sys.stderr)  # noqa: T201 - as above
        self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        """Leave the loop where it is; it stops when it can."""
        self._stuck = self._verdict = error
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._helper.abandon()
        self.executor.pause()

    def _is_debugged(self) -> bool:
        return self._is_traced or debuggers.debugger_is_active()

    def _work(self) -> str:
        return f"{hangs.describe_work(self.rest)}{self._more()}"

    def _more(self) -> str:
        more = self.describe()
        return f"\n\n{more}" if more else ""


def _nothing(_raised: BaseException | None) -> None:
    """Stand for a callback that nobody has set."""


async def _nothing_more() -> None:
    """Be the work of a call that only comes to rest."""
