"""The run of one test function: where it begins, and how it ends."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from django.test import TestCase

from channels_testkit.assertions.counting import CommitCapture
from channels_testkit.engine import tracebacks
from channels_testkit.engine.commits import CommitsAsInProduction
from channels_testkit.engine.kept_open import TransactionsKeptOpen
from channels_testkit.engine.patches import Patch
from channels_testkit.engine.sync_calls import explain_sync_call
from channels_testkit.layers.captive_layers import CaptiveLayers
from channels_testkit.routing.apply_routes import routes_of
from channels_testkit.running.options import COMMIT_RULES, check_choice
from channels_testkit.running.wrong_calls import explain_wrong_call

from . import async_code, database, lifespan, loops
from .channels_test import ChannelsTest, settable
from .detection import BROWSERS
from .exploring import schedule_of
from .marks import marked_options
from .report import raise_first, seen_in

if TYPE_CHECKING:
    import pytest

__unittest = True


class FunctionRun:
    """
    The run of a test that is a function, with what only a function needs.

    It begins before the first fixture and ends after the last finalizer. What
    is open is closed when the function has returned, unless fixtures have
    opened some of it: they go on with it until the database or the loop goes.
    """

    def __init__(self, item: pytest.Function) -> None:
        self._item = item
        options = marked_options(item, settable(self._kind(item)))
        if schedule_of(item)[0]:
            options["use_virtual_time"] = True
        self.test = self._kind(item)(item, options)
        self.test.end_early = self.end_early
        self.test.start_lifespan = self.start_lifespan
        self.run = self.test.run
        self._seen: tuple[str, str] | None = None
        #: Failures besides the exception that the test has raised.
        self.more_failures: list[BaseException] = []
        self._failures: list[BaseException] = []
        self._around = contextlib.ExitStack()
        self._of_loop = contextlib.ExitStack()
        self._opened_before = self._is_interrupted = self._is_called = False
        #: How many things fixtures have opened.
        self._count_before = 0

    def _kind(self, item: pytest.Function) -> type[ChannelsTest]:
        if BROWSERS.isdisjoint(item.fixturenames):
            return ChannelsTest
        from .browser import BrowserTest

        return BrowserTest

    def begin(self) -> None:
        """Put everything in place; undo it all where a part of it fails."""
        check_choice(self.test, "channels_test", "on_commit_callbacks", COMMIT_RULES)
        check_choice(self.test, "channels_test", "run_lifespan", lifespan.CHOICES)
        with contextlib.ExitStack() as around:
            enter = around.enter_context
            enter(TransactionsKeptOpen())
            runs_none = self.test.on_commit_callbacks != "production"
            enter(CommitsAsInProduction(runs_none=runs_none))
            enter(Patch(TestCase, "captureOnCommitCallbacks", _CAPTURE))
            loop = self._of_loop.enter_context(loops.loop_of(self._item))
            around.push(self._of_loop)
            shared = lifespan.shared_by(self._item, self.test, loop)
            for routes in routes_of(self._item.cls):
                enter(routes)
            self.run.begin()
            around.callback(self.run.end)
            if loop is not None:
                lifespan.attach(self.run, self._item, loop)
                if shared is not None:
                    shared.join(self.run)
            elif self.test.use_virtual_time:
                # The wall clock stands still from here on.
                self.run.make_loop()
            self._around = around.pop_all()

    def start_lifespan(self) -> None:
        """Start the application, if the test asks for that and it has not."""
        wanted = self.run.lifespan.is_wanted and not self.run.lifespan.has_begun
        if not wanted or lifespan.is_of_server(self._item):
            return
        if database.HELPER in self._item.fixturenames:
            # Start-up may have queries.
            self._item._request.getfixturevalue(database.HELPER)  # noqa: SLF001 - as other plugins
        self.run.lifespan.start()

    def database_is_there(self) -> None:
        """Share the connections that pytest-django has prepared."""
        self.run.database.adopt(database.databases(self._item))
        if loops.is_async(self._item):
            self.run.database.find_in_coroutines()

    @property
    def seen(self) -> tuple[str, str]:
        """What had happened when the test failed, or so far; with a title."""
        return self._seen or seen_in(self.run)

    # The test itself.

    def call_begins(self) -> contextlib.AbstractContextManager[None]:
        """Return what is entered while the test function is called."""
        self._is_called = True
        self._opened_before = self.run.has_opened
        self._count_before = self.run.count_of_opened
        if not loops.is_async(self._item):
            # So that async_to_sync() in the test finds it.
            self.run.make_loop()
        return async_code.test_resumed_at_rest(self._item)

    def hide_frames(self, error: BaseException) -> None:
        """Hide frames of libraries in what a fixture raises."""
        explain_sync_call(error)
        explain_wrong_call(error)
        tracebacks.hide_kit_frames(error)

    def has_raised(self, error: BaseException) -> None:
        """Take note of what the test function has raised."""
        self._is_called = False
        self.run.note_raised(error)
        if isinstance(error, KeyboardInterrupt):
            # pytest ends the session, and calls the finalizers then.
            self._is_interrupted = True
            return
        _explain([error])
        self.test.has_failed(error)
        self._seen = seen_in(self.run)
        if not self._item.config.getoption("usepdb", default=False):
            # Else a debugger finds connections as they were.
            self.more_failures += self._close()

    def has_reported(self, error: BaseException) -> None:
        """Take note of what a part of the test has raised, as subtests do."""
        if self._is_called:
            self.run.note_raised(error)
            _explain([error])
        self.run.leave_diagram(error)

    def has_returned(self) -> None:
        """Tell what there is to tell when the test function has returned."""
        __tracebackhide__ = True
        self._is_called = False
        raise_first(_explain(self._close()), self.more_failures)

    def _close(self) -> list[BaseException]:
        if self._opened_before:
            # The fixtures that have opened something may go on with it.
            return self.run.close_newest(self._count_before)
        # Real ones have connections, which they keep until the end.
        is_captive = isinstance(self.run.layers_in_place, CaptiveLayers)
        return self.run.close(judges=is_captive)

    # Its end.

    def end_early(self) -> None:
        """End connections, workers and tasks, before what they need goes."""
        if not self._is_interrupted:
            self._failures += self.run.close(judges=False)

    def let_go_of_database(self) -> None:
        """End them before the rows are gone."""
        self.end_early()
        self.run.database.let_go()

    def leave(self) -> None:
        """End them before the loop is closed, and leave it."""
        try:
            self._failures += self.run.leave()
        except KeyboardInterrupt:
            # A task of the application may have kept the first one.
            if not self._is_interrupted:
                raise
        self._of_loop.close()

    def end(self) -> list[BaseException]:
        """Take down the rest; return the failures not reported so far."""
        try:
            self.leave()
        finally:
            self._around.close()
        failures, self._failures = self._failures, []
        return [] if self._is_interrupted else _explain(failures)


def _explain(failures: list[BaseException]) -> list[BaseException]:
    """Add explanations to failures; return them."""
    for error in failures:
        database.explain_refusal(error)
    return failures


@classmethod  # type: ignore[misc]
def _capture(
    cls: type[TestCase], *, using: str = "default", execute: bool = False
) -> CommitCapture:
    """Capture ``on_commit()`` callbacks by Django's rule, also if async."""
    del cls
    return CommitCapture(using, execute=execute)


_CAPTURE: Any = _capture
