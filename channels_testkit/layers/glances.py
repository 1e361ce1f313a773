"""What a layer holds so far: at rest or not, nothing runs for a look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_testkit.matching import closest_name

if TYPE_CHECKING:
    from .captive import CaptiveChannelLayer


def unheard(layer: CaptiveChannelLayer, since: int) -> list[str]:
    """
    Return the groups that nobody was in when something was sent to them.

    ``since`` is what ``next_number()`` has returned.
    """
    exchange = layer._exchange  # noqa: SLF001 - as it is
    groups = [
        sent.group
        for sent in exchange.sent
        if sent.group is not None
        and sent.sequence > since
        and not (sent.receivers or sent.dropped)
    ]
    return list(dict.fromkeys(groups))


def meant_for(layer: CaptiveChannelLayer, group: str) -> str | None:
    """Return the name of a group with members that may have been meant."""
    exchange = layer._exchange  # noqa: SLF001 - as it is
    known = exchange.groups(layer.clock())
    return closest_name(group, [name for name in known if name != group])


def unread_members(layer: CaptiveChannelLayer, since: int) -> dict[str, list[str]]:
    """
    Return the groups whose members nobody reads, of those sent to since then.

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


def is_used(layer: CaptiveChannelLayer) -> bool:
    """Tell whether anything was sent on a layer, or anybody is in a group."""
    exchange = layer._exchange  # noqa: SLF001 - as it is
    return bool(exchange.sent or exchange.groups(layer.clock()))


def has_members(layer: CaptiveChannelLayer, group: str) -> bool:
    """Tell whether anybody is in a group."""
    exchange = layer._exchange  # noqa: SLF001 - as it is
    return bool(exchange.members(group, layer.clock()))
