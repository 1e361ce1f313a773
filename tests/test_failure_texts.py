"""
The failures that the reference shows, produced and compared whole.

Those of a framework are in its own tests.
"""

from __future__ import annotations

import re
import threading
import traceback
import unittest
from pathlib import Path
from typing import Any

import pydantic
from channels.auth import AuthMiddlewareStack
from channels.exceptions import ChannelFull
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.db import transaction
from django.test import override_settings
from django.urls import path

from channels_testkit import (
    Channel,
    ChannelClient,
    Group,
    HttpCommunicator,
    WebsocketTestCase,
    WSClient,
    apply_routes,
)
from channels_testkit.contrib.pages import AsyncPageClient, Page, PageClient

from . import scenarios
from .app import asgi, consumers, failing, querying, tasks
from .app.announcements import send
from .contrib.test_pages import ListConsumer, ListPage, list_client
from .utils import FAILURES, entered, run_case

ECHO = consumers.EchoConsumer.as_asgi()
SLOW = failing.SlowConsumer.as_asgi()
SMALL_LAYER = {"default": {"BACKEND": "", "CONFIG": {"capacity": 1}}}
STRANGERS_ONLY = failing.StrangersOnly(asgi.websocket_application)
DOCS = FAILURES.parent
PAGES = [DOCS / "reference" / "failures.rst", DOCS / "contrib" / "failures.rst"]

scenario = scenarios.Scenarios()


class ScenarioTestCase(WebsocketTestCase):
    """What the scenarios find."""

    application: Any = ProtocolTypeRouter({"websocket": asgi.websocket_application})
    ws_path = "/ws/echo/"
    #: Some end in the middle of something, and are about something else.
    check_leaks = "off"

    def wait_outside(self) -> None:
        """Start a thread that may still do something, until the test ends."""
        done = threading.Event()
        thread = threading.Thread(target=done.wait, name="feeder")
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(done.set)


class RefusedPage(ListPage):
    """Asks for something else than the page."""

    def __init__(self, what: str) -> None:
        self.what = what

    def mount_frame(self, params: Any) -> object:
        return {"do": self.what, "with": {}}


ORDER = {
    "title": "Order",
    "required": ["id", "items"],
    "properties": {
        "items": {"items": {"properties": {"price": {"type": "number"}}}},
    },
}


class Item(pydantic.BaseModel):
    price: float


class Order(pydantic.BaseModel):
    id: int
    items: list[Item]


def check_version(payload: Any) -> None:
    if payload["v"] != 2:
        raise ValueError(f"version {payload['v']} of the protocol")


def make_ann() -> User:
    """Make a user whose key every database prints alike."""
    return User.objects.create_user("ann", pk=700)


# Frames.


@scenario
def json_differs(case: Any) -> None:
    ann = case.connect()
    ann.send_json({"type": "chat.message", "text": "hullo", "user": "ann"})
    case.assertReceivesJson(
        ann, {"type": "chat.message", "text": "hello", "user": "ann"}
    )


@scenario
def json_differs_with_message(case: Any) -> None:
    ann = case.connect()
    ann.send_json({"step": 2})
    case.assertReceivesJson(ann, {"step": 1}, msg="the steps are mixed up")


@scenario
def json_of_a_later_frame(case: Any) -> None:
    ann = case.connect()
    ann.send_json({"greeting": "welcome"})
    ann.send_json({"item": "tea"})
    case.assertReceivesJson(ann, {"item": "tea"})


@scenario
def text_differs(case: Any) -> None:
    ann = case.connect()
    ann.send_text("hullo")
    case.assertReceivesText(ann, "hello")


@scenario
def bytes_differ(case: Any) -> None:
    ann = case.connect()
    ann.send_bytes(b"\x00\x01")
    case.assertReceivesBytes(ann, b"\x00\x02")


@scenario
def text_expected_binary_received(case: Any) -> None:
    ann = case.connect()
    ann.send_bytes(b"\x00\x01")
    case.assertReceivesText(ann, "hello")


@scenario
def not_json(case: Any) -> None:
    ann = case.connect()
    ann.send_text("hello")
    ann.receive_json()


@scenario
def no_frame(case: Any) -> None:
    ann = case.connect()
    case.assertReceivesJson(ann, {"type": "ack"})


@scenario
def no_frame_misspelled_group(case: Any) -> None:
    ann = case.connect(application=failing.MisspellingConsumer.as_asgi())
    ann.send_json({"groups": ["chat_loby"]})
    case.assertReceivesJson(ann, {"text": "hello"}, partial=True)


