"""Whether a debugger or a tracer takes time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from . import private

if TYPE_CHECKING:
    from types import FrameType

_DEBUGGERS = {"bdb", "pdb", "ipdb", "pydevd", "_pydevd_bundle"}


def is_debugged() -> bool:
    """Tell whether a debugger or a tracer may stop the code."""
    return is_traced() or debugger_is_active()


def debugger_is_active() -> bool:
    """Tell whether some thread is stopped in a debugger."""
    for frame in private.frames_by_thread().values():
        current: FrameType | None = frame
        while current is not None:
            module = current.f_globals.get("__name__") or ""
            if module.partition(".")[0] in _DEBUGGERS:
                return True
            current = current.f_back
    return False


def is_traced() -> bool:
    """Tell whether a tracer, other than coverage's, follows this thread."""
    trace = sys.gettrace()
    return trace is not None and not _is_coverage(trace)


def _is_coverage(trace: object) -> bool:
    owner = getattr(trace, "__self__", trace)
    return type(owner).__module__.partition(".")[0] == "coverage"
