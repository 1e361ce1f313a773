from __future__ import annotations

import asyncio
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.backends.signals import connection_created
from django.test import SimpleTestCase

from channels_testkit import (
    ChannelTestCase,
    SimpleChannelTestCase,
    TransactionChannelTestCase,
    WebsocketTestCase,
)
from tests.app.models import Note
from tests.utils import OuterTestCase, run_case


class CommitCaptureTests(OuterTestCase):
    def test_callbacks_are_captured_and_never_run(self) -> None:
        log: list[str] = []

        class Inner(ChannelTestCase):
            def test_sync(self) -> None:
                with self.captureOnCommitCallbacks() as callbacks:
                    with transaction.atomic():
                        transaction.on_commit(lambda: log.append("captured"))
                self.assertEqual(len(callbacks), 1)
                # By production's rule, which holds again.
                transaction.on_commit(lambda: log.append("after"))
                self.assertEqual(log, ["after"])
                callbacks[0]()

            async def test_async(self) -> None:
                with self.captureOnCommitCallbacks() as callbacks:
                    await sync_to_async(self.register)("captured")
                self.assertEqual(len(callbacks), 1)
                await sync_to_async(self.register)("after")
                self.assertEqual(log, ["after"])
                callbacks[0]()

            def register(self, name: str) -> None:
                transaction.on_commit(lambda: log.append(name))

        for name in ("test_sync", "test_async"):
            with self.subTest(name):
                log.clear()
                self.assertEqual(run_case(Inner, name).texts, [])
                self.assertEqual(log, ["after", "captured"])

    def test_callbacks_are_executed_at_the_end_of_the_block(self) -> None:
        log: list[str] = []

        def first() -> None:
            log.append("first")
            transaction.on_commit(lambda: log.append("added by first"))

        class Inner(ChannelTestCase):
            def test_sync(self) -> None:
                with self.captureOnCommitCallbacks(execute=True) as callbacks:
                    transaction.on_commit(first)
                    log.append("in the block")
                self.assertEqual(len(callbacks), 2)

            async def test_async(self) -> None:
                async with self.captureOnCommitCallbacks(execute=True) as callbacks:
                    await sync_to_async(transaction.on_commit)(first)
                    log.append("in the block")
                self.assertEqual(len(callbacks), 2)

        for name in ("test_sync", "test_async"):
            with self.subTest(name):
                log.clear()
                self.assertEqual(run_case(Inner, name).texts, [])
                self.assertEqual(log, ["in the block", "first", "added by first"])

    def test_execute_in_an_async_test_needs_async_with(self) -> None:
        class Inner(ChannelTestCase):
            async def test_it(self) -> None:
                with self.captureOnCommitCallbacks(execute=True):
                    pass

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, RuntimeError)
        self.assertEqual(
            str(error),
            "captureOnCommitCallbacks(execute=True) runs callbacks on the test's"
            " thread: in an async test write 'async with"
            " self.captureOnCommitCallbacks(execute=True)'.",
        )

    def test_consumers_callbacks_are_captured(self) -> None:
        class Inner(WebsocketTestCase):
            def test_it(self) -> None:
                ann = self.connect("/ws/room/1/")
                with self.captureOnCommitCallbacks() as callbacks:
                    self.client.post("/broadcast/1/", {"text": "hello"})
                self.assertReceivesNothing(ann)
                self.assertEqual(len(callbacks), 1)
                callbacks[0]()
                self.assertReceivesJson(ann, {"note": "hello"})

        self.assertEqual(run_case(Inner).texts, [])

    def test_blocks_may_be_nested_and_fail(self) -> None:
        log: list[str] = []

        class Inner(ChannelTestCase):
            def test_nested(self) -> None:
                with self.captureOnCommitCallbacks() as outer:
                    transaction.on_commit(lambda: log.append("outer"))
                    with self.captureOnCommitCallbacks(execute=True) as inner:
                        transaction.on_commit(lambda: log.append("inner"))
                    self.assertEqual(log, ["inner"])
                self.assertEqual((len(outer), len(inner)), (2, 1))
                self.assertEqual(connection.run_on_commit, [])

            def test_failing(self) -> None:
                with self.assertRaises(KeyError):
                    with self.captureOnCommitCallbacks(execute=True):
                        transaction.on_commit(lambda: log.append("before"))
                        raise KeyError
                # As in Django.
                self.assertEqual(log, ["before"])
                transaction.on_commit(lambda: log.append("after"))
                self.assertEqual(log, ["before", "after"])

            def test_failing_callback(self) -> None:
                with self.assertRaises(ZeroDivisionError):
                    with self.captureOnCommitCallbacks(execute=True):
                        transaction.on_commit(lambda: 1 / 0)
                transaction.on_commit(lambda: log.append("after"))
                self.assertEqual(log, ["after"])

            def test_robust_callback(self) -> None:
                with self.assertLogs("django.test"):
                    with self.captureOnCommitCallbacks(execute=True):
                        transaction.on_commit(lambda: 1 / 0, robust=True)

        for name in ("nested", "failing", "failing_callback", "robust_callback"):
            with self.subTest(name):
                log.clear()
                self.assertEqual(run_case(Inner, f"test_{name}").texts, [])

    def test_class_methods_capture_too(self) -> None:
        class Inner(ChannelTestCase):
            @classmethod
            def setUpTestData(cls) -> None:
                with cls.captureOnCommitCallbacks() as cls.callbacks:
                    transaction.on_commit(lambda: None)

            def test_it(self) -> None:
                self.assertEqual(len(self.callbacks), 1)

        self.assertEqual(run_case(Inner).texts, [])

    def test_django_rule_keeps_callbacks_for_ever(self) -> None:
        class Inner(ChannelTestCase):
            on_commit_callbacks = "django"

            def test_it(self) -> None:
                with self.captureOnCommitCallbacks() as callbacks:
                    transaction.on_commit(self.fail)
                transaction.on_commit(self.fail)
                self.assertEqual(len(callbacks), 1)

        self.assertEqual(run_case(Inner).texts, [])


