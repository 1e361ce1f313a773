"""Thread jobs of explored tests that run beside the loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from channels_testkit import WebsocketTestCase, explore_schedules
from tests.utils import OuterTestCase, run_case


class Slow(AsyncJsonWebsocketConsumer):
    """Has a job that needs the loop again and again."""

    begun: ClassVar[list[str]] = []
    came_meanwhile: ClassVar[list[str]] = []

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        self.begun.append(content)
        await sync_to_async(self.work)(asyncio.get_running_loop())

    def work(self, loop: asyncio.AbstractEventLoop) -> None:
        before = len(self.begun)
        for _ in range(50):
            has_run = threading.Event()
            loop.call_soon_threadsafe(has_run.set)
            has_run.wait()
        self.came_meanwhile.extend(self.begun[before:])


class ExploredJobTests(OuterTestCase):
    def test_nothing_comes_while_a_job_runs(self) -> None:
        """What comes then would depend on the machine."""

        class Case(WebsocketTestCase):
            application = Slow.as_asgi()
            ws_path = "/"

            @explore_schedules(20, sends_overlap=True)
            def test(self) -> None:
                Slow.begun.clear()
                ann, ben = self.connect_many(2)
                ann.send_json("ann")
                ben.send_json("ben")
                self.settle()

        Slow.came_meanwhile.clear()
        self.assertEqual(run_case(Case).texts, [])
        self.assertEqual(Slow.came_meanwhile, [])
