"""Letting the application stand still while the test's own code is run."""

from __future__ import annotations

import contextlib
import contextvars
from typing import TYPE_CHECKING, Any

from . import private
from .jobs import APPLICATION

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from .rest import RestWatch


@contextlib.contextmanager
def application_held(rest: RestWatch) -> Iterator[None]:
    """Let the application go on only where nothing else can, for a block."""
    loop = rest.loop
    held: list[asyncio.Handle] = []
    call_soon, before = loop.call_soon, rest.let_go

    def hold(
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        chosen = contextvars.copy_context() if context is None else context
        if not chosen.get(APPLICATION):
            return call_soon(callback, *args, context=context)
        held.append(private.make_handle(loop, callback, args, chosen))
        return held[-1]

    def release() -> bool:
        handles, held[:] = held[:], []
        private.ready_callbacks(loop).extend(handles)
        return bool(handles)

    loop.call_soon = hold  # type: ignore[method-assign, assignment]
    had_held = rest.has_held
    rest.has_held = lambda: bool(held) or had_held()
    # What a schedule keeps back comes after what has come.
    rest.let_go = lambda: release() or before()
    try:
        yield
    finally:
        loop.call_soon = call_soon  # type: ignore[method-assign]
        rest.let_go, rest.has_held = before, had_held
        release()
