"""The wall clock, which moves along with virtual time where it can."""

from __future__ import annotations

import importlib
import sys
import time
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    import datetime as dt

_SECOND = 10**9  # in nanoseconds

_NOT_INSTALLED = (
    "virtual_time(start=...) moves the wall clock, which needs time-machine: python -m"
    ' pip install "channels-testkit[time]".'
)
_MOVED_BY_OTHERS = (
    "virtual_time(start=...) inside of {0}, which sets the wall clock already: remove"
    " start=, or {0}."
)


class WallClock:
    """
    What ``timezone.now()`` and ``time.time()`` say during virtual time.

    They begin at ``start``, or now, and stand still with it. Where
    time-machine is not installed, or another one or freezegun has them, they
    are left alone. Raises ``ImproperlyConfigured`` for a ``start`` then.
    """

    def __init__(self, start: dt.datetime | None = None) -> None:
        self._travel: Any = None
        self._moved_by = 0
        time_machine, owner = _time_machine(), _owner()
        if start is not None and owner is not None:
            raise ImproperlyConfigured(_MOVED_BY_OTHERS.format(owner))
        if start is not None and time_machine is None:
            raise ImproperlyConfigured(_NOT_INSTALLED)
        if time_machine is not None and owner is None:
            destination = time.time() if start is None else start
            self._travel = time_machine.travel(destination, tick=False)
            self._traveller = self._travel.start()

    def move_to(self, seconds: float) -> None:
        """Say so many seconds after the beginning."""
        if self._travel is None:
            return
        whole = int(seconds)
        moved_by = whole * _SECOND + round((seconds - whole) * _SECOND)
        whole, rest = divmod(moved_by - self._moved_by, _SECOND)
        self._moved_by = moved_by
        self._traveller.shift(whole)
        # time-machine cuts a fraction off in some versions, or rounds it.
        self._traveller.shift((rest + 0.25) / _SECOND)

    def stop(self) -> None:
        """Let it be the real one again."""
        if self._travel is not None:
            # One that has begun since, and has not ended, goes on.
            travellers = sys.modules["time_machine"].traveller_stack
            travellers.remove(self._traveller)
            travellers.append(self._traveller)
            self._travel.stop()
            self._travel = None


def _time_machine() -> Any:
    """Return the module, or None where the extra is not installed."""
    try:
        return importlib.import_module("time_machine")
    except ImportError:
        return None


def _owner() -> str | None:
    """Return what has the wall clock, if anything has."""
    time_machine: Any = sys.modules.get("time_machine")
    if time_machine and time_machine.escape_hatch.is_travelling():
        return "time_machine.travel()"
    freezegun: Any = sys.modules.get("freezegun.api")
    return "freeze_time()" if freezegun and freezegun.freeze_factories else None
