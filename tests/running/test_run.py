from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import threading
import warnings
from typing import Any, ClassVar
from unittest import mock

from asgiref.sync import async_to_sync, sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from django.contrib.auth.models import User
from django.db import transaction

from channels_testkit import (
    Channel,
    ChannelTestCase,
    Group,
    SimpleWebsocketTestCase,
    WebsocketTestCase,
    WSClient,
)
from channels_testkit.running import run
from channels_testkit.running.kit_calls import UnawaitedCalls, kit_coroutine
from tests.app.asgi import websocket_application
from tests.utils import OuterTestCase, run_case


class SimpleCase(SimpleWebsocketTestCase):
    application = websocket_application
    ws_path = "/ws/echo/"


class RaisingConsumer(AsyncWebsocketConsumer):
    groups = ("lobby",)

    async def hello(self, event: Any) -> None:
        raise ValueError("from the consumer")


class DeliveryTests(OuterTestCase):
    """An exception of the application is told once, with its traceback."""

    def test_error_comes_out_of_the_call_in_progress(self) -> None:
        class Inner(SimpleCase):
            def test_sync(self) -> None:
                ann, ben = self.connect_many(2)
                with self.assertRaisesMessage(ValueError, "asked for"):
                    ann.send_json({"raise": "ValueError"})
                ben.send_json({"say": "hello"})
                self.assertReceivesJson(ben, {"say": "hello"})

            async def test_async(self) -> None:
                ann, ben = await self.aconnect_many(2)
                with self.assertRaisesMessage(ValueError, "asked for"):
                    await ann.send_json({"raise": "ValueError"})
                await ben.send_json({"say": "hello"})
                self.assertReceivesJson(ben, {"say": "hello"})

        self.assertEqual(run_case(Inner).texts, [])

    def test_error_is_thrown_in_at_any_resume(self) -> None:
        class Inner(SimpleCase):
            application = RaisingConsumer.as_asgi()

            async def test_it(self) -> None:
                await self.aconnect()
                with self.assertRaisesMessage(ValueError, "from the consumer"):
                    await self.channel_layer.group_send("lobby", {"type": "hello"})

            def test_sync(self) -> None:
                self.connect()
                async_to_sync(self.channel_layer.group_send)("lobby", {"type": "hello"})
                with self.assertRaisesMessage(ValueError, "from the consumer"):
                    self.settle()

        self.assertEqual(run_case(Inner).texts, [])

    def test_error_nobody_was_told_of_is_told_at_the_end(self) -> None:
        class Inner(SimpleCase):
            application = RaisingConsumer.as_asgi()

            def test_sync(self) -> None:
                self.connect()
                async_to_sync(self.channel_layer.group_send)("lobby", {"type": "hello"})

            def test_leaving(self) -> None:
                self.connect(application=websocket_application)
                self.connect()
                async_to_sync(self.channel_layer.group_send)("lobby", {"type": "hello"})
                self.fail("from the test")

        result = run_case(Inner, "test_sync", "test_leaving")
        self.assertEqual(
            result.texts, ["from the consumer", "from the test", "from the consumer"]
        )
        traceback = result.errors[0][1]
        self.assertIn("in hello\n", traceback)
        self.assertNotIn("/channels_testkit/", traceback)

    def test_two_errors_are_told_in_their_order(self) -> None:
        class Leaving(WebsocketConsumer):
            def disconnect(self, code: int) -> None:
                raise ValueError(self.scope["path"])

        class Inner(SimpleCase):
            application = Leaving.as_asgi()

            async def test_async(self) -> None:
                await self.aconnect("/ann")
                await self.aconnect("/ben")

            def test_debugged(self) -> None:
                self.connect("/ann")
                self.connect("/ben")
                self._cleanups[1:] = []  # only the end of the run is left

        self.assertEqual(run_case(Inner, "test_async").texts, ["/ben", "/ann"])
        (text,) = run_case(Inner, "test_debugged").texts
        self.assertEqual(text, "/ann")

    def test_errors_of_lingering_tasks_are_told_before_what_is_left(self) -> None:
        class Lingering(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                self.over = asyncio.Event()
                self.tasks = [
                    asyncio.create_task(self.linger()),
                    asyncio.create_task(self.linger_on()),
                ]
                await self.accept()

            async def linger(self) -> None:
                await self.over.wait()
                raise ValueError("when it was over")

            async def linger_on(self) -> None:
                try:
                    await asyncio.Event().wait()
                finally:
                    raise ValueError("when cancelled")

        class Inner(SimpleCase):
            application = Lingering.as_asgi()
            check_leaks = "fail"

            def setUp(self) -> None:
                self.addCleanup(lambda: self.ann.consumer.over.set())

            def test_it(self) -> None:
                self.ann = self.connect()

        first, left, last = run_case(Inner).texts
        self.assertEqual(first, "when it was over")
        self.assertIn("linger_on", left)
        self.assertEqual(last, "when cancelled")

    def test_error_that_the_test_caught_is_not_told_again(self) -> None:
        class Inner(SimpleCase):
            async def test_async(self) -> None:
                ann = await self.aconnect()
                with contextlib.suppress(KeyError):
                    await ann.send_json({"raise": "KeyError"})
                await self.asettle()

            def test_expected(self) -> None:
                ann = self.connect()
                with self.assertApplicationRaises(KeyError):
                    ann.send_json({"raise": "KeyError"})

        self.assertEqual(run_case(Inner).texts, [])


class MisuseTests(OuterTestCase):
    """Calls of the wrong color say which is the right one."""

    maxDiff = None

    def test_sync_calls_in_an_async_test_name_their_twins(self) -> None:
        def calls(case: Any) -> dict[str, Any]:
            client = case.create_client()
            return {
                "self.aconnect": case.connect,
                "self.aconnect_many": lambda: case.connect_many(2),
                "self.adisconnect_all": case.disconnect_all,
                "self.asettle": case.settle,
                "client.aconnect": client.connect,
                "client.asend_json": lambda: client.send_json({}),
                "client.areceive_json": client.receive_json,
                "client.adisconnect": client.disconnect,
                "client.areconnect": client.reconnect,
                "client.adrop": client.drop,
                "client.alogin": lambda: client.login(username="ann"),
                "client.aforce_login": lambda: client.force_login(User(pk=1)),
                "client.alogout": client.logout,
                "Channel(...).asend": lambda: Channel("x").send({"type": "y"}),
                "Group(...).asend": lambda: Group("x").send({"type": "y"}),
                "Group(...).aadd": lambda: Group("x").add("y"),
                "Group(...).adiscard": lambda: Group("x").discard("y"),
            }

        def check(case: Any) -> None:
            for twin, call in calls(case).items():
                with case.subTest(twin):
                    with case.assertRaises(RuntimeError) as caught:
                        call()
                    text = f"A sync call in an async test: write 'await {twin}(...)'."
                    case.assertEqual(str(caught.exception), text)

        class Inner(SimpleCase):
            async def test_directly(self) -> None:
                await asyncio.sleep(0)
                check(self)

            async def test_inside_sync_to_async(self) -> None:
                await sync_to_async(check)(self)

            async def asyncSetUp(self) -> None:
                check(self)

        self.assertEqual(run_case(Inner).texts, [])

    def test_sync_hooks_of_an_async_test_may_call_sync(self) -> None:
        class Inner(SimpleCase):
            def setUp(self) -> None:
                self.addCleanup(self.talk)
                self.talk()

            async def test_it(self) -> None:
                pass

            def tearDown(self) -> None:
                self.talk()

            def talk(self) -> None:
                ann = self.connect()
                ann.send_json({"say": "hello"})
                self.assertReceivesJson(ann, {"say": "hello"})
                self.settle()

        self.assertEqual(run_case(Inner).texts, [])

    def test_call_inside_another_call_is_refused(self) -> None:
        class Inner(SimpleCase):
            def test_it(self) -> None:
                case = self

                class Nosy(WebsocketConsumer):
                    def connect(self) -> None:
                        case.connect()

                self.connect(application=Nosy.as_asgi())

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, RuntimeError)
        self.assertEqual(str(error), "This call was made while another one is running.")

    def test_foreign_loop_is_refused(self) -> None:
        class Inner(SimpleCase):
            def test_it(self) -> None:
                asyncio.run(self.open())

            async def open(self) -> None:
                await self.aconnect()

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, RuntimeError)
        self.assertEqual(
            str(error),
            "This call runs in another event loop than the test's, such as that of"
            " asyncio.run(). In a sync test use the sync calls, such as"
            " self.connect(), or async_to_sync(); or write an async test.",
        )

    def test_reading_while_the_application_works_is_refused(self) -> None:
        class Inner(SimpleCase):
            async def test_it(self) -> None:
                ann = await self.aconnect()
                asyncio.get_running_loop().call_soon(lambda: None)
                self.assertReceivesNothing(ann)

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, RuntimeError)
        self.assertEqual(
            str(error),
            "The application is still working: 'await self.asettle()' first.",
        )

    def test_what_a_socket_has_unread_does_not_keep_a_test_from_looking(self) -> None:
        class Inner(SimpleCase):
            async def test_it(self) -> None:
                here, there = socket.socketpair()
                loop = asyncio.get_running_loop()
                loop.add_reader(here, here.recv, 1)
                there.send(b"!")
                self.assertEqual(self.channel_layer.sent, [])
                loop.remove_reader(here)
                here.close()
                there.close()

        self.assertEqual(run_case(Inner).texts, [])

    def test_free_standing_client_needs_a_running_test(self) -> None:
        if run.current() is None:
            with self.assertRaises(RuntimeError) as caught:
                WSClient("/")
            self.assertEqual(
                str(caught.exception),
                "WSClient works while a ChannelTestCase or WebsocketTestCase test"
                " runs: make it in setUp() or in the test, not in a module,"
                " setUpClass() or setUpTestData(). Any other TestCase needs"
                " ChannelTestMixin before it.",
            )


