"""What to type where async code has called sync code, and Django refuses."""

from __future__ import annotations

import inspect
import linecache
import os
import re
import traceback
from typing import TYPE_CHECKING, Any

import asgiref.sync
import django
from asgiref.sync import AsyncToSync
from django.core.exceptions import SynchronousOnlyOperation

from channels_testkit.exceptions import DatabaseOwnershipError

from . import places
from .notes import add_note

if TYPE_CHECKING:
    from types import FrameType

_DJANGO = os.path.dirname(django.__file__) + os.sep
_CLIENT = os.path.join(_DJANGO, "test", "client.py")
_OF_DATABASE = (os.path.join(_DJANGO, "db", ""), os.path.join(_DJANGO, "contrib", ""))
_ASYNC_TO_SYNC = "You cannot use AsyncToSync in the same thread"
_QUERYSET = (
    "A queryset asks the database when it is looped over, measured or indexed: write"
    " 'async for', or its methods with an a, such as 'await queryset.acount()'."
)
_RELATED = (
    "This attribute asks the database for a related object: name it in"
    " select_related(), or write 'await sync_to_async(getattr)(...)'."
)
_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

#: A frame and the line that it is at.
_Call = tuple["FrameType", int]


def explain_sync_call(error: BaseException) -> None:
    """Add to a refusal of Django or asgiref what async code has to write."""
    if not _is_refusal(error):
        return
    calls = list(traceback.walk_tb(error.__traceback__))
    places_of_async = [n for n, call in enumerate(calls) if _is_async_code(call[0])]
    if not places_of_async:
        return
    n = places_of_async[-1]
    called = [frame for frame, _ in calls[n + 1 :] if not _is_in_place(frame)]
    if called:
        add_note(error, _advice(calls[n], called[0]))


def _is_refusal(error: BaseException) -> bool:
    if isinstance(error, (SynchronousOnlyOperation, DatabaseOwnershipError)):
        return True
    return isinstance(error, RuntimeError) and str(error).startswith(_ASYNC_TO_SYNC)


def _is_async_code(frame: FrameType) -> bool:
    """Tell whether this is code of a coroutine that a project has written."""
    code = frame.f_code
    return bool(code.co_flags & _ASYNC) and not places.is_library(code.co_filename)


def _is_in_place(frame: FrameType) -> bool:
    """Tell a part of a function, such as a comprehension, from a function."""
    return frame.f_code.co_name.startswith("<")


def _advice(call: _Call, called: FrameType) -> str:
    """Return the call to write instead of a call of sync code."""
    file, name = called.f_code.co_filename, called.f_code.co_name
    if file.startswith(_OF_DATABASE):
        return _advice_on_query(call, called)
    if file == asgiref.sync.__file__ and isinstance(
        called.f_locals.get("self"), AsyncToSync
    ):
        return _write(_wrapped(call, called.f_locals["self"]))
    if file == _CLIENT:
        client, _, name = _callee(call, name).rpartition(".")
        if hasattr(called.f_locals.get("self"), f"a{name}"):
            return _write(f"{client}.a{name}")
        return _write(f"{re.sub(r'(?<![a-z_])client$', 'async_client', client)}.{name}")
    return _write_in_thread(_callee(call, name))


def _advice_on_query(call: _Call, called: FrameType) -> str:
    owner: Any = called.f_locals.get("self")
    name = called.f_locals.get("name", "")
    if called.f_code.co_name != "manager_method":
        name = called.f_code.co_name
    if name == "__get__":
        return _RELATED
    if name.startswith("__"):
        return _QUERYSET
    callee = _callee(call, name)
    if not hasattr(owner, f"a{name}"):
        return _write_in_thread(callee)
    before, dot, _ = callee.rpartition(".")
    return _write(f"{before}{dot}a{name}")


def _write(callee: str) -> str:
    return f"In async code write 'await {callee}(...)'."


def _write_in_thread(callee: str) -> str:
    return _write(f"sync_to_async({callee})")


def _callee(call: _Call, name: str) -> str:
    """Return a function as its call has it, as far as one line shows."""
    called = r"(?:[A-Za-z_]\w*(?:\([^()]*\))?\.)*"
    found = re.search(rf"(?<![\w.]){called}{re.escape(name)}(?=\()", _source(call))
    return found[0] if found else name


def _wrapped(call: _Call, wrapper: AsyncToSync[Any, Any]) -> str:
    """Return what is in the brackets of ``async_to_sync()``."""
    found = re.search(r"async_to_sync\(([\w.]+(?:\(\))?[\w.]*)\)\(", _source(call))
    return found[1] if found else getattr(wrapper.awaitable, "__name__", "...")


def _source(call: _Call) -> str:
    frame, line = call
    return linecache.getline(frame.f_code.co_filename, line)
