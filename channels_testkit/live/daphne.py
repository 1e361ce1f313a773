"""Daphne as the live server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from typing import TYPE_CHECKING, Any, ClassVar

from channels_testkit.engine import threads

from .loops import call_on, run_on, sync_thread
from .remarks import NO_REQUEST, TLS, is_tls, over_limit
from .servers import NO_SERVER, Server

try:
    # First: it installs the reactor that runs on asyncio.
    from daphne import server as daphne_server  # isort: skip
    from autobahn.exception import Disconnected, PayloadExceededError
    from daphne.http_protocol import HTTPFactory
    from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
    from twisted.internet import reactor as twisted_reactor
except ModuleNotFoundError as error:
    raise ImportError(NO_SERVER) from error

if TYPE_CHECKING:
    from collections.abc import Collection

    from channels_testkit.asgi.application import Event

logger = logging.getLogger(daphne_server.__name__)
reactor: Any = twisted_reactor
_SECONDS_TO_START = 10.0
#: Autobahn's names of Daphne's options.
_LIMITS = {
    "websocket_max_message_size": "maxMessagePayloadSize",
    "websocket_max_frame_size": "maxFramePayloadSize",
}


class DaphneServer(Server):
    """
    Daphne, on the reactor that all its live servers share.

    A reactor cannot be started twice in a process: it goes on, idle, when the
    server has stopped. ``options`` are those of ``daphne.server.Server``.
    """

    loggers: ClassVar[Collection[str]] = (logger.name,)
    options: ClassVar[dict[str, Any]] = {}

    def start(self) -> None:
        """Listen on the socket."""
        self.loop = self._loop = _running_reactor()
        with contextlib.ExitStack() as undo:
            undo.enter_context(sync_thread(self._loop, "live server, Daphne"))
            self._daphne = _Daphne(self, **self.options)
            self.size_options = self._daphne.size_options()
            call_on(self._loop, self._listen())
            self._undo = undo.pop_all()

    async def _listen(self) -> None:
        self._daphne.check_regularly()
        self._port = reactor.adoptStreamPort(
            self.socket.fileno(), self.socket.family, self._daphne.http_factory
        )

    def stop(self) -> None:
        """Drop every connection, and stop listening."""
        with self._undo:
            call_on(self._loop, self._close())

    async def _close(self) -> None:
        self._daphne.is_stopped = True
        self._port.stopListening()
        for transport in {*reactor.getReaders(), *reactor.getWriters()}:
            if getattr(transport, "server", None) is self._port:
                transport.abortConnection()


class _Daphne(daphne_server.Server):  # type: ignore[misc]  # it is untyped
    """Daphne's server, which runs no reactor, and is quick to see an error."""

    is_stopped = False

    def __init__(self, server: DaphneServer, **options: Any) -> None:
        super().__init__(server.application, endpoints=["adopted"], **options)
        self.live_server = server
        # What run() makes before it runs the reactor. It also takes the
        # process's warnings away, which is why it is not called.
        self.connections: dict[Any, dict[str, Any]] = {}
        self.http_factory = _HTTPFactory(self)
        self.ws_factory = WebSocketFactory(self, server=self.server_name)
        self.ws_factory.protocol = _WebSocketProtocol
        self.ws_factory.setProtocolOptions(
            autoPingTimeout=self.ping_timeout,
            allowNullOrigin=True,
            openHandshakeTimeout=self.websocket_handshake_timeout,
            **self._limits(),
        )

    def _limits(self) -> dict[str, int]:
        """Return the sizes that are allowed, as Autobahn calls them."""
        allowed = self.size_options()
        return {_LIMITS[name]: limit for name, limit in allowed.items()}

    def size_options(self) -> dict[str, int]:
        """Return the sizes that are allowed; Daphne before 4.2.2 has none."""
        return {name: getattr(self, name) for name in _LIMITS if hasattr(self, name)}

    def check_regularly(self) -> None:
        """Begin to look at applications and clients, as ``run()`` does."""
        self.application_checker()
        self.timeout_checker()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Run the application; look at how it ended when it has."""
        queue = super().create_application(protocol, scope)
        task = self.connections[protocol]["application_instance"]
        task.add_done_callback(lambda task: self._ended(protocol, task))
        return queue

    async def handle_reply(self, protocol: Any, message: Event) -> None:
        """Drop what comes after a client's close, as when it has gone."""
        try:
            await super().handle_reply(protocol, message)
        except PayloadExceededError:
            protocol.remark_on(_size_of(message), protocol.maxMessagePayloadSize)
            raise
        except Disconnected:
            # The application's own close is for it to know.
            if protocol.closedByMe:
                raise

    def _ended(self, protocol: Any, task: asyncio.Task[None]) -> None:
        """Tell the client of an error at once, not within a second."""
        error = None if task.cancelled() else task.exception()
        details = self.connections.get(protocol, {})
        if error is None or "application_instance" not in details:
            return
        logger.error("Exception inside application: %s", error, exc_info=error)
        del details["application_instance"]
        if "disconnected" in details:
            return
        try:
            protocol.handle_exception(error)
        except ValueError:
            # A response has begun: the client sees that its end is missing.
            protocol.loseConnection()

    def application_checker(self) -> None:
        """Look at the applications once a second, until the end."""
        if not self.is_stopped:
            super().application_checker()

    def timeout_checker(self) -> None:
        """Look at the clients every two seconds, until the end."""
        if not self.is_stopped:
            super().timeout_checker()


