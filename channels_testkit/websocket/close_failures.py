"""Failures about the end of a connection, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_testkit.asgi.receive_failures import in_words, timer_not_reached
from channels_testkit.matching.wording import (
    SHOWN_OF_A_KIND,
    first_lines,
    in_a_row,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .connection import WebsocketConnection

__unittest = True

_BREAK = "\n\n"


def not_all_closed(
    connections: Sequence[WebsocketConnection], code: int | None
) -> str | None:
    """Say which connections the application has not closed that way."""
    texts = {it: text for it in connections if (text := not_closed(it, code, None))}
    if len(texts) == 1:
        (text,) = texts.values()
        return text
    if not texts:
        return None
    how = "" if code is None else f" with code {code}"
    verdicts = [f"  {text.partition(_BREAK)[0]}" for text in texts.values()]
    shown = [str(it.transcript) for it in list(texts)[:SHOWN_OF_A_KIND]]
    return "\n\n".join(
        [
            f"{len(texts):,} of {len(connections):,} connections are not closed{how}.",
            "\n".join(first_lines(verdicts, "  ")),
            *shown,
        ]
    )


def none_of_user(user: object, others: Sequence[str]) -> str:
    """Say that there is no connection of a user, and whose there are."""
    return (
        f"User {say(str(user))} has no connection that the application could have"
        f" closed.\nConnections of the test: {in_a_row(others)}."
    )


def not_closed(
    connection: WebsocketConnection, code: int | None, reason: str | None
) -> str | None:
    """Say why the application has not closed the connection that way."""
    label, step = connection.label, None
    if connection.state not in {"closed", "rejected"}:
        verdict = (
            f"{label} is {in_words(connection)}: the application has not closed it."
        )
        step = timer_not_reached(connection)
    elif code is not None and connection.close_code != code:
        verdict = f"{label} closed with code {connection.close_code}, not {code}."
    elif reason is not None and connection.close_reason != reason:
        found = connection.close_reason
        verdict = f"{label} closed with reason {say(found)}, not {say(reason)}."
    else:
        return None
    parts = (verdict, step, str(connection.transcript))
    return "\n\n".join(filter(None, parts))


def not_open(connection: WebsocketConnection) -> str | None:
    """Say that the connection is not open, and what it is."""
    if connection.is_open:
        return None
    verdict = f"{connection.label} is {in_words(connection)}, and should be open."
    return f"{verdict}\n\n{connection.transcript}"


def with_reason(reason: str) -> str:
    """Return the reason of a close, to be added to a sentence."""
    return f", reason {say(reason)}" if reason else ""
