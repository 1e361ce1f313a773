"""A test of a live server: two requests, and a socket that writes a row."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import urlopen

import websocket
from channels.testing import ChannelsLiveServerTestCase
from django.db import connection
from django.test import LiveServerTestCase as DjangoLiveServerTestCase

from channels_testkit import LiveServerTestCase, RollbackLiveServerTestCase
from channels_testkit.live.daphne import DaphneServer

from .measuring import compare, whole_tests
from .models import Row

CONTENT = {"text": "hello"}


class Requests:
    """What a test does on each server."""

    live_server_url: Any

    def count(self) -> int:
        with urlopen(f"{self.live_server_url}/rows/") as page:
            return int(page.read())

    def over_http(self) -> None:
        assert self.count() == 0
        Row.objects.create(**CONTENT)
        assert self.count() == 1

    def with_a_socket(self) -> None:
        assert self.count() == 0
        url = self.live_server_url.replace("http", "ws", 1)
        client = websocket.create_connection(f"{url}/async/")
        client.send(json.dumps(CONTENT))
        assert "id" in client.recv()
        client.close()
        assert self.count() == 1


class Rollback(Requests, RollbackLiveServerTestCase):
    server_class = DaphneServer


class Committed(Requests, LiveServerTestCase):
    server_class = DaphneServer


class OfDjango(Requests, DjangoLiveServerTestCase):
    """Serves HTTP alone."""


class OfChannels(Requests, ChannelsLiveServerTestCase):
    """Serves in another process; the project has no static files."""

    serve_static = False


def measure(database: str, *, smoke: bool) -> None:
    count, rounds = (1, 1) if smoke else (10, 11)
    ours = {
        "RollbackLiveServerTestCase": Rollback,
        "LiveServerTestCase": Committed,
    }
    socket = "with_a_socket"
    sides = [whole_tests(name, case, socket, count) for name, case in ours.items()]
    if connection.vendor != "sqlite":
        # It refuses a database in memory.
        name = "ChannelsLiveServerTestCase"
        sides.append(whole_tests(name, OfChannels, socket, count, is_peer=True))
    compare(f"Two requests and a socket, on {database}", sides, rounds)
    http = "over_http"
    name = "Django's LiveServerTestCase"
    compare(
        f"Two requests, on {database}",
        [
            *(whole_tests(name, case, http, count) for name, case in ours.items()),
            whole_tests(name, OfDjango, http, count, is_peer=True),
        ],
        rounds,
    )
