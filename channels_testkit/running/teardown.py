"""The order in which a run is taken down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from channels_testkit.exceptions import HangError

from .error_kinds import first_of_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .lifespan import LifespanOfRun

    Step = Callable[[], Iterable[BaseException]]


class TakenDown(Protocol):
    """The parts of a run that are taken down, the first one first."""

    lifespan: LifespanOfRun

    @property
    def has_hung(self) -> bool:
        """Whether a hang or an interrupt was reported, the last failure."""

    def make_ready(self, error: BaseException) -> None:
        """Make an exception ready for its reader."""

    def clean_up(self) -> Iterable[BaseException]:
        """Do what was to be done before the test ends."""

    def close_opened(self) -> Iterable[BaseException]:
        """Disconnect clients, end applications and workers, come to rest."""

    def close_outside(self) -> Iterable[BaseException]:
        """End what acts on the test from outside of its loop."""

    def end_lifespan(self) -> Iterable[BaseException]:
        """Shut the lifespan down, for nothing makes use of it any more."""

    def undelivered_errors(self) -> Iterable[BaseException]:
        """Return exceptions of the application that no call has raised."""

    def unawaited_errors(self) -> Iterable[BaseException]:
        """Return exceptions of the test's own tasks that were not awaited."""

    def give_back_layers(self) -> Iterable[BaseException]:
        """Give back what real layers have used."""

    def find_leftovers(self) -> Iterable[BaseException]:
        """Return what the watches have found."""

    def close_loop(self) -> Iterable[BaseException]:
        """Cancel what is left, and close the test's loop."""

    def find_kept(self) -> Iterable[BaseException]:
        """Look for failures and coroutines that are only kept somewhere."""


def closing(run: TakenDown) -> list[Step]:
    """Return the steps that close what a run has open."""
    steps = [run.clean_up, run.close_opened, run.close_outside]
    if run.lifespan.has_to_end:
        # First: an exception of others is none of its shutdown.
        steps += [run.undelivered_errors, run.end_lifespan]
    return [*steps, run.undelivered_errors, run.unawaited_errors]


def leaving(run: TakenDown) -> list[Step]:
    """Return the steps after which a run has no loop, and nothing open."""
    return [
        *closing(run),
        run.give_back_layers,
        run.find_leftovers,
        run.close_loop,
        run.find_kept,
        run.undelivered_errors,
    ]


def go_through(run: TakenDown, steps: Iterable[Step]) -> list[BaseException]:
    """Take some steps, whatever one raises; return the failures."""
    failures: list[BaseException] = []
    try:
        for step in steps:
            had_hung, outcome = run.has_hung, _outcome_of(step)
            if outcome and not had_hung:
                failures += _up_to_a_hang(outcome)
    except BaseException:
        # An interrupt, which a task of the application may have kept.
        run.close_loop()
        raise
    failures = first_of_each(failures)
    for error in failures:
        run.make_ready(error)
    return failures


def _up_to_a_hang(outcome: list[BaseException]) -> list[BaseException]:
    """Leave out the failures after a hang."""
    for number, error in enumerate(outcome, 1):
        if isinstance(error, HangError):
            return outcome[:number]
    return outcome


def _outcome_of(step: Step) -> list[BaseException]:
    """Return the failures that a step has found, or what it raised."""
    try:
        return list(step())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - reported with the others
        return [error]
