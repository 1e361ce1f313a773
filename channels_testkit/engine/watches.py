"""The watch of a loop that no test case of the kit has made."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from channels_testkit.exceptions import HangError

from . import debuggers, hangs
from .pools import WATCH
from .rest import RestWatch

if TYPE_CHECKING:
    import asyncio


def watch_of(loop: asyncio.AbstractEventLoop) -> RestWatch:
    """Return the loop's watch, attached on first use."""
    watch: RestWatch | None = getattr(loop, WATCH, None)
    if watch is None:
        watch = RestWatch(loop)
        watch.on_hang = functools.partial(_fail_hung, watch)
        # On the loop, so that both go together: a watch holds its loop.
        setattr(loop, WATCH, watch)
    return watch


def _fail_hung(watch: RestWatch) -> None:
    """Fail what waits for rest."""
    watch.deadline = None
    if not watch.has_waiters:
        return
    if debuggers.is_debugged():
        watch.arm()
    else:
        watch.fail_waiters(HangError(hangs.hang_text(watch)))
