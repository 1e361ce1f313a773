"""Searching schedules, without a test to run: pure functions."""

from __future__ import annotations

import asyncio
import io
import os
import random
import unittest
from contextlib import redirect_stderr
from typing import TYPE_CHECKING
from unittest import mock

from channels_testkit.engine.schedules import Option, Schedule
from channels_testkit.running.exploration import (
    SCHEDULES,
    SEED,
    Exploration,
    exploration_of,
    explore_schedules,
)
from channels_testkit.running.schedule_report import report
from channels_testkit.running.schedule_search import (
    Failure,
    _tell_of_replay,
    find_failure,
)

if TYPE_CHECKING:
    from channels_testkit.running.schedule_search import RunOnce

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


def find(exploration: Exploration, run_once: RunOnce) -> Failure | None:
    return find_failure(exploration, run_once, name="a test")


class FindingTests(unittest.TestCase):
    def test_the_usual_order_comes_first(self) -> None:
        seen = []

        def run_once(schedule: Schedule) -> None:
            seen.append(order_under(schedule))

        self.assertIsNone(find(Exploration(50), run_once))
        self.assertEqual(len(seen), 50)
        self.assertEqual(seen[0], "aaabbbccc")
        self.assertGreater(len(set(seen)), 40)

    def test_the_same_again(self) -> None:
        def all_of() -> list[str]:
            seen: list[str] = []
            find(Exploration(30), lambda it: seen.append(order_under(it)))
            return seen

        self.assertEqual(all_of(), all_of())

    def test_what_fails_is_shrunk(self) -> None:
        for strategy in ("random", "pct", "all"):
            with self.subTest(strategy):
                found = find(Exploration(200, strategy), failing("cb"))
                assert found is not None
                self.assertIn("cb", str(found.error))
                departures = [it for it in found.schedule.places if it]
                self.assertLessEqual(len(departures), 2)

    def test_a_late_source_is_found(self) -> None:
        for strategy in ("random", "pct"):
            with self.subTest(strategy):
                found = find(Exploration(200, strategy), failing("cccbbbaaa"))
                self.assertIsNotNone(found)

    def test_another_exception_is_no_smaller_one(self) -> None:
        def run_once(schedule: Schedule) -> Exception | None:
            came = order_under(schedule)
            if "cb" in came and "ba" in came:
                return KeyError(came)
            return ValueError(came) if "cb" in came else None

        found = find(Exploration(200), run_once)
        assert found is not None
        came = found.error.args[0]
        self.assertEqual(
            isinstance(found.error, KeyError), "cb" in came and "ba" in came
        )

    def test_all_of_them_are_all_of_them(self) -> None:
        seen = []

        def run_once(schedule: Schedule) -> None:
            seen.append(order_under(schedule))

        with redirect_stderr(io.StringIO()):
            find(Exploration(10_000, "all", bound=1), run_once)
        self.assertEqual(len(seen), len(set(seen)))
        self.assertEqual(seen[0], "aaabbbccc")
        self.assertIn("baaabbccc", seen)
        self.assertNotIn("bcaaabbcc", seen)

    def test_all_says_on_stderr_if_it_is_complete(self) -> None:
        for schedules, text in (
            (10_000, "a test: complete after 10 schedules, all with at most 1 depart"),
            (10, "a test: complete after 10 schedules, all with at most 1 departure"),
            (9, "a test: stopped after 9 schedules, of more with at most 1 depart"),
        ):
            with self.subTest(schedules), redirect_stderr(io.StringIO()) as said:
                find(Exploration(schedules, "all", bound=1), failing("no such order"))
            self.assertEqual(said.getvalue().count("\n"), 1)
            self.assertIn(text, said.getvalue())

    def test_all_says_nothing_of_what_fails(self) -> None:
        with redirect_stderr(io.StringIO()) as said:
            find(Exploration(200, "all"), failing("cb"))
        self.assertEqual(said.getvalue(), "")

    def test_a_seed_replays(self) -> None:
        found = find(Exploration(200), failing("cabc"))
        assert found is not None
        seen = []

        def run_once(schedule: Schedule) -> AssertionError | None:
            error = failing("cabc")(schedule)
            seen.append(error)
            return error

        with mock.patch.dict(os.environ, {SEED: str(found.seed)}):
            again = find(Exploration(200), run_once)
        assert again is not None
        usual, replayed, *_ = seen
        self.assertIsNone(usual)
        self.assertIsNotNone(replayed)
        self.assertEqual(again.schedule.places, found.schedule.places)

    def test_a_seed_replays_the_same_late_sources(self) -> None:
        def orders(seed: int | None) -> list[str]:
            seen: list[str] = []
            asked = {} if seed is None else {SEED: str(seed)}
            with mock.patch.dict(os.environ, asked):
                find(Exploration(20, "pct"), lambda it: seen.append(order_under(it)))
            return seen

        with mock.patch.dict(EVENTS, {"a": 20, "b": 20}):
            found = orders(None)
            for seed in range(1, 20):
                self.assertEqual(orders(seed), [found[0], found[seed]])

    def test_random_numbers_are_those_of_the_schedule(self) -> None:
        def numbers() -> list[float]:
            seen: list[float] = []
            find(Exploration(3), lambda _: seen.append(random.random()))
            return seen

        random.seed(7)
        before = random.getstate()
        self.assertEqual(numbers(), numbers())
        self.assertEqual(random.getstate(), before)

    def test_the_report_names_seed_events_and_departures(self) -> None:
        found = find(Exploration(200), failing("cb"))
        assert found is not None
        text = report(found, Exploration(200))
        self.assertIn(f"{SEED}={found.seed} replays it.", text)
        self.assertRegex(text, r"Shrunk to \d departures? from the usual order:")
        self.assertIn("c comes\n          <== ahead of: ", text)

    def test_the_report_is_bounded(self) -> None:
        with mock.patch.dict(EVENTS, {"a": 200}):
            found = find(Exploration(200), failing("cb"))
            assert found is not None
            text = report(found, Exploration(200))
        self.assertIn("earlier events", text)
        self.assertLess(len(text), 5000)

    def test_one_departure_is_found_where_several_were(self) -> None:
        """One elsewhere does alone what several do together."""

        def run_once(schedule: Schedule) -> AssertionError | None:
            came = order_under(schedule)
            is_late = came.index("a") > came.index("b")
            return AssertionError(came) if is_late else None

        for seed in range(1, 40):
            exploration = Exploration(200, seed=seed)
            found = find(exploration, run_once)
            if found is not None:
                self.assertEqual(found.departures, 1, seed)

    def test_a_departure_goes_with_the_choice_that_it_has_brought(self) -> None:
        def run_once(schedule: Schedule) -> AssertionError | None:
            """Have one choice more in the middle after a departure."""
            first = choose(schedule)
            if first:
                choose(schedule)
            last = [choose(schedule), choose(schedule)]
            return AssertionError() if last == [1, 1] else None

        def choose(schedule: Schedule) -> int:
            return schedule.choose([Option(name, name) for name in "ab"])

        for seed in range(1, 40):
            found = find(Exploration(200, seed=seed), run_once)
            if found is not None:
                self.assertEqual(found.schedule.places, [0, 1, 1], seed)

    def test_the_report_names_what_had_not_come(self) -> None:
        def run_once(schedule: Schedule) -> AssertionError:
            order_under(schedule)
            schedule.say_waiting = lambda: [f"event {n}" for n in range(12)]
            schedule.note_failure()
            return AssertionError()

        found = find(Exploration(200), run_once)
        assert found is not None
        lines = report(found, Exploration(200, sends_overlap=True)).splitlines()
        begin = lines.index(
            "Still to come when the test failed; settle() waits for it:"
        )
        shown = [line.strip() for line in lines[begin + 2 :]]
        self.assertEqual(shown, [*(f"event {n}" for n in range(10)), "... 2 more"])

    def test_what_outlives_a_run_is_a_guess(self) -> None:
        found = find(Exploration(200), lambda _: AssertionError())
        assert found is not None
        guess = "state outlives a run: a global variable"
        self.assertIn(guess, report(found, Exploration(200)))
        overlapping = Exploration(200, sends_overlap=True)
        self.assertNotIn(guess, report(found, overlapping))

    def test_a_seed_beyond_the_number_is_no_part_of_it(self) -> None:
        exploration = Exploration(200, seed=999)
        found = find(exploration, failing("cb", "bc", "ca", "ba"))
        assert found is not None
        text = report(found, exploration)
        self.assertIn(f"under schedule {found.seed}", text)
        self.assertNotIn("999 of 200", text)


