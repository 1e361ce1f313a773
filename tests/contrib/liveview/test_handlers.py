from __future__ import annotations

import asyncio
import datetime
import json
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser, User
from django.utils import translation
from liveview import liveview_handler, send
from liveview.consumers import LiveViewConsumer

from channels_testkit.contrib.liveview import LiveViewTestCase
from channels_testkit.websocket.subjects import driver_of

from .newsroom.liveview_components.stories import read_story
from .newsroom.models import Story

BELL = {"target": "#bell", "html": "lunch"}


# docs:start handler
class ReadStoryTests(LiveViewTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.story = Story.objects.create(headline="Storm", text="Stay inside.")

    def test_a_story_is_shown(self):
        result = self.call_handler("read_story", data={"storyId": self.story.pk})
        result.assert_target("#story", contains="Stay inside.", url="/stories/")

    def test_a_missing_story(self):
        result = self.call_handler(read_story, data={"storyId": 0})
        result.assert_target("#story", contains="not found")
        # docs:end handler

    # docs:start handler-async
    async def test_a_story_is_shown_async(self):
        data = {"storyId": self.story.pk}
        result = await self.acall_handler("read_story", data=data)
        result.assert_target("#story", contains="<h1>Storm</h1>")
        # docs:end handler-async

    def test_frames_are_what_the_client_gets(self):
        result = self.call_handler("read_story", data={"storyId": 0})
        html = "<p>This story was not found.</p>"
        frame = {"target": "#story", "html": html, "url": "/stories/"}
        self.assertEqual(result.frames, [frame])
        self.assertEqual(result.sent, [])
        self.assertEqual(result.broadcasts, [])

    async def test_frames_are_what_the_client_gets_async(self):
        result = await self.acall_handler(read_story, data={"storyId": 0})
        self.assertEqual([frame["target"] for frame in result.frames], ["#story"])


class ContentTests(LiveViewTestCase):
    liveview_room = "desk"

    def content(self, **options: Any) -> Any:
        result = self.call_handler("repeat_content", **options)
        return result.assert_target("#content")["content"]

    def test_handlers_get_what_a_page_sends(self):
        self.assertEqual(
            self.content(),
            {
                "function": "repeat_content",
                "data": {},
                "form": {},
                "lang": "en",
                "room": "desk",
            },
        )

    def test_what_is_given_is_sent_and_its_keys_are_converted(self):
        content = self.content(
            data={"storyId": 7, "at": datetime.date(2026, 11, 20)},
            form={"firstName": "Ann"},
            lang="de",
            room="night-desk",
        )
        self.assertEqual(content["data"], {"story_id": 7, "at": "2026-11-20"})
        self.assertEqual(content["form"], {"first_name": "Ann"})
        self.assertEqual((content["lang"], content["room"]), ("de", "night-desk"))

    def test_what_no_page_can_send_is_refused(self):
        with self.assertRaisesRegex(TypeError, r"\['data'\]\['story'\]"):
            self.content(data={"story": Story()})

    def test_the_consumer_is_connected_to_its_room(self):
        result = self.call_handler("stay_silent", room="night")
        consumer = result.communicator.consumer
        self.assertIs(type(consumer), LiveViewConsumer)
        self.assertEqual(consumer.room_group_name, "room_night")
        self.assertEqual(consumer.scope["url_route"]["kwargs"], {"room_name": "night"})

    def test_no_trace_is_left(self):
        result = self.call_handler("file_story", form={"headline": "A", "text": "B"})
        self.assertEqual(self.channel_layer.groups(), {})
        self.assertEqual(self.channel_layer.pending_counts(), {})
        self.assertFalse(driver_of(result.communicator).needs_closing)

    def test_the_language_of_a_handler_does_not_leak(self):
        @liveview_handler("speak_german")
        def speak_german(consumer: Any, content: Any) -> None:
            translation.activate("de")
            send(consumer, {"lang": translation.get_language()})

        result = self.call_handler("speak_german")
        self.assertEqual(result.frames, [{"lang": "de"}])
        self.assertNotEqual(translation.get_language(), "de")

    def test_a_function_that_is_not_registered_is_refused(self):
        def read(consumer: Any, content: Any) -> None: ...

        with self.assertRaises(TypeError) as caught:
            self.call_handler(read)
        self.assertEqual(
            str(caught.exception),
            "call_handler() takes a function's name, or a function that"
            f" @liveview_handler has registered, not {read!r}.",
        )

    async def test_a_sync_call_in_an_async_test_is_refused(self):
        with self.assertRaises(RuntimeError) as caught:
            self.call_handler("greet")
        self.assertEqual(
            str(caught.exception),
            "A sync call in an async test: write 'await self.acall_handler(...)'.",
        )


class UserTests(LiveViewTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")
        cls.story = Story.objects.create(headline="Storm", text="Stay inside.")

    # docs:start user
    def test_a_user_may_spike_a_story(self):
        data = {"story_id": self.story.pk}
        result = self.call_handler("spike_story", data=data, user=self.ann)
        result.assert_target("#story", contains="Spiked by ann")
        self.assertFalse(Story.objects.exists())

    def test_a_stranger_may_not(self):
        result = self.call_handler("spike_story", data={"story_id": self.story.pk})
        result.assert_target("#story", contains="must be logged in")
        self.assertTrue(Story.objects.exists())
        # docs:end user

    async def test_who_is_logged_in_may_spike_a_story_async(self):
        data = {"story_id": self.story.pk}
        result = await self.acall_handler("spike_story", data=data, user=self.ann)
        result.assert_target("#story", contains="Spiked by ann")
        self.assertFalse(await Story.objects.aexists())

    def test_the_login_of_the_test_client_counts(self):
        self.client.force_login(self.ann)
        result = self.call_handler("spike_story", data={"story_id": 0})
        result.assert_target("#story", contains="Spiked by ann")
        nobody = AnonymousUser()
        result = self.call_handler("spike_story", data={"story_id": 0}, user=nobody)
        result.assert_target("#story", contains="must be logged in")

    def test_the_session_is_real_and_kept(self):
        self.client.force_login(self.ann)
        self.call_handler("count_visits").assert_target("#visits", "1")
        self.call_handler("count_visits").assert_target("#visits", "2")
        self.assertEqual(self.client.session["visits"], 2)


class LayerTests(LiveViewTestCase):
    # docs:start broadcast
    def test_a_new_story_is_broadcast(self):
        form = {"headline": "Flood", "text": "Take the boat."}
        result = self.call_handler("file_story", form=form)
        result.assert_target("#form", contains="Thank you")
        result.assert_broadcast("#list", contains="Flood", append=True)
        self.assertEqual(Story.objects.get().text, "Take the boat.")
        # docs:end broadcast

    async def test_a_new_story_is_told_to_everybody_async(self):
        form = {"headline": "Flood", "text": "Take the boat."}
        result = await self.acall_handler("file_story", form=form)
        result.assert_broadcast("#list", contains="Flood", append=True)

    def test_a_broadcast_is_not_among_the_frames(self):
        form = {"headline": "Flood", "text": "Take the boat."}
        result = self.call_handler("file_story", form=form)
        self.assertEqual(result.frames, [{"target": "#form", "html": "Thank you"}])
        item = {"target": "#list", "html": "<li>Flood</li>", "append": True}
        self.assertEqual(result.broadcasts, [item])
        self.assertEqual([entry.group for entry in result.sent], ["broadcast"])

    # docs:start form
    def test_a_story_without_headline_is_refused(self):
        result = self.call_handler("file_story", form={"headline": ""})
        result.assert_target("#form", contains="This field is required")
        self.assertEqual(result.broadcasts, [])
        self.assertEqual(Story.objects.count(), 0)
        # docs:end form

    def test_what_is_sent_to_a_room(self):
        result = self.call_handler("ring", form={"text": "lunch"}, room="desk")
        frame = result.assert_sent_to("desk", "#bell", contains="lunch")
        self.assertEqual(frame, {"target": "#bell", "html": "lunch"})
        self.assertEqual(result.sent_to("desk"), [frame])
        self.assertEqual(result.sent_to("press"), [])
        self.assertEqual(result.broadcasts, [])
        result.assert_no_reply()

    def test_what_goes_to_another_group_is_among_what_was_sent(self):
        @liveview_handler("whisper")
        def whisper(consumer: Any, content: Any) -> None:
            consumer.send_to_group("others", {"target": "#x"})

        result = self.call_handler("whisper")
        self.assertEqual([entry.group for entry in result.sent], ["others"])
        self.assertEqual(result.broadcasts, [])

    def test_what_was_sent_before_is_not_the_handlers(self):
        self.call_handler("ring", form={"text": "lunch"})
        self.assertEqual(self.call_handler("stay_silent").sent, [])


class ErrorTests(LiveViewTestCase):
    # docs:start errors
    def test_the_call_raises_the_exception(self):
        with self.assertRaisesMessage(ValueError, "the press has jammed"):
            self.call_handler("break")

    def test_the_client_gets_an_error(self):
        with self.assertApplicationRaises(ValueError):
            result = self.call_handler("break")
        result.assert_error(contains="the press has jammed")
        # docs:end errors

    async def test_what_a_handler_raises_is_raised_async(self):
        with self.assertRaisesMessage(ValueError, "the press has jammed"):
            await self.acall_handler("break")
        with self.assertApplicationRaises(ValueError):
            result = await self.acall_handler("break")
        result.assert_error(contains="the press has jammed")

    def test_a_misspelled_method_is_raised(self):
        with self.assertRaisesRegex(AttributeError, "no attribute 'send_jsn'"):
            self.call_handler("misspell")

    def test_a_reply_that_is_not_json_is_raised(self):
        with self.assertRaisesRegex(TypeError, "datetime is not JSON serializable"):
            self.call_handler("send_a_date")
        with self.assertRaisesRegex(TypeError, "__proxy__ is not JSON serializable"):
            self.call_handler("send_lazy_text")

    def test_a_broadcast_that_no_layer_can_carry_is_raised(self):
        with self.assertRaisesRegex(TypeError, r"message\['message'\]\['html'\]"):
            self.call_handler("broadcast_a_date")

    def test_a_call_works_after_one_that_has_raised(self):
        with self.assertRaises(ValueError):
            self.call_handler("break")
        self.call_handler("greet", form={"name": "Ann"}).assert_target("#desk")

    # docs:start unknown
    def test_an_unknown_function(self):
        result = self.call_handler("raed_story")
        frame = result.assert_unknown_function("raed_story")
        self.assertIn("read_story", frame["available_functions"])
        # docs:end unknown

    def test_a_consumer_that_refuses_the_connection_is_told(self):
        class Closed(LiveViewConsumer):
            def connect(self) -> None:
                self.room_group_name = "none"
                self.close(code=4401)

        self.liveview_consumer = Closed
        with self.assertRaisesRegex(AssertionError, "refused the handshake"):
            self.call_handler("greet")

    def test_a_handler_may_close_the_connection(self):
        result = self.call_handler("hang_up")
        self.assertClosed(result.communicator, code=4000)
        result.assert_no_reply()


class LaterTests(LiveViewTestCase):
    class liveview_consumer(LiveViewConsumer):  # noqa: N801 - the attribute's name
        """Sends something of its own when it has forwarded a broadcast."""

        async def dispatch(self, message: Any) -> None:
            await super().dispatch(message)
            if message["type"] == "broadcast_message":
                work = sync_to_async(self.send_json)({"target": "#later"})
                self.task = asyncio.create_task(work)

    def test_what_is_sent_after_a_broadcast_came_back_is_the_consumers(self):
        result = self.call_handler("ring", form={"text": "lunch"})
        self.assertEqual(result.frames, [{"target": "#later"}])
        self.assertEqual(result.sent_to("test-room"), [BELL])


class OwnConsumerTests(LiveViewTestCase):
    class liveview_consumer(LiveViewConsumer):  # noqa: N801 - the attribute's name
        broadcast_group = "everyone"

        def send_json(self, content: Any, close: bool = False) -> None:
            super().send_json({**content, "paper": "Gazette"}, close)

        def connect(self) -> None:
            super().connect()
            self.send_json({"target": "#welcome"})

    def test_the_class_names_the_consumer(self):
        result = self.call_handler("greet", form={"name": "Ann"})
        frame = {"target": "#desk", "html": "Good day, Ann", "paper": "Gazette"}
        self.assertEqual(result.frames, [frame])

    def test_its_group_is_that_of_broadcasts(self):
        form = {"headline": "Flood", "text": "Take the boat."}
        result = self.call_handler("file_story", form=form)
        self.assertEqual([entry.group for entry in result.sent], ["everyone"])
        result.assert_broadcast("#list")


class FailureTests(LiveViewTestCase):
    maxDiff = None

    def failure(self, assertion: Any, *args: Any, **options: Any) -> str:
        with self.assertRaises(AssertionError) as caught:
            assertion(*args, **options)
        verdict, _, transcript = str(caught.exception).partition("\n\nTranscript of ")
        self.assertIn("/ws/liveview/test-room/", transcript)
        return verdict

    def test_another_target_was_meant(self):
        result = self.call_handler("greet", form={"name": "Ann"})
        self.assertEqual(
            self.failure(result.assert_target, "#dask"),
            "No frame for '#dask' was sent to the client by greet().\n"
            "Targets: '#desk'.\n"
            "Did you mean '#desk'?",
        )

    def test_the_html_is_another(self):
        result = self.call_handler("greet", form={"name": "Ann"})
        self.assertEqual(
            self.failure(result.assert_target, "#desk", contains="Ben"),
            "No such frame for '#desk' was sent to the client by greet(): 'Ben' is not"
            " in its html, 'Good day, Ann'.",
        )

    def test_a_field_is_another(self):
        result = self.call_handler("greet", form={"name": "Ann"})
        self.assertEqual(
            self.failure(result.assert_target, "#desk", append=True),
            "No such frame for '#desk' was sent to the client by greet(): 'append' is"
            " no such key, not True.",
        )

    def test_there_is_an_error_in_its_place(self):
        result = self.call_handler("raed_story")
        text = self.failure(result.assert_target, "#story")
        self.assertEqual(
            text,
            "No frame for '#story' was sent to the client by raed_story().\n"
            "Error: Unknown function: raed_story (did you mean 'read_story'?)",
        )

    def test_there_is_no_frame(self):
        result = self.call_handler("stay_silent")
        verdict = "No frame for '#x' was {} by stay_silent().\nThere was no frame."
        self.assertEqual(
            self.failure(result.assert_target, "#x"),
            verdict.format("sent to the client"),
        )
        self.assertEqual(
            self.failure(result.assert_broadcast, "#x"), verdict.format("broadcast")
        )
        self.assertEqual(
            self.failure(result.assert_sent_to, "desk", "#x"),
            "Nothing was sent to group 'room_desk'.\nGroups that were sent to: none.",
        )

    def test_there_is_no_error(self):
        result = self.call_handler("greet", form={"name": "Ann"})
        self.assertEqual(
            self.failure(result.assert_error),
            "No error was sent to the client by greet().\nTargets: '#desk'.",
        )
        self.assertEqual(
            self.failure(result.assert_unknown_function, "great"),
            "No error that 'great' is an unknown function was sent to the client by"
            " greet().\nTargets: '#desk'.",
        )

    def test_the_error_is_another(self):
        result = self.call_handler("raed_story")
        self.assertEqual(
            self.failure(result.assert_error, contains="jammed"),
            "No error with 'jammed' in it was sent to the client by raed_story().\n"
            "Error: Unknown function: raed_story (did you mean 'read_story'?)",
        )
        self.assertEqual(
            self.failure(result.assert_unknown_function, "read"),
            "No error that 'read' is an unknown function was sent to the client by"
            " raed_story().\n"
            "Error: Unknown function: raed_story (did you mean 'read_story'?)",
        )

    def test_there_is_a_reply_where_none_was_expected(self):
        result = self.call_handler("greet", form={"name": "Ann"})
        self.assertEqual(
            self.failure(result.assert_no_reply),
            "A frame was sent to the client by greet(), where none was expected.\n"
            "Targets: '#desk'.",
        )

    def test_frames_without_target_are_shown(self):
        @liveview_handler("rename")
        def rename(consumer: Any, content: Any) -> None:
            send(consumer, {"title": "News"})
            consumer.send(text_data=json.dumps(["raw"]))

        result = self.call_handler("rename")
        self.assertEqual(
            self.failure(result.assert_no_reply),
            "A frame was sent to the client by rename(), where none was expected.\n"
            "Frames: [{'title': 'News'}, ['raw']]",
        )
