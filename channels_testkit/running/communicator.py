"""``ApplicationCommunicator``: any ASGI application, event by event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from channels_testkit.matching.wording import say

from .kit_calls import kit_coroutine
from .not_copied import NotCopied
from .plain_driver import ApplicationDriver
from .shown import is_overridden, shown

if TYPE_CHECKING:
    import asyncio
    from collections.abc import MutableMapping

    from channels.consumer import AsyncConsumer

    from channels_testkit.asgi.application import (
        ASGIApplication,
        Event,
        GivenApplication,
    )
    from channels_testkit.asgi.transcript import Transcript

    from .driver import Driver

__unittest = True


class ApplicationCommunicator(NotCopied):
    """
    An ASGI application of any kind, driven event by event by an async test.

    It takes what ``channels.testing``'s class takes and has its methods. The
    application starts with the first call, and sees the ``scope`` as it is.
    Every call returns at rest. Timeouts are in seconds; ``None`` stands for
    the test case's ``receive_timeout``. If the application raises, the next
    call raises its exception, once the events before it are read; or else the
    end of the test does. Nothing checks the events that the application sends:
    ``WebsocketCommunicator`` and ``HttpCommunicator`` do.

    Subclasses may have attributes of any name, and may override
    ``send_input()``, ``receive_output()`` and ``wait()``, which the other
    methods then call.

    Example::

        class Mailer(AsyncConsumer):
            async def mail(self, message):
                await self.send({"type": "mailed", "to": message["to"]})

        scope = {"type": "channel"}
        communicator = ApplicationCommunicator(Mailer.as_asgi(), scope)
        await communicator.send_input({"type": "mail", "to": "ann"})
        event = await communicator.receive_output()
        self.assertEqual(event, {"type": "mailed", "to": "ann"})
    """

    __test__ = False

    _kit_driver: Driver[Any]

    def __init__(
        self, application: GivenApplication, scope: MutableMapping[str, Any]
    ) -> None:
        self._kit_driver = ApplicationDriver(application, scope, lambda: self.label)
        self._kit_driver.holds_errors = True

    @property
    def _is_of_a_test(self) -> bool:
        return self._kit_driver.run is not None

    # What can be read.

    @shown
    def label(self) -> str:
        """How failures call it: who or which method, and which path."""
        return self._kit_driver.usual_label

    @shown
    def application(self) -> ASGIApplication:
        """The application: the given one, or that of the test."""
        return self._kit_driver.application

    @shown
    def scope(self) -> MutableMapping[str, Any]:
        """The scope: the consumer's own once there is one."""
        return self._kit_driver.scope

    @scope.setter
    def scope(self, scope: MutableMapping[str, Any]) -> None:
        self._kit_driver.scope = scope

    @shown
    def consumer(self) -> AsyncConsumer:
        """The consumer instance behind the application and its middleware."""
        return self._kit_driver.consumer

    @shown
    def instance(self) -> AsyncConsumer:
        """The same as ``consumer``."""
        return self._kit_driver.consumer

    @shown
    def transcript(self) -> Transcript:
        """What has crossed the connection, in order."""
        transcript: Transcript = self._kit_driver.observed("transcript").transcript
        return transcript

    @shown
    def future(self) -> asyncio.Future[None]:
        """The task of the application, or what it came to."""
        return self._kit_driver.begun("future").future  # type: ignore[no-any-return]

    @shown
    def input_queue(self) -> asyncio.Queue[Event]:
        """The events that the application has not received."""
        return self._kit_driver.begun("input_queue").input  # type: ignore[no-any-return]

    @shown
    def output_queue(self) -> asyncio.Queue[Event]:
        """The events of the application that the test has not read."""
        return self._kit_driver.begun("output_queue").output  # type: ignore[no-any-return]

    # Events.

    @kit_coroutine
    async def send_input(self, message: dict[str, Any]) -> None:
        """
        Give the application an ASGI event, whatever state it is in.

        So a test can be a client that goes on sending after a close. Raises
        an exception that the application has raised before, and ``TypeError``
        for a value that is not an event.
        """
        _check_event(message)
        await self._kit_driver.feed(message)

    @kit_coroutine
    async def receive_output(self, timeout: float | None = None) -> dict[str, Any]:
        """
        Return the next ASGI event of the application that was not read.

        Raises ``NoFrame`` if none comes within ``timeout`` seconds.
        """
        connection = await self._kit_driver.await_event(timeout)
        event: dict[str, Any] = connection.unread.popleft()
        return event

    @kit_coroutine
    async def receive_nothing(self, timeout: float = 0.1, interval: float = 0) -> bool:
        """
        Tell whether there is no unread event.

        It waits only for timers that are due within ``timeout`` seconds;
        ``interval`` is accepted and ignored.
        """
        del interval
        return await self._kit_driver.is_silent(timeout)

    # The end.

    @kit_coroutine
    async def wait(self, timeout: float | None = None) -> None:
        """
        Wait until the application has ended; raise what it raised.

        Raises ``NoFrame`` if it has not ended within ``timeout`` seconds.
        """
        await self._kit_driver.wait(timeout)

    def stop(self, exceptions: bool = True) -> None:
        """
        Cancel the application, without a disconnect.

        Raises what it raised before, unless ``exceptions`` is false.
        """
        self._kit_driver.stop(exceptions=exceptions)

    def __repr__(self) -> str:
        driver = self._kit_driver
        return f"<{type(self).__name__} {driver.label}: {driver.state}>"


def _check_event(event: object) -> None:
    if not isinstance(event, Mapping) or "type" not in event:
        raise TypeError(f"An event is a dict with a 'type', not {say(event)}.")


async def give(communicator: ApplicationCommunicator, event: Event) -> None:
    """Give the application an event, as the communicator does that."""
    if is_overridden(communicator, "send_input"):
        await communicator.send_input(dict(event))
    else:
        await communicator._kit_driver.feed(event)  # noqa: SLF001 - its module
