"""Sends the request of one communicator, and waits for its response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.cookies import (
    cookie_header,
    cookies_set_by,
    keep_cookies,
)
from channels_testkit.asgi.receive_failures import nothing_came
from channels_testkit.asgi.scope import has_header
from channels_testkit.matching.wording import say
from channels_testkit.routing.application import (
    check_application,
    configured_application,
)
from channels_testkit.running.driver import Driver

from .connection import DISCONNECT, HttpConnection

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from django.test import AsyncClient, Client

    from channels_testkit.asgi.application import (
        ASGIApplication,
        Event,
        GivenApplication,
    )
    from channels_testkit.asgi.environment import Policies
    from channels_testkit.asgi.scope import HeaderList
    from channels_testkit.exceptions import NoFrame

    from .event_stream import EventStream

REQUEST = "http.request"
#: The headers that say where the body of a request ends.
FRAMING = (b"content-length", b"transfer-encoding")

__unittest = True


class HttpDriver(Driver[HttpConnection]):
    """Drives one request."""

    last_event = DISCONNECT

    def __init__(
        self,
        application: GivenApplication | None,
        scope: MutableMapping[str, Any],
        *,
        more_body: bool,
        client: Client | AsyncClient | None,
        stream: EventStream,
        say_label: Callable[[], str] | None = None,
        policies: Policies | None = None,
    ) -> None:
        super().__init__(say_label, policies)
        self._application = application
        self.first_scope = scope
        #: The body of the request.
        self.body = b""
        self._more_body = more_body
        self._client = client
        self._says_length = any(has_header(scope["headers"], it) for it in FRAMING)
        #: The events of the response, where it is a stream of events.
        self.stream = stream
        self.has_sent_request = False
        if self.run is not None:
            self.run.opened.register(self)

    @property
    def usual_label(self) -> str:
        """The name of this request in failures: its method and its path."""
        return f"{self.first_scope['method']} {self.first_scope['path']}"

    def connected(self, call: str) -> HttpConnection:
        """Return the connection, or raise ``RuntimeError``."""
        self.refuse_elsewhere()
        if self.connection is None:
            raise RuntimeError(
                f"{call} before the request: write 'await communicator.start()' first."
            )
        return self.connection

    # The request.

    def set_body(self, body: bytes) -> None:
        """Set the body of the request, which was not sent yet."""
        if not isinstance(body, bytes):
            raise TypeError(f"body is bytes, not {say(body)}.")
        if self.connection is not None:
            raise RuntimeError("Set the body before the request is sent.")
        self.body = body
        if not self._says_length:
            headers = self.first_scope["headers"]
            headers[:] = [header for header in headers if header[0] not in FRAMING]
            headers += _framing(body, more_body=self._more_body)

    def take_request(self) -> Event | None:
        """Return the event that is the request, unless it has been sent."""
        self.open()
        is_due, self.has_sent_request = not self.has_sent_request, True
        if is_due and (self.body or not self._more_body):
            return {"type": REQUEST, "body": self.body, "more_body": self._more_body}
        return None

    async def feed(self, event: Event) -> None:
        """Give the application any event; the first one opens."""
        connection = self.open()
        self.has_sent_request |= event.get("type") == REQUEST
        await self.give(connection, event)

    @property
    def application(self) -> ASGIApplication:
        """The application: the given one, or that of the test."""
        application = self._application
        if application is None:
            run = self.run
            application = run.routed_application() if run else configured_application()
        return check_application(application)

    def open(self) -> HttpConnection:
        """Start the application, unless that has been done."""
        self.refuse_elsewhere()
        if self.connection is not None:
            return self.connection
        headers = self.first_scope["headers"]
        if self._client is not None and not has_header(headers, b"cookie"):
            headers.append((b"cookie", cookie_header(self._client.cookies)))
        self.connection = HttpConnection(
            self.application,
            self.opening_scope(),
            say_label=lambda: self.label,
            environment=self.environment,
            on_response=self._keep_cookies,
        )
        self.connection.holds_error = self.holds_errors
        return self.connection

    # The response.

    def _keep_cookies(self, headers: HeaderList) -> None:
        if self._client is not None:
            keep_cookies(self._client.cookies, cookies_set_by(headers))

    async def event_or_end(self, timeout: float | None) -> HttpConnection:
        """Wait for an event to be read; fail where none can come."""
        connection = self.connected("receive_output()")
        await self.until(lambda: bool(connection.unread), timeout, "ASGI event")
        return connection

    async def until(
        self, condition: Callable[[], bool], timeout: float | None, what: str
    ) -> None:
        """Wait for a condition; fail where it cannot come true."""
        seconds = self.seconds(timeout)
        connection = self.connected(what)
        if not await connection.until(condition, seconds):
            connection.raise_error()
            raise _nothing_came(connection, what, seconds)

    async def leave(self, timeout: float | None = None) -> None:
        """Go away; wait for the application's end."""
        connection = self.connected("disconnect()")
        connection.go_away()
        await connection.until_ended(self.seconds(timeout))
        connection.raise_error()


def _framing(body: bytes, *, more_body: bool) -> HeaderList:
    if more_body:
        return [(b"transfer-encoding", b"chunked")]
    return [(b"content-length", str(len(body)).encode())] if body else []


def _nothing_came(connection: HttpConnection, what: str, timeout: float) -> NoFrame:
    hint = ""
    if connection.sends_body:
        hint = (
            "The body of the request is not complete: send its last part with"
            " send_chunk(..., more_body=False)."
        )
    elif connection.status is None:
        hint = (
            "An application answers with 'http.response.start' and"
            " 'http.response.body'."
        )
    elif what == "complete response":
        hint = "To read a stream, use receive_chunk() or receive_event()."
    return nothing_came(connection, what, timeout, hint=hint)
