"""Loops beside the test, and how long they are waited for."""

from __future__ import annotations

import asyncio
import unittest

from channels_testkit import HangError
from channels_testkit.live.loops import LoopThread, call_bounded_on, call_on


async def work(seconds):
    await asyncio.sleep(seconds)
    return "done"


class CallTests(unittest.TestCase):
    def setUp(self):
        thread = LoopThread("of a test")
        self.addCleanup(thread.stop)
        self.loop = thread.loop

    def test_work_is_waited_for_as_long_as_the_caller_says(self):
        self.assertEqual(call_on(self.loop, work(0)), "done")
        with self.assertRaisesRegex(HangError, r"^A loop beside .+ within 0\.01 s\."):
            call_on(self.loop, work(10), 0.01)

    def test_work_with_bounds_is_waited_for_while_the_loop_answers(self):
        self.assertEqual(call_bounded_on(self.loop, work(0.05), 0.02), "done")
