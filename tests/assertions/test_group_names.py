"""Assertions about groups that are given by a model instance."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured

from channels_testkit import Group, WebsocketTestCase
from channels_testkit.assertions.methods import TestMethods
from tests.app.models import Note
from tests.pytest_plugin.inner import PytestCase, needs

ROOM = "/ws/room/1/"
MADE = {"type": "room.message", "content": "hello"}


class GroupNameTests(WebsocketTestCase):
    def get_group_name(self, obj: Any) -> str:
        return f"room-{obj.pk}"

    def setUp(self) -> None:
        self.room = Note(pk=1, text="lobby")
        self.other = Note(pk=2, text="garden")

    def test_every_assertion_about_groups_takes_an_instance(self):
        ann, ben = self.connect_many(2, ROOM)
        self.assertInGroup(ann, self.room)
        self.assertNotInGroup(ann, self.other)
        self.assertGroupMembers(self.room, [ann, ben])
        with self.captureSent(group=self.room) as sent:
            with self.layer_faults(lose=1, group=self.room, channel=ben):
                Group("room-1").send(MADE)
        self.assertEqual(len(sent), 1)
        self.assertGroupSent(self.room, MADE)
        self.assertGroupSentAfterCommit(self.room, MADE)
        self.assertSentInOrder((self.room, MADE))
        self.assertNothingGroupSent(self.other)
        self.assertReceivesJson(ann, "hello")

    def test_a_failure_has_the_name(self):
        with self.assertRaises(AssertionError) as caught:
            self.assertGroupSent(self.room, MADE)
        verdict = "Nothing was sent to group 'room-1'."
        self.assertEqual(str(caught.exception).partition("\n")[0], verdict)

    def test_mixed_up_arguments_are_refused(self):
        ann = self.connect(ROOM)
        with self.assertRaises(TypeError) as caught:
            self.assertInGroup(self.room, ann)
        self.assertIn("Write self.assertInGroup(client, group).", str(caught.exception))

    def test_what_is_no_name_is_refused(self):
        self.get_group_name = lambda obj: obj.pk  # type: ignore[method-assign]
        with self.assertRaises(TypeError) as caught:
            self.assertGroupSent(self.room)
        self.assertEqual(
            str(caught.exception),
            f"get_group_name({self.room!r}) is to return the name of a group, a str,"
            " not 1.",
        )

    async def test_async(self):
        ann = await self.aconnect(ROOM)
        self.assertInGroup(ann, self.room)


class UnknownNameTests(WebsocketTestCase):
    def test_the_method_has_to_be_overridden(self):
        user = User(username="ann")
        with self.assertRaises(ImproperlyConfigured) as caught:
            self.assertGroupSent(user)
        self.assertEqual(
            str(caught.exception),
            f"UnknownNameTests does not know the group of {user!r}: override"
            " get_group_name(self, obj), which returns the name for a User, or give"
            " the name.",
        )

    def test_a_function_without_a_class_gives_it_as_an_attribute(self):
        test = TestMethods(get_group_name=lambda obj: f"user-{obj.username}")
        self.assertEqual(test._group_name(User(username="ann")), "user-ann")


FUNCTIONS = """
    import pytest
    from django.contrib.auth.models import User
    from channels_testkit import Group

    MADE = {"type": "made"}

    def name_of(user):
        return f"user-{user.username}"

    def test_set_in_the_test(channels_test):
        channels_test.get_group_name = name_of
        Group("user-ann").send(MADE)
        channels_test.assertGroupSent(User(username="ann"), MADE)

    @pytest.mark.channels_test(get_group_name=name_of)
    def test_given_to_the_mark(channels_test):
        with channels_test.captureSent(User(username="ann"), deliver=False) as sent:
            Group("user-ann").send(MADE)
        assert str(sent[0].sender).startswith("the test, in test_given_to_the_mark()")
"""


@needs("pytest_django")
class FunctionTests(PytestCase):
    def test_functions(self) -> None:
        self.assert_outcomes(self.pytest(FUNCTIONS), passed=2)
