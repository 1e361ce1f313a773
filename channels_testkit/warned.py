"""What a test is warned of, at the test's own line."""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any

from .exceptions import ChannelsTestkitWarning

if TYPE_CHECKING:
    import unittest

__unittest = True


class TestWarnings:
    """Warns of what happened in one test; what is said twice is shown once."""

    __test__ = False

    def __init__(self, case: unittest.TestCase) -> None:
        self._case = case
        self._registry: dict[Any, Any] = {}

    def warn(self, text: str) -> list[BaseException]:
        """Warn; return the warning where the filters make it an exception."""
        file, line = _place_of(self._case)
        try:
            warnings.warn_explicit(
                f"{self._case.id()}: {text}",
                ChannelsTestkitWarning,
                file,
                line,
                module=type(self._case).__module__,
                registry=self._registry,
            )
        except ChannelsTestkitWarning as warning:
            return [warning]
        return []


def _place_of(case: unittest.TestCase) -> tuple[str, int]:
    """Return the file and the line of a test's method, or of its class."""
    # Of the class: Django wraps an async method of the instance.
    method = getattr(type(case), case._testMethodName)  # noqa: SLF001 - no other way
    code = getattr(inspect.unwrap(method), "__code__", None)
    if code is None:
        return inspect.getfile(type(case)), 1
    return code.co_filename, code.co_firstlineno
