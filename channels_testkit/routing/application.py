"""The project's application, its routes, and the origins that it accepts."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

from channels.consumer import AsyncConsumer
from channels.routing import (
    ChannelNameRouter,
    ProtocolTypeRouter,
    URLRouter,
    get_default_application,
)
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.urls.resolvers import RegexPattern

from channels_testkit.engine.notes import words_of
from channels_testkit.exceptions import NoRoute
from channels_testkit.matching import closest_name
from channels_testkit.matching.wording import say, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from channels_testkit.asgi.application import ASGIApplication

_LISTED = 100
_WIDTH = 400
NO_ROUTE = "No route found for path"
_INNER_NAMES = ("inner", "application", "app", "asgi_application", "wrapped")


class NoWebsocketsError(ImproperlyConfigured, ValueError):
    """For communicators made by hand, which raised a ``ValueError`` before."""


def configured_application() -> ASGIApplication:
    """Return what ``ASGI_APPLICATION`` names."""
    if not getattr(settings, "ASGI_APPLICATION", None):
        raise ImproperlyConfigured(
            "ASGI_APPLICATION is not set: name the project's application in the"
            " settings, or set application on the test case."
        )
    return cast("ASGIApplication", get_default_application())


def project_application() -> ASGIApplication:
    """Return what ``ASGI_APPLICATION`` names, which must serve WebSockets."""
    application = configured_application()
    need_websockets(application, f"ASGI_APPLICATION ({settings.ASGI_APPLICATION!r})")
    return check_application(application)


def need_websockets(
    application: object,
    name: str,
    kind: type[ImproperlyConfigured] = ImproperlyConfigured,
) -> None:
    """Raise ``ImproperlyConfigured`` where no WebSocket can be served."""
    if not serves_websockets(application):
        raise kind(
            f"{name} has no websocket route: wrap it in ProtocolTypeRouter({{'http':"
            " ..., 'websocket': ...})."
        )


def worker_routes(application: object) -> dict[str, ASGIApplication]:
    """Return the worker consumers that are routed, by channel."""
    routes: dict[str, Any] = {}
    for layer in layers_of(application):
        if isinstance(layer, ProtocolTypeRouter):
            return worker_routes(layer.application_mapping.get("channel"))
        if isinstance(layer, ChannelNameRouter):
            routes.update(layer.application_mapping)
    return routes


def serves_websockets(application: object) -> bool:
    """Tell whether WebSocket connections are served at all."""
    if isinstance(application, ProtocolTypeRouter):
        return "websocket" in application.application_mapping
    return not isinstance(application, ASGIHandler)


def serves_http(application: object) -> bool:
    """Tell whether requests are served at all."""
    if isinstance(application, ProtocolTypeRouter):
        return "http" in application.application_mapping
    return True


def check_application(application: Any) -> ASGIApplication:
    """Return the application, or raise ``TypeError`` if it is not one."""
    if inspect.isclass(application) and issubclass(application, AsyncConsumer):
        name = application.__name__
        raise TypeError(
            f"{name} is a consumer class, not an application: use {name}.as_asgi()."
        )
    if not callable(application):
        raise TypeError(f"An ASGI application is callable; {say(application)} is not.")
    checked: ASGIApplication = application
    return checked


def layers_of(application: object) -> Iterator[object]:
    """Yield the application and what it wraps, from the outside in."""
    to_do, seen = [application], set()
    while to_do:
        layer = to_do.pop(0)
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        yield layer
        to_do += _inside(layer)


def _inside(layer: object) -> Iterator[object]:
    if isinstance(layer, ProtocolTypeRouter):
        yield from filter(None, [layer.application_mapping.get("websocket")])
    elif isinstance(layer, URLRouter):
        yield from (route.callback for route in _routes(layer))
    elif not inspect.isclass(layer):
        attributes = getattr(layer, "__dict__", {})
        yield from (attributes[name] for name in _INNER_NAMES if name in attributes)


def is_bare(application: object) -> bool:
    """Tell whether nothing wraps the consumer or function."""
    return len(list(layers_of(application))) == 1 and not isinstance(
        application, (ProtocolTypeRouter, URLRouter)
    )


def routes_of(application: object) -> list[str]:
    """Return the paths that are routed, without the ends of patterns."""
    router = _router_in(application)
    return [] if router is None else list(_paths(router, "/"))


def _router_in(application: object) -> URLRouter | None:
    """Return the outermost router."""
    routers = (it for it in layers_of(application) if isinstance(it, URLRouter))
    return next(routers, None)


def _routes(router: URLRouter) -> list[Any]:
    """Return the routes, which are Django's own, whatever stubs say."""
    return list(router.routes)


def _paths(router: URLRouter, prefix: str) -> Iterator[str]:
    for route in _routes(router):
        pattern = str(route.pattern)
        if isinstance(route.pattern, RegexPattern):
            pattern = pattern.removeprefix("^").removesuffix("$").removesuffix(r"\Z")
        inner = _router_in(route.callback)
        if inner is None:
            yield f"{prefix}{pattern}"
        else:
            yield from _paths(inner, f"{prefix}{pattern}")


def with_routes(error: BaseException, application: object) -> BaseException:
    """Return Channels' "No route found" with routes, others as they are."""
    text = words_of(error)
    missing = text.partition(NO_ROUTE)[2].strip(" .'")
    if not isinstance(error, ValueError) or NO_ROUTE not in text:
        return error
    routes = routes_of(application)
    if not routes:
        # It comes from inside of something that is no router.
        return NoRoute(shorten(text, _WIDTH))
    listed = "".join(f"\n  {shorten(route)}" for route in routes[:_LISTED])
    more = len(routes) - _LISTED
    listed += f"\n  ... and {more:,} more" if more > 0 else ""
    hint = _hint(missing, routes)
    return NoRoute(f"{shorten(text, _WIDTH)}\n\nThe routes are:{listed}{hint}")


def _hint(missing: str, routes: list[str]) -> str:
    """Say which route was meant, or why it is never found."""
    for start, slashes, rest in (route.partition("//") for route in routes):
        if slashes:
            return (
                f"\n\nA route begins after the slash: write {rest!r}, not"
                f" {'/' + rest!r}, for {f'{start}/{rest}'!r}."
            )
    meant = closest_name(missing, routes)
    return f"\n\nDid you mean {meant!r}?" if meant else ""
