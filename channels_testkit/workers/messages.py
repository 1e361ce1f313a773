"""Channels, groups and messages, as Channels 1 had them."""

from __future__ import annotations

import contextlib
import copy
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from django.db.models import Model

from channels_testkit.engine.notes import add_note
from channels_testkit.layers.aliases import (
    DEFAULT,
    captive_layer,
    is_captive,
    layer_in_place,
)
from channels_testkit.layers.fault_failures import withheld_from_channel
from channels_testkit.layers.message_failures import no_message
from channels_testkit.matching.wording import say
from channels_testkit.running.arguments import in_words, is_connection, word_for
from channels_testkit.running.kit_calls import kit_coroutine
from channels_testkit.running.run import required

from .running_worker import Workers

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping

    from channels_testkit.layers.captive import CaptiveChannelLayer
    from channels_testkit.running.run import TestRun

__unittest = True


class _Named:
    """A name on a layer that was put in place."""

    _advice: ClassVar[str]

    def __init__(self, name: str | bytes, alias: str = DEFAULT) -> None:
        #: The name on the layer.
        self.name = self._checked(name)
        #: The alias of the layer.
        self.alias = alias

    def _checked(self, name: object) -> str:
        if isinstance(name, (str, bytes)):
            return name.decode("ascii") if isinstance(name, bytes) else name
        kind = type(self).__name__
        text = f"{kind}(name): {in_words(name)} is not the name of a {kind.lower()}."
        if is_connection(name):
            text += f" {self._advice.format(word_for(name))}"
        raise TypeError(text)

    @property
    def channel_layer(self) -> CaptiveChannelLayer:
        """The layer of the alias: captive, or real where the class says so."""
        layer: CaptiveChannelLayer = layer_in_place(self.alias)
        return layer

    def _run_sync(self, work: Any, twin: str) -> None:
        name = type(self).__name__
        try:
            running = required(name)
        except RuntimeError:
            work.close()
            raise
        running.run_in_sync_test(work, f"{name}(...).{twin}")

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, alias={self.alias!r})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return (self.name, self.alias) == (other.name, other.alias)

    def __hash__(self) -> int:
        return hash((type(self), self.name, self.alias))


class Channel(_Named):
    """
    A channel of a layer that was put in place, a captive one as a rule.

    Raises ``ImproperlyConfigured`` for an alias that is not configured.

    Example::

        Channel("thumbnails").send({"type": "make", "id": 1})
        self.assertSent("thumbnails", {"type": "make", "id": 1})
    """

    _advice = "Write Channel({}.channel_name)."

    def send(self, content: Mapping[str, Any], immediately: bool = False) -> None:
        """
        Put a message on the channel; return at rest.

        Raises ``TypeError`` for what is not a dict, and ``ChannelFull``.
        ``immediately`` is accepted: Channels 4 holds nothing back.
        """
        del immediately
        with _missing_type_explained(content):
            self._run_sync(self._sending(plain(content)), "asend")

    @kit_coroutine
    async def asend(self, content: Mapping[str, Any]) -> None:
        """Put a message on the channel, as ``send()``."""
        with _missing_type_explained(content):
            await self._sending(plain(content))

    def _sending(self, message: dict[str, Any]) -> Coroutine[Any, Any, None]:
        """Return what sends a message, and lets a worker do its work."""
        layer: Any = self.channel_layer
        if is_captive(layer):
            sending: Coroutine[Any, Any, None] = layer.send(self.name, message)
            return sending
        workers = Workers.of(required(type(self).__name__))
        return workers.send_and_follow(layer, self.alias, self.name, message)


class Group(_Named):
    """
    A group of a layer that was put in place, a captive one as a rule.

    Members are channel names, channels, clients or communicators.

    Example::

        Group("lobby").add("ann-channel")
        Group("lobby").send({"type": "chat.message"})
        self.assertEqual(
            self.get_next_message("ann-channel"), {"type": "chat.message"}
        )
    """

    _advice = "Write Group('lobby').add({})."

    def add(self, channel: ChannelGiven) -> None:
        """Add a member; return at rest."""
        name = channel_name(channel)
        self._run_sync(self.channel_layer.group_add(self.name, name), "aadd")

    @kit_coroutine
    async def aadd(self, channel: ChannelGiven) -> None:
        """Add a member, as ``add()``."""
        await self.channel_layer.group_add(self.name, channel_name(channel))

    def discard(self, channel: ChannelGiven) -> None:
        """Remove a member, if it is one; return at rest."""
        name = channel_name(channel)
        self._run_sync(self.channel_layer.group_discard(self.name, name), "adiscard")

    @kit_coroutine
    async def adiscard(self, channel: ChannelGiven) -> None:
        """Remove a member, as ``discard()``."""
        await self.channel_layer.group_discard(self.name, channel_name(channel))

    def send(self, content: Mapping[str, Any], immediately: bool = False) -> None:
        """
        Send a message to every member; return at rest.

        Raises ``TypeError`` for what is not a dict. ``immediately`` is
        accepted: Channels 4 holds nothing back.
        """
        del immediately
        with _missing_type_explained(content):
            sending = self.channel_layer.group_send(self.name, plain(content))
            self._run_sync(sending, "asend")

    @kit_coroutine
    async def asend(self, content: Mapping[str, Any]) -> None:
        """Send a message to every member, as ``send()``."""
        with _missing_type_explained(content):
            await self.channel_layer.group_send(self.name, plain(content))


