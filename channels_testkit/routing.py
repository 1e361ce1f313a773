"""The project's application, its routes, and the origins that it accepts."""

from __future__ import annotations

import contextlib
import copy
import inspect
from typing import TYPE_CHECKING, Any, cast
from unittest import mock
from urllib.parse import urlparse

from channels.consumer import AsyncConsumer
from channels.routing import (
    ChannelNameRouter,
    ProtocolTypeRouter,
    URLRouter,
    get_default_application,
)
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.test import utils as django_utils
from django.urls.resolvers import RegexPattern

from .scope import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .engine.application import ASGIApplication

DEFAULT_ORIGIN = f"http://{HOST}"
NO_ROUTE = "No route found for path"
_INNER_NAMES = ("inner", "application", "app", "asgi_application", "wrapped")


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


def need_websockets(application: object, name: str) -> None:
    """Raise ``ImproperlyConfigured`` where no WebSocket can be served."""
    if not serves_websockets(application):
        raise ImproperlyConfigured(
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
        raise TypeError(f"An ASGI application is callable; {application!r} is not.")
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


def default_origin(application: object) -> str:
    """Return an origin that every validator in the chain accepts."""
    validator = refusing_validator(application, DEFAULT_ORIGIN.encode())
    return DEFAULT_ORIGIN if validator is None else _first_origin(validator)


def refusing_validator(
    application: object, origin: bytes | None
) -> OriginValidator | None:
    """Return the validator in the chain that does not accept the origin."""
    parsed = None if origin is None else urlparse(origin.decode("latin1"))
    for layer in layers_of(application):
        if isinstance(layer, OriginValidator) and not layer.valid_origin(parsed):
            return layer
    return None


def origins_of(validator: OriginValidator) -> list[str]:
    """Return the origins that a validator accepts in this test."""
    if follows_settings(validator):
        return _allowed_hosts()
    return list(map(str, validator.allowed_origins))


def _first_origin(validator: OriginValidator) -> str:
    for pattern in origins_of(validator):
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
        if follows_settings(validator):
            validator = copy.copy(validator)
            validator.allowed_origins = _allowed_hosts()
        return bool(real(validator, parsed_origin))

    with mock.patch.object(OriginValidator, "valid_origin", valid_origin):
        yield


def _allowed_hosts() -> list[str]:
    if settings.DEBUG and not settings.ALLOWED_HOSTS:
        return ["localhost", "127.0.0.1", "[::1]"]
    return list(settings.ALLOWED_HOSTS)


def follows_settings(validator: OriginValidator) -> bool:
    """Tell whether a validator holds the very list of ``ALLOWED_HOSTS``."""
    return any(validator.allowed_origins is hosts for hosts in _known_allowed_hosts())


def _known_allowed_hosts() -> Iterator[object]:
    """Yield the list of the settings, and those that overrides hide."""
    holder = settings._wrapped  # noqa: SLF001 - Django has no other way
    while holder is not None:
        yield getattr(holder, "ALLOWED_HOSTS", None)
        holder = vars(holder).get("default_settings")
    state = django_utils._TestState  # noqa: SLF001 - where the runner keeps it
    saved = getattr(state, "saved_data", None)
    yield getattr(saved, "allowed_hosts", None)
    yield from _earlier_allowed_hosts


# An application that is imported in a test, or in a class that overrides the
# setting, holds the list of that one for good.
_earlier_allowed_hosts: list[object] = []


@receiver(setting_changed)
def _keep_allowed_hosts(
    *, setting: str, value: object, enter: bool, **kwargs: object
) -> None:
    if setting == "ALLOWED_HOSTS" and enter:
        _earlier_allowed_hosts.append(value)
