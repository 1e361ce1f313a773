"""Everything that one test has in use, and how it is given back."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any, TypeVar, cast

from channels_testkit.asgi.old_connections import old_connections_kept
from channels_testkit.engine import private_asgiref
from channels_testkit.engine.database import TestConnections
from channels_testkit.engine.new_objects import MadeSince, kept_young
from channels_testkit.engine.notes import add_note
from channels_testkit.engine.numbers import next_number
from channels_testkit.engine.run_lookup import before_lookup
from channels_testkit.exceptions import NoFrame
from channels_testkit.routing.application import configured_application
from channels_testkit.routing.apply_routes import applied_application
from channels_testkit.routing.origins import allowed_hosts_of_the_test

from . import leftovers
from .clean_ups import CleanUps
from .kit_calls import UnawaitedCalls, unawaited
from .layers_of_run import layers_of
from .never_awaited import let_go_of_unawaited
from .opened import AllOpened
from .requests import followed_requests
from .revocation import LoopThatLooks
from .silent_failures import SilentFailures
from .teardown import closing, go_through, leaving
from .warnings_of_run import TestWarnings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from channels_testkit.asgi.application import ASGIApplication

    from .options import RunOptions

T = TypeVar("T")

__unittest = True

_runs: list[TestRun] = []


def in_place() -> TestRun | None:
    """Return the run that is in place, if one is; none begins for that."""
    return _runs[-1] if _runs else None


def current() -> TestRun | None:
    """Return the running test's, or None where no test of the kit runs."""
    __tracebackhide__ = True
    for call in tuple(before_lookup):
        call()
    return in_place()


def required(what: str) -> TestRun:
    """Return the running test's, or raise ``RuntimeError``."""
    __tracebackhide__ = True
    run = current()
    if run is None:
        raise RuntimeError(
            f"{what} works while a ChannelTestCase or WebsocketTestCase test runs: make"
            " it in setUp() or in the test, not in a module, setUpClass() or"
            " setUpTestData(). Any other TestCase needs ChannelTestMixin before it."
        )
    return run


