"""The test cases: where they connect to, what fails them, what they leave."""

from __future__ import annotations

import sys
from typing import Any
from unittest import mock

from channels.routing import URLRouter
from chanx.channels.routing import path
from chanx.messages.incoming import PingMessage
from chanx.messages.outgoing import PongMessage
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import TestCase, TransactionTestCase
from pydantic import ValidationError
from rest_framework.test import APITestCase

from channels_testkit import WebsocketTestMixin as KitMixin
from channels_testkit.contrib.chanx import (
    CapturedBroadcastEvent,
    CapturedTopicBroadcast,
    TransactionWebsocketTestCase,
    WebsocketTestCase,
    WebsocketTestMixin,
    capture_broadcast_events,
    capture_topic_broadcasts,
)
from tests.utils import OuterTestCase, run_case

from .consumers import (
    LOBBY,
    BoardConsumer,
    BrokenConsumer,
    ClosingConsumer,
    LobbyConsumer,
    LoungeConsumer,
    OpenConsumer,
    TickTopic,
    TopicConsumer,
    TwiceConsumer,
    UnroutedConsumer,
)
from .messages import Break, BreakEvent, Said, StrangeEvent, TickEvent
from .models import Board


class WhoTests(WebsocketTestCase):
    consumer = LobbyConsumer

    def get_ws_headers(self) -> Any:
        self.client.force_login(User.objects.create_user("ann"))
        return super().get_ws_headers()

    # docs:start headers
    async def test_headers_of_a_call_replace_the_others(self):
        ann = self.create_communicator()
        stranger = self.create_communicator(headers=[])
        await ann.connect()
        await ann.assert_authenticated_status_ok()
        await stranger.connect()
        refusal = await stranger.wait_for_auth()
        self.assertEqual(refusal.payload.status_code, 403)
        await stranger.assert_closed()

    # docs:end headers

    async def test_user_and_client_go_with_headers(self):
        ben = await User.objects.acreate(username="ben")
        for options in ({"user": ben}, {"client": self.client}):
            found = self.create_communicator(headers=[(b"x-team", b"red")], **options)
            await found.connect()
            await found.assert_authenticated_status_ok()
            self.assertIn((b"x-team", b"red"), found.scope["headers"])


class PathTests(WebsocketTestCase):
    async def refusal(self, consumer: Any, **options: Any) -> str:
        self.consumer = consumer
        communicator = self.create_communicator(**options)
        with self.assertRaises(ImproperlyConfigured) as caught:
            await communicator.connect()
        return str(caught.exception)

    async def test_the_consumer_says_where_to(self):
        self.consumer = LobbyConsumer
        ann = await self.aconnect()
        self.assertEqual(ann.scope["path"], "/ws/lobby/")
        self.assertIs(type(ann.consumer), LobbyConsumer)

    async def test_a_route_that_is_a_regular_expression(self):
        self.consumer = ClosingConsumer
        ann = await self.aconnect()
        self.assertEqual(ann.scope["path"], "/ws/closing/")

    def test_sync_clients_go_there_too(self):
        self.consumer = OpenConsumer
        ann = self.connect()
        ann.send_message(PingMessage())
        self.assertReceivesJson(ann, {"action": "pong"}, partial=True)

    async def test_ws_path_comes_first(self):
        self.consumer, self.ws_path = LobbyConsumer, "/ws/closing/"
        ann = await self.aconnect()
        self.assertIs(type(ann.consumer), ClosingConsumer)

    async def test_a_path_of_the_call_comes_first(self):
        self.consumer, self.ws_path = LobbyConsumer, "/ws/lobby/"
        ann = self.create_communicator(ws_path="/ws/lounge/")
        await ann.connect(ws_path="/ws/closing/")
        self.assertIs(type(ann.consumer), ClosingConsumer)

    async def test_a_route_with_parameters_needs_a_path(self):
        self.assertEqual(
            await self.refusal(BoardConsumer),
            "PathTests has no ws_path, and the route of BoardConsumer is"
            " /ws/boards/<int:pk>/: set ws_path, or give a path to the call.",
        )

    async def test_two_routes_need_a_path(self):
        self.assertEqual(
            await self.refusal(TwiceConsumer),
            "PathTests has no ws_path, and 2 routes lead to TwiceConsumer, /ws/one/,"
            " /ws/two/: set ws_path, or give a path to the call.",
        )

    async def test_no_route_needs_a_path(self):
        self.assertEqual(
            await self.refusal(UnroutedConsumer),
            "PathTests has no ws_path, and no route of the application leads to"
            " UnroutedConsumer: set ws_path, or give a path to the call.",
        )

    async def test_neither_path_nor_consumer(self):
        self.assertEqual(
            await self.refusal(None),
            "PathTests has no ws_path: set it, or give a path to the call.",
        )

    async def test_the_path_may_come_with_the_connection(self):
        handshake = await self.auth_communicator.connect(ws_path="/ws/closing/")
        self.assertTrue(handshake)
        await self.auth_communicator.reconnect()
        self.assertOpen(self.auth_communicator)

    async def test_a_router_of_the_call(self):
        self.consumer = UnroutedConsumer
        router = URLRouter([path("here/", UnroutedConsumer.as_asgi())])
        communicator = self.create_communicator(router=router)
        await communicator.connect()
        self.assertEqual(communicator.scope["path"], "/here/")


