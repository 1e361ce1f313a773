"""``layer_faults()``: messages that are lost, repeated, late or refused."""

from __future__ import annotations

import asyncio
import contextlib
import io
import random
import threading
from typing import Any, ClassVar
from unittest import mock

from asgiref.sync import async_to_sync
from channels.consumer import SyncConsumer
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.test import SimpleTestCase, override_settings
from django.urls import path
from redis.exceptions import ConnectionError as RedisConnectionError

from channels_testkit import (
    Channel,
    Group,
    HangError,
    LayerFault,
    NoFrame,
    SimpleWebsocketTestCase,
    WebsocketTestCase,
    apply_routes,
    explore_schedules,
)
from tests.app.consumers import RoomConsumer
from tests.explored import not_explored
from tests.layers.test_real import REAL
from tests.utils import run_case, timers_held

ON_REDIS = {"BACKEND": "channels_redis.core.RedisChannelLayer"}


class Room(RoomConsumer):
    """What one says, everybody in the room hears."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        message = {"type": "room.message", "content": content}
        await self.channel_layer.group_send(self.room, message)


ROOMS = URLRouter([path("ws/room/<int:number>/", Room.as_asgi())])


class Thumbnails(SyncConsumer):
    made: ClassVar[list[int]] = []

    def make(self, message: dict[str, Any]) -> None:
        self.made.append(message["id"])


class RoomCase(SimpleWebsocketTestCase):
    application = ROOMS
    ws_path = "/ws/room/1/"
    check_leaks = "fail"

    def enter(self, *names: str) -> list[Any]:
        return [self.connect(name=name) for name in names]


def say(client: Any, *numbers: int) -> None:
    for number in numbers:
        client.send_json(number)


class LostTests(RoomCase):
    def test_the_first_deliveries_are_lost(self) -> None:
        ann, ben = self.enter("ann", "ben")
        with self.layer_faults(lose=3) as faults:
            say(ann, 1, 2, 3)
        self.assertEqual(ann.receive_all_json(), [3])
        self.assertEqual(ben.receive_all_json(), [2, 3])
        receivers = [fault.receiver for fault in faults.lost]
        labels = ["ann (/ws/room/1/)", "ben (/ws/room/1/)", "ann (/ws/room/1/)"]
        self.assertEqual(receivers, labels)

    def test_after_the_block_nothing_is_lost(self) -> None:
        (ann,) = self.enter("ann")
        with self.layer_faults(lose=1.0):
            say(ann, 1, 2)
        say(ann, 3)
        self.assertEqual(ann.receive_all_json(), [3])

    def test_only_one_receiver_misses_it(self) -> None:
        ann, ben = self.enter("ann", "ben")
        for who in (ben, ben.channel_name, Channel(ben.channel_name)):
            with self.layer_faults(lose=1, channel=who):
                say(ann, 1)
        self.assertEqual(len(ann.receive_all_json()), 3)
        self.assertReceivesNothing(ben)

    def test_only_one_group_misses_it(self) -> None:
        (ann,) = self.enter("ann")
        other = self.connect("/ws/room/2/")
        with self.layer_faults(lose=1.0, group=Group("room-2")):
            say(ann, 1)
            say(other, 2)
        self.assertReceivesJson(ann, 1)
        self.assertReceivesNothing(other)

    def test_what_is_sent_to_a_channel_is_no_delivery_of_the_group(self) -> None:
        (ann,) = self.enter("ann")
        with self.layer_faults(lose=1.0, group="room-1", channel=ann):
            message = {"type": "room.message", "content": 1}
            Channel(ann.channel_name).send(message)
            say(ann, 2)
        self.assertEqual(ann.receive_all_json(), [1])

    def test_what_was_sent_counts_and_not_what_has_arrived(self) -> None:
        ann, ben = self.enter("ann", "ben")
        with self.layer_faults(lose=1, channel=ben) as faults:
            say(ann, 1)
        (sent,) = self.assertGroupSent("room-1", count=1)
        self.assertEqual(sent.receivers, (ann.channel_name,))
        self.assertEqual((sent.dropped, sent.faults), ((), tuple(faults.lost)))
        message = {"type": "room.message", "content": 1}
        fault = LayerFault(
            "lost", "room-1", ben.channel_name, message, sent.sequence, ben.label
        )
        self.assertEqual(faults.lost, [fault])

    def test_a_predicate_chooses_by_the_message(self) -> None:
        (ann,) = self.enter("ann")
        with self.layer_faults(lose=lambda message: message["content"] == 2):
            say(ann, 1, 2, 3)
        self.assertEqual(ann.receive_all_json(), [1, 3])

    def test_a_predicate_changes_nothing_of_the_message(self) -> None:
        (ann,) = self.enter("ann")
        with self.layer_faults(duplicate=lambda it: it.pop("content") == 1):
            say(ann, 1)
        self.assertEqual(ann.receive_all_json(), [1, 1])

    def test_nobody_is_told_to_have_been_in_no_group(self) -> None:
        (ann,) = self.enter("ann")
        with self.layer_faults(lose=1):
            say(ann, 1)
        with self.assertRaises(AssertionError) as caught:
            ann.receive_json()
        self.assertNotIn("Nobody", str(caught.exception))

    def test_an_alias_has_faults_of_its_own(self) -> None:
        with self.layer_faults(lose=1, alias="other"):
            for alias in ("default", "other"):
                Channel("jobs", alias=alias).send({"type": "make"})
        self.assertIsNotNone(self.get_next_message("jobs"))
        self.assertIsNone(self.get_next_message("jobs", alias="other"))

    def test_a_plain_thread_meets_them(self) -> None:
        (ann,) = self.enter("ann")

        def send() -> None:
            layer = get_channel_layer()
            message = {"type": "room.message", "content": 1}
            async_to_sync(layer.group_send)("room-1", message)

        with self.layer_faults(lose=1) as faults:
            thread = threading.Thread(target=send)
            thread.start()
            thread.join()
        self.assertEqual(len(faults.lost), 1)
        self.assertReceivesNothing(ann)

    def test_a_worker_misses_a_message(self) -> None:
        Thumbnails.made.clear()
        routes = {"thumbnails": Thumbnails.as_asgi()}
        with apply_routes(routes), self.run_worker():
            with self.layer_faults(lose=1, channel="thumbnails"):
                for number in (1, 2):
                    Channel("thumbnails").send({"type": "make", "id": number})
        self.assertEqual(Thumbnails.made, [2])


class ChanceTests(RoomCase):
    def lost(self, **options: Any) -> list[int]:
        (ann,) = self.enter("ann")
        with self.layer_faults(lose=0.5, **options) as faults:
            say(ann, *range(30))
        ann.disconnect()
        return [fault.message["content"] for fault in faults.lost]

    def test_the_same_seed_loses_the_same(self) -> None:
        random.seed(1)
        first = self.lost()
        random.seed(2)
        self.assertEqual(self.lost(), first)
        self.assertEqual(self.lost(seed=0), first)
        self.assertNotEqual(self.lost(seed=1), first)

    def test_another_fault_changes_nothing(self) -> None:
        self.assertEqual(self.lost(duplicate=0.5, seed=5), self.lost(seed=5))

    def test_it_is_the_same_in_any_process(self) -> None:
        self.assertEqual(self.lost(seed=3)[:6], [0, 2, 3, 4, 5, 6])

    def test_one_point_nought_is_all(self) -> None:
        (ann,) = self.enter("ann")
        with self.layer_faults(duplicate=1.0):
            say(ann, 1, 2)
        self.assertEqual(ann.receive_all_json(), [1, 1, 2, 2])


class RepeatedTests(RoomCase):
    def test_it_comes_twice(self) -> None:
        ann, ben = self.enter("ann", "ben")
        with self.layer_faults(duplicate=1) as faults:
            say(ann, 1, 2)
        self.assertEqual(ann.receive_all_json(), [1, 1, 2])
        self.assertEqual(ben.receive_all_json(), [1, 2])
        self.assertEqual(len(faults.duplicated), 1)
        self.assertGroupSent("room-1", count=2)

    def test_who_leaves_after_the_first_leaves_the_second_behind(self) -> None:
        (ann,) = self.enter("ann")
        with self.layer_faults(duplicate=1):
            ann.send_json(1)
            ann.disconnect()

    def test_a_channel_that_holds_one_more_is_not_full(self) -> None:
        layers = {"default": {"BACKEND": "any", "CONFIG": {"capacity": 1}}}
        with override_settings(CHANNEL_LAYERS=layers):
            with self.layer_faults(duplicate=1):
                Channel("jobs").send({"type": "make"})
            self.assertEqual(self.channel_layer.pending_counts(), {"jobs": 1})


class LateTests(RoomCase):
    def test_it_comes_at_the_end_of_the_block(self) -> None:
        ann, ben = self.enter("ann", "ben")
        with self.layer_faults(delay=1, channel=ben) as faults:
            say(ann, 1, 2)
            self.assertEqual(ben.receive_all_json(), [2])
        self.assertEqual(ben.receive_all_json(), [1])
        self.assertEqual(ann.receive_all_json(), [1, 2])
        self.assertEqual(len(faults.delayed), 1)

    def test_it_comes_late_and_twice(self) -> None:
        (ann,) = self.enter("ann")
        with self.layer_faults(delay=1, duplicate=1):
            say(ann, 1, 2)
            self.assertEqual(ann.receive_all_json(), [2])
        self.assertEqual(ann.receive_all_json(), [1, 1])

    @not_explored
    def test_virtual_time_brings_it(self) -> None:
        with self.virtual_time() as clock:
            (ann,) = self.enter("ann")
            with self.layer_faults(delay=1, by=5):
                say(ann, 1)
            (timer,) = clock.timers
            self.assertEqual((timer.due, timer.whose), (5, "layer_faults()"))
            self.assertEqual(self.advance(4.999), 0)
            self.assertReceivesNothing(ann)
            self.assertEqual(self.advance(0.001), 1)
            self.assertReceivesJson(ann, 1)

    def test_a_receive_waits_for_it_in_real_time(self) -> None:
        (ann,) = self.enter("ann")
        with self.layer_faults(delay=1, by=0.01):
            with timers_held(self._kit.bridge.loop):
                say(ann, 1)
                self.assertEqual(ann.receive_all_json(), [])
            self.assertReceivesJson(ann, 1)

    @not_explored
    def test_what_a_plain_thread_sends_comes_late(self) -> None:
        def send() -> None:
            layer = get_channel_layer()
            message = {"type": "room.message", "content": 1}
            async_to_sync(layer.group_send)("room-1", message)

        with self.virtual_time():
            (ann,) = self.enter("ann")
            with self.layer_faults(delay=1, by=5):
                thread = threading.Thread(target=send)
                thread.start()
                thread.join()
            self.assertReceivesNothing(ann)
            self.advance(5)
            self.assertReceivesJson(ann, 1)

    def test_what_a_plain_thread_sends_first_comes_late(self) -> None:
        def send() -> None:
            layer = get_channel_layer()
            async_to_sync(layer.send)("thumbnails", {"type": "make"})

        with self.layer_faults(delay=1, by=60):
            thread = threading.Thread(target=send)
            thread.start()
            thread.join()
        self.settle()
        self.assertEqual(len(list(self._kit.bridge.rest.application_timers())), 1)

    @not_explored
    def test_a_message_that_nobody_waits_for_comes_late(self) -> None:
        with self.virtual_time():
            with self.layer_faults(delay=1, by=5):
                Channel("jobs").send({"type": "make"})
            self.assertIsNone(self.get_next_message("jobs"))
            self.advance(5)
            self.assertEqual(self.get_next_message("jobs"), {"type": "make"})

    def test_who_has_left_since_still_gets_it(self) -> None:
        (ann,) = self.enter("ann")
        with self.layer_faults(delay=1):
            say(ann, 1)
            self.channel_layer.groups = {}
        self.assertReceivesJson(ann, 1)

    def test_a_client_that_has_gone_is_no_leak(self) -> None:
        ann, ben = self.enter("ann", "ben")
        with self.layer_faults(delay=1, channel=ben):
            say(ann, 1)
            ben.disconnect()
        self.assertEqual(len(self.channel_layer.pending_counts()), 1)

    async def test_an_async_test_has_an_async_block(self) -> None:
        ann = await self.aconnect()
        async with self.layer_faults(delay=1) as faults:
            await ann.send_json(1)
            self.assertReceivesNothing(ann)
        self.assertReceivesJson(ann, 1)
        self.assertEqual(len(faults.delayed), 1)

    async def test_what_a_task_sends_is_in_an_async_block(self) -> None:
        ann = await self.aconnect()
        async with self.layer_faults(delay=1) as faults:
            task = asyncio.create_task(ann.send_json(1))
        await task
        self.assertReceivesJson(ann, 1)
        self.assertEqual(len(faults.delayed), 1)

    async def test_it_comes_where_an_async_block_raises(self) -> None:
        ann = await self.aconnect()
        with self.assertRaises(ZeroDivisionError):
            async with self.layer_faults(delay=1, lose=5):
                await ann.send_json(1 // 0)
        async with self.layer_faults(delay=1):
            await ann.send_json(1)
        self.assertReceivesJson(ann, 1)

    @not_explored
    async def test_it_has_a_plain_block_where_nothing_comes_at_the_end(self) -> None:
        ann = await self.aconnect()
        with self.virtual_time():
            with self.layer_faults(delay=1, by=5):
                await ann.send_json(1)
            await self.aadvance(5)
            self.assertReceivesJson(ann, 1)
        with self.layer_faults(lose=1):
            await ann.send_json(2)
        self.assertReceivesNothing(ann)


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Start up and shut down, and do nothing else."""
    for name in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{name}.complete"})


