"""
When it is looked for connections whose login has ended.

The rows are read at rest, and only where something is about to happen: before
what a sync test itself has sent is delivered, before its calls and the
requests of its client, and when an async test goes on. What has happened since
is judged whenever a failure can be reported.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from channels_testkit.engine.jobs import APPLICATION

from .loop import TestLoop

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextlib import AbstractContextManager

    from .options import RunOptions

T = TypeVar("T")

__unittest = True


class Revocation(Protocol):
    """What looks at the connections of a test."""

    def look(self) -> None:
        """Take note of those whose login has ended; at rest."""

    def looking_ahead(self) -> AbstractContextManager[None]:
        """Look before what was sent comes, and forget whom that closes."""

    def report(self) -> None:
        """Record a failure for each that has got something since; at rest."""

    def forget(self) -> None:
        """Judge nothing of what comes next: the test ends."""


class LoopThatLooks(TestLoop):
    """The loop of a test, and when it is looked for logins that have ended."""

    def __init__(self, options: RunOptions) -> None:
        super().__init__(options)
        #: What looks, once there are connections.
        self.revocation: Revocation | None = None
        self.errors.before_delivery = self._judge_at_rest

    def run_in_sync_test(
        self,
        work: Coroutine[Any, Any, T],
        twin: str,
        *,
        only_reads: bool = False,
        only_feeds: bool = False,
    ) -> T:
        """Run a kit coroutine for a sync test; ``twin`` is its async call."""
        try:
            self.look_before_work(only_reads=only_reads)
        except BaseException:
            work.close()
            raise
        return super().run_in_sync_test(
            work, twin, only_reads=only_reads, only_feeds=only_feeds
        )

    def ensure_rest(self) -> None:
        """Be at rest before something is read or judged."""
        self._settle_and_look()
        super().ensure_rest()

    def look_before_work(self, *, only_reads: bool = False) -> None:
        """Look, in a sync test, before the application may do something."""
        revocation = self._settle_and_look()
        if revocation is not None and self.rest.is_at_rest_so_far():
            revocation.report()
            if not (only_reads and self.rest.is_at_rest_for_good()):
                revocation.look()

    def _settle_and_look(self) -> Revocation | None:
        """Let a sync test come to rest; return what looks, if it may now."""
        revocation, bridge = self._asked_revocation(), self._bridge
        if revocation is None or bridge is None or bridge.is_running:
            return None
        if not (self.sends_overlap or bridge.rest.is_at_rest_with_no_timer_due()):
            with revocation.looking_ahead():
                bridge.settle()
        return revocation

    def forget_revoked(self) -> None:
        """Judge nothing of what comes next: connections are being closed."""
        if self.revocation is not None:
            self.revocation.forget()

    def _asked_revocation(self) -> Revocation | None:
        """Return what looks, if the test wants that here and now."""
        if self.revocation is None or self.options.check_revoked == "off":
            return None
        bridge = self._bridge
        if bridge is None or self.has_left or os.getpid() != self._process:
            return None
        is_test = bridge.is_in_own_thread and not APPLICATION.get()
        return self.revocation if is_test else None

    def _judge_at_rest(self) -> None:
        revocation = self._asked_revocation()
        if revocation is not None:
            revocation.report()
            if self.is_async:
                revocation.look()
