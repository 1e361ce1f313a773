"""The layers of a test, and assertions about their groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import layer_report
from .aliases import captive_layer, is_captive, layer_in_place
from .layer_report import with_message
from .messages import DEFAULT, channel_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .layers import CaptiveChannelLayer
    from .run import TestRun

__unittest = True


class GroupAssertions:
    """Assertions about who is in which group."""

    _kit: TestRun
    fail: Callable[..., Any]
    failureException: type[BaseException]

    @property
    def channel_layer(self) -> CaptiveChannelLayer:
        """
        The layer of the alias ``"default"``.

        It is captive, or real where the class says so.
        """
        layer: CaptiveChannelLayer = layer_in_place(DEFAULT)
        self._observe_if_captive(layer)
        return layer

    @property
    def channel_layers(self) -> dict[str, CaptiveChannelLayer]:
        """The layers that were put in place, by alias."""
        layers = dict(self._kit.layers)
        self._observe_if_captive(*layers.values())
        return layers

    def _observe_if_captive(self, *layers: object) -> None:
        # What a server sends may come at any time, and is not looked at.
        if all(map(is_captive, layers)):
            self._kit.observe()

    def _layer(self, alias: str) -> CaptiveChannelLayer:
        self._kit.observe()
        return captive_layer(alias)

    def assertInGroup(
        self,
        connection: object,
        group: str,
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
        self._check_membership(connection, str(group), alias, msg, wanted=True)

    def assertNotInGroup(
        self,
        connection: object,
        group: str,
        *,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> None:
        """Assert that a connection, client or channel is not in a group."""
        __tracebackhide__ = True
        self._check_membership(connection, str(group), alias, msg, wanted=False)

    def _check_membership(
        self, connection: object, group: str, alias: str, msg: object, *, wanted: bool
    ) -> None:
        __tracebackhide__ = True
        layer = self._layer(alias)
        name = channel_name(connection)

        def is_met() -> bool:
            return (group in layer.groups_of(name)) == wanted

        waited = "" if is_met() else self._kit.outside.wait(is_met)
        if is_met():
            return
        groups, known = layer.groups_of(name), layer.groups()
        text = layer_report.membership(
            _who(connection), group, groups, is_member=not wanted, known=known
        )
        self.fail(with_message(text + waited, msg))

    def assertGroupMembers(
        self,
        group: str,
        members: Iterable[object],
        *,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> None:
        """
        Assert who is in a group: connections, clients or channel names.

        A group that nobody has joined has no members.

        Example::

            ann, ben = self.connect_many(2, "/ws/room/1/")
            self.assertGroupMembers("room-1", [ann, ben])
        """
        __tracebackhide__ = True
        expected = {channel_name(member): _who(member) for member in members}
        layer, waited = self._layer(alias), ""
        if set(layer.members(str(group))) != set(expected):
            waited = self._kit.outside.wait(
                lambda: set(layer.members(str(group))) == set(expected)
            )
        actual = layer.members(str(group))
        missing = [who for name, who in expected.items() if name not in actual]
        extra = [self._owner(name) for name in actual if name not in expected]
        if missing or extra:
            text = layer_report.wrong_members(str(group), missing, extra)
            self.fail(with_message(text + waited, msg))

    def _owner(self, channel: str) -> str:
        for communicator in self._kit.communicators:
            connection = communicator.connection
            consumer = connection and connection.consumer
            if getattr(consumer, "channel_name", None) == channel:
                return communicator.label
        return repr(channel)


def _who(connection: object) -> str:
    return str(getattr(connection, "label", repr(connection)))
