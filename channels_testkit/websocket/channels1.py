"""Channels 1's calls on a WebSocket client: events sent and consumed."""

from __future__ import annotations

import warnings
from collections import deque
from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.receive_failures import in_words
from channels_testkit.layers.captive import holds
from channels_testkit.matching.wording import say
from channels_testkit.running.kit_calls import kit_coroutine, sync_twin
from channels_testkit.workers.channel_client import ChannelClient
from channels_testkit.workers.messages import plain

from .connection import NORMAL_CLOSURE, is_frame, payload_of
from .frame_failures import take_json, take_payload
from .handshake_failures import refused
from .user_agent import UserAgent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from channels.consumer import AsyncConsumer

    from channels_testkit.workers.messages import Message

    from .communicator import WebsocketCommunicator
    from .connection import WebsocketConnection
    from .driver import WebsocketDriver

__unittest = True

CONNECT, RECEIVE, DISCONNECT, SEND = (
    f"websocket.{event}" for event in ("connect", "receive", "disconnect", "send")
)


class Channels1Calls(UserAgent, ChannelClient):
    """
    The calls that Channels 1's ``WSClient`` had.

    ``websocket.connect``, ``websocket.receive`` and ``websocket.disconnect``
    are events of the client's own connection; every other name is a channel,
    as for ``ChannelClient``.
    """

    _communicator: WebsocketCommunicator
    _driver: WebsocketDriver

    def __init__(self, alias: str) -> None:
        super().__init__(alias)
        self._events: deque[tuple[str, dict[str, Any]]] = deque()
        self._replies: deque[dict[str, Any]] = deque()

    def set_header(self, name: str | bytes, value: str | bytes) -> None:
        """
        Send a header with the next handshake.

        Raises ``ValueError`` for ``Cookie``, which ``set_cookie()`` is for.
        """
        text = name.decode("latin1") if isinstance(name, bytes) else name
        if text.lower() == "cookie":
            raise ValueError("Use set_cookie() for the cookie header.")
        self._driver.set_header(name, value)

    # Sending.

    @kit_coroutine
    async def asend(
        self,
        to: str,
        content: Mapping[str, Any] | str | None = None,
        text: Any = None,
        path: str | None = None,
    ) -> None:
        """
        Queue an event of the connection, or put a message on a channel.

        ``text`` becomes JSON unless it is a str or bytes. The content of an
        event may be a path, or a dict with one; without either, the client's
        own path counts. The event waits for ``consume()``. Raises
        ``TypeError`` for a message to a channel without content, or whose
        content is not a dict.
        """
        is_event = to in {CONNECT, RECEIVE, DISCONNECT}
        if is_event and isinstance(content, str):
            content = {"path": content}
        if not is_event and content is None and text is None:
            raise TypeError(
                f"send({say(to)}) would put an empty message on channel {say(to)}. To"
                f" send a frame, write send_text({say(to)}) or send_json({say(to)})."
            )
        event = plain(content or {})
        if not is_event:
            if text is not None:
                event["text"] = text if isinstance(text, str) else self._encoded(text)
            await super().asend.__wrapped__(self, to, event)  # type: ignore[attr-defined]
            return
        if "order" in event:
            raise TypeError(
                "A frame has no 'order': ASGI delivers the events of a connection in"
                " the order in which they come."
            )
        event.setdefault("path", path)
        if text is not None:
            event["text"] = text
        self._events.append((to, event))

    def _encoded(self, payload: object) -> str | bytes:
        return self._run.wire.encode_frame(payload)

    # Consuming.

    @kit_coroutine
    async def aconsume(
        self, channel: str, fail_on_none: bool = True, check_accept: bool = True
    ) -> AsyncConsumer | None:
        """
        Give the application the next event of that name; return its consumer.

        With ``check_accept`` a handshake that is refused fails; without it,
        ``receive()`` returns the answer, as ``{"accept": True}`` or
        ``{"close": 4003}``. Raises what the consumer raises.
        """
        if channel not in {CONNECT, RECEIVE, DISCONNECT}:
            consume: Any = super().aconsume
            worker: AsyncConsumer | None = await consume.__wrapped__(
                self, channel, fail_on_none
            )
            return worker
        event = self._take_event(channel)
        if event is None:
            if fail_on_none:
                raise AssertionError(f"No message for channel {say(channel)}.")
            return None
        if channel == CONNECT:
            await self._connect(event, check_accept=check_accept)
        elif channel == RECEIVE:
            await self._receive(event)
        else:
            self._connection(DISCONNECT)
            code, reason = event.get("code", NORMAL_CLOSURE), event.get("reason", "")
            await self._driver.leave(code, reason=reason)
        connection = self._driver.connection
        return connection.consumer if connection is not None else None

    def _take_event(self, channel: str) -> dict[str, Any] | None:
        for entry in self._events:
            if entry[0] == channel:
                self._events.remove(entry)
                return entry[1]
        return None

    async def _connect(self, event: Mapping[str, Any], *, check_accept: bool) -> None:
        connection = self._driver.connection
        if connection is not None and connection.is_running:
            raise AssertionError(
                f"The WebSocket is {in_words(connection)}: a client has one connection"
                " at a time."
            )
        handshake = await self._driver.connect(ws_path=event["path"])
        if handshake.accepted:
            if not check_accept:
                self._replies.append({"accept": True})
        elif check_accept:
            found = self._driver.connected("connect()")
            refusal = refused(found, allowing="check_accept=False")
            raise AssertionError(f"Connection rejected: {refusal}")
        else:
            code = handshake.code if handshake.status is None else handshake.status
            self._replies.append({"close": code})

    async def _receive(self, event: Mapping[str, Any]) -> None:
        connection = self._connection(RECEIVE)
        if not connection.is_open:
            raise AssertionError(_not_connected(RECEIVE, in_words(connection)))
        text = event.get("text")
        payload = event.get("bytes") if text is None else text
        if payload is None:
            raise TypeError(
                "A frame has text= or content={'bytes': ...}: give one of them."
            )
        if isinstance(payload, str):
            await self._communicator.send_text(payload)
        elif isinstance(payload, bytes):
            await self._communicator.send_bytes(payload)
        else:
            await self._communicator.send_json(payload)

    def _connection(self, event: str) -> WebsocketConnection:
        connection = self._driver.connection
        if connection is None:
            raise AssertionError(_not_connected(event, "not connected yet"))
        return connection

    @kit_coroutine
    async def asend_and_consume(  # type: ignore[override] # Channels 1's order
        self,
        channel: str,
        content: Mapping[str, Any] | str | None = None,
        text: Any = None,
        path: str | None = None,
        fail_on_none: bool = True,
        check_accept: bool = True,
    ) -> AsyncConsumer | None:
        """
        Send an event or a message, and let its consumer have it.

        Example::

            client = WSClient()
            client.send_and_consume("websocket.connect", path="/ws/echo/")
            client.send_and_consume("websocket.receive", text={"say": "hello"})
            self.assertEqual(client.receive(), {"say": "hello"})
        """
        await self.asend(channel, content, text, path)
        return await self.aconsume(channel, fail_on_none, check_accept)

    # Named first: a type checker would take those of ``ChannelClient``.
    _sync_send = sync_twin(asend)
    send = _sync_send
    _sync_consume = sync_twin(aconsume)
    consume = _sync_consume
    _sync_send_and_consume = sync_twin(asend_and_consume)
    send_and_consume = _sync_send_and_consume  # type: ignore[assignment] # as above

    # Receiving.

    @kit_coroutine
    async def areceive(self, json: bool = True) -> Any:
        """
        Take the next frame, close or message; return None if there is none.

        A text frame is decoded, or returned as it is with ``json=False``; a
        binary frame is bytes; a close is ``{"close": code}``. If the
        connection holds nothing, the next message on the reply channel is
        taken. One without a ``type``, or with ``websocket.send``, counts as a
        frame.

        Waits as other receives do: while a timer of the application, or work
        outside the loop, can still lead to one.
        """
        await self._waiting.settle()
        if self._replies:
            return self._replies.popleft()
        connection = self._driver.connection
        if connection is None:
            return self._decoded(await self._next_reply(), json=json)

        def has_message() -> bool:
            return holds(self.channel_layer, self.reply_channel)

        await connection.until(
            lambda: bool(connection.unread) or has_message(),
            self._run.receive_timeout,
            for_timers_only=True,
        )
        if connection.unread:
            return self._take_reply(connection, json=json)
        reply = await self._next_reply() if has_message() else None
        return self._decoded(reply, json=json)

    _sync_receive = sync_twin(areceive)
    receive = _sync_receive

    def _decoded(self, message: Message | None, *, json: bool) -> Any:
        """Return the decoded frame that a message is, or the message."""
        if message is None or message.get("type", SEND) != SEND:
            return message
        text = message.get("text")
        if text is None or not json:
            return message.get("bytes", message) if text is None else text
        try:
            return self._run.wire.decode_frame(text)
        except ValueError as error:
            raise AssertionError(
                f"The message on channel {say(self.reply_channel)} is not JSON:"
                f" {say(text)} ({error}). receive(json=False) returns it as it is."
            ) from error

    def _take_reply(self, connection: WebsocketConnection, *, json: bool) -> Any:
        event = connection.unread[0]
        if event["type"] == "websocket.accept":
            connection.take()
            return {"accept": True}
        if not is_frame(event):
            connection.take()
            code = event.get("code")
            return {"close": True if code is None else code}
        if json and isinstance(payload_of(event), str):
            return take_json(connection, self._run.wire)
        return take_payload(connection)


def _not_connected(event: str, state: str) -> str:
    return (
        f"{event} on a WebSocket that is {state}:"
        " call send_and_consume('websocket.connect', path=...) first."
    )


def deprecated(old: str, new: str) -> None:
    """Warn that a name of Channels 1 has another one now."""
    text = f"{old} is a deprecated name: use {new}."
    warnings.warn(text, DeprecationWarning, stacklevel=3)
