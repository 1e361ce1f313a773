"""The communicator: messages, authentication, and what failures say."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

from chanx.constants import ENVELOPE_VERSION
from chanx.messages.incoming import PingMessage
from chanx.messages.outgoing import AuthenticationMessage, ErrorMessage, PongMessage
from chanx.messages.topic import SubscribedMessage
from django.contrib.auth.models import User
from django.test import override_settings

from channels_testkit import NoFrame
from channels_testkit.contrib.chanx import (
    DjangoWebsocketCommunicator,
    WebsocketCommunicator,
    WebsocketTestCase,
)

from .asgi import application
from .consumers import (
    CamelConsumer,
    ClosingConsumer,
    LobbyConsumer,
    OpenConsumer,
    TickTopic,
    TopicConsumer,
)
from .messages import (
    NotePinned,
    PinNote,
    Remind,
    Reminder,
    Said,
    Say,
    Tick,
    TickEvent,
)
from .models import Board


class LobbyTestCase(WebsocketTestCase):
    """Ann, who is authenticated in the lobby."""

    maxDiff = None

    @classmethod
    def setUpTestData(cls) -> None:
        cls.ann = User.objects.create_user("ann")

    async def enter(self, path: str = "/ws/lobby/", **options: Any) -> Any:
        communicator = await self.aconnect(path, user=self.ann, **options)
        await communicator.assert_authenticated_status_ok()
        return communicator


class AuthenticationTests(LobbyTestCase):
    consumer = LobbyConsumer

    async def test_the_message_is_typed(self):
        ann = await self.aconnect(user=self.ann)
        message = await ann.wait_for_auth(max_auth_time=0.5, after_auth_time=0.1)
        self.assertIsInstance(message, AuthenticationMessage)
        self.assertEqual(message.payload.status_text, "OK")

    async def test_a_refusal_says_the_status(self):
        stranger = await self.aconnect()
        with self.assertRaises(AssertionError) as caught:
            await stranger.assert_authenticated_status_ok()
        verdict, _, transcript = str(caught.exception).partition("\n\n")
        self.assertEqual(
            verdict,
            "/ws/lobby/ is not authenticated: 403 Forbidden, {'detail': 'Authentication"
            " credentials were not provided.'}.",
        )
        self.assertIn("<- close   code=4403", transcript)

    async def test_another_frame_is_not_taken(self):
        ann = await self.enter()
        await ann.send_message(PingMessage())
        with self.assertRaises(AssertionError) as caught:
            await ann.wait_for_auth()
        self.assertEqual(
            str(caught.exception).partition("\n\n")[0],
            "ann (/ws/lobby/) sent a frame where the authentication message was"
            " expected.",
        )
        self.assertEqual(await ann.receive_all_messages(), [PongMessage()])

    async def test_no_message_at_rest_fails_at_once(self):
        ann = await self.enter()
        with self.assertRaises(NoFrame) as caught:
            await ann.wait_for_auth()
        self.assertEqual(
            str(caught.exception).partition("\n\n")[0],
            "No authentication message from ann (/ws/lobby/): the application is at"
            " rest.",
        )

    @override_settings(CHANX={"SEND_AUTHENTICATION_MESSAGE": False})
    async def test_without_the_message_the_connection_is_looked_at(self):
        ann = await self.aconnect(user=self.ann)
        self.assertIsNone(await ann.wait_for_auth())
        await ann.assert_authenticated_status_ok()
        stranger = self.create_communicator(headers=[])
        await stranger.connect()
        with self.assertRaises(AssertionError) as caught:
            await stranger.assert_authenticated_status_ok()
        self.assertEqual(
            str(caught.exception).partition("\n\n")[0],
            "connection 2 (/ws/lobby/) is not authenticated: it is closed by the"
            " application (code 4403).",
        )

    async def test_a_test_can_say_that_there_is_no_message(self):
        ann = await self.aconnect(user=self.ann)
        self.assertIsNone(await ann.wait_for_auth(send_authentication_message=False))


class ClosingTests(WebsocketTestCase):
    consumer = ClosingConsumer

    async def test_a_close_that_a_timer_brings(self):
        async with self.auth_communicator as ann:
            await ann.send_message(PingMessage())
            await ann.assert_closed()
            await ann.assert_closed(code=4001)
            # What was sent before is still there.
            self.assertEqual(await ann.receive_all_messages(), [PongMessage()])

    async def test_another_code_fails(self):
        async with self.auth_communicator as ann:
            await ann.send_message(PingMessage())
            with self.assertRaises(AssertionError) as caught:
                await ann.assert_closed(4002)
        self.assertEqual(
            str(caught.exception).partition("\n\n")[0],
            "/ws/closing/ closed with code 4001, not 4002.",
        )

    async def test_an_open_connection_fails_at_once_and_lives_on(self):
        async with self.create_communicator("/ws/open/") as ann:
            with self.assertRaises(AssertionError) as caught:
                await ann.assert_closed()
            self.assertEqual(
                str(caught.exception).partition("\n\n")[0],
                "/ws/open/ is open: the application has not closed it.",
            )
            await ann.send_message(PingMessage())
            self.assertEqual(await ann.receive_all_messages(), [PongMessage()])


class MessageTests(LobbyTestCase):
    consumer = LobbyConsumer

    async def test_values_that_json_does_not_have(self):
        ann = await self.enter()
        when = datetime.datetime(2026, 11, 20, 10, tzinfo=datetime.timezone.utc)
        await ann.send_message(Remind(payload=when))
        messages = await ann.receive_all_messages("reminder")
        self.assertEqual(messages, [Reminder(payload=when)])

    async def test_messages_that_are_sent_together(self):
        ann, ben = await self.enter(), await self.enter()
        await asyncio.gather(
            ann.send_message(Say(payload=1)), ben.send_message(Say(payload=2))
        )
        self.assertEqual(await ann.receive_all_messages(), [Said(payload=1)])
        self.assertEqual(await ben.receive_all_messages(), [Said(payload=2)])

    async def test_a_dict_is_a_message(self):
        ann = await self.enter()
        await ann.send_message({"action": "say", "payload": 1})
        self.assertEqual(await ann.receive_all_messages(), [Said(payload=1)])

    async def test_what_chanx_refuses_is_answered(self):
        ann = await self.enter()
        await ann.send_message({"action": "unknown"})
        (message,) = await ann.receive_all_messages()
        self.assertIsInstance(message, ErrorMessage)

    async def test_the_authentication_message_is_one(self):
        ann = await self.aconnect(user=self.ann)
        (message,) = await ann.receive_all_messages()
        self.assertIsInstance(message, AuthenticationMessage)

    async def test_a_ref_comes_back(self):
        ann = await self.enter()
        await ann.send_message(PingMessage(), ref="7")
        (answer,) = await ann.receive_all_json()
        self.assertEqual(answer["ref"], "7")
        await ann.send_message(Say(payload=1), ref="8")
        self.assertEqual(await ann.receive_all_messages(), [Said(payload=1)])

    async def test_nothing_is_an_empty_list(self):
        ann = await self.enter()
        self.assertEqual(await ann.receive_all_json(), [])
        self.assertEqual(await ann.receive_all_messages(), [])

    # docs:start no-completions
    @override_settings(CHANX={"SEND_COMPLETION": True})
    async def test_completion_messages_are_left_out(self):
        ann = await self.enter()
        await ann.send_message(PingMessage())
        await ann.send_message(Say(payload="hello"))
        self.assertEqual(len(await ann.receive_all_json()), 2)

    @override_settings(CHANX={"SEND_COMPLETION": True})
    async def test_completion_messages_separate_the_answers(self):
        ann = await self.enter()
        await ann.send_message(PingMessage())
        await ann.send_message(Say(payload="hello"))
        self.assertEqual(await ann.receive_all_messages(), [PongMessage()])
        self.assertEqual(await ann.receive_all_messages(), [Said(payload="hello")])
        self.assertEqual(await ann.receive_all_messages(), [])

    # docs:end no-completions

    @override_settings(CHANX={"SEND_COMPLETION": True})
    async def test_a_completion_that_a_timer_brings(self):
        ann = await self.enter()
        when = datetime.datetime(2026, 11, 20, 10, tzinfo=datetime.timezone.utc)
        await ann.send_message(Remind(payload=when))
        messages = await ann.receive_all_messages()
        self.assertEqual(messages, [Reminder(payload=when)])

    async def test_until_an_action(self):
        ann = await self.enter()
        for payload in [1, 2]:
            await ann.send_message(Say(payload=payload))
        await ann.send_message(PingMessage())
        await ann.send_message(Say(payload=3))
        said = [{"action": "said", "payload": payload} for payload in [1, 2, 3]]
        self.assertEqual(await ann.receive_until_action("pong"), said[:2])
        self.assertEqual(await ann.receive_all_json(), said[2:])

    async def test_until_an_action_and_with_it(self):
        ann = await self.enter()
        await ann.send_message(PingMessage())
        frames = await ann.receive_until_action("pong", inclusive=True)
        self.assertEqual([frame["action"] for frame in frames], ["pong"])

    async def test_an_action_that_does_not_come_fails_and_takes_nothing(self):
        ann = await self.enter()
        await ann.send_message(PingMessage())
        for receive in (ann.receive_until_action, ann.receive_all_messages):
            with self.assertRaises(NoFrame) as caught:
                await receive("said")
            self.assertEqual(
                str(caught.exception).partition("\n\n")[0],
                "No 'said' message from ann (/ws/lobby/): the application is at rest.",
            )
        self.assertEqual(await ann.receive_all_messages(), [PongMessage()])

    async def test_a_message_that_is_not_declared_fails(self):
        ann = await self.enter()
        await ann.consumer.send_json({"action": "unheard"})
        with self.assertRaises(AssertionError) as caught:
            await ann.receive_all_messages()
        self.assertEqual(
            str(caught.exception).partition(": ")[0],
            "The frame from ann (/ws/lobby/) is not a message that LobbyConsumer"
            " declares",
        )

    async def test_what_is_wrong_with_a_message_is_told_with_its_place(self):
        ann = await self.enter()
        await ann.consumer.send_json({"action": "reminder", "payload": "tea time"})
        with self.assertRaisesMessage(
            AssertionError, "LobbyConsumer declares: reminder: payload: Input should be"
        ):
            await ann.receive_all_messages()

    async def test_a_frame_that_is_not_json_fails(self):
        ann = await self.enter()
        await ann.consumer.send("plain text")
        with self.assertRaises(AssertionError) as caught:
            await ann.receive_all_messages()
        self.assertEqual(
            str(caught.exception).partition(": ")[0],
            "The frame from ann (/ws/lobby/) is not JSON",
        )

    async def test_a_consumer_of_channels_has_no_messages(self):
        ann = await self.aconnect("/ws/plain/")
        await ann.send_message({"some_key": 1})
        with self.assertRaises(TypeError) as caught:
            await ann.receive_all_messages()
        self.assertEqual(
            str(caught.exception),
            "/ws/plain/ leads to Plain, which is not a Chanx consumer and declares"
            " no messages. Use receive_all_json().",
        )
        self.assertEqual(await ann.receive_all_json(), [{"some_key": 1}])


class CamelTests(LobbyTestCase):
    async def enter_board(self, path: str) -> Any:
        self.board = await Board.objects.acreate(name="kitchen")
        await self.board.members.aadd(self.ann)
        return await self.enter(f"{path}{self.board.pk}/")

    async def pin(self, ann: WebsocketCommunicator) -> None:
        await ann.send_message(PinNote(payload="buy tea"))
        (frame,) = ann.frames[1:]
        self.assertIn('"noteText": "buy tea"', frame)
        (message,) = await ann.receive_all_messages()
        self.assertIsInstance(message, NotePinned)
        self.assertEqual(message.payload.note_text, "buy tea")

    # docs:start camel
    async def test_a_consumer_with_camel_case(self):
        ann = await self.enter_board("/ws/boards/camel/")
        self.assertIsInstance(ann.consumer, CamelConsumer)
        await self.pin(ann)

    @override_settings(CHANX={"CAMELIZE": True})
    async def test_a_project_with_camel_case(self):
        await self.pin(await self.enter_board("/ws/boards/"))

    # docs:end camel

    async def test_keys_go_out_in_camel_case(self):
        ann = await self.enter_board("/ws/boards/camel/")
        await ann.send_message({"action": "pin_note", "payload": "x", "so_far": 1})
        self.assertIn('"soFar": 1', str(ann.transcript))

    async def test_request_goes_out_in_camel_case(self):
        ann = await self.enter_board("/ws/boards/camel/")
        message = {"action": "pin_note", "payload": "x", "so_far": 1}
        reply = await ann.request(message, reply={"action": "note_pinned"})
        self.assertEqual(reply["payload"]["noteText"], "x")
        self.assertIn('"soFar": 1', str(ann.transcript))

    async def test_raw_frames_are_as_on_the_wire(self):
        ann = await self.enter_board("/ws/boards/camel/")
        await ann.send_message(PinNote(payload="buy tea"))
        (frame,) = await ann.receive_all_json()
        self.assertEqual(frame["payload"]["noteText"], "buy tea")


class TopicTests(LobbyTestCase):
    consumer = TopicConsumer

    # docs:start topics
    async def test_a_topic(self):
        ann = await self.aconnect()
        answer = await ann.subscribe("ticks:fast", ref="1")
        self.assertEqual((answer["action"], answer["ref"]), ("subscribed", "1"))

        await TickTopic.broadcast("ticks:fast", TickEvent(payload=1))
        self.assertEqual(await ann.receive_topic_message(TickTopic), Tick(payload=1))

        await ann.send_message(Say(payload="hello"), topic="ticks:fast")
        messages = await ann.receive_all_messages()
        self.assertEqual(messages, [Said(payload=["fast", "hello"])])

        await ann.unsubscribe("ticks:fast")
        await TickTopic.broadcast("ticks:fast", TickEvent(payload=2))
        self.assertReceivesNothing(ann)

    # docs:end topics

    async def test_a_topic_that_there_is_not(self):
        ann = await self.aconnect()
        answer = await ann.subscribe("tocks:slow")
        self.assertEqual(answer["payload"]["reason"], "unknown_topic")
        await ann.send_message(Say(payload=1), topic="tocks:slow")
        (message,) = await ann.receive_all_messages()
        self.assertIsInstance(message, ErrorMessage)

    async def test_what_topic_and_consumer_send_comes_together(self):
        ann = await self.aconnect()
        await ann.send_json(
            {"version": ENVELOPE_VERSION, "topic": "ticks:a", "action": "subscribe"}
        )
        await ann.send_message(PingMessage())
        messages = await ann.receive_all_messages()
        self.assertEqual(messages, [SubscribedMessage(), PongMessage()])


class ConstructorTests(LobbyTestCase):
    # Consumers of Chanx choose none of what is on offer.
    check_protocol = ("subprotocol-not-chosen",)

    async def test_it_takes_what_chanx_takes(self):
        self.assertIs(DjangoWebsocketCommunicator, WebsocketCommunicator)
        communicator = WebsocketCommunicator(
            application,
            "/ws/open/",
            headers=[(b"origin", b"http://testserver")],
            subprotocols=["v1"],
            consumer=OpenConsumer,
        )
        async with communicator:
            await communicator.send_message(PingMessage())
            messages = await communicator.receive_all_messages("pong")
        self.assertEqual(messages, [PongMessage()])

    async def test_it_needs_a_connection(self):
        for call in (
            WebsocketCommunicator.send_message,
            WebsocketCommunicator.receive_until_action,
        ):
            communicator = self.create_communicator("/ws/lobby/")
            with self.assertRaises(RuntimeError):
                await call(communicator, "pong")
