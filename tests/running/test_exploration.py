"""Searching schedules, without a test to run: pure functions."""

from __future__ import annotations

import os
import random
import unittest
from unittest import mock

from channels_testkit.engine.schedules import Option, Schedule
from channels_testkit.running.exploration import (
    SEED,
    Exploration,
    explore_schedules,
    find_failure,
    report,
)

#: Three sources with so many events each.
EVENTS = {"a": 3, "b": 3, "c": 3}


def order_under(schedule: Schedule) -> str:
    """Let all events come; return their sources in order."""
    left = dict(EVENTS)
    came = ""
    while left:
        options = [Option(name, f"{name} comes") for name in left]
        name = list(left)[schedule.choose(options)]
        came += name
        left[name] -= 1
        if not left[name]:
            del left[name]
    return came


def failing(*parts: str):
    def run_once(schedule: Schedule) -> AssertionError | None:
        came = order_under(schedule)
        return AssertionError(came) if any(part in came for part in parts) else None

    return run_once


class FindingTests(unittest.TestCase):
    def test_the_usual_order_comes_first(self) -> None:
        seen = []

        def run_once(schedule: Schedule) -> None:
            seen.append(order_under(schedule))

        self.assertIsNone(find_failure(Exploration(50), run_once))
        self.assertEqual(len(seen), 50)
        self.assertEqual(seen[0], "aaabbbccc")
        self.assertGreater(len(set(seen)), 40)

    def test_the_same_again(self) -> None:
        def all_of() -> list[str]:
            seen: list[str] = []
            find_failure(Exploration(30), lambda it: seen.append(order_under(it)))
            return seen

        self.assertEqual(all_of(), all_of())

    def test_what_fails_is_shrunk(self) -> None:
        for strategy in ("random", "pct", "all"):
            with self.subTest(strategy):
                found = find_failure(Exploration(200, strategy), failing("cb"))
                assert found is not None
                self.assertIn("cb", str(found.error))
                departures = [it for it in found.schedule.places if it]
                self.assertLessEqual(len(departures), 2)

    def test_a_late_source_is_found(self) -> None:
        for strategy in ("random", "pct"):
            with self.subTest(strategy):
                found = find_failure(Exploration(200, strategy), failing("cccbbbaaa"))
                self.assertIsNotNone(found)

    def test_another_exception_is_no_smaller_one(self) -> None:
        def run_once(schedule: Schedule) -> Exception | None:
            came = order_under(schedule)
            if "cb" in came and "ba" in came:
                return KeyError(came)
            return ValueError(came) if "cb" in came else None

        found = find_failure(Exploration(200), run_once)
        assert found is not None
        came = found.error.args[0]
        self.assertEqual(
            isinstance(found.error, KeyError), "cb" in came and "ba" in came
        )

    def test_all_of_them_are_all_of_them(self) -> None:
        seen = []

        def run_once(schedule: Schedule) -> None:
            seen.append(order_under(schedule))

        find_failure(Exploration(10_000, "all", bound=1), run_once)
        self.assertEqual(len(seen), len(set(seen)))
        self.assertEqual(seen[0], "aaabbbccc")
        self.assertIn("baaabbccc", seen)
        self.assertNotIn("bcaaabbcc", seen)

    def test_a_seed_replays(self) -> None:
        found = find_failure(Exploration(200), failing("cabc"))
        assert found is not None
        seen = []

        def run_once(schedule: Schedule) -> AssertionError | None:
            error = failing("cabc")(schedule)
            seen.append(error)
            return error

        with mock.patch.dict(os.environ, {SEED: str(found.seed)}):
            again = find_failure(Exploration(200), run_once)
        assert again is not None
        self.assertIsNotNone(seen[0])
        self.assertEqual(again.schedule.places, found.schedule.places)

    def test_random_numbers_are_those_of_the_schedule(self) -> None:
        def numbers() -> list[float]:
            seen: list[float] = []
            find_failure(Exploration(3), lambda _: seen.append(random.random()))
            return seen

        random.seed(7)
        before = random.getstate()
        self.assertEqual(numbers(), numbers())
        self.assertEqual(random.getstate(), before)

    def test_the_report_names_seed_events_and_departures(self) -> None:
        found = find_failure(Exploration(200), failing("cb"))
        assert found is not None
        text = report(found, Exploration(200))
        self.assertIn(f"{SEED}={found.seed} replays it.", text)
        self.assertRegex(text, r"Shrunk to \d departures? from the usual order:")
        self.assertIn("c comes\n          <== ahead of: ", text)

    def test_the_report_is_bounded(self) -> None:
        with mock.patch.dict(EVENTS, {"a": 200}):
            found = find_failure(Exploration(200), failing("cb"))
            assert found is not None
            text = report(found, Exploration(200))
        self.assertIn("earlier events", text)
        self.assertLess(len(text), 5000)


class OptionTests(unittest.TestCase):
    def test_what_means_nothing_is_refused(self) -> None:
        for options, error, text in (
            ({"schedules": 0}, TypeError, "a number of schedules, not 0."),
            ({"schedules": "9"}, TypeError, "a number of schedules, not '9'."),
            ({"schedules": len}, TypeError, "a number of schedules, not <built-in"),
            ({"bound": True}, TypeError, "a number of bound"),
            ({"strategy": "pst"}, ValueError, "one of 'random', 'pct', 'all', not"),
        ):
            with self.subTest(options), self.assertRaisesRegex(error, text):
                explore_schedules(**options)  # type: ignore[arg-type]
