"""When a call of a captive layer returns."""

from __future__ import annotations

import asyncio
import functools
from contextlib import suppress
from types import coroutine
from typing import TYPE_CHECKING

from channels_testkit.engine.jobs import APPLICATION, callers
from channels_testkit.engine.order import order_of
from channels_testkit.engine.origins import OWNER, called
from channels_testkit.engine.places import calling_places

if TYPE_CHECKING:
    from collections.abc import Generator

    from channels_testkit.engine.origins import Owner
    from channels_testkit.engine.places import Place


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs here, or None: a coroutine needs none."""
    with suppress(RuntimeError):
        return asyncio.get_running_loop()
    return None


@coroutine
def suspend() -> Generator[None, None, None]:
    """Let the loop go round once, as ``asyncio.sleep(0)`` does."""
    yield


async def answer(call: str) -> None:
    """
    Return as the layer of production would, when others have had their turn.

    Under a schedule that is an event, as a server's answer is. What a thread
    job waits for is none: events wait until the job has ended.
    """
    loop = running_loop()
    is_explored = loop is not None and order_of(loop).is_explored
    if loop is None or not is_explored or not APPLICATION.get() or callers():
        await suspend()
        return
    answered: asyncio.Future[None] = loop.create_future()
    say = functools.partial(_said, call, OWNER.get(), calling_places()[:1])

    def come() -> None:
        if not answered.done():
            answered.set_result(None)

    order_of(loop).arrive(answered, say, come)
    await answered


def _said(call: str, owner: Owner | None, places: tuple[Place, ...]) -> str:
    consumer = None if owner is None else owner.consumer
    lines = "".join(f"{it.function(consumer)}() ({it}) " for it in places)
    return f"{called(owner)}: {lines}goes on after {call}()"
