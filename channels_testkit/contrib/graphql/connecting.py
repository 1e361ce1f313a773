"""A client's connection: the handshake, the protocol and connection_init."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

from channels_testkit.exceptions import ProtocolError
from channels_testkit.running.kit_calls import kit_coroutine
from channels_testkit.running.seconds import takes_seconds
from channels_testkit.websocket.client import WSClient
from channels_testkit.websocket.handshake_failures import refused

from . import failures
from .messages import LoggedErrors, Messages
from .protocols import TRANSPORT_WS, protocol_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Unpack

    from channels_testkit.websocket.options import ConnectOptions

__unittest = True

ACK, REFUSED = "connection_ack", "connection_error"
_NOT_CHOSEN = {"subprotocol-not-chosen", "subprotocol-not-offered"}
_NOT_ACKNOWLEDGED = (
    "A server answers connection_init with connection_ack: look at what its consumer"
    " does with the first message."
)


class InitialisingClient(WSClient):
    """Connects in a protocol of GraphQL, and sends ``connection_init``."""

    def __init__(
        self,
        path: str = "/graphql/",
        *,
        protocol: str = TRANSPORT_WS.name,
        connection_params: Mapping[str, Any] | None = None,
        **options: Unpack[ConnectOptions],
    ) -> None:
        self._protocol = protocol_named(protocol)
        if options.get("subprotocols") is None:
            options["subprotocols"] = [protocol]
        super().__init__(path, **options)
        #: The payload of ``connection_init``.
        self.connection_params = connection_params
        self._ids = itertools.count(1)
        self._messages: Messages | None = None
        #: Operations that begin at the same time share one connection_init.
        self._turns = asyncio.Lock()
        self._logged_errors = LoggedErrors.of(self._run)

    # The connection.

    @kit_coroutine
    async def ainit(self, *, timeout: float | None = None) -> Any:
        """
        Send ``connection_init``; return the payload of ``connection_ack``.

        Connects where that has not been done. Fails where the handshake, the
        protocol or the payload is refused, or no ``connection_ack`` comes
        within ``timeout`` seconds.
        """
        __tracebackhide__ = True
        return (await self._init(timeout))[1]

    @takes_seconds
    def init(self, *, timeout: float | None = None) -> Any:
        """Send ``connection_init``: see ``ainit()``."""
        __tracebackhide__ = True
        self._ask_test()
        return self._run_sync(self._init(timeout), "ainit")[1]

    def _ask_test(self) -> None:
        """Ask the test for its login, on the test's own thread."""
        if not self._run.is_async and not self._driver.is_connected:
            self._driver.ask_test()

    async def _init(self, timeout: float | None = None) -> tuple[Messages, Any]:
        """Initialise; return the messages, and the server's payload."""
        driver = self._driver
        if not driver.is_connected:
            await self._open(timeout)
        connection = driver.connected("connection_init")
        self._messages = None
        found = Messages(connection, driver.environment.wire)
        handshake = connection.handshake
        if connection.is_open and handshake is not None:
            if handshake.subprotocol != self._protocol.name:
                raise failures.no_subprotocol(connection, self._protocol.name)
            message: dict[str, Any] = {"type": "connection_init"}
            if self.connection_params is not None:
                message["payload"] = self.connection_params
            await driver.send_payload(message, "connection_init")
        await found.until(_answers_init, driver.seconds(timeout))
        event = found.find(_answers_init)
        if event is None:
            raise failures.nothing(
                connection,
                self._protocol,
                ACK,
                driver.seconds(timeout),
                hint=_NOT_ACKNOWLEDGED,
            )
        answer = found.take(event)
        if answer["type"] == REFUSED:
            raise failures.refused_init(connection, event, answer.get("payload"))
        self._messages = found
        return found, answer.get("payload")

    async def _open(self, timeout: float | None) -> None:
        """Connect; fail where the handshake or the protocol is refused."""
        try:
            handshake = await self._driver.connect(timeout)
        except ProtocolError as error:
            if error.breach not in _NOT_CHOSEN:
                raise
            connection = self._driver.connected("connect()")
            raise failures.no_subprotocol(connection, self._protocol.name) from error
        if not handshake:
            raise refused(self._driver.connected("connect()"))

    async def _ready(self) -> Messages:
        """Return the messages of a connection on which operations can be."""
        async with self._turns:
            found, driver = self._messages, self._driver
            is_there = found is not None and found.connection is driver.connection
            if found is not None and is_there and driver.is_connected:
                return found
            return (await self._init())[0]


def _answers_init(message: Mapping[str, Any]) -> bool:
    return message.get("type") in {ACK, REFUSED}
