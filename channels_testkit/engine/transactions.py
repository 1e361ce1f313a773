"""
The transaction of a test stays what it is until Django rolls it back.

``close()`` leaves its connection alone, and SQL that would end it is refused.
What a driver is told to its face is seen when the test has ended: then the
class gets a new transaction, and the next test what it would have had.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from django.core.management import call_command
from django.db import connections
from django.db.transaction import TransactionManagementError
from django.test.testcases import TestData  # type: ignore[attr-defined]

from .places import calling_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

__unittest = True

# What Django sends by itself, all day.
_HARMLESS = ("SELECT", "INSERT", "UPDATE", "DELETE", "SAVEPO", "RELEAS", "PRAGMA")
_NOT_CODE = r"\"(?:[^\"]|\"\")*\"|`[^`]*`|(\$\w*\$).*?\1|--[^\n]*|/\*.*?\*/"
_STRINGS = {
    # There a backslash keeps what comes after it from ending the string.
    True: re.compile(r"'(?:[^'\\]|''|\\.)*'|" + _NOT_CODE, re.DOTALL),
    False: re.compile(r"'(?:[^']|'')*'|" + _NOT_CODE, re.DOTALL),
}
_ENDS = re.compile(
    r"(COMMIT|END|ABORT|PREPARE\s+TRANSACTION"
    r"|ROLLBACK(?!\s+(?:(?:WORK|TRANSACTION)\s+)?TO\b))\b",
    re.IGNORECASE,
)
_HAS_STATEMENTS = re.compile(r"CREATE\b|ALTER\b|DECLARE\b", re.IGNORECASE)
# Where a transaction ends by itself before one of these.
_ENDS_AS_WELL = re.compile(
    r"((?:CREATE|DROP)\b(?!\s+TEMPORARY)|ALTER|TRUNCATE|RENAME|BEGIN|START"
    r"|LOCK|UNLOCK|GRANT|REVOKE|SET\s+(?:@@\w+\.)?AUTOCOMMIT)\b",
    re.IGNORECASE,
)


@contextlib.contextmanager
def kept_from_sql(
    connection: BaseDatabaseWrapper, on_refusal: Callable[[BaseException], None]
) -> Iterator[None]:
    """Refuse SQL that would end the transaction that is open."""

    def refuse(
        execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        if connection.in_atomic_block and (found := ending_statement(connection, sql)):
            error = _refusal(connection, found)
            on_refusal(error)
            raise error
        return execute(sql, params, many, context)

    connection.execute_wrappers.append(refuse)
    try:
        yield
    finally:
        connection.execute_wrappers.remove(refuse)


def ending_statement(connection: BaseDatabaseWrapper, sql: Any) -> str:
    """Return the words by which a statement ends a transaction, if any do."""
    text = sql if isinstance(sql, str) else _text_of(sql)
    if text.startswith(_HARMLESS) and ";" not in text:
        return ""
    code = _STRINGS[connection.vendor == "mysql"].sub(" ", text)
    for statement in map(str.strip, code.split(";")):
        found = _ENDS.match(statement)
        if not found and not connection.features.can_rollback_ddl:
            found = _ENDS_AS_WELL.match(statement)
        if found:
            return " ".join(found[1].upper().split())
        if _HAS_STATEMENTS.match(statement):
            # The next one may be a part of it, and END its end.
            break
    return ""


def _text_of(sql: Any) -> str:
    """Return the text of what psycopg has put together."""
    as_string = getattr(sql, "as_string", None)
    return as_string(None) if as_string else str(sql)


def _refusal(connection: BaseDatabaseWrapper, found: str) -> BaseException:
    return TransactionManagementError(
        f"{found} on database {connection.alias!r}, at {calling_line()}, would end the"
        " transaction of this test, and leave its rows to all tests after it. It was"
        " not sent. Use atomic(), or test this code in the Transaction flavour."
    )


def is_lost(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a class's transaction has not outlived its test."""
    return (
        connection.needs_rollback
        or connection.closed_in_transaction
        or not connection.in_atomic_block
    )


def end_if_open(case: Any) -> None:
    """
    End the transaction of a class that nobody else ends.

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
    for connection in (connections[alias] for alias in lost):
        # One that has gone can be neither rolled back nor, with some, closed.
        connection.closed_in_transaction |= not connection.is_usable()
    case._rollback_atomics(atomics)  # noqa: SLF001 - as Django's setUpClass()
    case.cls_atomics = case._enter_atomics()  # noqa: SLF001
    _make_class_data(case)
    raise TransactionManagementError(
        "This test has ended the transaction that it runs in, on database"
        f" {', '.join(map(repr, lost))}, by a way around Django: commit(), rollback(),"
        " close() or a script of the driver's own connection. The tests after it have"
        " a new transaction; what was committed is left in the database. Use atomic(),"
        " or test this code in the Transaction flavour."
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
