"""Failures about groups and their members, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_testkit.matching import did_you_mean
from channels_testkit.matching.wording import MAX_LISTED, in_a_row, listed, say, shorten

from .aliases import captive_layers, on_alias, other_layers
from .inspection import has_members, meant_for, sent_to_nobody, unread_members
from .senders import sent_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence, Set

    from .captive import CaptiveChannelLayer
    from .sent import Sent


def no_receivers(since: int) -> str:
    """Say which groups had no members when something was sent to them."""
    layers = captive_layers()
    lines = [
        _no_members_of(group, sent, layer, alias)
        for alias, layer in layers.items()
        for group, sent in [*sent_to_nobody(layer, since).items()][-MAX_LISTED:]
    ]
    lines += [
        f"No connection reads {shorten(listed(channels))}, the members of group"
        f" {say(group)}{on_alias(alias)}. A member is a channel, such as"
        " self.channel_name."
        for alias, layer in layers.items()
        for group, channels in unread_members(layer, since).items()
    ]
    return "\n".join(lines[-MAX_LISTED:])


def _no_members_of(
    group: str, sent: Sent, layer: CaptiveChannelLayer, alias: str
) -> str:
    meant = meant_for(layer, group)
    return (
        f"Group {say(group)}{on_alias(alias)} had no members when a message was sent"
        f" to it{sent_at(sent.sender)}.{_members_elsewhere(group, alias)}"
        + (f" Did you mean {meant!r}?" if meant else "")
    )


def _members_elsewhere(group: str, alias: str) -> str:
    for other, layer in other_layers(alias):
        if has_members(layer, group):
            return f" It has members on alias {other!r}."
    return ""


def wrong_members(
    group: str,
    missing: Sequence[tuple[str, Sequence[str]]],
    extra: Sequence[str],
    alias: str,
    channels: Set[str],
) -> str:
    """
    Say who is not in a group that should be, and the reverse.

    ``missing`` has the groups of each, and ``channels`` are those of all who
    should be in it.
    """
    here = on_alias(alias)
    lines = [f"Group {say(group)}{here} does not have the expected members."]
    if missing:
        lines.append(f"Not in it: {in_a_row([who for who, _ in missing])}.")
        lines += [
            f"{who} is in {listed(groups)}."
            for who, groups in missing[:MAX_LISTED]
            if groups
        ]
    if extra:
        lines.append(f"In it, but not expected: {in_a_row(extra)}.")
    lines += [
        f"On alias {other!r} it has these members: give alias={other!r}."
        for other, layer in other_layers(alias)
        if channels and set(layer.members(group)) == channels
    ]
    return "\n".join(lines)


def is_member(who: str, group: str, alias: str) -> str:
    """Say that somebody is in a group."""
    return f"{who} is in group {say(group)}{on_alias(alias)}."


def no_member(
    who: str, channel: str, group: str, layer: CaptiveChannelLayer, alias: str
) -> str:
    """Say that somebody is not in a group, and in which ones they are."""
    here, groups = on_alias(alias), layer.groups_of(channel)
    others = [name for name in layer.groups() if name != group]
    lines = [
        f"{who} is not in group {say(group)}{here}.",
        f"Groups{here} that it is in: {listed(groups)}.{did_you_mean(group, others)}",
        *_groups_elsewhere(channel, alias),
    ]
    if channel in layer.groups():
        lines.append(f"{say(channel)} is a group itself: the group comes last.")
    return "\n".join(lines)


def _groups_elsewhere(channel: str, alias: str) -> Iterator[str]:
    for other, layer in other_layers(alias):
        groups = layer.groups_of(channel)
        if groups:
            word = "group" if len(groups) == 1 else "groups"
            yield (
                f"On alias {other!r} it is in {word} {listed(groups)}: give"
                f" alias={other!r}."
            )
