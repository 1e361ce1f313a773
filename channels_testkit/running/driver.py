"""What drives one application for a test, and is closed at its end."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from channels_testkit.asgi.connection import Connection
from channels_testkit.asgi.environment import Environment, Policies
from channels_testkit.asgi.receive_failures import nothing_came
from channels_testkit.matching.wording import shorten

from .run import current

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from channels.consumer import AsyncConsumer

    from channels_testkit.asgi.application import ASGIApplication, Event

C = TypeVar("C", bound=Connection)

_HOW_TO_END = (
    "An application runs until it returns or raises StopConsumer. Every call returns"
    " when the application has done its work, so you need not wait; stop() ends it."
)

__unittest = True


class Driver(abc.ABC, Generic[C]):
    """
    Drives one application for a test, by the calls of a communicator.

    It registers with the run of the test; where no test of the kit runs it
    works on the loop that is there.
    """

    #: The event that ends the application when the test ends.
    last_event: ClassVar[str] = "cancel()"
    #: The scope before there is a connection.
    first_scope: MutableMapping[str, Any]

    def __init__(
        self,
        say_label: Callable[[], str] | None,
        policies: Policies | None = None,
    ) -> None:
        self._say_label = say_label
        self.run = current()
        self.environment = (policies or Policies()).around(self.run or Environment())
        self.connection: C | None = None
        #: Whether an exception comes out of the next call, as it does with
        #: channels.testing, and not of the one in progress.
        self.holds_errors = False
        self.unfinished: str | None = None

    @property
    def label(self) -> str:
        """How failures call it: as its communicator does."""
        said = None if self._say_label is None else self._say_label()
        return shorten(said if isinstance(said, str) else self.usual_label)

    @property
    @abc.abstractmethod
    def usual_label(self) -> str:
        """How failures call it, unless a communicator says otherwise."""

    @property
    def state(self) -> str:
        """One word for the state of the connection."""
        return "new" if self.connection is None else self.connection.state

    @property
    def scope(self) -> MutableMapping[str, Any]:
        """The scope: the consumer's own once there is one."""
        return self.first_scope if self.connection is None else self.connection.scope

    @scope.setter
    def scope(self, scope: MutableMapping[str, Any]) -> None:
        if self.connection is not None:
            raise RuntimeError(
                f"The scope of {self.label} is given before its application starts:"
                " change what is in it, or make another communicator."
            )
        self.first_scope = scope

    def opening_scope(self) -> dict[str, Any]:
        """Return the scope that a connection begins with."""
        scope = dict(self.first_scope)
        state = {} if self.run is None else self.run.lifespan.copy_of_state()
        scope["state"] = {**state, **(scope.get("state") or {})}
        return scope

    @property
    @abc.abstractmethod
    def application(self) -> ASGIApplication:
        """The application: the given one, or that of the test."""

    @abc.abstractmethod
    def connected(self, call: str) -> C:
        """Return the connection, or raise ``RuntimeError``."""

    def begun(self, what: str) -> Any:
        """Return the connection as it is, at rest or not."""
        return self.connected(what)

    @abc.abstractmethod
    async def feed(self, event: Event) -> None:
        """Give the application an event, and come to rest."""

    async def give(self, connection: C, event: Event) -> None:
        """Give an application an event, unless it has raised."""
        connection.raise_error()
        connection.feed(event)
        if not self.environment.sends_overlap:
            await connection.settle()

    async def await_event(self, timeout: float | None) -> C:
        """Wait for an event that was not read; fail where none can come."""
        connection = await self.event_or_end(timeout)
        if not connection.unread:
            raise nothing_came(connection, "event", self.seconds(timeout))
        return connection

    async def event_or_end(self, timeout: float | None) -> C:
        """Wait for an event to be read, as long as one can come."""
        connection = self.connected("Receiving")
        # Who came first is served first; nothing happens from here to reading.
        async with connection.turns:
            await connection.until(
                lambda: bool(connection.unread) or connection.has_ended,
                self.seconds(timeout),
            )
        if not connection.unread:
            connection.raise_error()
        return connection

    @abc.abstractmethod
    async def leave(self) -> None:
        """Go away as a client does, and wait for the application's end."""

    def observed(self, what: str) -> C:
        """Return the connection at rest."""
        if self.run is not None:
            self.run.ensure_rest()
        return self.connected(what)

    def seconds(self, timeout: float | None) -> float:
        """Return how long a call waits."""
        return self.environment.receive_timeout if timeout is None else timeout

    @property
    def consumer(self) -> AsyncConsumer:
        """The consumer instance behind the application and its middleware."""
        consumer = self.observed("consumer").consumer
        if consumer is None:
            raise RuntimeError(f"{self.label} has led to no Channels consumer.")
        return consumer

    def refuse_elsewhere(self) -> None:
        """Raise ``RuntimeError`` where this is not of the test that runs."""
        if self.run is not None:
            self.run.refuse_elsewhere()
        elif current() is not None:
            raise RuntimeError(
                f"The communicator of {self.label} was made before the test began, and"
                " would outlive it: make it in setUp() or in the test, not in a module,"
                " setUpClass() or setUpTestData()."
            )

    async def is_silent(self, seconds: float) -> bool:
        """Tell whether there is no event to be read, nor comes one in time."""
        connection = self.connected("receive_nothing()")
        is_silent = not await connection.until(lambda: bool(connection.unread), seconds)
        if is_silent:
            connection.raise_error()
        return is_silent

    # The end.

    async def wait(self, timeout: float | None) -> None:
        """Wait until the application has ended; raise what it raised."""
        connection = self.connected("wait()")
        seconds = self.seconds(timeout)
        if not await connection.until_ended(seconds):
            what, hint = "end of the application", _HOW_TO_END
            raise nothing_came(connection, what, seconds, hint=hint)
        connection.raise_error()

    def stop(self, *, exceptions: bool) -> None:
        """Cancel the application; raise what it raised before."""
        connection = self.connection
        if connection is None:
            return
        if connection.is_running:
            connection.cancel()
        elif exceptions:
            connection.raise_error()

    # What the run asks for, which closes it at the end of the test.

    @property
    def needs_closing(self) -> bool:
        """Whether the application is still there."""
        return self.connection is not None and self.connection.is_running

    async def close(self) -> None:
        """Leave at the end of the test; cancel what does not end."""
        try:
            await self.leave()
        finally:
            if self.needs_closing:
                self.unfinished = self.last_event
                self.connected("close()").cancel()
                await self.environment.rest.wait()

    @property
    def channel(self) -> str | None:
        """The consumer's channel, unless it raised before it left groups."""
        connection = self.connection
        if connection is None or connection.error is not None:
            return None
        channel: str | None = getattr(connection.consumer, "channel_name", None)
        return channel

    @property
    def way_to_leave(self) -> str:
        """What would have taken the consumer's channel out of its groups."""
        connection = self.connection
        if connection is not None and connection.was_cancelled:
            return "it was cancelled before it could leave; end it with disconnect()"
        return "call group_discard()"

    def unread(self) -> tuple[int, object]:
        """Take the unread frames: how many, and the record of them."""
        return 0, None
