"""What a server would put in a WebSocket connection's scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urlsplit

from django.utils.encoding import iri_to_uri

from channels_testkit.matching.wording import say

from .events import DENIAL_EXTENSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HeaderList = list[tuple[bytes, bytes]]

HOST = "testserver"
#: The extensions that a test's server offers unless the test says others.
ASGI_EXTENSIONS: dict[str, dict[str, object]] = {DENIAL_EXTENSION: {}}


def websocket_scope(
    path: str,
    *,
    query: object = None,
    headers: Any = None,
    subprotocols: Sequence[str] | None = None,
    remote_address: object = None,
    extensions: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """Return the scope of a connection; the path may carry a query."""
    return {
        "type": "websocket",
        "scheme": "ws",
        **_request(path, query, headers, remote_address),
        "subprotocols": list(subprotocols or []),
        "extensions": {name: dict(value) for name, value in (extensions or {}).items()},  # type: ignore[call-overload]
    }


def http_scope(
    method: str, path: str, headers: Any = None, last_event_id: str | None = None
) -> dict[str, Any]:
    """Return the scope of a request; the path may carry a query."""
    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        **_request(path, None, headers, None),
        "extensions": {},
    }
    given: HeaderList = scope["headers"]
    if not has_header(given, b"host"):
        given.insert(0, (b"host", HOST.encode()))
    if last_event_id is not None and not has_header(given, b"last-event-id"):
        given.append((b"last-event-id", last_event_id.encode()))
    return scope


def _request(
    path: str, query: object, headers: Any, remote_address: object
) -> dict[str, Any]:
    """Return what is in the scope of every request, of either kind."""
    location, query_string = split_path(path)
    return {
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "path": unquote(location),
        "raw_path": iri_to_uri(location).encode(),
        "query_string": join_query(query_string, query),
        "root_path": "",
        "headers": header_list(headers),
        "client": _address(remote_address),
        "server": [HOST, 80],
        "state": {},
    }


def split_path(path: str) -> tuple[str, str]:
    """Split a path at its first question mark."""
    check_path(path)
    if not path.startswith("/") or "#" in path:
        raise ValueError(
            f"{say(path)} is not a path: write one that begins with '/', without host"
            " and fragment, for instance '/ws/chat/?room=1'."
        )
    location, _, query = path.partition("?")
    return location, query


def check_path(path: object) -> None:
    """Raise ``TypeError`` for what is no path, a user for instance."""
    if not isinstance(path, str):
        hint = (
            " To pass a user, use user=." if hasattr(path, "is_authenticated") else ""
        )
        raise TypeError(f"A path is a str, not {say(path)}.{hint}")


def path_of(address: str) -> str:
    """Return path and query of an address, as channels.testing takes it."""
    check_path(address)
    parsed = urlsplit(address)
    query = f"?{parsed.query}" if parsed.query else ""
    return f"/{parsed.path.removeprefix('/')}{query}"


def join_query(query_string: str, query: object) -> bytes:
    """Add a query, as a dict, pairs, str or bytes, to a query string."""
    if query is None:
        more = ""
    elif isinstance(query, (str, bytes)):
        more = query.decode() if isinstance(query, bytes) else query
        more = more.removeprefix("?")
    else:
        try:
            more = urlencode(query, doseq=True)  # type: ignore[arg-type]
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"query= is a dict, a list of pairs or a str, not {say(query)}."
            ) from error
    joined = "&".join(part for part in (query_string, more) if part)
    return iri_to_uri(joined).encode()


def header_list(headers: Any) -> HeaderList:
    """Return headers as a server gives them: bytes, names in lower case."""
    if headers is None:
        return []
    try:
        pairs = headers.items() if hasattr(headers, "items") else list(headers)
        named = [(name, value) for name, value in pairs]
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"headers are a dict or a list of pairs, not {say(headers)}."
        ) from error
    return [(_name(name), _value(name, value)) for name, value in named]


def _name(name: object) -> bytes:
    if isinstance(name, bytes):
        return name.lower()
    if isinstance(name, str):
        return _encoded(name.lower(), "A header's name")
    raise TypeError(f"A header's name is a str or bytes, not {say(name)}.")


def _value(name: object, value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return _encoded(value, f"The value of header {say(name)}")
    raise TypeError(
        f"The value of header {say(name)} is a str or bytes, not {say(value)}."
    )


def _encoded(text: str, what: str) -> bytes:
    try:
        return text.encode("latin1")
    except UnicodeEncodeError:
        raise ValueError(
            f"{what} is {say(text)}, and a header can have only characters of Latin-1."
            " Give others as bytes, in UTF-8 for instance."
        ) from None


def has_header(headers: HeaderList, name: bytes) -> bool:
    """Tell whether a header is there."""
    return any(key == name for key, _ in headers)


def _address(remote_address: object) -> list[object]:
    if remote_address is None:
        return ["127.0.0.1", 0]
    if isinstance(remote_address, str):
        return [remote_address, 0]
    if isinstance(remote_address, (tuple, list)) and len(remote_address) == 2:
        return list(remote_address)
    raise TypeError(
        f"remote_address is a host or a (host, port) pair, not {say(remote_address)}."
        " To pass a Django test client, use client=."
    )
