from __future__ import annotations

import threading
from typing import Any

from django.contrib.auth.models import User
from django.test import SimpleTestCase
from liveview import liveview_handler, send
from liveview.consumers import LiveViewConsumer

from channels_testkit.contrib.liveview import LiveViewClient, LiveViewTestCase
from tests.utils import OuterTestCase, run_case

from .newsroom.models import Story


# docs:start room
class DeskTests(LiveViewTestCase):
    def test_the_desk_greets(self):
        ann = self.open_room("desk")
        ann.call("greet", form={"name": "Ann"})
        ann.assert_target("#desk", contains="Good day, Ann")

    def test_an_empty_story_is_not_filed(self):
        ann = self.open_room("desk")
        ann.call("file_story", form={"headline": ""})
        ann.assert_target("#form", contains="errorlist")
        self.assertEqual(Story.objects.count(), 0)
        # docs:end room

    # docs:start room-async
    async def test_the_desk_greets_async(self):
        ann = await self.aopen_room("desk")
        await ann.acall("greet", form={"name": "Ann"})
        ann.assert_target("#desk", contains="Good day, Ann")
        # docs:end room-async

    async def test_an_empty_story_is_not_filed_async(self):
        ann = await self.aopen_room("desk")
        await ann.acall("file_story", form={"headline": ""})
        ann.assert_target("#form", contains="errorlist")
        self.assertEqual(await Story.objects.acount(), 0)


class BroadcastTests(LiveViewTestCase):
    # docs:start reached
    def test_a_new_story_reaches_everybody_in_every_room(self):
        ann, ben = self.open_room("desk"), self.open_room("press")
        ann.call("file_story", form={"headline": "Flood", "text": "Take the boat."})
        self.assertOnlyReached([ann, ben], "#list", contains="Flood")
        self.assertOnlyReached([ann], "#form", contains="Thank you")

    def test_the_bell_reaches_one_room(self):
        ann, ben = self.open_room("desk"), self.open_room("desk")
        eve = self.open_room("press")
        ann.call("ring", form={"text": "lunch"})
        self.assertOnlyReached([ann, ben], "#bell", contains="lunch")
        eve.assert_no_reply()
        # docs:end reached

    async def test_the_bell_reaches_one_room_async(self):
        ann, ben = await self.aopen_room("desk"), await self.aopen_room("desk")
        eve = await self.aopen_room("press")
        await ann.acall("ring", form={"text": "lunch"})
        self.assertOnlyReached([ann, ben], "#bell", contains="lunch")
        eve.assert_no_reply()

    async def test_a_new_story_reaches_everybody_in_every_room_async(self):
        ann, ben = await self.aopen_room("desk"), await self.aopen_room("press")
        form = {"headline": "Flood", "text": "Take the boat."}
        await ann.acall("file_story", form=form)
        self.assertOnlyReached([ann, ben], "#list", contains="Flood", append=True)

    # docs:start own-send
    def test_news_from_a_task_reaches_everybody(self):
        ann, ben = self.open_room("desk"), self.open_room("press")
        self.begin_turn()
        send(None, {"target": "#news", "html": "It rains"}, broadcast=True)
        self.assertOnlyReached([ann, ben], "#news", contains="rains")
        # docs:end own-send

    def test_what_a_handler_alone_broadcasts_reaches_rooms(self):
        ann = self.open_room("desk")
        form = {"headline": "Flood", "text": "Take the boat."}
        self.call_handler("file_story", form=form)
        self.assertEqual([frame["target"] for frame in ann.turn], ["#list"])

    def test_who_has_left_is_not_reached(self):
        ann, ben = self.open_room("desk"), self.open_room("desk")
        ben.disconnect()
        ann.call("ring", form={"text": "lunch"})
        self.assertOnlyReached([ann], "#bell")

    def test_one_too_many_is_told(self):
        ann, ben = self.open_room("desk", name="ann"), self.open_room(name="ben")
        ann.call("file_story", form={"headline": "Flood", "text": "Take the boat."})
        with self.assertRaises(AssertionError) as caught:
            self.assertOnlyReached([ann], "#list")
        verdict = "A frame for '#list' came to ben (/ws/liveview/test-room/) as well."
        self.assertTrue(str(caught.exception).startswith(f"{verdict}\n\nTranscript"))
        ben.assert_target("#list")

    def test_one_too_few_is_told(self):
        ann, eve = self.open_room("desk", name="ann"), self.open_room(name="eve")
        ann.call("ring", form={"text": "lunch"})
        with self.assertRaises(AssertionError) as caught:
            self.assertOnlyReached([ann, eve], "#bell")
        verdict = (
            "No frame for '#bell' came to eve (/ws/liveview/test-room/) in this turn.\n"
            "There was no frame.\n\nTranscript"
        )
        self.assertTrue(str(caught.exception).startswith(verdict), caught.exception)

    def test_a_client_that_is_not_connected_is_no_witness(self):
        ann = self.open_room()
        self.create_room_client()
        ann.call("ring", form={"text": "lunch"})
        self.assertOnlyReached([ann], "#bell")