class UnawaitedTests(OuterTestCase):
    maxDiff = None

    def told(self, case: type[Any]) -> list[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            texts = run_case(case).texts
            gc.collect()
        return texts

    def test_calls_never_awaited_fail_the_test(self) -> None:
        class Inner(SimpleCase):
            async def test_it(self) -> None:
                self.aconnect()
                ann = await self.aconnect()
                ann.send_json({})
                client = self.create_client()
                client.asend_text("hello")
                Group("lobby").asend({"type": "hello"})
                self.asettle()

        start = Inner.test_it.__code__.co_firstlineno
        self.assertEqual(
            self.told(Inner),
            [
                f"{name}() was called at test_run.py:{start + line} but never awaited,"
                f" so it did nothing. Write 'await {call}(...)' in an async test{sync}."
                for line, name, call, sync in (
                    (1, "aconnect", "self.aconnect", twin("self.connect")),
                    (3, "send_json", "communicator.send_json", ""),
                    (5, "asend_text", "client.asend_text", twin("client.send_text")),
                    (6, "asend", "group.asend", twin("group.send")),
                    (7, "asettle", "self.asettle", twin("self.settle")),
                )
            ],
        )

    def test_async_call_in_a_sync_test_fails_it(self) -> None:
        class Inner(SimpleCase):
            def test_it(self) -> None:
                self.aconnect()

        line = Inner.test_it.__code__.co_firstlineno + 1
        self.assertEqual(
            self.told(Inner),
            [
                f"aconnect() was called at test_run.py:{line} but never awaited, so it"
                " did nothing. Write 'await self.aconnect(...)' in an async test, and"
                " 'self.connect(...)' in a sync one."
            ],
        )

    def test_calls_given_to_others_are_no_failures(self) -> None:
        class Inner(SimpleCase):
            async def test_it(self) -> None:
                await asyncio.gather(self.aconnect(), self.aconnect())
                await asyncio.wait([asyncio.create_task(self.aconnect())])
                await asyncio.wait_for(self.aconnect(), 1)
                self.addCleanup(self.aconnect)
                self.addAsyncCleanup(self.asettle)
                self.assertTrue(asyncio.iscoroutinefunction(self.aconnect))

        with warnings.catch_warnings():
            # 3.14 deprecates asyncio's function, which asgiref marks for.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.assertEqual(run_case(Inner).texts, [])

    def test_notes_of_finished_calls_are_dropped(self) -> None:
        calls = UnawaitedCalls(bool)

        @kit_coroutine
        async def call() -> None:
            pass

        for _ in range(2000):
            coroutine = call.__wrapped__()
            calls.note(coroutine, "self.acall", "here.py:1")
            coroutine.close()
        self.assertLessEqual(len(calls._calls), 500)
        self.assertEqual(calls.take(), [])


def twin(name: str) -> str:
    return f", and '{name}(...)' in a sync one"


class AskedMethods:
    """Its subclasses say which of their methods have been asked."""

    ws_path = "/ws/echo/"
    asked: ClassVar[list[str]] = []

    @classmethod
    def setUpTestData(cls) -> None:
        cls.ann = User.objects.create_user("ann")

    def test_sync(self) -> None:
        for ann in (self.connect(user=self.ann), self.connect(user=self.ann)):
            self.check(ann.scope)

    async def test_async(self) -> None:
        calls = [self.aconnect(user=self.ann) for _ in range(3)]
        for ann in await asyncio.gather(*calls):
            self.check(ann.scope)

    def check(self, scope: Any) -> None:
        self.assertEqual(scope["user"], self.ann)
        self.assertIn((b"x-test", b"1"), scope["headers"])
        self.assertEqual(scope["subprotocols"], ["v1"])


class CredentialTests(OuterTestCase):
    """What the test case says about handshakes is asked for once."""

    def check(self, case: type[Any]) -> None:
        for name, times in (("test_sync", 2), ("test_async", 3)):
            with self.subTest(name):
                case.asked = []
                self.assertEqual(run_case(case, name).texts, [])
                expected = [
                    *["get_login"] * times,
                    "get_subprotocols",
                    "get_ws_headers",
                ]
                self.assertEqual(sorted(case.asked), expected)

    def test_sync_methods_are_asked_on_the_tests_thread(self) -> None:
        class Inner(AskedMethods, WebsocketTestCase):
            def get_ws_headers(self) -> Any:
                self.asked.append("get_ws_headers")
                return {"X-Test": str(self.client.get("/notes/").json()["notes"] + 1)}

            def get_subprotocols(self) -> Any:
                self.asked.append("get_subprotocols")
                return ["v1"]

            def get_login(self, user: Any) -> Any:
                self.asked.append("get_login")
                return super().get_login(user)

        self.check(Inner)

    def test_async_methods_are_awaited_on_the_tests_loop(self) -> None:
        class Inner(AskedMethods, WebsocketTestCase):
            async def get_ws_headers(self) -> Any:
                self.asked.append("get_ws_headers")
                response = await self.async_client.get("/notes/")
                return {"X-Test": str(response.json()["notes"] + 1)}

            async def get_subprotocols(self) -> Any:
                self.asked.append("get_subprotocols")
                return ["v1"]

            async def get_login(self, user: Any) -> Any:
                self.asked.append("get_login")
                return await sync_to_async(super().get_login)(user)

        self.check(Inner)

    def test_error_in_a_method_comes_out(self) -> None:
        class Inner(WebsocketTestCase):
            ws_path = "/ws/echo/"

            def get_ws_headers(self) -> Any:
                raise KeyError("from get_ws_headers")

            def test_sync(self) -> None:
                self.connect()

            async def test_async(self) -> None:
                await self.aconnect()

        self.assertEqual(run_case(Inner).texts, ["'from get_ws_headers'"] * 2)

    def test_two_sessions_ask_whose_connection_it_is(self) -> None:
        class Inner(WebsocketTestCase):
            ws_path = "/ws/who/"

            def test_it(self) -> None:
                self.client.force_login(User.objects.create_user("ann"))
                self.assertReceivesJson(self.connect(), {"user": "ann"})
                self.async_client.force_login(User.objects.create_user("ben"))
                self.assertReceivesJson(
                    self.connect(client=self.async_client), {"user": "ben"}
                )
                self.connect()

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, RuntimeError)
        self.assertEqual(
            str(error),
            "self.client and self.async_client have different sessions: say whose"
            " connection this is, with user= or client=.",
        )