@scenario
def no_frame_outside_misspelled_group(case: Any) -> None:
    ann = case.connect(application=failing.MisspellingConsumer.as_asgi())
    case.wait_outside()
    ann.send_json({"groups": ["chat_loby"]})
    ann.receive_json(timeout=0.01)


@scenario
def no_frame_behind_a_handler(case: Any) -> None:
    ann = case.connect(application=failing.StuckConsumer.as_asgi())
    ann.send_json("wait")
    ann.send_json("wait")
    ann.receive_json()


@scenario
def never_awaited(case: Any) -> None:
    ann = case.connect(application=failing.ForgetfulConsumer.as_asgi())
    ann.send_json("hello")


@scenario
def hang(case: Any) -> None:
    case.hang_timeout = 1.0
    ann = case.connect(application=failing.StuckConsumer.as_asgi())
    ann.send_json("go round")


@scenario
def no_frame_timer(case: Any) -> None:
    ann = case.connect(application=SLOW)
    ann.send_json({"seconds": 600})
    ann.receive_json(timeout=0.01)


@scenario
def no_frame_timer_of_the_loop(case: Any) -> None:
    ann = case.connect(application=failing.TimerConsumer.as_asgi())
    ann.send_json({"seconds": 600})
    ann.receive_json(timeout=0.01)


@scenario
async def no_frame_timer_async(case: Any) -> None:
    ann = await case.aconnect(application=SLOW)
    await ann.send_json_to({"seconds": 600})
    case.assertReceivesJson(ann, {"slept": 600})


@scenario
async def no_frame_timer_client(case: Any) -> None:
    ann = case.create_client(application=SLOW)
    await ann.aconnect()
    await ann.asend_json({"seconds": 600})
    case.assertReceivesText(ann, "hello")


@scenario
def no_frame_outside(case: Any) -> None:
    ann = case.connect()
    case.wait_outside()
    ann.receive_json(timeout=0.01)


@scenario
async def no_frame_outside_async(case: Any) -> None:
    ann = await case.aconnect()
    case.wait_outside()
    case.assertReceivesBytes(ann, b"\x00")


@scenario
def no_frame_after_a_crash(case: Any) -> None:
    ann = case.connect()
    with case.assertApplicationRaises(ValueError):
        ann.send_json({"raise": "ValueError"})
    case.assertReceivesJson(ann, {"type": "ack"})


@scenario
def no_frame_after_disconnect(case: Any) -> None:
    ann = case.connect()
    ann.disconnect()
    ann.receive_json()


@scenario
def no_frame_that_matches(case: Any) -> None:
    ann = case.connect()
    ann.send_json({"number": 1})
    ann.receive_until({"number": 2})


@scenario
def no_reply(case: Any) -> None:
    ann = case.connect(application=failing.RpcConsumer.as_asgi())
    ann.request({"id": 7, "do": "add"}, reply={"id": 7})


@scenario
def no_reply_but_before(case: Any) -> None:
    ann = case.connect(application=failing.RpcConsumer.as_asgi())
    ann.send_json({"id": 6, "do": "add"})
    ann.request({"id": 7, "do": "add"}, reply={"id": "6"})


@scenario
def closed_instead_of_a_reply(case: Any) -> None:
    ann = case.connect()
    ann.request({"close": 4400, "reason": "no such thing"}, reply={"id": 7})


@scenario
def request_without_a_reply(case: Any) -> None:
    case.connect().request({"id": 7, "do": "add"})


@scenario
def frame_breaks_its_schema(case: Any) -> None:
    ann = case.connect(frame_schema=ORDER)
    ann.send_json({"items": [{"price": 2}, {"price": 3}, {"price": "4"}]})


@scenario
def frame_breaks_its_model(case: Any) -> None:
    ann = case.connect(frame_schema=Order)
    ann.send_json({"id": 1, "items": [{"price": 2}, {"price": "four"}]})


@scenario
def frame_refused_by_a_function(case: Any) -> None:
    ann = case.connect(frame_schema=check_version)
    ann.send_json({"v": 1, "text": "hello"})


@scenario
def sent_frame_breaks_its_schema(case: Any) -> None:
    ann = case.connect(sent_frame_schema=ORDER)
    ann.send_json({"id": 7, "items": [{"price": "2"}]})


@scenario
def no_json_schema(case: Any) -> None:
    case.connect(frame_schema={"properties": {"price": {"type": "decimal"}}})


@scenario
def closed_instead(case: Any) -> None:
    ann = case.connect()
    ann.send_json({"close": 4403, "reason": "not a member"})
    case.assertReceivesJson(ann, {"type": "ack"})


