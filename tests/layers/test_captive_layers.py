from __future__ import annotations

import asyncio
import gc
import threading
import unittest
from importlib.util import find_spec
from unittest import mock

from asgiref.sync import async_to_sync
from channels.layers import (
    ChannelLayerManager,
    InMemoryChannelLayer,
    channel_layers,
    get_channel_layer,
)
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.test import SimpleTestCase, override_settings
from django.utils.module_loading import import_string

from channels_testkit import ChannelTestCase
from channels_testkit.layers.aliases import captive_layer
from channels_testkit.layers.captive import CaptiveChannelLayer
from channels_testkit.layers.captive_layers import CaptiveLayers
from tests.utils import entered

MESSAGE = {"type": "a.message"}
IN_MEMORY = "channels.layers.InMemoryChannelLayer"
ONE = {"default": {"BACKEND": IN_MEMORY}}
TWO = {"default": {"BACKEND": IN_MEMORY}, "other": {"BACKEND": IN_MEMORY}}
NOT_INSTALLED = {"default": {"BACKEND": "not.installed.Layer", "CONFIG": {"hosts": []}}}


def send(layer, number=1):
    async_to_sync(layer.send)("jobs", {"number": number})


def held(layer):
    return [message["number"] for message in layer.pending("jobs")]


class CaptivityTestCase(SimpleTestCase):
    """Each test has the layers of TWO, and none that was made before."""

    def setUp(self):
        entered(self, override_settings(CHANNEL_LAYERS=TWO))

    def assertNotSwapped(self):
        self.assertEqual(channel_layers.backends, {})


class InPlaceTests(CaptivityTestCase):
    def test_layers_are_captive_while_it_lasts(self):
        with CaptiveLayers() as captive:
            self.assertEqual(list(captive.layers), ["default", "other"])
            for alias, layer in captive.layers.items():
                self.assertIs(type(layer), CaptiveChannelLayer)
                self.assertIs(get_channel_layer(alias), layer)
                self.assertIs(channel_layers[alias], layer)
                self.assertIs(captive_layer(alias), layer)
                self.assertEqual(layer.alias, alias)
            self.assertIsNot(get_channel_layer("default"), get_channel_layer("other"))
        self.assertNotSwapped()
        self.assertEqual(captive.layers, {})
        self.assertIs(type(get_channel_layer()), InMemoryChannelLayer)

    def test_each_time_the_layers_are_fresh(self):
        captive = CaptiveLayers()
        for _ in range(2):
            with captive:
                layer = get_channel_layer()
                self.assertEqual(layer.sent, [])
                self.assertEqual(
                    async_to_sync(layer.new_channel)(), "specific.captive!1"
                )
                send(layer)
                async_to_sync(layer.group_add)("chat", "ann")

    def test_layers_are_put_back_when_the_test_fails(self):
        with self.assertRaises(ZeroDivisionError), CaptiveLayers():
            raise ZeroDivisionError
        self.assertNotSwapped()

    @override_settings(CHANNEL_LAYERS=NOT_INSTALLED)
    def test_backend_need_not_be_installed(self):
        with CaptiveLayers() as captive:
            send(get_channel_layer())
            self.assertEqual(held(captive.layers["default"]), [1])

    def test_layers_that_have_gone_can_be_read(self):
        with CaptiveLayers() as captive:
            send(get_channel_layer("other"))
        _, other = captive.made
        self.assertEqual(held(other), [1])

    def test_strict_or_not_is_handed_on(self):
        for strict in (True, False):
            with CaptiveLayers(strict=strict):
                self.assertIs(get_channel_layer().strict, strict)

    def test_other_threads_see_the_captive_layer(self):
        seen = []
        with CaptiveLayers() as captive:
            thread = threading.Thread(target=lambda: seen.append(get_channel_layer()))
            thread.start()
            thread.join()
            self.assertIs(seen[0], captive.layers["default"])


