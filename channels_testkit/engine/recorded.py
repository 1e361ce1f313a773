"""What the timeline of a test says of thread jobs, queries and exceptions."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from asgiref.sync import AsyncToSync
from django.db.transaction import get_connection

from channels_testkit.matching.wording import in_a_row, say, shorten
from channels_testkit.timeline.recording import is_recording, record
from channels_testkit.timeline.story import MAX_IN_FULL, Lane

from . import places
from .jobs import JobKey, current_owner, followers
from .notes import shortly, words_of
from .patches import WrappedQueries
from .transactions import is_of_test_case

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.transaction import Atomic

    from channels_testkit.timeline.story import Event, Story

    from .jobs import Job

_STATEMENT = re.compile(
    r"\s*(?:(?P<update>UPDATE)|(?P<insert>INSERT|REPLACE)\b.*?\bINTO"
    r"|(?P<other>SELECT|DELETE)\b.*?\bFROM)\s+[\"`\[]?(?P<table>\w+)",
    re.IGNORECASE | re.DOTALL,
)
#: What ``atomic()`` sends for a block, which is told by itself.
_OF_A_BLOCK = re.compile(
    r"\s*(BEGIN|SAVEPOINT|RELEASE\s+SAVEPOINT|ROLLBACK\s+TO)\b", re.IGNORECASE
)
_MOST_PARSED = 10_000
_MOST_PARAMETERS = 200
_SHOWN = "exceptions shown"
#: Jobs that Channels itself makes of handlers.
_OF_CHANNELS = "channels."
#: Called with each query as it is made: the database and the statement.
query_followers: list[Callable[[str, str], object]] = []


# Queries.


class _Queries:
    """Records the queries on a connection, as one of its wrappers."""

    def __init__(self, alias: str, is_counted: Callable[[], bool]) -> None:
        self._alias = alias
        self.is_counted = is_counted

    def __call__(
        self,
        execute: Callable[..., Any],
        sql: Any,
        params: Any,
        many: bool,
        context: Any,
    ) -> Any:
        if not self.is_counted():
            return execute(sql, params, many, context)
        kept = sql[:_MOST_PARSED] if isinstance(sql, str) else sql
        rows: list[int] = []
        record(current_owner(), query_made, self._alias, kept, _kept(params), rows)
        for follow in tuple(query_followers):
            follow(self._alias, text_of_statement(kept))
        result = execute(sql, params, many, context)
        rows.append(context["cursor"].rowcount)
        return result


def queries_recorded(
    connection: BaseDatabaseWrapper, is_counted: Callable[[], bool]
) -> WrappedQueries:
    """Record the queries on a connection, for a block."""
    return WrappedQueries(connection, _Queries(connection.alias, is_counted))


def _is_recorded(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether queries here are those of the test, not of the kit."""
    wrappers = connection.execute_wrappers
    return any(isinstance(it, _Queries) and it.is_counted() for it in wrappers)


def _kept(params: Any) -> Any:
    """Return parameters without what is never shown, such as a whole file."""
    if not isinstance(params, list | tuple):
        return params
    return tuple(
        it[:MAX_IN_FULL] if isinstance(it, str | bytes) else it
        for it in params[:_MOST_PARAMETERS]
    )


def text_of_statement(sql: Any) -> str:
    """Return a statement as a text, whatever a driver takes."""
    return sql.decode(errors="replace") if isinstance(sql, bytes) else str(sql)


def is_of_a_block(sql: str) -> bool:
    """Tell whether ``atomic()`` sends a statement, for a block."""
    return _OF_A_BLOCK.match(sql) is not None


def query_made(
    story: Story, alias: str, sql: Any, params: Any, rows: Sequence[int] = ()
) -> None:
    """
    Tell of a query; several of one actor in a row are one event.

    ``rows`` has how many it has changed, once it has been made.
    """
    text = text_of_statement(sql)
    if is_of_a_block(text):
        return
    event = story.last
    if event is None or event.kind not in {"query", "thread"}:
        event = story.add("query", "")
    event.target = _database(alias)
    event.parts.append(_shortly(text, rows))
    event.text = _queries_in_words(event)
    arguments = f"\n{say(params, MAX_IN_FULL)}" if params else ""
    event.detail = shorten(f"{event.detail}\n\n{text}{arguments}".strip(), MAX_IN_FULL)


def _queries_in_words(event: Event) -> str:
    count = len(event.parts)
    said = in_a_row(_with_counts(event.parts))
    said = said if count == 1 else f"{count} queries: {said}"
    return f"{event.place}: {said}" if event.place else said


