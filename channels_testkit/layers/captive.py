"""The captive channel layer: for any thread and any loop, with a record."""

from __future__ import annotations

import time
from copy import deepcopy
from typing import TYPE_CHECKING, Any, ClassVar, cast

from asgiref.sync import markcoroutinefunction
from channels.exceptions import ChannelFull
from channels.layers import BaseChannelLayer

from channels_testkit.engine.jobs import current_owner
from channels_testkit.engine.numbers import next_number
from channels_testkit.matching.wording import say
from channels_testkit.timeline.recording import record

from .answers import answer, suspend
from .exchange import Exchange, Queued, Waiter
from .faults import Outcome, Sending
from .mappings import Channels, Groups
from .payloads import copy_plain, normalise
from .recorded import group_joined, group_left, message_sent, note_taken
from .senders import Origin, Sender
from .sent import Sent

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping
    from re import Pattern

    from .sent import Kind, Message

    Capacities = (
        Mapping[str | Pattern[str], int] | Iterable[tuple[str | Pattern[str], int]]
    )

NAME_RULES = (
    "{} name must be a valid unicode string with length < {} containing only "
    "ASCII alphanumerics, hyphens, underscores, or periods, not {}."
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

    extensions: ClassVar[list[str]] = ["groups", "flush"]

    def __init__(
        self,
        expiry: int = 60,
        group_expiry: int = 86400,
        capacity: int = 100,
        channel_capacity: Capacities | None = None,
        *,
        strict: bool = True,
        serializer: str = "msgpack",
        # Packages that move time do not move this one, or do not find it here.
        clock: Callable[[], float] = time.perf_counter,
        alias: str | None = None,
        **ignored: object,
    ) -> None:
        normalise({}, serializer=serializer)  # refuses an unknown one
        super().__init__(expiry=expiry, capacity=capacity)
        compiled = self.compile_capacities(dict(channel_capacity or {}))
        #: The capacity of channels by pattern, compiled.
        self.channel_capacity = compiled  # type: ignore[assignment]  # as Channels does
        #: Seconds that a membership of a group lasts.
        self.group_expiry = group_expiry
        #: Whether it refuses what a real layer would refuse.
        self.strict = strict
        #: What a message must survive: ``"msgpack"`` or ``"json"``.
        self.serializer = serializer
        #: What tells the time, in seconds.
        self.clock = clock
        #: The alias that it stands for.
        self.alias = alias
        self._before_read: Callable[[], None] = _do_nothing
        self._on_change: Callable[[], None] = _do_nothing
        self._exchange = Exchange()

    def __repr__(self) -> str:
        # As it is: whoever prints it must not have the application run.
        count = len(self._exchange.sent)
        return f"<{type(self).__name__} {self.alias!r}: {count} sent>"

    def __deepcopy__(self, memo: object) -> CaptiveChannelLayer:
        """Return the layer: Django copies what ``setUpTestData()`` makes."""
        return self

    # These two return a coroutine, and so see the thread of the caller, which
    # async_to_sync() leaves to await it.

    @markcoroutinefunction
    def send(self, channel: str, message: Message) -> Coroutine[Any, Any, None]:
        """Put a message on a channel; raise ``ChannelFull`` if it is full."""
        return self._send("send", channel, message, Origin.here())

    @markcoroutinefunction
    def group_send(self, group: str, message: Message) -> Coroutine[Any, Any, None]:
        """Put a message on each channel of a group that is not full."""
        return self._send("group_send", group, message, Origin.here())

    async def receive(self, channel: str) -> Message:
        """
        Return the next message of a channel, as soon as there is one.

        The first receiver gets the first message. If a receiver is cancelled,
        its message goes back to the front.
        """
        self._require_valid_channel(channel)
        # The object may stand for another layer by the time this one answers.
        exchange = self._exchange
        waiter = exchange.claim(channel, self.clock())
        try:
            if waiter.queued is not None:
                # It has to wait for its turn, as one that is sent later.
                exchange.wake([waiter])
                await suspend()
            await waiter.future
        except BaseException:
            exchange.give_back(waiter)
            raise
        queued = cast("Queued", waiter.queued)
        note_taken(waiter.owner, queued.sequence, queued.message)
        return queued.message

    async def new_channel(self, prefix: str = "specific.") -> str:
        """Return a new channel name; each layer makes the same ones."""
        name = f"{prefix.rstrip('.')}.captive!{next(self._exchange.names)}"
        await suspend()
        return name

    async def group_add(self, group: str, channel: str) -> None:
        """Add a channel to a group."""
        self._require_valid_group(group)
        self._require_valid_channel(channel)
        self._exchange.join(group, channel, self.clock() + self.group_expiry)
        record(current_owner(), group_joined, self.alias, group, channel)
        self._on_change()
        await answer("group_add")

    async def group_discard(self, group: str, channel: str) -> None:
        """Take a channel out of a group, if it is in."""
        self._require_valid_group(group)
        self._require_valid_channel(channel)
        self._exchange.leave(group, channel)
        record(current_owner(), group_left, self.alias, group, channel)
        self._on_change()
        await answer("group_discard")

    async def flush(self) -> None:
        """Remove all messages and groups. Receivers go on waiting."""
        self._exchange.clear()
        await suspend()

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""
        await suspend()

    close_pools = close  # as channels_redis calls it

    @property
    def channels(self) -> Channels:
        """
        The channels that are waited on or hold messages, by name.

        As ``InMemoryChannelLayer`` has them: each has ``qsize()``,
        ``empty()`` and ``get_nowait()``. Use ``send()`` to add a message; an
        assignment of more than ``{}`` raises ``TypeError``.

        Example::

            Channel("jobs").send({"type": "make"})
            self.assertEqual(self.channel_layer.channels["jobs"].qsize(), 1)
        """
        return Channels(self._exchange, self._before_read)

    @channels.setter
    def channels(self, channels: Mapping[str, Any]) -> None:
        self.channels.replace(channels)

    @property
    def sent(self) -> list[Sent]:
        """All that was sent, in order."""
        self._before_read()
        return self._exchange.sent

    @property
    def dropped(self) -> list[Sent]:
        """What was sent to groups of which a channel was full."""
        return [sent for sent in self.sent if sent.dropped]

    def take(self, channel: str) -> Message | None:
        """Take the next message off a channel; ``None`` if there is none."""
        self._before_read()
        return self._exchange.take(channel, self.clock())

    def pending(self, channel: str) -> tuple[Message, ...]:
        """Return copies of the messages that a channel holds."""
        self._before_read()
        return tuple(map(self._copy, self._exchange.pending(channel, self.clock())))

    def pending_counts(self) -> dict[str, int]:
        """Return how many messages each channel holds that holds any."""
        self._before_read()
        return self._exchange.pending_counts(self.clock())

    def members(self, group: str) -> tuple[str, ...]:
        """Return the channels of a group, in the order of joining."""
        self._before_read()
        return self._exchange.members(group, self.clock())

    @property
    def groups(self) -> Groups:
        """
        The groups that have members, by name.

        As ``InMemoryChannelLayer`` has them: each is a mapping of its
        channels to the time they joined, by ``clock``. ``groups()`` returns a
        plain dict, with a tuple of channels for each group. Use
        ``group_add()`` to add a member; an assignment of more than ``{}``
        raises ``TypeError``.

        Example::

            Group("chat").add("ann")
            self.assertIn("ann", self.channel_layer.groups["chat"])
            self.assertEqual(self.channel_layer.groups(), {"chat": ("ann",)})
        """
        before_read, clock = self._before_read, self.clock

        def now() -> float:
            before_read()
            return clock()

        return Groups(self._exchange, now, self.group_expiry)

    @groups.setter
    def groups(self, groups: Mapping[str, Any]) -> None:
        self.groups.replace(groups)

    def groups_of(self, channel: str) -> tuple[str, ...]:
        """Return the groups that a channel is in, in the order of joining."""
        self._before_read()
        return self._exchange.groups_of(channel, self.clock())

    def waiting(self, channel: str) -> int:
        """Return how many receivers wait on a channel."""
        self._before_read()
        return self._exchange.waiting(channel)

    async def _send(
        self, kind: Kind, name: str, message: Message, origin: Origin
    ) -> None:
        is_group = kind == "group_send"
        (self._require_valid_group if is_group else self._require_valid_channel)(name)
        message = self._own(kind, message)
        exchange = self._exchange
        # Not under the lock: a predicate of the test may take its time.
        outcome = (
            self._outcome_of(kind, name, message) if exchange.fault_blocks else None
        )
        with exchange.lock:
            now = self.clock()
            if outcome is None:
                channels = exchange.members(name, now) if is_group else (name,)
                outcome = Outcome(next_number(), channels, channels)
            queued = Queued(outcome.sequence, now + self.expiry, message)
            woken, full = self._put(exchange, outcome.now, queued, now)
            if full and not is_group:
                raise ChannelFull(name)
            if outcome.again:
                woken += self._put(exchange, outcome.again, queued, now)[0]
            missed = {*full, *outcome.lost}
            sent = Sent(
                kind=kind,
                channel=None if is_group else name,
                group=name if is_group else None,
                message=message,
                receivers=tuple(it for it in outcome.channels if it not in missed),
                dropped=tuple(full),
                sequence=queued.sequence,
                in_atomic_block=origin.is_in_block,
                alias=self.alias,
                faults=outcome.faults,
                sender=Sender(origin),
            )
            exchange.sent.append(sent)
            record(origin.actor, message_sent, sent)
        if woken:
            exchange.wake(woken)
        self._on_change()
        await answer(kind)

    def _outcome_of(self, kind: Kind, name: str, message: Message) -> Outcome:
        """Return the outcome of a message, or raise what its call has to."""
        exchange, channels = self._exchange, [name]
        if kind == "group_send":
            channels = list(exchange.members(name, self.clock()))
        sending = Sending(kind, name, message, next_number(), channels)
        return exchange.outcome_of(sending)

    def _put(
        self, exchange: Exchange, channels: Iterable[str], queued: Queued, now: float
    ) -> tuple[list[Waiter], dict[str, None]]:
        """Put copies on channels; return who to wake, and what was full."""
        sequence, deadline, message = queued
        woken: list[Waiter] = []
        full: dict[str, None] = {}
        for channel in channels:
            queued = Queued(sequence, deadline, self._copy(message))
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
                f"not {say(message)}."
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
            raise TypeError(NAME_RULES.format(what, self.MAX_NAME_LENGTH, say(name)))


# What only the kit does with a layer; completion does not offer it.


def call_back(
    layer: CaptiveChannelLayer,
    *,
    before_read: Callable[[], None] | None,
    on_change: Callable[[], None] | None,
) -> None:
    """
    Have something called before a layer is looked at, and when it changes.

    A test comes to rest before. It may change in any thread.
    """
    layer._before_read = before_read or _do_nothing  # noqa: SLF001 - its own module
    layer._on_change = on_change or _do_nothing  # noqa: SLF001 - as above


def holds(layer: CaptiveChannelLayer, channel: str) -> bool:
    """Tell whether a channel holds a message, at rest or not."""
    exchange = layer._exchange  # noqa: SLF001 - its own module
    return bool(exchange.pending(channel, layer.clock()))


def _do_nothing() -> None:
    """Stand for a callback that nobody has set."""
