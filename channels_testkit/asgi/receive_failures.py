"""Why a receive got nothing, and what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.engine.virtual_time import exact
from channels_testkit.exceptions import NoFrame
from channels_testkit.layers.fault_failures import withheld
from channels_testkit.layers.group_failures import no_receivers
from channels_testkit.matching.wording import say

from .unfinished_handler import unfinished_handler

if TYPE_CHECKING:
    from .application import Event
    from .connection import Connection
    from .environment import SeenTime


#: The longest wait that a failure suggests.
_SECONDS_WORTH_A_TIMEOUT = 600.0
_AT_REST = ": the application is at rest."
_NO_REAL_TIME = " With use_virtual_time = True, the wait takes no real time."
#: Stands for an expectation that was not given.
NOT_SAID: Any = object()


def nothing_came(
    connection: Connection,
    what: str,
    timeout: float | None,
    *,
    expected: Any = NOT_SAID,
    call: str = "give timeout=, or set receive_timeout on the test case.",
    hint: str = "",
    step: str = "",
    evidence: str = "",
    marked: Event | None = None,
) -> NoFrame:
    """
    Return the failure of a receive that got nothing.

    ``timeout`` is how long it would have waited, or None if it only looked.
    ``call`` is the call that waits, which helps unless the message was sent
    to nobody. ``step`` replaces it if another call is needed with virtual
    time too, and ``evidence`` is about the event that is ``marked``.
    """
    channel = getattr(connection.consumer, "channel_name", None)
    fault = withheld(channel, connection.fed_at)
    reason, can_come = why_nothing(connection, timeout)
    if fault and reason == _AT_REST:
        reason, fault, hint = f": {fault}.", "", ""
    cause = "" if fault else no_receivers(connection.fed_at)
    step = (step or _wait(connection, call)) if can_come else hint
    parts = [
        f"No {what} from {connection.label}{reason}{said(expected)}",
        evidence,
        f"{fault[:1].upper()}{fault[1:]}." if fault else cause,
        "" if cause and can_come else step,
        connection.transcript.render(marked),
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
    """Return a line that shows what was expected, or nothing."""
    return "" if expected is NOT_SAID else f"\n\nExpected: {say(expected)}"


def in_words(connection: Connection) -> str:
    """Return the state of a connection in words, to follow "is"."""
    code = getattr(connection, "close_code", None)
    words = {
        "new": "not connected yet",
        "connecting": "not accepted yet",
        "closed": f"closed by the application (code {code})",
        "disconnected": "disconnected by the test",
        "ended": f"gone, because its application {_end_in_words(connection)}",
    }
    if connection.state == "ended" and _loop_has_gone(connection):
        return (
            "gone with its event loop, which async_to_sync() and asyncio.run() make"
            " for one call: make all calls in one coroutine, or use a WebsocketTestCase"
            " and its sync calls"
        )
    return words.get(connection.state, connection.state)


def _end_in_words(connection: Connection) -> str:
    error = connection.error
    return "has ended" if error is None else f"raised {type(error).__name__}"


def _loop_has_gone(connection: Connection) -> bool:
    return connection.task is not None and connection.task.get_loop().is_closed()


def why_nothing(connection: Connection, timeout: float | None) -> tuple[str, bool]:
    """Say why nothing came, and tell whether something still can."""
    if connection.error is not None:
        return f": its application {_end_in_words(connection)}.", False
    if connection.has_ended or connection.state not in {"connecting", "open"}:
        return f": the connection is {in_words(connection)}.", False
    rest = connection.environment.rest
    within = " so far" if timeout is None else f" within {timeout:g} s"
    outside = rest.outside_work()
    if outside:
        return f"{within}; {outside[0]} may still cause one.", True
    stuck = unfinished_handler(connection)
    timers = rest.application_timers()
    if not timers:
        if stuck is None:
            return _AT_REST, False
        return f": the application is at rest, and {stuck.in_words}.", False
    if (time := connection.environment.virtual_time) is not None:
        return f"{within}: {_next_timer(time)}", True
    seconds = max(timers[0][0] - rest.loop.time(), 0)
    timer = f"{stuck.place} waits for" if stuck else "the application has"
    is_near = seconds <= _SECONDS_WORTH_A_TIMEOUT
    return f"{within}: {timer} a timer that is due in {_about(seconds)} s.", is_near


def timer_not_reached(connection: Connection) -> str | None:
    """Name the timer that virtual time has not reached, and a call for it."""
    time = connection.environment.virtual_time
    if time is None or not time.timers or connection.has_ended:
        return None
    timer = _next_timer(time)
    return f"{timer[0].upper()}{timer[1:]} {_way_there(time)}"


def _next_timer(time: SeenTime) -> str:
    timer = time.timers[0]
    due = exact(timer.due - time.now)
    return f"a timer in {timer.name}() ({timer.line}) is due in {due} s."


def _way_there(time: SeenTime) -> str:
    call = time.call_that_advances(time.timers[0].due - time.now)
    return f"To get there, write '{call}'."


def _wait(connection: Connection, call: str) -> str:
    """Say what to write to wait for what is still to come."""
    time = connection.environment.virtual_time
    if time is not None and time.timers:
        return _way_there(time)
    rest = connection.environment.rest
    is_timer = time is None and rest.application_timers() and not rest.outside_work()
    more = _NO_REAL_TIME if is_timer else ""
    return f"To wait for it, {call}{more}"


def _about(seconds: float) -> str:
    return f"{float(f'{seconds:.2g}'):g}"
