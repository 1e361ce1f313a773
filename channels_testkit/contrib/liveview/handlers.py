"""One call of a handler or a middleware, on a consumer without transport."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from channels_testkit.layers.message_failures import nothing_sent_to
from channels_testkit.matching.wording import say

from .frames import UNKNOWN_FUNCTION, TurnAssertions, is_error, take_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from channels_testkit.asgi.application import Event, Receive, Send
    from channels_testkit.asgi.transcript import Transcript
    from channels_testkit.layers.sent import Sent
    from channels_testkit.websocket.communicator import WebsocketCommunicator

    from .registry import Middleware

__unittest = True

ROOM_GROUP = "room_{}"
FORWARDED = "broadcast_message"


class RecordedConsumer:
    """An application: a real consumer, and what it sends by itself."""

    def __init__(self, consumer_class: Any) -> None:
        self.consumer_class = consumer_class
        #: What it has sent, but for what it was told to forward by a group.
        self.events: list[Event] = []

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Run a consumer as its ``as_asgi()`` does."""
        consumer = self.consumer_class()
        real_dispatch = consumer.dispatch
        is_forwarding = False

        async def dispatch(message: Event) -> None:
            nonlocal is_forwarding
            is_forwarding = not message["type"].startswith("websocket.")
            await real_dispatch(message)
            is_forwarding = False

        async def record(event: Event) -> None:
            await send(event)
            if not is_forwarding:
                self.events.append(event)

        consumer.dispatch = dispatch
        await consumer(scope, receive, record)


@dataclass(frozen=True)
class HandlerResult(TurnAssertions):
    """
    The result of one call of a function, or of a middleware.

    ``frames`` were sent to the client itself, and ``sent`` is what was put on
    the channel layer. ``communicator`` is the connection, which is closed.
    """

    function: str
    frames: list[Any]
    sent: list[Sent]
    blocked_by: Middleware | None
    communicator: WebsocketCommunicator

    @property
    def allowed(self) -> bool:
        """Whether every middleware has let the call through to a handler."""
        return self.blocked_by is None and not self._is_unknown

    @property
    def _is_unknown(self) -> bool:
        text = UNKNOWN_FUNCTION.format(self.function)
        return any(is_error(frame) and frame["error"] == text for frame in self.frames)

    @property
    def broadcasts(self) -> list[Any]:
        """What was sent to everybody, in every room."""
        return self._sent_to_group(self.communicator.consumer.broadcast_group)  # type: ignore[attr-defined]

    def sent_to(self, room: str) -> list[Any]:
        """Return what was sent to everybody in a room."""
        return self._sent_to_group(ROOM_GROUP.format(room))

    def _sent_to_group(self, group: str) -> list[Any]:
        return [
            entry.message["message"]
            for entry in self.sent
            if entry.group == group and entry.message.get("type") == FORWARDED
        ]

    def assert_broadcast(
        self, selector: str, contains: str | None = None, **fields: object
    ) -> Any:
        """Assert that a frame for a target was sent to everybody."""
        __tracebackhide__ = True
        return self._take(self.broadcasts, "was broadcast", selector, contains, fields)

    def assert_sent_to(
        self, room: str, selector: str, contains: str | None = None, **fields: object
    ) -> Any:
        """Assert that a frame for a target was sent to a room."""
        __tracebackhide__ = True
        frames = self.sent_to(room)
        if not frames:
            self._fail(nothing_sent_to("group", ROOM_GROUP.format(room), self.sent))
        came = f"was sent to room {say(room)}"
        return self._take(frames, came, selector, contains, fields)

    def assert_allowed(self) -> None:
        """Assert that every middleware has let the call through."""
        if self.blocked_by is not None:
            name = _name_of(self.blocked_by)
            self._fail(f"{name} blocked {say(self.function)}, and should not have.")
        if self._is_unknown:
            self._fail(f"No function {say(self.function)} is registered to be called.")

    def assert_blocked(self) -> None:
        """Assert that a middleware has kept the handler from being called."""
        if self.blocked_by is None:
            self._fail(f"No middleware blocked {say(self.function)}.")

    def _fail(self, verdict: str) -> None:
        raise AssertionError(f"{verdict}\n\n{self.communicator.transcript}")

    def _take(
        self,
        frames: Sequence[Any],
        came: str,
        selector: str,
        contains: str | None,
        fields: dict[str, Any],
    ) -> Any:
        __tracebackhide__ = True
        came = f"{came} by {self.function}()"
        transcript = self.communicator.transcript
        return take_target(frames, came, transcript, selector, contains, fields)

    def _look(self) -> tuple[list[Any], str, Transcript]:
        came = f"was sent to the client by {self.function}()"
        return self.frames, came, self.communicator.transcript


def _name_of(middleware: Middleware) -> str:
    name = getattr(middleware, "__name__", None)
    return repr(middleware) if name is None else f"{name}()"


def decoded(events: Iterable[Event], decode: Callable[[Any], Any]) -> list[Any]:
    """Return the frames among the events that a consumer has sent."""
    frames = [event for event in events if event["type"] == "websocket.send"]
    return [decode(frame.get("text") or frame.get("bytes")) for frame in frames]
