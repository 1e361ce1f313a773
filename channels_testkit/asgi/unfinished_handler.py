"""A handler that has not returned, and what it keeps waiting."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import asgiref
import channels

from channels_testkit.engine import places
from channels_testkit.layers.aliases import is_captive

if TYPE_CHECKING:
    from types import CodeType, FrameType

    from .connection import Connection


class UnfinishedHandler(NamedTuple):
    """Where it is, which event it handles, and how many wait behind it."""

    place: str
    event: int | None
    behind: int

    @property
    def in_words(self) -> str:
        """The words for it in a failure."""
        since = "" if self.event is None else f" since event {self.event}"
        has = f"{self.place} has not returned{since}"
        if not self.behind:
            return has
        waits = "message waits" if self.behind == 1 else "messages wait"
        return f"{has}; {self.behind} {waits} behind it"


def unfinished_handler(connection: Connection) -> UnfinishedHandler | None:
    """Return the handler that the application is in, if it is in one."""
    task = connection.task
    chain = [] if task is None else places.named_chain(task.get_coro())
    frames = [frame for _, frame in chain]
    codes = [frame.f_code for frame in frames]
    after = max((n for n, code in enumerate(codes) if _awaits_event(code)), default=-1)
    inside = [it for it in chain[after + 1 :] if not _is_library(it[1].f_code)]
    if not inside:
        return None
    name, frame = inside[-1]
    file = os.path.basename(frame.f_code.co_filename)
    place = f"{name}() ({file}:{frame.f_lineno})"
    is_of_client = any(code.co_name.startswith("websocket_") for code in codes)
    event = connection.last_received() if is_of_client else None
    return UnfinishedHandler(place, event, _behind(connection, frames))


def _behind(connection: Connection, frames: list[FrameType]) -> int:
    count = connection.not_received
    for frame in frames:
        if _is_dispatch(frame.f_code):
            # The first one is the one that the handler is about.
            done = [task for task in frame.f_locals.get("tasks", ()) if task.done()]
            count += max(len(done) - 1, 0)
    layer: Any = getattr(connection.consumer, "channel_layer", None)
    if layer is not None and is_captive(layer):
        count += len(layer.pending(connection.consumer.channel_name))  # type: ignore[union-attr]
    return count


def _awaits_event(code: CodeType) -> bool:
    return _is_dispatch(code) or code is asyncio.Queue.get.__code__


def _is_dispatch(code: CodeType) -> bool:
    return code.co_name == "await_many_dispatch"


def _is_library(code: CodeType) -> bool:
    return code.co_filename.startswith(_LIBRARIES)


_LIBRARIES = tuple(
    os.path.dirname(os.path.abspath(path)) + os.sep
    for path in (
        asyncio.__file__,
        channels.__file__,
        asgiref.__file__,
        os.path.dirname(__file__),
    )
)
