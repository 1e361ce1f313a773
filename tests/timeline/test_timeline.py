"""What the timeline of a test shows, and in which order."""

from __future__ import annotations

import asyncio
import functools
import re
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from channels.consumer import AsyncConsumer
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.test import override_settings

from channels_testkit import (
    Channel,
    ChannelClient,
    Group,
    HttpCommunicator,
    ProtocolError,
    SimpleWebsocketTestCase,
    TransactionWebsocketTestCase,
    WebsocketTestCase,
    apply_routes,
    explore_schedules,
)
from channels_testkit.timeline.recording import Recording, record
from channels_testkit.timeline.story import Story
from channels_testkit.timeline.timeline import Timeline
from tests.app.models import Note
from tests.utils import OuterTestCase, run_case


def lines(timeline: object) -> list[str]:
    """Return the lines without numbers, times and places, and wide gaps."""
    found = []
    for line in str(timeline).splitlines()[1:]:
        words = re.sub(r"^ +\d+ +(\+[\d.]+ s)?|,?( called)? at \w+\.py:\d+", "", line)
        found.append(re.sub(r" {2,}", " ", words.strip()))
    return found


class Desk(AsyncJsonWebsocketConsumer):
    """Does what it is asked to, in the ways that consumers do things."""

    groups = ("desks",)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await getattr(self, content)()

    async def note(self) -> None:
        await Note.objects.acreate(text="one")

    async def notes(self) -> None:
        await self.write_notes()

    @database_sync_to_async
    def write_notes(self) -> None:
        for number in range(3):
            Note.objects.create(text=str(number))
        Note.objects.filter(text="1").delete()

    async def compute(self) -> None:
        await sync_to_async(sum)([1, 2])

    async def order(self) -> None:
        await self.channel_layer.send("jobs", {"type": "make", "what": "tea"})

    async def fail(self) -> None:
        raise ValueError("asked for")

    async def slow(self) -> None:
        await self.tell_all()
        await asyncio.sleep(5)
        await self.send_json("slow")

    async def tell_all(self) -> None:
        await self.channel_layer.group_send("desks", {"type": "desk.tell", "n": 1})

    async def tell_in_thread(self) -> None:
        await sync_to_async(self.send_from_thread)()

    def send_from_thread(self) -> None:
        send = async_to_sync(self.channel_layer.group_send)
        send("desks", {"type": "desk.tell", "n": 1})

    async def desk_tell(self, event: dict[str, Any]) -> None:
        del event["type"]  # Some code passes the rest on.
        await self.send_json(event["n"])


class Maker(AsyncConsumer):
    async def make(self, message: dict[str, Any]) -> None:
        if message["what"] == "trouble":
            raise LookupError("no trouble here")
        await self.channel_layer.group_send("desks", {"type": "desk.tell", "n": 2})


class DeskTestCase(WebsocketTestCase):
    application: Any = Desk.as_asgi()
    ws_path = "/"
    maxDiff = None


OPENED = [
    "ann -> connect /",
    "ann joins group 'desks'",
    "ann <- accept",
    "ben -> connect /",
    "ben joins group 'desks'",
    "ben <- accept",
]
TELL = "{'type': 'desk.tell', 'n': 1}"


