"""What a test leaves behind, found when its clients have gone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from channels_testkit.engine import hangs, private
from channels_testkit.layers.aliases import is_captive
from channels_testkit.matching.wording import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from threading import Thread

    from channels_testkit.engine.bridge import Bridge
    from channels_testkit.layers.captive import CaptiveChannelLayer

    from .opened import Opened

_SECONDS_TO_END = 0.1


def unread(opened: Iterable[Opened]) -> Iterator[str]:
    """Say which frames nobody has read."""
    for item in opened:
        count, transcript = item.unread()
        if count:
            frames = "1 frame" if count == 1 else f"{count} frames"
            yield f"Nobody read {frames} from {item.label}.\n\n{transcript}"


def dropped(layers: Iterable[CaptiveChannelLayer]) -> Iterator[str]:
    """Say which messages to groups a full channel had to miss."""
    for layer in filter(is_captive, layers):
        for sent in layer.dropped:
            channels = ", ".join(map(repr, sent.dropped))
            yield (
                f"A message to group {say(sent.group)} was dropped, because"
                f" {channels} held as many messages as its capacity allows.\n\n"
                f"Message: {say(sent.message)}\n\n"
                "A real layer drops it in silence. Where that is what the test is"
                ' about, set check_dropped = "off" on the test case.'
            )


def left(
    opened: Sequence[Opened],
    bridge: Bridge,
    layers: Mapping[str, CaptiveChannelLayer],
) -> Iterator[str]:
    """Name what is still there: applications, tasks, threads, memberships."""
    for item in opened:
        if item.unfinished is not None:
            yield (
                f"the application of {item.label}, which did not end after"
                f" {item.unfinished}"
            )
    for task in bridge.tasks():
        yield hangs.describe_task(task)
    yield from bridge.rest.outside_work(only_new=True)
    for item in opened:
        if item.channel is not None and item.unfinished is None:
            yield from _left_in_layers(item.label, item.channel, layers)


def in_one_finding(lines: Iterable[str]) -> Iterator[str]:
    """Put what is left into one text, if anything is."""
    listed = "\n".join(f"  {line}" for line in lines)
    if listed:
        yield f"Left when all clients had gone:\n{listed}"


def let_threads_end(threads: Iterable[Thread]) -> None:
    """Wait for those that have done their work and are on their way out."""
    deadline = time.monotonic() + _SECONDS_TO_END
    for thread in threads:
        # One that another thread is only starting cannot be waited for.
        if thread.is_alive() and private.can_be_joined(thread):
            thread.join(max(0.0, deadline - time.monotonic()))


def _left_in_layers(
    label: str, channel: str, layers: Mapping[str, CaptiveChannelLayer]
) -> Iterator[str]:
    for layer in filter(is_captive, layers.values()):
        for group in layer.groups_of(channel):
            yield f"{label} in group {say(group)}: call group_discard()"
        count = len(layer.pending(channel))
        if count:
            messages = "1 message" if count == 1 else f"{count} messages"
            yield f"{messages} on the channel of {label}"


def describe_layers(layers: Mapping[str, CaptiveChannelLayer]) -> str:
    """Return a line for each channel that holds messages and each group."""
    lines = []
    for alias, layer in layers.items():
        if not is_captive(layer):
            lines.append(f"  layer {alias!r} is a real one, which is not looked into")
            continue
        for channel, count in layer.pending_counts().items():
            lines.append(f"  channel {say(channel)} ({alias}) holds {count} message(s)")
        for group, members in layer.groups().items():
            lines.append(f"  group {say(group)} ({alias}) has {len(members)} member(s)")
    return "\n".join(lines)
