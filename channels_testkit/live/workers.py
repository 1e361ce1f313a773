"""The project's worker consumers, beside a live server."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from channels.worker import Worker
from django.core.exceptions import ImproperlyConfigured

from channels_testkit.engine.jobs import APPLICATION
from channels_testkit.engine.watches import watch_of
from channels_testkit.layers.aliases import is_captive, layer_in_place
from channels_testkit.layers.real import wait_for_delivery
from channels_testkit.workers.backlog import LostBacklog
from channels_testkit.workers.failures import NOTHING_ROUTED, not_routed

from .loops import LoopThread, call_bounded_on

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Collection, Mapping, MutableMapping

    from channels_testkit.asgi.application import ASGIApplication, Event, Receive, Send

ALL = "__all__"


def channels_to_serve(
    wanted: Collection[str], routes: Mapping[str, object]
) -> list[str]:
    """Return the channels that ``worker_channels`` means."""
    if wanted == ALL:
        wanted = list(routes)
        if not routes:
            raise ImproperlyConfigured(NOTHING_ROUTED)
    for channel in wanted:
        if channel not in routes:
            raise ImproperlyConfigured(not_routed(channel, routes))
    return list(wanted)


class LiveWorkers:
    """
    What ``runworker`` would run, in threads of this process.

    Each thread stands for a worker process: it has a loop of its own, and
    consumers of its own for all channels. ``remark`` is called with the
    messages that are lost with a consumer, unless they are kept.
    """

    def __init__(
        self,
        application: ASGIApplication,
        channels: Collection[str],
        *,
        threads: int,
        report: Callable[[BaseException], None],
        remark: Callable[[object], None],
        background_jobs: Counter[object],
        keeps_backlog: Callable[[], bool],
    ) -> None:
        self._application = application
        self._channels = channels
        self.report = report
        self.remark = remark
        self.keeps_backlog = keeps_backlog
        self._background_jobs = background_jobs
        count = threads if channels else 0
        self._threads = [LoopThread(f"live worker {n + 1}") for n in range(count)]

    def start(self) -> None:
        """Listen on the channels; return when all threads do."""
        for thread in self._threads:
            thread.call(self._start())

    def stop(self, timeout: float) -> None:
        """
        Let handlers come to rest, and end the consumers.

        Raises ``HangError`` where they do not within ``timeout`` seconds.
        """
        with contextlib.ExitStack() as to_stop:
            for thread in self._threads:
                to_stop.callback(self._stop_thread, thread, timeout)

    def _stop_thread(self, thread: LoopThread, timeout: float) -> None:
        try:
            call_bounded_on(thread.loop, self._come_to_rest(timeout), 2 * timeout)
        finally:
            thread.stop()

    async def _start(self) -> None:
        rest = watch_of(asyncio.get_running_loop())
        rest.background = self._background_jobs
        # For what the consumers start as well.
        APPLICATION.set(True)
        worker = _Worker(self._application, self._channels, self)
        worker.begin()
        await rest.wait()
        if not is_captive(worker.channel_layer):
            await wait_for_delivery(worker.channel_layer, rest)

    async def _come_to_rest(self, timeout: float) -> None:
        rest = watch_of(asyncio.get_running_loop())
        rest.hang_timeout = timeout
        await rest.wait()
        for error in rest.failures.take():
            self.report(error)


class _Worker(Worker):
    """Channels' own worker, which reports at once what it would only log."""

    def __init__(
        self,
        application: ASGIApplication,
        channels: Collection[str],
        workers: LiveWorkers,
    ) -> None:
        wrapped, layer = self._told(application), layer_in_place()
        super().__init__(wrapped, list(channels), layer)
        self._workers = workers

    def begin(self) -> None:
        """Listen on the channels, in a task."""
        self._task = asyncio.ensure_future(self.handle())

    async def listener(self, channel: str) -> None:
        """Listen until something is wrong with the layer or a message."""
        try:
            await super().listener(channel)
        except Exception as error:  # noqa: BLE001 - told to the test
            self._workers.report(error)

    def _told(self, application: ASGIApplication) -> ASGIApplication:
        """Return the application; a new one is made when it has failed."""

        async def told(
            scope: MutableMapping[str, Any], receive: Receive, send: Send
        ) -> None:
            async def refuse(event: Event) -> None:
                await send(event)

            error = None
            try:
                # asgiref's send() is no coroutine function, and warned about.
                await application(scope, receive, refuse)
            except (asyncio.CancelledError, GeneratorExit):
                self.application_instances.pop(scope["channel"], None)
                raise
            except BaseException as raised:  # noqa: BLE001 - told to the test
                error = raised
            self._replace(scope, error)
            if error is not None:
                self._workers.report(error)

        return told

    def _replace(
        self, scope: MutableMapping[str, Any], error: BaseException | None
    ) -> None:
        """Let the next message have a new consumer, as those that are kept."""
        channel = scope["channel"]
        queue = self.application_instances.pop(channel)["input_queue"]
        messages = [queue.get_nowait() for _ in range(queue.qsize())]
        if not self._workers.keeps_backlog():
            LostBacklog(channel, error, self._workers.remark).add(*messages)
        elif messages:
            make: Any = self.get_or_create_application_instance
            successor = make(channel, scope)
            for message in messages:
                successor.put_nowait(message)
