"""``@explore_schedules()`` on methods and classes of test cases."""

from __future__ import annotations

import asyncio
import os
import re
import threading
import unittest
from typing import Any, ClassVar
from unittest import mock

from asgiref.sync import async_to_sync
from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer
from django.contrib.auth.models import User

from channels_testkit import (
    Channel,
    WebsocketCommunicator,
    WebsocketTestCase,
    apply_routes,
    explore_schedules,
)
from tests.app.consumers import EchoConsumer
from tests.app.models import Note
from tests.utils import OuterTestCase, run_case, run_python, starts_programs


class Tally(JsonWebsocketConsumer):
    """Counts in memory, across a thread job."""

    counts: ClassVar[list[int]] = [0]

    def receive_json(self, content: Any, **kwargs: Any) -> None:
        self.counts[0] += 1
        self.send_json(self.counts[0])


class Door(AsyncJsonWebsocketConsumer):
    """Writes down who comes and goes."""

    seen: ClassVar[list[str]] = []

    async def connect(self) -> None:
        await self.accept()
        self.seen.append("came")

    async def disconnect(self, code: int) -> None:
        self.seen.append("went")


class Caller(AsyncJsonWebsocketConsumer):
    """Calls the layer, and writes down when it goes on."""

    seen: ClassVar[list[str]] = []

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        self.seen.append("begins")
        layer = self.channel_layer
        if content == "send":
            await layer.send("jobs", {"type": "job"})
        elif content == "group_send":
            await layer.group_send("room", {"type": "told"})
        elif content == "group_add":
            await layer.group_add("room", self.channel_name)
        else:
            await layer.group_discard("room", self.channel_name)
        self.seen.append("ends")


class Pool(AsyncJsonWebsocketConsumer):
    """Does its work in a pool of threads."""

    done: ClassVar[list[Any]] = []

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await asyncio.to_thread(self.done.append, content)
        await self.send_json(self.done[-1])


