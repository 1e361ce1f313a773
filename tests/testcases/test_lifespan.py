from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import importlib.util
import re
import sys
import unittest
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import httpx
from channels.consumer import AsyncConsumer
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter
from django.urls import path

from channels_testkit import (
    CaptiveChannelLayer,
    ChannelClient,
    ChannelsTestkitWarning,
    HttpCommunicator,
    SimpleWebsocketTestCase,
    TransactionWebsocketTestCase,
    WebsocketCommunicator,
    WebsocketTestCase,
    apply_routes,
    explore_schedules,
)
from tests.app.models import Note
from tests.explored import not_explored
from tests.lifespans import (
    STARTUP_COMPLETE,
    StateConsumer,
    cancels_all,
    lifespan_of,
    noting,
    routed,
)
from tests.utils import OuterTestCase, run_case

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LOG: list[str] = []


@contextlib.asynccontextmanager
async def news(state: dict[str, Any]) -> AsyncIterator[None]:
    """Broadcast every ten seconds, until shutdown."""
    state["sent"] = 0

    async def broadcast() -> None:
        while True:
            await asyncio.sleep(10)
            state["sent"] += 1
            message = {"type": "news", "number": state["sent"]}
            await get_channel_layer().group_send("news", message)

    task = asyncio.create_task(broadcast())
    yield
    task.cancel()
    await asyncio.wait([task])


class NewsConsumer(StateConsumer):
    async def connect(self) -> None:
        await self.channel_layer.group_add("news", self.channel_name)
        await self.accept()

    async def news(self, message: Any) -> None:
        await self.send_json(message["number"])

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("news", self.channel_name)


class PerTestTests(SimpleWebsocketTestCase):
    """Start-up comes before setUp(), on the loop of the test."""

    application = routed(noting(LOG))
    ws_path = "/"
    run_lifespan = True
    check_leaks = "fail"

    def setUp(self) -> None:
        self.assertEqual(LOG[-1], "started")
        self.addCleanup(lambda: self.assertEqual(LOG[-1], "started"))
        self.ann = self.connect(name="ann")

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        assert LOG[-1] == "shut down"

    def test_a_sync_test_has_the_state(self) -> None:
        self.ann.send_json("loop")
        self.assertReceivesJson(self.ann, self.lifespan_state["loop"])
        self.assertIs(self.lifespan_state["log"], LOG)

    async def test_an_async_test_has_the_loop(self) -> None:
        self.assertEqual(self.lifespan_state["loop"], id(asyncio.get_running_loop()))

    def test_each_connection_has_a_shallow_copy(self) -> None:
        ben = self.connect(name="ben")
        self.ann.send_json("own")
        self.assertReceivesJson(self.ann, 0)
        self.assertIn("own", self.ann.consumer.scope["state"])
        self.assertNotIn("own", ben.consumer.scope["state"])
        self.assertNotIn("own", self.lifespan_state)
        self.assertIs(ben.consumer.scope["state"]["log"], LOG)

    def test_a_connection_that_is_made_anew_has_a_new_copy(self) -> None:
        self.ann.send_json("own")
        self.ann.receive_json()
        self.ann.reconnect()
        self.assertNotIn("own", self.ann.consumer.scope["state"])

    def test_a_scope_that_is_given_wins(self) -> None:
        ben = self.connect(scope={"state": {"fake": True}})
        self.assertEqual(ben.consumer.scope["state"], {"fake": True})

    async def test_what_a_communicator_has_is_added(self) -> None:
        ben = WebsocketCommunicator(self.application, "/")
        ben.scope["state"]["fake"] = True
        await ben.connect()
        self.assertEqual(set(ben.consumer.scope["state"]), {"fake", "log", "loop"})

    def test_another_application_is_given_the_state_and_not_started(self) -> None:
        ben = self.connect(application=StateConsumer.as_asgi())
        self.assertIs(ben.consumer.scope["state"]["log"], LOG)

    @apply_routes([path("other/", StateConsumer.as_asgi())])
    def test_applied_routes_leave_the_lifespan_as_it_is(self) -> None:
        ben = self.connect("/other/")
        self.assertIs(ben.consumer.scope["state"]["log"], LOG)