class _HTTPFactory(HTTPFactory):  # type: ignore[misc]
    """Daphne's, which refuses a client that speaks TLS at once."""

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        protocol = super().buildProtocol(addr)
        take = protocol.dataReceived

        def take_first(data: bytes) -> None:
            protocol.dataReceived = take
            if is_tls(data):
                self.server.live_server.remark(TLS)
                # Else Twisted waits for the end of the request's first line.
                data = NO_REQUEST
            take(data)

        protocol.dataReceived = take_first
        return protocol


class _WebSocketProtocol(WebSocketProtocol):  # type: ignore[misc]
    """Daphne's, which says why it drops a connection."""

    def remark_on(self, size: int, limit: int) -> None:
        """Say that a frame is too big."""
        server = self.server.live_server
        server.remark(over_limit(self.request.path, size, limit, server))

    def _max_message_size_exceeded(self, size: int, limit: int, reason: str) -> None:
        self.remark_on(size, limit)
        super()._max_message_size_exceeded(size, limit, reason)


def _size_of(message: Event) -> int:
    return len(message.get("bytes") or message["text"].encode())


_lock = threading.Lock()
_started_in: int | None = None
_shared: list[asyncio.AbstractEventLoop] = []


def _running_reactor() -> asyncio.AbstractEventLoop:
    """Return the loop of the reactor, which is started on first use."""
    global _started_in
    with _lock:
        if _started_in is None and not reactor.running:
            _start_reactor()
            _started_in = os.getpid()
    if _started_in not in (None, os.getpid()):
        raise RuntimeError(
            "This process was forked from one whose Daphne was running already, and"
            " Twisted's reactor cannot be started again: use Uvicorn, by server_class"
            " = channels_testkit.live.uvicorn.UvicornServer."
        )
    loop: asyncio.AbstractEventLoop = reactor._asyncioEventloop  # noqa: SLF001 - as Daphne does
    return loop


def _start_reactor() -> None:
    is_running = threading.Event()
    _make_reactor_of_this_process()
    reactor.callWhenRunning(is_running.set)
    threads.of_kit(_run_reactor, "live server, Twisted's reactor").start()
    if not is_running.wait(_SECONDS_TO_START):
        raise RuntimeError(
            f"Twisted's reactor did not start within {_SECONDS_TO_START:g} s."
        )


def _make_reactor_of_this_process() -> None:
    """
    Make the reactor anew, in place, on a loop that can be watched.

    It was made when Daphne was imported. Processes that were forked since then
    share its selector and the pipe that wakes it, and wake each other instead
    of themselves.
    """
    # To close it would take its pipe out of the selector of all of them.
    _shared.append(reactor._asyncioEventloop)  # noqa: SLF001
    type(reactor).__init__(reactor, asyncio.SelectorEventLoop())


def _run_reactor() -> None:
    # As its run() does.
    reactor.startRunning(installSignalHandlers=False)
    run_on(reactor._asyncioEventloop)  # noqa: SLF001
