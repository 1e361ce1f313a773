"""What an assertion is about: the connection behind a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_testkit.matching.wording import say
from channels_testkit.running.arguments import PAYLOAD, ArgumentKind, check_arguments

from .client import WSClient
from .communicator import WebsocketCommunicator

if TYPE_CHECKING:
    from .driver import WebsocketDriver

__unittest = True

#: What an assertion about a connection takes.
Subject = WSClient | WebsocketCommunicator


CONNECTION = ArgumentKind(
    "a client or communicator of the kit",
    lambda value: isinstance(value, (WSClient, WebsocketCommunicator)),
)
CONNECTIONS = ArgumentKind("a list of clients or communicators", item=CONNECTION)


def check_frame_call(owner: object, call: str, who: object, expected: object) -> None:
    """Refuse mixed-up arguments of an assertion about frames."""
    __tracebackhide__ = True
    is_one = call.startswith("assertReceives")
    names = "connection, expected" if is_one else "connections, expected"
    kind = CONNECTION if is_one else CONNECTIONS
    check_arguments(owner, call, names, (kind, who), (PAYLOAD, expected))


def driver_of(connection: object) -> WebsocketDriver:
    """Return what drives a client or a communicator."""
    if isinstance(connection, (WSClient, WebsocketCommunicator)):
        return connection._driver  # noqa: SLF001 - users must not see it
    raise TypeError(
        f"A connection is a client or a communicator of the kit, not {say(connection)}."
    )


def connected_driver_of(connection: object, *, is_async: bool) -> WebsocketDriver:
    """Return the same; raise where it has never been connected."""
    driver = driver_of(connection)
    driver.refuse_elsewhere()
    if driver.connection is None:
        call = _connecting_call(connection, is_async=is_async)
        raise RuntimeError(
            f"An assertion about a connection before connect(): write '{call}' first."
        )
    driver.connection.raise_error()
    return driver


def _connecting_call(connection: object, *, is_async: bool) -> str:
    if not isinstance(connection, WSClient):
        return "await communicator.connect()"
    return "await client.aconnect()" if is_async else "client.connect()"
