"""``contrib.graphql`` as a typed project uses it; mypy and pyright read it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from typing_extensions import assert_type

from channels_testkit.contrib.graphql import (
    GraphQLClient,
    GraphQLResult,
    GraphQLTestCase,
    Subscription,
)

COUNT = "subscription { count }"


class CountTests(GraphQLTestCase):
    ws_path = "/graphql/"
    graphql_protocol = "graphql-ws"
    connection_params = {"token": "secret"}  # noqa: RUF012 - as projects write it

    def test_calls(self) -> None:
        sub = self.subscribe(COUNT, {"to": 2}, user=User(), name="ann")
        assert_type(sub, Subscription)
        assert_type(sub.client, GraphQLClient)
        assert_type(sub.next(), GraphQLResult)
        assert_type(sub.assert_next({"count": 1}, errors=["no"]), GraphQLResult)
        assert_type(sub.assert_error("no"), list[Any])
        assert_type(sub.name, str | None)
        sub.assert_complete()
        with self.subscribe(COUNT, client=sub.client) as other:
            assert_type(other, Subscription)
            other.assert_nothing(within=1)
        self.subscribe(COUNT, client=Client(), signed_cookies={"seat": "7"})
        self.subscribe(COUNT, users=[])  # type: ignore[call-arg]
        self.subscribe(COUNT, client="ann")  # type: ignore[arg-type]
        self.execute(COUNT).data["count"]
        assert_type(self.execute(COUNT, assert_no_errors=False), GraphQLResult)

    async def test_async_calls(self) -> None:
        async with self.asubscribe(COUNT, operation_name="Count") as sub:
            assert_type(await sub.anext(timeout=1), GraphQLResult)
            assert_type(await sub.aassert_next(), GraphQLResult)
        assert_type(await self.asubscribe(COUNT), Subscription)
        assert_type(await self.aexecute(COUNT), GraphQLResult)
        client = GraphQLClient("/graphql/", connection_params={"token": "secret"})
        await client.ainit()
        assert_type(await client.asubscribe(COUNT), Subscription)
        assert_type(client.subscribe(COUNT), Subscription)
