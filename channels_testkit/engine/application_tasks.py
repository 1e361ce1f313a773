"""The tasks that an application has started, and which of them go on."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from .jobs import current_owner

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable
    from typing import Any

    from .origins import Owner


class ApplicationTasks:
    """
    Those of one loop.

    What an owner in ``keepers`` has started goes on when the test has ended.
    """

    def __init__(self) -> None:
        self._all: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self._kept: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self.keepers: list[Owner] = []

    def add(self, task: asyncio.Task[Any]) -> None:
        """Take note of a task that this code starts."""
        self._all.add(task)
        if self.keepers and current_owner() in self.keepers:
            self._kept.add(task)

    def adopt(self, tasks: Iterable[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
        """Take note of tasks of keepers; return those that are new here."""
        new = [task for task in tasks if task not in self._all]
        self._all.update(new)
        self._kept.update(new)
        return new

    def undone(self) -> list[asyncio.Task[Any]]:
        """Return those that have not ended."""
        return [task for task in self._all if not task.done()]

    def kept(self) -> set[asyncio.Task[Any]]:
        """Return those of the keepers that have not ended."""
        if not self.keepers:
            return set()
        return {task for task in self._kept if not task.done()}
