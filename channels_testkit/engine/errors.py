"""
Exceptions of the application, each raised in the test once.

They are raised from the kit call in progress, or thrown into an async test
when it is resumed, or reported at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_testkit.exceptions import REFUSED_SENDS
from channels_testkit.matching.wording import shorten
from channels_testkit.timeline.recording import record

from .jobs import current_owner
from .new_objects import MadeSince
from .notes import add_note, words_of
from .recorded import reported
from .sync_calls import explain_sync_call

if TYPE_CHECKING:
    from collections.abc import Callable

__unittest = True

_WIDTH = 1_000
# What asyncio's locks, events and queues say.
_OTHER_LOOP = "is bound to a different event loop"


class ApplicationErrors:
    """Collects the application's exceptions and delivers each of them once."""

    #: Warns where the policy is "warn"; returns what the filters raise.
    warn: Callable[[str], list[BaseException]]

    def __init__(self, policy: str = "fail") -> None:
        self._policy = policy
        self._pending: list[BaseException] = []
        self._held: list[tuple[BaseException, Callable[[], bool]]] = []
        self._seen: list[BaseException] = []
        self._expected: list[ExpectedErrors] = []
        #: How often failures could be raised in the test, which is at rest.
        self.tellings = 0
        #: Looks for failures that are not reported yet.
        self.look: Callable[[], list[BaseException]] = list
        #: The same for objects made since, which code may still check until a
        #: block ends.
        self.look_closely: Callable[[MadeSince], object] = bool
        #: Called at rest before failures are raised; may record more.
        self.before_delivery: Callable[[], object] = bool
        #: Called when an exception has come, in whatever thread.
        self.on_record: Callable[[], object] = bool

    def record(
        self,
        error: BaseException,
        policy: str | None = None,
        *,
        held_unless: Callable[[], bool] | None = None,
    ) -> bool:
        """
        Take note of an exception, unless it is known already.

        Tells whether it is news that no block expects. One that is held is
        delivered after ``release()``, or at the end, unless the function tells
        by then that the test has seen it.
        """
        if self.knows(error):
            return False
        self._seen.append(error)
        _explain(error)
        record(current_owner(), reported, error)
        is_expected = any(block.takes(error) for block in reversed(self._expected))
        if not is_expected:
            self._judge(error, policy or self._policy)
        if held_unless is not None and self.take(error):
            self._held.append((error, held_unless))
        self.on_record()
        return not is_expected

    def knows(self, error: BaseException) -> bool:
        """Tell whether the exception has been recorded."""
        return any(error is known for known in self._seen)

    @property
    def has_recorded(self) -> bool:
        """Whether there was any exception."""
        return bool(self._seen)

    def expects(self, error: BaseException) -> bool:
        """Tell whether a block that has begun expects such an exception."""
        return any(isinstance(error, block.kinds) for block in self._expected)

    def is_holding(self, error: BaseException) -> bool:
        """Tell whether an exception is held."""
        return any(held is error for held, _ in self._held)

    def release(self, error: BaseException) -> None:
        """Let an exception be delivered that was held."""
        for held, is_seen in self._held:
            if held is error and not is_seen():
                self._pending.insert(0, error)
        self._held = [other for other in self._held if other[0] is not error]

    def _judge(self, error: BaseException, policy: str) -> None:
        # A breach has been judged already, by a watch of its own.
        if policy == "fail" or isinstance(error, REFUSED_SENDS):
            self._pending.append(error)
        elif policy == "warn":
            said = shorten(words_of(error), _WIDTH)
            text = f"The application raised {type(error).__name__}: {said}"
            # Where warnings are errors, this one is for the test.
            self._pending += self.warn(text)

    def take(self, error: BaseException) -> bool:
        """Tell whether the exception was pending; it no longer is."""
        before = len(self._pending) + len(self._held)
        self._pending = [other for other in self._pending if other is not error]
        self._held = [other for other in self._held if other[0] is not error]
        return len(self._pending) + len(self._held) < before

    def take_back(self, error: BaseException) -> bool:
        """Have an exception told at the end; tell whether it was recorded."""
        if self.knows(error):
            self._pending.append(error)
            return True
        return False

    def take_pending(self) -> list[BaseException]:
        """Take every exception that has not been delivered."""
        pending = self.pending()
        self._pending, self._held = [], []
        return pending

    @property
    def has_news(self) -> bool:
        """Whether ``deliver()`` would raise one."""
        self._look()
        return bool(self._pending)

    def pending(self) -> list[BaseException]:
        """Return every exception that has not been delivered."""
        self._look()
        return self._pending + [error for error, is_seen in self._held if not is_seen()]

    def deliver(self, raised: BaseException | None = None) -> None:
        """
        Raise the first exception that has not been delivered, if any.

        Not where ``raised`` is on its way to the test already, which is then
        the one that is delivered.
        """
        self._look()
        self.before_delivery()
        self.tellings += 1
        if raised is not None:
            self.take(raised)
            return
        if self._pending:
            raise self._pending.pop(0)

    def _look(self) -> None:
        for error in self.look():
            self.record(error)

    def expect(self, expected: ExpectedErrors) -> None:
        """Let a block take the exceptions that it expects."""
        self._look()
        self._expected.append(expected)

    def expect_no_more(self, expected: ExpectedErrors) -> None:
        """End what ``expect()`` began."""
        self._look()
        if not expected.exceptions:
            self.look_closely(expected.since)
        self._expected.remove(expected)


def _explain(error: BaseException) -> None:
    """Add what one test alone cannot show."""
    if isinstance(error, SystemExit):
        add_note(error, "On a server it ends the process, with all its connections.")
    if isinstance(error, RuntimeError) and _OTHER_LOOP in str(error):
        add_note(
            error,
            "It was used in an earlier test, whose loop is closed: each test has a loop"
            " of its own, as each server process has. Do not keep locks, events and"
            " queues of asyncio in a module or a class: make them where they are first"
            " used.",
        )
    explain_sync_call(error)


class ExpectedErrors:
    """The exceptions that a block expects; ``exception`` is the first."""

    def __init__(
        self, kinds: type[BaseException] | tuple[type[BaseException], ...]
    ) -> None:
        self.kinds = kinds
        self.exceptions: list[BaseException] = []
        #: When the block began.
        self.since = MadeSince()

    @property
    def exception(self) -> BaseException:
        """The first exception that came."""
        return self.exceptions[0]

    def takes(self, error: BaseException) -> bool:
        """Keep the exception if it is an expected one."""
        if not isinstance(error, self.kinds):
            return False
        self.exceptions.append(error)
        return True
