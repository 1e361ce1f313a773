"""Layers in place of the configured ones, for the time of a test."""

from __future__ import annotations

import abc
import weakref
from typing import TYPE_CHECKING, Any

from channels.layers import ChannelLayerManager, channel_layers
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from channels_testkit.engine.patches import Patch
from channels_testkit.matching.wording import say

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
    from typing import Literal

    from typing_extensions import Self

    Aliases = Collection[str] | Literal["__all__"]
    Layers = dict[str, Any]

__all__ = ("LayersInPlace", "is_in_place", "layer_now")

EVERY_ALIAS = "__all__"
ABSENT = object()


class LayersInPlace(abc.ABC):
    """
    A context manager that puts layers in place; ``make()`` makes them.

    Inside, ``get_channel_layer(alias)`` returns such a layer. Objects that it
    returned before, which code may hold, act as that layer too. While
    ``override_settings(CHANNEL_LAYERS=...)`` lasts there are fresh layers for
    the new setting.

    ``aliases`` names those to replace, or is ``"__all__"``. One that is not
    configured raises ``ImproperlyConfigured`` unless ``missing_ok`` is true;
    then it is replaced where an override brings it in.

    It nests, also in itself. ``made`` keeps the layers after they have gone.
    """

    def __init__(
        self, aliases: Aliases = EVERY_ALIAS, *, missing_ok: bool = False
    ) -> None:
        if isinstance(aliases, str) and aliases != EVERY_ALIAS:
            raise ImproperlyConfigured(
                f"test_channel_aliases is '__all__' or a list, not {say(aliases)}."
            )
        self.aliases = aliases
        self.missing_ok = missing_ok
        self.made: list[Any] = []
        self._swaps: list[_Swap] = []

    @property
    def layers(self) -> Layers:
        """The layers in place now, by alias: one dict from entry to exit."""
        return self._swaps[-1].layers if self._swaps else {}

    def __enter__(self) -> Self:
        if not self.missing_ok:
            self._check_aliases()
        swap = _Swap(self._make, self.form_of)
        swap.follow_setting(entering=True)
        self._swaps.append(swap)
        if not _swaps_in_place:
            _none_made.__enter__()
        _swaps_in_place.append(swap)
        return self

    def __exit__(self, *exc_info: object) -> None:
        swap = self._swaps.pop()
        # Undo first what was put on top and is still there.
        while swap in _swaps_in_place:
            _swaps_in_place.pop().undo()
            if not _swaps_in_place:
                _none_made.__exit__()

    @abc.abstractmethod
    def make(self) -> Layers:
        """Return fresh layers for the setting of now, by alias."""

    def form_of(self, layer: Any) -> tuple[type, dict[str, Any]]:
        """Return class and ``__dict__`` of an object that stands for it."""
        return type(layer), vars(layer)

    def leave_other_loops(self) -> None:  # noqa: B027 - captive ones are on none
        """Close what the layers have opened on loops of other threads."""

    def give_back(  # noqa: B027 - captive layers have nothing to give back
        self, call: Callable[[Coroutine[Any, Any, None]], None]
    ) -> None:
        """Give back what the layers use; ``call`` runs a coroutine."""

    def dropped(self, labels: Mapping[str | None, str]) -> Iterable[str]:
        """
        Say what real layers have dropped since the last call.

        ``labels`` say whose channel one is.
        """
        return ()

    def configured(self) -> Layers:
        """Return the configuration of each alias to replace."""
        return {
            alias: layer
            for alias, layer in (channel_layers.configs or {}).items()
            if self.aliases == EVERY_ALIAS or alias in self.aliases
        }

    def _check_aliases(self) -> None:
        configured = channel_layers.configs or {}
        for alias in () if self.aliases == EVERY_ALIAS else self.aliases:
            if alias not in configured:
                names = ", ".join(map(repr, configured)) or "none"
                raise ImproperlyConfigured(
                    f"test_channel_aliases names {say(alias)}, which CHANNEL_LAYERS "
                    f"does not have; it has {names}."
                )

    def _make(self) -> Layers:
        layers = self.make()
        self.made += layers.values()
        return layers


def layer_now(alias: str) -> Any:
    """
    Return the layer that an alias has now, or None; none is made.

    Where code has cleared what Channels has, the one in place comes back.
    """
    layer = channel_layers.backends.get(alias)
    return _placed(alias) if layer is None else layer


def is_in_place(alias: str) -> bool:
    """Tell whether the alias has a layer that was put in its place."""
    placed = [swap.layers[alias] for swap in _swaps_in_place if alias in swap.layers]
    return _is_among(placed, layer_now(alias))


