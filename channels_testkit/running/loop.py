"""The loop of one test: made on first use, and run by calls of the kit."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import re
from collections import Counter
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from channels_testkit.engine import private
from channels_testkit.engine.attaching import AttachedBridge
from channels_testkit.engine.bridge import Bridge
from channels_testkit.engine.jobs import APPLICATION
from channels_testkit.engine.loop_on_demand import loop_on_demand
from channels_testkit.engine.threads import Before, Declared

from . import leftovers
from .error_kinds import kind_of_error
from .lifespan import LifespanOfRun
from .outside import Outside
from .raised import Raised
from .refusals import AFTER_THE_END, IN_A_CHILD, OF_ANOTHER_TEST
from .silent_failures import is_failure, note_callback
from .time_of_run import TimeOfRun

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from channels_testkit.asgi.wire import JsonWire
    from channels_testkit.engine.rest import RestWatch
    from channels_testkit.layers.captive import CaptiveChannelLayer

    from .options import RunOptions
    from .time_of_run import VirtualClock

T = TypeVar("T")

__unittest = True

_SECONDS_TO_DOUBT = 0.1


class TestLoop(Raised):
    """Runs coroutines for one test, and brings its application to rest."""

    __test__ = False

    def __init__(self, options: RunOptions) -> None:
        super().__init__(options)
        self.layers: dict[str, CaptiveChannelLayer] = {}
        self._bridge: Bridge | None = None
        self._make_bridge: Callable[..., Bridge] = Bridge
        #: Until there is a loop, lets ``async_to_sync()`` of the test make it.
        self._until_loop = contextlib.ExitStack()
        self._process = os.getpid()
        #: Whether the test has left its loop, with all that was open.
        self.has_left = False
        #: Whether the test has ended, and all of this was taken down.
        self.is_over = False
        # What is started from now on may act on the test from outside.
        self._before = Before.now()
        #: Whether the kit looks at the layers as they are, at rest or not.
        self._is_reporting = False
        #: Thread jobs that are meant to wait, on any loop of the test.
        self.background_jobs: Counter[object] = Counter(options.background_jobs)
        self.outside = Outside(self)
        #: The lifespan of the test's application, if one is run.
        self.lifespan = LifespanOfRun(self)
        #: What time it is.
        self.time = TimeOfRun(self)
        self.errors.on_record = self.outside.stir

    # What the test says now: it may change its mind.

    @property
    def check_protocol(self) -> str | Collection[str]:  # type: ignore[override]
        """What breaches of the protocol do."""
        return self.options.check_protocol

    @property
    def receive_timeout(self) -> float:  # type: ignore[override]
        """Seconds that a receive waits where waiting makes sense."""
        return self.options.receive_timeout

    @property
    def frame_schema(self) -> Any:
        """What frames of the application must be like, or None."""
        return self.options.frame_schema

    @property
    def sent_frame_schema(self) -> Any:
        """What frames of clients must be like, or None."""
        return self.options.sent_frame_schema

    @property
    def sends_overlap(self) -> bool:  # type: ignore[override]
        """Whether sends return before the application is at rest."""
        return self.options.sends_overlap

    @property
    def wire(self) -> JsonWire:  # type: ignore[override]
        """How payloads become frames."""
        return self.options.wire

    @property
    def virtual_time(self) -> VirtualClock | None:
        """The time that the test moves, or None where time is real."""
        return self.time.seen

    def prepare(self) -> None:
        """Refuse an application on another loop, or before the lifespan."""
        self.rest  # noqa: B018 - it raises
        self.lifespan.refuse_before_it()

    # Running things.

    @property
    def bridge(self) -> Bridge:
        """The test's loop, made on first use."""
        self.refuse_elsewhere()
        if self.has_left:
            raise RuntimeError(AFTER_THE_END)
        if self._bridge is None:
            self._until_loop.close()
            self._bridge = self._make_bridge(
                hang_timeout=self.options.hang_timeout, before=self._before
            )
            self._bridge.on_resume = self.errors.deliver
            self._bridge.on_exit = self.errors.record
            self._bridge.describe = self._describe
            self._bridge.rest.background = self.background_jobs
            self._bridge.rest.declared_outside = self.outside.names
            self._bridge.rest.declared_threads = Declared(
                self.options.outside_threads, self.options.idle_threads
            )
            self.errors.look = self._bridge.rest.failures.take
            self._bridge.loop.set_exception_handler(self._loop_complains)
            if self.options.use_virtual_time:
                self.time.begin()
        return self._bridge

    @property
    def has_loop(self) -> bool:
        """Whether the test has a loop already."""
        return self._bridge is not None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """
        Run the test on a loop of another owner.

        Its jobs are the test's from now on, whatever runs it. Call this
        before the test has a loop.
        """
        self.run_by(functools.partial(AttachedBridge, loop))

    def run_by(self, make_bridge: Callable[..., Bridge]) -> None:
        """Run the test by what a function makes, on a loop that it knows."""
        self._make_bridge = make_bridge
        self.make_loop()

    @contextlib.contextmanager
    def made_on_demand(self) -> Iterator[None]:
        """Let ``async_to_sync()`` of the test use its loop, for a block."""
        self._until_loop.enter_context(loop_on_demand(lambda: self.bridge.loop))
        with self._until_loop:
            yield

    def make_loop(self) -> None:
        """Make the loop now: by default it is made when it is needed."""
        self.bridge  # noqa: B018 - made on first use

    @property
    def rest(self) -> RestWatch:
        """The watch of the test's loop."""
        if not self.bridge.is_in_loop and private.running_loop() is not None:
            raise RuntimeError(
                "This call runs in another event loop than the test's, such as that of"
                " asyncio.run(). In a sync test use the sync calls, such as"
                f" {self.options.called}.connect(), or async_to_sync(); or write an"
                " async test."
            )
        return self.bridge.rest

    @property
    def has_hung(self) -> bool:
        """Whether a hang or an interrupt was reported."""
        return self._bridge is not None and self._bridge.has_hung

    @property
    def is_async(self) -> bool:
        """Whether a coroutine of the test is under way."""
        return self._bridge is not None and self._bridge.is_in_async_test

    def run_work(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a kit coroutine, after what the test has sent by other ways."""
        try:
            if not self.sends_overlap:
                self.bridge.settle()
        except BaseException:
            work.close()
            raise
        return self.bridge.run(work)

    def run_in_sync_test(
        self,
        work: Coroutine[Any, Any, T],
        twin: str,
        *,
        only_reads: bool = False,
        only_feeds: bool = False,
    ) -> T:
        """Run a kit coroutine for a sync test; ``twin`` is its async call."""
        try:
            self.refuse_elsewhere()
            self.refuse_in_async_test(twin)
        except RuntimeError:
            work.close()
            raise
        if only_feeds and self.sends_overlap:
            return _finished(work)
        run = self.bridge.run_if_needed if only_reads else self.run_work
        result = run(work)
        self.errors.deliver()
        return result

    def refuse_in_async_test(self, twin: str) -> None:
        """Raise ``RuntimeError`` where a sync call would block the loop."""
        if self.is_async:
            call = re.sub(r"^self\b", self.options.called, twin)
            raise RuntimeError(
                f"A sync call in an async test: write 'await {call}(...)'."
            )

    def refuse_elsewhere(self) -> None:
        """Raise ``RuntimeError`` in a child process, or after the test."""
        self.refuse_in_child()
        if self.is_over:
            raise RuntimeError(OF_ANOTHER_TEST.format(name=self.options.name))

    def refuse_in_child(self) -> None:
        """Raise ``RuntimeError`` in a child process."""
        if os.getpid() != self._process:
            raise RuntimeError(IN_A_CHILD)

    @contextlib.contextmanager
    def background(self, function: object) -> Iterator[None]:
        """Let a thread job wait, and the test be at rest meanwhile."""
        self.background_jobs[function] += 1
        try:
            yield
        finally:
            self.background_jobs[function] -= 1

    async def await_rest(self) -> None:
        """Come to rest, in an async test; raise what has failed meanwhile."""
        await self.rest.wait()
        self.errors.deliver()

    def ensure_rest(self) -> None:
        """
        Be at rest before something is read or judged.

        A sync test comes to rest; an async one raises ``RuntimeError`` where
        it is not. Raises what the application has raised; that itself
        reads what there is.
        """
        self.refuse_elsewhere()
        bridge = None if self.has_left else self._bridge
        is_test = self.is_async and not APPLICATION.get()
        if bridge is None or (bridge.is_running and not is_test):
            return
        if not bridge.is_in_async_test:
            bridge.settle()
        elif not bridge.rest.is_at_rest_so_far():
            raise RuntimeError(
                "The application is still working: 'await"
                f" {self.options.called}.asettle()' first."
            )
        self.errors.deliver()

    def seconds_to_doubt(self) -> float:
        """Return how long a sync test waits before it believes silence."""
        bridge = self._bridge
        if bridge is None or bridge.is_in_async_test:
            return 0.0
        return _SECONDS_TO_DOUBT if bridge.rest.outside_work() else 0.0

    def ensure_rest_for_layers(self) -> None:
        """Be at rest before the test looks at a layer."""
        if self._is_reporting:
            return
        self.refuse_elsewhere()
        # The application reads its layers while it works, and so do threads.
        is_of_test = self._bridge is not None and self._bridge.is_in_own_thread
        if is_of_test and not APPLICATION.get():
            self.ensure_rest()

    def call_test_code(
        self, function: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        """Call a method or a clean-up of the test, which may be async."""
        try:
            result = function(*args, **options)
            if isinstance(result, Coroutine):
                return self.bridge.run_test(result)
        except BaseException as error:
            self.note_raised(error)
            # Python 3.10 gives a bare raise the traceback of before.
            raise error
        return result

    def call_clean_up(
        self, function: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        """Call what is to be done when the test has come to its end."""
        self._has_come_to_end |= self.failure is None
        return self.call_test_code(function, *args, **options)

    def note_raised(self, error: BaseException) -> None:
        """Take note of what code of the test has raised, which tells it."""
        self.raised.append(error)
        self.kinds_raised.add(kind_of_error(error))
        if self.options.schedule is not None:
            self.options.schedule.note_failure()
        # It may have been taken note of before.
        self.errors.take(error)
        self.outside.explain(error)
        self.make_ready(error)

    def _describe(self) -> str:
        self._is_reporting = True
        try:
            return leftovers.describe_layers(self.layers)
        finally:
            self._is_reporting = False

    def _loop_complains(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        error = context.get("exception")
        note_callback(context)
        if is_failure(error) and not self.is_over:
            self.errors.record(error)
        elif not isinstance(error, (asyncio.CancelledError, KeyboardInterrupt)):
            # asgiref drops the result of a thread job that was cancelled; an
            # interrupt has ended the run.
            loop.default_exception_handler(context)

    def rest_after_request(self, *, has_failed: bool) -> None:
        """Come to rest, unless this code runs while the loop does."""
        bridge = self._bridge
        if bridge is None or bridge.is_running or not bridge.is_in_own_thread:
            return
        bridge.settle()
        if not has_failed:
            self.errors.deliver()


def _finished(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise RuntimeError(f"{work!r} waits for something.")
