"""The watch of a loop that no test case of the kit has made."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

from channels_testkit.exceptions import HangError

from . import debuggers, hangs, private
from .pools import WATCH
from .rest import RestWatch

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator


#: What a watch puts on a loop and its selector.
_TAKEN = ("select", "run_in_executor", "call_soon_threadsafe", "create_task")


def watch_of(loop: asyncio.AbstractEventLoop) -> RestWatch:
    """Return the loop's watch, attached on first use."""
    watch: RestWatch | None = getattr(loop, WATCH, None)
    if watch is None:
        watch = RestWatch(loop)
        watch.on_hang = functools.partial(_fail_hung, watch)
        # On the loop, so that both go together: a watch holds its loop.
        setattr(loop, WATCH, watch)
    return watch


@contextlib.contextmanager
def fresh_watch(loop: asyncio.AbstractEventLoop) -> Iterator[RestWatch]:
    """Put a watch of its own on a loop that others use, for a block."""
    places = (loop, private.selector_of(loop))
    before = [dict(vars(place)) for place in places]
    watch = RestWatch(loop)
    setattr(loop, WATCH, watch)
    try:
        yield watch
    finally:
        for place, names in zip(places, before, strict=True):
            for name in (*_TAKEN, WATCH):
                vars(place).pop(name, None)
                if name in names:
                    setattr(place, name, names[name])


def _fail_hung(watch: RestWatch) -> None:
    """Fail what waits for rest."""
    watch.deadline = None
    if not watch.waiters:
        return
    if debuggers.is_debugged():
        watch.arm()
    else:
        watch.waiters.fail(HangError(hangs.hang_text(watch)))
