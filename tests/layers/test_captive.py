from __future__ import annotations

import asyncio
import gc
import inspect
import re
import threading
import warnings
from functools import partial
from unittest import mock

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections, transaction
from django.db.utils import ConnectionHandler
from django.test import SimpleTestCase, TestCase, TransactionTestCase, override_settings

from channels_testkit.engine.database import is_in_own_block as in_atomic_block
from channels_testkit.layers.aliases import captive_layer
from channels_testkit.layers.captive import CaptiveChannelLayer
from channels_testkit.layers.sent import Sent

MESSAGE = {"type": "a.message"}


class Clock:
    """A clock that stands still until it is moved."""

    now = 1000.0

    def __call__(self):
        return self.now


def numbered(number):
    return {"type": "a.message", "number": number}


async def turns(count=3):
    """Let everything that is ready run."""
    for _ in range(count):
        await asyncio.sleep(0)


async def receivers(layer, channel, count=1):
    """Tasks that wait on a channel already."""
    tasks = [asyncio.create_task(layer.receive(channel)) for _ in range(count)]
    await turns(1)
    return tasks


async def cancelled(task):
    task.cancel()
    await asyncio.wait([task])


class OtherLoop:
    """A loop that runs in a thread of its own."""

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        return self

    def run(self, coroutine):
        return self.start(coroutine).result(timeout=5)

    def start(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def __exit__(self, *exc_info):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class InMemoryBehaviourTests(SimpleTestCase):
    """What Channels' own tests ask of the in-memory layer."""

    async def test_message_sent_is_received(self):
        layer = CaptiveChannelLayer()
        await layer.send("test-channel-1", {"type": "test.message", "text": "Ahoy"})
        await layer.send("test-channel-1", {"type": "test.message", "text": "hoy"})
        message = await layer.receive("test-channel-1")
        self.assertEqual(message, {"type": "test.message", "text": "Ahoy"})
        self.assertIn("test-channel-1", layer.channels)
        message = await layer.receive("test-channel-1")
        self.assertEqual(message, {"type": "test.message", "text": "hoy"})
        self.assertNotIn("test-channel-1", layer.channels)

    async def test_channel_removed_under_a_receiver_loses_nothing(self):
        layer = CaptiveChannelLayer()
        (task,) = await receivers(layer, "test-channel-1")
        await layer.send("test-channel-1", MESSAGE)
        del layer.channels["test-channel-1"]
        self.assertEqual(await task, MESSAGE)

    async def test_send_to_a_full_channel_raises(self):
        layer = CaptiveChannelLayer(capacity=3)
        for _ in range(3):
            await layer.send("test-channel-1", MESSAGE)
        with self.assertRaisesMessage(ChannelFull, "test-channel-1"):
            await layer.send("test-channel-1", MESSAGE)

    async def test_process_local_channel_delivers(self):
        layer = CaptiveChannelLayer()
        channel = await layer.new_channel()
        await layer.send(channel, MESSAGE)
        self.assertEqual(await layer.receive(channel), MESSAGE)

    async def test_messages_keep_their_order(self):
        layer = CaptiveChannelLayer()
        for number in range(3):
            await layer.send("test-channel-3", numbered(number))
        for number in range(3):
            message = await layer.receive("test-channel-3")
            self.assertEqual(message["number"], number)

    async def test_group_message_reaches_members_only(self):
        layer = CaptiveChannelLayer()
        for number in (1, 2, 3):
            await layer.group_add("test-group", f"test-gr-chan-{number}")
        await layer.group_discard("test-group", "test-gr-chan-2")
        await layer.group_send("test-group", MESSAGE)
        self.assertEqual(await layer.receive("test-gr-chan-1"), MESSAGE)
        self.assertEqual(await layer.receive("test-gr-chan-3"), MESSAGE)
        self.assertIsNone(layer.take("test-gr-chan-2"))

    async def test_group_send_passes_over_a_full_channel(self):
        layer = CaptiveChannelLayer(capacity=3)
        await layer.group_add("test-group", "test-gr-chan-1")
        for _ in range(5):
            await layer.group_send("test-group", MESSAGE)
        self.assertEqual(len(layer.pending("test-gr-chan-1")), 3)

    async def test_message_expires(self):
        clock = Clock()
        layer = CaptiveChannelLayer(expiry=60, clock=clock)
        await layer.send("test-channel-1", MESSAGE)
        self.assertEqual(len(layer.channels), 1)
        clock.now += 60
        (task,) = await receivers(layer, "test-channel-1")
        self.assertFalse(task.done())
        await cancelled(task)
        self.assertEqual(len(layer.channels), 0)

    async def test_unread_channel_is_cleaned_up(self):
        clock = Clock()
        layer = CaptiveChannelLayer(expiry=60, clock=clock)
        await layer.send("test-channel-1", numbered(1))
        clock.now += 60
        await layer.send("test-channel-2", numbered(2))
        self.assertEqual(len(layer.channels), 2)
        self.assertEqual(await layer.receive("test-channel-2"), numbered(2))
        self.assertEqual(len(layer.channels), 0)

    async def test_all_messages_of_a_channel_expire(self):
        clock = Clock()
        layer = CaptiveChannelLayer(expiry=60, clock=clock)
        for number in (1, 2, 3):
            await layer.send("test-channel-1", numbered(number))
        self.assertEqual(await layer.receive("test-channel-1"), numbered(1))
        clock.now += 60
        await layer.send("test-channel-1", numbered(4))
        self.assertEqual(await layer.receive("test-channel-1"), numbered(4))
        self.assertEqual(len(layer.channels), 0)

    async def test_expired_message_takes_its_channel_out_of_its_groups(self):
        clock = Clock()
        layer = CaptiveChannelLayer(expiry=60, clock=clock)
        await layer.group_add("test-group", "idle")
        await layer.group_add("other-group", "idle")
        await layer.group_add("test-group", "busy")
        await layer.group_send("test-group", numbered(1))
        await layer.receive("busy")
        clock.now += 60
        await layer.group_send("test-group", numbered(2))
        self.assertEqual(layer.sent[-1].receivers, ("busy",))
        self.assertEqual(layer.groups(), {"test-group": ("busy",)})
        self.assertEqual(layer.pending("idle"), ())


class ExpiryTests(SimpleTestCase):
    def setUp(self):
        self.clock = Clock()
        self.layer = CaptiveChannelLayer(
            expiry=60, group_expiry=600, capacity=1, clock=self.clock
        )

    def test_message_lives_until_its_time(self):
        async_to_sync(self.layer.send)("jobs", MESSAGE)
        self.clock.now += 59
        self.assertEqual(self.layer.pending("jobs"), (MESSAGE,))
        self.clock.now += 1
        self.assertEqual(self.layer.pending("jobs"), ())

    def test_every_door_finds_expired_messages_gone(self):
        async_to_sync(self.layer.group_add)("chat", "ann")
        async_to_sync(self.layer.send)("ann", MESSAGE)
        self.clock.now += 60
        for door, nothing in [
            (partial(self.layer.take, "ann"), None),
            (partial(self.layer.pending, "ann"), ()),
            (self.layer.pending_counts, {}),
            (partial(self.layer.members, "chat"), ()),
            (self.layer.groups, {}),
            (partial(self.layer.groups_of, "ann"), ()),
        ]:
            self.assertEqual(door(), nothing)

    def test_channel_with_expired_messages_has_room(self):
        async_to_sync(self.layer.send)("jobs", numbered(1))
        self.clock.now += 60
        async_to_sync(self.layer.send)("jobs", numbered(2))
        self.assertEqual(self.layer.pending("jobs"), (numbered(2),))

    def test_message_sent_later_stays(self):
        layer = CaptiveChannelLayer(expiry=60, clock=self.clock)
        async_to_sync(layer.send)("jobs", numbered(1))
        self.clock.now += 30
        async_to_sync(layer.send)("jobs", numbered(2))
        self.clock.now += 30
        self.assertEqual(layer.pending("jobs"), (numbered(2),))

    def test_membership_expires(self):
        async_to_sync(self.layer.group_add)("chat", "ann")
        self.clock.now += 300
        async_to_sync(self.layer.group_add)("chat", "ben")
        self.clock.now += 300
        async_to_sync(self.layer.group_send)("chat", MESSAGE)
        self.assertEqual(self.layer.sent[0].receivers, ("ben",))
        self.assertEqual(self.layer.groups_of("ann"), ())
        self.clock.now += 300
        self.assertEqual(self.layer.groups_of("ben"), ())
        self.assertEqual(self.layer.groups(), {})

    def test_joining_again_prolongs_a_membership(self):
        async_to_sync(self.layer.group_add)("chat", "ann")
        self.clock.now += 300
        async_to_sync(self.layer.group_add)("chat", "ann")
        self.clock.now += 300
        self.assertEqual(self.layer.members("chat"), ("ann",))

    def test_moved_time_expires_nothing(self):
        layer = CaptiveChannelLayer(expiry=60)
        async_to_sync(layer.group_add)("chat", "ann")
        async_to_sync(layer.group_send)("chat", MESSAGE)
        # As the packages do that move time.
        with (
            mock.patch("time.time", return_value=2e9),
            mock.patch("time.monotonic", return_value=2e9),
            mock.patch("time.perf_counter", return_value=2e9),
        ):
            self.assertEqual(layer.pending("ann"), (MESSAGE,))
            self.assertEqual(layer.members("chat"), ("ann",))


class CapacityTests(SimpleTestCase):
    def test_channel_capacity_takes_globs_and_expressions(self):
        patterns = {"http.*": 1, re.compile("^web"): 2}
        for given in (patterns, list(patterns.items())):
            layer = CaptiveChannelLayer(channel_capacity=given, capacity=3)
            for channel, capacity in [("http.a", 1), ("web", 2), ("jobs", 3)]:
                for _ in range(capacity):
                    async_to_sync(layer.send)(channel, MESSAGE)
                with self.assertRaisesMessage(ChannelFull, channel):
                    async_to_sync(layer.send)(channel, MESSAGE)

    def test_message_that_found_no_room_is_not_sent(self):
        layer = CaptiveChannelLayer(capacity=0)
        with self.assertRaises(ChannelFull):
            async_to_sync(layer.send)("jobs", MESSAGE)
        self.assertEqual(layer.sent, [])
        self.assertEqual(layer.pending_counts(), {})

    def test_dropped_group_message_is_recorded(self):
        layer = CaptiveChannelLayer(channel_capacity={"full": 0})
        for channel in ("ann", "full", "ben"):
            async_to_sync(layer.group_add)("chat", channel)
        async_to_sync(layer.group_send)("chat", MESSAGE)
        async_to_sync(layer.send)("ann", MESSAGE)
        (dropped,) = layer.dropped
        self.assertIs(dropped, layer.sent[0])
        self.assertEqual(dropped.receivers, ("ann", "ben"))
        self.assertEqual(dropped.dropped, ("full",))

    async def test_message_for_a_waiting_receiver_needs_no_room(self):
        layer = CaptiveChannelLayer(capacity=0)
        (task,) = await receivers(layer, "jobs")
        await layer.send("jobs", MESSAGE)
        self.assertEqual(await task, MESSAGE)


class MessageTests(SimpleTestCase):
    def test_each_receiver_has_its_own_copy(self):
        for strict in (True, False):
            layer = CaptiveChannelLayer(strict=strict)
            message = {"type": "a.message", "rows": [1]}
            for channel in ("ann", "ben"):
                async_to_sync(layer.group_add)("chat", channel)
            async_to_sync(layer.group_send)("chat", message)
            layer.pending("ben")[0]["rows"].append(2)
            layer.take("ann")["rows"].append(3)
            message["rows"].append(4)
            expected = {"type": "a.message", "rows": [1]}
            self.assertEqual(layer.sent[0].message, expected)
            self.assertEqual(layer.take("ben"), expected)

    def test_strict_layer_delivers_what_redis_would(self):
        layer = CaptiveChannelLayer()
        async_to_sync(layer.send)("jobs", {"size": (1, 2)})
        self.assertEqual(layer.take("jobs"), {"size": [1, 2]})

    def test_strict_layer_refuses_what_redis_would(self):
        layer = CaptiveChannelLayer()
        with self.assertRaises(TypeError) as caught:
            async_to_sync(layer.group_send)("chat", {"rows": [{1}]})
        self.assertEqual(
            str(caught.exception),
            "message['rows'][0] is a set, which a real channel layer cannot carry: "
            "send a list of it. "
            "(strict_messages = False on the test case turns this check off.)",
        )
        self.assertEqual(layer.sent, [])

    def test_layer_with_json_refuses_bytes(self):
        layer = CaptiveChannelLayer(serializer="json")
        with self.assertRaises(TypeError):
            async_to_sync(layer.send)("jobs", {"data": b""})

    def test_layer_that_is_not_strict_copies_what_it_is_given(self):
        layer = CaptiveChannelLayer(strict=False)
        numbers = {1}
        async_to_sync(layer.send)("jobs", {"numbers": numbers, "pair": (1, 2)})
        numbers.add(2)
        self.assertEqual(layer.take("jobs"), {"numbers": {1}, "pair": (1, 2)})

    def test_message_that_is_not_a_dict_is_refused(self):
        layer = CaptiveChannelLayer()
        for method in ("send", "group_send"):
            with self.assertRaises(TypeError) as caught:
                async_to_sync(getattr(layer, method))("chat", "hello")
            self.assertEqual(
                str(caught.exception),
                f"{method}() takes a dict such as {{'type': 'chat.message'}}, "
                "not 'hello'.",
            )

    def test_key_of_channels_redis_is_refused(self):
        layer = CaptiveChannelLayer()
        with self.assertRaises(ValueError) as caught:
            async_to_sync(layer.send)("jobs", {"__asgi_channel__": "a"})
        self.assertEqual(
            str(caught.exception),
            "message['__asgi_channel__'] is a key that channels_redis keeps for "
            "itself: use another.",
        )

    def test_unknown_serializer_is_refused(self):
        with self.assertRaises(ValueError) as caught:
            CaptiveChannelLayer(serializer="yaml")
        self.assertEqual(
            str(caught.exception), "serializer is 'msgpack' or 'json', not 'yaml'."
        )


class NameTests(SimpleTestCase):
    rules = (
        "name must be a valid unicode string with length < 100 containing only "
        "ASCII alphanumerics, hyphens, underscores, or periods, not"
    )

    def test_invalid_channel_name_is_refused(self):
        layer = CaptiveChannelLayer()
        for name in ("no spaces", "a" * 100, b"bytes", None, "two!marks!"):
            for call in (
                lambda name: layer.send(name, MESSAGE),
                layer.receive,
                lambda name: layer.group_add("chat", name),
                lambda name: layer.group_discard("chat", name),
            ):
                with self.assertRaises(TypeError) as caught:
                    asyncio.run(call(name))
                self.assertEqual(
                    str(caught.exception), f"Channel {self.rules} {name!r}."
                )

    def test_invalid_group_name_is_refused(self):
        layer = CaptiveChannelLayer()
        for name in ("no spaces", "a" * 100, b"bytes", None, "specific!1"):
            for call in (
                lambda name: layer.group_send(name, MESSAGE),
                lambda name: layer.group_add(name, "ann"),
                lambda name: layer.group_discard(name, "ann"),
            ):
                with self.assertRaises(TypeError) as caught:
                    asyncio.run(call(name))
                self.assertEqual(str(caught.exception), f"Group {self.rules} {name!r}.")

    def test_new_channels_are_numbered(self):
        layer = CaptiveChannelLayer()
        names = [async_to_sync(layer.new_channel)() for _ in range(2)]
        self.assertEqual(names, ["specific.captive!1", "specific.captive!2"])
        self.assertEqual(async_to_sync(layer.new_channel)("reply"), "reply.captive!3")
        self.assertEqual(
            async_to_sync(CaptiveChannelLayer().new_channel)(), "specific.captive!1"
        )
        async_to_sync(layer.send)(names[0], MESSAGE)


class ReceiverTests(SimpleTestCase):
    """Whoever stops waiting, no message and no other receiver is lost."""

    def setUp(self):
        self.layer = CaptiveChannelLayer()

    async def test_receivers_are_served_in_turn(self):
        first, second = await receivers(self.layer, "jobs", 2)
        self.assertEqual(self.layer.waiting("jobs"), 2)
        await self.layer.send("jobs", numbered(1))
        await self.layer.send("jobs", numbered(2))
        self.assertEqual([await first, await second], [numbered(1), numbered(2)])
        self.assertEqual(self.layer.waiting("jobs"), 0)

    async def test_second_receiver_is_served_when_the_first_is_cancelled(self):
        first, second = await receivers(self.layer, "jobs", 2)
        await cancelled(first)
        self.assertEqual(self.layer.waiting("jobs"), 1)
        await self.layer.send("jobs", MESSAGE)
        self.assertEqual(await second, MESSAGE)

    async def test_receiver_cancelled_before_its_turn_is_passed_over(self):
        first, second = await receivers(self.layer, "jobs", 2)
        first.cancel()
        await self.layer.send("jobs", MESSAGE)
        self.assertEqual(await second, MESSAGE)

    async def test_message_of_a_cancelled_receiver_goes_to_the_next(self):
        first, second = await receivers(self.layer, "jobs", 2)
        send = self.layer.send("jobs", MESSAGE)
        send.send(None)  # delivered; the receiver has not run yet
        first.cancel()
        send.close()
        self.assertEqual(await second, MESSAGE)
        self.assertTrue(first.cancelled())

    async def test_messages_of_cancelled_receivers_go_back_in_order(self):
        tasks = await receivers(self.layer, "jobs", 2)
        for number in range(1, 5):
            send = self.layer.send("jobs", numbered(number))
            send.send(None)
            send.close()
        for task in tasks:
            task.cancel()
        await turns()
        self.assertEqual(
            self.layer.pending("jobs"), tuple(numbered(n) for n in (1, 2, 3, 4))
        )

    async def test_message_that_was_there_goes_back_when_cancelled(self):
        for number in (1, 2):
            await self.layer.send("jobs", numbered(number))
        first, second = await receivers(self.layer, "jobs", 2)
        self.assertEqual(self.layer.pending("jobs"), ())
        second.cancel()
        first.cancel()
        await turns()
        self.assertEqual(self.layer.pending("jobs"), (numbered(1), numbered(2)))

    async def test_timed_out_receivers_leave_nothing_behind(self):
        for _ in range(3):
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(self.layer.receive("jobs"), 0.001)
        self.assertEqual(self.layer.waiting("jobs"), 0)
        await self.layer.send("jobs", MESSAGE)
        self.assertEqual(await self.layer.receive("jobs"), MESSAGE)

    async def test_flush_leaves_receivers_waiting(self):
        await self.layer.group_add("chat", "ann")
        await self.layer.send("ann", MESSAGE)
        (task,) = await receivers(self.layer, "jobs")
        await self.layer.flush()
        self.assertEqual(self.layer.pending_counts(), {})
        self.assertEqual(self.layer.groups(), {})
        self.assertEqual(self.layer.groups_of("ann"), ())
        self.assertFalse(task.done())
        await self.layer.send("jobs", MESSAGE)
        self.assertEqual(await task, MESSAGE)

    async def test_receiver_that_is_collected_gives_its_message_back(self):
        def leave():
            receive = self.layer.receive("jobs")
            receive.send(None)
            send = self.layer.send("jobs", MESSAGE)
            send.send(None)
            send.close()
            self.assertEqual(self.layer.pending("jobs"), ())

        leave()
        gc.collect()
        self.assertEqual(self.layer.pending("jobs"), (MESSAGE,))


class LoopTests(SimpleTestCase):
    """A message finds its receiver on whatever loop, from whatever thread."""

    def setUp(self):
        self.layer = CaptiveChannelLayer()

    def test_message_from_another_thread_arrives(self):
        with OtherLoop() as other:
            task = other.start(self.layer.receive("jobs"))
            other.run(turns())
            async_to_sync(self.layer.send)("jobs", MESSAGE)
            self.assertEqual(task.result(timeout=5), MESSAGE)

    def test_group_message_arrives_on_each_loop(self):
        with OtherLoop() as one, OtherLoop() as two:
            tasks = []
            for other, channel in [(one, "ann"), (two, "ben"), (one, "cleo")]:
                other.run(self.layer.group_add("chat", channel))
                tasks.append(other.start(self.layer.receive(channel)))
                other.run(turns())
            two.run(self.layer.group_send("chat", MESSAGE))
            for task in tasks:
                self.assertEqual(task.result(timeout=5), MESSAGE)

    def test_messages_from_many_threads_all_arrive_in_each_ones_order(self):
        layer = CaptiveChannelLayer(capacity=1000)

        def work(name):
            for number in range(50):
                async_to_sync(layer.send)("jobs", {"from": name, "number": number})

        async def collect():
            return [await layer.receive("jobs") for _ in range(200)]

        with OtherLoop() as other:
            task = other.start(collect())
            threads = [threading.Thread(target=work, args=[name]) for name in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            messages = task.result(timeout=10)
        for name in range(4):
            numbers = [m["number"] for m in messages if m["from"] == name]
            self.assertEqual(numbers, list(range(50)))
        self.assertEqual(len(layer.sent), 200)
        sequences = [sent.sequence for sent in layer.sent]
        self.assertEqual(sequences, sorted(sequences))

    def test_message_for_a_paused_loop_arrives_when_it_goes_on(self):
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        task = loop.create_task(self.layer.receive("jobs"))
        loop.run_until_complete(turns())
        async_to_sync(self.layer.send)("jobs", MESSAGE)
        self.assertEqual(self.layer.pending("jobs"), ())
        self.assertFalse(task.done())
        self.assertEqual(loop.run_until_complete(task), MESSAGE)

    def test_sender_without_a_loop_is_as_good(self):
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        task = loop.create_task(self.layer.receive("jobs"))
        loop.run_until_complete(turns())
        send = self.layer.send("jobs", MESSAGE)
        send.send(None)
        send.close()
        self.assertEqual(loop.run_until_complete(task), MESSAGE)

    def test_message_on_its_way_goes_back_when_the_receiver_is_cancelled(self):
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        task = loop.create_task(self.layer.receive("jobs"))
        loop.run_until_complete(turns())
        async_to_sync(self.layer.send)("jobs", numbered(1))
        async_to_sync(self.layer.send)("jobs", numbered(2))
        task.cancel()
        loop.run_until_complete(asyncio.wait([task]))
        self.assertEqual(self.layer.pending("jobs"), (numbered(1), numbered(2)))

    def test_message_on_its_way_goes_to_a_receiver_on_another_loop(self):
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        task = loop.create_task(self.layer.receive("jobs"))
        loop.run_until_complete(turns())
        with OtherLoop() as other:
            heir = other.start(self.layer.receive("jobs"))
            other.run(turns())
            async_to_sync(self.layer.send)("jobs", MESSAGE)
            loop.run_until_complete(cancelled(task))
            self.assertEqual(heir.result(timeout=5), MESSAGE)

    def test_receiver_on_a_closed_loop_is_passed_over(self):
        loop = asyncio.new_event_loop()
        receive = self.layer.receive("jobs")
        loop.call_soon(receive.send, None)
        loop.run_until_complete(turns())
        loop.close()
        self.assertEqual(self.layer.waiting("jobs"), 0)
        async_to_sync(self.layer.send)("jobs", MESSAGE)
        self.assertEqual(self.layer.pending("jobs"), (MESSAGE,))
        receive.close()
        self.assertEqual(self.layer.pending("jobs"), (MESSAGE,))

    def test_message_goes_back_when_the_loop_closes_under_it(self):
        loop = asyncio.new_event_loop()
        receives = [self.layer.receive(channel) for channel in ("ann", "ben")]
        for receive, channel in zip(receives, ("ann", "ben"), strict=True):
            loop.call_soon(receive.send, None)
            async_to_sync(self.layer.group_add)("chat", channel)
        loop.run_until_complete(turns())

        def closed(*args):
            loop.close()
            return loop.call_soon(*args)

        # The loop closes between the question whether it is closed and this.
        with mock.patch.object(loop, "call_soon_threadsafe", closed):
            async_to_sync(self.layer.group_send)("chat", MESSAGE)
        self.assertEqual(self.layer.pending_counts(), {"ann": 1, "ben": 1})
        for receive in receives:
            receive.close()
        self.assertEqual(self.layer.pending_counts(), {"ann": 1, "ben": 1})


class SuspensionTests(SimpleTestCase):
    """Each method lets the loop go round once, when its work is done."""

    def suspensions(self, coroutine):
        count = 0
        while True:
            try:
                coroutine.send(None)
            except StopIteration as stop:
                return count, stop.value
            count += 1

    def test_each_method_suspends_once(self):
        layer = CaptiveChannelLayer()
        for call, result in [
            (lambda: layer.new_channel(), "specific.captive!1"),
            (lambda: layer.group_add("chat", "ann"), None),
            (lambda: layer.group_send("chat", MESSAGE), None),
            (lambda: layer.group_send("nobody", MESSAGE), None),
            (lambda: layer.group_discard("chat", "ann"), None),
            (lambda: layer.send("ann", MESSAGE), None),
            (lambda: layer.flush(), None),
            (lambda: layer.close(), None),
            (lambda: layer.close_pools(), None),
        ]:
            self.assertEqual(self.suspensions(call()), (1, result))

    async def test_receive_suspends_once_when_a_message_is_there(self):
        layer = CaptiveChannelLayer()
        await layer.send("ann", MESSAGE)
        self.assertEqual(self.suspensions(layer.receive("ann")), (1, MESSAGE))

    def test_message_is_delivered_before_the_sender_suspends(self):
        layer = CaptiveChannelLayer()
        send = layer.send("ann", MESSAGE)
        send.send(None)
        self.assertEqual(layer.pending("ann"), (MESSAGE,))
        send.close()

    async def test_receiver_runs_before_its_sender_goes_on(self):
        layer = CaptiveChannelLayer()
        (task,) = await receivers(layer, "ann")
        await layer.send("ann", MESSAGE)
        self.assertTrue(task.done())


class CoroutineFunctionTests(SimpleTestCase):
    def test_methods_are_coroutine_functions(self):
        layer = CaptiveChannelLayer()
        for name in ("send", "group_send", "receive", "group_add"):
            self.assertTrue(iscoroutinefunction(getattr(layer, name)))
            with mock.patch.object(layer, name) as double:
                self.assertIsInstance(double, mock.AsyncMock)

    def test_calls_are_coroutines(self):
        layer = CaptiveChannelLayer()
        call = layer.send("jobs", MESSAGE)
        self.assertTrue(inspect.iscoroutine(call))
        call.close()

    def test_call_that_is_never_awaited_is_told_by_python(self):
        layer = CaptiveChannelLayer()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            layer.send("jobs", MESSAGE)
            gc.collect()
        self.assertEqual(
            [str(warning.message) for warning in caught],
            ["coroutine 'CaptiveChannelLayer._send' was never awaited"],
        )


class DoorTests(SimpleTestCase):
    def setUp(self):
        self.layer = CaptiveChannelLayer()

    def test_take_takes_messages_in_order(self):
        for number in (1, 2):
            async_to_sync(self.layer.send)("jobs", numbered(number))
        self.assertEqual(self.layer.take("jobs"), numbered(1))
        self.assertEqual(self.layer.take("jobs"), numbered(2))
        self.assertIsNone(self.layer.take("jobs"))

    def test_pending_counts_name_only_channels_that_hold_messages(self):
        for channel in ("jobs", "mail", "jobs"):
            async_to_sync(self.layer.send)(channel, MESSAGE)
        self.layer.take("mail")
        self.assertEqual(self.layer.pending_counts(), {"jobs": 2})

    def test_members_and_groups_are_in_order_of_joining(self):
        for group, channel in [("b", "2"), ("a", "1"), ("b", "1"), ("c", "1")]:
            async_to_sync(self.layer.group_add)(group, channel)
        async_to_sync(self.layer.group_discard)("c", "1")
        async_to_sync(self.layer.group_discard)("never", "1")
        self.assertEqual(self.layer.members("b"), ("2", "1"))
        self.assertEqual(self.layer.members("unknown"), ())
        self.assertEqual(self.layer.groups_of("1"), ("a", "b"))
        self.assertEqual(self.layer.groups_of("unknown"), ())
        self.assertEqual(self.layer.groups(), {"b": ("2", "1"), "a": ("1",)})

    def test_layer_has_a_telling_repr(self):
        layer = CaptiveChannelLayer(alias="default")
        async_to_sync(layer.send)("jobs", MESSAGE)
        self.assertEqual(repr(layer), "<CaptiveChannelLayer 'default': 1 sent>")


class SentTests(SimpleTestCase):
    def test_send_is_recorded(self):
        layer = CaptiveChannelLayer(alias="chat")
        async_to_sync(layer.send)("jobs", MESSAGE)
        (sent,) = layer.sent
        self.assertEqual(
            sent,
            Sent(
                kind="send",
                channel="jobs",
                group=None,
                message=MESSAGE,
                receivers=("jobs",),
                dropped=(),
                sequence=sent.sequence,
                in_atomic_block=False,
                alias="chat",
                sender=mock.ANY,
            ),
        )
        self.assertEqual(
            repr(sent), f"<send {sent.sequence} to 'jobs': {{'type': 'a.message'}}>"
        )

    def test_group_send_is_recorded(self):
        layer = CaptiveChannelLayer(channel_capacity={"full": 0})
        for channel in ("ann", "full"):
            async_to_sync(layer.group_add)("chat", channel)
        async_to_sync(layer.group_send)("chat", MESSAGE)
        (sent,) = layer.sent
        self.assertEqual(
            sent,
            Sent(
                kind="group_send",
                channel=None,
                group="chat",
                message=MESSAGE,
                receivers=("ann",),
                dropped=("full",),
                sequence=sent.sequence,
                in_atomic_block=False,
                sender=mock.ANY,
            ),
        )
        self.assertEqual(
            repr(sent),
            f"<group_send {sent.sequence} to 'chat', 1 received, 1 dropped: "
            "{'type': 'a.message'}>",
        )

    def test_sequence_runs_through_all_layers(self):
        one, two = CaptiveChannelLayer(), CaptiveChannelLayer()
        for layer in (one, two, one):
            async_to_sync(layer.send)("jobs", MESSAGE)
        first, third = one.sent
        (second,) = two.sent
        self.assertLess(first.sequence, second.sequence)
        self.assertLess(second.sequence, third.sequence)


class InAtomicBlockTests(TestCase):
    databases = frozenset({"default"})

    def test_blocks_of_the_test_case_do_not_count(self):
        self.assertTrue(connection.in_atomic_block)
        self.assertFalse(in_atomic_block())

    def test_block_of_the_caller_counts(self):
        with transaction.atomic():
            self.assertTrue(in_atomic_block())
        self.assertFalse(in_atomic_block())

    def test_sender_is_asked_in_its_own_thread(self):
        layer = CaptiveChannelLayer()
        with transaction.atomic():
            async_to_sync(layer.send)("jobs", MESSAGE)
            async_to_sync(layer.group_send)("chat", MESSAGE)
        async_to_sync(layer.send)("jobs", MESSAGE)
        self.assertEqual(
            [sent.in_atomic_block for sent in layer.sent], [True, True, False]
        )

    async def test_sync_code_of_an_async_test_is_asked(self):
        layer = CaptiveChannelLayer()

        @sync_to_async
        @transaction.atomic
        def work():
            async_to_sync(layer.send)("jobs", MESSAGE)

        await work()
        await layer.send("jobs", MESSAGE)
        self.assertEqual([sent.in_atomic_block for sent in layer.sent], [True, False])

    def test_thread_without_connections_gets_none(self):
        seen = []

        def work():
            seen.append(in_atomic_block())
            seen.append(connections.all(initialized_only=True))

        with transaction.atomic():
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        self.assertEqual(seen, [False, []])


class TransactionInAtomicBlockTests(TransactionTestCase):
    def test_every_block_counts(self):
        self.assertFalse(in_atomic_block())
        with transaction.atomic():
            self.assertTrue(in_atomic_block())


class WithoutDatabasesTests(SimpleTestCase):
    def test_project_without_databases_is_in_no_block(self):
        # What Django says of settings that do not have what it needs.
        without = ConnectionHandler({"other": {}})
        with self.assertRaises(ImproperlyConfigured):
            without.all(initialized_only=True)
        with mock.patch("channels_testkit.engine.sharing.connections", without):
            self.assertFalse(in_atomic_block())


@override_settings(
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_testkit.CaptiveChannelLayer",
            "CONFIG": {"capacity": 1, "hosts": ["redis://nowhere"]},
        },
    }
)
class BackendTests(SimpleTestCase):
    def test_layer_is_a_backend_like_others(self):
        layer = get_channel_layer()
        self.assertIs(type(layer), CaptiveChannelLayer)
        self.assertEqual(layer.capacity, 1)
        self.assertEqual(list(layer.extensions), ["groups", "flush"])
        self.assertIs(captive_layer(), layer)
