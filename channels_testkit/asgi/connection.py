"""One application, run for one client: what crosses, and how it ends."""

from __future__ import annotations

import abc
import asyncio
import warnings
from typing import TYPE_CHECKING, Any

from channels_testkit.engine import private
from channels_testkit.engine.numbers import next_number
from channels_testkit.engine.order import order_of
from channels_testkit.engine.origin_notes import note_owner
from channels_testkit.engine.origins import OWNER, with_consumer
from channels_testkit.engine.waiting import Waiting
from channels_testkit.engine.watches import watch_of
from channels_testkit.exceptions import ChannelsTestkitWarning, ProtocolError
from channels_testkit.timeline.recording import record

from .application import RunningApplication
from .breaches import is_meaningless, printable, sent_by
from .queues import InputQueue, OutputQueue
from .recorder import recorder
from .transcript import IN, OUT, Transcript, crossed, done

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, MutableMapping

    from channels.consumer import AsyncConsumer

    from .application import ASGIApplication, Event
    from .breaches import Level
    from .environment import Environment
    from .events import Breach
    from .http_protocol import HttpProtocol
    from .lifespan_protocol import LifespanProtocol
    from .websocket_protocol import WebsocketProtocol

__unittest = True


class Connection(abc.ABC):
    """
    One run of an application for one client, from its start to its end.

    Subclasses know the protocol: what an event that the application sends
    means, and in which state it leaves the connection.
    """

    _protocol: WebsocketProtocol | HttpProtocol | LifespanProtocol
    #: For the timeline: a worker consumer has none.
    has_client = True
    is_live = False

    def __init__(self, say_label: Callable[[], str], environment: Environment) -> None:
        self.environment = environment
        #: The scope: the consumer's own once there is one.
        self.scope: MutableMapping[str, Any] = {}
        self.consumer: AsyncConsumer | None = None
        #: What the application has raised.
        self.error: BaseException | None = None
        #: Whether that waits for the next call that is about this connection.
        self.holds_error = False
        self._ended: asyncio.Future[None] | None = None
        #: When it was last given an event, among the numbers of messages.
        self.fed_at = 0
        #: The events that the application has not received.
        self.input = InputQueue(self.feed)
        #: The events that have not been read.
        self.output = OutputQueue()
        #: Receives that are made at the same time take turns.
        self.turns = asyncio.Lock()
        self._say_label = say_label
        self._transcript = Transcript(say_label(), self._virtual_seconds)
        self._waiting = Waiting(environment)
        self._running: RunningApplication | None = None

    @property
    @abc.abstractmethod
    def state(self) -> str:
        """Its state in one word, for failures."""

    @property
    def label(self) -> str:
        """Its name in failures; longer if another connection has the same."""
        return self._say_label()

    @property
    def in_words(self) -> str:
        """How notes on exceptions call it."""
        return with_consumer(self.consumer, f"the application of {self.label}")

    @property
    def transcript(self) -> Transcript:
        """What has crossed the connection, in order."""
        self._transcript.label = self.label
        return self._transcript

    @property
    def unread(self) -> deque[Event]:
        """The events that have not been read, the next one first."""
        return self.output.events

    def _virtual_seconds(self) -> float | None:
        time = self.environment.virtual_time
        return None if time is None else time.now

    def _note(self, direction: str, event: Event, note: str = "") -> None:
        """Take note of an event, in the transcript and in the timeline."""
        entry = self._transcript.add(direction, event, note)
        record(self, crossed, entry, len(self._transcript.entries))

    # The life of the application.

    def _run(
        self, application: ASGIApplication, scope: MutableMapping[str, Any]
    ) -> None:
        # A loop that cannot be watched is refused before anything runs on it.
        watch_of(asyncio.get_running_loop())
        self.environment.prepare()
        self.scope = scope
        recorder.hold()
        self._running = RunningApplication(
            application,
            scope,
            events=self.input,
            on_send=self._receive_event,
            on_end=self._application_ended,
            name=self.label,
            variables={OWNER: self},
        )

    def note_consumer(
        self, consumer: AsyncConsumer, scope: MutableMapping[str, Any]
    ) -> None:
        """Take note of the consumer behind the application."""
        if self.consumer is None:
            self.consumer, self.scope = consumer, scope

    @property
    def has_ended(self) -> bool:
        """Whether the application has ended."""
        return self._running is not None and self._running.has_ended

    @property
    def is_running(self) -> bool:
        """Whether the application was started and has not ended."""
        return self._running is not None and not self._running.has_ended

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The task of the application."""
        return None if self._running is None else self._running.task

    @property
    def future(self) -> asyncio.Future[None] | None:
        """A future that ends as the task does, and knows if it was read."""
        if self.error is not None and self._ended is None and self.task is not None:
            self._ended = self.task.get_loop().create_future()
            self._ended.set_exception(self.error)
        return self._ended or self.task

    def _has_shown_error(self) -> bool:
        """Tell whether the test has seen the exception in ``future``."""
        ended = self._ended
        is_seen = ended is not None and not private.is_unretrieved(ended)
        if ended is not None:
            # It is reported in other ways: asyncio need not log it.
            ended.exception()
        return is_seen

    @property
    def not_received(self) -> int:
        """How many events the application has not received."""
        return self.input.qsize()

    def last_received(self) -> int | None:
        """Return the number of the last event that it has received."""
        count = 0 if self._running is None else self._running.received
        return self._transcript.number_of_fed(count)

    def feed(self, event: Event) -> None:
        """Give the application an event."""
        if self._running is None:
            raise RuntimeError(f"{self.label} is not connected: connect() first.")
        self.fed_at = next_number()
        self._note(IN, self._shown(event))
        self._note_fed(event)
        self._arrive(event)

    def _feed_silently(self, event: Event) -> None:
        """Give the application an event that a server sends by itself."""
        self._arrive(event)

    def _arrive(self, event: Event) -> None:
        if self.task is None:
            return
        shown = self._shown(event)
        order_of(self.task.get_loop()).arrive(
            self, lambda: f"{self.label}: {done(shown)}", lambda: self.input.give(event)
        )

    def _shown(self, event: Event) -> Event:
        """Return an event for the application as the transcript has it."""
        return event

    @abc.abstractmethod
    def _note_fed(self, event: Event) -> None:
        """Move on to the state that an event of the client leads to."""

    def cancel(self) -> None:
        """Cancel an application that does not end by itself."""
        if self._running is not None:
            self._running.task.cancel()

    @property
    def was_cancelled(self) -> bool:
        """Whether the application was cancelled before it came to an end."""
        return self.task is not None and self.task.cancelled()

    def raise_error(self) -> None:
        """Raise what the application has raised, unless that was delivered."""
        if self.error is not None:
            self.environment.errors.release(self.error)
            self.environment.errors.deliver()

    # Waiting.

    async def settle(self) -> None:
        """Come to rest; raise what the application raised meanwhile."""
        await self._waiting.settle()

    async def until(
        self,
        condition: Callable[[], bool],
        timeout: float,
        *,
        for_timers_only: bool = False,
    ) -> bool:
        """Wait for a condition, as long as it can still come true."""
        return await self._waiting.until(
            condition, timeout, for_timers_only=for_timers_only
        )

    async def until_ended(self, timeout: float) -> bool:
        """Wait for the end of the application; tell whether it came."""
        return await self._waiting.until(lambda: self.has_ended, timeout)

    # What the application does.

    def _receive_event(self, event: Event) -> None:
        breach = self._protocol.check(event)
        if breach is not None and not self.environment.allows_breach(breach.name):
            self._report(breach, event)
        if self._protocol.state == "gone":
            note = "dropped: the client had gone"
            self._note(OUT, printable(event), note)
        elif breach is not None and is_meaningless(breach):
            self._note(OUT, printable(event), f"ignored: {breach.name}")
        else:
            # A server has it on the wire now; the application may change it.
            event = {**event}
            self._check_content(event)
            self._protocol.sent(event)
            self._note(OUT, event)
            self.output.put_nowait(event)
            self._take_in(event)
            self._waiting.wake()

    def _check_content(self, event: Event) -> None:  # noqa: B027 - or nothing is asked
        """Raise where the test asks more of an event than the protocol."""

    @abc.abstractmethod
    def _take_in(self, event: Event) -> None:
        """Keep what an event of the application brings."""

    def _report(self, breach: Breach, event: Event) -> None:
        """Raise or warn, as the test asks for."""
        text = (
            f"{self.label}: {breach.text}{sent_by(self.consumer)}\n\nTo allow it,"
            f" {self._way_to_allow(breach.name)}"
        )
        if self.environment.check_protocol == "warn":
            # Past this function, its caller and that of its application.
            warnings.warn(text, ChannelsTestkitWarning, stacklevel=4)
            return
        self._note(OUT, printable(event), f"refused: {breach.name}")
        error = ProtocolError(f"{text}\n\n{self.transcript}", breach.name)
        self.environment.errors.record(error)
        raise error

    def _way_to_allow(self, breach: str) -> str:
        return (
            f"give this connection check_protocol=[{breach!r}], or set that on the test"
            " case."
        )

    def _application_ended(self, error: BaseException | None) -> None:
        recorder.release()
        self._note_ended()
        if error is not None:
            self._note(OUT, {"type": "raised", "error": error})
            note_owner(error, self)
            policy = self._policy
            self.error = self._explained(error)
            held_unless = self._has_shown_error if self.holds_error else None
            errors = self.environment.errors
            errors.record(self.error, policy, held_unless=held_unless)
            if errors.is_holding(self.error):
                # Without a test that reports it, asyncio logs it.
                self.future  # noqa: B018 - made on first use
        self._waiting.wake()

    @property
    def _policy(self) -> Level | None:
        """What an exception does now, or None if the test decides that."""
        return self.environment.application_errors

    def _explained(self, error: BaseException) -> BaseException:
        """Return the exception to raise in the test, with an explanation."""
        return error

    def _note_ended(self) -> None:  # noqa: B027 - a state may say nothing of it
        """Move on to the state that the application's end leads to."""
