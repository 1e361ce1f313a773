"""Tracebacks without the kit's frames: the test, then the application."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import linecache
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import asgiref.sync

from channels_testkit.exceptions import DeadlockError, HangError

from .places import folders_of_package

if TYPE_CHECKING:
    from types import TracebackType

_PACKAGE = str(Path(__file__).parent.parent) + os.sep
_PLUMBING = (
    *(
        os.path.dirname(file) + os.sep
        for file in (
            asyncio.__file__,
            concurrent.futures.__file__,
            asgiref.sync.__file__,
        )
    ),
    threading.__file__,
)
_CHANNELS = tuple(folders_of_package("channels"))
#: Where methods of dataclasses are.
_GENERATED = "<string>"
_LOOP = str(Path("asyncio") / "base_events.py")


def hide_kit_frames(error: BaseException) -> None:
    """
    Leave the code of the test and of its application in a traceback.

    The kit's own frames go, and those of asyncio, asgiref and Channels, which
    lead from loop and thread to the consumer; so they do in the exceptions
    that this one came of, or is a group of. If Channels raises, that frame
    stays. Not where the kit itself broke: then its frames are what there is to
    see.
    """
    for each in _with_its_causes(error):
        if each is not error and all(map(_is_kit, _entries(each.__traceback__))):
            # What it is a part of has the line of the test.
            each.__traceback__ = None
        _hide_in(each)


def end_with_the_test(error: BaseException) -> None:
    """Leave out what the kit called last: the call was wrong."""
    entries = list(_entries(error.__traceback__))
    authors = [entry for entry in entries if not _is_kit(entry)]
    if authors:
        authors[-1].tb_next = None


def leave_out(first: BaseException, error: BaseException) -> None:
    """Let an exception be printed without the one that came first."""
    for each in _with_its_causes(error):
        if each.__context__ is first and each.__cause__ is not first:
            each.__context__ = None


def _with_its_causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    ahead: list[object] = [error]
    while ahead:
        each = ahead.pop()
        is_known = any(each is other for other in found)
        if isinstance(each, BaseException) and not is_known:
            found.append(each)
            ahead += [each.__cause__, each.__context__]
            # Those of a group, which Python 3.10 does not have.
            ahead += getattr(each, "exceptions", ())
    return found


def _hide_in(error: BaseException) -> None:
    entries = list(_entries(error.__traceback__))
    is_report = isinstance(error, (DeadlockError, HangError))
    if not entries or not (
        is_report or _is_raise(entries[-1]) or not _is_kit(entries[-1])
    ):
        return
    shown = _shown(entries)
    for entry, following in zip(shown, [*shown[1:], None], strict=True):
        entry.tb_next = following
    # Once: what is added is a part of the traceback from then on.
    shown[-1].tb_next = vars(error).pop("stuck_at", shown[-1].tb_next)
    error.__traceback__ = shown[0]


def _shown(entries: list[TracebackType]) -> list[TracebackType]:
    """Leave out the kit's frames, and those of the exit stacks that it has."""
    shown = []
    is_hidden = False
    for entry in entries:
        is_hidden = _is_kit(entry) or (is_hidden and _is_contextlib(entry))
        if not is_hidden:
            shown.append(entry)
    authors = [entry for entry in shown if not _is_plumbing(entry)] or entries[-1:]
    return [it for it in authors[:-1] if not _is_of_channels(it)] + authors[-1:]


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
    if filename == _GENERATED:
        filename = str(entry.tb_frame.f_globals.get("__file__", filename))
    return filename.startswith(_PACKAGE) or filename.endswith(_LOOP)


def _is_plumbing(entry: TracebackType) -> bool:
    return entry.tb_frame.f_code.co_filename.startswith(_PLUMBING)


def _is_of_channels(entry: TracebackType) -> bool:
    return entry.tb_frame.f_code.co_filename.startswith(_CHANNELS)


def _is_contextlib(entry: TracebackType) -> bool:
    return entry.tb_frame.f_code.co_filename == contextlib.__file__