class LineTests(DeskTestCase):
    def setUp(self) -> None:
        self.ann, self.ben = self.connect(name="ann"), self.connect(name="ben")

    def new_lines(self) -> list[str]:
        """Return what is new since both have connected."""
        found = lines(self.timeline)
        self.assertEqual(found[: len(OPENED)], OPENED)
        return found[len(OPENED) :]

    def test_a_broadcast(self) -> None:
        self.ann.send_json("tell_all")
        self.assertEqual(
            self.new_lines(),
            [
                'ann -> text "tell_all"',
                f"ann sends to group 'desks' (ann, ben): {TELL}",
                "ann Desk.desk_tell() runs",
                "ann <- text 1",
                "ben Desk.desk_tell() runs",
                "ben <- text 1",
            ],
        )

    def test_a_message_to_many_has_room_for_the_message(self) -> None:
        for number in range(20):
            self.connect(name=f"visitor {number}")
        self.ann.send_json("tell_all")
        names = "ann, ben, visitor 0, visitor 1, visitor 2, visitor 3, visitor 4"
        self.assertIn(
            f"ann sends to group 'desks' ({names}, and 15 more): {TELL}",
            self.new_lines(),
        )

    def test_a_message_has_the_line_that_sends_it(self) -> None:
        self.ann.send_json("tell_all")
        self.ann.send_json("tell_in_thread")
        here = Path(__file__).name
        code = [
            it.__code__
            for it in (Desk.tell_all, Desk.send_from_thread, Desk.receive_json)
        ]
        lines = [line.co_firstlineno for line in code]
        found = re.findall(r"\(ann, ben\) at (.*): {", str(self.timeline))
        called = f"{here}:{lines[0] + 1}, called at {here}:{lines[2] + 1}"
        self.assertEqual(found, [called, f"{here}:{lines[1] + 2}"])

    def test_a_query_has_the_line_that_asks_for_it(self) -> None:
        self.ann.send_json("note")
        (_, line) = self.new_lines()
        pattern = r"ann Desk\.note\(\) \(test_timeline\.py:\d+\): INSERT app_note"
        self.assertRegex(line, f"^{pattern}$")

    def test_queries_of_one_job_are_one_line(self) -> None:
        self.ann.send_json("notes")
        (_, line, end) = self.new_lines()
        self.assertEqual(end, "ann commits atomic()")  # that of delete()
        said = "4 queries: 3 times INSERT app_note, DELETE app_note"
        self.assertTrue(line.endswith(f": {said}"), line)

    def test_a_job_without_a_query(self) -> None:
        self.ann.send_json("compute")
        (_, line) = self.new_lines()
        self.assertRegex(line, r"^ann Desk\.compute\(\) \(.+:\d+\) runs sum\(\)$")

    def test_a_worker(self) -> None:
        with apply_routes({"jobs": Maker.as_asgi()}), self.run_worker():
            self.ann.send_json("order")
        self.assertEqual(
            self.new_lines(),
            [
                'ann -> text "order"',
                "ann sends to channel 'jobs': {'type': 'make', 'what': 'tea'}",
                "worker 'jobs' Maker.make() runs",
                "worker 'jobs' sends to group 'desks' (ann, ben):"
                " {'type': 'desk.tell', 'n': 2}",
                "ann Desk.desk_tell() runs",
                "ann <- text 2",
                "ben Desk.desk_tell() runs",
                "ben <- text 2",
            ],
        )

    def test_one_message_for_a_worker(self) -> None:
        with apply_routes({"jobs": Maker.as_asgi()}):
            ChannelClient().send_and_consume("jobs", {"type": "make", "what": "tea"})
        self.assertIn("worker 'jobs' Maker.make() runs", self.new_lines())

    def test_exceptions_are_told_once(self) -> None:
        with self.assertApplicationRaises(ValueError):
            self.ann.send_json("fail")
        with apply_routes({"jobs": Maker.as_asgi()}), self.run_worker():
            with self.assertApplicationRaises(LookupError):
                Channel("jobs").send({"type": "make", "what": "trouble"})
        found = [line for line in self.new_lines() if "rais" in line]
        self.assertEqual(
            found,
            [
                "ann <- raised ValueError: asked for",
                "worker 'jobs' raises LookupError: no trouble here",
            ],
        )

    def test_a_breach_is_told_once(self) -> None:
        with self.assertRaises(ProtocolError):
            self.connect(subprotocols=["chat"])
        found = [line for line in self.new_lines() if "rais" in line]
        self.assertEqual(len(found), 1, found)
        self.assertIn("connection 3 <- raised ProtocolError: ", found[0])

    def test_the_kits_own_login_is_not_in_it(self) -> None:
        self.connect(user=get_user_model().objects.create_user("cal"))
        self.assertNotIn("the test commits atomic()", self.new_lines())

    def test_a_message_lost_for_the_only_member(self) -> None:
        self.ben.disconnect()
        with self.layer_faults(lose=1, channel=self.ann):
            Group("desks").send({"type": "desk.tell", "n": 1})
        last = self.new_lines()[-1]
        self.assertEqual(
            last,
            f"the test sends to group 'desks' (no receivers), lost for ann: {TELL}",
        )

    def test_the_test_sends_and_writes(self) -> None:
        Note.objects.create(text="one")
        with transaction.atomic():
            Group("desks").send({"type": "desk.tell", "n": 1})
            transaction.on_commit(self.tell_nobody)
        with self.assertRaises(IntegrityError), transaction.atomic():
            Note.objects.create(text="two", slug="s")
            Note.objects.create(text="three", slug="s")
        found = [line for line in self.new_lines() if line.startswith("the test")]
        nobody = "{'type': 'desk.tell', 'n': 0}"
        self.assertEqual(
            found,
            [
                "the test INSERT app_note",
                f"the test sends to group 'desks' (ann, ben) inside atomic(): {TELL}",
                "the test on_commit(LineTests.tell_nobody)",
                "the test commits atomic()",
                f"the test sends to group 'desk' (no receivers): {nobody}",
                "the test 2 queries: 2 times INSERT app_note",
                "the test rolls back atomic()",
            ],
        )

    def test_what_runs_on_commit_has_the_name_of_its_function(self) -> None:
        callbacks: list[Any] = [
            functools.partial(print, "told", end=""),
            functools.partial(async_to_sync(asyncio.sleep), 0),
            functools.partial(functools.partial(self.tell_nobody)),
        ]
        with transaction.atomic():
            for callback in callbacks:
                transaction.on_commit(callback)
            transaction.set_rollback(True)
        self.assertEqual(
            [line for line in self.new_lines() if "on_commit" in line],
            [
                "the test on_commit(print)",
                "the test on_commit(sleep)",
                "the test on_commit(LineTests.tell_nobody)",
            ],
        )

    def test_how_many_rows_are_changed_unless_it_is_one(self) -> None:
        notes = [Note(text=text, slug=text) for text in ("one", "two", "three")]
        for note in notes:
            note.save()
        Note.objects.filter(text="one").update(slug="first")
        Note.objects.filter(text="none").update(slug="none")
        Note.objects.all().delete()
        self.assertEqual(
            self.new_lines()[0],
            "the test 6 queries: 3 times INSERT app_note, UPDATE app_note,"
            " UPDATE app_note (0 rows), DELETE app_note (3 rows)",
        )

    def tell_nobody(self) -> None:
        Group("desk").send({"type": "desk.tell", "n": 0})

    def test_a_request_of_djangos_client(self) -> None:
        self.assertEqual(self.client.get("/nowhere/").status_code, 404)
        self.assertEqual(
            self.new_lines(), ["the test -> GET /nowhere/", "the test <- 404"]
        )

    def test_who_joins_and_leaves_for_somebody(self) -> None:
        Group("others").add(self.ann)
        Group("others").discard(self.ann)
        self.ann.disconnect()
        self.assertEqual(
            self.new_lines(),
            [
                "the test joins group 'others' for ann",
                "the test leaves group 'others' for ann",
                "ann -> disconnect code=1000",
                "ann leaves group 'desks'",
            ],
        )

    def test_a_client_that_comes_again(self) -> None:
        self.ann.disconnect()
        self.ann.connect()
        self.assertEqual(self.new_lines()[2], "ann (2) -> connect /")

    @override_settings(
        CHANNEL_LAYERS={"default": {"BACKEND": "x", "CONFIG": {"capacity": 1}}}
    )
    def test_a_full_channel(self) -> None:
        self.check_dropped = "off"
        Group("full").add("waiting")
        for _ in range(2):
            Group("full").send({"type": "x"})
        missed = "(none), missed by 'waiting', whose channel is full: {'type': 'x'}"
        self.assertEqual(
            self.new_lines()[-2:],
            [
                "the test sends to group 'full' ('waiting'): {'type': 'x'}",
                f"the test sends to group 'full' {missed}",
            ],
        )

    def test_faults_of_a_layer(self) -> None:
        with self.layer_faults(lose=1, channel=self.ben):
            self.ann.send_json("tell_all")
        with self.layer_faults(delay=1, channel=self.ben):
            self.ann.send_json("tell_all")
        found = [line for line in self.new_lines() if "ann <-" not in line]
        self.assertEqual(
            [line for line in found if "runs" not in line],
            [
                'ann -> text "tell_all"',
                f"ann sends to group 'desks' (ann), lost for ben: {TELL}",
                'ann -> text "tell_all"',
                f"ann sends to group 'desks' (ann, ben), delayed for ben: {TELL}",
                f"layer_faults() delivers late to ben: {TELL}",
                "ben <- text 1",
            ],
        )

    def test_held_tasks(self) -> None:
        with self.held_tasks() as tasks, transaction.atomic():
            tasks.hold("mail", ["ann"], {}, lambda: Note.objects.create(text="sent"))
            tasks.run()
        self.assertEqual(
            self.new_lines(),
            [
                "the test enqueues mail inside atomic()",
                "task mail runs",
                "task mail INSERT app_note",
                "the test commits atomic()",
            ],
        )

    def test_another_alias_is_named(self) -> None:
        Channel("jobs", alias="other").send({"type": "x"})
        self.assertEqual(
            self.new_lines(),
            ["the test sends to channel 'jobs' on 'other': {'type': 'x'}"],
        )

    def test_a_payload_is_bounded(self) -> None:
        Channel("jobs").send({"type": "x", "text": "y" * 1_000})
        (line,) = self.new_lines()
        self.assertLess(len(line), 160)

    def test_a_long_query_is_bounded(self) -> None:
        Note.objects.filter(text__in=list(map(str, range(500)))).first()
        self.assertEqual(self.new_lines(), ["the test SELECT app_note"])

    def test_a_whole_file_is_not_kept(self) -> None:
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for _ in range(10):
            Note.objects.filter(text="x" * 1_000_000).exists()
        self.assertLess(tracemalloc.get_traced_memory()[0], 1_000_000)
        self.assertEqual(
            self.new_lines(), ["the test 10 queries: 10 times SELECT app_note"]
        )

    def test_many_events_are_bounded(self) -> None:
        for _ in range(300):
            self.ann.send_json("tell_all")
            self.ben.receive_json()
        printed = str(self.timeline).splitlines()
        self.assertEqual(len(printed), 1 + 20 + 1 + 480)
        self.assertEqual(printed[21], "        ... 1,306 events")
        self.assertEqual(len(self.timeline), 6 + 300 * 6)

    def test_it_says_what_it_is(self) -> None:
        self.assertEqual(
            repr(self.timeline), f"<Timeline of {self.id()}: {len(OPENED)} events>"
        )
        self.assertEqual(
            str(self.timeline).splitlines()[0], f"Timeline of {self.id()}:"
        )

    def test_times_are_seconds_since_the_test_began(self) -> None:
        times = [
            float(it) for it in re.findall(r"\+(\d+\.\d{4}) s", f"{self.timeline}")
        ]
        self.assertEqual(len(times), len(OPENED))
        self.assertEqual(times, sorted(times))

    def test_it_comes_to_rest_first(self) -> None:
        send = self.channel_layer.group_send
        async_to_sync(send)("desks", {"type": "desk.tell", "n": 1})
        self.assertEqual(self.new_lines()[-1], "ben <- text 1")

    def test_nothing_yet(self) -> None:
        timeline = Timeline(Recording(), name="a test", before_read=bool)
        self.assertEqual(str(timeline), "Timeline of a test:\n     nothing yet")


