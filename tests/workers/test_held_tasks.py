"""The block of ``held_tasks()``: what it takes, and where it ends."""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
import urllib.request
from typing import Any
from unittest import mock

from celery import Celery
from celery.app.control import Control
from celery.app.utils import Settings
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer

from channels_testkit import HeldTasks, LiveServerTestCase, WebsocketTestCase
from channels_testkit.workers.task_names import name_of
from tests.app import tasks as project
from tests.app.models import Note
from tests.explored import not_explored
from tests.utils import OuterTestCase, entered, run_case, told_with


def stood_in() -> tuple[object, ...]:
    """Return what the block puts something in the place of."""
    names = ("producer_or_acquire", "backend")
    eager = vars(Settings).get("task_always_eager")
    return (*(vars(Celery)[it] for it in names), vars(Control)["broadcast"], eager)


class Runner(JsonWebsocketConsumer):
    tasks: Any = None

    def receive_json(self, content):
        self.tasks.run()


class AsyncRunner(AsyncJsonWebsocketConsumer):
    tasks: Any = None

    async def receive_json(self, content):
        await self.tasks.arun_next()


class SlowSender(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        await asyncio.sleep(0.001)
        project.write_note.delay("late")


class SendsOverHttp(AsyncHttpConsumer):
    async def handle(self, body):
        project.write_note.delay("of a view")
        await self.send_response(200, b"")


class BlockTests(WebsocketTestCase):
    def test_the_inner_of_two_blocks_has_the_tasks(self):
        with self.held_tasks() as outer:
            project.add.delay(1, 2)
            with self.held_tasks() as inner:
                project.add.delay(3, 4)
                self.assertEnqueued(project.add, args=[3, 4], count=1)
                inner.run()
            self.assertEnqueued(project.add, args=(1, 2), count=1)
            self.assertEqual(len(outer), 1)

    def test_what_it_has_held_can_be_read_and_asserted_after_it(self):
        with self.held_tasks() as tasks:
            project.add.delay(1, 2)
        self.assertEqual(str(tasks[0]), "tests.app.tasks.add(1, 2)")
        self.assertEqual(repr(tasks), "<HeldTasks tests.app.tasks.add(1, 2)>")
        self.assertEqual(repr(tasks[:]), "[<task tests.app.tasks.add(1, 2)>]")
        self.assertEnqueued(project.add)
        with self.assertRaises(AssertionError):
            self.assertNothingEnqueued(project.add)
        self.assertNothingEnqueued(project.total)

    def test_a_block_that_fails_leaves_nothing(self):
        before = stood_in()
        with contextlib.suppress(LookupError), self.held_tasks():
            self.assertNotEqual(stood_in(), before)
            raise LookupError
        self.assertEqual(stood_in(), before)

    async def test_an_async_block_that_fails_leaves_nothing(self):
        before = stood_in()
        with contextlib.suppress(LookupError):
            async with self.held_tasks():
                raise LookupError
        self.assertEqual(stood_in(), before)

    def test_a_queue_that_fails_leaves_nothing(self):
        before = stood_in()
        for wrong in (lambda tasks: None, 3, project.shout):
            with self.subTest(wrong), self.assertRaises(TypeError) as caught:
                with self.held_tasks(wrong):
                    self.fail("It is entered.")  # pragma: no cover
            self.assertIn("takes a stand-in for a queue", str(caught.exception))
            self.assertEqual(stood_in(), before)

    def test_a_block_is_entered_once(self):
        before, block = stood_in(), self.held_tasks()
        with block as tasks:
            with self.assertRaisesRegex(RuntimeError, "was entered before"), block:
                self.fail("It is entered.")  # pragma: no cover
            project.add.delay(1, 2)
        self.assertEqual(len(tasks), 1)
        self.assertEqual(stood_in(), before)

    def test_the_inner_block_ends_first(self):
        before, outer, inner = stood_in(), self.held_tasks(), self.held_tasks()
        outer.__enter__()
        inner.__enter__()
        with self.assertRaisesRegex(RuntimeError, "end the inner one first"):
            outer.__exit__(None, None, None)
        inner.__exit__(None, None, None)
        self.assertEqual(stood_in(), before)

    def test_it_may_last_for_the_whole_test(self):
        tasks = entered(self, self.held_tasks())
        project.add.delay(1, 2)
        self.assertEqual(len(tasks), 1)

    async def test_it_may_last_for_the_whole_test_async(self):
        tasks = await self.enterAsyncContext(self.held_tasks())
        project.add.delay(1, 2)
        self.assertEqual(len(tasks), 1)

    async def test_an_async_block_ends_at_rest(self):
        ann = await self.aconnect("/", application=SlowSender.as_asgi())
        async with self.held_tasks() as tasks:
            await ann.send_json({})
            await asyncio.sleep(0.01)
        self.assertEqual(len(tasks), 1)

    def test_tasks_of_another_thread_are_held(self):
        with self.held_tasks() as tasks:
            thread = threading.Thread(target=project.add.delay, args=(1, 2))
            thread.start()
            thread.join()
            self.assertEqual(len(tasks), 1)

    def test_of_many_tasks_the_last_ones_are_shown(self):
        with self.held_tasks():
            for number in range(1_000):
                project.write_note.delay("x" * 1_000 + str(number))
            with self.assertRaises(AssertionError) as caught:
                self.assertNothingEnqueued()
        text = str(caught.exception)
        self.assertIn("     ... 988 earlier tasks\n   989  tests.app.", text)
        self.assertLess(len(text), 2_000)

    def test_what_celery_is_told_to_revoke_is_not_run(self):
        with self.held_tasks() as tasks:
            result = project.write_note.delay("revoked")
            self.assertIsNone(project.app.control.inspect().active())
            result.revoke()
            project.app.control.revoke([result.id, "unknown"])
            self.assertEqual(tasks.run(), [])
            self.assertEqual(result.state, "REVOKED")
            self.assertTrue(tasks.enqueued[0].is_revoked)
            with self.assertRaises(AssertionError) as caught:
                self.assertEnqueued(project.write_note, count=2)
            self.assertIn("('revoked')  (revoked)", str(caught.exception))


class RunTests(WebsocketTestCase):
    def test_the_application_does_not_run_them(self):
        for consumer in (Runner, AsyncRunner):
            with self.subTest(consumer), self.held_tasks() as tasks:
                project.add.delay(1, 2)
                ann = self.connect("/", application=consumer.as_asgi())
                with mock.patch.object(consumer, "tasks", tasks):
                    with self.assertRaisesRegex(RuntimeError, "only the test may"):
                        ann.send_json({})
                self.assertEqual(len(tasks), 1)

    @not_explored
    def test_a_task_that_sleeps_moves_virtual_time(self):
        with self.virtual_time() as clock, self.held_tasks() as tasks:
            project.sleep.delay(60)
            tasks.run()
            self.assertEqual(clock.now, 60)

    @not_explored
    async def test_a_task_that_sleeps_moves_virtual_time_async(self):
        with self.virtual_time() as clock, self.held_tasks() as tasks:
            project.sleep.delay(60)
            await tasks.arun()
            self.assertEqual(clock.now, 60)

    def test_a_task_that_sleeps_is_waited_for(self):
        with self.held_tasks() as tasks:
            project.sleep.delay(0.001)
            self.assertEqual(tasks.run_next().runs, 1)

    def test_a_task_may_close_connections(self):
        Note.objects.create(text="of the test")
        with self.held_tasks() as tasks:
            result = project.close_connections.delay()
            tasks.run()
        self.assertEqual(result.get(), 1)
        self.assertEqual(Note.objects.count(), 1)

    def test_a_task_that_stops_its_worker(self):
        with self.held_tasks() as tasks:
            project.stop_the_worker.delay()
            with self.assertRaises(SystemExit) as caught:
                tasks.run()
        self.assertIn("Raised by the task", told_with(caught.exception))

    def test_a_task_that_raises_what_coroutines_cannot(self):
        with self.held_tasks() as tasks, self.assertLogs("celery"):
            project.take_first.delay([])
            with self.assertRaises(RuntimeError) as caught:
                tasks.run()
        self.assertIn("raised StopIteration", told_with(caught.exception))
        self.assertIsInstance(caught.exception.__cause__, StopIteration)

    async def test_two_may_run_them_at_once(self):
        with self.held_tasks() as tasks:
            project.add.delay(1, 2)
            project.write_note.delay("of a task")
            ran = await asyncio.gather(tasks.arun(), tasks.arun())
        self.assertEqual(sorted(map(len, ran)), [1, 1])

    def test_an_exception_that_is_kept_from_the_test_is_told(self):
        with self.held_tasks() as tasks:
            project.fail.delay("broken")
            project.add.delay(1, 2)
            with self.assertLogs("celery"), self.assertRaises(ValueError):
                tasks.run()
            self.assertEqual([it.name for it in tasks.run()], [project.add.name])

    def test_a_mistaken_argument(self):
        with self.held_tasks() as tasks:
            for wrong in (None, 3, HeldTasks, object(), project.add.delay):
                with (
                    self.subTest(wrong),
                    self.assertRaisesRegex(TypeError, "not a task"),
                ):
                    tasks.run(wrong)
            for given in ({"kwargs": [1]}, {"args": 1}, {"count": "1"}):
                with self.subTest(given), self.assertRaises(TypeError):
                    self.assertEnqueued(project.add, **given)
            with self.assertRaises(ValueError):
                self.assertEnqueued(project.add, count=-1)
            with self.assertRaisesRegex(AssertionError, r"not enqueued : for ann\n"):
                self.assertEnqueued(project.add, msg="for ann")
            project.add.delay(1, b=2)
            self.assertEnqueued(project.add, args=mock.ANY, kwargs={"b": int})
            self.assertEnqueued(project.add, kwargs=lambda it: it["b"] == 2)

    def test_one_that_is_held_is_run_by_itself(self):
        with self.held_tasks() as tasks:
            for number in range(3):
                project.add.delay(number, 1)
            last = tasks[2]
            self.assertEqual(tasks.run(last), [last])
            self.assertEqual([it.args for it in tasks], [[0, 1], [1, 1]])
            with self.assertRaisesRegex(AssertionError, r"No task <task .*2, 1\)> is"):
                tasks.run_next(last)
            self.assertEqual(tasks.run_next(tasks[1], project.total).args, [1, 1])

    def test_the_name_that_may_be_meant(self):
        with self.held_tasks():
            project.shout_and_fail.delay("1", "hello")
            project.add.delay(1, 2)
            for given, meant in (
                ("shout_an_fail", "shout_and_fail"),
                ("app.tasks.add", "add"),
                (project.total, None),
            ):
                with self.subTest(given), self.assertRaises(AssertionError) as caught:
                    self.assertEnqueued(given)
                asked = str(caught.exception).partition("\nDid you mean ")[2]
                self.assertEqual(asked, f"'tests.app.tasks.{meant}'?" if meant else "")

    def test_a_count_says_what_differs(self):
        with self.held_tasks():
            project.add.delay(1, 2)
            for given, text in (
                ((project.total, None), "'tests.app.tasks.total' was not enqueued"),
                ((project.add, [1, 3]), r"differs at 'args\[1\]': expected 3"),
            ):
                task, args = given
                with self.subTest(given), self.assertRaisesRegex(AssertionError, text):
                    self.assertEnqueued(task, args=args or mock.ANY, count=2)
            self.assertEqual(self.assertEnqueued(project.total, count=0), [])


class LiveTests(LiveServerTestCase):
    application = SendsOverHttp.as_asgi()

    def test_what_a_live_server_enqueues(self):
        with self.held_tasks() as tasks:
            with urllib.request.urlopen(self.live_server_url, timeout=10) as response:
                self.assertEqual(response.status, 200)
            self.assertEnqueuedAfterCommit(project.write_note, args=["of a view"])
            tasks.run()
        self.assertEqual(Note.objects.get().text, "of a view")


class OuterTests(OuterTestCase):
    def test_names(self):
        for given, name in (
            ("photos.tasks.resize", "photos.tasks.resize"),
            (project.add, "tests.app.tasks.add"),
            (project.add.s(1), "tests.app.tasks.add"),
            (stood_in, "tests.workers.test_held_tasks.stood_in"),
            (mock.Mock(actor_name="resize"), "resize"),
            ({}, None),
            (print, "builtins.print"),
            (Note.from_db, "django.db.models.base.Model.from_db"),
        ):
            with self.subTest(given):
                self.assertEqual(name_of(given), name)

    def test_a_task_that_hangs_is_named(self):
        class Inner(WebsocketTestCase):
            hang_timeout = 0.3

            def test(self):
                with self.held_tasks() as tasks:
                    project.wait_for_ever.delay()
                    tasks.run()

        with contextlib.redirect_stderr(io.StringIO()):
            [text] = run_case(Inner).texts
        self.assertIn("  thread job tests.app.tasks.wait_for_ever is running\n", text)

    def test_a_block_that_nobody_ends_is_over_with_the_test(self):
        blocks = []

        class Inner(WebsocketTestCase):
            def test(self):
                blocks.append(self.held_tasks())
                blocks[0].__enter__()

        before = stood_in()
        self.assertEqual(run_case(Inner).raised, [])
        self.assertEqual(stood_in(), before)

    def test_what_is_left_is_told_wherever_the_block_ends(self):
        class Inner(WebsocketTestCase):
            application = SlowSender.as_asgi()
            ws_path = "/"

            def setUp(self):
                self.block = self.held_tasks()
                self.tasks = entered(self, self.block)

            def test_in_it(self):
                project.add.delay(1, 2)
                self.assertReceivesJson(self.connect(), {})

            async def test_after_it(self):
                project.add.delay(1, 2)
                project.add.delay(3, 4)
                self.block.__exit__(None, None, None)
                with self.subTest():
                    self.assertReceivesJson(await self.aconnect(), {})

            def test_run(self):
                project.add.delay(1, 2)
                self.tasks.run()
                self.assertReceivesJson(self.connect(), {})

            def test_another_failure(self):
                project.add.delay(1, 2)
                self.fail("It is another.")

        after, another, within, run = map(told_with, run_case(Inner).raised)
        self.assertIn(
            "2 tasks are held, and were not run: tests.app.tasks.add(1, 2),"
            " tests.app.tasks.add(3, 4). To run them, write 'await tasks.arun()'"
            " before the block ends.",
            after,
        )
        self.assertIn("(1, 2). To run it, write 'tasks.run()' before", within)
        for text in (another, run):
            self.assertNotIn("held", text)

    def test_a_task_that_is_left_says_nothing(self):
        class Inner(WebsocketTestCase):
            def test(self):
                with self.held_tasks():
                    project.add.delay(1, 2)

        self.assertEqual(run_case(Inner).raised, [])
