"""
Multi-user tests on a busy machine: ``python -m tests.stress``.

Processes that burn the processors starve the threads of the tests, which then
meet in every order. What is counted are wrong answers: a frame that is missing
or comes too early, a row that somebody does not see. With ``--stalls 0.001``
threads stop by themselves at one in a thousand of the engine's calls.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
import unittest
from collections import Counter

import django
from django.test.runner import DiscoverRunner


def burn() -> None:
    while True:
        sum(range(10_000))


def run_round(counts: Counter[str], wrong: Counter[str]) -> None:
    """Run every test once; count tests, and those that went wrong."""
    from tests.stress import cases

    result = unittest.TestResult()
    suite = unittest.defaultTestLoader.loadTestsFromModule(cases)
    for test in _tests(suite):
        counts[test.id().removeprefix("tests.stress.cases.")] += 1
    suite.run(result)
    for test, text in [*result.failures, *result.errors]:
        name = test.id().removeprefix("tests.stress.cases.")
        wrong[name] += 1
        print(f"{name}\n{text}", flush=True)


def _tests(suite: unittest.TestSuite) -> list[unittest.TestCase]:
    found = []
    for test in suite:
        found += _tests(test) if isinstance(test, unittest.TestSuite) else [test]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    parser.add_argument("--burners", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--interrupts", type=int, default=200)
    parser.add_argument("--stalls", type=float, default=0.0, metavar="SHARE")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    burners = [
        multiprocessing.Process(target=burn, daemon=True)
        for _ in range(options.burners)
    ]
    for burner in burners:
        burner.start()
    django.setup()
    runner = DiscoverRunner(verbosity=0, interactive=False)
    runner.setup_test_environment()
    databases = runner.setup_databases()
    # It imports models.
    from tests.stress import interrupts
    from tests.stress.stalls import stalls

    counts: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    end = time.monotonic() + options.seconds
    try:
        # What is imported or learnt once is not what is tried.
        run_round(counts, wrong)
        with stalls(options.stalls, options.seed):
            while time.monotonic() < end:
                run_round(counts, wrong)
        print(f"{sum(wrong.values())} wrong of {sum(counts.values())} runs", flush=True)
        interrupts.interrupt(options.interrupts, counts, wrong)
    finally:
        runner.teardown_databases(databases)
        for burner in burners:
            burner.kill()
    for name, count in sorted(counts.items()):
        print(f"{name}: {wrong[name]} wrong of {count}")
    print(f"{sum(wrong.values())} wrong of {sum(counts.values())}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
