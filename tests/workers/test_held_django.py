"""The tasks of Django's framework, held and run, whatever the backend."""

from __future__ import annotations

import datetime as dt
import importlib.util
import sys
import unittest
from unittest import mock

import django
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from channels_testkit import SimpleWebsocketTestCase, WebsocketTestCase
from tests.app.models import Note
from tests.utils import told_with

PACKAGE = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
IS_THERE = importlib.util.find_spec(PACKAGE) is not None
if IS_THERE:  # pragma: no branch
    from tests.app import django_tasks as project

    exceptions = importlib.import_module(f"{PACKAGE}.exceptions")
    signals = importlib.import_module(f"{PACKAGE}.signals")
    InvalidTask = (
        getattr(exceptions, "InvalidTask", None) or exceptions.InvalidTaskError
    )

IMMEDIATE = {"default": {"BACKEND": f"{PACKAGE}.backends.immediate.ImmediateBackend"}}
DUMMY = {"default": {"BACKEND": f"{PACKAGE}.backends.dummy.DummyBackend"}}
FAR = {"default": {"BACKEND": "tests.app.django_tasks.FarBackend"}}

needs_tasks = unittest.skipUnless(
    IS_THERE, "tasks are there from Django 6.0 on, or with its backport django-tasks"
)


class SyncSender(JsonWebsocketConsumer):
    def receive_json(self, content):
        with transaction.atomic():
            project.shout.enqueue(*content)
            transaction.on_commit(lambda: project.shout.enqueue("1", "later"))


