"""The run that assertions and connections of a test belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from channels_testkit.running.run import TestRun


class InRun:
    """What belongs to the run of one test."""

    @property
    def _kit(self) -> TestRun:
        raise NotImplementedError(
            f"{type(self).__name__} does not know the run of its test."
        )
