from __future__ import annotations

import asyncio
import contextlib
import threading
import unittest
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from channels.db import aclose_old_connections, database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import get_channel_layer
from django.core.asgi import get_asgi_application
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models.signals import post_save
from django.test import TestCase, TransactionTestCase

from channels_testkit import (
    ChannelTestCase,
    DatabaseOwnershipError,
    SimpleWebsocketTestCase,
    TransactionWebsocketTestCase,
    WebsocketTestCase,
)
from tests.app.models import Note
from tests.utils import InnerResult, run_case

BROKEN = (
    "Inside a TestCase everything is one transaction: put code that expects a database"
    " error in its own atomic() block, or use the Transaction flavor."
)


def backend() -> object:
    """What stands for the connection on the server."""
    functions = {"postgresql": "pg_backend_pid", "mysql": "connection_id"}
    if function := functions.get(connection.vendor):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}()")
            return cursor.fetchone()[0]
    return id(connection.connection)


class AsyncWays(AsyncWebsocketConsumer):
    """Makes a note in the way that it is told."""

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        ways = {
            "orm": lambda: Note.objects.acreate(text="orm"),
            "channels": lambda: database_sync_to_async(self.make)("channels"),
            "asgiref": lambda: sync_to_async(self.make)("asgiref"),
            "task": lambda: asyncio.create_task(Note.objects.acreate(text="task")),
        }
        await ways[text_data]()
        await self.send(str(await sync_to_async(backend)()))

    def make(self, text: str) -> None:
        Note.objects.create(text=text)

    async def disconnect(self, code: int) -> None:
        await Note.objects.acreate(text="gone")


class SyncWays(WebsocketConsumer):
    async def make(self, text: str) -> None:
        await Note.objects.acreate(text=text)

    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        if text_data == "nested":
            async_to_sync(self.make)("nested")
        else:
            Note.objects.create(text=text_data)
        self.send(str(backend()))

    def disconnect(self, code: int) -> None:
        Note.objects.create(text="gone")


