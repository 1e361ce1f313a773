"""Failures about frames: verdict, evidence, transcript, next step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from channels_testkit.asgi.receive_failures import NOT_SAID, nothing_came, said
from channels_testkit.asgi.transcript import describe_payload
from channels_testkit.asgi.wire import JsonWire
from channels_testkit.matching import (
    Difference,
    first_difference,
    has_predicates,
    matches,
)
from channels_testkit.matching.wording import say, shorten

from .close_failures import with_reason
from .connection import is_frame, payload_of
from .ignored_frames import ignores_frames
from .json_diff import diff

if TYPE_CHECKING:
    from channels_testkit.asgi.application import Event

    from .connection import WebsocketConnection

__unittest = True


def check_frame_is_next(
    connection: WebsocketConnection,
    what: str,
    timeout: float | None = None,
    *,
    expected: Any = NOT_SAID,
) -> None:
    """Fail unless the next unread event is a frame."""
    if not connection.unread:
        hint = ignores_frames(connection)
        raise nothing_came(connection, what, timeout, expected=expected, hint=hint)
    check_is_frame(connection, connection.unread[0], what, expected=expected)


def check_is_frame(
    connection: WebsocketConnection,
    event: Event,
    what: str,
    *,
    expected: Any = NOT_SAID,
) -> None:
    """Fail unless an event is a frame."""
    if not is_frame(event):
        raise not_a_frame(connection, event, what, expected=expected)


def not_a_frame(
    connection: WebsocketConnection, event: Event, what: str, *, expected: Any
) -> AssertionError:
    """Return the failure of a receive whose next event is not a frame."""
    kind = event["type"]
    if kind == "websocket.close":
        verdict = (
            f"{connection.label} closed the connection (code {connection.close_code}"
            f"{with_reason(connection.close_reason)}) where a {what} was expected."
        )
    else:
        verdict = f"{connection.label} sent {say(kind)} where a {what} was expected."
    return AssertionError(
        f"{verdict}{said(expected)}\n\n{connection.transcript.render(event)}"
    )


def take_payload(connection: WebsocketConnection) -> str | bytes:
    """Take the next frame's payload."""
    return payload_of(connection.take())


def take_json(connection: WebsocketConnection, wire: JsonWire) -> Any:
    """Take the next frame's payload, decoded."""
    return json_of(connection, connection.take(), wire)


def json_of(connection: WebsocketConnection, event: Event, wire: JsonWire) -> Any:
    """Return the payload of a frame, decoded."""
    frame = payload_of(event)
    try:
        return wire.decode_frame(frame)
    except ValueError as error:
        is_json = type(wire).decode_frame is JsonWire.decode_frame
        fault = "is not JSON" if is_json else "cannot be decoded"
        raise AssertionError(
            f"The frame from {connection.label} {fault}: {_shown(event)}"
            f" ({shorten(str(error))}).\n\n{connection.transcript.render(event)}"
        ) from error


def take_text(connection: WebsocketConnection) -> str:
    """Take the next frame's text."""
    return text_of(connection, connection.take())


def text_of(connection: WebsocketConnection, event: Event) -> str:
    """Return the text of a frame."""
    payload = payload_of(event)
    if isinstance(payload, str):
        return payload
    raise AssertionError(_wrong_kind(connection, event, "binary", "text"))


def take_bytes(connection: WebsocketConnection) -> bytes:
    """Take the next frame's bytes."""
    return bytes_of(connection, connection.take())


def bytes_of(connection: WebsocketConnection, event: Event) -> bytes:
    """Return the bytes of a frame."""
    payload = payload_of(event)
    if isinstance(payload, bytes):
        return payload
    raise AssertionError(_wrong_kind(connection, event, "text", "binary"))


def _wrong_kind(
    connection: WebsocketConnection, event: Event, kind: str, wanted: str
) -> str:
    return (
        f"{connection.label} sent a {kind} frame where a {wanted} frame was expected:"
        f" {_shown(event)}.\n\n{connection.transcript.render(event)}"
    )


def _shown(event: Event) -> str:
    return describe_payload(payload_of(event))


def not_silent(connection: WebsocketConnection, event: Event) -> str:
    """Say that a frame has come."""
    kind = "text" if isinstance(payload_of(event), str) else "binary"
    return (
        f"{connection.label} received a {kind} frame where none was expected:"
        f" {_shown(event)}.\n\n"
        f"{connection.transcript.render(event)}"
    )


def others_received(connection: WebsocketConnection, event: Event) -> str:
    """Say that a connection got a frame that only others should get."""
    return (
        f"{connection.label} received a frame that only others should receive.\n\n"
        f"{connection.transcript.render(event)}"
    )


def payload_differs(
    connection: WebsocketConnection, event: Event, what: str, difference: Difference
) -> str:
    """Say how the text or the bytes of a frame differ."""
    return (
        f"The {what} from {connection.label} differs: expected"
        f" {difference.expected}, received {difference.actual}.\n\n"
        f"{connection.transcript.render(event)}"
    )


def is_dead(connection: WebsocketConnection) -> str:
    """Say that nothing came because the application has ended."""
    has_raised = connection.error is not None
    what = f"raised {type(connection.error).__name__}" if has_raised else "has ended"
    return (
        f"{connection.label} received nothing because its application {what}."
        f"\n\n{connection.transcript}"
    )


def how_it_differs(wanted: object, payload: object, *, partial: bool) -> str:
    """Say where a payload differs first, and what is there."""
    difference = first_difference(wanted, payload, partial=partial)
    if difference is None:
        return "differs: it does not match"
    place = f" at {say(difference.path)}" if difference.path else ""
    return (
        f"differs{place}: expected {difference.expected}, received {difference.actual}"
    )


def json_differs(
    found: WebsocketConnection,
    event: Event,
    wanted: object,
    payload: object,
    *,
    partial: bool,
) -> str:
    """Say where the payload of a frame differs, with a diff."""
    how = how_it_differs(wanted, payload, partial=partial)
    return (
        f"JSON frame from {found.label} {how}.\n\n"
        f"Expected: {_line(wanted)}\n"
        f"Received: {_line(payload)}\n\n"
        f"{diff(wanted, payload, partial=partial)}"
        f"{_still_encoded(wanted, payload)}"
        f"{_later_match(found, wanted, partial=partial)}"
        f"{found.transcript.render(event)}"
    )


def _still_encoded(wanted: object, payload: object) -> str:
    """Say what to write if the expected value is the JSON of the payload."""
    try:
        is_encoded = isinstance(wanted, str) and json.loads(wanted) == payload
    except ValueError:
        return ""
    if not is_encoded:
        return ""
    return f"Frames are compared decoded: expect {say(payload)}.\n\n"


def _later_match(found: WebsocketConnection, wanted: object, *, partial: bool) -> str:
    """Say which unread frame matches, if any; predicates are not called."""
    if has_predicates(wanted):
        return ""
    event = unread_match(found, wanted, partial=partial)
    if event is None:
        return ""
    return (
        f"A later frame matches, number {found.transcript.number_of(event)} of the"
        " transcript: read the frames before it first, or use receive_until().\n\n"
    )


def unread_match(
    found: WebsocketConnection, wanted: object, *, partial: bool
) -> Event | None:
    """Return the first unread frame that matches, or None."""
    wire = found.environment.wire
    for event in filter(is_frame, found.unread):
        try:
            payload = wire.decode_frame(payload_of(event))
        except ValueError:
            continue
        if matches(wanted, payload, partial=partial):
            return event
    return None


def _line(payload: object) -> str:
    return describe_payload(json.dumps(payload, default=repr))
