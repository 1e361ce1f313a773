"""
One transaction for all threads, in which each has autocommit.

The connection is in the transaction of a ``TestCase``. To code outside of any
block of its own it is what it would be in production: a query that fails
breaks nothing else, ``savepoint()`` has nothing to do, ``set_rollback()`` and
``select_for_update()`` are refused.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.db.transaction import TransactionManagementError

from .places import calling_line
from .sharing import shared
from .transactions import is_test_transaction
from .turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

_SAVEPOINT = "channels_testkit_query"
#: These undo a statement that fails, and nothing more, by themselves.
_UNDO_A_STATEMENT = frozenset({"sqlite", "mysql", "oracle"})


def in_one_transaction(
    mine: Collection[BaseDatabaseWrapper], seconds: Callable[[], float | None]
) -> contextlib.AbstractContextManager[None]:
    """
    Give every thread these connections, in a transaction, for the block.

    A mirror is the connection of its database: one of its own would not see
    the rows. A thread that waits for its turn for longer than ``seconds()``
    gets ``OperationalError``. Raises ``ImproperlyConfigured`` if a connection
    is in no transaction of a test.
    """
    for connection in mine:
        if not is_test_transaction(connection):
            raise ImproperlyConfigured(
                f"Database {connection.alias!r} has no transaction that is rolled back"
                " after this test: its engine has none, or the test commits. Use"
                " LiveServerTestCase, or the fixture channels_live_server."
            )
    by_alias = {it.alias: it for it in mine}
    mirrors = {
        alias: by_alias[primary]
        for alias, it in by_alias.items()
        if (primary := mirrored_by(it)) in by_alias
    }
    return shared(
        [it for it in mine if it.alias not in mirrors],
        lambda of_one: _TurnsInTransaction(of_one, seconds),
        mirrors,
    )


def mirrored_by(connection: BaseDatabaseWrapper) -> str | None:
    """Return the alias of the database that this one is a mirror of."""
    alias: str | None = (connection.settings_dict.get("TEST") or {}).get("MIRROR")
    return alias


class _TurnsInTransaction(Turns):
    """The turns on a database whose connection is in a test's transaction."""

    advice = (
        "All threads of a RollbackLiveServerTestCase share one connection, in turns."
        " Leave the block before you wait for another thread, or use"
        " LiveServerTestCase."
    )
    has_autocommit = True

    def __init__(
        self,
        of_one: Collection[BaseDatabaseWrapper],
        seconds: Callable[[], float | None],
    ) -> None:
        super().__init__(of_one)
        self._seconds = seconds
        #: Django's TestCase rolls back on this one.
        self._of_test = threading.current_thread()

    @property
    def seconds(self) -> float | None:
        """How long a thread waits for its turn."""
        return self._seconds()

    def attributes_of(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """Return what answers as in production, outside of any block."""
        real: Any = connection
        real_get, real_allowed = real.get_autocommit, real._savepoint_allowed  # noqa: SLF001 - as Django's own backends
        real_validate, real_set = real.validate_no_atomic_block, real.set_rollback

        # The turn is also that of a block which is about to begin, or to end.
        def get_autocommit() -> bool:
            return bool(real_get()) if self.are_mine else True

        def is_savepoint_allowed() -> bool:
            return self.are_mine and bool(real_allowed())

        def set_rollback(rollback: bool) -> None:
            if not self.are_mine and threading.current_thread() is not self._of_test:
                raise TransactionManagementError(
                    "The rollback flag doesn't work outside of an 'atomic' block."
                )
            real_set(rollback)

        def validate_no_atomic_block() -> None:
            if self.are_mine or not is_test_transaction(connection):
                real_validate()
                return
            raise TransactionManagementError(
                "commit(), rollback() and set_autocommit() would end the transaction of"
                f" this test, on database {connection.alias!r}, at {calling_line()}."
                " Use atomic(), or test this code in a LiveServerTestCase."
            )

        return {
            "_savepoint_allowed": is_savepoint_allowed,
            "get_autocommit": get_autocommit,
            "set_rollback": set_rollback,
            "validate_no_atomic_block": validate_no_atomic_block,
        }

    def by_itself(self, ctx: Any) -> contextlib.AbstractContextManager[None]:
        """Put a savepoint around a query, where a failure needs one."""
        connection = ctx["connection"]
        # The test may have ended the transaction, by a way around Django.
        is_open = is_test_transaction(connection)
        if is_open and connection.vendor not in _UNDO_A_STATEMENT:
            return _savepoint(connection)
        return contextlib.nullcontext()


@contextlib.contextmanager
def _savepoint(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Undo a query that fails; these statements are not counted."""
    _send(connection, f"SAVEPOINT {_SAVEPOINT}")
    try:
        yield
    except BaseException:
        # What the query has raised says more.
        with contextlib.suppress(Error):
            _send(connection, f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
            _send(connection, f"RELEASE SAVEPOINT {_SAVEPOINT}")
        raise
    _send(connection, f"RELEASE SAVEPOINT {_SAVEPOINT}")


def _send(connection: BaseDatabaseWrapper, sql: str) -> None:
    """Send a statement past Django: it is no query of the test."""
    with connection.wrap_database_errors, connection.create_cursor() as cursor:
        cursor.execute(sql)
