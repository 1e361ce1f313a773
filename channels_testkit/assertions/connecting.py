"""Opening WebSocket connections from a test case."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ImproperlyConfigured

from channels_testkit.asgi.login import session_login
from channels_testkit.asgi.scope import ASGI_EXTENSIONS
from channels_testkit.asgi.wire import JsonWire
from channels_testkit.matching.wording import say
from channels_testkit.running.kit_calls import kit_coroutine, kit_opening
from channels_testkit.websocket.client import WSClient
from channels_testkit.websocket.communicator import WebsocketCommunicator
from channels_testkit.websocket.handshake_failures import refused
from channels_testkit.websocket.opening import options_of
from channels_testkit.websocket.subjects import driver_of

from .in_run import InRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from typing_extensions import Unpack

    from channels_testkit.websocket.options import AnyUser, ConnectOptions

    F = TypeVar("F", bound=Callable[..., Any])

__unittest = True


def _path_first(method: F) -> F:
    """Say the right call if a user is given instead of a path."""

    @functools.wraps(method)
    def call(self: Any, *args: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        given = [*args, options.get("path"), options.get("ws_path")]
        if any(hasattr(value, "is_authenticated") for value in given):
            right = _right_call(f"{self._name_in_tests}.{method.__name__}", args)
            raise TypeError(
                f"{method.__name__}() takes a path, and users by name only: {right}."
            )
        return method(self, *args, **options)

    return call  # type: ignore[return-value]


def _right_call(name: str, args: Sequence[Any]) -> str:
    given = [argument for argument in args if isinstance(argument, str)]
    path = repr(given[0]) if given else "'/ws/...'"
    if name.endswith("_many"):
        return f"write '{name}(path={path}, users=[...])'"
    return f"write '{name}({path}, user=...)'"


class Connecting(InRun, JsonWire):
    """
    Connections of a test case, which the kit closes when the test ends.

    ``WebsocketTestMixin`` lists the options that all of them take.
    """

    #: The path of calls without one.
    ws_path: str = ""
    #: The headers of every handshake, a dict or a list of pairs.
    ws_headers: Any = None
    #: The subprotocols that every handshake offers.
    subprotocols: Sequence[str] = ()
    #: The ASGI extensions that the server offers, with their values. The
    #: default is the denial response, which Daphne does not have.
    asgi_extensions: Mapping[str, Mapping[str, object]] = ASGI_EXTENSIONS

    def get_ws_headers(self) -> Any:
        """
        Return the headers of every handshake, by default ``ws_headers``.

        It is called once in a test, for its first connection, on the test's
        thread; so it may use ``self.client`` and what ``setUp()`` has made.
        """
        return self.ws_headers

    def get_subprotocols(self) -> Sequence[str]:
        """
        Return the subprotocols that every handshake offers.

        It is called once in a test, as ``get_ws_headers()``.
        """
        return self.subprotocols

    def get_login(self, user: Any) -> Any:
        """
        Return what logs a user in, by default a session cookie.

        Override it where the project uses tokens: return a dict with some of
        ``"headers"``, ``"query"``, ``"subprotocols"`` and ``"cookies"``.
        """
        return session_login(user)

    # One connection.

    @_path_first
    def connect(
        self, path: str | None = None, **options: Unpack[ConnectOptions]
    ) -> WSClient:
        """
        Return a connected sync client.

        Fails, with code, reason and user, if the application refuses the
        handshake, and if its scope has another user than ``user``. Raises
        ``ImproperlyConfigured`` if there is neither a path nor ``ws_path``.
        A ``with`` block on the client disconnects at its end.

        Example::

            ann = self.connect("/ws/echo/")
            ann.send_json({"message": "hello"})
            self.assertReceivesJson(ann, {"message": "hello"})
        """
        __tracebackhide__ = True
        self._kit.refuse_in_async_test("self.aconnect")
        client = self.create_client(path, **options)
        if not client.connect():
            raise refused(driver_of(client).connected("connect()"))
        return client

    @kit_opening
    @_path_first
    async def aconnect(
        self, path: str | None = None, **options: Unpack[ConnectOptions]
    ) -> WebsocketCommunicator:
        """
        Return a connected communicator, as ``connect()`` does a client.

        ``async with`` on the call disconnects at the end of the block.
        """
        __tracebackhide__ = True
        communicator = self.create_communicator(path, **options)
        if not await communicator.connect():
            raise refused(driver_of(communicator).connected("connect()"))
        return communicator

    @_path_first
    def create_communicator(
        self, ws_path: str | None = None, **options: Unpack[ConnectOptions]
    ) -> WebsocketCommunicator:
        """
        Return an unconnected communicator; the end of the test closes it.

        It does not use the database: the login happens when it connects.
        Raises ``ImproperlyConfigured`` if there is neither a path nor
        ``ws_path``.
        """
        return WebsocketCommunicator._from_options(  # noqa: SLF001 - for test cases
            self._path(ws_path, options), options_of(options)
        )

    @_path_first
    def create_client(
        self, path: str | None = None, **options: Unpack[ConnectOptions]
    ) -> WSClient:
        """Return an unconnected client. As ``create_communicator()``."""
        return WSClient(self._path(path, options), **options)

    def _path(self, path: str | None, options: Mapping[str, Any]) -> str:
        found = self.ws_path if path is None else path
        if not found and options.get("path_kwargs") is not None:
            # A bare consumer is not routed: the path means nothing to it.
            return "/"
        if not found:
            raise ImproperlyConfigured(
                f"{type(self).__name__} has no ws_path: set it, or give a path to the"
                " call."
            )
        return found

    @property
    def auth_communicator(self) -> WebsocketCommunicator:
        """
        A communicator made from the class's defaults, on first use.

        It is the same one for the whole test, and is not connected yet.
        """
        return self._kit.once("auth_communicator", self.create_communicator)

    # Many connections.

    @_path_first
    def connect_many(
        self,
        n: int | None = None,
        path: str | None = None,
        *,
        users: Iterable[AnyUser] | None = None,
        **options: Unpack[ConnectOptions],
    ) -> list[WSClient]:
        """
        Return ``n`` connected sync clients, or one for each of ``users``.

        Example::

            ann, ben = self.connect_many(2, "/ws/room/1/")
        """
        __tracebackhide__ = True
        self._kit.refuse_in_async_test("self.aconnect_many")
        people = _people(n, users, options)
        clients = [self.create_client(path, **options, **p) for p in people]
        self._kit.run_in_sync_test(_connect_all(clients), "self.aconnect_many")
        return clients

    @kit_coroutine
    @_path_first
    async def aconnect_many(
        self,
        n: int | None = None,
        path: str | None = None,
        *,
        users: Iterable[AnyUser] | None = None,
        **options: Unpack[ConnectOptions],
    ) -> list[WebsocketCommunicator]:
        """Return connected communicators. As ``connect_many()``."""
        __tracebackhide__ = True
        people = _people(n, users, options)
        return [await self.aconnect(path, **options, **person) for person in people]

    def disconnect_all(self) -> None:
        """Close every connection now, the last one first."""
        self._kit.refuse_in_async_test("self.adisconnect_all")
        self._kit.opened.close_all()

    @kit_coroutine
    async def adisconnect_all(self) -> None:
        """Close every connection now, the last one first."""
        await self._kit.opened.aclose_all()


def _people(
    n: object, users: Iterable[Any] | None, options: Mapping[str, Any]
) -> list[dict[str, Any]]:
    if (n is None) == (users is None) or (users is not None and "user" in options):
        raise TypeError("Give a number of connections, or users=[...].")
    if users is not None:
        if isinstance(users, str) or not isinstance(users, Iterable):
            raise TypeError(f"users= is a list: write users=[...] around {say(users)}.")
        return [{"user": user} for user in users]
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        is_path = isinstance(n, str) and n.startswith("/")
        step = "Users are given as users=[...]."
        if is_path:
            step = f"Give the number before the path: (2, {say(n)})."
        raise TypeError(f"A number of connections is an int, not {say(n)}. {step}")
    return [{} for _ in range(n)]


async def _connect_all(clients: Iterable[WSClient]) -> None:
    """Connect clients in one run of the loop: each run takes its time."""
    for client in clients:
        if not await client.aconnect():
            raise refused(driver_of(client).connected("connect()"))