class AsyncTests(DeskTestCase):
    async def test_handlers_that_meet_begin_and_end(self) -> None:
        ann = await self.aconnect(name="ann")
        ben = await self.aconnect(name="ben")
        with self.virtual_time():
            await ann.send_json_to("slow")
            await self.aadvance(5)
        self.assertEqual(await ben.receive_json_from(), 1)
        self.assertEqual(
            lines(self.timeline)[len(OPENED) :],
            [
                "the test virtual time begins",
                'ann -> text "slow"',
                "ann Desk.websocket_receive() begins",
                f"ann sends to group 'desks' (ann, ben): {TELL}",
                "ben Desk.desk_tell() runs",
                "ben <- text 1",
                "the test time moves",
                'ann <- text "slow"',
                "ann Desk.websocket_receive() ends",
                "ann Desk.desk_tell() runs",
                "ann <- text 1",
                "the test virtual time ends",
            ],
        )

    async def test_a_request_of_djangos_async_client(self) -> None:
        await self.async_client.get("/nowhere/")
        found = lines(self.timeline)
        self.assertEqual(found[0], "the test -> GET /nowhere/")
        self.assertEqual(found[-1], "the test <- 404")

    async def test_a_request_of_a_communicator(self) -> None:
        from tests.app.asgi import application

        request = HttpCommunicator(application, "GET", "/nowhere/")
        await request.get_response()
        found = lines(self.timeline)
        self.assertEqual(found[0].split()[:3], ["GET", "/nowhere/", "->"])

    async def test_it_is_read_at_rest(self) -> None:
        ann = await self.aconnect(name="ann")
        sending = asyncio.create_task(ann.send_json_to("tell_all"))
        with self.assertRaisesRegex(RuntimeError, r"'await self.asettle\(\)' first"):
            str(self.timeline)
        await sending
        self.assertEqual(lines(self.timeline)[-1], "ann <- text 1")


