"""Django's handlers of a live server, with the middleware of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels.routing import ProtocolTypeRouter
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import setting_changed

from channels_testkit.routing.application import layers_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class FreshMiddleware:
    """
    A context in which middleware is that of the settings of now.

    A handler loads it once, when ``asgi.py`` is imported, and much of it reads
    settings then. Here it is loaded again for a test that begins, and when a
    setting has changed; at the end the handlers have again what they had.
    """

    def __init__(self) -> None:
        self._before: dict[ASGIHandler, dict[str, Any]] = {}
        self._loaded: set[ASGIHandler] = set()

    def __enter__(self) -> FreshMiddleware:
        setting_changed.connect(self.forget)
        return self

    def __exit__(self, *exc_info: object) -> None:
        setting_changed.disconnect(self.forget)
        for handler, state in self._before.items():
            vars(handler).update(state)

    def forget(self, **_kwargs: object) -> None:
        """Load it again when it is needed next."""
        self._loaded.clear()

    def load(self, application: object) -> None:
        """Load what the handlers of an application have not loaded yet."""
        for handler in _handlers_of(application):
            if handler not in self._loaded:
                self._before.setdefault(handler, dict(vars(handler)))
                self._loaded.add(handler)
                handler.load_middleware(is_async=True)


def _handlers_of(application: object) -> Iterator[ASGIHandler]:
    if isinstance(application, ProtocolTypeRouter):
        application = application.application_mapping.get("http")
    for layer in layers_of(application):
        if isinstance(layer, ASGIHandler):
            yield layer
