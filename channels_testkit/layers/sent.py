"""What was sent on a captive layer: one entry a message."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Kind = Literal["send", "group_send"]
Message = dict[str, Any]


class Sent(NamedTuple):
    """
    A message that was put on a captive layer.

    ``kind`` is ``"send"`` or ``"group_send"``; ``group`` is ``None`` for the
    first, ``channel`` for the second. ``receivers`` are the channels it was
    put on, ``dropped`` those of the group that were full. ``sequence`` grows
    with every message sent in this process, on whatever layer.
    ``in_atomic_block`` says that the sender was inside an ``atomic()`` that
    is not the test case's own.
    """

    kind: Kind
    channel: str | None
    group: str | None
    message: Message
    receivers: tuple[str, ...]
    dropped: tuple[str, ...]
    sequence: int
    in_atomic_block: bool
    alias: str | None = None

    def __repr__(self) -> str:
        text = f"<{self.kind} {self.sequence} to {self.channel or self.group!r}"
        if self.kind == "group_send":
            text += f", {len(self.receivers)} received, {len(self.dropped)} dropped"
        return f"{text}: {self.message!r}>"
