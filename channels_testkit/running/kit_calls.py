"""
Calls of the kit: coroutines that must be awaited, and their sync twins.

A call that is not awaited fails the test; see ``UnawaitedCalls``.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from asgiref.sync import markcoroutinefunction

from .arguments import word_for
from .seconds import check_times, times_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from typing_extensions import Self

    F = TypeVar("F", bound=Callable[..., Any])
    P = ParamSpec("P")
    T = TypeVar("T")

__unittest = True


class UnawaitedCalls:
    """
    The kit's coroutines that were not awaited, and their callers.

    ``refuse_in_child`` raises where a call is made in a forked child, where
    what awaits it, ``asyncio.wait_for()`` for one, fails before it begins.
    """

    def __init__(self, refuse_in_child: Callable[[], None]) -> None:
        self.refuse_in_child = refuse_in_child
        self._calls: list[tuple[Coroutine[Any, Any, Any], str, str]] = []
        self._most = _MANY

    def note(self, coroutine: Coroutine[Any, Any, Any], name: str, where: str) -> None:
        """Remember a call."""
        if len(self._calls) >= self._most:
            self._calls = [call for call in self._calls if _is_unawaited(call[0])]
            self._most = max(_MANY, 2 * len(self._calls))
        self._calls.append((coroutine, name, where))

    def take(self) -> list[str]:
        """Close the coroutines that were not awaited, and say which."""
        forgotten = [call for call in self._calls if _is_unawaited(call[0])]
        self._calls = []
        for coroutine, *_ in forgotten:
            coroutine.close()
        return [
            f"{name.rpartition('.')[2]}() was called at {where} but never awaited, so"
            f" it did nothing. Write 'await {name}(...)' in an async test"
            f"{_or_sync(name)}."
            for _, name, where in forgotten
        ]


_MANY = 500


def _or_sync(name: str) -> str:
    twin = name.replace(".a", ".", 1)
    return f", and '{twin}(...)' in a sync one" if twin != name else ""


def _is_unawaited(coroutine: Coroutine[Any, Any, Any]) -> bool:
    return inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED


#: The calls of the running test; a list, innermost last.
unawaited: list[UnawaitedCalls] = []


def kit_coroutine(function: F) -> F:
    """
    Make a coroutine function whose calls are reported unless awaited.

    What it returns is a real coroutine, which tasks and groups take.
    """

    def call(*args: Any, **options: Any) -> Coroutine[Any, Any, Any]:
        if times:
            check_times(times, function.__name__, args[1:], options)
        return _begun(function, args, options)

    times = times_of(function)
    return _named_as(function, call)  # type: ignore[no-any-return]


def _begun(
    function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> Coroutine[Any, Any, Any]:
    """Return the coroutine of a call, which is noted until it is awaited."""
    if unawaited:
        unawaited[-1].refuse_in_child()
    coroutine: Coroutine[Any, Any, Any] = function(*args, **options)
    if unawaited:
        unawaited[-1].note(coroutine, _call_of(function, args[0]), _caller())
    return coroutine


def _named_as(function: Any, call: Any) -> Any:
    call.__wrapped__ = function
    for name in ("__doc__", "__name__", "__qualname__", "__module__"):
        setattr(call, name, getattr(function, name))
    return markcoroutinefunction(call)


class Entered(Protocol):
    """What a block of an async test can enter and leave."""

    async def __aenter__(self) -> Any:
        """Enter it."""

    async def __aexit__(self, *exc_info: object) -> None:
        """Leave it."""


E = TypeVar("E", bound=Entered)
E_co = TypeVar("E_co", bound=Entered, covariant=True)


class Opening(Coroutine[Any, Any, E_co]):
    """
    A call that opens a connection: ``await`` it, or enter it.

    It is a coroutine, so tasks and groups take it. ``async with`` awaits it
    and leaves the connection at the end of the block.
    """

    def __init__(self, coroutine: Any) -> None:
        self._coroutine = coroutine
        self.__name__ = coroutine.__name__
        self.__qualname__ = coroutine.__qualname__

    async def __aenter__(self) -> E_co:
        self._opened: E_co = await self
        await self._opened.__aenter__()
        return self._opened

    async def __aexit__(self, *exc_info: object) -> None:
        await self._opened.__aexit__(*exc_info)

    # What awaits it steps the coroutine itself.

    def __await__(self) -> Generator[Any, Any, E_co]:
        return self

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        __tracebackhide__ = True
        return self._coroutine.send(None)

    def send(self, value: Any) -> Any:
        """Go on with the coroutine."""
        __tracebackhide__ = True
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        """Go on with the coroutine, by an exception."""
        __tracebackhide__ = True
        return self._coroutine.throw(*error)

    def close(self) -> None:
        """End the coroutine."""
        self._coroutine.close()

    def __getattr__(self, name: str) -> Any:
        # Where it is, and what it awaits: ``cr_frame`` and the like.
        if name.startswith("cr_"):
            return getattr(self._coroutine, name)
        raise AttributeError(name)


def kit_opening(
    function: Callable[P, Coroutine[Any, Any, E]],
) -> Callable[P, Opening[E]]:
    """
    Make a ``kit_coroutine()`` whose result a block can enter.

    ``async with`` on the call itself leaves what it opens.
    """

    def call(*args: P.args, **options: P.kwargs) -> Opening[E]:
        return Opening(_begun(function, args, options))

    return _named_as(function, call)  # type: ignore[no-any-return]


def sync_twin(
    method: Callable[P, Coroutine[Any, Any, T]], owner: str = "client"
) -> Callable[P, T]:
    """
    Return the sync twin of a coroutine method of a client, or of ``"self"``.

    A subclass that overrides the method has overridden its twin as well.
    """
    real: Any = method
    name = real.__name__

    def call(self: Any, /, *args: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        work = getattr(type(self), name).__wrapped__(self, *args, **options)
        run = self._kit if owner == "self" else self._run
        return run.run_in_sync_test(work, f"{owner}.{name}")

    call.__name__ = name.removeprefix("a")
    call.__qualname__ = real.__qualname__.replace(name, call.__name__)
    call.__doc__ = real.__doc__
    call.__module__ = real.__module__
    call.__signature__ = inspect.signature(  # type: ignore[attr-defined]
        real.__wrapped__
    )
    return call  # type: ignore[return-value]


def _call_of(function: Callable[..., Any], owner: object) -> str:
    """Return the call as a test writes it."""
    name = getattr(owner, "_name_in_tests", None)
    if name is None:
        name = word_for(owner)
    return f"{name}.{function.__name__}"


def _caller() -> str:
    frame = sys._getframe(3)  # noqa: SLF001 - what inspect does, but at once
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
