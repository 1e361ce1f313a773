"""Failures about messages that were sent, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.matching import did_you_mean, first_difference, nearest
from channels_testkit.matching.wording import (
    MAX_LISTED,
    in_a_row,
    listed,
    say,
    shorten,
)

from .aliases import on_alias, other_layers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .captive import CaptiveChannelLayer
    from .sent import Sent


def no_message(channel: str, layer: CaptiveChannelLayer, alias: str) -> str:
    """Say that a channel is empty, and which channels hold messages."""
    counts = layer.pending_counts()
    held = [f"{name}: {count}" for name, count in counts.items()]
    here = on_alias(alias)
    return (
        f"Expected a message on channel {say(channel)}{here}, got none."
        f"\nChannels{here} that hold messages: {in_a_row(held)}."
        f"{did_you_mean(channel, counts)}{_held_elsewhere(channel, alias)}"
    )


def _held_elsewhere(channel: str, alias: str) -> str:
    for other, layer in other_layers(alias):
        count = len(layer.pending(channel))
        if count:
            hold = "holds 1 message" if count == 1 else f"holds {count:,} messages"
            return f"\nOn alias {other!r} it {hold}: give alias={other!r}."
    return ""


def target_of(sent: Sent) -> str:
    """Return the channel or the group that an entry went to."""
    return str(sent.channel if sent.group is None else sent.group)


def _quoted_target(sent: Sent) -> str:
    return say(target_of(sent))


def _full_target(sent: Sent) -> str:
    kind = "channel" if sent.group is None else "group"
    return f"{kind} {say(target_of(sent))} ({sent.alias})"


def nothing_sent_to(
    kind: str, target: str, sent: Sequence[Sent], here: str = ""
) -> str:
    """
    Say that nothing went to a channel or group, and who got something.

    ``here`` names the alias, if it has to be named.
    """
    others = sorted({target_of(entry) for entry in sent})
    return (
        f"Nothing was sent to {kind} {say(target)}{here}.\n"
        f"{kind.capitalize()}s{here} that were sent to: {listed(others)}."
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
        f"Expected: {say(expected)}\n"
        f"Nearest:  {say(messages[index])}\n\n"
        f"{listing(where, sent)}"
    )


def listing(
    where: str,
    sent: Sequence[Sent],
    named: Callable[[Sent], str] = _quoted_target,
    *,
    with_senders: bool = False,
) -> str:
    """
    List what was sent, the last entries of it, and where each went.

    ``with_senders`` adds whose code has sent each.
    """
    lines = [f"Sent to {where}:"]
    if len(sent) > MAX_LISTED:
        lines.append(f"     ... {len(sent) - MAX_LISTED:,} earlier messages")
    first = max(0, len(sent) - MAX_LISTED)
    for number, entry in enumerate(sent[first:], first + 1):
        lines.append(f"  {number:>4}  {named(entry)} {say(entry.message)}")
        if with_senders and entry.sender is not None:
            lines.append(f"        by {shorten(str(entry.sender))}")
    return "\n".join(lines)


def wrong_count(where: str, found: int, count: int, sent: Sequence[Sent]) -> str:
    """Say how many matched."""
    messages = "1 message" if found == 1 else f"{found:,} messages"
    verb = "matches" if found == 1 else "match"
    verdict = f"{messages} to {where} {verb}, expected {count:,}."
    entries = listing(where, sent, with_senders=found > count)
    return f"{verdict}\n\n{entries}"


def unexpected(where: str, sent: Sequence[Sent]) -> str:
    """Say what was sent where nothing should have been."""
    entries = listing(where, sent, with_senders=True)
    return f"{_unexpected_number(where, sent)}\n\n{entries}"


def unexpected_anywhere(sent: Sequence[Sent]) -> str:
    """Say what was sent on which layer, where nothing should have been."""
    where = "any channel or group"
    entries = listing(where, sent, _full_target, with_senders=True)
    return f"{_unexpected_number(where, sent)}\n\n{entries}"


def _unexpected_number(where: str, sent: Sequence[Sent]) -> str:
    messages = "1 message was" if len(sent) == 1 else f"{len(sent):,} messages were"
    return f"{messages} sent to {where}, expected none."


def out_of_order(
    where: str,
    position: int,
    expected: object,
    found: Sequence[Sent],
    sent: Sequence[Sent],
) -> str:
    """Say which message of a sequence did not follow."""
    after = f" after {say(found[-1].message)}" if found else ""
    return (
        f"Message {position} of the sequence was not sent{after}.\n\n"
        f"Expected: {say(expected)}\n\n{listing(where, sent)}"
    )


def before_commit(where: str, entries: Sequence[Sent]) -> str:
    """Say that messages left before the transaction had ended."""
    return (
        f"A message to {where} was sent inside an atomic block: a receiver can look"
        " for the rows before they are committed.\n\n"
        f"{listing(where, entries, with_senders=True)}\n\n"
        "Send it with transaction.on_commit()."
    )
