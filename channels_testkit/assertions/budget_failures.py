"""What failures of ``assertMaxQueries()`` say."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from channels_testkit.matching.wording import first_lines, in_a_row, say, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from channels_testkit.asgi.recorder import Handling
    from channels_testkit.layers.sent import Sent

    #: A dispatch of a consumer, and the queries it has made.
    Counted = tuple[Handling, list["Query"]]

_MOST_PARSED = 10_000
_COLUMNS = re.compile(r"^(SELECT(?: DISTINCT)?) .*? FROM ")
_REPEATED = "The same query comes {count:,} times: {advice}."
_READ_AT_ONCE = (
    "fetch the rows at once, with select_related(), prefetch_related() or"
    " filter(pk__in=...)"
)
_WRITE_AT_ONCE = (
    "write the rows at once, with bulk_create(), bulk_update() or the update() or"
    " delete() of a queryset"
)
_ONCE = (
    "Query once, before the message is sent, and put what its receivers need into the"
    " message."
)


class Query(NamedTuple):
    """A query that was made, and by which line of the project."""

    handling: Handling | None
    alias: str
    sql: str
    function: str
    line: str


def block_over(queries: Sequence[Query], most: int) -> str:
    """Return the failure of a block."""
    verdict = f"The block made {_counted(len(queries))}, at most {most} expected."
    return _joined([verdict, "", *_lines(queries), *_advice(queries)])


def event_over(over: Sequence[Counted], most: int) -> str:
    """Return the failure of events that have made too many queries."""
    event, queries = over[0]
    verdict = (
        f"{event.name} made {_counted(len(queries))} for one event of"
        f" {_who(event)}, at most {most} expected."
    )
    others = [f"  {it.name} of {_who(it)}: {_counted(len(of))}" for it, of in over[1:]]
    more = [f"Other events with more than {most}:", *first_lines(others, "  ")]
    return _joined(
        [
            verdict,
            "",
            f"Event: {say(event.message)}",
            *_lines(queries),
            *(more if others else []),
            *_advice(queries),
        ]
    )


def receivers_over(sent: Sent, receivers: Sequence[Counted], most: int) -> str:
    """Return the failure of a broadcast whose receivers make queries."""
    queries = [query for _, of in receivers for query in of]
    names = [f"{_who(event)} ({_counted(len(of))})" for event, of in receivers]
    return _joined(
        [
            f"{_receivers(receivers, most)} of a message to group"
            f" {say(sent.group)} made {_made(receivers)}, at most {most} expected.",
            "",
            f"Message: {say(sent.message)}",
            f"Receivers: {in_a_row(names)}",
            *_lines(queries),
            "",
            _ONCE,
        ]
    )


def _receivers(receivers: Sequence[Counted], most: int) -> str:
    over = sum(len(queries) > most for _, queries in receivers)
    if len(receivers) == 1:
        return "The only receiver"
    if over == len(receivers):
        return f"Each of the {over:,} receivers"
    return f"{over:,} of the {len(receivers):,} receivers"


def _made(receivers: Sequence[Counted]) -> str:
    counts = {len(queries) for _, queries in receivers}
    up_to = "up to " if len(counts) > 1 else ""
    return f"{up_to}{_counted(max(counts))}"


def _lines(queries: Sequence[Query]) -> list[str]:
    """Return the queries, those alike with their count, the most first."""
    aliases = {query.alias for query in queries}
    lines = [
        f"  {count:>3} x {_place(query)}: {_statement(query.sql)}"
        f"{f' on {query.alias!r}' if len(aliases) > 1 else ''}"
        for query, count in _alike(queries).most_common()
    ]
    return ["Queries:", *first_lines(lines, "  ")]


def _alike(queries: Sequence[Query]) -> Counter[Query]:
    """Count queries of one line and one statement, whatever its values."""
    return Counter(query._replace(handling=None) for query in queries)


def _place(query: Query) -> str:
    return f"{shorten(query.function, 60)}() ({shorten(query.line, 60)})"


def _statement(sql: str) -> str:
    """Return a statement without columns, and as all databases write it."""
    text = re.sub(r"[`\"\[\]]", "", " ".join(sql[:_MOST_PARSED].split()))
    return shorten(_COLUMNS.sub(r"\1 ... FROM ", text))


def _advice(queries: Sequence[Query]) -> list[str]:
    ((query, count),) = _alike(queries).most_common(1)
    if count == 1:
        return []
    reads = query.sql.lstrip("( ").upper().startswith("SELECT")
    advice = _READ_AT_ONCE if reads else _WRITE_AT_ONCE
    return ["", _REPEATED.format(count=count, advice=advice)]


def _who(event: Handling) -> str:
    return event.actor.label


def _counted(count: int) -> str:
    return "1 query" if count == 1 else f"{count:,} queries"


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines)
