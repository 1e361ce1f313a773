"""The database of pytest-django, and the run of a test that uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    import pytest

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


def _marked(item: pytest.Function) -> tuple[Any, ...]:
    """Return what ``@pytest.mark.django_db()`` says, as pytest-django does."""
    mark = item.get_closest_marker("django_db")
    if mark is None:
        return False, False, None
    names = ("transaction", "reset_sequences", "databases")
    given = {**dict(zip(names, mark.args, strict=False)), **mark.kwargs}
    return tuple(given.get(name) for name in names)