class AsyncSender(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        result = await project.whisper.aenqueue(*content)
        await self.send_json(result.id)


@needs_tasks
@override_settings(TASKS=FAR)
class HeldTests(WebsocketTestCase):
    """A backend that a test cannot reach."""

    def test_what_the_task_sends_comes_to_the_client(self):
        ann = self.connect("/ws/room/1/")
        ben = self.connect("/", application=SyncSender.as_asgi())
        with self.held_tasks() as tasks:
            ben.send_json(["1", "Hi"])
            self.assertReceivesNothing(ann)
            self.assertEqual([it.in_atomic_block for it in tasks], [True, False])
            self.assertEqual(tasks[0].name, "tests.app.django_tasks.shout")
            self.assertEqual((tasks[0].queue, tasks[0].priority), ("default", 0))
            self.assertEnqueued(project.shout, args=["1", "Hi"], count=1)
            tasks.run()
            self.assertReceivesJson(ann, "HI")
            self.assertReceivesJson(ann, "LATER")

    async def test_async_code_and_an_async_task(self):
        ann = await self.aconnect("/ws/room/1/")
        ben = await self.aconnect("/", application=AsyncSender.as_asgi())
        async with self.held_tasks() as tasks:
            await ben.send_json(["1", "Hi"])
            result_id = await ben.receive_json()
            await tasks.arun()
            self.assertReceivesJson(ann, "hi")
            result = await project.whisper.aget_result(result_id)
            self.assertEqual(
                result.status, project.framework.TaskResultStatus.SUCCESSFUL
            )
            with self.assertRaisesRegex(NotImplementedError, "does not support"):
                await project.whisper.aget_result("unknown")
        self.assertEqual(await Note.objects.acount(), 1)

    def test_a_result_is_there_after_the_task_was_run(self):
        with self.held_tasks() as tasks:
            result = project.tell_attempt.enqueue(["one"])
            self.assertEqual(result.status, project.framework.TaskResultStatus.READY)
            self.assertIsNotNone(result.enqueued_at)
            tasks.run()
            self.assertEqual(result.status, project.framework.TaskResultStatus.READY)
            result.refresh()
            self.assertEqual(result.return_value, [1, "RUNNING", ["one", "changed"]])
            self.assertEqual(tasks.enqueued[0].args, [["one"]])
        with self.assertRaisesRegex(NotImplementedError, "does not support"):
            result.refresh()

    def test_an_exception_comes_to_the_test_and_is_in_the_result(self):
        with self.held_tasks() as tasks:
            result = project.fail.enqueue("broken")
            with self.assertLogs(PACKAGE):
                with self.assertRaises(ValueError) as caught:
                    tasks.run()
            result.refresh()
        self.assertIn("Raised by the task", told_with(caught.exception))
        self.assertEqual(result.status, project.framework.TaskResultStatus.FAILED)
        self.assertIs(result.errors[0].exception_class, ValueError)

    def test_a_return_value_must_be_json(self):
        with self.held_tasks() as tasks:
            project.give_back_what_is_no_json.enqueue()
            with self.assertLogs(PACKAGE), self.assertRaises(TypeError):
                tasks.run()

    def test_what_a_task_enqueues_is_run(self):
        with self.held_tasks() as tasks:
            project.note_later.enqueue("later")
            self.assertEqual(len(tasks.run()), 2)
        self.assertEqual(Note.objects.get().text, "later")

    def test_the_backend_itself_is_held_as_well(self):
        with self.held_tasks() as tasks:
            project.framework.default_task_backend.enqueue(
                project.shout, ["1", "hi"], {}
            )
            self.assertEqual(len(tasks), 1)
        with self.assertRaises(ConnectionError):
            project.shout.enqueue("1", "hi")

    def test_the_signals_are_sent(self):
        said = []
        for signal in (
            signals.task_enqueued,
            signals.task_started,
            signals.task_finished,
        ):
            receiver = mock.Mock(
                side_effect=lambda sender, task_result, **_: said.append(
                    (sender, task_result.status)
                )
            )
            signal.connect(receiver, weak=False)
            self.addCleanup(signal.disconnect, receiver)
        with self.held_tasks() as tasks:
            project.shout.enqueue("1", "hi")
            self.assertEqual(said, [(project.FarBackend, "READY")])
            tasks.run()
        self.assertEqual([it for _, it in said[1:]], ["RUNNING", "SUCCESSFUL"])

    def test_what_the_backend_refuses_is_refused(self):
        with self.held_tasks():
            with self.assertRaises(InvalidTask):
                project.shout.using(priority=5).enqueue("1", "hi")
            with self.assertRaises(InvalidTask):
                project.shout.using(run_after=timezone.now())
            with self.assertRaises(InvalidTask):
                project.shout.using(queue_name="nowhere")
            self.assertNothingEnqueued()

    def test_a_model_is_no_argument(self):
        note = Note.objects.create(text="a model")
        with self.held_tasks():
            with self.assertRaisesRegex(TypeError, "Unsupported type"):
                project.shout.enqueue("1", note)
            self.assertNothingEnqueued()


@needs_tasks
class BackendTests(SimpleWebsocketTestCase):
    """The backends of Django itself."""

    @override_settings(TASKS=IMMEDIATE)
    def test_one_that_runs_tasks_at_once_does_not(self):
        ann = self.connect("/ws/room/1/")
        with self.held_tasks() as tasks:
            project.shout.using(priority=5).enqueue("1", "hi")
            self.assertReceivesNothing(ann)
            self.assertEqual(tasks[0].priority, 5)
            tasks.run()
            self.assertReceivesJson(ann, "HI")

    @override_settings(TASKS=DUMMY)
    def test_one_that_defers(self):
        later = timezone.now() + dt.timedelta(days=1)
        with self.held_tasks() as tasks:
            result = project.shout.using(run_after=later).enqueue("1", "hi")
            self.assertEqual(tasks[0].eta, later)
            tasks.run()
            result.refresh()
            self.assertEqual(result.return_value, "HI")
        with self.assertRaises(exceptions.TaskResultDoesNotExist):
            result.refresh()


class WithoutTests(SimpleWebsocketTestCase):
    def test_no_queue_at_all(self):
        with mock.patch("importlib.util.find_spec", return_value=None):
            with mock.patch("django.VERSION", (5, 2)):
                with mock.patch.dict("sys.modules"):
                    sys.modules.pop("django_tasks", None)
                    with self.assertRaisesRegex(ImproperlyConfigured, "no queue"):
                        self.held_tasks()