@scenario
def frame_where_none_was_expected(case: Any) -> None:
    ann = case.connect()
    ann.send_json({"text": "hello"})
    case.assertReceivesNothing(ann)


@scenario
def silence_of_a_crashed_application(case: Any) -> None:
    ann = case.connect()
    with case.assertApplicationRaises(ValueError):
        ann.send_json({"raise": "ValueError"})
    case.assertReceivesNothing(ann)


@scenario
def others_received(case: Any) -> None:
    ann, ben, _ = case.connect_many(3, "/ws/room/1/")
    ann.send_json({"text": "hello"})
    case.assertOnlyReceive([ann, ben], {"text": "hello"})


# The handshake.


@scenario
def refused(case: Any) -> None:
    case.application = asgi.application
    case.connect("/ws/who/")


@scenario
async def refused_async(case: Any) -> None:
    case.application = asgi.application
    await case.aconnect("/ws/who/?room=1")


@scenario
async def refused_in_a_block(case: Any) -> None:
    case.application = asgi.application
    async with case.create_communicator("/ws/who/"):
        pass


@scenario
def refused_by_response(case: Any) -> None:
    case.connect(application=failing.forbid)


@scenario
def refused_origin(case: Any) -> None:
    case.application = asgi.application
    with override_settings(ALLOWED_HOSTS=["chat.example", ".chat.example"]):
        case.connect(origin="https://evil.example")


@scenario
def refused_origin_list(case: Any) -> None:
    application = OriginValidator(ECHO, ["https://chat.example"])
    case.connect(application=application, origin=None)


@scenario
def no_answer(case: Any) -> None:
    case.connect(application=failing.SilentConsumer.as_asgi())


@scenario
def no_route(case: Any) -> None:
    case.connect("/ws/ecko/")


@scenario
def other_user(case: Any) -> None:
    case.connect(application=STRANGERS_ONLY, user=make_ann())


@scenario
def no_auth(case: Any) -> None:
    case.application = None
    with override_settings(ASGI_APPLICATION="tests.app.asgi.websocket_application"):
        case.connect(user=make_ann())


@scenario
def refused_user(case: Any) -> None:
    case.connect("/ws/who/", application=STRANGERS_ONLY, user=make_ann())


@scenario
def other_subprotocol(case: Any) -> None:
    ann = case.connect(subprotocols=["chat.v1", "chat.v2"])
    case.assertAccepted(ann, subprotocol="chat.v2")


@scenario
def not_rejected(case: Any) -> None:
    case.assertRejected(case.connect(), code=4401)


@scenario
def rejected_otherwise(case: Any) -> None:
    case.application = asgi.application
    stranger = case.create_client("/ws/who/")
    stranger.connect()
    case.assertRejected(stranger, code=4403)


# The end.


@scenario
def not_closed(case: Any) -> None:
    case.assertClosed(case.connect(), code=4403)


@scenario
def closed_otherwise(case: Any) -> None:
    ann = case.connect()
    ann.send_json({"close": 4403, "reason": "not a member"})
    case.assertClosed(ann, code=4401)


@scenario
def not_open(case: Any) -> None:
    ann = case.connect()
    ann.send_json({"close": 4403, "reason": "not a member"})
    case.assertOpen(ann)


@scenario
def breach_of_the_protocol(case: Any) -> None:
    case.connect(application=failing.EarlyConsumer.as_asgi())


# Exceptions of the application.


@scenario
def error_of_a_consumer(case: Any) -> None:
    ann = case.connect(application=failing.CountingConsumer.as_asgi(), name="ann")
    ann.send_json({"items": ["tea", "milk"]})
    ann.send_json({"items": None})


@scenario
def error_of_a_task(case: Any) -> None:
    ann = case.connect(application=failing.CountingConsumer.as_asgi(), name="ann")
    ann.send_json({"items": None, "later": True})


# Budgets of queries.


def listeners(case: Any) -> Any:
    """Have ann and ben listen."""
    application = querying.QueryingConsumer.as_asgi()
    names = ("ann", "ben")
    return [case.connect(application=application, name=name) for name in names]


@scenario
def queries_of_an_event(case: Any) -> None:
    ann, _ = listeners(case)
    with case.assertMaxQueries(2, per="event"):
        ann.send_json({"items": ["tea", "milk", "rice"]})


@scenario
def queries_of_receivers(case: Any) -> None:
    ann, _ = listeners(case)
    with case.assertMaxQueries(0, per="receiver"):
        ann.send_json({"tell": "tea"})


@scenario
def queries_of_a_block(case: Any) -> None:
    ann, _ = listeners(case)
    with case.assertMaxQueries(1):
        ann.send_json({"items": ["tea"]})
        querying.count_notes()


