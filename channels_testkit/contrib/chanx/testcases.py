"""The test cases: where connections go, and what fails the test."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import re
import sys
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from chanx.routing.patterns import get_pattern_string_and_params
from chanx.utils.logging import logger
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.test import Client, TestCase, TransactionTestCase

from channels_testkit.asgi.scope import header_list
from channels_testkit.engine import private, transactions
from channels_testkit.routing.application import layers_of
from channels_testkit.running.kit_calls import kit_opening, unawaited
from channels_testkit.running.run import current
from channels_testkit.testcases import classes as testcases
from channels_testkit.websocket.opening import options_of

from .broadcasts import CapturedBroadcastEvent, capture_broadcast_events
from .communicator import WebsocketCommunicator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from typing_extensions import Unpack

    from channels_testkit.websocket.options import ConnectOptions

__unittest = True


class WebsocketTestMixin(testcases.WebsocketTestMixin):
    """
    What ``WebsocketTestCase`` adds to a Django test case, for Chanx.

    Put it before any other test case class. An exception that Chanx would
    only log, of a handler or an authenticator, fails the test as any other of
    the application does, and ``assertApplicationRaises()`` expects it.
    """

    #: The consumer class under test. Where ``ws_path`` is not set, connections
    #: go to the one route that leads to it.
    consumer: Any = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in ("setUp", "tearDown"):
            method = vars(cls).get(name)
            if inspect.isfunction(method) and not inspect.iscoroutinefunction(method):
                setattr(cls, name, _awaitable_in_a_loop(method))

    @classmethod
    def setUpClass(cls) -> None:
        """Tell the test what Chanx only logs, and keep its transaction."""
        enter: Any = cls.enterClassContext  # type: ignore[attr-defined]
        enter(_logged_errors_told())
        enter(_refusals_without_rollback())
        super().setUpClass()

    def get_ws_headers(self) -> Any:
        """Return the headers of every handshake, a list as Chanx's own."""
        return header_list(self.ws_headers)

    def get_subprotocols(self) -> list[str]:
        """Return the subprotocols that every handshake offers, as a list."""
        return list(self.subprotocols)

    def create_communicator(
        self,
        ws_path: str | None = None,
        *,
        router: Any = None,
        **options: Unpack[ConnectOptions],
    ) -> WebsocketCommunicator:
        """
        Return a communicator that is not connected, and is closed at the end.

        The first one of a test is its ``auth_communicator``. ``router`` is
        Chanx's name of ``application``. ``headers``, where they are given, are
        all that is sent: no login of ``self.client``. Where no path is known,
        ``connect(ws_path=...)`` has to be given one, and raises
        ``ImproperlyConfigured`` otherwise.
        """
        if router is not None:
            options["application"] = router
        if options.get("headers") is not None and not _says_who(options):
            options["client"] = Client()
        unknown = None
        try:
            path = self._path(ws_path, options)
        except ImproperlyConfigured as error:
            path, unknown = "/", error
        communicator = WebsocketCommunicator._from_options(  # noqa: SLF001 - for test cases
            path, options_of(options)
        )
        communicator.unknown_path = unknown
        self._kit.once("auth_communicator", lambda: communicator)
        return communicator

    @kit_opening
    async def aconnect(
        self, path: str | None = None, **options: Unpack[ConnectOptions]
    ) -> WebsocketCommunicator:
        """Return a connected communicator; a refused handshake fails."""
        __tracebackhide__ = True
        return cast("WebsocketCommunicator", await super().aconnect(path, **options))

    @property
    def auth_communicator(self) -> WebsocketCommunicator:
        """
        The first communicator of the test, as with Chanx.

        Where there is none yet, one is made from the class's defaults, and is
        not connected. It is the same one for the rest of the test.
        """
        return cast("WebsocketCommunicator", super().auth_communicator)

    def capture_broadcast_events(
        self, consumer: Any = None, *, suppress: bool = False
    ) -> AbstractContextManager[list[CapturedBroadcastEvent]]:
        """
        Collect what a consumer class broadcasts, by default ``consumer``.

        As the function of that name.
        """
        found = self.consumer if consumer is None else consumer
        if found is None:
            raise ImproperlyConfigured(
                f"{type(self).__name__} has no consumer: set it, or give one to the"
                " call."
            )
        return capture_broadcast_events(found, suppress=suppress)

    def _path(self, path: str | None, options: Mapping[str, Any]) -> str:
        is_said = path is not None or self.ws_path or options.get("path_kwargs")
        if is_said or self.consumer is None:
            return super()._path(path, options)
        application = options.get("application") or self._kit.routed_application()
        paths = list(_paths_to(self.consumer, application, "/"))
        if len(paths) != 1 or _has_parameters(paths[0]):
            raise ImproperlyConfigured(
                f"{type(self).__name__} has no ws_path, and"
                f" {_how_it_is_routed(self.consumer, paths)}: set ws_path, or give a"
                " path to the call."
            )
        return paths[0]


