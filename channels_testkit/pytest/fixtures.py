"""The fixtures: none depends on another, so that each can be replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from channels_testkit.layers.captive import CaptiveChannelLayer

    from .channels_test import ChannelsTest
    from .connecting import AsyncConnect, Connect


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
    return test
