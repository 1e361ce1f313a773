"""The messages that clients, consumers and groups exchange."""

from __future__ import annotations

import datetime
from typing import Any, Literal

from chanx.messages.base import BaseMessage
from pydantic import BaseModel, ConfigDict


class Pinned(BaseModel):
    note_id: int
    note_text: str
    is_mine: bool = False


class PinNote(BaseMessage):
    action: Literal["pin_note"] = "pin_note"
    payload: str


class NotePinned(BaseMessage):
    action: Literal["note_pinned"] = "note_pinned"
    payload: Pinned


class NoteEvent(BaseMessage):
    """What the group of a board is told; ``by`` is the channel of who pins."""

    action: Literal["note_event"] = "note_event"
    payload: Pinned
    by: str | None = None


class Say(BaseMessage):
    action: Literal["say"] = "say"
    payload: Any


class Said(BaseMessage):
    """Takes nothing but its own, so not what Chanx adds on the wire."""

    model_config = ConfigDict(extra="forbid")
    action: Literal["said"] = "said"
    payload: Any


class Remind(BaseMessage):
    action: Literal["remind"] = "remind"
    payload: datetime.datetime


class Reminder(BaseMessage):
    action: Literal["reminder"] = "reminder"
    payload: datetime.datetime


class Break(BaseMessage):
    """Make the handler raise."""

    action: Literal["break"] = "break"
    payload: None = None


class BreakEvent(BaseMessage):
    """Make the handler of an event raise."""

    action: Literal["break_event"] = "break_event"
    payload: None = None


class StrangeEvent(BaseMessage):
    """What no consumer listens to."""

    action: Literal["strange_event"] = "strange_event"
    payload: None = None


class Tick(BaseMessage):
    model_config = ConfigDict(extra="forbid")
    action: Literal["tick"] = "tick"
    payload: int


class TickEvent(BaseMessage):
    action: Literal["tick_event"] = "tick_event"
    payload: int
