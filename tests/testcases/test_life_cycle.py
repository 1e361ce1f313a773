from __future__ import annotations

import asyncio
import contextlib
import functools
import pickle
import threading
import unittest
import warnings
from traceback import extract_tb
from typing import Any, ClassVar
from unittest import mock

from asgiref.sync import async_to_sync, sync_to_async
from channels import consumer
from channels.generic.websocket import (
    AsyncWebsocketConsumer,
    WebsocketConsumer,
)
from channels.layers import channel_layers, get_channel_layer
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.core import mail
from django.db import close_old_connections, connection
from django.test import (
    Client,
    modify_settings,
    override_settings,
    tag,
)
from django.test.runner import RemoteTestResult
from django.urls import path
from django.utils import timezone, translation
from rest_framework.response import Response
from rest_framework.test import APIClient, APITestCase
from rest_framework.views import APIView

from channels_testkit import (
    ChannelTestCase,
    ChannelTestCaseMixin,
    ChannelTestMixin,
    Group,
    SimpleChannelTestCase,
    SimpleWebsocketTestCase,
    TransactionChannelTestCase,
    TransactionWebsocketTestCase,
    WebsocketTestCase,
    WebsocketTestMixin,
    WSClient,
)
from channels_testkit.websocket.subjects import driver_of
from tests.app.asgi import websocket_application
from tests.app.models import Note
from tests.utils import OuterTestCase, entered, run_case


class SimpleCase(SimpleWebsocketTestCase):
    """Connections to consumers that touch no database."""

    application = websocket_application
    ws_path = "/ws/echo/"


def leaving(log: list[str], name: str = "consumer", error: str = "") -> Any:
    """Return an application that says so when its client leaves."""

    class Leaving(AsyncWebsocketConsumer):
        async def disconnect(self, code: int) -> None:
            log.append(f"{name} left")
            if error:
                raise ValueError(error)

    return Leaving.as_asgi()


