"""One routed worker consumer, which is fed with messages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from channels_testkit.asgi.application import RunningApplication
from channels_testkit.asgi.recorder import recorder
from channels_testkit.engine.origin_notes import note_owner
from channels_testkit.engine.origins import OWNER, with_consumer
from channels_testkit.engine.recorded import raised
from channels_testkit.matching.wording import say
from channels_testkit.routing.remedies import explained
from channels_testkit.timeline.recording import record

from .backlog import LostBacklog

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from typing import Any

    from channels.consumer import AsyncConsumer

    from channels_testkit.asgi.application import ASGIApplication, Event, Receive, Send
    from channels_testkit.engine.waiting import Waiting
    from channels_testkit.running.run import TestRun

__unittest = True


class WorkerApplication:
    """
    A routed worker consumer: one instance for all messages of a channel.

    As with ``runworker``, it has a queue, which is lost when it raises. So is
    what comes until the test goes on, since a worker process notices the end
    only after a while. ``hand_on`` takes messages that are kept for the next.
    """

    #: None: what it was sent is on the layer.
    transcript = None
    has_client = False
    is_live = False

    def __init__(
        self,
        channel: str,
        application: ASGIApplication,
        run: TestRun,
        waiting: Waiting,
        hand_on: Callable[[list[Event]], object],
    ) -> None:
        self.channel = channel
        self.consumer: AsyncConsumer | None = None
        self._routed = application
        self._run = run
        self._hand_on = hand_on
        self._waiting = waiting
        # The messages that are lost with it, after it has ended.
        self._lost: LostBacklog | None = None
        self._ended_at = 0
        # How many messages it was given, and how often it has asked for one.
        self._given = self._asked = 0
        #: The failure of a ``send()`` to a client, which names the channel.
        self._refusal: RuntimeError | None = None
        scope = {"type": "channel", "channel": channel}
        recorder.hold()
        self._application = RunningApplication(
            self._watched(application),
            scope,
            on_send=self._refuse,
            on_end=self._ended,
            name=f"worker {channel}",
            variables={OWNER: self},
        )

    def _watched(self, application: ASGIApplication) -> ASGIApplication:
        """Return the application, seen when it asks for its next message."""

        async def watched(
            scope: MutableMapping[str, Any], receive: Receive, send: Send
        ) -> None:
            async def ask() -> Event:
                self._asked += 1
                self._waiting.wake()
                return await receive()

            await application(scope, ask, send)

        return watched

    def note_consumer(
        self, consumer: AsyncConsumer, scope: MutableMapping[str, Any]
    ) -> None:
        """Take note of the consumer behind the application."""
        self.consumer = consumer

    @property
    def label(self) -> str:
        """Its name in schedules and in the timeline."""
        return f"worker {say(self.channel)}"

    @property
    def in_words(self) -> str:
        """How notes on exceptions call it."""
        worker = f"the worker consumer of channel {self.channel!r}"
        return with_consumer(self.consumer, worker)

    @property
    def has_ended(self) -> bool:
        """Whether the consumer has raised or stopped."""
        return self._application.has_ended

    @property
    def has_successor(self) -> bool:
        """Whether the next message is for another consumer."""
        if self._lost is None:
            return False
        has_gone_on = self._run.errors.tellings > self._ended_at
        return has_gone_on or self._keeps_backlog or self._application.task.cancelled()

    @property
    def _keeps_backlog(self) -> bool:
        return self._run.options.worker_backlog == "kept"

    @property
    def has_finished(self) -> bool:
        """Whether the consumer has done all that it was given."""
        return self.has_ended or self._asked > self._given

    def feed(self, message: Event) -> None:
        """Give the consumer a message, which is lost if it has ended."""
        if self._lost is not None:
            self._lost.add(message)
            return
        self._given += 1
        self._application.feed(message)

    async def finish(self, message: Event) -> None:
        """Wait until the consumer has done its work; fail if it cannot."""
        timeout = self._run.rest.hang_timeout or math.inf
        if not await self.finishes_within(timeout):
            raise AssertionError(self._not_finished(message, timeout))

    async def finishes_within(self, timeout: float) -> bool:
        """Wait until the consumer has done its work, while it still can."""
        return await self._waiting.until(lambda: self.has_finished, timeout)

    def _not_finished(self, message: Event, timeout: float) -> str:
        rest = self._run.rest
        can_go_on = rest.outside_work() or rest.application_timers()
        why = f" within {timeout:g} s" if can_go_on else ": the application is at rest"
        return (
            f"The worker consumer of channel {say(self.channel)} has not finished its"
            f" handler{why}.\n\nMessage: {say(dict(message))}"
        )

    def cancel(self) -> None:
        """End the consumer, as a worker process that stops."""
        self._application.task.cancel()

    def _refuse(self, event: Event) -> None:
        self._refusal = RuntimeError(
            f"The worker consumer of channel {say(self.channel)} called self.send(): it"
            " has no client. Send to a channel or group of the layer instead, such as"
            " message['reply_channel']."
        )
        raise self._refusal

    def _ended(self, error: BaseException | None) -> None:
        recorder.release()
        if error is not None:
            record(self, raised, error)
            if error is not self._refusal:
                note_owner(error, self)
                explained(error, self._routed, "channel")
            self._run.errors.record(error)
        self._leave_behind(self._application.take_unread(), error)
        self._waiting.wake()

    def _leave_behind(self, messages: list[Event], error: BaseException | None) -> None:
        remarks = self._run.outside.remarks
        self._lost = LostBacklog(self.channel, error, remarks.append)
        self._ended_at = self._run.errors.tellings
        if self._application.task.cancelled():
            return
        if self._keeps_backlog:
            self._hand_on(messages)
        else:
            self._lost.add(*messages)
