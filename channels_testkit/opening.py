"""
How a connection is opened: where, as whom, with which headers.

Options are checked when they are given. The login, and what the test case
says about headers, come when the connection is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.test import AsyncClient, Client

from . import routing
from .scope import (
    DENIAL_RESPONSE,
    HOST,
    cookie_header,
    has_header,
    header_list,
    join_query,
    websocket_scope,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping, Sequence

    from .engine.application import ASGIApplication

#: Stands for an option that was not given, where None means something.
UNSET: Any = object()

ASGI_EXTENSIONS: Mapping[str, Mapping[str, object]] = {DENIAL_RESPONSE: {}}
LOGIN_KEYS = {"headers", "query", "subprotocols", "cookies"}


@dataclass(frozen=True)
class Options:
    """The options that every way to open a connection takes."""

    user: Any = None
    client: Client | AsyncClient | None = None
    headers: Any = None
    cookies: Mapping[str, str] | None = None
    subprotocols: Sequence[str] | None = None
    query: Any = None
    origin: str | None = UNSET
    remote_address: object = None
    application: ASGIApplication | None = None
    path_kwargs: Mapping[str, object] | None = None
    scope: Mapping[str, object] | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if self.client is not None and not isinstance(
            self.client, (Client, AsyncClient)
        ):
            raise TypeError(
                f"client= is a Django test client, not {self.client!r}. The address of"
                " the peer is given as remote_address=."
            )
        if isinstance(self.remote_address, (Client, AsyncClient)):
            raise TypeError(
                "remote_address= is the address of the peer. A Django test client is"
                " given as client=."
            )
        if self.user is not None and not hasattr(self.user, "is_authenticated"):
            raise TypeError(f"user= is a user, not {self.user!r}.")
        if self.user is not None and self.client is not None:
            raise TypeError("Give user= or client=, not both.")
        if self.application is not None:
            routing.check_application(self.application)
        header_list(self.headers)
        check_subprotocols(self.subprotocols)
        if self.origin is not UNSET and not isinstance(self.origin, (str, type(None))):
            raise TypeError(f"origin= is a str or None, not {self.origin!r}.")
        if self.cookies is not None and not hasattr(self.cookies, "items"):
            raise TypeError(f"cookies= is a dict, not {self.cookies!r}.")


def check_subprotocols(subprotocols: object) -> None:
    """Raise ``TypeError`` for a str, which is a list of letters."""
    if isinstance(subprotocols, (str, bytes)):
        raise TypeError(f"Subprotocols are a list of str, not {subprotocols!r}.")


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


def needs_user_in_scope(application: object) -> bool:
    """Tell whether nothing in the application can find the user by itself."""
    return routing.is_bare(application)


def first_scope(path: str, options: Options, extensions: Any) -> dict[str, Any]:
    """Return the scope before the login is known."""
    scope = websocket_scope(
        path,
        query=options.query,
        headers=options.headers,
        subprotocols=options.subprotocols,
        remote_address=options.remote_address,
        extensions=extensions,
    )
    if options.path_kwargs is not None:
        scope["url_route"] = {"args": (), "kwargs": dict(options.path_kwargs)}
    return scope


def final_scope(
    scope: MutableMapping[str, Any],
    options: Options,
    login: Login,
    *,
    application: object,
    class_headers: Any,
    class_subprotocols: Iterable[str],
) -> dict[str, Any]:
    """Add to a scope what is known when the connection is made."""
    final = dict(scope)
    headers = list(final.get("headers") or [])
    if options.headers is None:
        others = header_list(class_headers)
        headers += [header for header in others if not has_header(headers, header[0])]
    headers += login.headers
    cookies = cookie_header(*login.cookies, options.cookies or {})
    defaults = {b"host": HOST.encode(), b"cookie": cookies}
    if options.origin is UNSET:
        defaults[b"origin"] = routing.default_origin(application).encode()
    elif options.origin is not None:
        defaults[b"origin"] = options.origin.encode()
    headers += [
        (name, value)
        for name, value in defaults.items()
        if value and not has_header(headers, name)
    ]
    final["headers"] = headers
    final["query_string"] = join_query(final["query_string"].decode(), login.query)
    check_subprotocols(class_subprotocols)
    if options.subprotocols is None:
        final["subprotocols"] = [*final["subprotocols"], *class_subprotocols]
    final["subprotocols"] = [*login.subprotocols, *final["subprotocols"]]
    final.update(options.scope or {})
    return final
