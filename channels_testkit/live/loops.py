"""Event loops that run beside the test, each in a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from channels_testkit.engine import hangs, private, private_asgiref, threads
from channels_testkit.engine.cancelling import cancel_everything
from channels_testkit.engine.origins import CallersKept
from channels_testkit.engine.pools import known_to_its_loop
from channels_testkit.exceptions import HangError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

T = TypeVar("T")

SECONDS_TO_ANSWER = 10.0
_SECONDS_TO_STOP = 5.0


class LoopThread:
    """
    A loop that runs in a thread until ``stop()``.

    Its thread-sensitive work has a thread of its own, as in a process that
    does nothing else.
    """

    def __init__(self, name: str) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.SelectorEventLoop()
        self._thread = threads.of_kit(self._run, name)
        self._undo = contextlib.ExitStack()
        self._undo.enter_context(sync_thread(self.loop, name))
        self._thread.start()

    def call(
        self, work: Coroutine[Any, Any, T], timeout: float = SECONDS_TO_ANSWER
    ) -> T:
        """Run a coroutine on the loop, and return its result here."""
        return call_on(self.loop, work, timeout)

    def stop(self) -> None:
        """Cancel what is left, end the thread and close the loop."""
        try:
            self.call(cancel_everything(_SECONDS_TO_STOP))
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(_SECONDS_TO_STOP)
            self._undo.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            run_on(self.loop)
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            self.loop.close()


def run_on(loop: asyncio.AbstractEventLoop) -> None:
    """
    Run a loop until it is stopped.

    An application that calls ``sys.exit()`` does not stop it: asyncio lets
    that out of the loop, though the task has it as well, to be told.
    """
    is_stopped = False
    while not is_stopped:
        with CallersKept(), contextlib.suppress(SystemExit, KeyboardInterrupt):
            loop.run_forever()
            is_stopped = True


def call_on(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, T],
    timeout: float = SECONDS_TO_ANSWER,
) -> T:
    """
    Run a coroutine on a loop of another thread; return its result here.

    Raises ``HangError`` after ``timeout`` seconds: the loop may be blocked.
    """
    future = asyncio.run_coroutine_threadsafe(work, loop)
    if not _comes(future, timeout):
        future.cancel()
        raise _did_not_answer(loop, timeout)
    return future.result()


def call_bounded_on(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], timeout: float
) -> T:
    """
    Do the same with work that has bounds of its own.

    However slow the machine is, they come first. Raises ``HangError`` only
    where the loop does nothing for ``timeout`` seconds: it is blocked.
    """
    future = asyncio.run_coroutine_threadsafe(work, loop)
    while not _comes(future, timeout):
        answer: concurrent.futures.Future[None] = concurrent.futures.Future()
        loop.call_soon_threadsafe(answer.set_result, None)
        if not _comes(answer, timeout):
            future.cancel()
            raise _did_not_answer(loop, timeout)
    return future.result()


def _comes(future: concurrent.futures.Future[Any], timeout: float) -> bool:
    done, _ = concurrent.futures.wait([future], timeout)
    return bool(done)


def _did_not_answer(loop: asyncio.AbstractEventLoop, timeout: float) -> HangError:
    stack = "\n".join(hangs.stack_lines(private.thread_of(loop)))
    return HangError(
        f"A loop beside the test did not answer within {timeout:g} s. It is at:\n\n"
        f"{stack}"
    )


@contextlib.contextmanager
def sync_thread(loop: asyncio.AbstractEventLoop, name: str) -> Iterator[None]:
    """Give the loop's thread-sensitive work a thread, for the block."""
    executor = ThreadPoolExecutor(1, f"{name}, sync code")
    private_asgiref.lend_thread(loop, executor)
    try:
        yield
    finally:
        private_asgiref.lend_thread(loop, None)
        executor.shutdown(wait=_is_free(executor))


def _is_free(executor: ThreadPoolExecutor) -> bool:
    """Tell whether the thread takes work; one that is stuck is left alone."""
    with known_to_its_loop:
        last = executor.submit(int)
    return _comes(last, _SECONDS_TO_STOP)
