"""Worker consumers on the layer: one message at a time, or live."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from . import routing
from .aliases import is_captive, layer_in_place
from .engine.application import RunningApplication
from .engine.recorder import MEETING, recorder
from .engine.tracebacks import note_owner
from .matching import closest_name
from .real_layers import come_round
from .waiting import Waiting

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, MutableMapping
    from types import TracebackType

    from channels.consumer import AsyncConsumer

    from .engine.application import ASGIApplication, Event, Receive, Send
    from .layers import CaptiveChannelLayer, Sent
    from .run import TestRun

__unittest = True

NOTHING_ROUTED = (
    "No worker consumer is routed: the application has no ChannelNameRouter. Put one"
    " under 'channel' in its ProtocolTypeRouter, or use apply_routes()."
)


class WorkerApplication:
    """A routed worker consumer: one instance for all messages of a channel."""

    def __init__(
        self, channel: str, application: ASGIApplication, run: TestRun
    ) -> None:
        self.channel = channel
        self.consumer: AsyncConsumer | None = None
        self._run = run
        self._waiting = Waiting(run)
        # How many messages it was given, and how often it has asked for one.
        self._given = self._asked = 0
        #: What it was told when it sent to a client, which names the channel.
        self._refusal: RuntimeError | None = None
        scope = {"type": "channel", "channel": channel}
        recorder.hold()
        self._application = RunningApplication(
            self._attended(application),
            scope,
            on_send=self._refuse,
            on_end=self._ended,
            name=f"worker {channel}",
            variables={MEETING: self},
        )

    def _attended(self, application: ASGIApplication) -> ASGIApplication:
        """Return the application, seen when it asks for its next message."""

        async def attended(
            scope: MutableMapping[str, Any], receive: Receive, send: Send
        ) -> None:
            async def ask() -> Event:
                self._asked += 1
                self._waiting.wake()
                return await receive()

            await application(scope, ask, send)

        return attended

    def meet(self, consumer: AsyncConsumer, scope: MutableMapping[str, Any]) -> None:
        """Take note of the consumer behind the application."""
        self.consumer = consumer

    @property
    def has_ended(self) -> bool:
        """Whether the consumer has raised or stopped."""
        return self._application.has_ended

    @property
    def has_finished(self) -> bool:
        """Whether the consumer has done all that it was given."""
        return self.has_ended or self._asked > self._given

    def feed(self, message: Event) -> None:
        """Give the consumer a message."""
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
            f"The worker consumer of channel {self.channel!r} has not come to the end"
            f" of its handler{why}.\n\nMessage: {dict(message)!r}"
        )

    def cancel(self) -> None:
        """End the consumer, as a worker process that stops."""
        self._application.task.cancel()

    def _refuse(self, event: Event) -> None:
        self._refusal = RuntimeError(
            f"The worker consumer of channel {self.channel!r} called self.send(): it"
            " has no client. Send to a channel or group of the layer instead, such as"
            " message['reply_channel']."
        )
        raise self._refusal

    def _ended(self, error: BaseException | None) -> None:
        recorder.release()
        if error is not None:
            if error is not self._refusal:
                note_owner(error, f"the worker consumer of channel {self.channel!r}")
            self._run.errors.record(error)
        self._waiting.wake()


class Workers:
    """The worker consumers of a test, by channel."""

    def __init__(self, run: TestRun) -> None:
        self._run = run
        self._running: dict[tuple[int, str], WorkerApplication] = {}
        #: The channels that ``run_worker()`` serves now.
        self.served: list[str] = []

    def application(self, given: ASGIApplication | None = None) -> ASGIApplication:
        """Return the application whose worker consumers are run."""
        if given is None:
            found: ASGIApplication = self._run.routed_application()
            return found
        return given

    def routes(
        self, given: ASGIApplication | None = None
    ) -> Mapping[str, ASGIApplication]:
        """Return the consumers that are routed, by channel."""
        return routing.worker_routes(self.application(given))

    def feed(
        self, channel: str, message: Event, application: ASGIApplication
    ) -> WorkerApplication:
        """Give a message to the channel's consumer, new after a crash."""
        key = (id(application), channel)
        worker = self._running.get(key)
        if worker is None or worker.has_ended:
            worker = WorkerApplication(channel, application, self._run)
            self._running[key] = worker
        worker.feed(message)
        return worker

    def check_served(self, layer: Any, first: int = 0) -> None:
        """
        Fail for a message to a channel that nobody serves or reads.

        Of what was sent from number ``first`` on. Only a captive layer knows.
        """
        for sent in layer.sent[first:] if is_captive(layer) else ():
            if self._is_unserved(sent, layer):
                served = sorted(set(self.served))
                raise AssertionError(
                    f"A message was sent to channel {sent.channel!r}, which nobody"
                    f" serves.\nChannels that are served: "
                    f"{', '.join(map(repr, served))}."
                    f"{_did_you_mean(str(sent.channel), served)}"
                    f"\n\nMessage: {sent.message!r}"
                )

    def _is_unserved(self, sent: Sent, layer: CaptiveChannelLayer) -> bool:
        channel = sent.channel
        # One with "!" in its name is that of a connection or of a client.
        return (
            channel is not None
            and "!" not in channel
            and channel not in self.served
            and sent.message in layer.pending(channel)
        )

    @property
    def are_running(self) -> bool:
        """Whether any consumer is there."""
        return any(not worker.has_ended for worker in self._running.values())

    async def stop(self) -> None:
        """End every consumer, as a worker process that is told to stop."""
        for worker in self._running.values():
            worker.cancel()
        await self._run.rest.wait()


