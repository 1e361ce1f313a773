"""Subscriptions on strawberry's own consumer, in both protocols."""

from __future__ import annotations

import asyncio
import json
import re
import threading

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from strawberry.channels import GraphQLProtocolTypeRouter

from channels_testkit import Group, HttpCommunicator, explore_schedules
from channels_testkit.contrib.graphql import GraphQLTestCase

from .schema import NotAMemberError, schema

MESSAGES = """
    subscription Messages($room: String!) { messages(room: $room) { text author } }
"""
SAY = """
    mutation Say($room: String!, $text: String!) { say(room: $room, text: $text) }
"""
LOBBY = {"room": "lobby"}


def message_of(text, by):
    return {"type": "chat.message", "room": "lobby", "text": text, "by": by}


def say(text, by="ann"):
    Group("room-lobby").send(message_of(text, by))


# docs:start graphql-first
class MessagesTests(GraphQLTestCase):
    ws_path = "/graphql/"

    @classmethod
    def setUpTestData(cls):
        cls.ann, cls.ben = map(User.objects.create_user, ("ann", "ben"))

    def test_the_room_hears_what_ann_says(self):
        sub = self.subscribe(MESSAGES, {"room": "lobby"}, user=self.ben)

        self.execute(SAY, {"room": "lobby", "text": "hello"}, user=self.ann)

        sub.assert_next({"messages": {"text": "hello", "author": "ann"}})
        sub.assert_nothing()
        # docs:end graphql-first

    # docs:start graphql-async
    async def test_the_room_hears_what_ann_says_async(self):
        sub = await self.asubscribe(MESSAGES, {"room": "lobby"}, user=self.ben)

        await self.aexecute(SAY, {"room": "lobby", "text": "hello"}, user=self.ann)

        sub.assert_next({"messages": {"text": "hello", "author": "ann"}})
        sub.assert_nothing()
        # docs:end graphql-async

    # docs:start graphql-stop
    def test_a_stopped_subscription_gets_nothing(self):
        with self.subscribe(MESSAGES, {"room": "lobby"}) as sub:
            say("hello")
            self.assertEqual(sub.next().data["messages"]["text"], "hello")

        say("anybody there?")
        sub.assert_nothing()
        self.assertGroupMembers("room-lobby", [])
        # docs:end graphql-stop

    # docs:start graphql-complete
    def test_a_countdown_ends(self):
        sub = self.subscribe("subscription { count(to: 2) }")
        sub.assert_next({"count": 1})
        sub.assert_next({"count": 2})
        sub.assert_complete()
        # docs:end graphql-complete

    # docs:start graphql-errors
    def test_an_author_who_has_left(self):
        sub = self.subscribe(MESSAGES, {"room": "lobby"})
        say("farewell", by=None)

        message = {"text": "farewell", "author": None}
        sub.assert_next({"messages": message}, errors="the author has left")

    def test_an_invalid_query(self):
        sub = self.subscribe("subscription { mesages }")
        sub.assert_error(re.compile("Cannot query field 'mesages'.*"))
        # docs:end graphql-errors

    # docs:start graphql-connection
    def test_two_subscriptions_on_one_connection(self):
        ann = self.create_graphql_client(user=self.ann)
        lobby = ann.subscribe(MESSAGES, {"room": "lobby"})
        garden = self.subscribe(MESSAGES, {"room": "garden"}, client=ann)

        ann.execute(SAY, {"room": "garden", "text": "hello"})

        garden.assert_next({"messages": {"text": "hello"}}, partial=True)
        lobby.assert_nothing()
        # docs:end graphql-connection

    # docs:start graphql-init
    def test_a_wrong_token_is_refused(self):
        client = self.create_graphql_client()
        client.connect()
        payload = {"token": "wrong"}
        client.send_json({"type": "connection_init", "payload": payload})
        self.assertClosed(client, code=4403)

    def test_a_token_reaches_the_resolver(self):
        sub = self.subscribe(
            "subscription { token }", connection_params={"token": "secret"}
        )
        sub.assert_next({"token": "secret"})
        # docs:end graphql-init

    # docs:start graphql-codes
    def test_an_operation_without_init_is_refused(self):
        client = self.create_graphql_client()
        client.connect()
        client.send_json({"type": "subscribe", "id": "1", "payload": {"query": "{me}"}})
        self.assertClosed(client, code=4401)

    def test_a_client_without_init_times_out(self):
        with self.virtual_time():
            client = self.create_graphql_client()
            client.connect()
            self.advance(60)
            self.assertClosed(client, code=4408)
        # docs:end graphql-codes


