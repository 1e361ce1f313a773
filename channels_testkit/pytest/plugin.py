"""
The pytest plugin: a test function is what a method of a test case is.

It imports Django only where a test uses the kit.
"""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

import pytest

from channels_testkit.engine import needs

from . import loops
from .database import HELPER
from .fixtures import (
    _channels_browsers,
    aws_connect,
    channel_layer,
    channels_browser,
    channels_live_server,
    channels_test,
    redis_layer,
    ws_connect,
)
from .report import add_sections
from .signs import AUTO, MARK, is_function, says_so, uses_kit

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from .function_run import FunctionRun

__all__ = (
    "_channels_browsers",
    "aws_connect",
    "channel_layer",
    "channels_browser",
    "channels_live_server",
    "channels_test",
    "redis_layer",
    "ws_connect",
)

__unittest = True


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option by which every test function is a test of the kit."""
    parser.addini(AUTO, "Make every test function a test of channels_testkit.", "bool")


def pytest_configure(config: pytest.Config) -> None:
    """Describe the mark, and follow the tests."""
    config.addinivalue_line(
        "markers",
        f"{MARK}(**options): make a function a test of channels_testkit; options are"
        " what a WebsocketTestCase sets as attributes of its class.",
    )
    config.pluginmanager.register(FunctionRuns(), "channels_testkit runs")


class FunctionRuns:
    """Begins and ends the run of each test function that is one of the kit."""

    def __init__(self) -> None:
        self._item: pytest.Function | None = None
        self._run: FunctionRun | None = None
        self._is_pending = self._has_examples = self._has_database = False
        #: What has kept the run of the test from beginning.
        self._failure: BaseException | None = None
        #: The fixtures of wider scopes that are being set up.
        self._wide: list[str] = []

    # The phases of one test.

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Have the run begin before the first fixture of the function."""
        __tracebackhide__ = True
        if isinstance(item, pytest.Function) and is_function(item):
            self._follow_item(item)
        result = yield
        self._begin_if_pending()
        if self._failure is not None:
            raise self._failure
        return result

    def _follow_item(self, item: pytest.Function) -> None:
        self._item, self._is_pending = item, uses_kit(item)
        self._has_database = self._has_examples = False
        self._failure = None
        needs.asked.append(self._needed)
        if self._is_pending and loops.hypothesis_of(item) is not None:
            self._is_pending, self._has_examples = False, True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Run the test, and tell what it has not been told."""
        __tracebackhide__ = True
        run = self._run
        if item is not self._item or (run is None and not self._has_examples):
            return (yield)
        if run is None:
            from . import async_code

            with async_code.test_taught(self._item):
                return (yield)
        with run.call_begins():
            try:
                result = yield
            except BaseException as error:
                run.has_raised(error)
                raise
        run.has_returned()
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True, specname="pytest_pyfunc_call")
    def pytest_pyfunc_call_of_examples(
        self, pyfuncitem: pytest.Function
    ) -> Generator[None, Any, Any]:
        """Make each example of a test with ``@given`` a run of its own."""
        __tracebackhide__ = True
        if pyfuncitem is not self._item or not self._has_examples:
            return (yield)
        from .examples import examples_run

        def follow(run: FunctionRun) -> None:
            self._run = run

        has_database = self._has_database
        with examples_run(pyfuncitem, has_database=has_database, on_run=follow):
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Run a coroutine function that no other plugin runs."""
        if self._has_examples:
            return None
        if self._run is None or not self._is_run_by_kit(pyfuncitem):
            return None
        names = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001 - as other plugins
        given = {name: pyfuncitem.funcargs[name] for name in names}
        self._run.run.call_test_code(pyfuncitem.obj, **given)
        return True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """End the run after the last finalizer."""
        __tracebackhide__ = True
        try:
            result = yield
        except BaseException:
            with contextlib.suppress(Exception):
                self._end(item)
            raise
        self._end(item)
        return result

    def _end(self, item: pytest.Item) -> None:
        __tracebackhide__ = True
        if item is not self._item:
            return
        needs.asked.remove(self._needed)
        self._failure = None
        run, self._run = self._run, None
        self._item, self._is_pending = None, False
        if run is not None:
            run.end()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Show what has crossed the test's connections, where it failed."""
        report = yield
        if report.failed and self._run is not None and item is self._item:
            run = self._run
            add_sections(report, seen=run.seen, also_told=run.also_told)
        return report

    # Fixtures.

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any]
    ) -> Generator[None, Any, Any]:
        """Begin before the first fixture of the function."""
        __tracebackhide__ = True
        if self._item is None:
            return (yield)
        if fixturedef.scope != "function":
            with self._wide_one(fixturedef):
                return (yield)
        if not loops.BEFORE_THE_LOOP.fullmatch(fixturedef.argname):
            self._begin_if_pending()
        with self._taught(fixturedef):
            result = yield
        self._follow(fixturedef)
        return result

    @contextlib.contextmanager
    def _wide_one(self, fixturedef: pytest.FixtureDef[Any]) -> Any:
        self._wide.append(f"{fixturedef.argname!r} of scope {fixturedef.scope!r}")
        try:
            yield
        finally:
            self._wide.pop()

    @contextlib.contextmanager
    def _taught(self, fixturedef: pytest.FixtureDef[Any]) -> Any:
        taught = self._taught_function(fixturedef.func)
        if taught is None:
            yield
            return
        of_fixture: Any = fixturedef
        real, of_fixture.func = fixturedef.func, taught
        try:
            yield
        finally:
            of_fixture.func = real

    def _taught_function(self, function: Callable[..., Any]) -> Any:
        """Return what stands for a fixture function, if anything does."""
        if self._failure is not None:
            # pytest keeps what a fixture raises, and no exception of a hook.
            return functools.partial(_raise, self._failure)
        if self._run is None or not loops.is_async_function(function):
            return None
        from . import async_code

        by_kit = self._is_run_by_kit(self._item)
        return async_code.fixture_taught(function, is_run_by_kit=by_kit)

    def _follow(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        if loops.is_runner(fixturedef.argname):
            fixturedef.addfinalizer(self._leave)
        if fixturedef.argname == HELPER:
            self._has_database = True
            if self._run is not None:
                self._run.database_is_there()
                fixturedef.addfinalizer(self._run.let_go_of_database)

    def _leave(self) -> None:
        if self._run is not None:
            self._run.leave()

    def _is_run_by_kit(self, item: pytest.Function | None) -> bool:
        return (
            item is not None
            and loops.is_async(item)
            and not loops.claimed_by(item)
            and says_so(item)
        )

    # The beginning.

    def _needed(self) -> None:
        """Begin where code has made something of the kit, or refuse it."""
        if self._wide:
            raise RuntimeError(
                f"This is made in the fixture {self._wide[-1]}, and would outlive the"
                " test: make it in a fixture of scope 'function', or in the test."
            )
        if self._has_examples and self._run is None:
            raise RuntimeError(
                "The examples of @given would share what a fixture makes of"
                " channels_testkit, and each is a run of its own: put"
                f" @pytest.mark.{MARK} on the test, and make it there."
            )
        if self._item is not None and self._run is None:
            self._is_pending = True
            self._begin_if_pending()
            if self._failure is not None:
                raise self._failure

    def _begin_if_pending(self) -> None:
        if not self._is_pending or self._item is None:
            return
        from .function_run import FunctionRun

        self._is_pending = False
        # The last one of the function: loops that tests share go later.
        self._item.addfinalizer(self._leave)
        try:
            run = FunctionRun(self._item)
            run.begin()
        except BaseException as error:  # noqa: BLE001 - raised where pytest can tell it
            self._failure = error
        else:
            self._run = run


def _raise(error: BaseException, **_: object) -> None:
    __tracebackhide__ = True
    raise error
