"""Failures about messages that were sent, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.util import safe_repr

from channels_testkit.matching import did_you_mean, first_difference, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .captive import CaptiveChannelLayer
    from .sent import Sent

_LISTED = 12


def no_message(channel: str, layer: CaptiveChannelLayer) -> str:
    """Say that a channel is empty, and which are not."""
    held = [f"{name}: {count}" for name, count in layer.pending_counts().items()]
    return (
        f"Expected a message on channel {channel!r}, got none."
        f"\nChannels that hold messages: {', '.join(held) or 'none'}."
        f"{did_you_mean(channel, layer.pending_counts())}"
    )


def target_of(sent: Sent) -> str:
    """Return the channel or the group that an entry went to."""
    return str(sent.channel if sent.group is None else sent.group)


def _quoted_target(sent: Sent) -> str:
    return repr(target_of(sent))


def _full_target(sent: Sent) -> str:
    kind = "channel" if sent.group is None else "group"
    return f"{kind} {target_of(sent)!r} ({sent.alias})"


def nothing_sent_to(kind: str, target: str, sent: Sequence[Sent]) -> str:
    """Say that nothing went to a channel or group, and who got something."""
    others = sorted({target_of(entry) for entry in sent})
    listed = ", ".join(map(repr, others)) or "none"
    return (
        f"Nothing was sent to {kind} {target!r}.\n"
        f"{kind.capitalize()}s that were sent to: {listed}."
        f"{did_you_mean(target, others)}"
    )


def no_match(where: str, expected: Any, sent: Sequence[Sent], *, partial: bool) -> str:
    """Say where the nearest message differs from the expected one."""
    messages = [entry.message for entry in sent]
    index = nearest(expected, messages) or 0
    difference = first_difference(expected, messages[index], partial=partial)
    place = f" at {difference.path!r}" if difference and difference.path else ""
    found = (
        f": expected {difference.expected}, received {difference.actual}"
        if difference
        else ""
    )
    return (
        f"No message to {where} matches; the nearest differs{place}{found}.\n\n"
        f"Expected: {safe_repr(expected)}\n"
        f"Nearest:  {safe_repr(messages[index])}\n\n"
        f"{listing(where, sent)}"
    )


def listing(
    where: str, sent: Sequence[Sent], named: Callable[[Sent], str] = _quoted_target
) -> str:
    """List what was sent, the last entries of it, and where each went."""
    lines = [f"Sent to {where}:"]
    if len(sent) > _LISTED:
        lines.append(f"     ... {len(sent) - _LISTED} earlier messages")
    first = max(0, len(sent) - _LISTED)
    for number, entry in enumerate(sent[first:], first + 1):
        lines.append(f"  {number:>4}  {named(entry)} {safe_repr(entry.message)}")
    return "\n".join(lines)


def wrong_count(where: str, found: int, count: int, sent: Sequence[Sent]) -> str:
    """Say how many matched."""
    messages = "1 message" if found == 1 else f"{found} messages"
    verb = "matches" if found == 1 else "match"
    return f"{messages} to {where} {verb}, expected {count}.\n\n{listing(where, sent)}"


def unexpected(where: str, sent: Sequence[Sent]) -> str:
    """Say what was sent where nothing should have been."""
    return f"{_unexpected_number(where, sent)}\n\n{listing(where, sent)}"


def unexpected_anywhere(sent: Sequence[Sent]) -> str:
    """Say what was sent on which layer, where nothing should have been."""
    where = "any channel or group"
    listed = listing(where, sent, _full_target)
    return f"{_unexpected_number(where, sent)}\n\n{listed}"


def _unexpected_number(where: str, sent: Sequence[Sent]) -> str:
    messages = "1 message was" if len(sent) == 1 else f"{len(sent)} messages were"
    return f"{messages} sent to {where}, expected none."


def out_of_order(
    position: int, expected: object, found: Sequence[Sent], sent: Sequence[Sent]
) -> str:
    """Say which message of a sequence did not follow."""
    after = f" after {safe_repr(found[-1].message)}" if found else ""
    where = "all channels and groups"
    return (
        f"Message {position} of the sequence was not sent{after}.\n\n"
        f"Expected: {safe_repr(expected)}\n\n{listing(where, sent)}"
    )


def before_commit(where: str, entries: Sequence[Sent]) -> str:
    """Say that messages left before the transaction had ended."""
    return (
        f"A message to {where} was sent inside an atomic block: a receiver can look"
        " for the rows before they are committed.\n\n"
        f"{listing(where, entries)}\n\n"
        "Send it with transaction.on_commit()."
    )