class Message(dict[str, Any]):
    """
    A message that was taken off a channel.

    It is the message itself, a dict, with the channel that it came from.

    Example::

        Channel("input").send({"type": "square", "value": 3})
        message = self.get_next_message("input", require=True)
        self.assertEqual(message["value"], 3)
        self.assertEqual(message.channel.name, "input")
    """

    def __init__(
        self, content: Mapping[str, Any], channel: str, alias: str = DEFAULT
    ) -> None:
        super().__init__(content)
        #: The channel that it was on.
        self.channel = Channel(channel, alias)

    @property
    def content(self) -> dict[str, Any]:
        """The message as a plain dict."""
        return dict(self)

    @property
    def reply_channel(self) -> Channel | None:
        """The channel for an answer, or None."""
        name = self.get("reply_channel")
        return Channel(name, self.channel.alias) if name else None

    @property
    def channel_layer(self) -> CaptiveChannelLayer:
        """The layer that the message came from."""
        return self.channel.channel_layer

    def copy(self) -> Message:
        """Return a deep copy."""
        return Message(
            copy.deepcopy(self.content), self.channel.name, self.channel.alias
        )

    def __repr__(self) -> str:
        place = f"{self.channel.name!r} ({self.channel.alias})"
        return f"<Message on {place}: {dict(self)!r}>"


class Listener(Protocol):
    """A client, communicator or consumer, which listens on a channel."""

    @property
    def channel_name(self) -> str:
        """The name of the channel."""


#: How a channel is given: by name, as a Channel, or by its listener.
ChannelGiven = str | Channel | Listener
#: How a group is given.
GroupGiven = str | Group | Model


def channel_name(channel: ChannelGiven) -> str:
    """Return the name of a channel, given itself or who listens on it."""
    if isinstance(channel, str):
        return channel
    if isinstance(channel, Channel):
        return channel.name
    name = getattr(channel, "channel_name", None)
    if isinstance(name, str):
        return name
    raise TypeError(
        "A channel is given as a name, a Channel, a client or a communicator, not"
        f" {say(channel)}."
    )


def group_name(group: str | Group) -> str:
    """Return the name of a group, given as a name or a ``Group``."""
    return group.name if isinstance(group, Group) else str.__str__(group)


def take_message(
    run: TestRun,
    channel: ChannelGiven,
    alias: str,
    *,
    require: bool,
    failure: type[BaseException] = AssertionError,
) -> Message | None:
    """Take the next message off a channel, which outside work may bring."""
    __tracebackhide__ = True
    run.ensure_rest()
    layer = captive_layer(alias)
    name = channel_name(channel)
    waited = ""
    if not layer.pending(name):
        waited = run.outside.wait(lambda: layer.pending(name))
    content = layer.take(name)
    if content is not None:
        return Message(content, name, alias)
    if require:
        text = no_message(name, layer, alias)
        raise failure(f"{text}{withheld_from_channel(name)}{waited}")
    return None


def plain(content: object) -> dict[str, Any]:
    """Return a message as a dict of its own; ``TypeError`` for no dict."""
    if not isinstance(content, dict):
        raise TypeError(f"A message is a dict, not {say(content)}.")
    return dict(content)


@contextlib.contextmanager
def _missing_type_explained(content: Mapping[str, Any]) -> Iterator[None]:
    """Explain a missing 'type', which Channels 1 did not need."""
    try:
        yield
    except ValueError as error:
        if "type" not in content and "'type' attribute" in str(error):
            add_note(
                error,
                "In Channels 4 a message for a consumer needs a 'type', which names its"
                " handler: {'type': 'room.text', ...} calls room_text().",
            )
        raise
