"""What was made since a moment, whoever keeps it."""

from __future__ import annotations

import gc
import unittest
from typing import Any

from channels_testkit.engine.new_objects import MadeSince, kept_young


class Kept:
    """What is looked for."""


class MadeSinceTests(unittest.TestCase):
    def made(self, collected: int | None = None) -> list[Any]:
        """Return what is found of one that was made, and of a circle."""
        older = Kept()
        since = MadeSince()
        kept, circle = Kept(), Kept()
        circle.itself = circle  # type: ignore[attr-defined]
        if collected is not None:
            gc.collect(collected)
        found = since.of({Kept})
        self.assertIn(kept, found)
        self.assertIn(circle, found)
        return [it for it in found if it is older]

    def test_what_is_older_is_not_found_where_nothing_was_collected(self) -> None:
        """Canary: Python's list of the youngest is in order."""
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        self.assertEqual(self.made(), [])

    def test_what_was_made_is_found_after_each_kind_of_collection(self) -> None:
        for generation in range(3):
            with self.subTest(generation):
                self.made(generation)

    def test_where_nothing_is_collected_there_is_no_telling(self) -> None:
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        since = MadeSince()
        kept = [Kept() for _ in range(100_001)]
        self.assertEqual(since.of({Kept}), [])
        del kept


class KeptYoungTests(unittest.TestCase):
    def test_thresholds_are_as_before(self) -> None:
        before = gc.get_threshold()
        with kept_young():
            self.assertGreaterEqual(gc.get_threshold()[1], 100)
        self.assertEqual(gc.get_threshold(), before)

    def test_those_of_the_project_stay(self) -> None:
        before = gc.get_threshold()
        self.addCleanup(gc.set_threshold, *before)
        with kept_young():
            gc.set_threshold(1000, 20, 30)
        self.assertEqual(gc.get_threshold(), (1000, 20, 30))
