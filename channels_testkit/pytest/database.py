"""The database of pytest-django, and the run of a test that uses it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    import pytest

_REFUSAL = "Database access not allowed"
#: The fixture in which pytest-django begins, and ends, a test's database.
HELPER = "_django_db_helper"
_TRANSACTIONAL = frozenset(
    {
        *("transactional_db", "live_server", "channels_live_server"),
        *("channels_browser", "django_db_reset_sequences"),
    }
)


def commits(item: pytest.Function) -> bool:
    """Tell whether a test commits: pytest-django's ``transaction=True``."""
    if not _TRANSACTIONAL.isdisjoint(item.fixturenames):
        return True
    transaction, reset_sequences, *_ = _marked(item)
    return bool(transaction or reset_sequences)


def databases(item: pytest.Function) -> Collection[str]:
    """Return the databases that a test may use, once it may use any."""
    from django.db import DEFAULT_DB_ALIAS, connections

    _, _, named, *_ = _marked(item)
    if named is None:
        return (DEFAULT_DB_ALIAS,)
    return tuple(connections) if named == "__all__" else tuple(named)


def explain_refusal(error: BaseException) -> None:
    """Add to pytest-django's refusal which code of the project it has met."""
    if not (isinstance(error, RuntimeError) and str(error).startswith(_REFUSAL)):
        return
    from channels_testkit.engine.notes import add_note

    where = _line_of_project(error)
    if where:
        text = f"{where}, uses the database: put @pytest.mark.django_db on the test."
        add_note(error, text)


def _line_of_project(error: BaseException) -> str:
    """Return the innermost line of an exception that is no library's."""
    from channels_testkit.engine import places

    found, entry = "", error.__traceback__
    while entry is not None:
        code = entry.tb_frame.f_code
        name = entry.tb_frame.f_globals.get("__name__", "")
        is_refusing = name.startswith("pytest_django.")
        if not (is_refusing or places.is_library(code.co_filename)):
            owner = entry.tb_frame.f_locals.get("self")
            kind = f"{type(owner).__name__}." if owner is not None else ""
            file = os.path.basename(code.co_filename)
            found = f"{kind}{code.co_name}(), at {file}:{entry.tb_lineno}"
        entry = entry.tb_next
    return found


def _marked(item: pytest.Function) -> tuple[Any, ...]:
    """Return what ``@pytest.mark.django_db()`` says, as pytest-django does."""
    mark = item.get_closest_marker("django_db")
    if mark is None:
        return False, False, None
    names = ("transaction", "reset_sequences", "databases")
    given = {**dict(zip(names, mark.args, strict=False)), **mark.kwargs}
    return tuple(given.get(name) for name in names)
