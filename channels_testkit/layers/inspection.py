"""What a layer holds so far, read without a wait for rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_testkit.matching import closest_name

if TYPE_CHECKING:
    from .captive import CaptiveChannelLayer
    from .sent import LayerFault, Sent


def sent_to_nobody(layer: CaptiveChannelLayer, since: int) -> dict[str, Sent]:
    """
    Return the groups that had no members, with the last message to each.

    Groups that have members by now are left out: a consumer may tell a room of
    its client before it joins. ``since`` is a result of ``next_number()``.
    """
    exchange = layer._exchange  # noqa: SLF001 - as it is
    have_members = exchange.groups(layer.clock())
    return {
        sent.group: sent
        for sent in exchange.sent
        if sent.group is not None
        and sent.group not in have_members
        and sent.sequence > since
        and not (sent.receivers or sent.dropped or sent.faults)
    }


def meant_for(layer: CaptiveChannelLayer, group: str) -> str | None:
    """Return the name of a group with members that may have been meant."""
    exchange = layer._exchange  # noqa: SLF001 - as it is
    known = exchange.groups(layer.clock())
    return closest_name(group, [name for name in known if name != group])


def unread_members(layer: CaptiveChannelLayer, since: int) -> dict[str, list[str]]:
    """
    Return the groups whose members no connection reads, sent to since then.

    With each come the channels that are its members.
    """
    exchange = layer._exchange  # noqa: SLF001 - as it is
    return {
        sent.group: list(sent.receivers)
        for sent in exchange.sent
        if sent.group is not None
        and sent.sequence > since
        and sent.receivers
        and exchange.read.isdisjoint(sent.receivers)
    }


def withheld_from(
    layer: CaptiveChannelLayer, channel: str | None, since: int
) -> list[LayerFault]:
    """
    Return the faults because of which something has not come to a channel.

    Of what was sent after a number. Where there are none, those of channels
    that nobody knows by a connection: what a worker has not got, it does not
    pass on.
    """
    exchange = layer._exchange  # noqa: SLF001 - as it is
    faults = [
        fault
        for fault in exchange.faults
        if fault.sequence > since
        and (
            fault.kind in {"lost", "failed", "captured"}
            or any(fault is late for late in exchange.late)
        )
    ]
    own = [it for it in faults if it.channel == channel or it.kind == "failed"]
    return own or [it for it in faults if "!" not in str(it.channel)]


def left_on(layer: CaptiveChannelLayer, channel: str) -> int:
    """
    Return how many messages a channel holds that it should not have got.

    What came to its groups before it left them is a matter of who was first,
    and what faults have done that of the test.
    """
    exchange = layer._exchange  # noqa: SLF001 - as it is
    groups = exchange.groups_of(channel, layer.clock())
    held = {queued.sequence for queued in exchange.channels.get(channel, ())}
    return sum(
        sent.sequence in held
        and not sent.faults
        and (sent.group is None or sent.group in groups)
        for sent in exchange.sent
    )


def is_used(layer: CaptiveChannelLayer) -> bool:
    """Tell whether anything was sent on a layer, or anybody is in a group."""
    exchange = layer._exchange  # noqa: SLF001 - as it is
    return bool(exchange.sent or exchange.groups(layer.clock()))


def has_members(layer: CaptiveChannelLayer, group: str) -> bool:
    """Tell whether anybody is in a group."""
    exchange = layer._exchange  # noqa: SLF001 - as it is
    return bool(exchange.members(group, layer.clock()))