class ClearedTests(CaptivityTestCase):
    """Old recipes make Channels forget its layers: none is made anew."""

    def test_layers_stay_captive(self):
        def assign():
            channel_layers.backends = {}

        def delete():
            del channel_layers.backends["default"]

        def reset():
            channel_layers._reset_backends("CHANNEL_LAYERS")

        for clear in (
            assign,
            delete,
            reset,
            channel_layers.backends.clear,
            lambda: channel_layers.backends.clear(),
            lambda: channel_layers.backends.pop("default"),
        ):
            with CaptiveLayers() as captive:
                clear()
                self.assertIs(get_channel_layer(), captive.layers["default"])
                self.assertIs(captive_layer("other"), captive.layers["other"])
                clear()
                self.assertIs(captive_layer("default"), captive.layers["default"])
            self.assertIs(type(get_channel_layer()), InMemoryChannelLayer)
            channel_layers.backends.clear()

    def test_a_manager_of_its_own_has_them_as_well(self):
        with CaptiveLayers() as captive:
            manager = ChannelLayerManager()
            self.addCleanup(setting_changed.disconnect, manager._reset_backends)
            self.assertIs(manager["default"], captive.layers["default"])

    def test_a_layer_that_code_makes_by_itself_is_its_own(self):
        with CaptiveLayers():
            layer = InMemoryChannelLayer()
            channel_layers.set("default", layer)
            self.assertIs(get_channel_layer(), layer)
        self.assertNotSwapped()


class ConfigurationTests(CaptivityTestCase):
    def layer(self, **layer):
        configured = {"default": {"BACKEND": "not.installed.Layer", **layer}}
        with override_settings(CHANNEL_LAYERS=configured), CaptiveLayers() as captive:
            return captive.made[0]

    def test_layer_follows_the_config_of_its_alias(self):
        layer = self.layer(
            CONFIG={
                "hosts": [("redis", 6379)],
                "prefix": "chat",
                "expiry": 1,
                "group_expiry": 2,
                "capacity": 3,
                "channel_capacity": {"jobs*": 4},
                "clock": "not for this layer",
                "strict": False,
            }
        )
        self.assertEqual((layer.expiry, layer.group_expiry), (1, 2))
        self.assertEqual(layer.get_capacity("chat"), 3)
        self.assertEqual(layer.get_capacity("jobs"), 4)
        self.assertTrue(layer.strict)
        send(layer)

    def test_layer_without_config_has_defaults(self):
        for layer in (self.layer(), self.layer(CONFIG=None)):
            self.assertEqual((layer.expiry, layer.group_expiry), (60, 86400))
            self.assertEqual(layer.get_capacity("jobs"), 100)
            self.assertEqual(layer.serializer, "msgpack")

    def test_serializer_is_that_of_the_config(self):
        for option, value, serializer in [
            ("serializer_format", "json", "json"),
            ("serializer", "json", "json"),
            ("serializer_format", "msgpack", "msgpack"),
            ("serializer_format", "my own", "msgpack"),
        ]:
            layer = self.layer(CONFIG={option: value})
            self.assertEqual(layer.serializer, serializer)


