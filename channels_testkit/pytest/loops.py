"""Who runs an async test function, and on which loop."""

from __future__ import annotations

import contextlib
import inspect
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

PYTEST_ASYNCIO = "pytest-asyncio"
ANYIO = "anyio"
#: Fixtures that there must be before there is a loop.
BEFORE_THE_LOOP = re.compile(
    r"anyio_backend|event_loop_policy|_asyncio_loop_factory|_\w+_scoped_runner"
)


def is_runner(fixture: str) -> bool:
    """Tell whether a loop of pytest-asyncio goes with a fixture."""
    return fixture.endswith("_scoped_runner")


def hypothesis_of(item: pytest.Function) -> Any:
    """Return what Hypothesis keeps of a test with ``@given``, or None."""
    return getattr(item.obj, "hypothesis", None)


def is_async(item: pytest.Function) -> bool:
    """Tell whether a test is a coroutine function."""
    return inspect.iscoroutinefunction(_function(item))


def _function(item: pytest.Function) -> Callable[..., Any]:
    given = hypothesis_of(item)
    function: Callable[..., Any] = item.obj if given is None else given.inner_test
    return function


def is_async_function(function: Callable[..., Any]) -> bool:
    """Tell whether it is a coroutine function, or an async generator's."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def claimed_by(item: pytest.Function) -> str:
    """Return the plugin that runs an async test, or an empty text."""
    plugin = sys.modules.get("pytest_asyncio.plugin")
    if plugin is not None and isinstance(item, plugin.PytestAsyncioFunction):
        return PYTEST_ASYNCIO
    if is_async(item) and "anyio_backend" in item.fixturenames:
        return ANYIO
    return ""


@contextlib.contextmanager
def loop_of(item: pytest.Function) -> Iterator[asyncio.AbstractEventLoop | None]:
    """
    Have the loop that a plugin will run a test on, or None.

    It is made now, where it would be made later.
    """
    plugin = claimed_by(item)
    if plugin == PYTEST_ASYNCIO:
        yield runner_of(item).get_loop()
    elif plugin == ANYIO:
        with _anyio_runner(_fixture(item, "anyio_backend")) as runner:
            yield runner.get_loop()
    else:
        yield None


def _fixture(item: pytest.Function, name: str) -> Any:
    return item._request.getfixturevalue(name)  # noqa: SLF001 - as pytest-asyncio


def runner_of(item: Any) -> Any:
    """Return what has the loop on which pytest-asyncio runs a test."""
    return _fixture(item, f"_{item._loop_scope}_scoped_runner")  # noqa: SLF001 - it has no other name


@contextlib.contextmanager
def _anyio_runner(backend: Any) -> Iterator[Any]:
    """Keep anyio's runner, which otherwise goes when the test has returned."""
    from anyio.pytest_plugin import extract_backend_and_options, get_runner

    name, options = extract_backend_and_options(backend)
    if name != "asyncio":
        raise pytest.UsageError(
            f"channels_testkit runs on asyncio, as Channels does, and not on {name}:"
            ' let a fixture anyio_backend return "asyncio".'
        )
    with get_runner(name, options) as runner:
        # Its task, which serves one test after the other, is not the test's.
        runner.run_fixture(_nothing, {})
        yield runner


async def _nothing() -> None:
    """Be a fixture that does nothing."""
