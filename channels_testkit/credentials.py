"""What a test case says about a handshake: login, headers, subprotocols."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings

from .opening import Login, session_login

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator

    from .engine.database import TestConnections
    from .opening import Options


class Credentials(NamedTuple):
    """What goes into a handshake; each may be awaitable at first."""

    login: Any
    headers: Any
    subprotocols: Any


class Asking:
    """Asks a test case for credentials; its methods may be async."""

    def __init__(self, case: Any, database: TestConnections) -> None:
        self._case = case
        self._database = database
        self._known: dict[str, Any] = {}

    def calls_author(self, options: Options) -> bool:
        """Tell whether ``ask()`` would call a method of the test's author."""
        return options.user is not None or not all(
            name in self._known or _is_own(getattr(type(self._case), name, None))
            for name in ("get_ws_headers", "get_subprotocols")
        )

    def ask(self, options: Options, jar: Any) -> Credentials:
        """Call the test case's methods. This belongs on the test's thread."""
        headers = self._ask_once("get_ws_headers")
        subprotocols = self._ask_once("get_subprotocols")
        return Credentials(self._ask_login(options, jar), headers, subprotocols)

    async def answer(self, asked: Credentials) -> Credentials:
        """Await what has to be awaited."""
        headers = await _awaited(asked.headers)
        subprotocols = await _awaited(asked.subprotocols)
        with self._database.uncounted():
            login = await _awaited(asked.login)
        if not isinstance(login, Login):
            login = Login.from_mapping(login)
        return Credentials(login, headers, subprotocols)

    def _ask_once(self, name: str) -> Any:
        if name not in self._known:
            answer: Any = getattr(self._case, name, list)()
            self._known[name] = _Once(answer) if inspect.isawaitable(answer) else answer
        return self._known[name]

    def _ask_login(self, options: Options, jar: Any) -> Any:
        if options.user is not None:
            with self._database.uncounted():
                return getattr(self._case, "get_login", session_login)(options.user)
        if options.client is not None:
            jar = options.client.cookies
        if jar is not None:
            return Login(cookies=[jar], jars=[jar])
        return self._shared_login()

    def _shared_login(self) -> Login:
        clients = [
            getattr(self._case, name, None) for name in ("client", "async_client")
        ]
        jars = [client.cookies for client in clients if client is not None]
        sessions = {_session_of(jar) for jar in jars} - {None}
        if len(sessions) > 1:
            raise RuntimeError(
                "self.client and self.async_client have different sessions: say whose"
                " connection this is, with user= or client=."
            )
        return Login(cookies=list(jars), jars=jars)


class _Once:
    """An awaitable for any number of connections, which is awaited once."""

    def __init__(self, awaitable: Awaitable[Any]) -> None:
        self._awaitable = awaitable
        self._future: asyncio.Future[Any] | None = None

    def __await__(self) -> Generator[Any, Any, Any]:
        if self._future is None:
            self._future = asyncio.ensure_future(self._awaitable)
        return self._future.__await__()


def _is_own(method: object) -> bool:
    return method is None or method.__module__.startswith(f"{__package__}.")


async def _awaited(answer: Any) -> Any:
    return await answer if inspect.isawaitable(answer) else answer


def _session_of(jar: Any) -> str | None:
    morsel = jar.get(settings.SESSION_COOKIE_NAME)
    return None if morsel is None or not morsel.value else str(morsel.value)
