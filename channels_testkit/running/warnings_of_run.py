"""What a test is warned of, at the test's own line."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from channels_testkit.exceptions import ChannelsTestkitWarning

if TYPE_CHECKING:
    from .options import RunOptions


class TestWarnings:
    """Warns of what happened in one test; what is said twice is shown once."""

    __test__ = False

    def __init__(self, options: RunOptions) -> None:
        self._options = options
        self._registry: dict[Any, Any] = {}

    def warn(self, text: str) -> list[BaseException]:
        """Warn; return the warning where the filters make it an exception."""
        file, line = self._options.get_place()
        try:
            warnings.warn_explicit(
                f"{self._options.name}: {text}",
                ChannelsTestkitWarning,
                file,
                line,
                module=self._options.module,
                registry=self._registry,
            )
        except ChannelsTestkitWarning as warning:
            # Of the kit's frames alone.
            return [warning.with_traceback(None)]
        return []
