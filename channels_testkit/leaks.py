"""What a test leaves behind, found when its clients have gone."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from .aliases import is_captive
from .engine import hangs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from threading import Thread

    from .communicator import WebsocketCommunicator
    from .http import HttpCommunicator
    from .layers import CaptiveChannelLayer
    from .run import TestRun


_SECONDS_TO_END = 0.1


def findings(run: TestRun) -> Iterator[tuple[str, str]]:
    """Yield the policy and the text of each finding."""
    case = run.case
    if case.check_unread != "off":
        for text in _unread(run.communicators):
            yield case.check_unread, text
    if case.check_dropped != "off":
        for text in _dropped(filter(is_captive, run.layers_in_place.made)):
            yield case.check_dropped, text
    if case.check_leaks != "off":
        left = [*run.outside.left, *(_left(run) if run.has_loop else ())]
        if left:
            lines = "\n".join(f"  {line}" for line in left)
            yield case.check_leaks, f"Left when all clients had gone:\n{lines}"


def _unread(communicators: list[WebsocketCommunicator]) -> Iterator[str]:
    for communicator in communicators:
        connection = communicator.connection
        count = len(connection.take_frames()) if connection else 0
        if connection and count:
            frames = "1 frame" if count == 1 else f"{count} frames"
            yield (
                f"Nobody read {frames} from {connection.label}.\n\n"
                f"{connection.transcript}"
            )


def _dropped(layers: Iterable[CaptiveChannelLayer]) -> Iterator[str]:
    for layer in layers:
        for sent in layer.dropped:
            channels = ", ".join(map(repr, sent.dropped))
            yield (
                f"A message to group {sent.group!r} was dropped, because"
                f" {channels} held as many messages as its capacity allows.\n\n"
                f"Message: {sent.message!r}\n\n"
                "A real layer drops it in silence. Where that is what the test is"
                ' about, set check_dropped = "off" on the test case.'
            )


def _left(run: TestRun) -> Iterator[str]:
    for communicator in run.to_close:
        if communicator.did_not_end:
            yield (
                f"the application of {communicator.label}, which did not end after"
                f" {communicator.goodbye}"
            )
    for task in asyncio.all_tasks(run.bridge.loop):
        yield hangs.describe_task(task)
    yield from run.bridge.rest.outside_work()
    for communicator in run.to_close:
        yield from _left_in_layers(communicator, run.layers)


def let_threads_end(threads: Iterable[Thread]) -> None:
    """Wait for those that have done their work and are on their way out."""
    deadline = time.monotonic() + _SECONDS_TO_END
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _left_in_layers(
    communicator: WebsocketCommunicator | HttpCommunicator,
    layers: Mapping[str, CaptiveChannelLayer],
) -> Iterator[str]:
    connection = communicator.connection
    channel = getattr(connection and connection.consumer, "channel_name", None)
    if channel is None or connection is None or connection.error is not None:
        # One that raised never came to leave its groups.
        return
    for layer in filter(is_captive, layers.values()):
        for group in layer.groups_of(channel):
            yield f"{communicator.label} in group {group!r}: call group_discard()"
        count = len(layer.pending(channel))
        if count:
            messages = "1 message" if count == 1 else f"{count} messages"
            yield f"{messages} on the channel of {communicator.label}"


def describe_layers(layers: Mapping[str, CaptiveChannelLayer]) -> str:
    """Return a line for each channel that holds messages and each group."""
    lines = []
    for alias, layer in layers.items():
        if not is_captive(layer):
            lines.append(f"  layer {alias!r} is a real one, which is not looked into")
            continue
        for channel, count in layer.pending_counts().items():
            lines.append(f"  channel {channel!r} ({alias}) holds {count} message(s)")
        for group, members in layer.groups().items():
            lines.append(f"  group {group!r} ({alias}) has {len(members)} member(s)")
    return "\n".join(lines)