class ResourceTests(OuterTestCase):
    def test_tests_leave_no_files_open(self) -> None:
        """A loop that is not closed keeps three."""

        class Inner(SimpleCase):
            def test_sync(self) -> None:
                self.connect()

            async def test_async(self) -> None:
                await self.aconnect()
                self.left = asyncio.create_task(asyncio.Event().wait())

            check_leaks = "off"

        if not os.path.isdir("/proc/self/fd"):
            self.skipTest("/proc says which files are open")
        run_case(Inner)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            self.assertEqual(run_case(Inner).texts, [])
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_test_without_connections_needs_no_loop(self) -> None:
        loops = []

        class Inner(ChannelTestCase):
            def test_it(self) -> None:
                self.assertEqual(self.channel_layer.sent, [])
                self.client.get("/notes/")
                self.settle()
                loops.append(self._kit._bridge is not None)

        self.assertEqual(run_case(Inner).texts, [])
        self.assertEqual(loops, [False])


class CallbackTests(OuterTestCase):
    def test_error_of_a_callback_of_the_loop_fails_the_test(self) -> None:
        async def application(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            asyncio.get_running_loop().call_soon(int, "no number")
            await receive()

        class Inner(SimpleWebsocketTestCase):
            def test(self) -> None:
                self.connect("/", application=application)

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, ValueError)
        self.assertIn("no number", str(error))


