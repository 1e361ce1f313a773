"""The cookies of one WebSocket client: its own, or those of a test client."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any

from django.conf import settings

from channels_testkit.asgi.cookies import (
    as_jar,
    cookies_set_by,
    has_expired,
    keep_cookies,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django.test import AsyncClient, Client


class CookieJar:
    """
    The cookies of one WebSocket client, as a browser has them.

    If ``client`` is given, its cookies are the jar. Otherwise the jar has its
    own, and reads those of the test clients that ``get_lenders`` returns
    before each use.
    """

    def __init__(
        self,
        client: Client | AsyncClient | None,
        get_lenders: Callable[[], Iterable[Any]],
    ) -> None:
        self._client = client
        self._get_lenders = get_lenders
        self._own = SimpleCookie()
        #: The values of the cookies that are borrowed, by name.
        self._borrowed: dict[str, str] = {}
        #: The names of borrowed cookies that the test has deleted here.
        self._unwanted: set[str] = set()

    @property
    def cookies(self) -> SimpleCookie:
        """The cookies that go with the next handshake."""
        if self._client is not None:
            return self._client.cookies
        self._borrow()
        return self._own

    @cookies.setter
    def cookies(self, cookies: SimpleCookie) -> None:
        if self._client is not None:
            self._client.cookies = cookies
        else:
            self._own.clear()
            self._own.update(cookies)

    def add(self, cookies: Mapping[str, Any]) -> None:
        """Add cookies, of a dict or of another jar."""
        keep_cookies(self.cookies, as_jar(cookies))

    def keep(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep the cookies of a response, here and in the test clients."""
        changed = cookies_set_by(headers)
        keep_cookies(self.cookies, changed)
        for lender in self._get_lenders():
            keep_cookies(lender.cookies, changed)
            for name in changed:
                self._borrowed.pop(name, None)
                self._unwanted.discard(name)
                if name in self._own:
                    self._borrowed[name] = self._own[name].coded_value

    def has(self, cookies: Mapping[str, Any]) -> bool:
        """Tell whether the jar still has these cookies."""
        found = self.cookies
        return all(
            name in found and found[name].coded_value == morsel.coded_value
            for name, morsel in as_jar(cookies).items()
        )

    # Borrowing.

    def check_session(self) -> None:
        """Raise ``RuntimeError`` if test clients have different sessions."""
        name = settings.SESSION_COOKIE_NAME
        self._borrow()
        if name not in self._borrowed:
            return
        sessions = {
            morsel.value for key, morsel in self._lent() if key == name and morsel.value
        }
        if len(sessions) > 1:
            raise RuntimeError(
                "self.client and self.async_client have different sessions: say whose"
                " connection this is, with user= or client=."
            )

    def stop_borrowing(self) -> None:
        """Use only its own cookies from now on."""
        self._get_lenders = tuple
        if self._client is None:
            self._borrow()

    def _borrow(self) -> None:
        self._unwanted |= self._borrowed.keys() - self._own.keys()
        own = {
            name: morsel
            for name, morsel in self._own.items()
            if self._borrowed.get(name) != morsel.coded_value
        }
        borrowed = {
            name: morsel.copy()
            for name, morsel in self._lent()
            if name not in own and name not in self._unwanted
        }
        self._borrowed = {name: it.coded_value for name, it in borrowed.items()}
        self._own.clear()
        self._own.update({**borrowed, **own})

    def _lent(self) -> Iterable[tuple[str, Any]]:
        for lender in self._get_lenders():
            for name, morsel in lender.cookies.items():
                if not has_expired(morsel):
                    yield name, morsel