class TestRun(LoopThatLooks):
    """
    What one test has in use: its loop, layers, connections and database.

    ``begin()`` puts it in place, ``end()`` takes it down and returns the
    failures that it has found. What is opened in between registers with it.

    ``add_cleanup`` gets functions to call before the test ends, as
    ``addCleanup()`` of a test case does; without it the run calls them.

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
        super().__init__(options)
        self.warnings = TestWarnings(options)
        self.errors.warn = self.warnings.warn
        self._clean_ups = CleanUps(self.call_clean_up)
        #: Does something before the test ends, the last one added first.
        self.add_cleanup = add_cleanup or self._clean_ups.add
        #: What is closed when the test ends.
        self.opened = AllOpened(self)
        self.unawaited = UnawaitedCalls(self.refuse_in_child)
        #: Each says if a block of the test was never entered, or nothing.
        self.unentered: list[Callable[[], str]] = []
        self.silent = SilentFailures(self.errors)
        self.database = TestConnections(
            options.databases,
            can_close=options.commits,
            on_error=self.errors.record,
        )
        #: What is undone when the test has ended.
        self.in_place = contextlib.ExitStack()
        self._made_once: dict[object, Any] = {}
        #: What the watches have found and reported.
        self._found: set[str] = set()
        #: When it was last looked for dropped messages.
        self._looked_at = 0
        self._state = "new"
        #: What tasks of the test had raised when it failed.
        self._raised_before: list[BaseException] = []

    def begin(self) -> None:
        """Put everything in place; undo it all where a part of it fails."""
        if self._state != "new":
            raise RuntimeError(f"begin() on a run that has {self._state}.")
        self.options.check()
        with contextlib.ExitStack() as in_place:
            # First of all: it may let go of what another test has left.
            in_place.enter_context(kept_young())
            layers = layers_of(self.options, self, clock=self.time.now)
            self.layers_in_place = in_place.enter_context(layers)
            self.layers = self.layers_in_place.layers
            in_place.enter_context(self.recording)
            in_place.enter_context(self.database)
            if not self.options.commits:
                in_place.enter_context(old_connections_kept())
            in_place.enter_context(allowed_hosts_of_the_test())
            in_place.enter_context(private_asgiref.lanes_of_contexts())
            in_place.enter_context(self._before.given_loops)
            in_place.enter_context(self.silent.in_place())
            in_place.enter_context(self.made_on_demand())
            _runs.append(self)
            in_place.callback(_runs.remove, self)
            unawaited.append(self.unawaited)
            in_place.callback(unawaited.remove, self.unawaited)
            in_place.enter_context(followed_requests(self))
            self.in_place = in_place.pop_all()
        self._since = MadeSince()
        self.errors.look_closely = self._look_closely
        self._state = "begun"

    def close(self, *, judges: bool = True) -> list[BaseException]:
        """
        Close what is open now; return the failures not reported so far.

        The test goes on: what is opened afterwards is closed by ``leave()``.
        Unless it ``judges``, ``leave()`` reports what is left, but not what
        was dropped.
        """
        if self._state != "begun":
            return []
        judging = [self.find_leftovers, self.find_kept, self.undelivered_errors]
        failures = go_through(
            self, closing(self) + (judging if judges else [self.find_dropped])
        )
        self._is_reporting = False
        return failures

    @property
    def count_of_opened(self) -> int:
        """How many things there are to close."""
        return len(self._clean_ups)

    def close_newest(self, kept: int) -> list[BaseException]:
        """Close all but the first ones; return failures, as ``close()``."""
        if self._state != "begun":
            return []
        steps = (
            functools.partial(self.clean_up, kept),
            self.come_to_rest,
            self.undelivered_errors,
            self.unawaited_errors,
        )
        failures = go_through(self, steps)
        self._is_reporting = False
        return failures

    def leave(self) -> list[BaseException]:
        """
        Close what is open and leave the loop; return failures, as ``close()``.

        Layers, settings and watches stay until ``end()``.
        """
        if self._state != "begun":
            return []
        self._state = "left"
        failures = go_through(self, leaving(self))
        self.has_left = True
        return failures

    def end(self) -> list[BaseException]:
        """
        Take everything down; return the failures not reported so far.

        Does nothing where the run has not begun, or has ended.
        """
        if self._state in {"new", "ended"}:
            return []
        try:
            return self.leave()
        finally:
            self._state = "ended"
            self.restore()

    # The steps of its end; teardown.py has their order.

    def clean_up(self, kept: int = 0) -> Iterator[BaseException]:
        """Do what was to be done before the test ends, the last one first."""
        yield from self._clean_ups.do(kept)
        self._is_reporting = True

    def close_opened(self) -> Iterable[BaseException]:
        """Disconnect clients, end applications and workers, come to rest."""
        self.opened.close_all()
        self.opened.close_last()
        return self.come_to_rest()

    def come_to_rest(self) -> Iterable[BaseException]:
        """Let failures after the last clean-up be reported as well."""
        if self._bridge is not None:
            self._bridge.settle()
        return ()

    def close_outside(self) -> Iterable[BaseException]:
        """End what acts on the test from outside of its loop."""
        self.outside.close()
        return ()

    def end_lifespan(self) -> Iterable[BaseException]:
        """Shut the lifespan down, for nothing makes use of it any more."""
        self.lifespan.end()
        return ()

    def undelivered_errors(self) -> Iterable[BaseException]:
        """Return exceptions of the application that no call has raised."""
        return self.errors.take_pending()

    def unawaited_errors(self) -> Iterable[BaseException]:
        """Return exceptions of the test's own tasks that were not awaited."""
        before, self._raised_before = self._raised_before, []
        found = [it for it in before if not any(it is other for other in self.raised)]
        if self._bridge is not None:
            failures = self._bridge.rest.own_failures.take()
            found += [it for it in failures if not self._follows_from_another(it)]
        return found

    def _follows_from_another(self, error: BaseException) -> bool:
        """Tell whether an earlier failure of the test has led to this one."""
        if isinstance(error, NoFrame):
            # What still received when the test failed gets nothing any more.
            return self.was_cut_short
        # An exit has been taken for one of the application.
        return isinstance(error, SystemExit) and self.errors.knows(error)

    def note_raised(self, error: BaseException) -> None:
        """Take note of it; a forgotten ``await`` may be behind it."""
        if self.failure is None and self.fails_the_test(error):
            self._raised_before += self.unawaited_errors()
            for text in self.unawaited.take():
                add_note(error, text)
        super().note_raised(error)

    def give_back_layers(self) -> Iterable[BaseException]:
        """Give back what real layers have used."""
        if self._bridge is not None:
            # Some have loops of their own, with connections to a layer.
            threads = self._bridge.rest.outside_threads()
            new = (it for it in threads if it not in self._before.threads)
            leftovers.let_threads_end(new)
        self.layers_in_place.give_back(self.run_work)
        return ()

    def find_leftovers(self) -> Iterator[BaseException]:
        """Return what the watches have found."""
        if self.has_hung:
            return
        # The test may have changed them.
        self.options.check()
        for text in self.unawaited.take():
            yield AssertionError(text)
        yield from self._unentered_blocks()
        options = self.options
        yield from self.find_dropped()
        if not self.was_cut_short:
            # Else the test has not come to read and to end it all.
            yield from self._judged(options.check_unread, self._unread())
            yield from self._judged(options.check_leaks, self._left())

    def _unentered_blocks(self) -> Iterator[BaseException]:
        unentered, self.unentered = self.unentered, []
        if not self.was_cut_short:
            yield from map(RuntimeError, filter(None, (it() for it in unentered)))

    def find_dropped(self) -> Iterator[BaseException]:
        """Return failures for messages that layers have dropped."""
        yield from self._judged(self.options.check_dropped, self._dropped())

    def close_loop(self) -> Iterable[BaseException]:
        """Cancel what is left, and close the test's loop."""
        self.time.end()
        if self._bridge is not None:
            self._bridge.close()
        return ()

    def find_kept(self) -> Iterable[BaseException]:
        """Look for failures and coroutines that are only kept somewhere."""
        if self._bridge is None or self.has_hung:
            return ()
        self._look_closely(self._since)
        return self._bridge.rest.own_failures.take_late()

    def _look_closely(self, since: MadeSince) -> None:
        if self._bridge is not None:
            for error in self._bridge.rest.failures.take_late():
                self.errors.record(error)
            self.silent.look(since, self._bridge.loop)

    def restore(self) -> None:
        """Put back layers, connections and patches."""
        try:
            if self.has_hung or not all(
                isinstance(it, Exception) for it in self.raised
            ):
                let_go_of_unawaited()
            self.in_place.close()
        finally:
            self.time.end()
            self.let_go_of_events()
            self.is_over = True

    def _judged(self, policy: str, texts: Iterable[str]) -> Iterator[BaseException]:
        for text in texts if policy != "off" else ():
            if text in self._found:
                continue
            self._found.add(text)
            if policy == "fail":
                yield AssertionError(text)
            else:
                yield from self.warnings.warn(text)

    def _unread(self) -> Iterator[str]:
        return leftovers.unread(self.opened.items)

    def _dropped(self) -> Iterator[str]:
        since, self._looked_at = self._looked_at, next_number()
        yield from leftovers.dropped(self.layers_in_place.made, since)
        labels = {item.channel: item.label for item in self.opened.items}
        yield from self.layers_in_place.dropped(labels)

    def _left(self) -> Iterator[str]:
        left = list(self.outside.left)
        if self._bridge is not None:
            left += self.lifespan.left
            left += leftovers.left(self.opened.items, self._bridge, self.layers)
        return leftovers.in_one_finding(left)

    @property
    def has_opened(self) -> bool:
        """Whether anything is open, or at work."""
        works = self._bridge is not None and bool(self._bridge.tasks())
        return works or bool(self.opened.items or self._clean_ups)

    def routed_application(self) -> ASGIApplication:
        """Return the application whose routes the test meets."""
        application = applied_application()
        if application is None:
            application = self.options.get_application()
        return configured_application() if application is None else application

    def once(self, key: object, make: Callable[[], T]) -> T:
        """Return what this run has under a key; make it on first use."""
        if key not in self._made_once:
            self._made_once[key] = make()
        return cast("T", self._made_once[key])
