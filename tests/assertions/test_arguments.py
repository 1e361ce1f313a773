"""Arguments that are mixed up: the call is refused, and the right one said."""

from __future__ import annotations

from typing import Any

from channels.consumer import AsyncConsumer
from django.contrib.auth.models import User

from channels_testkit import (
    Channel,
    Group,
    SimpleWebsocketTestCase,
    apply_routes,
)
from channels_testkit.running.arguments import TEXT, TEXT_OR_NONE, check_arguments
from tests.app.consumers import EchoConsumer

JOB = {"type": "job"}


class Refusals(SimpleWebsocketTestCase):
    """What is refused, with which text."""

    __test__ = False
    application = EchoConsumer.as_asgi()
    ws_path = "/"

    def assertRefuses(self, text: str, call: Any, *args: Any, **options: Any) -> None:
        with self.assertRaises(TypeError) as caught:
            call(*args, **options)
        self.assertEqual(str(caught.exception), text)


class SwappedTests(Refusals):
    def setUp(self) -> None:
        self.ann = self.connect(name="ann")

    def test_memberships(self) -> None:
        for name in ("assertInGroup", "assertNotInGroup"):
            self.assertRefuses(
                f"{name}(connection, group): ann (/) is not a group. Write"
                f" self.{name}(client, 'lobby').",
                getattr(self, name),
                "lobby",
                self.ann,
            )
        self.assertRefuses(
            "assertGroupMembers(group, members): [client] is not a group. Write"
            " self.assertGroupMembers('lobby', [client]).",
            self.assertGroupMembers,
            [self.ann],
            "lobby",
        )

    def test_messages(self) -> None:
        for name, kind in (
            ("assertSent", "channel"),
            ("assertSentAfterCommit", "channel"),
            ("assertGroupSent", "group"),
            ("assertGroupSentAfterCommit", "group"),
        ):
            self.assertRefuses(
                f"{name}({kind}, expected): {{'type': 'job'}} is not a {kind}. Write"
                f" self.{name}('lobby', {{'type': 'job'}}).",
                getattr(self, name),
                JOB,
                "lobby",
            )

    def test_counts(self) -> None:
        for name in (
            "assertSent",
            "assertGroupSent",
            "assertSentAfterCommit",
            "assertGroupSentAfterCommit",
        ):
            for count in ("3", True, 1.0):
                self.assertRefuses(
                    f"count= is a number of messages, not {count!r}.",
                    getattr(self, name),
                    "lobby",
                    count=count,
                )
            with self.assertRaises(ValueError) as caught:
                getattr(self, name)("lobby", count=-1)
            text = "count= is a number of messages, not -1."
            self.assertEqual(str(caught.exception), text)

    def test_name_among_the_messages_of_a_sequence(self) -> None:
        self.assertRefuses(
            "assertSentInOrder() takes messages: 'jobs' is none. Write ('jobs',"
            " message) for a message to that channel or group.",
            self.assertSentInOrder,
            "jobs",
            JOB,
        )

    def test_frames(self) -> None:
        for name in ("assertReceivesJson", "assertReceivesText", "assertReceivesBytes"):
            self.assertRefuses(
                f"{name}(connection, expected): {{'type': 'job'}} is not a client or"
                f" communicator of the kit. Write self.{name}(client, {{'type':"
                " 'job'}).",
                getattr(self, name),
                JOB,
                self.ann,
            )

    def test_frames_of_several(self) -> None:
        for name in ("assertAllReceive", "assertOnlyReceive"):
            self.assertRefuses(
                f"{name}(connections, expected): {{'type': 'job'}} is not a list of"
                f" clients or communicators. Write self.{name}([client], {{'type':"
                " 'job'}).",
                getattr(self, name),
                JOB,
                self.ann,
            )

    def test_a_number_of_connections(self) -> None:
        self.assertRefuses(
            "A number of connections is an int, not '/ws/'. Give the number before the"
            " path: (2, '/ws/').",
            self.connect_many,
            "/ws/",
        )

    def test_a_pair_of_a_sequence(self) -> None:
        self.assertRefuses(
            "assertSentInOrder() takes messages, and pairs of the name of a channel or"
            " a group and a message, in this order, not ({'type': 'job'}, 'lobby').",
            self.assertSentInOrder,
            (JOB, "lobby"),
        )


class SingleTests(Refusals):
    """One, where a list belongs."""

    def test_connections(self) -> None:
        ann = self.connect(name="ann")
        for name in ("assertAllReceive", "assertOnlyReceive"):
            self.assertRefuses(
                f"{name}(connections, expected): ann (/) is not a list of clients or"
                f" communicators. Write self.{name}([client], 'hello').",
                getattr(self, name),
                ann,
                "hello",
            )

    def test_members(self) -> None:
        ann = self.connect(name="ann")
        for member, called, code in (
            (ann, "ann (/)", "client"),
            ("eve", "'eve'", "'eve'"),
        ):
            self.assertRefuses(
                f"assertGroupMembers(group, members): {called} is not a list of"
                " connections or channels. Write self.assertGroupMembers('lobby',"
                f" [{code}]).",
                self.assertGroupMembers,
                "lobby",
                member,
            )

    def test_users(self) -> None:
        self.assertRefuses(
            "users= is a list: write users=[...] around <User: ann>.",
            self.connect_many,
            users=User(username="ann"),
        )


