"""What logs a connection in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.test import AsyncClient, Client

from channels_testkit.matching.wording import say

from .scope import header_list

if TYPE_CHECKING:
    from collections.abc import Mapping

LOGIN_KEYS = {"headers", "query", "subprotocols", "cookies"}


@dataclass
class Login:
    """What ``get_login()`` has a client bring along."""

    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    query: Any = None
    subprotocols: list[str] = field(default_factory=list)
    cookies: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lasts(self) -> bool:
        """Whether cookies are all of it, which a client has from then on."""
        return not (self.headers or self.query or self.subprotocols)

    @classmethod
    def from_mapping(cls, login: Any) -> Login:
        """Take what ``get_login()`` has returned."""
        if not hasattr(login, "items") or not set(login) <= LOGIN_KEYS:
            raise TypeError(
                "get_login() returns a dict with some of the keys 'headers', 'query',"
                f" 'subprotocols' and 'cookies', not {say(login)}."
            )
        return cls(
            headers=header_list(login.get("headers")),
            query=login.get("query"),
            subprotocols=list(login.get("subprotocols") or []),
            cookies=login.get("cookies") or {},
        )


def check_client(client: object) -> None:
    """Raise ``TypeError`` for what is no Django test client."""
    if client is not None and not isinstance(client, (Client, AsyncClient)):
        raise TypeError(
            f"client= is a Django test client, not {say(client)}. To set the address"
            " of the peer, use remote_address=."
        )


def session_login(user: Any) -> dict[str, Any]:
    """Log the user in as the test client does; return the session's cookie."""
    if not getattr(user, "is_authenticated", False) or not has_sessions():
        return {}
    if getattr(user, "pk", None) is None:
        raise ValueError(
            f"user= is {say(user)}, which is not in the database: save it first, so"
            " that it can log in."
        )
    client = Client()
    client.force_login(user)
    return {"cookies": client.cookies}


def has_sessions() -> bool:
    """Tell whether logins can be kept in a session."""
    return apps.is_installed("django.contrib.sessions")
