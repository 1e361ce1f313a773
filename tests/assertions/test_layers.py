from __future__ import annotations

import asyncio
import re
from typing import Any
from unittest.mock import ANY

from asgiref.sync import async_to_sync
from channels.consumer import AsyncConsumer
from channels.layers import get_channel_layer
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.test import override_settings

from channels_testkit import (
    Channel,
    ChannelTestCase,
    Group,
    SimpleChannelTestCase,
    SimpleWebsocketTestCase,
)
from tests.app.asgi import websocket_application


class FailureMixin:
    """Compares the text of a failure whole."""

    def assertFails(self, text: str) -> Any:
        return self.assertRaisesExactly(AssertionError, text)

    def assertRaisesExactly(self, kind: type[Exception], text: str) -> Any:
        # Who has sent what, with lines of this file, is for test_senders.
        sender = r"(?:\n {8}by the test, in .*)?"
        lines = f"{sender}\n".join(map(re.escape, text.split("\n")))
        pattern = f"^{lines}{sender}$"
        return self.assertRaisesRegex(kind, pattern)  # type: ignore[attr-defined]


class AssertSentTests(FailureMixin, SimpleChannelTestCase):
    def send(self, channel: str = "jobs", **fields: object) -> None:
        Channel(channel).send({"type": "job", **fields})

    def test_the_first_match_is_returned(self) -> None:
        self.send(number=1)
        self.send(number=2)
        entry = self.assertSent("jobs", {"type": "job", "number": ANY})
        self.assertEqual(entry.message, {"type": "job", "number": 1})
        self.assertEqual((entry.kind, entry.channel), ("send", "jobs"))

    def test_any_message_will_do_where_none_is_described(self) -> None:
        self.send()
        self.assertSent("jobs")
        self.assertSent(Channel("jobs"))

    def test_a_count_must_be_met_exactly(self) -> None:
        self.send(number=1)
        self.send(number=1)
        self.send(number=2)
        entries = self.assertSent("jobs", {"type": "job", "number": 1}, count=2)
        self.assertEqual([entry.message["number"] for entry in entries], [1, 1])
        self.assertEqual(self.assertSent("jobs", {"type": "other"}, count=0), [])
        with self.assertFails(
            "2 messages to channel 'jobs' match, expected 1.\n"
            "\n"
            "Sent to channel 'jobs':\n"
            "     1  'jobs' {'type': 'job', 'number': 1}\n"
            "     2  'jobs' {'type': 'job', 'number': 1}\n"
            "     3  'jobs' {'type': 'job', 'number': 2}"
        ):
            self.assertSent("jobs", {"type": "job", "number": 1}, count=1)

    def test_one_match_of_two_expected_is_told_in_the_singular(self) -> None:
        self.send()
        with self.assertFails(
            "1 message to channel 'jobs' matches, expected 2.\n"
            "\n"
            "Sent to channel 'jobs':\n"
            "     1  'jobs' {'type': 'job'}"
        ):
            self.assertSent("jobs", count=2)

    def test_a_name_that_is_nearly_right_is_suggested(self) -> None:
        self.send("thumbnails")
        with self.assertFails(
            "Nothing was sent to channel 'thumbnail'.\n"
            "Channels that were sent to: 'thumbnails'.\n"
            "Did you mean 'thumbnails'?"
        ):
            self.assertSent("thumbnail", {"type": "job"})

    def test_a_number_of_messages_and_a_name_that_is_nearly_right(self) -> None:
        self.send("thumbnails")
        with self.assertFails(
            "Nothing was sent to channel 'thumbnail'.\n"
            "Channels that were sent to: 'thumbnails'.\n"
            "Did you mean 'thumbnails'?"
        ):
            self.assertSent("thumbnail", {"type": "job"}, count=2)

    def test_a_number_of_messages_and_none_that_matches(self) -> None:
        self.send(number=1)
        text = "No message to channel 'jobs' matches; the nearest differs at 'number'"
        with self.assertRaisesMessage(AssertionError, text):
            self.assertSent("jobs", {"type": "job", "number": 2}, count=2)

    def test_nothing_sent_at_all_is_said(self) -> None:
        with self.assertFails(
            "Nothing was sent to channel 'jobs'.\nChannels that were sent to: none."
        ):
            self.assertSent("jobs")

    def test_the_nearest_message_and_its_difference_are_shown(self) -> None:
        self.send(user="ben", text="other")
        self.send(user="ann", text="hullo")
        with self.assertFails(
            "No message to channel 'jobs' matches; the nearest differs at 'text':"
            " expected 'hello', received 'hullo'.\n"
            "\n"
            "Expected: {'type': 'job', 'user': 'ann', 'text': 'hello'}\n"
            "Nearest:  {'type': 'job', 'user': 'ann', 'text': 'hullo'}\n"
            "\n"
            "Sent to channel 'jobs':\n"
            "     1  'jobs' {'type': 'job', 'user': 'ben', 'text': 'other'}\n"
            "     2  'jobs' {'type': 'job', 'user': 'ann', 'text': 'hullo'}"
        ):
            self.assertSent("jobs", {"type": "job", "user": "ann", "text": "hello"})

    def test_a_subset_matches_where_it_is_asked_for(self) -> None:
        self.send(user={"id": 1, "name": "ann"})
        self.assertSent("jobs", {"user": {"id": 1}}, partial=True)
        with self.assertRaises(AssertionError):
            self.assertSent("jobs", {"user": {"id": 1}})

    def test_a_predicate_can_be_the_whole_expectation(self) -> None:
        self.send(number=4)
        self.assertSent("jobs", lambda message: message["number"] > 3)
        with self.assertRaises(AssertionError):
            self.assertSent("jobs", lambda message: message["number"] > 4)

    def test_a_tuple_matches_the_list_that_it_becomes(self) -> None:
        self.send(pair=(1, 2))
        self.assertSent("jobs", {"type": "job", "pair": (1, 2)})
        self.assertSent("jobs", {"type": "job", "pair": [1, 2]})

    def test_a_message_of_the_author_stands_on_the_line_of_the_verdict(self) -> None:
        with self.assertFails(
            "Nothing was sent to channel 'jobs' : the worker sleeps\n"
            "Channels that were sent to: none."
        ):
            self.assertSent("jobs", msg="the worker sleeps")

    def test_only_the_last_messages_are_listed(self) -> None:
        for number in range(15):
            self.send(number=number)
        with self.assertRaises(AssertionError) as caught:
            self.assertSent("jobs", count=1)
        lines = str(caught.exception).splitlines()
        self.assertEqual(lines[3], "     ... 3 earlier messages")
        self.assertEqual(lines[4], "     4  'jobs' {'type': 'job', 'number': 3}")
        self.assertEqual(lines[-2], "    15  'jobs' {'type': 'job', 'number': 14}")

    def test_another_alias_is_looked_at_when_it_is_named(self) -> None:
        Channel("jobs", alias="other").send({"type": "job"})
        self.assertSent("jobs", alias="other")
        self.assertNothingSent("jobs")

    def test_an_unknown_alias_is_refused(self) -> None:
        with self.assertRaises(ImproperlyConfigured):
            self.assertSent("jobs", alias="none")

    def test_a_group_message_is_no_channel_message(self) -> None:
        Group("jobs").send({"type": "job"})
        with self.assertRaises(AssertionError):
            self.assertSent("jobs")

    def test_a_message_taken_off_was_still_sent(self) -> None:
        self.send()
        self.get_next_message("jobs", require=True)
        self.assertSent("jobs", count=1)


