"""``channels_test``: what ``self`` is in a test case, for a function."""

from __future__ import annotations

import functools
import inspect
import unittest
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from channels_testkit.assertions.methods import OptionsOfTest, TestMethods
from channels_testkit.live.settings import LiveSettings
from channels_testkit.matching.wording import say

from .detection import MARK
from .exploring import schedule_of
from .marks import near

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest

    from channels_testkit.engine.schedules import Schedule
    from channels_testkit.layers.swapping import LayersInPlace
    from channels_testkit.redis import RedisServer
    from channels_testkit.running.options import CommitRule

__unittest = True

#: What a run is made with.
_KNOWN_EARLY = frozenset(
    {
        *("application_errors", "hang_timeout", "idle_threads", "layer_source"),
        *("on_commit_callbacks", "outside_threads", "strict_messages"),
        *("redis_backend", "redis_config", "test_channel_aliases"),
        *("run_lifespan", "use_virtual_time"),
        *vars(LiveSettings),
    }
)
#: What the plugin itself sets.
_OWN = frozenset(
    {"run", "end_early", "start_lifespan", "_evidence", "_own_browser", "_pool"}
)
#: Methods that a test can replace.
_METHODS = frozenset(
    {
        *("decode_frame", "encode_frame", "get_application", "get_login"),
        *("get_group_name", "get_subprotocols", "get_ws_headers"),
    }
)


class ChannelsTest(LiveSettings, TestMethods):
    """
    The methods and options of a ``WebsocketTestCase``, for a test function.

    The fixture ``channels_test`` is one. The class attributes of a test case,
    and the methods that it may override, are attributes here: set them in the
    test, in a fixture, or by ``@pytest.mark.channels_test()``. Setting raises
    ``AttributeError`` for an unknown attribute, and for one that must be known
    before the test begins.

    Example::

        def test_echo(channels_test):
            channels_test.application = EchoConsumer.as_asgi()
            ann = channels_test.connect("/")
            ann.send_json({"message": "hello"})
            channels_test.assertReceivesJson(ann, {"message": "hello"})
    """

    _name_in_tests = "channels_test"

    #: When ``on_commit()`` callbacks run: as in ``"production"``, or, by the
    #: rule of Django's ``TestCase``, never: ``"django"``.
    on_commit_callbacks: CommitRule = "production"

    #: With the fixture ``redis_layer``: ``"core"``, ``"pubsub"``, or the
    #: dotted name of a backend, and what goes into each layer's CONFIG.
    redis_backend: str = "core"
    redis_config: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, item: pytest.Function, options: Mapping[str, Any]) -> None:
        vars(self).update(options, _item=item, _clients={})
        super().__init__()

    _item: pytest.Function
    #: The test clients that the test has read here, by name.
    _clients: dict[str, Any]
    #: Ends what is open, before what it needs ends.
    end_early: Callable[[], object]
    #: Starts the application, if the test asks for that.
    start_lifespan: Callable[[], object]

    def _kit_options(self) -> OptionsOfFunction:
        return OptionsOfFunction(self)

    def __repr__(self) -> str:
        return "<channels_test>"

    if not TYPE_CHECKING:
        # Hidden from type checkers, for which an unknown name stays an error.

        def __setattr__(self, name, value):
            known = settable(type(self))
            if name not in known and name not in _OWN:
                raise AttributeError(
                    f"channels_test has no attribute {name!r}{near(name, known)}"
                )
            if name in _KNOWN_EARLY:
                raise AttributeError(
                    f"channels_test.{name} must be known before the test begins: write"
                    f" @pytest.mark.{MARK}({name}={say(value)})."
                )
            super().__setattr__(name, value)

    # What other fixtures make of it.

    def _kit_layer_source(self) -> str | Callable[[], LayersInPlace]:
        if "redis_layer" not in self._item.fixturenames:
            return self.layer_source
        from channels_testkit.redis.testcases import RedisLayers

        return functools.partial(RedisLayers, self)

    @property
    def redis_server(self) -> RedisServer:
        """The Redis server of the process; skips the test if there is none."""
        from channels_testkit.redis import RedisServer

        return RedisServer.obtain()

    def has_failed(self, error: BaseException) -> None:
        """Add to the exception of the test what only this object sees."""

    def _kit_name(self) -> str:
        return self._item.nodeid

    # Of pytest-django.

    @property
    def client(self) -> Any:
        """Django's test client: the fixture of pytest-django."""
        return self._client("client")

    @property
    def async_client(self) -> Any:
        """Django's async test client: the fixture of pytest-django."""
        return self._client("async_client")

    def _client(self, name: str) -> Any:
        client = self._item._request.getfixturevalue(name)  # noqa: SLF001 - as its plugins
        self._clients[name] = client
        return client


def settable(test: type[ChannelsTest]) -> frozenset[str]:
    """Return the names of what a test can set."""
    return _settable(test.__mro__)


@functools.cache
def _settable(kinds: tuple[type, ...]) -> frozenset[str]:
    return frozenset(
        name
        for kind in kinds
        for name, value in vars(kind).items()
        if not name.startswith("_")
        and (name in _METHODS or not _is_method(value))
        and name != "failureException"
    )


def _is_method(value: object) -> bool:
    kinds = (property, classmethod, staticmethod)
    return isinstance(value, kinds) or inspect.isroutine(value)


class OptionsOfFunction(OptionsOfTest):
    """The options of a test function, with the facts that pytest knows."""

    called = "channels_test"
    has_report = True

    @property
    def owner(self) -> str:
        """What errors about invalid values name."""
        return "channels_test"

    @property
    def _item(self) -> Any:
        return self.test._item  # noqa: SLF001 - the other half

    @property
    def name(self) -> str:
        """How warnings call the test."""
        name: str = self._item.nodeid
        return name

    @property
    def module(self) -> str:
        """The module that the test is in."""
        name: str = self._item.module.__name__
        return name

    @property
    def commits(self) -> bool:
        """Whether the test commits."""
        from .database import commits

        return commits(self._item)

    @property
    def skips(self) -> tuple[type[BaseException], ...]:
        """What skips a test."""
        import pytest

        return pytest.skip.Exception, unittest.SkipTest

    @property
    def schedule(self) -> Schedule | None:
        """What chooses among events, where the run is explored."""
        return schedule_of(self._item)[1]

    @property
    def sends_overlap(self) -> bool:
        """Whether sends return before the application is at rest."""
        return schedule_of(self._item)[2]

    def get_place(self) -> tuple[str, int]:
        """Return the file and the line of the test."""
        path, line, _ = self._item.reportinfo()
        return str(path), (line or 0) + 1

    def get_clients(self) -> list[Any]:
        """Return the test clients of pytest-django that the test has."""
        given = {**self._item.funcargs, **self.test._clients}  # noqa: SLF001 - as above
        return [given[name] for name in ("client", "async_client") if name in given]
