"""Tasks and jobs that failed, and that no code has checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import private

if TYPE_CHECKING:
    import asyncio

    from .origins import Source
    from .pool_future import PoolFuture


class Failures:
    """
    Those of one loop, the application's or the test's own.

    Each is reported once, and only if no code has seen its exception yet.
    """

    def __init__(self) -> None:
        self._failed: list[tuple[asyncio.Future[Any], Source]] = []
        self._failed_in_pools: list[PoolFuture] = []
        self._failed_late: list[PoolFuture] = []

    def watch(self, future: asyncio.Future[Any], source: Source) -> None:
        """Take note of the future, should it fail."""

        def note(future: asyncio.Future[Any]) -> None:
            if private.exception_of(future) is not None:
                self._failed.append((future, source))

        future.add_done_callback(note)

    def add(self, future: PoolFuture) -> None:
        """Take note of a job in a pool that has failed; in any thread."""
        self._failed_in_pools.append(future)

    def add_late(self, future: PoolFuture) -> None:
        """Take note of one that a thread may ask about at any time."""
        if future.unseen_error() is not None:
            self._failed_late.append(future)

    def take_late(self) -> list[BaseException]:
        """Return all exceptions that no code has seen yet, and see them."""
        self._failed_in_pools += self._failed_late
        self._failed_late.clear()
        return self.take()

    def take(self) -> list[BaseException]:
        """Return the exceptions that no code has seen, and see them."""
        if not (self._failed or self._failed_in_pools):
            return []
        failed, self._failed = self._failed, []
        errors = []
        for future, source in failed:
            if private.is_unretrieved(future) and (error := future.exception()):
                source.note_on(error)
                errors.append(error)
        while self._failed_in_pools:
            job = self._failed_in_pools.pop(0)
            if (error := job.unseen_error()) is not None:
                job.source.note_on(error)
                errors.append(error)
        return errors
