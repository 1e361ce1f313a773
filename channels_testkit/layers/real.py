"""Real layers in place of the configured ones, separate for each test."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import secrets
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import SimpleLazyObject
from django.utils.module_loading import import_string

from .real_drops import RealDrops
from .swapping import EVERY_ALIAS, LayersInPlace

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping

    from typing_extensions import Self

    from channels_testkit.engine.rest import RestWatch

    from .swapping import Aliases, Layers

__all__ = ("ConfiguredLayers", "RealLayers", "make_real_layer", "wait_for_delivery")

_SECONDS_TO_CLOSE = 5.0
_SECONDS_TO_CANCEL = 0.1
_SECONDS_TO_COME_ROUND = 0.1


class RealLayers(LayersInPlace):
    """
    A context manager that puts real layers in place, with private prefixes.

    ``give_back()`` removes what is under the prefixes, and nothing else.
    """

    def __init__(
        self, aliases: Aliases = EVERY_ALIAS, *, missing_ok: bool = False
    ) -> None:
        super().__init__(aliases, missing_ok=missing_ok)
        self.drops = RealDrops()

    def __enter__(self) -> Self:
        super().__enter__()
        self.drops.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.drops.__exit__(*exc_info)
        super().__exit__(*exc_info)

    def _make(self) -> Layers:
        layers = super()._make()
        for layer in layers.values():
            self.drops.watch(layer)
        return layers

    def form_of(self, layer: Any) -> tuple[type, dict[str, Any]]:
        """
        Return the form of an object that passes everything on to the layer.

        The layer itself is called, by whatever object: it outlives the test
        in the loops that it has opened connections on.
        """
        return SimpleLazyObject, vars(SimpleLazyObject(lambda: layer))

    def leave_other_loops(self) -> None:
        """Close what the layers have opened on loops of other threads."""
        for layer in self.made:
            _close_on_other_loops(layer)

    def give_back(self, call: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        """Remove what is under the prefixes, and close the connections."""
        self.leave_other_loops()
        call(self._flush())

    def dropped(self, labels: Mapping[str | None, str]) -> Iterable[str]:
        """Yield texts about what was dropped since the last call."""
        return self.drops.take(labels)

    async def _flush(self) -> None:
        async with contextlib.AsyncExitStack() as to_flush:
            for layer in self.made:
                to_flush.push_async_callback(layer.flush)


class ConfiguredLayers(RealLayers):
    """The layers of ``CHANNEL_LAYERS``, with each alias's ``TEST_CONFIG``."""

    def make(self) -> dict[str, Any]:
        """Return fresh layers for the setting of now, by alias."""
        configured = self.configured()
        for alias, layer in configured.items():
            if "TEST_CONFIG" not in layer:
                raise ImproperlyConfigured(
                    f"CHANNEL_LAYERS[{alias!r}] has no TEST_CONFIG, and layer_source ="
                    " 'configured' makes the layers of tests from it: add one like"
                    " CONFIG, with the hosts of a server for tests."
                )
        return {
            alias: make_real_layer(alias, layer["BACKEND"], layer["TEST_CONFIG"])
            for alias, layer in configured.items()
        }


def make_real_layer(alias: str, backend: str, config: Mapping[str, Any]) -> Any:
    """Return a layer whose prefix, after that of its config, is its own."""
    # Valid in the name of a channel, which the layer may put it in front of.
    prefix = f"{config.get('prefix', '')}ctk-{secrets.token_hex(8)}-"
    try:
        layer = import_string(backend)(**{**config, "prefix": prefix})
    except TypeError as error:
        if "'prefix'" not in str(error):
            raise
        raise ImproperlyConfigured(
            f"{backend}, the BACKEND of CHANNEL_LAYERS[{alias!r}], takes no prefix, so"
            " tests would receive each other's messages. Use another BACKEND, or keep"
            " the alias captive, in a class of its own."
        ) from None
    layer.receive = _cancellable(layer.receive)
    return layer


async def wait_for_delivery(layer: Any, rest: RestWatch) -> None:
    """
    Send a message through a real layer, and wait until it comes back.

    Then the layer knows its listeners. Some layers lose what is sent to a
    channel before that, which may be the first of these messages.
    """
    channel = f"ready.{secrets.token_hex(8)}"
    arrival = rest.loop.create_task(layer.receive(channel))
    try:
        await rest.wait()
        while not arrival.done():
            await layer.send(channel, {"type": "ready"})
            await asyncio.wait([arrival], timeout=_SECONDS_TO_COME_ROUND)
        await arrival
    finally:
        arrival.cancel()


def _cancellable(receive: Callable[[str], Any]) -> Callable[[str], Any]:
    """
    Return the same ``receive()``, but one that ends when it is cancelled.

    redis-py calls ``asyncio.wait_for()``, which loses a cancellation that
    comes at the wrong moment: a consumer would not end when its client goes.
    Python 3.12 and later do not need this.
    """

    async def receive_or_end(channel: str) -> Any:
        receiving = asyncio.ensure_future(receive(channel))
        try:
            return await asyncio.shield(receiving)
        except asyncio.CancelledError:
            while not receiving.done():
                receiving.cancel()
                await asyncio.wait([receiving], timeout=_SECONDS_TO_CANCEL)
            raise

    return receive_or_end


def _close_on_other_loops(layer: Any) -> None:
    """
    Close what a layer has opened on loops that run in other threads.

    channels_redis keeps connections by loop, under a private name, and can
    close those of a loop only there.
    """
    for loop, connections in list(vars(layer).get("_layers", {}).items()):
        if loop.is_running():
            _close_on(loop, _finish(loop, layer, connections))


async def _finish(
    loop: asyncio.AbstractEventLoop, layer: Any, connections: Any
) -> None:
    # After a message it removes a copy, for which nobody waits.
    cleaners = [
        task
        for task in getattr(layer, "receive_cleaners", ())
        if task.get_loop() is loop
    ]
    if cleaners:
        await asyncio.wait(cleaners)
    await connections.flush()


def _close_on(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
    """
    Close the connections on their loop, unless that ends meanwhile.

    They are closed with a loop that ends, as channels_redis sees to.
    """
    try:
        closing = asyncio.run_coroutine_threadsafe(work, loop)
    except RuntimeError:  # it has ended just now
        work.close()
        return
    done, _ = concurrent.futures.wait([closing], _SECONDS_TO_CLOSE)
    if done and not closing.cancelled():
        closing.result()
