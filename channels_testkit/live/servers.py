"""The base classes of live servers, also for servers of a project's own."""

from __future__ import annotations

import abc
import importlib
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from channels_testkit.testcases.requirements import skip_or_fail

from .loops import LoopThread

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable, Collection, Mapping

    from channels_testkit.asgi.application import ASGIApplication

LifespanOption = Literal["auto", "on", "off"]
NO_SERVER = (
    "A live server needs Daphne or Uvicorn: python -m pip install"
    ' "channels-testkit[live]" for Daphne, "channels-testkit[uvicorn]" for Uvicorn.'
)
_KNOWN = {"daphne": "DaphneServer", "uvicorn": "UvicornServer"}


class Server(abc.ABC):
    """
    Serves an application on a socket, in threads of this process.

    To test on a server that the package does not know, subclass it and set
    ``server_class`` to the subclass. ``sock`` is bound and listens.
    """

    #: The loggers to which it writes what an application has raised. They do
    #: not log an exception that the test reports.
    loggers: ClassVar[Collection[str]] = ()

    #: The options that limit the size of a frame, with their values. Failures
    #: name them.
    size_options: Mapping[str, int] = MappingProxyType({})

    #: Whether the server, in production, runs the lifespan of an application:
    #: ``"auto"`` if there is one, ``"on"`` always, ``"off"`` never. In tests
    #: the test case runs it, on ``loop``.
    lifespan: LifespanOption = "off"
    #: The loop that the application runs on, if it is known.
    loop: asyncio.AbstractEventLoop | None = None

    def __init__(self, application: ASGIApplication, sock: socket.socket) -> None:
        #: The ASGI application to serve.
        self.application = application
        #: The socket to serve on, which listens.
        self.socket = sock
        #: Call it with a text that may explain a failure of the test.
        self.remark: Callable[[str], None] = _nobody_listens

    @abc.abstractmethod
    def start(self) -> None:
        """Start; return when it accepts connections, or raise the failure."""

    @abc.abstractmethod
    def stop(self) -> None:
        """Accept no more, drop open connections; return when that is done."""


def _nobody_listens(_text: str) -> None:
    """Stand for ``remark()`` where no test case has started the server."""


class LoopServer(Server):
    """A server that runs on asyncio: its own loop, in its own thread."""

    _thread: LoopThread
    #: The loop, once the server has started.
    loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Run ``serve()`` on a new loop."""
        self._thread = LoopThread(f"live server, {type(self).__name__}")
        self.loop = self._thread.loop
        try:
            self._thread.call(self.serve())
        except BaseException:
            self._thread.stop()
            raise

    def stop(self) -> None:
        """Run ``close()`` on the loop, and end it."""
        try:
            self._thread.call(self.close())
        finally:
            self._thread.stop()

    @abc.abstractmethod
    async def serve(self) -> None:
        """Accept connections from now on; return at once."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Accept no more, and drop the connections that are open."""


def default_server_class() -> type[Server]:
    """
    Return Daphne's class where that is installed, or else Uvicorn's.

    Where neither is, the tests are skipped, or fail where
    CHANNELS_TESTKIT_REQUIRE names "live".
    """
    for name, class_name in _KNOWN.items():
        if find_spec(name) is not None:
            module = importlib.import_module(f".{name}", __package__)
            found: type[Server] = getattr(module, class_name)
            return found
    return skip_or_fail("live", f"{NO_SERVER} Or set server_class on the test case.")