@scenario
def queries_of_no_event(case: Any) -> None:
    with case.assertMaxQueries(2, per="event"):
        querying.count_notes()


@scenario
def queries_of_no_receiver(case: Any) -> None:
    ann, _ = listeners(case)
    with case.assertMaxQueries(0, per="receiver"):
        ann.send_json({"items": ["tea"]})


@scenario
def budget_per_something_else(case: Any) -> None:
    case.assertMaxQueries(2, per="events")


# Faults on the layer.


def room(case: Any) -> Any:
    """Have ann and ben in a room."""
    return [case.connect("/ws/room/1/", name=name) for name in ("ann", "ben")]


@scenario
def unknown_group_of_an_instance(case: Any) -> None:
    case.assertGroupSent(User(username="ann"))


@scenario
def faults_without_messages(case: Any) -> None:
    with case.layer_faults(lose=1):
        room(case)


@scenario
def faults_in_a_misspelled_group(case: Any) -> None:
    ann, _ = room(case)
    with case.layer_faults(lose=1, group="rooms-1"):
        ann.send_json({"id": 1})


@scenario
def fewer_faults_than_asked_for(case: Any) -> None:
    ann, ben = room(case)
    with case.layer_faults(duplicate=3, channel=ben):
        ann.send_json({"id": 1})
        ann.send_json({"id": 2})


@scenario
def faults_by_a_predicate(case: Any) -> None:
    ann, _ = room(case)
    with case.layer_faults(delay=lambda message: message["type"] == "room.left", by=5):
        ann.send_json({"id": 1})


@scenario
def faults_by_chance(case: Any) -> None:
    ann, _ = room(case)
    with case.layer_faults(lose=0.01, seed=4):
        ann.send_json({"id": 1})


@scenario
def no_call_to_fail(case: Any) -> None:
    ann, _ = room(case)
    with case.layer_faults(error=1, channel="thumbnails"):
        ann.send_json({"id": 1})


@scenario
def lost_frame(case: Any) -> None:
    ann, ben = room(case)
    with case.layer_faults(lose=0.5, channel=ben, seed=6):
        ann.send_json({"id": 1})
        ann.send_json({"id": 2})
    case.assertReceivesJson(ben, {"id": 1})
    case.assertReceivesJson(ben, {"id": 2})


@scenario
def captured_message(case: Any) -> None:
    ann, ben = room(case)
    with case.captureSent(group="room-1", deliver=False):
        ann.send_json({"id": 1})
    case.assertReceivesJson(ben, {"id": 1})


@scenario
def late_frame(case: Any) -> None:
    ann, ben = room(case)
    with case.virtual_time(), case.layer_faults(delay=1, by=5, channel=ben):
        ann.send_json({"id": 1})
        case.assertReceivesJson(ben, {"id": 1})


@scenario
def frame_that_came_twice(case: Any) -> None:
    ann, ben = room(case)
    with case.layer_faults(duplicate=1, channel=ben):
        ann.send_json({"id": 1})
    case.assertReceivesJson(ben, {"id": 1})
    case.assertReceivesNothing(ben)


@scenario
def failed_call(case: Any) -> None:
    ann, _ = room(case)
    with case.layer_faults(error=1, group="room-1"):
        ann.send_json({"id": 1})


@scenario
async def sync_block_of_late_messages(case: Any) -> None:
    with case.layer_faults(delay=1):
        pass


@scenario
def no_faults(case: Any) -> None:
    case.layer_faults(group="room-1")


@scenario
def number_of_faults(case: Any) -> None:
    case.layer_faults(lose=2.0)


@scenario
def full_group(case: Any) -> None:
    case.layer_faults(error=ChannelFull, group="room-1")


# Logins that end.


class Room(consumers.RoomConsumer):
    """What one says, everybody hears, whatever becomes of their logins."""


def rooms_of_ann_and_ben(case: Any) -> tuple[Any, Any]:
    """Have ann and ben in a room, logged in by session."""
    ann, ben = make_ann(), User.objects.create_user("ben", pk=701)
    application = AuthMiddlewareStack(
        URLRouter([path("ws/room/<int:number>/", Room.as_asgi())])
    )
    case.check_revoked = "fail"
    return [
        case.connect("/ws/room/1/", user=user, application=application)
        for user in (ann, ben)
    ]


@scenario
def frame_after_a_logout(case: Any) -> None:
    ann, ben = rooms_of_ann_and_ben(case)
    ann.session.flush()
    ben.send_json({"text": "for members only"})


@scenario
def frame_for_a_deactivated_user(case: Any) -> None:
    _, ben = rooms_of_ann_and_ben(case)
    User.objects.filter(username="ann").update(is_active=False)
    ben.send_json({"text": "for members only"})


