"""The worker consumers of a test, and the block of ``run_worker()``."""

from __future__ import annotations

import functools
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from channels_testkit.engine.waiting import Waiting
from channels_testkit.layers.aliases import DEFAULT, is_captive, layer_in_place
from channels_testkit.layers.real import wait_for_delivery
from channels_testkit.matching.wording import say
from channels_testkit.routing.application import check_application, worker_routes

from .application import WorkerApplication
from .failures import NOTHING_ROUTED, not_routed, not_served, without_type

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from channels_testkit.asgi.application import (
        ASGIApplication,
        Event,
        GivenApplication,
    )
    from channels_testkit.layers.captive import CaptiveChannelLayer
    from channels_testkit.layers.sent import Sent
    from channels_testkit.running.run import TestRun

__unittest = True


class _InTransit:
    """The messages of the test that are on their way to a consumer."""

    def __init__(self) -> None:
        self.messages = 0
        self.consumer: WorkerApplication | None = None

    @property
    def is_clear(self) -> bool:
        """Whether all have arrived, and the consumer is done with them."""
        is_done = self.consumer is None or self.consumer.has_finished
        return not self.messages and is_done


class Workers:
    """The worker consumers of a test, by channel."""

    #: How failures call it; see ``running.opened``.
    label = "the worker consumers"
    unfinished = None
    channel = None
    way_to_leave = ""

    def __init__(self, run: TestRun) -> None:
        self._run = run
        run.opened.register(self, is_last=True)
        self._running: dict[tuple[int, str], WorkerApplication] = {}
        #: The channels that ``run_worker()`` serves now.
        self.served: list[str] = []
        self._waiting = Waiting(run)
        #: The aliases and channels that its listeners are on now.
        self.listening: list[tuple[str, str]] = []
        self._in_transit: defaultdict[tuple[str, str], _InTransit] = defaultdict(
            _InTransit
        )

    @classmethod
    def of(cls, run: TestRun) -> Workers:
        """Return those of a test."""
        return run.once(cls, lambda: cls(run))

    def application(self, given: GivenApplication | None = None) -> ASGIApplication:
        """Return the application whose worker consumers are run."""
        if given is None:
            return self._run.routed_application()
        return check_application(given)

    def routes(
        self, given: GivenApplication | None = None
    ) -> Mapping[str, ASGIApplication]:
        """Return the consumers that are routed, by channel."""
        return worker_routes(self.application(given))

    def feed(
        self, channel: str, message: Event, application: ASGIApplication
    ) -> WorkerApplication:
        """Give a message to the channel's consumer, new after a crash."""
        key = (id(application), channel)
        worker = self._running.get(key)
        if worker is None or worker.has_successor:
            hand_on = functools.partial(self._feed_all, channel, application)
            worker = WorkerApplication(
                channel, application, self._run, self._waiting, hand_on
            )
            self._running[key] = worker
        worker.feed(message)
        return worker

    def _feed_all(
        self, channel: str, application: ASGIApplication, messages: list[Event]
    ) -> None:
        for message in messages:
            self.feed(channel, message, application)

    def fed(self, channel: str, application: ASGIApplication) -> WorkerApplication:
        """Return the consumer that a channel has now."""
        return self._running[id(application), channel]

    async def send_and_follow(
        self, layer: Any, alias: str, channel: str, message: Event
    ) -> None:
        """
        Send a message by a real layer, and wait until it is handled.

        So the test goes on where it would on a captive layer, but waits no
        longer than a receive would. Where no consumer listens, it only sends.
        """
        if (alias, channel) not in self.listening:
            await layer.send(channel, message)
            return
        way = self._in_transit[alias, channel]
        way.messages += 1
        try:
            await layer.send(channel, message)
        except BaseException:
            way.messages = max(0, way.messages - 1)
            raise
        await self._waiting.until(lambda: way.is_clear, self._run.receive_timeout)

    def arrived(self, alias: str, channel: str, by: WorkerApplication | None) -> None:
        """Take note of a message, and of the consumer that handles it."""
        way = self._in_transit[alias, channel]
        way.messages = max(0, way.messages - 1)
        way.consumer = by
        self._waiting.wake()

    def check_served(self, layer: Any, first: int = 0) -> None:
        """
        Fail for a message to a channel that no worker handles or test reads.

        Of what was sent from number ``first`` on. Only a captive layer knows.
        """
        for sent in layer.sent[first:] if is_captive(layer) else ():
            if self._is_unserved(sent, layer):
                served = sorted(set(self.served))
                channel = str(sent.channel)
                call = self._call_that_takes(channel, layer)
                raise AssertionError(not_served(channel, served, sent.message, call))

    def _call_that_takes(self, channel: str, layer: CaptiveChannelLayer) -> str:
        """Return what to write to read a channel."""
        alias = "" if layer.alias in {None, DEFAULT} else f", alias={layer.alias!r}"
        called = self._run.options.called
        return f"{called}.get_next_message({channel!r}{alias})"

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
    def needs_closing(self) -> bool:
        """Whether any consumer is there."""
        return any(not worker.has_ended for worker in self._running.values())

    async def close(self) -> None:
        """End every consumer, as a worker process that stops."""
        for worker in self._running.values():
            worker.cancel()
        await self._run.rest.wait()

    def unread(self) -> tuple[int, object]:
        """Return that there is nothing to read."""
        return 0, None


