"""The lifespan of one application: start-up, state and shutdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from channels_testkit.engine.notes import shortly, words_of
from channels_testkit.engine.waiting import Waiting
from channels_testkit.matching.wording import say

from .connection import Connection
from .lifespan_protocol import (
    SHUTDOWN,
    SHUTDOWN_COMPLETE,
    STARTUP,
    STARTUP_COMPLETE,
    LifespanProtocol,
)
from .receive_failures import why_nothing

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Collection, Mapping

    from .application import ASGIApplication, Event
    from .breaches import Level
    from .environment import Environment

__unittest = True

#: By state: what an application that returns has left out, and the remedy.
_RETURNED: Mapping[str, tuple[str, str]] = {
    "starting": (
        "without saying that start-up is complete",
        f"Send {{'type': {STARTUP_COMPLETE!r}}} when it is, and then await receive()"
        f" until {SHUTDOWN!r} comes.",
    ),
    "started": (
        "before the server shut down",
        f"After {STARTUP_COMPLETE!r} await receive() until {SHUTDOWN!r} comes.",
    ),
    "stopping": (
        "without saying that shutdown is complete",
        f"Send {{'type': {SHUTDOWN_COMPLETE!r}}} when it is.",
    ),
}
#: By state: what it does not say, and what it has to send.
_UNSAID: Mapping[str, tuple[str, str]] = {
    "starting": ("start-up", STARTUP_COMPLETE),
    "stopping": ("shutdown", SHUTDOWN_COMPLETE),
}
_CANCELLED = "The lifespan was cancelled before the server shut down."
_CANCELS_ALL = (
    "The task that waits for the lifespan was cancelled.\n\nasyncio.all_tasks() also"
    " returns the server's tasks: cancel only those that the lifespan has started."
)
#: What Channels' consumers raise for an event that they have no handler for.
_OF_A_CONSUMER = f"No handler for message type {STARTUP}"
#: The characters of a message, which may be a traceback.
_MESSAGE = 2_000
_FAILED: Mapping[str, str] = {
    "startup failed": "start-up",
    "shutdown failed": "shutdown",
}


class Lifespan(Connection):
    """
    One lifespan of an application, from its start-up to its shutdown.

    ``name`` is how failures call the application. ``values`` is the state,
    of which each connection has a copy.
    """

    def __init__(self, name: str, environment: Environment) -> None:
        super().__init__(lambda: "the lifespan", environment)
        self._protocol: LifespanProtocol = LifespanProtocol()
        self._name = name
        self.values: dict[str, Any] = {}
        #: Whether it was found that the application has none.
        self.is_missing = False
        #: The tasks that it has started in tests before this one.
        self.started: Collection[asyncio.Task[Any]] = ()

    @property
    def state(self) -> str:
        """What failures say of it, in one word."""
        return "ended" if self.has_ended else "open"

    @property
    def in_words(self) -> str:
        """How notes on exceptions call it."""
        return "the lifespan of the application"

    @property
    def left(self) -> list[str]:
        """What goes on after its shutdown, in words."""
        if not (self.is_running and self._protocol.state == "complete"):
            return []
        return [f"{self.in_words}, which did not end after {SHUTDOWN}"]

    def move_to(self, environment: Environment) -> None:
        """Go on in another environment, on the same loop."""
        self.environment = environment
        self._waiting = Waiting(environment)

    async def start_up(self, application: ASGIApplication, timeout: float) -> None:
        """Start the application; raise where it does not start in time."""
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.values,
        }
        self._run(application, scope)
        self.feed({"type": STARTUP})
        await self._answers("starting", timeout)

    async def shut_down(self, timeout: float) -> None:
        """Let the application shut down; raise where it does not in time."""
        if self._protocol.state == "started" and self.was_cancelled:
            raise AssertionError(f"{_CANCELLED}\n\n{self.transcript}")
        if self.is_running and self._protocol.state == "started":
            self.feed({"type": SHUTDOWN})
            await self._answers("stopping", timeout)

    async def end(self) -> None:
        """Cancel what goes on."""
        if self.is_running:
            self.cancel()
            await self.environment.rest.wait()

    def cancelled_while_waiting(self) -> AssertionError:
        """Return the failure of a call of these whose task is cancelled."""
        return AssertionError(f"{_CANCELS_ALL}\n\n{self.transcript}")

    async def _answers(self, asked: str, timeout: float) -> None:
        await self.until(
            lambda: self._protocol.state != asked or self.has_ended,
            timeout,
            for_timers_only=True,
        )
        if self._protocol.state in _FAILED:
            raise AssertionError(self._failed())
        if self._protocol.state == asked and self.error is None:
            raise AssertionError(self._unsaid(timeout))

    @property
    def _policy(self) -> Level | None:
        # Where it has not started nothing works.
        is_starting = self._protocol.state in {"starting", "startup failed"}
        return "fail" if is_starting else super()._policy

    def _note_fed(self, event: Event) -> None:
        if event.get("type") == SHUTDOWN:
            self._protocol.shuts_down()

    def _arrive(self, event: Event) -> None:
        # Nothing comes before start-up, or after shutdown: there is no choice.
        self.input.give(event)

    def _take_in(self, event: Event) -> None:
        """Keep nothing but the event."""

    def _explained(self, error: BaseException) -> BaseException:
        has_begun = self._running is not None and self._running.received
        if has_begun and not words_of(error).startswith(_OF_A_CONSUMER):
            return error
        told = ImproperlyConfigured(
            f"{self._name} has no lifespan: for the scope type 'lifespan' it raised"
            f" {shortly(error).rstrip('.')}.\n\nAdd one to its router, as"
            " ProtocolTypeRouter({'lifespan': ..., 'websocket': ...}), or set"
            " run_lifespan = False."
        )
        told.__cause__, self.is_missing = error, True
        return told

    def _application_ended(self, error: BaseException | None) -> None:
        super()._application_ended(error)
        state = self._protocol.state
        if error is None and not self.was_cancelled and state in _RETURNED:
            what, remedy = _RETURNED[state]
            text = f"The lifespan returned {what}. {remedy}\n\n{self.transcript}"
            self.environment.errors.record(AssertionError(text), "fail")

    def _way_to_allow(self, breach: str) -> str:
        return f"set check_protocol = [{breach!r}] on the test case."

    def _failed(self) -> str:
        event = self.unread[-1]
        message = event.get("message")
        said = f": {say(message, _MESSAGE)}" if message else ", without a message"
        phase = _FAILED[self._protocol.state]
        return f"The lifespan failed at {phase}{said}.\n\n{self.transcript}"

    def _unsaid(self, timeout: float) -> str:
        phase, kind = _UNSAID[self._protocol.state]
        why, _ = why_nothing(self, timeout)
        if self.was_cancelled:
            why = ": its task was cancelled."
        return (
            f"The lifespan has not said that {phase} is complete{why}\n\n"
            f"Send {{'type': {kind!r}}} when it is.\n\n{self.transcript}"
        )
