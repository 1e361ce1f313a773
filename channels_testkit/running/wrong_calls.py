"""Calls that Python refuses: with their parameters, and no internal class."""

from __future__ import annotations

import inspect
import re
import sys
from typing import TYPE_CHECKING, Any

from channels_testkit.engine.notes import add_note
from channels_testkit.engine.tracebacks import end_with_the_test
from channels_testkit.matching import closest_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PACKAGE = __name__.partition(".")[0] + "."
_REFUSAL = re.compile(
    r"(?P<owner>\w+)\.(?P<name>\w+)\(\)"
    r" (?:got an unexpected keyword argument '(?P<option>[^']*)'"
    r"|got multiple values for argument|got some|missing \d+|takes )"
)


def explain_wrong_call(error: BaseException) -> None:
    """
    Let Python's refusal of arguments say what a call of the kit takes.

    Python names the class that has the method, which may be none that a test
    knows.
    """
    if type(error) is not TypeError:
        return
    found = _REFUSAL.match(str(error))
    method = found and _method(found["owner"], found["name"])
    if not found or method is None:
        return
    called = found["owner"] if found["name"] == "__init__" else found["name"]
    # Python 3.13 ends with a suggestion of its own.
    end = found.end() if found["option"] else None
    error.args = (f"{called}{str(error)[found.end('name') : end]}",)
    end_with_the_test(error)
    add_note(error, _advice(called, inspect.signature(method), found["option"]))


def _method(owner: str, name: str) -> Callable[..., Any] | None:
    """Return a method of the package by the name that Python has for it."""
    for module in list(sys.modules.values()):
        kind = vars(module).get(owner)
        is_own = isinstance(kind, type) and kind.__module__.startswith(_PACKAGE)
        if is_own and name in vars(kind):
            method: Callable[..., Any] = vars(kind)[name]
            return getattr(method, "__func__", method)
    return None


def _advice(called: str, signature: inspect.Signature, option: str | None) -> str:
    parameters = [it for it in signature.parameters.values() if it.name != "self"]
    near = option and closest_name(option, [it.name for it in parameters])
    if near:
        return f"Did you mean {near}=?"
    return f"Write {called}({', '.join(_written(parameters))})."


def _written(parameters: Iterable[inspect.Parameter]) -> Iterable[str]:
    """Yield parameters as a call has them; the optional ones by name."""
    for it in parameters:
        if it.kind is it.VAR_KEYWORD:
            yield "..."
        elif it.kind is it.KEYWORD_ONLY or it.default is not it.empty:
            yield f"{it.name}=..."
        else:
            yield f"*{it.name}" if it.kind is it.VAR_POSITIONAL else it.name
