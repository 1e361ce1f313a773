"""
How times are taken and compared.

All sides of a comparison are measured in one process and in turns, so what
slows the machine down slows all of them down. Only the ratios mean something
on another machine.
"""

from __future__ import annotations

import gc
import statistics
import time
import unittest
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


class Side(NamedTuple):
    """One way to do the work; ``sample()`` gives the seconds that it took."""

    name: str
    sample: Callable[[], float]
    is_peer: bool


class Figure(NamedTuple):
    """What one side took, in seconds."""

    side: Side
    samples: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    def __str__(self) -> str:
        low, high = self.samples[0], self.samples[0]
        if len(self.samples) > 1:
            low, _, high = statistics.quantiles(self.samples, method="inclusive")
        spread = f"({in_words(low)} to {in_words(high)})"
        least = f"min {in_words(min(self.samples))}"
        return f"{in_words(self.median):>8}  {spread:<20}  {least:<11}"


def compare(title: str, sides: Sequence[Side], rounds: int) -> None:
    """Measure the sides in turns, and print the figures and their ratios."""
    figures = [Figure(side, []) for side in sides]
    sample_each(figures)  # what is done once only, such as imports, is done here
    for figure in figures:
        figure.samples.clear()
    for number in range(rounds):
        sample_each(figures if number % 2 else figures[::-1])
    print_table(title, figures)


def sample_each(figures: Sequence[Figure]) -> None:
    for figure in figures:
        gc.collect()
        figure.samples.append(figure.side.sample())


def print_table(title: str, figures: Sequence[Figure]) -> None:
    peers = [figure for figure in figures if figure.side.is_peer]
    width = max(len(figure.side.name) for figure in figures)
    letters = dict(zip(map(id, peers), "ABCD", strict=False))
    print(f"\n{title}")
    for figure in figures:
        ratios = [
            f"{letters[id(peer)]}/{peer.median / figure.median:,.1f}" for peer in peers
        ]
        note = letters.get(id(figure)) or "  ".join(ratios)
        print(f"  {figure.side.name:<{width}}  {figure}  {note}".rstrip(), flush=True)


def in_words(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def whole_tests(
    name: str, case: type[Any], method: str, count: int, *, is_peer: bool = False
) -> Side:
    """Return a side that runs a test ``count`` times; a sample is of one."""

    def sample() -> float:
        suite = unittest.TestSuite(case(method) for _ in range(count))
        start = time.perf_counter()
        run(suite)
        return (time.perf_counter() - start) / count

    return Side(name, sample, is_peer)


def calls(
    name: str, case: type[Repeats], method: str, count: int, *, is_peer: bool = False
) -> Side:
    """Return a side whose test repeats a call; a sample is of one call."""

    def sample() -> float:
        case.count = count
        run(unittest.TestSuite([case(method)]))
        return case.seconds / count

    return Side(name, sample, is_peer)


class Repeats(unittest.TestCase):
    """Tests that do something ``count`` times and time that alone."""

    count = 1
    seconds = 0.0

    def repeat(self, work: Callable[[], object]) -> None:
        start = time.perf_counter()
        for _ in range(self.count):
            work()
        type(self).seconds = time.perf_counter() - start

    async def arepeat(self, work: Callable[[], Awaitable[object]]) -> None:
        start = time.perf_counter()
        for _ in range(self.count):
            await work()
        type(self).seconds = time.perf_counter() - start


def run(suite: unittest.TestSuite) -> None:
    """Run a suite that has to pass: a failure is quick, and no figure."""
    result = unittest.TestResult()
    suite.run(result)
    for test, text in [*result.errors, *result.failures]:
        message = f"{test} failed:\n{text}"
        raise RuntimeError(message)
