"""The cookies of a WebSocket client, and its login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.cookies import signed
from channels_testkit.asgi.login import Login

from .cookie_jar import CookieJar
from .login_hints import login_hint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from channels_testkit.asgi.scope import HeaderList

    from .opening import Options


class Identity:
    """
    The cookies of a client, and what logs it in with each handshake.

    ``user`` is the user that the test gave, until the client logs in or out
    itself. A login by cookies is made once; tokens are fetched each time.
    """

    def __init__(
        self, options: Options, get_clients: Callable[[], Iterable[Any]]
    ) -> None:
        is_somebody = options.user is not None or options.client is not None
        lenders = tuple if is_somebody else get_clients
        self.jar = CookieJar(options.client, lenders)
        self.jar.add(options.cookies or {})
        self.jar.add(signed(options.signed_cookies or {}))
        self.user = options.user
        self.login = Login()
        self._is_logged_in = False
        self._logs_in_now = False

    @property
    def to_log_in(self) -> Any:
        """The user whose login goes into the next handshake, or None."""
        return None if self._is_logged_in and self.login.lasts else self.user

    def take(self, login: Login | None) -> None:
        """Take a login for the next handshake, where one was asked for."""
        self._logs_in_now = login is not None
        if login is not None:
            self.login = login
            self._is_logged_in = True
            self.jar.add(login.cookies)

    def check_session(self) -> None:
        """Raise ``RuntimeError`` where a login will bring another session."""
        if not self._is_logged_in and getattr(self.user, "is_authenticated", False):
            raise RuntimeError(
                "A client with user= has no session before connect(), which logs the"
                " user in: connect first, or write force_login(user) instead of user=."
            )

    @property
    def expected_user(self) -> Any:
        """The user that a handshake must be of, or None where none must."""
        # Else the test or the application has replaced the login.
        return self.user if self.jar.has(self.login.cookies) else None

    def hint(self, headers: HeaderList) -> str:
        """Say why these headers of a handshake may be of another user."""
        return login_hint(
            self.user, self.login.cookies, headers, is_first=self._logs_in_now
        )

    def become_independent(self) -> None:
        """Drop the user that the test gave, and borrowed cookies."""
        self.user = None
        self.login = Login()
        self.jar.stop_borrowing()
