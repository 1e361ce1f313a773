from __future__ import annotations

import asyncio
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from liveview import liveview_handler, liveview_registry, send

from channels_testkit.contrib.liveview import LiveViewTestCase

from .newsroom.middleware import only_staff
from .newsroom.models import Story


# docs:start middleware
class OnlyStaffTests(LiveViewTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")

    def test_a_stranger_is_blocked(self):
        result = self.run_middleware(only_staff, "spike_story")
        result.assert_blocked()
        result.assert_target("#login", contains="log in")

    def test_a_user_is_allowed(self):
        result = self.run_middleware(only_staff, "spike_story", user=self.ann)
        result.assert_allowed()
        result.assert_no_reply()
        # docs:end middleware

    async def test_a_stranger_is_blocked_async(self):
        result = await self.arun_middleware(only_staff, "spike_story")
        result.assert_blocked()
        result.assert_target("#login", contains="log in")

    async def test_who_is_logged_in_is_allowed_async(self):
        options = {"user": self.ann}
        result = await self.arun_middleware(only_staff, "spike_story", **options)
        result.assert_allowed()
        result.assert_no_reply()

    def test_what_is_not_protected_is_open_to_strangers(self):
        nobody = AnonymousUser()
        self.run_middleware(only_staff, "read_story", user=nobody).assert_allowed()

    def test_the_name_of_the_function_can_be_left_out(self):
        result = self.run_middleware(only_staff)
        result.assert_allowed()
        self.assertEqual(result.function, "function")


# docs:start before-handlers
class BeforeHandlersTests(LiveViewTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")
        cls.story = Story.objects.create(headline="Storm", text="Stay inside.")

    def setUp(self):
        liveview_registry.add_middleware(only_staff)

    def test_a_blocked_handler_is_not_called(self):
        result = self.call_handler("spike_story", data={"story_id": self.story.pk})
        result.assert_blocked()
        self.assertTrue(Story.objects.exists())

    def test_an_allowed_handler_is_called(self):
        data = {"story_id": self.story.pk}
        result = self.call_handler("spike_story", data=data, user=self.ann)
        result.assert_allowed()
        self.assertFalse(Story.objects.exists())

    def test_the_handler_rejects_strangers(self):
        data = {"story_id": self.story.pk}
        result = self.call_handler("spike_story", data=data, middleware=False)
        result.assert_target("#story", contains="must be logged in")
        # docs:end before-handlers

    async def test_a_blocked_handler_is_not_called_async(self):
        data = {"story_id": self.story.pk}
        result = await self.acall_handler("spike_story", data=data, middleware=True)
        result.assert_blocked()
        self.assertIs(result.blocked_by, only_staff)
        self.assertEqual(result.frames, [{"target": "#login", "html": "Please log in"}])
        self.assertTrue(await Story.objects.aexists())

    def test_a_browser_is_blocked_as_well(self):
        frames = self.open_room().call("spike_story", data={"story_id": 0})
        self.assertEqual(frames, [{"target": "#login", "html": "Please log in"}])

    def test_middleware_that_was_left_out_is_there_again(self):
        self.call_handler("stay_silent", middleware=False)
        self.assertEqual(liveview_registry._middleware, [only_staff])
        self.call_handler("spike_story", data={"story_id": 0}).assert_blocked()


class RunMiddlewareTests(LiveViewTestCase):
    def run_returning(self, *, result: object) -> bool:
        def middleware(consumer: Any, content: Any, function: str) -> object:
            return result

        return self.run_middleware(middleware).allowed

    def test_only_false_blocks_as_in_the_framework(self):
        self.assertFalse(self.run_returning(result=False))
        for result in (True, None, 0, "", []):
            with self.subTest(result):
                self.assertTrue(self.run_returning(result=result))

    def test_the_framework_goes_by_the_same_rule(self):
        called: list[object] = []

        @liveview_handler("note")
        def note(consumer: Any, content: Any) -> None:
            called.append(content["data"]["result"])

        liveview_registry.add_middleware(
            lambda _, content, __: content["data"]["result"]
        )
        for result in (False, True, None, 0, ""):
            self.call_handler("note", data={"result": result})
        self.assertEqual(called, [True, None, 0, ""])

    def test_it_is_given_consumer_content_and_name(self):
        given: list[Any] = []

        def middleware(consumer: Any, content: Any, function: str) -> None:
            given.append((consumer, content, function))

        result = self.run_middleware(
            middleware, "spike", data={"storyId": 7}, form={"a": "b"}, room="desk"
        )
        [(consumer, content, function)] = given
        self.assertIs(consumer, result.communicator.consumer)
        self.assertEqual(function, "spike")
        self.assertEqual(
            content,
            {
                "function": "spike",
                "data": {"story_id": 7},
                "form": {"a": "b"},
                "lang": "en",
                "room": "desk",
            },
        )

    def test_no_other_middleware_is_run(self):
        liveview_registry.add_middleware(lambda *_: False)
        self.assertTrue(self.run_returning(result=None))
        self.assertEqual(len(liveview_registry._middleware), 1)

    def test_the_real_handler_is_not_called_and_is_there_again(self):
        form = {"headline": "Flood", "text": "Take the boat."}
        before = liveview_registry.get_handler("file_story")
        result = self.run_middleware(lambda *_: None, "file_story", form=form)
        result.assert_no_reply()
        self.assertFalse(Story.objects.exists())
        self.assertIs(liveview_registry.get_handler("file_story"), before)

    def test_what_it_raises_is_raised(self):
        def middleware(consumer: Any, content: Any, function: str) -> None:
            raise LookupError("no such desk")

        with self.assertRaisesMessage(LookupError, "no such desk"):
            self.run_middleware(middleware)

    def test_what_it_broadcasts_is_seen(self):
        def middleware(consumer: Any, content: Any, function: str) -> None:
            send(consumer, {"target": "#log", "html": function}, broadcast=True)

        result = self.run_middleware(middleware, "spike")
        result.assert_broadcast("#log", contains="spike")

    async def test_calls_at_a_time_are_told_apart_async(self):
        liveview_registry.add_middleware(only_staff)
        spike = self.acall_handler("spike_story", data={"story_id": 0})
        greet = self.acall_handler("greet", form={"name": "Ann"})
        gate = self.arun_middleware(lambda *_: False, "greet")
        results = await asyncio.gather(spike, greet, gate)
        self.assertEqual([one.allowed for one in results], [False, True, False])
        self.assertEqual(liveview_registry._middleware, [only_staff])

    def test_a_function_that_is_unknown_is_not_allowed(self):
        result = self.call_handler("raed_story")
        with self.assertRaises(AssertionError) as caught:
            result.assert_allowed()
        text, _, _ = str(caught.exception).partition("\n\n")
        self.assertEqual(text, "No function 'raed_story' is registered to be called.")

    def test_failures_name_middleware_and_function(self):
        class Gate:
            def __init__(self, *, result: object) -> None:
                self.result = result

            def __call__(self, *args: object) -> object:
                return self.result

            def __repr__(self) -> str:
                return "<a gate>"

        for check, middleware, verdict in (
            ("allowed", only_staff, "only_staff() blocked 'spike_story'"),
            ("allowed", Gate(result=False), "<a gate> blocked 'spike_story'"),
            ("blocked", Gate(result=True), "No middleware blocked 'spike_story'."),
        ):
            with self.subTest(verdict):
                result = self.run_middleware(middleware, "spike_story")
                with self.assertRaises(AssertionError) as caught:
                    getattr(result, f"assert_{check}")()
                text, _, transcript = str(caught.exception).partition("\n\n")
                more = ", and should not have." if check == "allowed" else ""
                self.assertEqual(text, f"{verdict}{more}")
                self.assertIn("spike_story", transcript)
