"""What is expected of the messages that were sent. No test, no loop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from channels_testkit.layers import message_failures
from channels_testkit.layers.aliases import on_alias
from channels_testkit.layers.message_failures import target_of
from channels_testkit.matching import matches
from channels_testkit.matching.wording import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_testkit.layers.sent import Sent

#: Stands for "whatever was sent".
ANYTHING: Any = object()


class Unmet(Exception):  # noqa: N818 - no error: an assertion makes it a failure
    """The expectation is not met; the text, made when it is read, says why."""

    def __init__(self, say_why: Callable[[], str]) -> None:
        super().__init__(say_why)
        self._say_why = say_why

    def __str__(self) -> str:
        return self._say_why()


class Target(NamedTuple):
    """A channel or a group; any, where the name is None."""

    kind: str
    name: str | None
    alias: str

    def __str__(self) -> str:
        name = "" if self.name is None else f" {say(self.name)}"
        kind = self.kind if name else f"any {self.kind}"
        return f"{kind}{name}{on_alias(self.alias)}"

    def has(self, entry: Sent) -> bool:
        """Tell whether an entry went there."""
        return self.is_kind_of(entry) and self.name in {None, target_of(entry)}

    def names(self, group: str | None, channel: str | None) -> bool:
        """Tell whether it is a group, or else a channel, that is sent to."""
        return self.name == (channel if self.kind == "channel" else group)

    def is_kind_of(self, entry: Sent) -> bool:
        """Tell whether an entry went to a channel, or else to a group."""
        return (entry.group is None) == (self.kind == "channel")

    def judge_silence(self, sent: list[Sent]) -> list[Sent]:
        """Raise ``Unmet`` if anything went there."""
        found = [entry for entry in sent if self.has(entry)]
        if found:
            raise Unmet(lambda: message_failures.unexpected(str(self), found))
        return []


def judge_silence_anywhere(sent: list[Sent]) -> list[Sent]:
    """Raise ``Unmet`` if anything was sent."""
    if sent:
        raise Unmet(lambda: message_failures.unexpected_anywhere(sent))
    return []


def checked_count(count: int | None, what: str) -> int | None:
    """Return a ``count``, or raise for an invalid one."""
    given = 0 if count is None else count
    wrong = f"count= is a number of {what}, not {say(count)}."
    if isinstance(given, bool) or not isinstance(given, int):
        raise TypeError(wrong)
    if given < 0:
        raise ValueError(wrong)
    return count


class Wanted(NamedTuple):
    """A message that is expected on a channel or group."""

    target: Target
    expected: Any
    times: int | None
    partial: bool

    @classmethod
    def of(
        cls, target: Target, expected: Any, count: int | None, *, partial: bool
    ) -> Wanted:
        """Return it, or raise for an invalid ``count``."""
        return cls(target, expected, checked_count(count, "messages"), partial)

    def judge(self, sent: list[Sent]) -> Any:
        """Return the first match, or all where a number is expected."""
        there = [entry for entry in sent if self.target.has(entry)]
        found = [entry for entry in there if self._matches(entry)]
        if self.times is not None and len(found) == self.times:
            return found
        if self.times is None and found:
            return found[0]
        raise Unmet(lambda: self._failure(sent, there, found))

    def _failure(self, sent: list[Sent], there: list[Sent], found: list[Sent]) -> str:
        where, name = str(self.target), str(self.target.name)
        if self.times is not None and found:
            return message_failures.wrong_count(where, len(found), self.times, there)
        if there:
            return message_failures.no_match(
                where, self.expected, there, partial=self.partial
            )
        of_kind = [entry for entry in sent if self.target.is_kind_of(entry)]
        here = on_alias(self.target.alias)
        return message_failures.nothing_sent_to(self.target.kind, name, of_kind, here)

    def judge_after_commit(self, sent: list[Sent]) -> Any:
        """As ``judge()``, and none of them inside an atomic block."""
        found = self.judge(sent)
        matching = [e for e in sent if self.target.has(e) and self._matches(e)]
        early = [entry for entry in matching if entry.in_atomic_block]
        if early:
            where = str(self.target)
            raise Unmet(lambda: message_failures.before_commit(where, early))
        return found

    def _matches(self, entry: Sent) -> bool:
        if self.expected is ANYTHING:
            return True
        return matches(self.expected, entry.message, partial=self.partial)


class Sequence(NamedTuple):
    """Messages that are expected one after another."""

    expected: tuple[Any, ...]
    partial: bool
    alias: str

    def judge(self, sent: list[Sent]) -> list[Sent]:
        """Return the entries that follow one another as expected."""
        found: list[Sent] = []
        rest = iter(sent)
        for position, expected in enumerate(self.expected, 1):
            entry = next((e for e in rest if self._is(expected, e)), None)
            if entry is None:
                raise Unmet(partial(self._failure, position, found, sent))
            found.append(entry)
        return found

    def _failure(self, position: int, found: list[Sent], sent: list[Sent]) -> str:
        where = f"all channels and groups{on_alias(self.alias)}"
        expected = self.expected[position - 1]
        return message_failures.out_of_order(where, position, expected, found, sent)

    def _is(self, expected: Any, entry: Sent) -> bool:
        if isinstance(expected, tuple):
            target, expected = expected
            if str(target) != target_of(entry):
                return False
        return matches(expected, entry.message, partial=self.partial)
