"""When tasks of the test wake up, which may send something then."""

from __future__ import annotations

import asyncio
from typing import Any

from . import private, private_timers
from .jobs import APPLICATION


def ends_of_sleeps(loop: asyncio.AbstractEventLoop) -> list[float]:
    """
    Return when tasks of the test that are in ``asyncio.sleep()`` go on.

    A timeout of the test counts for nothing: it only ends a wait. Neither
    does a task that is nothing but a sleep.
    """
    ends = {
        private_timers.future_of_sleep(handle): handle.when()
        for handle, context in private_timers.scheduled_timers(loop)
        if not context.get(APPLICATION)
    }
    ends.pop(None, None)
    if not ends:
        return []
    awaited = map(private.awaited_by, filter(_goes_on, asyncio.all_tasks(loop)))
    return [ends[future] for future in awaited if future in ends]


def _goes_on(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not asyncio.sleep.__code__
