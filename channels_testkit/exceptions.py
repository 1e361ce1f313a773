"""What the kit raises, apart from Python's and Django's own exceptions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

# On Python 3.10 asyncio.TimeoutError is a class of its own.
_TIMEOUTS: tuple[type[BaseException], ...] = (asyncio.TimeoutError,)


# The timeout first: it is made by OSError, which AssertionError.__new__()
# cannot do, and that is what --parallel would call to bring one home.
class NoFrame(*_TIMEOUTS, AssertionError):  # type: ignore[misc]  # noqa: N818 - a failure
    """
    A receive that got nothing.

    It is an ``AssertionError``, and also an ``asyncio.TimeoutError``, so that
    code written for ``channels.testing`` still catches it.
    """


class NoRoute(ValueError, AssertionError):  # noqa: N818 - a failure
    """
    No route leads to the path of a connection.

    It is an ``AssertionError``, and also the ``ValueError`` that ``URLRouter``
    raises. The text lists the routes.
    """


class ProtocolError(AssertionError):
    """
    The application sent an event that a real server refuses.

    ``breach`` is the name of the rule that was broken, which
    ``check_protocol`` takes to allow it.
    """

    def __init__(self, text: str, breach: str = "") -> None:
        super().__init__(text, breach)
        #: The whole text.
        self.text = text
        #: The name of the rule that was broken.
        self.breach = breach

    def __str__(self) -> str:
        return self.text


class FrameError(AssertionError):
    """
    A frame breaks ``frame_schema`` or ``sent_frame_schema``.

    ``option`` names which of the two, and ``path`` the first wrong place in
    the frame, such as ``$.items[2].price``. It is empty if the frame cannot be
    decoded, or if a function or an exception refuses it.
    """

    def __init__(self, text: str, option: str = "", path: str = "") -> None:
        super().__init__(text, option, path)
        #: The whole text.
        self.text = text
        #: The option that refuses the frame.
        self.option = option
        #: The first wrong place in the frame.
        self.path = path

    def __str__(self) -> str:
        return self.text


#: What the send of an application raises, with all that is known of it.
REFUSED_SENDS = (FrameError, ProtocolError)


class DatabaseOwnershipError(Exception):
    """
    A query came from a thread that cannot share the test's transaction.

    That thread has a connection of its own, which does not see the test's
    rows. The text names the thread, the line and the two ways out.
    """


class HangError(AssertionError):
    """
    The application did not come to rest within ``hang_timeout`` seconds.

    The text lists every task, thread job, queue and group. The traceback ends
    at the line where the application hangs.
    """

    #: The end of the traceback: not where it was raised.
    stuck_at: TracebackType | None = None


class DeadlockError(AssertionError):
    """
    The test waits for something that can never happen.

    The application is at rest, no timer is pending, and there is no work
    outside of it.
    """


class ChannelsTestkitWarning(UserWarning):
    """The warning of a check that is set to ``"warn"``."""
