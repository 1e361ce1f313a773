"""One HTTP request: what crosses it, and how far its response is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.connection import Connection
from channels_testkit.asgi.http_protocol import START, HttpProtocol
from channels_testkit.routing.remedies import explained

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from channels_testkit.asgi.application import ASGIApplication, Event
    from channels_testkit.asgi.environment import Environment
    from channels_testkit.asgi.scope import HeaderList

DISCONNECT = "http.disconnect"

__unittest = True


class HttpConnection(Connection):
    """One run of an application for one request, from now to its end."""

    def __init__(
        self,
        application: ASGIApplication,
        scope: MutableMapping[str, Any],
        *,
        say_label: Callable[[], str],
        environment: Environment,
        on_response: Callable[[HeaderList], None],
    ) -> None:
        super().__init__(say_label, environment)
        self._protocol: HttpProtocol = HttpProtocol()
        self._application = application
        self._on_response = on_response
        self.status: int | None = None
        self.headers: HeaderList = []
        #: The parts of the response's body, read or not.
        self.parts: list[bytes] = []
        self.sends_body = True
        self._run(application, scope)

    @property
    def state(self) -> str:
        """What failures say of it, in one word."""
        if self._protocol.state == "gone":
            return "disconnected"
        return "ended" if self.has_ended else "open"

    @property
    def is_complete(self) -> bool:
        """Whether the last part of the response has come."""
        return self._protocol.state == "complete"

    def _explained(self, error: BaseException) -> BaseException:
        return explained(error, self._application, "http")

    def _note_fed(self, event: Event) -> None:
        if event.get("type") == DISCONNECT:
            self._protocol.client_gone()
        self.sends_body = bool(event.get("more_body"))

    def go_away(self) -> None:
        """Leave before the response is complete; after it, do nothing."""
        if self.state == "open" and not self.is_complete:
            self.feed({"type": DISCONNECT})

    async def until(
        self,
        condition: Callable[[], bool],
        timeout: float,
        *,
        for_timers_only: bool = False,
    ) -> bool:
        """
        Wait for a condition, as long as it can still come true.

        It cannot when the application has ended or the client has gone.
        """
        await super().until(
            lambda: condition() or self.state != "open",
            timeout,
            for_timers_only=for_timers_only,
        )
        return condition()

    def _take_in(self, event: Event) -> None:
        if event["type"] == START:
            self.status = event["status"]
            self.headers = list(event.get("headers") or [])
            self._on_response(self.headers)
            return
        self.parts.append(event.get("body") or b"")
        if self.is_complete:
            # What a server answers to receive() from then on.
            self._feed_silently({"type": DISCONNECT})

    # What the test reads.

    def take_part(self) -> bytes | None:
        """Take the next part of the body that is not empty, or None."""
        while self.unread:
            part: bytes = self.unread.popleft().get("body") or b""
            if part:
                return part
        return None

    @property
    def has_part(self) -> bool:
        """Whether ``take_part()`` would return one."""
        return any(event.get("body") for event in self.unread)