class Alarm(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.accept()
        self.task = asyncio.create_task(self.ring())

    async def ring(self) -> None:
        await asyncio.sleep(10)
        await self.channel_layer.send(
            "alarms", {"type": "rang", "of": self.scope["path"]}
        )

    async def disconnect(self, code: int) -> None:
        self.task.cancel()


class Worker(AsyncConsumer):
    async def rang(self, message: dict[str, Any]) -> None:
        await Note.objects.acreate(text=message["of"])


class Inner(WebsocketTestCase):
    application = EchoConsumer.as_asgi()
    ws_path = "/"
    runs: ClassVar[list[Any]] = []

    def setUp(self) -> None:
        self.runs.append("setUp")


class FaceTests(OuterTestCase):
    def setUp(self) -> None:
        Inner.runs.clear()

    def test_it_is_one_test_of_many_runs(self) -> None:
        class Case(Inner):
            @explore_schedules(10)
            def test(self) -> None:
                Note.objects.create(text="mine")
                self.runs.append(Note.objects.count())

            def test_other(self) -> None:
                self.runs.append("other")

        result = run_case(Case)
        self.assertEqual((result.testsRun, result.texts), (2, []))
        # The first one is the test as it is, without a schedule.
        self.assertEqual(Inner.runs.count(1), 11)
        self.assertEqual(Inner.runs.count("setUp"), 12)

    def test_a_class_has_its_tests_explored(self) -> None:
        @explore_schedules(5)
        class Case(Inner):
            def test_one(self) -> None:
                self.runs.append("one")

            async def test_two(self) -> None:
                self.runs.append("two")

        self.assertEqual(run_case(Case).texts, [])
        self.assertEqual(Inner.runs.count("one"), 6)
        self.assertEqual(Inner.runs.count("two"), 6)

    def test_async_to_sync_in_a_sync_test(self) -> None:
        echo = EchoConsumer.as_asgi()

        class Case(Inner):
            async def talk(self) -> Any:
                async with WebsocketCommunicator(echo, "/") as ann:
                    await ann.send_json_to({"n": 1})
                    return await ann.receive_json_from()

            @explore_schedules(3)
            def test_it_comes_first(self) -> None:
                self.assertEqual(async_to_sync(self.talk)(), {"n": 1})

            @explore_schedules(3)
            def test_it_follows(self) -> None:
                self.connect()
                self.assertEqual(async_to_sync(self.talk)(), {"n": 1})

        self.assertEqual(run_case(Case).texts, [])

    def test_a_test_that_goes_round_until_something_comes(self) -> None:
        class Case(Inner):
            hang_timeout = 5

            is_done = False

            @explore_schedules(3)
            async def test(self) -> None:
                ann = await self.aconnect()
                spinning = asyncio.create_task(self.go_round())
                await ann.send_to("hello")
                self.assertEqual(await ann.receive_from(), "hello")
                self.is_done = True
                await spinning

            async def go_round(self) -> None:
                while not self.is_done:  # noqa: ASYNC110 - what this is about
                    await asyncio.sleep(0)

        self.assertEqual(run_case(Case).texts, [])

    def test_an_application_that_uses_the_layer_of_an_async_test(self) -> None:
        class Case(Inner):
            async def tell(self, scope: Any, receive: Any, send: Any) -> None:
                await self.channel_layer.send("stars", {"type": "shine"})
                await receive()
                await send({"type": "websocket.accept"})
                await receive()

            @explore_schedules(3)
            async def test(self) -> None:
                await self.aconnect(application=self.tell)
                self.assertSent("stars", {"type": "shine"})

        self.assertEqual(run_case(Case).texts, [])

    def test_a_failure_of_the_usual_order_is_told_as_any(self) -> None:
        class Case(Inner):
            @explore_schedules(10)
            def test(self) -> None:
                self.runs.append("run")
                self.fail("as always")

        (error,) = run_case(Case).raised
        self.assertEqual(str(error), "as always")
        self.assertEqual(getattr(error, "__notes__", []), [])
        self.assertEqual(Inner.runs.count("run"), 1)

    def test_skips_and_expected_failures(self) -> None:
        class Case(Inner):
            @explore_schedules(10)
            def test_skips(self) -> None:
                self.skipTest("no need")

            @unittest.expectedFailure
            @explore_schedules(10)
            def test_expected(self) -> None:
                self.fail("known")

        result = run_case(Case)
        self.assertEqual([reason for _, reason in result.skipped], ["no need"])
        self.assertEqual(len(result.expectedFailures), 1)
        self.assertEqual(result.texts, [])

    def test_subtests(self) -> None:
        class Case(Inner):
            @explore_schedules(3)
            def test(self) -> None:
                for number in range(3):
                    with self.subTest(number=number):
                        self.assertNotEqual(number, 1)

        self.assertEqual(len(run_case(Case).raised), 1)

    def test_time_is_virtual(self) -> None:
        class Case(Inner):
            @explore_schedules(3)
            def test(self) -> None:
                self.advance(30)
                self.runs.append(self.clock.now)

        self.assertEqual(run_case(Case).texts, [])
        self.assertEqual(Inner.runs.count(30), 4)

    def test_work_outside_is_refused(self) -> None:
        class Case(Inner):
            @explore_schedules(3)
            def test(self) -> None:
                stop = threading.Event()
                thread = threading.Thread(target=stop.wait, name="feeder")
                thread.start()
                self.addCleanup(thread.join)
                self.addCleanup(stop.set)
                self.connect()

        text = "thread 'feeder' works outside of the loop of this test"
        self.assertIn(text, run_case(Case).texts[0])


class ChoiceTests(OuterTestCase):
    """What is a choice, and what stays in order."""

    def orders(self, case: type[Any]) -> list[Any]:
        Inner.runs.clear()
        self.assertEqual(run_case(case).texts, [])
        return [it for it in Inner.runs if it != "setUp"]

    def test_frames_of_one_connection_stay_in_order(self) -> None:
        class Case(Inner):
            @explore_schedules(50, sends_overlap=True)
            def test(self) -> None:
                ann = self.connect()
                for number in range(4):
                    ann.send_json(number)
                self.runs.append(ann.receive_all_json())

        self.assertEqual(self.orders(Case), [[0, 1, 2, 3]] * 51)

    def test_frames_of_two_come_in_any_order(self) -> None:
        class Case(Inner):
            application = Tally.as_asgi()

            @explore_schedules(50, sends_overlap=True)
            def test(self) -> None:
                Tally.counts[0] = 0
                ann, ben = self.connect_many(2)
                ann.send_json("count")
                ben.send_json("count")
                self.runs.append((ann.receive_json(), ben.receive_json()))

        self.assertEqual(set(self.orders(Case)), {(1, 2), (2, 1)})

    def test_jobs_of_pools_start_and_end_in_any_order(self) -> None:
        class Case(Inner):
            application = Pool.as_asgi()

            @explore_schedules(100, sends_overlap=True)
            def test(self) -> None:
                Pool.done.clear()
                ann, ben = self.connect_many(2)
                ann.send_json("ann")
                ben.send_json("ben")
                self.runs.append((ann.receive_json(), ben.receive_json()))

        wanted = {("ann", "ben"), ("ben", "ben"), ("ann", "ann")}
        self.assertLessEqual(wanted, set(self.orders(Case)))

    def test_timers_of_one_moment_come_in_any_order(self) -> None:
        class Case(Inner):
            application = Alarm.as_asgi()

            @explore_schedules(50)
            def test(self) -> None:
                self.connect("/ann/")
                self.connect("/ben/")
                self.advance(10)
                messages = [self.get_next_message("alarms") for _ in range(2)]
                self.runs.append(tuple(it["of"] for it in messages))

        found = set(self.orders(Case))
        self.assertEqual(found, {("/ann/", "/ben/"), ("/ben/", "/ann/")})

    def test_losses_of_a_connection_overlap(self) -> None:
        """With what comes next, however a test writes it."""

        def drop(case: Any) -> None:
            old = case.connect()
            old.drop()
            case.connect()

        def connect_again(case: Any) -> None:
            ann = case.connect()
            ann.disconnect()
            ann.connect()

        def reconnect(case: Any) -> None:
            case.connect().reconnect()

        for lose in (drop, connect_again, reconnect):

            class Case(Inner):
                application = Door.as_asgi()

                @explore_schedules(20, sends_overlap=True)
                def test(self, lose: Any = lose) -> None:
                    Door.seen.clear()
                    lose(self)
                    self.settle()
                    self.runs.append(tuple(Door.seen))

            with self.subTest(lose.__name__):
                usual, other = ("came", "went", "came"), ("came", "came", "went")
                self.assertEqual(set(self.orders(Case)), {usual, other})

    def test_code_of_the_test_may_wait_for_the_loop(self) -> None:
        class Case(Inner):
            @explore_schedules(20)
            def test(self) -> None:
                ann = self.connect(user=User.objects.create_user("ann"))
                async_to_sync(self.channel_layer.group_send)("room", {"type": "a"})
                ann.send_json("hello")
                self.runs.append(ann.receive_json())

        self.assertEqual(set(self.orders(Case)), {"hello"})

    def test_another_client_may_come_while_a_call_of_the_layer_is_out(self) -> None:
        one_by_one = ("begins", "ends") * 2
        for call in ("send", "group_send", "group_add", "group_discard"):

            class Case(Inner):
                application: Any = Caller.as_asgi()
                check_leaks = "off"

                @explore_schedules(20, sends_overlap=True)
                def test(self, call: str = call) -> None:
                    Caller.seen.clear()
                    for client in self.connect_many(2):
                        client.send_json(call)
                    self.settle()
                    self.runs.append(tuple(Caller.seen))

            with self.subTest(call):
                found = set(self.orders(Case))
                self.assertEqual(found, {one_by_one, ("begins",) * 2 + ("ends",) * 2})

    def test_workers_run_under_schedules_too(self) -> None:
        @apply_routes({"alarms": Worker.as_asgi()})
        class Case(Inner):
            @explore_schedules(20)
            def test(self) -> None:
                with self.run_worker():
                    Channel("alarms").send({"type": "rang", "of": "one"})
                self.runs.append(Note.objects.count())

        self.assertEqual(set(self.orders(Case)), {1})


PRINTS = """
import os
import unittest

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django

django.setup()
from django.test.runner import DiscoverRunner

from channels_testkit.running import schedule_report, schedule_search
from channels_testkit.testcases import exploring
from tests.docs.race_cases import racy
from tests.docs.test_doc_schedules import TwoSendersTests

def find_failure(options, run_once, *, name):
    found = schedule_search.find_failure(options, run_once, name=name)
    print(schedule_report.report(found, options))
    print([step for step in found.schedule.steps])
    return found

exploring.find_failure = find_failure
databases = DiscoverRunner(verbosity=0).setup_databases()
case = racy(TwoSendersTests)("test_messages_come_in_their_order")
unittest.TestSuite([case]).run(unittest.TestResult())
"""


@starts_programs
class SameAgainTests(unittest.TestCase):
    def test_the_same_in_another_process(self) -> None:
        printed = []
        for seed in "12":
            with mock.patch.dict(os.environ, PYTHONHASHSEED=seed):
                printed.append(run_python("-c", PRINTS))
        self.assertIn("This test fails under schedule", printed[0])
        self.assertEqual(printed[0], printed[1])

    def test_the_printed_seed_replays_it_in_another_process(self) -> None:
        printed = run_python("-c", PRINTS)
        found = re.search(r"(CHANNELS_TESTKIT_SEED)=(\d+) replays it", printed)
        assert found is not None
        with mock.patch.dict(os.environ, [found.groups()]):
            replayed = run_python("-c", PRINTS)
        told = f"{'='.join(found.groups())}: one schedule of each explored test.\n"
        self.assertEqual(replayed.replace(told, ""), printed)
