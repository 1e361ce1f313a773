"""What a test has done before something shows that it is one of the kit."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

from asgiref.sync import SyncToAsync
from channels.layers import BaseChannelLayer

from channels_testkit.engine.patches import Patch
from channels_testkit.engine.places import UNKNOWN_LINE, calling_line

if TYPE_CHECKING:
    from collections.abc import Callable

_MESSAGE = "used a channel layer, which was not captive yet"
#: What a layer checks names by; before Channels 4.3 it is the last two.
_CHECKS = (
    *("require_valid_channel_name", "require_valid_group_name"),
    *("valid_channel_name", "valid_group_name"),
)
_JOB = "gave a job to a thread, which was not the test's yet"


class EarlyUse:
    """
    Notes the first message and the first thread job of a test, by line.

    For a test that may turn out to be one of the kit when it is under way.
    """

    def __init__(self) -> None:
        self._found: dict[str, str] = {}
        self._patches = contextlib.ExitStack()
        for name in filter(vars(BaseChannelLayer).__contains__, _CHECKS):
            self._note(BaseChannelLayer, name, _MESSAGE)
        self._note(SyncToAsync, "__call__", _JOB)

    def _note(self, kind: type, name: str, what: str) -> None:
        real: Callable[..., Any] = vars(kind)[name]

        @functools.wraps(real)
        def call(subject: Any, *args: Any, **options: Any) -> Any:
            if getattr(subject, "_thread_sensitive", True):
                self._found.setdefault(what, _where())
            return real(subject, *args, **options)

        self._patches.enter_context(Patch(kind, name, call))

    def end(self) -> list[str]:
        """Note no more; return what was noted, in words."""
        self._patches.close()
        return [f"{line} {what}" for what, line in self._found.items()]


def _where() -> str:
    line = calling_line()
    return "A thread" if line == UNKNOWN_LINE else f"The line {line}"
