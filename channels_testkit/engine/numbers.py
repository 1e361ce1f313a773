"""One order for all that happens in this process."""

from __future__ import annotations

import itertools

_numbers = itertools.count(1)


def next_number() -> int:
    """Return a number that is greater than all that were returned before."""
    return next(_numbers)