class AliasTests(CaptivityTestCase):
    def test_only_named_aliases_are_captive(self):
        with CaptiveLayers(["other"]) as captive:
            self.assertEqual(list(captive.layers), ["other"])
            self.assertIs(type(get_channel_layer()), InMemoryChannelLayer)

    def test_unknown_alias_is_refused_and_nothing_swapped(self):
        with self.assertRaises(ImproperlyConfigured) as caught:
            CaptiveLayers(["default", "nope"]).__enter__()
        self.assertEqual(
            str(caught.exception),
            "test_channel_aliases names 'nope', which CHANNEL_LAYERS does not have; "
            "it has 'default', 'other'.",
        )
        self.assertNotSwapped()

    def test_named_alias_without_any_layers_is_refused(self):
        with override_settings(CHANNEL_LAYERS={}):
            with self.assertRaises(ImproperlyConfigured) as caught:
                CaptiveLayers(["default"]).__enter__()
        self.assertEqual(
            str(caught.exception),
            "test_channel_aliases names 'default', which CHANNEL_LAYERS does not "
            "have; it has none.",
        )

    def test_name_is_not_taken_for_a_list(self):
        with self.assertRaises(ImproperlyConfigured) as caught:
            CaptiveLayers("default")
        self.assertEqual(
            str(caught.exception),
            "test_channel_aliases is '__all__' or a list, not 'default'.",
        )

    def test_missing_alias_is_captured_when_an_override_brings_it(self):
        with CaptiveLayers(["late"], missing_ok=True) as captive:
            self.assertEqual(captive.layers, {})
            with override_settings(CHANNEL_LAYERS={**TWO, "late": TWO["default"]}):
                self.assertEqual(list(captive.layers), ["late"])
                self.assertIs(get_channel_layer("late"), captive.layers["late"])

    def test_without_channel_layers_nothing_is_put_in_place(self):
        for value in ({}, None):
            with override_settings(CHANNEL_LAYERS=value), CaptiveLayers() as captive:
                self.assertEqual(captive.layers, {})
                self.assertNotSwapped()
        with override_settings(CHANNEL_LAYERS={}), CaptiveLayers():
            self.assertIsNone(get_channel_layer())


class CaptiveLayerTests(CaptivityTestCase):
    def assertUnknown(self, alias, text):
        with self.assertRaises(ImproperlyConfigured) as caught:
            captive_layer(alias)
        self.assertEqual(str(caught.exception), text)

    def test_unknown_alias_is_refused_with_those_there_are(self):
        with CaptiveLayers():
            self.assertUnknown(
                "nope",
                "CHANNEL_LAYERS has no 'nope', only 'default', 'other'; add one, or "
                "use override_settings(CHANNEL_LAYERS=...).",
            )

    def test_without_channel_layers_the_setting_is_named(self):
        for value in ({}, None):
            with override_settings(CHANNEL_LAYERS=value), CaptiveLayers():
                self.assertUnknown(
                    "default",
                    "CHANNEL_LAYERS has no 'default'; add one, or use "
                    "override_settings(CHANNEL_LAYERS=...).",
                )

    def test_alias_that_is_not_captive_is_refused(self):
        with CaptiveLayers(["default"]):
            with self.assertRaises(ValueError) as caught:
                captive_layer("other")
        self.assertEqual(
            str(caught.exception),
            "Channel layer 'other' is not captive in this test: "
            "add it to test_channel_aliases.",
        )

    def test_layer_that_a_test_has_set_is_not_captive(self):
        with CaptiveLayers():
            channel_layers.set("default", InMemoryChannelLayer())
            with self.assertRaises(ValueError):
                captive_layer()