# An inner TestCase closes the connections when its class ends, which would end
# the transaction of an outer one.
class SharingTests(TransactionTestCase):
    """Everybody has the connection and the transaction of the test."""

    class Case(WebsocketTestCase):
        ws_path = "/"

        @classmethod
        def setUpTestData(cls) -> None:
            Note.objects.create(text="class")

        def setUp(self) -> None:
            Note.objects.create(text="setup")
            self.backend = str(backend())

        def notes(self) -> list[str]:
            return sorted(Note.objects.values_list("text", flat=True))

    def assert_passes(self, case: type[TestCase]) -> None:
        result = run_case(case)
        self.assertEqual(result.texts, [])
        self.assertGreater(result.testsRun, 0)
        # All that the tests made is rolled back.
        self.assertEqual(Note.objects.count(), 0)
        self.assertTrue(connection.is_usable())

    def test_consumers_share_it_in_every_way(self) -> None:
        class Inner(self.Case):
            def check(self, application: Any, ways: list[str]) -> None:
                ann = self.connect(application=application)
                for way in ways:
                    ann.send_text(way)
                    self.assertReceivesText(ann, self.backend)
                ann.disconnect()
                self.assertEqual(
                    self.notes(), sorted(["class", "gone", "setup", *ways])
                )

            def test_async_consumer(self) -> None:
                ways = ["orm", "channels", "asgiref", "task"]
                self.check(AsyncWays.as_asgi(), ways)

            def test_sync_consumer(self) -> None:
                self.check(SyncWays.as_asgi(), ["plain", "nested"])

            async def test_in_an_async_test(self) -> None:
                for application in (AsyncWays.as_asgi(), SyncWays.as_asgi()):
                    ann = await self.aconnect(application=application)
                    way = "orm" if application == AsyncWays else "channels"
                    await ann.send_text(way)
                    self.assertReceivesText(ann, self.backend)
                    await ann.disconnect()
                self.assertEqual(await Note.objects.acount(), 6)

            def tearDown(self) -> None:
                self.assertEqual(str(backend()), self.backend)

        self.assert_passes(Inner)

    def test_views_share_it_through_every_client(self) -> None:
        class Inner(self.Case):
            def test_sync(self) -> None:
                for path in ("/notes/", "/anotes/"):
                    self.assertEqual(self.client.get(path).json(), {"notes": 2})

            async def test_async(self) -> None:
                for path in ("/notes/", "/anotes/"):
                    response = await self.async_client.get(path)
                    self.assertEqual(response.json(), {"notes": 2})
                    self.assertIn(b'{"notes": 2}', await self.in_process(path))

            async def in_process(self, path: str) -> bytes:
                """Call Django as a server does, in a task of its own."""
                sent: list[dict[str, Any]] = []
                events = [{"type": "http.request", "body": b"", "more_body": False}]

                async def receive() -> dict[str, Any]:
                    if events:
                        return events.pop()
                    return await asyncio.get_running_loop().create_future()

                async def send(event: dict[str, Any]) -> None:
                    sent.append(event)

                scope = {
                    "type": "http",
                    "http_version": "1.1",
                    "method": "GET",
                    "scheme": "http",
                    "path": path,
                    "query_string": b"",
                    "headers": [(b"host", b"testserver")],
                    "server": ("testserver", 80),
                    "client": ("127.0.0.1", 1),
                }
                await asyncio.create_task(get_asgi_application()(scope, receive, send))
                return b"".join(event.get("body", b"") for event in sent)

        self.assert_passes(Inner)

    def test_signals_share_it_and_their_messages_arrive(self) -> None:
        class Listening(AsyncWebsocketConsumer):
            groups = ("notes",)

            async def note_saved(self, event: dict[str, Any]) -> None:
                note = await Note.objects.aget(pk=event["pk"])
                await self.send(note.text)

        def tell(instance: Note, **kwargs: Any) -> None:
            message = {"type": "note.saved", "pk": instance.pk}
            async_to_sync(get_channel_layer().group_send)("notes", message)

        class Inner(self.Case):
            application = Listening.as_asgi()

            def setUp(self) -> None:
                post_save.connect(tell, sender=Note)
                self.addCleanup(post_save.disconnect, tell, sender=Note)

            def test_sync(self) -> None:
                ann = self.connect()
                Note.objects.create(text="saved")
                self.assertReceivesText(ann, "saved")

            async def test_async(self) -> None:
                ann = await self.aconnect()
                await Note.objects.acreate(text="saved")
                self.assertReceivesText(ann, "saved")

        self.assert_passes(Inner)

    def test_nobody_closes_it(self) -> None:
        class Inner(self.Case):
            application = AsyncWays.as_asgi()

            async def test_by_what_channels_calls(self) -> None:
                for _ in range(3):
                    await database_sync_to_async(Note.objects.count)()
                    await aclose_old_connections()
                self.assertEqual(
                    await sync_to_async(backend)(), await sync_to_async(backend)()
                )
                self.assertEqual(
                    str(await database_sync_to_async(backend)()), self.backend
                )

            async def test_by_a_background_task(self) -> None:
                async def work() -> int:
                    return await database_sync_to_async(Note.objects.count)()

                tasks = [asyncio.create_task(work()) for _ in range(5)]
                self.assertEqual(await asyncio.gather(*tasks), [2] * 5)
                self.assertEqual(
                    str(await database_sync_to_async(backend)()), self.backend
                )

            async def test_by_a_disconnect(self) -> None:
                ann = await self.aconnect()
                await ann.disconnect()
                self.assertEqual(await Note.objects.acount(), 3)
                self.assertEqual(str(await sync_to_async(backend)()), self.backend)

        self.assert_passes(Inner)


