"""Real clients of a live server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import websocket

from channels_testkit.live.daphne import DaphneServer
from channels_testkit.live.uvicorn import UvicornServer

if TYPE_CHECKING:
    from channels_testkit import LiveServerTestCase

SERVERS = (DaphneServer, UvicornServer)
SECONDS = 10


def dial(
    case: LiveServerTestCase | type[LiveServerTestCase], path: str, **options: Any
) -> websocket.WebSocket:
    """Open a WebSocket to a test case's server; it is dropped at the end."""
    url = f"{case.live_server_ws_url}{path}"
    options.setdefault("origin", case.live_server_url)
    client = websocket.create_connection(url, timeout=SECONDS, **options)
    add = case.addClassCleanup if isinstance(case, type) else case.addCleanup
    add(client.shutdown)
    return client


def say(client: websocket.WebSocket, content: object) -> None:
    client.send(json.dumps(content))


def hear(client: websocket.WebSocket) -> Any:
    return json.loads(client.recv())


def fetch(url: str, data: bytes | None = None) -> tuple[int, bytes]:
    """Make a request; return status and body."""
    try:
        with urlopen(Request(url, data), timeout=SECONDS) as response:
            return response.status, response.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


def fetch_json(url: str) -> Any:
    return json.loads(fetch(url)[1])


def is_closed(client: websocket.WebSocket) -> bool:
    """Read on; tell whether the server ends the connection, in any way."""
    try:
        opcode, _ = client.recv_data(control_frame=True)
    except (websocket.WebSocketConnectionClosedException, ConnectionError):
        return True
    return bool(opcode == websocket.ABNF.OPCODE_CLOSE)
