from __future__ import annotations

import asyncio
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer as PlainConsumer
from chanx.channels.websocket import AsyncJsonWebsocketConsumer
from chanx.core.decorators import event_handler, ws_handler
from chanx.core.topic import Topic
from chanx.messages.incoming import PingMessage
from chanx.messages.outgoing import PongMessage

from . import services
from .authentication import BoardAuthenticator, BrokenAuthenticator, UserAuthenticator
from .messages import (
    Break,
    BreakEvent,
    NoteEvent,
    NotePinned,
    Pinned,
    PinNote,
    Remind,
    Reminder,
    Said,
    Say,
    Tick,
    TickEvent,
)

LOBBY = "lobby"


class BoardConsumer(AsyncJsonWebsocketConsumer[NoteEvent]):
    """Members pin notes to a board, and all of them see it."""

    authenticator_class = BoardAuthenticator

    async def post_authentication(self) -> None:
        self.board = self.authenticator.obj
        await self.join_group(f"board-{self.board.pk}")

    @ws_handler
    async def pin(self, message: PinNote) -> None:
        note = await services.keep_note(board=self.board, text=message.payload)
        pinned = Pinned(note_id=note.pk, note_text=message.payload)
        event = NoteEvent(payload=pinned, by=self.channel_name)
        await self.broadcast_event(event, f"board-{self.board.pk}")

    @event_handler
    async def tell(self, event: NoteEvent) -> NotePinned:
        mine = event.by == self.channel_name
        return NotePinned(payload=event.payload.model_copy(update={"is_mine": mine}))


class LobbyConsumer(AsyncJsonWebsocketConsumer):
    """For everybody who is logged in."""

    authenticator_class = UserAuthenticator
    groups = [LOBBY]

    @ws_handler
    async def ping(self, _message: PingMessage) -> PongMessage:
        return PongMessage()

    @ws_handler
    async def say(self, message: Say) -> Said:
        if message.payload == "to all":
            await self.broadcast_message(Said(payload="to all"))
        return Said(payload=message.payload)

    @ws_handler
    async def remind(self, message: Remind) -> Reminder:
        # The timer that a receive may wait for.
        await asyncio.sleep(0.01)
        return Reminder(payload=message.payload)

    @ws_handler
    async def break_it(self, _message: Break) -> None:
        raise LookupError("the handler is broken")

    @event_handler
    async def break_event(self, _event: BreakEvent) -> None:
        raise LookupError("the handler of the event is broken")


class LoungeConsumer(LobbyConsumer):
    """A subclass, with a group of its own."""

    groups = ["lounge"]


class CamelConsumer(BoardConsumer):
    camelize = True


class BrokenConsumer(LobbyConsumer):
    authenticator_class = BrokenAuthenticator


class TwiceConsumer(LobbyConsumer):
    """Routed twice."""


class UnroutedConsumer(LobbyConsumer):
    """Routed nowhere."""


class OpenConsumer(AsyncJsonWebsocketConsumer):
    """Has no authenticator."""

    @ws_handler
    async def ping(self, _message: PingMessage) -> PongMessage:
        return PongMessage()


class ClosingConsumer(AsyncJsonWebsocketConsumer):
    """Answers, and closes a moment later."""

    emits = [PongMessage]

    @ws_handler
    async def ping(self, _message: PingMessage) -> None:
        await self.send_message(PongMessage())
        await asyncio.sleep(0.01)
        await self.close(4001)


class TickTopic(Topic[TickEvent]):
    pattern = "ticks:{name}"

    @event_handler
    async def tick(self, event: TickEvent) -> Tick:
        return Tick(payload=event.payload)

    @ws_handler
    async def say(self, message: Say) -> Said:
        return Said(payload=[self.params["name"], message.payload])


class TopicConsumer(AsyncJsonWebsocketConsumer):
    topics = [TickTopic]

    @ws_handler
    async def ping(self, _message: PingMessage) -> PongMessage:
        return PongMessage()


class Plain(PlainConsumer):
    """Knows nothing of Chanx."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.send_json(content)
