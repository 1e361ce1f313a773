"""Limits of queries, as the page about the database shows them."""

from __future__ import annotations

from typing import Any

from channels_testkit import WebsocketTestCase
from tests.app.models import Note
from tests.app.querying import QueryingConsumer


class QueryingShop(QueryingConsumer):
    """Looks all items up at once, and once for all listeners."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        notes = Note.objects.filter(
            text__in=content.get("items", [content.get("tell")])
        )
        found = [note.text async for note in notes]
        if "tell" in content:
            message = {"type": "told", "notes": len(found)}
            await self.channel_layer.group_send("listeners", message)

    async def told(self, event: dict[str, Any]) -> None:
        await self.send_json({"notes": event["notes"]})


class BudgetTests(WebsocketTestCase):
    application: Any = QueryingShop.as_asgi()
    ws_path = "/"

    # docs:start per-event
    def test_a_list_is_looked_up_at_once(self) -> None:
        ann = self.connect()
        with self.assertMaxQueries(1, per="event"):
            ann.send_json({"items": ["tea", "milk", "rice"]})

    # docs:end per-event

    # docs:start per-receiver
    def test_a_broadcast_costs_no_query_for_each_client(self) -> None:
        ann, ben = self.connect_many(2)
        with self.assertMaxQueries(0, per="receiver"):
            ann.send_json({"tell": "tea"})
        self.assertAllReceive([ann, ben], {"notes": 0})

    # docs:end per-receiver