class _Swap:
    """
    The layers that one entry put in place, and what was there before.

    A layer is put in place through the objects that code may already hold:
    they get the class and the ``__dict__`` of the layer's form.
    """

    def __init__(
        self,
        make: Callable[[], Layers],
        form_of: Callable[[Any], tuple[type, dict[str, Any]]],
    ) -> None:
        self.layers: Layers = {}
        self._make = make
        self._form_of = form_of
        # The value of the setting with its layers; that of now is the last.
        self._made: list[tuple[object, Layers]] = []
        self._entries: dict[str, Any] = {}
        self._placed: dict[str, Any] = {}
        self._before: list[tuple[object, type, dict[str, Any]]] = []

    def follow_setting(self, *, entering: bool) -> None:
        """Put in place fresh layers, or those made for an earlier setting."""
        setting = getattr(settings, "CHANNEL_LAYERS", None)
        while self._made and not entering and self._made[-1][0] is not setting:
            self._made.pop()
        if entering or not self._made:
            self._made.append((setting, self._make()))
        self.layers.clear()
        for alias, layer in self._made[-1][1].items():
            self.layers[alias] = self._place(alias, layer)

    def undo(self) -> None:
        """Put back what was there."""
        self.layers.clear()
        for holder, kind, state in reversed(self._before):
            _become(holder, kind, state)
        for alias, entry in self._entries.items():
            if entry is ABSENT:
                channel_layers.backends.pop(alias, None)
            else:
                channel_layers.backends[alias] = entry

    def _place(self, alias: str, layer: Any) -> Any:
        entry: Any = channel_layers.backends.get(alias, ABSENT)
        self._entries.setdefault(alias, entry)
        form = self._form_of(layer)
        holders = [h for h in _handed_out(alias, entry) if self._replace(h, form)]
        _seen[alias] = [weakref.ref(holder) for holder in holders]
        found = entry if _is_among(holders, entry) else holders[-1]
        placed = self._placed.setdefault(alias, found)
        channel_layers.backends[alias] = placed
        return placed

    def _replace(self, holder: object, form: tuple[type, dict[str, Any]]) -> bool:
        """Let an object stand for a layer; false where Python refuses it."""
        try:
            before = (holder, type(holder), vars(holder))
            _become(holder, *form)
        except TypeError:
            return False
        if not _is_among([known for known, *_ in self._before], holder):
            self._before.append(before)
        return True


class _StandIn:
    """
    What ``get_channel_layer()`` gives where it would have made a layer.

    There is one for each alias, for good: a module that a test imports may
    keep it. Between tests it is the configured layer.
    """

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def __getattr__(self, name: str) -> Any:
        if self.alias not in channel_layers:
            raise AttributeError(f"CHANNEL_LAYERS has no {self.alias!r}.")
        return getattr(channel_layers[self.alias], name)


_stand_ins: dict[str, _StandIn] = {}
_seen: dict[str, list[weakref.ref[object]]] = {}
_swaps_in_place: list[_Swap] = []


def _handed_out(alias: str, entry: object) -> list[object]:
    """Return what code may hold as the layer of an alias; a stand-in last."""
    stand_in = _stand_ins.setdefault(alias, _StandIn(alias))
    known = [holder for ref in _seen.get(alias, ()) if (holder := ref()) is not None]
    return [
        *(holder for holder in known if holder is not stand_in),
        *(() if entry is ABSENT or _is_among([stand_in, *known], entry) else (entry,)),
        stand_in,
    ]


def _is_among(objects: list[Any], wanted: object) -> bool:
    return any(item is wanted for item in objects)


def _become(holder: object, kind: type, state: dict[str, Any]) -> None:
    # Whatever the class of the object says about its attributes, and about
    # its class: a lazy object has that of another.
    vars(object)["__class__"].__set__(holder, kind)
    object.__setattr__(holder, "__dict__", state)


def _placed(alias: str) -> Any:
    """Return the layer that was put in the place of an alias last, or None."""
    for swap in reversed(_swaps_in_place):
        if alias in swap.layers:
            return swap.layers[alias]
    return None


_make_backend = ChannelLayerManager.make_backend


def _find_backend(manager: ChannelLayerManager, alias: str) -> Any:
    """Give the layer in place to code that has cleared what Channels has."""
    layer = _placed(alias)
    return _make_backend(manager, alias) if layer is None else layer


_none_made = Patch(ChannelLayerManager, "make_backend", _find_backend)


# Channels forgets its layers when the setting changes, by a receiver that was
# connected before this one and so runs before it.
@receiver(setting_changed)
def _follow_setting(*, setting: str, enter: bool, **kwargs: object) -> None:
    if setting == "CHANNEL_LAYERS":
        for swap in _swaps_in_place:
            swap.follow_setting(entering=enter)