class OrderTests(OuterTestCase):
    def test_async_hooks_run_inside_sync_ones_on_one_loop(self) -> None:
        log: list[str] = []
        loops = set()

        class Inner(SimpleCase):
            def setUp(self) -> None:
                log.append("setUp")
                self.addCleanup(log.append, "clean-up")
                self.addAsyncCleanup(self.note, "async clean-up")
                self.addCleanup(self.note, "coroutine function in addCleanup")

            async def note(self, name: str) -> None:
                loops.add(asyncio.get_running_loop())
                log.append(name)

            async def asyncSetUp(self) -> None:
                await self.note("asyncSetUp")

            async def test_it(self) -> None:
                await self.note("test")

            async def asyncTearDown(self) -> None:
                await self.note("asyncTearDown")

            def tearDown(self) -> None:
                log.append("tearDown")

        result = run_case(Inner)
        self.assertEqual(result.raised, [])
        self.assertEqual(
            log,
            [
                "setUp",
                "asyncSetUp",
                "test",
                "asyncTearDown",
                "tearDown",
                "coroutine function in addCleanup",
                "async clean-up",
                "clean-up",
            ],
        )
        self.assertEqual(len(loops), 1)

    def test_every_hook_may_be_async_and_await_its_parent(self) -> None:
        log: list[str] = []

        class Parent(SimpleCase):
            async def setUp(self) -> None:
                await super().setUp()
                await super().asyncSetUp()
                log.append("parent's setUp")

            async def tearDown(self) -> None:
                await super().tearDown()
                await super().asyncTearDown()
                log.append("parent's tearDown")

        class Inner(Parent):
            async def setUp(self) -> None:
                await super().setUp()
                log.append("setUp")

            def test_sync(self) -> None:
                log.append("sync")

            async def test_async(self) -> None:
                log.append("async")

            async def tearDown(self) -> None:
                await super().tearDown()
                log.append("tearDown")

        around = (
            ["parent's setUp", "setUp"],
            ["parent's tearDown", "tearDown"],
        )
        for name, said in (("test_sync", "sync"), ("test_async", "async")):
            with self.subTest(name):
                log.clear()
                result = run_case(Inner, name)
                self.assertEqual(result.raised, [])
                self.assertEqual(log, [*around[0], said, *around[1]])

    def test_clean_ups_close_connections_among_the_authors_own(self) -> None:
        log: list[str] = []

        class Inner(SimpleCase):
            def setUp(self) -> None:
                self.addCleanup(log.append, "first clean-up")
                self.connect(application=leaving(log, "ann"))
                self.addCleanup(log.append, "second clean-up")
                self.connect(application=leaving(log, "ben"))

            def test_it(self) -> None:
                log.append("test")

            def tearDown(self) -> None:
                log.append("tearDown")

        self.assertEqual(run_case(Inner).raised, [])
        self.assertEqual(
            log,
            [
                "test",
                "tearDown",
                "ben left",
                "second clean-up",
                "ann left",
                "first clean-up",
            ],
        )

    def test_async_context_is_left_with_the_clean_ups(self) -> None:
        log: list[str] = []

        @contextlib.asynccontextmanager
        async def manager() -> Any:
            log.append("entered")
            yield "its value"
            log.append("left")

        class Inner(SimpleCase):
            async def test_it(self) -> None:
                log.append(await self.enterAsyncContext(manager()))

        self.assertEqual(run_case(Inner).raised, [])
        self.assertEqual(log, ["entered", "its value", "left"])

    def test_what_is_no_async_context_is_refused(self) -> None:
        class Inner(SimpleCase):
            async def test_it(self) -> None:
                await self.enterAsyncContext(7)

        result = run_case(Inner)
        self.assertEqual(result.texts, ["7 is not an asynchronous context manager."])
        self.assertIsInstance(result.raised[0], TypeError)

    def test_client_connected_in_sync_setup_serves_an_async_test(self) -> None:
        class Inner(SimpleCase):
            def setUp(self) -> None:
                self.ann = self.connect()

            async def test_it(self) -> None:
                await self.ann.asend_json({"say": "hello"})
                self.assertReceivesJson(self.ann, {"say": "hello"})
                self.assertEqual(self.ann.frames, ['{"say": "hello"}'])

            def tearDown(self) -> None:
                self.ann.send_json({"say": "bye"})
                self.assertReceivesJson(self.ann, {"say": "bye"})

        self.assertEqual(run_case(Inner).raised, [])

    def test_isolation_needs_no_call_of_the_parents_setup(self) -> None:
        class Inner(SimpleCase):
            def setUp(self) -> None:
                pass

            def tearDown(self) -> None:
                pass

            def send(self) -> None:
                self.assertEqual(self.channel_layer.sent, [])
                Group("lobby").send({"type": "hello"})
                self.assertEqual(len(self.channel_layer.sent), 1)

            test_one = send
            test_two = send

        before = get_channel_layer()
        result = run_case(Inner)
        self.assertEqual((result.testsRun, result.raised), (2, []))
        self.assertIs(get_channel_layer(), before)

    def test_test_that_returns_something_is_told_of(self) -> None:
        """A generator, of which no line runs, would pass."""

        class Inner(SimpleCase):
            def test_it(self) -> Any:
                yield

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            run_case(Inner)
        # Python 3.10 says nothing of it.
        texts = [str(warning.message) for warning in caught]
        told = [text for text in texts if "value that is not None" in text]
        self.assertEqual(len(told), int(hasattr(unittest, "enterModuleContext")))


class ContextTests(OuterTestCase):
    def test_variables_set_in_any_hook_are_seen_by_the_others(self) -> None:
        seen: dict[str, str] = {}

        class Inner(SimpleCase):
            def setUp(self) -> None:
                self.addCleanup(timezone.deactivate)
                self.addCleanup(translation.deactivate)
                translation.activate("de")

            async def asyncSetUp(self) -> None:
                seen["asyncSetUp"] = translation.get_language()
                timezone.activate("Asia/Tokyo")

            def note(self, name: str) -> None:
                zone = timezone.get_current_timezone_name()
                seen[name] = f"{translation.get_language()}, {zone}"

            def test_sync(self) -> None:
                self.note("sync")

            async def test_async(self) -> None:
                self.note("async")
                await sync_to_async(self.note)("thread")

            def tearDown(self) -> None:
                self.note("tearDown")

        expected = "de, Asia/Tokyo"
        for names in (["sync"], ["async", "thread"]):
            with self.subTest(names):
                seen.clear()
                result = run_case(Inner, f"test_{names[0]}")
                self.assertEqual(result.raised, [])
                self.assertEqual(
                    seen,
                    {
                        "asyncSetUp": "de",
                        **dict.fromkeys(names, expected),
                        "tearDown": expected,
                    },
                )

    def test_connection_starts_from_an_empty_context(self) -> None:
        seen = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            seen.append(translation.get_language())
            await receive()
            await send({"type": "websocket.accept"})
            await receive()

        class Inner(SimpleCase):
            def setUp(self) -> None:
                entered(self, translation.override("de"))

            def test_sync(self) -> None:
                self.connect(application=application)

            async def test_async(self) -> None:
                await self.aconnect(application=application)

        self.assertEqual(run_case(Inner).raised, [])
        self.assertEqual(seen, [settings.LANGUAGE_CODE] * 2)


