"""Budgets of queries hold where a server shares the test's connection."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from channels_testkit import LiveServerTestCase, RollbackLiveServerTestCase
from tests.app.querying import QueryingConsumer

from .clients import dial, hear, say


class BudgetTests(LiveServerTestCase):
    application: Any = QueryingConsumer.as_asgi()

    def test_an_event_of_the_server_is_refused(self) -> None:
        ann = dial(self, "/")
        with self.assertRaisesRegex(RuntimeError, "use RollbackLiveServerTest"):
            with self.assertMaxQueries(9, per="event"):
                say(ann, {"tell": "tea"})
                self.assertEqual(hear(ann), {"notes": 0})


class SharedBudgetTests(RollbackLiveServerTestCase):
    application: Any = QueryingConsumer.as_asgi()

    def test_queries_of_the_server_count(self) -> None:
        ann = dial(self, "/")
        for per, verdict in (
            ("event", "told() made 1 query for one event of"),
            ("receiver", "The only receiver of a message to group 'listeners'"),
            (None, "The block made 1 query"),
        ):
            options: Any = {"per": per}
            for most in (1, 0):
                with self.subTest(per=per, most=most), contextlib.ExitStack() as stack:
                    if not most:
                        stack.enter_context(
                            self.assertRaisesRegex(AssertionError, re.escape(verdict))
                        )
                    with self.assertMaxQueries(most, **options):
                        say(ann, {"tell": "tea"})
                        self.assertEqual(hear(ann), {"notes": 0})