class MovedTimeTests(OuterTestCase):
    def test_timers_of_the_application_run_while_time_stands_still(self) -> None:
        async def application(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            await asyncio.sleep(0.01)
            await send({"type": "websocket.send", "text": "late"})
            await receive()

        class Inner(SimpleWebsocketTestCase):
            def test(self) -> None:
                # What packages that freeze time do to it.
                with mock.patch("time.monotonic", return_value=0.0):
                    client = self.connect("/", application=application)
                    self.assertReceivesText(client, "late")

        self.assertEqual(run_case(Inner).raised, [])


class RequestTests(OuterTestCase):
    def test_request_of_another_thread_comes_to_rest_with_the_next_call(self) -> None:
        statuses: list[int] = []

        class Inner(SimpleWebsocketTestCase):
            def test(self) -> None:
                client = self.connect("/ws/echo/", application=websocket_application)

                def request() -> None:
                    statuses.append(self.client.get("/nowhere/").status_code)

                thread = threading.Thread(target=request)
                thread.start()
                thread.join()
                client.send_json({"text": "hello"})
                self.assertReceivesJson(client, {"text": "hello"})

        self.assertEqual(run_case(Inner).raised, [])
        self.assertEqual(statuses, [404])


class OwnTaskTests(OuterTestCase):
    def test_error_that_only_a_task_of_the_test_was_told_fails_the_test(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            application = websocket_application

            async def test(self) -> None:
                client = await self.aconnect("/ws/echo/")
                crash = client.send_json({"raise": "ValueError"})
                self.task = asyncio.create_task(crash)
                await asyncio.sleep(0)
                await self.asettle()

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, ValueError)

    def test_error_of_a_task_that_is_awaited_is_told_once(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            application = websocket_application

            async def test(self) -> None:
                client = await self.aconnect("/ws/echo/")
                crash = client.send_json({"raise": "ValueError"})
                with self.assertRaises(ValueError):
                    await asyncio.create_task(crash)

        self.assertEqual(run_case(Inner).raised, [])


class EndedTests(OuterTestCase):
    def test_silence_of_an_application_that_has_ended_is_no_silence(self) -> None:
        async def application(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            await receive()

        class Inner(SimpleWebsocketTestCase):
            def test(self) -> None:
                client = self.connect("/", application=application)
                client.send_text("leave")
                self.assertReceivesNothing(client)

        ((text),) = run_case(Inner).texts
        self.assertIn("/ received nothing because its application has ended.", text)


class CommitGuardTests(ChannelTestCase):
    def test_what_was_registered_before_a_block_that_fails_never_runs(self) -> None:
        ran: list[str] = []

        def outer() -> None:
            with transaction.atomic():
                transaction.on_commit(lambda: ran.append("outer"))
                with transaction.atomic(savepoint=False):
                    raise KeyError

        with self.assertRaises(KeyError):
            outer()
        self.assertEqual(ran, [])