class TearDownTests(OuterTestCase):
    """What was opened is closed, whatever failed."""

    def assert_torn_down(self, case: type[unittest.TestCase], *texts: str) -> None:
        layers, backends = get_channel_layer(), dict(channel_layers.backends)
        valid_origin, request = OriginValidator.valid_origin, Client.request
        threads = threading.active_count()
        result = run_case(case)
        self.assertEqual(result.texts, list(texts))
        self.assertIs(get_channel_layer(), layers)
        self.assertEqual(channel_layers.backends, backends)
        self.assertIs(OriginValidator.valid_origin, valid_origin)
        self.assertIs(Client.request, request)
        self.assertLessEqual(threading.active_count(), threads + 2)

    def test_after_setup_fails_handlers_run_before_the_rollback(self) -> None:
        seen = []

        class Counting(WebsocketConsumer):
            def disconnect(self, code: int) -> None:
                seen.append(Note.objects.count())

        class Inner(WebsocketTestCase):
            def setUp(self) -> None:
                Note.objects.create(text="one")
                self.connect("/", application=Counting.as_asgi())
                raise ValueError("from setUp")

            def test_it(self) -> None:
                seen.append(-1)

        self.assert_torn_down(Inner, "from setUp")
        self.assertEqual(seen, [1])
        self.assertEqual(Note.objects.count(), 0)

    def test_after_async_setup_fails_handlers_run(self) -> None:
        log: list[str] = []

        class Inner(SimpleCase):
            async def asyncSetUp(self) -> None:
                await self.aconnect(application=leaving(log))
                raise ValueError("from asyncSetUp")

            async def test_it(self) -> None:
                log.append("test")

            def tearDown(self) -> None:
                log.append("tearDown")

        self.assert_torn_down(Inner, "from asyncSetUp")
        self.assertEqual(log, ["consumer left"])

    def test_own_failure_comes_before_those_of_the_tear_down(self) -> None:
        log: list[str] = []

        class Inner(SimpleCase):
            def setUp(self) -> None:
                self.addCleanup(self.fail, "from a clean-up")
                self.connect(application=leaving(log, "ann"))
                self.connect(application=leaving(log, "ben", "from disconnect"))

            def test_sync(self) -> None:
                self.fail("from the test")

            async def test_async(self) -> None:
                self.fail("from the test")

            async def asyncTearDown(self) -> None:
                self.connect_later = self.create_client()
                raise ValueError("from asyncTearDown")

            def tearDown(self) -> None:
                log.append("tearDown")
                raise ValueError("from tearDown")

        for name in ("test_sync", "test_async"):
            with self.subTest(name):
                log.clear()
                result = run_case(Inner, name)
                self.assertEqual(
                    result.texts,
                    [
                        "from the test",
                        "from tearDown",
                        "from disconnect",
                        "from a clean-up",
                    ],
                )
                during = result.raised[1].__context__
                self.assertEqual(str(during), "from asyncTearDown")
                self.assertEqual(log, ["tearDown", "ben left", "ann left"])

    def test_application_that_never_ends_is_cancelled(self) -> None:
        log = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})
            try:
                await asyncio.Event().wait()
            finally:
                log.append("cancelled")

        class Inner(SimpleCase):
            check_leaks = "off"

            def test_it(self) -> None:
                self.connect(application=application, name="ann")

        self.assert_torn_down(Inner)
        self.assertEqual(log, ["cancelled"])

    def test_client_opened_in_a_clean_up_is_closed(self) -> None:
        log: list[str] = []

        class Inner(SimpleCase):
            def test_it(self) -> None:
                self.addCleanup(self.connect, application=leaving(log))

        self.assert_torn_down(Inner)
        self.assertEqual(log, ["consumer left"])

    def test_disconnect_all_closes_inside_a_patch(self) -> None:
        seen = []

        class Patched(AsyncWebsocketConsumer):
            note = "real"

            async def disconnect(self, code: int) -> None:
                seen.append(self.note)

        application = Patched.as_asgi()

        class Inner(SimpleCase):
            def test_sync(self) -> None:
                # What patches do is the subject here.
                with mock.patch.object(Patched, "note", "patched"):
                    self.connect_many(2, application=application)
                    self.disconnect_all()

            async def test_async(self) -> None:
                with mock.patch.object(Patched, "note", "patched"):
                    await self.aconnect_many(2, application=application)
                    await self.adisconnect_all()

        self.assert_torn_down(Inner)
        self.assertEqual(seen, ["patched"] * 4)

    def test_interrupt_leaves_nothing_in_place(self) -> None:
        log: list[str] = []

        class Inner(SimpleCase):
            def test_sync(self) -> None:
                self.connect(application=leaving(log))
                raise KeyboardInterrupt

            async def test_async(self) -> None:
                await self.aconnect(application=leaving(log))
                raise KeyboardInterrupt

            def test_next(self) -> None:
                self.connect()

        before = get_channel_layer()
        for name in ("test_sync", "test_async"):
            with self.subTest(name):
                with self.assertRaises(KeyboardInterrupt):
                    run_case(Inner, name)
                Inner.doClassCleanups()
                self.assertIs(get_channel_layer(), before)
        self.assertEqual(log, ["consumer left"] * 2)
        self.assertEqual(run_case(Inner, "test_next").raised, [])

    def test_class_that_fails_to_set_up_leaves_nothing_in_place(self) -> None:
        class Inner(WebsocketTestCase):
            @classmethod
            def setUpTestData(cls) -> None:
                Group("lobby").send({"type": "hello"})

            def test_it(self) -> None:
                pass

        class Second(SimpleCase):
            @classmethod
            def setUpClass(cls) -> None:
                super().setUpClass()
                raise ValueError("from setUpClass")

            def test_it(self) -> None:
                pass

        self.assert_torn_down(
            Inner,
            "Group works while a ChannelTestCase or WebsocketTestCase test runs: make"
            " it in setUp() or in the test, not in a module, setUpClass() or"
            " setUpTestData(). Any other TestCase needs ChannelTestMixin before it.",
        )
        self.assert_torn_down(Second, "from setUpClass")

    def test_many_tests_that_never_disconnect_pass(self) -> None:
        log: list[str] = []

        class Inner(SimpleCase):
            def connected(self) -> None:
                ann = self.connect(application=leaving(log))
                self.addCleanup(self.assertOpen, ann)

            async def aconnected(self) -> None:
                await self.aconnect(application=leaving(log))

        for number in range(100):
            setattr(Inner, f"test_{number}", Inner.connected)
            setattr(Inner, f"test_async_{number}", Inner.aconnected)
        result = run_case(Inner)
        self.assertEqual((result.testsRun, result.texts), (200, []))
        self.assertEqual(len(log), 200)


