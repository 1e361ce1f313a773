"""One test function, followed from its setup to its last finalizer."""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import TYPE_CHECKING, Any

from channels_testkit.engine import run_lookup

from . import lifespan, loops
from .database import HELPER
from .detection import MARK, says_so, uses_kit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from .early_use import EarlyUse
    from .function_run import FunctionRun

__unittest = True

_WOULD_OUTLIVE = (
    "This is made in {}, and would outlive the test: make it in a fixture of scope"
    " 'function', or in the test."
)
_BEFORE_RUNS = (
    "{}. A fixture comes before the runs of the examples of @given: make rows in a sync"
    " fixture, and do everything else in the test."
)
_WOULD_BE_SHARED = (
    "Each example of @given is a run of its own, and would share what this fixture"
    f" makes with the others: put @pytest.mark.{MARK} on the test, and make it there."
)


class FollowedTest:
    """
    A test function, and the run that it has, or may get.

    Where it is one of the kit, its run begins before its first fixture; else
    where something of the kit is made in it.
    """

    def __init__(self, item: pytest.Function) -> None:
        self.item = item
        self.run: FunctionRun | None = None
        #: What has kept its run from beginning.
        self.failure: BaseException | None = None
        is_of_kit = uses_kit(item)
        #: Whether each call of it, an example of Hypothesis, has a run.
        self.has_examples = is_of_kit and loops.hypothesis_of(item) is not None
        self.has_database = False
        self._is_pending = is_of_kit and not self.has_examples
        self._has_begun = False
        #: The fixtures of wider scopes that are being set up.
        self._wide: list[str] = []
        run_lookup.before_lookup.append(self._needed)
        self._early = None if self._is_pending else self._early_use()

    @property
    def is_run_by_kit(self) -> bool:
        """Whether it is a coroutine function that no plugin runs."""
        return (
            loops.is_async(self.item)
            and not loops.claimed_by(self.item)
            and says_so(self.item)
        )

    # Its beginning.

    def begin_if_pending(self) -> None:
        """Begin its run, if it has one that has not begun."""
        if self._is_pending:
            self._begin()

    def _begin(self) -> None:
        if self._has_begun:
            return
        from .function_run import FunctionRun

        self._has_begun = True
        # The last one of the function: loops that tests share go later.
        self.item.addfinalizer(self._leave)
        try:
            run = FunctionRun(self.item)
            run.begin()
        except BaseException as error:  # noqa: BLE001 - raised where pytest can tell it
            self.failure = error
        else:
            self.run = run

    def raise_failure(self) -> None:
        """Raise what has kept its run from beginning, if anything has."""
        __tracebackhide__ = True
        if self.failure is not None:
            raise self.failure

    def start_lifespan(self) -> None:
        """Start the application, if the test asks for that."""
        __tracebackhide__ = True
        if self.run is not None:
            with self.frames_hidden():
                self.run.start_lifespan()

    def _needed(self) -> None:
        """Begin where code has made something of the kit, or refuse it."""
        __tracebackhide__ = True
        if self._wide:
            raise RuntimeError(_WOULD_OUTLIVE.format(self._wide[-1]))
        if self.run is not None:
            return
        if self.has_examples:
            raise RuntimeError(_WOULD_BE_SHARED)
        warnings = [
            f"{it}: put @pytest.mark.{MARK} on the test, so that its run begins before."
            for it in self._end_of_early_use()
        ]
        self._begin()
        self.raise_failure()
        self._warn(warnings)

    def refuse_early_use(self) -> None:
        """Raise ``RuntimeError`` for what fixtures did before the examples."""
        __tracebackhide__ = True
        for found in self._end_of_early_use():
            raise RuntimeError(_BEFORE_RUNS.format(found))

    def _warn(self, texts: list[str]) -> None:
        if self.run is not None:
            for text in texts:
                for warning in self.run.run.warnings.warn(text):
                    raise warning

    def _early_use(self) -> EarlyUse | None:
        """Note what comes too early, where the kit is used at all."""
        if not self.has_examples and "channels_testkit.running.run" not in sys.modules:
            return None
        from .early_use import EarlyUse

        return EarlyUse()

    def _end_of_early_use(self) -> list[str]:
        early, self._early = self._early, None
        return early.end() if early is not None else []

    # Its call.

    def call_begins(self) -> contextlib.AbstractContextManager[None]:
        """Return what is entered while the test function is called."""
        __tracebackhide__ = True
        if self.run is not None:
            return self.run.call_begins()
        if not self.has_examples:
            return contextlib.nullcontext()
        self.refuse_early_use()
        from . import async_code

        return async_code.test_resumed_at_rest(self.item)

    # Its fixtures.

    @contextlib.contextmanager
    def fixture(self, fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
        """Be entered while a fixture of it is set up."""
        if fixturedef.scope != "function":
            self._wide.append(_in_words(fixturedef))
            try:
                yield
            finally:
                self._wide.pop()
            if loops.is_runner(fixturedef.argname):
                lifespan.end_with(fixturedef)
            return
        if not loops.BEFORE_THE_LOOP.fullmatch(fixturedef.argname):
            self.begin_if_pending()
        with self._function_replaced(fixturedef), self.frames_hidden():
            yield
        self._is_set_up(fixturedef)

    @contextlib.contextmanager
    def frames_hidden(self) -> Iterator[None]:
        """Hide frames of libraries in what a fixture raises."""
        try:
            yield
        except BaseException as error:
            if self.run is not None:
                self.run.hide_frames(error)
            raise

    @contextlib.contextmanager
    def _function_replaced(self, fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
        """Replace the function of a fixture, for a block."""
        replacement = self._replacement(fixturedef.func)
        if replacement is None:
            yield
            return
        of_fixture: Any = fixturedef
        real, of_fixture.func = fixturedef.func, replacement
        try:
            yield
        finally:
            of_fixture.func = real

    def _replacement(self, function: Callable[..., Any]) -> Any:
        if self.failure is not None:
            # pytest keeps what a fixture raises, and no exception of a hook.
            return functools.partial(_raise, self.failure)
        if self.run is None or not loops.is_async_function(function):
            return None
        from . import async_code

        return async_code.fixture_resumed_at_rest(
            function, is_run_by_kit=self.is_run_by_kit
        )

    def _is_set_up(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        if loops.is_runner(fixturedef.argname):
            lifespan.end_with(fixturedef)
            fixturedef.addfinalizer(self._leave)
        if fixturedef.argname == HELPER:
            self.has_database = True
            if self.run is not None:
                self.run.database_is_there()
                fixturedef.addfinalizer(self.run.let_go_of_database)

    # Its end.

    def _leave(self) -> None:
        if self.run is not None:
            self.run.leave()

    def end(self) -> list[BaseException]:
        """Take down its run; return the failures not reported so far."""
        if self._needed not in run_lookup.before_lookup:
            return []
        run_lookup.before_lookup.remove(self._needed)
        self._end_of_early_use()
        return [] if self.run is None else self.run.end()


def _in_words(fixturedef: pytest.FixtureDef[Any]) -> str:
    name = fixturedef.argname
    if name.startswith("_xunit_setup_"):
        return f"setup_{name.split('_')[3]}()"
    return f"the fixture {name!r} of scope {fixturedef.scope!r}"


def _raise(error: BaseException, **_: object) -> None:
    __tracebackhide__ = True
    raise error
