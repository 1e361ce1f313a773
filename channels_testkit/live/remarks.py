"""Why a live server failed a client, in words, for a failure of the test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings

from channels_testkit.matching.wording import shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from channels_testkit.asgi.application import Event

    from .servers import Server

TOO_BIG = 1009
TLS = (
    "A client spoke TLS to the live server, which does not support it: its URLs begin"
    " with http:// and ws://."
)
#: With which TLS begins, and no request does.
_HANDSHAKE = b"\x16"
#: What each server refuses at once.
NO_REQUEST = b"TLS\r\n\r\n"
_REDIRECTS = {301, 302, 307, 308}


def is_tls(data: bytes) -> bool:
    """Tell whether a connection whose first bytes these are speaks TLS."""
    return data.startswith(_HANDSHAKE)


def redirect_to_https(event: Event, scope: Mapping[str, Any]) -> str:
    """Return what to say of a redirect to the server's own https://, or ""."""
    if event["type"] != "http.response.start" or event["status"] not in _REDIRECTS:
        return ""
    location = _header(event.get("headers", ()), b"location")
    target = urlsplit(location)
    own = {_header(scope["headers"], b"host"), settings.SECURE_SSL_HOST}
    if target.scheme != "https" or target.netloc not in own:
        return ""
    said = (
        f"The live server redirected {scope['method']} {scope['path']} to"
        f" {shorten(location)}, where nothing is served"
    )
    if not settings.SECURE_SSL_REDIRECT:
        return f"{said}: it does not support TLS."
    return (
        f"{said}: SECURE_SSL_REDIRECT is True. Turn it off for the test:"
        " @override_settings(SECURE_SSL_REDIRECT=False)."
    )


def _header(headers: Any, wanted: bytes) -> str:
    for name, value in headers:
        if name.lower() == wanted:
            return bytes(value).decode("latin1")
    return ""


def over_limit(path: str, size: int, limit: int, server: Server) -> str:
    """Say that the server takes, and sends, no frame of that size."""
    options = ", ".join(f'"{name}": {size}' for name in server.size_options)
    return (
        f"A frame of {size} bytes on the WebSocket {path} is over the live server's"
        f" limit of {limit}. To raise it, set options = {{{options}}} on a subclass of"
        f" {type(server).__name__}, and name that as server_class."
    )


def closed_as_too_big(path: str, reason: str, server: Server) -> str:
    """Say whose limits a frame may have been over."""
    said = f" ({reason})" if reason else ""
    limits = ", ".join(f"{name} = {it}" for name, it in server.size_options.items())
    of_server = f" The server's is in options of {type(server).__name__}: {limits}."
    return (
        f"The WebSocket {path} was closed with code {TOO_BIG}: a frame was over a"
        f" limit{said}.{of_server if limits else ''} A client's limit is an option of"
        " that client."
    )
