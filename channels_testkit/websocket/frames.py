"""Sending and receiving, as an async test writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.receive_failures import NOT_SAID
from channels_testkit.asgi.wire import expected_payload, plain_message
from channels_testkit.matching import matches
from channels_testkit.matching.wording import say
from channels_testkit.running.communicator import ApplicationCommunicator, give
from channels_testkit.running.kit_calls import kit_coroutine
from channels_testkit.running.shown import is_overridden, shown

from .connection import is_frame, payload_of
from .frame_failures import bytes_of, check_is_frame, json_of, text_of
from .replies import Reply

if TYPE_CHECKING:
    from channels_testkit.asgi.application import Event
    from channels_testkit.asgi.wire import JsonWire

    from .connection import WebsocketConnection
    from .driver import WebsocketDriver

__unittest = True


class Frames(ApplicationCommunicator):
    """
    The part of a communicator that sends and receives.

    If a subclass overrides ``send_input()``, ``receive_output()``,
    ``send_to()`` or ``receive_from()``, the other methods call the override.
    """

    _kit_driver: WebsocketDriver

    @shown
    def _driver(self) -> WebsocketDriver:
        """What does the work, for clients of the package."""
        return self._kit_driver

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
        await _send(self, _frame_event(text_data, bytes_data), "send_to()")

    @kit_coroutine
    async def send_text(self, text: str) -> None:
        """Send a text frame. Raises ``RuntimeError`` when it is not open."""
        await _send(self, _frame_event(text, None), "send_text()")

    @kit_coroutine
    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame. Raises ``RuntimeError`` when it is not open."""
        await _send(self, _frame_event(None, data), "send_bytes()")

    @kit_coroutine
    async def send_json_to(self, data: object) -> None:
        """
        Send a payload, encoded by the test case's ``json_encoder``.

        Raises ``TypeError`` with the path to a value that cannot be encoded,
        and ``RuntimeError`` when the connection is not open.
        """
        await _send_payload(self, data, "send_json_to()")

    @kit_coroutine
    async def send_json(self, data: object) -> None:
        """Send a payload. As ``send_json_to()``."""
        await _send_payload(self, data, "send_json()")

    @kit_coroutine
    async def send_message(self, message: object) -> None:
        """
        Send a dict, or a dataclass, pydantic, attrs or msgspec object.

        As ``send_json_to()``.
        """
        await _send_payload(self, plain_message(message), "send_message()")

    # Receiving.

    @kit_coroutine
    async def receive_from(self, timeout: float | None = None) -> str | bytes:
        """
        Return the payload of the next frame, text or bytes.

        Raises ``NoFrame`` when none comes within ``timeout`` seconds, and
        fails when the application has closed instead. Neither harms the
        connection.
        """
        _, event = await _next_frame(self, timeout, "frame")
        return payload_of(event)

    @kit_coroutine
    async def receive_json_from(self, timeout: float | None = None) -> Any:
        """
        Return the payload of the next frame, decoded.

        As ``receive_from()``; a frame that cannot be decoded fails as well.
        """
        if not is_overridden(self, "receive_from"):
            return await _next_json(self, timeout, "JSON frame")
        frame = await self.receive_from(self._kit_driver.seconds(timeout))
        return _wire_of(self).decode_frame(frame)

    receive_json = receive_json_from

    @kit_coroutine
    async def receive_text(self, timeout: float | None = None) -> str:
        """Return the next frame, which must be text. As ``receive_from()``."""
        return text_of(*await _next_frame(self, timeout, "text frame"))

    @kit_coroutine
    async def receive_bytes(self, timeout: float | None = None) -> bytes:
        """Return the next frame, which must be bytes; see ``receive_from``."""
        return bytes_of(*await _next_frame(self, timeout, "binary frame"))

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
        connection = self._kit_driver.connected("receive_all_json()")
        await connection.settle()
        payloads = []
        while connection.unread and is_frame(connection.unread[0]):
            payloads.append(await _next_json(self, 0, "JSON frame"))
        return payloads

    @kit_coroutine
    async def receive_until(
        self, expected: object, *, partial: bool = False, timeout: float | None = None
    ) -> list[Any]:
        """
        Return the decoded frames up to the first that matches ``expected``.

        Raises ``NoFrame`` when none of those that come matches.
        """
        wanted = expected_payload(_wire_of(self), expected)
        payloads: list[Any] = []
        while not payloads or not matches(wanted, payloads[-1], partial=partial):
            what = "matching JSON frame"
            payloads.append(await _next_json(self, timeout, what, expected))
        return payloads

    # Both.

    @kit_coroutine
    async def request(
        self, payload: object, *, reply: object, timeout: float | None = None
    ) -> Any:
        """
        Send a request, and return its reply: the first frame that matches.

        A dict may have more keys than ``reply``, at every depth. Other frames
        stay, in order, for later receives; a frame that came before the
        request is not its reply. A ``str`` or bytes are sent as they are,
        anything else as ``send_message()`` sends it. A reply that is text,
        bytes or a regular expression is compared with frames that are not
        decoded; a predicate gets such a frame if the request is a ``str`` or
        bytes, and else the decoded payload. It does not call a subclass's
        ``receive_output()``.

        Raises ``NoFrame`` when no reply comes within ``timeout`` seconds, and
        fails when the application closes the connection before. Raises what
        the application raises, and ``RuntimeError`` when it is not open.

        Example::

            ann = await self.aconnect("/ws/echo/")
            reply = await ann.request({"id": 7, "n": 2}, reply={"id": 7})
            self.assertEqual(reply["n"], 2)
        """
        driver = self._kit_driver
        awaited = Reply(driver.check_open("request()"), payload, reply)
        if isinstance(payload, str):
            await self.send_text(payload)
        elif isinstance(payload, bytes):
            await self.send_bytes(payload)
        else:
            await self.send_message(payload)
        return await awaited.come(driver.seconds(timeout))