@scenario
def not_all_closed(case: Any) -> None:
    case.client.force_login(make_ann())
    clients = [case.connect(name=name) for name in ("laptop", "phone", "watch")]
    clients[0].send_json({"close": 4401})
    clients[1].send_json({"close": 4403})
    case.assertAllClosed(*clients, code=4401)


@scenario
def no_connection_of_a_user(case: Any) -> None:
    case.connect(name="ben")
    case.assertAllClosed(user=make_ann())


@scenario
def list_of_connections(case: Any) -> None:
    case.assertAllClosed([case.connect(), case.connect()])


# The kit misused.


@scenario
def before_connect(case: Any) -> None:
    case.create_client().send_json({"text": "hello"})


@scenario
def assertion_before_connect(case: Any) -> None:
    case.assertRejected(case.create_client("/ws/who/"))


@scenario
async def assertion_before_connect_async(case: Any) -> None:
    case.assertRejected(case.create_client("/ws/who/"))


@scenario
def after_close(case: Any) -> None:
    ann = case.connect()
    ann.send_json({"close": 4403})
    ann.send_json({"text": "hello"})


@scenario
async def text_and_bytes(case: Any) -> None:
    ann = await case.aconnect()
    await ann.send_to(text_data="hello", bytes_data=b"hello")


@scenario
async def no_text_and_no_bytes(case: Any) -> None:
    ann = await case.aconnect()
    await ann.send_to()


@scenario
def not_encodable(case: Any) -> None:
    case.connect().send_json({"users": [{"user": User(username="ann")}]})


@scenario
async def sync_call_in_an_async_test(case: Any) -> None:
    case.connect()


@scenario
async def sync_query_in_an_async_test(case: Any) -> None:
    User.objects.create(username="ann")


@scenario
async def sync_client_in_an_async_test(case: Any) -> None:
    ann = case.create_client()
    await ann.aconnect()
    ann.send_json({"text": "hello"})


@scenario
def not_a_connection(case: Any) -> None:
    case.assertReceivesNothing("ann")


@scenario
def mixed_up_arguments(case: Any) -> None:
    ann = case.connect("/ws/room/1/", name="ann")
    case.assertInGroup("room-1", ann)


@scenario
def missing_argument(case: Any) -> None:
    case.assertGroupMembers("lobby")


@scenario
def sent_on_another_alias(case: Any) -> None:
    Channel("thumbnails", alias="other").send({"type": "make"})
    case.assertSent("thumbnails", {"type": "make"})


@scenario
def consumer_class(case: Any) -> None:
    case.connect(application=consumers.EchoConsumer)


@scenario
def user_as_path(case: Any) -> None:
    case.connect(make_ann(), "/ws/echo/")


@scenario
def no_seconds(case: Any) -> None:
    case.connect().receive_json(timeout="1")


@scenario
def code_of_a_lost_connection(case: Any) -> None:
    case.connect().disconnect(code=1006)


@scenario
def space_in_a_cookie(case: Any) -> None:
    case.connect(cookies={"favourite colour": "blue"})


@scenario
def address_as_client(case: Any) -> None:
    case.connect(client="203.0.113.7")


@scenario
def no_frame_virtual_time(case: Any) -> None:
    with case.virtual_time():
        ann = case.connect(application=SLOW)
        case.advance(5)
        ann.send_json({"seconds": 60})
        case.assertReceivesJson(ann, {"slept": 60})


@scenario
async def no_frame_virtual_time_async(case: Any) -> None:
    with case.virtual_time():
        ann = await case.aconnect(application=SLOW)
        await ann.send_json({"seconds": 60})
        case.assertReceivesJson(ann, {"slept": 60})


@scenario
def not_closed_virtual_time(case: Any) -> None:
    with case.virtual_time():
        ann = case.connect(application=SLOW)
        ann.send_json({"seconds": 60})
        case.advance(30)
        case.assertClosed(ann, code=4008)


@scenario
def real_time(case: Any) -> None:
    case.advance(30)


@scenario
def misspelled_option(case: Any) -> None:
    case.connect(usr=User())


@scenario
def name_as_user(case: Any) -> None:
    case.connect(user="ann")


@scenario
def unsaved_user(case: Any) -> None:
    case.connect(user=User(username="ann"))


@scenario
def client_as_address(case: Any) -> None:
    case.connect(remote_address=case.client)


@scenario
def subprotocols_as_str(case: Any) -> None:
    case.connect(subprotocols="chat.v1")