class RealCommitTests(OuterTestCase):
    def test_captured_callbacks_run_at_a_real_commit(self) -> None:
        log: list[str] = []

        class Inner(TransactionChannelTestCase):
            def test_it(self) -> None:
                with transaction.atomic():
                    with self.captureOnCommitCallbacks() as callbacks:
                        transaction.on_commit(lambda: log.append("committed"))
                    self.assertEqual((len(callbacks), log), (1, []))
                self.assertEqual(log, ["committed"])

        self.assertEqual(run_case(Inner).texts, [])


class QueryCountTests(OuterTestCase):
    def test_queries_of_the_test_and_the_application_count(self) -> None:
        class Inner(WebsocketTestCase):
            ws_path = "/ws/count/"

            def test_sync(self) -> None:
                ann = self.connect()
                with self.assertNumQueries(3):
                    Note.objects.count()
                    for way in ("async", "thread"):
                        ann.send_json({"way": way})
                self.assertNumQueries(1, Note.objects.count)

            async def test_async(self) -> None:
                ann = await self.aconnect()
                with self.assertNumQueries(3):
                    await Note.objects.acount()
                    for way in ("async", "thread"):
                        await ann.send_json({"way": way})
                with self.assertNumQueries(0):
                    pass

        self.assertEqual(run_case(Inner).texts, [])

    def test_wrong_number_fails_with_the_queries(self) -> None:
        class Inner(ChannelTestCase):
            def test_sync(self) -> None:
                with self.assertNumQueries(2):
                    Note.objects.count()

            async def test_async(self) -> None:
                with self.assertNumQueries(2):
                    await Note.objects.acount()

        sync, from_afar = run_case(Inner, "test_sync", "test_async").texts
        self.assertEqual(sync, from_afar)
        verdict, _, queries = sync.partition("\n")
        self.assertEqual(verdict, "1 != 2 : 1 queries executed, 2 expected")
        self.assertIn("COUNT(*)", queries)

    def test_error_in_the_block_comes_out(self) -> None:
        class Inner(ChannelTestCase):
            async def test_it(self) -> None:
                with self.assertNumQueries(2):
                    raise KeyError("in the block")

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, KeyError)
        self.assertFalse(connection.force_debug_cursor)

    def test_logins_never_count(self) -> None:
        class Inner(WebsocketTestCase):
            ws_path = "/ws/room/1/"

            @classmethod
            def setUpTestData(cls) -> None:
                cls.ann = User.objects.create_user("ann")

            def get_login(self, user: Any) -> Any:
                Note.objects.count()
                return super().get_login(user)

            def test_sync(self) -> None:
                # Those of AuthMiddlewareStack: the session, and the user.
                with self.assertNumQueries(2):
                    self.connect(user=self.ann)
                with self.assertNumQueries(2):
                    client = self.create_client()
                    client.force_login(self.ann)
                    client.connect()

            async def test_async(self) -> None:
                with self.assertNumQueries(2):
                    await self.aconnect(user=self.ann)
                with self.assertNumQueries(4 + 1):
                    await self.aconnect_many(users=[self.ann, self.ann])
                    await Note.objects.acount()
                with self.assertNumQueries(4 + 1):
                    calls = [self.aconnect(user=self.ann) for _ in range(2)]
                    await asyncio.gather(*calls)
                    await Note.objects.acount()

        class WithAsyncLogin(Inner):
            async def get_login(self, user: Any) -> Any:
                await Note.objects.acount()
                return await sync_to_async(Inner.get_login)(self, user)

        for case in (Inner, WithAsyncLogin):
            with self.subTest(case):
                self.assertEqual(run_case(case).texts, [])


class SimpleCountTests(OuterTestCase):
    def test_tools_work_without_a_database(self) -> None:
        class Inner(SimpleChannelTestCase):
            databases = "__all__"

            async def test_it(self) -> None:
                with self.captureOnCommitCallbacks() as callbacks:
                    with self.assertNumQueries(1):
                        await Note.objects.acount()
                self.assertEqual(callbacks, [])

        self.assertEqual(run_case(Inner).texts, [])


class NewConnectionTests(OuterTestCase):
    def test_queries_that_set_a_connection_up_do_not_count(self) -> None:
        class Inner(TransactionChannelTestCase):
            def test_sync(self) -> None:
                with self.assertNumQueries(1):
                    connection.close()
                    Note.objects.count()

            async def test_async(self) -> None:
                with self.assertNumQueries(1):
                    await sync_to_async(connection.close)()
                    await Note.objects.acount()

        def set_up(connection: Any, **kwargs: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")

        class Forbidden(SimpleTestCase):
            """After it, the connection has a connect() of its own."""

            def test_it(self) -> None:
                pass

        run_case(Forbidden)
        connection_created.connect(set_up)
        self.addCleanup(connection_created.disconnect, set_up)
        self.assertEqual(run_case(Inner).texts, [])
