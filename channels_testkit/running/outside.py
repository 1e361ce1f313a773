"""What acts on a test from outside of its loop: a live server, a browser."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from channels_testkit.engine.notes import add_note
from channels_testkit.engine.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from channels_testkit.engine.bridge import Bridge
    from channels_testkit.engine.errors import ApplicationErrors
    from channels_testkit.engine.rest import RestWatch


class Running(Protocol):
    """What is asked of the run whose test something acts on."""

    errors: ApplicationErrors

    @property
    def receive_timeout(self) -> float:
        """Seconds that a receive waits where waiting makes sense."""

    @property
    def rest(self) -> RestWatch:
        """The watch of the test's loop."""

    @property
    def bridge(self) -> Bridge:
        """The test's loop."""

    @property
    def is_async(self) -> bool:
        """Whether a coroutine of the test is under way."""

    def refuse_elsewhere(self) -> None:
        """Raise ``RuntimeError`` in a child process, or after the test."""

    def run_work(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a kit coroutine."""


class Outside:
    """
    What acts on one test from outside.

    It is no part of the proof of rest: who looks for what it may bring waits.
    """

    def __init__(self, run: Running) -> None:
        self._run = run
        self._waiting = Waiting(run)
        self._is_waiting = False
        #: What failures call it.
        self.names: list[str] = []
        #: What ends it, the last one first.
        self.closers: list[Callable[[], None]] = []
        #: What it has left behind, in words.
        self.left: list[str] = []
        #: What may be behind a failure of the test, in words.
        self.remarks: list[object] = []
        #: Return what else may be behind one, or nothing.
        self.explanations: list[Callable[[BaseException], str]] = []
        #: Lets what has happened there so far be remarked.
        self.catch_up: Callable[[], None] = _do_nothing

    def close(self) -> None:
        """End all of it, whatever a part of it raises."""
        with contextlib.ExitStack() as to_close:
            while self.closers:
                to_close.callback(self.closers.pop(0))

    def wait(self, condition: Callable[[], object]) -> str:
        """
        Wait for what may come from outside, if anything may.

        Only in a sync test: an async one awaits what it waits for. Returns
        what a failure says of a wait that was in vain.
        """
        if self._run.is_async or not (works := self._run.bridge.rest.outside_work()):
            return ""
        timeout = self._run.receive_timeout
        work = self._waiting.until(lambda: bool(condition()), timeout)
        self._is_waiting = True
        try:
            self._run.run_work(work)
        finally:
            self._is_waiting = False
        names = ", ".join(self.names or works)
        return f"\n\nWaited for {timeout:g} s, because of {names}."

    def explain(self, failure: BaseException) -> None:
        """Add what may be behind a failure to it."""
        self.catch_up()
        remarks, self.remarks = self.remarks, []
        remarks += [explain(failure) for explain in self.explanations]
        for remark in filter(None, map(str, remarks)):
            if remark not in getattr(failure, "__notes__", ()):
                add_note(failure, remark)

    def stir(self) -> None:
        """Let who waits look again. Callable from any thread."""
        self._run.refuse_elsewhere()
        if self._is_waiting:
            self._run.bridge.loop.call_soon_threadsafe(self._waiting.wake)


def _do_nothing() -> None:
    """Stand for ``catch_up()`` where nothing acts on a test from outside."""
