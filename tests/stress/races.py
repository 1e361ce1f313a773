"""
The races of the pages under many schedules: ``python -m tests.stress.races``.

Its rows say how many schedules of each strategy it takes to find a race, the
first being 1, of 500, and whether the test passes ``--schedules`` of either
strategy that draws them, without the race. The database is the one that
CHANNELS_TESTKIT_DATABASE names.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING

import django
from django.test.runner import DiscoverRunner

if TYPE_CHECKING:
    from tests.docs.race_cases import Race

FOUND_BY = ("random", "pct", "all")
PASSED_UNDER = ("random", "pct")


def number_of_schedules(race: Race, strategy: str) -> str:
    """Say how many schedules it takes to find a race."""
    from tests.docs.race_cases import racy, seed_of, told, with_schedules

    text = told(with_schedules(racy(race), 500, strategy=strategy))
    seed = seed_of(text)
    if seed:
        return str(int(seed) + 1)
    return "without" if text else "not found"


def row(name: str, race: Race, schedules: int) -> tuple[list[str], bool]:
    """Return what is printed of a race, and whether its test can pass."""
    from tests.docs.race_cases import told, with_schedules

    cells = [number_of_schedules(race, strategy) for strategy in FOUND_BY]
    tests = [with_schedules(race, schedules, strategy=it) for it in PASSED_UNDER]
    texts = list(map(told, tests))
    verdicts = ["fails" if text else "passes" for text in texts]
    return [name, *cells, *verdicts, *filter(None, texts)], not any(texts)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.stress.races",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--schedules", type=int, default=1000)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    runner = DiscoverRunner(verbosity=0, interactive=False)
    runner.setup_test_environment()
    databases = runner.setup_databases()
    # They import models.
    from tests.docs.test_doc_public_races import PublicRaceTests
    from tests.docs.test_doc_schedules import RaceTests

    races = {**RaceTests.races, **PublicRaceTests.races}
    head = ["race", *FOUND_BY, *(f"right, {it}" for it in PASSED_UNDER)]
    print("".join(f"{cell:<22}" for cell in head), flush=True)
    start = time.monotonic()
    try:
        held = []
        for name, race in races.items():
            cells, holds = row(name, race, options.schedules)
            print("".join(f"{cell:<22}" for cell in cells), flush=True)
            held.append(holds)
    finally:
        runner.teardown_databases(databases)
    print(f"{sum(held)} of {len(held)} hold, {time.monotonic() - start:.0f} s")
    return int(not all(held))


if __name__ == "__main__":
    sys.exit(main())