class VirtualTimeTests(DeskTestCase):
    use_virtual_time = True

    def test_times_are_those_of_transcripts(self) -> None:
        ann = self.connect(name="ann")
        self.advance(2.25)
        self.advance(1)
        ann.send_json("order")
        text = str(self.timeline)
        self.assertNotIn("virtual time begins", text)
        self.assertIn("      +0.0 s  ann       <- accept", text)
        self.assertEqual(text.count("time moves"), 1)
        self.assertIn('     +3.25 s  ann       -> text    "order"', text)


class CommitTests(TransactionWebsocketTestCase):
    application: Any = Desk.as_asgi()

    def test_real_commits_are_seen(self) -> None:
        with transaction.atomic():
            Note.objects.create(text="one")
            transaction.on_commit(lambda: Channel("jobs").send({"type": "x"}))
        self.assertEqual(
            lines(self.timeline),
            [
                "the test INSERT app_note",
                "the test on_commit(<lambda>)",
                "the test commits atomic()",
                "the test sends to channel 'jobs': {'type': 'x'}",
            ],
        )


class DjangosRuleTests(DeskTestCase):
    on_commit_callbacks = "django"

    def test_callbacks_do_not_run_and_commits_are_seen(self) -> None:
        with transaction.atomic():
            transaction.on_commit(lambda: Channel("jobs").send({"type": "x"}))
        self.assertEqual(
            lines(self.timeline),
            ["the test on_commit(<lambda>)", "the test commits atomic()"],
        )


