"""The captive layer in tests that are explored."""

from __future__ import annotations

from typing import Any, ClassVar

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from channels_testkit import WebsocketTestCase, explore_schedules
from tests.utils import OuterTestCase, run_case


class Minutes(AsyncJsonWebsocketConsumer):
    """Sends itself messages, and writes down which have come."""

    lines: ClassVar[list[str]] = []

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        for text in content:
            message = {"type": "said", "text": text}
            await self.channel_layer.send(self.channel_name, message)

    async def said(self, event: dict[str, Any]) -> None:
        self.lines.append(event["text"])


class ExploredMessagesTests(OuterTestCase):
    def test_others_come_between_two_messages_of_a_channel(self) -> None:
        orders = set()

        class Case(WebsocketTestCase):
            application = Minutes.as_asgi()
            ws_path = "/"

            @explore_schedules(50, sends_overlap=True)
            def test(self) -> None:
                Minutes.lines.clear()
                ann, ben = self.connect_many(2)
                ann.send_json(["a1", "a2"])
                ben.send_json(["b"])
                self.settle()
                orders.add(" ".join(Minutes.lines))

        self.assertEqual(run_case(Case).texts, [])
        self.assertEqual(orders, {"a1 a2 b", "a1 b a2", "b a1 a2"})
