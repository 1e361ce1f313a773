"""The lifespan of the application of one test."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings

from channels_testkit.asgi.lifespan import Lifespan
from channels_testkit.engine.origin_notes import A_TASK, Origin
from channels_testkit.routing.application import (
    check_application,
    configured_application,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from channels_testkit.asgi.application import ASGIApplication
    from channels_testkit.asgi.environment import Environment
    from channels_testkit.engine.bridge import Bridge

    from .options import RunOptions

__unittest = True

_TOO_EARLY = (
    "A connection before start-up: the lifespan starts with the first fixture of"
    " channels_testkit or, without one, after all fixtures. Let this fixture request"
    " {called}."
)
_NONE = (
    "{called}.lifespan_state is the state of a lifespan, and this test runs none: set"
    " run_lifespan = True."
)


class HasLifespan(Protocol):
    """What is asked of the run whose application it is."""

    options: RunOptions

    @property
    def has_hung(self) -> bool:
        """Whether a hang or an interrupt was reported."""

    @property
    def bridge(self) -> Bridge:
        """The test's loop."""

    def run_work(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a kit coroutine."""


class LifespanOfRun:
    """
    The lifespan that a test has: its own, one that it shares, or none.

    It is that of the test's application, whatever else the test connects to.
    """

    def __init__(self, run: Any) -> None:
        self._run: HasLifespan = run
        self._environment: Environment = run
        self._lifespan: Lifespan | None = None
        #: Those on its loop that go on when it has ended.
        self._shared: list[Lifespan] = []
        #: Returns the state, where something else runs the lifespan.
        self.find_state: Callable[[], Mapping[str, Any]] | None = None
        #: What is left of it, in words.
        self.left: list[str] = []

    @property
    def is_wanted(self) -> bool:
        """Whether the test asks for one."""
        return bool(self._run.options.run_lifespan)

    @property
    def has_begun(self) -> bool:
        """Whether it has begun to start."""
        return self._lifespan is not None or self.find_state is not None

    @property
    def has_to_end(self) -> bool:
        """Whether there is one on the loop, be it that of other tests."""
        return self._lifespan is not None or bool(self._shared)

    @property
    def values(self) -> Mapping[str, Any]:
        """The state; ``RuntimeError`` where there is no lifespan."""
        if self.find_state is not None:
            return self.find_state()
        if self._lifespan is None:
            raise RuntimeError(_NONE.format(called=self._run.options.called))
        return self._lifespan.values

    def copy_of_state(self) -> dict[str, Any]:
        """Return what a connection is given; nothing where there is none."""
        return dict(self.values) if self.has_begun else {}

    def refuse_before_it(self) -> None:
        """Raise ``RuntimeError`` where a connection would miss its state."""
        if self.is_wanted and not self.has_begun:
            raise RuntimeError(_TOO_EARLY.format(called=self._run.options.called))

    # Its life.

    def start(self) -> None:
        """Start the application, if the test asks for that and it has not."""
        if self.is_wanted and not self.has_begun:
            self._start()

    def _start(self) -> Lifespan:
        application, name = application_of(self._run.options)
        self._lifespan = lifespan = Lifespan(name, self._environment)
        self._do(lifespan, self._start_up(lifespan, application))
        return lifespan

    async def _start_up(self, lifespan: Lifespan, application: ASGIApplication) -> None:
        self._run.bridge.rest.tasks.keepers.append(lifespan)
        await lifespan.start_up(application, seconds(self._run.options))

    def share(self) -> Lifespan:
        """Start it, and return it; it goes on when this test has ended."""
        lifespan = self._start()
        self._shared.append(lifespan)
        return lifespan

    def let_go_on(self, lifespan: Lifespan) -> None:
        """Let one that tests share go on, on the loop of this one."""
        if lifespan in self._shared:
            return
        self._shared.append(lifespan)
        lifespan.move_to(self._environment)
        rest = self._run.bridge.rest
        if lifespan not in rest.tasks.keepers:
            rest.tasks.keepers.append(lifespan)
        for task in rest.tasks.adopt(lifespan.started, lifespan):
            rest.failures.watch(task, Origin(A_TASK, lifespan))

    def join(self, lifespan: Lifespan) -> None:
        """Have one that tests share on the loop of this one."""
        self.let_go_on(lifespan)
        self._lifespan = lifespan

    def take(self, lifespan: Lifespan) -> None:
        """Have one that was shared so far, and end it with this run."""
        self.join(lifespan)
        self._shared.remove(lifespan)

    def end(self) -> None:
        """Shut the application down, unless others go on with it."""
        for shared in self._shared:
            shared.started = self._run.bridge.rest.tasks.kept_by(shared)
        lifespan = self._lifespan
        if lifespan is not None and lifespan not in self._shared:
            self._do(lifespan, self._end(lifespan))

    def _do(self, lifespan: Lifespan, work: Coroutine[Any, Any, None]) -> None:
        try:
            self._run.run_work(work)
        except asyncio.CancelledError:
            # Raised as it is, it would end the tests.
            raise lifespan.cancelled_while_waiting() from None

    async def _end(self, lifespan: Lifespan) -> None:
        keepers = self._run.bridge.rest.tasks.keepers
        if lifespan not in keepers:
            return
        try:
            await lifespan.shut_down(seconds(self._run.options))
        finally:
            keepers.remove(lifespan)
            self.left += lifespan.left
            await lifespan.end()


def seconds(options: RunOptions) -> float:
    """Return how long start-up and shutdown may take."""
    return math.inf if options.hang_timeout is None else options.hang_timeout


def application_of(options: RunOptions) -> tuple[ASGIApplication, str]:
    """Return the application whose lifespan it is, and what it is called."""
    found = options.get_application()
    if found is not None:
        return check_application(found), "The application"
    application = check_application(configured_application())
    return application, f"ASGI_APPLICATION ({settings.ASGI_APPLICATION!r})"
