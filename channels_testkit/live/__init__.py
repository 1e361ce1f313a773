"""
A live server in a thread of the test process.

``LiveServerTestCase`` serves the project on 127.0.0.1 while its tests run, and
``RollbackLiveServerTestCase`` does in one transaction.
``Server`` is what a server of a project's own subclasses; the servers that are
known are in ``daphne`` and ``uvicorn``.
"""

from __future__ import annotations

from .servers import LoopServer, Server
from .testcases import LiveServerTestCase, RollbackLiveServerTestCase

ChannelLiveServerTestCase = LiveServerTestCase

__all__ = [
    "ChannelLiveServerTestCase",
    "LiveServerTestCase",
    "LoopServer",
    "RollbackLiveServerTestCase",
    "Server",
]
