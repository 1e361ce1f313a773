"""Opens, feeds and closes the connections of one communicator or client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured

from channels_testkit.asgi.login import Login, session_login
from channels_testkit.asgi.receive_failures import NOT_SAID, in_words, nothing_came
from channels_testkit.asgi.scope import ASGI_EXTENSIONS, header_list
from channels_testkit.routing.application import (
    NoWebsocketsError,
    check_application,
    is_bare,
    need_websockets,
    project_application,
)
from channels_testkit.routing.apply_routes import applied_application
from channels_testkit.running.driver import Driver

from .connection import NORMAL_CLOSURE, WebsocketConnection, disconnect_event, is_frame
from .credentials import Credentials, CredentialSource
from .frame_failures import check_frame_is_next
from .handshake_failures import check_user, no_auth
from .identity import Identity
from .opening import final_scope, first_scope
from .revoked import RevokedLogins

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels.consumer import AsyncConsumer

    from channels_testkit.asgi.application import (
        ASGIApplication,
        Event,
        GivenApplication,
    )
    from channels_testkit.running.run import TestRun

    from .handshake import Handshake
    from .opening import Options

__unittest = True

CONNECT: Event = {"type": "websocket.connect"}


def drivers_of(run: TestRun) -> list[WebsocketDriver]:
    """Return the drivers of a test's WebSocket connections, in order."""
    return run.once(WebsocketDriver, lambda: RevokedLogins.drivers_of(run))


