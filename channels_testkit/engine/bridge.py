"""
A sync test drives a loop; an async test is resumed at rest.

The loop of a test runs in a helper thread, and only during a call. Meanwhile
the test's own thread runs the thread-sensitive jobs, so that all ORM work is
done on the test's connection. Between calls nothing of the application runs.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import queue
import sys
import threading
from typing import TYPE_CHECKING, Any, TypeVar, cast

from channels_testkit.exceptions import DeadlockError, HangError

from . import hangs, private
from .rest import RestWatch, watch_of
from .resume import AtRest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

T = TypeVar("T")

__unittest = True

_SECONDS_TO_STOP = 2.0


class HelperThread:
    """The thread that runs loops. One serves all tests of a process."""

    _current: HelperThread | None = None

    def __init__(self) -> None:
        self._process = os.getpid()
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(
            target=self._serve, name="channels_testkit", daemon=True
        ).start()

    @classmethod
    def get(cls) -> HelperThread:
        """Return this process's helper: a fork does not take it along."""
        if cls._current is None or cls._current._process != os.getpid():
            cls._current = cls()
        return cls._current

    @classmethod
    def abandon(cls) -> None:
        """Start a new one next time: this one is stuck."""
        cls._current = None

    def run(self, work: Callable[[], None]) -> None:
        """Have the work done. It must not raise."""
        self._work.put(work)

    def _serve(self) -> None:
        while True:
            self._work.get()()


