"""One run of any ASGI application: events go in, events come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from .application import ASGIApplication, Event
    from .environment import Environment

__unittest = True


class AnyEvents:
    """No protocol: the application may send what it likes."""

    state = "open"

    def check(self, event: object) -> None:
        """Find nothing wrong."""

    def sent(self, event: Event) -> None:
        """Stay in the one state that there is."""


class PlainConnection(Connection):
    """One run of an application, from now to its end."""

    _protocol: Any = AnyEvents()

    def __init__(
        self,
        application: ASGIApplication,
        scope: MutableMapping[str, Any],
        say_label: Callable[[], str],
        environment: Environment,
    ) -> None:
        super().__init__(say_label, environment)
        self._run(application, scope)

    @property
    def state(self) -> str:
        """What failures say of it, in one word."""
        return "ended" if self.has_ended else "open"

    def _note_fed(self, event: Event) -> None:
        """Stay in the state that it is in."""

    def _take_in(self, event: Event) -> None:
        """Keep nothing but the event."""
