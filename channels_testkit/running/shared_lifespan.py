"""A lifespan that several tests share, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from channels_testkit.engine.tracebacks import hide_kit_frames
from channels_testkit.layers.captive_layers import CaptiveLayers
from channels_testkit.matching.wording import say

from .run import TestRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_testkit.asgi.lifespan import Lifespan

    from .options import RunOptions

T = TypeVar("T")

__unittest = True

_EXIT = "The lifespan raised {}, which on a server ends the process."

_LISTENS = (
    "Start-up has added channels to group {}, but each test has channel layers of its"
    " own, without them. Let start-up use no group, or set run_lifespan = True."
)


class SharedLifespan:
    """
    One lifespan for all tests on one loop.

    It starts when it is made, and ends at ``end()``, in runs of its own;
    ``run_on_loop`` puts each run on the loop. Raises what the application
    fails with.
    """

    def __init__(
        self, options: RunOptions, run_on_loop: Callable[[TestRun], object]
    ) -> None:
        self._options = options
        self._run_on_loop = run_on_loop
        self._lifespan = self._run(self._start)

    def _start(self, run: TestRun) -> Lifespan:
        lifespan = run.lifespan.share()
        for group in _groups_of(run):
            for warning in run.warnings.warn(_LISTENS.format(say(group))):
                # This run ends it, for there is no other.
                run.lifespan.take(lifespan)
                raise warning
        return lifespan

    def join(self, run: TestRun) -> None:
        """Have the run of a test, which is on the loop, use it."""
        run.lifespan.join(self._lifespan)

    def let_go_on(self, run: TestRun) -> None:
        """Have the run of a test, which is on the loop, leave it alone."""
        run.lifespan.let_go_on(self._lifespan)

    def end(self) -> None:
        """Shut the application down; raise what it fails with."""
        self._run(lambda run: run.lifespan.take(self._lifespan))

    def _run(self, work: Callable[[TestRun], T]) -> T:
        """Do something in a run of its own; raise the first failure."""
        run = TestRun(self._options)
        run.begin()
        failures: list[BaseException] = []
        try:
            self._run_on_loop(run)
            result = work(run)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - raised below
            run.note_raised(error)
            failures.append(error)
        finally:
            failures += run.end()
        for first in failures:
            hide_kit_frames(first)
            if isinstance(first, SystemExit):
                # It would end the tests, as it ends a server.
                raise RuntimeError(_EXIT.format(say(first))) from first
            raise first
        return result


def _groups_of(run: TestRun) -> dict[str, None]:
    """Return the groups with members; real layers do not show theirs."""
    if not isinstance(run.layers_in_place, CaptiveLayers):
        return {}
    return dict.fromkeys(it for layer in run.layers.values() for it in layer.groups)