class RouterTests(WebsocketTestCase):
    consumer = UnroutedConsumer
    router = UnroutedConsumer.as_asgi()

    async def test_a_bare_consumer_needs_no_path(self):
        self.assertIs(type((await self.aconnect()).consumer), UnroutedConsumer)


class HandshakeTests(WebsocketTestCase):
    consumer = ClosingConsumer
    # Consumers of Chanx choose none of what is on offer.
    check_protocol = ("subprotocol-not-chosen",)

    def get_ws_headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"x-team", b"red")]

    def get_subprotocols(self) -> list[str]:
        return ["v2"]

    async def test_headers_and_subprotocols_of_the_class(self):
        await self.auth_communicator.connect()
        scope = self.auth_communicator.scope
        self.assertIn((b"x-team", b"red"), scope["headers"])
        self.assertEqual(scope["subprotocols"], ["v2"])
        self.assertIs(self.auth_communicator, self.auth_communicator)

    async def test_list_of_chanx_can_be_added_to(self):
        for inherited in (super().get_ws_headers(), super().get_subprotocols()):
            self.assertEqual(inherited, [])

    # docs:start auth-communicator
    async def test_the_first_one_made_is_the_auth_communicator(self):
        ann = self.create_communicator(headers=[(b"x-team", b"blue")])
        ben = self.create_communicator()
        self.assertIs(self.auth_communicator, ann)
        self.assertIsNot(self.auth_communicator, ben)

    # docs:end auth-communicator

    async def test_the_first_one_connected_is_the_auth_communicator(self):
        ann = await self.aconnect()
        self.assertIs(self.auth_communicator, ann)

    async def test_the_first_one_is_so_once_it_is_made(self):
        first = self.auth_communicator
        self.create_communicator()
        self.assertIs(self.auth_communicator, first)

    async def test_those_of_the_call_come_in_their_place(self):
        ann = self.create_communicator(headers=[(b"x-team", b"blue")], subprotocols=[])
        await ann.connect()
        self.assertIn((b"x-team", b"blue"), ann.scope["headers"])
        self.assertNotIn((b"x-team", b"red"), ann.scope["headers"])
        self.assertEqual(ann.scope["subprotocols"], [])


class FlavorTests(OuterTestCase):
    def test_the_classes_of_django_behind_them(self):
        self.assertTrue(issubclass(WebsocketTestCase, TestCase))
        self.assertTrue(issubclass(TransactionWebsocketTestCase, TransactionTestCase))
        self.assertFalse(issubclass(TransactionWebsocketTestCase, TestCase))
        self.assertTrue(issubclass(WebsocketTestMixin, KitMixin))

    def test_a_project_may_do_without_rest_framework(self):
        class InnerTests(WebsocketTestCase):
            consumer = OpenConsumer

            async def test_ping(self) -> None:
                await self.auth_communicator.connect()
                await self.auth_communicator.send_message(PingMessage())
                messages = await self.auth_communicator.receive_all_messages()
                self.assertEqual(messages, [PongMessage()])

        # There is no other way to be without it in this process.
        with mock.patch.dict(sys.modules, {"rest_framework": None}):
            self.assertEqual(run_case(InnerTests).texts, [])

    def test_consumers_share_the_transaction_of_the_test(self):
        class InnerTests(WebsocketTestCase):
            async def test_board(self) -> None:
                board = await Board.objects.acreate(name="kitchen")
                ann = await User.objects.acreate(username="ann")
                await board.members.aadd(ann)
                member = await self.aconnect(f"/ws/boards/{board.pk}/", user=ann)
                await member.assert_authenticated_status_ok()
                self.assertEqual(member.consumer.board, board)

        result = run_case(InnerTests)
        self.assertEqual(result.texts, [])
        self.assertEqual(Board.objects.count(), 0)


