"""Test cases on a real Redis, by both of channels_redis's layers."""

from __future__ import annotations

import asyncio
import threading
import unittest
from typing import TYPE_CHECKING, Any
from unittest import mock

import redis
from asgiref.sync import async_to_sync, sync_to_async
from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.db import connection, transaction
from django.test import SimpleTestCase, override_settings

from channels_testkit import (
    Channel,
    ChannelTestMixin,
    Group,
    NoFrame,
    WebsocketTestCase,
)
from channels_testkit.redis import (
    RedisLayerTestCase,
    RedisServer,
    RedisTestMixin,
    TransactionRedisLayerTestCase,
    redis_channel_layers,
    requires_redis,
)
from tests.app.asgi import websocket_application
from tests.app.models import Note
from tests.utils import OuterTestCase, run_case

if TYPE_CHECKING:
    import contextlib

    Base = WebsocketTestCase
else:
    Base = object

HELLO = {"type": "room.message", "content": "hello"}
BACKENDS = ("core", "pubsub")


class Thumbnails(AsyncConsumer):
    async def make(self, message: dict[str, Any]) -> None:
        await Note.objects.acreate(text=f"thumbnail {message['number']}")
        content = {"made": message["number"]}
        await self.channel_layer.group_send("room-1", {**HELLO, "content": content})


APPLICATION = ProtocolTypeRouter(
    {
        "websocket": websocket_application,
        "channel": ChannelNameRouter({"thumbnails": Thumbnails.as_asgi()}),
    }
)


class RoundTrips(Base):
    """What works on any real layer; run on each of them below."""

    application = APPLICATION
    check_leaks = "fail"
    receive_timeout = 10.0

    def test_frame_comes_by_redis(self) -> None:
        ann, ben = self.connect("/ws/room/1/"), self.connect("/ws/room/1/")
        ann.send_json({"note": "hello"})
        self.assertReceivesJson(ben, {"note": "hello"})
        self.assertEqual(Note.objects.count(), 1)

    async def test_frame_comes_by_redis_async(self) -> None:
        ann, ben = (
            await self.aconnect("/ws/room/1/"),
            await self.aconnect("/ws/room/1/"),
        )
        await ann.send_json_to({"note": "hello"})
        self.assertEqual(await ben.receive_json_from(), {"note": "hello"})
        self.assertEqual(await Note.objects.acount(), 1)

    def test_sync_consumers_meet_async_ones(self) -> None:
        ann, ben = self.connect("/ws/sync-room/1/"), self.connect("/ws/room/1/")
        ann.send_json({"note": "hello"})
        self.assertReceivesJson(ben, {"note": "hello"})
        ben.send_json("answer")
        self.assertReceivesJson(ann, {"note": "hello"})
        self.assertReceivesJson(ann, "answer")

    async def test_sync_consumers_meet_async_ones_async(self) -> None:
        ann = await self.aconnect("/ws/sync-room/1/")
        ben = await self.aconnect("/ws/room/1/")
        await ann.send_json_to({"note": "hello"})
        self.assertEqual(await ben.receive_json_from(), {"note": "hello"})

    def test_what_the_test_sends_arrives(self) -> None:
        ann = self.connect("/ws/room/1/")
        Group("room-1").send(HELLO)
        self.assertReceivesJson(ann, "hello")
        Channel(ann.channel_name).send(HELLO)
        self.assertReceivesJson(ann, "hello")
        async_to_sync(self.channel_layer.group_send)("room-1", HELLO)
        self.assertReceivesJson(ann, "hello")

    async def test_what_the_test_sends_arrives_async(self) -> None:
        ann = await self.aconnect("/ws/room/1/")
        await Group("room-1").asend(HELLO)
        self.assertEqual(await ann.receive_json_from(), "hello")
        await self.channel_layer.group_send("room-1", HELLO)
        self.assertEqual(await ann.receive_json_from(), "hello")

    def test_worker_answers_by_redis(self) -> None:
        ann = self.connect("/ws/room/1/")
        with self.run_worker():
            Channel("thumbnails").send({"type": "make", "number": 3})
            self.assertReceivesJson(ann, {"made": 3})
            self.assertEqual(Note.objects.get().text, "thumbnail 3")

    async def test_worker_answers_by_redis_async(self) -> None:
        ann = await self.aconnect("/ws/room/1/")
        async with self.run_worker("thumbnails"):
            await Channel("thumbnails").asend({"type": "make", "number": 3})
            self.assertEqual(await ann.receive_json_from(), {"made": 3})

    def test_nothing_is_not_told_as_a_proof(self) -> None:
        ann = self.connect("/ws/room/1/")
        with self.assertRaisesMessage(
            NoFrame,
            "No text frame from /ws/room/1/ within 0.001 s; an open socket, pipe or"
            " subprocess may still cause one.",
        ):
            ann.receive_text(timeout=0.001)
        self.assertReceivesNothing(ann, within=0.001)