class SkipTests(OuterTestCase):
    def test_skipped_tests_run_nothing_and_leave_nothing(self) -> None:
        log: list[str] = []

        class Inner(SimpleCase):
            def setUp(self) -> None:
                log.append(self._testMethodName)

            @unittest.skip("the method")
            def test_method(self) -> None:
                log.append("ran")

            @unittest.skip("the async method")
            async def test_async_method(self) -> None:
                log.append("ran")

            def test_inside(self) -> None:
                self.connect(application=leaving(log))
                self.skipTest("inside")

            async def test_inside_async(self) -> None:
                await self.aconnect(application=leaving(log))
                self.skipTest("inside async")

        @unittest.skip("the class")
        class Whole(Inner):
            pass

        class InSetUp(SimpleCase):
            def setUp(self) -> None:
                self.connect(application=leaving(log))
                self.skipTest("in setUp")

            async def test_it(self) -> None:
                log.append("ran")

        result = run_case(Inner)
        reasons = sorted(reason for _, reason in result.skipped)
        self.assertEqual(
            reasons, ["inside", "inside async", "the async method", "the method"]
        )
        self.assertEqual(result.raised, [])
        self.assertEqual(
            log,
            ["test_inside", "consumer left", "test_inside_async", "consumer left"],
        )
        log.clear()
        self.assertEqual([why for _, why in run_case(Whole).skipped], ["the class"] * 4)
        self.assertEqual(log, [])
        self.assertEqual([why for _, why in run_case(InSetUp).skipped], ["in setUp"])
        self.assertEqual(log, ["consumer left"])

    def test_expected_failures_are_expected(self) -> None:
        class Inner(SimpleCase):
            @unittest.expectedFailure
            def test_sync(self) -> None:
                self.fail("known")

            @unittest.expectedFailure
            async def test_async(self) -> None:
                ann = await self.aconnect()
                await ann.send_json({"raise": "ValueError"})

            @unittest.expectedFailure
            async def test_unexpected(self) -> None:
                await self.aconnect()

        result = run_case(Inner)
        self.assertEqual(len(result.expectedFailures), 2)
        self.assertEqual(len(result.unexpectedSuccesses), 1)
        self.assertEqual(result.raised, [])

    def test_subtests_are_told_one_by_one(self) -> None:
        class Inner(SimpleCase):
            def test_sync(self) -> None:
                for number in range(3):
                    with self.subTest(number=number):
                        self.connect()
                        self.assertNotEqual(number, 1)

            async def test_async(self) -> None:
                for number in range(3):
                    with self.subTest(number=number):
                        ann = await self.aconnect()
                        wish = {"raise": "ValueError"} if number == 1 else {}
                        await ann.send_json(wish)

        result = run_case(Inner, "test_sync", "test_async")
        self.assertEqual(result.texts, ["1 == 1", "asked for"])
        self.assertEqual(
            [str(test).rpartition(" ")[2] for test, _ in result.failures],
            ["(number=1)"],
        )

    def test_skipped_subtest_is_a_skip(self) -> None:
        class Inner(SimpleCase):
            async def test_it(self) -> None:
                with self.subTest():
                    await self.aconnect()
                    self.skipTest("this one")
                await self.aconnect()

        result = run_case(Inner)
        self.assertEqual([reason for _, reason in result.skipped], ["this one"])
        self.assertEqual(result.raised, [])


