"""
Faults that a test asks a captive layer for: lost, twice, late, or refused.

A delivery is one message on its way to one channel: a message to a group of
three members makes three.
"""

from __future__ import annotations

import copy
import random
import threading
from typing import TYPE_CHECKING, NamedTuple

from channels.exceptions import ChannelFull

from channels_testkit.engine.origins import called

from .sent import LayerFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from channels_testkit.engine.origins import Owner

    from .sent import FaultKind, Kind, Message

    Predicate = Callable[[Message], object]
    #: How many deliveries: so many, a share of all, or those that it is true
    #: for.
    HowMany = int | float | Predicate

#: What becomes of a delivery, by the argument that asks for it.
KIND_OF: dict[str, FaultKind] = {
    "lose": "lost",
    "duplicate": "duplicated",
    "delay": "delayed",
    "error": "failed",
}


class Sending(NamedTuple):
    """A message that is being sent, and the channels that it is to go to."""

    kind: Kind
    name: str
    message: Message
    sequence: int
    channels: Sequence[str]

    @property
    def group(self) -> str | None:
        """The group that it is sent to, if it is one."""
        return self.name if self.kind == "group_send" else None


class Outcome(NamedTuple):
    """
    What happens to a message, and its number.

    Of the ``channels`` that it is sent to, some get it ``now``, and of these
    some ``again``.
    """

    sequence: int
    channels: Sequence[str]
    now: Sequence[str]
    again: Sequence[str] = ()
    lost: Sequence[str] = ()
    faults: tuple[LayerFault, ...] = ()
    #: What the call raises, if it does: then nobody gets anything.
    error: BaseException | None = None


class Choice:
    """Which deliveries, or calls, have one kind of fault."""

    def __init__(self, name: str, how_many: HowMany, seed: int) -> None:
        self.name = name
        self.how_many = how_many
        # One for each, so that another kind of fault changes nothing here. Of
        # a text, which is the same in each process.
        self._random = random.Random(f"{name} {seed}")
        self._lock = threading.Lock()
        #: How many it was asked about, and how many it has chosen.
        self.asked = 0
        self.chosen = 0
        #: What the predicate has raised, at first.
        self.error: Exception | None = None

    @property
    def is_share(self) -> bool:
        """Whether chance decides."""
        return isinstance(self.how_many, float) and self.how_many < 1

    @property
    def is_complete(self) -> bool:
        """Whether as many had the fault as were to have it."""
        wanted = self.how_many if isinstance(self.how_many, int) else 1
        return self.chosen >= wanted

    def takes(self, message: Message) -> bool:
        """Tell whether the next one has the fault; callable in any thread."""
        is_wanted = self._is_wanted(message)
        with self._lock:
            self.asked += 1
            is_chosen = is_wanted and self._is_chosen()
            self.chosen += is_chosen
        return is_chosen

    def _is_wanted(self, message: Message) -> bool:
        if not callable(self.how_many):
            return True
        try:
            return bool(self.how_many(copy.deepcopy(message)))
        except Exception as error:
            self.error = self.error or error
            raise

    def _is_chosen(self) -> bool:
        if isinstance(self.how_many, float):
            return self._random.random() < self.how_many
        return not isinstance(self.how_many, int) or self.chosen < self.how_many


