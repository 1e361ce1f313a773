"""Everything that one test has in use, and how it is given back."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from asgiref.sync import AsyncToSync, sync_to_async
from django.test import TestCase, TransactionTestCase

from . import leaks, routing
from .engine import private
from .engine.bridge import Bridge
from .engine.database import TestConnections
from .engine.errors import ApplicationErrors
from .engine.tracebacks import hide_kit_frames
from .exceptions import ChannelsTestkitWarning
from .opening import Login
from .surroundings import Surroundings, UnawaitedCalls, unawaited

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from .communicator import WebsocketCommunicator
    from .engine.rest import RestWatch
    from .layers import CaptiveChannelLayer
    from .opening import Options
    from .testcases import ChannelTestMixin

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
        self.check_protocol = case.check_protocol
        self.receive_timeout = case.receive_timeout
        self.wire = getattr(case, "wire", self.wire)
        self.layers: dict[str, CaptiveChannelLayer] = {}
        self.communicators: list[WebsocketCommunicator] = []
        self.unawaited = UnawaitedCalls()
        self.database = TestConnections(
            can_close=_commits(case), on_foreign_query=self.errors.record
        )
        self._in_place = contextlib.ExitStack()
        self._bridge: Bridge | None = None
        self._asked: dict[str, Any] = {}

    def begin(self) -> None:
        """Put everything in place; undo it all where a part of it fails."""
        with contextlib.ExitStack() as in_place:
            captive = in_place.enter_context(self.case.captive_layers())
            self.layers = captive.layers
            in_place.enter_context(self.database)
            in_place.enter_context(routing.allowed_hosts_of_the_test())
            in_place.enter_context(private.lent_threads_preferred())
            _runs.append(self)
            in_place.callback(_runs.remove, self)
            unawaited.append(self.unawaited)
            in_place.callback(unawaited.remove, self.unawaited)
            self._settle_after_requests()
            self._in_place = in_place.pop_all()

    def end(self) -> list[BaseException]:
        """Take everything down; return what was not told so far."""
        told: list[BaseException] = []
        try:
            told += self._last_checks()
        finally:
            try:
                if self._bridge is not None:
                    self._bridge.close()
                    told += self.errors.pending()
            finally:
                self._in_place.close()
        for error in told:
            hide_kit_frames(error)
        return told

    def _last_checks(self) -> list[BaseException]:
        self._attempt(self.close_all)
        told = self.errors.pending()
        told += [AssertionError(text) for text in self.unawaited.take()]
        for policy, text in leaks.findings(self):
            if policy == "fail":
                told.append(AssertionError(text))
            else:
                told += _warning(text)
        return told

    def _attempt(self, function: Callable[[], object]) -> None:
        try:
            function()
        except Exception as error:  # noqa: BLE001 - told with the others
            self.errors.record(error)

    # Running things.

    @property
    def bridge(self) -> Bridge:
        """The test's loop, made on first use."""
        if self._bridge is None:
            self._bridge = Bridge(hang_timeout=self.case.hang_timeout)
            self._bridge.on_resume = self.errors.deliver
            self._bridge.describe = self._describe
            self._bridge.rest.background.update(self.case.background_jobs)
            self.errors.look = self._bridge.rest.unseen_failures
            self._bridge.loop.set_exception_handler(self._loop_complains)
        return self._bridge

    @property
    def has_loop(self) -> bool:
        """Whether anything has needed a loop so far."""
        return self._bridge is not None

    @property
    def rest(self) -> RestWatch:
        """The watch of the test's loop."""
        if not self.bridge.is_in_loop:
            running = asyncio._get_running_loop()
            if running is not None:
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

    def drive(self, work: Coroutine[Any, Any, T], twin: str) -> T:
        """Run a kit coroutine for a sync test; ``twin`` is its async call."""
        if self.is_async:
            work.close()
        self.refuse_in_async_test(twin)
        result = self.bridge.call(work)
        self.errors.deliver()
        return result

    def refuse_in_async_test(self, twin: str) -> None:
        """Raise ``RuntimeError`` where a sync call would block the test's loop."""
        if self.is_async:
            raise RuntimeError(
                f"A sync call in an async test: write 'await {twin}(...)'."
            )

    @contextlib.contextmanager
    def background(self, function: object) -> Iterator[None]:
        """Let a thread job wait without keeping the test from being at rest."""
        self.bridge.rest.background[function] += 1
        try:
            yield
        finally:
            self.bridge.rest.background[function] -= 1

    def observe(self) -> None:
        """Be at rest before something is read or judged."""
        bridge = self._bridge
        if bridge is None or (bridge.is_running and not bridge.is_in_async_test):
            return
        if not bridge.is_in_async_test:
            bridge.settle()
        elif not bridge.rest.is_at_rest():
            raise RuntimeError(
                "The application is still working: 'await self.asettle()' first."
            )
        self.errors.deliver()

    def call_of_author(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call a method of the test's author, which may be async."""
        if isinstance(function, AsyncToSync):
            # Django wraps an async test method before it calls it.
            function = function.awaitable
        try:
            result = function(*args, **options)
            if inspect.iscoroutine(result):
                return self.bridge.run_test(result)
        except BaseException as error:
            hide_kit_frames(error)
            raise
        return result

    def _describe(self) -> str:
        return leaks.describe_layers(self.layers)

    def _loop_complains(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            self.errors.record(error)
        else:
            loop.default_exception_handler(context)

    def _settle_after_requests(self) -> None:
        client = getattr(self.case, "client", None)
        if client is None:
            return
        send_request = client.request

        def request(**request: Any) -> Any:
            response = send_request(**request)
            self.observe_if_free()
            return response

        client.request = request

    def observe_if_free(self) -> None:
        """Come to rest, unless this code runs while the loop does."""
        if self._bridge is not None and not self._bridge.is_running:
            self.observe()

    # Connections.

    def track(self, communicator: WebsocketCommunicator) -> None:
        """Close the communicator when the test ends."""
        self.communicators.append(communicator)
        self.case.addCleanup(self.close, communicator)

    def close(self, communicator: WebsocketCommunicator) -> None:
        """Disconnect, and end an application that does not end by itself."""
        if communicator.needs_closing:
            self.bridge.call(communicator.leave())
            self.errors.deliver()

    def close_all(self) -> None:
        """Close every connection, the last one first."""
        with contextlib.ExitStack() as to_close:
            for communicator in self.communicators:
                to_close.callback(self.close, communicator)

    async def aclose_all(self) -> None:
        """Close every connection, the last one first."""
        async with contextlib.AsyncExitStack() as to_close:
            for communicator in self.communicators:
                if communicator.needs_closing:
                    to_close.push_async_callback(communicator.leave)
        self.errors.deliver()

    # Logins.

    def credentials(self, options: Options, jar: Any) -> Iterator[Any]:
        """
        Work out login, headers and subprotocols, on the test's thread.

        A generator: it yields what has to be awaited, is sent the result, and
        returns the login.
        """
        headers = yield from self._ask_once("get_ws_headers")
        subprotocols = yield from self._ask_once("get_subprotocols")
        login = yield from self._login(options, jar)
        return login, headers, subprotocols

    def _ask_once(self, name: str) -> Iterator[Any]:
        if name not in self._asked:
            answer = getattr(self.case, name, list)()
            if inspect.isawaitable(answer):
                answer = yield answer
            self._asked[name] = answer
        return self._asked[name]

    def _login(self, options: Options, jar: Any) -> Iterator[Any]:
        if options.user is not None:
            with self.database.uncounted():
                answer = self.case.get_login(options.user)
                if inspect.isawaitable(answer):
                    answer = yield answer
            return Login.from_mapping(answer)
        if options.client is not None:
            jar = options.client.cookies
        if jar:
            return Login(cookies=[jar], jars=[jar])
        return self._shared_login()

    def _shared_login(self) -> Login:
        clients = [getattr(self.case, name, None) for name in ("client", "async_client")]
        jars = [client.cookies for client in clients if client is not None]
        sessions = {_session_of(jar) for jar in jars} - {None}
        if len(sessions) > 1:
            raise RuntimeError(
                "self.client and self.async_client have different sessions: say whose"
                " connection this is, with user= or client=."
            )
        return Login(cookies=list(jars), jars=jars)

    def work_out(self, options: Options, jar: Any) -> Any:
        """Return login, headers and subprotocols, for a sync call."""
        steps = self.credentials(options, jar)
        answer = None
        while True:
            try:
                question = steps.send(answer)  # type: ignore[attr-defined]
            except StopIteration as stop:
                return stop.value
            answer = self.bridge.call(question)

    async def awork_out(self, options: Options, jar: Any) -> Any:
        """Return login, headers and subprotocols, for an async call."""
        steps = self.credentials(options, jar)
        answer = None
        while True:
            question = await sync_to_async(_next_question)(steps, answer)
            if isinstance(question, _Answer):
                return question.value
            answer = await question


class _Answer:
    def __init__(self, value: object) -> None:
        self.value = value


def _next_question(steps: Any, answer: object) -> Awaitable[Any] | _Answer:
    try:
        question: Awaitable[Any] = steps.send(answer)
    except StopIteration as stop:
        return _Answer(stop.value)
    return question


def _warning(text: str) -> list[BaseException]:
    """Warn; return the warning where the filters make an exception of it."""
    try:
        warnings.warn(text, ChannelsTestkitWarning, stacklevel=2)
    except ChannelsTestkitWarning as warning:
        return [warning]
    return []


def _session_of(jar: Any) -> str | None:
    from django.conf import settings  # noqa: PLC0415

    morsel = jar.get(settings.SESSION_COOKIE_NAME)
    return None if morsel is None or not morsel.value else str(morsel.value)


def _commits(case: object) -> bool:
    return isinstance(case, TransactionTestCase) and not isinstance(case, TestCase)