class TellingTests(unittest.TestCase):
    """What is said of a search that has found nothing."""

    def told(self, exploration: Exploration, run_once: RunOnce) -> str:
        with redirect_stderr(io.StringIO()) as stderr:
            self.assertIsNone(find(exploration, run_once))
        return stderr.getvalue()

    def test_there_was_nothing_to_choose(self) -> None:
        same = (
            "a test: every schedule was the same, since no two events were ever under"
            " way at the same time."
        )
        for options, text in (
            ({}, f"{same} sends_overlap=True lets the sends of clients overlap.\n"),
            ({"sends_overlap": True}, f"{same}\n"),
            ({"is_of_class": True}, ""),
        ):
            with self.subTest(options):
                exploration = Exploration(5, **options)  # type: ignore[arg-type]
                self.assertEqual(self.told(exploration, lambda _: None), text)

    def test_there_was_something(self) -> None:
        self.assertEqual(self.told(Exploration(5), failing("z")), "")

    def test_a_replay_is_told_once(self) -> None:
        _tell_of_replay.cache_clear()
        exploration = Exploration(5, seed=3)
        self.assertEqual(
            self.told(exploration, failing("z")),
            "CHANNELS_TESTKIT_SEED=3: one schedule of each explored test.\n",
        )
        self.assertEqual(self.told(exploration, failing("z")), "")


