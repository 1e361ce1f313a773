from __future__ import annotations

import asyncio
import contextlib
import unittest
from typing import TYPE_CHECKING, Any
from unittest import mock

from channels.layers import get_channel_layer
from django.test import override_settings

from channels_testkit.engine import private
from channels_testkit.engine.kept_loop import KeptLoop
from channels_testkit.running.options import RunOptions
from channels_testkit.running.run import in_place
from channels_testkit.running.shared_lifespan import SharedLifespan
from tests.layers.test_real import REAL
from tests.lifespans import STARTUP_COMPLETE, lifespan_of, noting, routed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class SharedLifespanTests(unittest.TestCase):
    def setUp(self) -> None:
        self.kept = KeptLoop()
        self.addCleanup(self.kept.close)

    def start(self, lifespan: Any, **options_of_run: Any) -> SharedLifespan:
        application = routed(lifespan)
        options = RunOptions(get_application=lambda: application, **options_of_run)
        return SharedLifespan(options, lambda run: run.run_by(self.kept.new_bridge))

    def test_it_is_in_no_run_that_is_in_place(self) -> None:
        log: list[str] = []
        shared = self.start(noting(log))
        self.assertIsNone(in_place())
        self.assertEqual(log, ["started"])
        shared.end()
        self.assertEqual(log, ["started", "shut down"])

    @override_settings(CHANNEL_LAYERS=REAL)
    def test_groups_of_real_layers_are_not_known(self) -> None:
        log: list[str] = []

        @contextlib.asynccontextmanager
        async def joins(state: dict[str, Any]) -> AsyncIterator[None]:
            await get_channel_layer().group_add("news", "listener")
            log.append("started")
            yield
            log.append("shut down")

        shared = self.start(lifespan_of(joins), layer_source="configured")
        shared.end()
        self.assertEqual(log, ["started", "shut down"])

    def test_an_interrupt_leaves_nothing_in_place(self) -> None:
        async def at_startup(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            raise KeyboardInterrupt

        async def at_shutdown(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(STARTUP_COMPLETE)
            await receive()
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            self.start(at_startup)
        self.assertIsNone(in_place())
        shared = self.start(at_shutdown)
        with self.assertRaises(KeyboardInterrupt):
            shared.end()
        self.assertIsNone(in_place())

    def test_an_interrupt_at_the_end_of_a_test_leaves_the_loop(self) -> None:
        async def interrupted() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                raise KeyboardInterrupt

        async def start() -> None:
            self.task = asyncio.create_task(interrupted())
            await asyncio.sleep(0)

        bridge = self.kept.new_bridge(hang_timeout=None)
        bridge.run(start())
        with self.assertRaises(KeyboardInterrupt):
            bridge.close()
        self.assertIsInstance(self.task.exception(), KeyboardInterrupt)
        following = self.kept.new_bridge(hang_timeout=None)
        self.assertEqual(following.run(asyncio.sleep(0, "goes on")), "goes on")
        following.close()

    def test_its_clock_stands_still_between_the_runs(self) -> None:
        shared = self.start(noting([]))
        before = self.kept.new_bridge(hang_timeout=None)
        now = self.kept.loop.time()
        before.close()
        before.close()
        later = private.clock() + 1000
        with mock.patch.object(private, "clock", return_value=later):
            after = self.kept.new_bridge(hang_timeout=None)
            self.assertLess(self.kept.loop.time(), now + 500)
        after.close()
        shared.end()
