"""
One transaction for a test, its consumers, views and workers.

Django's ``TestCase`` opens the transaction and rolls it back. What is done
here keeps others from closing its connection or missing its rows.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.connection import BaseConnectionHandler

from channels_testkit.exceptions import DatabaseOwnershipError
from channels_testkit.matching.wording import MAX_NAME, say

from . import private
from .patches import Patch, WrappedQueries
from .places import calling_line
from .recorded import queries_recorded
from .sharing import connections_in_use, queries_in_turns
from .transactions import (
    is_of_test_case,
    is_test_transaction,
    transactions_kept,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# In the context of code whose queries are the kit's own: several may be at
# work at a time, beside the application.
_UNCOUNTED: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "channels_testkit.uncounted", default=False
)


def _is_counted() -> bool:
    """Tell whether a query is not one of the kit's own."""
    return not _UNCOUNTED.get()


def is_in_own_block() -> bool:
    """
    Tell whether this thread is inside an ``atomic()`` of its own.

    Blocks of Django's ``TestCase`` do not count. Only connections that the
    thread already has are asked.
    """
    try:
        return open_blocks(connections_in_use()) > 0
    except ImproperlyConfigured:  # no settings, no connections
        return False


def open_blocks(on: Iterable[BaseDatabaseWrapper]) -> int:
    """Count the ``atomic()`` blocks that are not of Django's ``TestCase``."""
    return sum(
        not is_of_test_case(block)
        for connection in on
        for block in connection.atomic_blocks
    )


def is_in_query(thread_id: int) -> bool:
    """Tell whether another thread is in the midst of code of Django's ORM."""
    frame = private.frames_by_thread().get(thread_id)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("django.db."):
            return True
        frame = frame.f_back
    return False


def connections_here() -> list[BaseDatabaseWrapper]:
    """Return the connections of this thread, one for each database."""
    try:
        return list(connections.all())
    except ImproperlyConfigured:  # no settings, no connections
        return []


