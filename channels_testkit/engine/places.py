"""Where code is: what a task waits for, and which line led somewhere."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib.util
import linecache
import os
import sys
import threading
from itertools import takewhile
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from asgiref.sync import SyncToAsync

from . import private
from .jobs import Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType, FrameType, ModuleType


#: A file, a line and a function, as Python keeps callers of coroutines.
Line = tuple[str, int, str]


class Place(NamedTuple):
    """A line of a function."""

    code: CodeType
    line: int

    def __str__(self) -> str:
        return _place(self.code, self.line)

    def function(self, owner: object) -> str:
        """
        Return what the function is called.

        ``owner`` is asked for the class of a method, on Python 3.10.
        """
        return _called_of(self.code, owner)


#: What stands for a line of the project where none is found.
UNKNOWN_LINE = "an unknown line"
#: Code that steps a coroutine by hand: that of its ``self``.
stepping: set[CodeType] = set()
#: Code that calls what was asked for before: its ``asked_at`` has the places.
deferring: set[CodeType] = set()


def await_chain(awaitable: Any) -> list[FrameType]:
    """Return the frames of what awaits what, the innermost last."""
    return [frame for _, frame in named_chain(awaitable)]


def named_chain(awaitable: Any) -> list[tuple[str, FrameType]]:
    """Return the frames of what awaits what, each with its qualified name."""
    chain = []
    while awaitable is not None:
        frame = getattr(awaitable, "cr_frame", None)
        frame = frame or getattr(awaitable, "gi_frame", None)
        frame = frame or getattr(awaitable, "ag_frame", None)
        if frame is None:
            break
        chain.append((awaitable.__qualname__, frame))
        awaitable = _awaited_by(awaitable, frame)
    return chain


def _awaited_by(awaitable: Any, frame: FrameType) -> Any:
    if frame.f_code in stepping:
        return frame.f_locals["self"].coroutine
    if frame.f_code.co_filename == contextlib.__file__:
        # What steps an async generator has no way to it.
        return private.generator_of_context(frame)
    names = ("cr_await", "gi_yieldfrom", "ag_await")
    return next(filter(None, (getattr(awaitable, it, None) for it in names)), None)


def may_be_woken_by_a_thread(task: asyncio.Task[Any]) -> bool:
    """
    Tell whether a task waits for what only some thread can bring.

    As far as is known: a lock or a queue may also be one that another task of
    the application will serve.
    """
    waits_for = private.awaited_by(task)
    frames = await_chain(task.get_coro())
    if waits_for is None or not frames:
        return False
    codes = [frame.f_code for frame in frames]
    files = [code.co_filename for code in codes if not _is_of_asyncio(code)]
    if codes[-1] in _KNOWN_WAITS or any(map(is_of_kit, files[-1:])):
        return False
    if codes[-1] is _WAIT_CODE:
        return not all(map(_is_known, frames[-1].f_locals["fs"]))
    return not _is_known(waits_for)


def _is_known(future: asyncio.Future[Any]) -> bool:
    """Tell whether it is known what ends a future: a task, or several."""
    children = private.gathered_by(future)
    if children:
        return all(map(_is_known, children))
    return future.done() or isinstance(future, asyncio.Task)


def waiting_place(task: asyncio.Task[Any]) -> str:
    """Say where a task waits, with the line."""
    chain = named_chain(task.get_coro())
    if not chain:
        return "nowhere: it has finished"
    shown = [(n, frame) for n, frame in chain if not _is_machinery(frame)]
    shown = [it for it in shown if not is_of_kit(it[1].f_code.co_filename)]
    shown = [it for it in shown if not is_library(it[1].f_code.co_filename)] or shown
    if not shown:
        # What was called says more than what that is made of.
        name = chain[0][0]
        is_ours = is_of_kit(chain[0][1].f_code.co_filename)
        return f"in {name.rpartition('.')[2] if is_ours else name}()"
    name, frame = shown[-1]
    code, line = frame.f_code, frame.f_lineno
    source = linecache.getline(code.co_filename, line).strip()
    return f"in {name} ({os.path.basename(code.co_filename)}:{line}): {source}"


def is_of_kit_alone(task: asyncio.Task[Any]) -> bool:
    """Tell whether a task runs no code but this package's and asyncio's."""
    frames = await_chain(task.get_coro())
    files = [it.f_code.co_filename for it in frames if not _is_machinery(it)]
    return bool(files) and all(map(is_of_kit, files))


def starting_line(task: asyncio.Task[Any]) -> Line | None:
    """Return what has started a task, unless what it waits in says enough."""
    coroutine: Any = task.get_coro()
    frames = await_chain(coroutine)
    if not all(is_library(it.f_code.co_filename) for it in frames):
        return None
    return first_of_project(getattr(coroutine, "cr_origin", None) or ())


def first_of_project(lines: Iterable[Line]) -> Line | None:
    """Return the first line that is of no library."""
    return next((it for it in lines if not is_library(it[0])), None)


def inner_stack(frame: FrameType) -> list[FrameType]:
    """
    Return what a job or a callback of a loop is doing, the innermost last.

    It begins with the project's code, where there is any.
    """
    frames = []
    inner: FrameType | None = frame
    while inner is not None and inner.f_code not in (_JOB_CODE, private.HANDLE_CODE):
        frames.append(inner)
        inner = inner.f_back
    frames.reverse()
    known = [not is_library(it.f_code.co_filename) for it in frames]
    return frames[known.index(True) :] if any(known) else frames


def as_traceback(frames: list[FrameType]) -> TracebackType | None:
    """Return a traceback that ends at the project's innermost line."""
    shown = list(frames)
    while shown and is_library(shown[-1].f_code.co_filename):
        shown.pop()
    entry = None
    for frame in reversed(shown):
        if not is_library(frame.f_code.co_filename):
            entry = TracebackType(entry, frame, frame.f_lasti, frame.f_lineno)
    return entry


