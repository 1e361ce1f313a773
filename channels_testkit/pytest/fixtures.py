"""The fixtures: none depends on another, so that each can be replaced."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

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
    """Return what ``self`` has of the kit in a ``WebsocketTestCase``."""
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
    with serving(_test(), request.node) as server:
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
    from .browser import browse
    from .live_server import serving

    del transactional_db
    test: Any = _test()
    if "channels_live_server" in request.fixturenames:
        yield browse(
            test, request.getfixturevalue("channels_live_server"), _channels_browsers
        )
        return
    with serving(test, request.node) as server:
        yield browse(test, server, _channels_browsers)


def _test() -> ChannelsTest:
    """Return what the running test has of the kit."""
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
