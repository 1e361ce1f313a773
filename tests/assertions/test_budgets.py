from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from channels.consumer import AsyncConsumer, SyncConsumer
from channels.db import database_sync_to_async
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import override_settings
from django.urls import path

from channels_testkit import (
    Channel,
    Group,
    HttpCommunicator,
    SimpleWebsocketTestCase,
    TransactionWebsocketTestCase,
    WebsocketTestCase,
    apply_routes,
)
from channels_testkit.asgi.recorder import handling_followers
from channels_testkit.engine.recorded import query_followers
from channels_testkit.layers.recorded import taking_followers
from tests.app import asgi
from tests.app.models import Note
from tests.app.querying import QueryingConsumer, SyncQueryingConsumer, count_notes
from tests.layers.test_real import REAL
from tests.utils import OuterTestCase, run_case, told_with

ASYNC = QueryingConsumer.as_asgi()
SYNC = SyncQueryingConsumer.as_asgi()
WAYS = [
    {"items": ["tea", "milk"]},
    {"tell": "tea"},
]


class LaterConsumer(AsyncJsonWebsocketConsumer):
    """Queries in a task, in threads, and after it has waited."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if content == "task":
            self.task = asyncio.create_task(Note.objects.acount())
        elif content == "threads":
            await asyncio.gather(*(database_sync_to_async(count_notes)() for _ in "ab"))
        elif content == "wait":
            await self.wait()
        elif content == "again":
            await self.dispatch({"type": "counted"})
            await Note.objects.acount()
        elif content == "fails inside":
            with contextlib.suppress(LookupError):
                await self.dispatch({"type": "failing"})
            await Note.objects.acount()
        elif content == "raise":
            await Note.objects.acount()
            raise ValueError("tea")

    async def wait(self) -> None:
        message = await self.channel_layer.receive("go")
        await Note.objects.filter(text=message["text"]).acount()

    async def counted(self, event: dict[str, Any]) -> None:
        await Note.objects.acount()

    async def failing(self, event: dict[str, Any]) -> None:
        raise LookupError("tea")


class UnequalConsumer(QueryingConsumer):
    """Makes a query for each letter of its name, of each message."""

    async def told(self, event: dict[str, Any]) -> None:
        for _ in self.scope["url_route"]["kwargs"]["name"]:
            await Note.objects.acount()


class CountingWorker(AsyncConsumer):
    async def count(self, message: dict[str, Any]) -> None:
        for _ in range(message["times"]):
            await Note.objects.acount()


class CountingPage(AsyncHttpConsumer):
    async def handle(self, body: bytes) -> None:
        count = await Note.objects.acount()
        await self.send_response(200, str(count).encode())


PAGE: Any = CountingPage.as_asgi()


class SyncCountingWorker(SyncConsumer):
    def count(self, message: dict[str, Any]) -> None:
        for _ in range(message["times"]):
            count_notes()


class BudgetTests(WebsocketTestCase):
    ws_path = "/"

    def tearDown(self) -> Any:
        followers = [*query_followers, *taking_followers, *handling_followers]
        self.assertEqual(followers, [])
        return super().tearDown()

    def assertOver(self, text: str) -> Any:
        return self.assertRaisesRegex(AssertionError, text)

    def test_each_event_has_a_budget_of_its_own(self) -> None:
        for application in (ASYNC, SYNC):
            with self.subTest(str(application)):
                ann = self.connect(application=application)
                with self.assertMaxQueries(2, per="event"):
                    for way in WAYS:
                        ann.send_json(way)
                with self.assertOver("made 2 queries for one event of"):
                    with self.assertMaxQueries(1, per="event"):
                        for way in WAYS:
                            ann.send_json(way)

    async def test_an_async_test_counts_as_well(self) -> None:
        for application in (ASYNC, SYNC):
            async with self.aconnect(application=application) as ann:
                with self.assertMaxQueries(2, per="event"):
                    await ann.send_json_to(WAYS[0])
                with self.assertOver("made 2 queries for one event of"):
                    with self.assertMaxQueries(1, per="event"):
                        await ann.send_json_to(WAYS[0])
                with self.assertOver("The only receiver of a message to group"):
                    with self.assertMaxQueries(0, per="receiver"):
                        await ann.send_json_to(WAYS[1])

    def test_each_receiver_has_a_budget_of_its_own(self) -> None:
        for application in (ASYNC, SYNC):
            with self.subTest(str(application)):
                with self.connect(application=application) as ann:
                    with self.connect(application=application):
                        with self.assertMaxQueries(1, per="receiver"):
                            ann.send_json({"items": ["tea", "milk"], "tell": "tea"})
                        with self.assertOver("Each of the 2 receivers of a message"):
                            with self.assertMaxQueries(0, per="receiver"):
                                ann.send_json({"tell": "tea"})

    def test_receivers_that_differ_are_told_apart(self) -> None:
        names = ("a", "bob", "cleo")
        unequal = UnequalConsumer.as_asgi()
        a, *_ = (
            self.connect(application=unequal, path_kwargs={"name": name}, name=name)
            for name in names
        )
        text = "2 of the 3 receivers of .* made up to 4 queries, at most 2 expected"
        with self.assertOver(text) as caught:
            with self.assertMaxQueries(2, per="receiver"):
                a.send_json({"tell": "tea"})
        # They may get it in any order.
        for told in ("a (/) (1 query)", "bob (/) (3 queries)", "cleo (/) (4 queries)"):
            self.assertIn(told, str(caught.exception))

    def test_two_messages_do_not_add_up(self) -> None:
        ann = self.connect(application=ASYNC)
        with self.assertMaxQueries(1, per="receiver"):
            ann.send_json({"tell": "tea"})
            ann.send_json({"tell": "milk"})

    def test_a_message_of_the_test_to_a_group_counts(self) -> None:
        self.connect(application=ASYNC)
        with self.assertOver("The only receiver of a message to group 'listeners'"):
            with self.assertMaxQueries(0, per="receiver"):
                Group("listeners").send({"type": "told", "text": "tea"})

    def test_other_events_over_it_are_listed(self) -> None:
        ann, ben = (self.connect(application=ASYNC, name=name) for name in ("ann", "b"))
        with self.assertOver("one event of ann") as caught:
            with self.assertMaxQueries(0, per="event"):
                ann.send_json({"items": ["tea"]})
                ben.send_json({"items": ["tea", "milk"]})
        text = (
            "\nOther events with more than 0:\n  QueryingConsumer.websocket_receive()"
        )
        self.assertIn(f"{text} of b (/): 2 queries\n", f"{caught.exception}\n")

    def test_what_a_handler_starts_counts_for_its_event(self) -> None:
        ann = self.connect(application=LaterConsumer.as_asgi())
        for way, count in (("task", 1), ("threads", 2), ("again", 1)):
            with self.subTest(way):
                with self.assertMaxQueries(count, per="event"):
                    ann.send_json(way)
                with self.assertOver(f"made {count} quer"):
                    with self.assertMaxQueries(count - 1, per="event"):
                        ann.send_json(way)

    def test_a_handler_goes_on_when_one_that_it_dispatches_fails(self) -> None:
        ann = self.connect(application=LaterConsumer.as_asgi())
        with self.assertOver(r"LaterConsumer.websocket_receive\(\) made 1 query"):
            with self.assertMaxQueries(0, per="event"):
                ann.send_json("fails inside")

    def test_a_handler_that_began_before_the_block_counts(self) -> None:
        ann = self.connect(application=LaterConsumer.as_asgi())
        ben = self.connect(application=LaterConsumer.as_asgi())
        ann.send_json("wait")
        with self.assertOver("made 1 query for one event of"):
            with self.assertMaxQueries(0, per="event"):
                Channel("go").send({"type": "go", "text": "tea"})
                ben.send_json("nothing")

    def test_workers_count(self) -> None:
        for worker in (CountingWorker, SyncCountingWorker):
            routes = {"counts": worker.as_asgi()}
            with self.subTest(str(worker)), apply_routes(routes), self.run_worker():
                with self.assertMaxQueries(2, per="event"):
                    Channel("counts").send({"type": "count", "times": 2})
                text = rf"{worker.__name__}.count\(\) made 2 .* of worker 'counts', at"
                with self.assertOver(text):
                    with self.assertMaxQueries(1, per="event"):
                        Channel("counts").send({"type": "count", "times": 2})

    async def test_requests_to_a_consumer_count(self) -> None:
        with self.assertMaxQueries(1, per="event"):
            await HttpCommunicator(PAGE, "GET", "/").get_response()
        with self.assertOver(r"CountingPage.http_request\(\) made 1 query"):
            with self.assertMaxQueries(0, per="event"):
                await HttpCommunicator(PAGE, "GET", "/").get_response()

    def test_a_block_can_be_entered_again(self) -> None:
        ann = self.connect(application=ASYNC)
        block = self.assertMaxQueries(2, per="event")
        for _ in range(2):
            with block:
                ann.send_json(WAYS[0])
        with self.assertOver("No consumer handled"), block:
            pass

    def test_a_block_counts_the_test_as_well(self) -> None:
        with self.assertMaxQueries(1):
            count_notes()
        with self.assertOver("The block made 2 queries, at most 1 expected"):
            with self.assertMaxQueries(1):
                count_notes()
                count_notes()

    def test_repeated_queries_come_with_advice(self) -> None:
        for query, advice in (
            (count_notes, r"comes 2 times: fetch the rows at once"),
            (Note.objects.create, r"comes 2 times: write the rows at once"),
            (Note.objects.all().delete, r"comes 2 times: write the rows at once"),
        ):
            with self.assertOver(advice), self.assertMaxQueries(0):
                for _ in "ab":
                    query()

    def test_blocks_of_atomic_do_not_count(self) -> None:
        with self.assertMaxQueries(1), transaction.atomic(), transaction.atomic():
            count_notes()

    def test_queries_of_the_library_do_not_count(self) -> None:
        who = asgi.application
        ann = User.objects.create_user("ann")
        with self.assertMaxQueries(2, per="event"):
            # The application's own: the session and its user.
            self.connect("/ws/who/", application=who, user=ann)
        with self.assertMaxQueries(2):
            self.connect("/ws/who/", application=who, user=ann)

    def test_blocks_can_be_nested(self) -> None:
        ann = self.connect(application=ASYNC)
        with self.assertOver("The block made 3 queries"):
            with self.assertMaxQueries(2):
                with self.assertMaxQueries(2, per="event"):
                    ann.send_json({"items": ["tea", "milk"]})
                with self.assertMaxQueries(1):
                    count_notes()

    def test_its_text_is_bounded(self) -> None:
        clients = [
            self.connect(application=ASYNC, name="n" * 300 + str(number))
            for number in range(40)
        ]
        with self.assertRaises(AssertionError) as caught:
            with self.assertMaxQueries(0, per="receiver"):
                clients[0].send_json({"tell": "x" * 60_000})
        self.assertLess(len(told_with(caught.exception)), 20_000)
        with self.assertRaises(AssertionError) as caught:
            with self.assertMaxQueries(0), connection.cursor() as cursor:
                for number in range(500):
                    cursor.execute(f"SELECT {number} /* {'x' * 60_000} */")
        self.assertLess(len(told_with(caught.exception)), 20_000)

    def test_an_exception_in_the_block_comes_out(self) -> None:
        with self.assertRaisesRegex(KeyError, "tea"), self.assertMaxQueries(0):
            count_notes()
            raise KeyError("tea")

    def test_an_exception_of_the_application_comes_out(self) -> None:
        ann = self.connect(application=LaterConsumer.as_asgi())
        with self.assertRaisesRegex(ValueError, "tea"):
            with self.assertMaxQueries(0, per="event"):
                ann.send_json("raise")

    def test_a_database_can_be_named(self) -> None:
        with self.assertMaxQueries(1, using="default"):
            count_notes()
        with self.assertRaisesRegex(ValueError, "'replica'.*are 'default'"):
            self.assertMaxQueries(1, using="replica")

    def test_a_message_of_the_test_is_on_the_first_line(self) -> None:
        with self.assertOver("^The block made 1 query, at most 0 expected : why\n"):
            with self.assertMaxQueries(0, msg="why"):
                count_notes()

    def test_what_is_no_budget_is_refused(self) -> None:
        wrong: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
            (True, {}, TypeError, "a number of queries, not True"),
            ("3", {}, TypeError, "a number of queries, not '3'"),
            (None, {}, TypeError, "a number of queries, not None"),
            (-1, {}, ValueError, "give a number of 0 or more"),
            (1, {"per": "member"}, ValueError, "not 'member'"),
            (1, {"per": ["event"]}, ValueError, r"not \['event'\]"),
            (1, {"using": 3}, ValueError, "using=3"),
        ]
        for num, options, kind, text in wrong:
            with self.subTest(text), self.assertRaisesRegex(kind, text):
                self.assertMaxQueries(num, **options)


class RoutedTests(WebsocketTestCase):
    application: Any = ProtocolTypeRouter(
        {"websocket": URLRouter([path("listen/", ASYNC)])}
    )

    def test_a_routed_consumer_counts(self) -> None:
        ann = self.connect("/listen/")
        with self.assertMaxQueries(2, per="event"):
            ann.send_json(WAYS[0])
        with self.assertRaises(AssertionError), self.assertMaxQueries(1, per="event"):
            ann.send_json(WAYS[0])


class CommittingTests(TransactionWebsocketTestCase):
    def test_queries_of_a_test_that_commits_count(self) -> None:
        for application in (ASYNC, SYNC):
            with self.subTest(str(application)):
                ann = self.connect("/", application=application)
                with self.assertMaxQueries(2, per="event"):
                    ann.send_json(WAYS[0])
                with self.assertRaises(AssertionError):
                    with self.assertMaxQueries(1, per="event"):
                        ann.send_json(WAYS[0])


class WithoutDatabaseTests(SimpleWebsocketTestCase):
    def test_it_may_make_no_query(self) -> None:
        ann = self.connect("/", application=ASYNC)
        with self.assertMaxQueries(0, per="event"):
            ann.send_json({})


class RealLayerTests(OuterTestCase):
    def test_receivers_are_not_followed_on_a_real_layer(self) -> None:
        class RealTests(WebsocketTestCase):
            layer_source = "configured"

            def test_receivers(self) -> None:
                self.assertMaxQueries(1, per="receiver")

        with override_settings(CHANNEL_LAYERS=REAL):
            (text,) = run_case(RealTests).texts
        self.assertIn("use per='event'", text)
