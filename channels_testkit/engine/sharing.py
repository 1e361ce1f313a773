"""
One connection for several threads, one database job at a time.

An in-memory SQLite database is where its connection is, and the rows of a test
are in its transaction: threads beside the test can work on them only by its
own connection. The state of transactions and savepoints in that is not made
for two threads at once, so they take turns.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from typing import TYPE_CHECKING, Any
from unittest import mock

from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import Atomic, get_connection
from django.db.utils import ConnectionHandler

from .patches import WrappedQueries

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

#: How long SQLite waits for a lock by itself.
_SECONDS_TO_WAIT = 5.0

_turns: list[Turns] = []


def connections_in_use() -> Iterator[BaseDatabaseWrapper]:
    """Yield the connections that this thread has, or has its turn on."""
    shared = {id(connection) for turns in _turns for connection in turns.connections}
    for connection in connections.all(initialized_only=True):
        if id(connection) not in shared:
            yield connection
    for turns in _turns:
        yield from turns.connections if turns.are_mine else ()


@contextlib.contextmanager
def shared(mine: Collection[BaseDatabaseWrapper]) -> Iterator[None]:
    """Give every thread these connections, for the block."""
    by_alias = {connection.alias: connection for connection in mine}
    real_getitem = ConnectionHandler.__getitem__

    def getitem(handler: ConnectionHandler, alias: str) -> Any:
        if handler is connections and alias in by_alias:
            return by_alias[alias]
        return real_getitem(handler, alias)

    with in_turns(mine), mock.patch.object(ConnectionHandler, "__getitem__", getitem):
        yield


@contextlib.contextmanager
def in_turns(mine: Collection[BaseDatabaseWrapper]) -> Iterator[None]:
    """Let threads that have these connections take turns, for the block."""
    by_database: dict[str, list[BaseDatabaseWrapper]] = {}
    for connection in mine:
        name = str(connection.settings_dict["NAME"])
        by_database.setdefault(name, []).append(connection)
    with contextlib.ExitStack() as undo:
        for of_one in by_database.values():
            undo.enter_context(_in_turns_on_one(of_one))
        undo.enter_context(_whole_blocks())
        undo.enter_context(_no_part_in_the_blocks_of_others())
        yield


def whose_turn_it_is(
    on: Collection[BaseDatabaseWrapper],
) -> list[threading.Thread]:
    """Return the threads that are amid a block or query on these."""
    holders = (turns.thread for it in on for turns in _turns_on(it))
    return [thread for thread in holders if thread is not None]


@contextlib.contextmanager
def _in_turns_on_one(of_one: Collection[BaseDatabaseWrapper]) -> Iterator[None]:
    turns = Turns(of_one)
    with contextlib.ExitStack() as undo:
        for connection in of_one:
            connection.inc_thread_sharing()
            undo.callback(connection.dec_thread_sharing)
            undo.enter_context(WrappedQueries(connection, turns.execute))
        _turns.append(turns)
        undo.callback(_turns.remove, turns)
        yield


@contextlib.contextmanager
def _whole_blocks() -> Iterator[None]:
    """Let a turn last from the beginning of an atomic block to its end."""
    real_enter, real_exit = Atomic.__enter__, Atomic.__exit__

    def enter(atomic: Atomic) -> None:
        with contextlib.ExitStack() as undo:
            for turns in _turns_on(get_connection(atomic.using)):
                turns.take()
                undo.callback(turns.end)
            real_enter(atomic)
            undo.pop_all()

    def leave(atomic: Atomic, *exc_info: Any) -> None:
        with contextlib.ExitStack() as undo:
            for turns in _turns_on(get_connection(atomic.using)):
                undo.callback(turns.end)
            real_exit(atomic, *exc_info)

    with (
        mock.patch.object(Atomic, "__enter__", enter),
        mock.patch.object(Atomic, "__exit__", leave),
    ):
        yield


@contextlib.contextmanager
def _no_part_in_the_blocks_of_others() -> Iterator[None]:
    """
    Keep what a thread does outside of any block out of another's.

    A failure there marks the connection, and ``on_commit()`` asks it, as if a
    block that is open were the thread's own.
    """
    real_mark = transaction.mark_for_rollback_on_error
    real_on_commit = BaseDatabaseWrapper.on_commit

    @contextlib.contextmanager
    def mark_for_rollback_on_error(using: str | None = None) -> Iterator[None]:
        with _turn_on(get_connection(using)), real_mark(using):
            yield

    def on_commit(connection: BaseDatabaseWrapper, *args: Any, **options: Any) -> None:
        with _turn_on(connection):
            real_on_commit(connection, *args, **options)

    with (
        mock.patch.object(
            transaction, "mark_for_rollback_on_error", mark_for_rollback_on_error
        ),
        mock.patch.object(BaseDatabaseWrapper, "on_commit", on_commit),
    ):
        yield


@contextlib.contextmanager
def _turn_on(connection: BaseDatabaseWrapper) -> Iterator[None]:
    with contextlib.ExitStack() as undo:
        for turns in _turns_on(connection):
            turns.take()
            undo.callback(turns.end)
        yield


def _turns_on(connection: BaseDatabaseWrapper) -> list[Turns]:
    return [turns for turns in _turns if connection in turns.connections]


class Turns:
    """
    Whose turn it is on the shared connections of one database.

    It has several where others are mirrors of it.
    """

    def __init__(self, of_one: Collection[BaseDatabaseWrapper]) -> None:
        self.connections = list(of_one)
        self._lock = threading.RLock()
        #: Whose turn it is.
        self.thread: threading.Thread | None = None
        self._depth = 0

    @property
    def are_mine(self) -> bool:
        """Whether it is the calling thread's turn."""
        return self.thread is threading.current_thread()

    def take(self) -> None:
        """Wait for the turn; raise ``OperationalError`` if it never comes."""
        if not self._lock.acquire(timeout=_SECONDS_TO_WAIT):
            alias = self.connections[0].alias
            holder = self.thread.name if self.thread else ""
            raise OperationalError(
                f"Database {alias!r} is locked: thread {holder!r} is"
                " inside an atomic() block, and all threads share the connection of a"
                " database in memory. Leave the block before another thread is waited"
                " for, or test on a database in a file."
            )
        self.thread = threading.current_thread()
        self._depth += 1

    def end(self) -> None:
        """End the turn, or the inner one of several."""
        self._depth -= 1
        if not self._depth:
            self.thread = None
        self._lock.release()

    def execute(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, ctx: Any
    ) -> Any:
        """Run a query, and fetch its rows, when it is this thread's turn."""
        self.take()
        try:
            result = execute(sql, params, many, ctx)
            fetched = _Fetched.of(ctx["cursor"])
            with ctx["connection"].wrap_database_errors:
                fetched.fetch()
            return result if result is None else fetched
        finally:
            self.end()


class _Fetched:
    """
    A cursor whose rows are all there already.

    A statement goes on until its last row has been fetched. Meanwhile it sees
    what other threads do, and ends in a transaction of theirs.
    """

    @classmethod
    def of(cls, wrapper: Any) -> _Fetched:
        """Return what is in the place of the cursor that Django wraps."""
        if not isinstance(wrapper.cursor, cls):
            wrapper.cursor = cls(wrapper.cursor)
        fetched: _Fetched = wrapper.cursor
        return fetched

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self._rows: Iterator[Any] = iter(())

    def fetch(self) -> None:
        """Fetch the rows of the statement that was executed last."""
        self._rows = iter(self._cursor.fetchall() if self._cursor.description else ())

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next rows."""
        return list(itertools.islice(self._rows, size or self._cursor.arraysize))

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        return list(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)
