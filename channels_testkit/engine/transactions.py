"""
The transaction of a test stays what it is until Django rolls it back.

``close()`` leaves its connection alone, and SQL that would end it is refused.
Statements sent to a driver directly are seen when the test has ended: then the
class gets a new transaction, and the next test what it would have had.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from django.core.management import call_command
from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model
from django.db.transaction import TransactionManagementError
from django.test.testcases import TestData  # type: ignore[attr-defined]

from .patches import OwnAttribute, Patch, WrappedQueries
from .places import calling_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__unittest = True

_AFTER_COMMENTS = r"(?:\s+|--[^\n]*\n|/\*.*?\*/)*"
_ENDS = (
    r"COMMIT|END|ABORT|PREPARE\s+TRANSACTION"
    r"|ROLLBACK(?!\s+(?:(?:WORK|TRANSACTION)\s+)?TO\b)"
)
# Where a transaction ends by itself before one of these.
_ENDS_AS_WELL = (
    r"|CREATE\b(?!\s+(?:OR\s+REPLACE\s+)?TEMPORARY\b)|DROP(?!\s+TEMPORARY\b)|ALTER"
    r"|TRUNCATE|RENAME|BEGIN|START|LOCK|UNLOCK|GRANT|REVOKE"
    r"|SET\s+(?:@@\w+\.)?AUTOCOMMIT"
)
#: By whether the schema can be changed inside a transaction.
_BEGINNINGS = {
    can_change: re.compile(rf"(?is){_AFTER_COMMENTS}({words})\b")
    for can_change, words in ((True, _ENDS), (False, _ENDS + _ENDS_AS_WELL))
}
# A semicolon may be a part of a string, or END that of a trigger.
_IS_PLAIN = re.compile(r"(?i)(?!\s*(?:CREATE|ALTER|DECLARE)\b)[^'\"`$\[#/-]*")


@contextlib.contextmanager
def transactions_kept(
    aliases: Iterable[str], on_refusal: Callable[[BaseException], object] = bool
) -> Iterator[None]:
    """Keep the transactions of a test case, for a block."""
    with contextlib.ExitStack() as undo:
        undo.enter_context(_kept_from_closing())
        for connection in map(connections.__getitem__, aliases):
            undo.enter_context(_kept_from_connecting(connection))
            undo.enter_context(_kept_from_sql(connection, on_refusal))
        yield


@contextlib.contextmanager
def _kept_from_closing() -> Iterator[None]:
    """Do nothing where code closes a connection."""
    real_close = BaseDatabaseWrapper.close

    def close(connection: BaseDatabaseWrapper) -> None:
        if not is_test_transaction(connection):
            real_close(connection)

    with Patch(BaseDatabaseWrapper, "close", close):
        yield


@contextlib.contextmanager
def _kept_from_connecting(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Do nothing where code connects a connection anew."""
    # Its own where Django has forbidden it to a class before.
    real_connect = connection.connect

    def connect() -> None:
        if connection.connection is None or not is_test_transaction(connection):
            real_connect()

    with OwnAttribute(connection, "connect", connect):
        yield


