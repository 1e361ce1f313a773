"""Assertions about messages, groups and the application's exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_testkit.layers.aliases import DEFAULT
from channels_testkit.running.arguments import (
    check_arguments,
    in_words,
    is_connection,
    word_for,
)
from channels_testkit.workers.argument_kinds import CHANNEL
from channels_testkit.workers.messages import Message, take_message

from .blocks import ApplicationRaises, check_exception_classes
from .commits import CommitAssertions
from .with_statement import check_entered

if TYPE_CHECKING:
    from channels_testkit.workers.messages import ChannelGiven

__unittest = True


class LayerAssertions(CommitAssertions):
    """Assertions about messages, groups and the application's exceptions."""

    def get_next_message(
        self, channel: ChannelGiven, alias: str = DEFAULT, require: bool = False
    ) -> Message | None:
        """
        Take the next message off a channel: a ``Message``, or ``None``.

        With ``require=True`` the test fails if there is none.

        Example::

            Channel("input").send({"type": "square", "value": 3})
            self.assertEqual(self.get_next_message("input")["value"], 3)
            self.assertIsNone(self.get_next_message("input"))
        """
        __tracebackhide__ = True
        if is_connection(channel):
            raise TypeError(
                f"get_next_message(channel): the consumer of {in_words(channel)} reads"
                f" its channel itself. Write {word_for(channel)}.receive_json()."
            )
        check_arguments(self, "get_next_message", "channel", (CHANNEL, channel))
        failure = self.failureException
        return take_message(self._kit, channel, alias, require=require, failure=failure)

    def assertApplicationRaises(
        self, kinds: type[BaseException] | tuple[type[BaseException], ...]
    ) -> ApplicationRaises:
        """
        Expect, for a ``with`` block, that the application raises.

        The exception does not interrupt the block; the ``exception`` of the
        object that the block yields has it. Fails if there was none.

        Example::

            with self.assertApplicationRaises(ValueError) as caught:
                self.connect("/ws/echo/").send_json({"raise": "ValueError"})
            self.assertIsInstance(caught.exception, ValueError)
        """
        check_exception_classes(kinds)
        block = ApplicationRaises(self._kit, kinds, self.failureException)
        check_entered(self._kit, "assertApplicationRaises", lambda: block.was_entered)
        return block