class OrderTests(OuterTestCase):
    def test_shutdown_comes_after_all_else_and_before_the_layers_go(self) -> None:
        log: list[str] = []

        class LeavingConsumer(StateConsumer):
            async def disconnect(self, code: int) -> None:
                log.append("left")

        class Jobs(AsyncConsumer):
            async def job(self, message: Any) -> None:
                try:
                    await asyncio.Event().wait()
                finally:
                    log.append("worker ended")

        @contextlib.asynccontextmanager
        async def manager(state: dict[str, Any]) -> AsyncIterator[None]:
            log.append("started")
            yield
            captive = isinstance(get_channel_layer(), CaptiveChannelLayer)
            log.append(f"shut down, captive: {captive}")

        class Tests(SimpleWebsocketTestCase):
            application = ProtocolTypeRouter(
                {
                    "lifespan": lifespan_of(manager),
                    "websocket": LeavingConsumer.as_asgi(),
                    "channel": ChannelNameRouter({"jobs": Jobs.as_asgi()}),
                }
            )
            run_lifespan = True

            def setUp(self) -> None:
                self.addCleanup(log.append, "clean-up")

            def test_it(self) -> None:
                self.connect("/")
                client = ChannelClient()
                with self.assertRaises(AssertionError):
                    client.send_and_consume("jobs", {"type": "job"})

            def tearDown(self) -> None:
                log.append("tearDown")

        self.assertEqual(run_case(Tests).texts, [])
        self.assertEqual(
            log,
            [
                *("started", "tearDown", "left", "clean-up", "worker ended"),
                "shut down, captive: True",
            ],
        )


class StateOfRequestsTests(SimpleWebsocketTestCase):
    run_lifespan = True
    application = routed(noting([]))

    async def test_a_request_has_the_state(self) -> None:
        found = {}

        async def page(scope: Any, receive: Any, send: Any) -> None:
            found.update(scope["state"])
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})

        await HttpCommunicator(page, "GET", "/").get_response()
        self.assertEqual(found, dict(self.lifespan_state))


class WithoutLifespanTests(SimpleWebsocketTestCase):
    application = routed(noting([]))
    ws_path = "/"

    def test_the_state_is_empty(self) -> None:
        self.assertEqual(self.connect().consumer.scope["state"], {})

    def test_there_is_none_to_read(self) -> None:
        with self.assertRaisesMessage(
            RuntimeError,
            "self.lifespan_state is the state of a lifespan, and this test runs none:"
            " set run_lifespan = True.",
        ):
            self.lifespan_state  # noqa: B018 - it raises


def wrapped(application: Any, log: list[str]) -> Any:
    """Return middleware around all of an application, with a lifespan."""

    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await noting(log)(scope, receive, send)
        else:
            await application(scope, receive, send)

    return middleware


class WrappedTests(SimpleWebsocketTestCase):
    application = wrapped(StateConsumer.as_asgi(), [])
    run_lifespan = True

    def test_middleware_around_the_router_has_the_lifespan(self) -> None:
        ann = self.connect("/")
        ann.send_json("loop")
        self.assertReceivesJson(ann, self.lifespan_state["loop"])


@unittest.skipUnless(importlib.util.find_spec("starlette"), "needs Starlette")
class StarletteTests(OuterTestCase):
    """Real Starlette as the outer application."""

    def application(self, error: str = "") -> Any:
        from starlette.applications import Starlette
        from starlette.routing import Mount

        @contextlib.asynccontextmanager
        async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
            if error == "start-up":
                raise ConnectionError("no Redis")
            yield {"answer": 42}
            if error == "shutdown":
                raise ConnectionError("Redis has gone")

        routes = [Mount("/ws", StateConsumer.as_asgi())]
        return Starlette(routes=routes, lifespan=lifespan)

    def run_with(self, error: str = "") -> list[str]:
        class Tests(SimpleWebsocketTestCase):
            run_lifespan = True
            check_leaks = "fail"

            def test_it(self) -> None:
                ann = self.connect("/ws/")
                ann.send_json("answer")
                self.assertReceivesJson(ann, 42)

        Tests.application = self.application(error)
        return run_case(Tests).texts

    def test_its_state_comes_through(self) -> None:
        self.assertEqual(self.run_with(), [])

    def test_its_own_exceptions_come_out(self) -> None:
        self.assertEqual(self.run_with("start-up"), ["no Redis"])
        self.assertEqual(self.run_with("shutdown"), ["Redis has gone"])


