"""The layers of a test, and assertions about their groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.layers.aliases import (
    DEFAULT,
    captive_layer,
    is_captive,
    layer_in_place,
)
from channels_testkit.layers.group_failures import is_member, no_member, wrong_members
from channels_testkit.matching.wording import shorten
from channels_testkit.running.arguments import check_arguments
from channels_testkit.websocket.driver import drivers_of
from channels_testkit.workers.argument_kinds import GROUP, MEMBER, MEMBERS
from channels_testkit.workers.messages import channel_name

from .group_names import GroupNames
from .verdicts import with_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from channels_testkit.layers.captive import CaptiveChannelLayer
    from channels_testkit.workers.messages import ChannelGiven, GroupGiven

__unittest = True


class GroupAssertions(GroupNames):
    """Assertions about who is in which group."""

    fail: Callable[..., Any]
    failureException: type[BaseException]

    @property
    def channel_layer(self) -> CaptiveChannelLayer:
        """
        The layer of the alias ``"default"``.

        It is captive, or real where the class says so.
        """
        layer: CaptiveChannelLayer = layer_in_place(DEFAULT)
        self._ensure_rest_if_captive(layer)
        return layer

    @property
    def channel_layers(self) -> dict[str, CaptiveChannelLayer]:
        """The layers that were put in place, by alias."""
        layers = dict(self._kit.layers)
        self._ensure_rest_if_captive(*layers.values())
        return layers

    def _ensure_rest_if_captive(self, *layers: object) -> None:
        # What a server sends may come at any time, and is not looked at.
        if all(map(is_captive, layers)):
            self._kit.ensure_rest()

    def _layer(self, alias: str) -> CaptiveChannelLayer:
        self._kit.ensure_rest()
        return captive_layer(alias)

    def assertInGroup(
        self,
        connection: ChannelGiven,
        group: GroupGiven,
        *,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> None:
        """
        Assert that a connection, client or channel is in a group.

        Example::

            ann = self.connect("/ws/room/1/")
            self.assertInGroup(ann, "room-1")
        """
        __tracebackhide__ = True
        arguments = (MEMBER, connection), (GROUP, group)
        check_arguments(self, "assertInGroup", "connection, group", *arguments)
        self._check_membership(connection, group, alias, msg, wanted=True)

    def assertNotInGroup(
        self,
        connection: ChannelGiven,
        group: GroupGiven,
        *,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> None:
        """Assert that a connection, client or channel is not in a group."""
        __tracebackhide__ = True
        arguments = (MEMBER, connection), (GROUP, group)
        check_arguments(self, "assertNotInGroup", "connection, group", *arguments)
        self._check_membership(connection, group, alias, msg, wanted=False)

    def _check_membership(
        self,
        connection: ChannelGiven,
        group: GroupGiven,
        alias: str,
        msg: object,
        *,
        wanted: bool,
    ) -> None:
        __tracebackhide__ = True
        layer, group = self._layer(alias), self._group_name(group)
        name = channel_name(connection)

        def is_met() -> bool:
            return (group in layer.groups_of(name)) == wanted

        waited = "" if is_met() else self._kit.outside.wait(is_met)
        if is_met():
            return
        who = _who(connection)
        if wanted:
            text = no_member(who, name, group, layer, alias)
        else:
            text = is_member(who, group, alias)
        self.fail(with_message(text + waited, msg))

    def assertGroupMembers(
        self,
        group: GroupGiven,
        members: Iterable[ChannelGiven],
        *,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> None:
        """
        Assert who is in a group: connections, clients or channel names.

        A group that no connection has joined has no members.

        Example::

            ann, ben = self.connect_many(2, "/ws/room/1/")
            self.assertGroupMembers("room-1", [ann, ben])
        """
        __tracebackhide__ = True
        arguments = (GROUP, group), (MEMBERS, members)
        check_arguments(self, "assertGroupMembers", "group, members", *arguments)
        group = self._group_name(group)
        expected = {channel_name(member): _who(member) for member in members}
        layer, waited = self._layer(alias), ""
        if set(layer.members(group)) != set(expected):
            waited = self._kit.outside.wait(
                lambda: set(layer.members(group)) == set(expected)
            )
        actual = layer.members(group)
        missing = [
            (who, layer.groups_of(name))
            for name, who in expected.items()
            if name not in actual
        ]
        extra = [self._owner(name) for name in actual if name not in expected]
        if missing or extra:
            text = wrong_members(group, missing, extra, alias, expected.keys())
            self.fail(with_message(text + waited, msg))

    def _owner(self, channel: str) -> str:
        for driver in drivers_of(self._kit):
            connection = driver.connection
            consumer = connection and connection.consumer
            if getattr(consumer, "channel_name", None) == channel:
                return driver.label
        return repr(channel)


def _who(connection: object) -> str:
    return shorten(str(getattr(connection, "label", repr(connection))))
