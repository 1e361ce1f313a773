"""What threads beside a test find as databases: the test's, no others."""

from __future__ import annotations

import contextlib
import os.path
import threading
from typing import TYPE_CHECKING
from unittest import mock

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.creation import TEST_DATABASE_PREFIX

from channels_testkit.engine.places import calling_line
from channels_testkit.engine.sharing import shared
from channels_testkit.exceptions import DatabaseOwnershipError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator


@contextlib.contextmanager
def live_databases(aliases: Collection[str], owner: str) -> Iterator[None]:
    """
    Let other threads work on the databases of the test, for the block.

    They share the connection of one that is in memory. Elsewhere they make
    connections of their own, and only to ``aliases``: the runner has made test
    databases of no others. ``owner`` is the test case that errors name.

    Raises ``ImproperlyConfigured`` for what is not a test database.
    """
    mine = [connections[alias] for alias in aliases]
    for connection in mine:
        check_is_for_tests(connection)
    with shared([it for it in mine if is_in_memory(it)]), _no_others(aliases, owner):
        yield


@contextlib.contextmanager
def _no_others(aliases: Collection[str], owner: str) -> Iterator[None]:
    real_connect = BaseDatabaseWrapper.connect
    own_thread = threading.get_ident()

    def connect(connection: BaseDatabaseWrapper) -> None:
        alias = connection.alias
        if alias not in aliases and threading.get_ident() != own_thread:
            raise DatabaseOwnershipError(
                f"Database {alias!r} was opened at {calling_line()}, in a thread beside"
                f" {owner}, whose databases do not have it. It may be a real one: add"
                f" {alias!r} to {owner}.databases, so that the runner makes a test"
                " database of it."
            )
        real_connect(connection)

    with mock.patch.object(BaseDatabaseWrapper, "connect", connect):
        yield


def check_is_for_tests(connection: BaseDatabaseWrapper) -> None:
    """Raise ``ImproperlyConfigured`` for what no runner has made."""
    name = str(connection.settings_dict["NAME"])
    own_name = (connection.settings_dict.get("TEST") or {}).get("NAME")
    if own_name:
        # Processes of --parallel have a number before the suffix.
        is_for_tests = name.startswith(os.path.splitext(own_name)[0])
    else:
        is_for_tests = os.path.basename(name).startswith(TEST_DATABASE_PREFIX)
    if not (is_for_tests or is_in_memory(connection)):
        raise ImproperlyConfigured(
            f"Database {connection.alias!r} is {name!r}, which is no test database: a"
            " live server would write to it, and tests would flush it. Run the tests"
            " with manage.py test or pytest-django."
        )


def is_in_memory(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether the database is SQLite's, in memory."""
    is_in_memory_db: Callable[[], bool] = getattr(connection, "is_in_memory_db", bool)
    return connection.vendor == "sqlite" and is_in_memory_db()
