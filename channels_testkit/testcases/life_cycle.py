"""
What happens around a test, in which order.

``setUp``, ``asyncSetUp``, test, ``asyncTearDown``, ``tearDown``, clean-ups:
each may be async, and all share one loop. The kit begins before ``setUp`` and
ends after the last clean-up.
"""

from __future__ import annotations

import contextlib
import functools
import unittest
from typing import TYPE_CHECKING, Any

from asgiref.sync import AsyncToSync
from django.db import DEFAULT_DB_ALIAS
from django.test import TestCase

from channels_testkit.assertions.counting import QueryCount
from channels_testkit.assertions.methods import ChannelMethods
from channels_testkit.engine.commits import CommitsAsInProduction
from channels_testkit.engine.kept_open import TransactionsKeptOpen
from channels_testkit.engine.tracebacks import hide_kit_frames
from channels_testkit.engine.transactions import (
    end_if_open,
    renew_if_lost,
    transactions_kept,
)
from channels_testkit.layers.captive_layers import CaptiveLayers
from channels_testkit.running.options import (
    COMMIT_RULES,
    check_choice,
    check_options,
)
from channels_testkit.running.run import TestRun

from .exploring import exploration_of_case, explore
from .lifespan import CHOICES, ClassLifespan, check_application_of_class
from .options import OptionsOfCase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from channels_testkit.engine.schedules import Schedule
    from channels_testkit.running.options import CommitRule


__unittest = True


class _Done:
    """What sync hooks return, so that ``await super().setUp()`` works."""

    def __await__(self) -> Any:
        return iter(())


_DONE = _Done()


class ChannelTestMixin(ChannelMethods):
    """
    What ``ChannelTestCase`` adds to a Django test case.

    Put it before any other test case class, such as djangorestframework's::

        class RoomTests(ChannelTestMixin, APITestCase): ...
    """

    #: When ``on_commit()`` callbacks run: as in ``"production"``, or, by the
    #: rule of Django's ``TestCase``, never: ``"django"``.
    on_commit_callbacks: CommitRule = "production"

    _kit_run: TestRun | None = None
    _kit_schedule: Schedule | None = None
    _kit_is_explored = False
    _kit_sends_overlap = False
    _kit_lifespan: ClassLifespan | None = None
    _names_before_run: frozenset[str] = frozenset()
    _kit_raised: Sequence[BaseException] = ()

    @property
    def _kit(self) -> TestRun:
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
        check_choice(cls, cls.__name__, "run_lifespan", CHOICES)
        check_options(cls, cls.__name__)
        check_choice(cls, cls.__name__, "on_commit_callbacks", COMMIT_RULES)
        enter: Any = cls.enterClassContext  # type: ignore[attr-defined]
        enter(TransactionsKeptOpen())
        runs_none = cls.on_commit_callbacks != "production"
        enter(CommitsAsInProduction(runs_none=runs_none))
        # An override of the class's own may bring an alias in later.
        enter(
            CaptiveLayers(
                cls.test_channel_aliases,
                strict=cls.strict_messages,
                missing_ok=True,
            )
        )
        kept: Iterable[str] = ()
        if issubclass(cls, TestCase):
            kept = cls._validate_databases()  # type: ignore[attr-defined]
        with transactions_kept(kept):
            super().setUpClass()  # type: ignore[misc]
        cls.addClassCleanup(end_if_open, cls)  # type: ignore[attr-defined]
        if cls.run_lifespan == "class":
            check_application_of_class(cls)
            cls._kit_start_lifespan()

    @classmethod
    def tearDownClass(cls) -> None:
        """Shut down what the class has started, before the rollback."""
        try:
            cls._kit_end_lifespan()
        finally:
            super().tearDownClass()  # type: ignore[misc]

    @classmethod
    def _kit_start_lifespan(cls) -> None:
        # Where no tearDownClass() is called, or it forgets super().
        cls.addClassCleanup(cls._kit_end_lifespan)  # type: ignore[attr-defined]
        cls._kit_lifespan = ClassLifespan(cls)

    @classmethod
    def _kit_end_lifespan(cls) -> None:
        lifespan, cls._kit_lifespan = cls._kit_lifespan, None
        if lifespan is not None:
            lifespan.end()

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
        run = TestRun(self._kit_options(), add_cleanup=self.addCleanup)  # type: ignore[attr-defined]
        run.begin()
        self._kit_run, self._kit_raised = run, run.raised
        if self._kit_lifespan is not None:
            self._kit_lifespan.join(run, is_explored=self._kit_is_explored)
        self._kit_run_begins(run)
        if self.use_virtual_time:
            # The wall clock stands still from here on.
            run.make_loop()
        if self.run_lifespan:
            run.call_test_code(run.lifespan.start)
        run.call_test_code(self.setUp)
        if type(self).asyncSetUp is not ChannelTestMixin.asyncSetUp:
            run.call_test_code(self.asyncSetUp)

    def _kit_options(self) -> OptionsOfCase:
        return OptionsOfCase(self)

    def _kit_run_begins(self, run: TestRun) -> None:
        """Add what a kind of test case has in use while its tests run."""

    def _callTestMethod(self, method: Callable[[], Any]) -> None:
        if isinstance(method, AsyncToSync):
            # Django has wrapped an async method: its own loop is not wanted.
            method = method.awaitable
        # unittest complains of a test that returns something: a generator,
        # for instance, of which nothing has run.
        test = functools.partial(self._kit.call_test_code, method)
        super()._callTestMethod(test)  # type: ignore[misc]

    def _callTearDown(self) -> None:
        try:
            if type(self).asyncTearDown is not ChannelTestMixin.asyncTearDown:
                self._kit.call_test_code(self.asyncTearDown)
        finally:
            self._kit.call_test_code(self.tearDown)

    def _callCleanup(
        self, function: Callable[..., Any], /, *args: Any, **options: Any
    ) -> None:
        if self._kit_run is None:
            function(*args, **options)
        else:
            self._kit_run.call_clean_up(function, *args, **options)

    def _end_run(self) -> None:
        run, self._kit_run = self._kit_run, None
        failures = run.end() if run else []
        self._kit_raised = [*self._kit_raised, *failures]
        # The first to be reported is the last one added.
        for error in reversed(failures):
            self.addCleanup(_raise, error)  # type: ignore[attr-defined]

    def _fixture_teardown(self) -> None:
        try:
            super()._fixture_teardown()  # type: ignore[misc]
        finally:
            renew_if_lost(type(self))

    def __call__(self, result: unittest.TestResult | None = None) -> Any:
        """Run the test, under many schedules where it is explored."""
        exploration = None if self._kit_is_explored else exploration_of_case(self)
        if exploration is None or result is None:
            return super().__call__(result)  # type: ignore[misc]
        return explore(self, exploration, result)

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
            self._hide_kit_frames()

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

    def _hide_kit_frames(self) -> None:
        """Hide those that lead to unittest, which ``--parallel`` shows."""
        raised, self._kit_raised = self._kit_raised, ()
        for error in raised:
            hide_kit_frames(error)

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

    @contextlib.contextmanager
    def subTest(self, *args: Any, **params: Any) -> Iterator[None]:
        """Run a block as a test of its own, as unittest does."""
        with super().subTest(*args, **params):  # type: ignore[misc]
            try:
                yield
            except BaseException as error:
                self._kit.note_raised(error)
                raise

    # Django's own, on the test's connection also in async tests.

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
            return QueryCount(self, num, self._kit.database[using])
        return super().assertNumQueries(num, func, *args, using=using, **kwargs)  # type: ignore[misc]


def _raise(error: BaseException) -> None:
    raise error