class OrderTests(OuterTestCase):
    def test_a_schedule_has_one_timeline(self) -> None:
        texts: list[str] = []

        class Inner(DeskTestCase):
            @explore_schedules(5, sends_overlap=True)
            def test(self) -> None:
                ann, ben = self.connect(name="ann"), self.connect(name="ben")
                ann.send_json("tell_all")
                ben.send_json("note")
                self.settle()
                texts.append(str(self.timeline))

        self.assertEqual(run_case(Inner).texts, [])
        first, texts[:] = list(texts), []
        self.assertEqual(run_case(Inner).texts, [])
        self.assertEqual(first, texts)
        self.assertGreater(len(set(texts)), 1)

    def test_it_belongs_to_one_test(self) -> None:
        kept: list[Any] = []

        class Inner(SimpleWebsocketTestCase):
            application: Any = Desk.as_asgi()
            ws_path = "/"

            def test_one(self) -> None:
                self.connect(name="ann")
                kept.append(self.timeline)

            def test_two(self) -> None:
                kept.append(self.timeline)
                self.assertEqual(len(self.timeline), 0)

        self.assertEqual(run_case(Inner).texts, [])
        with self.assertRaisesRegex(RuntimeError, "belongs to another test"):
            str(kept[0])
        self.assertIn("events>", repr(kept[0]))

    def test_no_timeline_between_tests(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "runs no test now"):
            DeskTestCase().timeline  # noqa: B018 - it raises


class RecordingTests(SimpleWebsocketTestCase):
    def test_the_first_and_the_last_entries_are_kept(self) -> None:
        recording = Recording(first=2, last=3)
        with recording:
            for number in range(10):
                record(None, tell_number, number)
        record(None, tell_number, 11)
        texts = [event.text for event in Story(recording).events]
        kept = ["n. 0", "n. 1", "... 5 are left out", "n. 7", "n. 8", "n. 9"]
        self.assertEqual(texts, kept)

    def test_an_end_without_its_beginning_says_nothing(self) -> None:
        recording = Recording()
        with recording:
            record(None, lambda story: story.end("unknown"))
        self.assertEqual(Story(recording).events, [])

    def test_what_is_no_sql_is_shown_shortly(self) -> None:
        from channels_testkit.engine.recorded import query_made

        recording = Recording()
        with recording:
            for sql in ("PRAGMA x", "SAVEPOINT s1", b"VACUUM", 'UPDATE "a_b" SET c=1'):
                record(None, query_made, "default", sql, None)
        (event,) = Story(recording).events
        self.assertEqual(event.text, "3 queries: PRAGMA x, VACUUM, UPDATE a_b")


def tell_number(story: Story, number: int) -> None:
    story.add("time", f"n. {number}")


class FileTests(DeskTestCase):
    def test_it_is_written(self) -> None:
        self.connect(name="ann")
        with tempfile.TemporaryDirectory() as folder:
            path = self.timeline.write_html(Path(folder, "new", "ann.html"))
            self.assertEqual(path, Path(folder, "new", "ann.html"))
            self.assertIn("<title>", path.read_text())

    def test_a_folder_that_cannot_be_made_is_told(self) -> None:
        with tempfile.NamedTemporaryFile() as file:
            with self.assertRaises(OSError):
                self.timeline.write_html(Path(file.name, "ann.html"))
