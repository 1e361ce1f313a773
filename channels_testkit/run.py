"""Everything that one test has in use, and how it is given back."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import weakref
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from unittest import mock

from django.test import Client, TestCase, TransactionTestCase

from . import leaks, routing
from .apply_routes import applied_application
from .credentials import Asking
from .engine import private
from .engine.bridge import Bridge
from .engine.database import TestConnections
from .engine.errors import ApplicationErrors
from .engine.tracebacks import hide_kit_frames
from .outside import Outside
from .surroundings import Surroundings, UnawaitedCalls, unawaited
from .warned import TestWarnings
from .workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator
    from threading import Thread

    from .communicator import WebsocketCommunicator
    from .engine.rest import RestWatch
    from .http import HttpCommunicator
    from .layers import CaptiveChannelLayer
    from .life_cycle import ChannelTestMixin

    Communicator: TypeAlias = WebsocketCommunicator | HttpCommunicator

T = TypeVar("T")

__unittest = True

_runs: list[TestRun] = []


def current() -> TestRun | None:
    """Return the running test's, or None outside of the kit's test cases."""
    return _runs[-1] if _runs else None


def required(what: str) -> TestRun:
    """Return the running test's, or raise ``RuntimeError``."""
    run = current()
    if run is None:
        raise RuntimeError(
            f"{what} works while a ChannelTestCase or WebsocketTestCase test runs."
        )
    return run