class CoreTests(RoundTrips, RedisLayerTestCase):
    def test_code_holds_a_layer_of_redis(self) -> None:
        self.assertIsInstance(get_channel_layer(), RedisChannelLayer)


class PubSubTests(RoundTrips, RedisLayerTestCase):
    redis_backend = "pubsub"

    def test_code_holds_a_layer_of_redis(self) -> None:
        self.assertIsInstance(get_channel_layer(), RedisPubSubChannelLayer)


class CommittedCoreTests(RoundTrips, TransactionRedisLayerTestCase):
    pass


class CommittedPubSubTests(RoundTrips, TransactionRedisLayerTestCase):
    redis_backend = "pubsub"


class PrivateServerTestCase(OuterTestCase):
    """What runs inner test cases on a server that nobody else uses."""

    maxDiff = None
    server: RedisServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(RedisServer.private())
        super().setUpClass()

    def make_case(self, base: type = RedisLayerTestCase, **members: Any) -> type[Any]:
        server = classmethod(lambda cls: self.server)
        members = {"application": APPLICATION, "get_redis_server": server, **members}
        return type("Inner", (base,), members)

    def assert_passes(self, case: type[Any]) -> None:
        self.assertEqual(run_case(case).texts, [])

    def connect_to_server(self) -> Any:
        client = redis.Redis.from_url(self.server.url)
        self.addCleanup(client.close)
        return client


class IsolationTests(PrivateServerTestCase):
    def test_two_tests_see_nothing_of_each_other(self) -> None:
        def leave(case: Any) -> None:
            ann = case.connect("/ws/room/1/")
            Group("room-1").send(HELLO)
            case.assertReceivesJson(ann, "hello")
            Channel("thumbnails").send({"type": "make", "number": 1})
            Group("room-1").add("left")

        def find(case: Any) -> None:
            ann = case.connect("/ws/room/1/")
            with case.run_worker():
                Channel("thumbnails").send({"type": "make", "number": 2})
                case.assertReceivesJson(ann, {"made": 2})
            case.assertReceivesNothing(ann)
            self.assertEqual(Note.objects.get().text, "thumbnail 2")

        self.assert_passes(self.make_case(test_1=leave, test_2=find))

    def test_only_what_the_test_wrote_is_removed(self) -> None:
        client = self.connect_to_server()
        client.set("foreign", "kept")
        client.set("ctk-", "kept")
        self.addCleanup(client.delete, "foreign", "ctk-")

        def body(case: Any) -> None:
            case.connect("/ws/room/1/")
            Channel("thumbnails").send({"type": "make", "number": 1})
            self.assertEqual(len(client.keys("ctk-*:group:room-1")), 1)
            self.assertEqual(len(client.keys("ctk-*-thumbnails")), 1)

        self.assert_passes(self.make_case(test_it=body))
        self.assertEqual(sorted(client.keys()), [b"ctk-", b"foreign"])

    def test_what_code_sends_before_the_first_test_reaches_no_server(self) -> None:
        class Inner(self.make_case()):  # type: ignore[misc]
            @classmethod
            def setUpTestData(cls) -> None:
                layer: Any = get_channel_layer()
                async_to_sync(layer.send)("thumbnails", {"type": "make"})

            def test_it(self) -> None:
                pass

        self.assert_passes(Inner)
        self.assertEqual(self.connect_to_server().keys(), [])

    def count_connections(self, client: Any) -> int:
        # The server sees by this that a client has gone, if not before.
        client.ping()
        return len(client.client_list())

    def test_no_connection_stays_open(self) -> None:
        client = self.connect_to_server()
        before = self.count_connections(client)

        def body(case: Any) -> None:
            case.connect("/ws/room/1/")
            Group("room-1").send(HELLO)

        for backend in BACKENDS:
            with self.subTest(backend):
                self.assert_passes(self.make_case(test_it=body, redis_backend=backend))
                self.assertEqual(self.count_connections(client), before)

    def test_connections_on_other_loops_are_closed_there(self) -> None:
        """A canary: channels_redis keeps them under a private name."""
        client = self.connect_to_server()
        before = self.count_connections(client)
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()

        def body(case: Any) -> None:
            layer: Any = get_channel_layer()
            sending = layer.group_send("room-1", HELLO)
            asyncio.run_coroutine_threadsafe(sending, loop).result()
            self.assertGreater(len(client.client_list()), before)

        try:
            for backend in BACKENDS:
                with self.subTest(backend):
                    case = self.make_case(test_it=body, redis_backend=backend)
                    self.assert_passes(case)
                    self.assertEqual(self.count_connections(client), before)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            # Closed after the test, when no layer is in place.
            loop.close()