class BackgroundTests(SimpleWebsocketTestCase):
    application = routed(lifespan_of(news), NewsConsumer.as_asgi())
    ws_path = "/"
    run_lifespan = True
    use_virtual_time = True
    check_leaks = "fail"

    def test_its_timers_are_the_applications(self) -> None:
        ann, ben = self.connect_many(2)
        self.assertEqual(self.advance(9), 0)
        self.assertEqual(self.advance(1), 1)
        self.assertAllReceive([ann, ben], 1)
        self.advance(20)
        self.assertEqual(ann.receive_all_json(), [2, 3])
        (timer,) = self.clock.timers
        self.assertEqual((timer.due, timer.whose), (40, "the lifespan"))

    async def test_in_an_async_test(self) -> None:
        ann = await self.aconnect()
        await asyncio.sleep(30)
        self.assertEqual(await ann.receive_all_json(), [1, 2, 3])

    def test_the_layer_is_that_of_the_test(self) -> None:
        self.advance(10)
        self.assertGroupSent("news", {"number": 1}, partial=True)

    @explore_schedules(5)
    def test_each_schedule_has_its_own(self) -> None:
        ann = self.connect()
        self.assertEqual(self.lifespan_state["sent"], 0)
        self.advance(10)
        self.assertReceivesJson(ann, 1)


@contextlib.asynccontextmanager
async def slow(state: dict[str, Any]) -> AsyncIterator[None]:
    await asyncio.sleep(20)
    yield
    await asyncio.sleep(5)


class SlowTests(SimpleWebsocketTestCase):
    application = routed(lifespan_of(slow))
    use_virtual_time = True
    run_lifespan = True

    def test_startup_takes_virtual_time(self) -> None:
        self.assertEqual(self.clock.now, 20)


@contextlib.asynccontextmanager
async def with_client(state: dict[str, Any]) -> AsyncIterator[None]:
    async def page(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"weather: fine"})

    async with httpx.AsyncClient(transport=httpx.ASGITransport(page)) as client:
        state["client"] = client
        yield
    LOG.append(f"closed: {client.is_closed}")


