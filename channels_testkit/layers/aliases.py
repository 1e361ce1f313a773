"""Which layer stands for an alias of CHANNEL_LAYERS: captive, real or none."""

from __future__ import annotations

from typing import Any, cast

from channels.layers import channel_layers
from django.core.exceptions import ImproperlyConfigured

from channels_testkit.matching.wording import say

from .captive import CaptiveChannelLayer
from .inspection import is_used
from .swapping import is_in_place, layer_now

#: The alias that ``get_channel_layer()`` takes without an argument.
DEFAULT = "default"


def captive_layer(alias: str = DEFAULT) -> CaptiveChannelLayer:
    """
    Return the captive layer that is in the place of an alias.

    Raises ``ImproperlyConfigured`` for an alias that ``CHANNEL_LAYERS`` does
    not have, and ``ValueError`` for one that is not captive in this test.
    """
    layer = layer_now(alias)
    if is_captive(layer):
        return cast("CaptiveChannelLayer", layer)
    if is_in_place(alias):
        raise ValueError(
            f"Channel layer {say(alias)} is a real one in this test, and only a captive"
            " layer knows what was sent and who is in a group. Let a client receive the"
            " message, or move the test to a class with captive layers."
        )
    configured = channel_layers.configs or {}
    if alias in configured:
        raise ValueError(
            f"Channel layer {say(alias)} is not captive in this test: "
            "add it to test_channel_aliases."
        )
    others = f", only {', '.join(map(repr, configured))}" if configured else ""
    raise ImproperlyConfigured(
        f"CHANNEL_LAYERS has no {say(alias)}{others}; add one, or use "
        "override_settings(CHANNEL_LAYERS=...)."
    )


def layer_in_place(alias: str = DEFAULT) -> Any:
    """
    Return the captive or real layer that was put in the place of an alias.

    Raises as ``captive_layer()`` for an alias that has none: no message goes
    to a server that the test has not asked for.
    """
    if is_in_place(alias):
        return layer_now(alias)
    return captive_layer(alias)


def is_captive(layer: object) -> bool:
    """Tell whether a layer can be looked into."""
    # A lazy object has a class that its type has not.
    return issubclass(type(layer), CaptiveChannelLayer)


def captive_layers() -> dict[str, CaptiveChannelLayer]:
    """Return every captive layer that is in place, by alias."""
    layers = {alias: layer_now(alias) for alias in channel_layers.configs or {}}
    return {alias: layer for alias, layer in layers.items() if is_captive(layer)}


def other_layers(alias: str) -> list[tuple[str, CaptiveChannelLayer]]:
    """Return the captive layers of the other aliases, with these."""
    return [(other, it) for other, it in captive_layers().items() if other != alias]


def on_alias(alias: str) -> str:
    """
    Return ``" on alias 'x'"``, to follow what was said of a layer.

    It is empty where only the default one could be meant, because nothing
    else is used.
    """
    others = [layer for _, layer in other_layers(alias)]
    is_clear = alias == DEFAULT and not any(map(is_used, others))
    return "" if is_clear else f" on alias {alias!r}"