class ConfigurationTests(PrivateServerTestCase):
    def config_of(self, layers: dict[str, Any], **members: Any) -> dict[str, Any]:
        """Return capacity and expiry of each layer that is put in place."""
        found = {}

        def body(case: Any) -> None:
            for alias, layer in case.channel_layers.items():
                found[alias] = (layer.capacity, layer.expiry)

        with override_settings(CHANNEL_LAYERS=layers):
            self.assert_passes(self.make_case(test_it=body, **members))
        return found

    def test_every_alias_has_a_layer(self) -> None:
        layers = {"default": {"BACKEND": "not.installed"}, "other": {}}
        self.assertEqual(self.config_of(layers).keys(), {"default", "other"})

    def test_without_channel_layers_there_is_the_default(self) -> None:
        self.assertEqual(self.config_of({}).keys(), {"default"})

    def test_only_the_aliases_of_the_class_are_real(self) -> None:
        layers: dict[str, Any] = {"default": {}, "other": {}}
        found = self.config_of(layers, test_channel_aliases=["other"])
        self.assertEqual(found.keys(), {"other"})

    def test_layer_follows_the_config_of_its_alias_and_of_the_class(self) -> None:
        config = {"capacity": 2, "expiry": 3, "hosts": ["redis://not.here"]}
        found = self.config_of(
            {"default": {"CONFIG": config}}, redis_config={"expiry": 4}
        )
        self.assertEqual(found, {"default": (2, 4)})

    def test_who_is_idle_waits_without_a_bound(self) -> None:
        def body(case: Any) -> None:
            (host,) = get_channel_layer().hosts  # type: ignore[union-attr]
            # Five seconds by default, from redis-py 8 on.
            self.assertIsNone(host["socket_timeout"])

        self.assert_passes(self.make_case(test_it=body))

    def test_backend_can_be_named_by_its_path(self) -> None:
        def body(case: Any) -> None:
            self.assertIsInstance(get_channel_layer(), RedisChannelLayer)

        name = "channels_redis.core.RedisChannelLayer"
        self.assert_passes(self.make_case(test_it=body, redis_backend=name))

    def test_mixin_goes_before_any_test_case(self) -> None:
        def body(case: Any) -> None:
            Group("room-1").add("ann")
            self.assertEqual(len(self.connect_to_server().keys()), 1)

        base = type("Base", (RedisTestMixin, ChannelTestMixin, SimpleTestCase), {})
        self.assert_passes(self.make_case(base, test_it=body))

    def test_configured_layers_run_on_redis(self) -> None:
        def body(case: Any) -> None:
            ann, ben = case.connect("/ws/room/1/"), case.connect("/ws/room/1/")
            ann.send_json("hello")
            case.assertReceivesJson(ben, "hello")

        for backend in BACKENDS:
            layers = redis_channel_layers(backend, server=self.server)
            with self.subTest(backend), override_settings(CHANNEL_LAYERS=layers):
                self.assert_passes(
                    self.make_case(
                        WebsocketTestCase, test_it=body, layer_source="configured"
                    )
                )
        self.assertEqual(self.connect_to_server().keys(), [])


