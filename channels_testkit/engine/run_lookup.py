"""What is called when code looks for the run of a test; it imports nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Called before the run is looked up. A test runner begins a run there for a
#: test that has none yet, or raises if nothing may be made.
before_lookup: list[Callable[[], object]] = []
