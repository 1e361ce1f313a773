"""With which codes and reasons an application may close a WebSocket."""

from __future__ import annotations

from .events import Breach, Event, check_unicode, described, is_int, told

MAX_REASON_BYTES = 123


def check_close(event: Event, *, is_open: bool) -> Breach | None:
    """
    Find what is wrong with a code or a reason.

    The code of a rejection, where nothing is open, never leaves the server.
    """
    return _check_code(event, is_open=is_open) or _check_reason(event)


def _check_code(event: Event, *, is_open: bool) -> Breach | None:
    code = event.get("code")
    if code is None or _is_code_for_all(code):
        return None
    if not _is_close_code(code):
        return Breach(
            "close-code",
            f"The application closed with the code {told(code)}, which an endpoint may"
            " not send; use an int: 1000, or for codes of your own 3000 to 4999.",
        )
    if not is_open:
        return None
    return Breach(
        "close-code",
        f"The application closed with the code {told(code)}, which not every server"
        " sends, and Daphne raises for; use 1000, or for codes of your own 3000 to"
        " 4999.",
    )


def _is_close_code(code: object) -> bool:
    """Tell whether RFC 6455 lets an endpoint send the code."""
    return is_int(code) and (1000 <= code <= 1003 or 1007 <= code <= 1014)


def _is_code_for_all(code: object) -> bool:
    return is_int(code) and (code == 1000 or 3000 <= code <= 4999)


def _check_reason(event: Event) -> Breach | None:
    reason = event.get("reason")
    if reason is None:
        return None
    if isinstance(reason, str):
        return check_unicode(reason, "the close reason") or _check_length(reason)
    return Breach(
        "reason-not-str",
        f"The application closed with the reason {described(reason)}, and a server "
        "takes a str; convert it first.",
    )


def _check_length(reason: str) -> Breach | None:
    length = len(reason.encode())
    if length <= MAX_REASON_BYTES:
        return None
    return Breach(
        "reason-too-long",
        f"The application closed with the reason {told(reason)} of {length} bytes, "
        f"and a close frame has room for {MAX_REASON_BYTES}; shorten it, or send the "
        "text in a frame before the close.",
    )