class CommitTests(TransactionTestCase):
    """``on_commit()`` runs when production would run it."""

    def run_steps(self, body: Any, rule: str = "production") -> list[str]:
        log: list[str] = []

        class Inner(ChannelTestCase):
            on_commit_callbacks = rule

            def test_it(self) -> None:
                body(self, log.append)

        self.assertEqual(run_case(Inner).texts, [])
        return log

    def later(self, say: Any, text: str, **options: Any) -> None:
        transaction.on_commit(lambda: say(text), **options)

    def test_outermost_block_runs_them_in_order(self) -> None:
        def body(case: Any, say: Any) -> None:
            with transaction.atomic():
                self.later(say, "first")
                with transaction.atomic():
                    self.later(say, "inner")
                say("inner block ended")
                self.later(say, "last")
            say("outer block ended")

        self.assertEqual(
            self.run_steps(body),
            ["inner block ended", "first", "inner", "last", "outer block ended"],
        )

    def test_outside_of_a_block_they_run_at_once(self) -> None:
        def body(case: Any, say: Any) -> None:
            self.later(say, "now")
            say("next line")

        self.assertEqual(self.run_steps(body), ["now", "next line"])

    def test_savepoint_that_is_rolled_back_discards_its_own(self) -> None:
        def body(case: Any, say: Any) -> None:
            with transaction.atomic():
                self.later(say, "outer")
                with case.assertRaises(ValueError), transaction.atomic():
                    self.later(say, "lost")
                    raise ValueError

        self.assertEqual(self.run_steps(body), ["outer"])

    def test_block_that_raises_discards_all(self) -> None:
        def body(case: Any, say: Any) -> None:
            with case.assertRaises(ValueError), transaction.atomic():
                self.later(say, "lost")
                raise ValueError
            with transaction.atomic():
                self.later(say, "lost as well")
                transaction.set_rollback(True)
            say("end")

        self.assertEqual(self.run_steps(body), ["end"])

    def test_callback_added_by_a_callback_runs_at_once(self) -> None:
        def body(case: Any, say: Any) -> None:
            def chained() -> None:
                say("one")
                self.later(say, "two")

            with transaction.atomic():
                transaction.on_commit(chained)
                self.later(say, "three")

        self.assertEqual(self.run_steps(body), ["one", "two", "three"])

    def test_callback_may_open_a_transaction(self) -> None:
        def body(case: Any, say: Any) -> None:
            def write() -> None:
                with transaction.atomic():
                    Note.objects.create(text="written")
                    self.later(say, "written")

            with transaction.atomic():
                transaction.on_commit(write)
            say("end")

        self.assertEqual(self.run_steps(body), ["written", "end"])

    def test_exception_comes_out_of_the_block_and_drops_the_rest(self) -> None:
        def body(case: Any, say: Any) -> None:
            with case.assertRaises(ZeroDivisionError), transaction.atomic():
                transaction.on_commit(lambda: 1 / 0)
                self.later(say, "dropped")
            with transaction.atomic():
                pass
            say("end")

        self.assertEqual(self.run_steps(body), ["end"])

    def test_robust_callback_is_logged_where_django_logs_it(self) -> None:
        def body(case: Any, say: Any) -> None:
            with case.assertLogs("django.db.backends.base", "ERROR") as logged:
                with transaction.atomic():
                    transaction.on_commit(fail, robust=True)
                    self.later(say, "next")
                transaction.on_commit(fail, robust=True)
            for record in logged.records:
                say(record.getMessage())

        def fail() -> None:
            raise ValueError("no")

        name = fail.__qualname__
        self.assertEqual(
            self.run_steps(body),
            [
                "next",
                f"Error calling {name} in on_commit() during transaction (no).",
                f"Error calling {name} in on_commit() (no).",
            ],
        )

    def test_rule_holds_in_set_up_test_data(self) -> None:
        log: list[str] = []

        class Inner(ChannelTestCase):
            @classmethod
            def setUpTestData(cls) -> None:
                with transaction.atomic():
                    transaction.on_commit(lambda: log.append("committed"))
                log.append("set up")

            def test_it(self) -> None:
                log.append("test")

        self.assertEqual(run_case(Inner).texts, [])
        self.assertEqual(log, ["committed", "set up", "test"])

    def test_django_rule_runs_none(self) -> None:
        def body(case: Any, say: Any) -> None:
            with transaction.atomic():
                self.later(say, "never")
            self.later(say, "never")

        self.assertEqual(self.run_steps(body, "django"), [])

    def test_rule_holds_in_consumers_and_views(self) -> None:
        log: list[str] = []

        class Committing(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                await self.accept()
                await database_sync_to_async(self.write)()
                await self.send(",".join(log))

            def write(self) -> None:
                with transaction.atomic():
                    transaction.on_commit(lambda: log.append("committed"))
                    log.append("written")

        class Inner(WebsocketTestCase):
            def test_it(self) -> None:
                ann = self.connect("/", application=Committing.as_asgi())
                self.assertReceivesText(ann, "written,committed")

        self.assertEqual(run_case(Inner).texts, [])


class OwnershipTests(TransactionTestCase):
    """Another thread has a connection of its own, and is told."""

    def text(self, thread: str, line: str) -> str:
        return (
            f"A query on database 'default' came from thread {thread!r}, at {line}."
            " That thread has a connection of its own, which cannot see the rows of"
            " this test: they are in a transaction that is rolled back. Run the code"
            " thread-sensitively (sync_to_async() and database_sync_to_async() do by"
            " default), or use the Transaction flavor of the test case."
        )

    def test_plain_thread_is_refused_also_where_it_swallows_that(self) -> None:
        class Inner(ChannelTestCase):
            def test_it(self) -> None:
                thread = threading.Thread(target=self.swallow, name="importer")
                thread.start()
                thread.join()

            def swallow(self) -> None:
                with contextlib.suppress(DatabaseOwnershipError):
                    Note.objects.count()

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, DatabaseOwnershipError)
        line = Inner.swallow.__code__.co_firstlineno + 2
        self.assertEqual(
            str(error), self.text("importer", f"{__file__}:{line} in swallow()")
        )

    def test_job_of_a_pool_is_refused_and_its_awaiter_named(self) -> None:
        class Counting(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                await self.accept()
                count = sync_to_async(Note.objects.count, thread_sensitive=False)
                self.thread = await sync_to_async(
                    lambda: threading.current_thread().name, thread_sensitive=False
                )()
                await count()

        class Inner(WebsocketTestCase):
            def test_it(self) -> None:
                self.connect("/", application=Counting.as_asgi())

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, DatabaseOwnershipError)
        line = Counting.connect.__code__.co_firstlineno + 6
        self.assertRegex(str(error), r"^A query on database 'default' came from thread")
        self.assertIn(f", at {__file__}:{line} in connect(). That", str(error))

    def test_async_test_is_told_at_once(self) -> None:
        class Inner(ChannelTestCase):
            async def test_it(self) -> None:
                count = sync_to_async(Note.objects.count, thread_sensitive=False)
                with self.assertRaises(DatabaseOwnershipError):
                    await count()

        self.assertEqual(run_case(Inner).texts, [])

    def test_expected_one_fails_nothing(self) -> None:
        class Inner(ChannelTestCase):
            def test_it(self) -> None:
                with self.assertApplicationRaises(DatabaseOwnershipError):
                    thread = threading.Thread(target=self.count)
                    thread.start()
                    thread.join()

            def count(self) -> None:
                with self.assertRaises(DatabaseOwnershipError):
                    Note.objects.count()

        self.assertEqual(run_case(Inner).texts, [])


