"""What the races of the pages have in common."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import re
import sys
import traceback
import unittest
from typing import Any, ClassVar
from unittest import mock

from channels_testkit import WebsocketTestCase, explore_schedules
from tests.utils import (
    FAILURES,
    UPDATE_FAILURES,
    OuterTestCase,
    run_case,
    run_python,
    starts_programs,
)

PRINTED = FAILURES.parent / "printed"
#: Prints what is told of the races that are its arguments.
TELLS = """
import importlib, json, os, sys

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django

django.setup()
from django.test.runner import DiscoverRunner

from tests.docs.race_cases import racy, told

DiscoverRunner(verbosity=0).setup_databases()
cases = [name.split(":") for name in sys.argv[1:]]
races = [getattr(importlib.import_module(module), name) for module, name in cases]
print(json.dumps([told(racy(race)) for race in races]))
"""


class RaceTestCase(WebsocketTestCase):
    """A test that passes, and the application that fails it."""

    __test__ = False  # pytest is not to find them: 200 schedules each.
    ws_path = "/"
    racy: Any


Race = type[RaceTestCase]


def with_application(race: Race, application: Any) -> Race:
    """Return the test of a race for another application."""
    return type(race.__name__, (race,), {"application": application})


@functools.cache
def racy(race: Race) -> Race:
    """Return the test for the application that has the race, which fails."""
    return with_application(race, race.racy)


def with_schedules(race: Race, schedules: int, **options: Any) -> Race:
    """Return the test of a race under other schedules."""
    (name,) = unittest.defaultTestLoader.getTestCaseNames(race)
    method = getattr(race, name)

    @explore_schedules(schedules, sends_overlap=True, **options)
    def test(self: RaceTestCase) -> None:
        method(self)

    return type(race.__name__, (race,), {name: test})


@functools.cache
def told(race: Race) -> str:
    """Return what is printed of a test's failure; nothing if it passes."""
    # Lines there say how far exploring has come.
    with contextlib.redirect_stderr(io.StringIO()):
        raised = run_case(race).raised
    return "".join(
        line
        for error in raised
        for line in traceback.format_exception_only(type(error), error)
    )


def seed_of(text: str) -> str:
    """Return the seed that a failure names; nothing if it has no schedule."""
    found = re.search(r"CHANNELS_TESTKIT_SEED=(\d+) replays it", text)
    return found[1] if found else ""


def schedule_of(text: str) -> str:
    """Return what is told of a schedule, or all: what it is without one."""
    schedule = text.rpartition("This test fails under schedule")[2]
    # Numbers of rows are those of the database, which does not take them back.
    return re.sub(r"'number': \d+", "'number': ...", schedule)


class RacesTestCase(OuterTestCase):
    """The races of a page."""

    maxDiff = None
    #: By their names on the page.
    races: ClassVar[dict[str, Race]]
    #: Those whose failure the page shows, by the names of the files.
    printed: ClassVar[dict[str, Race]]

    def test_each_is_found(self) -> None:
        for name, race in self.races.items():
            with self.subTest(name):
                self.assertIn("AssertionError", told(racy(race)))

    def test_the_page_shows_what_is_told(self) -> None:
        if sys.version_info < (3, 11):
            self.skipTest("Python 3.10 knows shorter names")
        for name, race in self.printed.items():
            page = PRINTED / f"{name}.txt"
            if os.environ.get(UPDATE_FAILURES):
                page.write_text(told(racy(race)))
            with self.subTest(name):
                self.assertMultiLineEqual(told(racy(race)), page.read_text())

    def test_each_passes_without_its_race(self) -> None:
        # tests.stress.races does it with more schedules.
        for name, race in self.races.items():
            for strategy in ("random", "pct"):
                with self.subTest(name, strategy=strategy):
                    test = with_schedules(race, 30, strategy=strategy)
                    self.assertEqual(told(test), "")

    @starts_programs
    def test_the_printed_seed_replays_it_in_another_process(self) -> None:
        by_seed: dict[str, list[Race]] = {}
        for race in self.races.values():
            by_seed.setdefault(seed_of(told(racy(race))) or "0", []).append(race)
        for seed, races in by_seed.items():
            names = [f"{race.__module__}:{race.__name__}" for race in races]
            with mock.patch.dict(os.environ, CHANNELS_TESTKIT_SEED=seed):
                output = run_python("-c", TELLS, *names)
            texts = json.loads(output.splitlines()[0])
            for race, text in zip(races, texts, strict=True):
                with self.subTest(race.__name__):
                    expected = schedule_of(told(racy(race)))
                    self.assertEqual(schedule_of(text), expected)
