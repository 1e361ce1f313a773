"""
What a layer holds, as mappings: its groups, and its channels.

They are for code that reads ``groups`` and ``channels`` of Channels' own
``InMemoryChannelLayer``. Each look is at what the layer holds then.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from .exchange import Exchange
    from .sent import Message

V = TypeVar("V")


class _Held(MutableMapping[str, V]):
    """A mapping that is read, and from which things can be taken away."""

    def clear(self) -> None:
        """Take everything away."""
        for name in tuple(self):
            # A thread may have taken it meanwhile.
            with contextlib.suppress(KeyError):
                del self[name]

    def replace(self, new: Mapping[str, Any]) -> None:
        """Take everything away; raise ``TypeError`` where ``new`` has any."""
        for name, value in new.items():
            self[name] = value
        self.clear()

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return copy.deepcopy(dict(self), memo)

    def __repr__(self) -> str:
        return repr(dict(self))


class Members(_Held[float]):
    """
    The members of a group: by channel, when each joined.

    Taking one away makes it leave; none can be added, which raises
    ``TypeError``.
    """

    def __init__(
        self,
        group: str,
        joined: Callable[[], dict[str, float]],
        leave: Callable[[str], None],
    ) -> None:
        self._group = group
        self._joined = joined
        self._leave = leave

    def __getitem__(self, channel: str) -> float:
        return self._joined()[channel]

    def __delitem__(self, channel: str) -> None:
        del self._joined()[channel]  # an unknown one is a KeyError
        self._leave(channel)

    def __setitem__(self, channel: str, joined: float) -> NoReturn:
        _refuse_member(self._group, channel)

    def __iter__(self) -> Iterator[str]:
        return iter(self._joined())

    def __len__(self) -> int:
        return len(self._joined())


class Groups(_Held[Members]):
    """
    The groups of a layer that have members, by name.

    Each is a mapping of its channels to the time they joined, by the clock of
    the layer. Called, it returns a plain dict with a tuple for each group.
    Taking a group away makes its members leave; nothing can be added, which
    raises ``TypeError``.
    """

    def __init__(
        self, exchange: Exchange, now: Callable[[], float], group_expiry: float
    ) -> None:
        self._exchange = exchange
        self._now = now
        self._group_expiry = group_expiry

    def __call__(self) -> dict[str, tuple[str, ...]]:
        """Return the members of each group that has any."""
        return self._exchange.groups(self._now())

    def __getitem__(self, group: str) -> Members:
        joined = partial(self._joined, group)
        if not joined():
            raise KeyError(group)
        return Members(group, joined, partial(self._exchange.leave, group))

    def __delitem__(self, group: str) -> None:
        self[group].clear()

    def __setitem__(self, group: str, members: Any) -> NoReturn:
        _refuse_member(group, next(iter(members), "..."))

    def __iter__(self) -> Iterator[str]:
        return iter(self())

    def __len__(self) -> int:
        return len(self())

    def copy(self) -> dict[str, Members]:
        """Return a dict of them, which keeps those that there are now."""
        return dict(self)

    def _joined(self, group: str) -> dict[str, float]:
        deadlines = self._exchange.deadlines(group, self._now())
        return {name: at - self._group_expiry for name, at in deadlines.items()}


class ChannelQueue:
    """The messages of one channel, with the methods of a queue in tests."""

    def __init__(
        self, exchange: Exchange, before_read: Callable[[], None], channel: str
    ) -> None:
        self._exchange = exchange
        self._before_read = before_read
        self._channel = channel

    def qsize(self) -> int:
        """Return how many messages the channel holds."""
        self._before_read()
        return len(self._exchange.channels.get(self._channel, ()))

    def empty(self) -> bool:
        """Tell whether it holds none."""
        return not self.qsize()

    def get_nowait(self) -> tuple[float, Message]:
        """
        Take the next message; return when it expires, and the message.

        Raises ``asyncio.QueueEmpty`` where there is none.
        """
        self._before_read()
        queued = self._exchange.pop(self._channel)
        if queued is None:
            raise asyncio.QueueEmpty
        return queued.deadline, queued.message

    def __getattr__(self, name: str) -> NoReturn:
        text = f"{type(self).__name__!r} object has no attribute {name!r}"
        if not name.startswith("_"):
            call = f'("{self._channel}")'
            text = (
                "A channel of a captive layer has qsize(), empty() and get_nowait(),"
                f" and no {name!r}: write 'await layer.receive{call}', or"
                f" 'async_to_sync(layer.receive){call}' in sync code."
            )
        raise AttributeError(text)

    def __repr__(self) -> str:
        count = self.qsize()
        return f"<{count} message{'' if count == 1 else 's'}>"


class Channels(_Held[ChannelQueue]):
    """
    The channels that somebody waits on, or that hold messages, by name.

    Each has ``qsize()``, ``empty()`` and ``get_nowait()``. Taking one away
    takes its messages; nothing can be added, which raises ``TypeError``.
    """

    def __init__(self, exchange: Exchange, before_read: Callable[[], None]) -> None:
        self._exchange = exchange
        self._before_read = before_read

    def __getitem__(self, channel: str) -> ChannelQueue:
        if channel not in self._names():
            raise KeyError(channel)
        return ChannelQueue(self._exchange, self._before_read, channel)

    def __delitem__(self, channel: str) -> None:
        # Its message may be on its way to a receiver, and on no channel: one
        # that is unknown is no KeyError.
        self._exchange.discard(channel)

    def __setitem__(self, channel: str, line: Any) -> NoReturn:
        call = f'("{channel}", {{...}})'
        raise TypeError(
            f"Messages are put on a channel by a call: write 'await layer.send{call}',"
            f" or 'async_to_sync(layer.send){call}' in sync code."
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def _names(self) -> dict[str, None]:
        self._before_read()
        return self._exchange.known()


def _refuse_member(group: str, channel: str) -> NoReturn:
    call = f'("{group}", "{channel}")'
    raise TypeError(
        f"Members join a group by a call: write 'await layer.group_add{call}', or"
        f" 'async_to_sync(layer.group_add){call}' in sync code."
    )
