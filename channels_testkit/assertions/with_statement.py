"""
Telling ``self.assertSent(...)`` from ``with self.assertSent(...):``.

The first judges at once, the second judges a block, and the call is the same.
Only the caller's next instruction tells which it is.
"""

from __future__ import annotations

import dis
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from channels_testkit.running.run import TestRun

_ENTERS = {"SETUP_WITH", "BEFORE_WITH"}
#: Python 3.14 looks ``__enter__`` and ``__exit__`` up by this pair.
_ENTERS_BY_LOOK_UP = ("COPY", "LOAD_SPECIAL")


def is_entered(*, depth: int) -> bool:
    """
    Tell whether the result of a call is entered by who made it.

    ``depth`` counts the calls from there to here.
    """
    caller = sys._getframe(depth + 1)  # noqa: SLF001 - a function's own name for it
    return _next_enters(caller.f_code, caller.f_lasti)


def check_entered(
    run: TestRun,
    name: str,
    is_entered: Callable[[], bool],
    *,
    call: str = "",
    keyword: str = "with",
) -> None:
    """
    Let the end of the test raise if a block was never entered.

    ``call`` is the call as it was written, if it can be told.
    """

    def unentered() -> str:
        if is_entered():
            return ""
        return (
            f"{call or f'{name}()'} was called and not entered, so it did nothing:"
            f" write '{keyword} {run.options.called}.{name}(...):'."
        )

    run.unentered.append(unentered)


@lru_cache(maxsize=256)
def _next_enters(code: CodeType, offset: int) -> bool:
    following = [
        instruction.opname
        for instruction in dis.get_instructions(code)
        if instruction.offset > offset and instruction.opname != "CACHE"
    ][:2]
    return following[:1] != [] and (
        following[0] in _ENTERS or tuple(following) == _ENTERS_BY_LOOK_UP
    )
