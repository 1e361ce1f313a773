"""Forty functions for channels.testing; ``test_drop_in.py`` runs them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from unittest import mock

import pytest
import pytest_asyncio
from asgiref.sync import async_to_sync, sync_to_async
from channels.auth import AuthMiddlewareStack, get_user, login
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)
from channels.layers import get_channel_layer
from channels.middleware import BaseMiddleware
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator
from channels.testing import (
    ApplicationCommunicator,
    HttpCommunicator,
    WebsocketCommunicator,
)
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.asgi import get_asgi_application
from django.db.models.signals import post_save
from django.test import Client
from django.urls import path, re_path

from tests.app.consumers import RoomConsumer
from tests.app.models import Note

User = get_user_model()


class ChatConsumer(AsyncWebsocketConsumer):
    """The chat room of Channels' tutorial."""

    async def connect(self):
        self.room_name = self.scope["url_route"]["kwargs"]["room_name"]
        self.room_group_name = f"chat_{self.room_name}"
        await self.channel_layer.group_add(self.room_group_name, self.channel_name)
        await self.accept()

    async def disconnect(self, close_code):
        await self.channel_layer.group_discard(self.room_group_name, self.channel_name)

    async def receive(self, text_data=None, bytes_data=None):
        message = json.loads(text_data)["message"]
        await self.channel_layer.group_send(
            self.room_group_name, {"type": "chat.message", "message": message}
        )

    async def chat_message(self, event):
        await self.send(text_data=json.dumps({"message": event["message"]}))


class SyncChatConsumer(WebsocketConsumer):
    """The same before the tutorial makes it async."""

    def connect(self):
        self.room_name = self.scope["url_route"]["kwargs"]["room_name"]
        self.room_group_name = f"chat_{self.room_name}"
        async_to_sync(self.channel_layer.group_add)(
            self.room_group_name, self.channel_name
        )
        self.accept()

    def disconnect(self, close_code):
        async_to_sync(self.channel_layer.group_discard)(
            self.room_group_name, self.channel_name
        )

    def receive(self, text_data=None, bytes_data=None):
        message = json.loads(text_data)["message"]
        async_to_sync(self.channel_layer.group_send)(
            self.room_group_name, {"type": "chat.message", "message": message}
        )

    def chat_message(self, event):
        self.send(text_data=json.dumps({"message": event["message"]}))


class EchoConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        offered = self.scope["subprotocols"]
        await self.accept("v2" if "v2" in offered else None, headers=[(b"x-a", b"1")])

    async def receive(self, text_data=None, bytes_data=None):
        if text_data == "error":
            raise ValueError("bad frame")
        if text_data == "bye":
            await self.close(code=4003, reason="bye yourself")
        else:
            await self.send(text_data=text_data, bytes_data=bytes_data)


class MembersConsumer(AsyncJsonWebsocketConsumer):
    """For users who are logged in; says what the handshake was."""

    async def connect(self):
        user = self.scope["user"]
        if user.is_anonymous:
            await self.close(code=4401)
            return
        await self.accept()
        await self.send_json({"user": user.get_username()})

    async def receive_json(self, content, **kwargs):
        headers = dict(self.scope["headers"])
        await self.send_json(
            {
                "header": headers.get(content["header"].encode(), b"").decode(),
                "query": self.scope["query_string"].decode(),
            }
        )


class TokenMiddleware(BaseMiddleware):
    """Finds the user whose name is in the query."""

    async def __call__(self, scope, receive, send):
        user = await self.find(scope["query_string"].decode())
        return await super().__call__({**scope, "user": user}, receive, send)

    @database_sync_to_async
    def find(self, username):
        return User.objects.filter(username=username).first() or AnonymousUser()


class LoginConsumer(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content, **kwargs):
        user = await self.find(content["username"])
        await login(self.scope, user)
        await database_sync_to_async(self.scope["session"].save)()
        current = await get_user(self.scope)
        await self.send_json({"user": current.get_username()})

    @database_sync_to_async
    def find(self, username):
        return User.objects.get(username=username)


