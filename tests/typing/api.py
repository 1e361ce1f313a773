"""
The public names as a typed project uses them.

mypy and pyright read it, nothing runs it.

``assert_type()`` holds what the names return. An ignore that is not needed is
an error, so what is refused stays refused.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from channels.auth import AuthMiddlewareStack
from channels.consumer import AsyncConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.middleware import BaseMiddleware
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.test import TestCase
from django.urls import path
from typing_extensions import assert_type

from channels_testkit import (
    ApplicationCommunicator,
    CaptiveChannelLayer,
    Channel,
    ChannelClient,
    ChannelsLiveServerTestCase,
    ChannelTestCase,
    DatabaseOwnershipError,
    FrameError,
    Group,
    Handshake,
    HeldTask,
    HeldTasks,
    HttpCommunicator,
    LiveServerTestCase,
    Message,
    NoFrame,
    ProtocolError,
    RollbackLiveServerTestCase,
    Sender,
    Sent,
    ServerSentEvent,
    Timeline,
    TransactionWebsocketTestCase,
    WebsocketCommunicator,
    WebsocketTestCase,
    WebsocketTestMixin,
    WSClient,
    apply_routes,
)
from channels_testkit.browser import (
    BrowserTestCase,
    PageError,
    PageFrame,
    RollbackBrowserTestCase,
)
from channels_testkit.live import LoopServer
from channels_testkit.redis import (
    RedisLayerTestCase,
    RedisServer,
    RedisTestMixin,
    redis_channel_layers,
    requires_redis,
)

if TYPE_CHECKING:
    from channels_testkit.pytest import (
        AsyncConnect,
        ChannelsLiveServer,
        ChannelsTest,
        Connect,
    )


class ChatTests(WebsocketTestCase):
    application = AsyncJsonWebsocketConsumer.as_asgi()
    ws_path = "/ws/chat/lobby/"
    subprotocols = ("chat.v1",)
    hang_timeout = 5
    receive_timeout = 0.5
    check_protocol = ("close-code",)
    check_leaks = "fail"
    worker_backlog = "kept"
    run_lifespan = "class"
    ann: User

    @classmethod
    def setUpTestData(cls) -> None:
        cls.ann = User.objects.create_user("ann")

    # docs:start overrides
    def get_ws_headers(self) -> Mapping[str, str]:
        return {"accept-language": "de"}

    def get_login(self, user: User) -> Mapping[str, object]:
        return {"query": {"token": user.pk}}
        # docs:end overrides

    def test_sync(self) -> None:
        # docs:start sync-client
        ann = self.connect(user=self.ann, query={"page": 2})
        assert_type(ann, WSClient)
        assert_type(ann.receive_json(), Any)
        # docs:end sync-client
        assert_type(self.lifespan_state, Mapping[str, Any])
        assert_type(self.connect_many(2), list[WSClient])
        assert_type(self.create_client(), WSClient)
        assert_type(self.create_client().connect(), Handshake)
        ann.send_text("hello")
        ann.send_bytes(b"")
        ann.send_json({"message": "hello"})
        assert_type(ann.receive_text(), str)
        assert_type(ann.receive_bytes(timeout=0.1), bytes)
        assert_type(ann.receive_all_json(), list[Any])
        assert_type(ann.receive_nothing(), bool)
        assert_type(ann.frames, list[str | bytes])
        assert_type(ann.groups, list[str])
        ann.send_text(b"bytes")  # type: ignore[arg-type]
        ann.disconnect(code=1001)
        with self.connect() as ben:
            assert_type(ben, WSClient)
        self.settle()
        self.disconnect_all()

    async def test_async(self) -> None:
        # docs:start async-client
        ann = await self.aconnect(user=self.ann)
        assert_type(ann, WebsocketCommunicator)
        assert_type(await ann.receive_json_from(), Any)
        # docs:end async-client
        assert_type(await self.aconnect_many(2), list[WebsocketCommunicator])
        assert_type(self.create_communicator(), WebsocketCommunicator)
        assert_type(self.auth_communicator, WebsocketCommunicator)
        await ann.send_to(text_data="hello")
        await ann.send_json_to({"message": "hello"})
        assert_type(await ann.receive_from(), str | bytes)
        assert_type(await ann.receive_nothing(), bool)
        assert_type(await ann.receive_until({"id": int}), list[Any])
        async with self.create_communicator() as ben:
            assert_type(ben, WebsocketCommunicator)
        async with self.aconnect() as cem, self.create_client() as dan:
            assert_type(cem, WebsocketCommunicator)
            assert_type(dan, WSClient)
        handshake = await self.create_communicator().connect()
        assert_type(handshake.accepted, bool)
        assert_type(handshake.code, int | None)
        accepted, subprotocol = handshake
        self.assertTrue(accepted, subprotocol)
        await self.aassertReceivesNothing(ann, within=0.1)
        await self.asettle()
        await self.adisconnect_all()

    def test_assertions(self) -> None:
        ann, ben = self.connect_many(users=[self.ann, self.ann])
        self.assertAccepted(ann, subprotocol="chat.v1")
        expected = {"id": int, "text": re.compile("a"), "rest": mock.ANY}
        self.assertReceivesJson(ann, expected, partial=True, msg="seven")
        self.assertReceivesText(ann, "hello")
        self.assertReceivesBytes(ann, b"")
        self.assertReceivesNothing(ann, within=0.1)
        self.assertAllReceive([ann, ben], {"text": "hello"})
        self.assertOnlyReceive([ann], {"text": "hello"}, partial=True)
        self.assertRejected(ann, code=4401, reason="no", status=403)
        self.assertClosed(ann, code=4401)
        self.assertOpen(ann)
        self.assertGroupMembers("lobby", [ann, ben, "channel"])
        with self.assertApplicationRaises((ValueError, ProtocolError)) as caught:
            ann.send_json({})
        assert_type(caught.exception, BaseException)
        with self.background("app.listen"):
            ann.send_json({})


class ConfiguredTests(ChannelTestCase):
    layer_source = "configured"


class LayerTests(ChannelTestCase):
    test_channel_aliases = ("default",)
    strict_messages = False

    def test_layer(self) -> None:
        assert_type(self.channel_layer, CaptiveChannelLayer)
        assert_type(self.channel_layers, dict[str, CaptiveChannelLayer])
        assert_type(self.channel_layer.sent, list[Sent])
        assert_type(self.timeline, Timeline)
        assert_type(self.timeline.write_html("timeline.html"), Path)
        assert_type(self.channel_layer.groups["room"]["ann"], float)
        assert_type(self.channel_layer.groups(), dict[str, tuple[str, ...]])
        assert_type(self.channel_layer.channels["jobs"].qsize(), int)
        assert_type(self.get_next_message("jobs"), Message | None)
        Channel("jobs").send({"type": "make"})
        Group("lobby", alias="other").add(Channel("jobs"))
        self.assertSent("jobs", {"type": "make"}, count=1)
        self.assertSentInOrder({"type": "make"}, ("lobby", {"type": "made"}))
        self.assertNothingSentAnywhere(alias="other")
        with self.captureSent(group="lobby") as sent:
            Group("lobby").send({"type": "made"})
        assert_type(sent, list[Sent])
        with self.captureSent(deliver=False):
            Group("lobby").send({"type": "made"})
        assert_type(sent[0].sender, Sender | None)
        self.assertGroupSent(User(), {"type": "made"})
        self.assertGroupMembers(User(), ["ann"])
        assert_type(self.get_group_name(User()), str)
        Group("lobby").send("made")  # type: ignore[arg-type]


class RedisTests(RedisTestMixin, ChannelTestCase):
    redis_backend = "pubsub"
    redis_config = {"expiry": 5}  # noqa: RUF012 - as a project writes it

    def test_server(self) -> None:
        assert_type(self.redis_server, RedisServer)
        assert_type(self.redis_server.url, str)
        self.redis_server.kill()
        self.redis_server.start()
        with RedisServer.private() as server:
            assert_type(server, RedisServer)
            redis_channel_layers("core", server=server, expiry=5)


@requires_redis
class FaultTests(RedisLayerTestCase):
    @requires_redis
    async def test_it(self) -> None:
        assert_type(await self.aconnect(), WebsocketCommunicator)


# docs:start routes
ROUTES = [
    # The stubs know Django's views only.
    path("chat/", AsyncJsonWebsocketConsumer.as_asgi()),  # type: ignore[arg-type]
    {"jobs": AsyncConsumer.as_asgi()},
]
# docs:end routes


@contextlib.contextmanager
def queue(tasks: HeldTasks) -> Iterator[None]:
    tasks.hold("jobs.make", [1], {}, lambda: None, queue="slow")
    yield


@apply_routes(ROUTES)
class RoutedTests(WebsocketTestCase):
    def test_workers(self) -> None:
        with self.run_worker("jobs"):
            Channel("jobs").send({"type": "make"})
        client = ChannelClient(alias="other")
        assert_type(client.reply_channel, str)
        consumer = client.send_and_consume("jobs", {"type": "make"})
        client.join_group("makers")
        self.assertEqual(client.receive(), {"type": "made"})
        self.assertIsNone(consumer)

    @apply_routes(AsyncHttpConsumer.as_asgi())
    async def test_workers_async(self) -> None:
        async with self.run_worker("jobs"):
            await Channel("jobs").asend({"type": "make"})
        client = ChannelClient()
        await client.asend_and_consume("jobs", {"type": "make"})
        assert_type(await client.areceive(), Message | None)
        with apply_routes(ROUTES, middleware=None):
            pass

    def test_tasks(self) -> None:
        with self.held_tasks() as tasks:
            assert_type(tasks, HeldTasks)
            assert_type(tasks[0], HeldTask)
            assert_type(tasks[0].args, list[Any])
            assert_type([task.name for task in tasks], list[str])
            assert_type(tasks.run("jobs.make"), list[HeldTask])
            assert_type(tasks.run_next(), HeldTask)
            assert_type(self.assertEnqueued("jobs.make", args=[1]), HeldTask)
            assert_type(self.assertEnqueued("jobs.make", count=2), list[HeldTask])
            self.assertEnqueuedAfterCommit("jobs.make", kwargs={"size": 1})
            self.assertNothingEnqueued()
            self.assertEnqueued("jobs.make", [1])  # type: ignore[call-overload]
        with self.held_tasks(queue) as tasks:
            pass

    async def test_tasks_async(self) -> None:
        async with self.held_tasks() as tasks:
            assert_type(await tasks.arun(), list[HeldTask])
            assert_type(await tasks.arun_next(), HeldTask)

    def test_the_calls_of_channels_1(self) -> None:
        client = WSClient(ordered=True)
        client.force_login(User())
        client.set_cookie("language", "de")
        client.set_header("accept-language", "de")
        client.send_and_consume("websocket.connect", path="/chat/")
        client.send_and_consume("websocket.receive", text={"say": "hello"})
        self.assertEqual(client.receive(json=False), "hello")

    async def test_http(self) -> None:
        communicator = HttpCommunicator(
            None, "GET", "/feed/", headers={"accept": "*/*"}, client=self.client
        )
        assert_type(await communicator.start(), int)
        assert_type(await communicator.receive_chunk(), bytes | None)
        assert_type(await communicator.receive_event(), ServerSentEvent | None)
        async for chunk in communicator.chunks():
            assert_type(chunk, bytes)
        async for event in communicator.events(timeout=0.1):
            assert_type(event.data, str)
        await communicator.send_chunk("text")  # type: ignore[arg-type]
        await communicator.disconnect()
        assert_type(await communicator.get_response(), dict[str, Any])
        assert_type(communicator.status, int | None)
        assert_type(communicator.last_event_id, str | None)


class OwnCommunicator(WebsocketCommunicator):
    token = ""

    async def send_input(self, message: dict[str, Any]) -> None:
        await super().send_input(message)

    async def receive_output(self, timeout: float | None = 1) -> dict[str, Any]:
        return await super().receive_output(timeout)


async def test_as_for_channels_testing() -> None:
    router = ProtocolTypeRouter(
        {
            "http": get_asgi_application(),
            "websocket": AuthMiddlewareStack(URLRouter([])),
        }
    )
    for application in (AsyncJsonWebsocketConsumer.as_asgi(), router):
        assert_type(WebsocketCommunicator(application, "/ws/"), WebsocketCommunicator)
    WebsocketCommunicator(AuthMiddlewareStack(URLRouter([])), "/ws/")
    WebsocketCommunicator(BaseMiddleware(router), "/ws/")
    HttpCommunicator(SessionMiddlewareStack(router), "GET", "/")
    ApplicationCommunicator(AuthMiddlewareStack(router), {"type": "websocket"})
    # A consumer class, and not what its as_asgi() returns.
    WebsocketCommunicator(AsyncJsonWebsocketConsumer, "/")  # type: ignore[arg-type]
    OwnCommunicator(router, "/ws/", [(b"origin", b"http://a")], ["chat"], "2.3")
    HttpCommunicator(AsyncHttpConsumer.as_asgi(), "GET", "/")
    HttpCommunicator(get_asgi_application(), "POST", "/", b"body", [(b"a", b"b")])
    communicator = WebsocketCommunicator(
        AsyncJsonWebsocketConsumer.as_asgi(),
        "/ws/",
        check_protocol=["close-code"],
        application_errors="off",
        receive_timeout=0.5,
    )
    assert_type(await communicator.output_queue.get(), Mapping[str, Any])
    assert_type(communicator.future.done(), bool)
    assert_type(communicator.instance, AsyncConsumer)
    WebsocketCommunicator(7, "/ws/")  # type: ignore[arg-type]
    worker = ApplicationCommunicator(AsyncConsumer.as_asgi(), {"type": "channel"})
    await worker.send_input({"type": "make"})
    assert_type(await worker.receive_output(timeout=1), dict[str, Any])
    assert_type(worker.stop(), None)


class ChannelsLiveTests(ChannelsLiveServerTestCase):
    serve_static = True


class OwnTestCase(TestCase):
    pass


class MixedTests(WebsocketTestMixin, OwnTestCase):
    async def asyncSetUp(self) -> None:
        self.ann = await self.aconnect("/ws/echo/")


class CommittedTests(TransactionWebsocketTestCase):
    def test_errors(self) -> None:
        for kind in (FrameError, NoFrame, ProtocolError):
            failure: type[AssertionError] = kind
            self.assertTrue(failure)
        self.assertTrue(issubclass(DatabaseOwnershipError, Exception))


class RoomPageTests(BrowserTestCase):
    check_page = "warn"

    def test_page(self) -> None:
        ben = self.new_browser(User(username="ben"))
        self.browser_login(User(username="ann"))
        self.open_page("/rooms/lobby/", ben)
        self.assertPageShows("#log li", "hello", browser=ben, timeout=1)
        assert_type(self.page_frames(), list[PageFrame])
        assert_type(self.assertPageReceives({"text": "hello"}, partial=True), PageFrame)
        with self.assertPageError("not defined") as errors:
            self.open_page("/broken/")
        assert_type(errors, list[PageError])
        self.assertPageShows("#log li", 1)  # type: ignore[arg-type]


# docs:start function
def test_function(
    channels_test: ChannelsTest,
    ws_connect: Connect,
    channels_live_server: ChannelsLiveServer,
) -> None:
    ann = ws_connect("/ws/echo/", user=User(username="ann"))
    assert_type(ann, WSClient)
    # docs:end function
    channels_test.ws_path = "/ws/echo/"
    channels_test.ws_pth = "/ws/echo/"  # type: ignore[attr-defined]
    channels_test.assertReceivesJson(ann, {"say": "hello"})
    assert_type(channels_test.connect(), WSClient)
    assert_type(channels_live_server.url, str)
    assert_type(channels_live_server.login_headers(User()), dict[str, str])


async def test_async_function(
    aws_connect: AsyncConnect, channels_live_server: ChannelsLiveServer
) -> None:
    ann = await aws_connect("/ws/echo/")
    assert_type(ann, WebsocketCommunicator)
    assert_type(await channels_live_server.alogin_headers(User()), dict[str, str])
    async with aws_connect("/ws/echo/") as ben:
        assert_type(ben, WebsocketCommunicator)


class OwnServer(LoopServer):
    async def serve(self) -> None:
        assert_type(self.socket, socket.socket)

    async def close(self) -> None:
        pass


class LiveTests(LiveServerTestCase):
    port = 8081
    server_class = OwnServer
    worker_channels = ("thumbnails",)

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        assert_type(cls.live_server_url, str)

    def test_urls(self) -> None:
        assert_type(self.live_server_ws_url, str)
        assert_type(self.connect("/ws/room/1/"), WSClient)


class RollbackLiveTests(RollbackLiveServerTestCase):
    server_class = OwnServer
    ann: User

    @classmethod
    def setUpTestData(cls) -> None:
        cls.ann = User.objects.create_user("ann")

    def test_urls(self) -> None:
        assert_type(self.live_server_url, str)
        assert_type(self.login_headers(self.ann), dict[str, str])


class RollbackPageTests(RollbackBrowserTestCase):
    def test_page(self) -> None:
        assert_type(self.page_frames(self.browser), list[PageFrame])


class ServerThatIsNone(LiveServerTestCase):
    server_class = "daphne"  # type: ignore[assignment]