class StrawberryTests(GraphQLTestCase):
    """What is not on the page."""

    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")

    def test_rows_of_the_test_are_seen(self):
        result = self.execute("query Users { users }", operation_name="Users")
        self.assertEqual(result.data, {"users": ["ann"]})
        self.assertEqual((result.errors, result.extensions), ([], None))

    def test_django_login_is_the_clients(self):
        self.client.force_login(self.ann)
        self.assertEqual(self.execute("{ me }").data, {"me": "ann"})
        result = self.execute("{ me }", client=self.client)
        self.assertEqual(result.data, {"me": "ann"})

    def test_login_of_the_client_itself(self):
        client = self.create_graphql_client()
        client.force_login(self.ann)
        self.assertEqual(client.execute("{ me }").data, {"me": "ann"})

    def test_operation_name_chooses(self):
        both = "subscription A { count(to: 1) } subscription B { count(to: 5) }"
        sub = self.subscribe(both, operation_name="A")
        self.assertEqual(sub.name, "A")
        sub.assert_next({"count": 1})
        sub.assert_complete()

    def test_an_execute_closes_its_own_connection(self):
        self.execute("{ me }")
        client = self.create_graphql_client()
        client.execute("{ me }")
        client.execute("{ me }")
        self.assertOpen(client)

    def test_errors_of_a_query_can_be_looked_at(self):
        result = self.execute("{ broken }", assert_no_errors=False)
        self.assertEqual(result.data, {"broken": None})
        self.assertEqual(result.errors[0]["message"], "not a member")
        result = self.execute("{ brokem }", assert_no_errors=False)
        self.assertIsNone(result.data)
        self.assertIn("Cannot query", result.errors[0]["message"])

    def test_the_resolvers_exception_is_the_cause(self):
        with self.assertRaises(AssertionError) as caught:
            self.execute("{ broken }")
        self.assertIsInstance(caught.exception.__cause__, NotAMemberError)

    def test_an_error_in_the_midst_of_a_subscription(self):
        sub = self.subscribe("subscription { membersOnly }")
        sub.assert_next({"membersOnly": 1})
        sub.assert_error({"message": "not a member"})

    def test_a_second_init_closes(self):
        client = self.create_graphql_client()
        client.init()
        client.send_json({"type": "connection_init"})
        self.assertClosed(client, code=4429)

    def test_an_id_that_runs_closes(self):
        sub = self.subscribe(MESSAGES, LOBBY)
        payload = {"query": MESSAGES, "variables": LOBBY}
        sub.client.send_json({"type": "subscribe", "id": sub.id, "payload": payload})
        self.assertClosed(sub.client, code=4409)

    def test_a_message_that_is_not_valid_closes(self):
        client = self.create_graphql_client()
        client.init()
        client.send_text("{")
        self.assertClosed(client, code=4400)

    def test_no_frame_is_left_unread(self):
        self.check_unread = "fail"
        sub = self.subscribe("subscription { count(to: 1) }")
        sub.assert_next({"count": 1})
        sub.assert_complete()
        self.execute("{ me }")
        other = self.subscribe(MESSAGES, LOBBY)
        other.stop()

    def test_a_client_connects_again(self):
        client = self.create_graphql_client()
        client.subscribe(MESSAGES, LOBBY)
        client.disconnect()
        sub = client.subscribe(MESSAGES, LOBBY)
        say("hello")
        sub.assert_next({"messages": {"text": "hello"}}, partial=True)

    def test_the_router_of_strawberry(self):
        application = GraphQLProtocolTypeRouter(schema)
        sub = self.subscribe("subscription { count(to: 1) }", application=application)
        sub.assert_next({"count": 1})

    def test_a_stop_of_what_has_ended_sends_nothing(self):
        sub = self.subscribe("subscription { count(to: 1) }")
        sub.stop()
        sub.assert_next()
        sub.assert_complete()
        sub.stop()
        sent = [entry for entry in sub.client.transcript if entry.direction == "->"]
        self.assertEqual(len(sent), 3)

    def test_results_are_told_apart_by_predicates(self):
        sub = self.subscribe("subscription { count(to: 3) }")
        sub.assert_next({"count": int})
        sub.assert_next({"count": lambda number: number > 1})
        self.assertEqual(sub.assert_next().data, {"count": 3})


