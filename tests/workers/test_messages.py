from __future__ import annotations

from typing import Any

from channels.exceptions import ChannelFull
from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase, override_settings

from channels_testkit import (
    Channel,
    Group,
    Message,
    SimpleChannelTestCase,
    SimpleWebsocketTestCase,
)
from channels_testkit.workers.messages import channel_name
from tests.app.asgi import websocket_application
from tests.app.consumers import EchoConsumer

SMALL_LAYER = {
    "default": {
        "BACKEND": "channels.layers.InMemoryChannelLayer",
        "CONFIG": {"capacity": 1},
    }
}


class ChannelTests(SimpleChannelTestCase):
    def test_a_message_is_taken_off_in_order(self) -> None:
        Channel("input").send({"type": "square", "value": 1})
        Channel("input").send({"type": "square", "value": 2})
        self.assertEqual(self.get_next_message("input")["value"], 1)
        self.assertEqual(self.get_next_message("input")["value"], 2)
        self.assertIsNone(self.get_next_message("input"))

    def test_a_message_belongs_to_the_alias_it_was_sent_on(self) -> None:
        Channel("input", alias="other").send({"type": "square"})
        self.assertIsNone(self.get_next_message("input"))
        message = self.get_next_message("input", alias="other", require=True)
        self.assertEqual(message.channel, Channel("input", alias="other"))
        self.assertIs(message.channel_layer, self.channel_layers["other"])

    def test_the_content_is_copied_when_it_is_sent(self) -> None:
        content = {"type": "square", "values": [1]}
        Channel("input").send(content)
        content["values"].append(2)
        self.assertEqual(self.get_next_message("input")["values"], [1])

    def test_a_message_can_be_sent_on(self) -> None:
        Channel("input").send({"type": "square", "value": 3})
        Channel("copy").send(self.get_next_message(Channel("input"), require=True))
        copy = self.get_next_message("copy")
        self.assertEqual(copy, {"type": "square", "value": 3})
        self.assertEqual(copy.channel.name, "copy")

    def test_what_is_no_dict_is_refused(self) -> None:
        for target in (Channel("input"), Group("lobby")):
            with self.subTest(target=target), self.assertRaises(TypeError) as caught:
                target.send("square")  # type: ignore[arg-type]
            self.assertEqual(
                str(caught.exception), "A message is a dict, not 'square'."
            )

    def test_an_unknown_alias_is_named_with_those_there_are(self) -> None:
        with self.assertRaises(ImproperlyConfigured) as caught:
            Channel("input", alias="othr").send({"type": "square"})
        self.assertEqual(
            str(caught.exception),
            "CHANNEL_LAYERS has no 'othr', only 'default', 'other'; add one, or use"
            " override_settings(CHANNEL_LAYERS=...).",
        )

    @override_settings(CHANNEL_LAYERS=SMALL_LAYER)
    def test_a_full_channel_raises_at_the_sender(self) -> None:
        Channel("input").send({"type": "square"})
        with self.assertRaises(ChannelFull):
            Channel("input").send({"type": "square"})

    def test_immediately_is_accepted(self) -> None:
        Channel("input").send({"type": "square"}, immediately=True)
        Group("lobby").send({"type": "hello"}, immediately=True)
        self.assertEqual(self.get_next_message("input"), {"type": "square"})

    def test_a_name_can_be_bytes(self) -> None:
        Channel(b"input").send({"type": "square"})
        self.assertEqual(str(self.get_next_message("input").channel), "input")

    async def test_it_is_sent_from_an_async_test(self) -> None:
        await Channel("input").asend({"type": "square"})
        self.assertEqual(self.get_next_message("input"), {"type": "square"})

    async def test_the_sync_call_names_its_twin_in_an_async_test(self) -> None:
        with self.assertRaises(RuntimeError) as caught:
            Channel("input").send({"type": "square"})
        self.assertEqual(
            str(caught.exception),
            "A sync call in an async test: write 'await Channel(...).asend(...)'.",
        )