class NotesConsumer(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content, **kwargs):
        if content["command"] == "add":
            await self.add(content["text"])
        await self.send_json([note.text async for note in Note.objects.order_by("pk")])

    @database_sync_to_async
    def add(self, text):
        Note.objects.create(text=text)


class SyncNotesConsumer(JsonWebsocketConsumer):
    def receive_json(self, content, **kwargs):
        if content["command"] == "add":
            Note.objects.create(text=content["text"])
        self.send_json([note.text for note in Note.objects.order_by("pk")])


class PresenceConsumer(AsyncJsonWebsocketConsumer):
    groups = ["presence"]
    online: Counter[str] = Counter()

    async def connect(self):
        await self.accept()
        await self.tell(+1)

    async def disconnect(self, code):
        await self.tell(-1)

    async def tell(self, change):
        self.online[self.scope["user"].username] += change
        online = sorted(name for name, count in self.online.items() if count)
        message = {"type": "presence.changed", "online": online}
        await self.channel_layer.group_send("presence", message)

    async def presence_changed(self, event):
        await self.send_json({"online": event["online"]})


class TickConsumer(AsyncJsonWebsocketConsumer):
    """Has a task of its own as long as the client is there."""

    async def connect(self):
        await self.accept()
        self.task = asyncio.create_task(self.tick())

    async def disconnect(self, code):
        self.task.cancel()

    async def tick(self):
        for number in range(1000):
            await self.send_json({"tick": number})
            await asyncio.sleep(0.001)


class ThumbnailConsumer(SyncConsumer):
    """A background worker."""

    def generate(self, message):
        note = Note.objects.create(text=f"thumbnail of {message['id']}")
        async_to_sync(self.channel_layer.group_send)(
            "chat_lobby", {"type": "chat.message", "message": note.text}
        )


class ReplyConsumer(AsyncConsumer):
    async def ask(self, message):
        await self.channel_layer.send(message["reply"], {"type": "answer", "value": 42})

    async def stop(self, message):
        raise StopConsumer


class HealthConsumer(AsyncHttpConsumer):
    async def handle(self, body):
        method, answer = self.scope["method"].encode(), body or b"healthy"
        headers = [(b"Content-Type", b"text/plain"), (b"X-Method", method)]
        await self.send_response(200, answer, headers=headers)


class ExportConsumer(AsyncHttpConsumer):
    async def handle(self, body):
        await self.send_headers(headers=[(b"Content-Type", b"text/csv")])
        async for note in Note.objects.order_by("pk"):
            await self.send_body(f"{note.text}\n".encode(), more_body=True)
        await self.send_body(b"")


def notify_room(room, message):
    """What a view or a signal of the project calls."""
    async_to_sync(get_channel_layer().group_send)(
        f"chat_{room}", {"type": "chat.message", "message": message}
    )


websocket_urlpatterns = [
    re_path(r"ws/chat/(?P<room_name>\w+)/$", ChatConsumer.as_asgi()),
    re_path(r"ws/sync-chat/(?P<room_name>\w+)/$", SyncChatConsumer.as_asgi()),
    path("ws/members/", MembersConsumer.as_asgi()),
    path("ws/login/", LoginConsumer.as_asgi()),
]
application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": OriginValidator(
            AuthMiddlewareStack(URLRouter(websocket_urlpatterns)),
            ["https://chat.example"],
        ),
        "channel": ChannelNameRouter({"thumbnails": ThumbnailConsumer.as_asgi()}),
    }
)


# The fixtures.


@pytest.fixture(autouse=True)
def in_memory_channel_layer(settings):
    """Production has Redis."""
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }


@pytest.fixture
def user(db):
    return User.objects.create_user("ann", password="secret")


@pytest.fixture
def session_headers(user):
    client = Client()
    client.force_login(user)
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    return [(b"origin", b"https://chat.example"), (b"cookie", cookie.encode())]


@pytest_asyncio.fixture
async def note(db):
    return await Note.objects.acreate(text="first")


