"""The tasks that an application has started, and whose each is."""

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
        self._owners: weakref.WeakKeyDictionary[asyncio.Task[Any], Owner | None]
        self._owners = weakref.WeakKeyDictionary()
        self.keepers: list[Owner] = []

    def add(self, task: asyncio.Task[Any]) -> None:
        """Take note of a task that this code starts."""
        self._owners[task] = current_owner()

    def adopt(
        self, tasks: Iterable[asyncio.Task[Any]], owner: Owner
    ) -> list[asyncio.Task[Any]]:
        """Take note of tasks of an owner; return those that are new here."""
        new = [task for task in tasks if task not in self._owners]
        self._owners.update((task, owner) for task in new)
        return new

    def undone(self) -> list[asyncio.Task[Any]]:
        """Return those that have not ended."""
        return [task for task in self._owners if not task.done()]

    def kept(self) -> set[asyncio.Task[Any]]:
        """Return those of the keepers that have not ended."""
        if not self.keepers:
            return set()
        return {task for task in self.undone() if self._owners[task] in self.keepers}