def calling_line() -> str:
    """Say which line of the project's code led here, with the whole path."""
    line = _first_of_project(_callers(sys._getframe(1)))  # noqa: SLF001
    return UNKNOWN_LINE if line is None else "{}:{} in {}()".format(*line)


def calling_places() -> tuple[Place, ...]:
    """
    Return the function and line of the project that led here in this run.

    What calls the function comes second, if that is the project's:
    a function that sends is often called from several places. For an
    ``on_commit()`` callback it is what asked for it.
    """
    for frame in _callers_in_run(sys._getframe(1)):  # noqa: SLF001
        if places := _places_of(frame):
            return (*places, *_places_of(frame.f_back))[:2]
    return ()


def _places_of(frame: FrameType | None) -> tuple[Place, ...]:
    """Return the line of the project where a frame is, or was asked for."""
    if frame is None:
        return ()
    code = frame.f_code
    if code in deferring:
        asked_at: tuple[Place, ...] = frame.f_locals["asked_at"]
        return asked_at
    return (Place(code, frame.f_lineno),) if _is_of_project(code) else ()


def caller() -> Line | None:
    """
    Return the line of the project's code that led here in this run of a loop.

    A test that runs its application by a call of the kit has not led to what
    only a library does there.
    """
    return _first_of_project(_callers_in_run(sys._getframe(1)))  # noqa: SLF001


def calling_function() -> tuple[str, str]:
    """
    Return the function that led here, in this run of the loop, and its line.

    It is the project's, unless a library alone has led here.
    """
    frames = list(_callers_in_run(sys._getframe(1)))  # noqa: SLF001
    return _function_of(reversed(frames))


def waiting_function(task: asyncio.Task[Any]) -> tuple[str, str]:
    """Return the function that a task waits in, and its line."""
    return _function_of(await_chain(task.get_coro()))


def _function_of(frames: Iterable[FrameType]) -> tuple[str, str]:
    """Return the innermost one of the project, or else of a library."""
    found = [it for it in frames if not _is_of_loop(it.f_code.co_filename)]
    found = [it for it in found if not is_library(it.f_code.co_filename)] or found
    if not found:
        return "?", UNKNOWN_LINE
    frame = found[-1]
    return _called(frame.f_code, frame), _place(frame.f_code, frame.f_lineno)


def place_of(frames: Iterable[FrameType]) -> str:
    """Return the first function of the project in frames, with its line."""
    for frame in frames:
        code = frame.f_code
        if not is_library(code.co_filename):
            return f"{_called(code, frame)}() ({_place(code, frame.f_lineno)})"
    return ""


def frame_of_project(frames: Iterable[FrameType]) -> FrameType | None:
    """Return the first of some frames that is of no library."""
    return next((it for it in frames if _is_of_project(it.f_code)), None)


def _is_of_project(code: CodeType) -> bool:
    # Comprehensions are functions of their own up to Python 3.11.
    return code.co_name[0] != "<" and not is_library(code.co_filename)


