"""Assertions about what was sent on the channel layers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from . import layer_report, with_statement
from .engine.errors import ExpectedErrors
from .layers import captive_layer
from .matching import matches
from .messages import DEFAULT, Message, channel_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType, TracebackType

    from .layers import CaptiveChannelLayer, Sent
    from .run import TestRun

__unittest = True

#: Stands for "whatever was sent".
ANYTHING: Any = object()


class SentBlock:
    """An assertion about what is sent inside a ``with`` block."""

    def __init__(
        self, case: LayerAssertions, alias: str, judge: Callable[[list[Sent]], Any]
    ) -> None:
        self._case = case
        self._alias = alias
        self._judge = judge
        self._found: list[Sent] = []

    def __enter__(self) -> list[Sent]:
        self._start = len(self._case._layer(self._alias).sent)
        return self._found

    def __exit__(self, kind: object, *exc_info: object) -> None:
        __tracebackhide__ = True
        if kind is not None:
            return
        sent = list(self._case._layer(self._alias).sent[self._start :])
        found = self._judge(sent)
        self._found += found if isinstance(found, list) else [found]


class ApplicationRaises:
    """The block of ``assertApplicationRaises()``."""

    def __init__(self, case: LayerAssertions, kinds: Any) -> None:
        self._case = case
        self._expected = ExpectedErrors(kinds)

    def __enter__(self) -> ExpectedErrors:
        self._case._kit.observe()
        self._case._kit.errors.expect(self._expected)
        return self._expected

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        __tracebackhide__ = True
        errors = self._case._kit.errors
        try:
            if kind is None:
                self._case._kit.observe()
        finally:
            errors.expect_no_more(self._expected)
        if error is not None and error in self._expected.exceptions:
            return True
        if kind is None and not self._expected.exceptions:
            self._case.fail(layer_report.nothing_raised(self._expected.kinds))
        return False


class LayerAssertions:
    """Assertions about messages, groups and the application's exceptions."""

    _kit: TestRun
    fail: Callable[[Any], Any]

    @property
    def channel_layer(self) -> CaptiveChannelLayer:
        """The captive layer of the alias ``"default"``."""
        return self._layer(DEFAULT)

    @property
    def channel_layers(self) -> dict[str, CaptiveChannelLayer]:
        """The captive layers by alias."""
        self._kit.observe()
        return dict(self._kit.layers)

    def _layer(self, alias: str) -> CaptiveChannelLayer:
        self._kit.observe()
        return captive_layer(alias)

    def get_next_message(
        self, channel: object, alias: str = DEFAULT, require: bool = False  # noqa: FBT001, FBT002
    ) -> Message | None:
        """
        Take the next message off a channel: a ``Message``, or ``None``.

        With ``require=True`` the test fails where there is none.

        Example::

            Channel("input").send({"type": "square", "value": 3})
            self.assertEqual(self.get_next_message("input")["value"], 3)
            self.assertIsNone(self.get_next_message("input"))
        """
        __tracebackhide__ = True
        layer = self._layer(alias)
        name = channel_name(channel)
        content = layer.take(name)
        if content is not None:
            return Message(content, name, alias)
        if require:
            self.fail(layer_report.no_message(name, layer))
        return None

    # What was sent.

    def assertSent(
        self,
        channel: object,
        expected: Any = ANYTHING,
        *,
        count: int | None = None,
        partial: bool = False,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> Any:
        """
        Assert that a message was sent to a channel.

        Without ``count`` at least one must match ``expected``, and the first
        entry that does is returned; with ``count`` exactly so many, as a list.
        As a context manager it looks only at what is sent inside the block.

        Example::

            Channel("thumbnails").send({"type": "make", "id": 1})
            self.assertSent("thumbnails", {"type": "make", "id": 1})
        """
        __tracebackhide__ = True
        target = _Target("channel", channel_name(channel))
        wanted = _Wanted(target, expected, count, partial)
        return self._judged(sys._getframe(1), alias, wanted.judge, msg)

    def assertGroupSent(
        self,
        group: str,
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
        wanted = _Wanted(_Target("group", str(group)), expected, count, partial)
        return self._judged(sys._getframe(1), alias, wanted.judge, msg)

    def assertNothingSent(
        self, channel: object = None, *, alias: str = DEFAULT, msg: object = None
    ) -> Any:
        """
        Assert that nothing was sent to a channel, or to any.

        Example::

            self.assertNothingSent("thumbnails")
        """
        __tracebackhide__ = True
        name = None if channel is None else channel_name(channel)
        target = _Target("channel", name)
        return self._judged(sys._getframe(1), alias, target.judge_silence, msg)

    def assertNothingGroupSent(
        self, group: str | None = None, *, alias: str = DEFAULT, msg: object = None
    ) -> Any:
        """
        Assert that nothing was sent to a group, or to any.

        Example::

            self.assertNothingGroupSent("lobby")
        """
        __tracebackhide__ = True
        target = _Target("group", None if group is None else str(group))
        return self._judged(sys._getframe(1), alias, target.judge_silence, msg)

    def assertSentInOrder(
        self,
        *expected: Any,
        partial: bool = False,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> Any:
        """
        Assert that messages were sent in this order, others in between.

        Each is a message, or a pair of a channel's or group's name and a
        message. Returns the entries.

        Example::

            Channel("jobs").send({"type": "begin"})
            Group("lobby").send({"type": "done"})
            self.assertSentInOrder({"type": "begin"}, ("lobby", {"type": "done"}))
        """
        __tracebackhide__ = True
        judge = _Sequence(expected, partial).judge
        return self._judged(sys._getframe(1), alias, judge, msg)

    def assertSentAfterCommit(
        self,
        channel: object,
        expected: Any = ANYTHING,
        *,
        count: int | None = None,
        partial: bool = False,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> Any:
        """
        Assert that a message was sent, and not inside an ``atomic()`` block.

        Fails where a matching message left before the block had ended. As
        ``assertSent()`` in everything else.
        """
        __tracebackhide__ = True
        target = _Target("channel", channel_name(channel))
        wanted = _Wanted(target, expected, count, partial)
        return self._judged(sys._getframe(1), alias, wanted.judge_after_commit, msg)

    def assertGroupSentAfterCommit(
        self,
        group: str,
        expected: Any = ANYTHING,
        *,
        count: int | None = None,
        partial: bool = False,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> Any:
        """Assert the same of a group as ``assertSentAfterCommit()``."""
        __tracebackhide__ = True
        wanted = _Wanted(_Target("group", str(group)), expected, count, partial)
        return self._judged(sys._getframe(1), alias, wanted.judge_after_commit, msg)

    def captureSent(
        self,
        group: str | None = None,
        channel: object = None,
        *,
        alias: str = DEFAULT,
    ) -> SentBlock:
        """
        Collect what a ``with`` block sends; judge nothing.

        Example::

            with self.captureSent(group="lobby") as sent:
                Group("lobby").send({"type": "chat.message"})
            self.assertEqual(sent[0].message, {"type": "chat.message"})
        """
        targets = []
        if group is not None:
            targets.append(_Target("group", str(group)))
        if channel is not None:
            targets.append(_Target("channel", channel_name(channel)))

        def collect(sent: list[Sent]) -> list[Sent]:
            if not targets:
                return sent
            return [entry for entry in sent if any(t.has(entry) for t in targets)]

        return SentBlock(self, alias, collect)

    def _judged(
        self,
        caller: FrameType,
        alias: str,
        judge: Callable[[list[Sent]], Any],
        msg: object,
    ) -> Any:
        __tracebackhide__ = True

        def judge_or_fail(sent: list[Sent]) -> Any:
            __tracebackhide__ = True
            try:
                return judge(sent)
            except _Finding as finding:
                text = str(finding)
            self.fail(with_message(text, msg))

        block = SentBlock(self, alias, judge_or_fail)
        if with_statement.is_entered(caller):
            return block
        return judge_or_fail(list(self._layer(alias).sent))

    # Groups.

    def assertInGroup(
        self, connection: object, group: str, *, alias: str = DEFAULT, msg: object = None
    ) -> None:
        """Assert that a connection, client or channel is in a group."""
        __tracebackhide__ = True
        self._check_membership(connection, str(group), alias, msg, wanted=True)

    def assertNotInGroup(
        self, connection: object, group: str, *, alias: str = DEFAULT, msg: object = None
    ) -> None:
        """Assert that a connection, client or channel is not in a group."""
        __tracebackhide__ = True
        self._check_membership(connection, str(group), alias, msg, wanted=False)

    def _check_membership(
        self, connection: object, group: str, alias: str, msg: object, *, wanted: bool
    ) -> None:
        __tracebackhide__ = True
        layer = self._layer(alias)
        groups = layer.groups_of(channel_name(connection))
        if (group in groups) == wanted:
            return
        text = layer_report.membership(
            _who(connection), group, groups, is_member=not wanted, known=layer.groups()
        )
        self.fail(with_message(text, msg))

    def assertGroupMembers(
        self,
        group: str,
        members: Iterable[object],
        *,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> None:
        """
        Assert who is in a group: connections, clients or channel names.

        A group that nobody has joined has no members.
        """
        __tracebackhide__ = True
        expected = {channel_name(member): _who(member) for member in members}
        actual = self._layer(alias).members(str(group))
        missing = [who for name, who in expected.items() if name not in actual]
        extra = [self._owner(name) for name in actual if name not in expected]
        if missing or extra:
            text = layer_report.wrong_members(str(group), missing, extra)
            self.fail(with_message(text, msg))

    def _owner(self, channel: str) -> str:
        for communicator in self._kit.communicators:
            connection = communicator.connection
            consumer = connection and connection.consumer
            if getattr(consumer, "channel_name", None) == channel:
                return communicator.label
        return repr(channel)

    # The application's exceptions.

    def assertApplicationRaises(
        self, kinds: type[BaseException] | tuple[type[BaseException], ...]
    ) -> ApplicationRaises:
        """
        Expect, for a ``with`` block, that the application raises.

        The exception does not interrupt the block; it is the ``exception`` of
        what the block yields. Fails when there was none.

        Example::

            with self.assertApplicationRaises(ValueError) as caught:
                self.connect("/ws/echo/").send_json({"raise": "ValueError"})
            self.assertIsInstance(caught.exception, ValueError)
        """
        return ApplicationRaises(self, kinds)


class _Finding(Exception):  # noqa: N818 - the text of a failure, on its way
    pass


class _Target(NamedTuple):
    """A channel or a group; any, where the name is None."""

    kind: str
    name: str | None

    def __str__(self) -> str:
        return f"any {self.kind}" if self.name is None else f"{self.kind} {self.name!r}"

    def has(self, entry: Sent) -> bool:
        is_kind = (entry.group is None) == (self.kind == "channel")
        return is_kind and self.name in {None, layer_report.target_of(entry)}

    def judge_silence(self, sent: list[Sent]) -> list[Sent]:
        found = [entry for entry in sent if self.has(entry)]
        if found:
            raise _Finding(layer_report.unexpected(str(self), found))
        return []


class _Wanted(NamedTuple):
    """A message that is expected on a channel or group."""

    target: _Target
    expected: Any
    count: int | None
    partial: bool

    def judge(self, sent: list[Sent]) -> Any:
        of_kind = [e for e in sent if _Target(self.target.kind, None).has(e)]
        there = [entry for entry in of_kind if self.target.has(entry)]
        found = [entry for entry in there if self._matches(entry)]
        where = str(self.target)
        if self.count is not None:
            if len(found) != self.count:
                text = layer_report.wrong_count(where, len(found), self.count, there)
                raise _Finding(text)
            return found
        if found:
            return found[0]
        if not there:
            kind, name = self.target.kind, str(self.target.name)
            raise _Finding(layer_report.nothing_sent_to(kind, name, of_kind))
        raise _Finding(
            layer_report.no_match(where, self.expected, there, partial=self.partial)
        )

    def judge_after_commit(self, sent: list[Sent]) -> Any:
        found = self.judge(sent)
        matching = [e for e in sent if self.target.has(e) and self._matches(e)]
        early = [entry for entry in matching if entry.in_atomic_block]
        if early:
            raise _Finding(layer_report.before_commit(str(self.target), early))
        return found

    def _matches(self, entry: Sent) -> bool:
        if self.expected is ANYTHING:
            return True
        return matches(self.expected, entry.message, partial=self.partial)


class _Sequence(NamedTuple):
    """Messages that are expected one after another."""

    expected: tuple[Any, ...]
    partial: bool

    def judge(self, sent: list[Sent]) -> list[Sent]:
        found: list[Sent] = []
        rest = iter(sent)
        for position, expected in enumerate(self.expected, 1):
            entry = next((e for e in rest if self._is(expected, e)), None)
            if entry is None:
                text = layer_report.out_of_order(position, expected, found, sent)
                raise _Finding(text)
            found.append(entry)
        return found

    def _is(self, expected: Any, entry: Sent) -> bool:
        if isinstance(expected, tuple):
            target, expected = expected
            if str(target) != layer_report.target_of(entry):
                return False
        return matches(expected, entry.message, partial=self.partial)


def with_message(text: str, msg: object) -> str:
    """Put the user's message on the verdict's line, where it is read."""
    if msg is None:
        return text
    verdict, newline, evidence = text.partition("\n")
    return f"{verdict} : {msg}{newline}{evidence}"


def _who(connection: object) -> str:
    return str(getattr(connection, "label", repr(connection)))