class BlockTests(FailureMixin, SimpleChannelTestCase):
    def test_a_block_looks_only_at_what_is_sent_inside(self) -> None:
        Group("lobby").send({"type": "hello", "number": 1})
        with self.assertGroupSent("lobby", {"type": "hello"}, partial=True) as sent:
            self.assertEqual(sent, [])
            Group("lobby").send({"type": "hello", "number": 2})
        self.assertEqual([entry.message["number"] for entry in sent], [2])

    def test_what_came_before_a_block_does_not_count(self) -> None:
        Group("lobby").send({"type": "hello"})
        with self.assertFails(
            "Nothing was sent to group 'lobby'.\nGroups that were sent to: none."
        ):
            with self.assertGroupSent("lobby"):
                pass

    def test_every_form_has_a_block(self) -> None:
        with self.assertNothingSent(), self.assertNothingGroupSent("lobby"):
            Group("other").send({"type": "hello"})
        with self.assertSentInOrder({"type": "a"}, {"type": "b"}) as sent:
            Channel("jobs").send({"type": "a"})
            Group("lobby").send({"type": "b"})
        self.assertEqual([entry.message["type"] for entry in sent], ["a", "b"])
        with self.assertSentAfterCommit("jobs") as sent:
            Channel("jobs").send({"type": "a"})
        self.assertEqual(len(sent), 1)
        with self.assertSent("jobs", count=2) as sent:
            Channel("jobs").send({"type": "a"})
            Channel("jobs").send({"type": "a"})
        self.assertEqual(len(sent), 2)

    def test_an_error_inside_a_block_is_not_hidden(self) -> None:
        with self.assertRaises(KeyError), self.assertSent("jobs"):
            raise KeyError("mine")

    def test_a_nothing_block_fails_with_what_was_sent(self) -> None:
        with self.assertFails(
            "1 message was sent to group 'lobby', expected none.\n"
            "\n"
            "Sent to group 'lobby':\n"
            "     1  'lobby' {'type': 'hello'}"
        ):
            with self.assertNothingGroupSent("lobby"):
                Group("lobby").send({"type": "hello"})

    def test_captured_entries_are_not_judged(self) -> None:
        with self.captureSent() as sent:
            pass
        self.assertEqual(sent, [])
        with self.captureSent(group="lobby", channel="jobs") as sent:
            Group("lobby").send({"type": "a"})
            Group("other").send({"type": "b"})
            Channel("jobs").send({"type": "c"})
        self.assertEqual([entry.message["type"] for entry in sent], ["a", "c"])