@pytest_asyncio.fixture
async def lobby():
    communicator = WebsocketCommunicator(
        URLRouter(websocket_urlpatterns), "/ws/chat/lobby/"
    )
    connected, _ = await communicator.connect()
    assert connected
    yield communicator
    await communicator.disconnect()


@pytest_asyncio.fixture
async def room():
    """Connect clients, and disconnect them all."""
    communicators = []

    async def enter(name):
        communicator = WebsocketCommunicator(
            URLRouter(websocket_urlpatterns), f"/ws/chat/{name}/"
        )
        connected, _ = await communicator.connect()
        assert connected
        communicators.append(communicator)
        return communicator

    yield enter
    for communicator in communicators:
        await communicator.disconnect()


@pytest.fixture
def communicator():
    """One that the test connects."""
    return WebsocketCommunicator(EchoConsumer.as_asgi(), "/testws/")


@contextlib.asynccontextmanager
async def connected_to(application, path, **options):
    communicator = WebsocketCommunicator(application, path, **options)
    connected, _ = await communicator.connect()
    assert connected
    try:
        yield communicator
    finally:
        await communicator.disconnect()


class UserCommunicator(WebsocketCommunicator):
    """A communicator that is logged in."""

    def __init__(self, application, path, user, **kwargs):
        super().__init__(application, path, **kwargs)
        self.scope["user"] = user

    async def connect(self, timeout=5):
        connected, _ = await super().connect(timeout)
        assert connected
        return self


# Single consumers.


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_echo():
    communicator = WebsocketCommunicator(EchoConsumer.as_asgi(), "/testws/")
    connected, subprotocol = await communicator.connect()
    assert connected
    assert subprotocol is None
    await communicator.send_to(text_data="hello")
    response = await communicator.receive_from()
    assert response == "hello"
    await communicator.disconnect()


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_echo_of_bytes():
    communicator = WebsocketCommunicator(EchoConsumer.as_asgi(), "/testws/")
    await communicator.connect()
    await communicator.send_to(bytes_data=b"w\0\0\0")
    assert await communicator.receive_from() == b"w\0\0\0"
    assert await communicator.receive_nothing() is True
    await communicator.disconnect()


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("offered", "chosen"), [(["v1", "v2"], "v2"), (["v2"], "v2"), (None, None)]
)
async def test_subprotocols(offered, chosen):
    communicator = WebsocketCommunicator(
        EchoConsumer.as_asgi(), "/testws/", subprotocols=offered
    )
    assert await communicator.connect() == (True, chosen)
    assert communicator.response_headers == [(b"x-a", b"1")]
    await communicator.disconnect()


@pytest.mark.asyncio
async def test_close_by_the_consumer():
    communicator = WebsocketCommunicator(EchoConsumer.as_asgi(), "/testws/")
    await communicator.connect()
    await communicator.send_to(text_data="bye")
    assert await communicator.receive_output() == {
        "type": "websocket.close",
        "code": 4003,
        "reason": "bye yourself",
    }


@pytest.mark.asyncio
async def test_frame_expected_but_closed():
    communicator = WebsocketCommunicator(EchoConsumer.as_asgi(), "/testws/")
    await communicator.connect()
    await communicator.send_to(text_data="bye")
    with pytest.raises(AssertionError):
        await communicator.receive_from()


@pytest.mark.asyncio
async def test_error_in_the_consumer():
    communicator = WebsocketCommunicator(EchoConsumer.as_asgi(), "/testws/")
    await communicator.connect()
    with pytest.raises(ValueError, match="bad frame"):
        await communicator.send_to(text_data="error")
        await communicator.receive_from()


@pytest.mark.asyncio
async def test_timeout(communicator):
    await communicator.connect()
    with pytest.raises(asyncio.TimeoutError):
        await communicator.receive_from(timeout=0.01)


@pytest.mark.asyncio
async def test_until_nothing_comes(communicator):
    await communicator.connect()
    for text in "abc":
        await communicator.send_to(text)
    heard = []
    while not await communicator.receive_nothing():
        heard.append(await communicator.receive_from())
    assert heard == ["a", "b", "c"]