class BrokenTransactionTests(TransactionTestCase):
    """The later failure names the first one."""

    def break_it(self) -> None:
        with contextlib.suppress(IntegrityError):
            Note.objects.create(text="two", slug="same")

    def run_broken(self, case: type[TestCase]) -> str:
        (error,) = run_case(case).raised
        self.assertIsInstance(error, DatabaseError)
        self.assertEqual(error.args[0], str(error))
        return str(error)

    def first_error(self) -> str:
        if connection.vendor == "postgresql":
            return (
                "IntegrityError: duplicate key value violates unique constraint"
                ' "app_note_slug_key"\nDETAIL:  Key (slug)=(same) already exists.'
            )
        if connection.vendor == "mysql":
            return """IntegrityError: (1062, "Duplicate entry 'same' for key 'slug'")"""
        return "IntegrityError: UNIQUE constraint failed: app_note.slug"

    def test_error_that_was_caught_is_named_with_its_line(self) -> None:
        break_it = self.break_it

        class Inner(ChannelTestCase):
            def test_it(self) -> None:
                Note.objects.create(text="one", slug="same")
                break_it()
                Note.objects.count()

        line = type(self).break_it.__code__.co_firstlineno + 2
        self.assertEqual(
            self.run_broken(Inner).partition("\n"),
            (
                "An error occurred in the current transaction. You can't execute"
                " queries until the end of the 'atomic' block.",
                "\n",
                f"The transaction was broken before, at {__file__}:{line} in"
                f" break_it(), by {self.first_error()}\n{BROKEN}",
            ),
        )

    def test_error_in_a_consumer_is_named_with_the_line_that_awaits(self) -> None:
        class Careless(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                await self.accept()
                with contextlib.suppress(IntegrityError):
                    await Note.objects.acreate(text="two", slug="same")

        class Inner(WebsocketTestCase):
            def test_it(self) -> None:
                Note.objects.create(text="one", slug="same")
                self.connect("/", application=Careless.as_asgi())
                Note.objects.count()

        line = Careless.connect.__code__.co_firstlineno + 3
        self.assertIn(
            f"The transaction was broken before, at {__file__}:{line} in connect(),"
            f" by {self.first_error()}\n",
            self.run_broken(Inner),
        )

    def test_error_in_a_block_of_its_own_breaks_nothing(self) -> None:
        class Inner(ChannelTestCase):
            def test_it(self) -> None:
                Note.objects.create(text="one", slug="same")
                with self.assertRaises(IntegrityError), transaction.atomic():
                    Note.objects.create(text="two", slug="same")
                with self.assertRaises(IntegrityError) as caught:
                    Note.objects.create(text="three", slug="same")
                self.assertNotIn("broken", str(caught.exception))

        self.assertEqual(run_case(Inner).texts, [])

    def test_two_errors_of_their_own_are_not_mixed_up(self) -> None:
        class Inner(ChannelTestCase):
            def test_it(self) -> None:
                with connection.cursor() as cursor:
                    for table in ("nowhere", "elsewhere"):
                        with self.assertRaises(DatabaseError) as caught:
                            with transaction.atomic():
                                cursor.execute(f"SELECT * FROM {table}")
                        self.assertIn(table, str(caught.exception))
                        self.assertNotIn("broken", str(caught.exception))

        self.assertEqual(run_case(Inner).texts, [])


class TransactionFlavourTests(TransactionTestCase):
    """Everything is as in production, and cleaned up."""

    def assert_passes(self, case: type[TransactionTestCase]) -> InnerResult:
        result = run_case(case)
        self.assertEqual(result.texts, [])
        return result

    def test_other_thread_sees_what_was_committed_and_is_closed(self) -> None:
        opened: list[Any] = []

        class Inner(TransactionWebsocketTestCase):
            async def test_it(self) -> None:
                await Note.objects.acreate(text="committed")
                count = sync_to_async(self.count, thread_sensitive=False)
                self.assertEqual(await count(), 1)

            def count(self) -> int:
                opened.append(connection._connections[connection._alias])
                return Note.objects.count()

        if connection.vendor == "sqlite" and connection.is_in_memory_db():
            self.skipTest("in memory, each thread has a database of its own")
        self.assert_passes(Inner)
        self.assertIsNone(opened[0].connection)

    def test_callbacks_run_when_the_transaction_is_committed(self) -> None:
        log: list[str] = []

        class Inner(TransactionWebsocketTestCase):
            def test_it(self) -> None:
                with transaction.atomic():
                    transaction.on_commit(lambda: log.append("committed"))
                    log.append("block")

        self.assert_passes(Inner)
        self.assertEqual(log, ["block", "committed"])

    def test_channels_closes_connections_as_it_does(self) -> None:
        class Inner(TransactionWebsocketTestCase):
            def test_it(self) -> None:
                Note.objects.count()
                connection.close_at = 0
                connection.close_if_unusable_or_obsolete()
                self.assertIsNone(connection.connection)

        if connection.vendor == "sqlite" and connection.is_in_memory_db():
            self.skipTest("in memory, closing does nothing")
        self.assert_passes(Inner)

    def test_application_that_works_inside_a_block_leaves_it_open(self) -> None:
        class Inner(TransactionWebsocketTestCase):
            application = WebsocketConsumer.as_asgi()

            def test_it(self) -> None:
                with transaction.atomic():
                    Note.objects.create(text="kept")
                    self.connect("/").disconnect()
                self.assertEqual(Note.objects.count(), 1)

        self.assert_passes(Inner)

    def test_first_error_is_not_explained(self) -> None:
        class Inner(TransactionWebsocketTestCase):
            def test_it(self) -> None:
                Note.objects.create(text="one", slug="same")
                with self.assertRaises(IntegrityError):
                    Note.objects.create(text="two", slug="same")
                self.assertEqual(Note.objects.count(), 1)

        self.assert_passes(Inner)


class SimpleFlavourTests(unittest.TestCase):
    def test_no_connection_is_made_or_needed(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            def test_it(self) -> None:
                ann = self.connect("/", application=AsyncWebsocketConsumer.as_asgi())
                ann.disconnect()
                self.assertEqual(self._kit.database._own, {})
                # Channels asks about connections around each of its messages.
                self.connect("/", application=WebsocketConsumer.as_asgi())

        self.assertEqual(run_case(Inner).texts, [])
