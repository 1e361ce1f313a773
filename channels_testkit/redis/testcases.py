"""Test cases and settings on channels_redis."""

from __future__ import annotations

import functools
import inspect
import secrets
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.test import TestCase, TransactionTestCase

from channels_testkit.layers.aliases import DEFAULT
from channels_testkit.layers.captive_layers import COMMON_OPTIONS
from channels_testkit.layers.real import RealLayers, make_real_layer
from channels_testkit.testcases.classes import WebsocketTestMixin
from channels_testkit.testcases.life_cycle import ChannelTestMixin

from .server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    T = TypeVar("T")

__unittest = True

BACKENDS = {
    "core": "channels_redis.core.RedisChannelLayer",
    "pubsub": "channels_redis.pubsub.RedisPubSubChannelLayer",
}


class RedisTestMixin(ChannelTestMixin):
    """
    Puts the tests of a class on a real Redis server.

    Put it before any test case class of channels_testkit. Each alias of
    ``CHANNEL_LAYERS``, or ``"default"`` where there is none, has a fresh
    layer of channels_redis with a prefix of its own. What was written under
    that is removed at the end of the test, and nothing else.

    Without a server the class is skipped; see ``RedisServer.obtain()``.
    """

    #: ``"core"``, ``"pubsub"``, or the dotted path of a backend.
    redis_backend: str = "core"
    #: What goes into each layer's CONFIG, besides hosts and prefix.
    redis_config: ClassVar[Mapping[str, Any]] = {}
    #: The server that the tests of the class run on.
    redis_server: RedisServer

    @classmethod
    def setUpClass(cls) -> None:
        """Obtain the server; skip the class where there is none."""
        cls.redis_server = cls.get_redis_server()
        super().setUpClass()

    @classmethod
    def get_redis_server(cls) -> RedisServer:
        """Return the server for the class: that of the process, by default."""
        return RedisServer.obtain()

    def _kit_layer_source(self) -> Callable[[], RedisLayers]:
        return functools.partial(RedisLayers, type(self))


class RedisLayerTestCase(RedisTestMixin, WebsocketTestMixin, TestCase):
    """``WebsocketTestCase`` on a real Redis server."""


class TransactionRedisLayerTestCase(
    RedisTestMixin, WebsocketTestMixin, TransactionTestCase
):
    """``TransactionWebsocketTestCase`` on a real Redis server."""


class RedisLayers(RealLayers):
    """
    The layers of a test on a Redis server.

    ``case`` has the attributes of ``RedisTestMixin``.
    """

    def __init__(self, case: Any) -> None:
        super().__init__(case.test_channel_aliases)
        self._case = case

    def make(self) -> dict[str, Any]:
        """Return fresh layers for the setting of now, by alias."""
        case = self._case
        backend = BACKENDS.get(case.redis_backend, case.redis_backend)
        layers = {}
        for alias, layer in (self.configured() or {DEFAULT: {}}).items():
            config = layer.get("CONFIG") or {}
            common = {name: config[name] for name in COMMON_OPTIONS if name in config}
            hosts = {"hosts": [_host(case.redis_server)]}
            options = {**common, **hosts, **case.redis_config}
            layers[alias] = make_real_layer(alias, backend, options)
        return layers

    def give_back(self, call: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        """Do so on a server that runs, for this test and those to come."""
        if not self._case.redis_server.is_running:
            self._case.redis_server.start()
        super().give_back(call)


def redis_channel_layers(
    backend: str = "core", *, server: RedisServer | None = None, **config: Any
) -> dict[str, dict[str, Any]]:
    """
    Return a value for ``CHANNEL_LAYERS`` with a layer on a Redis server.

    Use it with ``override_settings()`` in test cases that are not of this
    package, and for ``layer_source = "configured"``: it has the layer's
    options as ``CONFIG`` and as ``TEST_CONFIG``. Without ``server`` it uses
    the server of the process. Each value has a prefix of its own, unless
    ``config`` has one.
    """
    hosts = [_host(server or RedisServer.obtain())]
    options = {"hosts": hosts, "prefix": f"ctk-{secrets.token_hex(8)}-", **config}
    layer = {"BACKEND": BACKENDS.get(backend, backend)}
    return {DEFAULT: {**layer, "CONFIG": options, "TEST_CONFIG": options}}


def _host(server: RedisServer) -> dict[str, Any]:
    # channels_redis asks for a message as long as redis-py 8 waits for any
    # answer by default: five seconds, after which a consumer would fail.
    return {"address": server.url, "socket_timeout": None}


def requires_redis(test: T) -> T:
    """
    Skip a test or a class if there is no Redis server.

    It looks for the server when the test is about to run. The test fails
    instead if ``CHANNELS_TESTKIT_REQUIRE`` names ``redis``.
    """
    if inspect.isclass(test):
        test.setUpClass = classmethod(_after_obtaining(test.setUpClass.__func__))  # type: ignore[attr-defined]
        return test
    return _after_obtaining(test)  # type: ignore[arg-type, return-value]


def _after_obtaining(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, called when there is a server."""

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        RedisServer.obtain()
        return function(*args, **options)

    return markcoroutinefunction(call) if iscoroutinefunction(function) else call