@scenario
def two_sessions(case: Any) -> None:
    case.client.cookies["sessionid"] = "ann's"
    case.async_client.cookies["sessionid"] = "ben's"
    case.connect()


@scenario
def no_path(case: Any) -> None:
    case.ws_path = ""
    case.connect()


@scenario
def no_application(case: Any) -> None:
    case.application = None
    with override_settings(ASGI_APPLICATION=None):
        case.connect()


@scenario
def no_websockets(case: Any) -> None:
    case.connect(application=get_asgi_application())


# Workers, routes, and Channels 1's calls.


WORKERS = {
    "square": failing.TroubledWorker.as_asgi(),
    "mails": failing.TroubledWorker.as_asgi(),
}


def consume(channel: str, **content: Any) -> None:
    """Let a worker consumer have a message whose answer nobody wants."""
    with apply_routes(WORKERS):
        content["reply_channel"] = "answers"
        ChannelClient().send_and_consume(channel, content)


@scenario
def no_message_to_consume(case: Any) -> None:
    ChannelClient().send("squares", {"type": "wait"})
    with apply_routes(WORKERS):
        ChannelClient().consume("square")


@scenario
def no_worker_route(case: Any) -> None:
    consume("squares", type="wait")


@scenario
def message_without_type(case: Any) -> None:
    consume("square", value=3)


@scenario
def worker_sends_to_client(case: Any) -> None:
    consume("square", type="answer")


@scenario
def worker_not_finished(case: Any) -> None:
    consume("square", type="wait")


@scenario
def unserved_channel(case: Any) -> None:
    with apply_routes(WORKERS), case.run_worker("square"):
        Channel("square").send({"type": "forward", "to": "mail"})


@scenario
def no_workers(case: Any) -> None:
    case.run_worker()


@scenario
async def sync_block_in_an_async_test(case: Any) -> None:
    with apply_routes(WORKERS), case.run_worker():
        pass


@scenario
def task_not_enqueued(case: Any) -> None:
    with case.held_tasks():
        tasks.write_note.delay("hello")
        case.assertEnqueued("tests.app.tasks.write_notes")


@scenario
def task_with_other_arguments(case: Any) -> None:
    with case.held_tasks():
        tasks.shout.delay("lobby", "hello")
        tasks.shout.delay("garden", "hello")
        case.assertEnqueued(tasks.shout, args=["lobby", "good-bye"])


@scenario
def task_too_often(case: Any) -> None:
    with case.held_tasks() as held:
        tasks.write_note.delay("hello")
        held.run()
        tasks.write_note.delay("hello")
        case.assertEnqueued(tasks.write_note, count=1)


@scenario
def task_where_none_was_expected(case: Any) -> None:
    with case.held_tasks():
        tasks.write_note.delay("hello")
        case.assertNothingEnqueued()


@scenario
def task_before_the_commit(case: Any) -> None:
    with case.held_tasks():
        with transaction.atomic():
            tasks.write_note.delay("hello")
        case.assertEnqueuedAfterCommit(tasks.write_note)


@scenario
def no_frame_of_a_held_task(case: Any) -> None:
    ann = case.connect("/ws/room/1/")
    with case.held_tasks():
        tasks.shout.delay("1", "hello")
        case.assertReceivesJson(ann, "HELLO")


@scenario
def task_raises(case: Any) -> None:
    with case.held_tasks() as held:
        tasks.fail.delay("The printer is on fire.")
        with case.assertLogs("celery"):
            held.run()


@scenario
def no_task_left(case: Any) -> None:
    with case.held_tasks() as held:
        held.run_next()


@scenario
def tasks_without_end(case: Any) -> None:
    with case.held_tasks() as held:
        tasks.again.delay()
        held.run()


@scenario
def result_of_a_held_task(case: Any) -> None:
    with case.held_tasks():
        tasks.add.delay(1, 2).get()


@scenario
def task_that_nobody_knows(case: Any) -> None:
    with case.held_tasks() as held:
        tasks.app.send_task("tests.app.tasks.write_notes", ["hello"])
        held.run()


@scenario
def tasks_after_the_block(case: Any) -> None:
    with case.held_tasks() as held:
        tasks.write_note.delay("hello")
    held.run()


@scenario
def nothing_held(case: Any) -> None:
    case.assertEnqueued(tasks.write_note)


@scenario
def no_task(case: Any) -> None:
    with case.held_tasks():
        tasks.write_note.delay("hello")
        case.assertEnqueued(None)


@scenario
def argument_as_arguments(case: Any) -> None:
    with case.held_tasks():
        tasks.write_note.delay("hello")
        case.assertEnqueued(tasks.write_note, args="hello")


