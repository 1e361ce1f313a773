"""Worker consumers beside a live server."""

from __future__ import annotations

import asyncio
import sys
import threading
from unittest import mock

from channels.consumer import AsyncConsumer, SyncConsumer
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.urls import path

from channels_testkit import Channel, HangError, LiveServerTestCase, apply_routes
from channels_testkit.redis import RedisTestMixin
from tests.app.models import Note
from tests.utils import OuterTestCase, run_case

from .clients import dial, hear, say


class Asking(AsyncJsonWebsocketConsumer):
    """Has a worker square a number, and passes on what comes back."""

    async def receive_json(self, content, **kwargs):
        message = {"type": "square", "value": content, "reply": self.channel_name}
        await self.channel_layer.send("squares", message)

    async def squared(self, event):
        await self.send_json(event["value"])


class Squares(AsyncConsumer):
    async def square(self, message):
        if message["value"] is None:
            raise LookupError("nothing to square")
        await Note.objects.acreate(text=f"{message['value']}")
        answer = {"type": "squared", "value": message["value"] ** 2}
        await self.channel_layer.send(message["reply"], answer)


class Meeting(SyncConsumer):
    """Returns when as many workers have met as the barrier wants."""

    barrier = threading.Barrier(2)

    def meet(self, message):
        self.barrier.wait(timeout=10)
        Note.objects.create(text="met")


class Forgetful(AsyncConsumer):
    async def fail(self, message):
        self.task = asyncio.create_task(self.fail_later())

    async def fail_later(self):
        raise LookupError("in a task")


class Slow(AsyncConsumer):
    """Has more to do when the test is over."""

    async def work(self, message):
        for _ in range(3):
            await asyncio.sleep(0)
        seen.append(await Note.objects.acount())


class Leaving(SyncConsumer):
    def leave(self, message):
        sys.exit("a worker")


class Waiting(SyncConsumer):
    """Has a thread wait until the test lets it go."""

    free = threading.Event()

    def wait(self, message):
        seen.append("waits")
        self.free.wait(10)


class Failing(SyncConsumer):
    """Fails when the test lets it go, with others behind it."""

    free = threading.Event()

    def fail(self, message):
        self.free.wait(10)
        raise LookupError("held up")

    def stop(self, message):
        raise StopConsumer

    def work(self, message):
        Note.objects.create(text=message["text"])


seen = []
ROUTES = [
    path("ws/ask/", Asking.as_asgi()),
    {
        "squares": Squares.as_asgi(),
        "meetings": Meeting.as_asgi(),
        "forgetful": Forgetful.as_asgi(),
        "slow": Slow.as_asgi(),
        "leaving": Leaving.as_asgi(),
        "waiting": Waiting.as_asgi(),
        "failing": Failing.as_asgi(),
    },
]


@apply_routes(ROUTES)
class EveryChannelTests(LiveServerTestCase):
    worker_channels = "__all__"

    def test_a_worker_answers_through_the_layer(self):
        client = dial(self, "/ws/ask/")
        say(client, 12)
        self.assertEqual(hear(client), 144)
        self.assertEqual(Note.objects.get().text, "12")

    def test_its_messages_can_be_asserted(self):
        say(dial(self, "/ws/ask/"), 3)
        self.assertSent("squares", {"value": 3}, partial=True)


@apply_routes(ROUTES)
class OneChannelTests(LiveServerTestCase):
    worker_channels = ("squares",)

    def test_other_channels_are_left_to_the_test(self):
        Channel("meetings").send({"type": "meet"})
        message = self.get_next_message("meetings", require=True)
        self.assertEqual(message, {"type": "meet"})


@apply_routes(ROUTES)
class ThreadsTests(LiveServerTestCase):
    worker_channels = ("meetings",)
    worker_threads = 2

    def test_threads_work_at_the_same_time(self):
        # One alone would wait for the other without end.
        Channel("meetings").send({"type": "meet"})
        Channel("meetings").send({"type": "meet"})


@apply_routes(ROUTES)
class PubSubTests(RedisTestMixin, LiveServerTestCase):
    """On a layer that loses what is sent before a worker is known to it."""

    redis_backend = "pubsub"
    receive_timeout = 10.0
    worker_channels = ("squares",)

    def test_workers_are_known_when_the_test_begins(self):
        with self.assertApplicationRaises(LookupError):
            Channel("squares").send({"type": "square", "value": None})


