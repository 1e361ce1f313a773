"""
Threads that stop for a moment, wherever they are in the engine.

A busy machine does that to one thread in some thousand runs, between any two
calls; this does it in every run, so that each order of events comes up.
"""

from __future__ import annotations

import contextlib
import functools
import random
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_STALLED = (
    "channels_testkit/engine/",
    "asgiref/current_thread_executor.py",
    "asgiref/sync.py",
    "concurrent/futures/",
)
#: It stands for the clock, by which others are late.
_NOT_STALLED = "engine/watchdog.py"
#: Less than a switch of threads takes, more, and longer than a job may take
#: before the loop goes on in another thread.
_SECONDS = (0.0005, 0.02, 0.15)


@contextlib.contextmanager
def stalls(share: float, seed: int) -> Iterator[None]:
    """Stop at a share of the engine's calls and returns, for the block."""
    chance = random.Random(seed)

    def stall(frame: FrameType, _event: str, _arg: Any) -> None:
        if _is_stalled(frame.f_code.co_filename) and chance.random() < share:
            time.sleep(chance.choice(_SECONDS))

    if not share:
        yield
        return
    # Not a tracer, as a debugger is: the engine leaves those their time.
    threading.setprofile(stall)
    sys.setprofile(stall)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


@functools.cache
def _is_stalled(path: str) -> bool:
    return _NOT_STALLED not in path and any(name in path for name in _STALLED)
