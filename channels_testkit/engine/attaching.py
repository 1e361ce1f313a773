"""The engine on a loop that is somebody else's: ``asyncio.run()``, pytest."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Any

from .own_thread import OwnThread
from .watchdog import Watchdog
from .watches import watch_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

_SECONDS_BETWEEN_LOOKS = 0.05


class _Attached:
    """What the watchdog looks after: the hand-over of one loop."""

    pause = _SECONDS_BETWEEN_LOOKS

    def __init__(self, own: OwnThread) -> None:
        self._own = own

    def look(self) -> None:
        """See to a job that takes long."""
        self._own.look()


@contextlib.contextmanager
def attached(loop: asyncio.AbstractEventLoop) -> Iterator[OwnThread]:
    """
    Run the thread-sensitive jobs of a loop in this thread, for a block.

    The loop is one that this thread runs, or will run. Afterwards its jobs are
    asgiref's again.
    """
    rest, watchdog = watch_of(loop), Watchdog.get()
    own = OwnThread(loop)
    before = rest.run_own_job, rest.on_post, rest.is_here
    rest.run_own_job, rest.on_post = own.run_next, own.posted
    rest.is_here = lambda: own.has_loop
    watchdog.watch(_Attached(own))
    try:
        with _interrupts_of_jobs(own):
            yield own
    finally:
        watchdog.rest()
        rest.run_own_job, rest.on_post, rest.is_here = before
        own.close()


@contextlib.contextmanager
def _interrupts_of_jobs(own: OwnThread) -> Iterator[None]:
    """
    Let Ctrl-C end a job: ``asyncio.Runner`` cancels its main task only.

    A job runs in the thread of the loop, which goes on when it has ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former: Any = signal.getsignal(signal.SIGINT)

    def interrupt(number: int, frame: Any) -> None:
        if own.depth or not callable(former):
            raise KeyboardInterrupt
        former(number, frame)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, former)