@apply_routes(ROUTES)
class BacklogTests(LiveServerTestCase):
    """What becomes of a message that is given to a consumer that fails."""

    worker_channels = ("failing",)
    receive_timeout = 10.0

    def setUp(self):
        Failing.free.clear()

    def send(self):
        with self.assertApplicationRaises(LookupError) as caught:
            Channel("failing").send({"type": "fail"})
            Channel("failing").send({"type": "work", "text": "behind it"})
            Failing.free.set()
        with self.assertApplicationRaises(LookupError):
            Channel("failing").send({"type": "fail"})
        Channel("failing").send({"type": "work", "text": "afterwards"})
        return getattr(caught.exception, "__notes__", [])

    def served(self):
        """Return what was done, once the workers have done it."""
        self._kit.outside.close()
        return [note.text for note in Note.objects.order_by("pk")]

    def test_it_is_lost_with_it(self):
        notes = self.send()
        self.assertEqual(self.served(), ["afterwards"])
        if sys.version_info >= (3, 11):
            self.assertIn("1 message on channel 'failing' was lost when", notes[-1])

    def test_one_that_stops_is_replaced(self):
        self.worker_backlog = "kept"
        Failing.free.set()
        Channel("failing").send({"type": "stop"})
        with self.assertApplicationRaises(LookupError):
            Channel("failing").send({"type": "fail"})

    def test_a_project_can_say_that_its_workers_go_on(self):
        self.worker_backlog = "kept"
        self.assertEqual(self.send(), [])
        self.assertEqual(self.served(), ["behind it", "afterwards"])


class Inner:
    worker_channels = "__all__"
    value = None

    def test_failing(self):
        Channel("squares").send({"type": "square", "value": None})
        Channel("squares").send({"type": "square", "value": 2, "reply": "replies"})
        self.assertEqual(self.get_next_message("replies", require=True)["value"], 4)

    def test_without_type(self):
        Channel("squares").send({"value": 2})

    def test_task(self):
        Channel("forgetful").send({"type": "fail"})

    def test_slow(self):
        Note.objects.create(text="still there")
        Channel("slow").send({"type": "work"})

    def test_leaving(self):
        Channel("leaving").send({"type": "leave"})
        Channel("squares").send({"type": "square", "value": 2, "reply": "replies"})
        self.assertEqual(self.get_next_message("replies", require=True)["value"], 4)

    def test_waiting(self):
        Channel("waiting").send({"type": "wait"})
        Channel("waiting").send({"type": "wait"})

    def test_misspelled(self):
        Channel("sqares").send({"type": "square", "value": 2})

    def test_nothing(self):
        pass


class FailingTests(OuterTestCase):
    def run_inner(self, name, routes=ROUTES, **attributes):
        case = type("InnerTests", (Inner, LiveServerTestCase), attributes)
        return run_case(apply_routes(routes)(case) if routes else case, name)

    def test_a_worker_that_raises_fails_the_test_and_is_replaced(self):
        result = self.run_inner("test_failing", check_leaks="fail")
        self.assertEqual(result.texts, ["nothing to square"])

    def test_a_message_without_type_fails_the_test(self):
        result = self.run_inner("test_without_type")
        self.assertEqual(result.texts, ["Worker received message with no type."])

    def test_a_task_of_a_worker_fails_the_test(self):
        self.assertEqual(self.run_inner("test_task").texts, ["in a task"])

    def test_a_worker_that_ends_the_process_fails_the_test(self):
        result = self.run_inner("test_leaving")
        self.assertEqual(result.texts, ["a worker"])
        self.assertIsInstance(result.raised[0], SystemExit)

    def test_workers_that_hang_are_stopped_each(self):
        Waiting.free.clear()
        before = set(threading.enumerate())
        with mock.patch("channels_testkit.live.loops._SECONDS_TO_STOP", 0.1):
            result = self.run_inner("test_waiting", worker_threads=2, hang_timeout=0.1)
        left = set(threading.enumerate()) - before
        Waiting.free.set()
        self.assertIsInstance(result.raised[0], HangError)
        self.assertIn("self.free.wait(10)", result.texts[0])
        # Its threads that can end have; those of sync code cannot.
        self.assertFalse([it for it in left if "sync code" not in it.name])

    def test_workers_finish_before_the_flush(self):
        seen.clear()
        self.assertTrue(self.run_inner("test_slow").wasSuccessful())
        self.assertEqual(seen, [1])

    def test_a_channel_that_is_not_routed_is_refused(self):
        result = self.run_inner("test_nothing", worker_channels=["sqares"])
        self.assertIsInstance(result.raised[0], ImproperlyConfigured)
        self.assertIn("Did you mean 'squares'?", result.texts[0])

    def test_a_layer_is_needed(self):
        for layers in ({}, None):
            with self.subTest(layers), override_settings(CHANNEL_LAYERS=layers):
                result = self.run_inner("test_nothing")
                self.assertIsInstance(result.raised[0], ImproperlyConfigured)
                self.assertIn("CHANNEL_LAYERS has no 'default'", result.texts[0])

    def test_a_layer_that_is_not_the_tests_is_not_served(self):
        result = self.run_inner("test_nothing", test_channel_aliases=["other"])
        self.assertIsInstance(result.raised[0], ValueError)

    def test_a_message_that_nobody_serves_fails_the_test(self):
        result = self.run_inner("test_misspelled")
        self.assertIn(
            "to channel 'sqares', which no worker handles.\n", result.texts[0]
        )
        self.assertIn("\nDid you mean 'squares'?", result.texts[0])

    def test_without_routes_there_is_nothing_to_serve(self):
        result = self.run_inner("test_nothing", routes=None)
        self.assertIsInstance(result.raised[0], ImproperlyConfigured)
        self.assertIn("No worker consumer is routed", result.texts[0])
