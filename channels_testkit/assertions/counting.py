"""``captureOnCommitCallbacks()`` and ``assertNumQueries()``, also async."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.db import connections
from django.test.utils import CaptureQueriesContext

from channels_testkit.engine.commits import CommitsAsInProduction, run_commit_callback
from channels_testkit.engine.patches import StandIn
from channels_testkit.engine.transactions import is_test_transaction
from channels_testkit.running.run import current

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.base.base import BaseDatabaseWrapper

__unittest = True

# Where Django's own captureOnCommitCallbacks() logs.
_logger = logging.getLogger("django.test")


class CommitCapture:
    """Captures callbacks, as a context manager for sync and async tests."""

    def __init__(self, using: str, *, execute: bool) -> None:
        self._using = using
        self._execute = execute
        self._callbacks: list[Callable[[], object]] = []

    def __enter__(self) -> list[Callable[[], object]]:
        running = current()
        if self._execute and running is not None and running.is_async:
            raise RuntimeError(
                "captureOnCommitCallbacks(execute=True) runs callbacks on the test's"
                " thread: in an async test write 'async with"
                " self.captureOnCommitCallbacks(execute=True)'."
            )
        return self._begin()

    def __exit__(self, *exc_info: object) -> None:
        self._end()

    async def __aenter__(self) -> list[Callable[[], object]]:
        return self._begin()

    async def __aexit__(self, *exc_info: object) -> None:
        await sync_to_async(self._end)()

    def _begin(self) -> list[Callable[[], object]]:
        running = current()
        self._connection: BaseDatabaseWrapper = (
            running.database[self._using] if running else connections[self._using]
        )
        self._start = len(self._connection.run_on_commit)
        CommitsAsInProduction.suspended += 1
        return self._callbacks

    def _end(self) -> None:
        start = self._start
        try:
            self._collect()
        finally:
            CommitsAsInProduction.suspended -= 1
            is_outermost = not CommitsAsInProduction.suspended
            if is_outermost and is_test_transaction(self._connection):
                # Production's rule would run them at the next occasion.
                del self._connection.run_on_commit[start:]

    def _collect(self) -> None:
        """Take the callbacks, and those that they add when they are run."""
        while True:
            count = len(self._connection.run_on_commit)
            added: list[Any] = self._connection.run_on_commit[self._start :]
            for _, callback, robust in added:
                self._callbacks.append(callback)
                if self._execute:
                    run_commit_callback(callback, robust=robust, logger=_logger)
            if count == len(self._connection.run_on_commit):
                return
            self._start = count


class QueryCount(CaptureQueriesContext):
    """Counts the queries of a connection that belongs to another thread."""

    def __init__(self, case: Any, num: int, connection: BaseDatabaseWrapper) -> None:
        super().__init__(_FromAfar(connection))  # type: ignore[arg-type]
        self._case = case
        self._num = num

    def __exit__(self, kind: Any, *exc_info: Any) -> None:
        super().__exit__(kind, *exc_info)
        if kind is None:
            queries = "\n".join(
                f"{number}. {query['sql']}"
                for number, query in enumerate(self.captured_queries, 1)
            )
            # As Django's own, to the letter.
            self._case.assertEqual(
                len(self),
                self._num,
                f"{len(self)} queries executed, {self._num} expected\n"
                f"Captured queries were:\n{queries}",
            )


class _FromAfar(StandIn):
    """A connection without the method that only its own thread may call."""

    def ensure_connection(self) -> None:
        """Do nothing: queries that set a connection up do not count."""
