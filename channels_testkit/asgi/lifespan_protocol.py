"""The rules for what an application may send in its lifespan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .events import Breach, Event, not_a_dict, unknown_type

if TYPE_CHECKING:
    from collections.abc import Mapping

STARTUP = "lifespan.startup"
SHUTDOWN = "lifespan.shutdown"
STARTUP_COMPLETE = "lifespan.startup.complete"
STARTUP_FAILED = "lifespan.startup.failed"
SHUTDOWN_COMPLETE = "lifespan.shutdown.complete"
SHUTDOWN_FAILED = "lifespan.shutdown.failed"

EVENT_TYPES = (SHUTDOWN_COMPLETE, SHUTDOWN_FAILED, STARTUP_COMPLETE, STARTUP_FAILED)

#: The states that an event leads to.
_LEADS_TO: Mapping[str, str] = {
    STARTUP_COMPLETE: "started",
    STARTUP_FAILED: "startup failed",
    SHUTDOWN_COMPLETE: "complete",
    SHUTDOWN_FAILED: "shutdown failed",
}


class LifespanProtocol:
    """
    Follow what the application sends in its lifespan, and check it.

    ``state`` is one of:

    * ``"starting"``: it has not said how start-up went;
    * ``"started"``: start-up is complete;
    * ``"stopping"``: the server has asked it to shut down;
    * ``"complete"``: shutdown is complete;
    * ``"startup failed"`` and ``"shutdown failed"``: it said so.
    """

    def __init__(self) -> None:
        self.state = "starting"

    def check(self, event: object) -> Breach | None:
        """Return what is wrong with sending ``event`` now, or ``None``."""
        if not isinstance(event, dict):
            return not_a_dict(event, f"{{'type': {STARTUP_COMPLETE!r}}}")
        kind = event.get("type")
        if not isinstance(kind, str) or kind not in EVENT_TYPES:
            return unknown_type(event, EVENT_TYPES, "a lifespan")
        return _out_of_order(self.state, kind)

    def sent(self, event: Event) -> None:
        """Move on to the state that sending ``event`` leads to."""
        kind = event.get("type")
        if isinstance(kind, str) and not _out_of_order(self.state, kind):
            self.state = _LEADS_TO.get(kind, self.state)

    def shuts_down(self) -> None:
        """Note that the server asks the application to shut down."""
        self.state = "stopping"


def _out_of_order(state: str, kind: str) -> Breach | None:
    is_of_startup = kind in (STARTUP_COMPLETE, STARTUP_FAILED)
    if state == ("starting" if is_of_startup else "stopping"):
        return None
    if not is_of_startup and state in ("starting", "started"):
        return Breach(
            "lifespan-not-asked",
            f"The application sent {kind!r} before the server asked it to shut down, "
            f"and a server does not wait for that; await receive() until {SHUTDOWN!r} "
            "comes.",
        )
    return Breach(
        "lifespan-answered-twice",
        f"The application sent {kind!r} when it had answered already, and a server "
        f"refuses a second answer; answer {STARTUP!r} once and {SHUTDOWN!r} once.",
    )
