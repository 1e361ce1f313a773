"""
The objects that were made since a moment, wherever they are kept.

Python calls no code when a coroutine or a future is made. But the garbage
collector has a list of all objects that it may collect, the newest last, and
moves those that it keeps to a list of older ones. So the objects of a test are
in the young lists, and to look through these takes some ten microseconds.
"""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

#: Collections of the youngest before what they leave is looked at again, and
#: counts as old. With Python's 10 this happens within one test in thirty,
#: which would have to look through all there is.
_COLLECTIONS = 100
#: The same between two tests: the fewer objects count as young afterwards.
_COLLECTIONS_BETWEEN = 2
#: More young objects than this are there where nothing is ever collected.
_TOO_MANY = 100_000


@contextlib.contextmanager
def kept_young() -> Iterator[None]:
    """
    Let the objects that a block makes stay in the young lists.

    A collection of these that is nearly due is made before it begins.
    """
    if gc.isenabled() and gc.get_count()[1] > _COLLECTIONS_BETWEEN:
        gc.collect(1)
    before = gc.get_threshold()
    ours = (before[0], max(before[1], _COLLECTIONS), before[2])
    gc.set_threshold(*ours)
    try:
        yield
    finally:
        # The project may have its own idea meanwhile.
        if gc.get_threshold() == ours:
            gc.set_threshold(*before)


class MadeSince:
    """The objects that were made after this one, and still exist."""

    def __init__(self) -> None:
        self._collections = _collections()
        #: It is in the list of the youngest, before all that comes after it.
        self._mark: list[object] = []

    def of(self, kinds: Collection[type]) -> list[Any]:
        """
        Return the objects of these very classes, and maybe older ones.

        If the project has switched the collector off, looking would take too
        long, and this returns none.
        """
        if gc.get_count()[0] > _TOO_MANY:
            return []
        return [found for found in self._objects() if type(found) in kinds]

    def _objects(self) -> list[Any]:
        young, *older = (
            now - then
            for now, then in zip(_collections(), self._collections, strict=True)
        )
        if any(older):
            return gc.get_objects()
        youngest = gc.get_objects(generation=0)
        if young:
            return youngest + gc.get_objects(generation=1)
        for number, found in enumerate(reversed(youngest)):
            if found is self._mark:
                return youngest[len(youngest) - number :]
        return youngest


def _collections() -> list[int]:
    return [generation["collections"] for generation in gc.get_stats()]