class AsyncTests(GraphQLTestCase):
    async def test_the_whole_life(self):
        async with self.asubscribe(MESSAGES, LOBBY) as sub:
            layer = get_channel_layer()
            message = message_of("hello", by="ann")
            await layer.group_send("room-lobby", message)
            result = await sub.anext()
            self.assertEqual(result.data["messages"]["author"], "ann")
            await layer.group_send("room-lobby", message)
            await sub.aassert_next({"messages": {"text": "hello", "author": "ann"}})
        await layer.group_send("room-lobby", message)
        await sub.aassert_nothing()
        self.assertGroupMembers("room-lobby", [])

    async def test_ends(self):
        client = self.create_graphql_client()
        await client.ainit()
        sub = await client.asubscribe("subscription { count(to: 1) }")
        sub.assert_next({"count": 1})
        await sub.aassert_complete()
        wrong = await client.asubscribe("subscription { nothing }")
        await wrong.aassert_error()
        result = await client.aexecute("{ me }")
        self.assertEqual(result.data, {"me": "AnonymousUser"})
        await self.aexecute("{ me }", client=client)

    # docs:start graphql-http
    async def test_a_mutation_over_http(self):
        sub = await self.asubscribe(MESSAGES, {"room": "lobby"})

        content = {"query": SAY, "variables": {"room": "lobby", "text": "hello"}}
        body = json.dumps(content).encode()
        headers = {"content-type": "application/json"}
        request = HttpCommunicator(None, "POST", "/graphql/", body, headers)
        self.assertEqual((await request.get_response())["status"], 200)

        sub.assert_next({"messages": {"text": "hello"}}, partial=True)
        # docs:end graphql-http

    async def test_a_result_that_a_thread_brings(self):
        sub = await self.asubscribe(MESSAGES, LOBBY)
        group_send = async_to_sync(get_channel_layer().group_send)
        may_send = threading.Event()

        def send():
            may_send.wait()
            group_send("room-lobby", message_of("hello", by="ann"))

        thread = threading.Thread(target=send)
        thread.start()
        waiting = asyncio.create_task(sub.anext(timeout=10))
        asyncio.get_running_loop().call_soon(may_send.set)
        result = await waiting
        self.assertEqual(result.data["messages"]["text"], "hello")
        thread.join()

    async def test_a_cancelled_wait_takes_nothing(self):
        sub = await self.asubscribe(MESSAGES, LOBBY)
        waiting = asyncio.create_task(sub.anext(timeout=10))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        message = message_of("hello", by="ann")
        await get_channel_layer().group_send("room-lobby", message)
        sub.assert_next({"messages": {"text": "hello", "author": "ann"}})

    async def test_operations_that_begin_together_share_a_connection(self):
        client = self.create_graphql_client()
        count = "subscription { count(to: 1) }"
        subs = await asyncio.gather(*(client.asubscribe(count) for _ in range(3)))
        for sub in subs:
            sub.assert_next({"count": 1})
        await asyncio.gather(*(self.aexecute("{ me }") for _ in range(3)))


class ExploredTests(GraphQLTestCase):
    @explore_schedules(20)
    def test_a_stop_in_any_order(self):
        sub = self.subscribe(MESSAGES, LOBBY)
        other = self.subscribe(MESSAGES, LOBBY, client=sub.client)
        sub.stop()
        say("hello")
        self.settle()
        sub.assert_nothing()
        other.assert_next({"messages": {"text": "hello", "author": "ann"}})


class LegacyTests(GraphQLTestCase):
    """strawberry's consumer in the older protocol."""

    graphql_protocol = "graphql-ws"

    def test_the_whole_life(self):
        with self.subscribe(MESSAGES, LOBBY) as sub:
            say("hello")
            sub.assert_next({"messages": {"text": "hello", "author": "ann"}})
        say("hello")
        sub.assert_nothing()
        self.assertGroupMembers("room-lobby", [])

    def test_ends(self):
        sub = self.subscribe("subscription { count(to: 1) }")
        sub.assert_next({"count": 1})
        sub.assert_complete()
        self.subscribe("subscription { nothing }").assert_error(
            {"message": re.compile("Cannot query.*")}
        )

    def test_params(self):
        sub = self.subscribe(
            "subscription { token }", connection_params={"token": "secret"}
        )
        sub.assert_next({"token": "secret"})

    def test_a_refused_init(self):
        client = self.create_graphql_client(check_protocol=["close-code"])
        client.connect()
        payload = {"token": "wrong"}
        client.send_json({"type": "connection_init", "payload": payload})
        refused = {"type": "connection_error", "payload": {"reason": "wrong token"}}
        self.assertReceivesJson(client, refused)
        self.assertClosed(client, code=1011)

    def test_queries_are_refused(self):
        result = self.execute("{ me }", assert_no_errors=False)
        self.assertEqual(result.errors, [{"message": "queries are not allowed"}])
