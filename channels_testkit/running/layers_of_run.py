"""Where the layers of one test come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from channels_testkit.layers.captive_layers import CaptiveLayers
from channels_testkit.layers.real import ConfiguredLayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_testkit.layers.swapping import LayersInPlace

    from .options import RunOptions
    from .outside import Outside


class ReadsLayers(Protocol):
    """The run whose layers they are."""

    outside: Outside

    def ensure_rest_for_layers(self) -> None:
        """Be at rest before the test looks at a layer."""


def layers_of(
    options: RunOptions, run: ReadsLayers, *, clock: Callable[[], float]
) -> LayersInPlace:
    """Return the layers that a test asks for, to be put in place."""
    source, aliases = options.layer_source, options.test_channel_aliases
    if callable(source):
        return source()
    if source == "configured":
        return ConfiguredLayers(aliases)
    return CaptiveLayers(
        aliases,
        strict=options.strict_messages,
        before_read=run.ensure_rest_for_layers,
        on_change=run.outside.stir,
        clock=clock,
    )
