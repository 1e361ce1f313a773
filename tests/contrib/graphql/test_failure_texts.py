"""The failures that the reference shows, produced and compared whole."""

from __future__ import annotations

import threading
from typing import Any

from django.contrib.auth.models import User

from channels_testkit import Group
from channels_testkit.contrib.graphql import GraphQLTestCase
from tests import scenarios

scenario = scenarios.Scenarios("graphql")

MESSAGES = "subscription Messages { messages(room: 1) { text author } }".replace(
    "1", '"lobby"'
)
COUNT = "subscription Count { count(to: 1) }"
TICK = "subscription Tick { tick }"


class ScenarioTestCase(GraphQLTestCase):
    """What the scenarios find."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.ann = User.objects.create_user("ann", pk=700)

    def say(self, text: str, by: str | None = "ann") -> None:
        message = {"type": "chat.message", "room": "lobby", "text": text, "by": by}
        Group("room-lobby").send(message)


# The connection.


@scenario
def other_protocol(case: Any) -> None:
    case.subscribe(TICK, path="/old/")


@scenario
def no_subprotocol(case: Any) -> None:
    case.subscribe(TICK, path="/plain/")


@scenario
def protocol_not_spoken(case: Any) -> None:
    case.subscribe(COUNT, subprotocols=["graphql-sse"], check_protocol="off")


@scenario
def no_acknowledgement(case: Any) -> None:
    case.subscribe(COUNT, path="/silent/")


@scenario
def init_refused(case: Any) -> None:
    case.subscribe(COUNT, user=case.ann, connection_params={"token": "wrong"})


@scenario
def init_refused_by_an_error(case: Any) -> None:
    params = {"token": "wrong"}
    case.subscribe(TICK, path="/old/", protocol="graphql-ws", connection_params=params)


@scenario
def closed_before_an_operation(case: Any) -> None:
    client = case.create_graphql_client(user=case.ann)
    client.init()
    client.send_json({"type": "connection_init"})
    client.subscribe(COUNT)


# Results.


@scenario
def no_result(case: Any) -> None:
    case.say("hello")
    case.subscribe(MESSAGES, user=case.ann).assert_next({"messages": dict})


@scenario
async def no_result_so_far(case: Any) -> None:
    sub = await case.asubscribe(MESSAGES, user=case.ann)
    done = threading.Event()
    worker = threading.Thread(target=done.wait, name="worker")
    worker.start()
    case.addCleanup(worker.join)
    case.addCleanup(done.set)
    sub.assert_next()


@scenario
def result_differs(case: Any) -> None:
    sub = case.subscribe(MESSAGES, user=case.ann)
    case.say("hello")
    sub.assert_next({"messages": {"text": "hullo", "author": "ann"}})


@scenario
def result_with_the_key_data(case: Any) -> None:
    case.subscribe(COUNT).assert_next({"data": {"count": 1}})


@scenario
def result_with_errors(case: Any) -> None:
    sub = case.subscribe(MESSAGES, user=case.ann)
    case.say("farewell", by=None)
    sub.assert_next({"messages": {"text": "farewell"}}, partial=True)


@scenario
def result_without_errors(case: Any) -> None:
    case.subscribe(COUNT).assert_next({"count": 1}, errors="not a member")


@scenario
def result_of_a_query_with_errors(case: Any) -> None:
    case.execute("query Broken { broken }")


@scenario
def error_for_a_result(case: Any) -> None:
    case.subscribe("subscription { mesages }").assert_next({"mesages": dict})


@scenario
def syntax_error(case: Any) -> None:
    case.subscribe("subscription {").next()


@scenario
def end_for_a_result(case: Any) -> None:
    sub = case.subscribe(COUNT)
    sub.assert_next({"count": 1})
    sub.assert_next({"count": 2})


@scenario
def after_the_end(case: Any) -> None:
    sub = case.subscribe(MESSAGES)
    sub.stop()
    sub.next()


@scenario
def after_a_disconnect(case: Any) -> None:
    sub = case.subscribe(MESSAGES, user=case.ann)
    sub.client.disconnect()
    sub.next()


@scenario
def subscription_executed(case: Any) -> None:
    case.execute(MESSAGES)


@scenario
def message_of_no_operation(case: Any) -> None:
    answer = {"id": 1, "type": "next", "payload": {"data": {"count": 1}}}
    case.subscribe(COUNT, {"answers": [answer]}, path="/odd/").assert_next({"count": 1})


@scenario
def no_data_and_no_errors(case: Any) -> None:
    answer = {"type": "next", "payload": {"count": 1}}
    case.subscribe(COUNT, {"answers": [answer]}, path="/odd/").assert_next({"count": 1})


# The end.


@scenario
def result_for_an_end(case: Any) -> None:
    case.subscribe(COUNT).assert_complete()


@scenario
def no_end(case: Any) -> None:
    case.subscribe(MESSAGES, user=case.ann).assert_complete()


@scenario
def error_for_an_end(case: Any) -> None:
    case.subscribe("subscription { mesages }").assert_complete()


@scenario
def result_for_an_error(case: Any) -> None:
    case.subscribe(COUNT).assert_error("not a member")


@scenario
def partial_result_for_an_error(case: Any) -> None:
    sub = case.subscribe(MESSAGES, user=case.ann)
    case.say("farewell", by=None)
    sub.assert_error("the author has left")


@scenario
def other_error(case: Any) -> None:
    case.subscribe("subscription { mesages }").assert_error("not a member")


@scenario
def result_for_nothing(case: Any) -> None:
    sub = case.subscribe(MESSAGES, user=case.ann)
    case.say("hello")
    sub.assert_nothing()


@scenario
def result_after_a_stop(case: Any) -> None:
    sub = case.subscribe(TICK, path="/deaf/", protocol="graphql-ws")
    sub.stop()
    Group("ticks").send({"type": "tick", "number": 1})
    sub.assert_nothing()


class FailureTextTests(scenarios.ScenariosTestCase):
    scenarios = scenario
    inner = ScenarioTestCase
