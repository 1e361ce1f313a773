"""Failures about worker consumers and their messages, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.util import safe_repr

from channels_testkit.matching import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from channels_testkit.asgi.application import Event

NOTHING_ROUTED = (
    "No worker consumer is routed: the application has no ChannelNameRouter. Put one"
    " under 'channel' in its ProtocolTypeRouter, or use apply_routes()."
)


def no_message(channel: str, counts: Mapping[str, int]) -> str:
    """Say that a channel holds no message, and which channels do."""
    held = ", ".join(f"{name}: {count}" for name, count in counts.items()) or "none"
    return (
        f"No message for channel {channel!r}.\n"
        f"Channels that hold messages: {held}.{did_you_mean(channel, counts)}"
    )


def not_routed(channel: str, routes: Mapping[str, object]) -> str:
    """Say that no worker consumer is routed for a channel, and which are."""
    listed = ", ".join(map(repr, sorted(routes))) or "none"
    return (
        f"No worker consumer is routed for channel {channel!r}.\n"
        f"Channels that are routed: {listed}.{did_you_mean(channel, routes)}"
    )


def without_type(channel: str, message: Event) -> str:
    """Say that a worker cannot handle a message without type."""
    return (
        f"The message on channel {channel!r} has no 'type', which names the handler of"
        f" the worker consumer: {dict(message)!r}."
    )


def lost(channel: str, messages: Sequence[Event], error: BaseException | None) -> str:
    """Say which messages a worker consumer has taken with it."""
    one = len(messages) == 1
    listed = "1 message" if one else f"{len(messages)} messages"
    end = f"raised {type(error).__name__}" if error is not None else "stopped"
    return (
        f"{listed} on channel {channel!r} {'was' if one else 'were'} lost when its"
        f" worker consumer {end}, as with manage.py runworker."
        f" {'It is' if one else 'The first is'}"
        f" {safe_repr(dict(messages[0]), short=True)}.\nIf your worker process goes on"
        ' with such messages, set worker_backlog = "kept" on the test case.'
    )


def not_served(
    channel: str, served: Sequence[str], message: object, take_call: str
) -> str:
    """Say that a message went to a channel that nobody serves or reads."""
    return (
        f"A message was sent to channel {channel!r}, which nobody"
        f" serves.\nChannels that are served: "
        f"{', '.join(map(repr, served))}."
        f"{did_you_mean(channel, served)}"
        f"\n\nMessage: {message!r}\n\nIf it is not for a worker consumer, let the test"
        f" take it before this, with {take_call}; assertSent() leaves it on the"
        " channel."
    )
