"""Who sends a message, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from channels_testkit.engine.database import is_in_own_block
from channels_testkit.engine.jobs import current_owner
from channels_testkit.engine.places import calling_places

if TYPE_CHECKING:
    from channels_testkit.engine.origins import Owner


class Sender(NamedTuple):
    """The actor whose code sends, or None for the test, and where it is."""

    actor: Owner | None
    #: Whether it is inside an ``atomic()`` that is not the test case's own.
    is_in_block: bool
    #: Files and lines of the project that have led here, the innermost first.
    places: tuple[tuple[str, int], ...]

    @classmethod
    def here(cls) -> Sender:
        """Return that of this code, in its own thread."""
        return cls(current_owner(), is_in_own_block(), calling_places())
