"""Lifespans of test functions: which one a test has, and when it ends."""

from __future__ import annotations

import contextlib
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from . import loops
from .detection import MARK, SERVERS, is_explored

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from channels_testkit.running.run import TestRun
    from channels_testkit.running.shared_lifespan import SharedLifespan

    from .channels_test import ChannelsTest

__unittest = True

#: What ``run_lifespan`` can be for a test function.
CHOICES = (False, True, "loop")
_NO_LOOP = (
    f"{{}}: @pytest.mark.{MARK}(run_lifespan='loop') is for tests that share a loop"
    " of pytest-asyncio, by loop_scope='class', 'module' or the like. Write"
    " run_lifespan=True, for this test."
)
_EXPLORED = (
    f"{{}}: an explored test starts anew for each schedule: write"
    f" @pytest.mark.{MARK}(run_lifespan=True), for this test."
)
#: By the runner of pytest-asyncio that has the loop, and the application's id.
_shared: weakref.WeakKeyDictionary[Any, dict[int, SharedLifespan]]
_shared = weakref.WeakKeyDictionary()


def is_of_server(item: pytest.Function) -> bool:
    """Tell whether the lifespan of a test is that of its live server."""
    return not SERVERS.isdisjoint(item.fixturenames)


def shared_by(
    item: pytest.Function, test: ChannelsTest, loop: asyncio.AbstractEventLoop | None
) -> SharedLifespan | None:
    """
    Return the lifespan that tests of a loop share, if a test wants it.

    It is started for the first of them. Raises ``pytest.UsageError`` where
    tests share no loop.
    """
    __tracebackhide__ = True
    if test.run_lifespan != "loop" or is_of_server(item):
        return None
    if is_explored(item):
        raise pytest.UsageError(_EXPLORED.format(item.nodeid))
    if loop is None or loops.claimed_by(item) != loops.PYTEST_ASYNCIO:
        raise pytest.UsageError(_NO_LOOP.format(item.nodeid))
    from channels_testkit.running.lifespan import application_of
    from channels_testkit.running.shared_lifespan import SharedLifespan

    options = test.run.options
    key = id(application_of(options)[0])
    shared = _shared.setdefault(loops.runner_of(item), {})
    if key not in shared:

        def put_on_loop(run: TestRun) -> None:
            run.attach(loop)
            _let_go_on(shared, run)

        shared[key] = SharedLifespan(options, put_on_loop)
    return shared[key]


def attach(
    run: TestRun, item: pytest.Function, loop: asyncio.AbstractEventLoop
) -> None:
    """Run a test on a loop, and let go on what other tests share there."""
    run.attach(loop)
    if loops.claimed_by(item) == loops.PYTEST_ASYNCIO:
        _let_go_on(_shared.get(loops.runner_of(item), {}), run)


def _let_go_on(shared: Mapping[int, SharedLifespan], run: TestRun) -> None:
    for each in shared.values():
        each.let_go_on(run)


def end_with(runner: pytest.FixtureDef[Any]) -> None:
    """Shut down what tests share on the loop of a runner, before that."""

    def end() -> None:
        __tracebackhide__ = True
        shared = _shared.get(made, {})
        with contextlib.ExitStack() as to_end:
            for key in shared:
                to_end.callback(end_one, shared, key)

    def end_one(shared: dict[int, SharedLifespan], key: int) -> None:
        __tracebackhide__ = True
        shared.pop(key).end()

    made = runner.cached_result and runner.cached_result[0]
    if made is not None:
        runner.addfinalizer(end)
