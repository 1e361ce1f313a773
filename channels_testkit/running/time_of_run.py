"""The time of one test: real, or virtual for all of it or for a block."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Protocol

from channels_testkit.engine import private
from channels_testkit.engine.exploring import ExploredTime
from channels_testkit.engine.jobs import APPLICATION
from channels_testkit.engine.origins import OWNER, called
from channels_testkit.engine.virtual_time import Timer, VirtualTime, exact
from channels_testkit.engine.wall_clock import WallClock
from channels_testkit.timeline.recording import record

from .options import check_layers_for_virtual_time, no_virtual_time

if TYPE_CHECKING:
    import contextvars
    import datetime as dt
    from collections.abc import Callable

    from channels_testkit.engine.bridge import Bridge
    from channels_testkit.engine.errors import ApplicationErrors
    from channels_testkit.timeline.recording import Recording
    from channels_testkit.timeline.story import Story

    from .options import RunOptions
    from .outside import Outside

_NOT_VIRTUAL = (
    "{call} moves virtual time: {whole}, or write 'with {test}.virtual_time() as"
    " clock:' around this part of the test."
)
_NOT_OF_THE_TEST = "{call} in {where}: only the test's own code moves its time."
_VIRTUAL_ALREADY = (
    "virtual_time() inside of virtual time: use {test}.clock instead."
    " use_virtual_time and explore_schedules() put a whole test into virtual time."
)
_MOVES = "time moves"
_OUTSIDE = (
    "{name} works outside of the loop of this test, so that no schedule can order what"
    " it does: leave it out of a test that is explored."
)


class HasTime(Protocol):
    """The run whose time it is."""

    options: RunOptions
    errors: ApplicationErrors
    outside: Outside
    recording: Recording

    @property
    def receive_timeout(self) -> float:
        """Seconds that a receive waits where waiting makes sense."""

    @property
    def bridge(self) -> Bridge:
        """The test's loop."""

    @property
    def is_async(self) -> bool:
        """Whether a coroutine of the test is under way."""


class VirtualClock:
    """
    The clock of a test that has virtual time.

    Example::

        with self.virtual_time() as clock:
            self.connect("/ws/echo/")
            self.advance(30)
            self.assertEqual(clock.now, 30)
    """

    def __init__(self, time: VirtualTime, run: HasTime) -> None:
        self._time = time
        self._run = run

    @property
    def now(self) -> float:
        """Seconds since virtual time began."""
        return self._time.elapsed

    @property
    def timers(self) -> list[Timer]:
        """The timers of the application, the next one first."""
        return self._time.timers(_whose)

    def call_that_advances(self, seconds: float) -> str:
        """Return the call that moves it on, as the test writes it."""
        return self._time.call_that_advances(seconds)

    def __repr__(self) -> str:
        return f"<VirtualClock at {exact(self.now)} s, {len(self.timers)} timers>"


class TimeOfRun:
    """What time it is for one test, and for its layers."""

    def __init__(self, run: HasTime) -> None:
        self._run = run
        self._thread_id = threading.get_ident()
        self._now: Callable[[], float] = private.clock
        self._time: VirtualTime | None = None
        self._wall: WallClock | None = None

    def now(self) -> float:
        """Return the time by which messages expire, in seconds."""
        return self._now()

    @property
    def is_virtual(self) -> bool:
        """Whether the test moves it."""
        return self._time is not None

    @property
    def seen(self) -> VirtualClock | None:
        """The clock, or None where time is real."""
        return None if self._time is None else VirtualClock(self._time, self._run)

    def clock(self) -> VirtualClock:
        """Return the clock; ``RuntimeError`` where time is real."""
        return VirtualClock(self.virtual("clock"), self._run)

    def virtual(self, call: str) -> VirtualTime:
        """Return the time; ``RuntimeError``, which names the call, if real."""
        if self._time is None:
            test = self._run.options.called
            whole = "set use_virtual_time = True on the test case"
            if test != "self":
                whole = f"mark the test with @pytest.mark.{test}(use_virtual_time=True)"
            call = f"{test}.{call}"
            raise RuntimeError(_NOT_VIRTUAL.format(call=call, test=test, whole=whole))
        return self._time

    def refuse_elsewhere(self, call: str) -> None:
        """Raise ``RuntimeError`` in the application, and in a thread."""
        where = None
        if APPLICATION.get():
            where = "the application"
        elif threading.get_ident() != self._thread_id:
            where = "another thread"
        if where is not None:
            call = f"{self._run.options.called}.{call}"
            raise RuntimeError(_NOT_OF_THE_TEST.format(call=call, where=where))

    def begin(self, start: dt.datetime | None = None) -> None:
        """Let time stand still."""
        if self._time is not None:
            test = self._run.options.called
            raise RuntimeError(_VIRTUAL_ALREADY.format(test=test))
        self.refuse_real()
        wall = WallClock(start)
        time = self._kind()(
            self._run.bridge.rest,
            patience=lambda: self._run.receive_timeout,
            has_news=lambda: self._run.errors.has_news,
            is_held_up=lambda: self._run.bridge.is_held_up,
            moved=functools.partial(_move, wall),
            call_that_advances=self._call_that_advances,
        )
        if not self._run.recording.is_empty:
            record(None, time_tells, "virtual time begins")
        self._run.recording.follow(lambda: time.elapsed)
        time.begin()
        before = self._now()
        self._now = lambda: before + time.elapsed
        self._time, self._wall = time, wall

    def _kind(self) -> Callable[..., VirtualTime]:
        schedule = self._run.options.schedule
        if schedule is None:
            return VirtualTime
        return functools.partial(
            ExploredTime, schedule=schedule, on_outside=self._refuse_outside
        )

    def _refuse_outside(self, name: str) -> None:
        text = _OUTSIDE.format(name=name)
        if not any(text in str(error) for error in self._run.errors.pending()):
            self._run.errors.record(RuntimeError(text))

    def end(self) -> None:
        """Let time go on, if it stands still."""
        time, wall, self._time, self._wall = self._time, self._wall, None, None
        if time is None or wall is None:
            return
        wall.stop()
        time.end()
        self._run.recording.follow(None)
        record(None, time_tells, "virtual time ends")
        ahead = self._now() - private.clock()
        self._now = lambda: private.clock() + ahead

    def _call_that_advances(self, seconds: float) -> str:
        call = f"advance({exact(seconds)})"
        test = self._run.options.called
        return f"await {test}.a{call}" if self._run.is_async else f"{test}.{call}"

    def refuse_real(self) -> None:
        """Raise ``ImproperlyConfigured`` where real time rules."""
        check_layers_for_virtual_time(self._run.options)
        if self._run.outside.names:
            raise no_virtual_time(self._run.outside.names[0])


def _move(wall: WallClock, elapsed: float) -> None:
    """Have the wall clock move along, and the timeline show it."""
    wall.move_to(elapsed)
    if elapsed:
        record(None, time_tells, _MOVES)


def time_tells(story: Story, text: str) -> None:
    """Tell of virtual time; of several moves in a row only the last one."""
    last = story.last
    if text == _MOVES and last is not None and last.text == text:
        story.events.pop()
    story.add("time", text)


def _whose(context: contextvars.Context) -> str | None:
    """Return what failures call the connection that a context belongs to."""
    owner = context.get(OWNER)
    return None if owner is None else called(owner)
