"""Budgets of queries hold in plain functions as in test cases."""

from __future__ import annotations

from .inner import CONSUMERS, PytestCase, needs

BUDGETS = (
    CONSUMERS
    + """
    import pytest

    from tests.app.querying import QueryingConsumer, count_notes

    pytestmark = pytest.mark.django_db

    @pytest.fixture
    def ann(channels_test):
        channels_test.application = QueryingConsumer.as_asgi()
        return channels_test.connect("/")

    def test_events(channels_test, ann):
        with channels_test.assertMaxQueries(2, per="event", using="default"):
            ann.send_json({"items": ["tea", "milk"]})

    @pytest.mark.asyncio
    async def test_receivers_async(channels_test):
        channels_test.application = QueryingConsumer.as_asgi()
        ann = await channels_test.aconnect("/")
        with channels_test.assertMaxQueries(1, per="receiver"):
            await ann.send_json_to({"tell": "tea"})

    def test_too_many_for_an_event(channels_test, ann):
        with channels_test.assertMaxQueries(1, per="event"):
            ann.send_json({"items": ["tea", "milk"]})

    @pytest.mark.asyncio
    async def test_too_many_for_a_receiver(channels_test):
        channels_test.application = QueryingConsumer.as_asgi()
        ann = await channels_test.aconnect("/")
        with channels_test.assertMaxQueries(0, per="receiver"):
            await ann.send_json_to({"tell": "tea"})

    def test_a_fixture_may_query(channels_test, ann):
        with channels_test.assertMaxQueries(0):
            count_notes()
"""
)


@needs("pytest_django", "pytest_asyncio")
class BudgetTests(PytestCase):
    def test_functions(self) -> None:
        ended = self.pytest(BUDGETS)
        self.assert_outcomes(ended, passed=2, failed=3)
        for verdict in (
            "QueryingConsumer.websocket_receive() made 2 queries for one event",
            "The only receiver of a message to group 'listeners' made 1 query, at most",
            "The block made 1 query, at most 0 expected.",
        ):
            self.assertIn(verdict, ended.printed)
        self.assertNotIn("channels_testkit/assertions", ended.printed)
