"""``@explore_schedules()`` on test functions: each schedule is a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from _pytest.runner import runtestprotocol

from channels_testkit.running.exploration import Exploration, exploration_of
from channels_testkit.running.raised import left_in_folder
from channels_testkit.running.schedule_report import report
from channels_testkit.running.schedule_search import find_failure

if TYPE_CHECKING:
    import pytest

    from channels_testkit.engine.schedules import Schedule

__unittest = True

_RUN = "_channels_testkit_explored_run"


def exploration_of_item(item: Any) -> Exploration | None:
    """Return what a test function, or its class, is marked with."""
    return exploration_of(item.obj, item.cls)


def schedule_of(item: Any) -> tuple[bool, Schedule | None, bool]:
    """Tell whether an item runs explored, with what, and if sends overlap."""
    return getattr(item, _RUN, (False, None, False))


def explore(
    item: Any, nextitem: pytest.Item | None, exploration: Exploration
) -> list[pytest.TestReport]:
    """Run a test function under schedules; return the reports of one run."""
    # One that stays in the same module: what is wider than a function stays.
    stay = SimpleNamespace(listchain=lambda: [*item.listchain()[:-1], object()])

    def run(schedule: Schedule | None, following: Any) -> list[pytest.TestReport]:
        overlap = schedule is not None and exploration.sends_overlap
        setattr(item, _RUN, (True, schedule, overlap))
        item._initrequest()  # noqa: SLF001 - as plugins do that run a test again
        try:
            return runtestprotocol(item, nextitem=following, log=False)
        finally:
            delattr(item, _RUN)

    def run_once(schedule: Schedule | None) -> BaseException | None:
        return _failure(run(schedule, stay))

    found = None
    if run_once(None) is None:
        found = find_failure(exploration, run_once, name=item.nodeid)
    if found is None:
        return run(None, nextitem)
    schedule = found.schedule.again()
    reports = run(schedule, nextitem)
    text = report(found, exploration) + left_in_folder(schedule.timeline, item.nodeid)
    for it in reports:
        if it.failed:
            it.sections.append(("Schedule", text))
    return reports


class _Failed(Exception):  # noqa: N818 - it stands for what a report tells
    """What a run has raised, by its report."""


def _failure(reports: list[pytest.TestReport]) -> BaseException | None:
    if any(it.skipped for it in reports):
        return _Failed()
    return next((_Failed(it.longreprtext) for it in reports if it.failed), None)