@pytest.mark.asyncio
async def test_wait_for(communicator):
    await communicator.connect()
    await communicator.send_to("hello")
    assert await asyncio.wait_for(communicator.receive_from(), timeout=1) == "hello"


@pytest.mark.asyncio
async def test_handler_alone():
    consumer = ChatConsumer()
    consumer.send = mock.AsyncMock()
    await consumer.chat_message({"type": "chat.message", "message": "hello"})
    consumer.send.assert_awaited_once_with(text_data='{"message": "hello"}')


@pytest.mark.asyncio
async def test_events_by_hand():
    communicator = WebsocketCommunicator(EchoConsumer.as_asgi(), "/testws/")
    await communicator.send_input({"type": "websocket.connect"})
    accepted = await communicator.receive_output(timeout=1)
    assert accepted["type"] == "websocket.accept"
    await communicator.send_input({"type": "websocket.receive", "text": "hello"})
    assert await communicator.receive_output() == {
        "type": "websocket.send",
        "text": "hello",
    }
    await communicator.send_input({"type": "websocket.disconnect", "code": 1001})
    await communicator.wait()


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_task_of_a_consumer():
    communicator = WebsocketCommunicator(TickConsumer.as_asgi(), "/ticks/")
    await communicator.connect()
    for number in range(3):
        assert await communicator.receive_json_from(timeout=2) == {"tick": number}
    await communicator.disconnect()


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_scope_by_hand():
    communicator = WebsocketCommunicator(ChatConsumer.as_asgi(), "/anything/")
    communicator.scope["url_route"] = {"kwargs": {"room_name": "lobby"}}
    connected, _ = await communicator.connect()
    assert connected
    await communicator.send_json_to({"message": "hello"})
    assert await communicator.receive_json_from() == {"message": "hello"}
    await communicator.disconnect()


# Rooms.


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["chat", "sync-chat"])
async def test_everybody_in_the_room_hears(kind):
    router = URLRouter(websocket_urlpatterns)
    ann = WebsocketCommunicator(router, f"/ws/{kind}/lobby/")
    ben = WebsocketCommunicator(router, f"/ws/{kind}/lobby/")
    assert (await ann.connect())[0]
    assert (await ben.connect())[0]
    await ann.send_json_to({"message": "hello"})
    assert await ann.receive_json_from() == {"message": "hello"}
    assert await ben.receive_json_from() == {"message": "hello"}
    await ann.disconnect()
    await ben.disconnect()


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_nobody_in_other_rooms_hears(room):
    lobby, office = await room("lobby"), await room("office")
    await lobby.send_json_to({"message": "hello"})
    assert await lobby.receive_json_from() == {"message": "hello"}
    assert await office.receive_nothing()


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_many_at_once(room):
    clients = [await room("lobby") for _ in range(5)]
    await asyncio.gather(
        *(
            client.send_json_to({"message": str(number)})
            for number, client in enumerate(clients)
        )
    )
    for client in clients:
        heard = [(await client.receive_json_from())["message"] for _ in clients]
        assert sorted(heard) == ["0", "1", "2", "3", "4"]


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_receivers_that_wait(lobby, room):
    other = await room("lobby")
    waiting = [
        asyncio.create_task(client.receive_json_from()) for client in (lobby, other)
    ]
    await asyncio.sleep(0)
    await lobby.send_json_to({"message": "hello"})
    assert await asyncio.gather(*waiting) == [{"message": "hello"}] * 2


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_group_send(lobby):
    await get_channel_layer().group_send(
        "chat_lobby", {"type": "chat.message", "message": "from the server"}
    )
    assert await lobby.receive_json_from() == {"message": "from the server"}


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_notify_room(lobby):
    await sync_to_async(notify_room)("lobby", "from sync code")
    assert await lobby.receive_json_from() == {"message": "from sync code"}
    assert await lobby.receive_nothing(timeout=0.01, interval=0.001)


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_who_has_left_hears_nothing(room):
    ann, ben = await room("lobby"), await room("lobby")
    await ann.disconnect()
    await ben.send_json_to({"message": "anybody there?"})
    assert await ben.receive_json_from() == {"message": "anybody there?"}
    assert await ann.receive_nothing()


