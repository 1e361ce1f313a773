"""``WebsocketCommunicator``: the async face of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured

from . import opening, refusals, routing, run
from .apply_routes import applied_application
from .connection import ABNORMAL_CLOSURE, NORMAL_CLOSURE, Connection
from .credentials import Credentials
from .frames import Frames
from .opening import Login, Options
from .scope import header_list, path_of
from .silence import in_words, nothing_came
from .surroundings import Surroundings, kit_coroutine

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence
    from types import TracebackType

    from channels.consumer import AsyncConsumer

    from .engine.application import ASGIApplication, Event
    from .engine.transcript import Transcript
    from .handshake import Handshake

__unittest = True


class WebsocketCommunicator(Frames):
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
        options = Options(
            application=application, headers=headers, subprotocols=subprotocols
        )
        self._begin(path_of(path), options)
        if spec_version:
            self._scope["asgi"]["spec_version"] = spec_version

    @classmethod
    def from_options(cls, path: str, options: Options) -> WebsocketCommunicator:
        """Return a communicator for a path and the options of a test case."""
        communicator = cls.__new__(cls)
        communicator._begin(path, options)  # noqa: SLF001 - a constructor
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
        self.connection = None
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

    def _observed(self, what: str) -> Connection:
        if self._run is not None:
            self._run.observe()
        return self.connected(what)

    @property
    def scope(self) -> MutableMapping[str, Any]:
        """The scope: the consumer's own once there is one."""
        return self._scope if self.connection is None else self.connection.scope

    @property
    def frames(self) -> list[str | bytes]:
        """The payload of every frame that has come, read or not."""
        return list(self._observed("frames").frames)

    @property
    def consumer(self) -> AsyncConsumer:
        """The consumer instance behind the application and its middleware."""
        consumer = self._observed("consumer").consumer
        if consumer is None:
            raise RuntimeError(f"{self.label} has led to no Channels consumer.")
        return consumer

    @property
    def channel_name(self) -> str:
        """The consumer's own channel."""
        return str(self._layer_of(self.consumer) and self.consumer.channel_name)

    @property
    def groups(self) -> list[str]:
        """The groups that the consumer's channel is in, sorted."""
        layer = self._layer_of(self.consumer)
        return sorted(layer.groups_of(self.channel_name))

    def _layer_of(self, consumer: AsyncConsumer) -> Any:
        layer = getattr(consumer, "channel_layer", None)
        if layer is None:
            raise ImproperlyConfigured(
                f"{type(consumer).__name__} has no channel layer: set CHANNEL_LAYERS."
            )
        return layer

    @property
    def transcript(self) -> Transcript:
        """What has crossed the connection, in order."""
        return self._observed("transcript").transcript

    @property
    def response_headers(self) -> list[tuple[bytes, bytes]] | None:
        """The headers that the handshake was answered with."""
        if self.connection is None:
            return None
        handshake = self.connection.handshake
        return None if handshake is None else handshake.headers

    # The handshake.

    def set_header(self, name: str | bytes, value: str | bytes) -> None:
        """Send a header with the next handshake, in place of its like."""
        ((key, new),) = header_list({name: value})
        others = [header for header in self._scope["headers"] if header[0] != key]
        self._scope["headers"] = [*others, (key, new)]

    @kit_coroutine
    async def connect(
        self, timeout: float | None = None, *, ws_path: str | None = None
    ) -> Handshake:
        """
        Open the connection and return the ``Handshake``.

        A refusal is an answer, not a failure. Raises ``NoFrame`` when the
        application neither accepts nor rejects within ``timeout`` seconds.
        """
        connection = self.connection
        if connection is not None and connection.is_running:
            raise RuntimeError(
                f"connect() on a connection that is {in_words(connection)} and whose"
                f" application is running: disconnect() first, or wait()."
            )
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
        credentials = await self._credentials()
        self._login = credentials.login
        scope = opening.final_scope(
            self._scope,
            self._options,
            self._login,
            application=application,
            class_headers=credentials.headers,
            class_subprotocols=credentials.subprotocols,
        )
        user = self._options.user
        if user is not None and opening.needs_user_in_scope(application):
            scope.setdefault("user", user)
        self.connection = Connection(lambda: self.label, self._around)
        self.connection.opened_at = self._path
        self.connection.start(application, scope, user=user)
        self.connection.feed({"type": "websocket.connect"})
        return self.connection

    async def _credentials(self) -> Credentials:
        options = self._options
        if self._run is not None:
            asking = self._run.asking
            asked, self._asked = self._asked, None
            if asked is None and asking.calls_author(options):
                asked = await sync_to_async(asking.ask)(options, self.jar)
            elif asked is None:
                asked = asking.ask(options, self.jar)
            return await asking.answer(asked)
        login = Login()
        if options.user is not None:
            found = await sync_to_async(opening.session_login)(options.user)
            login = Login.from_mapping(found)
        return Credentials(login, headers=None, subprotocols=())

    _asked: Credentials | None = None

    def ask_test_case(self) -> None:
        """Ask for login and headers now, on the test's thread."""
        if self._run is not None:
            self._asked = self._run.asking.ask(self._options, self.jar)

    def _application(self) -> ASGIApplication:
        given = self._options.application or applied_application()
        if given is None and self._run is not None:
            given = self._run.case.get_application()
        if given is None:
            return routing.project_application()
        routing.need_websockets(given, "The application of this connection")
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
            hint = "A consumer answers in connect(), with accept() or close()."
            what = "answer to the handshake"
            raise nothing_came(connection, what, timeout, hint=hint)
        return connection.handshake

    @kit_coroutine
    async def reconnect(self) -> Handshake:
        """Lose the connection, if there is one, and open it again."""
        if self.connection is not None:
            await self._leave(ABNORMAL_CLOSURE)
        return await self.connect.__wrapped__(self)  # type: ignore[attr-defined, no-any-return]

    @kit_coroutine
    async def send_input(self, message: Event) -> None:
        """Give the application an ASGI event, ``websocket.connect`` first."""
        if self.connection is None and message.get("type") == "websocket.connect":
            await self._open()
        else:
            self.connected("send_input()").feed(message)
        await self.connected("send_input()").settle()

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
        """
        Lose the connection without a close frame.

        The application gets ``websocket.disconnect`` with code 1006.
        """
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
        """
        Wait until the application has ended; raise what it raised.

        Raises ``NoFrame`` when it has not within ``timeout`` seconds.
        """
        connection = self.connected("wait()")
        seconds = self._seconds(timeout)
        if not await connection.until(lambda: connection.has_ended, seconds):
            raise nothing_came(connection, "end of the application", seconds)

    def stop(self, exceptions: bool = True) -> None:
        """
        Cancel the application, without a disconnect.

        Raises what it raised before, unless ``exceptions`` is false.
        """
        connection = self.connection
        if connection is None:
            return
        if connection.is_running:
            connection.cancel()
            return
        error = connection.error
        if error is not None and exceptions and self._around.errors.take(error):
            raise error

    async def await_close(self) -> None:
        """Wait for the application to close, while a timer may make it."""
        connection = self.connected("Waiting")
        await connection.until(lambda: not connection.is_open, self._seconds(None))

    @property
    def needs_closing(self) -> bool:
        """Whether the application is still there."""
        return self.connection is not None and self.connection.is_running

    goodbye = "websocket.disconnect"
    did_not_end = False

    async def leave(self) -> None:
        """Disconnect at the end of the test; cancel what does not end."""
        try:
            await self._leave(NORMAL_CLOSURE)
        finally:
            if self.needs_closing:
                self.did_not_end = True
                self.connected("leave()").cancel()
                await self._around.rest.wait()

    async def __aenter__(self) -> WebsocketCommunicator:
        handshake = await self.connect()
        if not handshake.accepted:
            found = self.connected("connect()")
            raise refusals.refused(found, allowing=refusals.WITHOUT_BLOCK)
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
        __tracebackhide__ = True
        text = refusals.not_closed(self._observed("assert_closed()"), code, None)
        if text is not None:
            raise AssertionError(text)

    def __repr__(self) -> str:
        state = "new" if self.connection is None else self.connection.state
        return f"<{type(self).__name__} {self.label}: {state}>"


def _name_of(user: Any) -> str | None:
    if user is None:
        return None
    get_username = getattr(user, "get_username", None)
    return (get_username() if get_username else str(user)) or "anonymous"
