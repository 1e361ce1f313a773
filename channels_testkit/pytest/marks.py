"""``@pytest.mark.channels_test()``: the options of a test function."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import pytest

from .detection import MARK

if TYPE_CHECKING:
    from collections.abc import Collection


def marked_options(item: pytest.Function, known: Collection[str]) -> dict[str, Any]:
    """
    Return what the marks of a test set; of two the nearer one counts.

    Raises ``pytest.UsageError`` for an unknown name.
    """
    __tracebackhide__ = True
    options: dict[str, Any] = {}
    for mark in reversed(list(item.iter_markers(MARK))):
        if mark.args:
            listed = ", ".join(map(repr, mark.args))
            raise pytest.UsageError(
                f"{item.nodeid}: @pytest.mark.{MARK}({listed}) has values without a"
                f" name; write them by keyword, such as {MARK}(ws_path='/ws/')."
            )
        for name in mark.kwargs:
            if name not in known:
                raise pytest.UsageError(
                    f"{item.nodeid}: @pytest.mark.{MARK}() has no option {name!r}"
                    f"{near(name, known)}"
                )
        options.update(mark.kwargs)
    return options


def near(name: str, known: Collection[str]) -> str:
    """Say which names are like an unknown one, or all that there are."""
    found = difflib.get_close_matches(name, known) or sorted(known)
    return f"; did you mean {', '.join(found)}?"
