"""What logs a connection in, and where its cookies go back to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.test import AsyncClient, Client

from .scope import header_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOGIN_KEYS = {"headers", "query", "subprotocols", "cookies"}


@dataclass
class Login:
    """What logs a connection in, and where its cookies go back to."""

    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    query: Any = None
    subprotocols: list[str] = field(default_factory=list)
    cookies: list[Mapping[str, Any]] = field(default_factory=list)
    jars: list[Any] = field(default_factory=list)

    def keep_cookies(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep the cookies of an answer where those of the request are."""
        for name, value in headers:
            if name.lower() == b"set-cookie":
                for jar in self.jars:
                    jar.load(value.decode("latin1"))

    @classmethod
    def from_mapping(cls, login: Any) -> Login:
        """Take what ``get_login()`` has returned."""
        if not hasattr(login, "items") or not set(login) <= LOGIN_KEYS:
            raise TypeError(
                "get_login() returns a dict with some of the keys 'headers', 'query',"
                f" 'subprotocols' and 'cookies', not {login!r}."
            )
        return cls(
            headers=header_list(login.get("headers")),
            query=login.get("query"),
            subprotocols=list(login.get("subprotocols") or []),
            cookies=[login["cookies"]] if login.get("cookies") else [],
        )


def check_client(client: object) -> None:
    """Raise ``TypeError`` for what is no Django test client."""
    if client is not None and not isinstance(client, (Client, AsyncClient)):
        raise TypeError(
            f"client= is a Django test client, not {client!r}. The address of the"
            " peer is given as remote_address=."
        )


def session_login(user: Any) -> dict[str, Any]:
    """Log the user in as the test client does; return the session's cookie."""
    if not getattr(user, "is_authenticated", False) or not has_sessions():
        return {}
    if getattr(user, "pk", None) is None:
        raise ValueError(
            f"user= is {user!r}, which is not in the database: save it first, so that"
            " it can log in."
        )
    client = Client()
    client.force_login(user)
    return {"cookies": client.cookies}


def has_sessions() -> bool:
    """Tell whether logins can be kept in a session."""
    return apps.is_installed("django.contrib.sessions")
