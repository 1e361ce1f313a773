"""What was sent on a captive layer: one entry a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from .senders import Sender

Kind = Literal["send", "group_send"]
FaultKind = Literal["lost", "duplicated", "delayed", "failed", "captured"]
Message = dict[str, Any]


class LayerFault(NamedTuple):
    """
    What ``layer_faults()`` has done to one delivery, or to one call.

    ``kind`` is ``"lost"``, ``"duplicated"``, ``"delayed"``, ``"failed"`` for a
    call that has raised, or ``"captured"`` for a delivery that
    ``captureSent(deliver=False)`` has kept. ``channel`` is the channel of the
    delivery, and ``receiver`` the name of the receiver that waited there;
    ``group`` is ``None`` if the message was sent to the channel itself.
    ``sequence`` is that of the message, as in ``Sent``.
    """

    kind: FaultKind
    group: str | None
    channel: str | None
    message: Message
    sequence: int
    receiver: str | None = None


class Sent(NamedTuple):
    """
    A message that was put on a captive layer.

    ``kind`` is ``"send"`` or ``"group_send"``; ``group`` is ``None`` for the
    first, ``channel`` for the second. ``receivers`` are the channels it was
    put on, ``dropped`` those of the group that were full. ``sequence`` grows
    with every message sent in this process, on any layer.
    ``in_atomic_block`` is true if the sender was inside an ``atomic()`` that
    is not the test case's own. ``faults`` are what ``layer_faults()`` has done
    to it; a channel for which it was lost is not among the receivers.
    ``sender`` says whose code has sent it; it is ``None`` in an entry that a
    test has made by itself, or that has been pickled.
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
    faults: tuple[LayerFault, ...] = ()
    sender: Sender | None = None

    def __repr__(self) -> str:
        text = f"<{self.kind} {self.sequence} to {self.channel or self.group!r}"
        if self.kind == "group_send":
            text += f", {len(self.receivers)} received, {len(self.dropped)} dropped"
        return f"{text}: {self.message!r}>"
