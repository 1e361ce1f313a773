"""
Django TestCase-style tests for Django Channels.

Subclass ``ChannelTestCase`` or ``WebsocketTestCase``, and run the tests with
``manage.py test`` or pytest.
"""

from __future__ import annotations

from .communicator import WebsocketCommunicator
from .exceptions import (
    ChannelsTestkitWarning,
    DatabaseOwnershipError,
    DeadlockError,
    HangError,
    NoFrame,
    ProtocolError,
)
from .handshake import Handshake
from .layers import CaptiveChannelLayer, Sent
from .messages import Channel, Group, Message
from .testcases import (
    ChannelTestCase,
    ChannelTestMixin,
    SimpleChannelTestCase,
    SimpleWebsocketTestCase,
    TransactionChannelTestCase,
    TransactionWebsocketTestCase,
    WebsocketTestCase,
    WebsocketTestMixin,
)
from .wsclient import WSClient

__version__ = "0.1.0"

ChannelTestCaseMixin = ChannelTestMixin

__all__ = [
    "CaptiveChannelLayer",
    "Channel",
    "ChannelTestCase",
    "ChannelTestCaseMixin",
    "ChannelTestMixin",
    "ChannelsTestkitWarning",
    "DatabaseOwnershipError",
    "DeadlockError",
    "Group",
    "Handshake",
    "HangError",
    "Message",
    "NoFrame",
    "ProtocolError",
    "Sent",
    "SimpleChannelTestCase",
    "SimpleWebsocketTestCase",
    "TransactionChannelTestCase",
    "TransactionWebsocketTestCase",
    "WSClient",
    "WebsocketCommunicator",
    "WebsocketTestCase",
    "WebsocketTestMixin",
]
