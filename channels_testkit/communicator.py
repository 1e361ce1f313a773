"""``WebsocketCommunicator``: the async face of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async

from . import opening, refusals, routing, run
from .connection import (
    ABNORMAL_CLOSURE,
    NORMAL_CLOSURE,
    NOT_SAID,
    Connection,
    is_frame,
)
from .matching import matches
from .opening import Login, Options
from .surroundings import Surroundings, kit_coroutine
from .wire import expected_payload, plain_message

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence
    from types import TracebackType

    from channels.consumer import AsyncConsumer

    from .engine.application import ASGIApplication, Event
    from .engine.transcript import Transcript
    from .handshake import Handshake

__unittest = True


class WebsocketCommunicator:
    """
    One WebSocket connection, driven by an async test.

    It takes what ``channels.testing``'s class takes and has its methods. Every
    call returns at rest: when the application has done all that it can do.
    Timeouts are in seconds; ``None`` stands for the test case's
    ``receive_timeout``. An exception of the application is raised from the
    call in progress.

    Example::

        communicator = WebsocketCommunicator(EchoConsumer.as_asgi(), "/echo/")
        await communicator.connect()
        await communicator.send_to(text_data="hello")
        self.assertEqual(await communicator.receive_from(), "hello")
        await communicator.disconnect()
    """

    __test__ = False

    def __init__(
        self,
        application: ASGIApplication | None,
        path: str,
        headers: Any = None,
        subprotocols: Sequence[str] | None = None,
        spec_version: str | None = None,
    ) -> None:
        if isinstance(path, str) and not path.startswith("/"):
            # As channels.testing, whose users leave the slash away.
            path = f"/{path}"
        options = Options(
            application=application, headers=headers, subprotocols=subprotocols
        )
        self._begin(path, options)
        if spec_version:
            self._scope["asgi"]["spec_version"] = spec_version

    @classmethod
    def from_options(cls, path: str, options: Options) -> WebsocketCommunicator:
        """Return a communicator for a path and the options of a test case."""
        communicator = cls.__new__(cls)
        communicator._begin(path, options)
        return communicator

    def _begin(self, path: str, options: Options) -> None:
        self._run = run.current()
        self._around = self._run or Surroundings()
        self._path = path
        self._options = options
        case = self._run.case if self._run else None
        extensions = getattr(case, "asgi_extensions", opening.ASGI_EXTENSIONS)
        self._scope = opening.first_scope(path, options, extensions)
        self._login = Login()
        #: The cookies of a client, which then go with the handshake.
        self.jar: Any = None
        self.connection: Connection | None = None
        if self._run is not None:
            self._number = 1 + len(self._run.communicators)
            self._run.track(self)

    # What can be read.

    @property
    def label(self) -> str:
        """How failures call this connection: who, and which path."""
        name = self._options.name or _name_of(self._options.user)
        if name is None and self._run is not None and self._is_one_of_many():
            name = f"connection {self._number}"
        path = self._scope["path"]
        return f"{name} ({path})" if name else path

    def _is_one_of_many(self) -> bool:
        return self._run is not None and len(self._run.communicators) > 1

    def _observed(self) -> Connection:
        if self._run is not None:
            self._run.observe()
        return self.connected("This")

    def connected(self, call: str) -> Connection:
        """Return the connection; raise ``RuntimeError`` where there is none."""
        if self.connection is None:
            raise RuntimeError(
                f"{call} before connect(): open the connection first, or use"
                " 'self.connect(path)'."
            )
        return self.connection

    @property
    def scope(self) -> MutableMapping[str, Any]:
        """The scope: the consumer's own once there is one."""
        return self._scope if self.connection is None else self.connection.scope

    @property
    def frames(self) -> list[str | bytes]:
        """The payload of every frame that has come, read or not."""
        return list(self._observed().frames)

    @property
    def consumer(self) -> AsyncConsumer:
        """The consumer instance behind the application and its middleware."""
        consumer = self._observed().consumer
        if consumer is None:
            raise RuntimeError(f"{self.label} has led to no Channels consumer.")
        return consumer

    @property
    def channel_name(self) -> str:
        """The consumer's own channel."""
        return str(self.consumer.channel_name)

    @property
    def groups(self) -> list[str]:
        """The groups that the consumer's channel is in, sorted."""
        layer = self.consumer.channel_layer
        return sorted(layer.groups_of(self.channel_name))

    @property
    def transcript(self) -> Transcript:
        """What has crossed the connection, in order."""
        return self._observed().transcript

    @property
    def response_headers(self) -> list[tuple[bytes, bytes]] | None:
        """The headers that the handshake was answered with."""
        handshake = self.connection and self.connection.handshake
        return handshake.headers if handshake else None

    # The handshake.

    @kit_coroutine
    async def connect(
        self, timeout: float | None = None, *, ws_path: str | None = None
    ) -> Handshake:
        """
        Open the connection and return the ``Handshake``.

        A refusal is an answer, not a failure. Raises ``NoFrame`` when the
        application neither accepts nor rejects within ``timeout`` seconds.
        """
        if self.connection is not None and self.connection.is_running:
            raise RuntimeError(f"{self.label} is connected: disconnect() first.")
        if ws_path is not None:
            self._path = ws_path
            fresh = opening.first_scope(ws_path, self._options, {})
            for key in ("path", "raw_path", "query_string"):
                self._scope[key] = fresh[key]
        connection = await self._open()
        handshake = await self._handshake(connection, self._seconds(timeout))
        connection.take_handshake()
        self._login.keep_cookies(handshake.headers)
        if handshake.accepted:
            refusals.check_user(connection, self._options.user)
        return handshake

    async def _open(self) -> Connection:
        application = self._application()
        headers: Any = None
        subprotocols: Sequence[str] = ()
        if self._run is not None:
            worked_out = self._worked_out
            if worked_out is None:
                worked_out = await self._run.awork_out(self._options, self.jar)
            self._login, headers, subprotocols = worked_out
            self._worked_out = None
        elif self._options.user is not None:
            login = await sync_to_async(opening.session_login)(self._options.user)
            self._login = Login.from_mapping(login)
        scope = opening.final_scope(
            self._scope,
            self._options,
            self._login,
            application=application,
            class_headers=headers,
            class_subprotocols=subprotocols,
        )
        user = self._options.user
        if user is not None and opening.needs_user_in_scope(application):
            scope.setdefault("user", user)
        self.connection = Connection(self.label, self._around)
        self.connection.start(application, scope, user=user)
        self.connection.feed({"type": "websocket.connect"})
        return self.connection

    _worked_out: Any = None

    def work_out_login(self) -> None:
        """Find login and headers now, on the test's thread, for a sync client."""
        if self._run is not None:
            self._worked_out = self._run.work_out(self._options, self.jar)

    def _application(self) -> ASGIApplication:
        given = self._options.application
        if given is None and self._run is not None:
            given = self._run.case.get_application()
        if given is None:
            given = routing.project_application()
        return routing.check_application(given)

    async def _handshake(self, connection: Connection, timeout: float) -> Handshake:
        try:
            await connection.until(
                lambda: connection.handshake is not None or connection.has_ended,
                timeout,
            )
        except ValueError as error:
            refusals.explain_missing_route(error, self._application())
            raise
        if connection.handshake is None:
            raise connection.nothing_came("answer to the handshake", timeout)
        return connection.handshake

    @kit_coroutine
    async def reconnect(self) -> Handshake:
        """Lose the connection, if there is one, and open it again."""
        if self.connection is not None:
            await self._leave(ABNORMAL_CLOSURE)
        return await self.connect.__wrapped__(self)  # type: ignore[attr-defined, no-any-return]

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
        await self._send_frame(_frame_event(text_data, bytes_data), "send_to()")

    @kit_coroutine
    async def send_text(self, text: str) -> None:
        """Send a text frame."""
        await self._send_frame(_frame_event(text, None), "send_text()")

    @kit_coroutine
    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame."""
        await self._send_frame(_frame_event(None, data), "send_bytes()")

    @kit_coroutine
    async def send_json_to(self, data: object) -> None:
        """Send a payload, encoded by the test case's ``json_encoder``."""
        await self._send_payload(data, "send_json_to()")

    @kit_coroutine
    async def send_json(self, data: object) -> None:
        """Send a payload, encoded by the test case's ``json_encoder``."""
        await self._send_payload(data, "send_json()")

    @kit_coroutine
    async def send_message(self, message: object) -> None:
        """Send a dict, or a dataclass, pydantic, attrs or msgspec object."""
        await self._send_payload(plain_message(message), "send_message()")

    async def _send_payload(self, payload: object, call: str) -> None:
        frame = self._around.wire.encode_frame(payload)
        is_text = isinstance(frame, str)
        event = {"type": "websocket.receive", "text" if is_text else "bytes": frame}
        await self._send_frame(event, call)

    async def _send_frame(self, event: Event, call: str) -> None:
        connection = self.connected(call)
        if not connection.is_open:
            raise RuntimeError(
                f"{call} on a connection that is {refusals.in_words(connection)}.\n\n"
                f"{connection.transcript}"
            )
        connection.feed(event)
        await connection.settle()

    @kit_coroutine
    async def send_input(self, message: Event) -> None:
        """Give the application an ASGI event."""
        if self.connection is None and message.get("type") == "websocket.connect":
            await self._open()
        else:
            self.connected("send_input()").feed(message)
        await self.connected("send_input()").settle()

    # Receiving.

    @kit_coroutine
    async def receive_output(self, timeout: float | None = None) -> Event:
        """Return the next ASGI event that the application has sent."""
        return await self._next_event(timeout, "event")

    async def _next_event(self, timeout: float | None, what: str) -> Event:
        connection = self.connected("Receiving")
        seconds = self._seconds(timeout)
        arrived = await connection.until(
            lambda: bool(connection.unread) or connection.has_ended, seconds
        )
        if not arrived or not connection.unread:
            raise connection.nothing_came(what, seconds)
        return connection.take()

    async def _await_frame(
        self, timeout: float | None, what: str, expected: Any = NOT_SAID
    ) -> None:
        """Wait until a frame is next; fail where that can't be."""
        connection = self.connected("Receiving")
        seconds = self._seconds(timeout)
        await connection.until(
            lambda: bool(connection.unread) or connection.has_ended, seconds
        )
        refusals.check_frame_is_next(connection, what, seconds, expected=expected)

    async def await_frame(
        self, timeout: float | None, what: str, expected: object
    ) -> None:
        """Wait until a frame is next, for an assertion of a sync test."""
        await self._await_frame(timeout, what, expected)

    async def await_silence(self, seconds: float) -> None:
        """Wait for the timers that are due within so many seconds."""
        connection = self.connected("Waiting")
        await connection.until(lambda: any(map(is_frame, connection.unread)), seconds)

    @kit_coroutine
    async def receive_from(self, timeout: float | None = None) -> str | bytes:
        """
        Return the payload of the next frame, text or bytes.

        Raises ``NoFrame`` when none comes within ``timeout`` seconds, and fails
        when the application has closed instead. Neither harms the connection.
        """
        await self._await_frame(timeout, "frame")
        return refusals.take_payload(self.connected("receive_from()"))

    @kit_coroutine
    async def receive_json_from(self, timeout: float | None = None) -> Any:
        """Return the payload of the next frame, decoded. As ``receive_from()``."""
        await self._await_frame(timeout, "JSON frame")
        return refusals.take_json(self.connected("receive"), self._around.wire)

    receive_json = receive_json_from

    @kit_coroutine
    async def receive_text(self, timeout: float | None = None) -> str:
        """Return the next frame, which must be text. As ``receive_from()``."""
        await self._await_frame(timeout, "text frame")
        return refusals.take_text(self.connected("receive_text()"))

    @kit_coroutine
    async def receive_bytes(self, timeout: float | None = None) -> bytes:
        """Return the next frame, which must be binary. As ``receive_from()``."""
        await self._await_frame(timeout, "binary frame")
        return refusals.take_bytes(self.connected("receive_bytes()"))

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
        connection = self.connected("receive_all_json()")
        await connection.settle()
        payloads = []
        while connection.unread and is_frame(connection.unread[0]):
            payloads.append(refusals.take_json(connection, self._around.wire))
        return payloads

    @kit_coroutine
    async def receive_until(
        self, expected: object, *, partial: bool = False, timeout: float | None = None
    ) -> list[Any]:
        """
        Return the decoded frames up to the first that matches ``expected``.

        Raises ``NoFrame`` when none of those that come matches.
        """
        wanted = expected_payload(self._around.wire, expected)
        connection = self.connected("receive_until()")
        payloads: list[Any] = []
        while not payloads or not matches(wanted, payloads[-1], partial=partial):
            await self._await_frame(timeout, f"JSON frame that matches {expected!r}")
            payloads.append(refusals.take_json(connection, self._around.wire))
        return payloads

    @kit_coroutine
    async def receive_nothing(self, timeout: float = 0.1, interval: float = 0) -> bool:
        """
        Tell whether nothing has arrived.

        It waits only for timers of the application that are due within
        ``timeout`` seconds; ``interval`` is accepted and means nothing.
        """
        del interval
        connection = self.connected("receive_nothing()")
        return not await connection.until(lambda: bool(connection.unread), timeout)

    # Closing.

    @kit_coroutine
    async def disconnect(
        self, code: int = NORMAL_CLOSURE, timeout: float | None = None
    ) -> None:
        """
        Close the connection from the client's side.

        Does nothing after a close, a rejection or a disconnect. Raises what
        the application's ``disconnect`` handler raises.
        """
        self.connected("disconnect()")
        await self._leave(code, timeout)

    @kit_coroutine
    async def drop(self) -> None:
        """Lose the connection without a close frame (code 1006)."""
        self.connected("drop()")
        await self._leave(ABNORMAL_CLOSURE)

    async def _leave(self, code: int, timeout: float | None = None) -> None:
        connection = self.connected("disconnect()")
        if connection.state in {"connecting", "open"}:
            event = {"type": "websocket.disconnect", "code": code, "reason": ""}
            connection.feed(event)
        await connection.until(lambda: connection.has_ended, self._seconds(timeout))

    @kit_coroutine
    async def wait(self, timeout: float | None = None) -> None:
        """Wait until the application has ended; raise what it raised."""
        connection = self.connected("wait()")
        seconds = self._seconds(timeout)
        if not await connection.until(lambda: connection.has_ended, seconds):
            raise connection.nothing_came("end of the application", seconds)

    def stop(self, exceptions: bool = True) -> None:  # noqa: FBT001, FBT002
        """Cancel the application; raise what it raised before."""
        connection = self.connection
        if connection is None:
            return
        if connection.is_running:
            connection.cancel()
        elif connection.error is not None and exceptions:
            if self._around.errors.take(connection.error):
                raise connection.error

    @property
    def needs_closing(self) -> bool:
        """Whether the application is still there."""
        return self.connection is not None and self.connection.is_running

    did_not_end = False

    async def leave(self) -> None:
        """Disconnect at the end of the test; cancel what does not end."""
        await self._leave(NORMAL_CLOSURE)
        if self.needs_closing:
            self.did_not_end = True
            self.connected("leave()").cancel()
            await self._around.rest.wait()

    async def __aenter__(self) -> WebsocketCommunicator:
        handshake = await self.connect()
        if not handshake.accepted:
            raise refusals.refused(self.connected("connect()"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.needs_closing:
            await self._leave(NORMAL_CLOSURE)

    def assert_closed(self, code: int | None = None) -> None:
        """Assert that the application has closed the connection."""
        text = refusals.not_closed(self._observed(), code, None)
        if text is not None:
            raise AssertionError(text)

    def _seconds(self, timeout: float | None) -> float:
        return self._around.receive_timeout if timeout is None else timeout

    def __repr__(self) -> str:
        state = "new" if self.connection is None else self.connection.state
        return f"<{type(self).__name__} {self.label}: {state}>"


def _frame_event(text: object, data: object) -> dict[str, Any]:
    if (text is None) == (data is None):
        raise TypeError("A frame has text_data or bytes_data: give one, not both.")
    if text is not None:
        if not isinstance(text, str):
            raise TypeError(f"text_data is a str, not {text!r}.")
        return {"type": "websocket.receive", "text": text}
    if not isinstance(data, bytes):
        raise TypeError(f"bytes_data is bytes, not {data!r}.")
    return {"type": "websocket.receive", "bytes": data}


def _name_of(user: Any) -> str | None:
    if user is None:
        return None
    get_username = getattr(user, "get_username", None)
    return (get_username() if get_username else str(user)) or "anonymous"


