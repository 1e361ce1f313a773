"""Notes below the text of an exception, on Python 3.10 as well."""

from __future__ import annotations

_WIDTH = 160
_PYTHON_SHOWS_THEM = hasattr(BaseException, "add_note")


def notes_of(error: BaseException) -> list[str]:
    """Return the notes of an exception."""
    return list(getattr(error, "__notes__", ()))


def add_note(error: BaseException, note: str) -> None:
    """Add a note to an exception, once."""
    notes = notes_of(error)
    if note not in notes:
        set_notes(error, [*notes, note])


def set_notes(error: BaseException, notes: list[str]) -> None:
    """Put notes in the place of those that an exception has."""
    # As add_note() does where Python has it.
    vars(error)["__notes__"] = notes


def text_of(error: BaseException) -> str:
    """Return what is printed of an exception besides its type."""
    return "\n".join([str(error), *notes_of(error)])


def shortly(error: BaseException | None) -> str:
    """Return the type and the first line of an exception, not too long."""
    text, *_ = f"{type(error).__name__}: {error}".splitlines()
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 4]} ..."


def show_notes(error: BaseException) -> None:
    """
    Make notes a part of the text where Python would not print them.

    For an exception that has left the test: nothing compares its text by then.
    Where it makes its text by itself they stay notes, which pytest shows.
    """
    if _PYTHON_SHOWS_THEM or not notes_of(error):
        return
    if [str(error)] == [str(it) for it in error.args] or not error.args:
        text = text_of(error).lstrip()
        error.args = (text,)
        if str(error) == text:
            set_notes(error, [])