@contextlib.contextmanager
def _kept_from_sql(
    connection: BaseDatabaseWrapper, on_refusal: Callable[[BaseException], object]
) -> Iterator[None]:
    """Refuse SQL that would end the transaction that is open."""

    def refuse(
        execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        if is_test_transaction(connection):
            found = ending_statement(connection, sql)
            if found:
                error = _refusal(connection, found)
                on_refusal(error)
                raise error
        return execute(sql, params, many, context)

    with WrappedQueries(connection, refuse):
        yield


def ending_statement(connection: BaseDatabaseWrapper, sql: Any) -> str:
    """
    Return the words by which a statement ends a transaction, if any do.

    Of several statements in one text only the first is judged where the text
    has quotes or comments, since these may have what looks like others.
    """
    text = _text_of(connection, sql)
    pieces = text.split(";") if ";" in text and _IS_PLAIN.fullmatch(text) else [text]
    beginning = _BEGINNINGS[bool(connection.features.can_rollback_ddl)]
    for piece in pieces:
        if found := beginning.match(piece):
            return " ".join(found[1].upper().split())
    return ""


def _text_of(connection: BaseDatabaseWrapper, sql: Any) -> str:
    """Return the text of a statement, of psycopg's kinds as well."""
    if isinstance(sql, str):
        return sql
    if isinstance(sql, bytes):
        return sql.decode(errors="replace")
    as_string = getattr(sql, "as_string", None)
    return as_string(connection.connection) if as_string else str(sql)


def _refusal(connection: BaseDatabaseWrapper, found: str) -> BaseException:
    return TransactionManagementError(
        f"{found} on database {connection.alias!r}, at {calling_line()}, would end the"
        " transaction of this test, and leave its rows to all tests after it. It was"
        " not sent. Use atomic(), or test this code in the Transaction flavor."
    )


def is_test_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether the test case has a transaction open on the connection."""
    return any(is_of_test_case(block) for block in connection.atomic_blocks)


def is_of_test_case(block: object) -> bool:
    """Tell whether an atomic block is one of Django's ``TestCase``."""
    return bool(getattr(block, "_from_testcase", False))


def is_outside_own_blocks(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether production would have no transaction open here."""
    blocks = connection.atomic_blocks
    return bool(blocks) and all(is_of_test_case(block) for block in blocks)


def drop_own_blocks(connection: BaseDatabaseWrapper) -> None:
    """Forget the blocks inside of those of the test case, which rolls back."""
    blocks = connection.atomic_blocks
    while blocks and not is_of_test_case(blocks[-1]):
        blocks.pop()
        connection.savepoint_ids.pop()


def is_lost(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a class's transaction has not outlived its test."""
    return (
        connection.needs_rollback
        or connection.closed_in_transaction
        or not connection.in_atomic_block
    )


def end_if_open(case: Any) -> None:
    """
    End the transaction of a class that no other code ends.

    unittest calls no ``tearDownClass()`` where ``setUpClass()`` has raised.
    """
    atomics = getattr(case, "cls_atomics", {})
    if any(atomics[alias] in connections[alias].atomic_blocks for alias in atomics):
        case._rollback_atomics(atomics)  # noqa: SLF001 - as Django does


def renew_if_lost(case: Any) -> None:
    """
    Give a class a new transaction, with its data, where it has lost its own.

    ``case`` is a Django ``TestCase``. Then ``TransactionManagementError`` is
    raised, for the test that has just ended.
    """
    atomics = getattr(case, "cls_atomics", {})
    lost = [alias for alias in atomics if is_lost(connections[alias])]
    if not lost:
        return
    for alias in reversed(atomics):
        _leave(connections[alias], atomics[alias])
    try:
        _begin_anew(case)
    finally:
        raise TransactionManagementError(
            "This test has ended the transaction that it runs in, on database"
            f" {', '.join(map(repr, lost))}, by a way around Django: commit(),"
            " rollback(), close() or a script of the driver's own connection. The"
            " tests after it have a new transaction; what was committed is left in the"
            " database. Use atomic(), or test this code in the Transaction flavor."
        )


def _leave(connection: BaseDatabaseWrapper, atomic: Any) -> None:
    """Roll back what is left of a class's transaction."""
    if not connection.in_atomic_block:
        return
    if not connection.is_usable():
        # It may have gone already, which some drivers complain of.
        with contextlib.suppress(Error):
            connection._close()  # type: ignore[attr-defined]  # noqa: SLF001 - close() waits for the end of atomic()
        connection.closed_in_transaction = True
    connection.set_rollback(True)
    atomic.__exit__(None, None, None)


def _begin_anew(case: Any) -> None:
    """Begin the transaction of a class, with its data unless it is there."""
    is_there = _class_data_is_there(case)
    case.cls_atomics = case._enter_atomics()  # noqa: SLF001 - as Django's setUpClass()
    if not is_there:
        _make_class_data(case)


def _class_data_is_there(case: Any) -> bool:
    """Tell whether rows of the class were committed."""
    kept = [it.data for it in vars(case).values() if isinstance(it, TestData)]
    rows = [row for row in kept if isinstance(row, Model) and row.pk is not None]
    return any(
        type(row)._base_manager.using(row._state.db).filter(pk=row.pk).exists()  # noqa: SLF001
        for row in rows
    )


def _make_class_data(case: Any) -> None:
    """Load fixtures and call ``setUpTestData()``, as Django does once."""
    if case.fixtures:
        for alias in case._databases_names(include_mirrors=False):  # noqa: SLF001
            call_command("loaddata", *case.fixtures, verbosity=0, database=alias)
    before = dict(vars(case))
    case.setUpTestData()
    for name, value in dict(vars(case)).items():
        if value is not before.get(name):
            setattr(case, name, TestData(name, value))
