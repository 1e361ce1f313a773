"""Messages and groups in the timeline of a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels import DEFAULT_CHANNEL_LAYER

from channels_testkit.matching.wording import MAX_LISTED, in_a_row, say
from channels_testkit.timeline.recording import record
from channels_testkit.timeline.story import Lane

from .senders import sent_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from channels_testkit.timeline.recording import Actor
    from channels_testkit.timeline.story import Story

    from .sent import LayerFault, Message, Sent

_TAKEN = "messages taken"
_OWNERS = "owners of channels"
#: Functions that are called with each taken message and its number.
taking_followers: list[Callable[[int, Message], object]] = []
_WIDTH = 100
#: The characters of receivers' names, so that the message has room.
_WIDTH_OF_NAMES = 60


def message_sent(story: Story, sent: Sent) -> None:
    """Tell that somebody has sent a message, and who gets it."""
    where = _lane(sent.alias, sent.group, sent.channel)
    story.notes[sent.sequence] = where
    inside = " inside atomic()" if sent.in_atomic_block else ""
    message = say(sent.message, _WIDTH)
    story.add(
        "message",
        f"sends to {where.name}{_to_whom(story, sent)}{inside}{sent_at(sent.sender)}"
        f"{_faults_in_words(story, sent)}: {message}",
        detail=sent.message,
        target=where,
    )


def message_comes_late(
    story: Story, alias: str | None, fault: LayerFault, sequence: int
) -> None:
    """Tell that a message comes which ``layer_faults()`` has kept."""
    where = _lane(alias, fault.group, fault.channel)
    story.notes[sequence] = where
    name = _name_of(story, alias, str(fault.channel))
    message = say(fault.message, _WIDTH)
    story.add(
        "message",
        f"delivers late to {name}: {message}",
        detail=fault.message,
        target=where,
    )


def _faults_in_words(story: Story, sent: Sent) -> str:
    return "".join(
        f", {fault.kind} for {_name_of(story, sent.alias, str(fault.channel))}"
        for fault in sent.faults[:MAX_LISTED]
    )


def note_taken(actor: Actor | None, sequence: int, message: Message) -> None:
    """Record that somebody takes a message."""
    record(actor, message_taken, sequence, message)
    for follow in tuple(taking_followers):
        follow(sequence, message)


def message_taken(story: Story, sequence: int, message: Message) -> None:
    """Take note of where a message comes from that somebody takes."""
    where = story.notes.get(sequence)
    if where is not None:
        # A handler begins with this object; others may be equal.
        messages_taken(story)[id(message)] = where


def messages_taken(story: Story) -> dict[int, Lane]:
    """Return where each message comes from that somebody has taken, by id."""
    taken: dict[int, Lane] = story.notes.setdefault(_TAKEN, {})
    return taken


def group_joined(story: Story, alias: str | None, group: str, channel: str) -> None:
    """Tell that a channel has become a member of a group."""
    _tell_membership(story, "joins", _lane(alias, group), (alias, channel))


def group_left(story: Story, alias: str | None, group: str, channel: str) -> None:
    """Tell that a channel is no member of a group any more."""
    _tell_membership(story, "leaves", _lane(alias, group), (alias, channel))


def _tell_membership(
    story: Story, verb: str, where: Lane, member: tuple[str | None, str]
) -> None:
    name = _name_of(story, *member)
    is_own = story.actor is not None and name == story.names.of(story.actor)
    who = "" if is_own else f" for {name}"
    story.add("group", f"{verb} {where.name}{who}", target=where)


def _to_whom(story: Story, sent: Sent) -> str:
    if sent.group is None:
        return ""
    if not (sent.receivers or sent.dropped):
        return " (no receivers)"
    got = _names_of(story, sent.alias, sent.receivers)
    missed = _names_of(story, sent.alias, sent.dropped)
    lost = f", missed by {missed}, whose channel is full" if sent.dropped else ""
    return f" ({got}){lost}"


def _names_of(story: Story, alias: str | None, channels: tuple[str, ...]) -> str:
    first: list[str] = []
    for channel in channels[:MAX_LISTED]:
        if sum(map(len, first)) < _WIDTH_OF_NAMES - 2 * len(first):
            first.append(_name_of(story, alias, channel))
    return in_a_row(first, len(channels))


def _lane(alias: str | None, group: str | None, channel: str | None = None) -> Lane:
    name = f"group {group!r}" if group is not None else f"channel {channel!r}"
    on = "" if alias in {None, DEFAULT_CHANNEL_LAYER} else f" on {alias!r}"
    return Lane("layer", f"{name}{on}")


def _name_of(story: Story, alias: str | None, channel: str) -> str:
    """Return the name of the connection or worker that a channel is of."""
    owners = story.notes.get(_OWNERS)
    if owners is None:
        owners = story.notes[_OWNERS] = dict(_channels_of(story))
    name: str = owners.get((alias or DEFAULT_CHANNEL_LAYER, channel), repr(channel))
    return name


def _channels_of(story: Story) -> Iterator[tuple[tuple[str, str], str]]:
    for actor in story.names.actors:
        consumer: Any = actor.consumer
        channel = getattr(consumer, "channel_name", None)
        if channel is not None:
            yield (consumer.channel_layer_alias, channel), story.names.of(actor)
