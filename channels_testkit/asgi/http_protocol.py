"""The rules for what an application may send in answer to a request."""

from __future__ import annotations

from .events import (
    Breach,
    Event,
    check_body,
    check_headers,
    check_status,
    not_a_dict,
    unknown_type,
)

START = "http.response.start"
BODY = "http.response.body"

EVENT_TYPES = (BODY, START)


class HttpProtocol:
    """
    Follow what the application sends in answer to one request, and check it.

    ``state`` is one of:

    * ``"waiting"``: the response has not begun;
    * ``"started"``: it has begun, and more may come;
    * ``"complete"``: its last part has come;
    * ``"gone"``: the client went away before that.
    """

    def __init__(self) -> None:
        self.state = "waiting"

    def check(self, event: object) -> Breach | None:
        """
        Return what is wrong with sending ``event`` now, or ``None``.

        A key whose value is ``None`` counts as absent, as on a server. After
        the client has gone only the type is checked.
        """
        if not isinstance(event, dict):
            return not_a_dict(event, "{'type': 'http.response.start', 'status': 200}")
        kind = event.get("type")
        if not isinstance(kind, str) or kind not in EVENT_TYPES:
            return unknown_type(event, EVENT_TYPES, "answer to a request")
        if self.state == "gone":
            return None
        return _out_of_order(self.state, kind) or _check_content(kind, event)

    def sent(self, event: Event) -> None:
        """Move on to the state that sending ``event`` leads to."""
        if self.state == "waiting":
            self.state = "started"
        elif self.state == "started" and not event.get("more_body"):
            self.state = "complete"

    def client_gone(self) -> None:
        """Note that the client has gone before the end of the response."""
        if self.state != "complete":
            self.state = "gone"


def _out_of_order(state: str, kind: str) -> Breach | None:
    if state == "complete":
        return Breach(
            "response-after-end",
            f"The application sent {kind!r} after the last part of its response, and a "
            "server refuses everything after that; give more_body=True to the parts "
            "before the last.",
        )
    if state == "started" and kind == START:
        return Breach(
            "response-twice",
            f"The application sent {START!r} a second time, and a server refuses to "
            "start a response again; start it once.",
        )
    if state == "waiting" and kind == BODY:
        return Breach(
            "response-before-start",
            f"The application sent {BODY!r} before {START!r}, and a server refuses a "
            "body without a status; start the response first.",
        )
    return None


def _check_content(kind: str, event: Event) -> Breach | None:
    if kind == START:
        return check_status(event, "response-status", 200) or check_headers(event)
    return check_body(event)
