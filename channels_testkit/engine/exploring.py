"""
The order of one explored run: events come one by one, as a schedule says.

Frames, messages, answers of a layer, timers, and the starts and results of
thread jobs wait until the loop has nothing to do. Then one of them comes, and
is followed to its end.
"""

from __future__ import annotations

import contextvars
import functools
import itertools
import threading
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from asgiref.current_thread_executor import CurrentThreadExecutor

from . import places, private
from .jobs import APPLICATION
from .order import SOMETHING_ELSE
from .origins import OWNER, called
from .patches import OwnAttribute
from .pool_future import pass_on
from .schedules import Option
from .virtual_time import VirtualTime

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from .jobs import Job
    from .order import Start
    from .schedules import Schedule


class Arrival(NamedTuple):
    """An event that waits, and what lets it come."""

    number: int
    source: object
    say: Callable[[], str]
    come: Callable[[], object]

    @property
    def option(self) -> Option:
        """What a schedule chooses by."""
        return Option(self.source, self.say())


class ExploredTime(VirtualTime):
    """
    Virtual time in which a schedule chooses what comes next.

    ``on_outside`` is called for work outside of the loop, which no schedule
    can order.
    """

    is_explored = True

    def __init__(
        self,
        *args: Any,
        schedule: Schedule,
        on_outside: Callable[[str], object],
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._schedule = schedule
        self._on_outside = on_outside
        self._arrivals: list[Arrival] = []
        self._numbers = itertools.count()
        self._numbers_of_jobs: weakref.WeakKeyDictionary[Job, int] = (
            weakref.WeakKeyDictionary()
        )
        self._jobs: weakref.WeakKeyDictionary[asyncio.Future[Any], Job] = (
            weakref.WeakKeyDictionary()
        )

        #: The jobs that were chosen, and those whose results have arrived.
        self._chosen: weakref.WeakSet[Job] = weakref.WeakSet()
        self._arrived: weakref.WeakSet[Job] = weakref.WeakSet()
        #: Held until it is known whose job has begun: its thread is quick.
        self._starting = threading.RLock()
        self._early: list[tuple[asyncio.Future[Any], Callable[[], object]]] | None
        self._early = None

    def begin(self) -> None:
        """Let events wait from now on."""
        super().begin()
        rest = self._rest
        self._let_go_before, self._had_held = rest.let_go, rest.has_held
        self._taken.enter_context(OwnAttribute(rest, "let_go", self._let_one_come))
        self._taken.enter_context(OwnAttribute(rest, "has_held", self._has_arrivals))
        self._schedule.say_waiting = self._say_waiting

    def end(self) -> None:
        """Let all come that waits."""
        super().end()
        self._schedule.say_waiting = list
        arrivals, self._arrivals = self._arrivals, []
        for arrival in arrivals:
            arrival.come()

    # What comes in.

    def arrive(
        self, source: object, say: Callable[[], str], come: Callable[[], object]
    ) -> None:
        """Let an event wait for its turn."""
        self._arrivals.append(Arrival(next(self._numbers), source, say, come))

    def job_starts(self, executor: object, start: Start) -> asyncio.Future[Any]:
        """Give a job to its thread when its turn comes; return its future."""
        if isinstance(executor, CurrentThreadExecutor):
            # There it waits until it is chosen, or for who waits for it.
            return self._started(start)
        loop = self._rest.loop
        outer: asyncio.Future[Any] = loop.create_future()
        place, whose = places.calling_function(), _whose()

        def come() -> None:
            if not outer.cancelled():
                pass_on(self._started(start), outer)

        def say() -> str:
            return f"{whose}: a thread begins the job of {place[0]}() ({place[1]})"

        self.arrive(object(), say, come)
        return outer

    def _started(self, start: Start) -> asyncio.Future[Any]:
        with self._starting:
            self._early = []
            job, result = start()
            self._jobs[result] = job
            early, self._early = self._early, None
        for future, post in early:
            self.result_comes(future, post)
        future = cast("asyncio.Future[Any]", job.future)
        if not result.done():
            return future
        # From Python 3.14 on the result of a quick job is not posted.
        later: asyncio.Future[Any] = self._rest.loop.create_future()
        self.result_comes(result, lambda: pass_on(future, later))
        return later

    def result_comes(
        self, future: asyncio.Future[Any], post: Callable[[], object]
    ) -> None:
        """Let the result of a job wait for its turn; in whatever thread."""
        with self._starting:
            job = self._jobs.get(future)
            if job is None and self._early is not None:
                # The job was done before this thread could ask for its result.
                self._early.append((future, post))
                return
        if job is None:
            # It is what somebody waits for who has the loop for that.
            post()
            return
        say = functools.partial(_said, job, "goes on after")
        self.arrive(object(), say, post)
        self._arrived.add(job)
        private.wake(self._rest.loop)

    def _set_timer(
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        chosen = contextvars.copy_context() if context is None else context
        if not chosen.get(APPLICATION):
            return super()._set_timer(when, callback, *args, context=chosen)
        timer = _HeldTimer(self, callback, args)
        timer.handle = super()._set_timer(when, timer.due, context=chosen)
        timer.set_by = self._set_by[id(timer.handle)][1:]
        return timer.handle

    # What comes next.

    def _say_waiting(self) -> list[str]:
        return [it.say() for it in sorted(self._arrivals, key=lambda it: it.number)]

    def _has_arrivals(self) -> bool:
        return bool(self._arrivals) or self._had_held()

    def choose_lane(self, lanes: Sequence[Any]) -> int | None:
        """Choose among jobs that can start, and what waits."""
        if not self._may_choose(among_jobs=True):
            return None
        options: list[tuple[int, Option, Arrival | int]] = [
            (it.number, it.option, it) for it in self._first_of_each()
        ]
        options += [
            (self._number_of(lane), _start_of(lane), place)
            for place, lane in enumerate(lanes)
        ]
        options.sort(key=lambda it: it[0])
        chosen = options[self._schedule.choose([it[1] for it in options])][2]
        if isinstance(chosen, int):
            self._chosen.add(_job_of(lanes[chosen]))
            return chosen
        self._come(chosen)
        return SOMETHING_ELSE

    def _let_one_come(self) -> bool:
        if not (self._arrivals and self._may_choose(among_jobs=False)):
            return self._let_go_before()
        first = self._first_of_each()
        self._come(first[self._schedule.choose([it.option for it in first])])
        return True

    def _may_choose(self, *, among_jobs: bool) -> bool:
        """Tell whether all has come that is under way."""
        if private.ready_callbacks(self._rest.loop) and not self._rest.is_going_round:
            return False
        for name in self._rest.outside_work():
            self._on_outside(name)
        return all(
            self._has_arrived(job) or (among_jobs and self._waits_for_its_turn(job))
            for job in self._rest.jobs.busy()
        )

    def _waits_for_its_turn(self, job: Job) -> bool:
        is_own = isinstance(job.executor, CurrentThreadExecutor)
        return is_own and not (job.has_started or job in self._chosen)

    def _has_arrived(self, job: Job) -> bool:
        """Tell whether the result of a job is here; of some none arrives."""
        if job in self._arrived:
            return True
        return job.has_returned and job not in tuple(self._jobs.values())

    def _first_of_each(self) -> list[Arrival]:
        """Return the first arrival of each source, the oldest first."""
        first: dict[object, Arrival] = {}
        for arrival in sorted(self._arrivals, key=lambda it: it.number):
            first.setdefault(arrival.source, arrival)
        return list(first.values())

    def _number_of(self, lane: Any) -> int:
        job = _job_of(lane)
        return self._numbers_of_jobs.setdefault(job, next(self._numbers))

    def _come(self, arrival: Arrival) -> None:
        self._arrivals.remove(arrival)
        arrival.come()


class _HeldTimer:
    """A timer of the application that has come due, and waits for its turn."""

    handle: asyncio.TimerHandle
    set_by: tuple[str, str]

    def __init__(
        self, time: ExploredTime, callback: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        self._time = time
        self._callback = callback
        self._args = args

    def due(self) -> None:
        """Wait for the turn."""
        context = contextvars.copy_context()
        come = functools.partial(self._come, context)
        self._time.arrive(self, functools.partial(self._say, _whose()), come)

    def _come(self, context: contextvars.Context) -> None:
        if not self.handle.cancelled():
            loop = self._time._rest.loop  # noqa: SLF001 - its module
            loop.call_soon(self._callback, *self._args, context=context)

    def _say(self, whose: str) -> str:
        name, line = self.set_by
        return f"{whose}: the timer of {name}() ({line}) comes"


def _whose() -> str:
    return called(OWNER.get())


def _job_of(lane: Any) -> Job:
    job: Job = lane.first.fn.job
    return job


def _start_of(lane: Any) -> Option:
    job = _job_of(lane)
    return Option(lane, _said(job, "runs"))


def _said(job: Job, does: str) -> str:
    """Say what a job does: for whom, and for which of their functions."""
    name = f"{job.name.rpartition('.')[2]}()"
    place = places.place_of(job.awaiters)
    whose = called(job.owner)
    return f"{whose}: {place} {does} {name}" if place else f"{whose}: {does} {name}"