class TestConnections:
    """
    The connections of one test, watched while it runs.

    A thread that opens a connection of its own misses the test's rows, and is
    refused by ``DatabaseOwnershipError``. ``can_close`` says if the test's
    own connections are closed as in production, which is so only in tests
    that commit.
    """

    __test__ = False

    def __init__(
        self,
        aliases: Iterable[str],
        *,
        can_close: bool,
        on_error: Callable[[BaseException], object],
    ) -> None:
        self._aliases = aliases
        self._own: dict[str, BaseDatabaseWrapper] = {}
        self._adopted = contextlib.ExitStack()
        self._can_close = can_close
        self._on_error = on_error
        self._strays: list[BaseDatabaseWrapper] = []
        self._thread_id = threading.get_ident()

    def __getitem__(self, alias: str) -> BaseDatabaseWrapper:
        return self._own[alias] if alias in self._own else connections[alias]

    def __enter__(self) -> TestConnections:
        with contextlib.ExitStack() as undo:
            self._undo = undo
            self._leave_out_uncounted()
            if not self._can_close:
                self._keep_open()
            self.adopt(self._aliases)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.let_go()
        self._undo.close()
        for stray in self._strays:
            _close_from_here(stray)

    def adopt(self, aliases: Iterable[str]) -> None:
        """Look after the test's own connections to some databases."""
        self._own = {alias: connections[alias] for alias in aliases}
        if not self._own:
            return
        # On top of what Django puts there when it prepares a test.
        enter = self._adopted.enter_context
        # Several aliases may mean one.
        for connection in dict.fromkeys(self._own.values()):
            enter(queries_recorded(connection, _is_counted))
        self._watch_other_threads(enter)
        if not self._can_close:
            for connection in self._own.values():
                enter(_broken_transactions_explained(connection))
            enter(transactions_kept(self._own, self._on_error))

    def find_in_coroutines(self) -> None:
        """
        Let ``connections`` mean the test's own in its coroutines as well.

        asgiref gives a coroutine others than the code of its thread. A query
        is refused there in any case; what only counts them is not.
        """
        real = BaseConnectionHandler.__getitem__

        def find(handler: Any, alias: str) -> Any:
            is_here = handler is connections and alias in self._own
            if is_here and threading.get_ident() == self._thread_id:
                return self._own[alias]
            return real(handler, alias)

        patch = Patch(BaseConnectionHandler, "__getitem__", find)
        self._adopted.enter_context(patch)

    def let_go(self) -> None:
        """Look after them no longer: their transaction is about to end."""
        self._adopted.close()
        self._own = {}

    def __contains__(self, alias: object) -> bool:
        return alias in self._own

    @contextlib.contextmanager
    def unseen(self) -> Iterator[None]:
        """Keep the kit's own queries out of all that the test sees of them."""
        wrappers = [(it, it.execute_wrappers) for it in self._own.values()]
        for connection, _ in wrappers:
            connection.execute_wrappers = queries_in_turns(connection)
        try:
            with self.uncounted():
                yield
        finally:
            for connection, before in wrappers:
                connection.execute_wrappers = before

    @contextlib.contextmanager
    def uncounted(self) -> Iterator[None]:
        """Keep the kit's own queries out of what the test counts."""
        before = _UNCOUNTED.get()
        _UNCOUNTED.set(True)
        try:
            yield
        finally:
            _UNCOUNTED.set(before)

    def _leave_out_uncounted(self) -> None:
        is_logged: Any = BaseDatabaseWrapper.queries_logged.fget  # type: ignore[attr-defined]

        def queries_logged(connection: BaseDatabaseWrapper) -> bool:
            return _is_counted() and bool(is_logged(connection))

        self._patch(BaseDatabaseWrapper, "queries_logged", property(queries_logged))

    def _keep_open(self) -> None:
        real_close_old = BaseDatabaseWrapper.close_if_unusable_or_obsolete

        # In a test without a database even to ask a connection is forbidden.
        def close_if_unusable_or_obsolete(connection: BaseDatabaseWrapper) -> None:
            is_elsewhere = threading.get_ident() != self._thread_id
            if is_elsewhere and not self._is_own(connection):
                real_close_old(connection)

        self._patch(
            BaseDatabaseWrapper,
            "close_if_unusable_or_obsolete",
            close_if_unusable_or_obsolete,
        )

    def _watch_other_threads(self, enter: Callable[..., object]) -> None:
        real_ensure = BaseDatabaseWrapper.ensure_connection
        real_connect = BaseDatabaseWrapper.connect

        def ensure_connection(connection: BaseDatabaseWrapper) -> None:
            own = self._own.get(connection.alias)
            if own is not None and own is not connection and is_test_transaction(own):
                self._refuse(connection)
            # Django refuses some where they have no connection yet.
            if own is None or connection.connection is None:
                # MySQL's backend sets it up by a query that it logs.
                with self.uncounted():
                    real_ensure(connection)

        def connect(connection: BaseDatabaseWrapper) -> None:
            is_elsewhere = threading.get_ident() != self._thread_id
            if is_elsewhere and not self._is_own(connection):
                self._strays.append(connection)
            real_connect(connection)

        enter(Patch(BaseDatabaseWrapper, "ensure_connection", ensure_connection))
        enter(Patch(BaseDatabaseWrapper, "connect", connect))

    def _is_own(self, connection: BaseDatabaseWrapper) -> bool:
        return self._own.get(connection.alias) is connection

    def _refuse(self, connection: BaseDatabaseWrapper) -> None:
        name = say(threading.current_thread().name, MAX_NAME)
        error = DatabaseOwnershipError(
            f"A query on database {connection.alias!r} came from thread"
            f" {name}, at {calling_line()}. That"
            " thread has a connection of its own, which cannot see the rows of this"
            " test: they are in a transaction that is rolled back. Run the code"
            " thread-sensitively (sync_to_async() and database_sync_to_async() do"
            " by default), or use the Transaction flavor of the test case."
        )
        self._on_error(error)
        raise error

    def _patch(self, target: Any, name: str, value: object) -> None:
        self._undo.enter_context(Patch(target, name, value))


@contextlib.contextmanager
def _broken_transactions_explained(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Name the first error when a later one only says that there was one."""
    first = ""

    def explain(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        nonlocal first
        try:
            result = execute(sql, params, many, context)
        except DatabaseError as error:
            if not _only_says_broken(error):
                first = _first_error_text(error)
            elif first:
                error.args = (f"{error}\n{first}", *error.args[1:])
            raise
        first = ""
        return result

    with WrappedQueries(connection, explain):
        yield


def _only_says_broken(error: DatabaseError) -> bool:
    """Tell whether Django, or PostgreSQL, refuses a query without a look."""
    names = {type(error).__name__, type(error.__cause__).__name__}
    return bool(names & {"TransactionManagementError", "InFailedSqlTransaction"})


def _first_error_text(error: DatabaseError) -> str:
    kind, text = type(error).__name__, str(error).strip()
    return (
        f"The transaction was broken before, at {calling_line()}, by {kind}: {text}\n"
        "Inside a TestCase everything is one transaction: put code that expects a"
        " database error in its own atomic() block, or use the Transaction flavor."
    )


def _close_from_here(connection: BaseDatabaseWrapper) -> None:
    """Close a connection that another thread has opened."""
    connection.inc_thread_sharing()
    try:
        connection.close()
    finally:
        connection.dec_thread_sharing()
