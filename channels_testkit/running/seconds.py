"""The times that calls take: numbers of seconds, all checked here."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from channels_testkit.asgi.events import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    F = TypeVar("F", bound=Callable[..., Any])

_NAMES = {"timeout", "within", "max_auth_time", "after_auth_time"}
#: What may have been meant by what is no time, by the name of the call.
_HINTS = {"disconnect": " A reason is given by its name: reason='...'."}

__unittest = True


class Time(NamedTuple):
    """A parameter of a method that is a number of seconds."""

    name: str
    #: Its place among the arguments after ``self``.
    place: int
    may_be_none: bool


def times_of(function: Callable[..., Any]) -> tuple[Time, ...]:
    """Return the parameters of a method that are numbers of seconds."""
    code = getattr(function, "__code__", None)
    if code is None or _NAMES.isdisjoint(code.co_varnames):
        return ()
    parameters = inspect.signature(function).parameters.values()
    return tuple(
        Time(parameter.name, place, parameter.default is None)
        for place, parameter in enumerate(parameters, -1)
        if parameter.name in _NAMES
    )


def check_times(
    times: tuple[Time, ...],
    call: str,
    args: Sequence[Any],
    options: Mapping[str, Any],
) -> None:
    """
    Raise ``TypeError`` or ``ValueError`` for an invalid number of seconds.

    ``args`` are those of the call, without its ``self``.
    """
    for time in times:
        if time.name in options:
            value = options[time.name]
        elif time.place < len(args):
            value = args[time.place]
        else:
            continue
        if value is not None or not time.may_be_none:
            _check(value, f"{call}({time.name}={quoted(value)})", call)


def _check(value: object, said: str, call: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        hint = _HINTS.get(call, "") if isinstance(value, str) else ""
        raise TypeError(f"{said}: give a number of seconds.{hint}")
    if not value >= 0:
        raise ValueError(f"{said}: give a number of seconds, 0 or more.")


def takes_seconds(method: F) -> F:
    """Have the times that a plain method is given checked before it runs."""
    times = times_of(method)

    @functools.wraps(method)
    def call(*args: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        check_times(times, method.__name__, args[1:], options)
        return method(*args, **options)

    return call  # type: ignore[return-value]
