"""Failures about groups and their members, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_testkit.matching import did_you_mean

from .aliases import captive_layers
from .captive import unheard as unheard_by, unread_members

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LISTED = 12


def unheard(since: int) -> str:
    """Say which groups nobody was in when something was sent to them."""
    lines = [
        f"Nobody was in group {group!r} when a message was sent to it."
        + (f" Did you mean {meant!r}?" if meant else "")
        for layer in captive_layers()
        for group, meant in unheard_by(layer, since).items()
    ]
    lines += [
        f"Nobody reads {', '.join(map(repr, channels[:_LISTED]))}, the members of group"
        f" {group!r}. A member is a channel, such as self.channel_name."
        for layer in captive_layers()
        for group, channels in unread_members(layer, since).items()
    ]
    return "\n".join(lines[-_LISTED:])


def wrong_members(group: str, missing: Sequence[str], extra: Sequence[str]) -> str:
    """Say who is not in a group that should be, and the reverse."""
    lines = [f"Group {group!r} does not have the expected members."]
    if missing:
        lines.append(f"Not in it: {', '.join(missing)}.")
    if extra:
        lines.append(f"In it, but not expected: {', '.join(extra)}.")
    return "\n".join(lines)


def membership(
    who: str,
    group: str,
    groups: Sequence[str],
    *,
    is_member: bool,
    known: Iterable[str],
) -> str:
    """Say that somebody is, or is not, in a group."""
    if is_member:
        return f"{who} is in group {group!r}."
    listed = ", ".join(map(repr, groups)) or "none"
    return (
        f"{who} is not in group {group!r}.\nGroups that it is in: {listed}."
        f"{did_you_mean(group, [name for name in known if name != group])}"
    )