class RunningWorker:
    """The block of ``run_worker()``."""

    def __init__(self, run: TestRun, channels: tuple[str, ...], alias: str) -> None:
        self._run = run
        self._alias = alias
        self._layer = layer_in_place(alias)
        self._workers = Workers.of(run)
        self._application = self._workers.application()
        routes = self._workers.routes()
        self.channels = channels or tuple(sorted(routes))
        if not routes:
            raise AssertionError(NOTHING_ROUTED)
        for channel in self.channels:
            if not isinstance(channel, str):
                raise TypeError(
                    f"run_worker(*channels): {say(channel)} is not a channel's name."
                    " Write run_worker('thumbnails', 'mails')."
                )
            if channel not in routes:
                raise AssertionError(not_routed(channel, routes))
        self._first = 0
        self._listening: list[asyncio.Task[None]] = []
        self._fed: set[str] = set()
        self.was_entered = False

    def __enter__(self) -> RunningWorker:
        self.was_entered = True
        if self._run.is_async:
            raise RuntimeError(
                "A sync block in an async test: write 'async with"
                f" {self._run.options.called}.run_worker(...)'."
            )
        self._run.run_in_sync_test(self._start(), "__aenter__")
        return self

    def __exit__(self, kind: object, *exc_info: object) -> None:
        if kind is None:
            self._run.run_in_sync_test(self._finish(), "__aexit__")
        else:
            # What the block has raised is not hidden by what comes now.
            self._run.bridge.run(self._stop())

    async def __aenter__(self) -> RunningWorker:
        self.was_entered = True
        await self._start()
        return self

    async def __aexit__(self, kind: object, *exc_info: object) -> None:
        if kind is None:
            await self._finish()
        else:
            await self._stop()

    async def _start(self) -> None:
        await self._run.rest.wait()
        self._first = self._count_sent()
        self._workers.served += self.channels
        self._workers.listening += [(self._alias, it) for it in self.channels]
        loop = self._run.rest.loop
        for channel in self.channels:
            task = loop.create_task(self._listen(channel))
            task.set_name(f"worker listening on {channel}")
            self._listening.append(task)
        try:
            await self._run.rest.wait()
            if not is_captive(self._layer):
                await wait_for_delivery(self._layer, self._run.rest)
            self._run.errors.deliver()
        except BaseException:
            await self._stop()
            raise

    def _count_sent(self) -> int:
        return len(self._layer.sent) if is_captive(self._layer) else 0

    async def _finish(self) -> None:
        """End the block: let handlers finish, and check the messages."""
        try:
            await self._run.rest.wait()
            for channel in sorted(self._fed):
                await self._finishes(channel)
            self._run.errors.deliver()
            self._workers.check_served(self._layer, self._first)
        finally:
            await self._stop()

    async def _finishes(self, channel: str) -> None:
        """Wait for a handler as a receive would, and for its successors."""
        worker = None
        while worker is not (latest := self._consumer_of(channel)):
            worker = latest
            await worker.finishes_within(self._run.receive_timeout)

    def _consumer_of(self, channel: str) -> WorkerApplication:
        return self._workers.fed(channel, self._application)

    async def _stop(self) -> None:
        await self._run.rest.wait()
        for channel in self.channels:
            self._workers.served.remove(channel)
            self._workers.listening.remove((self._alias, channel))
        for task in self._listening:
            task.cancel()
        for channel in self._fed:
            self._consumer_of(channel).cancel()
        await self._run.rest.wait()

    async def _listen(self, channel: str) -> None:
        workers = self._workers
        while True:
            message = await self._layer.receive(channel)
            worker = None
            if message.get("type"):
                worker = workers.feed(channel, message, self._application)
                self._fed.add(channel)
            else:
                self._run.errors.record(ValueError(without_type(channel, message)))
            workers.arrived(self._alias, channel, worker)
