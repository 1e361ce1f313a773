"""Tests that fail as a user's would, and the files that have their texts."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from .utils import FAILURES, OuterTestCase, assertFailureText, notes_of, run_case

if TYPE_CHECKING:
    import unittest
    from collections.abc import Callable


class Scenarios(dict[str, "Callable[[Any], Any]"]):
    """
    Bodies of tests that fail in the way their name says, by their file.

    A decorator; ``folder`` is that of the files, in docs/failures.
    """

    def __init__(self, folder: str = "") -> None:
        super().__init__()
        self.folder = folder

    def __call__(self, body: Callable[[Any], Any]) -> None:
        self[body.__name__.replace("_", "-")] = body


class ScenariosTestCase(OuterTestCase):
    """Compares what each scenario prints with its file."""

    scenarios = Scenarios()
    #: Files that other tests compare.
    compared_elsewhere: frozenset[str] = frozenset()
    #: Whether texts go on to the last events, with lines of a framework.
    compares_events = True
    #: The class of the tests that fail.
    inner: type[unittest.TestCase]

    def test_each_scenario_prints_its_file(self) -> None:
        for name, body in self.scenarios.items():
            with self.subTest(name):
                result = run_case(self.make_case(body))
                self.assertEqual(len(result.raised), 1, result.texts)
                path = f"{self.scenarios.folder}/{name}".lstrip("/")
                error = result.raised[0]
                if not self.compares_events:
                    vars(error)["__notes__"] = notes_of(error)
                assertFailureText(path, error)

    def make_case(self, body: Callable[[Any], Any]) -> type[unittest.TestCase]:
        async def arun(case: Any) -> None:
            await body(case)

        def run(case: Any) -> None:
            body(case)

        test = arun if inspect.iscoroutinefunction(body) else run
        # As if it had been written there.
        names = {"__module__": self.inner.__module__, "test": test}
        return type("Scenario", (self.inner,), names)

    def test_each_file_is_of_a_scenario(self) -> None:
        files = (FAILURES / self.scenarios.folder).glob("*.txt")
        known = self.scenarios.keys() | self.compared_elsewhere
        self.assertEqual({path.stem for path in files}, known)