class SettingTests(unittest.TestCase):
    @requires_redis
    def test_value_is_for_channel_layers(self) -> None:
        (first,), (second,) = (
            redis_channel_layers(capacity=3).values() for _ in range(2)
        )
        self.assertEqual(first["BACKEND"], "channels_redis.core.RedisChannelLayer")
        self.assertEqual(first["CONFIG"], first["TEST_CONFIG"])
        host = {"address": RedisServer.obtain().url, "socket_timeout": None}
        self.assertEqual(first["CONFIG"]["hosts"], [host])
        self.assertEqual(first["CONFIG"]["capacity"], 3)
        self.assertNotEqual(first["CONFIG"]["prefix"], second["CONFIG"]["prefix"])

    @requires_redis
    def test_prefix_can_be_given(self) -> None:
        layers = redis_channel_layers("my.Layer", prefix="chat")
        self.assertEqual(layers["default"]["BACKEND"], "my.Layer")
        self.assertEqual(layers["default"]["CONFIG"]["prefix"], "chat")

    @requires_redis
    def test_it_serves_a_test_case_of_somebody_else(self) -> None:
        class Inner(SimpleTestCase):
            async def test_it(self) -> None:
                layer: Any = get_channel_layer()
                await layer.send("jobs", HELLO)
                assert await layer.receive("jobs") == HELLO
                await layer.flush()

        with override_settings(CHANNEL_LAYERS=redis_channel_layers()):
            self.assertEqual(run_case(Inner).texts, [])


def without_server() -> contextlib.AbstractContextManager[object]:
    """Have no server in this process."""

    def skip() -> None:
        raise unittest.SkipTest("no server")

    return mock.patch.object(RedisServer, "obtain", skip)


class RequiresRedisTests(unittest.TestCase):
    def skipped(self, case: type[unittest.TestCase]) -> list[str]:
        with without_server():
            result = run_case(case)
        self.assertEqual(result.texts, [])
        self.assertTrue(all(reason == "no server" for _, reason in result.skipped))
        return [test.id().rpartition(".")[2] for test, _ in result.skipped]

    def test_tests_are_skipped_when_they_are_to_run(self) -> None:
        class Inner(SimpleTestCase):
            def test_without(self) -> None:
                """Is run."""

            @requires_redis
            def test_sync(self) -> None:
                """Is not run."""

            @requires_redis
            async def test_async(self) -> None:
                """Is not run."""

        self.assertEqual(self.skipped(Inner), ["test_async", "test_sync"])

    def test_class_is_skipped_whole(self) -> None:
        @requires_redis
        class Inner(unittest.TestCase):
            def test_it(self) -> None:
                """Is not run."""

        self.assertEqual(len(self.skipped(Inner)), 1)

    def test_class_of_the_mixin_is_skipped_whole(self) -> None:
        class Inner(RedisLayerTestCase):
            def test_it(self) -> None:
                """Is not run."""

        self.assertEqual(len(self.skipped(Inner)), 1)

    @requires_redis
    def test_tests_run_where_there_is_a_server(self) -> None:
        ran = []

        @requires_redis
        class Inner(SimpleTestCase):
            @requires_redis
            def test_sync(self) -> None:
                ran.append("sync")

            @requires_redis
            async def test_async(self) -> None:
                ran.append("async")

        self.assertEqual(run_case(Inner).texts, [])
        self.assertEqual(ran, ["async", "sync"])


# Order of commit and push.


def count_elsewhere() -> int:
    """Count as another process does, on a connection of its own."""
    try:
        return Note.objects.count()
    finally:
        connection.close()


