"""Chanx's communicator, on a connection of the kit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import humps
from chanx.constants import (
    COMPLETE_ACTIONS,
    ENVELOPE_VERSION,
    MESSAGE_ACTION_COMPLETE,
)
from chanx.core.config import config
from chanx.core.envelope import strip_envelope
from chanx.core.websocket import ChanxWebsocketConsumerMixin
from chanx.messages.outgoing import AuthenticationMessage
from chanx.messages.topic import SubscribedMessage, UnsubscribedMessage
from pydantic import ValidationError

from channels_testkit.asgi.receive_failures import in_words, nothing_came
from channels_testkit.asgi.wire import plain_message
from channels_testkit.matching.wording import first_lines, say, shorten
from channels_testkit.running.kit_calls import kit_coroutine
from channels_testkit.websocket import communicator
from channels_testkit.websocket.connection import is_frame, payload_of
from channels_testkit.websocket.frame_failures import take_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.core.exceptions import ImproperlyConfigured

    from channels_testkit.asgi.application import GivenApplication
    from channels_testkit.websocket.connection import WebsocketConnection
    from channels_testkit.websocket.handshake import Handshake

__unittest = True

_OK = 200
_WIDTH = 1_000
#: What Chanx sends by itself, and no consumer declares.
_OF_CHANX = {
    "authentication": AuthenticationMessage,
    "subscribed": SubscribedMessage,
    "unsubscribed": UnsubscribedMessage,
}


class WebsocketCommunicator(communicator.WebsocketCommunicator):
    """
    One WebSocket connection to a Chanx consumer, driven by an async test.

    Timeouts are how long a call waits where waiting makes sense, as in every
    communicator of the package. Messages are read as those of the consumer
    that is behind the connection; ``consumer`` is accepted and means nothing.
    """

    #: Why there is no path, where there is none.
    unknown_path: ImproperlyConfigured | None = None

    def __init__(
        self,
        application: GivenApplication | None,
        path: str,
        headers: Any = None,
        subprotocols: Sequence[str] | None = None,
        spec_version: str | None = None,
        *,
        consumer: Any = None,
    ) -> None:
        del consumer
        super().__init__(application, path, headers, subprotocols, spec_version)

    @kit_coroutine
    async def connect(
        self, timeout: float | None = None, *, ws_path: str | None = None
    ) -> Handshake:
        """
        Open the connection and return the ``Handshake``.

        Raises ``ImproperlyConfigured`` where there is no path.
        """
        if ws_path is not None:
            self.unknown_path = None
        if self.unknown_path is not None:
            raise self.unknown_path
        return await super().connect(timeout, ws_path=ws_path)

    # The authentication.

    @kit_coroutine
    async def wait_for_auth(
        self,
        send_authentication_message: bool | None = None,
        max_auth_time: float | None = None,
        after_auth_time: float | None = None,
    ) -> AuthenticationMessage | None:
        """
        Return the authentication message, which must be the next frame.

        Returns None where the consumer sends none, by the first argument or
        else by ``SEND_AUTHENTICATION_MESSAGE``. ``after_auth_time`` is
        accepted and means nothing: the application is at rest.
        """
        del after_auth_time
        if send_authentication_message is None:
            send_authentication_message = config.send_authentication_message
        if not send_authentication_message:
            await self._driver.connected("wait_for_auth()").settle()
            return None
        what = "authentication message"
        connection = await self._driver.await_frame(max_auth_time, what)
        event = connection.unread[0]
        content = self._content(event)
        if content.get("action") != "authentication":
            raise AssertionError(
                f"{self.label} sent a frame where the {what} was expected.\n\n"
                f"{connection.transcript.render(event)}"
            )
        message = AuthenticationMessage.model_validate(content)
        connection.take()
        return message

    @kit_coroutine
    async def assert_authenticated_status_ok(
        self, max_auth_time: float | None = None
    ) -> None:
        """
        Assert that the authentication message is next, and has status 200.

        Where the consumer sends none, the connection must be open.
        """
        __tracebackhide__ = True
        message = await self.wait_for_auth(max_auth_time=max_auth_time)
        connection = self._driver.connected("assert_authenticated_status_ok()")
        if message is None:
            is_ok, found = connection.is_open, f"it is {in_words(connection)}"
        else:
            told = message.payload
            is_ok = told.status_code == _OK
            found = f"{told.status_code} {told.status_text}, {shorten(str(told.data))}"
        if not is_ok:
            raise AssertionError(
                f"{self.label} is not authenticated: {found}.\n\n"
                f"{connection.transcript}"
            )

    @kit_coroutine
    async def assert_closed(self, code: int | None = None) -> None:  # type: ignore[override]
        """
        Assert that the application has closed the connection.

        Any code will do where none is given. Frames may be unread.
        """
        __tracebackhide__ = True
        await self._driver.await_close()
        super().assert_closed(code)

    # Messages.

    @kit_coroutine
    async def send_message(
        self, message: object, *, topic: str | None = None, ref: str | None = None
    ) -> None:
        """
        Send a message object, or a dict, as the consumer's wire has it.

        Its keys become camel-case where the consumer, or ``CAMELIZE``, says
        so. ``topic`` and ``ref`` go into Chanx's envelope.
        """
        content: Any = plain_message(message)
        if self._is_camelized():
            content = humps.camelize(content)
        if topic is not None:
            content = {**content, "version": ENVELOPE_VERSION, "topic": topic}
        if ref is not None:
            content = {**content, "ref": ref}
        await self._driver.send_payload(content, "send_message()")

    @kit_coroutine
    async def receive_all_json(
        self, timeout: float | None = None, *, wait_group: bool = False
    ) -> list[Any]:
        """
        Return every frame that has arrived, as it was on the wire, at once.

        Chanx's completion messages are left out. ``timeout`` and
        ``wait_group`` are accepted; at rest there is nothing to wait for.
        """
        del timeout, wait_group
        connection = self._driver.connected("receive_all_json()")
        await connection.settle()
        return self._take_json(connection)

    @kit_coroutine
    async def receive_until_action(
        self, stop_action: str, timeout: float | None = None, *, inclusive: bool = False
    ) -> list[Any]:
        """
        Return the frames that come before the first with an action.

        Chanx's completion messages are left out. The frame with the action is
        taken too, and returned where ``inclusive`` is true. Raises ``NoFrame``
        when it does not come, and then takes nothing.
        """
        connection = await self._await_action(stop_action, timeout)
        payloads = self._take_json(connection, stop_action)
        stop = take_json(connection, self._driver.environment.wire)
        return [*payloads, stop] if inclusive else payloads

    @kit_coroutine
    async def receive_all_messages(
        self,
        stop_action: str = MESSAGE_ACTION_COMPLETE,
        timeout: float | None = None,
    ) -> list[Any]:
        """
        Return the messages that have arrived, up to one with an action.

        They are objects of the classes that the consumer declares; a frame
        that is none of them fails. Chanx's completion messages are left out,
        and need not come. Any other action must come, or ``NoFrame`` is raised
        and nothing is taken.
        """
        connection = self._driver.connected("receive_all_messages()")
        if stop_action not in COMPLETE_ACTIONS:
            await self._await_action(stop_action, timeout)
        elif self._chanx_consumer().should_send_completion:
            await self._until_action(connection, stop_action, timeout)
        else:
            await connection.settle()
        messages: list[Any] = []
        action = None
        while action != stop_action and _has_frame(connection):
            action = self._action(connection.unread[0])
            if action in COMPLETE_ACTIONS:
                connection.take()
            else:
                messages.append(self._take_message(connection))
        return messages

    # Topics.

    @kit_coroutine
    async def subscribe(self, topic: str, ref: str = "1") -> Any:
        """Subscribe to a topic and return the next frame, the answer."""
        return await self._ask_topic("subscribe", topic, ref)

    @kit_coroutine
    async def unsubscribe(self, topic: str, ref: str = "1") -> Any:
        """Leave a topic and return the next frame, the answer."""
        return await self._ask_topic("unsubscribe", topic, ref)

    async def _ask_topic(self, action: str, topic: str, ref: str) -> Any:
        asked = {"version": ENVELOPE_VERSION, "topic": topic, "ref": ref}
        await self._driver.send_payload({**asked, "action": action}, f"{action}()")
        return await self.receive_json_from()

    @kit_coroutine
    async def receive_topic_message(
        self, topic_class: Any, timeout: float | None = None
    ) -> Any:
        """Return the next frame as one of a topic's messages."""
        connection = await self._driver.await_frame(timeout, "topic message")
        return self._take_message(connection, sender=topic_class)

    # What is in a frame.

    def _is_camelized(self) -> bool:
        found = self._driver.connected("Chanx's wire").consumer
        return bool(getattr(found, "should_camelize", False))

    def _chanx_consumer(self) -> Any:
        found = self._driver.connected("Chanx's messages").consumer
        if not isinstance(found, ChanxWebsocketConsumerMixin):
            raise TypeError(
                f"{self.label} leads to {type(found).__name__}, which is not a Chanx"
                " consumer and declares no messages. Use receive_all_json()."
            )
        return found

    def _content(self, event: Any) -> dict[str, Any]:
        """Return what a frame says, or nothing where it is no message."""
        try:
            payload = self._driver.environment.wire.decode_frame(payload_of(event))
        except ValueError:
            return {}
        content = humps.decamelize(payload) if self._is_camelized() else payload
        return content if isinstance(content, dict) else {}

    def _action(self, event: Any) -> Any:
        found = self._driver.connected("Chanx's messages").consumer
        return self._content(event).get(getattr(found, "discriminator_field", "action"))

    async def _until_action(
        self, connection: WebsocketConnection, action: str, timeout: float | None
    ) -> bool:
        def has_come() -> bool:
            return any(self._action(event) == action for event in _frames(connection))

        await connection.until(
            lambda: has_come() or connection.has_ended, self._driver.seconds(timeout)
        )
        return has_come()

    async def _await_action(
        self, action: str, timeout: float | None
    ) -> WebsocketConnection:
        connection = self._driver.connected("Receiving")
        if not await self._until_action(connection, action, timeout):
            what = f"{say(action)} message"
            raise nothing_came(connection, what, self._driver.seconds(timeout))
        return connection

    def _take_json(
        self, connection: WebsocketConnection, stop: str | None = None
    ) -> list[Any]:
        """Take the frames before one with an action, without completions."""
        payloads: list[Any] = []
        while _has_frame(connection):
            action = self._action(connection.unread[0])
            if stop is not None and action == stop:
                break
            payload = take_json(connection, self._driver.environment.wire)
            if action not in COMPLETE_ACTIONS:
                payloads.append(payload)
        return payloads

    def _take_message(self, connection: WebsocketConnection, sender: Any = None) -> Any:
        event = connection.unread[0]
        content = self._content(event)
        sender = sender or self._sender(content)
        if "version" in content:
            content = strip_envelope(content)
        take_json(connection, self._driver.environment.wire)
        own = _OF_CHANX.get(self._action(event))
        try:
            if own is not None:
                return own.model_validate(content)
            return sender.outgoing_message_adapter.validate_python(content)
        except ValidationError as error:
            raise AssertionError(
                f"The frame from {self.label} is not a message that {sender.__name__}"
                f" declares: {_faults(error)}.\n\n"
                f"{connection.transcript.render(event)}"
            ) from error

    def _sender(self, content: dict[str, Any]) -> Any:
        """Return the class that declares a message: a consumer or a topic."""
        found = self._chanx_consumer()
        topic = content.get("topic")
        if isinstance(topic, str):
            for topic_class in found.topics:
                if topic_class.parse(topic) is not None:
                    return topic_class
        return type(found)


def _faults(error: ValidationError) -> str:
    """Say in one line what is wrong with a message, and where."""
    faults = [(*map(str, fault["loc"]), fault["msg"]) for fault in error.errors()]
    return "; ".join(
        first_lines([shorten(": ".join(fault), _WIDTH) for fault in faults])
    )


def _frames(connection: WebsocketConnection) -> Iterator[Any]:
    return (event for event in connection.unread if is_frame(event))


def _has_frame(connection: WebsocketConnection) -> bool:
    return bool(connection.unread) and is_frame(connection.unread[0])
