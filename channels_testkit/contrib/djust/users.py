"""The user of a page: one who logs in, or one who cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels.auth import UserLazyObject
from django.db.models import Model

if TYPE_CHECKING:
    from django.test import RequestFactory


class StandIn(UserLazyObject):
    """
    A user whom nobody can log in, as the scope's own.

    ``AuthMiddleware`` looks up who is logged in and puts that user into the
    object that the scope has; this one keeps its own.
    """

    def __init__(self, user: object) -> None:
        super().__init__()
        self.__dict__["_wrapped"] = user

    def __setattr__(self, name: str, value: object) -> None:
        if name != "_wrapped":
            super().__setattr__(name, value)


def stand_in_for(user: Any) -> StandIn | None:
    """
    Return what the scope gets for a user who cannot log in, or None.

    A user of the database logs in; one that is not there, or any object that
    stands for one, cannot.
    """
    # Nobody, or a name, say, which the options refuse.
    if type(user).__module__ == "builtins" or _is_anonymous(user):
        return None
    is_row = isinstance(user, Model) and not user._state.adding  # noqa: SLF001
    return None if is_row else StandIn(user)


def _is_anonymous(user: object) -> bool:
    from django.contrib.auth.models import AnonymousUser  # needs the apps

    return isinstance(user, AnonymousUser)


def sent_by(factory: RequestFactory) -> dict[str, Any]:
    """Return the options for what a request factory sends with a request."""
    headers = {
        name[5:].replace("_", "-"): value
        for name, value in factory.defaults.items()
        if name.startswith("HTTP_")
    }
    cookies = {name: morsel.value for name, morsel in factory.cookies.items()}
    return {"headers": headers or None, "cookies": cookies or None}