def place_of_line(code: CodeType, line: int, owner: object) -> str:
    """
    Return a function and a line of it, when its frame has gone.

    ``owner`` is asked for the class of a method, on Python 3.10.
    """
    return f"{_called_of(code, owner)}() ({_place(code, line)})"


def defined_function(callback: object) -> tuple[str, str]:
    """Return the function that a callback is, and its first line."""
    code = getattr(callback, "__code__", None)
    if code is None:
        return getattr(callback, "__name__", "?"), UNKNOWN_LINE
    return _called(code), _place(code, code.co_firstlineno)


def _called(code: CodeType, frame: FrameType | None = None) -> str:
    """Return what a function is called; Python 3.10 looks for its class."""
    has_first = frame is not None and bool(code.co_varnames)
    first = frame.f_locals.get(code.co_varnames[0]) if frame and has_first else None
    return _called_of(code, first)


def _called_of(code: CodeType, owner: object) -> str:
    name: str | None = getattr(code, "co_qualname", None)
    if name is None:
        own = (vars(kind).get(code.co_name) for kind in type(owner).__mro__)
        is_own = (it for it in own if getattr(it, "__code__", None) is code)
        name = getattr(next(is_own, None), "__qualname__", code.co_name)
    return name.rpartition("<locals>.")[2]


def _place(code: CodeType, line: int) -> str:
    return f"{os.path.basename(code.co_filename)}:{line}"


def _first_of_project(frames: Iterable[FrameType]) -> Line | None:
    for frame in frames:
        code = frame.f_code
        if not is_library(code.co_filename):
            return code.co_filename, frame.f_lineno, code.co_name
    return None


def in_words(line: Line) -> str:
    """Return a line as failures name it."""
    file, number, function = line
    return f"{os.path.basename(file)}:{number} in {function}()"


def _callers(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield who called whom, and who awaits a thread job, from the inside."""
    while frame is not None:
        if frame.f_code is _JOB_CODE:
            yield from frame.f_locals["self"].awaiters
        yield frame
        frame = frame.f_back


def _callers_in_run(frame: FrameType | None) -> Iterator[FrameType]:
    return takewhile(lambda it: it.f_code is not _RUN_CODE, _callers(frame))


def _is_machinery(frame: FrameType) -> bool:
    return _is_of_asyncio(frame.f_code)


def _is_of_asyncio(code: CodeType) -> bool:
    return code.co_filename.startswith(_ASYNCIO)


def is_of_kit(filename: str) -> bool:
    """Tell whether a file is one of this package."""
    return filename.startswith(_KIT)


def _is_of_loop(filename: str) -> bool:
    return is_of_kit(filename) or filename in _LOOPS


def is_of_runner(filename: str) -> bool:
    """Tell whether a file is one that calls code of a test."""
    return filename.startswith(_RUNNERS)


@functools.lru_cache(maxsize=4_096)
def is_library(filename: str) -> bool:
    """Tell whether a file is none of the project's own."""
    if filename.startswith("<") or filename.startswith(_LIBRARIES):
        return True
    return filename.startswith(_STDLIB) and "site-packages" not in filename


def _folder_of(module: ModuleType) -> str:
    return os.path.dirname(module.__file__ or "") + os.sep


def folders_of_package(name: str) -> list[str]:
    """Return where a package is, without importing it."""
    spec = importlib.util.find_spec(name)
    places = (spec and spec.submodule_search_locations) or ()
    return [f"{place}{os.sep}" for place in places]


_LOOPS = (asyncio.base_events.__file__, asyncio.events.__file__)
_RUN_CODE = asyncio.BaseEventLoop.run_forever.__code__
_JOB_CODE = Job(None, _folder_of).run.__code__
SYNC_TO_ASYNC = SyncToAsync.__call__.__code__
_KNOWN_WAITS = (asyncio.sleep.__code__, SYNC_TO_ASYNC)
_WAIT_CODE = private.WAIT_CODE
_ASYNCIO = _folder_of(asyncio)
_KIT = os.path.dirname(os.path.dirname(__file__)) + os.sep
_STDLIB = _folder_of(threading)
_RUNNERS = (
    os.path.join(_KIT, "engine", "resume.py"),
    os.path.join(_KIT, "running", "loop.py"),
    # Not its mocks, which the application may call.
    os.path.join(_STDLIB, "unittest", "case.py"),
    *folders_of_package("_pytest"),
)
_LIBRARIES = (
    *folders_of_package("django"),
    *folders_of_package("asgiref"),
    *folders_of_package("channels"),
    _KIT,
)
