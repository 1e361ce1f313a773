"""Cancelling tasks, and waiting until they have ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


async def cancel(tasks: Iterable[asyncio.Task[Any]], timeout: float) -> None:
    """Cancel tasks, and give them ``timeout`` seconds to end."""
    undone = [task for task in tasks if not task.done()]
    for task in undone:
        task.cancel()
    if undone:
        await asyncio.wait(undone, timeout=timeout)


async def cancel_everything(timeout: float) -> None:
    """Cancel every other task of the loop, as ``asyncio.run()`` does."""
    await cancel(asyncio.all_tasks() - {asyncio.current_task()}, timeout)
    await asyncio.get_running_loop().shutdown_asyncgens()
