"""What a test sees of its timeline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .page import page_of
from .story import Story
from .text import last_lines, printed

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from .recording import Recording

_ALL = "All {count} events, in one order:"
_HINT = "The last of {count:,} events, in one order; print({call}) shows them all:"


class Timeline:
    """
    What all actors of a test have done so far, in one order.

    Printed, it has a line for each event: when, who and what. Times are
    seconds since the test began, or seconds of virtual time. It keeps the
    first and the last events, some thousands. Reading it first comes to rest.

    Example::

        ann, ben = self.connect("/ws/room/1/"), self.connect("/ws/room/1/")
        ann.send_json({"message": "hello"})
        self.assertIn("RoomConsumer.room_message() runs", str(self.timeline))
    """

    def __init__(
        self, recording: Recording, *, name: str, before_read: Callable[[], object]
    ) -> None:
        self._recording = recording
        self._name = name
        self._before_read = before_read

    def __repr__(self) -> str:
        return (
            f"<Timeline of {self._name}: {len(Story(self._recording).events)} events>"
        )

    def __len__(self) -> int:
        """Return how many events there are."""
        return len(self._read().events)

    def __str__(self) -> str:
        story = self._read()
        lines = printed(story) or ["     nothing yet"]
        return "\n".join([f"Timeline of {self._name}:", *lines])

    def write_html(self, path: str | os.PathLike[str]) -> Path:
        """
        Write the timeline as a sequence diagram, and return its path.

        It is one file that needs no network: lanes and arrows, with a filter,
        and with frames, messages and queries in full for the chosen event.
        Missing folders are made. Raises ``OSError`` if the file cannot be
        written.

        Example::

            import tempfile

            ann = self.connect("/ws/room/1/")
            ann.send_json({"message": "hello"})
            with tempfile.TemporaryDirectory() as folder:
                path = self.timeline.write_html(f"{folder}/hello.html")
                self.assertIn("hello", path.read_text())
        """
        found = Path(path)
        found.parent.mkdir(parents=True, exist_ok=True)
        found.write_text(page_of(self._read(), self._name), encoding="utf-8")
        return found

    def _read(self) -> Story:
        self._before_read()
        return Story(self._recording)


def last_events(recording: Recording, known: str, call: str) -> str:
    """
    Return the last lines of a timeline, for a failure that says ``known``.

    There are none if one actor alone took part and sent no message: its
    transcript has it all. Nor are there any if a server runs some actors,
    whose events come in another order in each run.
    """
    story = Story(recording)
    actors = story.names.actors
    is_alone = len(actors) < 2 and not _have_sent(story)
    if not actors or is_alone or any(actor.is_live for actor in actors):
        return ""
    count, lines = len(story.events), last_lines(story, known)
    title = _ALL if len(lines) == count else _HINT
    return "\n".join([title.format(count=count, call=call), *lines])


def _have_sent(story: Story) -> bool:
    """Tell whether an actor has sent a message."""
    return any(it.kind == "message" and it.actor is not None for it in story.events)