class Failing:
    """Tests that fail in each place, run by one below."""

    def setUp(self) -> None:
        self.addCleanup(self.maybe_fail, "clean_up")
        self.maybe_fail("set_up")

    def tearDown(self) -> None:
        self.maybe_fail("tear_down")

    def maybe_fail(self, place: str) -> None:
        if place in self._testMethodName:
            self.fail(place)

    def test_set_up(self) -> None:
        """Not reached."""

    def test_tear_down(self) -> None:
        pass

    def test_clean_up(self) -> None:
        pass

    def test_receive(self) -> None:
        self.connect().receive_json()

    async def test_async(self) -> None:
        self.fail("async")

    async def test_end(self) -> None:
        asyncio.get_running_loop().call_exception_handler(
            {"message": "of the loop", "exception": ValueError("at the end")}
        )


class DebugTests(OuterTestCase):
    """``debug()`` is what debuggers and IDEs call: errors come out."""

    def test_debug_runs_a_test_and_tears_it_down(self) -> None:
        log: list[str] = []

        class Inner(SimpleCase):
            def test_sync(self) -> None:
                self.connect(application=leaving(log))

            async def test_async(self) -> None:
                await self.aconnect(application=leaving(log))

            def test_failing(self) -> None:
                self.connect(application=leaving(log))
                raise ValueError("from the test")

            async def test_told_at_the_end(self) -> None:
                await self.aconnect(application=leaving(log, error="from disconnect"))

        def debug(*names: str) -> None:
            try:
                unittest.TestSuite(map(Inner, names)).debug()
            finally:
                Inner.doClassCleanups()

        before = get_channel_layer()
        debug("test_sync", "test_async")
        self.assertEqual(log, ["consumer left"] * 2)
        for name, text in (
            ("test_failing", "from the test"),
            ("test_told_at_the_end", "from disconnect"),
        ):
            with self.subTest(name), self.assertRaisesMessage(ValueError, text):
                debug(name)
        self.assertEqual(log, ["consumer left"] * 4)
        self.assertIs(get_channel_layer(), before)

    def test_same_test_object_can_run_again(self) -> None:
        labels = []

        class Inner(SimpleCase):
            async def test_async(self) -> None:
                labels.append(self.auth_communicator)
                await self.auth_communicator.connect()

            def test_sync(self) -> None:
                labels.append(self.connect())

        for name in ("test_async", "test_sync"):
            case = Inner(name)
            for _ in range(2):
                result = unittest.TestResult()
                case.run(result)
                case(result)
                self.assertEqual((result.errors, result.failures), ([], []))
        self.assertEqual(len(set(labels)), 8)

    def test_what_a_test_has_in_use_stays_in_its_process(self) -> None:
        """``--parallel`` pickles the test case of a subtest, without it."""
        states = []

        class Inner(SimpleCase):
            def test_it(self) -> None:
                self.ann = self.connect()
                states.append(self.__getstate__())

            def test_without_a_loop(self) -> None:
                states.append(self.__getstate__())

        case = Inner("test_it")
        case.given = "to the constructor"
        self.assertEqual(vars(case), case.__getstate__())
        case(unittest.TestResult())
        states.append(case.__getstate__())
        self.assertEqual(run_case(Inner).raised, [])
        for state in states:
            self.assertFalse({"_kit_run", "ann", "name"} & set(state))
            pickle.dumps(state)
        self.assertEqual(states[0]["given"], "to the constructor")

    def test_failures_that_go_to_another_process_have_no_frames_of_the_kit(
        self,
    ) -> None:
        """``--parallel`` keeps them until its worker has run its share."""

        case = type("Inner", (Failing, SimpleCase), {})
        result = RemoteTestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
        told = [event[-1] for event in result.events if isinstance(event[-1], tuple)]
        self.assertEqual(len(told), 6)
        for _, error, traceback in pickle.loads(pickle.dumps(told)):
            files = [frame.filename for frame in extract_tb(traceback)]
            with self.subTest(str(error)):
                self.assertNotIn("channels_testkit/", " ".join(files))

    def test_call_after_the_test_says_so(self) -> None:
        class Inner(SimpleCase):
            def test_it(self) -> None:
                pass

        case = Inner("test_it")
        with self.assertRaises(RuntimeError) as caught:
            case.settle()
        self.assertEqual(
            str(caught.exception),
            "Inner runs no test now: this call works from setUp() to the last"
            " clean-up.",
        )