def _wire_of(frames: Frames) -> JsonWire:
    return frames._kit_driver.environment.wire  # noqa: SLF001 - its module


async def _send(frames: Frames, event: Event, call: str) -> None:
    frames._kit_driver.check_open(call).check_sent(event)  # noqa: SLF001 - its module
    await give(frames, event)


async def _send_payload(frames: Frames, payload: object, call: str) -> None:
    frame = _wire_of(frames).encode_frame(payload)
    kind = "text" if isinstance(frame, str) else "bytes"
    if is_overridden(frames, "send_to"):
        await frames.send_to(**{f"{kind}_data": frame})  # type: ignore[arg-type]
    else:
        await _send(frames, {"type": "websocket.receive", kind: frame}, call)


async def _next_frame(
    frames: Frames, timeout: float | None, what: str, expected: Any = NOT_SAID
) -> tuple[WebsocketConnection, Event]:
    """Take the next event, which must be a frame."""
    driver = frames._kit_driver  # noqa: SLF001 - its module
    if not is_overridden(frames, "receive_output"):
        connection = await driver.await_frame(timeout, what, expected)
        return connection, connection.take()
    event = await frames.receive_output(driver.seconds(timeout))
    connection = driver.connected("Receiving")
    check_is_frame(connection, event, what, expected=expected)
    return connection, event


async def _next_json(
    frames: Frames, timeout: float | None, what: str, expected: Any = NOT_SAID
) -> Any:
    connection, event = await _next_frame(frames, timeout, what, expected)
    return json_of(connection, event, _wire_of(frames))


def _frame_event(text: object, data: object) -> dict[str, Any]:
    if text is None and data is None:
        raise TypeError("A frame has text_data or bytes_data: give one of them.")
    if text is not None and data is not None:
        raise TypeError("A frame has text_data or bytes_data: give one, not both.")
    if text is not None:
        if not isinstance(text, str):
            raise TypeError(f"text_data is a str, not {say(text)}.")
        return {"type": "websocket.receive", "text": text}
    if not isinstance(data, bytes):
        raise TypeError(f"bytes_data is bytes, not {say(data)}.")
    return {"type": "websocket.receive", "bytes": data}
