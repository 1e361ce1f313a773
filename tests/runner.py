"""
Both runners' ways to write down how a run went, for ``tests.__main__``.

Django's is the class, named by the settings; pytest's are the hooks, loaded by
``-p tests.runner``.
"""

from __future__ import annotations

import gc
import json
import os
import unittest
from pathlib import Path
from typing import Any

from django.test.runner import DiscoverRunner
from django.test.utils import iter_test_cases

# Taken out, so that a suite that a test starts leaves the file alone.
COUNTS_PATH = os.environ.pop("CHANNELS_TESTKIT_COUNTS", None)
#: Under how many each test runs, if it is explored.
EXPLORED = os.environ.pop("CHANNELS_TESTKIT_EXPLORED", None)
#: Whether Django's runner leaves out tests that use no database.
ONLY_DATABASE = os.environ.pop("CHANNELS_TESTKIT_ONLY_DATABASE", None)
#: Packages that Django's runner leaves out.
WITHOUT = os.environ.pop("CHANNELS_TESTKIT_WITHOUT", "").split()


def keep_from_the_collector() -> None:
    """Take out all tests that wait: they would slow each collection down."""
    gc.collect()
    gc.freeze()


def write_counts(passed: int, failed: int, skipped: list[str]) -> None:
    """Write the counts, and the reason of each skipped test."""
    if COUNTS_PATH:
        counts = {"passed": passed, "failed": failed, "skipped": skipped}
        Path(COUNTS_PATH).write_text(json.dumps(counts))


def is_wanted(test: unittest.TestCase) -> bool:
    """Tell whether to run a test; a module that cannot be imported fails."""
    if isinstance(test, unittest.loader._FailedTest):  # type: ignore[attr-defined]
        return True
    if ONLY_DATABASE and not getattr(test, "databases", None):
        return False
    return not any(test.id().startswith(f"{package}.") for package in WITHOUT)


class CountingRunner(DiscoverRunner):
    def load_tests_for_label(self, *args: Any, **options: Any) -> Any:
        loaded = super().load_tests_for_label(*args, **options)
        return unittest.TestSuite(filter(is_wanted, iter_test_cases(loaded)))

    def build_suite(self, *args: Any, **options: Any) -> unittest.TestSuite:
        suite = super().build_suite(*args, **options)
        if EXPLORED:
            from tests import explored  # It needs settings.

            explored.explore(suite, int(EXPLORED))
        keep_from_the_collector()
        return suite

    def get_resultclass(self) -> type[unittest.TextTestResult]:
        base = super().get_resultclass() or unittest.TextTestResult

        class CountingResult(base):  # type: ignore[misc, valid-type]
            # testsRun says less: some versions of Python count skipped tests
            # in it, and a setUpClass that failed is never in it.
            passed = 0

            def addSuccess(self, test: unittest.TestCase) -> None:
                super().addSuccess(test)
                self.passed += 1

            def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:
                super().addExpectedFailure(test, err)
                self.passed += 1

        return CountingResult

    def suite_result(self, suite: Any, result: Any, **kwargs: Any) -> int:
        failed = super().suite_result(suite, result, **kwargs)
        write_counts(result.passed, failed, [reason for _, reason in result.skipped])
        return failed


def pytest_collectstart(collector: Any) -> None:
    """Mark classes by their tags; pytest-django does so for Django's alone."""
    case = getattr(collector, "obj", None)
    if isinstance(case, type):
        for name in getattr(case, "tags", ()):
            collector.add_marker(name)


def pytest_collection_finish() -> None:
    keep_from_the_collector()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    stats = terminalreporter.stats
    passed = stats.get("passed", []) + stats.get("xfailed", [])
    failed = stats.get("failed", []) + stats.get("error", [])
    reasons = [report.longrepr[2] for report in stats.get("skipped", [])]
    write_counts(
        len(passed),
        len(failed),
        [reason.removeprefix("Skipped: ") for reason in reasons],
    )
