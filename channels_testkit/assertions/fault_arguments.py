"""What ``layer_faults()`` is called with, checked."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from channels.exceptions import ChannelFull

from channels_testkit.layers.aliases import DEFAULT
from channels_testkit.layers.fault_failures import call_in_words
from channels_testkit.layers.faults import Choice
from channels_testkit.matching.wording import say
from channels_testkit.running.arguments import in_words, is_connection

if TYPE_CHECKING:
    from channels_testkit.layers.faults import HowMany

    #: What a call raises: an exception, or its class.
    Raised = BaseException | type[BaseException]

_KINDS = "a share between 0.0 and 1.0, or a predicate that takes the message"


@dataclass(frozen=True, kw_only=True)
class FaultsWanted:
    """What one block asks for, as a test says it."""

    lose: HowMany | None
    duplicate: HowMany | None
    delay: HowMany | None
    error: HowMany | Raised | None
    group: str | None
    channel: str | None
    by: float | None
    raises: Raised | None
    seed: int | None
    alias: str
    #: How the channel was given.
    given_as: object = None

    def __post_init__(self) -> None:
        if not self._kinds_given:
            raise TypeError(
                "layer_faults() takes the faults to make: lose=, duplicate=, delay= or"
                " error=."
            )
        for name, value in self._kinds_given.items():
            _check_how_many(name, value)
        self._check_by()
        self._check_error()
        if self.seed is not None and type(self.seed) is not int:
            raise TypeError(f"layer_faults(seed={say(self.seed)}): give an int.")

    @property
    def call(self) -> str:
        """The call as a test may have written it."""
        has_share = any(choice.is_share for choice in self.choices().values())
        seed = (self.seed or 0) if has_share else self.seed
        alias = None if self.alias == DEFAULT else self.alias
        given = {**vars(self), "seed": seed, "alias": alias, "given_as": None}
        who = in_words(self.given_as) if is_connection(self.given_as) else None
        return call_in_words(given, channel=who)

    @property
    def is_held(self) -> bool:
        """Whether what is late comes at the end of the block."""
        return self.delay is not None and self.by is None

    @property
    def raised(self) -> Raised | None:
        """What a call raises, where the test says it."""
        return self.error if _is_exception(self.error) else self.raises

    def choices(self) -> dict[str, Choice]:
        """Return which deliveries and calls meet each kind of fault."""
        seed = self.seed or 0
        return {
            name: Choice(name, 1.0 if _is_exception(value) else value, seed)
            for name, value in self._kinds_given.items()
        }

    @property
    def _kinds_given(self) -> dict[str, Any]:
        names = ("lose", "duplicate", "delay", "error")
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}

    def _check_by(self) -> None:
        if self.by is None:
            return
        said = f"layer_faults(by={say(self.by)})"
        if isinstance(self.by, bool) or not isinstance(self.by, (int, float)):
            raise TypeError(f"{said}: give a number of seconds.")
        if not (self.by >= 0 and math.isfinite(self.by)):
            raise ValueError(f"{said}: give a number of seconds, 0 or more.")
        if self.delay is None:
            raise TypeError(f"{said} says how late a message is: give delay= as well.")

    def _check_error(self) -> None:
        if self.error is None:
            if self.raises is not None:
                raise TypeError(
                    f"layer_faults(raises={_named(self.raises)}) says what a call"
                    " raises: give error= as well."
                )
            return
        if _is_exception(self.error) and self.raises is not None:
            raise TypeError("layer_faults() takes an exception once, in raises=.")
        if self.group is not None and self.channel is not None:
            raise TypeError(
                "layer_faults(error=...) is about calls of group_send(), with group=,"
                " or of send(), with channel=: give one of them."
            )
        if self.raised is not None:
            self._check_raised(self.raised)

    def _check_raised(self, raised: Raised) -> None:
        if not _is_exception(raised):
            raise TypeError(
                f"layer_faults(raises={say(raised)}): give an exception or its class."
            )
        try:
            error = raised("") if isinstance(raised, type) else raised
        except TypeError:
            raise TypeError(
                f"layer_faults(raises={_named(raised)}): this class takes more than a"
                " text; give an exception."
            ) from None
        if isinstance(error, ChannelFull) and self.group is not None:
            raise ValueError(
                "group_send() raises no ChannelFull: if a channel is full, a real layer"
                " drops the message without an error. Write lose= instead of error=."
            )


def _named(raised: Raised) -> str:
    return raised.__name__ if isinstance(raised, type) else say(raised)


def _is_exception(value: object) -> TypeGuard[Raised]:
    kind = value if isinstance(value, type) else type(value)
    return issubclass(kind, BaseException)


def _check_how_many(name: str, value: Any) -> None:
    """Raise unless a value is a number, a share or a predicate."""
    if name == "error" and _is_exception(value):
        return
    what = "calls" if name == "error" else "deliveries"
    said = f"layer_faults({name}={say(value)})"
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (is_number or _is_predicate(value)):
        raise TypeError(f"{said}: give a number of {what}, {_KINDS}.")
    if isinstance(value, int) and value < 1:
        raise ValueError(f"{said}: give 1 or more, or leave it out.")
    if isinstance(value, float) and not 0 < value <= 1:
        raise ValueError(
            f"{said}: a share is more than 0.0 and at most 1.0, which is all; a number"
            f" of {what} is an int, such as 2."
        )


def _is_predicate(value: object) -> bool:
    if isinstance(value, type) or not callable(value):
        return False
    calls = (value, type(value).__call__)
    return not any(map(inspect.iscoroutinefunction, calls))