class KeptObjectTests(CaptivityTestCase):
    """Code may keep the layer that get_channel_layer() once gave."""

    def assertCaptiveForATime(self, kept):
        state, kind = vars(kept), type(kept)
        before = dict(state)
        with self.assertRaises(ZeroDivisionError), CaptiveLayers() as captive:
            self.assertIs(get_channel_layer(), kept)
            self.assertIs(captive.layers["default"], kept)
            self.assertIs(type(kept), CaptiveChannelLayer)
            send(kept)
            self.assertEqual(held(captive.made[0]), [1])
            raise ZeroDivisionError
        self.assertIs(channel_layers.backends["default"], kept)
        self.assertIs(type(kept), kind)
        self.assertIs(vars(kept), state)
        self.assertEqual(state, before)

    def test_layer_in_memory_is_captive_for_a_time(self):
        kept = get_channel_layer()
        send(kept, 7)
        self.assertCaptiveForATime(kept)
        message = async_to_sync(kept.receive)("jobs")
        self.assertEqual(message, {"number": 7})

    @unittest.skipUnless(find_spec("channels_redis"), "needs channels_redis")
    def test_redis_layers_are_captive_for_a_time(self):
        for name in ("core.RedisChannelLayer", "pubsub.RedisPubSubChannelLayer"):
            kept = import_string(f"channels_redis.{name}")(prefix="chat")
            channel_layers.set("default", kept)
            self.assertCaptiveForATime(kept)

    def test_layer_that_guards_its_attributes_is_captive_for_a_time(self):
        class Guarded(InMemoryChannelLayer):
            def __setattr__(self, name, value):
                if "group_expiry" in vars(self):
                    raise AttributeError(name)
                super().__setattr__(name, value)

        kept = Guarded()
        channel_layers.set("default", kept)
        self.assertCaptiveForATime(kept)
        with self.assertRaises(AttributeError):
            kept.capacity = 1

    def test_object_that_python_lets_nobody_change_is_replaced(self):
        class Slotted:
            __slots__ = ("capacity",)

        class SlottedAndMore:
            __slots__ = ("__dict__", "capacity")

        for kept in (Slotted(), SlottedAndMore(), None):
            channel_layers.set("default", kept)
            with CaptiveLayers() as captive:
                self.assertIsNot(get_channel_layer(), kept)
                self.assertIs(get_channel_layer(), captive.layers["default"])
                send(get_channel_layer())
                self.assertEqual(held(captive.made[0]), [1])
            self.assertIs(channel_layers.backends["default"], kept)

    def test_layer_kept_in_one_test_is_the_fresh_one_in_the_next(self):
        with CaptiveLayers():
            kept = get_channel_layer()
            send(kept)
        with CaptiveLayers() as captive:
            self.assertEqual(kept.sent, [])
            send(kept, 2)
            self.assertEqual(held(captive.layers["default"]), [2])
            self.assertEqual(held(get_channel_layer()), [2])

    def test_layer_kept_in_a_test_is_the_configured_one_between_tests(self):
        with CaptiveLayers():
            kept = get_channel_layer()
        send(kept, 3)
        message = async_to_sync(get_channel_layer().receive)("jobs")
        self.assertEqual(message, {"number": 3})

    def test_kept_layer_without_a_configured_one_says_so(self):
        with override_settings(CHANNEL_LAYERS={"gone": TWO["default"]}):
            with CaptiveLayers():
                kept = get_channel_layer("gone")
        self.assertFalse(hasattr(kept, "send"))
        with self.assertRaises(AttributeError) as caught:
            kept.send("jobs", MESSAGE)
        self.assertEqual(str(caught.exception), "CHANNEL_LAYERS has no 'gone'.")

    def test_all_objects_kept_for_an_alias_are_one_layer(self):
        with CaptiveLayers():
            from_a_test = get_channel_layer()
        from_import = get_channel_layer()
        with CaptiveLayers() as captive:
            send(from_a_test, 1)
            send(from_import, 2)
            self.assertEqual(held(captive.layers["default"]), [1, 2])
        self.assertIs(type(from_import), InMemoryChannelLayer)

    def test_object_that_channels_has_forgotten_is_captive_as_well(self):
        kept = get_channel_layer()
        with CaptiveLayers():
            pass
        # As override_settings() does in somebody else's test.
        channel_layers.backends = {}
        with CaptiveLayers() as captive:
            send(kept)
            self.assertEqual(held(captive.layers["default"]), [1])
        self.assertIs(type(kept), InMemoryChannelLayer)
        self.assertNotSwapped()

    def test_object_that_nobody_keeps_is_let_go(self):
        get_channel_layer()
        with CaptiveLayers():
            pass
        channel_layers.backends = {}
        gc.collect()
        with CaptiveLayers():
            kinds = [type(item) for item in gc.get_objects()]
        self.assertNotIn(InMemoryChannelLayer, kinds)

    def test_attributes_set_on_the_layer_are_seen_by_all_who_hold_it(self):
        kept = get_channel_layer()
        with CaptiveLayers() as captive:
            captive.layers["default"].capacity = 7
            with mock.patch.object(get_channel_layer(), "send") as double:
                self.assertIs(kept.send, double)
            self.assertEqual(kept.capacity, 7)
        self.assertEqual(kept.capacity, 100)

    def test_receiver_of_one_test_returns_nothing_to_the_next(self):
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        with CaptiveLayers() as first:
            receive = get_channel_layer().receive("jobs")
            loop.call_soon(receive.send, None)
            loop.run_until_complete(asyncio.sleep(0))
            send(get_channel_layer())
        with CaptiveLayers() as second:
            receive.close()
            self.assertEqual(held(second.layers["default"]), [])
        self.assertEqual(held(first.made[0]), [1])