class AssertNothingSentTests(FailureMixin, SimpleChannelTestCase):
    def test_it_passes_where_only_others_got_something(self) -> None:
        Channel("jobs").send({"type": "a"})
        Group("lobby").send({"type": "a"})
        self.assertNothingSent("mail")
        self.assertNothingGroupSent("hall")

    def test_it_fails_with_what_any_channel_got(self) -> None:
        Channel("jobs").send({"type": "a"})
        Channel("mail").send({"type": "b"})
        with self.assertFails(
            "2 messages were sent to any channel, expected none.\n"
            "\n"
            "Sent to any channel:\n"
            "     1  'jobs' {'type': 'a'}\n"
            "     2  'mail' {'type': 'b'}"
        ):
            self.assertNothingSent()


TWO_LAYERS = {
    alias: {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    for alias in ("default", "events")
}


@override_settings(CHANNEL_LAYERS=TWO_LAYERS)
class AssertNothingSentAnywhereTests(FailureMixin, SimpleChannelTestCase):
    ONE_MESSAGE = (
        "1 message was sent to any channel or group, expected none.\n"
        "\n"
        "Sent to any channel or group:\n"
    )

    def test_it_passes_where_nothing_was_sent(self) -> None:
        self.assertEqual(self.assertNothingSentAnywhere(), [])
        self.assertEqual(self.assertNothingSentAnywhere(alias="events"), [])

    def test_it_fails_with_what_any_channel_or_group_of_any_layer_got(self) -> None:
        Group("lobby", alias="events").send({"type": "b"})
        Channel("jobs").send({"type": "a"})
        with self.assertFails(
            "2 messages were sent to any channel or group, expected none : view\n"
            "\n"
            "Sent to any channel or group:\n"
            "     1  group 'lobby' (events) {'type': 'b'}\n"
            "     2  channel 'jobs' (default) {'type': 'a'}"
        ):
            self.assertNothingSentAnywhere(msg="view")

    def test_one_kind_on_one_layer_is_enough(self) -> None:
        for target in (Channel, Group):
            for alias in TWO_LAYERS:
                with self.subTest(target, alias=alias):
                    kind = target.__name__.lower()
                    line = f"     1  {kind} 'lobby' ({alias}) {{'type': 'a'}}"
                    with self.assertFails(self.ONE_MESSAGE + line):
                        with self.assertNothingSentAnywhere():
                            target("lobby", alias=alias).send({"type": "a"})

    def test_an_alias_narrows_it(self) -> None:
        Group("lobby", alias="events").send({"type": "b"})
        self.assertNothingSentAnywhere(alias="default")
        with self.assertFails(
            self.ONE_MESSAGE + "     1  group 'lobby' (events) {'type': 'b'}"
        ):
            self.assertNothingSentAnywhere(alias="events")

    def test_a_block_looks_only_at_itself(self) -> None:
        Channel("jobs").send({"type": "a"})
        with self.assertNothingSentAnywhere() as sent:
            pass
        self.assertEqual(sent, [])
        Channel("jobs").send({"type": "a"})

    def test_layers_that_were_in_place_for_a_while_are_looked_at(self) -> None:
        with override_settings(CHANNEL_LAYERS={"other": TWO_LAYERS["events"]}):
            Group("lobby", alias="other").send({"type": "a"})
        with self.assertFails(
            self.ONE_MESSAGE + "     1  group 'lobby' (other) {'type': 'a'}"
        ):
            self.assertNothingSentAnywhere()

    def test_a_layer_that_cannot_be_looked_into_is_refused(self) -> None:
        with override_settings(CHANNEL_LAYERS={}):
            with self.assertRaisesMessage(
                ImproperlyConfigured, "CHANNEL_LAYERS has no 'default'; add one"
            ):
                self.assertNothingSentAnywhere()
        with self.assertRaisesMessage(
            ImproperlyConfigured, "CHANNEL_LAYERS has no 'typo', only 'default', "
        ):
            self.assertNothingSentAnywhere(alias="typo")


class AssertNothingSentAnywhereAsyncTests(SimpleChannelTestCase):
    async def test_a_block_in_an_async_test(self) -> None:
        with self.assertNothingSentAnywhere():
            await self.channel_layer.group_add("lobby", "ann")
        with self.assertRaisesMessage(AssertionError, "1 message was sent to any"):
            with self.assertNothingSentAnywhere():
                await self.channel_layer.group_send("lobby", {"type": "a"})


class AssertSentInOrderTests(FailureMixin, SimpleChannelTestCase):
    def setUp(self) -> None:
        Channel("jobs").send({"type": "begin"})
        Group("lobby").send({"type": "progress"})
        Group("lobby").send({"type": "done"})

    def test_others_may_come_in_between(self) -> None:
        entries = self.assertSentInOrder(
            ("jobs", {"type": "begin"}), ("lobby", {"type": "done"})
        )
        self.assertEqual(
            [entry.sequence for entry in entries],
            sorted(entry.sequence for entry in entries),
        )
        self.assertEqual(len(entries), 2)

    def test_the_first_that_does_not_follow_is_named(self) -> None:
        with self.assertFails(
            "Message 2 of the sequence was not sent after {'type': 'done'}.\n"
            "\n"
            "Expected: {'type': 'progress'}\n"
            "\n"
            "Sent to all channels and groups:\n"
            "     1  'jobs' {'type': 'begin'}\n"
            "     2  'lobby' {'type': 'progress'}\n"
            "     3  'lobby' {'type': 'done'}"
        ):
            self.assertSentInOrder({"type": "done"}, {"type": "progress"})

    def test_the_first_of_all_can_be_missing(self) -> None:
        with self.assertRaisesRegex(
            AssertionError, r"^Message 1 of the sequence was not sent\.\n"
        ):
            self.assertSentInOrder(("lobby", {"type": "begin"}))

    def test_a_sequence_of_nothing_is_refused(self) -> None:
        with self.assertRaisesExactly(
            TypeError, "assertSentInOrder() takes the messages that are expected."
        ):
            self.assertSentInOrder()


class AfterCommitTests(FailureMixin, ChannelTestCase):
    def broadcast(self) -> None:
        layer = get_channel_layer()
        async_to_sync(layer.group_send)("lobby", {"type": "saved"})

    def test_a_message_after_the_block_passes(self) -> None:
        with transaction.atomic():
            transaction.on_commit(self.broadcast)
            self.assertNothingGroupSent()
        entry = self.assertGroupSentAfterCommit("lobby", {"type": "saved"})
        self.assertFalse(entry.in_atomic_block)

    def test_a_message_inside_the_block_fails(self) -> None:
        with transaction.atomic():
            self.broadcast()
        self.assertTrue(self.assertGroupSent("lobby").in_atomic_block)
        with self.assertFails(
            "A message to group 'lobby' was sent inside an atomic block: a receiver can"
            " look for the rows before they are committed.\n"
            "\n"
            "Sent to group 'lobby':\n"
            "     1  'lobby' {'type': 'saved'}\n"
            "\n"
            "Send it with transaction.on_commit()."
        ):
            self.assertGroupSentAfterCommit("lobby")

    def test_nothing_sent_fails_as_everywhere(self) -> None:
        with self.assertFails(
            "Nothing was sent to channel 'jobs'.\nChannels that were sent to: none."
        ):
            self.assertSentAfterCommit("jobs")


class GroupAssertionTests(FailureMixin, SimpleWebsocketTestCase):
    application: Any = websocket_application
    ws_path = "/ws/room/1/"

    def test_members_are_clients_communicators_or_names(self) -> None:
        ann = self.connect()
        Group("room-1").add("ben")
        self.assertGroupMembers("room-1", [ann, "ben"])
        self.assertGroupMembers("room-1", [ann.channel_name, Channel("ben")])
        self.assertInGroup(ann, "room-1")
        self.assertInGroup("ben", "room-1")
        self.assertNotInGroup(ann, "room-2")

    def test_a_group_that_nobody_joined_has_no_members(self) -> None:
        self.assertGroupMembers("nobody", [])

    def test_wrong_members_are_named_in_both_directions(self) -> None:
        ann = self.connect(name="ann")
        ben = self.connect("/ws/room/2/", name="ben")
        Group("room-1").add("stray")
        with self.assertFails(
            "Group 'room-1' does not have the expected members.\n"
            "Not in it: ben (/ws/room/2/).\n"
            "ben (/ws/room/2/) is in 'room-2'.\n"
            "In it, but not expected: ann (/ws/room/1/), 'stray'."
        ):
            self.assertGroupMembers("room-1", [ben])
        self.assertInGroup(ann, "room-1")

    def test_who_is_not_in_a_group_is_told_where_they_are(self) -> None:
        ann = self.connect(name="ann")
        with self.assertFails(
            "ann (/ws/room/1/) is not in group 'room1'.\n"
            "Groups that it is in: 'room-1'.\n"
            "Did you mean 'room-1'?"
        ):
            self.assertInGroup(ann, "room1")

    def test_who_is_in_a_group_is_told(self) -> None:
        ann = self.connect(name="ann")
        with self.assertFails("ann (/ws/room/1/) is in group 'room-1' : kicked out"):
            self.assertNotInGroup(ann, "room-1", msg="kicked out")

    def test_who_has_left_is_in_no_group(self) -> None:
        ann = self.connect()
        ann.disconnect()
        self.assertNotInGroup(ann, "room-1")
        self.assertGroupMembers("room-1", [])


class GetNextMessageTests(FailureMixin, SimpleChannelTestCase):
    def test_a_required_message_that_is_missing_fails(self) -> None:
        Channel("result").send({"type": "a"})
        Channel("result").send({"type": "b"})
        with self.assertFails(
            "Expected a message on channel 'results', got none.\n"
            "Channels that hold messages: result: 2.\n"
            "Did you mean 'result'?"
        ):
            self.get_next_message("results", require=True)

    def test_no_channel_holding_messages_is_said(self) -> None:
        with self.assertFails(
            "Expected a message on channel 'result', got none.\n"
            "Channels that hold messages: none."
        ):
            self.get_next_message("result", require=True)


class AssertApplicationRaisesTests(FailureMixin, SimpleWebsocketTestCase):
    application: Any = websocket_application
    ws_path = "/ws/echo/"

    def test_the_block_goes_on_and_the_exception_is_kept(self) -> None:
        ann = self.connect()
        reached = False
        with self.assertApplicationRaises(ValueError) as caught:
            ann.send_json({"raise": "ValueError"})
            reached = True
        self.assertTrue(reached)
        self.assertEqual(str(caught.exception), "asked for")

    def test_several_kinds_can_be_expected(self) -> None:
        ann, ben = self.connect_many(2)
        with self.assertApplicationRaises((ValueError, KeyError)) as caught:
            ann.send_json({"raise": "ValueError"})
            ben.send_json({"raise": "KeyError"})
        kinds = [type(error) for error in caught.exceptions]
        self.assertEqual(kinds, [ValueError, KeyError])

    def test_no_exception_fails(self) -> None:
        with self.assertFails("The application did not raise ValueError or KeyError."):
            with self.assertApplicationRaises((ValueError, KeyError)):
                self.connect()

    def test_another_exception_comes_out(self) -> None:
        with self.assertRaises(KeyError):
            with self.assertApplicationRaises(ValueError):
                self.connect().send_json({"raise": "KeyError"})

    def test_the_block_s_own_failure_wins(self) -> None:
        with self.assertRaisesRegex(AssertionError, "^mine$"):
            with self.assertApplicationRaises(ValueError):
                self.fail("mine")

    async def test_it_works_in_async_tests(self) -> None:
        ann = await self.aconnect()
        with self.assertApplicationRaises(ValueError) as caught:
            await ann.send_json({"raise": "ValueError"})
        self.assertIsInstance(caught.exception, ValueError)

    def test_what_is_no_exception_class_is_refused(self) -> None:
        with self.assertRaisesExactly(
            TypeError, "assertApplicationRaises() takes exception classes, not 'oops'."
        ):
            self.assertApplicationRaises("oops")  # type: ignore[arg-type]


class Relay(AsyncConsumer):
    """Passes what its group hears on to the channel ``log``."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await get_channel_layer().group_add("relay", "relay-in")
        await send({"type": "websocket.accept"})
        while True:
            message = await get_channel_layer().receive("relay-in")
            await get_channel_layer().send("log", message)


class ReadsOfLayersTests(SimpleWebsocketTestCase):
    application: Any = Relay.as_asgi()
    ws_path = "/"
    check_leaks = "off"

    def broadcast(self) -> None:
        layer = get_channel_layer()
        async_to_sync(layer.group_send)("relay", {"type": "hello"})

    def test_a_layer_that_was_kept_is_read_at_rest(self) -> None:
        layer = self.channel_layer
        self.connect()
        self.broadcast()
        self.assertEqual(layer.pending_counts(), {"log": 1})
        self.broadcast()
        self.assertEqual([entry.kind for entry in layer.sent][-1], "send")
        self.broadcast()
        self.assertEqual(len(layer.pending("log")), 3)

    def test_an_assertion_comes_to_rest_first(self) -> None:
        self.connect()
        self.broadcast()
        self.assertSent("log", {"type": "hello"}, count=1)

    async def test_an_async_test_is_told_to_come_to_rest(self) -> None:
        layer = self.channel_layer
        await self.aconnect()
        task = asyncio.create_task(layer.group_send("relay", {"type": "hello"}))
        with self.assertRaises(RuntimeError) as caught:
            layer.pending_counts()
        self.assertEqual(
            str(caught.exception),
            "The application is still working: 'await self.asettle()' first.",
        )
        await self.asettle()
        self.assertEqual(layer.pending_counts(), {"log": 1})
        await task
