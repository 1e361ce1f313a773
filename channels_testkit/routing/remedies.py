"""What to do about exceptions that do not name their cause."""

from __future__ import annotations

import inspect
import linecache
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from channels.auth import AuthMiddleware
from channels.consumer import AsyncConsumer
from channels.exceptions import InvalidChannelLayerError
from channels.layers import channel_layers
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import CookieMiddleware, SessionMiddleware

from channels_testkit.matching import closest_name

from .application import layers_of, with_routes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType, TracebackType

# What Channels says of a message whose type has no method.
_NO_HANDLER = "No handler for message type "
# What sets a key of the scope, and what to do where nothing does.
_SETTERS: Mapping[str, tuple[type, str]] = {
    "cookies": (
        CookieMiddleware,
        "wrap the application in SessionMiddlewareStack or AuthMiddlewareStack.",
    ),
    "session": (
        SessionMiddleware,
        "wrap the application in SessionMiddlewareStack or AuthMiddlewareStack.",
    ),
    "url_route": (
        URLRouter,
        "route the consumer in a URLRouter. A test of a bare consumer can pass"
        " path_kwargs={...} to connect(), which sets it.",
    ),
    "user": (
        AuthMiddleware,
        "wrap the application in AuthMiddlewareStack. A test of a bare consumer can"
        " pass user= to connect(), which sets it.",
    ),
}


def explained(
    error: BaseException, application: object, kind: str = "websocket"
) -> BaseException:
    """
    Return the exception that ended an application, with an explanation.

    A note says what to do, if that is known; Python 3.10 has no notes.
    ``kind`` is the type of the scope.
    """
    told = with_routes(error, application)
    if isinstance(application, ProtocolTypeRouter):
        application = application.application_mapping.get(kind)
    add_note = getattr(told, "add_note", None)
    remedy = _remedy(told, application)
    if add_note and remedy and remedy not in getattr(told, "__notes__", ()):
        add_note(remedy)
    return told


def _remedy(error: BaseException, application: object) -> str | None:
    if isinstance(error, KeyError):
        return _of_the_scope(error, application)
    if isinstance(error, AttributeError):
        return _of_the_layer(error)
    if type(error) is ValueError:
        return _of_a_handler(error)
    if isinstance(error, InvalidChannelLayerError) and not channel_layers.configs:
        return _no_layer()
    if isinstance(error, TypeError):
        remedies = (_of_a_route(str(error), it) for it in layers_of(application))
        return next(filter(None, remedies), None)
    return None


def _of_a_handler(error: ValueError) -> str | None:
    """Name the method that a consumer lacks for the type of a message."""
    text = str(error)
    if error.__traceback__ is None or not text.startswith(_NO_HANDLER):
        return None
    frame, _ = _raised_at(error.__traceback__)
    consumer = frame.f_locals.get("self")
    if frame.f_code.co_name != "dispatch" or consumer is None:
        return None
    name = text.removeprefix(_NO_HANDLER).replace(".", "_")
    kind = type(consumer)
    return f"{kind.__name__} has no {name}().{meant_method(kind, name)}"


def meant_method(kind: type, name: str) -> str:
    """Ask for the method of a consumer that a name may stand for, if any."""
    close = closest_name(name, own_methods(kind))
    return f" Did you mean {close}()?" if close else ""


def own_methods(kind: type) -> Iterator[str]:
    """Yield the methods that a consumer has in its project."""
    for base in kind.__mro__:
        if base is not object and not base.__module__.startswith("channels."):
            yield from (name for name, it in vars(base).items() if callable(it))


def _of_the_scope(error: KeyError, application: object) -> str | None:
    """Say what sets the key of the scope that is missing."""
    key = error.args[0] if error.args else None
    line = _line_of(error.__traceback__)
    if not isinstance(key, str) or "scope" not in line:
        return None
    if "url_route" in line and key != "url_route":
        return (
            f"The route has no {key!r}: name it in its pattern, as <{key}> in path()."
            " A test of a bare consumer can pass it to connect(), in path_kwargs."
        )
    if key not in _SETTERS:
        return None
    kind, remedy = _SETTERS[key]
    if any(isinstance(it, kind) for it in layers_of(application)):
        remedy = f"{kind.__name__} sets it only for what it wraps."
    return f"The scope has no {key!r}: {remedy}"


def _of_the_layer(error: AttributeError) -> str | None:
    """Say that there is no channel layer, where its method was called."""
    is_of_none = getattr(error, "obj", error) is None
    if not is_of_none or "layer" not in _line_of(error.__traceback__):
        return None
    return _no_layer()


def _no_layer() -> str:
    known = ", ".join(map(repr, channel_layers.configs or {}))
    if known:
        return (
            "The channel layer is None, as in production: CHANNEL_LAYERS has only"
            f" {known}."
        )
    return (
        "The channel layer is None, as in production: CHANNEL_LAYERS has none. Add a"
        " 'default' to the settings, or use override_settings(CHANNEL_LAYERS=...)."
    )


def _of_a_route(text: str, layer: Any) -> str | None:
    """Say that a route leads to something that is not an application."""
    name = getattr(layer, "__name__", "")
    if inspect.isclass(layer):
        is_meant = issubclass(layer, AsyncConsumer) and name in text
        return f"Route {name}.as_asgi(), not the class {name}." if is_meant else None
    if not name or f"{layer.__qualname__}() takes" not in text:
        return None
    if name == "as_asgi":
        return f"Route {layer.__self__.__name__}.as_asgi(): call it."
    return (
        f"{name}() is not an ASGI application, which takes scope, receive and send."
        " Route a view in urls.py."
    )


def _line_of(traceback: TracebackType | None) -> str:
    """Return the line of code that raised, or nothing."""
    if traceback is None:
        return ""
    frame, number = _raised_at(traceback)
    return linecache.getline(frame.f_code.co_filename, number)


def _raised_at(traceback: TracebackType) -> tuple[FrameType, int]:
    """Return the frame that raised, and the number of its line."""
    *_, last = walk_tb(traceback)
    return last
