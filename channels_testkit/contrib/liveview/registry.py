"""The registry of handlers and middleware, changed only for a test."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from liveview.decorators import liveview_registry

if TYPE_CHECKING:
    from collections.abc import Iterator

__unittest = True

Middleware = Callable[[Any, dict[str, Any], str], object]


@contextlib.contextmanager
def isolated_registry() -> Iterator[None]:
    """Undo, after a block, what it does to handlers and middleware."""
    # Objects may be held elsewhere, so it is their content that is put back.
    handlers: dict[str, Any] = liveview_registry._handlers  # noqa: SLF001
    saved = dict(handlers)
    with middleware_kept():
        try:
            yield
        finally:
            handlers.clear()
            handlers.update(saved)


@contextlib.contextmanager
def middleware_kept() -> Iterator[list[Middleware]]:
    """Give the registry's list of middleware, and undo what is done to it."""
    middleware: list[Middleware] = liveview_registry._middleware  # noqa: SLF001
    saved = list(middleware)
    try:
        yield middleware
    finally:
        middleware[:] = saved


def registered_name(function: str | Callable[..., Any]) -> str:
    """Return the name that a handler has in the registry."""
    if isinstance(function, str):
        return function
    for name, handler in liveview_registry.get_all_handlers().items():
        if handler is function:
            return str(name)
    raise TypeError(
        f"call_handler() takes a function's name, or a function that @liveview_handler"
        f" has registered, not {function!r}."
    )


def noting_blocks(middleware: Middleware, blocked_by: list[Middleware]) -> Middleware:
    """Return a middleware that is recorded when it blocks the handler."""

    @functools.wraps(middleware)
    def call(consumer: Any, content: dict[str, Any], function: str) -> object:
        result = middleware(consumer, content, function)
        if result is False:
            blocked_by.append(middleware)
        return result

    return call
