"""Assertions about what was sent on the channel layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from django.db.models import Model

from channels_testkit.layers.aliases import DEFAULT, other_layers
from channels_testkit.layers.fault_blocks import with_faults
from channels_testkit.layers.faults import Capture
from channels_testkit.matching.wording import say
from channels_testkit.running.arguments import PAYLOAD, check_arguments
from channels_testkit.workers.argument_kinds import CHANNEL, GROUP
from channels_testkit.workers.messages import channel_name

from . import with_statement
from .blocks import SentBlock, UndeliveredBlock
from .expectations import (
    ANYTHING,
    Sequence,
    Target,
    Unmet,
    Wanted,
    judge_silence_anywhere,
)
from .groups import GroupAssertions
from .verdicts import with_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_testkit.layers.sent import Sent
    from channels_testkit.workers.messages import ChannelGiven, GroupGiven

    from .blocks import AllSentOrBlock, SentOrBlock

__unittest = True


class SentAssertions(GroupAssertions):
    """Assertions about what was sent."""

    @overload
    def assertSent(
        self,
        channel: ChannelGiven,
        expected: Any = ...,
        *,
        count: None = ...,
        partial: bool = ...,
        alias: str = ...,
        msg: object = ...,
    ) -> SentOrBlock: ...
    @overload
    def assertSent(
        self,
        channel: ChannelGiven,
        expected: Any = ...,
        *,
        count: int,
        partial: bool = ...,
        alias: str = ...,
        msg: object = ...,
    ) -> AllSentOrBlock: ...
    def assertSent(
        self,
        channel: ChannelGiven,
        expected: Any = ANYTHING,
        *,
        count: int | None = None,
        partial: bool = False,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> Any:
        """
        Assert that a message was sent to a channel.

        Without ``count``, at least one message must match ``expected``: it
        returns the first entry that does. With ``count``, exactly that many
        must match: it returns them in a list. As a context manager it checks
        only what is sent inside the block.

        Example::

            Channel("thumbnails").send({"type": "make", "id": 1})
            self.assertSent("thumbnails", {"type": "make", "id": 1})
        """
        __tracebackhide__ = True
        target = self._target("assertSent", "channel", channel, alias, expected)
        wanted = Wanted.of(target, expected, count, partial=partial)
        return self._judged(alias, wanted.judge, msg)

    @overload
    def assertGroupSent(
        self,
        group: GroupGiven,
        expected: Any = ...,
        *,
        count: None = ...,
        partial: bool = ...,
        alias: str = ...,
        msg: object = ...,
    ) -> SentOrBlock: ...
    @overload
    def assertGroupSent(
        self,
        group: GroupGiven,
        expected: Any = ...,
        *,
        count: int,
        partial: bool = ...,
        alias: str = ...,
        msg: object = ...,
    ) -> AllSentOrBlock: ...
    def assertGroupSent(
        self,
        group: GroupGiven,
        expected: Any = ANYTHING,
        *,
        count: int | None = None,
        partial: bool = False,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> Any:
        """
        Assert that a message was sent to a group. As ``assertSent()``.

        Example::

            with self.assertGroupSent("lobby", {"type": "chat.message"}):
                Group("lobby").send({"type": "chat.message"})
        """
        __tracebackhide__ = True
        target = self._target("assertGroupSent", "group", group, alias, expected)
        wanted = Wanted.of(target, expected, count, partial=partial)
        return self._judged(alias, wanted.judge, msg)

    def assertNothingSent(
        self,
        channel: ChannelGiven | None = None,
        *,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> AllSentOrBlock:
        """
        Assert that nothing was sent to a channel, or, without one, to any.

        It ignores messages to groups: ``assertNothingGroupSent()`` checks
        those, and ``assertNothingSentAnywhere()`` checks both.

        Example::

            self.assertNothingSent("thumbnails")
        """
        __tracebackhide__ = True
        target = self._target("assertNothingSent", "channel", channel, alias)
        return self._judged(alias, target.judge_silence, msg, is_final=True)

    def assertNothingGroupSent(
        self,
        group: GroupGiven | None = None,
        *,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> AllSentOrBlock:
        """
        Assert that nothing was sent to a group, or, without one, to any.

        It ignores messages to channels. As ``assertNothingSent()``.

        Example::

            self.assertNothingGroupSent("lobby")
        """
        __tracebackhide__ = True
        target = self._target("assertNothingGroupSent", "group", group, alias)
        return self._judged(alias, target.judge_silence, msg, is_final=True)

    def assertNothingSentAnywhere(
        self, *, alias: str | None = None, msg: object = None
    ) -> Any:
        """
        Assert that nothing was sent, neither to a channel nor to a group.

        It checks every captive layer, or that of ``alias``. As a context
        manager it checks only what is sent inside the block. Raises
        ``ValueError`` for a real layer, which does not show what was sent.

        Example::

            with self.assertNothingSentAnywhere():
                Group("lobby").add("ann-channel")
        """
        __tracebackhide__ = True
        return self._judged(alias, judge_silence_anywhere, msg, is_final=True)

    def assertSentInOrder(
        self,
        *expected: Any,
        partial: bool = False,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> AllSentOrBlock:
        """
        Assert that messages were sent in this order.

        Other messages may come in between. Each of ``expected`` is a
        message, or a pair of the name of a channel or group and a message.
        Returns the entries.

        Example::

            Channel("jobs").send({"type": "begin"})
            Group("lobby").send({"type": "done"})
            begin, done = {"type": "begin"}, ("lobby", {"type": "done"})
            self.assertSentInOrder(begin, done)
        """
        __tracebackhide__ = True
        if not expected:
            raise TypeError("assertSentInOrder() takes the messages that are expected.")
        _check_sequence(expected)
        named = tuple(map(self._with_name, expected))
        judge = Sequence(named, partial, alias).judge
        return self._judged(alias, judge, msg)

    def captureSent(
        self,
        group: GroupGiven | None = None,
        channel: ChannelGiven | None = None,
        *,
        deliver: bool = True,
        alias: str = DEFAULT,
    ) -> SentBlock:
        """
        Collect what a ``with`` block sends; assert nothing.

        With ``deliver=False`` no consumer and no worker gets the collected
        messages, not after the block either.

        Example::

            with self.captureSent(group="lobby") as sent:
                Group("lobby").send({"type": "chat.message"})
            self.assertEqual(sent[0].message, {"type": "chat.message"})
        """
        given = (("group", group), ("channel", channel))
        targets = [
            self._target("captureSent", kind, where, alias)
            for kind, where in given
            if where is not None
        ]

        def collect(since: int) -> list[Sent]:
            sent = self._sent(alias, since)
            if not targets:
                return sent
            return [entry for entry in sent if any(t.has(entry) for t in targets)]

        def take(group: str | None, channel: str | None) -> bool:
            return not targets or any(t.names(group, channel) for t in targets)

        block = SentBlock(lambda: self._layer(alias), collect)
        if not deliver:
            block = UndeliveredBlock(
                lambda: self._layer(alias),
                collect,
                lambda: with_faults(self._layer(alias), Capture(take)),
            )
        with_statement.check_entered(
            self._kit, "captureSent", lambda: block.was_entered
        )
        return block

    def _with_name(self, expected: Any) -> Any:
        """Return what is expected, with the name of a group that is given."""
        if isinstance(expected, tuple) and isinstance(expected[0], Model):
            return (self._group_name(expected[0]), expected[1])
        return expected

    def _target(
        self,
        call: str,
        kind: str,
        where: Any,
        alias: str,
        expected: object = ANYTHING,
    ) -> Target:
        """Return where a message is expected; refuse mixed-up arguments."""
        __tracebackhide__ = True
        if where is None and expected is ANYTHING:
            return Target(kind, None, alias)
        is_channel = kind == "channel"
        names, arguments = kind, [(CHANNEL if is_channel else GROUP, where)]
        if expected is not ANYTHING:
            names += ", expected"
            arguments.append((PAYLOAD, expected))
        check_arguments(self, call, names, *arguments)
        name = channel_name(where) if is_channel else self._group_name(where)
        return Target(kind, name, alias)

    def _sent(self, alias: str | None, since: int) -> list[Sent]:
        """Return what was sent after a number, on all layers without alias."""
        if alias is None:
            return [it for it in self._sent_anywhere() if it.sequence > since]
        return [it for it in self._layer(alias).sent if it.sequence > since]

    def _sent_anywhere(self) -> list[Sent]:
        """Return what was sent on all layers of the test, in order."""
        for alias in self._kit.layers or [DEFAULT]:
            self._layer(alias)
        layers = self._kit.layers_in_place.made
        sent = [entry for layer in layers for entry in layer.sent]
        return sorted(sent, key=lambda entry: entry.sequence)

    def _judged(
        self,
        alias: str | None,
        judge: Callable[[list[Sent]], Any],
        msg: object,
        *,
        is_final: bool = False,
    ) -> AllSentOrBlock:
        """Judge at once, or the block of the ``with`` that made the call."""
        __tracebackhide__ = True

        def judge_or_fail(since: int) -> Any:
            __tracebackhide__ = True

            def is_met() -> bool:
                return _is_met(judge, self._sent(alias, since))

            waited = ""
            if not (is_final or is_met()):
                waited = self._kit.outside.wait(is_met)
            try:
                return judge(self._sent(alias, since))
            except Unmet as unmet:
                elsewhere = ""
                if not is_final and alias is not None:
                    elsewhere = _met_elsewhere(judge, alias, since)
                text = f"{unmet}{elsewhere}{waited}"
            raise self.failureException(with_message(text, msg))

        if with_statement.is_entered(depth=2):
            return SentBlock(  # type: ignore[return-value]
                lambda: self._sent(alias, 0), judge_or_fail
            )
        found: AllSentOrBlock = judge_or_fail(0)
        return found


def _check_sequence(expected: tuple[Any, ...]) -> None:
    """Refuse what is no message, and no pair of a name and a message."""
    __tracebackhide__ = True
    for message in expected:
        if isinstance(message, list):
            raise TypeError(
                "assertSentInOrder() takes messages one by one, not a list: put '*'"
                " before it."
            )
        if isinstance(message, tuple):
            _check_pair(message)
        elif isinstance(message, str):
            raise TypeError(
                f"assertSentInOrder() takes messages: {say(message)} is none. Write"
                f" ({say(message)}, message) for a message to that channel or group."
            )


def _check_pair(pair: tuple[Any, ...]) -> None:
    is_pair = len(pair) == 2 and (CHANNEL.takes(pair[0]) or GROUP.takes(pair[0]))
    if not is_pair:
        raise TypeError(
            "assertSentInOrder() takes messages, and pairs of the name of a channel or"
            f" a group and a message, in this order, not {say(pair)}."
        )


def _met_elsewhere(judge: Callable[[list[Sent]], Any], alias: str, since: int) -> str:
    """Return a line that names another alias on which it is met, if any."""
    for other, layer in other_layers(alias):
        sent = [entry for entry in layer.sent if entry.sequence > since]
        if sent and _is_met(judge, sent):
            return f"\nOn alias {other!r} it was sent: give alias={other!r}."
    return ""


def _is_met(judge: Callable[[list[Sent]], Any], sent: list[Sent]) -> bool:
    try:
        judge(sent)
    except Unmet:
        return False
    return True
