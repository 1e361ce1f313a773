"""Lines that are added to what is printed of an exception."""

from __future__ import annotations

import functools


def add_line(error: BaseException, line: str) -> None:
    """Let what is printed of an exception end with a line."""
    # Python 3.10 has no notes.
    add = getattr(error, "add_note", None) or functools.partial(add_to_text, error)
    add(line)


def add_to_text(error: BaseException, line: str) -> None:
    """Add a line to an exception's text, wherever it has that."""
    # Selenium's own, and breaches of the protocol.
    for name in ("msg", "text"):
        if isinstance(getattr(error, name, None), str):
            setattr(error, name, f"{getattr(error, name)}\n{line}")
            return
    first, *others = error.args or ("",)
    error.args = (f"{first}\n{line}", *others)
