"""Assertions about what was sent after a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from channels_testkit.layers.aliases import DEFAULT

from .expectations import ANYTHING, Wanted
from .sent import SentAssertions

if TYPE_CHECKING:
    from channels_testkit.workers.messages import ChannelGiven, GroupGiven

    from .blocks import AllSentOrBlock, SentOrBlock

__unittest = True


class CommitAssertions(SentAssertions):
    """Assertions about what was sent, and not inside an ``atomic()`` block."""

    @overload
    def assertSentAfterCommit(
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
    def assertSentAfterCommit(
        self,
        channel: ChannelGiven,
        expected: Any = ...,
        *,
        count: int,
        partial: bool = ...,
        alias: str = ...,
        msg: object = ...,
    ) -> AllSentOrBlock: ...
    def assertSentAfterCommit(
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
        Assert that a message was sent, and not inside an ``atomic()`` block.

        Fails if a matching message was sent before the block had ended. As
        ``assertSent()`` in everything else.

        Example::

            with transaction.atomic():
                send = async_to_sync(self.channel_layer.send)
                transaction.on_commit(lambda: send("jobs", {"type": "make"}))
            self.assertSentAfterCommit("jobs", {"type": "make"})
        """
        __tracebackhide__ = True
        target = self._target(
            "assertSentAfterCommit", "channel", channel, alias, expected
        )
        wanted = Wanted.of(target, expected, count, partial=partial)
        return self._judged(alias, wanted.judge_after_commit, msg)

    @overload
    def assertGroupSentAfterCommit(
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
    def assertGroupSentAfterCommit(
        self,
        group: GroupGiven,
        expected: Any = ...,
        *,
        count: int,
        partial: bool = ...,
        alias: str = ...,
        msg: object = ...,
    ) -> AllSentOrBlock: ...
    def assertGroupSentAfterCommit(
        self,
        group: GroupGiven,
        expected: Any = ANYTHING,
        *,
        count: int | None = None,
        partial: bool = False,
        alias: str = DEFAULT,
        msg: object = None,
    ) -> Any:
        """Assert the same of a group as ``assertSentAfterCommit()``."""
        __tracebackhide__ = True
        target = self._target(
            "assertGroupSentAfterCommit", "group", group, alias, expected
        )
        wanted = Wanted.of(target, expected, count, partial=partial)
        return self._judged(alias, wanted.judge_after_commit, msg)
