"""
One connection for several threads, one database job at a time.

An in-memory SQLite database is where its connection is, and the rows of a test
are in its transaction: threads beside the test can work on them only by its
own connection. The state of transactions and savepoints in that is not made
for two threads at once, so they take turns. A turn lasts for an outermost
``atomic()`` block, or for one query outside of any.
"""

from __future__ import annotations

import contextlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from unittest import mock

from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import Atomic, get_connection
from django.db.utils import ConnectionHandler

from .patches import OwnAttribute, WrappedQueries
from .transactions import is_of_test_case, is_outside_own_blocks
from .turns import Turns

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Iterator, Mapping

    MakeTurns = Callable[[Collection[BaseDatabaseWrapper]], Turns]

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
def shared(
    mine: Collection[BaseDatabaseWrapper],
    make: MakeTurns | None = None,
    mirrors: Mapping[str, BaseDatabaseWrapper] = MappingProxyType({}),
) -> Iterator[None]:
    """
    Give every thread these connections, for the block.

    ``make`` returns the turns on those of one database. ``mirrors`` are other
    aliases that mean one of these connections.
    """
    by_alias = {connection.alias: connection for connection in mine} | dict(mirrors)
    real_getitem = ConnectionHandler.__getitem__

    def getitem(handler: ConnectionHandler, alias: str) -> Any:
        if handler is connections and alias in by_alias:
            return by_alias[alias]
        return real_getitem(handler, alias)

    with (
        in_turns(mine, make),
        mock.patch.object(ConnectionHandler, "__getitem__", getitem),
    ):
        yield


@contextlib.contextmanager
def in_turns(
    mine: Collection[BaseDatabaseWrapper], make: MakeTurns | None = None
) -> Iterator[None]:
    """Let threads that have these connections take turns, for the block."""
    by_database: dict[str, list[BaseDatabaseWrapper]] = {}
    for connection in mine:
        name = str(connection.settings_dict["NAME"])
        by_database.setdefault(name, []).append(connection)
    with contextlib.ExitStack() as undo:
        for of_one in by_database.values():
            undo.enter_context(_in_place((make or Turns)(of_one)))
        undo.enter_context(_whole_blocks())
        undo.enter_context(_no_part_in_the_blocks_of_others())
        yield


def whose_turn_it_is(
    on: Collection[BaseDatabaseWrapper],
) -> list[threading.Thread]:
    """Return the threads that are in a block or a query on these."""
    holders = (turns.thread for it in on for turns in _turns_on(it))
    return [thread for thread in holders if thread is not None]


def after_the_turn(
    connection: BaseDatabaseWrapper, function: Callable[[], object]
) -> None:
    """Call a function when this thread has no turn on a connection."""
    mine = [turns for turns in _turns_on(connection) if turns.are_mine]
    if mine:
        # The first is the last to end.
        mine[0].afterwards.append(function)
    else:
        function()


def take_turns_back(seconds: float) -> Iterator[OperationalError]:
    """
    Take the turn from threads that still have it when their test ends.

    Each has ``seconds`` to end it. Yields what says so; goes on when the query
    that is under way has ended, since the rollback comes next.
    """
    for turns in [turns for turns in _turns if turns.has_autocommit]:
        for held in turns.take_back(seconds):
            yield OperationalError(f"The test has ended while {held}")


def queries_in_turns(connection: BaseDatabaseWrapper) -> list[Any]:
    """Return those wrappers of a connection by which threads take turns."""
    return [turns.execute for turns in _turns_on(connection)]


@contextlib.contextmanager
def _in_place(turns: Turns) -> Iterator[None]:
    with contextlib.ExitStack() as undo:
        for connection in turns.connections:
            connection.inc_thread_sharing()
            undo.callback(connection.dec_thread_sharing)
            undo.enter_context(WrappedQueries(connection, turns.execute))
            for name, value in turns.attributes_of(connection).items():
                undo.enter_context(OwnAttribute(connection, name, value))
        _turns.append(turns)
        undo.callback(_turns.remove, turns)
        yield


@contextlib.contextmanager
def _whole_blocks() -> Iterator[None]:
    """
    Let a turn last from the beginning of an atomic block to its end.

    Blocks of a ``TestCase`` are the test's, and no thread's: nobody waits for
    their end.
    """
    real_enter, real_exit = Atomic.__enter__, Atomic.__exit__

    def enter(atomic: Atomic) -> None:
        connection = get_connection(atomic.using)
        with contextlib.ExitStack() as undo:
            turns_here = _turns_on(connection)
            for turns in turns_here:
                turns.take()
                undo.callback(turns.end)
            has_autocommit = any(turns.has_autocommit for turns in turns_here)
            with _with_savepoint(atomic, connection if has_autocommit else None):
                real_enter(atomic)
            if not is_of_test_case(atomic):
                for turns in turns_here:
                    turns.note_block()
                undo.pop_all()

    def leave(atomic: Atomic, *exc_info: Any) -> None:
        turns_here = _turns_on(get_connection(atomic.using))
        with contextlib.ExitStack() as undo:
            for turns in turns_here:
                if is_of_test_case(atomic):
                    turns.take()
                elif exc_info[1] is not None:
                    turns.explain(exc_info[1])
                undo.callback(turns.end)
            if not any(turns.are_lost for turns in turns_here):
                real_exit(atomic, *exc_info)

    with (
        mock.patch.object(Atomic, "__enter__", enter),
        mock.patch.object(Atomic, "__exit__", leave),
    ):
        yield


@contextlib.contextmanager
def _with_savepoint(
    atomic: Atomic, connection: BaseDatabaseWrapper | None
) -> Iterator[None]:
    """Let a block that production would begin a transaction for have one."""
    before: bool = atomic.savepoint
    if connection is not None and is_outside_own_blocks(connection):
        atomic.savepoint = True
    try:
        yield
    finally:
        # The instance may decorate a function, which is called again.
        atomic.savepoint = before


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
        connection = get_connection(using)
        turns_here = _turns_on(connection)
        if any(it.has_autocommit and not it.are_mine for it in turns_here):
            yield  # Each query of it is by itself.
            return
        with _turn_on(connection), real_mark(using):
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
