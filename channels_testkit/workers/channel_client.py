"""``ChannelClient``: one message to one routed worker consumer."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

from channels_testkit.engine.waiting import Waiting
from channels_testkit.layers.aliases import DEFAULT, captive_layer
from channels_testkit.layers.fault_failures import withheld_from_channel
from channels_testkit.matching.wording import say
from channels_testkit.running.kit_calls import kit_coroutine, sync_twin
from channels_testkit.running.not_copied import NotCopied
from channels_testkit.running.run import required

from .failures import no_message, not_routed, without_type
from .messages import Group, Message, channel_name, plain, take_message
from .running_worker import Workers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from channels.consumer import AsyncConsumer

    from channels_testkit.asgi.application import ASGIApplication, GivenApplication
    from channels_testkit.layers.captive import CaptiveChannelLayer

__unittest = True

_numbers = itertools.count(1)


class ChannelClient(NotCopied):
    """
    Sends messages to worker consumers, runs them, and receives their answers.

    Channels 1 called it ``Client``, and that name works too. It works while a
    test case of the kit runs; every call returns at rest. In async tests use
    the twins whose names begin with ``a``.

    Example::

        class Square(AsyncConsumer):
            async def square(self, message):
                answer = {"type": "answer", "value": message["value"] ** 2}
                await self.channel_layer.send(message["reply_channel"], answer)

        with apply_routes({"input": Square.as_asgi()}):
            client = ChannelClient()
            client.send_and_consume("input", {"type": "square", "value": 3})
            self.assertEqual(client.receive()["value"], 9)
    """

    def __init__(
        self, alias: str = DEFAULT, application: GivenApplication | None = None
    ) -> None:
        self._run = required(type(self).__name__)
        self._workers = Workers.of(self._run)
        #: The alias of the layer that the client is on.
        self.alias = alias
        self._worker_application = application
        #: Where answers to this client go; local to the process, as its name
        #: says, and so nothing that a worker serves.
        self.reply_channel = f"reply!{next(_numbers)}"
        self._waiting = Waiting(self._run)

    @property
    def channel_name(self) -> str:
        """The channel that receives for this client in groups."""
        return self.reply_channel

    @property
    def channel_layer(self) -> CaptiveChannelLayer:
        """The captive layer of the alias."""
        return captive_layer(self.alias)

    # Sending and running.

    @kit_coroutine
    async def asend(self, to: str, content: Mapping[str, Any] | None = None) -> None:
        """Put a message on a channel; ``reply_channel`` is added if absent."""
        message = {"reply_channel": self.reply_channel, **plain(content or {})}
        await self.channel_layer.send(channel_name(to), message)

    @kit_coroutine
    async def aconsume(
        self, channel: str, fail_on_none: bool = True
    ) -> AsyncConsumer | None:
        """
        Run the worker consumer of a channel on its next message; return it.

        Its handler runs to the end, timers included. Fails where there is no
        message or no route, unless ``fail_on_none`` is false: then it returns
        ``None``. Raises what the consumer raises.
        """
        await self._waiting.settle()
        message = self.channel_layer.take(channel)
        consumer = self.get_consumer_by_channel(channel)
        if message is None or consumer is None:
            if fail_on_none:
                raise AssertionError(self._why_not(channel, message))
            return None
        if not message.get("type"):
            raise AssertionError(without_type(channel, message))
        application = self._workers.application(self._worker_application)
        worker = self._workers.feed(channel, message, application)
        await worker.finish(message)
        return worker.consumer

    def _why_not(self, channel: str, message: Mapping[str, Any] | None) -> str:
        """Say that there is no message, or nobody that it is routed to."""
        if message is None:
            text = no_message(channel, self.channel_layer.pending_counts())
            return f"{text}{withheld_from_channel(channel)}"
        routes = self._workers.routes(self._worker_application)
        return f"{not_routed(channel, routes)}\n\nMessage: {say(dict(message))}"

    @kit_coroutine
    async def asend_and_consume(
        self,
        channel: str,
        content: Mapping[str, Any] | None = None,
        fail_on_none: bool = True,
    ) -> AsyncConsumer | None:
        """Send a message and run the worker consumer of its channel on it."""
        await self.asend(channel, content)
        return await self.aconsume(channel, fail_on_none)

    # Receiving.

    @kit_coroutine
    async def areceive(self) -> Message | None:
        """
        Take the next message off the reply channel, or return ``None``.

        Waits for it as other receives do: while a timer of the application,
        or work outside the loop, can still lead to it.
        """
        await self._waiting.settle()
        return await self._next_reply()

    async def _next_reply(self) -> Message | None:
        layer = self.channel_layer
        loop = self._run.rest.loop
        listening = loop.create_task(layer.receive(self.reply_channel))
        listening.add_done_callback(lambda _: self._waiting.wake())
        try:
            seconds = self._run.receive_timeout
            await self._waiting.until(listening.done, seconds, for_timers_only=True)
        finally:
            listening.cancel()
            await asyncio.wait([listening])
        if listening.cancelled():
            return None
        return Message(listening.result(), self.reply_channel, self.alias)

    def get_next_message(self, channel: str, require: bool = False) -> Message | None:
        """Take the next message off a channel, as the test case's method."""
        return take_message(self._run, channel, self.alias, require=require)

    def get_consumer_by_channel(self, channel: str) -> ASGIApplication | None:
        """Return what is routed for a channel, as ``as_asgi()`` made it."""
        return self._workers.routes(self._worker_application).get(channel)

    @kit_coroutine
    async def ajoin_group(self, name: str) -> None:
        """Let the reply channel receive what is sent to a group."""
        await Group(name, self.alias).aadd(self.reply_channel)

    send = sync_twin(asend)
    consume = sync_twin(aconsume)
    send_and_consume = sync_twin(asend_and_consume)
    receive = sync_twin(areceive)
    join_group = sync_twin(ajoin_group)
