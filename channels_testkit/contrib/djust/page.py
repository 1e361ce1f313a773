"""djust's frames, and the view behind its consumer."""

from __future__ import annotations

import contextlib
import itertools
import sys
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

from django.urls import Resolver404, resolve
from djust.checks.components import _routed_liveview_classes as routed_views
from djust.live_view import LiveView

from channels_testkit.contrib.pages import Page

from .isolation import Background, allowed, isolated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from channels.consumer import AsyncConsumer
    from django.urls import ResolverMatch

    from channels_testkit.running.run import TestRun

_local_names = itertools.count(1)
#: The template of a view of a test that has none.
_BLANK = "<div dj-root></div>"


class DjustPage(Page):
    """One mounted LiveView."""

    ws_path = "/ws/live/"
    error_loggers = ("djust",)

    def __init__(
        self, view_class: type[LiveView], view_path: str, url: str = "/"
    ) -> None:
        self.view_class = view_class
        self.view_path = view_path
        self.url, self.query = split_url(url)
        self._references = itertools.count(1)
        self._view: Any = None

    @classmethod
    @contextlib.contextmanager
    def for_test(cls, test: TestRun) -> Iterator[Background]:
        """Hold background work, and isolate the test."""
        with isolated(test) as background:
            yield background

    @property
    def name(self) -> str:
        """The name of the view."""
        return self.view_class.__name__

    def not_mounted(self) -> str:
        """Return djust's own words."""
        return "View not mounted. Call client.mount() first."

    # Frames.

    def mount_frame(self, params: Mapping[str, Any]) -> object:
        """Return what the browser sends when the page is there."""
        return {
            "type": "mount",
            "view": self.view_path,
            "params": {**self.query, **params},
            "url": self.url,
            "has_prerendered": False,
            "client_timezone": "UTC",
        }

    def redirect_frame(self) -> object:
        """Return what the browser sends to go on to this page."""
        return {
            "type": "live_redirect_mount",
            "view": self.view_path,
            "params": self.query,
            "url": self.url,
        }

    def event_frame(self, name: str, params: Mapping[str, Any]) -> object:
        """Return what the browser sends for an event."""
        return {
            "type": "event",
            "event": name,
            "params": dict(params),
            "ref": next(self._references),
        }

    def error(self, frame: Any) -> str | None:
        """Return the text of an error, or where a refused user is sent."""
        if frame["type"] == "error":
            return str(frame["error"])
        if frame["type"] == "navigate":
            return f"the browser is sent to {frame['to']!r}"
        if frame["type"] == "rate_limit_exceeded":
            return str(frame["message"])
        return None

    # The view.

    def view(self, consumer: AsyncConsumer) -> Any:
        """Return the view, also when the connection has been closed."""
        self._view = consumer.view_instance or self._view  # type: ignore[attr-defined]
        if self._view is None:
            raise RuntimeError(self.not_mounted())
        return self._view

    def state(self, consumer: AsyncConsumer) -> Mapping[str, Any]:
        """Return the view's public attributes that are not djust's own."""
        view = self.view(consumer)
        own = view._framework_attrs | {"request", "client_timezone"}  # noqa: SLF001
        return {
            name: value
            for name, value in {**_of_class(type(view)), **vars(view)}.items()
            if not name.startswith("_") and name not in own and not callable(value)
        }

    def value(self, consumer: AsyncConsumer, name: str) -> Any:
        """Return an attribute of the view or, failing that, of its class."""
        state = self.state(consumer)
        if name in state:
            return state[name]
        found = getattr(self.view(consumer), name, None)
        if name.startswith("_") or found is None or callable(found):
            raise LookupError(name)
        return found


def _of_class(view_class: type[LiveView]) -> dict[str, Any]:
    """Return the values that a view's classes give their instances."""
    return {
        name: value
        for kind in reversed(view_class.__mro__)
        for name, value in vars(kind).items()
        if not hasattr(LiveView, name) and not hasattr(value, "__get__")
    }


def split_url(url: str) -> tuple[str, dict[str, str]]:
    """Return the path of a URL and its query."""
    parts = urlsplit(url)
    return parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))


def arguments_of(path: str) -> dict[str, Any]:
    """Return the arguments of the route that a path has, if it has one."""
    match = _route_of(path)
    return match.kwargs if match else {}


def _route_of(path: str) -> ResolverMatch | None:
    try:
        return resolve(path)
    except Resolver404:
        return None


def routed_view(url: str) -> type[LiveView] | None:
    """Return the LiveView that the project routes a URL to."""
    match = _route_of(split_url(url)[0])
    found = getattr(match.func, "view_class", None) if match else None
    is_live = isinstance(found, type) and issubclass(found, LiveView)
    return found if is_live else None


@contextlib.contextmanager
def mountable(view_class: type[LiveView], test_module: str) -> Iterator[str]:
    """
    Give the path that djust finds a view by.

    A view of the test's own module, one that a function has made, and one
    that no URL of the project leads to are the test's: they are mounted
    wherever they are, also without a template. Other views have to be allowed
    by the settings, as in production.
    """
    module, name = view_class.__module__, view_class.__qualname__
    if module not in sys.modules:
        # The class was made by exec(), under the name of no module.
        module = __name__
    home = sys.modules[module]
    is_local = vars(home).get(name) is not view_class
    with contextlib.ExitStack() as stack:
        if is_local:
            name = f"{view_class.__name__}_{next(_local_names)}"
            setattr(home, name, view_class)
            stack.callback(delattr, home, name)
        path = f"{module}.{name}"
        if is_local or module == test_module or view_class not in routed_views():
            stack.enter_context(allowed(path))
            if not _has_template(view_class):
                blank = mock.patch.object(view_class, "template", _BLANK)
                stack.enter_context(blank)
        yield path


def _has_template(view_class: type[LiveView]) -> bool:
    return bool(
        view_class.template_name
        or view_class.template
        or view_class.get_template is not LiveView.get_template
    )