class WeatherConsumer(StateConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        client = self.scope["state"]["client"]
        await self.send_json((await client.get("http://weather/")).text)


class ResourceTests(SimpleWebsocketTestCase):
    """What start-up opens is used by consumers, and closed by shutdown."""

    application = routed(lifespan_of(with_client), WeatherConsumer.as_asgi())
    ws_path = "/"
    run_lifespan = True
    check_leaks = "fail"

    def test_a_client_that_all_share(self) -> None:
        for client in self.connect_many(2):
            client.send_json("?")
            self.assertReceivesJson(client, "weather: fine")

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        assert LOG[-1] == "closed: True"


@contextlib.asynccontextmanager
async def with_note(state: dict[str, Any]) -> AsyncIterator[None]:
    note = await Note.objects.acreate(text="of start-up")
    state["note"] = note.pk
    state["seen"] = await Note.objects.acount()
    yield
    await database_sync_to_async(note.delete)()


class NotesConsumer(StateConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.send_json([note.text async for note in Note.objects.order_by("pk")])


class TransactionTests(WebsocketTestCase):
    """Start-up and shutdown are in the transaction of the test."""

    application = routed(lifespan_of(with_note), NotesConsumer.as_asgi())
    ws_path = "/"
    run_lifespan = True

    @classmethod
    def setUpTestData(cls) -> None:
        Note.objects.create(text="of the class")

    def test_all_see_the_rows_of_all(self) -> None:
        ann = self.connect()
        ann.send_json("?")
        self.assertReceivesJson(ann, ["of the class", "of start-up"])
        self.assertEqual(self.lifespan_state["seen"], 2)

    test_they_are_rolled_back = test_all_see_the_rows_of_all

    async def test_in_an_async_test(self) -> None:
        self.assertEqual(await Note.objects.acount(), 2)


class CommittedTests(TransactionWebsocketTestCase):
    """The same where the test commits."""

    application = routed(lifespan_of(with_note), NotesConsumer.as_asgi())
    ws_path = "/"
    run_lifespan = True

    def test_all_see_the_rows_of_all(self) -> None:
        Note.objects.create(text="later")
        ann = self.connect()
        ann.send_json("?")
        self.assertReceivesJson(ann, ["of start-up", "later"])

    test_they_are_flushed = test_all_see_the_rows_of_all


# Once for a class.


@contextlib.asynccontextmanager
async def counting(state: dict[str, Any]) -> AsyncIterator[None]:
    LOG.append("class started")
    state["loop"] = id(asyncio.get_running_loop())
    async with news(state):
        yield
    LOG.append("class shut down")


@not_explored
class ClassTests(SimpleWebsocketTestCase):
    application = routed(lifespan_of(counting), NewsConsumer.as_asgi())
    ws_path = "/"
    run_lifespan = "class"
    use_virtual_time = True
    check_leaks = "fail"

    @classmethod
    def setUpClass(cls) -> None:
        LOG.clear()
        super().setUpClass()
        assert LOG == ["class started"]

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        assert LOG == ["class started", "class shut down"]

    def test_it_has_started_once(self) -> None:
        self.connect()
        self.assertEqual(LOG, ["class started"])

    async def test_all_are_on_one_loop(self) -> None:
        self.assertEqual(self.lifespan_state["loop"], id(asyncio.get_running_loop()))

    def test_its_tasks_go_on_in_each_test(self) -> None:
        ann, sent = self.connect(), self.lifespan_state["sent"]
        self.advance(20)
        self.assertEqual(ann.receive_all_json(), [sent + 1, sent + 2])
        self.assertGroupSent("news", {"number": sent + 1}, partial=True)

    test_its_tasks_go_on_in_the_next_one = test_its_tasks_go_on_in_each_test

    async def test_its_tasks_go_on_in_async_tests(self) -> None:
        ann, sent = await self.aconnect(), self.lifespan_state["sent"]
        await asyncio.sleep(10)
        self.assertReceivesJson(ann, sent + 1)


@not_explored
class ClassInRealTimeTests(ClassTests):
    use_virtual_time = False

    test_its_tasks_go_on_in_each_test = None
    test_its_tasks_go_on_in_the_next_one = None
    test_its_tasks_go_on_in_async_tests = None

    def test_virtual_time_in_a_block(self) -> None:
        ann, sent = self.connect(), self.lifespan_state["sent"]
        with self.virtual_time():
            self.advance(10)
            self.assertReceivesJson(ann, sent + 1)

    test_virtual_time_in_the_next_block = test_virtual_time_in_a_block


@not_explored
class TransactionOfTheClassTests(WebsocketTestCase):
    """Start-up is in the transaction of the class, after setUpTestData()."""

    application = routed(lifespan_of(with_note), NotesConsumer.as_asgi())
    ws_path = "/"
    run_lifespan = "class"

    @classmethod
    def setUpTestData(cls) -> None:
        Note.objects.create(text="of the class")

    def test_its_rows_are_there(self) -> None:
        ann = self.connect()
        ann.send_json("?")
        self.assertReceivesJson(ann, ["of the class", "of start-up"])
        Note.objects.all().delete()

    test_its_rows_are_there_again = test_its_rows_are_there


class ClassFailureTests(OuterTestCase):
    def run_with(self, lifespan: Any, **attributes: Any) -> list[str]:
        class Tests(SimpleWebsocketTestCase):
            application = routed(lifespan)
            ws_path = "/"
            run_lifespan = "class"

            def test_a(self) -> None:
                LOG.append("test")
                self.connect().send_json("key")

            test_b = test_a

        for name, value in attributes.items():
            setattr(Tests, name, value)
        LOG.clear()
        result = run_case(Tests)
        self.shown = [shown for _, shown in result.errors]
        return result.texts

    def test_a_start_that_fails_is_that_of_the_class(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            raise ConnectionError("no Redis")

        self.assertEqual(self.run_with(lifespan), ["no Redis"])
        self.assertEqual(LOG, [])

    def test_a_shutdown_that_fails_is_that_of_the_class(self) -> None:
        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(STARTUP_COMPLETE)
            await receive()
            raise ConnectionError("Redis has gone")

        self.assertEqual(self.run_with(lifespan), ["Redis has gone"])
        self.assertEqual(LOG, ["test", "test"])

    def test_a_failure_is_shown_without_the_frames_of_the_kit(self) -> None:
        async def at_startup(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            raise ConnectionError("no Redis")

        async def at_shutdown(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(STARTUP_COMPLETE)
            await receive()
            raise ConnectionError("Redis has gone")

        async def says_that_it_fails(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "lifespan.startup.failed"})

        for lifespan, frames in (
            (at_startup, ["at_startup"]),
            (at_shutdown, ["at_shutdown"]),
            (says_that_it_fails, []),
        ):
            with self.subTest(lifespan.__name__):
                self.run_with(lifespan)
                (shown,) = self.shown
                self.assertEqual(
                    re.findall(r"^  File .* in (\w+)$", shown, re.MULTILINE), frames
                )

    def test_a_task_that_fails_fails_the_test_that_runs(self) -> None:
        class GoConsumer(StateConsumer):
            async def receive_json(self, content: Any, **kwargs: Any) -> None:
                self.scope["state"]["go"].set()

        @contextlib.asynccontextmanager
        async def manager(state: dict[str, Any]) -> AsyncIterator[None]:
            async def wait() -> None:
                await state["go"].wait()
                raise ValueError("in the background")

            state["go"] = asyncio.Event()
            task = asyncio.create_task(wait())
            yield
            del task

        application = routed(lifespan_of(manager), GoConsumer.as_asgi())
        self.assertEqual(
            self.run_with(None, application=application), ["in the background"]
        )
        self.assertEqual(LOG, ["test", "test"])

    def test_one_that_returns_fails_the_test_that_runs(self) -> None:
        class GoConsumer(StateConsumer):
            async def receive_json(self, content: Any, **kwargs: Any) -> None:
                self.scope["state"]["go"].set()

        async def lifespan(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            go = scope["state"]["go"] = asyncio.Event()
            await send(STARTUP_COMPLETE)
            await go.wait()

        application = routed(lifespan, GoConsumer.as_asgi())
        (text,) = self.run_with(None, application=application)
        self.assertIn("The lifespan returned before the server shut down.", text)

    def test_tear_down_that_forgets_super_shuts_down_as_well(self) -> None:
        def forget(cls: Any) -> None:
            pass

        self.assertEqual(
            self.run_with(noting(LOG), tearDownClass=classmethod(forget)), []
        )
        self.assertEqual(LOG, ["started", "test", "test", "shut down"])

    def test_an_exit_ends_no_process(self) -> None:
        async def at_startup(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            sys.exit(3)

        async def at_shutdown(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(STARTUP_COMPLETE)
            await receive()
            sys.exit(3)

        for lifespan, tests in ((at_startup, []), (at_shutdown, ["test", "test"])):
            with self.subTest(lifespan.__name__):
                self.assertEqual(
                    self.run_with(lifespan),
                    [
                        "The lifespan raised SystemExit(3), which on a server ends the"
                        " process."
                    ],
                )
                self.assertEqual(LOG, tests)

    def test_a_shutdown_that_cancels_all_tasks_ends_no_process(self) -> None:
        (text,) = self.run_with(cancels_all)
        self.assertIn("The task that waits for the lifespan was cancelled.", text)

    def test_one_that_listens_to_layers_that_no_test_has(self) -> None:
        @contextlib.asynccontextmanager
        async def manager(state: dict[str, Any]) -> AsyncIterator[None]:
            layer = get_channel_layer()
            await layer.group_add("news", await layer.new_channel("listener"))
            LOG.append("started")
            yield
            LOG.append("shut down")

        text = (
            "Start-up has added channels to group 'news', but each test has channel"
            " layers of its own, without them. Let start-up use no group, or set"
            " run_lifespan = True."
        )
        with self.assertWarns(ChannelsTestkitWarning) as warned:
            self.assertEqual(self.run_with(lifespan_of(manager)), [])
        self.assertTrue(str(warned.warning).endswith(f"Tests: {text}"))
        with warnings.catch_warnings():
            warnings.simplefilter("error", ChannelsTestkitWarning)
            (error,) = self.run_with(lifespan_of(manager))
        self.assertTrue(error.endswith(f"Tests: {text}"))
        self.assertEqual(LOG, ["started", "shut down"])

    def test_an_explored_test_is_refused(self) -> None:
        @explore_schedules(2)
        def test_a(case: Any) -> None:
            LOG.append("explored")

        self.assertEqual(
            self.run_with(noting(LOG), test_a=test_a),
            [
                "Tests shares its lifespan, and an explored test starts anew for each"
                " schedule: set run_lifespan = True, for each test."
            ],
        )
        self.assertEqual(LOG, ["started", "test", "shut down"])

    def test_an_application_that_only_a_test_has_is_refused(self) -> None:
        def get_application(case: Any) -> Any:
            return routed(noting(LOG))

        for name, value in (
            ("application", property(get_application)),
            ("router", functools.cached_property(get_application)),
            ("get_application", get_application),
        ):
            with self.subTest(name):
                attributes = {"application": None, name: value}
                self.assertEqual(
                    self.run_with(None, **attributes),
                    [
                        f"Tests.{name} needs a test, and the lifespan of a class"
                        " starts before its tests: set application = ... on the"
                        " class, or set run_lifespan = True."
                    ],
                )
                self.assertEqual(LOG, [])

    def test_what_a_test_leaves_ends_with_it(self) -> None:
        async def linger() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                LOG.append("lingering ended")

        class LingeringConsumer(StateConsumer):
            async def receive_json(self, content: Any, **kwargs: Any) -> None:
                self.task = asyncio.create_task(linger(), name="lingering")

        application = routed(noting(LOG), LingeringConsumer.as_asgi())
        texts = self.run_with(None, application=application, check_leaks="fail")
        self.assertEqual(len(texts), 2)
        for text in texts:
            self.assertIn("task 'lingering' waits", text)
        self.assertEqual(
            LOG, ["started", *2 * ["test", "lingering ended"], "shut down"]
        )

    def test_the_loop_keeps_nothing_of_a_test_that_has_ended(self) -> None:
        runs: list[weakref.ref[Any]] = []
        left: list[int] = []

        def test_a(case: Any) -> None:
            case.connect()
            gc.collect()
            # The thread that watches over all tests has the first one.
            left.append(sum(run() is not None for run in runs[1:]))
            runs.append(weakref.ref(case._kit))

        tests = {f"test_{n}": test_a for n in range(4)}
        self.assertEqual(self.run_with(noting(LOG), test_b=test_a, **tests), [])
        self.assertEqual((len(runs), max(left)), (5, 0))

    def test_what_shutdown_leaves_is_left_by_the_class(self) -> None:
        @contextlib.asynccontextmanager
        async def manager(state: dict[str, Any]) -> AsyncIterator[None]:
            state["task"] = asyncio.create_task(asyncio.Event().wait(), name="left")
            yield

        (text,) = self.run_with(lifespan_of(manager), check_leaks="fail")
        self.assertIn("Still there after all clients had left:\n  task 'left'", text)
        with self.assertWarns(ChannelsTestkitWarning) as warned:
            self.assertEqual(self.run_with(lifespan_of(manager)), [])
        self.assertIn(
            "Tests: Still there after all clients had left", str(warned.warning)
        )
        self.assertEqual(warned.filename, __file__)
