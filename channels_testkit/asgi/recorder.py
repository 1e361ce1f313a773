"""Finding the consumer behind any middleware."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from channels.consumer import AsyncConsumer

from channels_testkit.engine.origins import OWNER

if TYPE_CHECKING:
    from collections.abc import MutableMapping


class MeetsConsumer(Protocol):
    """What is told of the consumer that an application has led to."""

    def meet(self, consumer: AsyncConsumer, scope: MutableMapping[str, Any]) -> None:
        """Take note of the consumer and of the scope that it is given."""


class Recorder:
    """Wraps ``AsyncConsumer.__call__`` while some application is running."""

    def __init__(self) -> None:
        self._held = 0
        self._real: Any = None

    def hold(self) -> None:
        """Record until ``release()`` has been called as often."""
        self._held += 1
        if self._held == 1:
            self._real = AsyncConsumer.__call__
            AsyncConsumer.__call__ = _recording(self._real)  # type: ignore[method-assign]

    def release(self) -> None:
        """Undo one ``hold()``."""
        self._held -= 1
        if not self._held:
            AsyncConsumer.__call__ = self._real  # type: ignore[method-assign]


def _recording(real: Any) -> Any:
    async def call(
        consumer: AsyncConsumer, scope: Any, receive: Any, send: Any
    ) -> None:
        owner = cast("MeetsConsumer | None", OWNER.get())
        if owner is not None:
            owner.meet(consumer, scope)
        await real(consumer, scope, receive, send)

    return call


recorder = Recorder()
