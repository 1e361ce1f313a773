"""The future of a job in a pool: its callbacks, and whether it was seen."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from . import private

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from .origins import Source

T = TypeVar("T")

#: Who calls one of these has a look at what came of the job, or will have.
_LOOKS = ("add_done_callback", "cancel", "exception", "result")


class PoolFuture:
    """
    Follows a future, which counts as done when all its callbacks were run.

    They post to a loop; until then its task is not woken. ``on_notified`` is
    called when all were run.
    """

    def __init__(
        self,
        future: Future[Any],
        on_notified: Callable[[PoolFuture], object],
        source: Source,
    ) -> None:
        self._future = future
        self._on_notified = on_notified
        #: What it is the future of.
        self.source = source
        self._is_seen = self._has_notified = False

    def follow(self) -> None:
        """Begin; it may call ``on_notified`` at once."""
        for name in _LOOKS:
            self._note_looks(name)
        private.invoke_callbacks_by(self._future, self._notify)
        if self._future.done() and not self._has_notified:
            # It has ended before it got a callback.
            self._notify(_no_callbacks)

    def _note_looks(self, name: str) -> None:
        real = getattr(self._future, name)

        def look(*args: Any, **options: Any) -> Any:
            self._is_seen |= not any(map(private.passes_cancelling_on, args))
            if name == "add_done_callback" and self._future.done():
                return self._call_later(real, *args)
            return real(*args, **options)

        # A report of who calls it, in a thread job for one, has its real name.
        look.__module__, look.__qualname__ = real.__module__, real.__qualname__
        setattr(self._future, name, look)

    def _call_later(
        self,
        add: Callable[[Callable[..., object]], None],
        callback: Callable[..., object],
    ) -> None:
        """Suspend who awaits a quick job, from Python 3.14 on as before it."""
        loop = private.running_loop()
        if loop is not None and private.is_of_chain(callback):
            loop.call_soon(callback, self._future)
        else:
            add(callback)

    def _notify(self, tell: Callable[[], None]) -> None:
        try:
            tell()
        finally:
            self._has_notified = True
            self._on_notified(self)

    def done(self) -> bool:
        """Tell whether it has ended, and all its callbacks were run."""
        return self._has_notified

    def cancelled(self) -> bool:
        """Tell whether it was cancelled."""
        return self._future.cancelled()

    def unseen_error(self) -> BaseException | None:
        """Return the exception of the job, if no code has looked at it."""
        if self._is_seen or not self._future.done() or self._future.cancelled():
            return None
        return Future.exception(self._future)


def _no_callbacks() -> None:
    """Stand for the call of callbacks, where there are none."""


def still_pending(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[T]
) -> asyncio.Future[T]:
    """
    Return a future that who awaits it is suspended by.

    From Python 3.14 on a quick job's own may be done before it is awaited.
    """
    if not future.done():
        return future
    later: asyncio.Future[T] = loop.create_future()
    pass_on(future, later)
    return later


def pass_on(future: asyncio.Future[T], later: asyncio.Future[T]) -> None:
    """Give to another future what comes of one, and its cancelling back."""

    def copy(_: object) -> None:
        if later.cancelled():
            return
        if future.cancelled():
            later.cancel()
        elif error := future.exception():
            later.set_exception(error)
        else:
            later.set_result(future.result())

    def cancel(_: object) -> None:
        if later.cancelled():
            future.cancel()

    future.add_done_callback(copy)
    later.add_done_callback(cancel)
