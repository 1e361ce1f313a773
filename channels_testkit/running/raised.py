"""What code of one test has raised, and what its failures show besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_testkit.asgi.environment import Environment
from channels_testkit.engine import places
from channels_testkit.engine.errors import ApplicationErrors
from channels_testkit.engine.notes import add_note, put_note, shortly, text_of
from channels_testkit.engine.recorded import raised
from channels_testkit.engine.sync_calls import explain_sync_call
from channels_testkit.engine.tracebacks import hide_kit_frames, leave_out
from channels_testkit.timeline.folder import FOLDER, file_of
from channels_testkit.timeline.recording import Recording, record
from channels_testkit.timeline.timeline import Timeline, last_events

from .refusals import TIMELINE_OVER
from .silent_failures import is_failure
from .wrong_calls import explain_wrong_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from .options import RunOptions

__unittest = True

_FOUND_LATER = "Found after the test had failed with {}"


class TimelineNote(str):
    """What an exception shows of the last test that has raised it."""

    __slots__ = ()


class FileNote(TimelineNote):
    """Where the diagram of the last test is that has raised it."""

    __slots__ = ()


class Raised(Environment):
    """What a test has raised, and how it is reported."""

    def __init__(self, options: RunOptions) -> None:
        super().__init__(ApplicationErrors(options.application_errors))
        self.called = options.called
        #: What the test asks for.
        self.options = options
        #: What code of the test has raised.
        self.raised: list[BaseException] = []
        self.kinds_raised: set[object] = set()
        self._has_come_to_end = False
        #: What has happened, for the timeline.
        self.recording = Recording()
        self._shows_events = True
        self._has_reported = False
        self._keeps_events = True

    @property
    def was_cut_short(self) -> bool:
        """Whether the test failed before it came to its end."""
        return self.failure is not None and not self._has_come_to_end

    @property
    def failure(self) -> BaseException | None:
        """What code of the test has failed with, at first, if it has."""
        return next(filter(self.fails_the_test, self.raised), None)

    def fails_the_test(self, error: BaseException) -> bool:
        """Tell a failure from a skip and from what interrupts the run."""
        return is_failure(error) and not isinstance(error, self.options.skips)

    def make_ready(self, error: BaseException) -> None:
        """Make an exception ready for its reader, now that it is reported."""
        self._has_reported = True
        explain_sync_call(error)
        explain_wrong_call(error)
        first = self.failure
        if first is not None and first is not error:
            leave_out(first, error)
            add_note(error, _FOUND_LATER.format(shortly(first)))
        is_misuse = _is_raised_by_kit(error) and not self.errors.knows(error)
        hide_kit_frames(error)
        if self.fails_the_test(error) and not self.options.has_report:
            if not is_misuse:
                self._show_events(error)
            self.leave_diagram(error)

    # The timeline.

    def timeline(self, before_read: Callable[[], object] = bool) -> Timeline:
        """Return what has happened; it calls something before it is read."""
        if not self._keeps_events:
            raise RuntimeError(TIMELINE_OVER.format(call=self.options.called))
        name = self.options.name
        return Timeline(self.recording, name=name, before_read=before_read)

    def last_events(self, known: str) -> str:
        """Return the last lines of the timeline, below a text."""
        # The report of a failed schedule is one order of all events, too;
        # what crosses a real layer is not seen.
        options = self.options
        is_told_otherwise = options.schedule is not None
        if is_told_otherwise or options.layer_source != "captive":
            return ""
        # What fails after the end of a test has come from elsewhere.
        if not self._keeps_events:
            return ""
        return last_events(self.recording, known, f"{self.options.called}.timeline")

    def let_go_of_events(self) -> None:
        """
        Keep no events of a test that has passed.

        They refer to the whole of it, and would all go by collecting garbage.
        """
        if not self._has_reported:
            self._keeps_events = False
            self.recording = Recording()

    def _show_events(self, error: BaseException) -> None:
        if self._shows_events and (text := self.last_events(text_of(error))):
            put_note(error, TimelineNote(f"\n{text}"))
        # Once: a failure that is reported later has the same events.
        self._shows_events = False

    def leave_diagram(self, error: BaseException) -> None:
        """Leave a diagram where one is asked for, and name it in a failure."""
        if not (self._keeps_events and self.fails_the_test(error)):
            return
        record(None, raised, error)
        if self.options.schedule is not None:
            # The report may show another one.
            self.options.schedule.timeline = self.timeline()
        elif note := left_in_folder(self.timeline(), self.options.name):
            put_note(error, FileNote(note))


def _is_raised_by_kit(error: BaseException) -> bool:
    """Tell whether a call of the kit has raised this, and no assertion."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None or isinstance(error, AssertionError):
        return False
    return places.is_of_kit(traceback.tb_frame.f_code.co_filename)


def left_in_folder(timeline: Timeline | None, test: str) -> str:
    """Leave a diagram where the environment asks for it; say where it is."""
    path = file_of(test)
    if path is None or timeline is None:
        return ""
    try:
        return f"\nTimeline: {timeline.write_html(path)}"
    except OSError as error:
        return f"\nNo timeline was left where {FOLDER} says: {shortly(error)}"
