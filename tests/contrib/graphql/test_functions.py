"""The client in plain functions of pytest."""

from __future__ import annotations

from tests.pytest_plugin.inner import PytestCase, needs

FUNCTIONS = """
# docs:start graphql-functions
import pytest
from django.contrib.auth.models import User

from channels_testkit.contrib.graphql import GraphQLClient

MESSAGES = 'subscription { messages(room: "lobby") { text author } }'
SAY = 'mutation { say(room: "lobby", text: "hello") }'

@pytest.fixture
def ann(db):
    return User.objects.create_user("ann")

def test_the_room_hears_what_ann_says(ann):
    sub = GraphQLClient("/graphql/").subscribe(MESSAGES)
    GraphQLClient("/graphql/", user=ann).execute(SAY)
    sub.assert_next({"messages": {"text": "hello", "author": "ann"}})

async def test_async(ann):
    client = GraphQLClient("/graphql/", user=ann)
    async with client.asubscribe(MESSAGES) as sub:
        await client.aexecute(SAY)
        sub.assert_next({"messages": {"text": "hello", "author": "ann"}})
# docs:end graphql-functions
"""
MORE = """
@pytest.mark.channels_test(check_unread="fail", use_virtual_time=True)
def test_with_the_mark(channels_test):
    client = GraphQLClient("/graphql/")
    client.connect()
    channels_test.advance(60)
    channels_test.assertClosed(client, code=4408)

def test_that_fails(ann):
    GraphQLClient("/graphql/").subscribe(MESSAGES).next()
"""


@needs("pytest_django", "pytest_asyncio")
class FunctionTests(PytestCase):
    def test_every_example(self) -> None:
        settings = "tests.contrib.graphql.settings"
        ended = self.pytest(FUNCTIONS + MORE, "--asyncio-mode=auto", settings=settings)
        self.assert_outcomes(ended, passed=3, failed=1)
        self.assertIn("No result of operation 1 from /graphql/", ended.printed)
