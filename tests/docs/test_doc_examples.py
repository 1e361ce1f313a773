"""Examples of the pages that are not in the example project."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import uuid
import zlib
from typing import Any
from unittest import mock

from channels.consumer import AsyncConsumer
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
)
from channels.layers import get_channel_layer
from django.contrib.auth.models import AnonymousUser, User
from django.db import IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.test import SimpleTestCase, TestCase, override_settings

from channels_testkit import (
    Channel,
    ChannelTestCase,
    DatabaseOwnershipError,
    Group,
    NoFrame,
    SimpleWebsocketTestCase,
    TransactionWebsocketTestCase,
    WebsocketCommunicator,
    WebsocketTestCase,
    WebsocketTestMixin,
)
from tests.app.consumers import EchoConsumer
from tests.app.models import Note

TOKENS: dict[str, User] = {}


class TokenMiddleware:
    """Knows users by the token in the query string."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        token = scope["query_string"].decode().removeprefix("token=")
        user = TOKENS.get(token, AnonymousUser())
        await self.inner({**scope, "user": user}, receive, send)


class WhoConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept()
        await self.send_json({"user": self.scope["user"].username})


class TypingConsumer(AsyncJsonWebsocketConsumer):
    """Says after a twentieth of a second that nobody types any more."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await asyncio.sleep(0.05)
        await self.send_json({"type": "idle"})


class ScopeConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept()
        await self.send_json(
            {
                "address": self.scope["client"][0],
                "language": dict(self.scope["headers"])[b"accept-language"].decode(),
                "tenant": self.scope.get("tenant"),
            }
        )


class TickerConsumer(AsyncJsonWebsocketConsumer):
    """Sends three numbers on whatever it is sent."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        for number in [1, 2, 3]:
            await self.send_json({"number": number})


class PackedConsumer(AsyncWebsocketConsumer):
    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None
    ) -> None:
        payload = json.loads(zlib.decompress(bytes_data or b""))
        answer = json.dumps({"heard": payload})
        await self.send(bytes_data=zlib.compress(answer.encode()))


class ListenConsumer(AsyncJsonWebsocketConsumer):
    """Listens for something outside, in a thread, for as long as it lives."""

    async def connect(self) -> None:
        self.stop = threading.Event()
        self.listening = asyncio.create_task(asyncio.to_thread(listen, self.stop))
        await self.accept()

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.send_json({"heard": content})

    async def disconnect(self, code: int) -> None:
        self.stop.set()
        await self.listening


def listen(stop: threading.Event) -> None:
    stop.wait()


