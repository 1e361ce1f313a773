"""What ``layer_faults()`` has done, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels_testkit.matching import did_you_mean
from channels_testkit.matching.wording import first_of_each_kind, say, shorten

from .aliases import captive_layers
from .inspection import withheld_from
from .message_failures import listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .faults import Choice, Faults
    from .sent import LayerFault, Sent


def withheld(channel: str | None, since: int) -> str:
    """
    Say what a channel has not got because of faults that the test asked for.

    Of what was sent after the number ``since``; empty where there is none.
    """
    for layer in captive_layers().values():
        faults = withheld_from(layer, channel, since)
        if faults:
            more = f" (and {len(faults) - 1:,} more)" if len(faults) > 1 else ""
            return f"{_withheld_in_words(faults[-1])}{more}"
    return ""


def withheld_from_channel(channel: str) -> str:
    """Return a line that says what a test has kept from a channel, or ''."""
    text = withheld(channel, 0)
    return f"\n{text[0].upper()}{text[1:]}." if text else ""


def _withheld_in_words(fault: LayerFault) -> str:
    if fault.kind == "failed":
        return (
            f"the call that sends {_message(fault)} was made to fail by layer_faults()"
        )
    by = "layer_faults()"
    if fault.kind == "captured":
        by = "captureSent(deliver=False)"
    return f"the message {_message(fault)} was {fault.kind} by {by}"


def _message(fault: LayerFault) -> str:
    kind = say(fault.message.get("type"))
    return f"{kind} to {_target(fault)}"


def _target(fault: LayerFault) -> str:
    if fault.group is None:
        return f"channel {say(fault.channel)}"
    return f"group {say(fault.group)}"


def in_words(fault: LayerFault) -> str:
    """Say what was done to which message, and who was to get it."""
    text = f"{fault.kind}: {_message(fault)}"
    if fault.kind == "failed":
        return text
    if fault.receiver is not None:
        return f"{text}, for {fault.receiver}"
    return f"{text}, for channel {say(fault.channel)}" if fault.group else text


def summary(call: str, faults: Iterable[LayerFault]) -> str:
    """Say what a block has done."""
    lines = [f"  {in_words(fault)}" for fault in faults]
    if not lines:
        return f"{call} has done nothing so far."
    listing = "\n".join(first_of_each_kind(lines, "  "))
    return f"{call} has made these faults:\n{listing}"


def call_in_words(given: Mapping[str, Any], *, channel: str | None = None) -> str:
    """
    Return the call as a test may have written it.

    ``channel`` is who listens on the channel, where it was given so.
    """
    code = {name: _in_code(it) for name, it in given.items() if it is not None}
    if channel is not None:
        code["channel"] = channel
    return f"layer_faults({', '.join(f'{name}={it}' for name, it in code.items())})"


def _in_code(value: object) -> str:
    if isinstance(value, type) or callable(value):
        return shorten(getattr(value, "__name__", type(value).__name__))
    return say(value)


def too_few(call: str, faults: Faults, choice: Choice, sent: Sequence[Sent]) -> str:
    """
    Say that fewer deliveries had a fault than were to have it.

    ``sent`` is what was sent in the block.
    """
    what = "call" if choice.name == "error" else "delivery"
    found = "nothing"
    if choice.chosen:
        found = f"{choice.chosen:,} of the {_counted(choice.how_many, what)} asked for"
    verdict = f"{call} {_DONE[choice.name].format(found)}"
    reason = _chosen_by(choice, what) if choice.asked else _nothing_asked(faults, sent)
    return f"{verdict}: {reason}\n\n{_listed(sent)}"


_DONE = {
    "lose": "has lost {}",
    "duplicate": "has duplicated {}",
    "delay": "has delayed {}",
    "error": "has made {} fail",
}


def _nothing_asked(faults: Faults, sent: Sequence[Sent]) -> str:
    """Say why there was nothing that could have a fault."""
    if any(fault.kind == "captured" for entry in sent for fault in entry.faults):
        return "captureSent(deliver=False) has kept what was sent."
    groups = {entry.group for entry in sent if entry.group is not None}
    if faults.group is not None and faults.group not in groups:
        near = did_you_mean(faults.group, groups)
        return f"nothing was sent to group {say(faults.group)}.{near}"
    if faults.channel is not None:
        return f"nothing was sent to channel {say(faults.channel)}."
    if faults.group is not None:
        return f"group {say(faults.group)} had no members."
    return "no message had a receiver." if sent else "nothing was sent in the block."


def _chosen_by(choice: Choice, what: str) -> str:
    asked = _counted(choice.asked, what)
    if callable(choice.how_many):
        return f"the predicate is false for {asked}."
    if choice.is_share:
        return f"chance chose none of {asked}. Give a number, or another seed=."
    return f"there {'was' if choice.asked == 1 else 'were'} no more."


def _counted(count: Any, what: str) -> str:
    many = {"delivery": "deliveries", "call": "calls"}[what]
    return f"1 {what}" if count == 1 else f"{count:,} {many}"


def _listed(sent: Sequence[Sent]) -> str:
    if sent:
        return listing("any channel or group", sent)
    return "Inside the block, send the messages that the faults are for."
