"""Sending and receiving, as an async test writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.silence import nothing_came
from channels_testkit.asgi.wire import expected_payload, plain_message
from channels_testkit.matching import matches
from channels_testkit.running.kit_calls import kit_coroutine

from .connection import is_frame
from .frame_failures import (
    take_bytes,
    take_json,
    take_payload,
    take_text,
)

if TYPE_CHECKING:
    from channels_testkit.asgi.application import Event

    from .driver import WebsocketDriver

__unittest = True


class Frames:
    """What crosses a connection: the part of a communicator that talks."""

    _driver: WebsocketDriver

    # Sending.

    @kit_coroutine
    async def send_to(
        self, text_data: str | None = None, bytes_data: bytes | None = None
    ) -> None:
        """
        Send a text or a binary frame. Empty ones are frames as well.

        Raises ``TypeError`` for both or neither, and ``RuntimeError`` when the
        connection is not open.
        """
        await self._driver.send_frame(_frame_event(text_data, bytes_data), "send_to()")

    @kit_coroutine
    async def send_text(self, text: str) -> None:
        """Send a text frame. Raises ``RuntimeError`` when it is not open."""
        await self._driver.send_frame(_frame_event(text, None), "send_text()")

    @kit_coroutine
    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame. Raises ``RuntimeError`` when it is not open."""
        await self._driver.send_frame(_frame_event(None, data), "send_bytes()")

    @kit_coroutine
    async def send_json_to(self, data: object) -> None:
        """
        Send a payload, encoded by the test case's ``json_encoder``.

        Raises ``TypeError`` with the path to a value that cannot be encoded,
        and ``RuntimeError`` when the connection is not open.
        """
        await self._driver.send_payload(data, "send_json_to()")

    @kit_coroutine
    async def send_json(self, data: object) -> None:
        """Send a payload. As ``send_json_to()``."""
        await self._driver.send_payload(data, "send_json()")

    @kit_coroutine
    async def send_message(self, message: object) -> None:
        """
        Send a dict, or a dataclass, pydantic, attrs or msgspec object.

        As ``send_json_to()``.
        """
        await self._driver.send_payload(plain_message(message), "send_message()")

    # Receiving.

    @kit_coroutine
    async def receive_output(self, timeout: float | None = None) -> Event:
        """Return the next ASGI event that the application has sent."""
        connection = await self._driver.await_event(timeout)
        if not connection.unread:
            raise nothing_came(connection, "event", self._driver.seconds(timeout))
        return connection.take()

    @kit_coroutine
    async def receive_from(self, timeout: float | None = None) -> str | bytes:
        """
        Return the payload of the next frame, text or bytes.

        Raises ``NoFrame`` when none comes within ``timeout`` seconds, and
        fails when the application has closed instead. Neither harms the
        connection.
        """
        connection = await self._driver.await_frame(timeout, "frame")
        return take_payload(connection)

    @kit_coroutine
    async def receive_json_from(self, timeout: float | None = None) -> Any:
        """
        Return the payload of the next frame, decoded.

        As ``receive_from()``; a frame that cannot be decoded fails as well.
        """
        connection = await self._driver.await_frame(timeout, "JSON frame")
        return take_json(connection, self._driver.surroundings.wire)

    receive_json = receive_json_from

    @kit_coroutine
    async def receive_text(self, timeout: float | None = None) -> str:
        """Return the next frame, which must be text. As ``receive_from()``."""
        connection = await self._driver.await_frame(timeout, "text frame")
        return take_text(connection)

    @kit_coroutine
    async def receive_bytes(self, timeout: float | None = None) -> bytes:
        """Return the next frame, which must be bytes; see ``receive_from``."""
        connection = await self._driver.await_frame(timeout, "binary frame")
        return take_bytes(connection)

    @kit_coroutine
    async def receive_all_json(
        self, timeout: float | None = None, *, wait_group: bool = False
    ) -> list[Any]:
        """
        Return every frame that has arrived, decoded, at once.

        ``timeout`` and ``wait_group`` are accepted for code that was written
        for kits that wait; at rest there is nothing to wait for.
        """
        del timeout, wait_group
        connection = self._driver.connected("receive_all_json()")
        await connection.settle()
        payloads = []
        while connection.unread and is_frame(connection.unread[0]):
            payloads.append(take_json(connection, self._driver.surroundings.wire))
        return payloads

    @kit_coroutine
    async def receive_until(
        self, expected: object, *, partial: bool = False, timeout: float | None = None
    ) -> list[Any]:
        """
        Return the decoded frames up to the first that matches ``expected``.

        Raises ``NoFrame`` when none of those that come matches.
        """
        wanted = expected_payload(self._driver.surroundings.wire, expected)
        payloads: list[Any] = []
        while not payloads or not matches(wanted, payloads[-1], partial=partial):
            what = "matching JSON frame"
            connection = await self._driver.await_frame(timeout, what, expected)
            payloads.append(take_json(connection, self._driver.surroundings.wire))
        return payloads

    @kit_coroutine
    async def receive_nothing(self, timeout: float = 0.1, interval: float = 0) -> bool:
        """
        Tell whether nothing has arrived.

        It waits only for timers of the application that are due within
        ``timeout`` seconds; ``interval`` is accepted and means nothing.
        """
        del interval
        connection = self._driver.connected("receive_nothing()")
        return not await connection.until(lambda: bool(connection.unread), timeout)


def _frame_event(text: object, data: object) -> dict[str, Any]:
    if text is None and data is None:
        raise TypeError("A frame has text_data or bytes_data: give one of them.")
    if text is not None and data is not None:
        raise TypeError("A frame has text_data or bytes_data: give one, not both.")
    if text is not None:
        if not isinstance(text, str):
            raise TypeError(f"text_data is a str, not {text!r}.")
        return {"type": "websocket.receive", "text": text}
    if not isinstance(data, bytes):
        raise TypeError(f"bytes_data is bytes, not {data!r}.")
    return {"type": "websocket.receive", "bytes": data}
