"""Everything that one test has in use, and how it is given back."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import weakref
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar, cast

from channels_testkit.asgi.old_connections import hops_spared
from channels_testkit.asgi.surroundings import Surroundings
from channels_testkit.engine import private
from channels_testkit.engine.bridge import Bridge
from channels_testkit.engine.database import TestConnections
from channels_testkit.engine.errors import ApplicationErrors
from channels_testkit.engine.tracebacks import hide_kit_frames
from channels_testkit.layers.captivity import CaptiveLayers
from channels_testkit.layers.real import ConfiguredLayers
from channels_testkit.routing.application import configured_application
from channels_testkit.routing.apply_routes import applied_application
from channels_testkit.routing.origins import allowed_hosts_of_the_test

from . import leftovers
from .clean_up import take_down
from .kit_calls import UnawaitedCalls, unawaited
from .opened import AllOpened
from .outside import Outside
from .requests import followed_requests
from .warned import TestWarnings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator
    from threading import Thread

    from channels_testkit.asgi.application import ASGIApplication
    from channels_testkit.engine.rest import RestWatch
    from channels_testkit.layers.captive import CaptiveChannelLayer
    from channels_testkit.layers.swapping import LayersInPlace

    from .options import RunOptions

T = TypeVar("T")

__unittest = True

_runs: list[TestRun] = []


def current() -> TestRun | None:
    """Return the running test's, or None where no test of the kit runs."""
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
    test has to be told. What is opened in between registers with it.

    ``add_cleanup`` is called with what is to be done before the test ends, as
    ``addCleanup()`` of a test case; the run does it itself without.

    Example::

        from channels_testkit.running.options import RunOptions

        run = TestRun(RunOptions(get_application=EchoConsumer.as_asgi))
        run.begin()
        client = WSClient("/")
        client.connect()
        self.assertEqual(run.end(), [])
    """

    __test__ = False

    def __init__(
        self,
        options: RunOptions,
        *,
        add_cleanup: Callable[..., object] | None = None,
    ) -> None:
        super().__init__(ApplicationErrors(options.application_errors))
        self.follow(options)
        self.warnings = TestWarnings(options)
        self.errors.warn = self.warnings.warn
        self.layers: dict[str, CaptiveChannelLayer] = {}
        self._clean_ups = contextlib.ExitStack()
        #: Does something before the test ends, the last one added first.
        self.add_cleanup = add_cleanup or self._clean_ups.callback
        #: What is closed when the test ends.
        self.opened = AllOpened(self)
        self.unawaited = UnawaitedCalls()
        self.database = TestConnections(
            options.databases,
            can_close=options.commits,
            on_foreign_query=self.errors.record,
        )
        # What is started from now on may act on the test from outside.
        self._known_threads = weakref.WeakSet(private.threads_with_work())
        self._in_place = contextlib.ExitStack()
        self._bridge: Bridge | None = None
        self._made_once: dict[object, Any] = {}
        #: Whether the kit looks at the layers as they are, at rest or not.
        self._is_reporting = False
        #: Thread jobs that are meant to wait, on any loop of the test.
        self.background_jobs: Counter[object] = Counter(options.background_jobs)
        #: Whether code of the test has raised.
        self.has_failed = False
        self.outside = Outside(self)
        self.errors.on_record = self.outside.stir

    # Its life.

    def begin(self) -> None:
        """Put everything in place; undo it all where a part of it fails."""
        self.options.check()
        with contextlib.ExitStack() as in_place:
            self.layers_in_place = in_place.enter_context(self._layers_of_options())
            self.layers = self.layers_in_place.layers
            in_place.enter_context(self.database)
            if not self.options.commits:
                in_place.enter_context(hops_spared())
            in_place.enter_context(allowed_hosts_of_the_test())
            in_place.enter_context(private.lent_threads_preferred())
            _runs.append(self)
            in_place.callback(_runs.remove, self)
            unawaited.append(self.unawaited)
            in_place.callback(unawaited.remove, self.unawaited)
            in_place.enter_context(followed_requests(self._rest_after_request))
            self._in_place = in_place.pop_all()

    def follow(self, options: RunOptions) -> None:
        """Take what the test says now, which may have changed since."""
        #: What the test asks for.
        self.options = options
        self.check_protocol = options.check_protocol
        self.receive_timeout = options.receive_timeout
        self.wire = options.wire

    def end(self) -> list[BaseException]:
        """Take everything down; return what was not told so far."""
        self._is_reporting = True
        return take_down(self)

    def _layers_of_options(self) -> LayersInPlace:
        source, aliases = self.options.layer_source, self.options.test_channel_aliases
        if callable(source):
            return source()
        if source == "configured":
            return ConfiguredLayers(aliases)
        return CaptiveLayers(
            aliases,
            strict=self.options.strict_messages,
            before_read=self._ensure_rest_for_layers,
            on_change=self.outside.stir,
        )

    # The steps of its end, which clean_up.py has in their order.

    def close_opened(self) -> Iterable[BaseException]:
        """Disconnect clients, end applications and workers, come to rest."""
        self._clean_ups.close()
        self.opened.close_all()
        self.opened.close_last()
        if self._bridge is not None:
            # What the last clean-up has sent is told as well.
            self._bridge.settle()
        return ()

    def close_outside(self) -> Iterable[BaseException]:
        """End what acts on the test from outside of its loop."""
        self.outside.close()
        return ()

    def undelivered_errors(self) -> Iterable[BaseException]:
        """Return exceptions of the application that no call has raised."""
        return self.errors.take_pending()

    def unawaited_errors(self) -> Iterable[BaseException]:
        """Return exceptions of the test's own tasks that nobody awaited."""
        return (
            ()
            if self._bridge is None
            else self._bridge.rest.take_own_unawaited_errors()
        )

    def give_back_layers(self) -> Iterable[BaseException]:
        """Give back what real layers have used."""
        if self._bridge is not None:
            # Some have loops of their own, with connections to a layer.
            leftovers.let_threads_end(self._bridge.rest.outside_threads())
        self.layers_in_place.give_back(self.run_work)
        return ()

    def find_leftovers(self) -> Iterator[BaseException]:
        """Return what the watches have found."""
        for text in self.unawaited.take():
            yield AssertionError(text)
        options = self.options
        yield from self._judged(options.check_unread, self._unread())
        yield from self._judged(options.check_dropped, self._dropped())
        yield from self._judged(options.check_leaks, self._left())

    def close_loop(self) -> Iterable[BaseException]:
        """Cancel what is left, and close the test's loop."""
        if self._bridge is not None:
            self._bridge.close()
        return ()

    def restore(self) -> None:
        """Put back layers, connections and patches."""
        self._in_place.close()

    def _judged(self, policy: str, texts: Iterable[str]) -> Iterator[BaseException]:
        for text in texts if policy != "off" else ():
            if policy == "fail":
                yield AssertionError(text)
            else:
                yield from self.warnings.warn(text)

    def _unread(self) -> Iterator[str]:
        return leftovers.unread(self.opened.items)

    def _dropped(self) -> Iterator[str]:
        return leftovers.dropped(self.layers_in_place.made)

    def _left(self) -> Iterator[str]:
        left = list(self.outside.left)
        if self._bridge is not None:
            left += leftovers.left(self.opened.items, self._bridge.rest, self.layers)
        return leftovers.in_one_finding(left)

    # Running things.

    @property
    def bridge(self) -> Bridge:
        """The test's loop, made on first use."""
        if self._bridge is None:
            self._bridge = Bridge(
                hang_timeout=self.options.hang_timeout,
                known_threads=self._known_threads,
            )
            self._bridge.on_resume = self.errors.deliver
            self._bridge.describe = self._describe
            self._bridge.rest.background = self.background_jobs
            self._bridge.rest.declared_outside = self.outside.names
            self.errors.look = self._bridge.rest.take_unawaited_errors
            self._bridge.loop.set_exception_handler(self._loop_complains)
        return self._bridge

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

    def run_work(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a kit coroutine, after what the test has sent by other ways."""
        try:
            self.bridge.settle()
        except BaseException:
            work.close()
            raise
        return self.bridge.run(work)

    def run_in_sync_test(
        self, work: Coroutine[Any, Any, T], twin: str, *, only_reads: bool = False
    ) -> T:
        """Run a kit coroutine for a sync test; ``twin`` is its async call."""
        if self.is_async:
            work.close()
        self.refuse_in_async_test(twin)
        run = self.bridge.run_if_needed if only_reads else self.run_work
        result = run(work)
        self.errors.deliver()
        return result

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

    def ensure_rest(self) -> None:
        """
        Be at rest before something is read or judged.

        A sync test comes to rest; an async one raises ``RuntimeError`` where
        it is not. Raises what the application has raised.
        """
        bridge = self._bridge
        if bridge is None or (bridge.is_running and not bridge.is_in_async_test):
            return
        if not bridge.is_in_async_test:
            bridge.settle()
        elif not bridge.rest.is_at_rest_so_far():
            raise RuntimeError(
                "The application is still working: 'await self.asettle()' first."
            )
        self.errors.deliver()

    def _ensure_rest_for_layers(self) -> None:
        if not self._is_reporting:
            self.ensure_rest()

    def call_test_code(
        self, function: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        """Call a method or a clean-up of the test, which may be async."""
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
            return leftovers.describe_layers(self.layers)
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

    def _rest_after_request(self, *, has_failed: bool) -> None:
        """Come to rest, unless this code runs while the loop does."""
        bridge = self._bridge
        if bridge is None or bridge.is_running or not bridge.is_in_own_thread:
            return
        bridge.settle()
        if not has_failed:
            self.errors.deliver()

    def routed_application(self) -> ASGIApplication:
        """Return the application whose routes the test meets."""
        application = applied_application()
        if application is None:
            application = self.options.get_application()
        return configured_application() if application is None else application

    # What is opened in it.

    def once(self, key: object, make: Callable[[], T]) -> T:
        """Return what this run has under a key; make it on first use."""
        if key not in self._made_once:
            self._made_once[key] = make()
        return cast("T", self._made_once[key])