class OptionTests(unittest.TestCase):
    def test_what_means_nothing_is_refused(self) -> None:
        for options, error, text in (
            ({"schedules": 0}, TypeError, "a number of schedules, not 0."),
            ({"schedules": "9"}, TypeError, "a number of schedules, not '9'."),
            ({"schedules": len}, TypeError, r"write @explore_schedules\(\)\."),
            ({"bound": 3}, ValueError, 'bound=3 goes with strategy="all", not with'),
            ({"bound": True}, TypeError, "a number of bound"),
            ({"strategy": "pst"}, ValueError, "one of 'random', 'pct', 'all', not"),
        ):
            with self.subTest(options), self.assertRaisesRegex(error, text):
                explore_schedules(**options)  # type: ignore[arg-type]

    def test_a_seed_that_is_no_number_is_refused(self) -> None:
        for seed in ("seven", "-1", "1.5"):
            with (
                self.subTest(seed),
                mock.patch.dict(os.environ, {SEED: seed}),
                self.assertRaisesRegex(ValueError, f"such as 7, not {seed!r}"),
            ):
                explore_schedules()

    def test_an_empty_seed_is_none(self) -> None:
        with mock.patch.dict(os.environ, {SEED: ""}):
            self.assertIsNone(Exploration().seed)

    def test_the_environment_has_the_number_of_schedules(self) -> None:
        def test() -> None:
            """Is explored, where it is one of a test case."""

        with mock.patch.dict(os.environ, {SCHEDULES: "500"}):
            explore_schedules(20)(test)
        found = exploration_of(test)
        assert found is not None
        self.assertEqual(found.schedules, 500)
        with (
            mock.patch.dict(os.environ, {SCHEDULES: "0"}),
            self.assertRaisesRegex(ValueError, "SCHEDULES is a number such as 500"),
        ):
            explore_schedules()

    def test_what_the_package_does_not_run_is_refused(self) -> None:
        class Case(unittest.TestCase):
            @explore_schedules()
            def test(self) -> None:
                self.fail("It was run.")

            @explore_schedules()
            async def test_async(self) -> None:
                self.fail("It was run.")

        with self.assertRaisesRegex(RuntimeError, "explores nothing here: no test of"):
            Case("test").debug()
        with self.assertRaisesRegex(RuntimeError, "explores nothing here: no test of"):
            asyncio.run(Case().test_async())
        with self.assertRaisesRegex(TypeError, "WebsocketTestCase; Case is not one."):
            explore_schedules()(Case)
        for it in (7, property(len)):
            with self.assertRaisesRegex(TypeError, "goes on a test, or a class, not"):
                explore_schedules()(it)