class AtomicRequestsTests(WebsocketTestCase):
    """What is refused in a view is rolled back; a connection is no view."""

    consumer = LobbyConsumer

    def setUp(self) -> None:
        super().setUp()
        self.enterContext(
            mock.patch.dict(connection.settings_dict, {"ATOMIC_REQUESTS": True})
        )

    async def test_a_refused_connection_leaves_the_transaction_as_it_is(self):
        await self.auth_communicator.connect()
        message = await self.auth_communicator.wait_for_auth()
        self.assertEqual(message.payload.status_code, 403)
        await Board.objects.acreate(name="kitchen")
        self.assertEqual(await Board.objects.acount(), 1)

    def test_a_refused_request_rolls_back(self):
        response = self.client.post("/boards/refused/")
        self.assertEqual(response.status_code, 403)
        self.assertEqual(Board.objects.count(), 0)


class TransactionTests(TransactionWebsocketTestCase):
    consumer = LobbyConsumer

    async def test_the_same_calls_with_rows_that_are_committed(self):
        ann = await User.objects.acreate(username="ann")
        communicator = self.create_communicator(user=ann)
        await communicator.connect()
        await communicator.assert_authenticated_status_ok()
        await communicator.send_message(PingMessage())
        messages = await communicator.receive_all_messages()
        self.assertEqual(messages, [PongMessage()])


class MixinTests(WebsocketTestMixin, APITestCase):
    consumer = OpenConsumer

    async def test_beside_a_test_case_of_somebody_else(self):
        await self.auth_communicator.connect()
        await self.auth_communicator.send_message(PingMessage())
        messages = await self.auth_communicator.receive_all_messages()
        self.assertEqual(messages, [PongMessage()])
        self.assertTrue(hasattr(self.client, "force_authenticate"))


class SetUpTests(OuterTestCase):
    def test_a_sync_set_up_that_nobody_awaits_is_told(self):
        class Base(WebsocketTestCase):
            def setUp(self) -> None:
                super().setUp()
                self.user = User.objects.create_user("ann")

        class InnerTests(Base):
            async def setUp(self) -> None:
                super().setUp()

            async def test_nothing(self) -> None:
                pass

        (text,) = run_case(InnerTests).texts
        self.assertRegex(
            text,
            r"^setUp\(\) was called at test_testcases.py:\d+ but never awaited, so it"
            r" did nothing\. Write 'await super\(\)\.setUp\(\.\.\.\)' in an async"
            r" test\.$",
        )

    def test_set_up_and_tear_down_of_each_kind(self):
        done = []

        class Base(WebsocketTestCase):
            def setUp(self) -> None:
                super().setUp()
                done.append(f"sync setUp, {User.objects.count()}")

            def tearDown(self) -> None:
                done.append(f"sync tearDown, {User.objects.count()}")
                super().tearDown()

        class SyncTests(Base):
            def test_nothing(self) -> None:
                done.append("test")

        class AsyncTests(Base):
            async def setUp(self) -> None:
                await super().setUp()
                done.append("async setUp")

            async def tearDown(self) -> None:
                done.append("async tearDown")
                await super().tearDown()

            async def test_nothing(self) -> None:
                done.append("test")

        self.assertEqual(run_case(SyncTests).texts + run_case(AsyncTests).texts, [])
        self.assertEqual(done[:3], ["sync setUp, 0", "test", "sync tearDown, 0"])
        expected = ["sync setUp, 0", "async setUp", "test"]
        expected += ["async tearDown", "sync tearDown, 0"]
        self.assertEqual(done[3:], expected)