class Bridge:
    """Runs coroutines for a test's thread, on the loop of that test."""

    def __init__(self, *, hang_timeout: float | None) -> None:
        self._helper = HelperThread.get()
        self._watchdog = hangs.Watchdog.get()
        self.loop: asyncio.AbstractEventLoop = asyncio.SelectorEventLoop()
        self.rest: RestWatch = watch_of(self.loop)
        self.rest.know_threads()
        self.rest.hang_timeout = hang_timeout
        self.rest.on_hang = self._hang
        self.rest.on_idle = self._idle
        self.thread_id = threading.get_ident()
        self.executor = private.TestThreadExecutor()
        self.is_running = False
        self._is_traced = False
        self._test: AtRest | None = None
        self._stuck: BaseException | None = None
        self._verdict: BaseException | None = None
        #: Raises what the test has to be told when it is resumed.
        self.on_resume: Callable[[], None] = _nothing
        #: Says more about the application in the report of a hang.
        self.describe: Callable[[], str] = str
        private.lend_thread(self.loop, self.executor)

    @property
    def is_in_async_test(self) -> bool:
        """Whether a coroutine of the test's author is under way."""
        return self._test is not None

    @property
    def is_in_loop(self) -> bool:
        """Whether this code runs in the test's own loop."""
        return asyncio._get_running_loop() is self.loop

    def call(self, work: Awaitable[T]) -> T:
        """Run a kit coroutine until it is done and the application at rest."""
        return self._run(self._finish_at_rest(work))

    def run_test(self, work: Coroutine[Any, Any, T]) -> T:
        """
        Run a coroutine of the test's author, resumed only at rest.

        It sees the context variables of the calling thread, which sees
        those that it sets.
        """
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
        if not self.rest.is_quiet():
            self.call(_nothing_more())

    def close(self) -> None:
        """Cancel what is left and close the loop."""
        try:
            if not self._stuck and private.has_unfinished_work(self.loop):
                self._run(_cancel_everything(self.loop))
        finally:
            private.lend_thread(self.loop, None)
            if not self._stuck:
                self.loop.close()

    async def _finish_at_rest(self, work: Awaitable[T]) -> T:
        if self.rest.deadline is None:
            self.rest.arm()
        try:
            return await work
        finally:
            if not self.rest.is_at_rest():
                await self.rest.wait()

    async def _in_context(
        self, test: AtRest, context: contextvars.Context, after: list[Any]
    ) -> object:
        private.restore_context(context)
        try:
            return await test
        finally:
            after.append(contextvars.copy_context())

    def _resumed(self) -> None:
        self.on_resume()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the loop in the helper while this thread runs the jobs."""
        self._refuse_if_unusable(work)
        results: list[T] = []
        errors: list[BaseException] = []

        def run_loop() -> None:
            try:
                results.append(self.loop.run_until_complete(work))
            except BaseException as error:  # noqa: BLE001 - raised by the caller
                errors.append(error)
            finally:
                self.executor.pause()

        self.is_running = True
        self.executor.resume()
        try:
            self._helper.run(run_loop)
            self._pump()
        finally:
            self.is_running = False
            self.rest.deadline = None
            self._watchdog.disarm()
            private.forget_main_loop()
        self._raise_verdict()
        if errors:
            raise errors[0]
        return results[0]

    def _raise_verdict(self) -> None:
        verdict, self._verdict = self._verdict, None
        if verdict is not None:
            raise verdict

    def _pump(self) -> None:
        self._is_traced = hangs.is_traced()
        if self.rest.hang_timeout is not None and not self._test:
            self._watchdog.arm(self.rest.hang_timeout, self._loop_is_blocked)
        try:
            self.executor.pump()
        except BaseException:
            # Nothing of the application may run beside the test's code.
            self.loop.call_soon_threadsafe(self.loop.stop)
            if not self.executor.wait_for_pause(_SECONDS_TO_STOP):
                self._give_up(RuntimeError("The loop of this test was interrupted."))
            raise

    def _refuse_if_unusable(self, work: Coroutine[Any, Any, Any]) -> None:
        reason = None
        if self._stuck:
            reason = "The loop of this test is stuck, as reported before."
        elif threading.get_ident() != self.thread_id:
            reason = "This call belongs to the test's own thread."
        elif self.is_running:
            reason = "This call was made while another one is running."
        if reason:
            work.close()
            raise RuntimeError(reason)

    # Hangs and deadlocks.

    def _hang(self) -> None:
        """Called by the loop when a wait has lasted for ``hang_timeout``."""
        self.rest.arm()
        if self._is_debugged():
            return
        error = HangError(self._hang_text())
        if self._blocks_own_thread():
            self._verdict = error
            print(f"\n{error}", file=sys.stderr)  # noqa: T201 - nobody may catch it
            hangs.interrupt(self.thread_id)
        elif not self.rest.fail_waiters(error) and self._test is not None:
            self._test.interrupt(error)

    def _hang_text(self) -> str:
        return (
            f"The application did not come to rest within {self.rest.hang_timeout:g} s"
            " (hang_timeout).\n\n"
            f"{hangs.describe_work(self.rest)}{self._more()}\n\n"
            "A thread job that is meant to wait is declared with background_jobs or"
            " with self.background(function)."
        )

    def _is_debugged(self) -> bool:
        return self._is_traced or hangs.debugger_is_active()

    def _more(self) -> str:
        more = self.describe()
        return f"\n\n{more}" if more else ""

    def _blocks_own_thread(self) -> bool:
        return any(job.thread_id == self.thread_id for job in self.rest.busy_jobs())

    def _loop_is_blocked(self) -> None:
        """Called by the watchdog when the loop has not looked at the clock."""
        if self._is_debugged():
            return
        error = HangError(self._hang_text())
        print(f"\n{error}", file=sys.stderr)  # noqa: T201 - nobody may catch it
        self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        self._stuck = self._verdict = error
        HelperThread.abandon()
        self.executor.pause()

    def _idle(self, is_endless: bool) -> bool:  # noqa: FBT001 - the loop's answer
        """Called at rest when nobody waits for it: can anything go on?"""
        if not is_endless or self._test is None or self.rest.outside_work():
            return False
        self._test.interrupt(
            DeadlockError(
                "Nothing can ever wake this test up: the application is at rest, no"
                " timer is pending, and there is no work outside of it.\n\n"
                f"{hangs.describe_work(self.rest)}{self._more()}"
            )
        )
        return True


def _nothing() -> None:
    """Stand for a callback that nobody has set."""


async def _nothing_more() -> None:
    """Be the work of a call that only comes to rest."""


async def _cancel_everything(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel every task, as asyncio.run() does at its end."""
    current = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks(loop) if task is not current]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_SECONDS_TO_STOP)
    await loop.shutdown_asyncgens()