class NestingTests(CaptivityTestCase):
    def test_inner_layers_are_fresh_and_outer_ones_come_back(self):
        with CaptiveLayers() as outer:
            send(get_channel_layer(), 1)
            with CaptiveLayers() as inner:
                self.assertEqual(get_channel_layer().sent, [])
                self.assertIs(get_channel_layer(), inner.layers["default"])
                send(get_channel_layer(), 2)
            self.assertIs(get_channel_layer(), outer.layers["default"])
            self.assertEqual(held(get_channel_layer()), [1])
        self.assertNotSwapped()

    def test_one_can_be_entered_again_inside(self):
        captive = CaptiveLayers()
        with captive:
            send(get_channel_layer(), 1)
            with captive:
                self.assertEqual(captive.layers["default"].sent, [])
            self.assertEqual(held(captive.layers["default"]), [1])
        self.assertNotSwapped()

    def test_inner_one_leaves_other_aliases_to_the_outer(self):
        with CaptiveLayers():
            send(get_channel_layer("other"), 1)
            with CaptiveLayers(["default"]):
                self.assertEqual(held(captive_layer("other")), [1])

    def test_outer_one_that_ends_first_takes_the_inner_with_it(self):
        kept = get_channel_layer()
        outer, inner = CaptiveLayers(), CaptiveLayers()
        outer.__enter__()
        inner.__enter__()
        outer.__exit__(None, None, None)
        self.assertIs(type(kept), InMemoryChannelLayer)
        inner.__exit__(None, None, None)
        self.assertIs(type(kept), InMemoryChannelLayer)
        self.assertIs(get_channel_layer(), kept)


