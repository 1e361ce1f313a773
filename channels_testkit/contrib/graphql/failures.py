"""Failures about operations: verdict, evidence, transcript, next step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.receive_failures import NOT_SAID, nothing_came, said
from channels_testkit.asgi.transcript import describe_payload
from channels_testkit.matching.wording import in_a_row, say
from channels_testkit.websocket.close_failures import with_reason
from channels_testkit.websocket.frame_failures import how_it_differs
from channels_testkit.websocket.json_diff import diff

from .protocols import LEGACY_WS, TRANSPORT_WS, meaning_of
from .results import in_words

if TYPE_CHECKING:
    from channels_testkit.asgi.application import Event
    from channels_testkit.websocket.connection import WebsocketConnection

    from .protocols import Protocol
    from .results import GraphQLResult

__unittest = True

_OTHER = {
    TRANSPORT_WS.name: LEGACY_WS.name,
    LEGACY_WS.name: TRANSPORT_WS.name,
}
SUBSCRIBE_FIRST = (
    "A subscription gets only what happens after it has begun: subscribe before you do"
    " what causes the result."
)

_HOW_ERRORS_MATCH = (
    "A text or a regular expression has to match the whole message: for a part of it,"
    " write re.compile('.*part.*'); for some keys of an error, give a dict."
)
_EXPECT_ERRORS = (
    "If the test expects them, write assert_next({...}, errors=[...]), or, without"
    " data, assert_error(...)."
)
_ALLOW_ERRORS = (
    "If the test expects them, give assert_no_errors=False, and look at the errors of"
    " the result."
)


def closed(
    connection: WebsocketConnection,
    protocol: Protocol,
    what: str,
    expected: Any = NOT_SAID,
) -> AssertionError:
    """Say that the server has closed where something was expected, and why."""
    code = connection.close_code
    meaning = meaning_of(code, protocol)
    means = f"\n\nIn {protocol.name}, {code} means: {meaning}." if meaning else ""
    event = next((e for e in connection.unread if e["type"] == "websocket.close"), None)
    return AssertionError(
        f"{connection.label} closed the connection (code {code}"
        f"{with_reason(connection.close_reason)}) where {what} was expected."
        f"{said(expected)}{means}\n\n"
        f"To test the close itself, use assertClosed(client, code={code}).\n\n"
        f"{connection.transcript.render(event)}"
    )


def nothing(
    connection: WebsocketConnection,
    protocol: Protocol,
    what: str,
    timeout: float | None,
    *,
    expected: Any = NOT_SAID,
    call: str = "give timeout=, or set receive_timeout on the test case.",
    hint: str = SUBSCRIBE_FIRST,
) -> AssertionError:
    """Say that a message has not come, or that the server has closed."""
    if connection.state == "closed":
        article = "an" if what[0] in "aeiou" else "a"
        return closed(connection, protocol, f"{article} {what}", expected)
    hint = hint if connection.is_open else ""
    return nothing_came(
        connection, what, timeout, expected=expected, call=call, hint=hint
    )


def no_subprotocol(connection: WebsocketConnection, wanted: str) -> AssertionError:
    """Say that the server has accepted without the protocol."""
    chosen = [
        entry.event.get("subprotocol")
        for entry in connection.transcript
        if entry.event.get("type") == "websocket.accept"
    ]
    how = f"with the subprotocol {say(chosen[-1])}" if any(chosen) else "without one"
    return AssertionError(
        f"{connection.label} did not choose the subprotocol {wanted!r}: it accepted"
        f" {how}.\n\n"
        f"The client offered: {in_a_row(connection.scope.get('subprotocols') or [])}.\n"
        "Check the path. If the server speaks the other protocol, give"
        f" protocol={_OTHER[wanted]!r}, or set graphql_protocol on the test case.\n\n"
        f"{connection.transcript}"
    )


def refused_init(
    connection: WebsocketConnection, event: Event, payload: Any
) -> AssertionError:
    """Say that the server has answered connection_init with an error."""
    said_so = "" if payload is None else f": {say(payload)}"
    return AssertionError(
        f"{connection.label} refused connection_init{said_so}.\n\n"
        "Check connection_params= and user=. To test the refusal itself, connect a"
        " client with connect(), send connection_init with send_json(), and read"
        " connection_error.\n\n"
        f"{connection.transcript.render(event)}"
    )


def other_message(
    connection: WebsocketConnection,
    event: Event,
    verdict: str,
    *,
    expected: Any = NOT_SAID,
    step: str = "",
) -> AssertionError:
    """Return the failure of a message that should have been another."""
    next_step = f"\n\n{step}" if step else ""
    return AssertionError(
        f"{verdict[0].upper()}{verdict[1:]}{said(expected)}{next_step}\n\n{connection.transcript.render(event)}"
    )


def has_errors(
    connection: WebsocketConnection,
    event: Event,
    who: str,
    result: GraphQLResult,
    *,
    by_execute: bool = False,
) -> AssertionError:
    """Say that a result has errors that nobody has expected."""
    step = _ALLOW_ERRORS if by_execute else _EXPECT_ERRORS
    return AssertionError(
        f"The result of {who} has errors: {in_words(result.errors)}.\n\n"
        f"Data: {_line(result.data)}\n\n"
        f"{step}\n\n"
        f"{connection.transcript.render(event)}"
    )


def errors_differ(
    connection: WebsocketConnection,
    event: Event,
    who: str,
    expected: Any,
    errors: list[Any],
) -> AssertionError:
    """Say that the errors are not the ones expected."""
    verdict, step = f"The result of {who} has no errors.", ""
    if errors:
        verdict = f"The errors of {who} are not the expected ones: {in_words(errors)}."
        step = f"{_HOW_ERRORS_MATCH}\n\n"
    return AssertionError(
        f"{verdict}\n\n"
        f"Expected: {say(expected)}\n"
        f"Received: {_line(errors)}\n\n"
        f"{step}"
        f"{connection.transcript.render(event)}"
    )


def data_differs(
    connection: WebsocketConnection,
    event: Event,
    who: str,
    wanted: Any,
    data: Any,
    *,
    partial: bool,
) -> AssertionError:
    """Say where the data of a result differs, with a diff."""
    is_payload = isinstance(wanted, dict) and set(wanted) == {"data"}
    step = (
        "assert_next() takes what is under 'data': leave that key out.\n\n"
        if is_payload
        else ""
    )
    return AssertionError(
        f"The result of {who} {how_it_differs(wanted, data, partial=partial)}.\n\n"
        f"Expected: {_line(wanted)}\n"
        f"Received: {_line(data)}\n\n"
        f"{diff(wanted, data, partial=partial)}{step}"
        f"{connection.transcript.render(event)}"
    )


def _line(payload: object) -> str:
    return describe_payload(json.dumps(payload, default=repr))
