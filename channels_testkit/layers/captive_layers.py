"""Captive layers in place of the configured ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.engine import private

from .captive import CaptiveChannelLayer, call_back
from .swapping import EVERY_ALIAS, LayersInPlace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .swapping import Aliases

__all__ = ("CaptiveLayers",)

# What a CONFIG tells any layer, a real one or a captive one.
COMMON_OPTIONS = ("expiry", "group_expiry", "capacity", "channel_capacity")


class CaptiveLayers(LayersInPlace):
    """
    A context manager that puts fresh captive layers in place.

    Each follows the ``CONFIG`` of its alias; no backend is imported or made.
    ``before_read`` is called before anything of a layer is looked at, and
    ``on_change`` when something in it has changed.
    """

    def __init__(
        self,
        aliases: Aliases = EVERY_ALIAS,
        *,
        strict: bool = True,
        missing_ok: bool = False,
        before_read: Callable[[], None] | None = None,
        on_change: Callable[[], None] | None = None,
        clock: Callable[[], float] = private.clock,
    ) -> None:
        super().__init__(aliases, missing_ok=missing_ok)
        self.strict = strict
        self._before_read = before_read
        self._on_change = on_change
        self._clock = clock

    def make(self) -> dict[str, CaptiveChannelLayer]:
        """Return fresh captive layers for the setting of now, by alias."""
        layers = {
            alias: self._captive(alias, layer.get("CONFIG") or {})
            for alias, layer in self.configured().items()
        }
        for layer in layers.values():
            call_back(layer, before_read=self._before_read, on_change=self._on_change)
        return layers

    def _captive(self, alias: str, config: Mapping[str, Any]) -> CaptiveChannelLayer:
        """Return a captive layer that follows the CONFIG of any backend."""
        options = {name: config[name] for name in COMMON_OPTIONS if name in config}
        if "json" in (config.get("serializer_format"), config.get("serializer")):
            options["serializer"] = "json"
        return CaptiveChannelLayer(
            **options, strict=self.strict, clock=self._clock, alias=alias
        )
