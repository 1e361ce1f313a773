"""
The state of a captive layer: channels, groups, and who waits.

Everything happens under one lock, from whatever thread. A message is assigned
to its receiver here; the receiver's future only wakes it.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import threading
from collections import deque
from contextlib import suppress
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, NamedTuple

from channels_testkit.engine.order import order_of
from channels_testkit.engine.origins import OWNER, called
from channels_testkit.matching.wording import say

from .answers import running_loop
from .faults import outcome_of
from .recorded import note_taken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from channels_testkit.engine.origins import Owner

    from .faults import Faults, Outcome, Sending
    from .sent import LayerFault, Message, Sent


class Queued(NamedTuple):
    """A message on its channel; ``sequence`` keeps it in its place."""

    sequence: int
    deadline: float
    message: Message


class Waiter:
    """A call of ``receive()``, and the message that it was given."""

    __slots__ = ("channel", "future", "owner", "queued")

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.owner = OWNER.get()
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.queued: Queued | None = None

    def say(self) -> str:
        """Say what comes, and to whom."""
        message = {} if self.queued is None else self.queued.message
        whose = self.channel if self.owner is None else called(self.owner)
        return f"{whose}: the message {say(message)} comes"

    def is_alive(self) -> bool:
        """Tell whether it can still be woken."""
        return not (self.future.done() or self.future.get_loop().is_closed())


def _go_on(*waiters: Waiter) -> None:
    for waiter in waiters:
        if not waiter.future.done():
            waiter.future.set_result(None)


class Exchange:
    """
    Channels, groups, and who waits: all that changes, behind one lock.

    A message for a waiting receiver is given to it at once, under the lock;
    its future only tells it to go on. Whoever stops a receiver, on whatever
    loop, finds under the same lock whether a message has to go back.

    The lock is re-entrant: the garbage collector may close a receiver, which
    then gives its message back, in the middle of any call.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.names = itertools.count(1)
        self.sent: list[Sent] = []
        self.channels: dict[str, deque[Queued]] = {}
        #: The channels that somebody has read, or waited on.
        self.read: set[str] = set()
        #: The blocks that ask for faults, the innermost last.
        self.fault_blocks: list[Faults] = []
        #: Every fault there was, in order, and those of which the message is
        #: still to come.
        self.faults: list[LayerFault] = []
        self.late: list[LayerFault] = []
        self._waiters: dict[str, deque[Waiter]] = {}
        # The deadlines of the members of each group, in order of joining; the
        # groups of each channel; when to look where for what has expired.
        self._members: dict[str, dict[str, float]] = {}
        self._groups: dict[str, dict[str, None]] = {}
        self._deadlines: list[tuple[float, str]] = []

    def claim(self, channel: str, now: float) -> Waiter:
        """Return a waiter that has the next message, or waits for it."""
        waiter = Waiter(channel)
        with self.lock:
            self._expire(now)
            waiter.queued = self.pop(channel)
            if waiter.queued is None:
                self._waiters.setdefault(channel, deque()).append(waiter)
        return waiter

    def give_back(self, waiter: Waiter) -> None:
        """Give the message of a receiver that was stopped to another one."""
        with self.lock:
            queued, waiter.queued = waiter.queued, None
            if queued is None:
                return self._forget(waiter)
            heir = self.hand(waiter.channel, queued)
            if heir is None:
                return self.queue(waiter.channel, queued)
        return self._wake_on(heir.future.get_loop(), [heir])

    def wake(self, waiters: Iterable[Waiter]) -> None:
        """Wake receivers that were given a message, each on its own loop."""
        here = running_loop()
        elsewhere: dict[asyncio.AbstractEventLoop, list[Waiter]] = {}
        for waiter in waiters:
            loop = waiter.future.get_loop()
            if loop is here:
                come = functools.partial(_go_on, waiter)
                order_of(loop).arrive(waiter.channel, waiter.say, come)
            else:
                elsewhere.setdefault(loop, []).append(waiter)
        for loop, group in elsewhere.items():
            self._wake_on(loop, group)

    def _wake_on(self, loop: asyncio.AbstractEventLoop, group: list[Waiter]) -> None:
        try:
            loop.call_soon_threadsafe(_go_on, *group)
        except RuntimeError:  # it was closed meanwhile
            for waiter in group:
                self.give_back(waiter)

    def outcome_of(self, sending: Sending) -> Outcome:
        """Return the outcome of a message, or raise what its call has to."""
        outcome = outcome_of(tuple(self.fault_blocks), sending, self.owner_of)
        self.faults += outcome.faults
        if outcome.error is not None:
            raise outcome.error
        return outcome

    # The caller of the next three holds the lock.

    def hand(self, channel: str, queued: Queued) -> Waiter | None:
        """Give a message to the first who waits for it; return that one."""
        waiters = self._waiters.get(channel)
        found = None
        while waiters and found is None:
            waiter = waiters.popleft()
            if waiter.is_alive():
                waiter.queued = queued
                found = waiter
        if not waiters:
            self._waiters.pop(channel, None)
        return found

    def queue(self, channel: str, queued: Queued) -> None:
        """Put a message on a channel, in the order in which it was sent."""
        line = self.channels.setdefault(channel, deque())
        place = len(line)
        while place and line[place - 1].sequence > queued.sequence:
            place -= 1
        line.insert(place, queued)
        heappush(self._deadlines, (queued.deadline, channel))

    def held(self, channel: str, now: float) -> int:
        """Return how many messages a channel holds."""
        self._drop_expired(channel, now)
        return len(self.channels.get(channel, ()))

    def take(self, channel: str, now: float) -> Message | None:
        """Take the next message off a channel, if it holds one."""
        with self.lock:
            self._expire(now)
            queued = self.pop(channel)
        if queued is None:
            return None
        note_taken(None, queued.sequence, queued.message)
        return queued.message

    def pop(self, channel: str) -> Queued | None:
        """Take what is next on a channel, if it holds anything."""
        with self.lock:
            self.read.add(channel)
            line = self.channels.get(channel)
            if not line:
                return None
            queued = line.popleft()
            if not line:
                del self.channels[channel]
            return queued

    def pending(self, channel: str, now: float) -> list[Message]:
        """Return the messages that a channel holds."""
        with self.lock:
            self._expire(now)
            return [queued.message for queued in self.channels.get(channel, ())]

    def pending_counts(self, now: float) -> dict[str, int]:
        """Return how many messages each channel holds that holds any."""
        with self.lock:
            self._expire(now)
            return {channel: len(line) for channel, line in self.channels.items()}

    def waiting(self, channel: str) -> int:
        """Return how many receivers wait on a channel."""
        with self.lock:
            return sum(waiter.is_alive() for waiter in self._waiters.get(channel, ()))

    def first_waiter(self, channel: str) -> Waiter | None:
        """Return who gets the next message of a channel, if anybody waits."""
        with self.lock:
            waiters = self._waiters.get(channel, ())
            return next(filter(Waiter.is_alive, waiters), None)

    def owner_of(self, channel: str) -> Owner | None:
        """Return whose the receiver is that waits on a channel."""
        waiter = self.first_waiter(channel)
        return None if waiter is None else waiter.owner

    def end_delay(self, fault: LayerFault, *, is_full: bool) -> None:
        """Take note that a message comes that was late, or cannot come."""
        with self.lock:
            self.late = [other for other in self.late if other is not fault]
            if is_full:
                self.sent[:] = [_without(fault, sent) for sent in self.sent]

    def known(self) -> dict[str, None]:
        """Return the channels that are waited on, and those with messages."""
        with self.lock:
            waited = [name for name in self._waiters if self.waiting(name)]
            return dict.fromkeys([*waited, *self.channels])

    def discard(self, channel: str) -> None:
        """Forget the messages of a channel; receivers go on waiting."""
        with self.lock:
            self.channels.pop(channel, None)

    def clear(self) -> None:
        """Forget all messages and groups; receivers go on waiting."""
        with self.lock:
            self.channels.clear()
            self._members.clear()
            self._groups.clear()
            self._deadlines.clear()

    def join(self, group: str, channel: str, deadline: float) -> None:
        """Make a channel a member of a group, as its newest."""
        with self.lock:
            self.leave(group, channel)
            self._members.setdefault(group, {})[channel] = deadline
            self._groups.setdefault(channel, {})[group] = None

    def leave(self, group: str, channel: str) -> None:
        """End a membership, if there is one."""
        with self.lock:
            _discard(self._members, group, channel)
            _discard(self._groups, channel, group)

    def members(self, group: str, now: float) -> tuple[str, ...]:
        """Return the channels of a group, in the order of joining."""
        return tuple(self.deadlines(group, now))

    def deadlines(self, group: str, now: float) -> dict[str, float]:
        """Return when the membership of each channel of a group ends."""
        with self.lock:
            self._expire(now)
            deadlines = self._members.get(group, {})
            over = itertools.takewhile(lambda item: item[1] <= now, deadlines.items())
            for channel, _ in tuple(over):
                self.leave(group, channel)
            return deadlines.copy()

    def groups(self, now: float) -> dict[str, tuple[str, ...]]:
        """Return the members of each group that has any."""
        with self.lock:
            groups = {group: self.members(group, now) for group in tuple(self._members)}
        return {group: members for group, members in groups.items() if members}

    def groups_of(self, channel: str, now: float) -> tuple[str, ...]:
        """Return the groups that a channel is in."""
        with self.lock:
            groups = tuple(self._groups.get(channel, ()))
            return tuple(
                group for group in groups if channel in self.members(group, now)
            )

    def _forget(self, waiter: Waiter) -> None:
        waiters = self._waiters.get(waiter.channel, deque())
        with suppress(ValueError):
            waiters.remove(waiter)
        if not waiters:
            self._waiters.pop(waiter.channel, None)

    def _expire(self, now: float) -> None:
        while self._deadlines and self._deadlines[0][0] <= now:
            self._drop_expired(heappop(self._deadlines)[1], now)

    def _drop_expired(self, channel: str, now: float) -> None:
        """Drop what has expired; the channel then leaves its groups."""
        line = self.channels.get(channel)
        if not line or line[0].deadline > now:
            return
        while line and line[0].deadline <= now:
            line.popleft()
        if not line:
            del self.channels[channel]
        for group in tuple(self._groups.get(channel, ())):
            self.leave(group, channel)


def _discard(index: dict[str, dict[str, Any]], key: str, item: str) -> None:
    """Take an item from under a key, and the key when it was the last."""
    items = index.get(key, {})
    items.pop(item, None)
    if not items:
        index.pop(key, None)


def _without(fault: LayerFault, sent: Sent) -> Sent:
    """Return an entry that has a delivery which a full channel has dropped."""
    if sent.sequence != fault.sequence:
        return sent
    dropped = () if sent.group is None else (str(fault.channel),)
    return sent._replace(
        receivers=tuple(it for it in sent.receivers if it != fault.channel),
        dropped=(*sent.dropped, *dropped),
    )
