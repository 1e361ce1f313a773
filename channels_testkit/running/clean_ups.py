"""What a test wants done before its run ends."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class CleanUps:
    """
    The functions that are called then, the last one added first.

    ``call`` calls each of them, with its arguments.
    """

    def __init__(self, call: Callable[..., object]) -> None:
        self._call = call
        self._to_do: list[Callable[[], object]] = []

    def __len__(self) -> int:
        return len(self._to_do)

    def add(
        self, function: Callable[..., object], /, *args: Any, **options: Any
    ) -> None:
        """Add a function, and what it is called with."""
        work = functools.partial(self._call, function, *args, **options)
        self._to_do.append(work)

    def do(self, kept: int = 0) -> Iterator[BaseException]:
        """Call all but the first ones; yield what they raise."""
        while len(self._to_do) > kept:
            try:
                self._to_do.pop()()
            except Exception as error:  # noqa: BLE001, PERF203 - reported with the others
                yield error
