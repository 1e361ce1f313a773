from __future__ import annotations

import inspect
from typing import Any

from django.test import TransactionTestCase
from liveview import connections, consumers, liveview_handler, liveview_registry
from liveview.decorators import LiveviewHandlerRegistry

from channels_testkit.contrib.liveview import (
    LiveViewTestCase,
    LiveViewTestMixin,
    isolated_registry,
)
from channels_testkit.contrib.liveview.frames import UNKNOWN_FUNCTION
from channels_testkit.contrib.liveview.handlers import FORWARDED, ROOM_GROUP
from tests.utils import OuterTestCase, run_case


def register(name: str) -> None:
    @liveview_handler(name)
    def handler(consumer: Any, content: Any) -> None: ...

    liveview_registry.add_middleware(handler)


def registered() -> tuple[list[str], list[Any]]:
    return liveview_registry.list_functions(), list(liveview_registry._middleware)


class IsolationTests(OuterTestCase):
    def setUp(self):
        self.before = registered()

    def tearDown(self):
        self.assertEqual(registered(), self.before)

    def test_what_a_test_registers_is_forgotten(self):
        class InnerTests(LiveViewTestCase):
            def test_a(self) -> None:
                register("mine")
                self.assertIn("mine", liveview_registry.list_functions())

            async def test_b(self) -> None:
                self.assertNotIn("mine", liveview_registry.list_functions())
                self.assertEqual(liveview_registry._middleware, [])
                register("mine")

            def test_c(self) -> None:
                self.assertNotIn("mine", liveview_registry.list_functions())
                liveview_registry.clear()

        result = run_case(InnerTests)
        self.assertEqual(result.texts, [])
        self.assertEqual(result.testsRun, 3)

    def test_what_a_set_up_that_breaks_registers_is_forgotten(self):
        class InnerTests(LiveViewTestCase):
            def setUp(self) -> None:
                register("mine")
                raise ValueError("broken")

            def test(self) -> None: ...

        self.assertEqual(run_case(InnerTests).texts, ["broken"])

    def test_what_a_class_registers_is_there_for_its_tests(self):
        class InnerTests(LiveViewTestCase):
            @classmethod
            def setUpClass(cls) -> None:
                super().setUpClass()
                register("ours")

            def test_a(self) -> None:
                self.assertIn("ours", liveview_registry.list_functions())
                liveview_registry.unregister("ours")

            def test_b(self) -> None:
                self.assertIn("ours", liveview_registry.list_functions())

        self.assertEqual(run_case(InnerTests).texts, [])

    def test_what_clean_ups_register_is_forgotten(self):
        class InnerTests(LiveViewTestCase):
            def test(self) -> None:
                self.addCleanup(register, "mine")

        self.assertEqual(run_case(InnerTests).texts, [])

    def test_a_block_is_isolated_as_well(self):
        held = liveview_registry._handlers
        with isolated_registry():
            register("mine")
            liveview_registry.unregister("greet")
        self.assertIs(liveview_registry._handlers, held)
        with self.assertRaises(ValueError), isolated_registry():
            register("mine")
            raise ValueError


class MixinTests(LiveViewTestMixin, TransactionTestCase):
    def test_it_goes_before_another_test_case(self):
        self.call_handler("greet", form={"name": "Ann"}).assert_target("#desk")

    async def test_it_goes_before_another_test_case_async(self):
        async with self.aopen_room() as ann:
            await ann.acall("greet", form={"name": "Ann"})
            ann.assert_target("#desk")
        self.assertEqual(ann.transcript.entries[-1].event["code"], 1000)


class CanaryTests(LiveViewTestCase):
    """What is used of django-liveview without being promised by it."""

    def test_the_registry_keeps_a_dict_and_a_list(self):
        registry = LiveviewHandlerRegistry()
        registry.register("name")(len)
        registry.add_middleware(len)
        self.assertEqual(list(registry._handlers), ["name"])
        self.assertEqual(registry._middleware, [len])

    def test_the_list_is_read_at_each_call(self):
        called: list[str] = []
        registry = LiveviewHandlerRegistry()
        handler = registry.register("name")(lambda *_: called.append("handler"))
        registry._middleware[:] = [lambda *_: called.append("middleware")]
        handler(None, {})
        self.assertEqual(called, ["middleware", "handler"])

    def test_rooms_are_groups_of_this_name(self):
        ann = self.open_room("desk")
        self.assertEqual(ann.consumer.room_group_name, ROOM_GROUP.format("desk"))

    def test_groups_forward_messages_of_this_type(self):
        self.assertTrue(hasattr(consumers.LiveViewConsumer, FORWARDED))
        self.assertEqual(
            consumers.LiveViewConsumer.broadcast_group, connections.BROADCAST_GROUP
        )
        self.call_handler("ring", form={"text": "lunch"}, room="desk")
        [sent] = self.channel_layer.sent
        self.assertEqual(
            sent.message,
            {
                "type": FORWARDED,
                "message": {"target": "#bell", "html": "lunch"},
            },
        )

    def test_an_unknown_function_is_answered_so(self):
        [frame] = self.call_handler("nope").frames
        text = UNKNOWN_FUNCTION.format("nope")
        self.assertEqual(frame["error"], text)
        self.assertEqual(
            frame["available_functions"], liveview_registry.list_functions()
        )

    def test_the_route_has_this_argument(self):
        self.assertIn('kwargs"]["room_name"]', inspect.getsource(consumers))