@pytest.mark.asyncio
async def test_group_send_is_called(monkeypatch):
    layer = mock.AsyncMock()
    monkeypatch.setattr(f"{__name__}.get_channel_layer", lambda: layer)
    await sync_to_async(notify_room)("lobby", "hello")
    layer.group_send.assert_awaited_once_with(
        "chat_lobby", {"type": "chat.message", "message": "hello"}
    )


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_context_manager():
    router = URLRouter(websocket_urlpatterns)
    async with (
        connected_to(router, "/ws/chat/lobby/") as ann,
        connected_to(router, "/ws/sync-chat/lobby/") as ben,
    ):
        await ann.send_json_to({"message": "hello"})
        assert await ben.receive_json_from() == {"message": "hello"}


@pytest.mark.django_db(transaction=True)
def test_signal():
    layer = get_channel_layer()
    async_to_sync(layer.group_add)("chat_notes", "test-channel")

    def saved(sender, instance, **kwargs):
        notify_room("notes", instance.text)

    post_save.connect(saved, sender=Note)
    try:
        Note.objects.create(text="hello")
    finally:
        post_save.disconnect(saved, sender=Note)
    message = async_to_sync(layer.receive)("test-channel")
    assert message == {"type": "chat.message", "message": "hello"}


# The whole application.


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
class TestMembers:
    async def test_login_by_session(self, session_headers):
        communicator = WebsocketCommunicator(
            application, "/ws/members/?next=1", headers=session_headers
        )
        connected, _ = await communicator.connect()
        assert connected
        assert await communicator.receive_json_from() == {"user": "ann"}
        await communicator.send_json_to({"header": "origin"})
        assert await communicator.receive_json_from() == {
            "header": "https://chat.example",
            "query": "next=1",
        }
        await communicator.disconnect()

    async def test_strangers(self):
        communicator = WebsocketCommunicator(
            application, "/ws/members/", headers=[(b"origin", b"https://chat.example")]
        )
        connected, code = await communicator.connect()
        assert not connected
        assert code == 4401

    async def test_another_origin(self, session_headers):
        communicator = WebsocketCommunicator(
            application,
            "/ws/members/",
            headers=[(b"origin", b"http://evil.example"), session_headers[1]],
        )
        connected, _ = await communicator.connect()
        assert not connected

    async def test_login_in_the_consumer(self, user):
        communicator = WebsocketCommunicator(
            application, "/ws/login/", headers=[(b"origin", b"https://chat.example")]
        )
        assert (await communicator.connect())[0]
        await communicator.send_json_to({"username": "ann"})
        assert await communicator.receive_json_from() == {"user": "ann"}
        await communicator.disconnect()


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("username", "accepted"), [("ann", True), ("ben", False)])
async def test_middleware(username, accepted, user):
    communicator = WebsocketCommunicator(
        TokenMiddleware(MembersConsumer.as_asgi()), f"/ws/members/?{username}"
    )
    connected, _ = await communicator.connect()
    assert connected is accepted
    await communicator.disconnect()


@pytest.mark.asyncio
@pytest.mark.parametrize("code", [4000, 4401])
async def test_anonymous_user_by_hand(code, monkeypatch):
    async def connect(consumer):
        await consumer.close(code=code)

    monkeypatch.setattr(MembersConsumer, "connect", connect)
    communicator = WebsocketCommunicator(MembersConsumer.as_asgi(), "/")
    communicator.scope["user"] = AnonymousUser()
    assert await communicator.connect() == (False, code)


