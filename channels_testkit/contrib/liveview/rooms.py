"""A browser in a room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.running.kit_calls import kit_coroutine, sync_twin
from channels_testkit.websocket.client import WSClient

from .frames import TurnAssertions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Unpack

    from channels_testkit.asgi.transcript import Transcript
    from channels_testkit.websocket.options import ConnectOptions

__unittest = True


class LiveViewClient(WSClient, TurnAssertions):
    """
    A browser in a room: a ``WSClient`` that calls functions.

    ``self.open_room()`` makes it. Its assertions are about the turn: what has
    come since a client of the test, or the test, last called a function.
    """

    def __init__(
        self,
        path: str,
        room: str,
        clients: list[LiveViewClient],
        **options: Unpack[ConnectOptions],
    ) -> None:
        super().__init__(path, **options)
        #: The room that the client is in.
        self.room = room
        self._turn_begins = 0
        self._clients = clients
        clients.append(self)

    @kit_coroutine
    async def acall(
        self,
        function: str,
        *,
        data: dict[str, Any] | None = None,
        form: dict[str, Any] | None = None,
        lang: str = "en",
    ) -> list[Any]:
        """
        Call a function as the page does; return the frames that came of it.

        Those are this client's. Raises what the handler raises.
        """
        __tracebackhide__ = True
        begin_turn(self._clients)
        content = content_of(function, data, form, lang, self.room)
        await self._driver.send_payload(content, "send_json()")
        return self.turn

    call = sync_twin(acall)

    def begin_turn(self) -> None:
        """Leave out of the turn what has come to this client so far."""
        connection = self._driver.connection
        self._turn_begins = 0 if connection is None else len(connection.frames)

    @property
    def turn(self) -> list[Any]:
        """The frames of this turn, decoded; they count as read."""
        self._run.ensure_rest()
        connection = self._driver.connected("turn")
        connection.take_frames()
        frames = connection.frames[self._turn_begins :]
        return [self._run.wire.decode_frame(frame) for frame in frames]

    def _look(self) -> tuple[list[Any], str, Transcript]:
        return self.turn, f"came to {self.label} in this turn", self.transcript


def begin_turn(clients: Iterable[LiveViewClient]) -> None:
    """Begin a turn for all clients of a test."""
    for client in clients:
        client.begin_turn()


def content_of(
    function: str,
    data: dict[str, Any] | None,
    form: dict[str, Any] | None,
    lang: str,
    room: str,
) -> dict[str, Any]:
    """Return what a page sends."""
    return {
        "function": function,
        "data": data or {},
        "form": form or {},
        "lang": lang,
        "room": room,
    }
