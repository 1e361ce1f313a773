"""One WebSocket connection: what crosses it, and what state it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from channels_testkit.asgi.breaches import printable, sent_by
from channels_testkit.asgi.connection import Connection
from channels_testkit.asgi.transcript import OUT
from channels_testkit.asgi.websocket_protocol import WebsocketProtocol
from channels_testkit.routing.remedies import explained

from .handshake import Handshake
from .schema_failures import wrong_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from channels.consumer import AsyncConsumer

    from channels_testkit.asgi.application import ASGIApplication, Event
    from channels_testkit.asgi.environment import Environment

NORMAL_CLOSURE = 1000
ABNORMAL_CLOSURE = 1006

__unittest = True


class WebsocketConnection(Connection):
    """One run of an application for one client, from handshake to end."""

    def __init__(self, say_label: Callable[[], str], environment: Environment) -> None:
        super().__init__(say_label, environment)
        self._state = "new"
        self._protocol: WebsocketProtocol = WebsocketProtocol()
        self._denial: dict[str, Any] = {}
        self.application: ASGIApplication | None = None
        self.handshake: Handshake | None = None
        self.close_code: int | None = None
        self.close_reason = ""
        #: The payload of every frame that came, read or not.
        self.frames: list[str | bytes] = []
        #: The user whom the test has asked for, where it has.
        self.user: object = None
        #: The user whom the application knew when it accepted.
        self.accepted_as: object = None
        #: Why the application may have another user, and what to do.
        self.login_hint = ""
        #: Whether the application is the project's, and not the test's own.
        self.is_of_project = False
        #: Whether the scope may have no user, because the test has its own
        #: ``get_login()``, by which the application finds one.
        self.may_lack_user = False
        self._has_set_user = False
        #: The path as the test gave it, which may carry a query string.
        self.opened_at = ""
        #: Called with each frame, where the client answers some of them.
        self.on_frame: Callable[[Event], object] | None = None

    def start(
        self,
        application: ASGIApplication,
        scope: MutableMapping[str, Any],
    ) -> None:
        """Run the application."""
        self.application = application
        self._path = scope["path"]
        self._state = "connecting"
        self._protocol = WebsocketProtocol(
            offered=scope.get("subprotocols") or (),
            extensions=scope.get("extensions") or (),
        )
        self._run(application, scope)

    @property
    def state(self) -> str:
        """What failures say of it, in one word."""
        return self._state

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent."""
        return self._state == "open"

    def note_consumer(
        self, consumer: AsyncConsumer, scope: MutableMapping[str, Any]
    ) -> None:
        """Take note of the consumer; give it a user where none is set."""
        is_missing = self.consumer is None and "user" not in scope
        if self.user is not None and is_missing and not self.may_lack_user:
            scope["user"] = self.user
            self._has_set_user = True
        super().note_consumer(consumer, scope)

    def is_of(self, user: Any) -> bool:
        """Tell whether it was opened as a user, or found to be that one's."""
        known = (self.user, self.accepted_as, self.scope.get("user"))
        return any(it is not None and _is_same_user(it, user) for it in known)

    @property
    def lacks_user(self) -> bool:
        """Whether there would be no user in the scope in production."""
        is_ours = self._has_set_user and self.scope.get("user") is self.user
        return self.is_of_project and is_ours

    def _shown(self, event: Event) -> Event:
        is_first = event.get("type") == "websocket.connect"
        return {**event, "path": self._path} if is_first else event

    def _note_fed(self, event: Event) -> None:
        if event.get("type") == "websocket.disconnect":
            self._protocol.client_gone()
            if self._state in {"connecting", "open"}:
                self._state = "disconnected"

    def _note_ended(self) -> None:
        if self._state in {"connecting", "open"}:
            self._state = "ended"

    def _explained(self, error: BaseException) -> BaseException:
        return explained(error, self.application)

    def check_sent(self, event: Event) -> None:
        """Raise ``FrameError`` for a frame that no client may send."""
        found = wrong_frame(self.environment, "sent_frame_schema", payload_of(event))
        if found is not None:
            whose = f"The test's frame to {self.label}"
            raise found.failure(whose, "", self.transcript) from found.cause

    # What the application sends.

    def _check_content(self, event: Event) -> None:
        if not is_frame(event):
            return
        found = wrong_frame(self.environment, "frame_schema", payload_of(event))
        if found is not None:
            self._note(OUT, printable(event), "refused: frame_schema")
            whose = f"The frame from {self.label}"
            error = found.failure(whose, sent_by(self.consumer), self.transcript)
            self.environment.errors.record(error)
            raise error from found.cause

    def _take_in(self, event: Event) -> None:
        self._handlers[event["type"]](self, event)

    def _accept(self, event: Event) -> None:
        self._state = "open"
        self.accepted_as = self.scope.get("user")
        self.answer(event)

    def answer(self, event: Event) -> None:
        """Have an accept, or a close before it, for the handshake."""
        if event["type"] == "websocket.accept":
            self.handshake = Handshake(
                accepted=True,
                subprotocol=event.get("subprotocol"),
                headers=list(event.get("headers") or []),
            )
        elif event["type"] == "websocket.close":
            code = event.get("code")
            self.handshake = Handshake(
                accepted=False,
                code=NORMAL_CLOSURE if code is None else code,
                reason=event.get("reason") or "",
            )

    def _frame(self, event: Event) -> None:
        self.frames.append(payload_of(event))
        if self.on_frame is not None:
            self.on_frame(event)

    def _close(self, event: Event) -> None:
        code, reason = event.get("code"), event.get("reason") or ""
        self.close_code = NORMAL_CLOSURE if code is None else code
        self.close_reason = reason
        seen_by_client = self.close_code
        if self._state == "connecting":
            self._state = "rejected"
            self.answer(event)
            # The HTTP answer is a 403: the client never gets the code.
            seen_by_client = ABNORMAL_CLOSURE
        else:
            self._state = "closed"
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
        self._state = "rejected"
        self.handshake = Handshake(accepted=False, **self._denial)
        self._deliver_disconnect(ABNORMAL_CLOSURE, "")

    def _deliver_disconnect(self, code: int, reason: str) -> None:
        """Tell the application that the connection has gone, as servers do."""
        self._feed_silently(disconnect_event(code, reason))

    _handlers: ClassVar[dict[str, Callable[[WebsocketConnection, Event], None]]] = {
        "websocket.accept": _accept,
        "websocket.send": _frame,
        "websocket.close": _close,
        "websocket.http.response.start": _begin_denial,
        "websocket.http.response.body": _continue_denial,
    }

    # What the test reads.

    def take(self) -> Event:
        """Take the next unread event."""
        return self.unread.popleft()

    def take_handshake(self) -> None:
        """Take the events that made up the handshake."""
        self._keep(
            lambda event: (
                is_frame(event)
                or (event["type"] == "websocket.close" and self.state == "closed")
            )
        )

    def take_frames(self) -> list[str | bytes]:
        """Take every unread frame."""
        frames = [payload_of(event) for event in self.unread if is_frame(event)]
        self._keep(lambda event: not is_frame(event))
        return frames

    def _keep(self, is_kept: Callable[[Event], bool]) -> None:
        """Drop the unread events that are not to be kept."""
        kept = list(filter(is_kept, self.unread))
        self.unread.clear()
        self.unread.extend(kept)


def _is_same_user(one: Any, other: Any) -> bool:
    keys = getattr(one, "pk", None), getattr(other, "pk", None)
    if keys.count(None) == 1:
        # One that is deleted has no key any more.
        return str(one) == str(other)
    return one is other or bool(one == other)


def disconnect_event(code: int, reason: str) -> dict[str, Any]:
    """Return what the application receives when its client has gone."""
    return {"type": "websocket.disconnect", "code": code, "reason": reason}


def is_frame(event: Mapping[str, Any]) -> bool:
    """Tell whether an event is a frame."""
    return bool(event["type"] == "websocket.send")


def payload_of(event: Mapping[str, Any]) -> str | bytes:
    """Return the text or the bytes of a frame."""
    text: str | None = event.get("text")
    payload: bytes = event.get("bytes") or b""
    return payload if text is None else text
