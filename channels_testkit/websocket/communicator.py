"""``WebsocketCommunicator``: a connection as an async test drives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.close_codes import check_disconnect
from channels_testkit.asgi.environment import UNSET
from channels_testkit.asgi.scope import path_of
from channels_testkit.running.communicator import give
from channels_testkit.running.kit_calls import kit_coroutine
from channels_testkit.running.shown import is_overridden, shown

from .close_failures import not_closed
from .connection import ABNORMAL_CLOSURE, NORMAL_CLOSURE, disconnect_event
from .driver import CONNECT, WebsocketDriver
from .frames import Frames
from .handshake_failures import WITHOUT_BLOCK, refused
from .opening import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from channels_testkit.asgi.application import GivenApplication
    from channels_testkit.asgi.breaches import Level, ProtocolPolicy

    from .handshake import Handshake

__unittest = True


class WebsocketCommunicator(Frames):
    """
    One WebSocket connection, driven by an async test.

    It takes what ``channels.testing``'s class takes and has its methods. Every
    call returns at rest: when the application has done all that it can do.
    Timeouts are in seconds; ``None`` stands for the test case's
    ``receive_timeout``.

    An exception of the application comes out of the next call after the
    frames before it were read, as with ``channels.testing``, or at the end of
    the test. On a connection of ``self.aconnect()`` the call in progress
    raises it.

    ``check_protocol``, ``application_errors``, ``receive_timeout``,
    ``frame_schema`` and ``sent_frame_schema`` apply to this connection alone,
    instead of those of the test case.

    Subclasses may have attributes of any name, and may override
    ``send_input()``, ``receive_output()``, ``wait()``, ``send_to()`` and
    ``receive_from()``, which the other methods then call.

    Example::

        communicator = WebsocketCommunicator(EchoConsumer.as_asgi(), "/echo/")
        await communicator.connect()
        await communicator.send_to(text_data="hello")
        self.assertEqual(await communicator.receive_from(), "hello")
        await communicator.disconnect()
    """

    def __init__(
        self,
        application: GivenApplication | None,
        path: str,
        headers: Any = None,
        subprotocols: Sequence[str] | None = None,
        spec_version: str | None = None,
        *,
        check_protocol: ProtocolPolicy | None = None,
        application_errors: Level | None = None,
        receive_timeout: float | None = None,
        frame_schema: Any = UNSET,
        sent_frame_schema: Any = UNSET,
    ) -> None:
        options = Options(
            application=application,
            headers=headers,
            subprotocols=subprotocols,
            check_protocol=check_protocol,
            application_errors=application_errors,
            receive_timeout=receive_timeout,
            frame_schema=frame_schema,
            sent_frame_schema=sent_frame_schema,
        )
        self._kit_driver = WebsocketDriver(path_of(path), options, lambda: self.label)
        self._kit_driver.holds_errors = True
        if spec_version:
            # The second place is the one of ASGI.
            scope = self._kit_driver.first_scope
            scope["spec_version"] = scope["asgi"]["spec_version"] = spec_version

    @classmethod
    def _from_options(cls, path: str, options: Options) -> Self:
        """Return a communicator for a path and the options of a test case."""
        communicator = cls.__new__(cls)
        communicator._kit_driver = WebsocketDriver(  # noqa: SLF001 - a constructor
            path, options, lambda: communicator.label
        )
        return communicator

    # What can be read.

    @shown
    def frames(self) -> list[str | bytes]:
        """The payload of every frame that has come, read or not."""
        return list(self._kit_driver.observed("frames").frames)

    @shown
    def channel_name(self) -> str:
        """The consumer's own channel."""
        return self._kit_driver.channel_name

    @shown
    def groups(self) -> list[str]:
        """The groups that the consumer's channel is in, sorted."""
        return self._kit_driver.groups

    @shown
    def response_headers(self) -> list[tuple[bytes, bytes]] | None:
        """The headers that the handshake was answered with."""
        connection = self._kit_driver.connection
        handshake = None if connection is None else connection.handshake
        return None if handshake is None else handshake.headers

    # The handshake.

    def set_header(self, name: str | bytes, value: str | bytes) -> None:
        """Send a header with the next handshake; replace one of its name."""
        self._kit_driver.set_header(name, value)

    @kit_coroutine
    async def connect(
        self, timeout: float | None = None, *, ws_path: str | None = None
    ) -> Handshake:
        """
        Open the connection and return the ``Handshake``.

        A refusal is an answer, not a failure. Raises ``NoFrame`` when the
        application neither accepts nor rejects within ``timeout`` seconds.
        """
        driver = self._kit_driver
        driver.prepare(ws_path)
        await give(self, CONNECT)
        if is_overridden(self, "receive_output"):
            driver.answered(await self.receive_output(driver.seconds(timeout)))
        return await driver.finish_handshake(timeout)

    @kit_coroutine
    async def reconnect(self) -> Handshake:
        """Lose the connection, if there is one, and open it again."""
        if self._kit_driver.connection is not None:
            await _leave(self._kit_driver, ABNORMAL_CLOSURE)
        return await self.connect()

    # Closing.

    @kit_coroutine
    async def disconnect(
        self,
        code: int = NORMAL_CLOSURE,
        timeout: float | None = None,
        *,
        reason: str = "",
    ) -> None:
        """
        Close the connection from the client's side.

        The application receives ``code`` and ``reason``; 1005 means a close
        without a code, and 1006, on a communicator made by hand, a connection
        that was lost, as in ``drop()``. The application may take ``timeout``
        seconds to end.

        Does nothing before ``connect()``, and after a close, a rejection or a
        disconnect. Raises ``TypeError`` or ``ValueError`` for a code or a
        reason that no client can send, and what the application's
        ``disconnect`` handler raises.
        """
        driver = self._kit_driver
        # A suite for channels.testing has no other word for a lost connection.
        if not (driver.holds_errors and code == ABNORMAL_CLOSURE):
            check_disconnect(code, reason)
        if driver.connection is None:
            return
        if is_overridden(self, "send_input") and driver.is_there:
            await self.send_input(disconnect_event(code, reason))
        if is_overridden(self, "wait"):
            driver.send_disconnect(code, reason)
            await self.wait(driver.seconds(timeout))
        else:
            await _leave(driver, code, timeout, reason)

    @kit_coroutine
    async def drop(self) -> None:
        """
        Lose the connection without a close frame.

        The application gets ``websocket.disconnect`` with code 1006.
        """
        self._kit_driver.connected("drop()")
        await _leave(self._kit_driver, ABNORMAL_CLOSURE)

    async def __aenter__(self) -> Self:
        driver = self._kit_driver
        if not driver.is_connected and not (await self.connect()).accepted:
            raise refused(driver.connected("connect()"), allowing=WITHOUT_BLOCK)
        driver.begin_block()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        try:
            if self._kit_driver.needs_closing:
                await self._kit_driver.leave()
        finally:
            self._kit_driver.end_block()

    def assert_closed(self, code: int | None = None) -> None:
        """Assert that the application has closed the connection."""
        __tracebackhide__ = True
        text = not_closed(self._kit_driver.observed("assert_closed()"), code, None)
        if text is not None:
            raise AssertionError(text)


async def _leave(
    driver: WebsocketDriver, code: int, timeout: float | None = None, reason: str = ""
) -> None:
    """Leave; wait for the application's end unless sends overlap."""
    if driver.environment.sends_overlap:
        driver.send_disconnect(code, reason)
    else:
        await driver.leave(code, timeout, reason)