class RunningWorker:
    """The block of ``run_worker()``."""

    def __init__(self, run: TestRun, channels: tuple[str, ...], alias: str) -> None:
        self._run = run
        self._layer = layer_in_place(alias)
        self._application = run.workers.application()
        routes = run.workers.routes()
        self.channels = channels or tuple(sorted(routes))
        if not routes:
            raise AssertionError(NOTHING_ROUTED)
        for channel in self.channels:
            if channel not in routes:
                raise AssertionError(not_routed(channel, routes))
        self._first = 0
        self._listening: list[asyncio.Task[None]] = []
        self._fed: list[WorkerApplication] = []

    def __enter__(self) -> RunningWorker:
        if self._run.is_async:
            raise RuntimeError(
                "A sync block in an async test: write 'async with"
                " self.run_worker(...)'."
            )
        self._run.drive(self._start(), "__aenter__")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._run.drive(self._finish(), "__aexit__")
        else:
            # What the block has raised is not hidden by what comes now.
            self._run.bridge.call(self._stop())

    async def __aenter__(self) -> RunningWorker:
        await self._start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            await self._finish()
        else:
            await self._stop()

    async def _start(self) -> None:
        await self._run.rest.wait()
        self._first = self._count_sent()
        self._run.workers.served += self.channels
        loop = self._run.rest.loop
        for channel in self.channels:
            task = loop.create_task(self._listen(channel))
            task.set_name(f"worker listening on {channel}")
            self._listening.append(task)
        try:
            await self._run.rest.wait()
            if not is_captive(self._layer):
                await come_round(self._layer, self._run.rest)
            self._run.errors.deliver()
        except BaseException:
            await self._stop()
            raise

    def _count_sent(self) -> int:
        return len(self._layer.sent) if is_captive(self._layer) else 0

    async def _finish(self) -> None:
        """End the block: let handlers finish, and see what nobody served."""
        try:
            await self._run.rest.wait()
            for worker in self._fed:
                await worker.finishes_within(self._run.receive_timeout)
            self._run.errors.deliver()
            self._run.workers.check_served(self._layer, self._first)
        finally:
            await self._stop()

    async def _stop(self) -> None:
        await self._run.rest.wait()
        for channel in self.channels:
            self._run.workers.served.remove(channel)
        for task in self._listening:
            task.cancel()
        for worker in self._fed:
            worker.cancel()
        await self._run.rest.wait()

    async def _listen(self, channel: str) -> None:
        workers = self._run.workers
        while True:
            message = await self._layer.receive(channel)
            if not message.get("type"):
                self._run.errors.record(ValueError(without_type(channel, message)))
                continue
            worker = workers.feed(channel, message, self._application)
            if worker not in self._fed:
                self._fed.append(worker)


def no_message(channel: str, counts: Mapping[str, int]) -> str:
    """Say that a channel holds no message, and which channels do."""
    held = ", ".join(f"{name}: {count}" for name, count in counts.items()) or "none"
    return (
        f"No message for channel {channel!r}.\n"
        f"Channels that hold messages: {held}.{_did_you_mean(channel, counts)}"
    )


def not_routed(channel: str, routes: Mapping[str, object]) -> str:
    """Say that no worker consumer is routed for a channel, and which are."""
    listed = ", ".join(map(repr, sorted(routes))) or "none"
    return (
        f"No worker consumer is routed for channel {channel!r}.\n"
        f"Channels that are routed: {listed}.{_did_you_mean(channel, routes)}"
    )


def without_type(channel: str, message: Event) -> str:
    """Say that a worker cannot handle a message without type."""
    return (
        f"The message on channel {channel!r} has no 'type', which names the handler of"
        f" the worker consumer: {dict(message)!r}."
    )


def _did_you_mean(name: str, names: Any) -> str:
    close = closest_name(name, names)
    return f"\nDid you mean {close!r}?" if close else ""
