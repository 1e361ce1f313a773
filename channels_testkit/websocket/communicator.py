"""``WebsocketCommunicator``: a connection as an async test drives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.scope import path_of
from channels_testkit.running.driven import Driven
from channels_testkit.running.kit_calls import kit_coroutine

from .close_failures import not_closed
from .connection import ABNORMAL_CLOSURE, NORMAL_CLOSURE
from .driver import WebsocketDriver
from .frames import Frames
from .handshake_failures import WITHOUT_BLOCK, refused
from .opening import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from channels_testkit.asgi.application import ASGIApplication, Event

    from .handshake import Handshake

__unittest = True


class WebsocketCommunicator(Frames, Driven):
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

    _driver: WebsocketDriver

    def __init__(
        self,
        application: ASGIApplication | None,
        path: str,
        headers: Any = None,
        subprotocols: Sequence[str] | None = None,
        spec_version: str | None = None,
    ) -> None:
        options = Options(
            application=application, headers=headers, subprotocols=subprotocols
        )
        self._driver = WebsocketDriver(path_of(path), options, lambda: self.label)
        if spec_version:
            self._driver.first_scope["asgi"]["spec_version"] = spec_version

    @classmethod
    def _from_options(cls, path: str, options: Options) -> Self:
        """Return a communicator for a path and the options of a test case."""
        communicator = cls.__new__(cls)
        communicator._driver = WebsocketDriver(  # noqa: SLF001 - a constructor
            path, options, lambda: communicator.label
        )
        return communicator

    # What can be read.

    @property
    def frames(self) -> list[str | bytes]:
        """The payload of every frame that has come, read or not."""
        return list(self._driver.observed("frames").frames)

    @property
    def channel_name(self) -> str:
        """The consumer's own channel."""
        return self._driver.channel_name

    @property
    def groups(self) -> list[str]:
        """The groups that the consumer's channel is in, sorted."""
        return self._driver.groups

    @property
    def response_headers(self) -> list[tuple[bytes, bytes]] | None:
        """The headers that the handshake was answered with."""
        connection = self._driver.connection
        handshake = None if connection is None else connection.handshake
        return None if handshake is None else handshake.headers

    # The handshake.

    def set_header(self, name: str | bytes, value: str | bytes) -> None:
        """Send a header with the next handshake, in place of its like."""
        self._driver.set_header(name, value)

    @kit_coroutine
    async def connect(
        self, timeout: float | None = None, *, ws_path: str | None = None
    ) -> Handshake:
        """
        Open the connection and return the ``Handshake``.

        A refusal is an answer, not a failure. Raises ``NoFrame`` when the
        application neither accepts nor rejects within ``timeout`` seconds.
        """
        return await self._driver.connect(timeout, ws_path=ws_path)

    @kit_coroutine
    async def reconnect(self) -> Handshake:
        """Lose the connection, if there is one, and open it again."""
        if self._driver.connection is not None:
            await self._driver.leave(ABNORMAL_CLOSURE)
        return await self.connect()

    @kit_coroutine
    async def send_input(self, message: Event) -> None:
        """Give the application an ASGI event, ``websocket.connect`` first."""
        await self._driver.feed(message)

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
        await self._driver.leave(code, timeout)

    @kit_coroutine
    async def drop(self) -> None:
        """
        Lose the connection without a close frame.

        The application gets ``websocket.disconnect`` with code 1006.
        """
        self._driver.connected("drop()")
        await self._driver.leave(ABNORMAL_CLOSURE)

    async def __aenter__(self) -> Self:
        handshake = await self.connect()
        if not handshake.accepted:
            raise refused(self._driver.connected("connect()"), allowing=WITHOUT_BLOCK)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._driver.needs_closing:
            await self._driver.leave()

    def assert_closed(self, code: int | None = None) -> None:
        """Assert that the application has closed the connection."""
        __tracebackhide__ = True
        text = not_closed(self._driver.observed("assert_closed()"), code, None)
        if text is not None:
            raise AssertionError(text)
