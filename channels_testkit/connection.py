"""One WebSocket connection: what crosses it, and what state it is in."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from . import breaches
from .engine.application import RunningApplication
from .engine.protocol import WebsocketProtocol
from .engine.recorder import MEETING, recorder
from .engine.tracebacks import note_owner
from .engine.transcript import IN, OUT, Transcript
from .handshake import Handshake
from .layers import next_number
from .waiting import Waiting

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, MutableMapping

    from channels.consumer import AsyncConsumer

    from .engine.application import ASGIApplication, Event
    from .surroundings import Surroundings

NORMAL_CLOSURE = 1000
ABNORMAL_CLOSURE = 1006

__unittest = True


class Connection:
    """One run of an application for one client, from handshake to end."""

    def __init__(
        self, say_label: Callable[[], str], surroundings: Surroundings
    ) -> None:
        self.state = "new"
        self.handshake: Handshake | None = None
        self.close_code: int | None = None
        self.close_reason = ""
        #: When it was last given an event, among the numbers of messages.
        self.fed_at = 0
        #: The payload of every frame that came, read or not.
        self.frames: list[str | bytes] = []
        self.consumer: AsyncConsumer | None = None
        self.scope: MutableMapping[str, Any] = {}
        self.error: BaseException | None = None
        self.application: ASGIApplication | None = None
        self.surroundings = surroundings
        self._say_label = say_label
        self._transcript = Transcript(say_label())
        self._unread: deque[Event] = deque()
        self._denial: dict[str, Any] = {}
        self._waiting = Waiting(surroundings)
        self._running: RunningApplication | None = None
        self._protocol = WebsocketProtocol()
        self.user: object = None
        #: The path as the test gave it, which may carry a query string.
        self.opened_at = ""

    @property
    def label(self) -> str:
        """How failures call it; another connection may make it longer."""
        return self._say_label()

    @property
    def transcript(self) -> Transcript:
        """What has crossed the connection, in order."""
        self._transcript.label = self.label
        return self._transcript

    # The life of the application.

    def start(
        self,
        application: ASGIApplication,
        scope: MutableMapping[str, Any],
        *,
        user: object = None,
    ) -> None:
        """Run the application; ``user`` is for one without auth."""
        self.application, self.scope = application, scope
        self._path = scope["path"]
        self.state = "connecting"
        self.user = user
        self._protocol = WebsocketProtocol(
            offered=scope.get("subprotocols") or (),
            extensions=scope.get("extensions") or (),
        )
        recorder.hold()
        self._running = RunningApplication(
            application,
            scope,
            on_send=self._receive_event,
            on_end=self._application_ended,
            name=self.label,
            variables={MEETING: self},
        )

    def meet(self, consumer: AsyncConsumer, scope: MutableMapping[str, Any]) -> None:
        """Take note of the consumer behind the application."""
        if self.consumer is not None:
            return
        self.consumer, self.scope = consumer, scope
        if self.user is not None and "user" not in scope:
            scope["user"] = self.user

    @property
    def has_ended(self) -> bool:
        """Whether the application has ended."""
        return self._running is not None and self._running.has_ended

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The task of the application."""
        return None if self._running is None else self._running.task

    @property
    def is_running(self) -> bool:
        """Whether the application was started and has not ended."""
        return self._running is not None and not self._running.has_ended

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent."""
        return self.state == "open"

    def feed(self, event: Event) -> None:
        """Give the application an event."""
        if self._running is None:
            raise RuntimeError(f"{self.label} is not connected: connect() first.")
        self.fed_at = next_number()
        kind = event.get("type")
        shown = {**event, "path": self._path} if kind == "websocket.connect" else event
        self._transcript.add(IN, shown)
        if kind == "websocket.disconnect":
            self._protocol.client_gone()
            if self.state in {"connecting", "open"}:
                self.state = "disconnected"
        self._running.feed(event)

    def cancel(self) -> None:
        """Cancel an application that does not end by itself."""
        if self._running is not None:
            self._running.task.cancel()

    # Waiting.

    async def settle(self) -> None:
        """Come to rest; raise what the application raised meanwhile."""
        await self._waiting.settle()

    async def until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait for a condition, as long as it can still come true."""
        return await self._waiting.until(condition, timeout)

    # What the application does.

    def _receive_event(self, event: Event) -> None:
        breach = self._protocol.check(event)
        if breach is not None:
            breaches.tell(self, breach, event)
        if self._protocol.state == "gone":
            self._transcript.add(OUT, event, "dropped: the client had gone")
        elif breach is not None and breaches.is_meaningless(breach):
            shown = breaches.printable(event)
            self._transcript.add(OUT, shown, f"ignored: {breach.name}")
        else:
            self._protocol.sent(event)
            self._transcript.add(OUT, event)
            self._unread.append(event)
            self._handlers[event["type"]](self, event)
            self._waiting.wake()

    def _accept(self, event: Event) -> None:
        self.state = "open"
        self.handshake = Handshake(
            accepted=True,
            subprotocol=event.get("subprotocol"),
            headers=list(event.get("headers") or []),
        )

    def _frame(self, event: Event) -> None:
        self.frames.append(payload_of(event))

    def _close(self, event: Event) -> None:
        code, reason = event.get("code"), event.get("reason") or ""
        self.close_code = NORMAL_CLOSURE if code is None else code
        self.close_reason = reason
        seen_by_client = self.close_code
        if self.state == "connecting":
            self.state = "rejected"
            self.handshake = Handshake(
                accepted=False, code=self.close_code, reason=reason
            )
            # The HTTP answer is a 403: the code never crosses the wire.
            seen_by_client = ABNORMAL_CLOSURE
        else:
            self.state = "closed"
        self._deliver_disconnect(seen_by_client, reason)

    def _begin_denial(self, event: Event) -> None:
        self._denial = {
            "status": event["status"],
            "headers": list(event.get("headers") or []),
            "body": b"",
        }

    def _continue_denial(self, event: Event) -> None:
        self._denial["body"] += event.get("body") or b""
        if event.get("more_body"):
            return
        self.state = "rejected"
        self.handshake = Handshake(accepted=False, **self._denial)
        self._deliver_disconnect(ABNORMAL_CLOSURE, "")

    def _deliver_disconnect(self, code: int, reason: str) -> None:
        """Tell the application that the connection has gone, as servers do."""
        if self._running is not None:
            event = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self._running.feed(event)

    def _application_ended(self, error: BaseException | None) -> None:
        recorder.release()
        self.error = error
        if self.state in {"connecting", "open"}:
            self.state = "ended"
        if error is not None:
            note = {"type": f"raised  {type(error).__name__}: {error}"}
            self._transcript.add(OUT, note)
            note_owner(error, f"the application of {self.label}")
            self.surroundings.errors.record(error)
        self._waiting.wake()

    _handlers: ClassVar[dict[str, Callable[[Connection, Event], None]]] = {
        "websocket.accept": _accept,
        "websocket.send": _frame,
        "websocket.close": _close,
        "websocket.http.response.start": _begin_denial,
        "websocket.http.response.body": _continue_denial,
    }

    # What the test reads.

    @property
    def unread(self) -> deque[Event]:
        """The events that have not been read."""
        return self._unread

    def take(self) -> Event:
        """Take the next unread event."""
        return self._unread.popleft()

    def take_handshake(self) -> None:
        """Take the events that made up the handshake."""
        self._unread = deque(
            event
            for event in self._unread
            if is_frame(event)
            or (event["type"] == "websocket.close" and self.state == "closed")
        )

    def take_frames(self) -> list[str | bytes]:
        """Take every unread frame."""
        events = [event for event in self._unread if is_frame(event)]
        others = [event for event in self._unread if not is_frame(event)]
        self._unread.clear()
        self._unread.extend(others)
        return [payload_of(event) for event in events]


def is_frame(event: Mapping[str, Any]) -> bool:
    """Tell whether an event is a frame."""
    return bool(event["type"] == "websocket.send")


def payload_of(event: Mapping[str, Any]) -> str | bytes:
    """Return the text or the bytes of a frame."""
    text: str | None = event.get("text")
    payload: bytes = event.get("bytes") or b""
    return payload if text is None else text
