"""Keeping transactions of a test open where Channels would close them."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, cast

from django.db.backends.base.base import BaseDatabaseWrapper

from .patches import Patch, StandIn

if TYPE_CHECKING:
    import asyncio

# Loops on which applications run for a test, and no test of the kit.
_loops_of_tests: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()


class TransactionsKeptOpen:
    """
    Keeps ``close_old_connections()`` from connections inside ``atomic()``.

    Channels calls it around every message. Django then sees autocommit off,
    takes that for a mistake, and closes the connection with all its rows.
    The block is that of a ``TestCase``, or one that a test has entered: what
    it calls meanwhile lets the application run in its thread. Several may be
    entered, and left in any order.

    One may be open since an earlier test, in another thread. To look at it
    is no query, which pytest-django would refuse a test without a database.
    """

    entered = 0
    patch: Patch

    def __enter__(self) -> None:
        kept = TransactionsKeptOpen
        if not kept.entered:
            real = BaseDatabaseWrapper.close_if_unusable_or_obsolete

            def close_if_unusable_or_obsolete(connection: BaseDatabaseWrapper) -> None:
                if connection.connection and not connection.in_atomic_block:
                    real(cast("BaseDatabaseWrapper", _Connected(connection)))

            kept.patch = Patch(
                BaseDatabaseWrapper, real.__name__, close_if_unusable_or_obsolete
            )
            kept.patch.__enter__()
        kept.entered += 1

    def __exit__(self, *exc_info: object) -> None:
        kept = TransactionsKeptOpen
        kept.entered -= 1
        if not kept.entered:
            kept.patch.__exit__()


class _Connected(StandIn):
    """A connection that is there: nothing has to ensure that."""

    def get_autocommit(self) -> bool:
        """Return what it is, without a call that may be refused."""
        return bool(self.real.autocommit)


def keep_transactions_open(loop: asyncio.AbstractEventLoop) -> None:
    """
    Enter ``TransactionsKeptOpen`` for as long as a loop exists.

    That is for the rest of an async test which has no run of the kit: its own
    ``database_sync_to_async()`` would close the connection as well.
    """
    if loop not in _loops_of_tests:
        _loops_of_tests.add(loop)
        kept = TransactionsKeptOpen()
        kept.__enter__()
        weakref.finalize(loop, kept.__exit__).atexit = False
