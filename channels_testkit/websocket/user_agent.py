"""The cookies, session and logins of a WebSocket client."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client

from channels_testkit.asgi.login import has_sessions
from channels_testkit.running.kit_calls import kit_coroutine

if TYPE_CHECKING:
    from http.cookies import SimpleCookie

    from channels_testkit.running.run import TestRun


class Browser(Client):
    """Django's test client, with one session object for its whole life."""

    _store: Any = None

    @property
    def session(self) -> Any:
        """The session of the cookies, made where there is none."""
        name = settings.SESSION_COOKIE_NAME
        cookie = self.cookies.get(name)
        key = cookie.value if cookie is not None else None
        if self._store is None:
            engine = import_module(settings.SESSION_ENGINE)
            self._store = engine.SessionStore(key)
        elif key and key != self._store.session_key:
            # A handshake has set another: the object stays, its data go.
            vars(self._store).clear()
            self._store.__init__(key)
        if not key:
            self._store.save()
            self.cookies[name] = self._store.session_key
        return self._store


class UserAgent:
    """What a client is besides its connection: cookies and a login."""

    _run: TestRun

    def __init__(self) -> None:
        self._browser = Browser()

    @property
    def cookies(self) -> SimpleCookie:
        """The cookies that go with the next handshake."""
        return self._browser.cookies

    def set_cookie(self, key: str, value: str) -> None:
        """Send a cookie with the next handshake."""
        self.cookies[key] = value

    @property
    def session(self) -> Any:
        """The session of the cookies: one object, also across logins."""
        self._refuse_in_async_test("asession")
        self._need_sessions()
        with self._run.database.uncounted():
            return self._browser.session

    @kit_coroutine
    async def asession(self) -> Any:
        """
        Return the session of the cookies, as ``session``.

        Its methods have twins as well: ``aget()``, ``aset()``, ``asave()``.
        """
        self._need_sessions()
        with self._run.database.uncounted():
            return await sync_to_async(lambda: self._browser.session)()

    def login(self, **credentials: Any) -> bool:
        """Log in; tell whether the credentials were right."""
        self._refuse_in_async_test("alogin")
        self._need_sessions()
        with self._run.database.uncounted():
            return self._browser.login(**credentials)

    @kit_coroutine
    async def alogin(self, **credentials: Any) -> bool:
        """Log in; tell whether the credentials were right."""
        self._need_sessions()
        with self._run.database.uncounted():
            return await sync_to_async(self._browser.login)(**credentials)

    def force_login(self, user: Any, backend: str | None = None) -> None:
        """Log a user in without credentials."""
        self._refuse_in_async_test("aforce_login")
        self._need_sessions()
        with self._run.database.uncounted():
            self._browser.force_login(user, backend)

    @kit_coroutine
    async def aforce_login(self, user: Any, backend: str | None = None) -> None:
        """Log a user in without credentials."""
        self._need_sessions()
        with self._run.database.uncounted():
            await sync_to_async(self._browser.force_login)(user, backend)

    def logout(self) -> None:
        """Forget the session and the cookies."""
        self._refuse_in_async_test("alogout")
        with self._run.database.uncounted():
            self._browser.logout()

    @kit_coroutine
    async def alogout(self) -> None:
        """Forget the session and the cookies."""
        with self._run.database.uncounted():
            await sync_to_async(self._browser.logout)()

    def _refuse_in_async_test(self, twin: str) -> None:
        self._run.refuse_in_async_test(f"client.{twin}")

    def _need_sessions(self) -> None:
        if not has_sessions():
            raise OSError("A session needs django.contrib.sessions in INSTALLED_APPS.")
