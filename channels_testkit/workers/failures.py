"""Failures about worker consumers and their messages, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_testkit.matching import did_you_mean
from channels_testkit.matching.wording import in_a_row, listed, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from channels_testkit.asgi.application import Event

NOTHING_ROUTED = (
    "No worker consumer is routed: the application has no ChannelNameRouter. Put one"
    " under 'channel' in its ProtocolTypeRouter, or use apply_routes()."
)


def no_message(channel: str, counts: Mapping[str, int]) -> str:
    """Say that a channel holds no message, and which channels do."""
    held = in_a_row([f"{name}: {count}" for name, count in counts.items()])
    return (
        f"No message for channel {say(channel)}.\n"
        f"Channels that hold messages: {held}.{did_you_mean(channel, counts)}"
    )


def not_routed(channel: str, routes: Mapping[str, object]) -> str:
    """Say that no worker consumer is routed for a channel, and which are."""
    return (
        f"No worker consumer is routed for channel {say(channel)}.\n"
        f"Channels that are routed: {listed(sorted(routes))}."
        f"{did_you_mean(channel, routes)}"
    )


def without_type(channel: str, message: Event) -> str:
    """Say that a worker cannot handle a message without type."""
    return (
        f"The message on channel {say(channel)} has no 'type', so the worker consumer"
        f" cannot find its handler: {say(dict(message))}."
    )


def lost(channel: str, messages: Sequence[Event], error: BaseException | None) -> str:
    """Say which messages were lost with a worker consumer."""
    one = len(messages) == 1
    counted = "1 message" if one else f"{len(messages):,} messages"
    end = f"raised {type(error).__name__}" if error is not None else "stopped"
    return (
        f"{counted} on channel {say(channel)} {'was' if one else 'were'} lost when its"
        f" worker consumer {end}, as with manage.py runworker."
        f" {'It is' if one else 'The first is'}"
        f" {say(dict(messages[0]))}.\nIf your worker process keeps"
        ' such messages, set worker_backlog = "kept" on the test case.'
    )


def not_served(
    channel: str, served: Sequence[str], message: object, take_call: str
) -> str:
    """Say that a message went to a channel that no worker handles."""
    return (
        f"A message was sent to channel {say(channel)}, which no worker"
        " handles.\nChannels that workers handle:"
        f" {listed(served)}."
        f"{did_you_mean(channel, served)}"
        f"\n\nMessage: {say(message)}\n\nIf it is not for a worker consumer, take it"
        f" off the channel before this, with {take_call}; assertSent() leaves it"
        " there."
    )
