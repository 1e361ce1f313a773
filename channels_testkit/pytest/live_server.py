"""``channels_live_server``: the live server, for one test function."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from django.test.utils import modify_settings

from channels_testkit.assertions.methods import unbound
from channels_testkit.engine import parked_loops
from channels_testkit.live.serving import LiveServer, in_url
from channels_testkit.live.settings import check_settings
from channels_testkit.live.testcases import alogin_headers, login_headers
from channels_testkit.routing.application import configured_application
from channels_testkit.running.kit_calls import kit_coroutine

from . import database
from .detection import ROLLBACK_LIVE_SERVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from channels_testkit.asgi.application import ASGIApplication

    from .channels_test import ChannelsTest

__unittest = True


class ChannelsLiveServer:
    """
    The project's application on a real server, as ``LiveServerTestCase``.

    The fixture ``channels_live_server`` is one, and so is
    ``channels_rollback_live_server``, as ``RollbackLiveServerTestCase``.

    Example::

        def test_page(channels_live_server, client):
            page = requests.get(f"{channels_live_server.url}/notes/")
            assert page.status_code == 200
    """

    def __init__(self, test: ChannelsTest, server: LiveServer, name: str) -> None:
        self._test = test
        self._server = server
        self._name_in_tests = name

    @property
    def url(self) -> str:
        """Where pages are: ``http://127.0.0.1:`` and the port."""
        return f"http://{self._server.address}"

    @property
    def ws_url(self) -> str:
        """Where WebSockets are: ``ws://127.0.0.1:`` and the port."""
        return f"ws://{self._server.address}"

    def login_headers(self, user: Any) -> dict[str, str]:
        """
        Return the headers by which a client of the server is logged in.

        They are what ``get_login()`` returns, cookies as one header; any HTTP
        or WebSocket client takes them. Raises ``RuntimeError`` in an async
        test, which has ``alogin_headers()``.
        """
        twin = f"{self._name_in_tests}.alogin_headers"
        return login_headers(self._test, user, twin)

    @kit_coroutine
    async def alogin_headers(self, user: Any) -> dict[str, str]:
        """Return the headers that log a client in, in an async test."""
        return await alogin_headers(self._test, user)


@contextlib.contextmanager
def serving(test: ChannelsTest, item: Any, name: str) -> Iterator[ChannelsLiveServer]:
    """
    Serve a test for a block, at whose end its clients have gone.

    ``name`` is that of the fixture whose server it is.
    """
    check_settings(test, name)
    with contextlib.ExitStack() as place:
        enter = place.enter_context
        enter(parked_loops.parked_loops_hidden())
        enter(modify_settings(ALLOWED_HOSTS={"append": in_url(test.host)}))
        static = unbound(test, "static_wrapper") if test.serve_static else None
        server = enter(
            LiveServer(
                owner=name,
                host=test.host,
                port=test.port,
                server_class=test.server_class,
                databases=database.databases(item),
                static_wrapper=static,
                class_application=lambda: _application(test),
                run_lifespan="class" if test.run_lifespan else False,
                hang_timeout=test.hang_timeout,
                rolls_back=name == ROLLBACK_LIVE_SERVER,
            )
        )
        channels, threads = test.worker_channels, test.worker_threads
        server.begin(test.run, channels=channels, threads=threads)
        place.callback(test.end_early)
        yield ChannelsLiveServer(test, server, name)


def _application(test: ChannelsTest) -> ASGIApplication:
    return test.get_application() or configured_application()
