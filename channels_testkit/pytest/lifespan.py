"""Lifespans of test functions: which one a test has, and when it ends."""

from __future__ import annotations

import contextlib
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from . import loops
from .signs import MARK, is_explored

if TYPE_CHECKING:
    import asyncio

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
    servers = {"channels_live_server", "channels_browser"}
    return not servers.isdisjoint(item.fixturenames)


def shared_on(
    item: pytest.Function, test: ChannelsTest, loop: asyncio.AbstractEventLoop | None
) -> list[SharedLifespan]:
    """
    Return the lifespans that go on on the loop of a test, its own as the last.

    That is started for the first test that wants it. There are none where the
    test shares none. Raises ``pytest.UsageError`` where tests share no loop.
    """
    __tracebackhide__ = True
    if test.run_lifespan != "loop" or is_of_server(item):
        return []
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
        shared[key] = SharedLifespan(options, lambda run: run.attach(loop))
    return [*(it for other, it in shared.items() if other != key), shared[key]]


def end_with(runner: pytest.FixtureDef[Any]) -> None:
    """Shut down what tests share on the loop of a runner, before that."""

    def end() -> None:
        __tracebackhide__ = True
        with contextlib.ExitStack() as to_end:
            for shared in _shared.pop(made, {}).values():
                to_end.callback(shared.end)

    made = runner.cached_result and runner.cached_result[0]
    if made is not None:
        runner.addfinalizer(end)
