"""One HTTP request: what crosses it, and how far its response is."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from . import breaches
from .engine.application import RunningApplication
from .engine.http_protocol import START, HttpProtocol
from .engine.recorder import MEETING, recorder
from .engine.tracebacks import note_owner
from .engine.transcript import IN, OUT, Transcript
from .layers import next_number
from .waiting import Waiting

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, MutableMapping

    from channels.consumer import AsyncConsumer

    from .engine.application import ASGIApplication, Event
    from .scope import HeaderList
    from .surroundings import Surroundings

DISCONNECT = "http.disconnect"

__unittest = True


class HttpConnection:
    """One run of an application for one request, from now to its end."""

    def __init__(
        self,
        application: ASGIApplication,
        scope: MutableMapping[str, Any],
        *,
        label: str,
        surroundings: Surroundings,
        on_response: Callable[[HeaderList], None],
    ) -> None:
        self.label = label
        self.surroundings = surroundings
        self.transcript = Transcript(label)
        self.status: int | None = None
        self.headers: HeaderList = []
        #: The parts of the response's body, read or not.
        self.parts: list[bytes] = []
        self.unread: deque[Event] = deque()
        self.sends_body = True
        #: When it was last given an event, among the numbers of messages.
        self.fed_at = 0
        self.consumer: AsyncConsumer | None = None
        self.scope = scope
        self.error: BaseException | None = None
        self._on_response = on_response
        self._protocol = HttpProtocol()
        self._waiting = Waiting(surroundings)
        recorder.hold()
        self._running = RunningApplication(
            application,
            scope,
            on_send=self._receive_event,
            on_end=self._application_ended,
            name=label,
            variables={MEETING: self},
        )

    def meet(self, consumer: AsyncConsumer, scope: MutableMapping[str, Any]) -> None:
        """Take note of the consumer behind the application."""
        if self.consumer is None:
            self.consumer, self.scope = consumer, scope

    @property
    def state(self) -> str:
        """What failures say of it."""
        if self._protocol.state == "gone":
            return "disconnected"
        return "ended" if self.has_ended else "open"

    @property
    def is_complete(self) -> bool:
        """Whether the last part of the response has come."""
        return self._protocol.state == "complete"

    @property
    def has_ended(self) -> bool:
        """Whether the application has ended."""
        return self._running.has_ended

    @property
    def task(self) -> asyncio.Task[None]:
        """The task of the application."""
        return self._running.task

    def feed(self, event: Event) -> None:
        """Give the application an event."""
        self.fed_at = next_number()
        self.transcript.add(IN, event)
        if event.get("type") == DISCONNECT:
            self._protocol.client_gone()
        self.sends_body = bool(event.get("more_body"))
        self._running.feed(event)

    def go_away(self) -> None:
        """Leave before the response is complete; after it, do nothing."""
        if self.state == "open" and not self.is_complete:
            self.feed({"type": DISCONNECT})

    def cancel(self) -> None:
        """Cancel an application that does not end by itself."""
        self._running.task.cancel()

    # Waiting.

    async def settle(self) -> None:
        """Come to rest; raise what the application raised meanwhile."""
        await self._waiting.settle()

    async def until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """
        Wait for a condition, as long as it can still come true.

        It cannot when the application has ended or the client has gone.
        """
        await self._waiting.until(lambda: condition() or self.state != "open", timeout)
        return condition()

    async def until_ended(self, timeout: float) -> bool:
        """Wait for the end of the application; tell whether it came."""
        return await self._waiting.until(lambda: self.has_ended, timeout)

    # What the application does.

    def _receive_event(self, event: Event) -> None:
        breach = self._protocol.check(event)
        if breach is not None:
            breaches.tell(self, breach, event)
        if self._protocol.state == "gone":
            shown = breaches.printable(event)
            self.transcript.add(OUT, shown, "dropped: the client had gone")
        elif breach is not None and breaches.is_meaningless(breach):
            shown = breaches.printable(event)
            self.transcript.add(OUT, shown, f"ignored: {breach.name}")
        else:
            self._protocol.sent(event)
            self.transcript.add(OUT, event)
            self.unread.append(event)
            self._keep(event)
            self._waiting.wake()

    def _keep(self, event: Event) -> None:
        if event["type"] == START:
            self.status = event["status"]
            self.headers = list(event.get("headers") or [])
            self._on_response(self.headers)
            return
        self.parts.append(event.get("body") or b"")
        if self.is_complete:
            # What a server answers to receive() from then on.
            self._running.feed({"type": DISCONNECT})

    def _application_ended(self, error: BaseException | None) -> None:
        recorder.release()
        self.error = error
        if error is not None:
            note = {"type": f"raised  {type(error).__name__}: {error}"}
            self.transcript.add(OUT, note)
            note_owner(error, f"the application of {self.label}")
            self.surroundings.errors.record(error)
        self._waiting.wake()

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
