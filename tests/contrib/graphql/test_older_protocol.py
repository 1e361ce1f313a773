"""A consumer of our own that speaks the older protocol, and nothing else."""

from __future__ import annotations

from django.contrib.auth.models import User

from channels_testkit import Group
from channels_testkit.contrib.graphql import GraphQLTestCase

TICK = "subscription Tick { tick }"


def tick(number):
    Group("ticks").send({"type": "tick", "number": number})


# docs:start graphql-older
class TickTests(GraphQLTestCase):
    ws_path = "/old/"
    graphql_protocol = "graphql-ws"

    def test_the_clock_ticks(self):
        sub = self.subscribe("subscription Tick { tick }")
        Group("ticks").send({"type": "tick", "number": 1})
        sub.assert_next({"tick": 1})
        # docs:end graphql-older

    def test_a_stop_ends_it(self):
        with self.subscribe(TICK) as sub:
            tick(1)
            sub.assert_next({"tick": 1})
        tick(2)
        sub.assert_nothing()

    def test_a_query_is_answered_and_completed(self):
        ann = User.objects.create_user("ann")
        self.assertEqual(self.execute("{ me }", user=ann).data, {"me": "ann"})

    def test_errors(self):
        self.subscribe("{ you }").assert_error({"locations": list})
        result = self.execute("{ broken }", assert_no_errors=False)
        self.assertEqual(result.data, {"broken": None})

    def test_keep_alives_are_left_out(self):
        self.check_unread = "fail"
        client = self.create_graphql_client()
        self.assertIsNone(client.init())
        self.assertEqual(client.frames[-1], '{"type": "ka"}')

    def test_a_refused_init(self):
        client = self.create_graphql_client()
        client.connect()
        payload = {"token": "wrong"}
        client.send_json({"type": "connection_init", "payload": payload})
        self.assertEqual(client.receive_json()["type"], "connection_error")
        self.assertClosed(client, code=4403)

    async def test_async(self):
        async with self.asubscribe(TICK) as sub:
            await Group("ticks").asend({"type": "tick", "number": 1})
            sub.assert_next({"tick": 1})
        await Group("ticks").asend({"type": "tick", "number": 2})
        sub.assert_nothing()


class PingTests(GraphQLTestCase):
    ws_path = "/pinging/"

    def test_a_ping_is_answered_at_once_with_its_payload(self):
        client = self.create_graphql_client()
        self.assertEqual(client.init(), {"v": 1})
        client.subscribe("subscription { pong }").assert_next({"pong": True})
        self.assertEqual(client.receive_all_json(), [])

    async def test_a_ping_is_answered_in_an_async_test(self):
        sub = await self.asubscribe("subscription { pong }")
        sub.assert_next({"pong": True})
