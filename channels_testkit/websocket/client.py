"""``WSClient``: a connection as a sync test drives it, and a user agent."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, TypeVar

from channels_testkit.layers.aliases import DEFAULT
from channels_testkit.running.kit_calls import kit_coroutine
from channels_testkit.running.seconds import check_times, takes_seconds, times_of

from .channels1 import Channels1Calls, deprecated
from .communicator import WebsocketCommunicator
from .handshake_failures import WITHOUT_BLOCK, refused
from .opening import options_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, MutableMapping

    from channels.consumer import AsyncConsumer
    from typing_extensions import Self, Unpack

    from channels_testkit.asgi.transcript import Transcript

    from .handshake import Handshake
    from .options import ConnectOptions

P = ParamSpec("P")
T = TypeVar("T")

__unittest = True

#: Methods of communicators, with those of a client that do the same.
_OF_COMMUNICATORS = {
    "receive_from": "receive_text",
    "receive_json_from": "receive_json",
    "send_json_to": "send_json",
    "send_to": "send_text",
}


def _twins(
    method: Callable[Concatenate[WebsocketCommunicator, P], Coroutine[Any, Any, T]],
) -> tuple[
    Callable[Concatenate[WSClient, P], T],
    Callable[Concatenate[WSClient, P], Coroutine[Any, Any, T]],
]:
    """Return a communicator's method as a sync and as an async one."""
    name = method.__name__.removesuffix("_from")
    twin = "await_application" if name == "wait" else f"a{name}"
    work: Any = getattr(method, "__wrapped__", method)

    only_reads = name.startswith("receive")
    only_feeds = name.startswith("send") or name in {"disconnect", "drop"}
    times = times_of(work)

    def call(self: WSClient, /, *args: P.args, **options: P.kwargs) -> T:
        __tracebackhide__ = True
        check_times(times, name, args, options)
        coroutine = work(self._communicator, *args, **options)
        result: T = self._run_sync(
            coroutine, twin, only_reads=only_reads, only_feeds=only_feeds
        )
        return result

    async def acall(self: WSClient, /, *args: P.args, **options: P.kwargs) -> T:
        __tracebackhide__ = True
        check_times(times, twin, args, options)
        result: T = await work(self._communicator, *args, **options)
        return result

    made: list[tuple[Any, str]] = [(call, name), (acall, twin)]
    for function, function_name in made:
        function.__name__ = function_name
        function.__qualname__ = f"WSClient.{function_name}"
        function.__doc__ = method.__doc__
        function.__annotations__ = work.__annotations__
        function.__signature__ = inspect.signature(work)
    return call, kit_coroutine(acall)