@scenario
def connection_rejected(case: Any) -> None:
    case.application = asgi.application
    WSClient().send_and_consume("websocket.connect", path="/ws/who/")


@scenario
def event_before_connect(case: Any) -> None:
    WSClient().send_and_consume("websocket.receive", text="hello")


@scenario
def connected_already(case: Any) -> None:
    client = WSClient("/ws/echo/")
    client.connect()
    client.send_and_consume("websocket.connect")


@scenario
def order_of_a_frame(case: Any) -> None:
    WSClient().send("websocket.receive", {"order": 1}, text="hello")


@scenario
def event_without_payload(case: Any) -> None:
    client = WSClient("/ws/echo/")
    client.connect()
    client.send_and_consume("websocket.receive")


@scenario
def cookie_as_header(case: Any) -> None:
    WSClient().set_header("Cookie", "theme=dark")


@scenario
def no_sessions(case: Any) -> None:
    with override_settings(INSTALLED_APPS=["channels"]):
        WSClient().login(username="ann", password="secret")


@scenario
def no_routes(case: Any) -> None:
    apply_routes([])


@scenario
def routes_without_paths(case: Any) -> None:
    apply_routes([ECHO, ECHO])


@scenario
def routes_on_another_class(case: Any) -> None:
    apply_routes(ECHO)(consumers.EchoConsumer)


# HTTP.


@scenario
async def no_response(case: Any) -> None:
    await HttpCommunicator(failing.never_answer, "GET", "/feed/").get_response()


@scenario
async def no_end_of_the_response(case: Any) -> None:
    await HttpCommunicator(failing.answer_in_part, "GET", "/feed/").get_response()


@scenario
async def no_end_of_the_request(case: Any) -> None:
    communicator = HttpCommunicator(
        failing.never_answer, "POST", "/files/", b"one", more_body=True
    )
    await communicator.get_response()


@scenario
async def no_event_of_a_stream(case: Any) -> None:
    communicator = HttpCommunicator(failing.never_answer, "GET", "/feed/")
    await communicator.receive_event()


@scenario
async def not_an_event_stream(case: Any) -> None:
    await HttpCommunicator(failing.move, "GET", "/feed/").receive_event()


@scenario
async def breach_of_a_response(case: Any) -> None:
    await HttpCommunicator(failing.start_twice, "GET", "/feed/").get_response()


@scenario
async def chunk_after_the_end(case: Any) -> None:
    communicator = HttpCommunicator(failing.never_answer, "POST", "/files/", b"one")
    await communicator.send_chunk(b"two")


@scenario
async def read_before_the_request(case: Any) -> None:
    case.assertTrue(HttpCommunicator(failing.move, "GET", "/feed/").is_complete)


# Messages and groups.


@scenario
def nothing_sent_to_a_group(case: Any) -> None:
    send("lobby", "hello")
    case.assertGroupSent("loby")


@scenario
def other_message_to_a_group(case: Any) -> None:
    send("lobby", "hello")
    Group("lobby").send({"type": "chat.typing", "user": "ann"})
    case.assertGroupSent("lobby", {"type": "chat.message", "text": "hullo"})


@scenario
def message_too_often(case: Any) -> None:
    send("lobby", "hello")
    send("lobby", "hello")
    case.assertGroupSent("lobby", {"text": "hello"}, partial=True, count=1)


@scenario
def message_where_none_was_expected(case: Any) -> None:
    send("lobby", "hello")
    case.assertNothingGroupSent("lobby")


@scenario
def messages_in_another_order(case: Any) -> None:
    send("lobby", "two")
    send("lobby", "one")
    first, second = ({"type": "chat.message", "text": it} for it in ["one", "two"])
    case.assertSentInOrder(("lobby", first), ("lobby", second))


@scenario
def message_before_the_commit(case: Any) -> None:
    with transaction.atomic():
        send("lobby", "hello")
    case.assertGroupSentAfterCommit("lobby")


@scenario
def not_a_member(case: Any) -> None:
    case.assertInGroup(case.connect("/ws/room/1/"), "room-2")


@scenario
def still_a_member(case: Any) -> None:
    case.assertNotInGroup(case.connect("/ws/room/1/"), "room-1")


@scenario
def other_members(case: Any) -> None:
    ann, ben = case.connect("/ws/room/1/"), case.connect("/ws/room/2/")
    case.assertGroupMembers("room-1", [ann, ben])


@scenario
def no_message_to_take(case: Any) -> None:
    Channel("thumbnails").send({"type": "make"})
    case.get_next_message("thumbnail", require=True)


