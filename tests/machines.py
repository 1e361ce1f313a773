"""Running a state machine inside a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, settings

from .utils import InnerResult, run_case

if TYPE_CHECKING:
    from channels_testkit.hypothesis import WebsocketStateMachine

#: The same examples each time, and not too many.
REPEATABLE = settings(
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=20,
    # It names lines of files, which are elsewhere on each machine.
    phases=[phase for phase in Phase if phase is not Phase.explain],
    print_blob=False,
    stateful_step_count=5,
    suppress_health_check=list(HealthCheck),
)


def run_machine(
    machine: type[WebsocketStateMachine], given: settings = REPEATABLE
) -> InnerResult:
    """Run a state machine as a runner does, with other settings."""
    case: Any = type("Case", (machine.TestCase,), {"settings": given})
    return run_case(case, "runTest")
