"""Background tasks are held in plain functions as in test cases."""

from __future__ import annotations

from .inner import CONSUMERS, PytestCase, needs

HELD = (
    CONSUMERS
    + """
    import pytest
    from celery import Celery
    from django.db import transaction

    from tests.app.tasks import fail, shout, write_note

    real_producer = vars(Celery)["producer_or_acquire"]

    @pytest.fixture
    def tasks(channels_test):
        with channels_test.held_tasks() as held:
            yield held
        assert vars(Celery)["producer_or_acquire"] is real_producer

    def test_sync(channels_test, tasks):
        ann = channels_test.connect("/ws/room/1/")
        shout.delay("1", "hello")
        channels_test.assertEnqueued(shout, args=["1", "hello"])
        channels_test.assertReceivesNothing(ann)
        tasks.run()
        channels_test.assertReceivesJson(ann, "HELLO")

    @pytest.mark.asyncio
    async def test_async(channels_test, tasks):
        ann = await channels_test.aconnect("/ws/room/1/")
        shout.delay("1", "hello")
        await tasks.arun()
        channels_test.assertReceivesJson(ann, "HELLO")

    @pytest.mark.asyncio
    async def test_rows(channels_test, db):
        async with channels_test.held_tasks() as tasks:
            await sync_to_async(write_note.delay)("of a task")
            await tasks.arun_next()
        assert await Note.objects.acount() == 1

    @pytest.mark.django_db(transaction=True)
    def test_committed_rows(channels_test, tasks):
        with transaction.atomic():
            write_note.delay("early")
            write_note.delay_on_commit("late")
        assert [task.in_atomic_block for task in tasks] == [True, False]
        tasks.run()
        assert Note.objects.count() == 2

    @pytest.mark.asyncio
    async def test_the_sync_call(tasks):
        with pytest.raises(RuntimeError, match="'await tasks.arun"):
            tasks.run()

    @pytest.mark.asyncio
    async def test_nobody_awaits(tasks):
        tasks.arun()

    def test_a_task_that_raises(tasks):
        fail.delay("broken")
        tasks.run()

    def test_one_that_is_not_run(channels_test, tasks):
        ann = channels_test.connect("/ws/room/1/")
        shout.delay("1", "hello")
        channels_test.assertReceivesJson(ann, "HELLO")

    @pytest.mark.asyncio
    async def test_one_that_is_not_run_async(channels_test, tasks):
        ann = await channels_test.aconnect("/ws/room/1/")
        write_note.delay("hello")
        channels_test.assertReceivesJson(ann, "HELLO")

    def test_the_words_of_a_function(channels_test):
        with pytest.raises(RuntimeError, match="'with channels_test.held_tasks"):
            channels_test.assertNothingEnqueued()
"""
)


@needs("pytest_django", "pytest_asyncio", "celery")
class HeldTests(PytestCase):
    def test_functions(self) -> None:
        ended = self.pytest(HELD)
        self.assert_outcomes(ended, passed=6, failed=4)
        self.assertIn("Write 'await tasks.arun(...)'", ended.printed)
        for task, call in (
            ("shout('1', 'hello')", "tasks.run()"),
            ("write_note('hello')", "await tasks.arun()"),
        ):
            self.assertIn(
                f"1 task is held, and was not run: tests.app.tasks.{task}."
                f" To run it, write '{call}' before the block ends.",
                ended.printed,
            )
        self.assertIn(
            "Raised by the task tests.app.tasks.fail('broken').", ended.printed
        )
