"""``HttpCommunicator``: HTTP consumers and views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import routing, run
from .event_stream import EventStream
from .http_connection import DISCONNECT, HttpConnection
from .http_reading import ResponseReading
from .opening import Login, Options
from .scope import cookie_header, has_header, http_scope, path_of
from .silence import in_words, nothing_came
from .surroundings import Surroundings, kit_coroutine

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from channels.consumer import AsyncConsumer
    from django.test import AsyncClient, Client

    from .engine.application import ASGIApplication, Event
    from .engine.transcript import Transcript
    from .scope import HeaderList

REQUEST = "http.request"
#: The headers that say where the body of a request ends.
FRAMING = (b"content-length", b"transfer-encoding")

__unittest = True


class HttpCommunicator(ResponseReading):
    """
    One HTTP request to an ASGI application, driven by an async test.

    It takes what ``channels.testing``'s class takes and has its methods; with
    ``None`` for the application, that of the test case or of the settings
    answers. Every call returns at rest, and a view or consumer is in the
    test's transaction. Timeouts are in seconds; ``None`` stands for the test
    case's ``receive_timeout``.

    ``more_body=True`` leaves the body open for ``send_chunk()``, ``client`` is
    a Django test client whose cookies are sent and kept, and
    ``last_event_id`` is what a browser sends when it opens a stream again.

    Example::

        communicator = HttpCommunicator(application, "GET", "/notes/")
        response = await communicator.get_response()
        self.assertEqual(response["status"], 200)
        self.assertEqual(response["body"], b'{"notes": 0}')
    """

    __test__ = False

    def __init__(
        self,
        application: ASGIApplication | None,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Any = None,
        *,
        more_body: bool = False,
        client: Client | AsyncClient | None = None,
        last_event_id: str | None = None,
    ) -> None:
        if not isinstance(body, bytes):
            raise TypeError(f"body is bytes, not {body!r}.")
        options = Options(application=application, client=client)
        self._run = run.current()
        self._around = self._run or Surroundings()
        self._application = options.application
        self._client = client
        self._body = body
        self._more_body = more_body
        self._scope: MutableMapping[str, Any] = http_scope(
            method.upper(), path_of(path), headers, last_event_id or None
        )
        if not any(has_header(self._scope["headers"], name) for name in FRAMING):
            self._scope["headers"] += _framing(body, more_body=more_body)
        self._stream = EventStream(last_event_id or None)
        self._has_sent_request = False
        self.connection: HttpConnection | None = None
        if self._run is not None:
            self._run.close_at_end(self)

    # What can be read.

    @property
    def label(self) -> str:
        """How failures call this request: its method and its path."""
        return f"{self._scope['method']} {self._scope['path']}"

    def _started(self, what: str) -> HttpConnection:
        if self.connection is None:
            raise RuntimeError(
                f"{what} before the request: 'await communicator.start()' first."
            )
        return self.connection

    def _observed(self, what: str) -> HttpConnection:
        if self._run is not None:
            self._run.observe()
        return self._started(what)

    @property
    def scope(self) -> MutableMapping[str, Any]:
        """The scope: the consumer's own once there is one."""
        return self._scope if self.connection is None else self.connection.scope

    @property
    def status(self) -> int | None:
        """The status of the response, once it has begun."""
        return self._observed("status").status

    @property
    def headers(self) -> HeaderList:
        """The headers of the response, once it has begun."""
        return self._observed("headers").headers

    @property
    def body(self) -> bytes:
        """The part of the response's body that has come, read or not."""
        return b"".join(self._observed("body").parts)

    @property
    def is_complete(self) -> bool:
        """Whether the last part of the response has come."""
        return self._observed("is_complete").is_complete

    @property
    def consumer(self) -> AsyncConsumer:
        """The consumer instance behind the application and its middleware."""
        consumer = self._observed("consumer").consumer
        if consumer is None:
            raise RuntimeError(f"{self.label} has led to no Channels consumer.")
        return consumer

    @property
    def transcript(self) -> Transcript:
        """What has crossed the connection, in order."""
        return self._observed("transcript").transcript

    def __repr__(self) -> str:
        state = "new" if self.connection is None else self.connection.state
        return f"<{type(self).__name__} {self.label}: {state}>"

    # The request.

    @kit_coroutine
    async def start(self, timeout: float | None = None) -> int:
        """
        Send the request, and return the status once the response has begun.

        Raises ``NoFrame`` when none begins within ``timeout`` seconds.
        """
        connection = self._send_request()
        await self._until(lambda: connection.status is not None, timeout, "response")
        return connection.status or 0

    @kit_coroutine
    async def send_chunk(self, chunk: bytes, *, more_body: bool = True) -> None:
        """
        Send a part of the body; the last one with ``more_body=False``.

        Raises ``RuntimeError`` where the body has ended.
        """
        if not isinstance(chunk, bytes):
            raise TypeError(f"A chunk is bytes, not {chunk!r}.")
        connection = self._send_request()
        if connection.state != "open":
            raise RuntimeError(
                f"send_chunk() on a connection that is {in_words(connection)}."
            )
        if not connection.sends_body:
            raise RuntimeError(
                "send_chunk() after the end of the body: make the communicator with"
                " more_body=True, and send the last chunk with more_body=False."
            )
        connection.feed({"type": REQUEST, "body": chunk, "more_body": more_body})
        await connection.settle()

    @kit_coroutine
    async def send_input(self, message: Event) -> None:
        """Give the application an ASGI event."""
        connection = self._open()
        self._has_sent_request |= message.get("type") == REQUEST
        connection.feed(message)
        await connection.settle()

    def _send_request(self) -> HttpConnection:
        connection = self._open()
        if not self._has_sent_request:
            self._has_sent_request = True
            if self._body or not self._more_body:
                event = {"type": REQUEST, "body": self._body}
                connection.feed({**event, "more_body": self._more_body})
        return connection

    def _open(self) -> HttpConnection:
        if self.connection is not None:
            return self.connection
        application = self._application
        if application is None:
            around = self._run
            find = around.routed_application if around else None
            application = (find or routing.configured_application)()
        jars = [] if self._client is None else [self._client.cookies]
        if jars and not has_header(self._scope["headers"], b"cookie"):
            self._scope["headers"].append((b"cookie", cookie_header(*jars)))
        self.connection = HttpConnection(
            routing.check_application(application),
            self._scope,
            label=self.label,
            surroundings=self._around,
            on_response=Login(jars=jars).keep_cookies,
        )
        return self.connection

    # The response.

    @kit_coroutine
    async def receive_output(self, timeout: float | None = None) -> Event:
        """Return the next ASGI event of the application that was not read."""
        connection = self._started("receive_output()")
        await self._until(lambda: bool(connection.unread), timeout, "ASGI event")
        return connection.unread.popleft()

    @kit_coroutine
    async def receive_nothing(
        self, timeout: float = 0.1, interval: float = 0.01
    ) -> bool:
        """
        Tell whether the application sends nothing that was not read.

        Waits for timers of the application that are due within ``timeout``
        seconds. ``interval`` is accepted and means nothing.
        """
        del interval
        connection = self._started("receive_nothing()")
        return not await connection.until(lambda: bool(connection.unread), timeout)

    # Going away.

    @kit_coroutine
    async def disconnect(self, timeout: float | None = None) -> None:
        """
        Go away in the middle of the response; after it, do nothing.

        The application gets ``http.disconnect``. Raises what it raises then.
        """
        await self._leave(self._started("disconnect()"), timeout)

    async def _leave(
        self, connection: HttpConnection, timeout: float | None = None
    ) -> None:
        connection.go_away()
        seconds = self._around.receive_timeout if timeout is None else timeout
        await connection.until_ended(seconds)

    @kit_coroutine
    async def wait(self, timeout: float | None = None) -> None:
        """
        Wait until the application has ended; raise what it raised.

        Raises ``NoFrame`` when it has not within ``timeout`` seconds.
        """
        connection = self._started("wait()")
        seconds = self._around.receive_timeout if timeout is None else timeout
        if not await connection.until_ended(seconds):
            raise nothing_came(connection, "end of the application", seconds)

    def stop(self, exceptions: bool = True) -> None:
        """
        Cancel the application, without a disconnect.

        Raises what it raised before, unless ``exceptions`` is false.
        """
        connection = self.connection
        if connection is None:
            return
        if not connection.has_ended:
            connection.cancel()
            return
        error = connection.error
        if error is not None and exceptions and self._around.errors.take(error):
            raise error

    # What the end of a test asks for.

    goodbye = DISCONNECT
    did_not_end = False

    @property
    def needs_closing(self) -> bool:
        """Whether the application is still there."""
        return self.connection is not None and not self.connection.has_ended

    async def leave(self) -> None:
        """Go away at the end of the test; cancel what does not end."""
        connection = self._started("leave()")
        try:
            await self._leave(connection)
        finally:
            if self.needs_closing:
                self.did_not_end = True
                connection.cancel()
                await self._around.rest.wait()


def _framing(body: bytes, *, more_body: bool) -> HeaderList:
    if more_body:
        return [(b"transfer-encoding", b"chunked")]
    return [(b"content-length", str(len(body)).encode())] if body else []
