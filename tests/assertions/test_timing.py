"""Virtual time, as a test moves it."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import sys
import threading
import time
from typing import Any, ClassVar
from unittest import mock

import freezegun
import time_machine
from asgiref.sync import async_to_sync
from channels.consumer import AsyncConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from channels_testkit import (
    Channel,
    ChannelTestCase,
    Group,
    HangError,
    HttpCommunicator,
    LiveServerTestCase,
    NoFrame,
    WebsocketTestCase,
    apply_routes,
)
from channels_testkit.engine.jobs import APPLICATION
from tests.app.models import Note
from tests.explored import not_explored
from tests.utils import OuterTestCase, run_case


class Timed(AsyncJsonWebsocketConsumer):
    """Does what it is told, after so many seconds."""

    groups = ("room",)
    counted: ClassVar[list[int]] = []

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        (what,) = content
        await getattr(self, what)(content[what])

    async def tick(self, seconds: float) -> None:
        self.task = asyncio.create_task(self.tick_on(seconds))

    async def tick_on(self, seconds: float) -> None:
        number = 0
        while True:
            await asyncio.sleep(seconds)
            number += 1
            await self.send_json(number)

    async def count(self, given: list[Any]) -> None:
        seconds, number = given
        loop = asyncio.get_running_loop()
        loop.call_later(seconds, self.counted.append, number)

    async def later(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(seconds, lambda: asyncio.create_task(self.send_json("later")))

    async def rivals(self, seconds: float) -> None:
        """Set timers for one moment, of which the first cancels the others."""
        loop, timers = asyncio.get_running_loop(), []

        def first() -> None:
            for timer in timers:
                timer.cancel()

        when = loop.time() + seconds
        timers += [loop.call_at(when, first) for _ in range(4)]

    async def cancelled(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, print).cancel()

    async def limited(self, seconds: float) -> None:
        async def limited() -> None:
            await asyncio.wait_for(asyncio.Event().wait(), seconds)

        self.task = asyncio.create_task(limited())

    async def fail(self, seconds: float) -> None:
        async def fail() -> None:
            await asyncio.sleep(seconds)
            raise LookupError("asked for")

        self.task = asyncio.create_task(fail())

    async def job(self, seconds: float) -> None:
        """Wait for a thread job, for less time than it takes."""
        job = asyncio.to_thread(time.sleep, seconds)
        await asyncio.wait_for(job, seconds / 10)
        await self.send_json("in time")

    async def notes(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await Note.objects.acreate(text="made")
        await self.send_json(await Note.objects.acount())

    async def room_text(self, event: dict[str, Any]) -> None:
        await self.send_json(event["text"])

    async def disconnect(self, code: int) -> None:
        if hasattr(self, "task"):
            self.task.cancel()


class Waits(JsonWebsocketConsumer):
    def receive_json(self, content: Any, **kwargs: Any) -> None:
        async_to_sync(asyncio.sleep)(content)
        self.send_json("slept")


class VirtualTestCase(WebsocketTestCase):
    use_virtual_time = True
    application = Timed.as_asgi()
    ws_path = "/"

    def timed(self, **what: float) -> Any:
        client = self.connect()
        client.send_json(what)
        return client


class AdvanceTests(VirtualTestCase):
    def test_all_that_is_due_comes_in_order(self) -> None:
        ann, ben = self.timed(tick=30), self.timed(tick=20)
        self.assertEqual(self.advance(60), 5)
        self.assertEqual(ann.receive_all_json(), [1, 2])
        self.assertEqual(ben.receive_all_json(), [1, 2, 3])

    @not_explored
    def test_what_was_set_first_comes_first_at_one_time(self) -> None:
        self.addCleanup(Timed.counted.clear)
        for number in range(7):
            self.connect().send_json({"count": [3, number]})
        self.assertEqual([it.due for it in self.clock.timers], [3] * 7)
        self.advance(3)
        self.assertEqual(Timed.counted, list(range(7)))

    def test_what_is_due_a_moment_later_stays(self) -> None:
        ann = self.timed(tick=30)
        self.assertEqual(self.advance(29.999), 0)
        self.assertReceivesNothing(ann)
        self.assertEqual(self.advance(0.001), 1)
        self.assertReceivesJson(ann, 1)

    def test_no_time_at_all_comes_to_rest(self) -> None:
        ann = self.timed(later=0)
        self.assertEqual(self.advance(0), 0)
        self.assertReceivesJson(ann, "later")

    def test_many_small_steps_are_a_large_one(self) -> None:
        ann = self.timed(tick=0.1)
        for _ in range(100):
            self.advance(0.1)
        self.assertEqual(len(ann.frames), 100)
        self.assertEqual(self.clock.now, 10)

    def test_small_steps_add_up_to_a_timer_far_ahead(self) -> None:
        ann = self.timed(later=1000)
        for _ in range(9999):
            self.advance(0.1)
        self.assertReceivesNothing(ann)
        self.assertEqual(self.advance(0.1), 1)
        self.assertEqual(self.clock.now, 1000)

    def test_years(self) -> None:
        day, years = 86400, 30 * 365
        self.timed(tick=100 * day)
        self.assertEqual(self.advance(years * day), years // 100)
        self.assertEqual(self.clock.now, years * day)

    def test_less_than_a_nanosecond_is_no_time(self) -> None:
        self.assertEqual(self.advance(1e-12), 0)
        self.assertEqual(self.clock.now, 0)

    def test_a_callback_is_a_timer_as_well(self) -> None:
        ann = self.timed(later=5)
        self.assertEqual(self.advance(5), 1)
        self.assertReceivesJson(ann, "later")

    def test_what_was_cancelled_does_not_count(self) -> None:
        self.timed(cancelled=5)
        self.assertEqual(self.clock.timers, [])
        self.assertEqual(self.advance(5), 0)

    @not_explored
    def test_what_is_cancelled_at_its_moment_does_not_count(self) -> None:
        self.timed(rivals=5)
        self.assertEqual(self.advance(5), 1)

    def test_an_exception_ends_the_move(self) -> None:
        self.timed(fail=30)
        with self.assertRaisesMessage(LookupError, "asked for"):
            self.advance(3600)
        self.assertEqual(self.clock.now, 30)

    def test_rows_are_those_of_the_test(self) -> None:
        Note.objects.create(text="before")
        ann = self.timed(notes=60)
        self.advance(60)
        self.assertReceivesJson(ann, 2)

    def test_a_thread_job_stops_the_clock(self) -> None:
        ann = self.timed(job=0.05)
        self.assertReceivesJson(ann, "in time")
        self.assertEqual(self.clock.now, 0)

    def test_a_sync_consumer_that_sleeps_takes_the_time_along(self) -> None:
        ann = self.connect(application=Waits.as_asgi())
        ann.send_json(600)
        self.assertEqual(self.clock.now, 600)
        self.assertReceivesJson(ann, "slept")

    def test_timers_say_whose_they_are(self) -> None:
        self.timed(later=5)
        self.connect(name="ben").send_json({"later": 3})
        first, second = self.clock.timers
        self.assertEqual((first.due, first.whose), (3, "ben (/)"))
        self.assertEqual(second.due, 5)
        self.assertRegex(str(first), r"^\+3 s: .*later\(\) \(test_timing.py:\d+\) of")
        self.assertRegex(repr(self.clock), "<VirtualClock at 0 s, 2 timers>")

    def test_what_is_no_time_is_refused(self) -> None:
        for seconds, error, text in (
            (-1, ValueError, "Time does not move by -1 s: it only goes on."),
            (float("nan"), ValueError, "Time does not move by nan s"),
            (float("inf"), ValueError, "Time does not move by inf s"),
            (10**400, ValueError, "s: it only goes on."),
            ("30", TypeError, "advance() takes a number of seconds, not '30'."),
            (True, TypeError, "advance() takes a number of seconds, not True."),
            (None, TypeError, "advance() takes a number of seconds, not None."),
        ):
            with self.subTest(seconds), self.assertRaisesMessage(error, text):
                self.advance(seconds)  # type: ignore[arg-type]
        self.assertEqual(self.clock.now, 0)


class WhoMovesTests(VirtualTestCase):
    def test_the_application_does_not(self) -> None:
        case = self

        class Moves(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content: Any, **kwargs: Any) -> None:
                await case.aadvance(content)

        class MovesToo(JsonWebsocketConsumer):
            def receive_json(self, content: Any, **kwargs: Any) -> None:
                with case.virtual_time():
                    case.advance(content)

        for consumer, call in ((Moves, "aadvance"), (MovesToo, "virtual_time")):
            ann = self.connect(application=consumer.as_asgi())
            text = f"self.{call}() in the application: only the test's own code moves"
            with self.subTest(call), self.assertRaisesMessage(RuntimeError, text):
                ann.send_json(5)
        self.assertEqual(self.clock.now, 0)

    def test_a_thread_does_not(self) -> None:
        told = []

        def move() -> None:
            try:
                self.advance(5)
            except RuntimeError as error:
                told.append(str(error))

        thread = threading.Thread(target=move)
        thread.start()
        thread.join()
        text = (
            "self.advance() in another thread: only the test's own code moves its time."
        )
        self.assertEqual(told, [text])


class AsyncTests(VirtualTestCase):
    async def test_a_sleep_of_the_test_moves_the_clock(self) -> None:
        ann = await self.aconnect()
        await ann.send_json({"tick": 30})
        await asyncio.sleep(3600)
        self.assertEqual(len(ann.frames), 120)
        self.assertEqual(self.clock.now, 3600)

    async def test_advance(self) -> None:
        ann = await self.aconnect()
        await ann.send_json({"tick": 30})
        self.assertEqual(await self.aadvance(60), 2)
        self.assertEqual(await ann.receive_all_json(), [1, 2])

    async def test_an_exception_ends_the_move(self) -> None:
        ann = await self.aconnect()
        await ann.send_json({"fail": 30})
        with self.assertRaisesMessage(LookupError, "asked for"):
            await self.aadvance(3600)
        self.assertEqual(self.clock.now, 30)

    async def test_tasks_of_the_test_go_on_in_time(self) -> None:
        ann = await self.aconnect()
        await ann.send_json({"tick": 30})
        seen = []

        async def look(after: float) -> None:
            await asyncio.sleep(after)
            seen.append((self.clock.now, len(ann.frames)))

        await asyncio.gather(look(65), look(35), look(5))
        self.assertEqual(seen, [(5, 0), (35, 1), (65, 2)])

    async def test_timeouts_of_the_test(self) -> None:
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.sleep(60), 40)
        self.assertEqual(self.clock.now, 40)

    async def test_the_sync_call_names_its_twin(self) -> None:
        with self.assertRaisesMessage(RuntimeError, "'await self.aadvance(...)'"):
            self.advance(1)


class BlocksTests(WebsocketTestCase):
    @not_explored
    def test_a_thousand_blocks_are_as_good_as_one(self) -> None:
        for _ in range(sys.getrecursionlimit()):
            with self.virtual_time():
                self.advance(1)
        self.settle()


class WaitTests(VirtualTestCase):
    def test_a_receive_moves_to_what_it_waits_for(self) -> None:
        ann = self.timed(tick=30)
        self.assertEqual(ann.receive_json(timeout=60), 1)
        self.assertEqual(self.clock.now, 30)

    def test_a_receive_in_vain_moves_by_its_timeout(self) -> None:
        ann = self.timed(tick=300)
        with self.assertRaises(NoFrame):
            ann.receive_json(timeout=60)
        self.assertEqual(self.clock.now, 60)
        self.assertTrue(ann.receive_nothing(timeout=60))
        self.assertEqual(self.clock.now, 120)

    def test_a_wait_where_no_timer_is_set_moves_by_its_timeout(self) -> None:
        ann = self.connect()
        with self.assertRaises(NoFrame):
            ann.receive_json(timeout=60)
        self.assertTrue(ann.receive_nothing(timeout=60))
        self.assertReceivesNothing(ann, within=60)
        with self.assertRaises(AssertionError):
            self.assertClosed(ann)
        self.assertEqual(self.clock.now, 181)

    def test_an_exception_ends_a_receive(self) -> None:
        ann = self.timed(fail=30)
        with self.assertRaisesMessage(LookupError, "asked for"):
            ann.receive_json(timeout=3600)
        self.assertEqual(self.clock.now, 30)

    def test_silence_for_some_time(self) -> None:
        ann = self.timed(tick=30)
        self.assertReceivesNothing(ann, within=29)
        self.assertEqual(self.clock.now, 29)
        with self.assertRaises(AssertionError):
            self.assertReceivesNothing(ann, within=1)

    def test_the_transcript_shows_the_time(self) -> None:
        ann = self.timed(tick=30)
        self.advance(30)
        self.assertIn("+30.0 s  <- text    1", str(ann.transcript))
        self.assertIn(" +0.0 s  -> connect /", str(ann.transcript))

    def test_the_calls_of_channels_1_wait_for_timers_only(self) -> None:
        ann = self.connect()
        self.assertIsNone(ann.receive())
        self.assertEqual(self.clock.now, 0)
        ann.send_json({"later": 0.5})
        self.assertEqual(ann.receive(), "later")
        self.assertEqual(self.clock.now, 0.5)

    @not_explored
    def test_work_outside_is_waited_for_first(self) -> None:
        asked, answers = threading.Event(), []

        def answer() -> None:
            asked.wait()
            answers[0]()

        class Asks(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content: Any, **kwargs: Any) -> None:
                loop = asyncio.get_running_loop()
                answer = loop.create_future()
                give = answer.set_result
                answers.append(lambda: loop.call_soon_threadsafe(give, 7))
                asked.set()
                await self.send_json(await answer)

        thread = threading.Thread(target=answer)
        thread.start()
        self.addCleanup(thread.join)
        self.receive_timeout = 20
        ann = self.connect(application=Asks.as_asgi())
        ann.send_json("ask")
        self.assertEqual(ann.receive_json(timeout=3600), 7)
        self.assertEqual(self.clock.now, 0)


class LayerTests(VirtualTestCase):
    def test_messages_expire(self) -> None:
        Channel("jobs").send({"type": "make"})
        self.advance(60)
        self.assertIsNone(self.get_next_message("jobs"))

    def test_messages_last_until_then(self) -> None:
        Channel("jobs").send({"type": "make"})
        self.advance(59)
        self.assertEqual(self.get_next_message("jobs"), {"type": "make"})

    def test_members_leave_groups(self) -> None:
        ann = self.connect()
        self.advance(86399)
        self.assertInGroup(ann, "room")
        self.advance(1)
        self.assertNotInGroup(ann, "room")

    def test_a_broadcast_in_time(self) -> None:
        ann = self.connect()
        self.advance(1000)
        Group("room").send({"type": "room.text", "text": "hello"})
        self.assertReceivesJson(ann, "hello")


class Stream(AsyncHttpConsumer):
    async def handle(self, body: bytes) -> None:
        await self.send_headers(headers=[(b"content-type", b"text/event-stream")])
        for number in range(3):
            await self.send_body(b"data: %d\n\n" % number, more_body=True)
            await asyncio.sleep(15)
        await self.send_body(b"")


class Mailer(AsyncConsumer):
    async def deliver(self, message: dict[str, Any]) -> None:
        await asyncio.sleep(60)
        await self.channel_layer.group_send("done", {"type": "delivered"})


class OtherActorsTests(ChannelTestCase):
    use_virtual_time = True

    async def test_a_stream(self) -> None:
        stream = HttpCommunicator(Stream.as_asgi(), "GET", "/")
        await stream.start()
        events = [event.data async for event in stream.events(timeout=15)]
        self.assertEqual(events, ["0", "1", "2"])
        self.assertEqual(self.clock.now, 45)

    @apply_routes({"mails": Mailer.as_asgi()})
    def test_a_worker(self) -> None:
        with self.run_worker():
            Channel("mails").send({"type": "deliver"})
            self.assertEqual(self.advance(60), 1)
        self.assertGroupSent("done", {"type": "delivered"})

    @apply_routes({"mails": Mailer.as_asgi()})
    def test_the_end_of_a_worker_waits(self) -> None:
        self.receive_timeout = 100
        with self.run_worker():
            Channel("mails").send({"type": "deliver"})
        self.assertEqual(self.clock.now, 60)
        self.assertGroupSent("done")


@not_explored
class BlockTests(WebsocketTestCase):
    application = Timed.as_asgi()
    ws_path = "/"

    def test_the_clock_goes_on_from_its_time(self) -> None:
        ann = self.connect()
        loop = ann.consumer.channel_layer and self._kit.rest.loop
        before = loop.time()
        with self.virtual_time() as clock:
            self.advance(60)
            self.assertEqual(clock.now, 60)
        after = loop.time()
        self.assertGreaterEqual(after, before + 60)
        self.assertGreaterEqual(loop.time(), after)

    def test_a_timer_goes_through_blocks(self) -> None:
        ann = self.connect()
        ann.send_json({"tick": 3600})
        with self.virtual_time():
            self.advance(3000)
        with self.virtual_time() as clock:
            self.assertEqual(clock.now, 0)
            self.advance(600)
        self.assertReceivesJson(ann, 1)

    def test_messages_that_lay_there_expire(self) -> None:
        Channel("jobs").send({"type": "make"})
        with self.virtual_time():
            self.advance(40)
        with self.virtual_time():
            self.assertEqual(len(self.channel_layer.pending("jobs")), 1)
            self.advance(20)
            self.assertEqual(len(self.channel_layer.pending("jobs")), 0)

    async def test_in_an_async_test(self) -> None:
        ann = await self.aconnect()
        await ann.send_json({"tick": 30})
        with self.virtual_time() as clock:
            await asyncio.sleep(30)
            self.assertReceivesJson(ann, 1)
            self.assertEqual(clock.now, 30)

    def test_timers_from_before_say_who_has_set_them(self) -> None:
        for number, what in enumerate(("tick", "limited", "later")):
            self.connect().send_json({what: 5 + number})
        with self.virtual_time() as clock:
            names = [timer.name.rpartition(".")[2] for timer in clock.timers]
        self.assertEqual(names, ["tick_on", "limited", "<lambda>"])

    def test_a_timer_that_was_late_is_due_now(self) -> None:
        self.connect()
        was = APPLICATION.set(True)
        self._kit.rest.loop.call_later(-1, int)
        APPLICATION.reset(was)
        with self.virtual_time() as clock:
            self.assertEqual([timer.due for timer in clock.timers], [0])

    def test_the_clock_of_a_block_that_has_ended(self) -> None:
        with self.virtual_time() as clock:
            self.advance(5)
        self.connect().send_json({"later": 60})
        self.assertEqual((clock.now, clock.timers), (5, []))

    def test_a_thread_begins_none(self) -> None:
        told = []

        def begin() -> None:
            try:
                with self.virtual_time():
                    self.advance(5)
            except RuntimeError as error:
                told.append(str(error))

        thread = threading.Thread(target=begin)
        thread.start()
        thread.join()
        self.assertIn("self.virtual_time() in another thread", *told)

    def test_it_ends_with_an_exception(self) -> None:
        with self.assertRaises(ZeroDivisionError), self.virtual_time():
            raise ZeroDivisionError
        with self.assertRaises(RuntimeError):
            self.clock  # noqa: B018 - it raises

    def test_time_is_real_without_it(self) -> None:
        for call in (lambda: self.advance(1), lambda: self.clock):
            text = "set use_virtual_time = True on the test case, or write"
            with self.assertRaisesMessage(RuntimeError, text):
                call()

    def test_a_block_inside_of_one(self) -> None:
        with self.virtual_time():
            text = "virtual_time() inside of virtual time: use self.clock instead."
            with self.assertRaisesMessage(RuntimeError, text), self.virtual_time():
                self.fail("It has begun.")


START = dt.datetime(2030, 1, 1, 12, tzinfo=dt.timezone.utc)


@not_explored
class WallClockTests(WebsocketTestCase):
    application = Timed.as_asgi()
    ws_path = "/"

    def test_it_moves_along(self) -> None:
        with self.virtual_time(START):
            self.assertEqual(timezone.now(), START)
            self.connect()
            self.assertEqual(timezone.now(), START)
            self.advance(90.5)
            self.assertEqual(timezone.now(), START + dt.timedelta(seconds=90.5))
            self.assertEqual(time.time(), START.timestamp() + 90.5)
        self.assertFalse(time_machine.escape_hatch.is_travelling())

    def test_it_begins_at_the_real_time(self) -> None:
        before = timezone.now()
        with self.virtual_time():
            begun = timezone.now()
            self.advance(3600)
            self.assertEqual(timezone.now() - begun, dt.timedelta(hours=1))
        self.assertLessEqual(before, begun)
        self.assertLess(timezone.now(), begun + dt.timedelta(hours=1))

    def test_clocks_that_measure_stay_real(self) -> None:
        with self.virtual_time():
            before = time.monotonic(), time.perf_counter()
            self.advance(3600)
            self.assertLess(time.monotonic() - before[0], 3600)
            self.assertLess(time.perf_counter() - before[1], 3600)

    def test_sessions_expire(self) -> None:
        self.client.force_login(User.objects.create_user("ann"))
        with self.virtual_time():
            session = self.client.session
            session.set_expiry(600)
            session.save()
            self.advance(601)
            self.assertNotIn("_auth_user_id", self.client.session)

    def test_without_time_machine_it_is_real(self) -> None:
        with mock.patch.dict(sys.modules, {"time_machine": None}):
            text = 'time-machine: python -m pip install "channels-testkit[time]".'
            with self.assertRaisesMessage(ImproperlyConfigured, text):
                with self.virtual_time(START):
                    self.fail("It has begun.")
            before = timezone.now()
            with self.virtual_time():
                ann = self.connect()
                ann.send_json({"tick": 30})
                self.assertEqual(self.advance(3600), 120)
                self.assertLess(timezone.now(), before + dt.timedelta(hours=1))

    def test_freezegun_has_it(self) -> None:
        with freezegun.freeze_time(START) as frozen, self.virtual_time():
            ann = self.connect()
            ann.send_json({"tick": 30})
            self.advance(30)
            self.assertReceivesJson(ann, 1)
            self.assertEqual(timezone.now(), START)
            frozen.tick(60)
            self.assertReceivesNothing(ann)

    def test_a_time_machine_of_the_test_has_it(self) -> None:
        with time_machine.travel(START, tick=False), self.virtual_time():
            self.advance(30)
            self.assertEqual(timezone.now(), START)

    def test_one_inside_of_it_has_it(self) -> None:
        with self.virtual_time(), time_machine.travel(START, tick=False):
            self.advance(30)
            self.assertEqual(timezone.now(), START)

    def test_one_inside_of_it_that_lasts_longer(self) -> None:
        travel = time_machine.travel(START, tick=False)
        with self.virtual_time():
            travel.start()
        self.assertEqual(timezone.now(), START)
        travel.stop()
        self.assertFalse(time_machine.escape_hatch.is_travelling())

    def test_many_small_steps_are_a_large_one(self) -> None:
        with self.virtual_time(START):
            self.connect().send_json({"tick": 0.1})
            self.advance(1000)
            self.assertEqual(timezone.now(), START + dt.timedelta(seconds=1000))
            self.assertEqual(time.time_ns() % 1000, 0)

    def test_a_start_where_others_have_it(self) -> None:
        for name, others in (
            ("freeze_time()", freezegun.freeze_time(START)),
            ("time_machine.travel()", time_machine.travel(START)),
        ):
            text = (
                f"virtual_time(start=...) inside of {name}, which sets the wall clock"
            )
            with self.subTest(name), others:
                with self.assertRaisesMessage(ImproperlyConfigured, text):
                    with self.virtual_time(START):
                        self.fail("It has begun.")
            with self.assertRaises(RuntimeError):
                self.clock  # noqa: B018 - nothing is left in place


class WallOfAClassTests(WebsocketTestCase):
    use_virtual_time = True
    seen: ClassVar[list[dt.datetime]] = []

    def setUp(self) -> None:
        self.seen[:] = [timezone.now()]

    def test_it_stands_still_from_the_beginning(self) -> None:
        self.advance(5)
        passed = timezone.now() - self.seen[0]
        self.assertEqual(passed, dt.timedelta(seconds=5))


class StandStillTests(OuterTestCase):
    def test_a_wait_for_a_timer_of_the_application_says_how(self) -> None:
        class Inner(VirtualTestCase):
            async def test(self) -> None:
                ann = await self.aconnect()
                await ann.send_json({"tick": 3599.5})
                await asyncio.get_running_loop().create_future()

        (error,) = run_case(Inner).raised
        self.assertIn("the next timer is due in 3599.5 s", str(error))
        self.assertIn("To get there, write 'await self.aadvance(3599.5)'.", str(error))
        self.assertIn("  a timer of the application is due in 3599.5 s", str(error))


class HangTests(OuterTestCase):
    """``hang_timeout`` is real time, whatever the clock does meanwhile."""

    def hang_of(self, case: type[Any]) -> str:
        # Long enough for a busy machine to get to where it hangs.
        case.hang_timeout = 1
        (error,) = run_case(case).raised
        self.assertIsInstance(error, HangError)
        return str(error)

    def test_a_job_that_hangs_while_a_receive_waits(self) -> None:
        class Hangs(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content: Any, **kwargs: Any) -> None:
                self.task = asyncio.create_task(self.hang())

            async def hang(self) -> None:
                await asyncio.sleep(5)
                await asyncio.to_thread(ended.wait)

            async def disconnect(self, code: int) -> None:
                ended.set()

        class Inner(VirtualTestCase):
            application = Hangs.as_asgi()

            def test(self) -> None:
                ann = self.connect()
                ann.send_json("hang")
                ann.receive_json(timeout=3600)

        ended = threading.Event()
        self.addCleanup(ended.set)
        self.assertIn("thread job threading.Event.wait is running", self.hang_of(Inner))

    def test_a_way_without_end(self) -> None:
        class Inner(VirtualTestCase):
            def test(self) -> None:
                self.timed(tick=1)
                self.advance(1e9)

        text = self.hang_of(Inner)
        self.assertRegex(text, r"Virtual time has reached \d+ s\. hang_timeout is real")

    def test_a_task_of_the_test_that_goes_on_forever(self) -> None:
        class Inner(VirtualTestCase):
            async def test(self) -> None:
                task = asyncio.create_task(self.tick())
                await asyncio.wait([task, asyncio.get_running_loop().create_future()])

            async def tick(self) -> None:
                for _ in itertools.count():
                    await asyncio.sleep(1)

        self.assertIn("in HangTests", self.hang_of(Inner))

    def test_a_sync_consumer_that_is_never_woken(self) -> None:
        class Never(JsonWebsocketConsumer):
            def receive_json(self, content: Any, **kwargs: Any) -> None:
                async_to_sync(asyncio.Event().wait)()

        class Inner(VirtualTestCase):
            def test(self) -> None:
                self.timed(tick=30)
                self.connect(application=Never.as_asgi()).send_json("wait")

        self.assertIn(
            "SyncConsumer.dispatch waits in async_to_sync()", self.hang_of(Inner)
        )


class RealTimeTests(OuterTestCase):
    """Where real time rules, virtual time is refused."""

    def assert_refused(self, case: type[Any], what: str) -> None:
        result = run_case(case)
        error = result.raised[0] if result.raised else None
        self.assertIsInstance(error, ImproperlyConfigured)
        self.assertIn(f"Virtual time together with {what}", str(error))
        self.assertFalse(time_machine.escape_hatch.is_travelling())

    def test_on_a_live_server(self) -> None:
        class Inner(LiveServerTestCase):
            use_virtual_time = True

            def test(self) -> None:
                self.fail("It has begun.")

        self.assert_refused(Inner, "a live server")

    def test_in_a_block_on_a_live_server(self) -> None:
        class Inner(LiveServerTestCase):
            def test(self) -> None:
                with self.virtual_time():
                    self.fail("It has begun.")

        self.assert_refused(Inner, "the live server at")

    def test_on_a_real_layer(self) -> None:
        class Inner(ChannelTestCase):
            layer_source = "configured"
            use_virtual_time = True

            def test(self) -> None:
                self.fail("It has begun.")

        self.assert_refused(Inner, "a real channel layer")

    def test_a_value_that_means_nothing(self) -> None:
        class Inner(ChannelTestCase):
            use_virtual_time = "yes"  # type: ignore[assignment]

            def test(self) -> None:
                self.fail("It has begun.")

        (error,) = run_case(Inner).raised
        self.assertIn("Inner.use_virtual_time is one of True, False", str(error))