class TestPresence:
    @pytest.fixture(autouse=True)
    def nobody_online(self):
        PresenceConsumer.online.clear()

    @pytest_asyncio.fixture
    async def ann(self):
        ann = UserCommunicator(PresenceConsumer.as_asgi(), "/", User(username="ann"))
        await ann.connect()
        assert await ann.receive_json_from() == {"online": ["ann"]}
        yield ann
        await ann.disconnect()

    @pytest.mark.asyncio
    @pytest.mark.django_db(transaction=True)
    async def test_come_and_go(self, ann):
        ben = UserCommunicator(PresenceConsumer.as_asgi(), "/", User(username="ben"))
        await ben.connect()
        for communicator in (ann, ben):
            online = await communicator.receive_json_from()
            assert online == {"online": ["ann", "ben"]}
        await ben.disconnect()
        assert await ann.receive_json_from() == {"online": ["ann"]}

    @pytest.mark.asyncio
    @pytest.mark.django_db(transaction=True)
    async def test_two_windows_of_one(self, ann):
        again = UserCommunicator(PresenceConsumer.as_asgi(), "/", User(username="ann"))
        await again.connect()
        await again.disconnect()
        assert PresenceConsumer.online == {"ann": 1}


# Rows.


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("consumer", [NotesConsumer, SyncNotesConsumer])
async def test_consumer_and_test_see_the_same_rows(consumer, note):
    communicator = WebsocketCommunicator(consumer.as_asgi(), "/notes/")
    await communicator.connect()
    await communicator.send_json_to({"command": "add", "text": "second"})
    assert await communicator.receive_json_from() == ["first", "second"]
    assert await Note.objects.acount() == 2
    assert await database_sync_to_async(Note.objects.filter(text="second").exists)()
    await communicator.disconnect()


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_rows_are_gone(user):
    assert await User.objects.acount() == 1
    assert not await Note.objects.aexists()


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_a_view_tells_a_room(async_client):
    rooms = URLRouter([path("ws/room/<int:number>/", RoomConsumer.as_asgi())])
    communicator = WebsocketCommunicator(rooms, "/ws/room/1/")
    assert (await communicator.connect())[0]
    response = await async_client.post("/broadcast/1/", {"text": "hello"})
    assert response.json() == {"notes": 1}
    assert await communicator.receive_json_from() == {"note": "hello"}
    await communicator.disconnect()


# HTTP.


@pytest.mark.asyncio
async def test_http_consumer():
    communicator = HttpCommunicator(HealthConsumer.as_asgi(), "GET", "/health/")
    response = await communicator.get_response()
    assert response == {
        "status": 200,
        "body": b"healthy",
        "headers": [(b"Content-Type", b"text/plain"), (b"X-Method", b"GET")],
    }


@pytest.mark.asyncio
async def test_http_body():
    communicator = HttpCommunicator(
        HealthConsumer.as_asgi(), "POST", "/health/", body=b"fine"
    )
    response = await communicator.get_response(timeout=2)
    assert response["body"] == b"fine"


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_http_stream(note):
    await Note.objects.acreate(text="second")
    communicator = HttpCommunicator(ExportConsumer.as_asgi(), "GET", "/export/")
    response = await communicator.get_response()
    assert response["body"] == b"first\nsecond\n"


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_view_of_django(note):
    communicator = HttpCommunicator(
        application, "GET", "/notes/", headers=[(b"host", b"testserver")]
    )
    response = await communicator.get_response()
    await communicator.wait()
    assert response["status"] == 200
    assert json.loads(response["body"]) == {"notes": 1}


# Workers.


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_worker(lobby):
    communicator = ApplicationCommunicator(
        application, {"type": "channel", "channel": "thumbnails"}
    )
    await communicator.send_input({"type": "generate", "id": 7})
    assert await lobby.receive_json_from() == {"message": "thumbnail of 7"}
    assert await Note.objects.filter(text="thumbnail of 7").aexists()
    communicator.stop()


@pytest.mark.asyncio
async def test_worker_answers_and_stops():
    layer = get_channel_layer()
    reply = await layer.new_channel()
    communicator = ApplicationCommunicator(
        ReplyConsumer.as_asgi(), {"type": "channel", "channel": "questions"}
    )
    await communicator.send_input({"type": "ask", "reply": reply})
    assert await layer.receive(reply) == {"type": "answer", "value": 42}
    assert await communicator.receive_nothing()
    await communicator.send_input({"type": "stop"})
    await communicator.wait()
