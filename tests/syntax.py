"""The syntax of modules."""

from __future__ import annotations

import ast
import functools
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@functools.cache
def syntax_of(path: Path) -> ast.Module:
    """
    Return the syntax of a module.

    Before Python 3.12 a collection of garbage that closes a coroutine breaks
    ``ast.parse()``; the tests of hangs and of abandoned loops leave some.
    """
    gc.disable()
    try:
        return ast.parse(path.read_text())
    finally:
        gc.enable()
