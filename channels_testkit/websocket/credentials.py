"""The login, headers and subprotocols that a test gives for a handshake."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

from channels_testkit.asgi.login import Login

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator

    from channels_testkit.running.run import TestRun


_QUESTIONS = ("get_ws_headers", "get_subprotocols")


class Credentials(NamedTuple):
    """
    What goes into a handshake; each may be awaitable at first.

    ``login`` is None if there is no user to log in.
    """

    login: Any
    headers: Any
    subprotocols: Any


class CredentialSource:
    """Gets credentials from the methods of a test, which may be async."""

    def __init__(self, run: TestRun) -> None:
        self._run = run
        self._known: dict[str, Any] = {}

    @classmethod
    def of(cls, run: TestRun) -> CredentialSource:
        """Return the source of a test."""
        return run.once(cls, lambda: cls(run))

    def calls_test_code(self, user: Any) -> bool:
        """Tell whether ``ask()`` would call a method of the test's own."""
        return user is not None or not all(
            name in self._known or _is_of_kit(getattr(self._run.options, name))
            for name in _QUESTIONS
        )

    def ask(self, user: Any) -> Credentials:
        """
        Call the test's methods, for the login of a user where one is given.

        This belongs on the test's thread.
        """
        headers, subprotocols = map(self._ask_once, _QUESTIONS)
        return Credentials(self._ask_login(user), headers, subprotocols)

    async def answer(self, asked: Credentials) -> Credentials:
        """Await what has to be awaited."""
        headers = await _awaited(asked.headers)
        subprotocols = await _awaited(asked.subprotocols)
        with self._run.database.uncounted():
            login = await _awaited(asked.login)
        if asked.login is not None and not isinstance(login, Login):
            login = Login.from_mapping(login)
        return Credentials(login, headers, subprotocols)

    def _ask_once(self, name: str) -> Any:
        if name not in self._known:
            answer: Any = getattr(self._run.options, name)()
            self._known[name] = _Once(answer) if inspect.isawaitable(answer) else answer
        return self._known[name]

    def _ask_login(self, user: Any) -> Any:
        if user is None:
            return None
        with self._run.database.uncounted():
            login = self._run.options.get_login(user)
        return login if inspect.isawaitable(login) else Login.from_mapping(login)

    @property
    def has_own_login(self) -> bool:
        """Whether the test has a ``get_login()`` of its own."""
        return not _is_of_kit(self._run.options.get_login)


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
