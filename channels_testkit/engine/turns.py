"""Whose turn it is on a connection that several threads have."""

from __future__ import annotations

import contextlib
import threading
import traceback
from itertools import dropwhile, islice
from typing import TYPE_CHECKING, Any

from django.db import OperationalError

from channels_testkit.matching.wording import MAX_NAME, say, shorten

from . import places, private
from .jobs import current_owner
from .notes import add_note
from .transactions import drop_own_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

#: How long SQLite waits for a lock by itself.
_SECONDS_TO_WAIT = 5.0
#: How long the end of a test waits for a query that is under way.
_SECONDS_FOR_A_QUERY = 60.0


class Turns:
    """
    Whose turn it is on the shared connections of one database.

    It has several where others are mirrors of it.
    """

    #: The advice for a thread that waits in vain: the reason, and what to do.
    advice = (
        "All threads share the connection of a database in memory, in turns. Leave the"
        " block before you wait for another thread, or test on a database in a file."
    )
    #: Whether a thread in no block of its own has autocommit, though the
    #: connections are in the transaction of a test.
    has_autocommit = False

    def __init__(self, of_one: Collection[BaseDatabaseWrapper]) -> None:
        self.connections = list(of_one)
        self._lock = threading.RLock()
        #: Whose turn it is.
        self.thread: threading.Thread | None = None
        #: Called when the turn has ended.
        self.afterwards: list[Callable[[], object]] = []
        self._depth = 0
        #: Held while the driver is at work, which it is for one thread at a
        #: time. The turn is no measure: that may be taken away.
        self._driver = threading.RLock()
        #: Who has entered a block, and where; None during a query.
        self._block: tuple[str, str] | None = None
        #: How many blocks a thread has open that has lost its turn by force.
        self._evicted: dict[threading.Thread, int] = {}
        #: Who waits, and where.
        self._waiting: dict[threading.Thread, tuple[str, str]] = {}

    @property
    def seconds(self) -> float | None:
        """How long a thread waits for its turn."""
        return _SECONDS_TO_WAIT

    @property
    def are_mine(self) -> bool:
        """Whether it is the calling thread's turn."""
        return self.thread is threading.current_thread()

    def attributes_of(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """Return what a connection has of its own while it is shared."""
        del connection
        return {}

    def take(self) -> None:
        """Wait for the turn; raise ``OperationalError`` if it never comes."""
        if self.are_lost:
            raise OperationalError(
                f"A query on database {self.connections[0].alias!r}, at {_line()}, is"
                " in an atomic() block that was rolled back when its test ended."
            )
        if not self._lock.acquire(blocking=False):
            self._wait()
        self.thread = threading.current_thread()
        self._depth += 1

    def _wait(self) -> None:
        me, who, line = threading.current_thread(), _who(), _line()
        self._waiting[me] = who, line
        seconds = self.seconds
        try:
            most = -1 if seconds is None else min(seconds, threading.TIMEOUT_MAX)
            has_come = self._lock.acquire(timeout=most)
        finally:
            del self._waiting[me]
        if not has_come:
            raise OperationalError(
                f"Database {self.connections[0].alias!r} is locked: {self._held()}, and"
                f" {who} has waited for {seconds:g} s, at {line}. {self.advice}"
            )

    def _held(self) -> str:
        if self._block is None:
            return _query_of(self.thread)
        return "{} is inside the atomic() block entered at {}".format(*self._block)

    def note_block(self) -> None:
        """Note who has entered the outermost block, and where."""
        if self._depth == 1:
            self._block = _who(), _line()

    def explain(self, error: BaseException) -> None:
        """Note who has waited for the end of a block that an error ends."""
        if self._depth == 1:
            for who, line in list(self._waiting.values()):
                waited = f"{who} has waited for its end, at {line}"
                add_note(
                    error, f"Meanwhile {self._held()}, and {waited}. {self.advice}"
                )

    def end(self) -> None:
        """End the turn, or the inner one of several."""
        if self.are_lost:
            self._end_lost()
            return
        self._depth -= 1
        if self._depth:
            self._lock.release()
            return
        afterwards, self.afterwards = self.afterwards, []
        self.thread = self._block = None
        self._lock.release()
        for function in afterwards:
            function()

    def take_back(self, seconds: float) -> Iterator[str]:
        """
        Take the turn from a thread that still has it when its test ends.

        It has ``seconds`` to end the turn. Yields who has not, in words. Its
        block is rolled back with the test, when the query that is under way
        in it has ended.
        """
        if self._lock.acquire(timeout=seconds):
            self._lock.release()
            return
        if self._block is None:
            yield f"{self._held()}. The rollback waits for it."
        else:
            yield f"{self._held()}. The block is rolled back with it."
            self._evict()
        if self._driver.acquire(timeout=_SECONDS_FOR_A_QUERY):
            self._driver.release()

    def _evict(self) -> None:
        if self.thread is None:  # It has ended its turn just now.
            return
        self._evicted[self.thread] = self._depth
        self._lock, self._depth = threading.RLock(), 0
        self.thread = self._block = None
        for connection in self.connections:
            drop_own_blocks(connection)

    @property
    def are_lost(self) -> bool:
        """Whether the calling thread is in a block that it has lost."""
        return threading.current_thread() in self._evicted

    def _end_lost(self) -> None:
        thread = threading.current_thread()
        self._evicted[thread] -= 1
        if not self._evicted[thread]:
            del self._evicted[thread]

    def execute(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, ctx: Any
    ) -> Any:
        """Run a query, and fetch its rows, when it is this thread's turn."""
        self.take()
        try:
            is_alone = self._depth == 1
            by_itself = self.by_itself(ctx) if is_alone else contextlib.nullcontext()
            with self._driver, by_itself:
                result = execute(sql, params, many, ctx)
                fetched = _Fetched.of(ctx["cursor"], self._driver)
                with ctx["connection"].wrap_database_errors:
                    fetched.fetch()
            return result if result is None else fetched
        finally:
            self.end()

    def by_itself(self, ctx: Any) -> contextlib.AbstractContextManager[None]:
        """Let a query that fails break nothing but itself, for the block."""
        del ctx
        return contextlib.nullcontext()


def _line() -> str:
    """Say which line of the project's code led here."""
    line = places.caller()
    return places.UNKNOWN_LINE if line is None else places.in_words(line)


def _who() -> str:
    """Say whose code this is: a connection's, the test's or a thread's."""
    owner, thread = current_owner(), threading.current_thread()
    if owner is not None:
        return shorten(owner.label, MAX_NAME)
    is_main = thread is threading.main_thread()
    return "the test" if is_main else f"thread {say(thread.name, MAX_NAME)}"


def _query_of(thread: threading.Thread | None) -> str:
    """Say which thread is running a query, and at which line."""
    ident = None if thread is None else thread.ident
    frame = private.frames_by_thread().get(ident or 0)
    if thread is None or frame is None:
        return "another thread is running a query"
    frames = (it for it, _ in traceback.walk_stack(frame))
    # Further inside is the driver, which is no library that is known.
    callers = dropwhile(lambda it: it.f_code is not Turns.execute.__code__, frames)
    place = places.place_of(callers) or places.UNKNOWN_LINE
    return f"thread {say(thread.name, MAX_NAME)} is running a query of {place}"


class _Fetched:
    """
    A cursor whose rows are all there already.

    A statement goes on until its last row has been fetched. Meanwhile it sees
    what other threads do, and ends in a transaction of theirs.
    """

    @classmethod
    def of(cls, wrapper: Any, driver: threading.RLock) -> _Fetched:
        """Return what is in the place of the cursor that Django wraps."""
        if not isinstance(wrapper.cursor, cls):
            wrapper.cursor = cls(wrapper.cursor, driver)
        fetched: _Fetched = wrapper.cursor
        return fetched

    def __init__(self, cursor: Any, driver: threading.RLock) -> None:
        self._cursor = cursor
        self._driver = driver
        self._rows: Iterator[Any] = iter(())
        #: A list or a tuple: by an empty one Django knows the end.
        self._several: type[Any] = list

    def fetch(self) -> None:
        """Fetch the rows of the statement that was executed last."""
        rows = self._cursor.fetchall() if self._cursor.description else []
        self._rows, self._several = iter(rows), type(rows)

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> Any:
        """Return the next rows."""
        size = size or self._cursor.arraysize
        return self._several(islice(self._rows, size))

    def fetchall(self) -> Any:
        """Return the rows that are left."""
        return self._several(self._rows)

    def close(self) -> None:
        """Close the cursor, which mysqlclient reads the connection for."""
        with self._driver:
            self._cursor.close()

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)
