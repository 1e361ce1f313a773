"""What the fixtures that connect are, for annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from channels_testkit.websocket.client import WSClient
    from channels_testkit.websocket.communicator import WebsocketCommunicator


class Connect(Protocol):
    """What ``ws_connect`` is: ``channels_test.connect``."""

    def __call__(self, path: str | None = None, **options: Any) -> WSClient:
        """Return a connected client."""


class AsyncConnect(Protocol):
    """What ``aws_connect`` is: ``channels_test.aconnect``."""

    def __call__(
        self, path: str | None = None, **options: Any
    ) -> Coroutine[Any, Any, WebsocketCommunicator]:
        """Return a connected communicator."""
