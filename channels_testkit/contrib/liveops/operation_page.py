"""The page of an operation, as a browser that has it open sees it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from liveops.security import make_subscription_token

from channels_testkit.layers.aliases import is_captive, layer_in_place
from channels_testkit.running.kit_calls import kit_coroutine
from channels_testkit.running.seconds import takes_seconds
from channels_testkit.websocket.client import WSClient

from .fragments import Page, Region

if TYPE_CHECKING:
    from liveops.models import LiveOperation
    from typing_extensions import Unpack

    from channels_testkit.websocket.connection import WebsocketConnection
    from channels_testkit.websocket.handshake import Handshake
    from channels_testkit.websocket.options import AnyUser, OtherOptions

__unittest = True

#: Where liveops has its consumer.
NOTIFICATIONS_PATH = "/asgi/notifications/"


class OperationPage(WSClient):
    """The page of an operation: it swaps in the fragments that come."""

    def __init__(
        self,
        operation: LiveOperation | None,
        *,
        user: AnyUser | None = None,
        token: str | None = None,
        path: str | None = None,
        **options: Unpack[OtherOptions],
    ) -> None:
        if user is None and operation is not None:
            user = operation.owner
        if token is None and operation is not None:
            token = make_subscription_token(user, operation)
        path = _with_token(path or NOTIFICATIONS_PATH, token)
        super().__init__(path, user=None if "client" in options else user, **options)
        #: The operation whose page is open, if it is that of one.
        self.operation = operation
        self._opened: tuple[WebsocketConnection, int] | None = None
        _report_logged_exceptions(self._run)

    # Opening.

    @takes_seconds
    def connect(
        self, path: str | None = None, *, timeout: float | None = None
    ) -> Handshake:
        """Open the connection; return the ``Handshake``."""
        handshake = super().connect(path, timeout=timeout)
        self._note_opening()
        return handshake

    @kit_coroutine
    async def aconnect(
        self, path: str | None = None, *, timeout: float | None = None
    ) -> Handshake:
        """Open the connection; return the ``Handshake``."""
        handshake = await super().aconnect(path, timeout=timeout)
        self._note_opening()
        return handshake

    def reconnect(self) -> Handshake:
        """Lose the connection, and open it again as the page's script does."""
        handshake = super().reconnect()
        self._note_opening()
        return handshake

    @kit_coroutine
    async def areconnect(self) -> Handshake:
        """Lose the connection, and open it again as the page's script does."""
        handshake = await super().areconnect()
        self._note_opening()
        return handshake

    def _note_opening(self) -> None:
        """Remember which frames came with the handshake."""
        connection = self._driver.connected("connect()")
        self._opened = connection, len(connection.frames)

    def _is_captive(self) -> bool:
        """Tell whether all that the handshake brings has come with it."""
        return is_captive(layer_in_place())

    # What the page shows.

    @property
    def messages(self) -> list[Any]:
        """What has come, read or not, decoded."""
        self._run.ensure_rest()
        return self._messages()

    def _messages(self, count: int | None = None) -> list[Any]:
        frames = self._driver.connected("An assertion").frames
        return [self._run.wire.decode_frame(frame) for frame in frames[:count]]

    def _named(self, name: str) -> list[Any]:
        """Return what came under one of the names that liveops uses."""
        return [message[name] for message in self._messages() if name in message]

    @property
    def regions(self) -> dict[str, Region]:
        """What each region of the page holds now, by id."""
        self._run.ensure_rest()
        return self._page().regions

    def history(self, region: str) -> list[Region]:
        """Return what a region has held, in order."""
        self._run.ensure_rest()
        return self._page().history[region]

    def _page(self, count: int | None = None) -> Page:
        page = Page()
        for message in self._messages(count):
            page.swap(message.get("liveop_html", ""))
        return page


class _LoggedExceptions(logging.Handler):
    """Reports to a test the exceptions that liveops' consumer only logs."""

    def __init__(self, run: Any) -> None:
        super().__init__(logging.WARNING)
        self.run = run

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.run.errors.record(record.exc_info[1])


def _report_logged_exceptions(run: Any) -> None:
    logger = logging.getLogger("liveops.consumers")
    if any(getattr(handler, "run", None) is run for handler in logger.handlers):
        return
    handler = _LoggedExceptions(run)
    logger.addHandler(handler)
    run.add_cleanup(logger.removeHandler, handler)


def _with_token(path: str, token: str | None) -> str:
    if token is None:
        return path
    query = urlencode({"subscription_token": token})
    return f"{path}{'&' if '?' in path else '?'}{query}"
