"""One transaction for a test and its live server."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from asgiref.sync import async_to_sync, sync_to_async
from channels.consumer import SyncConsumer
from channels.db import database_sync_to_async
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    JsonWebsocketConsumer,
)
from channels.layers import get_channel_layer
from django.core.exceptions import ImproperlyConfigured
from django.db import (
    DatabaseError,
    IntegrityError,
    connection,
    connections,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import TransactionManagementError
from django.http import JsonResponse
from django.test import SimpleTestCase, override_settings
from django.urls import path

from channels_testkit import (
    Channel,
    LiveServerTestCase,
    RollbackLiveServerTestCase,
    WebsocketTestCase,
    apply_routes,
)
from channels_testkit.engine.one_transaction import (
    _TurnsInTransaction,
    in_one_transaction,
)
from channels_testkit.live.uvicorn import UvicornServer
from tests.app.models import Note
from tests.utils import OuterTestCase, notes_of, run_case

from .clients import dial, fetch, fetch_json, hear, say

#: Whom a view has told, on commit.
told = []


def count(request):
    return JsonResponse({"notes": Note.objects.count()})


async def acount(request):
    return JsonResponse({"notes": await Note.objects.acount()})


def add(request):
    Note.objects.create(text="of the view")
    connection.close()
    return count(request)


def add_and_fail(request):
    with transaction.atomic(savepoint="savepoint" in request.GET):
        Note.objects.create(text="taken back")
        raise LookupError("the view fails")


def add_twice(request):
    """Go on after a query that fails, outside of any block."""
    Note.objects.create(text="one", slug="one")
    try:
        Note.objects.create(text="two", slug="one")
    except IntegrityError:
        return count(request)
    raise AssertionError("the slug is there twice")


def bad_sql(request):
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")
    except DatabaseError:
        return count(request)
    raise AssertionError("there is no such table")


def tell(request):
    told.append("begins")
    with transaction.atomic(durable=True):
        Note.objects.create(text="of the view")
        transaction.on_commit(lambda: told.append(Note.objects.count()))
        told.append("ends")
    return JsonResponse({})


def set_autocommit(request):
    transaction.set_autocommit(False)
    return JsonResponse({})


def set_rollback(request):
    transaction.set_rollback(True)
    return JsonResponse({})


def facts(request):
    def seen():
        # That of the module has another name from Django 6.1 on.
        sid = connection.savepoint()
        if sid is not None:
            transaction.savepoint_commit(sid)
        return {"autocommit": transaction.get_autocommit(), "savepoint": bool(sid)}

    outside = seen()
    with transaction.atomic():
        return JsonResponse({"outside": outside, "inside": seen()})


def lock(request):
    return JsonResponse({"text": Note.objects.select_for_update().get().text})


def lock_in_block(request):
    with transaction.atomic():
        return lock(request)


@sync_to_async(thread_sensitive=False)
def in_any_thread(request):
    return add(request)


URLS = (
    path("count/", count),
    path("acount/", acount),
    path("add/", add),
    path("add-and-fail/", add_and_fail),
    path("add-twice/", add_twice),
    path("any-thread/", in_any_thread),
    path("bad-sql/", bad_sql),
    path("facts/", facts),
    path("lock/", lock),
    path("lock-in-block/", lock_in_block),
    path("set-autocommit/", set_autocommit),
    path("set-rollback/", set_rollback),
    path("tell/", tell),
)


class Writer(AsyncJsonWebsocketConsumer):
    groups = ("writers",)

    async def receive_json(self, content, **kwargs):
        await self.write(content)
        await self.channel_layer.group_send(
            "writers", {"type": "written", "notes": await Note.objects.acount()}
        )

    @database_sync_to_async
    def write(self, text):
        Note.objects.create(text=text)

    async def written(self, event):
        await self.send_json(event["notes"])


class SyncWriter(JsonWebsocketConsumer):
    """Writes in one block with what it sends."""

    def receive_json(self, content, **kwargs):
        with transaction.atomic():
            Note.objects.create(text=content)
            async_to_sync(get_channel_layer().group_send)(
                "writers", {"type": "written", "notes": Note.objects.count()}
            )


class Archivist(SyncConsumer):
    """Writes in a block, and tells the writers when that is committed."""

    def archive(self, message):
        with transaction.atomic():
            Note.objects.create(text="of the worker")
            transaction.on_commit(self.tell)

    def tell(self):
        written = {"type": "written", "notes": Note.objects.count()}
        async_to_sync(self.channel_layer.group_send)("writers", written)


routes = apply_routes(
    [
        path("ws/write/", Writer.as_asgi()),
        path("ws/sync/", SyncWriter.as_asgi()),
        {"archive": Archivist.as_asgi()},
    ]
)


@routes
@override_settings(ROOT_URLCONF=URLS)
class RollbackTests(RollbackLiveServerTestCase):
    worker_channels = ("archive",)

    @classmethod
    def setUpTestData(cls):
        cls.note = Note.objects.create(text="of the class", slug="class")

    def get(self, name):
        return fetch_json(f"{self.live_server_url}/{name}/")["notes"]

    def test_all_see_the_same_rows(self):
        Note.objects.create(text="of the test")
        self.assertEqual(self.get("add"), 3)
        self.assertEqual(self.get("acount"), 3)
        self.assertEqual(self.get("any-thread"), 4)
        self.assertEqual(Note.objects.count(), 4)

    def test_each_test_begins_with_the_rows_of_the_class(self):
        self.assertEqual(self.get("count"), 1)
        self.note.text = "changed"
        self.note.save()
        self.assertEqual(self.get("add"), 2)

    def test_each_test_begins_with_them_again(self):
        self.test_each_test_begins_with_the_rows_of_the_class()

    def test_sockets_and_a_client_in_process_are_in_it(self):
        ann, ben = dial(self, "/ws/write/"), dial(self, "/ws/sync/")
        eve = self.connect("/ws/write/")
        say(ann, "of ann")
        self.assertEqual(hear(ann), 2)
        self.assertReceivesJson(eve, 2)
        say(ben, "of ben")
        self.assertEqual(hear(ann), 3)
        self.assertReceivesJson(eve, 3)
        eve.send_json("of eve")
        self.assertEqual(hear(ann), 4)
        self.assertEqual(Note.objects.count(), 4)

    def test_a_worker_is_in_it(self):
        ann = dial(self, "/ws/write/")
        Channel("archive").send({"type": "archive"})
        self.assertEqual(hear(ann), 2)

    def test_sync_consumers_on_both_sides_take_turns(self):
        ann, ben = self.connect("/ws/write/"), self.connect("/ws/sync/")
        eve = dial(self, "/ws/sync/")
        for number in range(2, 8, 2):
            ben.send_json("of ben")
            self.assertReceivesJson(ann, number)
            say(eve, "of eve")
            self.assertReceivesJson(ann, number + 1)

    def test_threads_of_the_test_are_in_it(self):
        def make(slug):
            return Note.objects.get_or_create(slug=slug)[1]

        with ThreadPoolExecutor(4) as executor:
            made = list(executor.map(make, 8 * ["one"]))
        self.assertEqual(made.count(True), 1)

    def test_callbacks_of_the_server_are_captured(self):
        del told[:]
        with self.captureOnCommitCallbacks() as callbacks:
            fetch(f"{self.live_server_url}/tell/")
        self.assertEqual((len(callbacks), told), (1, ["begins", "ends"]))

    async def test_an_async_test_is_in_it(self):
        await Note.objects.acreate(text="of the test")
        found = await sync_to_async(self.get, thread_sensitive=False)("add")
        self.assertEqual(found, 3)
        self.assertEqual(await Note.objects.acount(), 3)

    def test_many_blocks_at_once_do_not_mix(self):
        with ThreadPoolExecutor(8) as executor:
            answers = [executor.submit(self.get, "add") for _ in range(12)]
            for _ in range(12):
                with self.assertRaises(LookupError), transaction.atomic():
                    Note.objects.create(text="taken back")
                    raise LookupError
            counts = {answer.result() for answer in answers}
        self.assertLessEqual(max(counts), 13 + 1)
        self.assertEqual(Note.objects.count(), 13)

    def test_a_view_that_fails_takes_only_its_own_back(self):
        Note.objects.create(text="of the test")
        for query in ("savepoint", ""):
            with self.subTest(query), self.assertApplicationRaises(LookupError):
                fetch(f"{self.live_server_url}/add-and-fail/?{query}")
            self.assertEqual(Note.objects.count(), 2)

    def test_a_query_that_fails_breaks_nothing(self):
        self.assertEqual(self.get("add-twice"), 2)
        self.assertEqual(self.get("bad-sql"), 2)
        with self.assertRaises(IntegrityError):
            Note.objects.create(text="of the test", slug="class")
        with self.assertRaises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")
        self.assertEqual(Note.objects.count(), 2)

    def test_a_query_that_fails_in_a_block_breaks_the_block(self):
        with self.assertRaises(IntegrityError), transaction.atomic():
            Note.objects.create(text="taken back")
            Note.objects.create(text="of the test", slug="class")
        self.assertEqual(self.get("count"), 1)

    def test_on_commit_runs_at_the_end_of_a_block(self):
        del told[:]
        fetch(f"{self.live_server_url}/tell/")
        self.assertEqual(told, ["begins", "ends", 2])

    def test_on_commit_may_wait_for_the_server(self):
        counts = []
        with transaction.atomic():
            Note.objects.create(text="of the test")
            transaction.on_commit(lambda: counts.append(self.get("count")))
        transaction.on_commit(lambda: counts.append(self.get("add")))
        self.assertEqual(counts, [2, 3])

    def test_the_test_counts_the_queries_of_the_server(self):
        with self.assertNumQueries(1):
            self.get("count")

    def test_autocommit_is_on_outside_of_a_block(self):
        self.assertEqual(
            fetch_json(f"{self.live_server_url}/facts/"),
            {
                "outside": {"autocommit": True, "savepoint": False},
                "inside": {"autocommit": False, "savepoint": True},
            },
        )

    def test_a_row_is_locked_in_a_block_alone(self):
        url = f"{self.live_server_url}/lock-in-block/"
        self.assertEqual(fetch_json(url), {"text": "of the class"})
        if connection.features.has_select_for_update:
            with self.assertApplicationRaises(TransactionManagementError):
                fetch(f"{self.live_server_url}/lock/")

    def test_the_end_of_the_transaction_is_refused(self):
        with self.assertApplicationRaises(TransactionManagementError) as caught:
            fetch(f"{self.live_server_url}/set-autocommit/")
        self.assertRegex(
            str(caught.exception),
            r"^commit\(\), rollback\(\) and set_autocommit\(\) would end the"
            r" transaction of this test, on database 'default', at .+test_rollback\.py:"
            r"\d+ in set_autocommit\(\)\. Use atomic\(\), or test this code in a"
            r" LiveServerTestCase\.$",
        )

    def test_a_rollback_outside_of_a_block_is_refused(self):
        with self.assertApplicationRaises(TransactionManagementError):
            fetch(f"{self.live_server_url}/set-rollback/")
        with transaction.atomic():
            Note.objects.create(text="taken back")
            transaction.set_rollback(True)
        self.assertEqual(self.get("count"), 1)

    def test_rows_come_in_chunks(self):
        Note.objects.bulk_create(Note(text=f"{n}") for n in range(9))
        texts = []
        for note in Note.objects.order_by("pk").iterator(chunk_size=2):
            texts.append(note.text)
            self.get("add")
        self.assertEqual(texts, ["of the class", *"012345678"])


class OnUvicornTests(RollbackTests):
    server_class = UvicornServer


@routes
@override_settings(ROOT_URLCONF=URLS)
class AtomicRequestsTests(RollbackLiveServerTestCase):
    @classmethod
    def setUpClass(cls):
        atomic = {"ATOMIC_REQUESTS": True}
        patch = mock.patch.dict(connections.settings["default"], atomic)
        cls.enterClassContext(patch)
        super().setUpClass()

    def test_a_whole_view_is_a_block(self):
        with self.assertApplicationRaises(LookupError):
            fetch(f"{self.live_server_url}/add-and-fail/")
        self.assertEqual(fetch_json(f"{self.live_server_url}/add/"), {"notes": 1})
        self.assertEqual(Note.objects.count(), 1)


def add_to_both(request):
    """Write to a database and, as it were, read from its replica."""
    with transaction.atomic(), transaction.atomic(using="replica"):
        Note.objects.create(text="of the view")
        return JsonResponse({"notes": Note.objects.using("replica").count()})


@override_settings(ROOT_URLCONF=(path("both/", add_to_both),))
class MirrorTests(RollbackLiveServerTestCase):
    """A replica, which is a mirror while tests run."""

    @classmethod
    def setUpClass(cls):
        aliases = ("default", "replica")
        # A runner would look for it in the settings.
        cls.enterClassContext(mock.patch.object(cls, "databases", aliases))
        test = {**connection.settings_dict["TEST"], "NAME": None, "MIRROR": "default"}
        replica = {**connection.settings_dict, "TEST": test}
        cls.enterClassContext(
            mock.patch.dict(connections.settings, {"replica": replica})
        )
        cls.addClassCleanup(connections.__delitem__, "replica")
        # Its own close() does nothing for a database in memory.
        cls.addClassCleanup(BaseDatabaseWrapper.close, connections["replica"])
        super().setUpClass()

    @classmethod
    def setUpTestData(cls):
        Note.objects.create(text="of the class")

    def test_it_is_the_connection_of_its_database(self):
        with self.assertMaxQueries(6):
            found = fetch_json(f"{self.live_server_url}/both/")
        self.assertEqual(found, {"notes": 2})
        self.assertEqual(Note.objects.using("replica").count(), 2)

    def test_each_test_begins_with_the_rows_of_the_class(self):
        self.test_it_is_the_connection_of_its_database()


@override_settings(ROOT_URLCONF=URLS)
class WaitingTests(OuterTestCase):
    def test_a_client_that_gives_up_in_a_block_is_told(self):
        waits = threading.Event()

        def seconds(_turns):
            # It is asked for when a thread begins to wait.
            waits.set()
            return 10.0

        class Inner(RollbackLiveServerTestCase):
            def test_it(self):
                url = f"{self.live_server_url}/count/"
                with ThreadPoolExecutor(1) as executor, transaction.atomic():
                    executor.submit(fetch, url)
                    waits.wait(10)
                    raise TimeoutError("timed out")

        with mock.patch.object(_TurnsInTransaction, "seconds", property(seconds)):
            (error,) = run_case(Inner).raised
        self.assertIsInstance(error, TimeoutError)
        self.assertRegex(
            notes_of(error)[0],
            r"^Meanwhile the test is inside the atomic\(\) block entered at"
            r" test_rollback\.py:\d+ in test_it\(\), and http /count/ has waited for"
            r" its end, at test_rollback\.py:\d+ in count\(\)\."
            r" All threads of a RollbackLiveServerTestCase share one connection, in",
        )


class StuckTests(OuterTestCase):
    def setUp(self):
        self.has_begun, self.may_end = threading.Event(), threading.Event()
        self.has_ended = threading.Event()
        self.raised = []
        self.addCleanup(self.has_ended.wait, 10)
        self.addCleanup(self.may_end.set)

    def hold(self, *_):
        try:
            with transaction.atomic(), transaction.atomic():
                Note.objects.create(text="held")
                self.has_begun.set()
                self.may_end.wait(10)
                Note.objects.create(text="of a test that has ended")
        except DatabaseError as error:
            self.raised.append(str(error))
        finally:
            self.has_ended.set()

    def run_tests(self, hold):
        outer = self

        class Holding(JsonWebsocketConsumer):
            def receive_json(self, content, **kwargs):
                outer.hold()

        class Inner(RollbackLiveServerTestCase):
            hang_timeout = 0.2
            check_leaks = "off"

            @classmethod
            def setUpTestData(cls):
                Note.objects.create(text="of the class")

            def test_1(self):
                hold(self)
                outer.has_begun.wait(10)

            def test_2(self):
                self.assertEqual(Note.objects.count(), 1)
                outer.may_end.set()
                outer.has_ended.wait(10)
                found = fetch_json(f"{self.live_server_url}/count/")
                self.assertEqual(found, {"notes": 1})

        routes = apply_routes([path("hold/", Holding.as_asgi())])
        with override_settings(ROOT_URLCONF=URLS):
            return run_case(routes(Inner))

    def check(self, text, who):
        self.assertRegex(
            text,
            rf"^The test has ended while {who} is inside the atomic\(\) block entered"
            r" at test_rollback\.py:\d+ in hold\(\)\. The block is rolled back with"
            r" it\.$",
        )
        (refused,) = self.raised
        self.assertRegex(
            refused,
            r"^A query on database 'default', at test_rollback\.py:\d+ in hold\(\), is"
            r" in an atomic\(\) block that was rolled back when its test ended\.$",
        )

    def test_a_consumer_that_holds_its_block_is_told(self):
        hang, block = self.run_tests(lambda case: say(dial(case, "/hold/"), {})).texts
        self.assertIn("did not come to rest within 0.2 s", hang)
        self.check(block, "websocket /hold/")

    def test_a_thread_that_holds_its_block_is_told(self):
        thread = threading.Thread(target=self.hold)
        (block,) = self.run_tests(lambda _: thread.start()).texts
        self.check(block, "thread '.+'")

    def test_a_thread_that_begins_a_query_is_left_alone(self):
        turns = _TurnsInTransaction([connection], lambda: 1.0)
        turns.take()
        with ThreadPoolExecutor(1) as executor:
            (held,) = executor.submit(list, turns.take_back(0)).result()
        self.assertRegex(
            held,
            r"^thread 'MainThread' is running a query of an unknown line\."
            r" The rollback waits for it\.$",
        )
        self.assertTrue(turns.are_mine)
        turns.end()


class QueryUnderWayTests(OuterTestCase):
    """The end of a test waits for the driver, whoever has the turn."""

    def take_back_amid_a_query(self, depth):
        """Return what a test is told that ends amid a query of another."""
        turns = _TurnsInTransaction([connection], lambda: 1.0)
        ended = threading.Event()
        told = []

        def end():
            told.extend(turns.take_back(0))
            ended.set()

        def amid_a_query(sql, params, many, context):
            thread.start()
            self.assertFalse(ended.wait(0.05))

        thread = threading.Thread(target=end)
        with contextlib.ExitStack() as blocks, connection.cursor() as cursor:
            for _ in range(depth):
                turns.take()
                blocks.callback(turns.end)
                turns.note_block()
            context = {"connection": connection, "cursor": cursor}
            turns.execute(amid_a_query, "", (), many=False, ctx=context)
            thread.join(10)
            self.assertTrue(ended.is_set())
        self.assertFalse(turns.are_lost)
        (text,) = told
        return text

    def test_outside_of_a_block_it_goes_on(self):
        self.assertRegex(
            self.take_back_amid_a_query(0),
            r"^thread 'MainThread' is running a query of"
            r" QueryUnderWayTests\.take_back_amid_a_query\(\)"
            r" \(test_rollback\.py:\d+\)\. The rollback waits for it\.$",
        )

    def test_in_a_block_it_goes_on_and_the_block_is_lost(self):
        self.assertRegex(
            self.take_back_amid_a_query(2),
            r"^the test is inside the atomic\(\) block entered at test_rollback\.py:"
            r"\d+ in take_back_amid_a_query\(\)\. The block is rolled back with it\.$",
        )

    def test_a_cursor_is_closed_when_it_has_ended(self):
        turns = _TurnsInTransaction([connection], lambda: 1.0)

        def is_at_rest():
            with ThreadPoolExecutor(1) as executor:
                return executor.submit(turns._driver.acquire, blocking=False).result()

        at_rest = []
        wrapper = connection.cursor()
        with wrapper:
            real = wrapper.cursor
            closing = mock.Mock(wraps=real, description=None)
            closing.close = lambda: at_rest.append(is_at_rest())
            wrapper.cursor = closing
            context = {"connection": connection, "cursor": wrapper}
            turns.execute(lambda *_: None, "", (), many=False, ctx=context)
        real.close()
        self.assertEqual(at_rest, [False])


class AfterwardsTests(OuterTestCase):
    def test_the_class_goes_on_when_a_test_has_ended_its_transaction(self):
        class Inner(RollbackLiveServerTestCase):
            @classmethod
            def setUpTestData(cls):
                Note.objects.create(text="of the class")

            def test_1(self):
                connection.connection.rollback()

            def test_2(self):
                found = fetch_json(f"{self.live_server_url}/count/")
                self.assertEqual(found, {"notes": 1})

        with override_settings(ROOT_URLCONF=URLS):
            (text,) = run_case(Inner).texts
        self.assertIn("This test has ended the transaction that it runs in", text)
        self.assertEqual(Note.objects.count(), 0)

    def test_a_class_that_fails_to_begin_or_to_end_leaves_nothing(self):
        class Beginning(RollbackLiveServerTestCase):
            @classmethod
            def setUpClass(cls):
                super().setUpClass()
                Note.objects.create(text="of the class")
                raise LookupError

            def test_it(self):
                self.fail("it ran")

        class Ending(RollbackLiveServerTestCase):
            @classmethod
            def setUpTestData(cls):
                Note.objects.create(text="of the class")

            @classmethod
            def tearDownClass(cls):
                raise LookupError

            def test_it(self):
                self.assertEqual(Note.objects.count(), 1)

        for case in (Beginning, Ending):
            with self.subTest(case.__name__):
                (error,) = run_case(case).raised
                self.assertIsInstance(error, LookupError)
                self.assertFalse(connection.in_atomic_block)
                self.assertEqual(Note.objects.count(), 0)

    def test_nothing_is_left(self):
        class Inner(RollbackTests):
            pass

        names = ("test_all_see_the_same_rows", "test_a_query_that_fails_breaks_nothing")
        result = run_case(Inner, *names)
        self.assertEqual(result.texts, [])
        self.assertEqual(Note.objects.count(), 0)
        own = vars(connections["default"])
        ours = {"get_autocommit", "set_rollback", "validate_no_atomic_block"}
        self.assertEqual(own.keys() & ours, set())

    def test_start_up_and_shutdown_are_in_the_transaction(self):
        seen = []

        async def application(scope, receive, send):
            if scope["type"] != "lifespan":
                await Writer.as_asgi()(scope, receive, send)
                return
            await receive()
            await Note.objects.acreate(text="of the start-up")
            await send({"type": "lifespan.startup.complete"})
            await receive()
            seen.append(await Note.objects.acount())
            await send({"type": "lifespan.shutdown.complete"})

        class Inner(RollbackLiveServerTestCase):
            run_lifespan = "class"

            def test_it(self):
                self.assertEqual(Note.objects.count(), 1)
                ann = dial(self, "/")
                say(ann, "of ann")
                self.assertEqual(hear(ann), 2)

            test_again = test_it

        Inner.application = application
        self.assertEqual(run_case(Inner).texts, [])
        self.assertEqual(seen, [1])
        self.assertEqual(Note.objects.count(), 0)

    def test_a_test_that_fails_in_a_block_leaves_nothing(self):
        class Inner(RollbackLiveServerTestCase):
            def test_1(self):
                with transaction.atomic():
                    Note.objects.create(text="taken back")
                    raise LookupError

            def test_2(self):
                self.assertEqual(Note.objects.count(), 0)

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, LookupError)


class MisuseTests(OuterTestCase):
    def test_a_connection_in_no_transaction_is_refused(self):
        with self.assertRaisesMessage(
            ImproperlyConfigured,
            "Database 'default' has no transaction that is rolled back after this test:"
            " its engine has none, or the test commits. Use"
            " LiveServerTestCase, or the fixture channels_live_server.",
        ):
            in_one_transaction([connection], lambda: 1.0)

    def test_a_database_without_transactions_is_refused(self):
        class Inner(RollbackLiveServerTestCase):
            def test_it(self):
                self.fail("it ran")

        features = connection.features
        with mock.patch.object(features, "supports_transactions", new=False):
            (error,) = run_case(Inner).raised
        self.assertIsInstance(error, ImproperlyConfigured)


class FlavourTests(SimpleTestCase):
    def test_it_is_a_test_case_of_django(self):
        django, kit = WebsocketTestCase.__bases__[1], RollbackLiveServerTestCase
        self.assertTrue(issubclass(kit, django))
        self.assertFalse(issubclass(LiveServerTestCase, django))
