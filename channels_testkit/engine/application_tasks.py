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
        #: By task: the keeper that has started it.
        self._kept: weakref.WeakKeyDictionary[asyncio.Task[Any], Owner]
        self._kept = weakref.WeakKeyDictionary()
        self.keepers: list[Owner] = []

    def add(self, task: asyncio.Task[Any]) -> None:
        """Take note of a task that this code starts."""
        self._all.add(task)
        if self.keepers and (owner := current_owner()) in self.keepers:
            self._kept[task] = owner

    def adopt(
        self, tasks: Iterable[asyncio.Task[Any]], keeper: Owner
    ) -> list[asyncio.Task[Any]]:
        """Take note of tasks of a keeper; return those that are new here."""
        new = [task for task in tasks if task not in self._all]
        self._all.update(new)
        self._kept.update(dict.fromkeys(new, keeper))
        return new

    def undone(self) -> list[asyncio.Task[Any]]:
        """Return those that have not ended."""
        return [task for task in self._all if not task.done()]

    def kept(self) -> set[asyncio.Task[Any]]:
        """Return those of the keepers that have not ended."""
        if not self.keepers:
            return set()
        return {task for task in self._kept if not task.done()}

    def kept_by(self, keeper: Owner) -> set[asyncio.Task[Any]]:
        """Return those of one keeper that have not ended."""
        return {task for task in self.kept() if self._kept[task] is keeper}
