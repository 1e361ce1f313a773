"""Failures in an application that end no task of it."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import functools
import threading
import weakref
from asyncio import StreamReaderProtocol
from concurrent.futures import Future
from multiprocessing.pool import ApplyResult, IMapIterator
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeGuard

from channels_testkit.engine import pools, private
from channels_testkit.engine.origin_notes import Origin
from channels_testkit.engine.origins import OWNER, CallersKept
from channels_testkit.engine.patches import Patch
from channels_testkit.engine.private import KINDS_OF_FUTURES
from channels_testkit.matching.wording import MAX_NAME, say

from .never_awaited import NeverAwaited
from .pool_results import PoolResults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from channels_testkit.engine.errors import ApplicationErrors
    from channels_testkit.engine.new_objects import MadeSince


A_CALLBACK = "a callback"
#: Those of the running test; where it runs others, theirs are the last.
_in_place: list[SilentFailures] = []


class SilentFailures:
    """Reports failures that Python at best writes to the console."""

    def __init__(self, errors: ApplicationErrors) -> None:
        #: None when the test is over: threads and callbacks may outlive it.
        self._errors: ApplicationErrors | None = errors
        self._never_awaited = NeverAwaited(errors)
        self._results = PoolResults(errors)
        #: The loops that the application has made.
        self._loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()
        # Each keeps the hook that it has found, for as long as it lives.
        self._threads: weakref.WeakKeyDictionary[threading.Thread, Origin] = (
            weakref.WeakKeyDictionary()
        )

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Report them, for a block."""
        _patch_for_good()
        # Runners of tests replace this one for each test.
        dies = functools.partial(self._thread_dies, threading.excepthook)
        with Patch(threading, "excepthook", dies), self._never_awaited.in_place():
            _in_place.append(self)
            try:
                yield
            finally:
                _in_place.remove(self)
                self._errors = None

    def look(self, since: MadeSince, loop: asyncio.AbstractEventLoop) -> None:
        """Report failures that are still kept and were never checked."""
        self._results.look()
        loops = {loop, *self._loops}
        found = since.of({CoroutineType, StreamReaderProtocol, *KINDS_OF_FUTURES})
        # How a connection has ended is only for code that checks it.
        not_reported = {
            private.end_of(it) for it in found if type(it) is StreamReaderProtocol
        }
        for future in found:
            if type(future) not in KINDS_OF_FUTURES or future in not_reported:
                continue
            if private.loop_of(future) in loops and private.is_unretrieved(future):
                self._record(future.exception())
        self._never_awaited.look([it for it in found if type(it) is CoroutineType])

    def _is_ours(self) -> bool:
        """Tell whether this is code of the application of this very test."""
        return _in_place[-1:] == [self] and pools.is_of_application()

    def _record(self, error: BaseException | None) -> bool:
        """Take note of a failure; tell whether it is one, and in time."""
        if self._errors is None or not is_failure(error):
            return False
        self._errors.record(error)
        return True

    # The replacements: each is called with the real function.

    def _start(
        self, real: Callable[[threading.Thread], None], thread: threading.Thread
    ) -> None:
        if self._is_ours():
            origin = Origin.here(f"thread {say(thread.name, MAX_NAME)}")
            self._threads[thread] = origin
            pools.threads_of_application.add(thread)
            run = thread.run

            def run_with_callers_kept() -> None:
                del thread.run
                OWNER.set(origin.owner)
                with CallersKept():
                    run()

            thread.run = run_with_callers_kept  # type: ignore[method-assign]
        real(thread)

    def _thread_dies(
        self,
        real: Callable[[threading.ExceptHookArgs], object],
        args: threading.ExceptHookArgs,
    ) -> None:
        error, thread = args.exc_value, args.thread
        # Python says nothing of a thread that exits.
        if isinstance(error, SystemExit) or thread not in self._threads:
            real(args)
            return
        if is_failure(error) and thread is not None:
            self._threads[thread].note_on(error)
        if not self._record(error):
            real(args)

    def _start_new_thread(
        self,
        real: Callable[..., int],
        function: Any,
        args: Any,
        *options: Any,
    ) -> int:
        is_valid = callable(function) and isinstance(args, tuple)
        if not (is_valid and self._is_ours()):
            return real(function, args, *options)
        # One that can be seen, also by who looks for what is still at work.
        thread = threading.Thread(
            target=function, args=args, kwargs=dict(*options), daemon=True
        )
        thread.start()
        return thread.ident or 0

    def _add_done_callback(
        self,
        real: Callable[..., None],
        future: Future[Any],
        function: Callable[[Future[Any]], object],
    ) -> None:
        is_watched = not private.is_of_chain(function) and self._is_ours()
        real(
            future,
            functools.partial(self._call, function, Origin.here(A_CALLBACK))
            if is_watched
            else function,
        )

    def _call(
        self,
        function: Callable[[Future[Any]], object],
        origin: Origin,
        future: Future[Any],
    ) -> None:
        try:
            function(future)
        except Exception as error:
            # Python writes it to a log.
            origin.note_on(error)
            self._record(error)
            raise

    def _make_result(
        self, real: Callable[..., None], result: object, *args: Any, **options: Any
    ) -> None:
        if self._is_ours():
            self._results.follow(result)
        real(result, *args, **options)

    def _set_result(
        self,
        real: Callable[..., None],
        result: object,
        index: int,
        outcome: tuple[bool, Any],
    ) -> None:
        self._results.note(result, *outcome)
        real(result, index, outcome)

    def _check_result(
        self, real: Callable[[ApplyResult[Any]], bool], result: ApplyResult[Any]
    ) -> bool:
        self._results.note_checked(result)
        return real(result)

    def _make_loop(
        self, real: Callable[..., None], loop: asyncio.BaseEventLoop
    ) -> None:
        real(loop)
        if self._is_ours():
            self._loops.add(loop)
            loop.set_exception_handler(self._loop_complains)

    def _loop_complains(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        note_callback(context)
        if not self._record(context.get("exception")):
            loop.default_exception_handler(context)


def note_callback(context: dict[str, Any]) -> None:
    """Add whose callback it was to what a loop complains of."""
    error, handle = context.get("exception"), context.get("handle")
    if handle is not None and is_failure(error):
        owner = private.context_of(handle).get(OWNER)
        if owner is not None:
            Origin(A_CALLBACK, owner).note_on(error)


def is_failure(error: BaseException | None) -> TypeGuard[BaseException]:
    """Tell whether an exception is one that the application did not expect."""
    is_way_out = isinstance(error, (asyncio.CancelledError, KeyboardInterrupt))
    return error is not None and not is_way_out


@functools.cache
def _patch_for_good() -> None:
    """
    See calls of these functions by all code, from now on and for good.

    To replace them for each test would take longer than to see the calls.
    """
    for owner, name, seen_by in (
        (threading.Thread, "start", "_start"),
        (_thread, "start_new_thread", "_start_new_thread"),
        (Future, "add_done_callback", "_add_done_callback"),
        (asyncio.BaseEventLoop, "__init__", "_make_loop"),
        (ApplyResult, "__init__", "_make_result"),
        (IMapIterator, "__init__", "_make_result"),
        (ApplyResult, "successful", "_check_result"),
        *((it, private.SET_RESULT, "_set_result") for it in private.RESULTS_OF_POOLS),
    ):
        setattr(owner, name, _passing(seen_by, vars(owner)[name]))


def _passing(seen_by: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that passes calls, and the real one, to a test's."""

    @functools.wraps(real)
    def call(*args: Any, **options: Any) -> Any:
        for innermost in _in_place[-1:]:
            return getattr(innermost, seen_by)(real, *args, **options)
        return real(*args, **options)

    return call
