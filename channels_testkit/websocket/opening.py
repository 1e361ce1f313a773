"""
How a connection is opened: where, as whom, with which headers.

Options are checked when they are given. The login, and what the test case
says about headers, come when the connection is made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.test import AsyncClient, Client

from channels_testkit.asgi.cookies import (
    check_cookies,
    check_signed_cookies,
    cookie_header,
)
from channels_testkit.asgi.environment import UNSET, Policies
from channels_testkit.asgi.login import check_client
from channels_testkit.asgi.scope import (
    HOST,
    has_header,
    header_list,
    join_query,
    websocket_scope,
)
from channels_testkit.matching.wording import say
from channels_testkit.routing.application import check_application
from channels_testkit.routing.origins import default_origin
from channels_testkit.running.options import check_policies

from .options import check_names

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping, Sequence
    from http.cookies import Morsel

    from channels_testkit.asgi.application import GivenApplication
    from channels_testkit.asgi.breaches import Level
    from channels_testkit.asgi.login import Login
    from channels_testkit.asgi.scope import HeaderList

    from .options import ConnectOptions


@dataclass(frozen=True)
class Options:
    """The options that every way to open a connection takes."""

    user: Any = None
    client: Client | AsyncClient | None = None
    headers: Any = None
    cookies: Mapping[str, str | Morsel[str]] | None = None
    signed_cookies: Mapping[str, str | tuple[str, str]] | None = None
    subprotocols: Sequence[str] | None = None
    query: Any = None
    origin: str | None = UNSET
    remote_address: object = None
    application: GivenApplication | None = None
    path_kwargs: Mapping[str, object] | None = None
    scope: Mapping[str, object] | None = None
    name: str | None = None
    check_protocol: Level | Collection[str] | None = None
    receive_timeout: float | None = None
    application_errors: Level | None = None
    frame_schema: Any = UNSET
    sent_frame_schema: Any = UNSET

    @property
    def policies(self) -> Policies:
        """The policies of this connection alone."""
        return Policies(
            check_protocol=self.check_protocol,
            receive_timeout=self.receive_timeout,
            application_errors=self.application_errors,
            frame_schema=self.frame_schema,
            sent_frame_schema=self.sent_frame_schema,
        )

    def __post_init__(self) -> None:
        check_policies(self.policies)
        check_client(self.client)
        if isinstance(self.remote_address, (Client, AsyncClient)):
            raise TypeError(
                "remote_address= is the address of the peer. To pass a Django test"
                " client, use client=."
            )
        _check_user(self.user)
        if self.user is not None and self.client is not None:
            raise TypeError("Give user= or client=, not both.")
        if self.application is not None:
            check_application(self.application)
        header_list(self.headers)
        check_subprotocols(self.subprotocols)
        if self.origin is not UNSET and not isinstance(self.origin, (str, type(None))):
            raise TypeError(f"origin= is a str or None, not {say(self.origin)}.")
        check_cookies(self.cookies)
        check_signed_cookies(self.signed_cookies, self.cookies)
        _check_mapping("path_kwargs", self.path_kwargs)
        _check_mapping("scope", self.scope)


def options_of(given: ConnectOptions) -> Options:
    """Return the options of a call; ``TypeError`` for what is none."""
    check_names(given)
    return Options(**given)


def _check_user(user: object) -> None:
    # The class of users has the attribute as well.
    is_user = hasattr(user, "is_authenticated") and not isinstance(user, type)
    if user is not None and not is_user:
        raise TypeError(f"user= is a user, not {say(user)}.")


def _check_mapping(name: str, value: object) -> None:
    if value is not None and not isinstance(value, Mapping):
        raise TypeError(f"{name}= is a dict, not {say(value)}.")


def check_subprotocols(subprotocols: Any) -> None:
    """Raise ``TypeError`` for what is no list of str."""
    if subprotocols is None or isinstance(subprotocols, Iterator):
        return
    is_list = isinstance(subprotocols, Collection)
    if isinstance(subprotocols, (str, bytes)) or not (
        is_list and all(isinstance(it, str) for it in subprotocols)
    ):
        raise TypeError(f"Subprotocols are a list of str, not {say(subprotocols)}.")


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
    cookies: Mapping[str, Any],
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
    origin = options.origin
    if origin is UNSET:
        has_origin = has_header(headers, b"origin")
        origin = None if has_origin else default_origin(application)
    # In the order of browsers.
    first = [(b"host", HOST.encode()), (b"origin", (origin or "").encode())]
    last = [(b"cookie", cookie_header(cookies))]
    final["headers"] = _added(first, headers) + headers + _added(last, headers)
    final["query_string"] = join_query(final["query_string"].decode(), login.query)
    check_subprotocols(class_subprotocols)
    if options.subprotocols is None:
        final["subprotocols"] = [*final["subprotocols"], *class_subprotocols]
    final["subprotocols"] = [*login.subprotocols, *final["subprotocols"]]
    final.update(options.scope or {})
    return final


def _added(more: HeaderList, headers: HeaderList) -> HeaderList:
    """Return those of some headers that have a value and are not there."""
    return [it for it in more if it[1] and not has_header(headers, it[0])]
