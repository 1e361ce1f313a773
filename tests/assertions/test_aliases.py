"""Texts of a test whose messages and groups are on another alias."""

from __future__ import annotations

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from channels_testkit import Channel, Group, SimpleWebsocketTestCase

JOB = {"type": "job"}


class EventsConsumer(AsyncJsonWebsocketConsumer):
    """Joins a group on another alias than the default one."""

    channel_layer_alias = "other"
    groups = ("events",)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.channel_layer.group_send(content["to"], {"type": "event"})

    async def event(self, message: Any) -> None:
        await self.send_json(message)


class AliasTests(SimpleWebsocketTestCase):
    application = EventsConsumer.as_asgi()
    ws_path = "/"

    def assertFails(self, text: str, call: Any, *args: Any, **options: Any) -> None:
        with self.assertRaises(AssertionError) as caught:
            call(*args, **options)
        # Who has sent what is for test_senders to compare.
        lines = str(caught.exception).split("\n")
        told = [line for line in lines if "by the test, in " not in line]
        self.assertEqual(told, text.split("\n"))

    def test_a_member_of_a_group_on_another_alias(self) -> None:
        ann = self.connect(name="ann")
        self.assertFails(
            "ann (/) is not in group 'events' on alias 'default'.\n"
            "Groups on alias 'default' that it is in: none.\n"
            "On alias 'other' it is in group 'events': give alias='other'.",
            self.assertInGroup,
            ann,
            "events",
        )
        self.assertFails(
            "ann (/) is in group 'events' on alias 'other'.",
            self.assertNotInGroup,
            ann,
            "events",
            alias="other",
        )

    def test_members_of_a_group_on_another_alias(self) -> None:
        ann = self.connect(name="ann")
        self.assertFails(
            "Group 'events' on alias 'default' does not have the expected members.\n"
            "Not in it: ann (/).\n"
            "On alias 'other' it has these members: give alias='other'.",
            self.assertGroupMembers,
            "events",
            [ann],
        )
        self.assertGroupMembers("events", [ann], alias="other")

    def test_a_message_that_was_sent_on_another_alias(self) -> None:
        Channel("jobs", "other").send(JOB)
        self.assertFails(
            "Nothing was sent to channel 'jobs' on alias 'default'.\n"
            "Channels on alias 'default' that were sent to: none.\n"
            "On alias 'other' it was sent: give alias='other'.",
            self.assertSent,
            "jobs",
            JOB,
        )

    def test_a_message_to_a_group_that_was_sent_on_another_alias(self) -> None:
        Group("events", "other").send(JOB)
        Group("events").send({"type": "other"})
        self.assertFails(
            "No message to group 'events' on alias 'default' matches; the nearest"
            " differs at 'type': expected 'job', received 'other'.\n"
            "\n"
            "Expected: {'type': 'job'}\n"
            "Nearest:  {'type': 'other'}\n"
            "\n"
            "Sent to group 'events' on alias 'default':\n"
            "     1  'events' {'type': 'other'}\n"
            "On alias 'other' it was sent: give alias='other'.",
            self.assertGroupSent,
            "events",
            JOB,
        )

    def test_of_another_alias_a_block_sees_only_what_it_has_sent(self) -> None:
        Channel("jobs", "other").send(JOB)
        with (
            self.assertRaisesRegex(AssertionError, "were sent to: none.$"),
            self.assertSent("jobs", JOB),
        ):
            pass
        with (
            self.assertRaisesRegex(AssertionError, "On alias 'other' it was sent"),
            self.assertSent("jobs", JOB),
        ):
            Channel("jobs", "other").send(JOB)

    def test_a_sequence_that_was_sent_on_another_alias(self) -> None:
        Channel("jobs", "other").send(JOB)
        self.assertFails(
            "Message 1 of the sequence was not sent.\n"
            "\n"
            "Expected: {'type': 'job'}\n"
            "\n"
            "Sent to all channels and groups on alias 'default':\n"
            "On alias 'other' it was sent: give alias='other'.",
            self.assertSentInOrder,
            JOB,
        )

    def test_silence_that_another_alias_does_not_break(self) -> None:
        Channel("jobs", "other").send(JOB)
        self.assertNothingSent("jobs")
        self.assertFails(
            "1 message was sent to any channel on alias 'other', expected none.\n"
            "\n"
            "Sent to any channel on alias 'other':\n"
            "     1  'jobs' {'type': 'job'}",
            self.assertNothingSent,
            alias="other",
        )

    def test_a_message_that_a_channel_of_another_alias_holds(self) -> None:
        Channel("jobs", "other").send(JOB)
        Channel("mails").send(JOB)
        self.assertFails(
            "Expected a message on channel 'jobs' on alias 'default', got none.\n"
            "Channels on alias 'default' that hold messages: mails: 1.\n"
            "On alias 'other' it holds 1 message: give alias='other'.",
            self.get_next_message,
            "jobs",
            require=True,
        )

    def test_a_group_whose_members_are_on_another_alias(self) -> None:
        ann = self.connect()
        Group("events").send({"type": "event"})
        with self.assertRaises(AssertionError) as caught:
            ann.receive_json()
        self.assertRegex(
            str(caught.exception).splitlines()[2],
            r"^Group 'events' on alias 'default' had no members when a message was sent"
            r" to it at test_aliases.py:\d+\. It has members on alias 'other'\.$",
        )

    def test_the_alias_is_not_named_where_only_the_default_one_is_used(self) -> None:
        Channel("mails").send(JOB)
        self.assertFails(
            "Nothing was sent to channel 'jobs'.\nChannels that were sent to: 'mails'.",
            self.assertSent,
            "jobs",
        )

    def test_another_alias_is_always_named(self) -> None:
        self.assertFails(
            "Nothing was sent to group 'events' on alias 'other'.\n"
            "Groups on alias 'other' that were sent to: none.",
            self.assertGroupSent,
            "events",
            alias="other",
        )
