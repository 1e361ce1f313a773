"""Calls that cannot be meant, and what they raise."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.test import Client

from channels_testkit import WSClient
from channels_testkit.contrib.graphql import GraphQLClient, GraphQLTestCase

COUNT = "subscription { count(to: 1) }"
LONG = "x" * 300_000
MOST = 20_000


class MisuseTests(GraphQLTestCase):
    def check(self, kind, text, call, *args, **options):
        with self.assertRaises(kind) as caught:
            call(*args, **options)
        self.assertEqual(str(caught.exception), text)

    def test_protocols(self):
        known = "protocol= is 'graphql-transport-ws' or 'graphql-ws', not"
        meant = f"{known} 'graphql_ws'. Did you mean 'graphql-ws'?"
        self.check(ValueError, meant, self.subscribe, COUNT, protocol="graphql_ws")
        self.check(ValueError, f"{known} 7.", GraphQLClient, protocol=7)

    def test_operations(self):
        text = "A query is the text of an operation, not {}."
        self.check(TypeError, text, self.subscribe, {})
        text = "A query is the text of an operation, and this one is empty."
        self.check(ValueError, text, self.execute, " ")
        text = "variables are a dict, not 'lobby'."
        self.check(TypeError, text, self.subscribe, COUNT, "lobby")

    def test_clients(self):
        sub = self.subscribe(COUNT)
        self.check(
            TypeError,
            f"subscribe(client=...) is a GraphQLClient, not {sub!r}. Write"
            " client=sub.client.",
            self.subscribe,
            COUNT,
            client=sub,
        )
        other = WSClient("/graphql/")
        self.check(
            TypeError,
            f"execute(client=...) is a GraphQLClient, not {other!r}."
            " create_graphql_client() makes one.",
            self.execute,
            COUNT,
            client=other,
        )
        self.check(
            TypeError,
            "subscribe(client=..., origin=...): the client has a connection, or options"
            " for it. Give origin= where it is made, or leave client= out.",
            self.subscribe,
            COUNT,
            client=sub.client,
            origin="http://example.com",
        )

    def test_a_user_and_a_django_client(self):
        text = "Give user= or client=, not both."
        client = Client()
        self.check(
            TypeError, text, self.subscribe, COUNT, client=client, user=AnonymousUser()
        )

    async def test_sync_calls_in_an_async_test(self):
        sub = await self.asubscribe(COUNT)
        calls = {
            "self.asubscribe": lambda: self.subscribe(COUNT),
            "self.aexecute": lambda: self.execute(COUNT),
            "client.asubscribe": lambda: sub.client.subscribe(COUNT),
            "client.aexecute": lambda: sub.client.execute(COUNT),
            "client.ainit": lambda: sub.client.init(),
            "sub.anext": lambda: sub.next(),
            "sub.astop": lambda: sub.stop(),
        }
        for name, call in calls.items():
            with self.subTest(name), self.assertRaises(RuntimeError) as caught:
                call()
            self.assertIn(f"await {name}(", str(caught.exception))
        with self.assertRaisesRegex(RuntimeError, "write 'async with sub'"), sub:
            pass

    def test_failures_about_large_values_are_short(self):
        sub = self.subscribe(
            "subscription { token }", connection_params={"token": LONG}
        )
        with self.assertRaises(AssertionError) as caught:
            sub.assert_next({"token": f"{LONG}y"})
        self.assertLess(len(str(caught.exception)), MOST)
        wrong = self.subscribe("subscription { %s }" % ("a" * 3_000))
        with self.assertRaises(AssertionError) as caught:
            wrong.assert_error(LONG)
        self.assertLess(len(str(caught.exception)), MOST)
