"""Tracebacks without the kit's frames: the test, then the application."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import itertools
import linecache
import os
from pathlib import Path
from typing import TYPE_CHECKING

import asgiref.sync

from channels_testkit.exceptions import DeadlockError, HangError, ProtocolError

if TYPE_CHECKING:
    from types import TracebackType

_PACKAGE = str(Path(__file__).parent.parent) + os.sep
_PLUMBING = tuple(
    os.path.dirname(file) + os.sep
    for file in (asyncio.__file__, concurrent.futures.__file__, asgiref.sync.__file__)
)
_LOOP = str(Path("asyncio") / "base_events.py")


def hide_kit_frames(error: BaseException) -> None:
    """
    Take the kit's own frames out of an exception's traceback.

    Not where the kit itself broke: then they are what there is to see.
    """
    entries = list(_entries(error.__traceback__))
    is_report = isinstance(error, (DeadlockError, HangError))
    if not entries or not (
        is_report or _is_raise(entries[-1]) or not _is_kit(entries[-1])
    ):
        return
    shown = _shown(entries) or entries[-1:]
    # Where it waits, and not what waiting is made of.
    while is_report and _is_plumbing(shown[-1]) and shown[1:]:
        shown.pop()
    for entry, following in zip(shown, [*shown[1:], None], strict=True):
        entry.tb_next = following
    # Once: what is added is a part of the traceback from then on.
    shown[-1].tb_next = vars(error).pop("stuck_at", shown[-1].tb_next)
    error.__traceback__ = shown[0]


def hide_plumbing(error: BaseException) -> None:
    """Take what leads from loop and thread to the application out as well."""
    entries = list(_entries(error.__traceback__))
    shown = [entry for entry in entries[:-1] if not _is_plumbing(entry)]
    shown += entries[-1:]
    for entry, following in itertools.pairwise(shown):
        entry.tb_next = following
    if shown:
        error.__traceback__ = shown[0]


def hide_library_frames(error: BaseException) -> None:
    """Hide the kit's own frames, and those between it and the application."""
    hide_kit_frames(error)
    hide_plumbing(error)


def note_owner(error: BaseException, owner: str) -> None:
    """
    Add to an exception whose it is, where Python has notes: from 3.11 on.

    Not to a breach of the protocol, which begins with that.
    """
    add_note = getattr(error, "add_note", None)
    if add_note is None or isinstance(error, ProtocolError):
        return
    note = f"Raised by {owner}."
    if note not in getattr(error, "__notes__", ()):
        add_note(note)


def _shown(entries: list[TracebackType]) -> list[TracebackType]:
    """Leave out the kit's frames, and those of the exit stacks that it has."""
    shown = []
    is_hidden = False
    for entry in entries:
        is_hidden = _is_kit(entry) or (is_hidden and _is_contextlib(entry))
        if not is_hidden:
            shown.append(entry)
    return shown


def _entries(traceback: TracebackType | None) -> list[TracebackType]:
    entries = []
    while traceback is not None:
        entries.append(traceback)
        traceback = traceback.tb_next
    return entries


def _is_raise(entry: TracebackType) -> bool:
    """Tell a refusal, which the kit raises, from what goes wrong in it."""
    path = entry.tb_frame.f_code.co_filename
    # An interrupt may come before the first line.
    line = linecache.getline(path, entry.tb_lineno or 0)
    return line.lstrip().startswith("raise ")


def _is_kit(entry: TracebackType) -> bool:
    filename = entry.tb_frame.f_code.co_filename
    return filename.startswith(_PACKAGE) or filename.endswith(_LOOP)


def _is_plumbing(entry: TracebackType) -> bool:
    return entry.tb_frame.f_code.co_filename.startswith(_PLUMBING)


def _is_contextlib(entry: TracebackType) -> bool:
    return entry.tb_frame.f_code.co_filename == contextlib.__file__
