"""The transaction of a test ends with the test, whatever its code does."""

from __future__ import annotations

import unittest
from typing import Any

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from django.db import close_old_connections, connection, connections, transaction
from django.db.transaction import TransactionManagementError
from django.test import TransactionTestCase

from channels_testkit import WebsocketTestCase
from channels_testkit.engine.transactions import ending_statement
from tests.app.models import Note
from tests.utils import run_case

TESTS = 30


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


#: What leaves the connection of the test alone.
HARMLESS = {
    "close": lambda: connection.close(),
    "close_all": lambda: connections.close_all(),
    "close_old": lambda: close_old_connections(),
    "close_twice": lambda: [connection.close() for _ in range(2)],
    "connect": lambda: connection.connect(),
    "clear_wrappers": lambda: connection.execute_wrappers.clear(),
    "replace_wrappers": lambda: setattr(connection, "execute_wrappers", []),
    "close_and_connect": lambda: [connection.close(), connection.connect()],
}
#: What fails the test, where it is.
REFUSED = {
    "commit": lambda: execute("COMMIT"),
    "rollback": lambda: execute("  rollback work"),
    "commit_at_the_end": lambda: execute("SELECT 1; COMMIT"),
    "commit_after_a_comment": lambda: execute("/* all */ COMMIT -- now"),
    "end": lambda: execute("END TRANSACTION"),
    "connection_commit": lambda: connection.commit(),
    "connection_rollback": lambda: connection.rollback(),
    "autocommit": lambda: transaction.set_autocommit(True),
}
#: What fails the test when it has ended.
AROUND = {
    "driver_rollback": lambda: connection.connection.rollback(),
    "driver_rolls_back_twice": lambda: [
        connection.connection.rollback() for _ in range(2)
    ],
}
#: The same on databases with a server.
AROUND_A_SERVER = {
    "driver_close": lambda: connection.connection.close(),
    "terminated": lambda: execute(TERMINATE[connection.vendor]),
}
TERMINATE = {
    "mysql": "KILL CONNECTION_ID()",
    "postgresql": "SELECT pg_terminate_backend(pg_backend_pid())",
}
WAYS = {**HARMLESS, **REFUSED, **AROUND, **AROUND_A_SERVER}


class SyncConsumer(WebsocketConsumer):
    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        WAYS[text_data]()
        self.send("done")


