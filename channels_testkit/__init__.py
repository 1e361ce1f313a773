"""
Django TestCase-style tests for Django Channels.

Subclass ``ChannelTestCase`` or ``WebsocketTestCase``, and run the tests with
``manage.py test`` or pytest.
"""

from __future__ import annotations

import typing

from .apply_routes import apply_routes
from .client import ChannelClient
from .communicator import WebsocketCommunicator
from .event_stream import ServerSentEvent
from .exceptions import (
    ChannelsTestkitWarning,
    DatabaseOwnershipError,
    DeadlockError,
    HangError,
    NoFrame,
    ProtocolError,
)
from .handshake import Handshake
from .http import HttpCommunicator
from .layers import CaptiveChannelLayer, Sent
from .life_cycle import ChannelTestMixin
from .messages import Channel, Group, Message
from .testcases import (
    ChannelTestCase,
    SimpleChannelTestCase,
    SimpleWebsocketTestCase,
    TransactionChannelTestCase,
    TransactionWebsocketTestCase,
    WebsocketTestCase,
    WebsocketTestMixin,
)
from .wsclient import HttpClient, WSClient

__version__ = "0.1.0"

ChannelTestCaseMixin = ChannelTestMixin
Client = ChannelClient

if typing.TYPE_CHECKING:
    from .live import ChannelLiveServerTestCase, LiveServerTestCase

__all__ = [
    "CaptiveChannelLayer",
    "Channel",
    "ChannelClient",
    "ChannelLiveServerTestCase",
    "ChannelTestCase",
    "ChannelTestCaseMixin",
    "ChannelTestMixin",
    "ChannelsTestkitWarning",
    "Client",
    "DatabaseOwnershipError",
    "DeadlockError",
    "Group",
    "Handshake",
    "HangError",
    "HttpClient",
    "HttpCommunicator",
    "LiveServerTestCase",
    "Message",
    "NoFrame",
    "ProtocolError",
    "Sent",
    "ServerSentEvent",
    "SimpleChannelTestCase",
    "SimpleWebsocketTestCase",
    "TransactionChannelTestCase",
    "TransactionWebsocketTestCase",
    "WSClient",
    "WebsocketCommunicator",
    "WebsocketTestCase",
    "WebsocketTestMixin",
    "apply_routes",
]

_FROM_LIVE = ("ChannelLiveServerTestCase", "LiveServerTestCase")


def __getattr__(name: str) -> object:
    """Import the live server's test case for those who ask for it."""
    if name in _FROM_LIVE:
        from . import live

        found: object = getattr(live, name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