class NoteConsumer(AsyncJsonWebsocketConsumer):
    """Sends what it finds in the database when it hears of a note."""

    groups = ("notes",)

    async def note_made(self, event: dict[str, Any]) -> None:
        await self.send_json({"notes": await Note.objects.acount()})

    async def note_made_elsewhere(self, event: dict[str, Any]) -> None:
        count = sync_to_async(count_elsewhere, thread_sensitive=False)
        await self.send_json({"notes": await count()})


def push_after_commit() -> None:
    with transaction.atomic():
        Note.objects.create(text="hello")
        transaction.on_commit(lambda: Group("notes").send({"type": "note.made"}))


class CommitTests(RedisLayerTestCase):
    application = NoteConsumer.as_asgi()

    def test_receiver_of_a_push_after_commit_finds_the_row(self) -> None:
        ann = self.connect("/")
        push_after_commit()
        self.assertReceivesJson(ann, {"notes": 1})

    def test_nothing_is_pushed_where_nothing_is_committed(self) -> None:
        ann = self.connect("/")
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            push_after_commit()
            raise ZeroDivisionError
        self.assertReceivesNothing(ann, within=0.001)


class CommittedTests(TransactionRedisLayerTestCase):
    application = NoteConsumer.as_asgi()

    def test_receiver_of_a_push_after_commit_finds_the_row(self) -> None:
        ann = self.connect("/")
        push_after_commit()
        self.assertReceivesJson(ann, {"notes": 1})

    @unittest.skipIf(
        connection.vendor == "sqlite" and connection.is_in_memory_db(),  # type: ignore[attr-defined]
        "needs a database that a second connection can read meanwhile",
    )
    def test_receiver_of_a_push_before_commit_finds_no_row(self) -> None:
        ann = self.connect("/")
        with transaction.atomic():
            Note.objects.create(text="hello")
            Group("notes").send({"type": "note.made.elsewhere"})
            self.assertReceivesJson(ann, {"notes": 0})
        Group("notes").send({"type": "note.made.elsewhere"})
        self.assertReceivesJson(ann, {"notes": 1})


class FaultTests(PrivateServerTestCase):
    """The server is killed while clients are connected."""

    def clients_receive(self, case: Any) -> None:
        ann, ben = case.connect("/ws/room/1/"), case.connect("/ws/room/1/")
        ann.send_json("hello")
        case.assertReceivesJson(ben, "hello")

    def test_clients_that_connect_again_receive_again(self) -> None:
        def body(case: Any) -> None:
            self.clients_receive(case)
            with case.assertApplicationRaises(redis.ConnectionError):
                case.redis_server.kill()
                case.settle()
            case.redis_server.start()
            self.clients_receive(case)

        self.assert_passes(self.make_case(test_it=body))

    def test_clients_of_pubsub_that_connect_again_receive_again(self) -> None:
        def body(case: Any) -> None:
            self.clients_receive(case)
            ann = case.connect("/ws/room/1/")
            with case.assertApplicationRaises(redis.ConnectionError):
                case.redis_server.kill()
                # A consumer of pubsub does not notice before it sends.
                ann.send_json("hello")
            case.redis_server.start()
            self.clients_receive(case)

        with self.assertLogs("channels_redis.pubsub"):
            self.assert_passes(self.make_case(test_it=body, redis_backend="pubsub"))

    def test_who_waits_is_told_at_once(self) -> None:
        async def body(case: Any) -> None:
            ann = await case.aconnect("/ws/room/1/")
            self.server.kill()
            # Longer than the suite would wait.
            await ann.receive_json_from(timeout=600)

        result = run_case(self.make_case(test_it=body))
        self.assertEqual({type(e) for e in result.raised}, {redis.ConnectionError})

    def test_server_that_a_test_has_killed_runs_for_the_next(self) -> None:
        self.assert_passes(self.make_case(test_it=lambda case: self.server.kill()))
        self.assertTrue(self.server.is_running)
        self.assert_passes(
            self.make_case(test_it=lambda case: self.clients_receive(case))
        )