class SharedLoopTests(SimpleTestCase):
    def test_nothing_comes_in_the_next_test(self) -> None:
        class Inner(RoomCase):
            application = ProtocolTypeRouter({"websocket": ROOMS, "lifespan": lifespan})
            run_lifespan = "class"

            def test_1(self) -> None:
                (ann,) = self.enter("ann")
                with self.layer_faults(delay=1, by=1000):
                    say(ann, 1)

            def test_2(self) -> None:
                (ann,) = self.enter("ann")
                with self.virtual_time() as clock:
                    self.assertEqual(clock.timers, [])
                    say(ann, 2)
                self.assertReceivesJson(ann, 2)

        self.assertEqual(run_case(Inner).texts, [])


class RefusedTests(RoomCase):
    def refused(self, **options: Any) -> BaseException:
        layer = get_channel_layer()
        with self.layer_faults(**options) as faults:
            with self.assertRaises(Exception) as caught:
                async_to_sync(layer.send)("jobs", {"type": "make"})
        self.assertEqual(len(faults.failed), 1)
        self.assertNothingSent()
        return caught.exception

    def test_it_raises_what_is_raised_without_a_server(self) -> None:
        error = self.refused(error=1)
        self.assertIs(type(error), ConnectionError)
        text = "The channel layer fails, because of layer_faults(error=1)."
        self.assertEqual(str(error), text)

    def test_a_layer_on_redis_raises_what_redis_raises(self) -> None:
        with override_settings(CHANNEL_LAYERS={"default": ON_REDIS}):
            self.assertIs(type(self.refused(error=1)), RedisConnectionError)

    def test_redis_need_not_be_installed(self) -> None:
        # Whether it is installed is a question to Python, not to a part of it.
        with override_settings(CHANNEL_LAYERS={"default": ON_REDIS}):
            with mock.patch("importlib.util.find_spec", return_value=None):
                self.assertIs(type(self.refused(error=1)), ConnectionError)

    def test_an_exception_and_a_class_of_the_tests_own(self) -> None:
        own = OSError("gone")
        self.assertIs(self.refused(error=1, raises=own), own)
        self.assertIs(self.refused(error=own), own)
        self.assertIs(type(self.refused(error=1.0, raises=TimeoutError)), TimeoutError)
        self.assertIs(type(self.refused(error=ChannelFull)), ChannelFull)

    def test_a_group_is_never_full(self) -> None:
        (ann,) = self.enter("ann")
        with self.layer_faults(error=ChannelFull) as faults:
            say(ann, 1)
            with self.assertRaises(ChannelFull):
                Channel("jobs").send({"type": "make"})
        self.assertReceivesJson(ann, 1)
        self.assertEqual([fault.channel for fault in faults.failed], ["jobs"])

    def test_a_call_that_raises_is_one_whatever_its_receivers(self) -> None:
        ann, ben = self.enter("ann", "ben")
        with self.layer_faults(error=1, group="room-1") as faults:
            with self.assertApplicationRaises(ConnectionError):
                say(ann, 1)
            say(ben, 2)
        (fault,) = faults.failed
        self.assertEqual((fault.group, fault.channel), ("room-1", None))
        self.assertReceivesJson(ben, 2)

    def test_the_application_has_to_catch_it(self) -> None:
        (ann,) = self.enter("ann")
        with self.assertRaises(ConnectionError), self.layer_faults(error=1):
            say(ann, 1)

    def test_what_a_failed_call_should_have_brought(self) -> None:
        class Careless(Room):
            async def receive_json(self, content: Any, **kwargs: Any) -> None:
                with contextlib.suppress(ConnectionError):
                    await super().receive_json(content)

        ann = self.connect(
            application=Careless.as_asgi(), path_kwargs={"number": 1}, name="ann"
        )
        with self.layer_faults(error=1):
            say(ann, 1)
        text = (
            "No JSON frame from ann (/ws/room/1/): the call that sends 'room.message'"
            " to group 'room-1' was made to fail by layer_faults()."
        )
        with self.assertRaises(NoFrame) as caught:
            self.assertReceivesJson(ann, 1)
        self.assertEqual(str(caught.exception).partition("\n")[0], text)

    def test_a_predicate_chooses_calls(self) -> None:
        with self.layer_faults(error=lambda message: message["id"] == 2):
            Channel("jobs").send({"type": "make", "id": 1})
            with self.assertRaises(ConnectionError):
                Channel("jobs").send({"type": "make", "id": 2})
        self.assertSent("jobs", count=1)


