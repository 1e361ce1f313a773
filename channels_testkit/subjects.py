"""What an assertion is about: the connection behind a client."""

from __future__ import annotations

from typing import Any

from .communicator import WebsocketCommunicator
from .wsclient import WSClient

__unittest = True


def communicator_of(connection: Any) -> WebsocketCommunicator:
    """Return the communicator behind what an assertion was given."""
    if isinstance(connection, WSClient):
        return connection.communicator
    if isinstance(connection, WebsocketCommunicator):
        return connection
    raise TypeError(
        f"A connection is a client or a communicator of the kit, not {connection!r}."
    )


def connected_communicator(connection: Any, *, is_async: bool) -> WebsocketCommunicator:
    """Return the communicator; raise where it has never been connected."""
    communicator = communicator_of(connection)
    if communicator.connection is None:
        call = _connecting_call(connection, is_async=is_async)
        raise RuntimeError(
            f"An assertion about a connection before connect(): write '{call}' first."
        )
    return communicator


def _connecting_call(connection: Any, *, is_async: bool) -> str:
    if not isinstance(connection, WSClient):
        return "await communicator.connect()"
    return "await client.aconnect()" if is_async else "client.connect()"
