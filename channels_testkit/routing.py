"""The project's application, its routes, and the origins that it accepts."""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import urlparse

from channels.consumer import AsyncConsumer
from channels.routing import ProtocolTypeRouter, URLRouter, get_default_application
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.test import utils as django_utils

from .scope import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .engine.application import ASGIApplication

DEFAULT_ORIGIN = f"http://{HOST}"
NO_ROUTE = "No route found for path"
_INNER_NAMES = ("inner", "application", "app", "asgi_application", "wrapped")


def project_application() -> ASGIApplication:
    """Return what ``ASGI_APPLICATION`` names, which must serve WebSockets."""
    if not getattr(settings, "ASGI_APPLICATION", None):
        raise ImproperlyConfigured(
            "ASGI_APPLICATION is not set: name the project's application in the"
            " settings, or set application on the test case."
        )
    application: ASGIApplication = get_default_application()
    if not serves_websockets(application):
        raise ImproperlyConfigured(
            f"ASGI_APPLICATION ({settings.ASGI_APPLICATION!r}) has no websocket"
            " route: wrap it in ProtocolTypeRouter({'http': ..., 'websocket': ...})."
        )
    return application


def serves_websockets(application: object) -> bool:
    """Tell whether WebSocket connections are served at all."""
    if isinstance(application, ProtocolTypeRouter):
        return "websocket" in application.application_mapping
    return not isinstance(application, ASGIHandler)


def check_application(application: object) -> ASGIApplication:
    """Return the application, or raise ``TypeError`` if it is not one."""
    if inspect.isclass(application) and issubclass(application, AsyncConsumer):
        name = application.__name__
        raise TypeError(
            f"{name} is a consumer class, not an application: use {name}.as_asgi()."
        )
    if not callable(application):
        raise TypeError(f"An ASGI application is callable; {application!r} is not.")
    return application


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
        yield from (route.callback for route in layer.routes)
    elif not inspect.isclass(layer):
        attributes = getattr(layer, "__dict__", {})
        yield from (attributes[name] for name in _INNER_NAMES if name in attributes)


def is_bare(application: object) -> bool:
    """Tell whether nothing wraps the consumer or function."""
    return len(list(layers_of(application))) == 1 and not isinstance(
        application, (ProtocolTypeRouter, URLRouter)
    )


def routes_of(application: object) -> list[str]:
    """Return the paths that are routed, as the project writes them."""
    routers = [layer for layer in layers_of(application) if isinstance(layer, URLRouter)]
    inner = {id(route.callback) for router in routers for route in router.routes}
    return [
        path
        for router in routers
        if id(router) not in inner
        for path in _paths(router, "/")
    ]


def _paths(router: URLRouter, prefix: str) -> Iterator[str]:
    for route in router.routes:
        path = f"{prefix}{route.pattern}"
        if isinstance(route.callback, URLRouter):
            yield from _paths(route.callback, path)
        else:
            yield path


def default_origin(application: object) -> str:
    """Return an origin that every validator in the chain accepts."""
    for layer in layers_of(application):
        if isinstance(layer, OriginValidator) and not _accepts(layer, DEFAULT_ORIGIN):
            return _first_origin(layer)
    return DEFAULT_ORIGIN


def _accepts(validator: OriginValidator, origin: str) -> bool:
    return bool(validator.valid_origin(urlparse(origin)))


def _first_origin(validator: OriginValidator) -> str:
    for pattern in validator.allowed_origins:
        scheme, found, host = pattern.rpartition("://")
        return f"{scheme if found else 'http'}://{host.removeprefix('.')}"
    return DEFAULT_ORIGIN


@contextlib.contextmanager
def allowed_hosts_of_the_test() -> Iterator[None]:
    """
    Let validators that hold the list of ``ALLOWED_HOSTS`` judge by settings.

    ``AllowedHostsOriginValidator`` takes the list when ``asgi.py`` is
    imported, which may be before the test runner adds its own host.
    """
    real = OriginValidator.valid_origin

    def valid_origin(validator: OriginValidator, parsed_origin: Any) -> bool:
        if _holds_allowed_hosts(validator):
            validator = OriginValidator(validator.application, _allowed_hosts())
        return bool(real(validator, parsed_origin))

    with mock.patch.object(OriginValidator, "valid_origin", valid_origin):
        yield


def _allowed_hosts() -> list[str]:
    if settings.DEBUG and not settings.ALLOWED_HOSTS:
        return ["localhost", "127.0.0.1", "[::1]"]
    return list(settings.ALLOWED_HOSTS)


def _holds_allowed_hosts(validator: OriginValidator) -> bool:
    return any(validator.allowed_origins is hosts for hosts in _known_allowed_hosts())


def _known_allowed_hosts() -> Iterator[object]:
    """Yield the list of the settings, and those that overrides hide."""
    holder = settings._wrapped
    while holder is not None:
        yield getattr(holder, "ALLOWED_HOSTS", None)
        holder = vars(holder).get("default_settings")
    saved = getattr(django_utils._TestState, "saved_data", None)
    yield getattr(saved, "allowed_hosts", None)
