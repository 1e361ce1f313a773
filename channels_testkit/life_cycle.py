"""
What happens around a test, in which order.

``setUp``, ``asyncSetUp``, test, ``asyncTearDown``, ``tearDown``, clean-ups:
each may be async, and all share one loop. The kit begins before ``setUp`` and
ends after the last clean-up.
"""

from __future__ import annotations

import functools
import inspect
import unittest
from typing import TYPE_CHECKING, Any

from asgiref.sync import AsyncToSync
from django.db import DEFAULT_DB_ALIAS

from . import counting
from .assertions import LayerAssertions
from .captivity import CaptiveLayers
from .engine import database
from .messages import DEFAULT
from .policies import check_policies
from .real_layers import ConfiguredLayers
from .run import TestRun
from .surroundings import kit_coroutine
from .workers import RunningWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .engine.application import ASGIApplication
    from .swapping import LayersInPlace

__unittest = True


class _Done:
    """What sync hooks return, so that ``await super().setUp()`` works."""

    def __await__(self) -> Any:
        return iter(())


_DONE = _Done()


def unbound(case: object, name: str) -> Any:
    """
    Read an attribute of a test case without making a method of a function.

    A property is read as usual.
    """
    found = inspect.getattr_static(case, name, None)
    if isinstance(found, (classmethod, property, functools.cached_property)):
        return getattr(case, name)
    return found.__func__ if isinstance(found, staticmethod) else found


