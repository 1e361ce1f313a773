"""``groups`` and ``channels`` of a layer, read as projects read them."""

from __future__ import annotations

import asyncio
import copy
import threading
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer
from channels.layers import InMemoryChannelLayer
from django.test import SimpleTestCase

from channels_testkit import SimpleWebsocketTestCase
from channels_testkit.layers.captive import CaptiveChannelLayer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MESSAGE = {"type": "a.message"}


class Clock:
    """A clock that stands still until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def receiver(layer: Any, channel: str) -> asyncio.Task[Any]:
    """Return a task that waits on a channel already."""
    task = asyncio.create_task(layer.receive(channel))
    await asyncio.sleep(0)
    return task


class SameAsInMemoryTests(SimpleTestCase):
    """What is read is what InMemoryChannelLayer has."""

    async def each_layer(self, use: Callable[[Any], Awaitable[list[Any]]]) -> None:
        captive, in_memory = CaptiveChannelLayer(), InMemoryChannelLayer()
        self.assertEqual(await use(captive), await use(in_memory))

    async def test_groups(self):
        async def use(layer: Any) -> list[Any]:
            seen: list[Any] = [layer.groups == {}, bool(layer.groups)]
            for group, channel in [("room", "ann"), ("room", "ben"), ("hall", "ann")]:
                await layer.group_add(group, channel)
            seen += [
                "room" in layer.groups,
                "ann" in layer.groups["room"],
                "cem" in layer.groups["room"],
                len(layer.groups["room"]),
                next(iter(layer.groups["room"])),
                list(layer.groups["room"].keys()),
                len(layer.groups["room"].items()),
                list(layer.groups),
                len(layer.groups),
                layer.groups.get("nowhere"),
                len(layer.groups.get("nowhere", {}).items()),
                [(name, list(it)) for name, it in layer.groups.copy().items()],
            ]
            await layer.group_discard("hall", "ann")
            seen += ["hall" in layer.groups, list(layer.groups)]
            del layer.groups["room"]
            return [*seen, layer.groups == {}, not layer.groups]

        await self.each_layer(use)

    async def test_an_unknown_group_is_a_key_error(self):
        async def use(layer: Any) -> list[Any]:
            with self.assertRaises(KeyError) as caught:
                layer.groups["room"]
            with self.assertRaises(KeyError):
                del layer.groups["room"]
            return [str(caught.exception)]

        await self.each_layer(use)

    async def test_members_are_compared(self):
        async def use(layer: Any) -> list[Any]:
            await layer.group_add("room", "ann")
            members = layer.groups["room"]
            return [
                members == {},
                members == dict(members),
                dict(members) == members,
                layer.groups == {"room": dict(members)},
                layer.groups == {"hall": dict(members)},
            ]

        await self.each_layer(use)

    async def test_groups_in_hand_follow_the_layer(self):
        async def use(layer: Any) -> list[Any]:
            groups = layer.groups
            await layer.group_add("room", "ann")
            members = groups["room"]
            await layer.group_add("room", "ben")
            return [list(groups), list(members)]

        await self.each_layer(use)

    async def test_members_and_groups_are_taken_away(self):
        async def use(layer: Any) -> list[Any]:
            for group, channel in [("room", "ann"), ("room", "ben"), ("hall", "ann")]:
                await layer.group_add(group, channel)
            del layer.groups["room"]["ann"]
            layer.groups["room"].pop("nobody", None)
            seen: list[Any] = [list(layer.groups["room"])]
            layer.groups.pop("nowhere", None)
            layer.groups.clear()
            await layer.group_send("room", MESSAGE)
            return [*seen, layer.groups == {}, layer.channels == {}]

        await self.each_layer(use)

    async def test_channels(self):
        async def use(layer: Any) -> list[Any]:
            seen: list[Any] = [layer.channels == {}, bool(layer.channels)]
            for channel in ("mail", "jobs", "jobs"):
                await layer.send(channel, MESSAGE)
            seen += [
                list(layer.channels),
                len(layer.channels),
                "mail" in layer.channels,
                layer.channels.get("nobody"),
                layer.channels["jobs"].qsize(),
                layer.channels["jobs"].empty(),
            ]
            await layer.receive("mail")
            return [*seen, "mail" in layer.channels, list(layer.channels)]

        await self.each_layer(use)

    async def test_a_channel_that_is_waited_on_is_there(self):
        async def use(layer: Any) -> list[Any]:
            name = await layer.new_channel()
            task = await receiver(layer, name)
            queue = layer.channels[name]
            seen = [
                list(layer.channels.keys()) == [name],
                queue.qsize(),
                queue.empty(),
            ]
            with self.assertRaises(asyncio.QueueEmpty):
                queue.get_nowait()
            await layer.send(name, MESSAGE)
            seen += [await task, name in layer.channels, layer.channels == {}]
            task = await receiver(layer, name)
            task.cancel()
            await asyncio.wait([task])
            return [*seen, name in layer.channels]

        await self.each_layer(use)

    async def test_an_unknown_channel_is_a_key_error(self):
        async def use(layer: Any) -> list[Any]:
            with self.assertRaises(KeyError) as caught:
                layer.channels["jobs"]
            with self.assertRaises(KeyError):
                layer.channels.pop("jobs")
            return [str(caught.exception)]

        await self.each_layer(use)

    async def test_messages_are_taken_away(self):
        async def use(layer: Any) -> list[Any]:
            for channel in ("mail", "jobs", "jobs", "post"):
                await layer.send(channel, MESSAGE)
            _, message = layer.channels["jobs"].get_nowait()
            seen = [message, layer.channels["jobs"].qsize()]
            layer.channels.pop("mail", None)
            layer.channels.pop("mail", None)
            del layer.channels["post"]
            seen += [list(layer.channels)]
            layer.channels.clear()
            return [*seen, layer.channels == {}]

        await self.each_layer(use)

    async def test_flush_empties_both(self):
        async def use(layer: Any) -> list[Any]:
            await layer.group_add("room", "ann")
            await layer.send("jobs", MESSAGE)
            await layer.flush()
            return [layer.groups == {}, layer.channels == {}]

        await self.each_layer(use)


class OurOwnTests(SimpleTestCase):
    """What a captive layer has besides."""

    def setUp(self):
        self.clock = Clock()
        self.layer = CaptiveChannelLayer(
            expiry=60, group_expiry=600, clock=self.clock, alias="default"
        )

    def test_groups_can_be_called(self):
        async_to_sync(self.layer.group_add)("room", "ann")
        self.assertEqual(self.layer.groups(), {"room": ("ann",)})

    def test_a_member_comes_with_the_time_it_joined(self):
        async_to_sync(self.layer.group_add)("room", "ann")
        self.clock.now += 5
        async_to_sync(self.layer.group_add)("room", "ben")
        expected = {"room": {"ann": 1000.0, "ben": 1005.0}}
        self.assertEqual(self.layer.groups, expected)
        self.assertEqual(repr(self.layer.groups), repr(expected))
        self.assertEqual(repr(self.layer.groups["room"]), repr(expected["room"]))

    def test_a_membership_that_has_expired_is_not_there(self):
        async_to_sync(self.layer.group_add)("room", "ann")
        members = self.layer.groups["room"]
        self.clock.now += 600
        self.assertNotIn("room", self.layer.groups)
        self.assertEqual(len(members), 0)

    def test_a_channel_shows_what_it_holds(self):
        for _ in range(2):
            async_to_sync(self.layer.send)("jobs", MESSAGE)
        self.assertEqual(repr(self.layer.channels), "{'jobs': <2 messages>}")
        self.layer.channels["jobs"].get_nowait()
        self.assertEqual(repr(self.layer.channels), "{'jobs': <1 message>}")

    async def test_receivers_go_on_waiting_when_channels_are_cleared(self):
        task = await receiver(self.layer, "jobs")
        self.layer.channels.clear()
        await self.layer.send("jobs", MESSAGE)
        self.assertEqual(await task, MESSAGE)

    def test_nobody_joins_by_an_assignment(self):
        expected = (
            "Members join a group by a call: write"
            ' \'await layer.group_add("room", "ann")\', or'
            ' \'async_to_sync(layer.group_add)("room", "ann")\' in sync code.'
        )
        with self.assertRaisesMessage(TypeError, expected):
            self.layer.groups["room"] = {"ann": 0.0}
        async_to_sync(self.layer.group_add)("room", "ben")
        with self.assertRaisesMessage(TypeError, expected):
            self.layer.groups["room"]["ann"] = 0.0

    def test_nothing_is_sent_by_an_assignment(self):
        expected = (
            "Messages are put on a channel by a call: write"
            " 'await layer.send(\"jobs\", {...})', or"
            " 'async_to_sync(layer.send)(\"jobs\", {...})' in sync code."
        )
        with self.assertRaisesMessage(TypeError, expected):
            self.layer.channels["jobs"] = asyncio.Queue()

    def test_layers_are_emptied_by_an_assignment(self):
        async_to_sync(self.layer.group_add)("room", "ann")
        async_to_sync(self.layer.send)("jobs", MESSAGE)
        self.layer.groups = {}
        self.layer.channels = {}
        self.assertEqual(self.layer.groups, {})
        self.assertEqual(self.layer.channels, {})

    def test_layers_are_not_filled_by_an_assignment(self):
        async_to_sync(self.layer.group_add)("room", "ben")
        with self.assertRaisesMessage(TypeError, 'group_add("room", "ann")'):
            self.layer.groups = {"room": {"ann": 0.0}}
        with self.assertRaisesMessage(TypeError, 'layer.send("jobs", {...})'):
            self.layer.channels = {"jobs": asyncio.Queue()}
        self.assertEqual(list(self.layer.groups["room"]), ["ben"])

    def test_a_copy_stays_as_it_is(self):
        async_to_sync(self.layer.group_add)("room", "ann")
        before = copy.deepcopy(self.layer.groups)
        async_to_sync(self.layer.group_add)("room", "ben")
        self.assertEqual(before, {"room": {"ann": 1000.0}})

    def test_a_channel_names_the_call_for_what_it_has_not(self):
        async_to_sync(self.layer.send)("jobs", MESSAGE)
        expected = (
            "A channel of a captive layer has qsize(), empty() and get_nowait(), and"
            " no 'get': write 'await layer.receive(\"jobs\")', or"
            " 'async_to_sync(layer.receive)(\"jobs\")' in sync code."
        )
        with self.assertRaisesMessage(AttributeError, expected):
            self.layer.channels["jobs"].get()
        self.assertFalse(hasattr(self.layer.channels["jobs"], "__aiter__"))


class CrowdConsumer(AsyncJsonWebsocketConsumer):
    """Says how many are in the room, which it reads from the layer."""

    groups = ("room",)

    async def connect(self) -> None:
        await self.accept()
        await self.send_json(len(self.channel_layer.groups["room"]))


class SyncCrowdConsumer(JsonWebsocketConsumer):
    """Does the same, in a thread job."""

    groups = ("room",)

    def connect(self) -> None:
        self.accept()
        self.send_json(len(self.channel_layer.groups["room"]))


class InApplicationTests(SimpleWebsocketTestCase):
    """The application reads its layer while it works, as on a server."""

    ws_path = "/"

    def test_consumers_read_groups(self):
        for number, consumer in enumerate((CrowdConsumer, SyncCrowdConsumer), 1):
            ann = self.connect(application=consumer.as_asgi())
            self.assertReceivesJson(ann, number)

    async def test_consumers_read_groups_async(self):
        for number, consumer in enumerate((CrowdConsumer, SyncCrowdConsumer), 1):
            ann = await self.aconnect(application=consumer.as_asgi())
            self.assertReceivesJson(ann, number)

    async def test_the_channel_of_a_consumer_is_the_first(self):
        ann = await self.aconnect(application=CrowdConsumer.as_asgi())
        self.assertEqual(next(iter(self.channel_layer.channels)), ann.channel_name)
        await ann.disconnect()
        self.assertEqual(self.channel_layer.channels, {})

    async def test_a_thread_reads_while_the_application_works(self):
        layer, seen = self.channel_layer, []

        class ThreadConsumer(CrowdConsumer):
            async def connect(self) -> None:
                reader = threading.Thread(target=lambda: seen.append(layer.groups()))
                reader.start()
                reader.join()
                await self.accept()

        ann = await self.aconnect(application=ThreadConsumer.as_asgi())
        self.assertEqual(seen, [{"room": (ann.channel_name,)}])

    async def test_a_test_reads_at_rest(self):
        layer = self.channel_layer
        await self.aconnect(application=CrowdConsumer.as_asgi())
        self.assertEqual(len(layer.groups["room"]), 1)
        working = asyncio.create_task(asyncio.sleep(0))
        for read in (lambda: layer.groups["room"], lambda: list(layer.channels)):
            with self.assertRaisesMessage(RuntimeError, "still working"):
                read()
        await working
