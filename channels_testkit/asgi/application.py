"""One ASGI application in a task: feed it, collect what it sends."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any, TypeVar

from channels_testkit.engine.jobs import APPLICATION

if TYPE_CHECKING:
    from collections.abc import (
        Awaitable,
        Callable,
        Coroutine,
        Mapping,
        MutableMapping,
    )

    Event = Mapping[str, Any]
    Receive = Callable[[], Awaitable[Event]]
    Send = Callable[[Event], Awaitable[None]]
    from asgiref.typing import ASGI2Protocol

    # Of any kind: stubs of Channels, of Django and of asgiref have protocols
    # of their own for what an application is called with and returns.
    ASGIApplication = Callable[[Any, Any, Any], Awaitable[Any]]
    # To stubs, what AuthMiddlewareStack() returns may be a class of ASGI 2.
    GivenApplication = ASGIApplication | type[ASGI2Protocol]

T = TypeVar("T")


class RunningApplication:
    """
    One ASGI application, running in a task of its own.

    It starts in an empty context, as on a server. ``on_send`` is called with
    each event that it sends and may raise into it; ``on_end`` with the
    exception that ended it, or None. It receives what is in ``events``, or
    what ``feed()`` gives it.
    """

    def __init__(
        self,
        application: ASGIApplication,
        scope: MutableMapping[str, Any],
        *,
        on_send: Callable[[Event], None],
        on_end: Callable[[BaseException | None], None],
        name: str,
        variables: Mapping[contextvars.ContextVar[Any], object],
        events: asyncio.Queue[Event] | None = None,
    ) -> None:
        self._events = asyncio.Queue() if events is None else events
        #: How many events the application has received.
        self.received = 0
        self._on_send = on_send
        self._on_end = on_end
        work = self._run(application, scope)
        self.task: asyncio.Task[None] = start(work, name, variables)
        self.task.add_done_callback(self._ended)

    @property
    def has_ended(self) -> bool:
        """Whether the application has returned, raised or been cancelled."""
        return self.task.done()

    def feed(self, event: Event) -> None:
        """Give the application an event to receive."""
        self._events.put_nowait(event)

    def take_unread(self) -> list[Event]:
        """Take what it was given and has not received."""
        unread = []
        while not self._events.empty():
            unread.append(self._events.get_nowait())
        return unread

    async def _run(
        self, application: ASGIApplication, scope: MutableMapping[str, Any]
    ) -> None:
        await application(scope, self._receive, self._send)

    async def _receive(self) -> Event:
        # A frame of this package: what may end such a wait is known.
        event = await self._events.get()
        self.received += 1
        return event

    async def _send(self, event: Event) -> None:
        self._on_send(event)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._on_end(None if task.cancelled() else task.exception())


def start(
    work: Coroutine[Any, Any, T],
    name: str,
    variables: Mapping[contextvars.ContextVar[Any], object],
) -> asyncio.Task[T]:
    """Start a task of the application, with only these variables."""
    loop = asyncio.get_running_loop()
    context = contextvars.Context()
    context.run(_prepare, variables)
    task: asyncio.Task[T] = context.run(loop.create_task, work)
    task.set_name(name)
    return task


def _prepare(variables: Mapping[contextvars.ContextVar[Any], object]) -> None:
    APPLICATION.set(True)
    for variable, value in variables.items():
        variable.set(value)