class WSClient(Channels1Calls):
    """
    A user agent with cookies and at most one open WebSocket connection.

    For sync tests; the twins of its methods whose names begin with ``a`` are
    for async ones. Every call returns at rest. It takes the options of
    ``self.connect()`` and works while a test case of the kit runs; outside of
    one, creating it raises ``RuntimeError``. ``ordered`` is accepted: ASGI
    orders a connection's events anyway.

    Example::

        ann = WSClient("/ws/echo/")
        ann.connect()
        ann.send_json({"message": "hello"})
        self.assertEqual(ann.receive_json(), {"message": "hello"})
    """

    def __init__(
        self,
        path: str = "/",
        *,
        ordered: bool = False,
        alias: str = DEFAULT,
        **options: Unpack[ConnectOptions],
    ) -> None:
        del ordered
        super().__init__(alias)
        self._communicator = WebsocketCommunicator._from_options(  # noqa: SLF001 - its own
            path, options_of(options)
        )
        self._driver = self._communicator._driver  # noqa: SLF001 - as above

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            if name in _OF_COMMUNICATORS:
                ours = _OF_COMMUNICATORS[name]
                raise AttributeError(
                    f"{name}() is a method of WebsocketCommunicator. A WSClient has"
                    f" {ours}(), and a{ours}() for async tests."
                )
            text = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(text, name=name, obj=self)

    def _run_sync(self, work: Coroutine[Any, Any, T], twin: str, **what: bool) -> T:
        return self._run.run_in_sync_test(work, f"client.{twin}", **what)

    # The handshake.

    @takes_seconds
    def connect(
        self, path: str | None = None, *, timeout: float | None = None
    ) -> Handshake:
        """
        Open the connection and return the ``Handshake``.

        A refusal is an answer, not a failure. Raises ``NoFrame`` when the
        application neither accepts nor rejects within ``timeout`` seconds.
        """
        if not self._run.is_async:
            self._driver.ask_test()
        work = self._driver.connect(timeout, ws_path=path)
        return self._run_sync(work, "aconnect")

    @kit_coroutine
    async def aconnect(
        self, path: str | None = None, *, timeout: float | None = None
    ) -> Handshake:
        """Open the connection; return the ``Handshake``: see ``connect()``."""
        return await self._driver.connect(timeout, ws_path=path)

    reconnect, areconnect = _twins(WebsocketCommunicator.reconnect)

    # Frames.

    send_text, asend_text = _twins(WebsocketCommunicator.send_text)
    send_bytes, asend_bytes = _twins(WebsocketCommunicator.send_bytes)
    send_json, asend_json = _twins(WebsocketCommunicator.send_json)
    send_message, asend_message = _twins(WebsocketCommunicator.send_message)
    receive_text, areceive_text = _twins(WebsocketCommunicator.receive_text)
    receive_bytes, areceive_bytes = _twins(WebsocketCommunicator.receive_bytes)
    receive_json, areceive_json = _twins(WebsocketCommunicator.receive_json)
    receive_all_json, areceive_all_json = _twins(WebsocketCommunicator.receive_all_json)
    receive_until, areceive_until = _twins(WebsocketCommunicator.receive_until)
    request, arequest = _twins(WebsocketCommunicator.request)
    receive_nothing, areceive_nothing = _twins(WebsocketCommunicator.receive_nothing)
    send_input, asend_input = _twins(WebsocketCommunicator.send_input)
    receive_output, areceive_output = _twins(WebsocketCommunicator.receive_output)

    # Closing.

    disconnect, adisconnect = _twins(WebsocketCommunicator.disconnect)
    drop, adrop = _twins(WebsocketCommunicator.drop)
    wait, await_application = _twins(WebsocketCommunicator.wait)

    def stop(self, exceptions: bool = True) -> None:
        """Cancel the application; raise what it raised before."""
        self._driver.stop(exceptions=exceptions)

    def assert_closed(self, code: int | None = None) -> None:
        """Assert that the application has closed the connection."""
        __tracebackhide__ = True
        self._communicator.assert_closed(code)

    def __enter__(self) -> Self:
        if self._run.is_async:
            raise RuntimeError(
                "A sync block in an async test: write 'async with client'."
            )
        if not self._driver.is_connected:
            self._check(self.connect())
        self._driver.begin_block()
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            if self._driver.needs_closing:
                self.disconnect()
        finally:
            self._driver.end_block()

    async def __aenter__(self) -> Self:
        if not self._driver.is_connected:
            self._check(await self.aconnect())
        self._driver.begin_block()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        try:
            if self._driver.needs_closing:
                await self.adisconnect()
        finally:
            self._driver.end_block()

    def _check(self, handshake: Handshake) -> None:
        if not handshake.accepted:
            found = self._driver.connected("connect()")
            raise refused(found, allowing=WITHOUT_BLOCK)

    # What can be read.

    @property
    def label(self) -> str:
        """The name of this client in failures."""
        return self._communicator.label

    @property
    def scope(self) -> MutableMapping[str, Any]:
        """The scope, which is the consumer's own as soon as there is one."""
        return self._communicator.scope

    @property
    def frames(self) -> list[str | bytes]:
        """The payload of every frame that has come, read or not."""
        return self._communicator.frames

    @property
    def consumer(self) -> AsyncConsumer:
        """The consumer instance behind the application and its middleware."""
        return self._communicator.consumer

    @property
    def channel_name(self) -> str:
        """The consumer's own channel."""
        return self._communicator.channel_name

    @property
    def groups(self) -> list[str]:
        """The groups that the consumer's channel is in, sorted."""
        return self._communicator.groups

    @property
    def transcript(self) -> Transcript:
        """What has crossed the connection, in order."""
        return self._communicator.transcript

    @property
    def response_headers(self) -> list[tuple[bytes, bytes]] | None:
        """The headers that the handshake was answered with."""
        return self._communicator.response_headers

    def __repr__(self) -> str:
        return repr(self._communicator).replace("WebsocketCommunicator", "WSClient", 1)


class HttpClient(WSClient):
    """Channels 1's old name for ``WSClient``."""

    def __init__(self, *args: Any, **options: Any) -> None:
        deprecated("HttpClient", "WSClient")
        super().__init__(*args, **options)