@scenario
def message_that_redis_refuses(case: Any) -> None:
    user = User(pk=1, username="ann")
    Group("lobby").send({"type": "chat.join", "user": user})


@scenario
def name_that_no_layer_takes(case: Any) -> None:
    send("room 1", "hello")


# What a test leaves behind.


@scenario
def frames_that_nobody_read(case: Any) -> None:
    case.check_unread = "fail"
    ann = case.connect()
    ann.send_json({"item": "tea"})
    ann.send_json({"item": "milk"})


@scenario
def left_behind(case: Any) -> None:
    case.check_leaks = "fail"
    case.connect(application=failing.RestlessConsumer.as_asgi())


@scenario
def dropped_message(case: Any) -> None:
    entered(case, override_settings(CHANNEL_LAYERS=SMALL_LAYER))
    Group("lobby").add("screen")
    for text in ["one", "two"]:
        Group("lobby").send({"type": "chat.message", "text": text})


# Pages of contrib.pages.


@scenario
def page_refused(case: Any) -> None:
    client = PageClient(RefusedPage("hide"), application=ListConsumer.as_asgi())
    client.mount()


@scenario
def page_refused_by_a_close(case: Any) -> None:
    client = PageClient(RefusedPage("close"), application=ListConsumer.as_asgi())
    client.mount()


@scenario
def page_state_differs(case: Any) -> None:
    client = list_client().mount(owner="ann")
    client.send_event("add", text="milk")
    client.assert_state(notes=["tea"])


@scenario
def page_state_differs_after_an_exception(case: Any) -> None:
    client = list_client().mount(owner="ann")
    client.send_event("break")
    client.assert_state(notes=["whole"])


@scenario
def page_state_without_a_part(case: Any) -> None:
    client = list_client().mount(owner="ann")
    client.send_event("add", text="milk")
    client.assert_state_contains(notes=["tea"])


@scenario
def page_unknown_state(case: Any) -> None:
    client = list_client().mount(owner="ann")
    client.assert_state(note=[])


@scenario
def page_no_such_frame(case: Any) -> None:
    client = list_client().mount(owner="ann")
    client.send_event("add", text="milk")
    client.assert_frame({"sound": "dong"})


@scenario
def page_frame_that_must_not_come(case: Any) -> None:
    client = list_client().mount(owner="ann")
    client.send_event("add", text="milk")
    client.assert_no_frame({"sound": "ding"})


@scenario
def page_event_failed(case: Any) -> None:
    client = list_client().mount(owner="ann")
    client.send_event("break")


@scenario
async def page_event_failed_async(case: Any) -> None:
    client = AsyncPageClient(ListPage(), application=ListConsumer.as_asgi())
    await client.mount(owner="ann")
    await client.send_event("hide")
    await client.send_event("add", text="milk")


@scenario
def page_before_mount(case: Any) -> None:
    list_client().assert_state(notes=[])


@scenario
def page_mounted_twice(case: Any) -> None:
    list_client().mount(owner="ann").mount(owner="ben")


@scenario
def page_without_events(case: Any) -> None:
    Page().event_frame("add", {})


@scenario
def page_without_state(case: Any) -> None:
    Page().state(case)


class FailureTextTests(scenarios.ScenariosTestCase):
    scenarios = scenario
    compared_elsewhere = frozenset(
        {"no-prefix", "no-redis", "no-test-config", "real-layer"}
        | {"dropped-in-the-process", "dropped-on-redis", "live-block"}
        | {path.stem for path in FAILURES.glob("browser-*.txt")}
        | {path.stem for path in FAILURES.glob("lifespan-*.txt")}
    )
    inner = ScenarioTestCase

    def test_what_channels_says_of_a_route_is_not_printed_as_well(self) -> None:
        result = run_case(self.make_case(scenario["no-route"]))
        printed = "".join(traceback.format_exception(result.raised[0]))
        self.assertEqual(printed.count("Traceback"), 1, printed)


class PageTests(unittest.TestCase):
    def test_each_file_is_on_one_page(self) -> None:
        text = "".join(page.read_text() for page in PAGES)
        shown = re.findall(r"literalinclude:: \.\./failures/(.+\.txt)", text)
        files = [path.relative_to(FAILURES) for path in FAILURES.rglob("*.txt")]
        self.assertEqual(sorted(shown), sorted(map(Path.as_posix, files)))

    def test_each_folder_is_of_a_framework_whose_tests_have_its_scenarios(self) -> None:
        folders = [path.name for path in FAILURES.iterdir() if path.is_dir()]
        tested = (Path(__file__).parent / "contrib").glob("*/test_failure_texts.py")
        self.assertEqual(sorted(folders), sorted(path.parent.name for path in tested))
