"""``on_commit()`` runs when it would run in production."""

from __future__ import annotations

import contextlib
import functools
import logging
from typing import TYPE_CHECKING, Any
from unittest import mock

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import Atomic, get_connection

from .places import calling_places, deferring
from .recorded import note_end_of, note_on_commit
from .sharing import after_the_turn
from .transactions import is_of_test_case, is_outside_own_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from .places import Place

# Where Django logs what a robust callback raises.
_logger = logging.getLogger("django.db.backends.base")
# By the identity of a callback, the lines that called ``on_commit()``.
_asked_at: dict[int, tuple[Place, ...]] = {}


class CommitsAsInProduction:
    """
    Runs ``on_commit()`` callbacks when production would run them.

    Inside Django's ``TestCase`` they never run. While this is entered they
    run when the outermost block that is not the test case's own ends without
    an error, and at once where there is none. ``suspended`` counts the places
    where Django's rule holds. Where it ``runs_none``, they are only recorded.
    """

    suspended = 0

    def __init__(self, *, runs_none: bool = False) -> None:
        self._runs_none = runs_none

    def __enter__(self) -> None:
        self._patches = contextlib.ExitStack()
        real_on_commit, real_exit = BaseDatabaseWrapper.on_commit, Atomic.__exit__

        def on_commit(
            connection: BaseDatabaseWrapper,
            func: Callable[[], object],
            robust: bool = False,
        ) -> None:
            note_on_commit(connection, func)
            _asked_at[id(func)] = calling_places()
            real_on_commit(connection, func, robust)
            self._run(connection, "")

        def leave(atomic: Atomic, *exc_info: Any) -> None:
            # Before: what it runs on commit is told after it.
            note_end_of(atomic, is_lost=exc_info[0] is not None)
            real_exit(atomic, *exc_info)
            if exc_info[0] is None and not is_of_test_case(atomic):
                self._run(get_connection(atomic.using), " during transaction")

        enter = self._patches.enter_context
        enter(mock.patch.object(BaseDatabaseWrapper, "on_commit", on_commit))
        enter(mock.patch.object(Atomic, "__exit__", leave))

    def __exit__(self, *exc_info: object) -> None:
        self._patches.close()
        _asked_at.clear()

    def _run(self, connection: BaseDatabaseWrapper, when: str) -> None:
        is_due = is_outside_own_blocks(connection) and not connection.needs_rollback
        is_suspended = self._runs_none or CommitsAsInProduction.suspended
        if is_suspended or not is_due:
            return
        callbacks, connection.run_on_commit = connection.run_on_commit, []
        for _, callback, robust in callbacks:  # type: ignore[misc]
            run = functools.partial(
                run_commit_callback, callback, robust=robust, logger=_logger, when=when
            )
            after_the_turn(connection, run)


def run_commit_callback(
    callback: Callable[[], object],
    *,
    robust: bool,
    logger: logging.Logger,
    when: str = "",
) -> None:
    """
    Run an ``on_commit()`` callback; log what a robust one raises.

    What it sends comes from the lines that called ``on_commit()``, rather than
    from where the block ends: ``places`` reads them here.
    """
    asked_at = _asked_at.pop(id(callback), ())  # noqa: F841
    try:
        callback()
    except Exception as error:
        if not robust:
            raise
        name = getattr(callback, "__qualname__", callback)
        logger.exception("Error calling %s in on_commit()%s (%s).", name, when, error)


deferring.add(run_commit_callback.__code__)
