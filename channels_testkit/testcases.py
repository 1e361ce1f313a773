"""
The test cases: what happens around a test, in which order.

``setUp``, ``asyncSetUp``, test, ``asyncTearDown``, ``tearDown``, clean-ups:
each may be async, and all share one loop. The kit begins before ``setUp`` and
ends after the last clean-up.
"""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS
from django.test import SimpleTestCase, TestCase, TransactionTestCase

from . import counting
from .assertions import LayerAssertions
from .captivity import CaptiveLayers
from .engine import database
from .policies import check_policies
from .run import TestRun
from .surroundings import kit_coroutine
from .websocket_methods import WebsocketMethods

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .engine.application import ASGIApplication

__unittest = True


class _Done:
    """What sync hooks return, so that ``await super().setUp()`` works."""

    def __await__(self) -> Any:
        return iter(())


_DONE = _Done()


class ChannelTestMixin(LayerAssertions):
    """
    What ``ChannelTestCase`` adds to a Django test case.

    Put it before any other test case class, such as djangorestframework's::

        class RoomTests(ChannelTestMixin, APITestCase): ...
    """

    #: The aliases of CHANNEL_LAYERS that are captured.
    test_channel_aliases: str | Collection[str] = "__all__"
    #: Whether messages must survive what a real layer does to them.
    strict_messages: bool = True
    #: "production", or "django" for Django's own rule.
    on_commit_callbacks: str = "production"
    #: The ASGI application, if it is not that of the settings.
    application: Any = None

    #: Each is "fail", "warn" or "off".
    application_errors: str = "fail"
    check_protocol: str | Collection[str] = "fail"
    check_dropped: str = "fail"
    check_leaks: str = "warn"
    check_unread: str = "off"

    #: Seconds of real time that a call may take, or None for no bound.
    hang_timeout: float | None = 30.0
    #: Seconds that a receive waits where waiting makes sense.
    receive_timeout: float = 1.0
    #: Thread jobs that are meant to wait: dotted names or functions.
    background_jobs: Collection[object] = ()

    _kit: TestRun

    # The class.

    @classmethod
    def setUpClass(cls) -> None:
        """Capture the layers, and run on_commit() as in production."""
        check_policies(cls)
        enter: Any = cls.enterClassContext  # type: ignore[attr-defined]
        enter(database.test_transactions_kept_open())
        if cls.on_commit_callbacks == "production":
            enter(database.CommitsAsInProduction())
        enter(cls.captive_layers())
        super().setUpClass()  # type: ignore[misc]

    @classmethod
    def captive_layers(cls) -> CaptiveLayers:
        """Return fresh captive layers for the class's aliases."""
        return CaptiveLayers(cls.test_channel_aliases, strict=cls.strict_messages)

    def get_application(self) -> ASGIApplication | None:
        """Return the class's application, or None for that of the settings."""
        application = vars(type(self)).get("application") or next(
            (
                vars(parent)["application"]
                for parent in type(self).__mro__
                if vars(parent).get("application") is not None
            ),
            None,
        )
        application = vars(self).get("application", application)
        return getattr(application, "__func__", application)

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
        result = await type(manager).__aenter__(manager)
        self.addAsyncCleanup(type(manager).__aexit__, manager, None, None, None)
        return result

    def _callSetUp(self) -> None:
        # First, so that it is the last of the clean-ups.
        self.addCleanup(self._end_run)  # type: ignore[attr-defined]
        run = TestRun(self)
        run.begin()
        self._kit = run
        run.call_of_author(self.setUp)
        if type(self).asyncSetUp is not ChannelTestMixin.asyncSetUp:
            run.call_of_author(self.asyncSetUp)

    def _callTestMethod(self, method: Callable[[], Any]) -> None:
        self._kit.call_of_author(method)

    def _callTearDown(self) -> None:
        if type(self).asyncTearDown is not ChannelTestMixin.asyncTearDown:
            self._kit.call_of_author(self.asyncTearDown)
        self._kit.call_of_author(self.tearDown)

    def _callCleanup(
        self, function: Callable[..., Any], /, *args: Any, **options: Any
    ) -> None:
        if "_kit" in vars(self):
            self._kit.call_of_author(function, *args, **options)
        else:
            function(*args, **options)

    def _end_run(self) -> None:
        run: TestRun | None = vars(self).pop("_kit", None)
        if run is None:
            return
        for error in run.end():
            self.addCleanup(_raise, error)  # type: ignore[attr-defined]

    def run(self, result: unittest.TestResult | None = None) -> Any:
        """Run the test; leave nothing in place whatever stops it."""
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
        run: TestRun | None = vars(self).pop("_kit", None)
        if run is not None:
            run.end()

    # Coming to rest.

    def settle(self) -> None:
        """
        Come to rest: return when the application has done all that it can.

        Raises what the application raised meanwhile, and ``RuntimeError`` in an
        async test.
        """
        self._kit.refuse_in_async_test("self.asettle")
        self._kit.observe()

    @kit_coroutine
    async def asettle(self) -> None:
        """Come to rest, in an async test."""
        await self._kit.rest.wait()
        self._kit.errors.deliver()

    def background(self, function: object) -> Any:
        """
        Declare, for a ``with`` block, a thread job that is meant to wait.

        It takes the function or its dotted name. Such a job does not keep the
        application from being at rest.
        """
        return self._kit.background(function)

    # Django's own, on the test's connection also in async tests.

    @classmethod
    def captureOnCommitCallbacks(
        cls, *, using: str = DEFAULT_DB_ALIAS, execute: bool = False
    ) -> counting.CommitCapture:
        """
        Capture ``on_commit()`` callbacks, by Django's rule, as a list.

        In an async test ``execute=True`` needs ``async with``; a plain ``with``
        raises ``RuntimeError`` there.
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
        """Count the queries on the test's connection, as Django does."""
        if self._kit.is_async and func is None:
            return counting.QueryCount(self, num, self._kit.database[using])
        return super().assertNumQueries(num, func, *args, using=using, **kwargs)  # type: ignore[misc]


def _raise(error: BaseException) -> None:
    raise error


class WebsocketTestMixin(WebsocketMethods, ChannelTestMixin):
    """What ``WebsocketTestCase`` adds to a Django test case."""


class ChannelTestCase(ChannelTestMixin, TestCase):
    """
    Django's ``TestCase`` with captive channel layers.

    Each test has fresh layers, one loop, and one transaction that the
    application shares.

    Example::

        Group("lobby").send({"type": "chat.message", "text": "hello"})
        self.assertGroupSent("lobby", {"text": "hello"}, partial=True)
    """


class TransactionChannelTestCase(ChannelTestMixin, TransactionTestCase):
    """Django's ``TransactionTestCase`` with captive channel layers."""


class SimpleChannelTestCase(ChannelTestMixin, SimpleTestCase):
    """Django's ``SimpleTestCase`` with captive channel layers."""


class WebsocketTestCase(WebsocketTestMixin, TestCase):
    """
    ``ChannelTestCase`` with WebSocket connections to the application.

    Example::

        ann, ben = self.connect("/ws/room/1/"), self.connect("/ws/room/1/")
        ann.send_json({"message": "hello"})
        self.assertReceivesJson(ben, {"message": "hello"})
    """


class TransactionWebsocketTestCase(WebsocketTestMixin, TransactionTestCase):
    """``TransactionChannelTestCase`` with WebSocket connections."""


class SimpleWebsocketTestCase(WebsocketTestMixin, SimpleTestCase):
    """``SimpleChannelTestCase`` with WebSocket connections."""
