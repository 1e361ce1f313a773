"""Ctrl-C at moments that nobody has chosen; the next test has to be clean."""

from __future__ import annotations

import asyncio
import random
import signal
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from channels_testkit import SimpleWebsocketTestCase
from tests.engine import test_pools

if TYPE_CHECKING:
    from collections import Counter

USERS = 3
_SECONDS_OF_A_TEST = 0.05
_SECONDS_UNTIL_LOST = 5.0


class Cases:
    """Run from here alone. Django leaves the rows of an interrupted test."""

    class Interrupted(SimpleWebsocketTestCase):
        ws_path = "/"
        application = test_pools.Consumer.as_asgi()

        def test_sync(self) -> None:
            while True:
                self.talk()

        async def test_async(self) -> None:
            while True:
                users = await self.aconnect_many(USERS)
                for way in test_pools.WAYS:
                    await asyncio.gather(*(user.send_text(way) for user in users))
                await self.adisconnect_all()

        def test_to_its_end(self) -> None:
            self.talk()

        def talk(self) -> None:
            users = self.connect_many(USERS)
            for way in test_pools.WAYS:
                for user in users:
                    user.send_text(way)
                    self.assertReceivesText(user, "done")
            self.disconnect_all()


def interrupt(times: int, counts: Counter[str], wrong: Counter[str]) -> None:
    """Interrupt a test so many times, and look at the one after it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for number in range(times):
            counts["interrupts"] += 1
            wrong["interrupts"] += not (
                _is_interrupted("test_async" if number % 2 else "test_sync")
                and _is_clean()
            )
    finally:
        signal.signal(signal.SIGINT, before)


def _is_interrupted(test: str) -> bool:
    result, is_over = unittest.TestResult(), threading.Event()
    pressing = threading.Thread(target=_press, args=(is_over,))
    try:
        pressing.start()
        unittest.TestSuite([Cases.Interrupted(test)]).run(result)
    except KeyboardInterrupt:
        return _report(result)
    finally:
        _end(pressing, is_over)
        Cases.Interrupted.doClassCleanups()
    print(f"{test} was not ended by an interrupt", flush=True)
    return _report(result) and False


def _end(pressing: threading.Thread, is_over: threading.Event) -> None:
    """Wait for the last press, which may come as late as here."""
    try:
        is_over.set()
        pressing.join()
    except KeyboardInterrupt:
        pressing.join()


def _press(is_over: threading.Event) -> None:
    """Press Ctrl-C; again where Python has lost it, as in a finalizer."""
    main: Any = threading.main_thread().ident
    seconds = random.random() * _SECONDS_OF_A_TEST
    while not is_over.wait(seconds):
        signal.pthread_kill(main, signal.SIGINT)
        seconds = _SECONDS_UNTIL_LOST


def _is_clean() -> bool:
    # An interrupt amid Python's own "with lock" leaves it locked for good,
    # here those of the pool that outlives the test. The kit cannot mend that.
    test_pools.POOL = ThreadPoolExecutor(4, thread_name_prefix="project pool")
    result = unittest.TestResult()
    unittest.TestSuite([Cases.Interrupted("test_to_its_end")]).run(result)
    return _report(result)


def _report(result: unittest.TestResult) -> bool:
    """Print what went wrong; return whether nothing has."""
    for test, text in [*result.failures, *result.errors]:
        print(f"{test}\n{text}", flush=True)
    return result.wasSuccessful()