class BlockTests(RoomCase):
    def test_the_innermost_block_has_its_way(self) -> None:
        (ann,) = self.enter("ann")
        with self.layer_faults(duplicate=1.0) as outer:
            with self.layer_faults(lose=1) as inner:
                say(ann, 1, 2)
            say(ann, 3)
        self.assertEqual(ann.receive_all_json(), [2, 2, 3, 3])
        self.assertEqual((len(inner.lost), len(outer.duplicated)), (1, 2))

    def test_what_the_block_raises_is_raised(self) -> None:
        (ann,) = self.enter("ann")
        with self.assertRaises(ZeroDivisionError), self.layer_faults(lose=5):
            say(ann, 1 // 0)
        say(ann, 1)
        self.assertReceivesJson(ann, 1)

    def test_what_is_late_comes_all_the_same(self) -> None:
        (ann,) = self.enter("ann")
        with self.assertRaises(ZeroDivisionError), self.layer_faults(delay=1):
            say(ann, 1)
            self.fail(str(1 // 0))
        self.assertReceivesJson(ann, 1)

    def test_what_the_application_raises_last_ends_the_faults(self) -> None:
        (ann,) = self.enter("ann")
        message = {"type": "no.such.handler"}
        with self.assertRaises(ValueError), self.layer_faults(delay=1):
            say(ann, 1)
            async_to_sync(get_channel_layer().send)("jobs", {"type": "make"})
            async_to_sync(get_channel_layer().send)(ann.channel_name, message)
        self.assertEqual(len(self.channel_layer.sent), 3)
        with self.layer_faults(lose=1):
            Channel("others").send({"type": "make"})

    def test_each_block_is_entered_once(self) -> None:
        block = self.layer_faults(lose=1)
        with block:
            Channel("jobs").send({"type": "make"})
        text = "This block of layer_faults(lose=1) was entered before"
        with self.assertRaisesMessage(RuntimeError, text), block:
            self.fail("It was entered.")

    def test_it_says_what_it_has_done(self) -> None:
        with self.layer_faults(lose=0.5, seed=3, alias="other") as faults:
            text = "layer_faults(lose=0.5, seed=3, alias='other')"
            self.assertEqual(str(faults), f"{text} has done nothing so far.")
            for _ in range(4):
                Channel("jobs", alias="other").send({"type": "make"})
        count = len(faults.lost)
        self.assertEqual(repr(faults), f"<{text}: {count} faults>")
        line = "\n  lost: 'make' to channel 'jobs'"
        self.assertEqual(str(faults), f"{text} has made these faults:{line * count}")

    def test_a_call_without_a_block_fails_the_test(self) -> None:
        class Inner(RoomCase):
            def test(self) -> None:
                self.layer_faults(lose=1)

        (error,) = run_case(Inner).raised
        text = (
            "layer_faults(lose=1) was called and not entered, so it did nothing: write"
            " 'with self.layer_faults(...):'."
        )
        self.assertEqual((type(error), str(error)), (RuntimeError, text))

    def test_a_block_in_setup_says_nothing_after_a_failure(self) -> None:
        class Inner(RoomCase):
            def setUp(self) -> None:
                block = self.layer_faults(lose=1)
                block.__enter__()
                self.addCleanup(block.__exit__, None, None, None)

            def test(self) -> None:
                self.fail("Of the test.")

        (text,) = run_case(Inner).texts
        self.assertIn("Of the test.", text)

    def test_other_settings_have_other_layers(self) -> None:
        text = "layer_faults(lose=1) has lost nothing: nothing was sent in the block."
        layers = {"default": {"BACKEND": "any"}}
        with self.assertRaisesMessage(AssertionError, text):
            with self.layer_faults(lose=1), override_settings(CHANNEL_LAYERS=layers):
                Channel("jobs").send({"type": "make"})

    def test_what_a_predicate_raises_fails_the_block(self) -> None:
        (ann,) = self.enter("ann")
        with self.assertRaises(KeyError), self.layer_faults(lose=_raise_key_error):
            say(ann, 1)
        with self.assertRaises(KeyError), self.layer_faults(lose=_raise_key_error):
            # Whoever sends may catch it.
            with self.assertRaises(KeyError):
                Channel("jobs").send({"type": "make"})

    def test_a_predicate_that_does_not_return_is_cut(self) -> None:
        def wait(message: dict[str, Any]) -> bool:
            while True:
                pass

        class Inner(RoomCase):
            hang_timeout = 0.1

            def test(self) -> None:
                (ann,) = self.enter("ann")
                with self.layer_faults(lose=wait):
                    say(ann, 1)

        with contextlib.redirect_stderr(io.StringIO()):
            (error,) = run_case(Inner).raised
        self.assertIsInstance(error, HangError)

    def test_blocks_may_end_in_another_order(self) -> None:
        with contextlib.ExitStack() as first, contextlib.ExitStack() as second:
            one = first.enter_context(self.layer_faults(lose=1))
            other = second.enter_context(self.layer_faults(lose=1))
            Channel("jobs").send({"type": "make"})
            Channel("jobs").send({"type": "make"})
            first.close()
        Channel("jobs").send({"type": "make"})
        self.assertEqual((len(one.lost), len(other.lost)), (1, 1))
        self.assertSent("jobs", count=3)

    def test_threads_meet_as_many_as_were_asked_for(self) -> None:
        (ann,) = self.enter("ann")
        layer = get_channel_layer()

        def send() -> None:
            for number in range(20):
                message = {"type": "room.message", "content": number}
                async_to_sync(layer.group_send)("room-1", message)

        with self.layer_faults(lose=15) as faults:
            threads = [threading.Thread(target=send) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(len(faults.lost), 15)
        self.assertEqual(len(ann.receive_all_json()), 65)

    def test_a_group_that_nobody_is_in(self) -> None:
        text = "layer_faults(lose=1, group='lobby') has lost nothing: group 'lobby' had"
        with self.assertRaisesMessage(AssertionError, text):
            with self.layer_faults(lose=1, group="lobby"):
                Group("lobby").send({"type": "make"})
        text = "layer_faults(lose=1) has lost nothing: no message had a receiver."
        with self.assertRaisesMessage(AssertionError, text):
            with self.layer_faults(lose=1):
                Group("lobby").send({"type": "make"})


def _raise_key_error(message: dict[str, Any]) -> bool:
    return bool(message["no such key"])


class FullTests(SimpleTestCase):
    def test_what_comes_late_to_a_full_channel_is_dropped(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            def test(self) -> None:
                layers = {"default": {"BACKEND": "any", "CONFIG": {"capacity": 1}}}
                with override_settings(CHANNEL_LAYERS=layers):
                    Group("lobby").add("jobs")
                    with self.layer_faults(delay=1):
                        Group("lobby").send({"type": "first"})
                        Group("lobby").send({"type": "second"})
                    first, second = self.channel_layer.sent
                    self.assertEqual(first.dropped, ("jobs",))
                    self.assertEqual(first.receivers, ())
                    self.assertEqual(second.receivers, ("jobs",))

        result = run_case(Inner)
        (text,) = result.texts
        self.assertIn("A message to group 'lobby' was dropped", text)


class MisuseTests(RoomCase):
    def assert_refused(self, kind: type[Exception], text: str, **options: Any) -> None:
        with self.subTest(text), self.assertRaisesMessage(kind, text):
            self.layer_faults(**options)

    def test_numbers_and_shares(self) -> None:
        for value in (True, "1", None.__class__, 1j, {"type": "make"}, _wait, _Waits()):
            self.assert_refused(TypeError, "give a number of deliveries,", lose=value)
        for value in (0, -1):
            self.assert_refused(ValueError, "give 1 or more", delay=value)
        for share in (0.0, 1.5, -0.5, float("nan")):
            self.assert_refused(ValueError, "a share is more than 0.0", lose=share)
        self.assert_refused(TypeError, "give a number of calls", error="1")

    def test_times(self) -> None:
        self.assert_refused(TypeError, "give delay= as well", lose=1, by=5)
        self.assert_refused(TypeError, "by='5'", delay=1, by="5")
        for by in (-1, float("inf"), float("nan")):
            self.assert_refused(ValueError, "0 or more", delay=1, by=by)

    def test_exceptions(self) -> None:
        text = "raises=OSError) says what a call raises: give error= as well."
        self.assert_refused(TypeError, text, lose=1, raises=OSError)
        text = "layer_faults() takes an exception once"
        self.assert_refused(TypeError, text, error=OSError, raises=OSError)
        text = "give an exception or its class"
        self.assert_refused(TypeError, text, error=1, raises="gone")
        text = "raises=UnicodeDecodeError): this class takes more than a text"
        self.assert_refused(TypeError, text, error=UnicodeDecodeError)
        text = "give one of them"
        self.assert_refused(TypeError, text, error=1, group="a", channel="b")

    def test_others(self) -> None:
        self.assert_refused(TypeError, "seed='a'): give an int", lose=0.5, seed="a")
        self.assert_refused(TypeError, "5 is not a group.", lose=1, group=5)
        self.assert_refused(TypeError, "5 is not a channel.", lose=1, channel=5)
        self.assert_refused(Exception, "CHANNEL_LAYERS has no 'x'", lose=1, alias="x")

    def test_a_real_layer_delivers_as_it_does(self) -> None:
        class Inner(RoomCase):
            layer_source = "configured"

            def test(self) -> None:
                self.layer_faults(lose=1)

        with override_settings(CHANNEL_LAYERS=REAL):
            (error,) = run_case(Inner).raised
        self.assertIsInstance(error, ValueError)
        text = "layer_faults(): channel layer 'default' is a real one in this test"
        self.assertIn(text, str(error))


async def _wait(message: dict[str, Any]) -> bool:
    return True


class _Waits:
    async def __call__(self, message: dict[str, Any]) -> bool:
        return True


class ExploredTests(WebsocketTestCase):
    application = ROOMS
    orders: ClassVar[set[tuple[int, ...]]] = set()
    shares: ClassVar[list[float]] = []

    @explore_schedules(30)
    def test_what_is_late_comes_in_any_order(self) -> None:
        ann = self.connect("/ws/room/1/")
        with self.layer_faults(delay=1, by=1):
            ann.send_json(1)
        with self.layer_faults(delay=1, by=1):
            ann.send_json(2)
        self.advance(1)
        self.orders.add(tuple(ann.receive_all_json()))

    def say_both(self) -> Any:
        """Let two clients speak at the same time; return one of them."""
        ann, ben = self.connect_many(2, "/ws/room/1/")
        ann.send_json(1)
        ben.send_json(2)
        return ann

    @explore_schedules(10, sends_overlap=True)
    def test_chance_finds_something_in_the_usual_order(self) -> None:
        share = 0.001 if self.shares else 1.0
        self.shares.append(share)
        with self.layer_faults(lose=share):
            self.say_both()

    @explore_schedules(10, sends_overlap=True)
    def test_what_is_late_comes_at_the_end_of_the_block(self) -> None:
        with self.layer_faults(delay=1):
            ann = self.say_both()
        self.assertEqual(sorted(ann.receive_all_json()), [1, 2])

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        if cls.orders not in (set(), {(1, 2), (2, 1)}):
            raise AssertionError(f"Not explored: {cls.orders}")
