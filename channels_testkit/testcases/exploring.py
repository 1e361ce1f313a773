"""``@explore_schedules()`` on methods and classes of test cases."""

from __future__ import annotations

import inspect
import unittest
from typing import TYPE_CHECKING, Any

from channels_testkit.engine.added_lines import add_line
from channels_testkit.running.exploration import Exploration, exploration_of
from channels_testkit.running.raised import left_in_folder
from channels_testkit.running.schedule_report import report
from channels_testkit.running.schedule_search import find_failure

if TYPE_CHECKING:
    from channels_testkit.engine.schedules import Schedule

__unittest = True


def exploration_of_case(case: Any) -> Exploration | None:
    """Return what the method of a test case, or its class, is marked with."""
    method = getattr(type(case), case._testMethodName, None)  # noqa: SLF001 - no other way
    return exploration_of(inspect.unwrap(method) if method else None, case)


class _Recorded(unittest.TestResult):
    """What came of one run of a test."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def addFailure(self, test: Any, err: Any) -> None:
        self.calls.append(("addFailure", (test, err)))

    def addError(self, test: Any, err: Any) -> None:
        self.calls.append(("addError", (test, err)))

    def addSkip(self, test: Any, reason: str) -> None:
        self.calls.append(("addSkip", (test, reason)))

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self.calls.append(("addSubTest", (test, subtest, err)))

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self.calls.append(("addExpectedFailure", (test, err)))

    def addUnexpectedSuccess(self, test: Any) -> None:
        self.calls.append(("addUnexpectedSuccess", (test,)))

    @property
    def error(self) -> BaseException | None:
        """What the test has raised first."""
        for name, args in self.calls:
            if name in {"addFailure", "addError", "addSubTest"}:
                error: BaseException = args[-1][1]
                return error
        return None

    def tell(self, case: unittest.TestCase, result: unittest.TestResult) -> None:
        """Tell a result all of it, as that of a test case."""
        for name, args in self.calls:
            getattr(result, name)(case, *args[1:])
        if not self.calls:
            result.addSuccess(case)


def explore(
    case: Any,
    exploration: Exploration,
    result: unittest.TestResult,
) -> None:
    """Run a test case under schedules, and tell the result as one test."""
    result.startTest(case)
    try:
        recorded = _run(case, exploration, None)
        if not recorded.calls:
            recorded = _explored(case, exploration)
        recorded.tell(case, result)
    finally:
        result.stopTest(case)


def _explored(case: Any, exploration: Exploration) -> _Recorded:
    last = _Recorded()

    def run_once(schedule: Schedule) -> BaseException | None:
        nonlocal last
        recorded = _run(case, exploration, schedule)
        if recorded.error is not None:
            last = recorded
        return recorded.error

    found = find_failure(exploration, run_once, name=case.id())
    if found is None:
        return _Recorded()
    add_line(found.error, f"\n{report(found, exploration)}")
    if note := left_in_folder(found.schedule.timeline, case.id()):
        add_line(found.error, note)
    return last


def _run(case: Any, exploration: Exploration, schedule: Schedule | None) -> _Recorded:
    """Run a fresh instance of a test case."""
    fresh = type(case)(case._testMethodName)  # noqa: SLF001 - no other way
    vars(fresh).update(
        _kit_is_explored=True,
        _kit_schedule=schedule,
        _kit_sends_overlap=schedule is not None and exploration.sends_overlap,
        use_virtual_time=True,
    )
    recorded = _Recorded()
    fresh(recorded)
    return recorded
