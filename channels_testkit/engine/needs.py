"""What is asked when something needs the run of a test; it imports nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Each is called before the run is looked for. A runner of tests begins one
#: there for a test that has none yet, or raises where nothing may be made.
asked: list[Callable[[], object]] = []