class ListTests(Refusals):
    """A list, where one belongs."""

    def test_messages_of_a_sequence(self) -> None:
        self.assertRefuses(
            "assertSentInOrder() takes messages one by one, not a list: put '*' before"
            " it.",
            self.assertSentInOrder,
            [JOB, JOB],
        )

    def test_channels_of_a_worker(self) -> None:
        with apply_routes({"jobs": AsyncConsumer.as_asgi()}):
            self.assertRefuses(
                "run_worker(*channels): ['jobs'] is not a channel's name. Write"
                " run_worker('thumbnails', 'mails').",
                self.run_worker,
                ["jobs"],
            )


class OtherKindTests(Refusals):
    """Something that belongs nowhere in the call."""

    def test_a_client_as_the_name_of_a_group_or_channel(self) -> None:
        ann = self.connect(name="ann")
        self.assertRefuses(
            "Group(name): ann (/) is not the name of a group. Write"
            " Group('lobby').add(client).",
            Group,
            ann,
        )
        self.assertRefuses(
            "Channel(name): ann (/) is not the name of a channel. Write"
            " Channel(client.channel_name).",
            Channel,
            ann,
        )
        self.assertRefuses(
            "Group(name): 7 is not the name of a group.",
            Group,
            7,
        )
        self.assertRefuses(
            "assertNothingGroupSent(group): ann (/) is not a group.",
            self.assertNothingGroupSent,
            ann,
        )
        self.assertRefuses(
            "captureSent(group): 7 is not a group.",
            self.captureSent,
            7,
        )

    def test_a_client_whose_channel_its_consumer_reads(self) -> None:
        self.assertRefuses(
            "get_next_message(channel): the consumer of ann (/) reads its channel"
            " itself. Write client.receive_json().",
            self.get_next_message,
            self.connect(name="ann"),
        )

    def test_a_client_as_what_is_expected(self) -> None:
        ann, ben = self.connect(name="ann"), self.connect(name="ben")
        self.assertRefuses(
            "assertReceivesJson(connection, expected): ben (/) is not a payload.",
            self.assertReceivesJson,
            ann,
            ben,
        )

    async def test_a_connection_that_was_not_awaited(self) -> None:
        pending = self.aconnect()
        with self.assertRaises(TypeError) as caught:
            self.assertReceivesJson(pending, JOB)
        text = "It was not awaited: write 'await' before it."
        self.assertTrue(str(caught.exception).endswith(text))

    def test_what_is_left_out_is_left_out_of_the_right_call(self) -> None:
        arguments = (TEXT, None), (TEXT_OR_NONE, "h1")
        self.assertRefuses(
            "call(selector, text): None is not a str. Write self.call('h1').",
            check_arguments,
            self,
            "call",
            "selector, text",
            *arguments,
        )

    async def test_a_communicator_is_called_one(self) -> None:
        ann = await self.aconnect(name="ann")
        self.assertRefuses(
            "assertInGroup(connection, group): ann (/) is not a group. Write"
            " self.assertInGroup(communicator, 'lobby').",
            self.assertInGroup,
            "lobby",
            ann,
        )


class NothingIsRefusedThatWorksTests(Refusals):
    #: Clients that the test puts into a group stay there.
    check_leaks = "off"

    def test_iterators_and_groups(self) -> None:
        ann, ben = self.connect_many(2)
        Group("lobby").add(ann)
        Group("lobby").add(ben)
        self.assertGroupMembers(Group("lobby"), iter([ann, ben]))
        self.assertInGroup(ann, Group("lobby"))
        self.assertInGroup(ann.channel_name, "lobby")
        self.assertInGroup(Channel(ann.channel_name), "lobby")
        self.assertInGroup(ann.consumer, "lobby")
        ann.send_json(JOB)
        ben.send_json(JOB)
        self.assertAllReceive((it for it in (ann, ben)), JOB)
        self.assertOnlyReceive({}.values(), JOB)

    def test_a_swap_of_two_names_is_told_by_the_failure(self) -> None:
        Group("lobby").add("ann")
        with self.assertRaises(AssertionError) as caught:
            self.assertInGroup("lobby", "ann")
        self.assertEqual(
            str(caught.exception),
            "'lobby' is not in group 'ann'.\n"
            "Groups that it is in: none.\n"
            "'lobby' is a group itself: the group comes last.",
        )
