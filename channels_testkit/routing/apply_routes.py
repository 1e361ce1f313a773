"""``apply_routes``: routes for a test, in place of the project's."""

from __future__ import annotations

import contextlib
import functools
import inspect
import unittest
from typing import TYPE_CHECKING, Any, TypeVar

from channels.auth import AuthMiddlewareStack
from channels.generic.http import AsyncHttpConsumer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from django.apps import apps
from django.urls import URLPattern, URLResolver

from channels_testkit.matching.wording import say

from .application import check_application

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from channels_testkit.asgi.application import ASGIApplication

T = TypeVar("T")

#: Stands for the middleware that a project with logins has.
_USUAL: Any = object()

_OF_CLASS = "_applied_routes"
_DECORATES = "apply_routes() decorates functions and test case classes"

#: How the plain classes are called that pytest collects.
_OF_PYTEST = "Test"

_applied: list[ASGIApplication] = []


def applied_application() -> ASGIApplication | None:
    """Return the application of the innermost block, if there is one."""
    return _applied[-1] if _applied else None


def routes_of(kind: type | None) -> tuple[apply_routes, ...]:
    """Return what decorates a plain class of pytest, the outermost first."""
    return getattr(kind, _OF_CLASS, ())


class apply_routes:  # noqa: N801 - Channels 1's name, used as a decorator
    """
    Let the connections and clients of a test meet these routes only.

    Takes a route, a list of routes, or lists of lists: Django's ``path()`` and
    ``re_path()``, dicts of channel names and worker consumers, one consumer's
    ``as_asgi()`` for every path, or one whole ASGI application, used as it is.
    WebSocket routes are wrapped in ``AuthMiddlewareStack`` where auth and
    sessions are installed; ``middleware`` is put in its place, ``None`` leaves
    them bare. ``aliases`` is accepted: routes do not depend on the layer.

    It is a context manager, and a decorator of functions, coroutine functions,
    test case classes, and the plain classes ``Test...`` of pytest. Raises
    ``ValueError`` where there is no route, and ``TypeError`` for what is none.

    Example::

        with apply_routes([path("new/", EchoConsumer.as_asgi())]):
            client = self.connect("/new/")
            client.send_json({"text": "hello"})
            self.assertReceivesJson(client, {"text": "hello"})
    """

    def __init__(
        self, routes: Any, aliases: object = None, *, middleware: Any = _USUAL
    ) -> None:
        del aliases
        if middleware is _USUAL:
            middleware = _default_middleware()
        self._application = _application_of(list(_flat(routes)), middleware)

    def __enter__(self) -> ASGIApplication:
        _applied.append(self._application)
        return self._application

    def __exit__(self, *exc_info: object) -> None:
        # Its own, also where two tasks of a test have left in another order.
        last = _applied[::-1].index(self._application)
        del _applied[len(_applied) - 1 - last]

    def __call__(self, target: T) -> T:
        """Decorate a function, a coroutine function or a test case class."""
        if inspect.isclass(target):
            self._decorate_class(target)
            return target
        if not callable(target):
            raise TypeError(f"{_DECORATES}, not {say(target)}.")
        return self._wrap(target)  # type: ignore[return-value]

    def _decorate_class(self, case: type) -> None:
        is_case = issubclass(case, unittest.TestCase)
        if not (is_case or case.__name__.startswith(_OF_PYTEST)):
            raise TypeError(f"{_DECORATES}, not the class {case.__name__}.")
        own = vars(case).get(_OF_CLASS)
        if own is not None:
            setattr(case, _OF_CLASS, (self, *own))
            return
        is_first = not hasattr(case, _OF_CLASS)
        # Those of a subclass come after, and so win.
        setattr(case, _OF_CLASS, (*getattr(case, _OF_CLASS, ()), self))
        if is_first and is_case:
            # Around everything, so that no setUp() can leave it out.
            for name in ("run", "debug"):
                setattr(case, name, _with_routes(getattr(case, name)))

    def _wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def acall(*args: Any, **options: Any) -> Any:
                with self:
                    return await function(*args, **options)

            return acall

        @functools.wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            with self:
                return function(*args, **options)

        return call


def _with_routes(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(case: Any, *args: Any, **options: Any) -> Any:
        with contextlib.ExitStack() as stack:
            for routes in getattr(case, _OF_CLASS):
                stack.enter_context(routes)
            return method(case, *args, **options)

    return call


def _default_middleware() -> Any:
    needed = ("django.contrib.auth", "django.contrib.sessions")
    return AuthMiddlewareStack if all(map(apps.is_installed, needed)) else None


def _flat(routes: Any) -> Iterator[Any]:
    if isinstance(routes, (list, tuple)):
        for route in routes:
            yield from _flat(route)
    else:
        yield routes


def _application_of(routes: list[Any], middleware: Any) -> ASGIApplication:
    if not any(route != {} for route in routes):
        raise ValueError("apply_routes() needs at least one route.")
    paths: list[Any] = [route for route in routes if _is_path(route)]
    for route in paths:
        # An include() has none; Channels says what to do instead.
        if route.callback is not None:
            check_application(route.callback)
    channels: dict[str, Any] = {
        channel: check_application(consumer)
        for route in routes
        if isinstance(route, dict)
        for channel, consumer in route.items()
    }
    others = [
        check_application(route)
        for route in routes
        if not _is_path(route) and not isinstance(route, dict)
    ]
    if others and not _is_consumer(others[0]):
        return _alone(others, routes)
    websocket: Any = URLRouter(paths) if paths else None
    if others:
        websocket = _alone(others, [*others, *paths])
    protocols: dict[str, Any] = {}
    if websocket is not None:
        protocols["websocket"] = middleware(websocket) if middleware else websocket
    if channels:
        protocols["channel"] = ChannelNameRouter(channels)
    return ProtocolTypeRouter(protocols)


def _is_path(route: object) -> bool:
    return isinstance(route, (URLPattern, URLResolver))


def _is_consumer(application: object) -> bool:
    """Tell whether it is what a WebSocket consumer's ``as_asgi()`` returns."""
    kind = getattr(application, "consumer_class", None)
    return kind is not None and not issubclass(kind, AsyncHttpConsumer)


def _alone(applications: list[ASGIApplication], routes: list[Any]) -> ASGIApplication:
    if len(routes) > 1:
        raise ValueError(
            "apply_routes() takes one application, or one consumer for every path. To"
            " route several, give each a path, as in path('new/', consumer)."
        )
    return applications[0]