class CountInThreadConsumer(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        count = database_sync_to_async(Note.objects.count, thread_sensitive=False)
        await self.send_json({"count": await count()})


class CommittingConsumer(JsonWebsocketConsumer):
    def receive_json(self, content):
        with connection.cursor() as cursor:
            cursor.execute(content["sql"])


class UniqueConsumer(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        try:
            await self.keep(content["slug"])
        except IntegrityError:
            await self.send_json({"error": "taken"})

    @database_sync_to_async
    def keep(self, slug: str) -> None:
        with transaction.atomic():
            Note.objects.create(text="", slug=slug)


class AbnormalCloseConsumer(AsyncConsumer):
    """Closes with a code that no application may send."""

    async def websocket_connect(self, event: Any) -> None:
        await self.send({"type": "websocket.accept"})
        await self.send({"type": "websocket.close", "code": 1006})

    async def websocket_disconnect(self, event: Any) -> None:
        raise StopConsumer


class ConnectTests(WebsocketTestCase):
    # docs:start connect-options
    def test_options_of_a_connection(self):
        ann = self.connect(
            "/ws/echo/?page=2",
            query={"page": 3},
            headers={"accept-language": "de"},
            cookies={"theme": "dark"},
            subprotocols=["chat.v2", "chat.v1"],
            origin="http://testserver",
            remote_address="203.0.113.7",
            name="ann's phone",
        )
        self.assertAccepted(ann, subprotocol="chat.v2")
        self.assertEqual(ann.scope["query_string"], b"page=2&page=3")
        self.assertEqual(ann.scope["client"], ["203.0.113.7", 0])
        self.assertEqual(ann.label, "ann's phone (/ws/echo/)")

    # docs:end connect-options

    # docs:start reconnect
    def test_a_phone_that_loses_its_connection_comes_back(self):
        ann = self.connect("/ws/room/1/")
        ann.drop()
        self.assertGroupMembers("room-1", [])
        ann.reconnect()
        self.assertInGroup(ann, "room-1")

    # docs:end reconnect

    # docs:start with-block
    def test_a_visit(self):
        with self.connect("/ws/room/1/") as ann:
            self.assertInGroup(ann, "room-1")
        self.assertGroupMembers("room-1", [])

    # docs:end with-block

    # docs:start logout
    def test_after_a_logout_ann_reconnects_as_a_stranger(self):
        ann = self.connect("/ws/echo/", user=User.objects.create_user("ann"))
        self.assertIn("sessionid", ann.cookies)
        ann.logout()
        ann.reconnect()
        self.assertTrue(ann.scope["user"].is_anonymous)

    # docs:end logout

    # docs:start free-standing
    async def test_code_written_for_channels(self):
        communicator = WebsocketCommunicator(EchoConsumer.as_asgi(), "/echo/")
        connected, subprotocol = await communicator.connect()
        self.assertEqual((connected, subprotocol), (True, None))
        await communicator.send_json_to({"message": "hello"})
        answer = await communicator.receive_json_from()
        self.assertEqual(answer, {"message": "hello"})
        await communicator.disconnect()

    # docs:end free-standing

    # docs:start held-exception
    async def test_a_consumer_that_raises(self):
        communicator = WebsocketCommunicator(EchoConsumer.as_asgi(), "/echo/")
        await communicator.connect()
        await communicator.send_json_to({"raise": "ValueError"})
        with self.assertRaises(ValueError):
            await communicator.receive_from()

    # docs:end held-exception


# docs:start token-login
class TokenTests(WebsocketTestCase):
    application = TokenMiddleware(WhoConsumer.as_asgi())
    ws_path = "/ws/who/"

    def get_login(self, user):
        token = str(uuid.uuid4())
        TOKENS[token] = user
        self.addCleanup(TOKENS.pop, token)
        return {"query": {"token": token}}

    def test_the_token_identifies_ann(self):
        ann = self.connect(user=User(pk=1, username="ann"))
        self.assertReceivesJson(ann, {"user": "ann"})
        # docs:end token-login


class FrameTests(WebsocketTestCase):
    # docs:start nothing
    def test_another_room_receives_nothing(self):
        ann, ben = self.connect("/ws/room/1/"), self.connect("/ws/room/2/")
        ann.send_json({"text": "hello"})
        self.assertReceivesNothing(ben)

    # docs:end nothing

    # docs:start receive-all
    def test_three_numbers_come(self):
        ann = self.connect("/", application=TickerConsumer.as_asgi())
        ann.send_json({})
        self.assertEqual(
            ann.receive_all_json(), [{"number": 1}, {"number": 2}, {"number": 3}]
        )

    def test_reading_until_the_third_number(self):
        ann = self.connect("/", application=TickerConsumer.as_asgi())
        ann.send_json({})
        *before, last = ann.receive_until({"number": 3})
        self.assertEqual(len(before), 2)
        self.assertEqual(last, {"number": 3})
        self.assertReceivesNothing(ann)

    # docs:end receive-all

    # docs:start text-and-bytes
    def test_a_frame_is_text_or_bytes(self):
        ann = self.connect("/ws/echo/")
        ann.send_text("")
        self.assertReceivesText(ann, "")
        ann.send_bytes(b"\x00\x01")
        self.assertReceivesBytes(ann, b"\x00\x01")

    # docs:end text-and-bytes

    # docs:start matching
    def test_types_patterns_and_predicates(self):
        ann = self.connect("/ws/echo/")
        ann.send_json({"id": 7, "at": "2026-11-20T10:00", "tags": [], "by": "ann"})
        self.assertReceivesJson(
            ann,
            {
                "id": int,
                "at": re.compile(r"2026-.*"),
                "tags": mock.ANY,
                "by": lambda name: name in {"ann", "ben"},
            },
        )

    def test_a_subset_at_every_depth(self):
        ann = self.connect("/ws/echo/")
        ann.send_json({"user": {"name": "ann", "id": 7}, "rooms": [{"id": 1}]})
        expected = {"user": {"name": "ann"}, "rooms": [{}]}
        self.assertReceivesJson(ann, expected, partial=True)

    # docs:end matching


class LayerTests(ChannelTestCase):
    # docs:start sent-block
    def test_a_view_tells_the_room(self):
        expected = {"type": "room.message", "content": {"note": "hello"}}
        with self.assertGroupSent("room-1", expected, count=1) as sent:
            self.client.post("/broadcast/1/", {"text": "hello"})
        self.assertEqual(sent[0].receivers, ())

    def test_the_same_with_collected_messages(self):
        with self.captureSent(group="room-1") as sent:
            self.client.post("/broadcast/1/", {"text": "hello"})
        self.assertEqual([entry.message["type"] for entry in sent], ["room.message"])

    # docs:end sent-block

    # docs:start nothing-anywhere
    def test_reading_the_notes_sends_nothing(self):
        with self.assertNothingSentAnywhere():
            self.client.get("/notes/")

    # docs:end nothing-anywhere

    # docs:start ordered
    def test_the_work_is_announced_before_it_is_done(self):
        Group("lobby").send({"type": "chat.begin"})
        Channel("thumbnails").send({"type": "make", "id": 1})
        self.assertSentInOrder(
            ("lobby", {"type": "chat.begin"}),
            ("thumbnails", {"type": "make", "id": 1}),
        )

    # docs:end ordered

    # docs:start refused
    def test_what_redis_would_refuse(self):
        user = User(pk=1, username="ann")
        with self.assertRaisesMessage(TypeError, "message['user'] is a User"):
            Group("lobby").send({"type": "chat.join", "user": user})

    # docs:end refused

    # docs:start layer-holds
    def test_what_the_layer_holds(self):
        Group("lobby").add("ann")
        Channel("thumbnails").send({"type": "make", "id": 1})
        self.assertIn("ann", self.channel_layer.groups["lobby"])
        self.assertEqual(self.channel_layer.channels["thumbnails"].qsize(), 1)
        self.assertEqual(self.channel_layer.groups(), {"lobby": ("ann",)})
        self.assertEqual(self.channel_layer.pending_counts(), {"thumbnails": 1})

    # docs:end layer-holds

    # docs:start other-layers
    @override_settings(
        CHANNEL_LAYERS={
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": ["redis://localhost"], "capacity": 1},
            }
        }
    )
    def test_a_full_channel(self):
        Channel("thumbnails").send({"type": "make", "id": 1})
        with self.assertRaises(Exception) as caught:
            Channel("thumbnails").send({"type": "make", "id": 2})
        self.assertEqual(type(caught.exception).__name__, "ChannelFull")

    # docs:end other-layers


# docs:start group-from-outside
class RoomGroupTests(WebsocketTestCase):
    def test_members_receive_messages_to_the_group(self):
        ann, ben = self.connect_many(2, "/ws/room/1/")
        self.assertGroupMembers("room-1", [ann, ben])
        ben.disconnect()
        self.assertNotInGroup(ben, "room-1")
        Group("room-1").send({"type": "room.message", "content": {"text": "hello"}})
        self.assertReceivesJson(ann, {"text": "hello"})
        # docs:end group-from-outside


class DatabaseTests(WebsocketTestCase):
    # docs:start one-transaction
    @classmethod
    def setUpTestData(cls):
        Note.objects.create(text="from setUpTestData")

    def test_all_count_the_same_notes(self):
        Note.objects.create(text="from the test")
        ann = self.connect("/ws/count/")
        ann.send_json({"way": "async"})
        self.assertReceivesJson(ann, {"count": 2})
        self.assertEqual(self.client.get("/notes/").json(), {"notes": 2})

    # docs:end one-transaction

    # docs:start capture-commit
    def test_the_broadcast_waits_for_the_commit(self):
        with self.captureOnCommitCallbacks() as callbacks:
            self.client.post("/broadcast/1/", {"text": "hello"})
        self.assertEqual(len(callbacks), 1)
        self.assertNothingGroupSent("room-1")

    async def test_the_same_in_an_async_test(self):
        async with self.captureOnCommitCallbacks(execute=True) as callbacks:
            await self.async_client.post("/broadcast/1/", {"text": "hello"})
        self.assertEqual(len(callbacks), 1)
        self.assertGroupSent("room-1", count=1)

    # docs:end capture-commit

    # docs:start num-queries
    def test_a_note_is_one_query(self):
        ann = self.connect("/ws/room/1/")
        with self.assertNumQueries(1):
            ann.send_json({"note": "hello"})

    # docs:end num-queries

    # docs:start other-thread
    def test_another_thread_cannot_see_the_notes(self):
        ann = self.connect("/", application=CountInThreadConsumer.as_asgi())
        with self.assertApplicationRaises(DatabaseOwnershipError):
            ann.send_json({})

    # docs:end other-thread

    # docs:start broken-transaction
    def test_a_slug_is_taken_once(self):
        ann = self.connect("/", application=UniqueConsumer.as_asgi())
        ann.send_json({"slug": "lobby"})
        ann.send_json({"slug": "lobby"})
        self.assertReceivesJson(ann, {"error": "taken"})
        self.assertEqual(Note.objects.filter(slug="lobby").count(), 1)

    # docs:end broken-transaction

    # docs:start kept-transaction
    def test_a_consumer_may_not_commit(self):
        ann = self.connect("/", application=CommittingConsumer.as_asgi())
        with self.assertApplicationRaises(TransactionManagementError) as caught:
            ann.send_json({"sql": "COMMIT"})
        self.assertIn("COMMIT on database 'default'", str(caught.exception))

    # docs:end kept-transaction


# docs:start transaction-flavor
class CommittedTests(TransactionWebsocketTestCase):
    def test_another_thread_sees_what_is_committed(self):
        Note.objects.create(text="hello")
        ann = self.connect("/ws/count/")
        ann.send_json({"way": "thread"})
        self.assertReceivesJson(ann, {"count": 1})
        # docs:end transaction-flavor


# docs:start async-set-up
class SharedClientTests(WebsocketTestCase):
    def setUp(self):
        self.ann = self.connect("/ws/echo/")

    async def asyncSetUp(self):
        self.ben = await self.aconnect("/ws/echo/")

    async def test_both_are_there(self):
        await self.ann.asend_json({"n": 1})
        await self.ben.send_json({"n": 2})
        self.assertReceivesJson(self.ann, {"n": 1})
        self.assertReceivesJson(self.ben, {"n": 2})

    def test_both_are_there_in_a_sync_test(self):
        self.ann.send_json({"n": 1})
        self.assertReceivesJson(self.ann, {"n": 1})
        # docs:end async-set-up


class RestTests(WebsocketTestCase):
    # docs:start any-await
    async def test_awaiting_the_channel_layer(self):
        ann = await self.aconnect("/ws/room/1/")
        message = {"type": "room.message", "content": {"text": "hello"}}
        await get_channel_layer().group_send("room-1", message)
        self.assertReceivesJson(ann, {"text": "hello"})

    # docs:end any-await

    # docs:start own-task
    async def test_a_task_of_the_test(self):
        ann, ben = await self.aconnect_many(2, "/ws/room/1/")
        reading = asyncio.create_task(ben.receive_json_from())
        await ann.send_json_to({"text": "hello"})
        self.assertEqual(await reading, {"text": "hello"})

    # docs:end own-task

    # docs:start plain-thread
    def test_a_broadcast_from_a_plain_thread(self):
        ann = self.connect("/ws/room/1/")
        message = {"type": "room.message", "content": {"text": "hello"}}
        send = Group("room-1").channel_layer.group_send
        thread = threading.Thread(target=lambda: asyncio.run(send("room-1", message)))
        thread.start()
        thread.join()
        self.settle()
        self.assertEqual(ann.frames, ['{"text": "hello"}'])

    # docs:end plain-thread


class ClosingTests(WebsocketTestCase):
    # docs:start closed
    def test_a_connection_is_closed_with_a_code_and_a_reason(self):
        ann = self.connect("/ws/echo/")
        ann.send_json({"close": 4403, "reason": "not a member"})
        self.assertClosed(ann, code=4403, reason="not a member")

    # docs:end closed

    # docs:start rejected
    async def test_a_handshake_is_rejected(self):
        stranger = self.create_communicator("/ws/who/")
        handshake = await stranger.connect()
        self.assertFalse(handshake.accepted)
        self.assertEqual(handshake.code, 4401)
        self.assertRejected(stranger, code=4401, reason="log in first")

    # docs:end rejected

    # docs:start raised
    def test_the_send_raises_the_exception(self):
        ann = self.connect("/ws/echo/")
        with self.assertRaisesMessage(ValueError, "asked for"):
            ann.send_json({"raise": "ValueError"})

    # docs:end raised

    # docs:start disconnect-handler
    def test_an_error_when_ben_disconnects(self):
        ann, ben = self.connect_many(2, "/ws/room/1/")
        with mock.patch(
            "tests.app.consumers.RoomConsumer.disconnect", side_effect=KeyError
        ):
            with self.assertApplicationRaises(KeyError):
                ben.disconnect(code=1001)
        self.assertOpen(ann)

    # docs:end disconnect-handler


# docs:start watches
class ProtocolTests(SimpleWebsocketTestCase):
    application = AbnormalCloseConsumer.as_asgi()
    ws_path = "/"
    check_protocol = ("close-code",)

    def test_a_close_code_that_servers_replace(self):
        ann = self.create_client()
        ann.connect()
        self.assertClosed(ann, code=1006)
        # docs:end watches


class WaitingTests(SimpleWebsocketTestCase):
    # docs:start timers
    def test_a_timer_of_the_consumer(self):
        ann = self.connect("/", application=TypingConsumer.as_asgi())
        ann.send_json({"type": "typing"})
        self.assertReceivesNothing(ann)
        self.assertReceivesJson(ann, {"type": "idle"})

    async def test_a_timer_of_the_consumer_async(self):
        ann = await self.aconnect("/", application=TypingConsumer.as_asgi())
        await ann.send_json_to({"type": "typing"})
        self.assertReceivesNothing(ann)
        self.assertEqual(await ann.receive_json_from(timeout=1), {"type": "idle"})

    # docs:end timers

    # docs:start within
    async def test_nothing_comes_in_time(self):
        ann = await self.aconnect("/", application=TypingConsumer.as_asgi())
        await ann.send_json_to({"type": "typing"})
        await self.aassertReceivesNothing(ann, within=0.01)

    # docs:end within

    # docs:start no-frame
    async def test_a_receive_that_gets_nothing(self):
        ann = await self.aconnect("/", application=EchoConsumer.as_asgi())
        with self.assertRaises(NoFrame):
            await ann.receive_json_from(timeout=60)
        await ann.send_json_to({"still": "there"})
        self.assertReceivesJson(ann, {"still": "there"})

    # docs:end no-frame


# docs:start background
class ListenTests(SimpleWebsocketTestCase):
    application = ListenConsumer.as_asgi()
    ws_path = "/"
    background_jobs = ("tests.docs.test_doc_examples.listen",)

    def test_the_listener_does_not_keep_the_test_busy(self):
        ann = self.connect()
        ann.send_json("hello")
        self.assertReceivesJson(ann, {"heard": "hello"})
        # docs:end background


class MonitoredTests(WebsocketTestCase):
    # docs:start threads
    #: Answers from a thread of its own.
    outside_threads = ("broker",)
    #: Sends what the project logs to a service.
    idle_threads = ("log shipper", lambda thread: thread.name.startswith("metrics-"))
    # docs:end threads

    def test_names_are_taken_where_there_is_no_such_thread(self):
        self.assertReceivesNothing(self.connect("/ws/echo/"))


class ScopeTests(SimpleWebsocketTestCase):
    # docs:start scope
    def test_a_header_an_address_and_a_key(self):
        ann = self.connect(
            "/",
            application=ScopeConsumer.as_asgi(),
            headers=[("Accept-Language", "de")],
            remote_address=("203.0.113.7", 50000),
            scope={"tenant": "acme"},
        )
        expected = {"address": "203.0.113.7", "language": "de", "tenant": "acme"}
        self.assertReceivesJson(ann, expected)

    # docs:end scope


# docs:start class-headers
class HeaderTests(SimpleWebsocketTestCase):
    application = ScopeConsumer.as_asgi()
    ws_path = "/"

    def get_ws_headers(self):
        return {"accept-language": "de"}

    def test_every_connection_has_the_headers(self):
        self.assertReceivesJson(self.connect(), {"language": "de"}, partial=True)

    def test_headers_of_a_call_replace_them(self):
        ann = self.connect(headers={"accept-language": "fr"})
        self.assertReceivesJson(ann, {"language": "fr"}, partial=True)
        # docs:end class-headers


# docs:start wire
class PackedTests(SimpleWebsocketTestCase):
    application = PackedConsumer.as_asgi()
    ws_path = "/"

    def encode_frame(self, payload):
        return zlib.compress(json.dumps(payload).encode())

    def decode_frame(self, frame):
        return json.loads(zlib.decompress(frame))

    def test_frames_are_packed(self):
        ann = self.connect()
        ann.send_json("hello")
        self.assertReceivesJson(ann, {"heard": "hello"})
        # docs:end wire


# docs:start mixin
class ProjectTestCase(TestCase):
    """What every test of a project has, WebSockets or not."""

    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")


class WhoTests(WebsocketTestMixin, ProjectTestCase):
    ws_path = "/ws/who/"

    def test_ann_is_known(self):
        self.assertReceivesJson(self.connect(user=self.ann), {"user": "ann"})
        # docs:end mixin


# docs:start simple-mixin
class NoDatabaseTests(WebsocketTestMixin, SimpleTestCase):
    def test_no_query_is_made(self):
        ann = self.connect("/", application=EchoConsumer.as_asgi())
        ann.send_json({"n": 1})
        self.assertReceivesJson(ann, {"n": 1})
        # docs:end simple-mixin
