"""The cookies, session and logins of a WebSocket client."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import authenticate
from django.test import Client

from channels_testkit.asgi.cookies import check_cookie, signed_value
from channels_testkit.asgi.login import has_sessions
from channels_testkit.matching.wording import say
from channels_testkit.running.kit_calls import kit_coroutine

from .cookie_jar import CookieJar

if TYPE_CHECKING:
    from http.cookies import SimpleCookie

    from channels_testkit.running.run import TestRun

    from .driver import WebsocketDriver


class SessionClient(Client):
    """Django's test client on a cookie jar, with one session object."""

    _store: Any = None

    def __init__(self, jar: CookieJar) -> None:
        # Django's constructor empties the cookies, which are not its own.
        self._jar = CookieJar(None, tuple)
        super().__init__()
        self._jar = jar

    @property
    def cookies(self) -> SimpleCookie:
        """The cookies of the jar."""
        return self._jar.cookies

    @cookies.setter
    def cookies(self, cookies: SimpleCookie) -> None:
        self._jar.cookies = cookies

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
    """
    The cookies and the login of a client.

    As in a browser, both last until the client logs in or out, however the
    login was made, and also across ``reconnect()``.
    """

    _run: TestRun
    _driver: WebsocketDriver

    @cached_property
    def _session_client(self) -> SessionClient:
        return SessionClient(self._driver.identity.jar)

    @property
    def cookies(self) -> SimpleCookie:
        """
        The cookies that go with the next handshake.

        With ``client=`` they are the cookies of that client. Without
        ``client=`` and ``user=`` they include those of ``self.client`` and
        ``self.async_client``, until this client logs in or out.
        """
        self._run.refuse_elsewhere()
        return self._driver.identity.jar.cookies

    def set_cookie(self, key: str, value: str) -> None:
        """
        Send a cookie with the next handshake.

        Raises ``ValueError`` for a name that no cookie can have.
        """
        check_cookie(key, value, "set_cookie()")
        self.cookies[key] = value

    def set_signed_cookie(self, key: str, value: str, salt: str = "") -> None:
        """
        Send a signed cookie with the next handshake.

        It is signed as ``HttpResponse.set_signed_cookie()`` signs it, so that
        the application reads it by the same ``salt``. Raises as
        ``set_cookie()``, and ``TypeError`` unless both are str.
        """
        check_cookie(key, value, "set_signed_cookie()")
        if not all(isinstance(it, str) for it in (value, salt)):
            raise TypeError(
                f"set_signed_cookie() has {say((value, salt))} for {say(key)}: the"
                " value and the salt are both str."
            )
        self.cookies[key] = signed_value(key, value, salt)

    @property
    def session(self) -> Any:
        """
        The session of the cookies: the same object before and after a login.

        Raises ``RuntimeError`` before the login that ``user=`` makes.
        """
        self._refuse_elsewhere("asession")
        self._need_sessions()
        self._driver.identity.check_session()
        with self._run.database.uncounted():
            return self._session_client.session

    @kit_coroutine
    async def asession(self) -> Any:
        """
        Return the session of the cookies, as ``session``.

        Its methods have async twins: ``aget()``, ``aset()``, ``asave()``.
        """
        self._need_sessions()
        self._driver.identity.check_session()
        with self._run.database.uncounted():
            return await sync_to_async(lambda: self._session_client.session)()

    def login(self, **credentials: Any) -> bool:
        """Log in; tell whether the credentials were right."""
        self._refuse_elsewhere("alogin")
        self._need_sessions()
        with self._run.database.uncounted():
            return self._login(credentials)

    @kit_coroutine
    async def alogin(self, **credentials: Any) -> bool:
        """Log in; tell whether the credentials were right."""
        self._need_sessions()
        with self._run.database.uncounted():
            return await sync_to_async(self._login)(credentials)

    def force_login(self, user: Any, backend: str | None = None) -> None:
        """Log a user in without credentials; it replaces an earlier login."""
        self._refuse_elsewhere("aforce_login")
        self._need_sessions()
        with self._run.database.uncounted():
            self._force_login(user, backend)

    @kit_coroutine
    async def aforce_login(self, user: Any, backend: str | None = None) -> None:
        """Log a user in without credentials; it replaces an earlier login."""
        self._need_sessions()
        with self._run.database.uncounted():
            await sync_to_async(self._force_login)(user, backend)

    def logout(self) -> None:
        """
        End the session and forget the cookies, however it was logged in.

        A ``client=`` forgets its cookies too; ``self.client`` keeps its own.
        """
        self._refuse_elsewhere("alogout")
        with self._run.database.uncounted():
            self._logout()

    @kit_coroutine
    async def alogout(self) -> None:
        """End the session and forget the cookies: see ``logout()``."""
        with self._run.database.uncounted():
            await sync_to_async(self._logout)()

    def _login(self, credentials: dict[str, Any]) -> bool:
        user = authenticate(**credentials)
        if user is not None:
            self._force_login(user, user.backend)
        return user is not None

    def _force_login(self, user: Any, backend: str | None) -> None:
        self._driver.identity.become_independent()
        self._session_client.force_login(user, backend)

    def _logout(self) -> None:
        self._driver.identity.become_independent()
        self._session_client.logout()

    def _refuse_elsewhere(self, twin: str) -> None:
        self._run.refuse_elsewhere()
        self._run.refuse_in_async_test(f"client.{twin}")

    def _need_sessions(self) -> None:
        if not has_sessions():
            raise OSError("A session needs django.contrib.sessions in INSTALLED_APPS.")
