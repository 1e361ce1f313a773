"""A lifespan that several tests share, one after the other."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from channels_testkit.engine.tracebacks import hide_kit_frames

from .run import TestRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from channels_testkit.asgi.lifespan import Lifespan

    from .options import RunOptions

__unittest = True


class SharedLifespan:
    """
    One lifespan for all tests on one loop.

    It starts and ends in runs of its own, around those of the tests;
    ``run_on_loop`` puts each run on the loop.
    """

    def __init__(
        self, options: RunOptions, run_on_loop: Callable[[TestRun], object]
    ) -> None:
        self._options = options
        self._run_on_loop = run_on_loop
        self._lifespan: Lifespan | None = None

    def start(self) -> None:
        """Start the application; raise what it fails with."""
        with self._run() as run:
            run.lifespan.start()
            self._lifespan = run.lifespan.share()

    def join(self, run: TestRun) -> None:
        """Have the run of a test, which is on the loop, use it."""
        if self._lifespan is not None:
            run.lifespan.join(self._lifespan)

    def end(self) -> None:
        """Shut the application down; raise what it fails with."""
        lifespan, self._lifespan = self._lifespan, None
        if lifespan is not None:
            with self._run() as run:
                run.lifespan.take(lifespan)

    @contextlib.contextmanager
    def _run(self) -> Iterator[TestRun]:
        run = TestRun(self._options)
        run.begin()
        try:
            self._run_on_loop(run)
            yield run
        except BaseException as error:
            run.note_raised(error)
            raise
        finally:
            told = run.end()
        for first in told:
            hide_kit_frames(first)
            raise first
