"""The fixtures: none depends on another, so that each can be replaced."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from .detection import LIVE_SERVER, ROLLBACK_LIVE_SERVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver import Chrome

    from channels_testkit.layers.captive import CaptiveChannelLayer

    from .browser import Pools
    from .channels_test import ChannelsTest
    from .connecting import AsyncConnect, Connect
    from .live_server import ChannelsLiveServer


@pytest.fixture
def channels_test() -> ChannelsTest:
    """Return the methods and options of a ``WebsocketTestCase``."""
    return _test()


@pytest.fixture
def ws_connect() -> Connect:
    """Return ``channels_test.connect``, for sync tests."""
    return _test().connect


@pytest.fixture
def aws_connect() -> AsyncConnect:
    """Return ``channels_test.aconnect``, for async tests."""
    return _test().aconnect


@pytest.fixture
def channel_layer() -> CaptiveChannelLayer:
    """Return the captive layer of the alias ``"default"``."""
    return _test().channel_layer


@pytest.fixture
def redis_layer() -> Any:
    """Return the layer of the alias ``"default"``, on a real Redis server."""
    return _test().channel_layer


@pytest.fixture
def channels_live_server(
    request: pytest.FixtureRequest, transactional_db: None
) -> Iterator[ChannelsLiveServer]:
    """Serve the project on a real server, as ``LiveServerTestCase`` does."""
    from .live_server import serving

    del transactional_db
    with serving(_test(), request.node, LIVE_SERVER) as server:
        yield server


@pytest.fixture
def channels_rollback_live_server(
    request: pytest.FixtureRequest, db: None
) -> Iterator[ChannelsLiveServer]:
    """Serve the project as ``RollbackLiveServerTestCase`` does."""
    from .live_server import serving

    del db
    with serving(_test(), request.node, ROLLBACK_LIVE_SERVER) as server:
        yield server


@pytest.fixture(scope="session")
def _channels_browsers() -> Iterator[Pools]:
    from .browser import Pools

    with contextlib.ExitStack() as undo:
        yield Pools(undo)


@pytest.fixture
def channels_browser(
    request: pytest.FixtureRequest, transactional_db: None, _channels_browsers: Pools
) -> Iterator[Chrome]:
    """Return a browser for the pages of a live server: Selenium's driver."""
    del transactional_db
    with _server(request, LIVE_SERVER) as server:
        yield _browse(server, _channels_browsers)


@pytest.fixture
def channels_rollback_browser(
    request: pytest.FixtureRequest, db: None, _channels_browsers: Pools
) -> Iterator[Chrome]:
    """Return a browser for a live server whose test is one transaction."""
    del db
    with _server(request, ROLLBACK_LIVE_SERVER) as server:
        yield _browse(server, _channels_browsers)


@contextlib.contextmanager
def _server(request: pytest.FixtureRequest, name: str) -> Iterator[ChannelsLiveServer]:
    """Give the server that the test asks for by name, or one that is ended."""
    from .live_server import serving

    if name in request.fixturenames:
        yield request.getfixturevalue(name)
        return
    with serving(_test(), request.node, name) as server:
        yield server


def _browse(server: ChannelsLiveServer, pools: Pools) -> Chrome:
    from .browser import browse

    test: Any = _test()
    return browse(test, server, pools)


def _test() -> ChannelsTest:
    """Return the methods and options for the running test."""
    from channels_testkit.running.run import current

    from .channels_test import OptionsOfFunction

    run = current()
    options = None if run is None else run.options
    if not isinstance(options, OptionsOfFunction):
        raise RuntimeError(
            "The fixtures of channels_testkit are for test functions; in a test case"
            " of unittest, derive from WebsocketTestCase and use self."
        )
    test: ChannelsTest = options.test
    test.start_lifespan()
    return test