class OverrideTests(CaptivityTestCase):
    """override_settings(CHANNEL_LAYERS=...) while layers are captive."""

    def test_block_has_fresh_layers_for_its_setting(self):
        with CaptiveLayers() as captive:
            layers = captive.layers
            before = get_channel_layer()
            send(before)
            setting = {"default": {"CONFIG": {"capacity": 1}}, "new": {}}
            with override_settings(CHANNEL_LAYERS=setting):
                self.assertIs(captive.layers, layers)
                self.assertEqual(list(layers), ["default", "new"])
                for alias in layers:
                    self.assertIs(get_channel_layer(alias), layers[alias])
                    self.assertEqual(layers[alias].sent, [])
                self.assertEqual(get_channel_layer().capacity, 1)
                self.assertIsNone(get_channel_layer("other"))
                # Who held the layer before holds that of the block.
                send(before, 2)
                self.assertEqual(held(get_channel_layer()), [2])
            self.assertEqual(list(layers), ["default", "other"])
            self.assertIs(get_channel_layer(), before)
            self.assertEqual(held(before), [1])
            self.assertEqual(before.capacity, 100)
            self.assertNotIn("new", channel_layers.backends)
            self.assertEqual([len(layer.sent) for layer in captive.made], [1, 0, 1, 0])
        self.assertNotSwapped()

    def test_object_kept_from_before_is_put_back(self):
        kept = get_channel_layer()
        with CaptiveLayers():
            with override_settings(CHANNEL_LAYERS=ONE):
                self.assertIs(get_channel_layer(), kept)
            self.assertIs(get_channel_layer(), kept)
        self.assertIs(channel_layers.backends["default"], kept)
        self.assertIs(type(kept), InMemoryChannelLayer)

    def test_blocks_nest(self):
        with CaptiveLayers():
            send(get_channel_layer(), 1)
            with override_settings(CHANNEL_LAYERS=ONE):
                send(get_channel_layer(), 2)
                with override_settings(CHANNEL_LAYERS={}):
                    self.assertIsNone(get_channel_layer())
                self.assertEqual(held(get_channel_layer()), [2])
            self.assertEqual(held(get_channel_layer()), [1])

    def test_same_setting_again_has_fresh_layers(self):
        with CaptiveLayers():
            for _ in range(2):
                with override_settings(CHANNEL_LAYERS=ONE):
                    self.assertEqual(get_channel_layer().sent, [])
                    send(get_channel_layer())

    def test_block_that_was_entered_before_may_end_inside(self):
        override = override_settings(CHANNEL_LAYERS=ONE)
        override.enable()
        with CaptiveLayers() as captive:
            send(get_channel_layer())
            override.disable()
            self.assertEqual(list(captive.layers), ["default", "other"])
            self.assertIs(get_channel_layer(), captive.layers["default"])
            self.assertEqual(get_channel_layer().sent, [])
        self.assertNotSwapped()

    def test_inner_and_outer_layers_follow_and_come_back(self):
        with CaptiveLayers() as outer:
            send(get_channel_layer(), 1)
            with CaptiveLayers() as inner:
                send(get_channel_layer(), 2)
                with override_settings(CHANNEL_LAYERS=ONE):
                    self.assertEqual(list(outer.layers), ["default"])
                    self.assertIs(get_channel_layer(), inner.layers["default"])
                    send(get_channel_layer(), 3)
                self.assertEqual(held(inner.layers["default"]), [2])
            self.assertEqual(list(outer.layers), ["default", "other"])
            self.assertEqual(held(outer.layers["default"]), [1])
        self.assertEqual([len(layer.sent) for layer in inner.made], [1, 0, 1])

    def test_alias_of_the_outer_one_alone_follows_as_well(self):
        with CaptiveLayers():
            with CaptiveLayers(["default"]):
                with override_settings(CHANNEL_LAYERS=dict(TWO)):
                    self.assertIs(type(get_channel_layer("other")), CaptiveChannelLayer)

    def test_setting_that_makes_no_layers_leaves_the_old_ones(self):
        broken = {"default": {"CONFIG": {"channel_capacity": 5}}}
        with CaptiveLayers():
            send(get_channel_layer())
            with self.assertRaises(TypeError):
                override_settings(CHANNEL_LAYERS=broken).enable()
            self.assertEqual(held(get_channel_layer()), [1])
        self.assertNotSwapped()

    def test_other_settings_change_nothing(self):
        with CaptiveLayers():
            layer = get_channel_layer()
            send(layer)
            with override_settings(DEBUG=True):
                self.assertEqual(held(get_channel_layer()), [1])


@override_settings(CHANNEL_LAYERS={"default": {"CONFIG": {"capacity": 1}}})
class OverriddenClassTests(SimpleTestCase):
    """The decorator is at work between the two entries of a test case."""

    @classmethod
    def setUpClass(cls):
        cls.captive = cls.enterClassContext(CaptiveLayers())
        super().setUpClass()
        send(get_channel_layer())

    def setUp(self):
        entered(self, CaptiveLayers())

    def test_class_has_layers_for_its_setting(self):
        self.assertEqual(get_channel_layer().capacity, 1)
        self.assertEqual(get_channel_layer().sent, [])
        self.assertEqual(sum(len(layer.sent) for layer in self.captive.made), 1)

    @override_settings(CHANNEL_LAYERS={"default": {"CONFIG": {"capacity": 2}}})
    def test_method_has_layers_for_its_setting(self):
        self.assertEqual(get_channel_layer().capacity, 2)
        self.assertIs(type(get_channel_layer()), CaptiveChannelLayer)

    @override_settings(CHANNEL_LAYERS={"default": {"CONFIG": {"capacity": 2}}})
    async def test_async_method_has_layers_for_its_setting(self):
        self.assertEqual(get_channel_layer().capacity, 2)
        await get_channel_layer().send("jobs", MESSAGE)
        self.assertEqual(captive_layer().take("jobs"), MESSAGE)


class LayerOfTheClassTests(ChannelTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.layer = get_channel_layer()

    def test_a_layer_that_the_class_holds_is_that_of_the_test(self):
        self.assertIs(self.layer, self.channel_layer)
