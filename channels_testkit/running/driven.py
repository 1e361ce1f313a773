"""What every communicator has: the calls that its driver answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .kit_calls import kit_coroutine

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from channels.consumer import AsyncConsumer

    from channels_testkit.asgi.transcript import Transcript

    from .driver import Driver


class Driven:
    """A communicator; what it does is done by its driver."""

    __test__ = False

    _driver: Driver[Any]

    @property
    def label(self) -> str:
        """How failures call it: who or which method, and which path."""
        return self._driver.usual_label

    @property
    def scope(self) -> MutableMapping[str, Any]:
        """The scope: the consumer's own once there is one."""
        return self._driver.scope

    @property
    def consumer(self) -> AsyncConsumer:
        """The consumer instance behind the application and its middleware."""
        return self._driver.consumer

    @property
    def transcript(self) -> Transcript:
        """What has crossed the connection, in order."""
        transcript: Transcript = self._driver.observed("transcript").transcript
        return transcript

    @kit_coroutine
    async def wait(self, timeout: float | None = None) -> None:
        """
        Wait until the application has ended; raise what it raised.

        Raises ``NoFrame`` when it has not within ``timeout`` seconds.
        """
        await self._driver.wait(timeout)

    def stop(self, exceptions: bool = True) -> None:
        """
        Cancel the application, without a disconnect.

        Raises what it raised before, unless ``exceptions`` is false.
        """
        self._driver.stop(exceptions=exceptions)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.label}: {self._driver.state}>"
