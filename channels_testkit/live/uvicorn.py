"""Uvicorn as the live server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ImproperlyConfigured

from .remarks import NO_REQUEST, TLS, is_tls
from .servers import NO_SERVER, LoopServer

try:
    import uvicorn
except ModuleNotFoundError as error:
    raise ImportError(NO_SERVER) from error

if TYPE_CHECKING:
    from collections.abc import Collection

    from .servers import LifespanOption

_OPTIONS: dict[str, Any] = {"log_config": None, "access_log": False}


class UvicornServer(LoopServer):
    """
    Uvicorn, on a loop of its own.

    ``options`` are those of ``uvicorn.Config``. As with Uvicorn, a lifespan is
    run where the application has one, unless ``lifespan`` is another option.
    """

    loggers: ClassVar[Collection[str]] = ("uvicorn.error",)
    options: ClassVar[dict[str, Any]] = {}

    _server: uvicorn.Server

    @property
    def lifespan(self) -> LifespanOption:  # type: ignore[override]
        """What the options say of the lifespan."""
        said: LifespanOption = self.options.get("lifespan", "auto")
        return said

    async def serve(self) -> None:
        """Accept connections, as ``uvicorn.Server.serve()`` begins."""
        options = {**_OPTIONS, **self.options, "lifespan": "off"}
        config = uvicorn.Config(self.application, **options)
        config.load()
        if config.ws_protocol_class is None:
            raise ImproperlyConfigured(
                "Uvicorn serves no WebSockets without a package for them: python -m"
                " pip install websockets."
            )
        self.size_options = {"ws_max_size": config.ws_max_size}
        config.http_protocol_class = self._refusing_tls(config.http_protocol_class)
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=[self.socket])
        # It writes the headers that every response has.
        await self._server.on_tick(0)

    def _refusing_tls(self, protocol_class: Any) -> Any:
        """Return a protocol that refuses a client that speaks TLS at once."""
        remark = self.remark

        class Protocol(protocol_class):  # type: ignore[misc]
            _has_begun = False

            def data_received(self, data: bytes) -> None:
                is_first, self._has_begun = not self._has_begun, True
                if is_first and is_tls(data):
                    remark(TLS)
                    data = NO_REQUEST
                super().data_received(data)

        return Protocol

    async def close(self) -> None:
        """
        Drop every connection.

        Uvicorn's own ``shutdown()`` takes a tenth of a second at least.
        """
        for listening in self._server.servers:
            listening.close()
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
