"""Why a receive got nothing, and what can be done about it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import asgiref
import channels

from channels_testkit.exceptions import NoFrame
from channels_testkit.layers.group_failures import unheard

if TYPE_CHECKING:
    from types import CodeType

    from .connection import Connection


#: Stands for an expectation that was not said.
NOT_SAID: Any = object()


def nothing_came(
    connection: Connection,
    what: str,
    timeout: float | None,
    *,
    expected: Any = NOT_SAID,
    call: str = "give timeout=, or set receive_timeout on the test case.",
    hint: str = "",
) -> NoFrame:
    """
    Return the failure of a receive that got nothing.

    ``timeout`` is how long it was ready to wait, or None where it only
    looked; ``call`` is what would wait, where that can help: not for what
    was sent to nobody.
    """
    reason, can_come = _why_nothing(connection, timeout)
    cause = unheard(connection.fed_at)
    step = f"To wait for it, {call}" if can_come else hint
    parts = [
        f"No {what} from {connection.label}{reason}{said(expected)}",
        cause,
        "" if cause and can_come else step,
        str(connection.transcript),
    ]
    return NoFrame("\n\n".join(part for part in parts if part))


def waiting_call(what: str, *, is_client: bool) -> str:
    """Return the call that waits for a frame in an async test."""
    kind = what.partition(" ")[0].lower().replace("binary", "bytes")
    if is_client:
        return f"write 'await client.areceive_{kind}(timeout=...)'."
    name = "receive_json_from" if kind == "json" else f"receive_{kind}"
    return f"write 'await communicator.{name}(timeout=...)'."


def said(expected: object) -> str:
    """Return a line that shows what was expected, where something was."""
    return "" if expected is NOT_SAID else f"\n\nExpected: {expected!r}"


def in_words(connection: Connection) -> str:
    """Return the state of a connection as a sentence has it."""
    code = getattr(connection, "close_code", None)
    words = {
        "new": "not connected yet",
        "connecting": "not accepted yet",
        "closed": f"closed by the application (code {code})",
        "disconnected": "disconnected by the test",
        "ended": "gone, because its application has ended",
    }
    if connection.state == "ended" and _loop_has_gone(connection):
        return (
            "gone with its event loop, which async_to_sync() and asyncio.run() make"
            " for one call: make all calls in one coroutine, or use a WebsocketTestCase"
            " and its sync calls"
        )
    return words.get(connection.state, connection.state)


def _loop_has_gone(connection: Connection) -> bool:
    return connection.task is not None and connection.task.get_loop().is_closed()


def _why_nothing(connection: Connection, timeout: float | None) -> tuple[str, bool]:
    """Say why nothing came, and tell whether something still can."""
    if connection.error is not None:
        return f": its application raised {type(connection.error).__name__}.", False
    if connection.has_ended or connection.state not in {"connecting", "open"}:
        return f": the connection is {in_words(connection)}.", False
    rest = connection.surroundings.rest
    within = " so far" if timeout is None else f" within {timeout:g} s"
    outside = rest.outside_work()
    if outside:
        return f"{within}; {outside[0]} may still bring it.", True
    timers = rest.application_timers()
    if not timers:
        return ": the application is at rest.", False
    seconds = max(timers[0][0] - rest.loop.time(), 0)
    due = f"{float(f'{seconds:.2g}'):g}"
    place = _place_of_work(connection.task)
    timer = f"{place} waits for" if place else "the application has"
    return f"{within}: {timer} a timer that is due in {due} s.", True


def _place_of_work(task: asyncio.Task[None] | None) -> str | None:
    """Return where the project's code is, if it is not awaiting an event."""
    place = None
    awaitable: Any = task and task.get_coro()
    while awaitable is not None:
        frame = getattr(awaitable, "cr_frame", None)
        if frame is None:
            break
        if _awaits_event(frame.f_code):
            place = None
        elif not frame.f_code.co_filename.startswith(_LIBRARIES):
            file = os.path.basename(frame.f_code.co_filename)
            place = f"{awaitable.__qualname__}() ({file}:{frame.f_lineno})"
        awaitable = getattr(awaitable, "cr_await", None)
    return place


def _awaits_event(code: CodeType) -> bool:
    is_channels_loop = code.co_name == "await_many_dispatch"
    return is_channels_loop or code is asyncio.Queue.get.__code__


_LIBRARIES = tuple(
    os.path.dirname(os.path.abspath(path)) + os.sep
    for path in (
        asyncio.__file__,
        channels.__file__,
        asgiref.__file__,
        os.path.dirname(__file__),
    )
)
