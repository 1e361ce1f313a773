"""Notes below the text of an exception, on Python 3.10 as well."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_WIDTH = 160


def notes_of(error: BaseException) -> list[str]:
    """Return the notes of an exception."""
    return list(getattr(error, "__notes__", ()))


def add_note(error: BaseException, note: str) -> None:
    """Add a note to an exception, once."""
    notes = notes_of(error)
    if note not in notes:
        set_notes(error, [*notes, note])


def put_note(error: BaseException, note: str) -> None:
    """Add a note to an exception, in place of one of the same class."""
    others = [it for it in notes_of(error) if type(it) is not type(note)]
    set_notes(error, [*others, note])


def set_notes(error: BaseException, notes: list[str]) -> None:
    """Replace the notes of an exception."""
    # As add_note() does where Python has it.
    vars(error)["__notes__"] = notes


def words_of(error: BaseException) -> str:
    """Return the own text of an exception, also where its class fails."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - whatever the project's code raises
        # As Python prints it.
        return "<exception str() failed>"


def text_of(error: BaseException) -> str:
    """Return what is printed of an exception besides its type."""
    return "\n".join([words_of(error), *notes_of(error)])


def shortly(error: BaseException) -> str:
    """Return the type and the first line of an exception, not too long."""
    text, *_ = f"{type(error).__name__}: {words_of(error)}".splitlines()
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 4]} ..."


def _printing_notes(init: Callable[..., None]) -> Callable[..., None]:
    """Return what a traceback is made by, with notes as a part of its text."""

    def make(
        made: Any, kind: Any, error: BaseException, *args: Any, **options: Any
    ) -> None:
        init(made, kind, error, *args, **options)
        # It comes with pytest and anyio, and has them printed by itself.
        if "exceptiongroup" not in sys.modules:
            made._str = "\n".join([made._str, *notes_of(error)]).lstrip()  # noqa: SLF001 - no other way

    return make


if sys.version_info < (3, 11):
    # From now on and for good: an exception of a test is printed anywhere.
    _init = traceback.TracebackException.__init__
    traceback.TracebackException.__init__ = _printing_notes(_init)  # type: ignore[method-assign]
