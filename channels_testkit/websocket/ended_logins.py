"""Whether a login is still valid, by its session and its user's row."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.db.models import Model
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from channels_testkit.asgi.login import has_sessions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping


class Reason(NamedTuple):
    """Why a login has ended, in words, and where that is done."""

    verdict: str
    place: str


DELETED = Reason("{} was deleted", "where users are deleted")
DEACTIVATED = Reason("{} was deactivated", "where users are deactivated")
ENDED = Reason("the session of {} had ended", "in a receiver of user_logged_out")
NEW_PASSWORD = Reason("{} was given another password", "where passwords are changed")

# The names under which Django keeps a login in its session.
_USER_KEY, _HASH_KEY = "_auth_user_id", "_auth_user_hash"


class Login(NamedTuple):
    """The user of a connection for the application, and the session."""

    user: Any
    model: type[Model]
    pk: Any
    #: The key of the session, or None where the login is in none.
    session: str | None

    @classmethod
    def in_scope(cls, scope: MutableMapping[str, Any]) -> Login | None:
        """Return the login in a scope, if a row stands for its user."""
        user: Any = scope.get("user")
        session = scope.get("session")
        is_user = isinstance(user, Model) and user.pk is not None
        if not is_user or not getattr(user, "is_authenticated", False):
            return None
        key = None
        if session is not None and has_sessions():
            is_in_session = session.get(_USER_KEY) == str(user.pk)
            key = session.session_key if is_in_session else None
        # Not type(): the user may be a lazy object.
        return cls(user, user.__class__, user.pk, key)

    def now(self, scope: MutableMapping[str, Any]) -> Login | None:
        """Return the login in a scope that has held this one."""
        user, found = scope.get("user"), Login.in_scope(scope)
        # One that is deleted has no key.
        is_same = user is self.user or getattr(user, "pk", None) == self.pk
        if not is_same:
            return found
        # A flushed session has no key; one that goes on may have a new one.
        return found if found is not None and found.session else self


def rows_of(logins: Iterable[Login]) -> dict[tuple[type[Model], Any], Any]:
    """Return the rows of users, by model and key."""
    keys: dict[type[Model], set[Any]] = {}
    for login in logins:
        keys.setdefault(login.model, set()).add(login.pk)
    return {
        (model, pk): row
        for model, wanted in keys.items()
        for pk, row in model._base_manager.in_bulk(wanted).items()  # noqa: SLF001 - documented
    }


def sessions_of(keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return what the sessions of today hold, by their keys."""
    from django.contrib.sessions.backends import db

    store: Any = importlib.import_module(settings.SESSION_ENGINE).SessionStore
    if store.load is not db.SessionStore.load:
        return {key: store(key).load() for key in set(keys)}
    # One query for all, as load() makes one for each.
    rows = store.get_model_class().objects.filter(
        session_key__in=set(keys), expire_date__gt=timezone.now()
    )
    return {row.session_key: store().decode(row.session_data) for row in rows}


def why_ended(
    login: Login, row: Any, sessions: Iterable[Mapping[str, Any]]
) -> Reason | None:
    """
    Return why a login has ended, or None if it is still valid.

    ``row`` is that of its user, or None; ``sessions`` are what its session
    holds, and the one that its browser has now.
    """
    if row is None:
        return DELETED
    if not (getattr(row, "is_active", True) or _may_log_in(row)):
        return DEACTIVATED
    if login.session is None:
        return None
    reasons = [_why_ended(session, row) for session in sessions]
    return reasons[0] if all(reasons) else None


def _may_log_in(user: Any) -> bool:
    """Tell whether the project lets this user in, who is not active."""
    if not apps.is_installed("django.contrib.auth"):
        return False
    from django.contrib.auth import get_backends

    name = "user_can_authenticate"
    return any(getattr(it, name, _nobody)(user) for it in get_backends())


def _nobody(_user: object) -> bool:
    return False


def _why_ended(data: Mapping[str, Any], row: Any) -> Reason | None:
    if data.get(_USER_KEY) != str(row.pk):
        return ENDED
    if not hasattr(row, "get_session_auth_hash"):
        return None
    kept = data.get(_HASH_KEY, "")
    hashes = [row.get_session_auth_hash(), *row.get_session_auth_fallback_hash()]
    is_kept = any(constant_time_compare(kept, it) for it in hashes)
    return None if is_kept else NEW_PASSWORD
