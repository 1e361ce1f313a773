"""The tasks of Chanx's page on testing."""

from __future__ import annotations

from unittest.mock import AsyncMock, patch

from asgiref.sync import sync_to_async
from chanx.messages.incoming import PingMessage
from chanx.messages.outgoing import PongMessage
from django.contrib.auth.models import User

from channels_testkit.contrib.chanx import (
    WebsocketCommunicator,
    WebsocketTestCase as ChanxTestCase,
)

from .authentication import COOKIE, ticket_of
from .consumers import BoardConsumer, LobbyConsumer
from .messages import NoteEvent, NotePinned, Pinned, PinNote, Said, Say
from .models import Board, Note


# docs:start base-class
class WebsocketTestCase(ChanxTestCase):
    def setUp(self):
        self.user, self.ws_headers = self.create_user_and_ws_headers("ann")
        super().setUp()

    def create_user_and_ws_headers(self, name):
        user = User.objects.create_user(name)
        cookie = f"{COOKIE}={ticket_of(user)}"
        return user, [(b"cookie", cookie.encode()), (b"x-forwarded-for", b"10.0.0.7")]

    async def acreate_user_and_ws_headers(self, name):
        return await sync_to_async(self.create_user_and_ws_headers)(name)

    def get_ws_headers(self):
        return self.ws_headers
        # docs:end base-class


# docs:start first
class LobbyTests(WebsocketTestCase):
    consumer = LobbyConsumer

    async def test_ping(self):
        await self.auth_communicator.connect()
        await self.auth_communicator.assert_authenticated_status_ok()
        await self.auth_communicator.send_message(PingMessage())
        (answer,) = await self.auth_communicator.receive_all_json()
        self.assertEqual(answer["action"], "pong")
        self.assertIsInstance(PongMessage.model_validate(answer), PongMessage)
        # docs:end first

    async def test_connect_has_a_timeout_and_can_be_unpacked(self):
        communicator = self.create_communicator()
        connected, _ = await communicator.connect(timeout=3)
        self.assertTrue(connected)
        message = await communicator.wait_for_auth()
        self.assertEqual(message.payload.status_code, 200)

    # docs:start typed
    async def test_messages_as_objects(self):
        async with self.auth_communicator as ann:
            await ann.assert_authenticated_status_ok()
            await ann.send_message(Say(payload={"text": "hello"}))
            messages = await ann.receive_all_messages()
        self.assertEqual(messages, [Said(payload={"text": "hello"})])

    # docs:end typed

    async def test_a_reply_and_a_broadcast_come_together(self):
        async with self.auth_communicator as ann:
            await ann.assert_authenticated_status_ok()
            await ann.send_message(Say(payload="to all"))
            said = {"action": "said", "payload": "to all"}
            frames = await ann.receive_all_json(wait_group=True)
            self.assertEqual(frames, [said, said])

    # docs:start path-in-the-test
    async def test_a_path_set_in_the_test(self):
        self.ws_path = "/ws/lounge/"
        await self.auth_communicator.connect()
        await self.auth_communicator.assert_authenticated_status_ok()
        self.assertInGroup(self.auth_communicator, "lounge")
        # docs:end path-in-the-test


class SessionTests(ChanxTestCase):
    ws_path = "/ws/lobby/"

    @classmethod
    def setUpTestData(cls):
        cls.user = User.objects.create_user("ann", password="secret")

    # docs:start session
    def get_ws_headers(self):
        self.client.login(username="ann", password="secret")
        session = self.client.cookies["sessionid"].value
        return [(b"cookie", f"sessionid={session}".encode())]

    async def test_a_session_by_hand(self):
        await self.auth_communicator.connect()
        await self.auth_communicator.assert_authenticated_status_ok()

    # docs:end session


# docs:start login
class LoginTests(ChanxTestCase):
    consumer = LobbyConsumer

    async def test_a_user_is_enough(self):
        ann = await User.objects.acreate(username="ann")
        communicator = await self.aconnect(user=ann)
        await communicator.assert_authenticated_status_ok()
        self.assertEqual(communicator.scope["user"], ann)
        # docs:end login

    async def test_a_stranger_is_told_and_sent_away(self):
        await self.auth_communicator.connect()
        message = await self.auth_communicator.wait_for_auth()
        self.assertEqual(message.payload.status_code, 403)
        await self.auth_communicator.assert_closed(code=4403)


