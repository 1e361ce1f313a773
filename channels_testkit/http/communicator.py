"""``HttpCommunicator``: HTTP consumers and views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.environment import Policies
from channels_testkit.asgi.login import check_client
from channels_testkit.asgi.receive_failures import in_words
from channels_testkit.asgi.scope import http_scope, path_of
from channels_testkit.matching.wording import say
from channels_testkit.routing.application import check_application
from channels_testkit.running.kit_calls import kit_coroutine
from channels_testkit.running.options import check_policies
from channels_testkit.running.shown import shown

from .driver import REQUEST, HttpDriver
from .event_stream import EventStream
from .reading import ResponseReading, send_request

if TYPE_CHECKING:
    from django.test import AsyncClient, Client

    from channels_testkit.asgi.application import GivenApplication
    from channels_testkit.asgi.breaches import Level, ProtocolPolicy
    from channels_testkit.asgi.scope import HeaderList

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
    ``check_protocol``, ``application_errors`` and ``receive_timeout`` apply to
    this request alone, instead of those of the test case.

    Example::

        communicator = HttpCommunicator(application, "GET", "/notes/")
        response = await communicator.get_response()
        self.assertEqual(response["status"], 200)
        self.assertEqual(response["body"], b'{"notes": 0}')
    """

    def __init__(
        self,
        application: GivenApplication | None,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Any = None,
        *,
        more_body: bool = False,
        client: Client | AsyncClient | None = None,
        last_event_id: str | None = None,
        check_protocol: ProtocolPolicy | None = None,
        application_errors: Level | None = None,
        receive_timeout: float | None = None,
    ) -> None:
        check_client(client)
        policies = Policies(
            check_protocol=check_protocol,
            application_errors=application_errors,
            receive_timeout=receive_timeout,
        )
        check_policies(policies)
        if application is not None:
            check_application(application)
        last_event_id = last_event_id or None
        scope = http_scope(method.upper(), path_of(path), headers, last_event_id)
        self._kit_driver = HttpDriver(
            application,
            scope,
            more_body=more_body,
            client=client,
            stream=EventStream(last_event_id),
            say_label=lambda: self.label,
            policies=policies,
        )
        self._kit_driver.set_body(body)
        self._kit_driver.holds_errors = True

    # What can be read.

    @shown
    def status(self) -> int | None:
        """The status of the response, once it has begun."""
        return self._kit_driver.observed("status").status

    @shown
    def headers(self) -> HeaderList:
        """The headers of the response, once it has begun."""
        return self._kit_driver.observed("headers").headers

    @shown
    def body(self) -> bytes:
        """
        The part of the response's body that has come, read or not.

        Before the request is sent it is the body of the request, which can be
        set until then, as with ``channels.testing``.
        """
        if self._kit_driver.connection is None:
            return self._kit_driver.body
        return b"".join(self._kit_driver.observed("body").parts)

    @body.setter
    def body(self, body: bytes) -> None:
        self._kit_driver.set_body(body)

    @shown
    def sent_request(self) -> bool:
        """Whether the request has been sent."""
        return self._kit_driver.has_sent_request

    @shown
    def is_complete(self) -> bool:
        """Whether the last part of the response has come."""
        return self._kit_driver.observed("is_complete").is_complete

    # The request.

    @kit_coroutine
    async def start(self, timeout: float | None = None) -> int:
        """
        Send the request, and return the status once the response has begun.

        Raises ``NoFrame`` when none begins within ``timeout`` seconds.
        """
        connection = await send_request(self)
        await self._kit_driver.until(
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
            raise TypeError(f"A chunk is bytes, not {say(chunk)}.")
        connection = await send_request(self)
        if connection.state != "open":
            connection.raise_error()
            raise RuntimeError(
                f"send_chunk() on a connection that is {in_words(connection)}."
            )
        if not connection.sends_body:
            raise RuntimeError(
                "send_chunk() after the end of the body: create the communicator with"
                " more_body=True, and send the last chunk with more_body=False."
            )
        event = {"type": REQUEST, "body": chunk, "more_body": more_body}
        await self._kit_driver.give(connection, event)

    # Going away.

    @kit_coroutine
    async def disconnect(self, timeout: float | None = None) -> None:
        """
        Disconnect before the response is complete; later, do nothing.

        The application gets ``http.disconnect``. Raises what it raises then.
        """
        await self._kit_driver.leave(timeout)