class DjangoToolsTests(OuterTestCase):
    """Django's own tools, in sync and async tests, seen by the application."""

    def test_settings_patches_mail_and_tags_are_seen_by_consumers(self) -> None:
        seen = []

        class Seeing(AsyncWebsocketConsumer):
            mark = "real"

            async def connect(self) -> None:
                mail.send_mail(
                    "subject", "body", "ann@example.com", ["ben@example.com"]
                )
                seen.append((settings.SITE_NAME, settings.NAMES, self.mark))
                await self.accept()

        application = Seeing.as_asgi()

        @override_settings(SITE_NAME="of the class", NAMES=["one"])
        class Inner(SimpleCase):
            @tag("slow")
            @modify_settings(NAMES={"append": "two"})
            @override_settings(SITE_NAME="of the method")
            @mock.patch.object(Seeing, "mark", "patched")
            async def test_async(self) -> None:
                await self.aconnect(application=application)
                self.assertEqual([sent.subject for sent in mail.outbox], ["subject"])

            @tag("slow")
            @modify_settings(NAMES={"append": "two"})
            @override_settings(SITE_NAME="of the method")
            @mock.patch.object(Seeing, "mark", "patched")
            def test_sync(self) -> None:
                self.connect(application=application)
                self.assertEqual([sent.subject for sent in mail.outbox], ["subject"])

            async def test_block(self) -> None:
                with self.settings(SITE_NAME="of the block"):
                    await self.aconnect(application=application)

        result = run_case(Inner, "test_async", "test_sync", "test_block")
        self.assertEqual(result.raised, [])
        self.assertEqual(
            seen,
            [
                ("of the method", ["one", "two"], "patched"),
                ("of the method", ["one", "two"], "patched"),
                ("of the block", ["one"], "real"),
            ],
        )
        self.assertEqual(Inner.test_async.tags, {"slow"})

    def test_rows_of_fixtures_and_test_data_are_seen_and_rolled_back(self) -> None:
        class Inner(WebsocketTestCase):
            ws_path = "/ws/count/"
            fixtures: ClassVar = ["notes.json"]

            @classmethod
            def setUpTestData(cls) -> None:
                cls.note = Note.objects.create(text="of the class")

            def setUp(self) -> None:
                Note.objects.create(text="of setUp")

            def test_sync(self) -> None:
                ann = self.connect()
                for way in ("async", "thread"):
                    ann.send_json({"way": way})
                    self.assertReceivesJson(ann, {"count": 3})

            async def test_async(self) -> None:
                ann = await self.aconnect()
                for way in ("async", "thread"):
                    await ann.send_json({"way": way})
                    self.assertReceivesJson(ann, {"count": 3})

        result = run_case(Inner)
        self.assertEqual((result.testsRun, result.raised), (2, []))
        self.assertEqual(Note.objects.count(), 0)

    def test_requests_of_any_client_come_to_rest(self) -> None:
        class Inner(WebsocketTestCase):
            def broadcast(self, client: Client) -> None:
                ann = self.connect("/ws/room/1/")
                client.post("/broadcast/1/", {"text": "hello"})
                self.assertEqual(len(self.channel_layer.sent), 1)
                connection = driver_of(ann).connection
                # Without a kit call in between, which would come to rest too.
                self.assertEqual(connection.frames, ['{"note": "hello"}'])

            def test_own(self) -> None:
                self.broadcast(self.client)

            def test_another(self) -> None:
                self.client = APIClient()
                self.broadcast(self.client)

            async def test_async(self) -> None:
                ann = await self.aconnect("/ws/room/1/")
                await self.async_client.post("/broadcast/1/", {"text": "hello"})
                self.assertReceivesJson(ann, {"note": "hello"})

        self.assertEqual(run_case(Inner).raised, [])

    def test_request_that_fails_comes_to_rest_and_keeps_its_error(self) -> None:
        class Inner(WebsocketTestCase):
            def test_it(self) -> None:
                ann = self.connect("/ws/room/1/")
                with self.assertRaises(KeyError):  # of request.POST["text"]
                    self.client.post("/broadcast/1/", {})
                self.assertEqual(ann.frames, [])

        self.assertEqual(run_case(Inner).raised, [])

    def test_request_that_fails_leaves_a_consumers_error_for_later(self) -> None:
        class Raising(AsyncWebsocketConsumer):
            groups: ClassVar = ["lobby"]

            async def hello(self, event: Any) -> None:
                raise ValueError("from the consumer")

        def view(request: Any) -> None:
            async_to_sync(get_channel_layer().group_send)("lobby", {"type": "hello"})
            raise KeyError("from the view")

        class Inner(SimpleCase):
            application = Raising.as_asgi()

            @override_settings(ROOT_URLCONF=(path("", view),))
            def test_it(self) -> None:
                self.connect()
                with self.assertRaisesMessage(KeyError, "from the view"):
                    self.client.get("/")
                with self.assertRaisesMessage(ValueError, "from the consumer"):
                    self.settle()

        self.assertEqual(run_case(Inner).raised, [])

    def test_error_of_a_consumer_comes_out_of_the_request(self) -> None:
        class Raising(AsyncWebsocketConsumer):
            groups: ClassVar = ["room-1"]

            async def room_message(self, event: Any) -> None:
                raise ValueError("from the consumer")

        class Inner(WebsocketTestCase):
            application = Raising.as_asgi()
            ws_path = "/"

            def test_it(self) -> None:
                self.connect()
                with self.assertRaisesMessage(ValueError, "from the consumer"):
                    self.client.post("/broadcast/1/", {"text": "hello"})

        self.assertEqual(run_case(Inner).raised, [])

    def test_tasks_of_the_test_are_ordinary_tasks(self) -> None:
        class Inner(SimpleCase):
            async def test_it(self) -> None:
                tasks = [asyncio.create_task(self.aconnect()) for _ in range(3)]
                clients = [await task for task in tasks]
                sending = (ann.send_json({"say": "hi"}) for ann in clients)
                await asyncio.gather(*sending)
                self.assertAllReceive(clients, {"say": "hi"})

        self.assertEqual(run_case(Inner).raised, [])