class Faults:
    """
    The faults that one block asks for, and those that were made.

    ``hold(fault, copies)`` keeps a message that comes later;
    ``make_error()`` makes what a call raises; ``on_fault()`` is called at each
    fault, in whatever thread.
    """

    def __init__(
        self,
        choices: Mapping[str, Choice],
        *,
        group: str | None,
        channel: str | None,
        hold: Callable[[LayerFault, int], object],
        make_error: Callable[[], BaseException],
        on_fault: Callable[[], object],
    ) -> None:
        self.choices = choices
        self.group = group
        self.channel = channel
        #: What was done, in order.
        self.done: list[LayerFault] = []
        #: Keeps a message that comes later.
        self.hold = hold
        #: Makes what a call raises.
        self.error = make_error
        self._on_fault = on_fault

    def fail(self, sending: Sending) -> LayerFault | None:
        """Return the fault of a call that is to raise, if it is."""
        if not (self._is_about_call(sending) and self._chooses("error", sending)):
            return None
        channel = None if sending.group else sending.name
        return self._note(_fault("failed", sending, channel, None))

    def faults_of(
        self, sending: Sending, channel: str, receiver: str | None
    ) -> list[LayerFault]:
        """Return the faults of one delivery."""
        is_of_group = self.group is None or self.group == sending.group
        if not is_of_group or self.channel not in {None, channel}:
            return []
        # What is lost comes neither twice nor late.
        asked = ["lose"] if self._chooses("lose", sending) else ["duplicate", "delay"]
        return [
            self._note(_fault(KIND_OF[name], sending, channel, receiver))
            for name in asked
            if name == "lose" or self._chooses(name, sending)
        ]

    @property
    def are_complete(self) -> bool:
        """Whether all that was asked for has happened."""
        return all(choice.is_complete for choice in self.choices.values())

    def _chooses(self, name: str, sending: Sending) -> bool:
        choice = self.choices.get(name)
        return choice is not None and choice.takes(sending.message)

    def _is_about_call(self, sending: Sending) -> bool:
        if "error" not in self.choices:
            return False
        if self.group is not None:
            return self.group == sending.group
        is_of_channel = self.channel is None or (
            sending.group is None and self.channel == sending.name
        )
        return is_of_channel and self._can_raise(sending)

    def _can_raise(self, sending: Sending) -> bool:
        # A real layer drops messages to a full channel of a group, without an
        # error.
        return sending.group is None or not isinstance(self.error(), ChannelFull)

    def _note(self, fault: LayerFault) -> LayerFault:
        self.done.append(fault)
        self._on_fault()
        return fault


class Capture(Faults):
    """
    What a block asks for whose messages arrive nowhere.

    ``takes(group, channel)`` tells whether it is about what is sent to a
    group, or else to a channel.
    """

    def __init__(self, takes: Callable[[str | None, str | None], bool]) -> None:
        super().__init__(
            {},
            group=None,
            channel=None,
            hold=_never,
            make_error=AssertionError,
            on_fault=lambda: None,
        )
        self._takes = takes

    def faults_of(
        self, sending: Sending, channel: str, receiver: str | None
    ) -> list[LayerFault]:
        """Keep a delivery that the block is about."""
        sent_to = None if sending.group else sending.name
        if not self._takes(sending.group, sent_to):
            return []
        return [self._note(_fault("captured", sending, channel, receiver))]


def _never(fault: LayerFault, copies: int) -> None:
    """Stand for what keeps late messages, where none is late."""


def _fault(
    kind: FaultKind, sending: Sending, channel: str | None, receiver: str | None
) -> LayerFault:
    return LayerFault(
        kind, sending.group, channel, sending.message, sending.sequence, receiver
    )


def outcome_of(
    blocks: Sequence[Faults],
    sending: Sending,
    owner_of: Callable[[str], Owner | None],
) -> Outcome:
    """
    Return what happens to a message.

    ``blocks`` are nested, the innermost last. For each delivery, the innermost
    block that has a fault for it decides. ``owner_of()`` returns who waits on
    a channel.
    """
    for block in reversed(blocks):
        fault = block.fail(sending)
        if fault is not None:
            error = block.error()
            return Outcome(sending.sequence, (), (), faults=(fault,), error=error)
    now, again, lost = [], [], []
    faults: list[LayerFault] = []
    for channel in sending.channels:
        owner = owner_of(channel)
        receiver = None if owner is None else called(owner)
        asker, found = _first_faults(blocks, sending, channel, receiver)
        kinds = {fault.kind for fault in found}
        if asker is None:
            now.append(channel)
        elif kinds & {"lost", "captured"}:
            lost.append(channel)
        elif "delayed" in kinds:
            asker.hold(found[-1], 1 + ("duplicated" in kinds))
        else:
            now.append(channel)
            again += [channel] if "duplicated" in kinds else []
        faults += found
    return Outcome(sending.sequence, sending.channels, now, again, lost, tuple(faults))


def _first_faults(
    blocks: Sequence[Faults], sending: Sending, channel: str, receiver: str | None
) -> tuple[Faults | None, list[LayerFault]]:
    """Return the faults of a delivery, and the block that asks for them."""
    for block in reversed(blocks):
        found = block.faults_of(sending, channel, receiver)
        if found:
            return block, found
    return None, []
