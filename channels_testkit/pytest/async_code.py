"""Async tests and fixtures: resumed at rest, or run by the kit itself."""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
from typing import TYPE_CHECKING, Any

from channels_testkit.engine import private
from channels_testkit.engine.attaching import AttachedBridge
from channels_testkit.running.run import in_place, required

from . import loops

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    import pytest

__unittest = True

_END: Any = object()


@contextlib.contextmanager
def test_resumed_at_rest(item: pytest.Function) -> Iterator[None]:
    """Resume an async test at rest, for a block, whichever plugin runs it."""
    if not (loops.is_async(item) and loops.claimed_by(item)):
        yield
        return
    given = loops.hypothesis_of(item)
    owner, name = (item, "obj") if given is None else (given, "inner_test")
    real = getattr(owner, name)
    setattr(owner, name, _at_rest(real))
    try:
        yield
    finally:
        setattr(owner, name, real)


def _at_rest(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a coroutine function that is resumed only at rest."""

    @functools.wraps(function)
    async def call(*args: Any, **options: Any) -> Any:
        return await resumed_at_rest(function(*args, **options))

    return call


async def resumed_at_rest(work: Coroutine[Any, Any, Any]) -> Any:
    """Await a coroutine on the loop that is running, at rest if it is ours."""
    run, loop = in_place(), private.running_loop()
    if run is None or run.has_left:
        return await work
    if not run.has_loop and loop is not None:
        # A sync test has an async fixture: that one says where it is.
        run.attach(loop)
    bridge = run.bridge
    if not isinstance(bridge, AttachedBridge) or bridge.loop is not loop:
        return await work
    return await bridge.resumed_at_rest(work)


# Fixtures.


def fixture_resumed_at_rest(
    function: Callable[..., Any], *, is_run_by_kit: bool
) -> Callable[..., Any]:
    """
    Return what stands for a fixture function while it is set up.

    A sync one stands for itself. An async one is resumed at rest by its
    plugin's loop, or is run by the kit where no plugin does it.
    """
    replace = _by_kit if is_run_by_kit else _by_plugin
    if isinstance(function, types.MethodType):
        replaced = replace(function.__func__)
        return types.MethodType(replaced, function.__self__)
    return replace(function)


def _by_plugin(function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):
        return _at_rest(function)

    @functools.wraps(function)
    async def generate(*args: Any, **options: Any) -> AsyncIterator[Any]:
        steps = function(*args, **options)
        while (value := await resumed_at_rest(_step(steps))) is not _END:
            yield value

    return generate


async def _step(steps: Any) -> Any:
    return await anext(steps, _END)


def _by_kit(function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        def call(*args: Any, **options: Any) -> Any:
            return required("A fixture").call_test_code(function, *args, **options)

        return _named_as(function, call)

    def generate(*args: Any, **options: Any) -> Iterator[Any]:
        run, steps = required("A fixture"), function(*args, **options)
        while (value := run.call_test_code(_step, steps)) is not _END:
            yield value

    return _named_as(function, generate)


def _named_as(
    function: Callable[..., Any], call: Callable[..., Any]
) -> Callable[..., Any]:
    """Give ``call`` the name and the arguments of a function, and no more."""
    call.__name__, call.__qualname__ = function.__name__, function.__qualname__
    call.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return call
