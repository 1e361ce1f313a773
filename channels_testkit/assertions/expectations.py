"""What is expected of the messages that were sent. Pure: no test, no loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from channels_testkit.layers import message_failures
from channels_testkit.matching import matches

if TYPE_CHECKING:
    from channels_testkit.layers.sent import Sent

#: Stands for "whatever was sent".
ANYTHING: Any = object()


class Unmet(Exception):  # noqa: N818 - no error: an assertion makes it a failure
    """The expectation is not met; the text says why."""


class Target(NamedTuple):
    """A channel or a group; any, where the name is None."""

    kind: str
    name: str | None

    def __str__(self) -> str:
        return f"any {self.kind}" if self.name is None else f"{self.kind} {self.name!r}"

    def has(self, entry: Sent) -> bool:
        """Tell whether an entry went there."""
        is_kind = (entry.group is None) == (self.kind == "channel")
        return is_kind and self.name in {None, message_failures.target_of(entry)}

    def judge_silence(self, sent: list[Sent]) -> list[Sent]:
        """Raise ``Unmet`` if anything went there."""
        found = [entry for entry in sent if self.has(entry)]
        if found:
            raise Unmet(message_failures.unexpected(str(self), found))
        return []


def judge_silence_anywhere(sent: list[Sent]) -> list[Sent]:
    """Raise ``Unmet`` if anything was sent."""
    if sent:
        raise Unmet(message_failures.unexpected_anywhere(sent))
    return []


class Wanted(NamedTuple):
    """A message that is expected on a channel or group."""

    target: Target
    expected: Any
    times: int | None
    partial: bool

    def judge(self, sent: list[Sent]) -> Any:
        """Return the first match, or all where a number is expected."""
        of_kind = [e for e in sent if Target(self.target.kind, None).has(e)]
        there = [entry for entry in of_kind if self.target.has(entry)]
        found = [entry for entry in there if self._matches(entry)]
        where = str(self.target)
        if self.times is not None:
            if len(found) != self.times:
                text = message_failures.wrong_count(
                    where, len(found), self.times, there
                )
                raise Unmet(text)
            return found
        if found:
            return found[0]
        if not there:
            kind, name = self.target.kind, str(self.target.name)
            raise Unmet(message_failures.nothing_sent_to(kind, name, of_kind))
        raise Unmet(
            message_failures.no_match(where, self.expected, there, partial=self.partial)
        )

    def judge_after_commit(self, sent: list[Sent]) -> Any:
        """As ``judge()``, and none of them inside an atomic block."""
        found = self.judge(sent)
        matching = [e for e in sent if self.target.has(e) and self._matches(e)]
        early = [entry for entry in matching if entry.in_atomic_block]
        if early:
            raise Unmet(message_failures.before_commit(str(self.target), early))
        return found

    def _matches(self, entry: Sent) -> bool:
        if self.expected is ANYTHING:
            return True
        return matches(self.expected, entry.message, partial=self.partial)


class Sequence(NamedTuple):
    """Messages that are expected one after another."""

    expected: tuple[Any, ...]
    partial: bool

    def judge(self, sent: list[Sent]) -> list[Sent]:
        """Return the entries that follow one another as expected."""
        found: list[Sent] = []
        rest = iter(sent)
        for position, expected in enumerate(self.expected, 1):
            entry = next((e for e in rest if self._is(expected, e)), None)
            if entry is None:
                text = message_failures.out_of_order(position, expected, found, sent)
                raise Unmet(text)
            found.append(entry)
        return found

    def _is(self, expected: Any, entry: Sent) -> bool:
        if isinstance(expected, tuple):
            target, expected = expected
            if str(target) != message_failures.target_of(entry):
                return False
        return matches(expected, entry.message, partial=self.partial)