class ApplicationTests(OuterTestCase):
    """``application`` and ``router`` are read without making a method."""

    def connected(self, **attributes: Any) -> list[str]:
        class Inner(SimpleWebsocketTestCase):
            ws_path = "/"

            async def test_it(self) -> None:
                await self.aconnect()

        for name, value in attributes.items():
            setattr(Inner, name, value)
        return run_case(Inner).texts

    async def accept(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    def test_functions_need_no_staticmethod(self) -> None:
        accept = functools.partial(ApplicationTests.accept, None)

        async def function(scope: Any, receive: Any, send: Any) -> None:
            await accept(scope, receive, send)

        ways: dict[str, Any] = {
            "function": function,
            "lambda": lambda *args: accept(*args),
            "staticmethod": staticmethod(function),
            "partial": accept,
            "bound method": self.accept,
            "property": property(lambda _: function),
            "cached property": functools.cached_property(lambda _: function),
            "classmethod": classmethod(ApplicationTests.accept),
        }
        # What functools makes of itself learns of its name here.
        ways["cached property"].__set_name__(None, "application")
        for name, way in ways.items():
            with self.subTest(name):
                self.assertEqual(self.connected(application=way), [])
        self.assertEqual(self.connected(router=function), [])

    def test_staticmethod_gives_what_it_wraps(self) -> None:
        """What is inside is looked at, for its routes and origins."""

        class Inner(SimpleCase):
            application = staticmethod(websocket_application)

        self.assertIs(Inner().get_application(), websocket_application)

    def test_instance_and_nearest_class_win(self) -> None:
        async def wrong(scope: Any, receive: Any, send: Any) -> None:
            raise ValueError("the wrong one")

        class Inner(SimpleCase):
            application = wrong

            def test_class(self) -> None:
                with self.assertRaisesMessage(ValueError, "the wrong one"):
                    self.connect()

            def test_instance(self) -> None:
                self.application = websocket_application
                self.connect()

        class WithNone(WebsocketTestCase, Inner):
            application = None
            ws_path = "/ws/echo/"

            def test_class(self) -> None:
                self.connect()

        self.assertEqual(run_case(Inner).texts, [])
        self.assertEqual(run_case(WithNone, "test_class").texts, [])


class AnyCases(OuterTestCase):
    """Every flavor runs sync and async tests."""

    def check(self, *bases: type[Any], **attributes: Any) -> None:
        def test_sync(case: Any) -> None:
            case.assertEqual(case.channel_layer.sent, [])
            Group("lobby").send({"type": "hello"})
            case.assertGroupSent("lobby")

        async def test_async(case: Any) -> None:
            case.assertEqual(case.channel_layer.sent, [])
            await get_channel_layer().group_send("lobby", {"type": "hello"})
            case.assertGroupSent("lobby")

        def test_free_standing(case: Any) -> None:
            client = WSClient("/ws/echo/", application=websocket_application)
            client.connect()
            client.send_json({"say": "hello"})
            case.assertEqual(client.receive_json(), {"say": "hello"})

        tests = {
            test.__name__: test for test in (test_sync, test_async, test_free_standing)
        }
        inner = type("Inner", bases, {**tests, **attributes})
        result = run_case(inner)
        self.assertEqual((result.testsRun, result.texts), (3 + len(attributes), []))

    def test_cases_with_one_transaction(self) -> None:
        self.check(ChannelTestCase)
        self.check(WebsocketTestCase)

    def test_cases_without_a_database(self) -> None:
        self.check(SimpleChannelTestCase)
        self.check(SimpleWebsocketTestCase)

    def test_mixins_before_another_libraries_case(self) -> None:
        class HelloView(APIView):
            authentication_classes: ClassVar = []
            permission_classes: ClassVar = []

            def get(self, request: Any) -> Response:
                return Response({"hello": request.query_params["name"]})

        def test_client(case: Any) -> None:
            case.assertIsInstance(case.client, APIClient)
            request = case.client.get("/notes/")
            case.assertEqual(request.json(), {"notes": 0})

        for bases in (
            (ChannelTestMixin, APITestCase),
            (ChannelTestCaseMixin, APITestCase),
            (WebsocketTestMixin, APITestCase),
            (WebsocketTestCase, APITestCase),
            (APITestCase, WebsocketTestCase),
        ):
            with self.subTest(bases):
                self.check(*bases, test_client=test_client)

    def test_mixin_after_a_test_case_is_refused(self) -> None:
        with self.assertRaises(TypeError) as caught:
            type("Inner", (APITestCase, WebsocketTestMixin), {})
        self.assertEqual(
            str(caught.exception),
            "Inner has its mixin after APITestCase, which hides it: put the mixin of"
            " channels_testkit first.",
        )


class AnyTransactionCases(OuterTestCase):
    def test_cases_that_commit(self) -> None:
        AnyCases.check(self, TransactionChannelTestCase)
        AnyCases.check(self, TransactionWebsocketTestCase)

    def test_connections_are_closed_as_in_production(self) -> None:
        closed, real = [], consumer.aclose_old_connections

        class Closing:
            def test_it(self) -> None:
                connection.ensure_connection()
                # An in-memory database ignores what is asked of it here.
                with mock.patch.object(connection, "close") as close:
                    connection.close_at = 0
                    close_old_connections()
                connection.close_at = None
                is_real = consumer.aclose_old_connections is real
                closed.append((close.called, is_real))

        class Committed(Closing, TransactionChannelTestCase):
            pass

        class RolledBack(Closing, ChannelTestCase):
            pass

        for case in (Committed, RolledBack):
            self.assertEqual(run_case(case).texts, [])
        self.assertEqual(closed, [(True, True), (False, False)])

    def test_rows_are_committed_and_flushed(self) -> None:
        class Inner(TransactionWebsocketTestCase):
            def test_sync(self) -> None:
                ann = self.connect("/ws/sync-room/1/")
                ann.send_json({"note": "hello"})
                self.assertFalse(connection.in_atomic_block)
                self.assertEqual(Note.objects.count(), 1)

            async def test_async(self) -> None:
                ann = await self.aconnect("/ws/room/1/")
                await ann.send_json({"note": "hello"})
                self.assertEqual(await Note.objects.acount(), 1)

        self.assertEqual(run_case(Inner).texts, [])
        self.assertEqual(Note.objects.count(), 0)