class BoardTests(WebsocketTestCase):
    consumer = BoardConsumer

    # docs:start async-set-up
    async def setUp(self):
        await super().setUp()
        self.board = await Board.objects.acreate(name="kitchen")
        await self.board.members.aadd(self.user)
        self.ws_path = f"/ws/boards/{self.board.pk}/"

    async def test_a_pinned_note_is_kept(self):
        await self.auth_communicator.connect()
        await self.auth_communicator.assert_authenticated_status_ok()
        await self.auth_communicator.send_message(PinNote(payload="buy tea"))
        (pinned,) = await self.auth_communicator.receive_all_json(wait_group=True)
        self.assertEqual(pinned["action"], "note_pinned")
        self.assertEqual(pinned["payload"]["note_text"], "buy tea")
        self.assertEqual(await Note.objects.acount(), 1)

    # docs:end async-set-up

    async def connect_ben(self) -> WebsocketCommunicator:
        ben, headers = await self.acreate_user_and_ws_headers("ben")
        await self.board.members.aadd(ben)
        communicator = self.create_communicator(headers=headers)
        await communicator.connect()
        await communicator.assert_authenticated_status_ok()
        return communicator

    # docs:start group
    async def test_everybody_on_the_board_sees_the_note(self):
        _, headers = await self.acreate_user_and_ws_headers("ben")
        await self.board.members.aadd(await User.objects.aget(username="ben"))
        ann, ben = self.auth_communicator, self.create_communicator(headers=headers)
        await ann.connect()
        await ann.assert_authenticated_status_ok()
        await ben.connect()
        await ben.assert_authenticated_status_ok()

        await ann.send_message(PinNote(payload="buy tea"))

        (for_ann,) = await ann.receive_all_messages()
        (for_ben,) = await ben.receive_all_messages()
        self.assertTrue(for_ann.payload.is_mine)
        self.assertFalse(for_ben.payload.is_mine)
        self.assertReceivesNothing(ben)

    # docs:end group

    # docs:start permission
    async def test_only_members_see_a_board(self):
        ann = self.auth_communicator
        connected, _ = await ann.connect(ws_path=f"/ws/boards/{self.board.pk}/")
        self.assertTrue(connected)
        message = await ann.wait_for_auth()
        self.assertEqual(message.payload.status_code, 200)

        _, headers = await self.acreate_user_and_ws_headers("ben")
        ben = self.create_communicator(headers=headers)
        connected, _ = await ben.connect(ws_path=f"/ws/boards/{self.board.pk}/")
        self.assertTrue(connected)
        message = await ben.wait_for_auth()
        self.assertEqual(message.payload.status_code, 403)
        await ben.assert_closed()

    # docs:end permission

    # docs:start patched
    async def test_a_service_in_isolation(self):
        # Replaces a service that this test is not about.
        where = "tests.contrib.chanx.services.keep_note"
        with patch(where, AsyncMock(return_value=Note(pk=7))) as keep_note:
            await self.auth_communicator.connect()
            await self.auth_communicator.assert_authenticated_status_ok()
            await self.auth_communicator.send_message(PinNote(payload="buy tea"))
            keep_note.assert_awaited_once_with(board=self.board, text="buy tea")
            (pinned,) = await self.auth_communicator.receive_all_messages()
        self.assertEqual(pinned.payload.note_id, 7)

    # docs:end patched

    # docs:start broadcast-events
    async def test_a_broadcast_and_its_groups(self):
        ben = await self.connect_ben()
        with self.capture_broadcast_events() as events:
            await self.async_client.post(f"/boards/{self.board.pk}/pin/")
        (captured,) = events
        self.assertEqual(captured.groups, f"board-{self.board.pk}")
        note = await Note.objects.aget()
        pinned = Pinned(note_id=note.pk, note_text="by a view")
        self.assertEqual(captured.event, NoteEvent(payload=pinned))
        messages = await ben.receive_all_messages()
        self.assertEqual(messages, [NotePinned(payload=pinned)])
        # docs:end broadcast-events

    async def test_sync_and_async_in_one_transaction(self):
        await self.connect_ben()
        self.assertEqual(await User.objects.acount(), 2)


# docs:start sync
class SyncTests(ChanxTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")
        cls.board = Board.objects.create(name="kitchen")
        cls.board.members.add(cls.ann)

    def test_a_view_notifies_the_board(self):
        ann = self.connect(f"/ws/boards/{self.board.pk}/", user=self.ann)
        ok = {"action": "authentication", "payload": {"status_code": 200}}
        self.assertReceivesJson(ann, ok, partial=True)
        self.client.post(f"/boards/{self.board.pk}/pin/")
        pinned = {"action": "note_pinned", "payload": {"note_text": "by a view"}}
        self.assertReceivesJson(ann, pinned, partial=True)
        # docs:end sync