class WebsocketDriver(Driver[WebsocketConnection]):
    """Drives the connections of one communicator, at most one at a time."""

    last_event = "websocket.disconnect"

    def __init__(
        self,
        path: str,
        options: Options,
        say_label: Callable[[], str] | None = None,
    ) -> None:
        super().__init__(say_label, options.policies)
        self.path = path
        self.set_options(options)
        extensions = self.run.options.get_extensions() if self.run else ASGI_EXTENSIONS
        #: The scope before the login is known.
        self.first_scope = first_scope(path, options, extensions)
        self._asked: Credentials | None = None
        #: Whether the client has not connected, or has left since.
        self.has_left = True
        self._is_in_block = False
        if self.run is not None:
            self._all = drivers_of(self.run)
            self._all.append(self)
            self._number = len(self._all)
            self.run.opened.register(self)

    def set_options(self, options: Options) -> None:
        """Have options for a client that has not connected."""
        self.options = options
        get_clients = self.run.options.get_clients if self.run else tuple
        #: Its cookies, and who it is logged in as.
        self.identity = Identity(options, get_clients)

    @property
    def usual_label(self) -> str:
        """The name of this connection in failures: who, and which path."""
        name = self.options.name or _name_of(self.options.user)
        if name is None and self.run is not None and len(self._all) > 1:
            name = f"connection {self._number}"
        path = self.first_scope["path"]
        return f"{name} ({path})" if name else path

    def connected(self, call: str) -> WebsocketConnection:
        """Return the connection, or raise ``RuntimeError``."""
        self.refuse_elsewhere()
        if self.connection is None:
            raise RuntimeError(
                f"{call} before connect(): open the connection first, or use"
                " 'self.connect(path)'."
            )
        return self.connection

    # The consumer's channel.

    @property
    def channel_name(self) -> str:
        """The consumer's own channel."""
        return str(_layer_of(self.consumer) and self.consumer.channel_name)

    @property
    def groups(self) -> list[str]:
        """The groups that the consumer's channel is in, sorted."""
        layer = _layer_of(self.consumer)
        return sorted(layer.groups_of(self.channel_name))

    @property
    def way_to_leave(self) -> str:
        """What would have taken the consumer's channel out of its groups."""
        if self.state == "ended" and not self.connected("leaving").was_cancelled:
            return "it ended before its client left; call group_discard() before that"
        return super().way_to_leave

    # The handshake.

    def set_header(self, name: str | bytes, value: str | bytes) -> None:
        """Send a header with the next handshake, in place of its like."""
        ((key, new),) = header_list({name: value})
        others = [header for header in self.first_scope["headers"] if header[0] != key]
        self.first_scope["headers"] = [*others, (key, new)]

    @property
    def is_connected(self) -> bool:
        """Whether a handshake was accepted, and the client has not left."""
        handshake = None if self.connection is None else self.connection.handshake
        return not self.has_left and handshake is not None and handshake.accepted

    def begin_block(self) -> None:
        """Have a block that the client is in; there is one at a time."""
        if self._is_in_block:
            raise RuntimeError(
                f"{self.label} is in a 'with' block already: leave that block first, or"
                " create another client."
            )
        self._is_in_block = True

    def end_block(self) -> None:
        """Have no block: the client has left."""
        self._is_in_block = False
        self.has_left = True

    async def connect(
        self, timeout: float | None = None, *, ws_path: str | None = None
    ) -> Handshake:
        """Open the connection and return the ``Handshake``."""
        self.prepare(ws_path)
        await self.feed(CONNECT)
        return await self.finish_handshake(timeout)

    def prepare(self, ws_path: str | None) -> None:
        """Be ready to connect, to that path if there is one."""
        connection = self.connection
        if self.has_left and self.environment.sends_overlap:
            self.connection = None  # It ends beside what comes now.
        elif connection is not None and connection.is_running:
            raise RuntimeError(
                f"connect() on a connection that is {in_words(connection)} and whose"
                f" application is running: call disconnect() or wait() first."
            )
        if ws_path is not None:
            self.path = ws_path
            fresh = first_scope(ws_path, self.options, {})
            for key in ("path", "raw_path", "query_string"):
                self.first_scope[key] = fresh[key]

    def answered(self, event: Event) -> None:
        """Take an event as the answer to the handshake."""
        self.connected("connect()").answer(event)

    async def finish_handshake(self, timeout: float | None) -> Handshake:
        """Wait for the answer of the application, and return it."""
        connection = self.connected("connect()")
        handshake = await self._handshake(connection, self.seconds(timeout))
        connection.take_handshake()
        expected = self.identity.expected_user
        self.identity.jar.keep(handshake.headers)
        # A refusal may come from what is in front of the auth middleware.
        if handshake.accepted and connection.lacks_user:
            raise no_auth(connection)
        if handshake.accepted:
            check_user(connection, expected)
        return handshake

    async def open(self) -> WebsocketConnection:
        """Start the application, in the scope of a client that connects."""
        self.refuse_elsewhere()
        application = self.application
        credentials = await self._credentials()
        self.identity.take(credentials.login)
        self.identity.jar.check_session()
        scope = final_scope(
            self.opening_scope(),
            self.options,
            self.identity.login,
            cookies=self.identity.jar.cookies,
            application=application,
            class_headers=credentials.headers,
            class_subprotocols=credentials.subprotocols,
        )
        user = self.identity.user
        is_given = self._given_application is not None
        if user is not None and is_given and is_bare(application):
            # Nothing in the application can find the user by itself.
            scope.setdefault("user", user)
        self.connection = connection = WebsocketConnection(
            lambda: self.label, self.environment
        )
        connection.opened_at = self.path
        connection.holds_error = self.holds_errors
        connection.user = user
        connection.login_hint = self.identity.hint(scope["headers"])
        connection.is_of_project = not is_given
        connection.may_lack_user = not is_given and self._has_own_login
        connection.start(application, scope)
        self.has_left = False
        return connection

    async def _credentials(self) -> Credentials:
        if self.run is None:
            return await self._own_credentials()
        asking = CredentialSource.of(self.run)
        asked, self._asked = self._asked, None
        user = self.identity.to_log_in
        if asked is None and asking.calls_test_code(user):
            asked = await sync_to_async(asking.ask)(user)
        elif asked is None:
            asked = asking.ask(user)
        return await asking.answer(asked)

    async def _own_credentials(self) -> Credentials:
        """Return the login of the user, where no test can be asked."""
        login, user = None, self.identity.to_log_in
        if user is not None:
            login = Login.from_mapping(await sync_to_async(session_login)(user))
        return Credentials(login, headers=None, subprotocols=())

    @property
    def _has_own_login(self) -> bool:
        """Whether the test, and not the kit, knows how users log in."""
        return self.run is not None and CredentialSource.of(self.run).has_own_login

    def ask_test(self) -> None:
        """Ask for login and headers now, on the test's thread."""
        if self.run is not None:
            self._asked = CredentialSource.of(self.run).ask(self.identity.to_log_in)

    @property
    def application(self) -> ASGIApplication:
        """The application: the given one, or that of the test."""
        given = self._given_application
        if given is None:
            return project_application()
        kind = NoWebsocketsError if self.holds_errors else ImproperlyConfigured
        need_websockets(given, "The application of this connection", kind)
        return check_application(given)

    @property
    def _given_application(self) -> GivenApplication | None:
        """The application that the test gives in place of the project's."""
        given = self.options.application or applied_application()
        if given is None and self.run is not None:
            given = self.run.options.get_application()
        return given

    async def _handshake(
        self, connection: WebsocketConnection, timeout: float
    ) -> Handshake:
        await connection.until(
            lambda: connection.handshake is not None or connection.has_ended,
            timeout,
        )
        if connection.handshake is None:
            connection.raise_error()
            hint = "A consumer answers in connect(), with accept() or close()."
            what = "answer to the handshake"
            raise nothing_came(connection, what, timeout, hint=hint)
        return connection.handshake

    # Frames.

    async def send_payload(self, payload: object, call: str) -> None:
        """Send a payload, encoded as the test says."""
        frame = self.environment.wire.encode_frame(payload)
        is_text = isinstance(frame, str)
        event = {"type": "websocket.receive", "text" if is_text else "bytes": frame}
        await self.send_frame(event, call)

    async def send_frame(self, event: Event, call: str) -> None:
        """Give the application a frame, and come to rest."""
        self.check_open(call).check_sent(event)
        await self.feed(event)

    def check_open(self, call: str) -> WebsocketConnection:
        """Return the connection; raise ``RuntimeError`` if it is not open."""
        connection = self.connected(call)
        if connection.is_open:
            return connection
        connection.raise_error()
        hint = ""
        if connection.state == "closed":
            hint = (
                " To test a client that sends anyway, use"
                " send_input({'type': 'websocket.receive', 'text': ...})."
            )
        raise RuntimeError(
            f"{call} on a connection that is {in_words(connection)}.{hint}\n\n"
            f"{connection.transcript}"
        )

    async def feed(self, event: Event) -> None:
        """Give the application any event; that of a handshake opens."""
        is_first = not self.needs_closing and event.get("type") == CONNECT["type"]
        connection = await self.open() if is_first else self.connected("send_input()")
        await self.give(connection, event)

    async def await_frame(
        self, timeout: float | None, what: str, expected: Any = NOT_SAID
    ) -> WebsocketConnection:
        """Wait until a frame is next; fail if none can come."""
        connection = await self.event_or_end(timeout)
        seconds = self.seconds(timeout)
        check_frame_is_next(connection, what, seconds, expected=expected)
        return connection

    async def await_silence(self, seconds: float) -> None:
        """Wait for the timers that are due within so many seconds."""
        connection = self.connected("Waiting")
        await connection.until(lambda: any(map(is_frame, connection.unread)), seconds)

    # The end.

    async def leave(
        self,
        code: int = NORMAL_CLOSURE,
        timeout: float | None = None,
        reason: str = "",
    ) -> None:
        """Close from the client's side; wait for the application's end."""
        connection = self.connected("disconnect()")
        self.send_disconnect(code, reason)
        await connection.until_ended(self.seconds(timeout))
        connection.raise_error()

    @property
    def is_there(self) -> bool:
        """Whether there is a client that can leave."""
        return self.connected("disconnect()").state in {"connecting", "open"}

    def send_disconnect(self, code: int, reason: str) -> None:
        """Leave, unless that has been done or the application has closed."""
        self.has_left = True
        if self.is_there:
            self.connected("disconnect()").feed(disconnect_event(code, reason))

    def stop(self, *, exceptions: bool) -> None:
        """Cancel the application; raise what it raised before."""
        self.has_left = True
        super().stop(exceptions=exceptions)

    async def await_close(self) -> None:
        """Wait for the application to close, while a timer may make it."""
        connection = self.connected("Waiting")
        await connection.until(lambda: not connection.is_open, self.seconds(None))

    def unread(self) -> tuple[int, object]:
        """Take what nobody has read: how many frames, and the record."""
        if self.connection is None:
            return 0, None
        return len(self.connection.take_frames()), self.connection.transcript


def _layer_of(consumer: AsyncConsumer) -> Any:
    layer = getattr(consumer, "channel_layer", None)
    if layer is None:
        raise ImproperlyConfigured(
            f"{type(consumer).__name__} has no channel layer: set CHANNEL_LAYERS."
        )
    return layer


def _name_of(user: Any) -> str | None:
    if user is None:
        return None
    get_username = getattr(user, "get_username", None)
    return (get_username() if get_username else str(user)) or "anonymous"