class AsyncConsumer(AsyncWebsocketConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await sync_to_async(WAYS[text_data])()
        await self.send("done")


class Suspect:
    """Thirty tests of which the third does something to its connection."""

    ws_path = "/"
    way = ""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.note = Note.objects.create(text="class")

    def check(self) -> None:
        self.assertEqual(Note.objects.get(), self.note)
        Note.objects.create(text="test")
        if self._testMethodName == "test_02":
            ann = self.connect(application=self.consumer.as_asgi())
            ann.send_text(self.way)
            self.assertReceivesText(ann, "done")


for number in range(TESTS):
    setattr(Suspect, f"test_{number:02}", lambda self: self.check())


# An inner TestCase closes the connections when its class ends.
class TransactionTests(TransactionTestCase):
    def judge(self, way: str, consumer: Any) -> list[str]:
        names = {"way": way, "consumer": consumer}
        case = type("Inner", (Suspect, WebsocketTestCase), names)
        result = run_case(case)
        told = [*result.failures, *result.errors]
        self.assertEqual(result.testsRun, TESTS)
        self.assertLessEqual({test.id()[-7:] for test, _ in told}, {"test_02"})
        self.addCleanup(Note.objects.all().delete)
        return [text for _, text in told]

    def test_close_leaves_the_connection_alone(self) -> None:
        for way in HARMLESS:
            for consumer in (SyncConsumer, AsyncConsumer):
                with self.subTest(way, consumer=consumer):
                    self.assertEqual(self.judge(way, consumer), [])

    def test_what_would_end_it_is_refused_and_fails_one_test(self) -> None:
        for way in REFUSED:
            for consumer in (SyncConsumer, AsyncConsumer):
                with self.subTest(way, consumer=consumer):
                    [text] = self.judge(way, consumer)
                    self.assertIn("TransactionManagementError: ", text)
                    self.assertIn("test_transactions.py", text)
                    self.assertEqual(Note.objects.count(), 0)

    def test_what_goes_around_django_fails_one_test(self) -> None:
        is_served = connection.vendor in TERMINATE
        for way in AROUND | (AROUND_A_SERVER if is_served else {}):
            for consumer in (SyncConsumer, AsyncConsumer):
                with self.subTest(way, consumer=consumer):
                    *_, text = self.judge(way, consumer)
                    self.assertIn("has ended the transaction that it runs in", text)
                    self.assertEqual(Note.objects.count(), 0)

    def test_what_the_driver_commits_is_left_and_fails_one_test(self) -> None:
        class Inner(WebsocketTestCase):
            def test_1(self) -> None:
                Note.objects.create(text="left")
                connection.connection.commit()

            def test_2(self) -> None:
                Note.objects.create(text="rolled back")

        self.addCleanup(Note.objects.all().delete)
        [error] = run_case(Inner).raised
        self.assertEqual(
            str(error),
            "This test has ended the transaction that it runs in, on database"
            " 'default', by a way around Django: commit(), rollback(), close() or a"
            " script of the driver's own connection. The tests after it have a new"
            " transaction; what was committed is left in the database. Use atomic(),"
            " or test this code in the Transaction flavor.",
        )
        self.assertEqual(Note.objects.get().text, "left")

    def test_a_refusal_that_is_swallowed_fails_the_test(self) -> None:
        class Inner(WebsocketTestCase):
            def test_it(self) -> None:
                with self.assertRaises(TransactionManagementError):
                    execute("COMMIT")

        [error] = run_case(Inner).raised
        line = execute.__code__.co_firstlineno + 2
        self.assertEqual(
            str(error).replace(__file__, "FILE"),
            f"COMMIT on database 'default', at FILE:{line} in execute(), would end the"
            " transaction of this test, and leave its rows to all tests after it. It"
            " was not sent. Use atomic(), or test this code in the Transaction"
            " flavor.",
        )

    def test_a_refusal_in_code_of_the_test_is_told_once(self) -> None:
        class Inner(WebsocketTestCase):
            def test_it(self) -> None:
                execute("COMMIT")

            async def test_async(self) -> None:
                await sync_to_async(execute)("COMMIT")

        self.assertEqual(len(run_case(Inner).raised), 2)

    def test_the_data_of_a_class_are_kept_as_well(self) -> None:
        class Closing(WebsocketTestCase):
            @classmethod
            def setUpTestData(cls) -> None:
                Note.objects.create(text="class")
                connection.close()

            def test_it(self) -> None:
                self.assertEqual(Note.objects.count(), 1)

        class Committing(WebsocketTestCase):
            @classmethod
            def setUpTestData(cls) -> None:
                execute("COMMIT")

            def test_it(self) -> None:
                """Not reached."""

        self.assertEqual(run_case(Closing).raised, [])
        [error] = run_case(Committing).raised
        self.assertIsInstance(error, TransactionManagementError)
        self.assertEqual(Note.objects.count(), 0)

    def test_rows_of_a_class_that_the_driver_commits_are_not_made_again(self) -> None:
        class Inner(WebsocketTestCase):
            @classmethod
            def setUpTestData(cls) -> None:
                cls.note = Note.objects.create(text="class", slug="unique")

            def test_1(self) -> None:
                connection.connection.commit()

            def test_2(self) -> None:
                self.assertEqual(Note.objects.get(), self.note)

        self.addCleanup(Note.objects.all().delete)
        [error] = run_case(Inner).raised
        self.assertIn("by a way around Django", str(error))

    @unittest.skipUnless(connection.vendor == "postgresql", "is about psycopg")
    def test_what_psycopg_puts_together_is_read_as_it_does(self) -> None:
        from psycopg import sql
        from psycopg.adapt import Dumper

        class Odd:
            """Something that only this connection knows."""

        class OddDumper(Dumper):
            def dump(self, obj: Odd) -> bytes:
                return b"odd"

        class Inner(WebsocketTestCase):
            def test_it(self) -> None:
                connection.ensure_connection()
                connection.connection.adapters.register_dumper(Odd, OddDumper)
                with connection.cursor() as cursor:
                    cursor.execute(sql.SQL("SELECT {}").format(sql.Literal(Odd())))
                    self.assertEqual(cursor.fetchone(), ("odd",))
                with (
                    self.assertApplicationRaises(TransactionManagementError),
                    self.assertRaises(TransactionManagementError),
                ):
                    execute(sql.SQL("COMMIT"))

        self.assertEqual(run_case(Inner).raised, [])

    def test_statements_are_told_apart(self) -> None:
        for sql in (
            "ROLLBACK TO SAVEPOINT a",
            "rollback transaction to a",
            "SELECT 'a; COMMIT'",
            'SELECT 1 AS "a; COMMIT"',
            "/* ; COMMIT */ SELECT 1 -- ; COMMIT",
            "UPDATE t SET a = 'it''s; COMMIT'",
            "RELEASE SAVEPOINT a",
            "INSERT INTO commits VALUES (1); SELECT 1",
            "WITH commit AS (SELECT 1) SELECT 1",
            "SELECT 1 AS [a; COMMIT]",
            r"SELECT E'it\'s; COMMIT'",
            'SELECT "a\\"; COMMIT"',
            "/* a /* b */ ; COMMIT */ SELECT 1",
            "SELECT 1 # don't; commit",
            "COMMENT ON TABLE a IS 'b'",
            "SELECT CASE WHEN 1 THEN 2 END; SELECT 1 AS commit",
            "DO $$ BEGIN PERFORM 1; END $$",
            "DO $body$ BEGIN PERFORM 1; END $body$; SELECT 1",
        ):
            with self.subTest(sql):
                self.assertEqual(ending_statement(connection, sql), "")
        for sql, found in (
            ("COMMIT", "COMMIT"),
            ("\n  commit;", "COMMIT"),
            ("ABORT", "ABORT"),
            ("ROLLBACK", "ROLLBACK"),
            ("PREPARE  TRANSACTION 'x'", "PREPARE TRANSACTION"),
            ("SELECT 1; END", "END"),
            ("-- a\n /* b */ COMMIT", "COMMIT"),
            (b"COMMIT", "COMMIT"),
        ):
            with self.subTest(sql):
                self.assertEqual(ending_statement(connection, sql), found)

    def test_what_is_made_of_statements_may_end(self) -> None:
        """A trigger of SQLite, for instance, or a function of PostgreSQL."""
        for sql in (
            "CREATE TRIGGER a AFTER INSERT ON b BEGIN UPDATE c SET d = 1; END;",
            "CREATE FUNCTION a() RETURNS int BEGIN ATOMIC SELECT 1; END",
        ):
            with self.subTest(sql):
                found = ending_statement(connection, sql)
                commits = not connection.features.can_rollback_ddl
                self.assertEqual(found, "CREATE" if commits else "")

    def test_where_changes_of_the_schema_commit_they_are_refused(self) -> None:
        commits = not connection.features.can_rollback_ddl
        for sql in (
            "CREATE TABLE a (b int)",
            "ALTER TABLE a ADD c int",
            "DROP TABLE a",
            "TRUNCATE TABLE a",
            "START TRANSACTION",
            "SET autocommit = 1",
        ):
            with self.subTest(sql):
                self.assertEqual(bool(ending_statement(connection, sql)), commits)
        for temporary in ("TEMPORARY", "OR REPLACE TEMPORARY"):
            sql = f"CREATE {temporary} TABLE a (b int)"
            self.assertEqual(ending_statement(connection, sql), "")
