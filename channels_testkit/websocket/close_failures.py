"""Failures about the end of a connection, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_testkit.asgi.silence import in_words, what_lies_ahead
from channels_testkit.matching.wording import say

if TYPE_CHECKING:
    from .connection import WebsocketConnection

__unittest = True


def not_closed(
    connection: WebsocketConnection, code: int | None, reason: str | None
) -> str | None:
    """Say why the application has not closed the connection that way."""
    label, step = connection.label, None
    if connection.state not in {"closed", "rejected"}:
        verdict = (
            f"{label} is {in_words(connection)}: the application has not closed it."
        )
        step = what_lies_ahead(connection)
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
    """Return the reason of a close as a sentence goes on with it."""
    return f", reason {say(reason)}" if reason else ""
