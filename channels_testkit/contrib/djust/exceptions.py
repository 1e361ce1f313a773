"""What djust's clients raise."""

from __future__ import annotations


class NoHandlerFoundError(AssertionError):
    """The view has no handler of that name."""
