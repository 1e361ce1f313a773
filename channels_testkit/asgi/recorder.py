"""Finding the consumer behind any middleware, and what its handlers do."""

from __future__ import annotations

import contextvars
import functools
from types import coroutine
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from channels.consumer import AsyncConsumer

from channels_testkit.engine.origins import OWNER
from channels_testkit.layers.recorded import messages_taken
from channels_testkit.matching.wording import shorten
from channels_testkit.timeline.recording import Actor, is_recording, record

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, MutableMapping

    from channels_testkit.timeline.story import Story


class NotesConsumer(Actor, Protocol):
    """Is informed of the consumer behind an application."""

    def note_consumer(
        self, consumer: AsyncConsumer, scope: MutableMapping[str, Any]
    ) -> None:
        """Take note of the consumer and of the scope that it is given."""


class Handling(NamedTuple):
    """One dispatch of a consumer: whose, and of what."""

    actor: Actor
    message: Any
    #: The type of the message when it came; its handler may change it.
    kind: object

    @property
    def name(self) -> str:
        """What the handler is called."""
        return f"{_owner_of(self.actor)}.{_method_for(self.kind)}()"


#: In the context of a handler, and of what it starts: which dispatch it is.
HANDLING: contextvars.ContextVar[Handling | None] = contextvars.ContextVar(
    "channels_testkit.handling", default=None
)
#: Functions that are called with each dispatch that begins.
handling_followers: list[Callable[[Handling], object]] = []


class Recorder:
    """Wraps ``AsyncConsumer.__call__`` while some application is running."""

    def __init__(self) -> None:
        self._held = 0
        self._real: Any = None

    def hold(self) -> None:
        """Record until ``release()`` has been called as often."""
        self._held += 1
        if self._held == 1:
            self._real = AsyncConsumer.__call__
            AsyncConsumer.__call__ = _recording(self._real)  # type: ignore[method-assign]

    def release(self) -> None:
        """Undo one ``hold()``."""
        self._held -= 1
        if not self._held:
            AsyncConsumer.__call__ = self._real  # type: ignore[method-assign]


def _recording(real: Any) -> Any:
    async def call(
        consumer: AsyncConsumer, scope: Any, receive: Any, send: Any
    ) -> None:
        owner = cast("NotesConsumer | None", OWNER.get())
        if owner is not None:
            owner.note_consumer(consumer, scope)
        if owner is None or not is_recording():
            await real(consumer, scope, receive, send)
            return
        own = vars(consumer)
        own["dispatch"] = functools.partial(_dispatch, consumer.dispatch, owner)
        try:
            await real(consumer, scope, receive, send)
        finally:
            own.pop("dispatch", None)

    return call


# No coroutine of its own: Python would look for the callers of each one.
@coroutine
def _dispatch(real: Any, actor: Actor, message: Any) -> Generator[Any, Any, None]:
    """Run a handler, and record it for the timeline."""
    # Its type as it is now: a handler may change what it is given.
    kind = message.get("type") if isinstance(message, dict) else None
    record(actor, handler_begins, message, kind)
    before, handling = HANDLING.get(), Handling(actor, message, kind)
    HANDLING.set(handling)
    for follow in tuple(handling_followers):
        follow(handling)
    try:
        yield from real(message)
    except Exception:
        HANDLING.set(before)
        raise
    finally:
        record(actor, handler_ends, message)
    # Not where it is thrown away: that may be in the midst of another set().
    HANDLING.set(before)


def handler_begins(story: Story, message: Any, kind: object) -> None:
    """Tell that a handler begins, and of which message on a layer."""
    lane = messages_taken(story).get(id(message))
    consumer = None if story.actor is None else story.actor.consumer
    owner, method = _owner_of(story.actor), _method_for(kind)
    if consumer is not None and _lacks(consumer, method):
        text = f"{owner} has no {method}()"
        story.add("handler", text, detail=message, source=lane)
        return
    name = f"{owner}.{method}()"
    story.begin(
        id(message),
        "handler",
        f"{name} begins",
        f"{name} ends",
        alone=f"{name} runs",
        # A client's event that is handled at once needs no line.
        says_nothing=lane is None and story.is_answering(),
        detail=message,
        source=lane,
    )


def _lacks(consumer: object, method: str) -> bool:
    """Tell whether Channels looks for a method that a consumer has not."""
    kinds = type(consumer).__mro__
    dispatcher = next((it for it in kinds if "dispatch" in vars(it)), object)
    return dispatcher.__module__ == "channels.consumer" and not hasattr(
        consumer, method
    )


def _owner_of(actor: Actor | None) -> str:
    return type(None if actor is None else actor.consumer).__name__


def _method_for(kind: object) -> str:
    return shorten(str(kind).replace(".", "_"))


def handler_ends(story: Story, message: Any) -> None:
    """Tell that a handler has ended."""
    story.end(id(message))


recorder = Recorder()