class ChannelTestMixin(LayerAssertions):
    """
    What ``ChannelTestCase`` adds to a Django test case.

    Put it before any other test case class, such as djangorestframework's::

        class RoomTests(ChannelTestMixin, APITestCase): ...
    """

    #: Which aliases of CHANNEL_LAYERS are captured: ``"__all__"`` or a list.
    test_channel_aliases: str | Collection[str] = "__all__"
    #: Where a test's layers come from: ``"captive"``, or ``"configured"`` for
    #: those of CHANNEL_LAYERS, made from each alias's TEST_CONFIG.
    layer_source: str = "captive"
    #: Whether messages must survive what a real layer does to them.
    strict_messages: bool = True
    #: When ``on_commit()`` callbacks run: as in ``"production"``, or, by the
    #: rule of Django's ``TestCase``, never: ``"django"``.
    on_commit_callbacks: str = "production"
    #: The ASGI application, if it is not that of the settings.
    application: Any = None
    #: The same, by Chanx's name.
    router: Any = None

    #: What an exception of the application does: "fail", "warn" or "off".
    application_errors: str = "fail"
    #: The same for breaches of ASGI and RFC 6455, or the names of those that
    #: are let through.
    check_protocol: str | Collection[str] = "fail"
    #: The same for messages to a group that a full channel had to miss.
    check_dropped: str = "fail"
    #: The same for tasks, threads, memberships of groups, and messages on the
    #: channels of connections, that are left when all clients have gone.
    check_leaks: str = "warn"
    #: The same for frames that nobody has read.
    check_unread: str = "off"

    #: Seconds of real time that a call may take, or None for no bound.
    hang_timeout: float | None = 30.0
    #: Seconds that a receive waits where waiting makes sense.
    receive_timeout: float = 1.0
    #: Thread jobs that are meant to wait: dotted names or functions. They do
    #: not keep the application from being at rest.
    background_jobs: Collection[object] = ()

    _kit_run: TestRun | None = None
    _names_before_run: frozenset[str] = frozenset()

    @property
    def _kit(self) -> TestRun:  # type: ignore[override]
        if self._kit_run is None:
            raise RuntimeError(
                f"{type(self).__name__} runs no test now: this call works from setUp()"
                " to the last clean-up."
            )
        return self._kit_run

    # The class.

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        order = cls.__mro__
        if unittest.TestCase in order[: order.index(ChannelTestMixin)]:
            first, *_ = cls.__bases__
            raise TypeError(
                f"{cls.__name__} has its mixin after {first.__name__}, which hides it:"
                " put the mixin of channels_testkit first."
            )

    @classmethod
    def setUpClass(cls) -> None:
        """Capture the layers, and run on_commit() as in production."""
        check_policies(cls)
        enter: Any = cls.enterClassContext  # type: ignore[attr-defined]
        enter(database.test_transactions_kept_open())
        if cls.on_commit_callbacks == "production":
            enter(database.CommitsAsInProduction())
        # An override of the class's own may bring an alias in later.
        enter(cls._captive_layers(missing_ok=True))
        super().setUpClass()  # type: ignore[misc]

    @classmethod
    def layers_of_test(
        cls, *, before_read: Callable[[], None], on_change: Callable[[], None]
    ) -> LayersInPlace:
        """Return what puts a test's layers in place."""
        if cls.layer_source == "configured":
            return ConfiguredLayers(cls.test_channel_aliases)
        return cls._captive_layers(before_read=before_read, on_change=on_change)

    @classmethod
    def _captive_layers(
        cls,
        *,
        missing_ok: bool = False,
        before_read: Callable[[], None] | None = None,
        on_change: Callable[[], None] | None = None,
    ) -> CaptiveLayers:
        return CaptiveLayers(
            cls.test_channel_aliases,
            strict=cls.strict_messages,
            missing_ok=missing_ok,
            before_read=before_read,
            on_change=on_change,
        )

    def get_application(self) -> ASGIApplication | None:
        """Return the class's application, or None for that of the settings."""
        found: ASGIApplication | None = unbound(self, "application")
        return unbound(self, "router") if found is None else found

    # One test. unittest calls these, for itself and for others' runners.

    def setUp(self) -> Any:
        """Do what other base classes do; can be awaited."""
        return super().setUp() or _DONE  # type: ignore[misc]

    def tearDown(self) -> Any:
        """Do what other base classes do; can be awaited."""
        return super().tearDown() or _DONE  # type: ignore[misc]

    async def asyncSetUp(self) -> None:
        """Prepare the test, after ``setUp()``, on its loop."""

    async def asyncTearDown(self) -> None:
        """Clean up, before ``tearDown()``, on the test's loop."""

    def addAsyncCleanup(
        self, function: Callable[..., Any], /, *args: Any, **options: Any
    ) -> None:
        """Add an async clean-up; ``addCleanup()`` takes one as well."""
        self.addCleanup(function, *args, **options)  # type: ignore[attr-defined]

    async def enterAsyncContext(self, manager: Any) -> Any:
        """Enter an async context manager and leave it with the clean-ups."""
        kind = type(manager)
        if not hasattr(kind, "__aenter__") or not hasattr(kind, "__aexit__"):
            raise TypeError(f"{manager!r} is not an asynchronous context manager.")
        result = await kind.__aenter__(manager)
        self.addAsyncCleanup(kind.__aexit__, manager, None, None, None)
        return result

    def _callSetUp(self) -> None:
        # First, so that it is the last of the clean-ups.
        self.addCleanup(self._end_run)  # type: ignore[attr-defined]
        run = TestRun(self)
        run.begin()
        self._kit_run = run
        self._run_begins(run)
        run.call_of_author(self.setUp)
        if type(self).asyncSetUp is not ChannelTestMixin.asyncSetUp:
            run.call_of_author(self.asyncSetUp)

    def _run_begins(self, run: TestRun) -> None:
        """Add what a kind of test case has in use while its tests run."""

    def _callTestMethod(self, method: Callable[[], Any]) -> None:
        if isinstance(method, AsyncToSync):
            # Django has wrapped an async method: its own loop is not wanted.
            method = method.awaitable
        # unittest complains of a test that returns something: a generator,
        # for instance, of which nothing has run.
        test = functools.partial(self._kit.call_of_author, method)
        super()._callTestMethod(test)  # type: ignore[misc]

    def _callTearDown(self) -> None:
        try:
            if type(self).asyncTearDown is not ChannelTestMixin.asyncTearDown:
                self._kit.call_of_author(self.asyncTearDown)
        finally:
            self._kit.call_of_author(self.tearDown)

    def _callCleanup(
        self, function: Callable[..., Any], /, *args: Any, **options: Any
    ) -> None:
        if self._kit_run is None:
            function(*args, **options)
        else:
            self._kit_run.call_of_author(function, *args, **options)

    def _end_run(self) -> None:
        run, self._kit_run = self._kit_run, None
        told = run.end() if run else []
        # The first to be told is the last one added.
        for error in reversed(told):
            self.addCleanup(_raise, error)  # type: ignore[attr-defined]

    def run(self, result: unittest.TestResult | None = None) -> Any:
        """Run the test; leave nothing in place whatever stops it."""
        name = self._testMethodName  # type: ignore[attr-defined]
        if isinstance(vars(self).get(name), AsyncToSync):
            # Django's wrap also hides expectedFailure().
            delattr(self, name)
        self._names_before_run = frozenset(vars(self))
        try:
            return super().run(result)  # type: ignore[misc]
        finally:
            self._abandon_run()

    def debug(self) -> None:
        """Run the test without collecting errors, as unittest does."""
        try:
            super().debug()  # type: ignore[misc]
        finally:
            self._abandon_run()

    def _abandon_run(self) -> None:
        run, self._kit_run = self._kit_run, None
        if run is not None:
            run.end()

    def __getstate__(self) -> dict[str, Any]:
        """
        Return what goes to another process, and comes back, in ``--parallel``.

        A test that has run comes back for its name; what it had in use stays.
        """
        state = dict(vars(self))
        if self._names_before_run:
            state = {name: state[name] for name in self._names_before_run & set(state)}
            state |= {"_outcome": None, "_subtest": None, "_cleanups": []}
        return state

    # Coming to rest.

    def settle(self) -> None:
        """
        Come to rest: return when the application has done all that it can.

        Needed only after the test's own code, or a thread, has sent to a
        layer. Raises what the application raised meanwhile, and
        ``RuntimeError`` in an async test.

        Example::

            ann = self.connect("/ws/room/1/")
            message = {"type": "room.message", "content": "hello"}
            async_to_sync(self.channel_layer.group_send)("room-1", message)
            self.settle()
            self.assertReceivesJson(ann, "hello")
        """
        self._kit.refuse_in_async_test("self.asettle")
        self._kit.observe()

    @kit_coroutine
    async def asettle(self) -> None:
        """
        Come to rest, in an async test. Raises what the application raised.

        Needed before a call that awaits nothing, where it raises
        ``RuntimeError`` because the application is still working.
        """
        await self._kit.rest.wait()
        self._kit.errors.deliver()

    def background(self, function: object) -> Any:
        """
        Declare, for a ``with`` block, a thread job that is meant to wait.

        It takes the function or its dotted name. Such a job does not keep the
        application from being at rest.
        """
        return self._kit.background(function)

    def run_worker(self, *channels: str, alias: str = DEFAULT) -> RunningWorker:
        """
        Run the project's worker consumers for the length of a block.

        Takes the channels to serve, every routed one where none is given; the
        block is ``with`` in a sync and ``async with`` in an async test. Fails
        for a channel that is not routed, and at the end for a message that
        was sent to a channel nobody serves. An exception of a consumer is
        raised as that of any other.

        At its end the block waits for handlers as a receive would, and then
        ends the consumers.

        Example::

            class Mailer(AsyncConsumer):
                async def deliver(self, message):
                    mailed = {"type": "room.message", "content": message["to"]}
                    await self.channel_layer.group_send("room-1", mailed)

            ann = self.connect("/ws/room/1/")
            with apply_routes({"mails": Mailer.as_asgi()}), self.run_worker():
                Channel("mails").send({"type": "deliver", "to": "ann"})
            self.assertReceivesJson(ann, "ann")
        """
        return RunningWorker(self._kit, channels, alias)

    # Django's own, on the test's connection also in async tests.

    @classmethod
    def captureOnCommitCallbacks(
        cls, *, using: str = DEFAULT_DB_ALIAS, execute: bool = False
    ) -> counting.CommitCapture:
        """
        Capture ``on_commit()`` callbacks, by Django's rule, as a list.

        In an async test ``execute=True`` needs ``async with``; a plain
        ``with`` raises ``RuntimeError`` there.
        """
        return counting.CommitCapture(using, execute=execute)

    def assertNumQueries(
        self,
        num: int,
        func: Callable[..., Any] | None = None,
        *args: Any,
        using: str = DEFAULT_DB_ALIAS,
        **kwargs: Any,
    ) -> Any:
        """
        Count the queries on the test's connection, as Django does.

        Those of the application count, in async tests as well; those that the
        kit makes, for a login, do not.
        """
        if self._kit.is_async and func is None:
            return counting.QueryCount(self, num, self._kit.database[using])
        return super().assertNumQueries(num, func, *args, using=using, **kwargs)  # type: ignore[misc]


def _raise(error: BaseException) -> None:
    raise error
