"""Faults of a captive layer for a block, and the messages that come late."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from typing import TYPE_CHECKING

from channels_testkit.engine import private
from channels_testkit.engine.jobs import APPLICATION
from channels_testkit.engine.numbers import next_number
from channels_testkit.engine.origins import OWNER
from channels_testkit.timeline.recording import record

from .exchange import Queued
from .recorded import message_comes_late

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .captive import CaptiveChannelLayer
    from .faults import Faults
    from .sent import LayerFault


class LateMessage:
    """A message that is delivered later, to one channel."""

    transcript = consumer = None
    has_client = is_live = False
    #: How timers and schedules call who brings it.
    label = in_words = "layer_faults()"

    def __init__(
        self, layer: CaptiveChannelLayer, fault: LayerFault, copies: int
    ) -> None:
        self._layer = layer
        self._fault = fault
        self._copies = copies
        self._timer: asyncio.TimerHandle | None = None
        self._exchange = layer._exchange  # noqa: SLF001 - only the kit does this
        self._exchange.late.append(fault)

    def come(self) -> None:
        """Put the message on its channel; callable from any thread."""
        layer, exchange = self._layer, self._exchange
        channels = [str(self._fault.channel)] * self._copies
        with exchange.lock:
            now, message = layer.clock(), self._fault.message
            queued = Queued(next_number(), now + layer.expiry, message)
            woken, full = layer._put(exchange, channels, queued, now)  # noqa: SLF001 - as above
            exchange.end_delay(self._fault, is_full=bool(full))
        fault, number = self._fault, queued.sequence
        record(self, message_comes_late, layer.alias, fault, number)
        exchange.wake(woken)
        layer._on_change()  # noqa: SLF001 - as above

    def come_in(self, seconds: float, usual: asyncio.AbstractEventLoop | None) -> None:
        """
        Put the message on its channel after some seconds.

        The timer is one of the application, on the loop of who waits for the
        message, or else on the ``usual`` one, or that of the sender.
        """
        waiter = self._exchange.first_waiter(str(self._fault.channel))
        here = private.running_loop()
        loop = usual if waiter is None else waiter.future.get_loop()
        loop = loop or here or asyncio.get_running_loop()
        context = contextvars.Context()
        context.run(self._prepare_context)
        if loop is here:
            context.run(self._set_timer, loop, seconds)
        else:
            # From another thread; a timer is set in the loop's own.
            set_timer = self._set_timer
            loop.call_soon_threadsafe(set_timer, loop, seconds, context=context)

    def cancel(self) -> None:
        """Drop the message: its test has ended, but its loop has not."""
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._timer = loop.call_later(seconds, self.come)

    def _prepare_context(self) -> None:
        APPLICATION.set(True)
        OWNER.set(self)


@contextlib.contextmanager
def with_faults(layer: CaptiveChannelLayer, faults: Faults) -> Iterator[None]:
    """Let a layer make faults, for a block."""
    exchange = layer._exchange  # noqa: SLF001 - only the kit does this
    with exchange.lock:
        exchange.fault_blocks.append(faults)
    try:
        yield
    finally:
        with exchange.lock:
            exchange.fault_blocks.remove(faults)
