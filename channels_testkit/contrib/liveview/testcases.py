"""The test case: handlers and middleware alone, and rooms."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django.test import TestCase
from liveview.consumers import LiveViewConsumer
from liveview.decorators import liveview_registry

from channels_testkit.layers.aliases import captive_layer
from channels_testkit.matching.wording import say
from channels_testkit.routing.apply_routes import apply_routes
from channels_testkit.running.arguments import (
    TEXT,
    TEXT_OR_NONE,
    ArgumentKind,
    check_arguments,
)
from channels_testkit.running.kit_calls import kit_coroutine, kit_opening, sync_twin
from channels_testkit.testcases.classes import WebsocketTestMixin
from channels_testkit.websocket.handshake_failures import refused
from channels_testkit.websocket.subjects import driver_of

from .frames import find_target
from .handlers import HandlerResult, RecordedConsumer, decoded
from .registry import isolated_registry, middleware_kept, noting_blocks, registered_name
from .rooms import LiveViewClient, begin_turn, content_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Unpack

    from channels_testkit.websocket.options import ConnectOptions

    from .registry import Middleware

__unittest = True

ROOM_CLIENT = ArgumentKind(
    "a client of a room", lambda value: isinstance(value, LiveViewClient)
)
ROOM_CLIENTS = ArgumentKind("a list of clients of rooms", item=ROOM_CLIENT)


class LiveViewTestMixin(WebsocketTestMixin):
    """
    What ``LiveViewTestCase`` adds to a Django test case.

    Put it before any other test case class. Handlers and middleware that a
    test or a class registers are forgotten at its end.
    """

    #: Where the project routes its consumer.
    liveview_path: str = "/ws/liveview/{room}/"
    #: The room of calls without a ``room``.
    liveview_room: str = "test-room"
    #: The consumer that ``call_handler()`` and ``run_middleware()`` run.
    liveview_consumer: Any = LiveViewConsumer

    _live_clients: list[LiveViewClient]
    _one_at_a_time: asyncio.Lock

    @classmethod
    def setUpClass(cls) -> None:
        """Forget at the class's end what it registers."""
        cls.enterClassContext(isolated_registry())  # type: ignore[attr-defined]
        super().setUpClass()

    def _callSetUp(self) -> None:
        self._live_clients = []
        self._one_at_a_time = asyncio.Lock()
        registry = isolated_registry()
        registry.__enter__()
        self.addCleanup(registry.__exit__, None, None, None)  # type: ignore[attr-defined]
        super()._callSetUp()

    # The consumer alone.

    @kit_coroutine
    async def acall_handler(
        self,
        function: str | Callable[..., Any],
        *,
        data: dict[str, Any] | None = None,
        form: dict[str, Any] | None = None,
        room: str | None = None,
        lang: str = "en",
        middleware: bool = True,
        **options: Unpack[ConnectOptions],
    ) -> HandlerResult:
        """
        Call a handler, by name or as it is imported, on a real consumer.

        The consumer is connected, called once through its own ``receive()``,
        and disconnected; only its transport is the test's. The options, such
        as ``user``, are those of ``self.connect()``. Middleware runs first, as
        in production, unless ``middleware`` is false. Raises what the handler
        raises.

        Example::

            result = self.call_handler("greet", form={"name": "Ann"})
            result.assert_target("#desk", contains="Good day, Ann")
        """
        __tracebackhide__ = True
        name = registered_name(function)
        content = content_of(name, data, form, lang, self._room(room))
        # The registry, where middleware is watched or left out, is global.
        async with self._one_at_a_time:
            with middleware_kept() as called:
                if not middleware:
                    called.clear()
                return await self._call(content, called, options)

    call_handler = sync_twin(acall_handler, "self")

    @kit_coroutine
    async def arun_middleware(
        self,
        middleware: Middleware,
        function: str = "function",
        *,
        data: dict[str, Any] | None = None,
        form: dict[str, Any] | None = None,
        room: str | None = None,
        lang: str = "en",
        **options: Unpack[ConnectOptions],
    ) -> HandlerResult:
        """
        Run one middleware, and no other, before a handler that does nothing.

        ``function`` is the name that the handler has. Otherwise as
        ``call_handler()``.

        Example::

            def closed(consumer, content, function):
                return function != "greet"

            self.run_middleware(closed, "greet").assert_blocked()
            self.run_middleware(closed, "ring").assert_allowed()
        """
        __tracebackhide__ = True
        content = content_of(function, data, form, lang, self._room(room))
        async with self._one_at_a_time:
            with isolated_registry(), middleware_kept() as called:
                called[:] = [middleware]
                liveview_registry.register(function)(_do_nothing)
                return await self._call(content, called, options)

    run_middleware = sync_twin(arun_middleware, "self")

    async def _call(
        self,
        content: dict[str, Any],
        middleware: list[Middleware],
        options: ConnectOptions,
    ) -> HandlerResult:
        __tracebackhide__ = True
        function, room = content["function"], content["room"]
        begin_turn(self._live_clients)
        blocked_by: list[Middleware] = []
        middleware[:] = [noting_blocks(one, blocked_by) for one in middleware]
        recorded = RecordedConsumer(self.liveview_consumer)
        named: dict[str, Any] = {"name": f"{function}()", **options}
        # It gives the application the login that the project's has.
        with apply_routes(recorded) as application:
            communicator = self.create_communicator(
                self._path_of(room),
                application=application,
                path_kwargs={"room_name": room},
                **named,
            )
        if not await communicator.connect():
            raise refused(driver_of(communicator).connected("call_handler()"))
        recorded.events.clear()
        layer = captive_layer(self.liveview_consumer.channel_layer_alias)
        first = len(layer.sent)
        await communicator.send_json(content)
        result = HandlerResult(
            function=function,
            frames=decoded(recorded.events, self.decode_frame),
            sent=layer.sent[first:],
            blocked_by=blocked_by[0] if blocked_by else None,
            communicator=communicator,
        )
        await communicator.disconnect()
        driver_of(communicator).connected("call_handler()").take_frames()
        return result

    # A browser in a room.

    def create_room_client(
        self, room: str | None = None, **options: Unpack[ConnectOptions]
    ) -> LiveViewClient:
        """Return a client of a room that is not connected."""
        room = self._room(room)
        return LiveViewClient(self._path_of(room), room, self._live_clients, **options)

    @kit_opening
    async def aopen_room(
        self, room: str | None = None, **options: Unpack[ConnectOptions]
    ) -> LiveViewClient:
        """
        Return a client that is connected to a room of the application.

        The options are those of ``self.connect()``. Fails, as that does, when
        the handshake is refused.

        Example::

            ann = self.open_room("desk")
            ann.call("greet", form={"name": "Ann"})
            ann.assert_target("#desk", contains="Good day, Ann")
        """
        __tracebackhide__ = True
        client = self.create_room_client(room, **options)
        if not await client.aconnect():
            raise refused(driver_of(client).connected("open_room()"))
        return client

    open_room = sync_twin(aopen_room, "self")

    def begin_turn(self) -> None:
        """
        Begin a turn: assertions on clients look at what comes from now on.

        Calls of functions begin one. Needed before the test itself sends.
        """
        self._kit.ensure_rest()
        begin_turn(self._live_clients)

    def assertOnlyReached(
        self,
        clients: Sequence[LiveViewClient],
        selector: str,
        contains: str | None = None,
        **fields: object,
    ) -> None:
        """
        Assert that a frame for a target came to these clients only.

        In this turn each of them has received one, and no other client of the
        test. The frame is described as in ``assert_target()``.

        Example::

            ann, ben = self.open_room("desk"), self.open_room("press")
            ann.call("ring", form={"text": "lunch"})
            self.assertOnlyReached([ann], "#bell", contains="lunch")
        """
        __tracebackhide__ = True
        names, text = "clients, selector, contains", (TEXT_OR_NONE, contains)
        arguments = (ROOM_CLIENTS, clients), (TEXT, selector), text
        check_arguments(self, "assertOnlyReached", names, *arguments)
        for client in clients:
            client.assert_target(selector, contains, **fields)
        for client in self._live_clients:
            if client in clients or driver_of(client).connection is None:
                continue
            if find_target(client.turn, selector, contains, fields) is not None:
                raise AssertionError(
                    f"A frame for {say(selector)} came to {client.label} as well.\n\n"
                    f"{client.transcript}"
                )

    def _room(self, room: str | None) -> str:
        return self.liveview_room if room is None else room

    def _path_of(self, room: str) -> str:
        return self.liveview_path.format(room=quote(room, safe=""))


class LiveViewTestCase(LiveViewTestMixin, TestCase):
    """Django's ``TestCase`` with handlers, middleware and rooms."""


def _do_nothing(consumer: Any, content: dict[str, Any]) -> None:
    """Stand for a handler."""
