"""Budgets of queries are refused where the queries are not seen."""

from __future__ import annotations

from typing import Any

from channels_testkit import LiveServerTestCase
from tests.app.querying import QueryingConsumer

from .clients import dial, hear, say


class BudgetTests(LiveServerTestCase):
    application: Any = QueryingConsumer.as_asgi()

    def test_an_event_of_the_server_is_refused(self) -> None:
        ann = dial(self, "/")
        with self.assertRaisesRegex(RuntimeError, "no queries of a live server"):
            with self.assertMaxQueries(9, per="event"):
                say(ann, {"tell": "tea"})
                self.assertEqual(hear(ann), {"notes": 0})
