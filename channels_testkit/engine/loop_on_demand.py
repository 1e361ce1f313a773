"""A loop that ``async_to_sync()`` makes when it needs one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from .private_asgiref import loop_adopted

if TYPE_CHECKING:
    import asyncio
    import contextlib
    from collections.abc import Callable


def loop_on_demand(
    make: Callable[[], asyncio.AbstractEventLoop],
) -> contextlib.AbstractContextManager[None]:
    """Let ``async_to_sync()`` of this thread make the loop that it needs."""
    return loop_adopted(cast("asyncio.AbstractEventLoop", _LoopOnDemand(make)))


class _LoopOnDemand:
    """Does what asgiref asks of a loop, by one that is made for that."""

    def __init__(self, make: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)
