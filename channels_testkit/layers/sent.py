"""What was sent on a captive layer: one entry a message."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from django.core.exceptions import ImproperlyConfigured

from channels_testkit.engine.sharing import connections_in_use

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


def in_atomic_block() -> bool:
    """
    Return whether the calling thread is inside an ``atomic()`` of its own.

    Blocks of Django's ``TestCase`` do not count. Only connections that the
    thread already has are asked.
    """
    try:
        in_use = tuple(connections_in_use())
    except ImproperlyConfigured:  # no settings, no connections
        return False
    return any(
        not getattr(block, "_from_testcase", False)
        for connection in in_use
        for block in connection.atomic_blocks
    )