class UserTests(LiveViewTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann, cls.ben = map(User.objects.create_user, ["ann", "ben"])

    # docs:start users
    def test_ann_spikes_a_story_and_a_stranger_does_not(self):
        story = Story.objects.create(headline="Storm", text="Stay inside.")
        stranger = self.open_room("desk")
        stranger.call("spike_story", data={"storyId": story.pk})
        stranger.assert_target("#story", contains="must be logged in")
        ann = self.open_room("desk", user=self.ann)
        ann.call("spike_story", data={"storyId": story.pk})
        ann.assert_target("#story", contains="Spiked by ann")
        self.assertFalse(Story.objects.exists())
        # docs:end users

    async def test_ann_and_ben_are_told_apart_async(self):
        ann = await self.aopen_room(user=self.ann)
        ben = await self.aopen_room(user=self.ben)
        await ann.acall("spike_story", data={"storyId": 0})
        self.assertOnlyReached([ann], "#story", contains="by ann")
        await ben.acall("spike_story", data={"storyId": 0})
        self.assertOnlyReached([ben], "#story", contains="by ben")

    def test_the_login_of_the_page_counts(self):
        self.client.force_login(self.ben)
        ben = self.open_room()
        ben.call("spike_story", data={"storyId": 0})
        ben.assert_target("#story", contains="by ben")


class TurnTests(LiveViewTestCase):
    def test_a_call_returns_what_came_of_it(self):
        ann = self.open_room()
        form = {"headline": "Flood", "text": "Take the boat."}
        frames = ann.call("file_story", form=form)
        self.assertEqual([frame["target"] for frame in frames], ["#form", "#list"])
        self.assertEqual(ann.call("stay_silent"), [])
        ann.assert_no_reply()

    async def test_a_call_returns_what_came_of_it_async(self):
        ann = await self.aopen_room()
        frames = await ann.acall("greet", form={"name": "Ann"})
        self.assertEqual(frames, [{"target": "#desk", "html": "Good day, Ann"}])
        self.assertEqual(await ann.acall("stay_silent"), [])
        ann.assert_no_reply()

    def test_a_frame_of_an_earlier_turn_does_not_count(self):
        ann = self.open_room(name="ann")
        ann.call("greet", form={"name": "Ann"})
        ann.assert_target("#desk")
        ann.call("stay_silent")
        with self.assertRaises(AssertionError) as caught:
            ann.assert_target("#desk")
        verdict, _, transcript = str(caught.exception).partition("\n\n")
        self.assertEqual(
            verdict,
            "No frame for '#desk' came to ann (/ws/liveview/test-room/) in this turn.\n"
            "There was no frame.",
        )
        self.assertIn("Good day, Ann", transcript)

    def test_a_turn_is_the_same_for_all(self):
        ann, ben = self.open_room(), self.open_room()
        ann.call("ring", form={"text": "lunch"})
        ben.call("greet", form={"name": "Ben"})
        ann.assert_no_reply()
        self.assertEqual([frame["target"] for frame in ben.turn], ["#desk"])

    def test_a_handler_that_is_called_alone_begins_a_turn(self):
        ann = self.open_room()
        ann.call("greet", form={"name": "Ann"})
        self.call_handler("stay_silent")
        ann.assert_no_reply()

    def test_the_test_can_begin_a_turn(self):
        ann = self.open_room()
        ann.call("greet", form={"name": "Ann"})
        self.begin_turn()
        ann.assert_no_reply()

    async def test_the_test_can_begin_a_turn_async(self):
        ann = await self.aopen_room()
        await ann.acall("greet", form={"name": "Ann"})
        self.begin_turn()
        ann.assert_no_reply()

    def test_what_was_sent_before_a_turn_does_not_count(self):
        ann = self.open_room()
        send(None, {"target": "#news"}, broadcast=True)
        self.begin_turn()
        ann.assert_no_reply()

    def test_what_a_turn_has_shown_counts_as_read(self):
        ann, ben = self.open_room(), self.open_room()
        ann.call("ring", form={"text": "lunch"})
        self.assertReceivesNothing(ann)
        self.assertReceivesJson(ben, {"target": "#bell", "html": "lunch"})
        ben.assert_target("#bell")

    def test_it_is_a_client_of_the_kit(self):
        ann = self.open_room("desk")
        self.assertIsInstance(ann, LiveViewClient)
        self.assertIs(type(ann.consumer), LiveViewConsumer)
        self.assertEqual(ann.groups, ["broadcast", "room_desk"])
        ann.send_json({"function": "greet", "form": {"name": "Ann"}})
        self.assertReceivesJson(ann, {"target": "#desk"}, partial=True)

    def test_a_client_that_is_not_connected_has_no_turn(self):
        client = self.create_room_client()
        with self.assertRaisesMessage(RuntimeError, "before connect()"):
            _ = client.turn

    def test_handlers_get_what_a_page_sends(self):
        ann = self.open_room("desk")
        [frame] = ann.call("repeat_content", data={"storyId": 7}, lang="de")
        content = {
            "function": "repeat_content",
            "data": {"story_id": 7},
            "form": {},
            "lang": "de",
            "room": "desk",
        }
        self.assertEqual(frame["content"], content)

    async def test_sync_calls_in_an_async_test_are_refused(self):
        with self.assertRaisesMessage(RuntimeError, "'await self.aopen_room(...)'"):
            self.open_room()
        ann = await self.aopen_room()
        with self.assertRaisesMessage(RuntimeError, "'await client.acall(...)'"):
            ann.call("greet")


class ErrorTests(LiveViewTestCase):
    # docs:start room-errors
    def test_an_unknown_function_gets_an_error(self):
        ann = self.open_room()
        ann.call("raed_story")
        ann.assert_unknown_function("raed_story")
        self.assertOpen(ann)

    def test_an_exception_ends_the_connection(self):
        ann = self.open_room()
        with self.assertApplicationRaises(ValueError):
            ann.call("break")
        ann.assert_error(contains="the press has jammed")
        # docs:end room-errors
        with self.assertRaisesMessage(RuntimeError, "application raised ValueError"):
            ann.call("greet", form={"name": "Ann"})

    async def test_errors_are_answered_async(self):
        ann = await self.aopen_room()
        await ann.acall("raed_story")
        ann.assert_unknown_function("raed_story")
        with self.assertRaisesMessage(ValueError, "the press has jammed"):
            await ann.acall("break")
        ann.assert_error(contains="the press has jammed")

    def test_what_a_handler_raises_is_raised_from_the_call(self):
        ann = self.open_room()
        for function, kind in (
            ("misspell", AttributeError),
            ("send_a_date", TypeError),
            ("broadcast_a_date", TypeError),
        ):
            with self.subTest(function):
                ann.reconnect()
                with self.assertRaises(kind):
                    ann.call(function)

    def test_a_name_that_no_group_may_have_is_raised(self):
        with self.assertRaisesRegex(TypeError, "not 'room_night desk'"):
            self.open_room("night desk")
        with self.assertRaisesRegex(TypeError, "not 'room_night desk'"):
            self.call_handler("greet", room="night desk")

    def test_a_path_that_is_not_routed_is_told(self):
        self.liveview_path = "/ws/live/{room}/"
        with self.assertRaisesRegex(AssertionError, "No route found for path"):
            self.open_room()

    def test_a_refused_handshake_fails(self):
        text = "refused the handshake: OriginValidator does not accept"
        with self.assertRaisesRegex(AssertionError, text):
            self.open_room(origin="http://elsewhere.example")

    async def test_a_refused_handshake_fails_async(self):
        with self.assertRaisesRegex(AssertionError, "refused the handshake"):
            await self.aopen_room(origin="http://elsewhere.example")

    def test_a_frame_that_is_not_json_is_raised(self):
        ann = self.open_room()
        with self.assertRaises(ValueError):
            ann.send_text("{")


class InnerCaseTests(OuterTestCase):
    def test_an_async_call_that_is_not_awaited_is_told(self):
        class ForgetfulTests(LiveViewTestCase):
            async def test(self) -> None:
                self.acall_handler("stay_silent")

        result = run_case(ForgetfulTests)
        [text] = result.texts
        self.assertIn("acall_handler() was called at test_rooms.py", text)
        self.assertIn("Write 'await self.acall_handler(...)'", text)

    def test_a_crash_that_nobody_expects_fails_the_test(self):
        class CrashTests(LiveViewTestCase):
            def test(self) -> None:
                self.open_room().call("break")

            async def test_async(self) -> None:
                await (await self.aopen_room()).acall("break")

        result = run_case(CrashTests)
        self.assertEqual(result.texts, ["the press has jammed"] * 2)

    def test_frames_of_a_turn_that_was_looked_at_are_read(self):
        class ReadingTests(LiveViewTestCase):
            check_unread = "fail"

            def test_read(self) -> None:
                ann = self.open_room()
                ann.call("greet", form={"name": "Ann"})
                self.call_handler("greet", form={"name": "Ann"})

            def test_unread(self) -> None:
                ann, _ = self.open_room(), self.open_room(name="ben")
                ann.call("ring", form={"text": "lunch"})

        result = run_case(ReadingTests)
        [text] = result.texts
        self.assertIn(
            "The test did not read 1 frame from ben (/ws/liveview/test-room/).", text
        )


class TransactionTests(LiveViewTestCase):
    """Rows of the test, the handlers and the socket are in one transaction."""

    @classmethod
    def setUpTestData(cls):
        cls.story = Story.objects.create(headline="Storm", text="Stay inside.")

    def see(self) -> int:
        ann = self.open_room()
        ann.call("read_story", data={"storyId": self.story.pk})
        ann.assert_target("#story", contains="Storm")
        ann.call("file_story", form={"headline": "A", "text": "B"})
        self.call_handler("file_story", form={"headline": "C", "text": "D"})
        return Story.objects.count()

    def test_one(self):
        self.assertEqual(self.see(), 3)

    def test_another(self):
        self.assertEqual(self.see(), 3)


class SignatureTests(SimpleTestCase):
    def test_twins_say_the_same(self):
        for owner, names in (
            (LiveViewTestCase, ["call_handler", "run_middleware", "open_room"]),
            (LiveViewClient, ["call"]),
        ):
            for name in names:
                with self.subTest(name):
                    sync, twin = getattr(owner, name), getattr(owner, f"a{name}")
                    self.assertEqual(sync.__doc__, twin.__doc__)
                    self.assertEqual(sync.__name__, name)
                    self.assertEqual(twin.__name__, f"a{name}")


class ThreadTests(LiveViewTestCase):
    def test_what_a_thread_of_a_handler_sends_is_waited_for(self):
        frame = {"target": "#later", "html": "now"}

        @liveview_handler("later")
        def later(consumer: Any, content: Any) -> None:
            threading.Thread(target=send, args=(None, frame, True)).start()

        ann, ben = self.open_room(), self.open_room("press")
        ann.call("later")
        self.assertReceivesJson(ben, frame)
        self.assertOnlyReached([ann, ben], "#later")
