"""The captive channel layer: any thread, any loop, and it remembers."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import deque
from contextlib import suppress
from copy import deepcopy
from heapq import heappop, heappush
from types import coroutine
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from asgiref.sync import markcoroutinefunction
from channels.exceptions import ChannelFull
from channels.layers import BaseChannelLayer, channel_layers
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from .payloads import copy_plain, normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
    from re import Pattern

    Capacities = (
        Mapping[str | Pattern[str], int] | Iterable[tuple[str | Pattern[str], int]]
    )

__all__ = ("CaptiveChannelLayer", "Sent", "captive_layer", "in_atomic_block")

Kind = Literal["send", "group_send"]
Message = dict[str, Any]

NAME_RULES = (
    "{} name must be a valid unicode string with length < {} containing only "
    "ASCII alphanumerics, hyphens, underscores, or periods, not {!r}."
)

_sequence = itertools.count(1)


class Sent(NamedTuple):
    """
    A message that was put on a captive layer.

    ``receivers`` are the channels it was put on, ``dropped`` those of the
    group that were full. ``sequence`` grows with every message sent in this
    process, on whatever layer. ``in_atomic_block`` says that the sender was
    inside an ``atomic()`` that is not the test case's own.
    """

    kind: Kind
    channel: str | None
    group: str | None
    message: Message
    receivers: tuple[str, ...]
    dropped: tuple[str, ...]
    sequence: int
    in_atomic_block: bool
    alias: str | None = None

    def __repr__(self) -> str:
        text = f"<{self.kind} {self.sequence} to {self.channel or self.group!r}"
        if self.kind == "group_send":
            text += f", {len(self.receivers)} received, {len(self.dropped)} dropped"
        return f"{text}: {self.message!r}>"


def in_atomic_block() -> bool:
    """
    Return whether the calling thread is inside an ``atomic()`` of its own.

    Blocks of Django's ``TestCase`` do not count. Only connections that the
    thread already has are asked.
    """
    try:
        initialized = connections.all(initialized_only=True)
    except ImproperlyConfigured:  # no settings, no connections
        return False
    return any(
        not getattr(block, "_from_testcase", False)
        for connection in initialized
        for block in connection.atomic_blocks
    )


def captive_layer(alias: str = "default") -> CaptiveChannelLayer:
    """
    Return the captive layer that is in the place of an alias.

    Raises ``ImproperlyConfigured`` for an alias that ``CHANNEL_LAYERS`` does
    not have, and ``ValueError`` for one that is not captive in this test.
    """
    layer = channel_layers.backends.get(alias)
    if issubclass(type(layer), CaptiveChannelLayer):
        return cast("CaptiveChannelLayer", layer)
    configured = channel_layers.configs or {}
    if alias in configured:
        raise ValueError(
            f"Channel layer {alias!r} is not captive in this test: "
            "add it to test_channel_aliases."
        )
    others = f", only {', '.join(map(repr, configured))}" if configured else ""
    raise ImproperlyConfigured(
        f"CHANNEL_LAYERS has no {alias!r}{others}; add one, or use "
        "override_settings(CHANNEL_LAYERS=...)."
    )


class CaptiveChannelLayer(BaseChannelLayer):
    """
    A channel layer in memory, for tests.

    Any thread and any event loop may use it. It delivers what channels_redis
    would deliver, and refuses what that would refuse, unless ``strict`` is
    false. ``sent`` keeps all that was sent, in order.

    It takes the ``CONFIG`` of any backend; keys it does not know are ignored.

    Example::

        layer = CaptiveChannelLayer()
        async_to_sync(layer.group_add)("chat", "ann")
        async_to_sync(layer.group_send)("chat", {"type": "chat.join"})
        self.assertEqual(layer.sent[0].receivers, ("ann",))
        self.assertEqual(layer.take("ann"), {"type": "chat.join"})
    """

    extensions = ("groups", "flush")

    def __init__(
        self,
        expiry: int = 60,
        group_expiry: int = 86400,
        capacity: int = 100,
        channel_capacity: Capacities | None = None,
        *,
        strict: bool = True,
        serializer: str = "msgpack",
        # Packages that move time do not move this function, held here.
        clock: Callable[[], float] = time.perf_counter,
        alias: str | None = None,
        **ignored: object,
    ) -> None:
        normalise({}, serializer=serializer)  # refuses an unknown one
        super().__init__(expiry=expiry, capacity=capacity)
        compiled = self.compile_capacities(dict(channel_capacity or {}))
        self.channel_capacity = compiled  # type: ignore[assignment]  # as Channels does
        self.group_expiry = group_expiry
        self.strict = strict
        self.serializer = serializer
        self.clock = clock
        self.alias = alias
        self._exchange = _Exchange()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.alias!r}: {len(self.sent)} sent>"

    # These two return a coroutine, and so see the thread of the caller, which
    # async_to_sync() leaves to await it.

    @markcoroutinefunction
    def send(self, channel: str, message: Message) -> Coroutine[Any, Any, None]:
        """Put a message on a channel; raise ``ChannelFull`` if it is full."""
        return self._send("send", channel, message, atomic=in_atomic_block())

    @markcoroutinefunction
    def group_send(self, group: str, message: Message) -> Coroutine[Any, Any, None]:
        """Put a message on each channel of a group that is not full."""
        return self._send("group_send", group, message, atomic=in_atomic_block())

    async def receive(self, channel: str) -> Message:
        """
        Return the next message of a channel, as soon as there is one.

        Who asked first gets the first message. What was meant for a receiver
        that is cancelled is next again.
        """
        self._require_valid_channel(channel)
        # The object may stand for another layer by the time this one answers.
        exchange = self._exchange
        waiter = exchange.claim(channel, self.clock())
        try:
            await (waiter.future if waiter.queued is None else _suspend())
        except BaseException:
            exchange.give_back(waiter)
            raise
        return cast("_Queued", waiter.queued).message

    async def new_channel(self, prefix: str = "specific.") -> str:
        """Return a new channel name; each layer makes the same ones."""
        name = f"{prefix.rstrip('.')}.captive!{next(self._exchange.names)}"
        await _suspend()
        return name

    async def group_add(self, group: str, channel: str) -> None:
        """Add a channel to a group."""
        self._require_valid_group(group)
        self._require_valid_channel(channel)
        self._exchange.join(group, channel, self.clock() + self.group_expiry)
        await _suspend()

    async def group_discard(self, group: str, channel: str) -> None:
        """Take a channel out of a group, if it is in."""
        self._require_valid_group(group)
        self._require_valid_channel(channel)
        self._exchange.leave(group, channel)
        await _suspend()

    async def flush(self) -> None:
        """Take away all messages and groups. Receivers go on waiting."""
        self._exchange.clear()
        await _suspend()

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""
        await _suspend()

    close_pools = close  # as channels_redis calls it

    @property
    def channels(self) -> dict[str, deque[_Queued]]:
        """The channels that hold messages, under the name Channels uses."""
        return self._exchange.channels

    @property
    def sent(self) -> list[Sent]:
        """All that was sent, in order."""
        return self._exchange.sent

    @property
    def dropped(self) -> list[Sent]:
        """What was sent to groups of which a channel was full."""
        return [sent for sent in self.sent if sent.dropped]

    def take(self, channel: str) -> Message | None:
        """Take the next message off a channel; ``None`` if there is none."""
        return self._exchange.take(channel, self.clock())

    def pending(self, channel: str) -> tuple[Message, ...]:
        """Return copies of the messages that a channel holds."""
        return tuple(map(self._copy, self._exchange.pending(channel, self.clock())))

    def pending_counts(self) -> dict[str, int]:
        """Return how many messages each channel holds that holds any."""
        return self._exchange.pending_counts(self.clock())

    def members(self, group: str) -> tuple[str, ...]:
        """Return the channels of a group, in the order of joining."""
        return self._exchange.members(group, self.clock())

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Return the members of each group that has any."""
        return self._exchange.groups(self.clock())

    def groups_of(self, channel: str) -> tuple[str, ...]:
        """Return the groups that a channel is in, in the order of joining."""
        return self._exchange.groups_of(channel, self.clock())

    def waiting(self, channel: str) -> int:
        """Return how many receivers wait on a channel."""
        return self._exchange.waiting(channel)

    async def _send(
        self, kind: Kind, name: str, message: Message, *, atomic: bool
    ) -> None:
        is_group = kind == "group_send"
        (self._require_valid_group if is_group else self._require_valid_channel)(name)
        message = self._own(kind, message)
        exchange = self._exchange
        with exchange.lock:
            now, sequence = self.clock(), next(_sequence)
            channels = exchange.members(name, now) if is_group else (name,)
            woken, full = self._put(channels, sequence, message, now)
            if full and not is_group:
                raise ChannelFull(name)
            sent = Sent(
                kind=kind,
                channel=None if is_group else name,
                group=name if is_group else None,
                message=message,
                receivers=tuple(c for c in channels if c not in full)
                if full
                else channels,
                dropped=tuple(full),
                sequence=sequence,
                in_atomic_block=atomic,
                alias=self.alias,
            )
            exchange.sent.append(sent)
        if woken:
            exchange.wake(woken)
        await _suspend()

    def _put(
        self, channels: tuple[str, ...], sequence: int, message: Message, now: float
    ) -> tuple[list[_Waiter], dict[str, None]]:
        """Return who has to be woken, and which channels are full."""
        exchange = self._exchange
        woken: list[_Waiter] = []
        full: dict[str, None] = {}
        for channel in channels:
            queued = _Queued(sequence, now + self.expiry, self._copy(message))
            waiter = exchange.hand(channel, queued)
            if waiter is not None:
                woken.append(waiter)
            elif exchange.held(channel, now) < self.get_capacity(channel):
                exchange.queue(channel, queued)
            else:
                full[channel] = None
        return woken, full

    def _own(self, kind: Kind, message: object) -> Message:
        """Return a copy to keep, which is what a receiver will get."""
        if not isinstance(message, dict):
            raise TypeError(
                f"{kind}() takes a dict such as {{'type': 'chat.message'}}, "
                f"not {message!r}."
            )
        if "__asgi_channel__" in message:
            raise ValueError(
                "message['__asgi_channel__'] is a key that channels_redis keeps for "
                "itself: use another."
            )
        if self.strict:
            return normalise(message, serializer=self.serializer)
        return deepcopy({**message})

    def _copy(self, message: Message) -> Message:
        return copy_plain(message) if self.strict else deepcopy(message)

    def _require_valid_channel(self, name: object) -> None:
        self._require_valid("Channel", name, self.channel_name_regex)

    def _require_valid_group(self, name: object) -> None:
        self._require_valid("Group", name, self.group_name_regex)

    # Channels 4.2.0 has other methods for this; those of 4.3 hide the name.
    def _require_valid(self, what: str, name: object, rule: Pattern[str]) -> None:
        if not (self.match_type_and_length(name) and rule.match(cast("str", name))):
            raise TypeError(NAME_RULES.format(what, self.MAX_NAME_LENGTH, name))


