"""The settings of a live server, which are attributes of the test case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.exceptions import ImproperlyConfigured

from channels_testkit.running.options import no_virtual_time

from .servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


class LiveSettings:
    """The attributes of ``LiveServerTestCase``."""

    #: The address to listen on, which is also the host in URLs.
    host: str = "127.0.0.1"
    #: The port to listen on. If it is 0, the system chooses a free port.
    port: int = 0
    #: The server. None means Daphne if it is installed, or else Uvicorn.
    server_class: type[Server] | None = None
    #: Whether static files are served, without collectstatic.
    serve_static: bool = True
    #: Serves them: called with the application, it returns a wrapped one.
    static_wrapper: Any = ASGIStaticFilesHandler
    #: The channels that worker consumers serve beside the server: a list, or
    #: ``"__all__"`` for every routed channel.
    worker_channels: Collection[str] = ()
    #: How many threads serve them; each stands for a worker process.
    worker_threads: int = 1


def check_settings(case: Any, owner: str) -> None:
    """
    Raise ``ImproperlyConfigured`` for a value that means nothing.

    ``case`` has the attributes of ``LiveSettings``, and ``owner`` is its name.
    """

    def check(name: str, wanted: str, is_valid: Callable[[Any], bool]) -> None:
        value = getattr(case, name)
        if not is_valid(value):
            raise ImproperlyConfigured(f"{owner}.{name} is {wanted}, not {value!r}.")

    check("port", "a number from 0 to 65535", _is_port)
    check("host", "the name or address to listen on", _is_name)
    check("server_class", "a subclass of Server, or None", _is_server_class)
    check("worker_threads", "a number from 1 on", _is_count)
    check("worker_channels", "a list of channels, or '__all__'", _is_channels)
    if case.use_virtual_time:
        raise no_virtual_time("a live server")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_port(value: object) -> bool:
    return value == 0 or (_is_count(value) and value <= 65535)  # type: ignore[operator]


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_server_class(value: object) -> bool:
    return value is None or (isinstance(value, type) and issubclass(value, Server))


def _is_channels(value: Any) -> bool:
    return value == "__all__" or isinstance(value, (list, tuple, set, frozenset))
