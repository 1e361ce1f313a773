"""
Running a scenario on a plain loop of asyncio, and on the engine.

On the plain loop each lane of jobs has a thread, as on a server; the engine
has one thread for all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async

from channels_testkit.engine import private_asgiref
from channels_testkit.engine.attaching import AttachedBridge
from channels_testkit.engine.bridge import Bridge

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Scenario = Callable[[], Coroutine[Any, Any, Any]]


async def request(work: Callable[..., Any], *args: Any) -> Any:
    """Run a job as a request does, in a thread of its own on a server."""
    async with ThreadSensitiveContext():
        return await sync_to_async(work)(*args)


def on_a_server(scenario: Scenario) -> Any:
    return outcome_of(lambda: asyncio.run(scenario()))


def on_the_engine(scenario: Scenario) -> Any:
    bridge = Bridge(hang_timeout=10)
    try:
        with private_asgiref.lanes_of_contexts():
            return outcome_of(lambda: bridge.run(scenario()))
    finally:
        bridge.close()


async def clean_up() -> None:
    """Do what ``asyncio.run()`` does when its loop ends."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()


def attached(
    loop: asyncio.AbstractEventLoop,
) -> contextlib.closing[AttachedBridge]:
    """Have the engine on a loop, for a block."""
    return contextlib.closing(AttachedBridge(loop, hang_timeout=None))


def on_a_loop_of_somebody_else(scenario: Scenario) -> Any:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        with attached(loop), private_asgiref.lanes_of_contexts():
            return outcome_of(lambda: loop.run_until_complete(scenario()))
    finally:
        asyncio.set_event_loop(None)
        loop.run_until_complete(clean_up())
        loop.close()


def in_another_thread(scenario: Scenario) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(on_the_engine, scenario).result(30)


WAYS = (on_the_engine, on_a_loop_of_somebody_else, in_another_thread)


def outcome_of(run: Callable[[], Any]) -> Any:
    """Return what came of it, exceptions as their names."""
    try:
        return run()
    except BaseException as error:  # noqa: BLE001 - the tests compare it
        return f"raised {type(error).__name__}: {error}"


class Log(list[str]):
    """What happened, in order."""

    def job(self, name: str) -> Callable[[], None]:
        return lambda: self.append(name)

    async def begun(self, entries: int = 1) -> None:
        """Wait for so many entries, which another thread may make."""
        while len(self) < entries:  # noqa: ASYNC110 - an event of asyncio is not for threads
            await asyncio.sleep(0.001)


async def soon() -> None:
    """Let others go on for some rounds."""
    for _ in range(20):
        await asyncio.sleep(0)


def expect_that_nobody_retrieves() -> None:
    """Let the loop not report an exception that has ended it."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)


class FidelityCase(unittest.TestCase):
    def assert_same(self, scenario: Scenario, expected: Any = None) -> None:
        server = on_a_server(scenario)
        for way in WAYS:
            with self.subTest(way.__name__):
                self.assertEqual(way(scenario), server)
        if expected is not None:
            self.assertEqual(server, expected)