@coroutine
def _suspend() -> Generator[None, None, None]:
    """Let the loop go round once, as ``asyncio.sleep(0)`` does."""
    yield


class _Queued(NamedTuple):
    """A message on its channel; ``sequence`` keeps it in its place."""

    sequence: int
    deadline: float
    message: Message


class _Waiter:
    """A call of ``receive()``, and the message that it was given."""

    __slots__ = ("channel", "future", "queued")

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.queued: _Queued | None = None

    def is_alive(self) -> bool:
        return not (self.future.done() or self.future.get_loop().is_closed())


def _running_loop() -> asyncio.AbstractEventLoop | None:
    with suppress(RuntimeError):
        return asyncio.get_running_loop()
    return None


def _go_on(*waiters: _Waiter) -> None:
    for waiter in waiters:
        if not waiter.future.done():
            waiter.future.set_result(None)


class _Channels(dict[str, "deque[_Queued]"]):
    """
    The channels that hold messages.

    Channels' own tests take away a channel whose message is on its way to a
    receiver; here that message is on no channel any more.
    """

    def __delitem__(self, channel: str) -> None:
        self.pop(channel, None)


class _Exchange:
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
        self.channels = _Channels()
        self._waiters: dict[str, deque[_Waiter]] = {}
        # The deadlines of the members of each group, in order of joining; the
        # groups of each channel; when to look where for what has expired.
        self._members: dict[str, dict[str, float]] = {}
        self._groups: dict[str, dict[str, None]] = {}
        self._deadlines: list[tuple[float, str]] = []

    def claim(self, channel: str, now: float) -> _Waiter:
        """Return a waiter that has the next message, or waits for it."""
        waiter = _Waiter(channel)
        with self.lock:
            waiter.queued = self._next(channel, now)
            if waiter.queued is None:
                self._waiters.setdefault(channel, deque()).append(waiter)
        return waiter

    def give_back(self, waiter: _Waiter) -> None:
        """Let another have the message of a receiver that was stopped."""
        with self.lock:
            queued, waiter.queued = waiter.queued, None
            if queued is None:
                return self._forget(waiter)
            heir = self.hand(waiter.channel, queued)
            if heir is None:
                return self.queue(waiter.channel, queued)
        return self._wake_on(heir.future.get_loop(), [heir])

    def wake(self, waiters: Iterable[_Waiter]) -> None:
        """Let go on, each on its own loop, those that were given a message."""
        here = _running_loop()
        elsewhere: dict[asyncio.AbstractEventLoop, list[_Waiter]] = {}
        for waiter in waiters:
            loop = waiter.future.get_loop()
            if loop is here:
                _go_on(waiter)
            else:
                elsewhere.setdefault(loop, []).append(waiter)
        for loop, group in elsewhere.items():
            self._wake_on(loop, group)

    def _wake_on(self, loop: asyncio.AbstractEventLoop, group: list[_Waiter]) -> None:
        try:
            loop.call_soon_threadsafe(_go_on, *group)
        except RuntimeError:  # it was closed meanwhile
            for waiter in group:
                self.give_back(waiter)

    # The caller of the next three holds the lock.

    def hand(self, channel: str, queued: _Queued) -> _Waiter | None:
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

    def queue(self, channel: str, queued: _Queued) -> None:
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
        with self.lock:
            queued = self._next(channel, now)
        return None if queued is None else queued.message

    def pending(self, channel: str, now: float) -> list[Message]:
        with self.lock:
            self._expire(now)
            return [queued.message for queued in self.channels.get(channel, ())]

    def pending_counts(self, now: float) -> dict[str, int]:
        with self.lock:
            self._expire(now)
            return {channel: len(line) for channel, line in self.channels.items()}

    def waiting(self, channel: str) -> int:
        with self.lock:
            return sum(waiter.is_alive() for waiter in self._waiters.get(channel, ()))

    def clear(self) -> None:
        with self.lock:
            self.channels.clear()
            self._members.clear()
            self._groups.clear()
            self._deadlines.clear()

    def join(self, group: str, channel: str, deadline: float) -> None:
        with self.lock:
            self.leave(group, channel)
            self._members.setdefault(group, {})[channel] = deadline
            self._groups.setdefault(channel, {})[group] = None

    def leave(self, group: str, channel: str) -> None:
        with self.lock:
            _discard(self._members, group, channel)
            _discard(self._groups, channel, group)

    def members(self, group: str, now: float) -> tuple[str, ...]:
        with self.lock:
            self._expire(now)
            deadlines = self._members.get(group, {})
            over = itertools.takewhile(lambda item: item[1] <= now, deadlines.items())
            for channel, _ in tuple(over):
                self.leave(group, channel)
            return tuple(deadlines)

    def groups(self, now: float) -> dict[str, tuple[str, ...]]:
        with self.lock:
            groups = {group: self.members(group, now) for group in tuple(self._members)}
        return {group: members for group, members in groups.items() if members}

    def groups_of(self, channel: str, now: float) -> tuple[str, ...]:
        with self.lock:
            groups = tuple(self._groups.get(channel, ()))
            return tuple(
                group for group in groups if channel in self.members(group, now)
            )

    def _next(self, channel: str, now: float) -> _Queued | None:
        self._expire(now)
        line = self.channels.get(channel)
        if not line:
            return None
        queued = line.popleft()
        if not line:
            del self.channels[channel]
        return queued

    def _forget(self, waiter: _Waiter) -> None:
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
