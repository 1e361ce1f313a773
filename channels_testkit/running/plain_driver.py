"""Drives any ASGI application."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.plain_connection import PlainConnection
from channels_testkit.matching.wording import say
from channels_testkit.routing.application import check_application

from .driver import Driver

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_testkit.asgi.application import (
        ASGIApplication,
        Event,
        GivenApplication,
    )

__unittest = True


class ApplicationDriver(Driver[PlainConnection]):
    """Drives one application, which starts when it is first needed."""

    #: By the type of the scope; others end when they are cancelled.
    last_events = frozenset({"http", "websocket"})

    def __init__(
        self,
        application: GivenApplication,
        scope: MutableMapping[str, Any],
        say_label: Callable[[], str],
    ) -> None:
        super().__init__(say_label)
        self._application = check_application(application)
        if not isinstance(scope, MutableMapping):
            raise TypeError(f"A scope is a dict, not {say(scope)}.")
        self.first_scope = scope
        if self.run is not None:
            self.run.opened.register(self)

    @property
    def application(self) -> ASGIApplication:
        """The application that was given."""
        return self._application

    @property
    def usual_label(self) -> str:
        """How failures call it: by its path, or by the type of its scope."""
        scope = self.first_scope
        kind = scope.get("type", "?")
        return str(scope.get("path") or f"the {kind!r} application")

    def connected(self, call: str) -> PlainConnection:
        """Return the connection; it begins with the first call."""
        del call
        self.refuse_elsewhere()
        if self.connection is None:
            self.connection = PlainConnection(
                self._application,
                self.first_scope,
                lambda: self.label,
                self.environment,
            )
            self.connection.holds_error = self.holds_errors
        return self.connection

    async def feed(self, event: Event) -> None:
        """Give the application an event."""
        await self.give(self.connected("send_input()"), event)

    async def leave(self) -> None:
        """Tell the application that its client has gone, where it has one."""
        connection = self.connected("leave()")
        kind = self.first_scope.get("type")
        if kind in self.last_events:
            connection.feed({"type": f"{kind}.disconnect", "code": 1000})
        else:
            connection.cancel()
        await connection.until_ended(self.seconds(None))
