"""The thread that runs the loops of tests."""

from __future__ import annotations

import os
import queue
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class HelperThread:
    """The thread that runs loops. One serves all tests of a process."""

    _current: HelperThread | None = None

    def __init__(self) -> None:
        self.process_id = os.getpid()
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.thread = threading.Thread(
            target=self._serve, name="channels_testkit", daemon=True
        )
        self.thread.start()

    @classmethod
    def get(cls) -> HelperThread:
        """Return this process's helper: a fork does not take it along."""
        if cls._current is None or cls._current.process_id != os.getpid():
            cls._current = cls()
        return cls._current

    def abandon(self) -> None:
        """Start a new one next time; this one is stuck, and ends then."""
        HelperThread._current = None
        self._work.put(None)

    def run(self, work: Callable[[], None]) -> None:
        """Have the work done. It must not raise."""
        self._work.put(work)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()
