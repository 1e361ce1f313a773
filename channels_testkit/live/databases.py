"""What threads beside a test find as databases: those of the test."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.base.creation import TEST_DATABASE_PREFIX

from channels_testkit.engine.one_transaction import in_one_transaction, mirrored_by
from channels_testkit.engine.sharing import shared

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from contextlib import AbstractContextManager

    from django.db.backends.base.base import BaseDatabaseWrapper


def live_databases(
    aliases: Collection[str],
    *,
    rolls_back: bool,
    seconds: Callable[[], float | None],
) -> AbstractContextManager[None]:
    """
    Let other threads work on the databases of the test, for a block.

    They share the connections of a test that ``rolls_back``, and wait for
    their turn for ``seconds()``. Else they share that of one that is in
    memory, and make their own to others. Django itself refuses them what is
    not in ``aliases``.

    Raises ``ImproperlyConfigured`` for what is not a test database.
    """
    mine = [connections[alias] for alias in aliases]
    for connection in mine:
        check_is_for_tests(connection)
    if rolls_back:
        return in_one_transaction(mine, seconds)
    return shared([connection for connection in mine if is_in_memory(connection)])


def check_is_for_tests(connection: BaseDatabaseWrapper) -> None:
    """Raise ``ImproperlyConfigured`` for what no runner has made."""
    name = str(connection.settings_dict["NAME"])
    primary = mirrored_by(connection)
    real = connection if primary is None else connections[primary]
    own_name = (real.settings_dict.get("TEST") or {}).get("NAME")
    if own_name:
        # Processes of --parallel have a number before the suffix.
        is_for_tests = name.startswith(os.path.splitext(own_name)[0])
    else:
        is_for_tests = os.path.basename(name).startswith(TEST_DATABASE_PREFIX)
    if not (is_for_tests or is_in_memory(connection)):
        raise ImproperlyConfigured(
            f"Database {connection.alias!r} is {name!r}, which is not a test database:"
            " a live server would write to it, and tests would flush it. Run the tests"
            " with manage.py test or pytest-django."
        )


def is_in_memory(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether the database is SQLite's, in memory."""
    is_in_memory_db: Callable[[], bool] = getattr(connection, "is_in_memory_db", bool)
    return connection.vendor == "sqlite" and is_in_memory_db()
