"""What a test leaves behind, found when its clients have gone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from channels_testkit.engine import hangs, private
from channels_testkit.layers.aliases import DEFAULT, is_captive, on_alias
from channels_testkit.layers.inspection import left_on
from channels_testkit.matching.wording import (
    SHOWN_OF_A_KIND,
    first_of_each_kind,
    listed,
    say,
    shorten,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from threading import Thread

    from channels_testkit.engine.bridge import Bridge
    from channels_testkit.layers.captive import CaptiveChannelLayer
    from channels_testkit.layers.sent import Sent

    from .opened import Opened

_SECONDS_TO_END = 0.1
_SECONDS_OF_ASGIREF = 10.0
_MOST = 4_000


def unread(opened: Iterable[Opened]) -> Iterator[str]:
    """Say which frames the test has not read."""
    found = []
    for item in opened:
        count, transcript = item.unread()
        if count:
            found.append((f"{_counted(count, 'frame')} from {item.label}", transcript))
    if not found:
        return
    lines, transcripts = zip(*found, strict=True)
    verdict = f"The test did not read {lines[0]}."
    if len(found) > 1:
        listing = "\n".join(f"  {it}" for it in first_of_each_kind(lines))
        verdict = (
            f"The test did not read the frames of {len(found):,} connections:"
            f"\n{listing}"
        )
    yield "\n\n".join([verdict, *map(str, transcripts[:SHOWN_OF_A_KIND])])


def dropped(layers: Iterable[CaptiveChannelLayer], since: int = 0) -> Iterator[str]:
    """
    Say which messages to groups a full channel had to miss.

    Of those that were sent after the number ``since``.
    """
    for layer in filter(is_captive, layers):
        groups: dict[str, list[Sent]] = {}
        for sent in layer.dropped:
            if sent.sequence > since:
                groups.setdefault(str(sent.group), []).append(sent)
        for group, missed in groups.items():
            yield _dropped_of_group(
                f"{say(group)}{on_alias(layer.alias or DEFAULT)}", missed
            )


def _dropped_of_group(group: str, missed: Sequence[Sent]) -> str:
    channels = list(dict.fromkeys(name for sent in missed for name in sent.dropped))
    is_one = len(missed) == 1
    what = "A message" if is_one else f"{len(missed):,} messages"
    lines = [say(sent.message) for sent in missed[:SHOWN_OF_A_KIND]]
    more = len(missed) - len(lines)
    lines += [f"... and {more:,} more"] if more else []
    shown = f": {lines[0]}" if is_one else "s:\n  " + "\n  ".join(lines)
    return (
        f"{what} to group {group} {'was' if is_one else 'were'} dropped, because"
        f" {listed(channels)} held as many messages as its capacity allows."
        f"\n\nMessage{shown}\n\n"
        "A real layer also drops it, without an error. If the test is about this, set"
        ' check_dropped = "off" on the test case.'
    )


def left(
    opened: Sequence[Opened],
    bridge: Bridge,
    layers: Mapping[str, CaptiveChannelLayer],
) -> Iterator[str]:
    """Yield what is still there: applications, tasks, threads, memberships."""
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
            yield from _left_in_layers(item, item.channel, layers)


def in_one_finding(lines: Iterable[str]) -> Iterator[str]:
    """Join these lines in one failure, if there are any."""
    listing = "\n".join(f"  {line}" for line in first_of_each_kind(lines))
    if listing:
        yield f"Still there after all clients had left:\n{listing}"


def let_threads_end(threads: Iterable[Thread]) -> None:
    """Wait for those that have done their work and are on their way out."""
    now = time.monotonic()
    for thread in threads:
        # asgiref has one for the end of a pool, which comes, sooner or later.
        ends = "asgiref.sync" in private.origins_of(thread)
        deadline = now + (_SECONDS_OF_ASGIREF if ends else _SECONDS_TO_END)
        # One that another thread is only starting cannot be waited for.
        if thread.is_alive() and private.can_be_joined(thread):
            thread.join(max(0.0, deadline - time.monotonic()))


def _left_in_layers(
    item: Opened, channel: str, layers: Mapping[str, CaptiveChannelLayer]
) -> Iterator[str]:
    for alias, layer in layers.items():
        if not is_captive(layer):
            continue
        here = on_alias(alias)
        for group in layer.groups_of(channel):
            yield f"{item.label} in group {say(group)}{here}: {item.way_to_leave}"
        count = left_on(layer, channel)
        if count:
            messages = _counted(count, "message")
            yield f"{messages} on the channel of {item.label}{here}"


def _counted(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"


def describe_layers(layers: Mapping[str, CaptiveChannelLayer]) -> str:
    """Return a line for each channel that holds messages and each group."""
    lines = []
    for alias, layer in layers.items():
        if not is_captive(layer):
            lines.append(
                f"  layer {alias!r} is a real one, whose contents are not known"
            )
            continue
        for channel, count in layer.pending_counts().items():
            lines.append(f"  channel {say(channel)} ({alias}) holds {count} message(s)")
        for group, members in layer.groups().items():
            lines.append(f"  group {say(group)} ({alias}) has {len(members)} member(s)")
    return shorten("\n".join(first_of_each_kind(lines, "  ")), _MOST)
