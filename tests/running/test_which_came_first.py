"""What a test has failed with first, and what comes of that."""

from __future__ import annotations

import asyncio
import sys
import unittest
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from channels_testkit import NoFrame, SimpleWebsocketTestCase
from channels_testkit.engine.notes import notes_of
from tests.utils import InnerResult, run_case

LATER = "Found after the test had failed with AssertionError: the first one"


class FailingConsumer(AsyncWebsocketConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        raise ValueError(text_data)


class LeavingConsumer(AsyncWebsocketConsumer):
    async def disconnect(self, code: int) -> None:
        raise ValueError("while it left")


async def fail() -> None:
    raise KeyError("of another task")


class Failing(SimpleWebsocketTestCase):
    """A test that fails, with more to come of it."""

    application = FailingConsumer.as_asgi()
    ws_path = "/"
    check_leaks = check_unread = "fail"
    kept: Any = None

    def fail_first(self) -> None:
        self.fail("the first one")


class FirstTests(unittest.TestCase):
    def run_test(self, test: Any, **more: Any) -> InnerResult:
        return run_case(type("Inner", (Failing,), {"test": test, **more}))

    def assert_alone(self, test: Any, **more: Any) -> None:
        result = self.run_test(test, **more)
        self.assertEqual(result.texts, ["the first one"])

    def later_than_first(self, test: Any, **more: Any) -> BaseException:
        first, later = self.run_test(test, **more).raised
        self.assertEqual(str(first), "the first one")
        self.assertEqual(notes_of(first), [])
        self.assertEqual(notes_of(later)[-1], LATER)
        return later

    # What has no other reason than the failure is not reported.

    def test_receive_of_another_task(self) -> None:
        async def test(case: Any) -> None:
            ann = await case.aconnect()
            case.kept = asyncio.create_task(ann.receive_from(timeout=5))
            await asyncio.sleep(0)
            case.fail_first()

        self.assert_alone(test)

    def test_receive_of_another_task_when_set_up_fails(self) -> None:
        async def asyncSetUp(case: Any) -> None:
            ann = await case.aconnect()
            case.kept = asyncio.create_task(ann.receive_from(timeout=5))
            case.fail_first()

        self.assert_alone(Failing.fail_first, asyncSetUp=asyncSetUp)

    @unittest.skipIf(sys.version_info < (3, 11), "there are no groups")
    def test_receives_of_a_group_are_one_failure(self) -> None:
        async def test(case: Any) -> None:
            ann, ben = await case.aconnect(), await case.aconnect()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(ann.receive_from())
                tasks.create_task(ben.receive_from())

        (error,) = self.run_test(test).raised
        self.assertEqual(type(error).__name__, "ExceptionGroup")

    def test_receives_that_are_gathered_are_one_failure(self) -> None:
        async def test(case: Any) -> None:
            ann, ben = await case.aconnect(), await case.aconnect()
            await asyncio.gather(ann.receive_from(), ben.receive_from())

        (error,) = self.run_test(test).raised
        self.assertIsInstance(error, NoFrame)

    def test_consumers_error_outranks_the_receives_that_wait(self) -> None:
        async def test(case: Any) -> None:
            ann, ben = await case.aconnect(), await case.aconnect()
            await asyncio.gather(ann.send_to("broken"), ben.receive_from())

        self.assertEqual(self.run_test(test).texts, ["broken"])

    def test_tasks_that_the_test_has_left(self) -> None:
        async def test(case: Any) -> None:
            case.kept = asyncio.create_task(asyncio.Event().wait())
            await asyncio.sleep(0)
            case.fail_first()

        self.assert_alone(test)

    def test_frames_that_the_test_has_not_read(self) -> None:
        class Greeting(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                await self.accept()
                await self.send("hello")

        def test(case: Any) -> None:
            case.connect(application=Greeting.as_asgi())
            case.fail_first()

        self.assert_alone(test)

    def test_forgotten_await_is_noted_on_what_came_of_it(self) -> None:
        async def test(case: Any) -> None:
            ann = await case.aconnect()
            ann.send_to("never sent")
            await ann.receive_from()

        (error,) = self.run_test(test).raised
        self.assertIsInstance(error, NoFrame)
        (note,) = notes_of(error)
        self.assertRegex(note, r"^send_to\(\) was called at test_which_came_first\.py:")

    # What may have a reason of its own follows, and says that it does.

    def test_another_task_of_the_test(self) -> None:
        async def test(case: Any) -> None:
            case.kept = asyncio.create_task(fail())
            await asyncio.sleep(0)
            case.fail_first()

        self.assertEqual(self.later_than_first(test).args, ("of another task",))

    def test_error_of_a_consumer_while_it_leaves(self) -> None:
        def test(case: Any) -> None:
            case.connect(application=LeavingConsumer.as_asgi())
            case.fail_first()

        self.assertEqual(str(self.later_than_first(test)), "while it left")

    def test_the_first_is_not_printed_as_what_was_handled(self) -> None:
        def tearDown(case: Any) -> None:
            error = ValueError("in tearDown")
            error.__context__ = case._kit.failure
            raise error

        later = self.later_than_first(Failing.fail_first, tearDown=tearDown)
        self.assertIsNone(later.__context__)

    def test_tear_down(self) -> None:
        def tearDown(case: Any) -> None:
            raise ValueError("in tearDown")

        self.later_than_first(Failing.fail_first, tearDown=tearDown)

    def test_async_tear_down(self) -> None:
        async def asyncTearDown(case: Any) -> None:
            await (await case.aconnect()).receive_from()

        self.later_than_first(Failing.fail_first, asyncTearDown=asyncTearDown)

    def test_clean_up(self) -> None:
        def test(case: Any) -> None:
            case.addCleanup(case.connect().receive_text)
            case.fail_first()

        self.later_than_first(test)

    def test_next_block_of_subtest(self) -> None:
        def test(case: Any) -> None:
            ann = case.connect()
            for _ in range(2):
                with case.subTest():
                    ann.send_text("broken")

        first, later = self.run_test(test).raised
        self.assertEqual(str(first), "broken")
        self.assertIn("its application raised ValueError.", str(later))
        self.assertEqual(
            notes_of(later), ["Found after the test had failed with ValueError: broken"]
        )

    def test_text_of_the_first_is_bounded(self) -> None:
        def test(case: Any) -> None:
            case.connect(application=LeavingConsumer.as_asgi())
            case.fail(5000 * "x")

        _, later = self.run_test(test).raised
        self.assertLess(len(notes_of(later)[-1]), 300)

    # A failure at the end hides nothing of what the test has done.

    def test_frames_of_a_test_whose_consumer_fails_at_the_end(self) -> None:
        class Rude(LeavingConsumer):
            async def connect(self) -> None:
                await self.accept()
                await self.send("hello")

        def test(case: Any) -> None:
            case.connect(application=Rude.as_asgi())

        first, later = self.run_test(test).texts
        self.assertEqual(first, "while it left")
        self.assertTrue(later.startswith("The test did not read 1 frame from /."))

    # A skip is no failure.

    def test_what_comes_after_a_skip_is_told_as_it_is(self) -> None:
        def test(case: Any) -> None:
            case.connect(application=LeavingConsumer.as_asgi())
            case.skipTest("not here")

        result = self.run_test(test)
        self.assertEqual(len(result.skipped), 1)
        (error,) = result.raised
        self.assertEqual(len(notes_of(error)), 1)

    def test_forgotten_await_fails_a_test_that_is_skipped(self) -> None:
        async def test(case: Any) -> None:
            (await case.aconnect()).send_to("never sent")
            case.skipTest("not here")

        (error,) = self.run_test(test).raised
        self.assertIn("never awaited", str(error))
