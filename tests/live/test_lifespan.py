"""Lifespans beside the servers: one that has them, and one that has none."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import threading
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.test import override_settings

from channels_testkit import LiveServerTestCase
from channels_testkit.live import Server
from tests.app.models import Note
from tests.lifespans import (
    STARTUP_COMPLETE,
    StateConsumer,
    cancels_all,
    lifespan_of,
    noting,
    routed,
)
from tests.utils import OuterTestCase, run_case

from .clients import SECONDS, SERVERS, dial, hear, say

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from channels_testkit.live.uvicorn import UvicornServer

DaphneServer, UvicornServer = SERVERS


class LoopConsumer(StateConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if content == "note":
            await self.send_json(await Note.objects.acount())
        elif content == "loop":
            is_own = self.scope["state"]["loop"] == id(asyncio.get_running_loop())
            await self.send_json(is_own)
        elif content == "go":
            self.scope["state"]["go"].set()
        else:
            await self.send_json(content in self.scope.get("state", {}))


def run_on(
    server: type[Server],
    lifespan: Any,
    test: Callable[[Any], Any],
    run_lifespan: Any = True,
    **attributes: Any,
) -> list[str]:
    """
    Run two tests on a server, and return what they fail with.

    No traceback shows how the server was reached.
    """

    class Tests(LiveServerTestCase):
        application = routed(lifespan, LoopConsumer.as_asgi())
        server_class = server
        check_leaks = "fail"

        def test_a(self) -> None:
            test(self)

        def test_b(self) -> None:
            test(self)

    Tests.run_lifespan = run_lifespan
    for name, value in attributes.items():
        setattr(Tests, name, value)
    result = run_case(Tests)
    for _, shown in [*result.errors, *result.failures]:
        hidden = r'File ".*(channels_testkit.live|contextlib|concurrent).*'
        assert re.findall(hidden, shown) == [], shown
    return result.texts


def asks_for(content: str, answer: Any = True) -> Callable[[Any], None]:
    def test(case: Any) -> None:
        ann = dial(case, "/")
        say(ann, content)
        case.assertEqual(hear(ann), answer)

    return test


class LiveLifespanTests(OuterTestCase):
    def on_each(self, *args: Any, **options: Any) -> list[list[str]]:
        return [run_on(server, *args, **options) for server in SERVERS]

    def test_for_each_test_on_the_loop_of_the_server(self) -> None:
        log: list[str] = []
        self.assertEqual(self.on_each(noting(log), asks_for("loop")), [[], []])
        self.assertEqual(log, 4 * ["started", "shut down"])

    def test_once_for_a_class(self) -> None:
        log: list[str] = []
        found = self.on_each(noting(log), asks_for("loop"), "class")
        self.assertEqual(found, [[], []])
        self.assertEqual(log, 2 * ["started", "shut down"])

    def test_by_itself_as_the_server_does(self) -> None:
        log: list[str] = []
        lifespan = noting(log)
        test = asks_for("loop")
        self.assertEqual(run_on(UvicornServer, lifespan, test, False), [])  # noqa: FBT003 - a value
        self.assertEqual(log, ["started", "shut down"])
        test = asks_for("log", False)  # noqa: FBT003 - a frame
        self.assertEqual(run_on(DaphneServer, lifespan, test, False), [])  # noqa: FBT003 - a value
        self.assertEqual(log, ["started", "shut down"])

    def test_uvicorn_goes_by_its_option(self) -> None:
        class Off(UvicornServer):
            options = {"lifespan": "off"}  # noqa: RUF012 - as Uvicorn's

        class On(UvicornServer):
            options = {"lifespan": "on"}  # noqa: RUF012 - as Uvicorn's

        log: list[str] = []
        none = routed(None)
        del none.application_mapping["lifespan"]
        test = asks_for("log", False)  # noqa: FBT003 - a frame
        self.assertEqual(run_on(Off, noting(log), test, False), [])  # noqa: FBT003 - a value
        self.assertEqual(log, [])
        (text,) = run_on(On, None, test, False, application=none)  # noqa: FBT003 - a value
        self.assertTrue(text.startswith("The application of Tests has no lifespan:"))

    @override_settings(ASGI_APPLICATION=None)
    def test_a_class_without_an_application_has_no_lifespan(self) -> None:
        class Tests(LiveServerTestCase):
            server_class = UvicornServer

            def get_application(self) -> Any:
                return StateConsumer.as_asgi()

            def test_it(self) -> None:
                say(dial(self, "/"), "key")

        self.assertEqual(run_case(Tests).texts, [])
        Tests.run_lifespan = "class"
        self.assertIn("Tests.get_application needs a test", run_case(Tests).texts[0])
        del Tests.get_application
        self.assertIn("ASGI_APPLICATION is not set", run_case(Tests).texts[0])

    def test_the_state_is_that_of_clients_in_process_as_well(self) -> None:
        def test(case: Any) -> None:
            ann = case.connect("/")
            case.assertEqual(
                ann.consumer.scope["state"]["loop"], case.lifespan_state["loop"]
            )

        self.assertEqual(self.on_each(noting([]), test), [[], []])

    def test_rows_are_committed(self) -> None:
        @contextlib.asynccontextmanager
        async def manager(state: Any) -> AsyncIterator[None]:
            await Note.objects.acreate(text="of start-up")
            yield

        found = self.on_each(lifespan_of(manager), asks_for("note", 1))
        self.assertEqual(found, [[], []])

    def test_it_broadcasts_by_the_layers_of_the_test(self) -> None:
        @contextlib.asynccontextmanager
        async def manager(state: Any) -> AsyncIterator[None]:
            async def broadcast() -> None:
                await state["go"].wait()
                await get_channel_layer().group_send("news", {"type": "news"})

            state["go"] = asyncio.Event()
            task = asyncio.create_task(broadcast())
            yield
            task.cancel()

        def test(case: Any) -> None:
            say(dial(case, "/"), "go")
            case.assertGroupSent("news", {"type": "news"})

        self.assertEqual(self.on_each(lifespan_of(manager), test), [[], []])

    def test_what_fails_is_told(self) -> None:
        async def startup(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            raise ConnectionError("no Redis")

        async def shutdown(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(STARTUP_COMPLETE)
            await receive()
            raise ConnectionError("Redis has gone")

        async def meanwhile(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            go = scope["state"]["go"] = asyncio.Event()
            await send(STARTUP_COMPLETE)
            await go.wait()
            raise ConnectionError("meanwhile")

        def go(case: Any) -> None:
            say(dial(case, "/"), "go")

        quiet = asks_for("nothing", False)  # noqa: FBT003 - a frame
        self.assertEqual(self.on_each(startup, quiet), 2 * [2 * ["no Redis"]])
        self.assertEqual(self.on_each(startup, quiet, "class"), 2 * [["no Redis"]])
        self.assertEqual(self.on_each(shutdown, quiet), 2 * [2 * ["Redis has gone"]])
        self.assertEqual(
            self.on_each(shutdown, quiet, "class"), 2 * [["Redis has gone"]]
        )
        self.assertEqual(self.on_each(meanwhile, go), 2 * [2 * ["meanwhile"]])
        self.assertEqual(self.on_each(meanwhile, go, "class"), 2 * [["meanwhile"]])

    def test_shutdown_cancels_the_tasks_of_the_server(self) -> None:
        quiet = asks_for("nothing", False)  # noqa: FBT003 - a frame
        each = self.on_each(cancels_all, quiet)
        shared = self.on_each(cancels_all, quiet, "class")
        self.assertEqual([len(texts) for texts in each + shared], [2, 2, 1, 1])
        for text in itertools.chain(*each, *shared):
            self.assertIn("The task that waits for the lifespan was cancelled.", text)

    def test_a_start_that_hangs_is_told(self) -> None:
        @contextlib.asynccontextmanager
        async def manager(state: Any) -> AsyncIterator[None]:
            try:
                await sync_to_async(go_on.wait)(SECONDS)
            finally:
                go_on.set()
            yield

        for server in SERVERS:
            go_on = threading.Event()
            self.addCleanup(go_on.set)
            quiet = asks_for("nothing", False)  # noqa: FBT003 - a frame
            texts = run_on(
                server, lifespan_of(manager), quiet, "class", hang_timeout=0.1
            )
            self.assertEqual(len(texts), 1)
            self.assertIn("did not come to rest within 0.1 s", texts[0])
            go_on.set()

    def test_a_task_that_fails_is_told(self) -> None:
        @contextlib.asynccontextmanager
        async def manager(state: Any) -> AsyncIterator[None]:
            async def work() -> None:
                raise ValueError("in the background")

            state["task"] = asyncio.create_task(work())
            yield

        quiet = asks_for("nothing", False)  # noqa: FBT003 - a frame
        self.assertEqual(
            self.on_each(lifespan_of(manager), quiet), 2 * [2 * ["in the background"]]
        )

    def test_an_application_that_goes_on_is_left(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await noting([])(scope, receive, send)
            await asyncio.Event().wait()

        quiet = asks_for("nothing", False)  # noqa: FBT003 - a frame
        for texts in self.on_each(lifespan, quiet):
            self.assertEqual(len(texts), 2)
            for text in texts:
                self.assertIn("did not end after lifespan.shutdown", text)

    def test_a_server_whose_loop_is_not_known(self) -> None:
        class Unknown(Server):
            def start(self) -> None:
                pass

            def stop(self) -> None:
                pass

        (text,) = run_on(Unknown, noting([]), asks_for("loop"), "class")
        self.assertEqual(
            text,
            "run_lifespan has to know on which loop Unknown runs the application:"
            " derive Unknown from LoopServer, or set loop in start().",
        )
