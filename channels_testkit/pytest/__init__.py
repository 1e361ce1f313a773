"""
The types of the fixtures that the pytest plugin brings, for annotations.

The plugin itself is found by pytest where the package is installed. A project
without it, or with ``-p no:channels_testkit``, has none of its fixtures.
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from .channels_test import ChannelsTest
    from .connecting import AsyncConnect, Connect
    from .live_server import ChannelsLiveServer

__all__ = ["AsyncConnect", "ChannelsLiveServer", "ChannelsTest", "Connect"]

if not typing.TYPE_CHECKING:
    # Hidden from type checkers, for which an unknown name stays an error.
    import importlib

    _MODULES = {
        "AsyncConnect": "connecting",
        "ChannelsLiveServer": "live_server",
        "ChannelsTest": "channels_test",
        "Connect": "connecting",
    }

    def __getattr__(name):
        """Import what is asked for by a public name."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = found
        return found
