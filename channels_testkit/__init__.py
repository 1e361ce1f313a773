"""
Django TestCase-style tests for Django Channels.

Subclass ``ChannelTestCase`` or ``WebsocketTestCase``, and run the tests with
``manage.py test`` or pytest.
"""

from __future__ import annotations

import typing

__version__ = "0.2.0"

if typing.TYPE_CHECKING:
    from .assertions.faults import LayerFaults
    from .engine.virtual_time import Timer
    from .exceptions import (
        ChannelsTestkitWarning,
        DatabaseOwnershipError,
        DeadlockError,
        FrameError,
        HangError,
        NoFrame,
        NoRoute,
        ProtocolError,
    )
    from .http.communicator import HttpCommunicator
    from .http.event_stream import ServerSentEvent
    from .layers.captive import CaptiveChannelLayer
    from .layers.senders import Sender
    from .layers.sent import LayerFault, Sent
    from .live import LiveServerTestCase, RollbackLiveServerTestCase
    from .routing.apply_routes import apply_routes
    from .running.communicator import ApplicationCommunicator
    from .running.exploration import explore_schedules
    from .running.time_of_run import VirtualClock
    from .testcases.classes import (
        ChannelTestCase,
        SimpleChannelTestCase,
        SimpleWebsocketTestCase,
        TransactionChannelTestCase,
        TransactionWebsocketTestCase,
        WebsocketTestCase,
        WebsocketTestMixin,
    )
    from .testcases.life_cycle import ChannelTestMixin
    from .timeline.timeline import Timeline
    from .websocket.client import HttpClient, WSClient
    from .websocket.communicator import WebsocketCommunicator
    from .websocket.handshake import Handshake
    from .websocket.options import ConnectOptions
    from .workers.channel_client import ChannelClient
    from .workers.held_task import HeldTask
    from .workers.held_tasks import HeldTasks
    from .workers.messages import Channel, Group, Message

    ChannelLiveServerTestCase = LiveServerTestCase
    ChannelsLiveServerTestCase = LiveServerTestCase
    ChannelTestCaseMixin = ChannelTestMixin
    Client = ChannelClient

__all__ = [
    "ApplicationCommunicator",
    "CaptiveChannelLayer",
    "Channel",
    "ChannelClient",
    "ChannelLiveServerTestCase",
    "ChannelTestCase",
    "ChannelTestCaseMixin",
    "ChannelTestMixin",
    "ChannelsLiveServerTestCase",
    "ChannelsTestkitWarning",
    "Client",
    "ConnectOptions",
    "DatabaseOwnershipError",
    "DeadlockError",
    "FrameError",
    "Group",
    "Handshake",
    "HangError",
    "HeldTask",
    "HeldTasks",
    "HttpClient",
    "HttpCommunicator",
    "LayerFault",
    "LayerFaults",
    "LiveServerTestCase",
    "Message",
    "NoFrame",
    "NoRoute",
    "ProtocolError",
    "RollbackLiveServerTestCase",
    "Sender",
    "Sent",
    "ServerSentEvent",
    "SimpleChannelTestCase",
    "SimpleWebsocketTestCase",
    "Timeline",
    "Timer",
    "TransactionChannelTestCase",
    "TransactionWebsocketTestCase",
    "VirtualClock",
    "WSClient",
    "WebsocketCommunicator",
    "WebsocketTestCase",
    "WebsocketTestMixin",
    "apply_routes",
    "explore_schedules",
]

if not typing.TYPE_CHECKING:
    # Hidden from type checkers, for which an unknown name stays an error. A
    # name is imported when it is asked for: Django may not be set up before.
    import importlib

    _MODULES = {
        "assertions.faults": "LayerFaults",
        "engine.virtual_time": "Timer",
        "running.communicator": "ApplicationCommunicator",
        "running.exploration": "explore_schedules",
        "running.time_of_run": "VirtualClock",
        "exceptions": (
            "ChannelsTestkitWarning DatabaseOwnershipError DeadlockError FrameError"
            " HangError NoFrame NoRoute ProtocolError"
        ),
        "http.communicator": "HttpCommunicator",
        "http.event_stream": "ServerSentEvent",
        "layers.captive": "CaptiveChannelLayer",
        "layers.senders": "Sender",
        "layers.sent": "LayerFault Sent",
        "live": "LiveServerTestCase RollbackLiveServerTestCase",
        "routing.apply_routes": "apply_routes",
        "testcases.classes": (
            "ChannelTestCase SimpleChannelTestCase SimpleWebsocketTestCase"
            " TransactionChannelTestCase TransactionWebsocketTestCase"
            " WebsocketTestCase WebsocketTestMixin"
        ),
        "testcases.life_cycle": "ChannelTestMixin",
        "timeline.timeline": "Timeline",
        "websocket.client": "HttpClient WSClient",
        "websocket.communicator": "WebsocketCommunicator",
        "websocket.handshake": "Handshake",
        "websocket.options": "ConnectOptions",
        "workers.channel_client": "ChannelClient",
        "workers.held_task": "HeldTask",
        "workers.held_tasks": "HeldTasks",
        "workers.messages": "Channel Group Message",
    }
    _MODULE_OF = {
        name: module for module, names in _MODULES.items() for name in names.split()
    }
    _OTHER_NAMES = {
        "ChannelLiveServerTestCase": "LiveServerTestCase",
        "ChannelsLiveServerTestCase": "LiveServerTestCase",
        "ChannelTestCaseMixin": "ChannelTestMixin",
        "Client": "ChannelClient",
    }

    def __getattr__(name):
        """Import what is asked for by a public name."""
        known = _OTHER_NAMES.get(name, name)
        if known not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(
            importlib.import_module(f"{__name__}.{_MODULE_OF[known]}"), known
        )
        globals()[name] = found
        return found

    def __dir__():
        """List the public names, imported or not."""
        return sorted({*globals(), *__all__})
