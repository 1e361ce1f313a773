"""Lifespans of applications, sound ones and others."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

STARTUP_COMPLETE = {"type": "lifespan.startup.complete"}
SHUTDOWN_COMPLETE = {"type": "lifespan.shutdown.complete"}


class StateConsumer(AsyncJsonWebsocketConsumer):
    """Sends what the state has under the key that it receives."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        state = self.scope["state"]
        state[content] = state.get(content, 0)
        await self.send_json(state[content])


# Their lines are in the texts of failures.


async def says_something_else(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.started"})


async def fails_later(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(STARTUP_COMPLETE)
    task = asyncio.create_task(_fail())
    await receive()
    del task
    await send(SHUTDOWN_COMPLETE)


async def _fail() -> None:
    raise ConnectionError("Redis has gone")


async def cancels_all(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(STARTUP_COMPLETE)
    await receive()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await send(SHUTDOWN_COMPLETE)


# Sound ones.


def lifespan_of(
    manager: Callable[[dict[str, Any]], contextlib.AbstractAsyncContextManager[None]],
) -> Any:
    """Return a lifespan that enters a context with the state."""

    async def lifespan(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        async with manager(scope["state"]):
            await send(STARTUP_COMPLETE)
            await receive()
        await send(SHUTDOWN_COMPLETE)

    return lifespan


def noting(log: list[str]) -> Any:
    """Return a lifespan that notes what it is told."""

    @contextlib.asynccontextmanager
    async def manager(state: dict[str, Any]) -> AsyncIterator[None]:
        log.append("started")
        state.update(log=log, loop=id(asyncio.get_running_loop()))
        yield
        log.append("shut down")

    return lifespan_of(manager)


def routed(lifespan: Any, websocket: Any = None) -> ProtocolTypeRouter:
    """Return an application with a lifespan."""
    return ProtocolTypeRouter(
        {
            "lifespan": lifespan,
            "websocket": websocket or StateConsumer.as_asgi(),
        }
    )
