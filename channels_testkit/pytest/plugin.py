"""
The pytest plugin: a test function is what a method of a test case is.

It imports Django only where a test uses the kit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .detection import AUTO, MARK, is_explored, is_function
from .fixtures import (
    _channels_browsers,
    aws_connect,
    channel_layer,
    channels_browser,
    channels_live_server,
    channels_rollback_browser,
    channels_rollback_live_server,
    channels_test,
    redis_layer,
    ws_connect,
)
from .followed_test import FollowedTest
from .report import add_sections, raise_both, raise_first

if TYPE_CHECKING:
    from collections.abc import Generator


__all__ = (
    "_channels_browsers",
    "aws_connect",
    "channel_layer",
    "channels_browser",
    "channels_live_server",
    "channels_rollback_browser",
    "channels_rollback_live_server",
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
        self._test: FollowedTest | None = None

    def _followed(self, item: pytest.Item) -> FollowedTest | None:
        is_it = self._test is not None and self._test.item is item
        return self._test if is_it else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        """Run a test under many schedules, where it is marked so."""
        if not (isinstance(item, pytest.Function) and is_function(item)):
            return None
        if not is_explored(item):
            return None
        from .exploring import exploration_of_item, explore

        exploration = exploration_of_item(item)
        if exploration is None:
            return None
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in explore(item, nextitem, exploration):
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    # The phases of one test.

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Have the run begin before the first fixture of the function."""
        __tracebackhide__ = True
        is_planned = item.config.getoption("setupplan", default=False)
        if not (isinstance(item, pytest.Function) and is_function(item)) or is_planned:
            return (yield)
        test = self._test = FollowedTest(item)
        result = yield
        test.begin_if_pending()
        test.raise_failure()
        test.start_lifespan()
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Run the test, and report what was not reported."""
        __tracebackhide__ = True
        test = self._followed(item)
        if test is None:
            return (yield)
        with test.call_begins():
            try:
                result = yield
            except BaseException as error:
                if test.run is not None:
                    test.run.has_raised(error)
                raise
        if test.run is not None and not test.has_examples:
            test.run.has_returned()
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True, specname="pytest_pyfunc_call")
    def pytest_pyfunc_call_of_examples(
        self, pyfuncitem: pytest.Function
    ) -> Generator[None, Any, Any]:
        """Make each example of a test with ``@given`` a run of its own."""
        __tracebackhide__ = True
        test = self._followed(pyfuncitem)
        if test is None or not test.has_examples:
            return (yield)
        from .examples import examples_run

        with examples_run(test):
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Run a coroutine function that no other plugin runs."""
        test = self._followed(pyfuncitem)
        if test is None or test.run is None or test.has_examples:
            return None
        if not test.is_run_by_kit:
            return None
        names = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001 - as other plugins
        given = {name: pyfuncitem.funcargs[name] for name in names}
        test.run.run.call_test_code(pyfuncitem.obj, **given)
        return True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """End the run after the last finalizer."""
        __tracebackhide__ = True
        test = self._followed(item)
        if test is None:
            return (yield)
        try:
            with test.frames_hidden():
                result = yield
        except Exception as error:  # noqa: BLE001 - raised with the others
            raise_both(error, test.end())
        failures = test.end()
        if test.run is not None:
            raise_first(failures, test.run.more_failures)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, Any, Any]:
        """End the run of a test that an interrupt has left without its end."""
        try:
            return (yield)
        finally:
            if self._test is not None:
                self._test.end()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Show what has crossed the test's connections, where it failed."""
        test = self._followed(item)
        if call.excinfo is not None and test is not None and test.run is not None:
            test.run.has_reported(call.excinfo.value)
        report = yield
        if report.when == "teardown":
            self._test = None
        if report.failed and test is not None and test.run is not None:
            run = test.run
            add_sections(report, seen=run.seen, more_failures=run.more_failures)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any]
    ) -> Generator[None, Any, Any]:
        """Begin before the first fixture of the function."""
        __tracebackhide__ = True
        if self._test is None:
            return (yield)
        with self._test.fixture(fixturedef):
            return (yield)
