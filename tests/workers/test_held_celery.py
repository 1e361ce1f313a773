"""Celery's tasks, held and run: without a broker, through its serializer."""

from __future__ import annotations

import datetime as dt
from unittest import mock

from celery import Celery, chain, chord, group
from celery.exceptions import NotRegistered
from celery.signals import after_task_publish, task_postrun
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from kombu.exceptions import ContentDisallowed, EncodeError

from channels_testkit import (
    TransactionWebsocketTestCase,
    WebsocketTestCase,
    explore_schedules,
)
from tests.app import tasks as project
from tests.app.models import Note
from tests.utils import told_with


class SyncSender(JsonWebsocketConsumer):
    def receive_json(self, content):
        with transaction.atomic():
            project.shout.delay(*content["early"])
            project.shout.delay_on_commit(*content["late"])


class AsyncSender(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        project.WHO.set("ann")
        project.tell_request.delay(1)
        await database_sync_to_async(project.write_note.delay)("in a job")


class Deaf(AsyncJsonWebsocketConsumer):
    groups = ("room-1",)

    async def room_message(self, message):
        raise LookupError(message["content"])


class RoundTripTests(WebsocketTestCase):
    """A client, a consumer that enqueues, a task that answers."""

    def test_what_the_task_sends_comes_to_the_client(self):
        ann = self.connect("/ws/room/1/")
        ben = self.connect("/", application=SyncSender.as_asgi())
        with self.held_tasks() as tasks:
            ben.send_json({"early": ["1", "hi"], "late": ["1", "ho"]})
            self.assertReceivesNothing(ann)
            self.assertEqual([it.args for it in tasks], [["1", "hi"], ["1", "ho"]])
            self.assertEqual([it.in_atomic_block for it in tasks], [True, False])
            self.assertEqual([it.args[1] for it in tasks.run()], ["hi", "ho"])
            self.assertReceivesJson(ann, "HI")
            self.assertReceivesJson(ann, "HO")
            self.assertEqual(len(tasks), 0)

    async def test_the_same_in_an_async_test(self):
        ann = await self.aconnect("/ws/room/1/")
        ben = await self.aconnect("/", application=SyncSender.as_asgi())
        with self.held_tasks() as tasks:
            await ben.send_json({"early": ["1", "hi"], "late": ["1", "ho"]})
            self.assertEqual([it.in_atomic_block for it in tasks], [True, False])
            await tasks.arun_next()
            self.assertReceivesJson(ann, "HI")
            self.assertReceivesNothing(ann)
            await tasks.arun()
            self.assertReceivesJson(ann, "HO")

    async def test_async_code_enqueues_by_itself_and_in_jobs(self):
        ann = await self.aconnect("/", application=AsyncSender.as_asgi())
        async with self.held_tasks() as tasks:
            await ann.send_json({})
            self.assertEnqueued(project.tell_request, args=[1])
            self.assertEnqueuedAfterCommit(project.write_note, args=["in a job"])
            await tasks.arun()
        self.assertEqual(await Note.objects.acount(), 1)

    @explore_schedules(5)
    def test_under_many_schedules(self):
        ann = self.connect("/ws/room/1/")
        ben = self.connect("/", application=SyncSender.as_asgi())
        with self.held_tasks() as tasks:
            ben.send_json({"early": ["1", "hi"], "late": ["1", "ho"]})
            project.shout.apply_async(["1", "bye"], countdown=60)
            tasks.run()
            self.assertReceivesJson(ann, "HI")
            self.assertReceivesJson(ann, "HO")
            self.assertReceivesJson(ann, "BYE")


class WorkerTests(WebsocketTestCase):
    """A task is run as a worker runs it."""

    def test_it_is_in_the_transaction_of_the_test(self):
        Note.objects.create(text="of the test")
        with self.held_tasks() as tasks:
            project.write_note.delay("of the task")
            tasks.run()
        self.assertEqual(Note.objects.count(), 2)

    def test_it_sees_no_context_of_who_has_sent_it(self):
        project.WHO.set("the test")
        with self.held_tasks() as tasks:
            result = project.tell_request.delay(1)
            tasks.run()
            told = result.get()
        self.assertEqual(told["who"], "nobody")
        self.assertEqual((told["id"], told["args"]), (result.id, [1]))
        self.assertFalse(told["is_eager"])
        self.assertFalse(told["called_directly"])

    def test_its_exception_comes_to_the_test(self):
        with self.held_tasks() as tasks:
            result = project.fail.delay("broken")
            project.add.delay(1, 2)
            with self.assertLogs("celery"), self.assertRaises(ValueError) as caught:
                tasks.run()
            self.assertEqual([it.name for it in tasks], ["tests.app.tasks.add"])
            tasks.run()
        self.assertEqual(
            told_with(caught.exception),
            "broken\nRaised by the task tests.app.tasks.fail('broken').",
        )
        self.assertEqual(result.state, "FAILURE")

    def test_an_exception_that_the_application_is_expected_to_raise(self):
        with self.held_tasks() as tasks:
            project.fail.delay("broken")
            with self.assertLogs("celery"):
                with self.assertApplicationRaises(ValueError) as caught:
                    tasks.run()
        self.assertEqual(str(caught.exception), "broken")

    def test_what_it_enqueues_is_run_as_well(self):
        with self.held_tasks() as tasks:
            project.note_later.delay("later")
            self.assertEqual(len(tasks.run()), 2)
        self.assertEqual(Note.objects.get().text, "later")

    def test_the_next_one_leaves_what_it_enqueues(self):
        with self.held_tasks() as tasks:
            project.note_later.delay("later")
            tasks.run_next()
            self.assertEqual([it.args for it in tasks], [["later"]])

    def test_a_retry_is_put_back(self):
        with self.held_tasks() as tasks:
            result = project.fail_twice.delay()
            with self.assertNoLogs("celery", "ERROR"):
                tasks.run_next()
            self.assertEqual(result.state, "RETRY")
            self.assertEqual(tasks[0].retries, 1)
            self.assertGreater(tasks[0].eta, dt.datetime.now(dt.timezone.utc))
            self.assertEnqueued(project.fail_twice, count=1)
            self.assertEqual(len(tasks.run()), 2)
            self.assertEqual(result.get(), 2)

    def test_a_task_that_has_no_attempt_left_raises(self):
        with self.held_tasks() as tasks:
            project.never_succeed.delay()
            with self.assertLogs("celery"), self.assertRaises(ValueError) as caught:
                tasks.run()
            self.assertEqual(str(caught.exception), "attempt 1")

    def test_a_rejected_one_is_put_back_and_an_ignored_one_is_not(self):
        with self.held_tasks() as tasks, self.assertLogs("celery", "INFO"):
            project.ignored.delay()
            tasks.run()
            project.rejected_once.delay()
            tasks.run_next()
            self.assertEnqueued(project.rejected_once, count=1)
            self.assertEqual(len(tasks.run()), 1)

    def test_tasks_without_end_are_told(self):
        with self.held_tasks() as tasks:
            project.again.delay()
            with self.assertRaises(RuntimeError) as caught:
                tasks.run()
        self.assertIn("has run 1,000 tasks", str(caught.exception))

    def test_an_id_that_is_given_again_is_another_task(self):
        with self.held_tasks() as tasks:
            project.add.apply_async([1, 2], task_id="sum")
            tasks.run()
            with transaction.atomic():
                project.add.apply_async([3, 4], task_id="sum")
            first, second = self.assertEnqueued(project.add, count=2)
            self.assertEqual((first.args, first.runs), ([1, 2], 1))
            self.assertTrue(second.in_atomic_block)

    def test_many_tasks_have_an_end(self):
        with self.held_tasks() as tasks:
            for number in range(1_001):
                project.add.delay(number, 1)
            self.assertEqual(len(tasks.run()), 1_001)

    def test_the_signals_of_celery_are_sent(self):
        published, ran = mock.Mock(), mock.Mock()
        after_task_publish.connect(published, weak=False)
        self.addCleanup(after_task_publish.disconnect, published)
        task_postrun.connect(ran, weak=False)
        self.addCleanup(task_postrun.disconnect, ran)
        with self.held_tasks() as tasks:
            project.add.delay(1, 2)
            self.assertEqual(published.call_count, 1)
            tasks.run()
            self.assertEqual(ran.call_args.kwargs["retval"], 3)


class SendingTests(WebsocketTestCase):
    """What Celery refuses where it is sent, it refuses here."""

    def test_each_way_of_sending_is_held(self):
        with self.held_tasks() as tasks:
            project.add.delay(1, b=2)
            project.add.apply_async((1, 2), queue="slow", priority=7, countdown=60)
            project.add.s(1, 2).delay()
            project.app.send_task("tests.app.tasks.add", [1, 2])
            self.assertEqual(tasks[0].kwargs, {"b": 2})
            self.assertEqual((tasks[1].queue, tasks[1].priority), ("slow", 7))
            left = tasks[1].eta - dt.datetime.now(dt.timezone.utc)
            self.assertLessEqual(left, dt.timedelta(seconds=60))
            self.assertEqual([it.queue for it in tasks[2:]], ["celery", "celery"])
            self.assertEnqueued(project.add, count=4)
            self.assertEnqueued(project.add.s(), args=[1, 2], count=3)

    def test_what_cannot_be_serialized_is_refused_at_the_sender(self):
        note = Note.objects.create(text="a model")
        with self.held_tasks():
            with self.assertRaises(EncodeError):
                project.add.delay(note, 2)
            with self.assertRaises(TypeError):
                project.add.delay(1)
            self.assertNothingEnqueued()

    def test_what_workers_do_not_accept_is_refused_when_it_is_run(self):
        with self.held_tasks() as tasks:
            project.add.apply_async((1, 2), serializer="pickle")
            with self.assertRaises(ContentDisallowed):
                tasks.run()

    def test_a_task_that_no_worker_knows(self):
        with self.held_tasks() as tasks:
            project.app.send_task("tests.app.tasks.ad", [1, 2])
            project.add.delay(1, 2)
            tasks.run(project.add)
            with self.assertRaises(NotRegistered) as caught:
                tasks.run()
        told = told_with(caught.exception)
        self.assertIn("Did you mean 'tests.app.tasks.add'?", told)

    def test_groups_chains_and_chords(self):
        add, total = project.add, project.total
        with self.held_tasks() as tasks:
            both = group(add.s(1, 2), add.s(3, 4)).delay()
            self.assertEqual(len(tasks), 2)
            one_by_one = chain(add.s(1, 2), add.s(10), add.s(100)).delay()
            self.assertEqual(len(tasks), 3)
            summed = chord([add.s(1, 2), add.s(3, 4)], total.s()).delay()
            linked = add.apply_async((1, 2), link=add.s(5))
            tasks.run()
            self.assertEqual(both.get(), [3, 7])
            self.assertEqual(one_by_one.get(), 113)
            self.assertEqual(summed.get(), 10)
            self.assertEqual(linked.children[0].get(), 8)

    def test_what_is_no_task_goes_nowhere(self):
        with self.held_tasks() as tasks:
            with project.app.producer_or_acquire() as producer:
                producer.publish({"hello": 1}, routing_key="mine")
            self.assertEqual(tasks.enqueued, [])

    def test_an_app_that_has_not_read_its_settings(self):
        app = Celery("new", broker="amqp://nowhere.invalid//", set_as_current=False)
        app.conf.task_always_eager = True
        task = app.task(project.add.run, name="new.add")
        with self.held_tasks() as tasks:
            task.delay(1, 2)
            self.assertEqual(tasks.run()[0].name, "new.add")
        self.assertEqual(task.delay(1, 2).get(), 3)

    def test_messages_for_old_workers_are_refused(self):
        app = Celery("old", broker="amqp://nowhere.invalid//", set_as_current=False)
        app.conf.task_protocol = 1
        with self.held_tasks():
            with self.assertRaisesRegex(ImproperlyConfigured, "task protocol 2"):
                app.send_task("tests.app.tasks.add", [1, 2])

    def test_events_for_monitors_are_no_tasks(self):
        with mock.patch.dict(project.app.conf.changes, task_send_sent_event=True):
            with self.held_tasks() as tasks:
                project.add.delay(1, 2)
                self.assertEqual(len(tasks), 1)

    def test_on_commit_by_the_rule_of_django(self):
        with self.held_tasks() as tasks:
            with self.captureOnCommitCallbacks(execute=True):
                with transaction.atomic():
                    project.add.delay_on_commit(1, 2)
                self.assertEqual(len(tasks), 0)
            self.assertEnqueuedAfterCommit(project.add)

    def test_outside_of_the_block_nothing_has_changed(self):
        with self.held_tasks() as tasks:
            pass
        self.assertEqual(project.add.delay(1, 2).get(), 3)
        self.assertEqual(tasks.enqueued, [])


class BothRaiseTests(WebsocketTestCase):
    """A task and a consumer that its message wakes, both of which raise."""

    def test_the_task_comes_first(self):
        self.connect("/", application=Deaf.as_asgi())
        with self.held_tasks() as tasks:
            project.shout_and_fail.delay("1", "hi")
            with self.assertLogs("celery"), self.assertRaises(ValueError):
                tasks.run()
            with self.assertRaises(LookupError):
                self.settle()


class ResultTests(WebsocketTestCase):
    def test_a_result_that_nobody_brings_is_not_waited_for(self):
        with self.held_tasks() as tasks:
            result = project.add.delay(1, 2)
            self.assertFalse(result.ready())
            with self.assertRaises(RuntimeError) as caught:
                result.get()
            self.assertEqual(
                str(caught.exception),
                "This code waits for the result of the task tests.app.tasks.add(1, 2),"
                " but the test holds the task, so it does not run. On a server, the"
                " code would block until a worker has run it. Run the task first:"
                " 'tasks.run()'.",
            )
            with self.assertRaisesRegex(RuntimeError, "was not enqueued inside"):
                project.app.AsyncResult("nonsense").get()
            tasks.run()
            self.assertEqual(result.get(), 3)

    def test_the_results_of_a_group(self):
        with self.held_tasks() as tasks:
            both = group(project.add.s(1, 2), project.add.s(3, 4)).delay()
            tasks.run_next()
            for wait in (both.get, both.join_native):
                with self.subTest(wait), self.assertRaises(RuntimeError) as caught:
                    wait()
                self.assertIn("tests.app.tasks.add(3, 4)", str(caught.exception))
            tasks.run_next()
            self.assertEqual(both.join_native(), [3, 7])
            both.forget()

    def test_a_result_can_be_read_after_the_block(self):
        with self.held_tasks() as tasks:
            result = project.add.delay(1, 2)
            tasks.run()
        self.assertEqual((result.state, result.get()), ("SUCCESS", 3))

    def test_a_task_must_not_wait_for_another(self):
        with self.held_tasks() as tasks, self.assertLogs("celery"):
            project.wait_for.delay(project.add.delay(1, 2).id)
            with self.assertRaisesRegex(RuntimeError, "Never call result.get"):
                tasks.run()

    def test_a_project_without_results_has_none(self):
        with self.held_tasks() as tasks:
            result = project.unrecorded.delay()
            tasks.run()
            with self.assertRaisesRegex(NotImplementedError, "No result backend"):
                result.get()


class TransactionTests(TransactionWebsocketTestCase):
    def test_a_task_sees_what_was_committed(self):
        with self.held_tasks() as tasks:
            with transaction.atomic():
                project.write_note.delay("early")
                project.write_note.delay_on_commit("late")
            self.assertEqual([it.in_atomic_block for it in tasks], [True, False])
            tasks.run()
        self.assertEqual(Note.objects.count(), 2)
