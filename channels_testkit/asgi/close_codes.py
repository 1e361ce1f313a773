"""With which codes and reasons an application may close a WebSocket."""

from __future__ import annotations

from .events import Breach, Event, check_unicode, described, is_int, quoted

MAX_REASON_BYTES = 123
#: What an application receives for a close frame without a code.
NO_CODE = 1005
#: What it receives for a connection that was lost.
LOST = 1006


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
            f"The application closed with the code {quoted(code)}, which an endpoint"
            " may not send; use an int: 1000, or for codes of your own 3000 to 4999.",
        )
    if not is_open:
        return None
    return Breach(
        "close-code",
        f"The application closed with the code {quoted(code)}, which some servers do"
        " not send, and for which Daphne raises an error; use 1000, or for codes of"
        " your own 3000 to 4999.",
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
        f"The application closed with the reason {quoted(reason)} of {length} bytes, "
        f"and a close frame has room for {MAX_REASON_BYTES}; shorten it, or send the "
        "text in a frame before the close.",
    )


def check_disconnect(code: object, reason: object) -> None:
    """
    Raise ``TypeError`` or ``ValueError`` for what no client can close with.

    An endpoint may send more than a page may: a browser sends 1001 itself.
    """
    if not is_int(code):
        raise TypeError(f"disconnect(code={quoted(code)}): a close code is an int.")
    if code == LOST:
        raise ValueError(
            f"disconnect(code={LOST}): no client sends this code, which means that the"
            " connection was lost. To lose the connection, write drop()."
        )
    if not (code == NO_CODE or _is_close_code(code) or _is_code_for_all(code)):
        raise ValueError(
            f"disconnect(code={code}): no client can send this code. A page can send"
            " 1000 and 3000 to 4999, and a browser sends 1001 when a page is left."
        )
    if not isinstance(reason, str):
        raise TypeError(f"disconnect(reason={quoted(reason)}): a reason is a str.")
    _check_size(reason)
    if reason and code == NO_CODE:
        raise ValueError(
            f"disconnect(code={NO_CODE}): this means a close without a code, which can"
            " have no reason. To send a reason, give another code."
        )


def _check_size(reason: str) -> None:
    if check_unicode(reason, "a reason") is not None:
        raise ValueError(f"disconnect(reason={quoted(reason)}): it cannot be UTF-8.")
    length = len(reason.encode())
    if length > MAX_REASON_BYTES:
        raise ValueError(
            f"disconnect(reason=...): {quoted(reason)} has {length} bytes, and a close"
            f" frame has room for {MAX_REASON_BYTES}. Shorten it."
        )
