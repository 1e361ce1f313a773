"""Messages that a real layer drops, which channels_redis at most logs."""

from __future__ import annotations

import collections
import contextvars
import logging
from typing import TYPE_CHECKING, Any
from unittest.util import safe_repr

from channels_testkit.engine.patches import OwnAttribute

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator, Mapping

    Message = dict[str, Any]

_LOGGER = "channels_redis.core"
_OVER_CAPACITY = "channels over capacity"
#: What the call of group_send() that is under way has logged about capacity.
_logged: contextvars.ContextVar[list[str]] = contextvars.ContextVar("_logged")


class RealDrops:
    """
    What the real layers of a test have dropped.

    A context manager, inside of which it sees what they only log.
    """

    def __init__(self) -> None:
        self._to_groups: dict[str, list[tuple[Message, str]]] = {}
        self._of_channels: dict[str, list[Message]] = {}
        self._noting: list[OwnAttribute] = []

    def __enter__(self) -> None:
        logger = logging.getLogger(_LOGGER)
        # A handler would depend on the levels that the project has set.
        noting = OwnAttribute(logger, "info", _noting(logger.info))
        noting.__enter__()
        self._noting.append(noting)

    def __exit__(self, *exc_info: object) -> None:
        self._noting.pop().__exit__(*exc_info)

    def watch(self, layer: Any) -> None:
        """See what a layer drops from now on."""
        layer.group_send = self._watched(layer.group_send)
        buffer = vars(layer).get("receive_buffer")
        if isinstance(buffer, collections.defaultdict):
            layer.receive_buffer = _WatchedBuffer(buffer, self._of_channels)

    def take(self, labels: Mapping[str | None, str]) -> Iterator[str]:
        """
        Say what was dropped so far, each message once.

        ``labels`` say whose channel one is.
        """
        for group in tuple(self._to_groups):
            yield _told_of_group(group, self._to_groups.pop(group))
        for channel in tuple(self._of_channels):
            whose = labels.get(channel, f"channel {channel!r}")
            yield _told_of_channel(whose, self._of_channels.pop(channel))

    def _watched(self, group_send: Callable[[str, Message], Any]) -> Any:
        """Return the same ``group_send()``, seen when it logs a drop."""

        async def watched(group: str, message: Message) -> None:
            logged: list[str] = []
            outside = _logged.set(logged)
            try:
                await group_send(group, message)
            finally:
                _logged.reset(outside)
            if logged:
                drop = dict(message), logged[0]
                self._to_groups.setdefault(group, []).append(drop)

        return watched


def _noting(info: Callable[..., None]) -> Callable[..., None]:
    """Return a logger's ``info()``, which also notes what is over capacity."""

    def noting(text: object, *args: object, **options: Any) -> None:
        if _OVER_CAPACITY in str(text):
            _logged.get([]).append(str(text) % args)
        # Past this function.
        info(text, *args, **{**options, "stacklevel": options.get("stacklevel", 1) + 1})

    return noting


class _WatchedBuffer(collections.defaultdict[str, "asyncio.Queue[Message]"]):
    """
    The messages of consumers that another one has taken off the server.

    channels_redis keeps as many for each channel as its capacity, and then
    drops the oldest.
    """

    def __init__(
        self,
        buffer: collections.defaultdict[str, asyncio.Queue[Message]],
        drops: dict[str, list[Message]],
    ) -> None:
        super().__init__(buffer.default_factory, buffer)
        self._drops = drops

    def __missing__(self, channel: str) -> asyncio.Queue[Message]:
        queue = super().__missing__(channel)
        put = queue.put_nowait

        def put_nowait(item: Message) -> None:
            if queue.full():
                self._drops.setdefault(channel, []).append(queue.get_nowait())
            put(item)

        queue.put_nowait = put_nowait  # type: ignore[method-assign]
        return queue


def _told_of_group(group: str, drops: list[tuple[Message, str]]) -> str:
    message, logged = drops[0]
    return _told(
        f"to group {group!r}",
        len(drops),
        "Redis held as many for a channel as its capacity allows",
        message,
        f"channels_redis only logs {logged!r}. In Redis, all consumers of a process"
        " share one channel.",
    )


def _told_of_channel(whose: str, messages: list[Message]) -> str:
    return _told(
        f"for {whose}",
        len(messages),
        "its consumer had not read as many as the capacity allows",
        messages[0],
        "channels_redis drops the oldest, and logs nothing.",
    )


def _told(where: str, count: int, why: str, message: Message, how: str) -> str:
    one = count == 1
    return (
        f"{'1 message' if one else f'{count} messages'} {where}"
        f" {'was' if one else 'were'} dropped, because {why}.\n\n"
        f"{'Message' if one else 'The first'}: {safe_repr(message, short=True)}\n\n"
        f'{how} If the test is about this, set check_dropped = "off" on the test'
        " case."
    )
