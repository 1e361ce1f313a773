"""Who sends a message, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from channels_testkit.engine.database import is_in_own_block
from channels_testkit.engine.jobs import current_owner
from channels_testkit.engine.origins import called
from channels_testkit.engine.places import calling_places

if TYPE_CHECKING:
    from channels_testkit.engine.origins import Owner
    from channels_testkit.engine.places import Place


class Origin(NamedTuple):
    """The actor whose code sends, or None for the test, and where it is."""

    actor: Owner | None
    #: Whether it is inside an ``atomic()`` that is not the test case's own.
    is_in_block: bool
    #: The lines of the project that have led here, the innermost first.
    places: tuple[Place, ...]

    @classmethod
    def here(cls) -> Origin:
        """Return that of this code, in its own thread."""
        return cls(current_owner(), is_in_own_block(), calling_places())


class Sender:
    """
    Who has sent a message: ``Sent.sender``.

    As a text it says all of it, as a failure would.

    Example::

        ann = self.connect("/ws/room/1/")
        ann.send_json("hello")
        sender = self.assertGroupSent("room-1").sender
        self.assertIs(sender.consumer, ann.consumer)
        self.assertEqual(sender.function, "RoomConsumer.receive_json")
    """

    __slots__ = ("_origin",)

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    @property
    def label(self) -> str:
        """
        The name of the connection, the worker or the task in failures.

        Otherwise ``"the test"``, also for a view that a test client calls.
        """
        return called(self._origin.actor)

    @property
    def consumer(self) -> object | None:
        """The consumer whose code has sent it, or None if there is none."""
        actor = self._origin.actor
        return None if actor is None else actor.consumer

    @property
    def function(self) -> str | None:
        """
        The project's function that has sent it, or None if there is none.

        Python 3.10 names the class of a method only where it is a consumer's.
        """
        places = self._origin.places
        return places[0].function(self.consumer) if places else None

    @property
    def line(self) -> str | None:
        """The file and line of the call, such as ``"consumers.py:27"``."""
        places = self._origin.places
        return str(places[0]) if places else None

    def __copy__(self) -> Sender:
        return self

    def __deepcopy__(self, memo: object) -> Sender:
        """Return the sender: its consumer is one of a kind."""
        return self

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """Pickle as None: the consumer stays in its process."""
        return type(None), ()

    def __str__(self) -> str:
        consumer, label = self.consumer, self.label
        who = label if consumer is None else f"{type(consumer).__name__} of {label}"
        return f"{who}, in {self.function}() ({self.line})" if self.line else who

    def __repr__(self) -> str:
        return f"<Sender {self}>"


def sent_at(sender: Sender | None) -> str:
    """Say, in a sentence, which lines of the project have sent a message."""
    places = sender._origin.places if sender else ()  # noqa: SLF001 - not for users
    lines = ", called at ".join(map(str, places))
    return f" at {lines}" if lines else ""
