"""What a test says about a handshake: login, headers, subprotocols."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings

from channels_testkit.asgi.login import Login

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator

    from channels_testkit.running.run import TestRun

    from .opening import Options


_QUESTIONS = ("get_ws_headers", "get_subprotocols")


class Credentials(NamedTuple):
    """What goes into a handshake; each may be awaitable at first."""

    login: Any
    headers: Any
    subprotocols: Any


class Asking:
    """Asks the test for credentials; its methods may be async."""

    def __init__(self, run: TestRun) -> None:
        self._run = run
        self._known: dict[str, Any] = {}

    @classmethod
    def of(cls, run: TestRun) -> Asking:
        """Return the one of a test."""
        return run.once(cls, lambda: cls(run))

    def calls_test_code(self, options: Options) -> bool:
        """Tell whether ``ask()`` would call a method of the test's own."""
        return options.user is not None or not all(
            name in self._known or _is_of_kit(getattr(self._run.options, name))
            for name in _QUESTIONS
        )

    def ask(self, options: Options, jar: Any) -> Credentials:
        """Call the test's methods. This belongs on the test's thread."""
        headers, subprotocols = map(self._ask_once, _QUESTIONS)
        return Credentials(self._ask_login(options, jar), headers, subprotocols)

    async def answer(self, asked: Credentials) -> Credentials:
        """Await what has to be awaited."""
        headers = await _awaited(asked.headers)
        subprotocols = await _awaited(asked.subprotocols)
        with self._run.database.uncounted():
            login = await _awaited(asked.login)
        if not isinstance(login, Login):
            login = Login.from_mapping(login)
        return Credentials(login, headers, subprotocols)

    def _ask_once(self, name: str) -> Any:
        if name not in self._known:
            answer: Any = getattr(self._run.options, name)()
            self._known[name] = _Once(answer) if inspect.isawaitable(answer) else answer
        return self._known[name]

    def _ask_login(self, options: Options, jar: Any) -> Any:
        if options.user is not None:
            with self._run.database.uncounted():
                return self._run.options.get_login(options.user)
        if options.client is not None:
            jar = options.client.cookies
        if jar is not None:
            return Login(cookies=[jar], jars=[jar])
        return self._shared_login()

    def _shared_login(self) -> Login:
        jars = [client.cookies for client in self._run.options.get_clients()]
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


def _is_of_kit(method: Any) -> bool:
    module: str | None = getattr(method, "__module__", None)
    return module is None or module.startswith("channels_testkit.")


async def _awaited(answer: Any) -> Any:
    return await answer if inspect.isawaitable(answer) else answer


def _session_of(jar: Any) -> str | None:
    morsel = jar.get(settings.SESSION_COOKIE_NAME)
    return None if morsel is None or not morsel.value else str(morsel.value)
