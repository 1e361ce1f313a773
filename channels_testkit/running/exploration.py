"""``explore_schedules()``: a test under many schedules, till one fails."""

from __future__ import annotations

import functools
import inspect
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from .run import current

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

StrategyName = Literal["random", "pct", "all"]
SEED = "CHANNELS_TESTKIT_SEED"
SCHEDULES = "CHANNELS_TESTKIT_SCHEDULES"
_MARK = "_channels_testkit_exploration"
_NO_RUN = (
    "@explore_schedules() explores nothing here: no test of this package runs. Put it"
    " on a test case of the package, such as a WebsocketTestCase, on one of its tests,"
    " or on a pytest function that uses a fixture of the package or"
    " @pytest.mark.channels_test."
)


def _number_from_environment(name: str, *, least: int, example: int) -> int | None:
    text = os.environ.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise ValueError(f"{name} is a number such as {example}, not {text!r}.")
    return int(text)


@dataclass(frozen=True)
class Exploration:
    """The arguments of ``explore_schedules()``."""

    schedules: int = 200
    strategy: StrategyName = "random"
    bound: int = 2
    sends_overlap: bool = False
    #: Whether all tests of a class are explored, and not this one alone.
    is_of_class: bool = False
    seed: int | None = field(
        default_factory=lambda: _number_from_environment(SEED, least=0, example=7)
    )

    def __post_init__(self) -> None:
        for name in ("schedules", "bound"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise TypeError(
                    f"explore_schedules() takes a number of {name}, not {value!r}."
                )
        if self.strategy not in get_args(StrategyName):
            known = ", ".join(map(repr, get_args(StrategyName)))
            raise ValueError(
                f"The strategy of explore_schedules() is one of {known}, not"
                f" {self.strategy!r}."
            )
        if self.bound != 2 and self.strategy != "all":
            raise ValueError(
                f'bound={self.bound} goes with strategy="all", not with'
                f" {self.strategy!r}."
            )


def explore_schedules(
    schedules: int = 200,
    *,
    strategy: StrategyName = "random",
    bound: int = 2,
    sends_overlap: bool = False,
) -> Callable[[T], T]:
    """
    Run a test under many orders of events that production could have.

    It decorates a test method, a test function, or a class, for all its tests.
    Each schedule is a run of its own: with a transaction, layers, clients,
    ``setUp()`` and function-scoped fixtures. The first is the usual order, as
    without the decorator; all run in virtual time. The first schedule that
    fails is shrunk to few departures from the usual order, and reported with
    the exception of the test.

    ``strategy`` is ``"random"``, ``"pct"``, which delays few sources of events
    for long, or ``"all"``: every schedule with at most ``bound`` departures,
    up to the number of ``schedules``. With ``sends_overlap`` a client's sends,
    disconnects and drops return before the application is at rest, so that
    those of several clients are under way at the same time.

    In the environment, ``CHANNELS_TESTKIT_SEED`` replays one schedule of each
    explored test, and ``CHANNELS_TESTKIT_SCHEDULES`` is a number that replaces
    the tests' ``schedules``.

    Raises ``TypeError`` or ``ValueError`` for invalid options, and for such a
    variable that is not a number. The test fails if work outside of its loop
    is under way. ``RuntimeError`` is raised if no test of the package runs, so
    that nothing is explored.

    Example::

        class RoomTests(WebsocketTestCase):
            @explore_schedules(sends_overlap=True)
            def test_both_are_heard(self):
                ann, ben = self.connect_many(2, "/ws/room/1/")
                ann.send_json({"message": "one"})
                ben.send_json({"message": "two"})
                self.assertEqual(len(ann.receive_all_json()), 2)
    """
    if callable(schedules):
        raise TypeError("It takes parentheses: write @explore_schedules().")
    wanted = _number_from_environment(SCHEDULES, least=1, example=500)
    count = schedules if wanted is None else wanted
    exploration = Exploration(count, strategy, bound, sends_overlap)

    def mark(test: Any) -> Any:
        if isinstance(test, type):
            _check_class(test)
            setattr(test, _MARK, replace(exploration, is_of_class=True))
            return test
        if not inspect.isfunction(test):
            raise TypeError(
                f"@explore_schedules() goes on a test, or a class, not {test!r}."
            )
        setattr(test, _MARK, exploration)
        return _refusing_without_run(test)

    return mark


def _check_class(case: Any) -> None:
    """Raise ``TypeError`` for a test case of another package."""
    if hasattr(case, "countTestCases") and not hasattr(case, "_kit_is_explored"):
        raise TypeError(
            "@explore_schedules() explores test cases of the package, such as a"
            f" WebsocketTestCase; {case.__name__} is not one."
        )


def _refusing_without_run(test: Any) -> Any:
    """Return the test as one that fails where it cannot be explored."""
    if inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def acall(*args: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            _check_run()
            return await test(*args, **options)

        return acall

    @functools.wraps(test)
    def call(*args: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        _check_run()
        return test(*args, **options)

    return call


def _check_run() -> None:
    if current() is None:
        raise RuntimeError(_NO_RUN)


def exploration_of(*marked: Any) -> Exploration | None:
    """Return what the first of these is marked with that is marked."""
    for it in marked:
        found: Exploration | None = getattr(it, _MARK, None)
        if found is not None:
            return found
    return None
