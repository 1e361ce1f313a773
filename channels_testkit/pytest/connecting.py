"""What the fixtures that connect are, for annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from channels_testkit.running.kit_calls import Opening
    from channels_testkit.websocket.client import WSClient
    from channels_testkit.websocket.communicator import WebsocketCommunicator
    from channels_testkit.websocket.options import ConnectOptions


class Connect(Protocol):
    """What ``ws_connect`` is: ``channels_test.connect``."""

    def __call__(
        self, path: str | None = None, **options: Unpack[ConnectOptions]
    ) -> WSClient:
        """Return a connected client."""


class AsyncConnect(Protocol):
    """What ``aws_connect`` is: ``channels_test.aconnect``."""

    def __call__(
        self, path: str | None = None, **options: Unpack[ConnectOptions]
    ) -> Opening[WebsocketCommunicator]:
        """Return a connected communicator."""