class TestRun(Surroundings):
    """
    What one test has in use: its loop, layers, connections and database.

    ``begin()`` puts it in place, ``end()`` takes it down and returns what the
    test has to be told.
    """

    __test__ = False

    def __init__(self, case: ChannelTestMixin) -> None:
        super().__init__(ApplicationErrors(case.application_errors))
        self.case = case
        self.warnings = TestWarnings(case)  # type: ignore[arg-type]
        self.errors.warn = self.warnings.warn
        self.check_protocol = case.check_protocol
        self.receive_timeout = case.receive_timeout
        self.wire = getattr(case, "wire", self.wire)
        self.layers: dict[str, CaptiveChannelLayer] = {}
        self.communicators: list[WebsocketCommunicator] = []
        self.to_close: list[Communicator] = []
        self.unawaited = UnawaitedCalls()
        self.database = TestConnections(
            getattr(case, "databases", ()),
            can_close=_commits(case),
            on_foreign_query=self.errors.record,
        )
        # What is started from now on may act on the test from outside.
        self._known_threads = weakref.WeakSet(private.threads_with_work())
        self._in_place = contextlib.ExitStack()
        self._bridge: Bridge | None = None
        #: Whether the kit looks at the layers as they are, at rest or not.
        self._is_reporting = False
        self.asking = Asking(case, self.database)
        self.auth_communicator: WebsocketCommunicator | None = None
        self.workers = Workers(self)
        #: Thread jobs that are meant to wait, on any loop of the test.
        self.background_jobs: Counter[object] = Counter(case.background_jobs)
        #: Whether a method of the test's author has raised.
        self.has_failed = False
        self.outside = Outside(self)
        self.errors.on_record = self.outside.stir

    def begin(self) -> None:
        """Put everything in place; undo it all where a part of it fails."""
        with contextlib.ExitStack() as in_place:
            self.layers_in_place = self.case.layers_of_test(
                before_read=self.observe_layers, on_change=self.outside.stir
            )
            in_place.enter_context(self.layers_in_place)
            self.layers = self.layers_in_place.layers
            in_place.enter_context(self.database)
            in_place.enter_context(routing.allowed_hosts_of_the_test())
            in_place.enter_context(private.lent_threads_preferred())
            _runs.append(self)
            in_place.callback(_runs.remove, self)
            unawaited.append(self.unawaited)
            in_place.callback(unawaited.remove, self.unawaited)
            in_place.enter_context(self._requests_come_to_rest())
            self._in_place = in_place.pop_all()

    def end(self) -> list[BaseException]:
        """Take everything down; return what was not told so far."""
        told: list[BaseException] = []
        self._is_reporting = True
        steps: tuple[Callable[[], Iterable[BaseException]], ...] = (
            self._close_connections,
            self._close_outside,
            self.errors.pending,
            self._lost_in_own_tasks,
            self._give_back_layers,
            self._findings,
            self._close_loop,
            self.errors.pending,
        )
        with self._in_place:
            for step in steps:
                told += _told_by(step)
        for error in told:
            hide_kit_frames(error)
        return told

    def _close_connections(self) -> Iterable[BaseException]:
        self.close_all()
        if self.workers.are_running:
            self.call(self.workers.stop())
        if self._bridge is not None:
            # What the last clean-up has sent is told as well.
            self._bridge.settle()
        return ()

    def _close_outside(self) -> Iterable[BaseException]:
        self.outside.close()
        return ()

    def _lost_in_own_tasks(self) -> Iterable[BaseException]:
        """Return what a task of the test was told, and nobody else."""
        return () if self._bridge is None else self._bridge.rest.lost_failures()

    def _give_back_layers(self) -> Iterable[BaseException]:
        if self._bridge is not None:
            # Some have loops of their own, with connections to a layer.
            leaks.let_threads_end(self._bridge.rest.outside_threads())
        self.layers_in_place.give_back(self.call)
        return ()

    def _close_loop(self) -> Iterable[BaseException]:
        if self._bridge is not None:
            self._bridge.close()
        return ()

    def _findings(self) -> Iterator[BaseException]:
        for text in self.unawaited.take():
            yield AssertionError(text)
        for policy, text in leaks.findings(self):
            if policy == "fail":
                yield AssertionError(text)
            else:
                yield from self.warnings.warn(text)

    # Running things.

    @property
    def bridge(self) -> Bridge:
        """The test's loop, made on first use."""
        if self._bridge is None:
            self._bridge = Bridge(
                hang_timeout=self.case.hang_timeout,
                known_threads=self._known_threads,
            )
            self._bridge.on_resume = self.errors.deliver
            self._bridge.describe = self._describe
            self._bridge.rest.background = self.background_jobs
            self._bridge.rest.declared_outside = self.outside.names
            self.errors.look = self._bridge.rest.unseen_failures
            self._bridge.loop.set_exception_handler(self._loop_complains)
        return self._bridge

    @property
    def has_loop(self) -> bool:
        """Whether anything has needed a loop so far."""
        return self._bridge is not None

    def ignore_thread(self, thread: Thread) -> None:
        """Let a thread that outlives the test not count as its own."""
        self.bridge.rest.know_thread(thread)

    @property
    def rest(self) -> RestWatch:
        """The watch of the test's loop."""
        if not self.bridge.is_in_loop and private.running_loop() is not None:
            raise RuntimeError(
                "This call runs in an event loop that is not the test's, which"
                " async_to_sync() or asyncio.run() has made. In a sync test use the"
                " sync calls, such as self.connect(); or write an async test."
            )
        return self.bridge.rest

    @property
    def is_async(self) -> bool:
        """Whether a coroutine of the test is under way."""
        return self._bridge is not None and self._bridge.is_in_async_test

    def drive(
        self, work: Coroutine[Any, Any, T], twin: str, *, only_reads: bool = False
    ) -> T:
        """Run a kit coroutine for a sync test; ``twin`` is its async call."""
        if self.is_async:
            work.close()
        self.refuse_in_async_test(twin)
        result = self.bridge.read(work) if only_reads else self.call(work)
        self.errors.deliver()
        return result

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a kit coroutine, after what the test has sent by other ways."""
        try:
            self.bridge.settle()
        except BaseException:
            work.close()
            raise
        return self.bridge.call(work)

    def refuse_in_async_test(self, twin: str) -> None:
        """Raise ``RuntimeError`` where a sync call would block the loop."""
        if self.is_async:
            raise RuntimeError(
                f"A sync call in an async test: write 'await {twin}(...)'."
            )

    @contextlib.contextmanager
    def background(self, function: object) -> Iterator[None]:
        """Let a thread job wait, and the test be at rest meanwhile."""
        self.background_jobs[function] += 1
        try:
            yield
        finally:
            self.background_jobs[function] -= 1

    def observe_layers(self) -> None:
        """Be at rest before a layer is looked at, by the test or the kit."""
        if not self._is_reporting:
            self.observe()

    def observe(self) -> None:
        """Be at rest before something is read or judged."""
        bridge = self._bridge
        if bridge is None or (bridge.is_running and not bridge.is_in_async_test):
            return
        if not bridge.is_in_async_test:
            bridge.settle()
        elif not bridge.rest.is_idle():
            raise RuntimeError(
                "The application is still working: 'await self.asettle()' first."
            )
        self.errors.deliver()

    def call_of_author(
        self, function: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        """Call a method of the test's author, which may be async."""
        try:
            result = function(*args, **options)
            if inspect.iscoroutine(result):
                return self.bridge.run_test(result)
        except BaseException as error:
            self.has_failed = True
            self.outside.explain(error)
            hide_kit_frames(error)
            # Python 3.10 gives a bare raise the traceback of before.
            raise error
        return result

    def _describe(self) -> str:
        self._is_reporting = True
        try:
            return leaks.describe_layers(self.layers)
        finally:
            self._is_reporting = False

    def _loop_complains(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            self.errors.record(error)
        elif not isinstance(error, asyncio.CancelledError):
            # asgiref drops the result of a thread job that was cancelled.
            loop.default_exception_handler(context)

    def _requests_come_to_rest(self) -> contextlib.AbstractContextManager[object]:
        send_request = Client.request

        def request(client: Client, **request: Any) -> Any:
            response = None
            try:
                response = send_request(client, **request)
            finally:
                self._rest_after_request(has_failed=response is None)
            return response

        return mock.patch.object(Client, "request", request)

    def _rest_after_request(self, *, has_failed: bool) -> None:
        """Come to rest, unless this code runs while the loop does."""
        bridge = self._bridge
        if bridge is None or bridge.is_running or not bridge.is_in_own_thread:
            return
        bridge.settle()
        if not has_failed:
            self.errors.deliver()

    def routed_application(self) -> Any:
        """Return the application whose routes the test meets."""
        application = applied_application()
        if application is None:
            application = self.case.get_application()
        if application is None:
            application = routing.configured_application()
        return application

    # Connections.

    def track(self, communicator: WebsocketCommunicator) -> None:
        """Count the communicator among the test's; close it at the end."""
        self.communicators.append(communicator)
        self.close_at_end(communicator)

    def close_at_end(self, communicator: Communicator) -> None:
        """Close the communicator when the test ends."""
        self.to_close.append(communicator)
        self.case.addCleanup(self.close, communicator)  # type: ignore[attr-defined]

    def close(self, communicator: Communicator) -> None:
        """Disconnect, and end an application that does not end by itself."""
        if communicator.needs_closing:
            self.call(communicator.leave())
            self.errors.deliver()

    def close_all(self) -> None:
        """Close every connection, the last one first."""
        if any(communicator.needs_closing for communicator in self.to_close):
            self.call(self.aclose_all())
            self.errors.deliver()

    async def aclose_all(self) -> None:
        """Close every connection, the last one first."""
        async with contextlib.AsyncExitStack() as to_close:
            for communicator in self.to_close:
                if communicator.needs_closing:
                    to_close.push_async_callback(communicator.leave)
        self.errors.deliver()


def _told_by(step: Callable[[], Iterable[BaseException]]) -> list[BaseException]:
    """Return what a step has to tell, with what it raised."""
    try:
        return list(step())
    except Exception as error:  # noqa: BLE001 - told with the others
        return [error]


def _commits(case: object) -> bool:
    return isinstance(case, TransactionTestCase) and not isinstance(case, TestCase)
