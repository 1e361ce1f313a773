"""A loop that goes on from one test to the next."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from . import private
from .bridge import SECONDS_TO_STOP, Bridge
from .cancelling import cancel
from .order import put_in_order
from .virtual_time import Ahead
from .watches import watch_of

if TYPE_CHECKING:
    from .rest import RestWatch

__unittest = True


class KeptLoop:
    """
    A loop that tests have one after the other, each by a bridge of its own.

    What the keepers among its tasks have started goes on from test to test.
    Between them the loop is paused, and its clock stands still.
    """

    def __init__(self) -> None:
        self.loop = asyncio.SelectorEventLoop()
        self._now = self.loop.time()

    def new_bridge(self, **options: Any) -> Bridge:
        """Return a bridge for the next test."""
        put_in_order(self.loop, Ahead(self._now))
        return KeptBridge(self, **options)

    def pause(self) -> None:
        """Let the clock stand still."""
        self._now = self.loop.time()

    def close(self) -> None:
        """Cancel what is left, and close it."""
        Bridge(hang_timeout=SECONDS_TO_STOP, loop=self.loop).close()


class KeptBridge(Bridge):
    """A ``Bridge`` that leaves its loop, and what is kept, as they are."""

    def __init__(self, kept: KeptLoop, **options: Any) -> None:
        self._kept = kept
        super().__init__(loop=kept.loop, **options)

    def _watch(self) -> RestWatch:
        rest = watch_of(self.loop)
        rest.is_settled, rest.deadline = False, None
        return rest

    def close(self) -> None:
        """End what the test has begun, and pause the loop."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if left := self.tasks():
                self._run(cancel(left, SECONDS_TO_STOP))
        except KeyboardInterrupt:
            private.forget_tasks(self.loop)
            raise
        finally:
            self._ask_no_more()
            self._interrupter.remove()
            self._own.close()
            self._kept.pause()
