"""
Tests on channels_redis, with a real server.

Needs ``python -m pip install "channels-testkit[redis]"``, or a server.
"""

from __future__ import annotations

from .server import RedisServer
from .testcases import (
    RedisLayerTestCase,
    RedisTestMixin,
    TransactionRedisLayerTestCase,
    redis_channel_layers,
    requires_redis,
)

__all__ = [
    "RedisLayerTestCase",
    "RedisServer",
    "RedisTestMixin",
    "TransactionRedisLayerTestCase",
    "redis_channel_layers",
    "requires_redis",
]