def _with_counts(queries: list[str]) -> list[str]:
    """Return the queries, with a count instead of those in a row."""
    counted: list[list[Any]] = []
    for query in queries:
        if counted and counted[-1][0] == query:
            counted[-1][1] += 1
        else:
            counted.append([query, 1])
    return [name if count == 1 else f"{count} times {name}" for name, count in counted]


def _shortly(sql: str, rows: Sequence[int]) -> str:
    """Return what a statement does, to which table, and to how many rows."""
    found = _STATEMENT.match(sql[:_MOST_PARSED])
    if found is None:
        return shorten(" ".join(sql[:_MOST_PARSED].split()), 40)
    verb = found["update"] or found["insert"] or found["other"]
    done = f"{verb.upper()} {found['table']}"
    is_told = verb.upper() in {"UPDATE", "DELETE"} and rows and rows[0] not in {1, -1}
    return f"{done} ({rows[0]} rows)" if is_told else done


# Transactions.


def note_end_of(atomic: Atomic, *, is_lost: bool) -> None:
    """Record what is about to become of a block, if it is the outermost."""
    if is_of_test_case(atomic):
        return
    connection = get_connection(atomic.using)
    if _own_blocks(connection)[:1] == [atomic] and _is_recorded(connection):
        is_lost = is_lost or connection.needs_rollback
        record(current_owner(), block_ended, connection.alias, is_lost)


def note_on_commit(connection: BaseDatabaseWrapper, function: object) -> None:
    """Record what is to run when a block has ended, if there is one."""
    if _own_blocks(connection) and _is_recorded(connection):
        record(current_owner(), on_commit_asked_for, function)


def _own_blocks(connection: BaseDatabaseWrapper) -> list[Any]:
    """Return the blocks that production would have open."""
    return [it for it in connection.atomic_blocks if not is_of_test_case(it)]


def block_ended(story: Story, alias: str, is_lost: bool) -> None:
    """Tell what becomes of a transaction."""
    verb = "rolls back" if is_lost else "commits"
    story.add("transaction", f"{verb} atomic()", target=_database(alias))


def on_commit_asked_for(story: Story, function: Any) -> None:
    """Tell what is to run when a transaction has been committed."""
    while inner := _wrapped_by(function):
        function = inner
    name = getattr(function, "__qualname__", type(function).__name__)
    story.add("transaction", f"on_commit({name.rpartition('<locals>.')[2]})")


def _wrapped_by(function: Any) -> Any:
    if isinstance(function, functools.partial):
        return function.func
    return function.awaitable if isinstance(function, AsyncToSync) else None


def _database(alias: str) -> Lane:
    return Lane("database", f"database {alias!r}")


# Thread jobs.


def _note_job(job: Job, has_ended: bool) -> None:
    """Record that a thread begins a job of the application, or ends it."""
    if job.owner is None or not is_recording():
        return
    if has_ended:
        record(job.owner, job_ends, id(job))
        return
    frame = places.frame_of_project(job.awaiters)
    if frame is not None:
        line = frame.f_code, frame.f_lineno
        record(job.owner, job_begins, id(job), job.function, *line)


followers.append(_note_job)


def job_begins(
    story: Story, job: int, function: object, code: CodeType, line: int
) -> None:
    """Tell that a thread begins what a line of the project asks for."""
    name = JobKey(function).name
    if name.startswith(_OF_CHANNELS):
        return
    consumer = None if story.actor is None else story.actor.consumer
    place = places.place_of_line(code, line, consumer)
    shown = f"{name.rpartition('.')[2]}()"
    story.begin(
        job,
        "thread",
        f"{place} runs {shown}",
        f"{place} goes on after {shown}",
        detail=f"{name}()",
        place=place,
    )


def job_ends(story: Story, job: int) -> None:
    """Tell that a thread has ended what it was given."""
    story.end(job)


# Exceptions.


def reported(story: Story, error: BaseException) -> None:
    """Tell of an exception of the application, whoever has raised it."""
    raised(story, error, "reports" if story.actor is None else "raises")


def raised(story: Story, error: BaseException, verb: str = "raises") -> None:
    """Tell of an exception, unless the event before has it."""
    shown: dict[int, BaseException] = story.notes.setdefault(_SHOWN, {})
    words = shortly(error).strip()
    is_there = any(words in it.text for it in story.events[-1:])
    if id(error) not in shown and not is_there:
        story.add("error", f"{verb} {words}", detail=words_of(error))
    shown[id(error)] = error
