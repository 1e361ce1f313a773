"""What every communicator has: the calls that its driver answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .kit_calls import kit_coroutine

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from channels.consumer import AsyncConsumer
    from typing_extensions import Self

    from channels_testkit.asgi.transcript import Transcript

    from .driver import Driver


class NotCopied:
    """Something that belongs to one test, and that a copy would share."""

    @property
    def _is_of_a_test(self) -> bool:
        return True

    def __deepcopy__(self, memo: object) -> Self:
        if self._is_of_a_test:
            raise TypeError(
                f"{type(self).__name__} objects cannot be copied: a copy would share"
                " what this one has open. Make another one the way this one was made."
            )
        # Django copies what setUpTestData() makes; its use is refused.
        return self


class Driven(NotCopied):
    """A communicator; what it does is done by its driver."""

    __test__ = False

    _driver: Driver[Any]

    @property
    def _is_of_a_test(self) -> bool:
        return self._driver.run is not None

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
