"""Reading a response: at once, part by part, or event by event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.http_protocol import BODY
from channels_testkit.matching.wording import say
from channels_testkit.running.communicator import ApplicationCommunicator, give
from channels_testkit.running.kit_calls import kit_coroutine
from channels_testkit.running.seconds import takes_seconds
from channels_testkit.running.shown import is_overridden, shown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from channels_testkit.asgi.application import Event

    from .connection import HttpConnection
    from .driver import HttpDriver
    from .event_stream import EventStream, ServerSentEvent

EVENT_STREAM = "text/event-stream"

__unittest = True


class ResponseReading(ApplicationCommunicator):
    """What ``HttpCommunicator`` reads of a response."""

    _kit_driver: HttpDriver

    @shown
    def last_event_id(self) -> str | None:
        """The id that a browser would send to open the stream again."""
        return self._kit_driver.stream.last_event_id

    @shown
    def retry(self) -> int | None:
        """The milliseconds that a browser waits before it opens it again."""
        return self._kit_driver.stream.retry

    @kit_coroutine
    async def get_response(self, timeout: float | None = None) -> dict[str, Any]:
        """
        Send the request, and return ``status``, ``headers`` and ``body``.

        Raises ``NoFrame`` when the response is not complete within ``timeout``
        seconds, and what the application raises.
        """
        connection = await send_request(self)
        driver = self._kit_driver
        if is_overridden(self, "receive_output"):
            event: Event = {}
            while event.get("type") != BODY or event.get("more_body"):
                event = await self.receive_output(driver.seconds(timeout))
        await driver.until(lambda: connection.is_complete, timeout, "complete response")
        connection.unread.clear()
        body = b"".join(connection.parts)
        return {
            "status": connection.status,
            "headers": connection.headers,
            "body": body,
        }

    @kit_coroutine
    async def receive_chunk(self, timeout: float | None = None) -> bytes | None:
        """
        Return the next part of the body, or ``None`` after the last.

        The parts are those that the application sends. Raises ``NoFrame``
        when none comes within ``timeout`` seconds.
        """
        return await _next_chunk(self, timeout)

    @takes_seconds
    async def chunks(self, timeout: float | None = None) -> AsyncIterator[bytes]:
        """Iterate over the parts of the body until it is complete."""
        while (chunk := await _next_chunk(self, timeout)) is not None:
            yield chunk

    @kit_coroutine
    async def receive_event(
        self, timeout: float | None = None
    ) -> ServerSentEvent | None:
        r"""
        Return the next server-sent event, or ``None`` after the last.

        Raises ``NoFrame`` when none comes within ``timeout`` seconds, and
        fails where the response is not an event stream.

        Example::

            class Feed(AsyncHttpConsumer):
                async def handle(self, body):
                    kind = {b"content-type": b"text/event-stream"}
                    await self.send_response(200, b"data: 1\n\n", headers=kind)

            communicator = HttpCommunicator(Feed.as_asgi(), "GET", "/feed/")
            event = await communicator.receive_event()
            self.assertEqual(event.data, "1")
            self.assertIsNone(await communicator.receive_event())
        """
        return await _next_event(self, timeout)

    @takes_seconds
    async def events(
        self, timeout: float | None = None
    ) -> AsyncIterator[ServerSentEvent]:
        """Iterate over the server-sent events until the body is complete."""
        while (event := await _next_event(self, timeout)) is not None:
            yield event


async def send_request(reading: ResponseReading) -> HttpConnection:
    """Send the request, unless that has been done; return its connection."""
    driver = reading._kit_driver  # noqa: SLF001 - its module
    request = driver.take_request()
    connection = driver.open()
    if request is not None and is_overridden(reading, "send_input"):
        await give(reading, request)
    elif request is not None:
        connection.feed(request)
    return connection


async def _next_chunk(reading: ResponseReading, timeout: float | None) -> bytes | None:
    connection = await send_request(reading)

    def has_come() -> bool:
        return connection.has_part or connection.is_complete

    driver = reading._kit_driver  # noqa: SLF001 - its module
    await driver.until(has_come, timeout, "part of the body")
    return connection.take_part()


async def _next_event(
    reading: ResponseReading, timeout: float | None
) -> ServerSentEvent | None:
    connection = await send_request(reading)
    driver = reading._kit_driver  # noqa: SLF001 - its module
    taken: list[ServerSentEvent] = []

    def has_come() -> bool:
        if not taken:
            taken.extend(_take_event(driver.stream, connection))
        return bool(taken) or connection.is_complete

    await driver.until(has_come, timeout, "event")
    return taken[0] if taken else None


def _take_event(
    stream: EventStream, connection: HttpConnection
) -> list[ServerSentEvent]:
    """Return the next event that has come, if one has."""
    if connection.status is not None:
        _check_event_stream(connection)
    event = stream.take()
    while event is None and connection.has_part:
        stream.feed(connection.take_part() or b"")
        event = stream.take()
    return [] if event is None else [event]


def _check_event_stream(connection: HttpConnection) -> None:
    """Fail if a browser would not read the response as a stream."""
    headers = {name.lower(): value for name, value in connection.headers}
    kind = headers.get(b"content-type", b"").decode("latin1")
    if connection.status == 200 and kind.partition(";")[0].strip() == EVENT_STREAM:
        return
    raise AssertionError(
        f"{connection.label} did not answer with an event stream: status"
        f" {connection.status}, content type {say(kind)}.\n\nA browser takes only"
        f" status 200 and {EVENT_STREAM!r}. receive_chunk() and get_response() read"
        f" any response.\n\n{connection.transcript}"
    )
