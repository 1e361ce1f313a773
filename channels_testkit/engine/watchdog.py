"""Seeing from another thread that a deadline has passed, and interrupting."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import math
import os
import signal
import threading
from typing import TYPE_CHECKING, Any, Protocol

from . import private, threads

if TYPE_CHECKING:
    from collections.abc import Callable


class Interrupter:
    """
    Raises ``CancelledError`` in a thread.

    In the main thread by a signal, whatever it is doing. Not by SIGINT:
    Django's runner takes the first for a wish to stop after this test. SIGURG
    is ignored unless it is handled, and it is not. In another thread it
    is raised as soon as that runs Python code.

    Where Ctrl-C only asks for the end after this test, as under Django's
    runner, ``on_ctrl_c`` is called as well: the test may never end.
    """

    def __init__(
        self, on_ctrl_c: Callable[[], object], is_under_way: Callable[[], bool]
    ) -> None:
        self._on_ctrl_c = on_ctrl_c
        # A signal may come when what it was for has just ended.
        self._is_under_way = is_under_way
        self._is_wanted = False
        self._others: set[int] = set()
        self._undo = contextlib.ExitStack()

    def install(self) -> None:
        """Handle the signal, where the platform and the thread allow."""
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and hasattr(signal, "pthread_kill"):
            previous = signal.signal(signal.SIGURG, self._raise)
            self._undo.callback(signal.signal, signal.SIGURG, previous)
            self._follow_ctrl_c()

    def _follow_ctrl_c(self) -> None:
        handler = signal.getsignal(signal.SIGINT)
        if not callable(handler) or handler is signal.default_int_handler:
            return
        if is_of_runner(handler):
            # It is put back by asyncio, before this would be.
            return

        def call(*args: Any) -> None:
            handler(*args)
            self._on_ctrl_c()

        signal.signal(signal.SIGINT, call)
        self._undo.callback(signal.signal, signal.SIGINT, handler)

    def remove(self) -> None:
        """Put the former handler back; interrupt nothing from now on."""
        self._undo.close()
        for thread_id in self._others:
            _raise_in(thread_id, None)

    def interrupt(self, thread_id: int) -> None:
        """Interrupt the thread."""
        if thread_id != threading.main_thread().ident:
            self._others.add(thread_id)
            _raise_in(thread_id, asyncio.CancelledError)
        elif hasattr(signal, "pthread_kill"):
            self._is_wanted = True
            signal.pthread_kill(thread_id, signal.SIGURG)

    def _raise(self, *_: object) -> None:
        is_wanted, self._is_wanted = self._is_wanted, False
        if is_wanted and self._is_under_way():
            raise asyncio.CancelledError


def is_of_runner(handler: Any) -> bool:
    """
    Tell whether a handler of SIGINT is that of ``asyncio.Runner``.

    Python 3.10 has it from a package of its own.
    """
    function = getattr(handler, "func", None)
    return type(getattr(function, "__self__", None)).__name__ == "Runner"


def _raise_in(thread_id: int, error: type[BaseException] | None) -> None:
    """Raise the error in a thread, or no longer what was to be raised."""
    raised = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), raised)


class Watched(Protocol):
    """What the watchdog looks after."""

    #: Seconds between two looks.
    pause: float

    def look(self) -> None:
        """Act where a deadline has passed; called from another thread."""


class Watchdog:
    """
    Sees that a deadline has passed where the loop cannot see it.

    The loop looks at the clock between its callbacks. A callback that blocks
    is seen only from another thread; one serves the whole process.
    """

    _current: Watchdog | None = None

    def __init__(self) -> None:
        self.process_id = os.getpid()
        self._changed = threading.Condition()
        self._watched: Watched | None = None
        self._is_looking = False
        self._sleeps_until = math.inf
        self.thread = threads.of_kit(self._serve, "channels_testkit watchdog")
        self.thread.start()

    @classmethod
    def get(cls) -> Watchdog:
        """Return this process's watchdog: a fork does not take it along."""
        if cls._current is None or cls._current.process_id != os.getpid():
            cls._current = cls()
        return cls._current

    def watch(self, watched: Watched) -> None:
        """Look every now and then, until ``rest()``."""
        self._watched = watched
        # To wake a thread costs more than most calls take. One that sleeps
        # not much longer than it should will see this by itself.
        if self._sleeps_until > private.clock() + watched.pause:
            with self._changed:
                self._changed.notify()

    def rest(self) -> None:
        """Look no more. Returns when no look is under way."""
        self._watched = None
        if self._is_looking:
            with self._changed:
                pass

    def _serve(self) -> None:
        with self._changed:
            while True:
                # In this order: who sets the one looks at the other.
                self._sleeps_until = math.inf
                pause = self._look()
                if pause is not None:
                    self._sleeps_until = private.clock() + pause
                self._changed.wait(pause)

    def _look(self) -> float | None:
        """Return the seconds until the next look, if there is one."""
        self._is_looking = True
        try:
            # In this order: as above.
            watched = self._watched
            if watched is None:
                return None
            watched.look()
            return watched.pause
        finally:
            self._is_looking = False
