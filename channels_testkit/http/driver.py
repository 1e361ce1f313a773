"""Sends the request of one communicator, and waits for its response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.login import Login
from channels_testkit.asgi.scope import cookie_header, has_header
from channels_testkit.asgi.silence import nothing_came
from channels_testkit.routing.application import (
    check_application,
    configured_application,
)
from channels_testkit.running.driver import Driver

from .connection import DISCONNECT, HttpConnection

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from django.test import AsyncClient, Client

    from channels_testkit.asgi.application import ASGIApplication, Event
    from channels_testkit.exceptions import NoFrame

REQUEST = "http.request"

__unittest = True


class HttpDriver(Driver[HttpConnection]):
    """Drives one request."""

    last_event = DISCONNECT

    def __init__(
        self,
        application: ASGIApplication | None,
        scope: MutableMapping[str, Any],
        body: bytes,
        *,
        more_body: bool,
        client: Client | AsyncClient | None,
        say_label: Callable[[], str] | None = None,
    ) -> None:
        super().__init__(say_label)
        self._application = application
        self.first_scope = scope
        self._body = body
        self._more_body = more_body
        self._client = client
        self._has_sent_request = False
        if self.run is not None:
            self.run.opened.register(self)

    @property
    def usual_label(self) -> str:
        """How failures call this request: its method and its path."""
        return f"{self.first_scope['method']} {self.first_scope['path']}"

    def connected(self, call: str) -> HttpConnection:
        """Return the connection, or raise ``RuntimeError``."""
        self.refuse_elsewhere()
        if self.connection is None:
            raise RuntimeError(
                f"{call} before the request: 'await communicator.start()' first."
            )
        return self.connection

    # The request.

    def send_request(self) -> HttpConnection:
        """Send the request, unless that has been done."""
        connection = self._open()
        if not self._has_sent_request:
            self._has_sent_request = True
            if self._body or not self._more_body:
                event = {"type": REQUEST, "body": self._body}
                connection.feed({**event, "more_body": self._more_body})
        return connection

    async def feed(self, event: Event) -> None:
        """Give the application any event; the first one opens."""
        connection = self._open()
        self._has_sent_request |= event.get("type") == REQUEST
        connection.feed(event)
        await connection.settle()

    def _open(self) -> HttpConnection:
        self.refuse_elsewhere()
        if self.connection is not None:
            return self.connection
        application = self._application
        if application is None:
            run = self.run
            application = run.routed_application() if run else configured_application()
        jars = [] if self._client is None else [self._client.cookies]
        if jars and not has_header(self.first_scope["headers"], b"cookie"):
            self.first_scope["headers"].append((b"cookie", cookie_header(*jars)))
        self.connection = HttpConnection(
            check_application(application),
            self.first_scope,
            say_label=lambda: self.label,
            surroundings=self.surroundings,
            on_response=Login(jars=jars).keep_cookies,
        )
        return self.connection

    # The response.

    async def until(
        self, condition: Callable[[], bool], timeout: float | None, what: str
    ) -> None:
        """Wait for a condition; fail where it cannot come true."""
        seconds = self.seconds(timeout)
        connection = self.connected(what)
        if not await connection.until(condition, seconds):
            raise _nothing_came(connection, what, seconds)

    async def leave(self, timeout: float | None = None) -> None:
        """Go away; wait for the application's end."""
        connection = self.connected("disconnect()")
        connection.go_away()
        await connection.until_ended(self.seconds(timeout))


def _nothing_came(connection: HttpConnection, what: str, timeout: float) -> NoFrame:
    hint = ""
    if connection.sends_body:
        hint = (
            "The body of the request is not complete: its last part is sent by"
            " send_chunk(..., more_body=False)."
        )
    elif connection.status is None:
        hint = (
            "An application answers with 'http.response.start' and"
            " 'http.response.body'."
        )
    elif what == "complete response":
        hint = "A stream is read with receive_chunk() or receive_event()."
    return nothing_came(connection, what, timeout, hint=hint)