class WebsocketTestCase(WebsocketTestMixin, TestCase):
    """
    Chanx's test case on Django's ``TestCase``: one transaction, rolled back.

    ``consumer`` says what is tested. ``ws_path``, ``router``,
    ``get_ws_headers()`` and ``get_subprotocols()`` are as with Chanx, all of
    them optional.
    """


class TransactionWebsocketTestCase(WebsocketTestMixin, TransactionTestCase):
    """The same on Django's ``TransactionTestCase``, as Chanx's own."""


def _says_who(options: Mapping[str, Any]) -> bool:
    return any(options.get(name) is not None for name in ("user", "client"))


def _awaitable_in_a_loop(method: Callable[[Any], object]) -> Callable[[Any], object]:
    """
    Let an ``async def setUp`` await this one of a base class.

    Then it runs on the test's thread, where it may use the ORM.
    """

    @functools.wraps(method)
    def call(self: Any) -> object:
        if private.running_loop() is None:
            return method(self)
        coroutine = sync_to_async(method)(self)
        caller = sys._getframe(1)  # noqa: SLF001 - what inspect does, but at once
        file = os.path.basename(caller.f_code.co_filename)
        where = f"{file}:{caller.f_lineno}"
        unawaited[-1].note(coroutine, f"super().{method.__name__}", where)
        return coroutine

    return call


def _paths_to(consumer: object, application: object, prefix: str) -> Iterator[str]:
    """Yield the patterns of the routes that lead to a consumer class."""
    layers = list(layers_of(application))
    router = next((layer for layer in layers if isinstance(layer, URLRouter)), None)
    if router is None:
        ends = (getattr(layer, "consumer_class", None) for layer in layers)
        yield from (prefix for end in ends if end is consumer)
        return
    for route in cast("Any", router.routes):
        pattern, _ = get_pattern_string_and_params(route)
        yield from _paths_to(consumer, route.callback, prefix + pattern)


def _has_parameters(path: str) -> bool:
    return re.search(r"[<(\[\\]", path) is not None


def _how_it_is_routed(consumer: type, paths: list[str]) -> str:
    if not paths:
        return f"no route of the application leads to {consumer.__name__}"
    if len(paths) > 1:
        return f"{len(paths)} routes lead to {consumer.__name__}, {', '.join(paths)}"
    return f"the route of {consumer.__name__} is {paths[0]}"


@contextlib.contextmanager
def _logged_errors_told() -> Iterator[None]:
    """Let the running test know of the exceptions that Chanx logs."""

    async def aexception(event: str, *args: Any, **values: Any) -> Any:
        error, running = sys.exc_info()[1], current()
        if error is not None and running is not None:
            running.errors.record(error)
        # A logger of its own, which is not the patched one.
        return await logger.bind().aexception(event, *args, **values)

    with mock.patch.object(logger, "aexception", aexception):
        yield


@contextlib.contextmanager
def _refusals_without_rollback() -> Iterator[None]:
    """
    Let a refusal by djangorestframework roll back what it would in production.

    Under ``ATOMIC_REQUESTS`` it takes any open block for that of a request.
    Chanx opens none, and the one that is open is the test's.
    """
    try:
        from rest_framework import views
    except ImportError:  # a project that does without
        yield
        return

    def set_rollback() -> None:
        for connection in connections.all(initialized_only=True):
            in_request = (
                connection.settings_dict["ATOMIC_REQUESTS"]
                and connection.in_atomic_block
                and not transactions.is_outside_own_blocks(connection)
            )
            if in_request:
                connection.set_rollback(True)

    with mock.patch.object(views, "set_rollback", set_rollback):
        yield
