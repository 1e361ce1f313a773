"""Putting something else under a name of a class or module, for a block."""

from __future__ import annotations

from typing import Any


class Patch:
    """
    Replaces what a class or module has itself under a name, for a block.

    Every test enters a dozen of them, and ``unittest.mock`` takes ten times
    as long for each. Raises ``KeyError`` for a name that is inherited or new.
    """

    __slots__ = ("_before", "_name", "_target", "_value")

    def __init__(self, target: Any, name: str, value: object) -> None:
        self._target = target
        self._name = name
        self._value = value

    def __enter__(self) -> None:
        # As it stands there: what would be bound when it is read is not.
        self._before: object = vars(self._target)[self._name]
        setattr(self._target, self._name, self._value)

    def __exit__(self, *exc_info: object) -> None:
        setattr(self._target, self._name, self._before)