class ErrorTests(WebsocketTestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.ann = User.objects.create_user("ann")

    async def enter(self) -> Any:
        communicator = await self.aconnect("/ws/lobby/", user=self.ann)
        await communicator.assert_authenticated_status_ok()
        return communicator

    # docs:start handler-error
    async def test_a_handler_that_raises(self):
        ann = await self.enter()
        with self.assertApplicationRaises(LookupError):
            await ann.send_message(Break())
        (answer,) = await ann.receive_all_messages()
        self.assertEqual(
            answer.payload, {"detail": "Failed to process message for break"}
        )

    # docs:end handler-error

    async def test_the_handler_of_an_event_that_raises(self):
        ann = await self.enter()
        with self.assertApplicationRaises(LookupError):
            await LobbyConsumer.broadcast_event(BreakEvent())
        self.assertReceivesNothing(ann)

    async def test_an_event_that_nobody_listens_to(self):
        await self.enter()
        with self.assertApplicationRaises(ValidationError):
            await LobbyConsumer.broadcast_event(StrangeEvent())

    async def test_an_authenticator_that_raises(self):
        self.consumer = BrokenConsumer
        with self.assertApplicationRaises(AttributeError):
            await self.auth_communicator.connect()
        await self.auth_communicator.assert_closed(code=4500)


class ToldErrorTests(OuterTestCase):
    def run_breaking(self, **attributes: object) -> Any:
        async def test_break(case: Any) -> None:
            ann = await case.aconnect("/ws/open/")
            await ann.send_message(Break())

        class NewConsumer(LobbyConsumer):
            authenticator_class = None

        attributes["router"] = NewConsumer.as_asgi()
        attributes["test_break"] = test_break
        return run_case(type("InnerTests", (WebsocketTestCase,), attributes))

    def test_what_chanx_logs_fails_the_test(self):
        (error,) = self.run_breaking().raised
        self.assertEqual(repr(error), "LookupError('the handler is broken')")

    def test_unless_the_class_says_otherwise(self):
        self.assertEqual(self.run_breaking(application_errors="off").texts, [])

    def test_disconnect_handlers_run_at_the_end(self):
        gone = []

        class Consumer(LobbyConsumer):
            authenticator_class = None

            async def disconnect(self, code: int) -> None:
                gone.append(code)

        class InnerTests(WebsocketTestCase):
            router = Consumer.as_asgi()

            async def test_connect(self) -> None:
                await self.aconnect("/")

        self.assertEqual(run_case(InnerTests).texts, [])
        self.assertEqual(gone, [1000])


class CaptureTests(WebsocketTestCase):
    consumer = LobbyConsumer

    @classmethod
    def setUpTestData(cls) -> None:
        cls.ann = User.objects.create_user("ann")

    async def test_events_of_subclasses_are_theirs(self):
        with capture_broadcast_events(LobbyConsumer) as events:
            await LoungeConsumer.broadcast_event(BreakEvent())
        self.assertEqual(events, [CapturedBroadcastEvent(BreakEvent(), None)])
        self.assertGroupSent("lounge", count=1)
        self.assertNothingGroupSent(LOBBY)

    # docs:start suppress
    async def test_suppressed_events_are_not_sent(self):
        with self.capture_broadcast_events(suppress=True) as events:
            await LobbyConsumer.broadcast_event(BreakEvent(), [LOBBY])
        self.assertEqual([captured.groups for captured in events], [[LOBBY]])
        self.assertNothingGroupSent()

    # docs:end suppress

    def test_sync_code_broadcasts_too(self):
        with self.capture_broadcast_events() as events:
            LobbyConsumer.broadcast_event_sync(BreakEvent(), LOBBY)
        self.assertEqual([captured.groups for captured in events], [LOBBY])

    async def test_the_class_is_as_before(self):
        with capture_broadcast_events(LoungeConsumer):
            self.assertIn("broadcast_event", vars(LoungeConsumer))
        self.assertNotIn("broadcast_event", vars(LoungeConsumer))

    async def test_it_needs_a_consumer(self):
        self.consumer = None
        with self.assertRaises(ImproperlyConfigured) as caught:
            self.capture_broadcast_events()
        self.assertEqual(
            str(caught.exception),
            "CaptureTests has no consumer: set it, or give one to the call.",
        )

    async def test_what_a_topic_publishes(self):
        self.consumer = TopicConsumer
        async with self.auth_communicator as ann:
            await ann.subscribe("ticks:fast")
            with capture_topic_broadcasts(TickTopic) as events:
                await TickTopic.broadcast("ticks:fast", TickEvent(payload=1), seq=7)
            event = CapturedTopicBroadcast("ticks:fast", TickEvent(payload=1), 7)
            self.assertEqual(events, [event])
            (frame,) = await ann.receive_all_json()
            self.assertEqual((frame["payload"], frame["seq"]), (1, 7))
            with capture_topic_broadcasts(TickTopic, suppress=True) as events:
                await TickTopic.broadcast("ticks:fast", TickEvent(payload=2))
            self.assertEqual(len(events), 1)
            self.assertReceivesNothing(ann)

    async def test_messages_to_a_group_are_no_events(self):
        ann = await self.aconnect(user=self.ann)
        await ann.assert_authenticated_status_ok()
        with self.capture_broadcast_events() as events:
            await ann.consumer.broadcast_message(Said(payload=1))
        self.assertEqual(events, [])
        self.assertEqual(await ann.receive_all_messages(), [Said(payload=1)])
