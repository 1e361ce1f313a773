"""What the kit raises, apart from Python's and Django's own exceptions."""

from __future__ import annotations

import asyncio

# On Python 3.10 asyncio.TimeoutError is a class of its own.
_TIMEOUTS: tuple[type[BaseException], ...] = (asyncio.TimeoutError,)


class NoFrame(AssertionError, *_TIMEOUTS):  # type: ignore[misc]
    """
    A receive that got nothing.

    It is an ``AssertionError``, and also an ``asyncio.TimeoutError``, so that
    code written for ``channels.testing`` still catches it.
    """


class ProtocolError(AssertionError):
    """
    The application sent what a real server refuses.

    ``breach`` is the name of the rule that was broken, which
    ``check_protocol`` takes to allow it.
    """

    def __init__(self, text: str, breach: str = "") -> None:
        super().__init__(text, breach)
        self.text = text
        self.breach = breach

    def __str__(self) -> str:
        return self.text


class DatabaseOwnershipError(Exception):
    """A query came from a thread that cannot share the test's transaction."""


class HangError(AssertionError):
    """The application did not come to rest within ``hang_timeout`` seconds."""


class DeadlockError(AssertionError):
    """Nothing can ever wake the test up."""


class ChannelsTestkitWarning(UserWarning):
    """Told by a watch that is set to ``"warn"``."""
