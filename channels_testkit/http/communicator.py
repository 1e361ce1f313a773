"""``HttpCommunicator``: HTTP consumers and views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.login import check_client
from channels_testkit.asgi.scope import has_header, http_scope, path_of
from channels_testkit.asgi.silence import in_words
from channels_testkit.routing.application import (
    check_application,
)
from channels_testkit.running.driven import Driven
from channels_testkit.running.kit_calls import kit_coroutine

from .driver import REQUEST, HttpDriver
from .event_stream import EventStream
from .reading import ResponseReading

if TYPE_CHECKING:
    from django.test import AsyncClient, Client

    from channels_testkit.asgi.application import ASGIApplication, Event
    from channels_testkit.asgi.scope import HeaderList

#: The headers that say where the body of a request ends.
FRAMING = (b"content-length", b"transfer-encoding")

__unittest = True


class HttpCommunicator(ResponseReading, Driven):
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

    _driver: HttpDriver

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
        check_client(client)
        if application is not None:
            check_application(application)
        last_event_id = last_event_id or None
        scope = http_scope(method.upper(), path_of(path), headers, last_event_id)
        if not any(has_header(scope["headers"], name) for name in FRAMING):
            scope["headers"] += _framing(body, more_body=more_body)
        self._stream = EventStream(last_event_id)
        self._driver = HttpDriver(
            application,
            scope,
            body,
            more_body=more_body,
            client=client,
            say_label=lambda: self.label,
        )

    # What can be read.

    @property
    def status(self) -> int | None:
        """The status of the response, once it has begun."""
        return self._driver.observed("status").status

    @property
    def headers(self) -> HeaderList:
        """The headers of the response, once it has begun."""
        return self._driver.observed("headers").headers

    @property
    def body(self) -> bytes:
        """The part of the response's body that has come, read or not."""
        return b"".join(self._driver.observed("body").parts)

    @property
    def is_complete(self) -> bool:
        """Whether the last part of the response has come."""
        return self._driver.observed("is_complete").is_complete

    # The request.

    @kit_coroutine
    async def start(self, timeout: float | None = None) -> int:
        """
        Send the request, and return the status once the response has begun.

        Raises ``NoFrame`` when none begins within ``timeout`` seconds.
        """
        connection = self._driver.send_request()
        await self._driver.until(
            lambda: connection.status is not None, timeout, "response"
        )
        return connection.status or 0

    @kit_coroutine
    async def send_chunk(self, chunk: bytes, *, more_body: bool = True) -> None:
        """
        Send a part of the body; the last one with ``more_body=False``.

        Raises ``RuntimeError`` where the body has ended.
        """
        if not isinstance(chunk, bytes):
            raise TypeError(f"A chunk is bytes, not {chunk!r}.")
        connection = self._driver.send_request()
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
        await self._driver.feed(message)

    # The response.

    @kit_coroutine
    async def receive_output(self, timeout: float | None = None) -> Event:
        """Return the next ASGI event of the application that was not read."""
        connection = self._driver.connected("receive_output()")
        await self._driver.until(lambda: bool(connection.unread), timeout, "ASGI event")
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
        connection = self._driver.connected("receive_nothing()")
        return not await connection.until(lambda: bool(connection.unread), timeout)

    # Going away.

    @kit_coroutine
    async def disconnect(self, timeout: float | None = None) -> None:
        """
        Go away in the middle of the response; after it, do nothing.

        The application gets ``http.disconnect``. Raises what it raises then.
        """
        await self._driver.leave(timeout)


def _framing(body: bytes, *, more_body: bool) -> HeaderList:
    if more_body:
        return [(b"transfer-encoding", b"chunked")]
    return [(b"content-length", str(len(body)).encode())] if body else []
