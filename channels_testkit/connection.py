"""One WebSocket connection: what crosses it, and what state it is in."""

from __future__ import annotations

import asyncio
import warnings
from collections import deque
from typing import TYPE_CHECKING, Any

from .engine.application import RunningApplication
from .engine.protocol import Breach, WebsocketProtocol
from .engine.recorder import MEETING, recorder
from .engine.transcript import IN, OUT, Transcript
from .exceptions import ChannelsTestkitWarning, NoFrame, ProtocolError
from .handshake import Handshake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from channels.consumer import AsyncConsumer

    from .engine.application import ASGIApplication, Event
    from .surroundings import Surroundings

NORMAL_CLOSURE = 1000
ABNORMAL_CLOSURE = 1006

#: Stands for an expectation that was not said.
NOT_SAID: Any = object()

__unittest = True


class Connection:
    """One run of an application for one client, from handshake to end."""

    def __init__(self, label: str, surroundings: Surroundings) -> None:
        self.label = label
        self.state = "new"
        self.handshake: Handshake | None = None
        self.close_code: int | None = None
        self.close_reason = ""
        #: The payload of every frame that came, read or not.
        self.frames: list[str | bytes] = []
        self.consumer: AsyncConsumer | None = None
        self.scope: MutableMapping[str, Any] = {}
        self.transcript = Transcript(label)
        self.error: BaseException | None = None
        self._around = surroundings
        self._unread: deque[Event] = deque()
        self._denial: dict[str, Any] = {}
        self._arrival: asyncio.Future[None] | None = None
        self._application: RunningApplication | None = None
        self._protocol = WebsocketProtocol()
        self._user: object = None

    # The life of the application.

    def start(
        self,
        application: ASGIApplication,
        scope: MutableMapping[str, Any],
        *,
        user: object = None,
    ) -> None:
        """Run the application for this scope; ``user`` is for one without auth."""
        self.scope = scope
        self._path = scope["path"]
        self.state = "connecting"
        self._user = user
        self._protocol = WebsocketProtocol(
            offered=scope.get("subprotocols") or (),
            extensions=scope.get("extensions") or (),
        )
        recorder.hold()
        self._application = RunningApplication(
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
        if self._user is not None and "user" not in scope:
            scope["user"] = self._user

    @property
    def has_ended(self) -> bool:
        """Whether the application has ended."""
        return self._application is not None and self._application.has_ended

    @property
    def is_running(self) -> bool:
        """Whether the application was started and has not ended."""
        return self._application is not None and not self._application.has_ended

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent."""
        return self.state == "open"

    def feed(self, event: Event) -> None:
        """Give the application an event."""
        if self._application is None:
            raise RuntimeError(f"{self.label} is not connected: connect() first.")
        kind = event.get("type")
        shown = {**event, "path": self._path} if kind == "websocket.connect" else event
        self.transcript.add(IN, shown)
        if kind == "websocket.disconnect":
            self._protocol.client_gone()
            if self.state in {"connecting", "open"}:
                self.state = "disconnected"
        self._application.feed(event)

    def cancel(self) -> None:
        """Cancel an application that does not end by itself."""
        if self._application is not None:
            self._application.task.cancel()

    # Waiting.

    async def settle(self) -> None:
        """Come to rest; raise what the application raised meanwhile."""
        rest = self._around.rest
        if not rest.is_at_rest():
            await rest.wait()
        self._around.errors.deliver()

    async def until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """
        Come to rest, and wait on while the condition can still come true.

        It can where a timer of the application is due within ``timeout``
        seconds, or where there is work outside of the loop.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        self._around.rest.arm(timeout)
        await self.settle()
        while not condition():
            seconds = self._worth_waiting(deadline)
            if seconds is None:
                return False
            await self._arrives(seconds)
            await self.settle()
        return True

    def _worth_waiting(self, deadline: float) -> float | None:
        """Return how long it makes sense to wait, at most, or None."""
        rest = self._around.rest
        now = rest.loop.time()
        left = deadline - now
        if left <= 0:
            return None
        timers = [due for due, _ in rest.application_timers() if due <= deadline]
        if rest.outside_work():
            return left
        return max(timers[0] - now, 0.0) + _AFTER_TIMER if timers else None

    async def _arrives(self, timeout: float) -> None:
        self._arrival = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait([self._arrival], timeout=timeout)
        finally:
            self._arrival = None

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    # What the application does.

    def _receive_event(self, event: Event) -> None:
        breach = self._protocol.check(event)
        if breach is not None:
            self._tell(breach, event)
        if self._protocol.state == "gone":
            self.transcript.add(OUT, event, "dropped: the client had gone")
            return
        self._protocol.sent(event)
        self.transcript.add(OUT, event)
        self._unread.append(event)
        _HANDLERS[event["type"]](self, event)
        self._wake()

    def _tell(self, breach: Breach, event: Event) -> None:
        if not self._around.allows_breach(breach.name):
            self.transcript.add(OUT, event, f"refused: {breach.name}")
            text = f"{self.label}: {breach.text} ({breach.name})"
            if self._around.check_protocol != "warn":
                error = ProtocolError(text, breach.name)
                self._around.errors.record(error)
                raise error
            warnings.warn(text, ChannelsTestkitWarning, stacklevel=4)

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
        """Tell the application that the connection has gone, as a server does."""
        if self._application is not None:
            event = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self._application.feed(event)

    def _application_ended(self, error: BaseException | None) -> None:
        recorder.release()
        self.error = error
        if self.state in {"connecting", "open"}:
            self.state = "ended"
        if error is not None:
            note = {"type": f"raised  {type(error).__name__}: {error}"}
            self.transcript.add(OUT, note)
            self._around.errors.record(error)
        self._wake()

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
        while self._unread and self._unread[0]["type"] in _HANDSHAKE_EVENTS:
            self._unread.popleft()

    def take_frames(self) -> list[str | bytes]:
        """Take every unread frame."""
        events = [event for event in self._unread if is_frame(event)]
        others = [event for event in self._unread if not is_frame(event)]
        self._unread.clear()
        self._unread.extend(others)
        return [payload_of(event) for event in events]

    def nothing_came(
        self,
        what: str,
        timeout: float,
        *,
        expected: Any = NOT_SAID,
        can_wait: bool = False,
    ) -> NoFrame:
        """Return the failure of a receive that got nothing."""
        verdict, step = self._why_nothing(what, timeout, can_wait=can_wait)
        parts = [f"{verdict}{said(expected)}", step, str(self.transcript)]
        return NoFrame("\n\n".join(part for part in parts if part))

    def _why_nothing(
        self, what: str, timeout: float, *, can_wait: bool
    ) -> tuple[str, str]:
        """Say that something did not come, why, and what can be done."""
        none = f"No {what} from {self.label}"
        if self.error is not None:
            return f"{none}: its application raised {type(self.error).__name__}.", ""
        if self.state in {"closed", "rejected", "disconnected"} or self.has_ended:
            return f"{none}: the connection is {_END_WORDS[self.state]}.", ""
        rest = self._around.rest
        outside = ", ".join(rest.outside_work())
        if outside and can_wait:
            step = "Wait for it with 'await ...receive_json_from(timeout=...)'."
            return f"{none} so far; there is work outside of the test: {outside}.", step
        if outside:
            return f"{none} within {timeout:g} s, with {outside} outside of it.", ""
        timers = rest.application_timers()
        if not timers:
            return f"{none}: the application is at rest.", ""
        seconds = timers[0][0] - rest.loop.time()
        step = "Wait for it with 'await ...receive_json_from(timeout=...)'."
        return (
            f"{none}: the application is at rest, with a timer due in {seconds:.3g} s.",
            step if can_wait else "",
        )


_END_WORDS = {
    "closed": "closed by the application",
    "rejected": "rejected",
    "disconnected": "disconnected",
    "ended": "gone, because its application has ended",
}


def said(expected: object) -> str:
    """Return a line that shows what was expected, where something was."""
    return "" if expected is NOT_SAID else f"\n\nExpected: {expected!r}"


def is_frame(event: Mapping[str, Any]) -> bool:
    """Tell whether an event is a frame."""
    return event["type"] == "websocket.send"


def payload_of(event: Mapping[str, Any]) -> str | bytes:
    """Return the text or the bytes of a frame."""
    text: str | None = event.get("text")
    payload: bytes = event.get("bytes", b"")
    return payload if text is None else text


#: A timer that is due has to be run before it can be looked for again.
_AFTER_TIMER = 0.001
_HANDLERS: dict[str, Callable[[Connection, Event], None]] = {
    "websocket.accept": Connection._accept,
    "websocket.send": Connection._frame,
    "websocket.close": Connection._close,
    "websocket.http.response.start": Connection._begin_denial,
    "websocket.http.response.body": Connection._continue_denial,
}
_HANDSHAKE_EVENTS = _HANDLERS.keys() - {"websocket.send"}
