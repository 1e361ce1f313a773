"""``layer_source = "configured"``: real layers, each test's apart."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar
from unittest import mock

from asgiref.sync import async_to_sync
from channels.consumer import AsyncConsumer
from channels.layers import InMemoryChannelLayer, channel_layers, get_channel_layer
from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase, override_settings

from channels_testkit import (
    Channel,
    ChannelClient,
    Group,
    SimpleWebsocketTestCase,
    apply_routes,
)
from channels_testkit.engine.watches import watch_of
from channels_testkit.layers import real as real_layers
from channels_testkit.layers.captive_layers import CaptiveLayers
from channels_testkit.layers.real import ConfiguredLayers, make_real_layer
from channels_testkit.live.loops import LoopThread
from channels_testkit.running.leftovers import describe_layers
from tests.app.asgi import websocket_application
from tests.utils import InnerResult, LoopTestCase, assertFailureText, entered, run_case

MESSAGE = {"type": "room.message", "content": "hello"}
BACKEND = "tests.layers.test_real.PrefixedLayer"
REAL = {
    "default": {
        "BACKEND": BACKEND,
        "CONFIG": {"capacity": 1},
        "TEST_CONFIG": {"prefix": "chat:", "capacity": 2},
    },
    "other": {"BACKEND": BACKEND, "TEST_CONFIG": {}},
}


class PrefixedLayer(InMemoryChannelLayer):
    """A layer in memory that counts its flushes; it is told as real."""

    made: ClassVar[list[PrefixedLayer]] = []

    def __init__(self, prefix: str = "asgi", **config: Any) -> None:
        super().__init__(**config)
        self.prefix = prefix
        self.flushes = 0
        self.made.append(self)

    async def flush(self) -> None:
        self.flushes += 1
        await super().flush()


class BrokenLayer(PrefixedLayer):
    async def flush(self) -> None:
        raise ZeroDivisionError


class LayerWithoutPrefix(InMemoryChannelLayer):
    def __init__(self, expiry: int = 60) -> None:
        """Is never called."""


class RealCase(SimpleWebsocketTestCase):
    application = websocket_application
    ws_path = "/ws/room/1/"
    layer_source = "configured"
    check_leaks = "fail"


class RealLayersTestCase(SimpleTestCase):
    maxDiff = None

    def setUp(self) -> None:
        entered(self, override_settings(CHANNEL_LAYERS=REAL))
        PrefixedLayer.made.clear()

    def run_body(self, body: Any, **attributes: Any) -> InnerResult:
        """Run a function as the test of a class with real layers."""
        case = type("Inner", (RealCase,), {"test_it": body, **attributes})
        return run_case(case)

    def assert_passes(self, body: Any, **attributes: Any) -> None:
        self.assertEqual(self.run_body(body, **attributes).texts, [])

    def assert_raises(self, kind: type[Exception], body: Any, **attributes: Any) -> Any:
        (error,) = self.run_body(body, **attributes).raised
        self.assertIs(type(error), kind)
        return error


class ConfiguredTests(RealLayersTestCase):
    def test_layer_is_made_from_the_test_config(self) -> None:
        def body(case: RealCase) -> None:
            layer: Any = get_channel_layer()
            self.assertIsInstance(layer, PrefixedLayer)
            self.assertEqual(layer.capacity, 2)
            self.assertIs(case.channel_layer, layer)
            self.assertEqual(case.channel_layers.keys(), {"default", "other"})

        self.assert_passes(body)

    def test_each_layer_has_a_prefix_of_its_own(self) -> None:
        self.assert_passes(lambda case: None)
        self.assert_passes(lambda case: None)
        first, other, second, _ = prefixes = [m.prefix for m in PrefixedLayer.made]
        self.assertEqual(len(set(prefixes)), 4)
        self.assertRegex(first, r"^chat:ctk-[0-9a-f]{16}-$")
        self.assertRegex(second, r"^chat:ctk-[0-9a-f]{16}-$")
        self.assertRegex(other, r"^ctk-[0-9a-f]{16}-$")

    def test_each_layer_is_flushed_once_at_the_end(self) -> None:
        def body(case: RealCase) -> None:
            self.assertEqual([layer.flushes for layer in PrefixedLayer.made], [0, 0])

        self.assert_passes(body)
        self.assertEqual([layer.flushes for layer in PrefixedLayer.made], [1, 1])

    def test_layer_that_cannot_be_flushed_is_told_and_others_are_flushed(self) -> None:
        backend = "tests.layers.test_real.BrokenLayer"
        layers = {**REAL, "other": {"BACKEND": backend, "TEST_CONFIG": {}}}
        with override_settings(CHANNEL_LAYERS=layers):
            self.assert_raises(ZeroDivisionError, lambda case: None)
        self.assertEqual([layer.flushes for layer in PrefixedLayer.made], [1, 0])

    def test_alias_without_test_config_is_refused(self) -> None:
        layers = {"default": REAL["default"], "other": {"BACKEND": BACKEND}}
        with override_settings(CHANNEL_LAYERS=layers):
            error = self.assert_raises(ImproperlyConfigured, self.fail)
            self.assertEqual(channel_layers.backends, {})
        self.assertEqual(PrefixedLayer.made, [])
        assertFailureText("no-test-config", error)

    def test_backend_that_takes_no_prefix_is_refused(self) -> None:
        backend = "tests.layers.test_real.LayerWithoutPrefix"
        layers = {"default": {"BACKEND": backend, "TEST_CONFIG": {}}}
        with override_settings(CHANNEL_LAYERS=layers):
            error = self.assert_raises(ImproperlyConfigured, self.fail)
            self.assertEqual(channel_layers.backends, {})
        assertFailureText("no-prefix", error)

    def test_only_the_aliases_of_the_class_are_real(self) -> None:
        def body(case: RealCase) -> None:
            self.assertEqual(list(case.channel_layers), ["other"])
            Channel("jobs", alias="other").send(MESSAGE)
            with self.assertRaisesMessage(ValueError, "add it to test_channel_aliases"):
                Channel("jobs").send(MESSAGE)

        self.assert_passes(body, test_channel_aliases=["other"])

    def test_layers_are_captive_before_the_first_test(self) -> None:
        class Inner(RealCase):
            @classmethod
            def setUpClass(cls) -> None:
                super().setUpClass()
                cls.layer_of_class = get_channel_layer()
                async_to_sync(cls.layer_of_class.send)("jobs", MESSAGE)

            def test_it(self) -> None:
                pass

        self.assertEqual(run_case(Inner).texts, [])
        self.assertEqual([layer.channels for layer in PrefixedLayer.made], [{}, {}])


class KeptObjectTests(RealLayersTestCase):
    """What holds for captive layers holds for real ones."""

    def test_layer_that_code_holds_is_the_real_one_for_a_time(self) -> None:
        kept: Any = get_channel_layer()

        def body(case: RealCase) -> None:
            *_, real, _ = PrefixedLayer.made
            self.assertIs(get_channel_layer(), kept)
            self.assertEqual(kept.prefix, real.prefix)
            kept.capacity = 7
            self.assertEqual(real.capacity, 7)
            async_to_sync(kept.send)("jobs", MESSAGE)
            self.assertIn("jobs", real.channels)

        self.assert_passes(body)
        self.assertIs(type(kept), PrefixedLayer)
        self.assertEqual((kept.prefix, kept.capacity), ("asgi", 1))
        self.assertNotIn("jobs", kept.channels)

    def test_override_has_fresh_layers_from_its_test_config(self) -> None:
        override = {"default": {"BACKEND": BACKEND, "TEST_CONFIG": {"capacity": 5}}}

        def body(case: RealCase) -> None:
            layer: Any = get_channel_layer()
            before = layer.prefix
            with override_settings(CHANNEL_LAYERS=override):
                self.assertIs(get_channel_layer(), layer)
                self.assertEqual(layer.capacity, 5)
                self.assertNotEqual(layer.prefix, before)
            self.assertEqual(layer.prefix, before)

        self.assert_passes(body)
        self.assertEqual([layer.flushes for layer in PrefixedLayer.made], [1, 1, 1])

    def test_captive_layers_go_on_top_of_real_ones(self) -> None:
        def body(case: RealCase) -> None:
            with CaptiveLayers():
                Channel("jobs").send(MESSAGE)
                case.assertSent("jobs", MESSAGE)
            with self.assertRaises(ValueError):
                case.assertSent("jobs")

        self.assert_passes(body)

    def test_it_can_be_entered_without_a_test(self) -> None:
        with ConfiguredLayers() as configured:
            self.assertIsInstance(configured.layers["default"], PrefixedLayer)
        self.assertEqual(channel_layers.backends, {})


class HelperTests(RealLayersTestCase):
    def test_sync_helpers_work(self) -> None:
        def body(case: RealCase) -> None:
            ann, ben = case.connect_many(2)
            ann.send_json("hello")
            case.assertReceivesJson(ben, "hello")
            Group("room-1").send(MESSAGE)
            case.assertReceivesJson(ben, "hello")
            Group("room-1").discard(ben)
            Group("room-2").add(ben)
            Group("room-2").send({**MESSAGE, "content": "to ben"})
            case.assertReceivesJson(ben, "to ben")
            Channel(ben.channel_name).send({**MESSAGE, "content": "to him"})
            case.assertReceivesJson(ben, "to him")
            Group("room-2").discard(ben)

        self.assert_passes(body)

    def test_async_helpers_work(self) -> None:
        async def body(case: RealCase) -> None:
            ann = await case.aconnect()
            await Group("room-1").asend(MESSAGE)
            self.assertEqual(await ann.receive_json_from(), "hello")
            await Group("room-2").aadd(ann)
            await Group("room-1").adiscard(ann)
            await Group("room-1").asend(MESSAGE)
            await Group("room-2").asend({**MESSAGE, "content": "to ann"})
            self.assertEqual(await ann.receive_json_from(), "to ann")
            await Group("room-2").adiscard(ann)
            await Channel(ann.channel_name).asend(MESSAGE)
            self.assertEqual(await ann.receive_json_from(), "hello")

        self.assert_passes(body)

    def test_no_helper_looks_into_a_real_layer(self) -> None:
        def body(case: RealCase) -> None:
            ann = case.connect()
            for look in (
                lambda: case.get_next_message("jobs"),
                lambda: case.assertSent("jobs"),
                lambda: case.assertNothingSent(),
                lambda: case.assertNothingSentAnywhere(),
                lambda: case.assertGroupSent("room-1"),
                lambda: case.assertNothingGroupSent(),
                lambda: case.assertSentInOrder(MESSAGE),
                lambda: case.assertSentAfterCommit("jobs"),
                lambda: case.assertGroupSentAfterCommit("room-1"),
                lambda: case.assertInGroup(ann, "room-1"),
                lambda: case.assertNotInGroup(ann, "room-2"),
                lambda: case.assertGroupMembers("room-1", [ann]),
                lambda: case.captureSent().__enter__(),
                lambda: ChannelClient().consume("jobs"),
            ):
                with self.assertRaisesMessage(
                    ValueError, "Channel layer 'default' is a real one in this test, "
                ):
                    look()

        self.assert_passes(body)

    def test_what_they_say_instead(self) -> None:
        error = self.assert_raises(
            ValueError, lambda case: case.assertGroupSent("room-1", MESSAGE)
        )
        assertFailureText("real-layer", error)

    def test_report_of_a_hang_says_that_a_layer_is_real(self) -> None:
        layers: Any = {"default": PrefixedLayer()}
        self.assertEqual(
            describe_layers(layers),
            "  layer 'default' is a real one, whose contents are not known",
        )


class CancellationTests(LoopTestCase):
    async def test_receive_ends_though_its_cancellation_is_lost(self) -> None:
        lost: list[bool] = []

        class LosingLayer(PrefixedLayer):
            async def receive(self, channel: str) -> dict[str, Any]:
                try:
                    return await super().receive(channel)
                except asyncio.CancelledError:
                    lost.append(True)
                    return await super().receive(channel)

        with mock.patch(f"{__name__}.PrefixedLayer", LosingLayer):
            layer = make_real_layer("default", BACKEND, {})
        receiving = asyncio.create_task(layer.receive("jobs"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        receiving.cancel()
        with mock.patch.object(real_layers, "_SECONDS_TO_CANCEL", 0.001):
            with self.assertRaises(asyncio.CancelledError):
                await receiving
        self.assertEqual(lost, [True])


class ForgetfulLayer(PrefixedLayer):
    """Loses the first message, as one that nobody is known to wait for."""

    has_lost = False

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        if self.has_lost:
            await super().send(channel, message)
        self.has_lost = True


class ComingRoundTests(LoopTestCase):
    async def test_a_message_that_is_lost_is_sent_again(self) -> None:
        layer = ForgetfulLayer(prefix="chat:")
        rest = watch_of(asyncio.get_running_loop())
        with mock.patch.object(real_layers, "_SECONDS_TO_COME_ROUND", 0.001):
            await real_layers.wait_for_delivery(layer, rest)
        self.assertTrue(layer.has_lost)


class OtherLoopTests(SimpleTestCase):
    def test_what_is_under_way_for_a_message_ends_before_its_connections(self) -> None:
        """As channels_redis keeps both."""
        thread = LoopThread("of a test")
        self.addCleanup(thread.stop)
        ended = []

        async def clean() -> None:
            for _ in range(5):
                await asyncio.sleep(0)
            ended.append("cleaner")

        class Connections:
            async def flush(self) -> None:
                ended.append("connections")

        async def receive() -> list[asyncio.Task[None]]:
            return [asyncio.create_task(clean())]

        layer = PrefixedLayer(prefix="chat:")
        layer._layers = {thread.loop: Connections()}  # type: ignore[attr-defined]
        layer.receive_cleaners = thread.call(receive())  # type: ignore[attr-defined]
        layers = ConfiguredLayers()
        layers.made.append(layer)
        layers.leave_other_loops()
        self.assertEqual(ended, ["cleaner", "connections"])


class Squaring(AsyncConsumer):
    async def square(self, message: dict[str, Any]) -> None:
        content = message["number"] ** 2
        await self.channel_layer.group_send("room-1", {**MESSAGE, "content": content})


class WorkerTests(RealLayersTestCase):
    def test_worker_serves_a_real_layer(self) -> None:
        def body(case: RealCase) -> None:
            ann = case.connect()
            with apply_routes({"squares": Squaring.as_asgi()}):
                with case.run_worker():
                    Channel("squares").send({"type": "square", "number": 3})
                    case.assertReceivesJson(ann, 9)

        self.assert_passes(body)

    def test_async_worker_serves_a_real_layer(self) -> None:
        async def body(case: RealCase) -> None:
            ann = await case.aconnect()
            with apply_routes({"squares": Squaring.as_asgi()}):
                async with case.run_worker():
                    await Channel("squares").asend({"type": "square", "number": 3})
                    self.assertEqual(await ann.receive_json_from(), 9)

        self.assert_passes(body)

    def test_what_nobody_serves_is_not_known(self) -> None:
        def body(case: RealCase) -> None:
            with apply_routes({"squares": Squaring.as_asgi()}), case.run_worker():
                Channel("circles").send({"type": "square", "number": 3})

        self.assert_passes(body)
