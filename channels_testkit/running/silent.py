"""What goes wrong in an application and ends no task of it."""

from __future__ import annotations

import contextlib
import gc
import inspect
import os
import sys
import threading
import warnings
import weakref
from types import CoroutineType
from typing import TYPE_CHECKING, Any

import channels

from channels_testkit.engine import places, pools, private
from channels_testkit.engine.patches import Patch
from channels_testkit.engine.tracebacks import note_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    Record = Callable[[BaseException], None]

#: Callers that Python keeps of a coroutine: a layer's own, and that one's.
_CALLERS = 2
#: Where a consumer is called from.
_CHANNELS = os.path.dirname(channels.__file__) + os.sep


@contextlib.contextmanager
def silent_failures_told(record: Record) -> Iterator[None]:
    """Tell, for a block, what Python would write to the console at best."""
    depth = sys.get_coroutine_origin_tracking_depth()
    sys.set_coroutine_origin_tracking_depth(max(depth, _CALLERS))
    try:
        with _never_awaited(record), _dying_threads(record):
            yield
    finally:
        sys.set_coroutine_origin_tracking_depth(depth)


def let_go_of_unawaited() -> None:
    """
    Close the coroutines that an interrupt has kept from being awaited.

    What keeps them is its traceback. The test in which that is dropped has
    made none of them.
    """
    for found in gc.get_objects():
        # isinstance() would make lazy objects of Django.
        is_coroutine = type(found) is CoroutineType
        if is_coroutine and inspect.getcoroutinestate(found) == inspect.CORO_CREATED:
            found.close()


@contextlib.contextmanager
def _never_awaited(record: Record) -> Iterator[None]:
    """Tell of each coroutine that the application has made and dropped."""
    name = private.UNAWAITED_HOOK
    warn: Callable[[Any], None] = getattr(warnings, name)

    def tell(coroutine: Coroutine[Any, Any, Any]) -> None:
        if pools.is_of_application():
            record(AssertionError(_never_awaited_text(coroutine)))
        else:
            warn(coroutine)

    with Patch(warnings, name, tell):
        yield


def _never_awaited_text(coroutine: Any) -> str:
    name = coroutine.__qualname__
    callers = list(coroutine.cr_origin or ())
    if callers and places.is_of_kit(callers[0][0]):
        # A call of a layer has a function of its own, with the usual name.
        name = callers.pop(0)[2]
    last = name.rpartition(".")[2]
    if not callers:
        return f"{name}() was called but never awaited, so it did nothing."
    file, line, function = callers[0]
    is_async = private.running_loop() is not None
    if file.startswith(_CHANNELS) and not is_async:
        return (
            f"{name}() was called by a sync consumer, which awaits nothing, so it did"
            f" nothing: write 'def {last}(...)', or derive from an async consumer."
        )
    place = f"{os.path.basename(file)}:{line} in {function}()"
    step = (
        f"Write 'await {last}(...)'"
        if is_async
        else f"In sync code write 'async_to_sync({last})(...)'"
    )
    return (
        f"{name}() was called at {place} but never awaited, so it did nothing. {step}."
    )


@contextlib.contextmanager
def _dying_threads(record: Record) -> Iterator[None]:
    """Tell of the exception that ends a thread of the application."""
    theirs: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
    # Each thread keeps the hook that it has found, for as long as it lives.
    records = [record]
    real_start, real_hook = threading.Thread.start, threading.excepthook

    def start(thread: threading.Thread) -> None:
        if pools.is_of_application() or threading.current_thread() in theirs:
            theirs.add(thread)
        real_start(thread)

    def hook(args: threading.ExceptHookArgs) -> None:
        error, thread = args.exc_value, args.thread
        is_exit = isinstance(error, SystemExit)
        is_theirs = thread is not None and thread in theirs and records
        if error is None or is_exit or thread is None or not is_theirs:
            real_hook(args)
            return
        note_owner(error, f"thread {thread.name!r}")
        records[0](error)

    with (
        Patch(threading.Thread, "start", start),
        Patch(threading, "excepthook", hook),
    ):
        try:
            yield
        finally:
            records.clear()