class ChannelOutsideTests(SimpleTestCase):
    def test_it_works_only_in_the_test_cases_of_the_kit(self) -> None:
        with override_settings(CHANNEL_LAYERS={}):
            with self.assertRaises(ImproperlyConfigured):
                Channel("input").send({"type": "square"})
        with self.assertRaises(ValueError) as caught:
            Channel("input").send({"type": "square"})
        self.assertEqual(
            str(caught.exception),
            "Channel layer 'default' is not captive in this test: add it to"
            " test_channel_aliases.",
        )


class ValueTests(SimpleTestCase):
    def test_channels_and_groups_are_values(self) -> None:
        self.assertEqual(Channel("a"), Channel("a"))
        self.assertNotEqual(Channel("a"), Channel("a", alias="other"))
        self.assertNotEqual(Channel("a"), Group("a"))
        self.assertEqual(len({Channel("a"), Channel("a"), Group("a")}), 2)
        self.assertEqual(repr(Group("a")), "Group('a', alias='default')")

    def test_a_message_is_a_dict_that_tells_where_it_was(self) -> None:
        message = Message({"type": "square", "reply_channel": "answers"}, "input")
        self.assertEqual(message, {"type": "square", "reply_channel": "answers"})
        self.assertIs(type(message.content), dict)
        self.assertEqual(message.reply_channel, Channel("answers"))
        self.assertEqual(
            repr(message),
            "<Message on 'input' (default):"
            " {'type': 'square', 'reply_channel': 'answers'}>",
        )

    def test_a_message_without_reply_channel_has_none(self) -> None:
        self.assertIsNone(Message({"type": "square"}, "input").reply_channel)
        empty = Message({"type": "square", "reply_channel": ""}, "input")
        self.assertIsNone(empty.reply_channel)

    def test_a_copy_is_deep_and_knows_its_channel(self) -> None:
        message = Message({"values": [1]}, "input", "other")
        copy = message.copy()
        copy["values"].append(2)
        self.assertEqual(message, {"values": [1]})
        self.assertEqual(copy.channel, Channel("input", "other"))

    def test_what_has_no_channel_is_refused(self) -> None:
        for value in (None, 1, object):
            with self.subTest(value=value), self.assertRaises(TypeError) as caught:
                channel_name(value)
            self.assertEqual(
                str(caught.exception),
                "A channel is given as a name, a Channel, a client or a communicator,"
                f" not {value!r}.",
            )


class GroupTests(SimpleWebsocketTestCase):
    application: Any = EchoConsumer.as_asgi()
    ws_path = "/"

    def test_every_member_gets_the_message(self) -> None:
        Group("lobby").add("ann")
        Group("lobby").add(Channel("ben"))
        Group("lobby").send({"type": "hello"})
        self.assertEqual(self.get_next_message("ann"), {"type": "hello"})
        self.assertEqual(self.get_next_message("ben"), {"type": "hello"})

    def test_who_was_discarded_gets_nothing(self) -> None:
        Group("lobby").add("ann")
        Group("lobby").discard("ann")
        Group("lobby").send({"type": "hello"})
        self.assertIsNone(self.get_next_message("ann"))

    def test_a_client_is_a_member_by_its_channel(self) -> None:
        ann = self.connect()
        Group("lobby").add(ann)
        self.assertInGroup(ann, "lobby")
        Group("lobby").discard(ann)
        self.assertNotInGroup(ann, "lobby")

    async def test_the_twins_do_the_same(self) -> None:
        ann = await self.aconnect()
        await Group("lobby").aadd(ann)
        self.assertGroupMembers("lobby", [ann])
        await Group("lobby").adiscard(ann)
        self.assertGroupMembers("lobby", [])
        await Group("lobby").aadd("ben")
        await Group("lobby").asend({"type": "hello"})
        self.assertEqual(self.get_next_message("ben"), {"type": "hello"})


class ReceiverTests(SimpleWebsocketTestCase):
    application: Any = websocket_application
    ws_path = "/ws/room/1/"

    def test_a_group_that_consumers_joined_hears_the_test(self) -> None:
        ann, ben = self.connect_many(2)
        Group("room-1").send({"type": "room.message", "content": {"text": "hello"}})
        self.assertAllReceive([ann, ben], {"text": "hello"})
