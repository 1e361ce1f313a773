"""A home-made page, driven by an adapter of its own."""

from __future__ import annotations

import logging
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth.models import User
from django.test import SimpleTestCase

from channels_testkit import (
    ChannelTestCase,
    Group,
    SimpleChannelTestCase,
    WebsocketTestCase,
)
from channels_testkit.contrib.page_turns import contains, in_json, snapshot
from channels_testkit.contrib.pages import (
    AsyncPageClient,
    EventResult,
    MountRefused,
    Page,
    PageClient,
)
from channels_testkit.websocket.subjects import driver_of
from tests.app.models import Note
from tests.utils import OuterTestCase, run_case

logger = logging.getLogger("tests.pages")
# Not in the output of the suite, where it would look like a failure.
logger.addHandler(logging.NullHandler())
logger.propagate = False


# docs:start pages-consumer
class ListConsumer(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        try:
            await getattr(self, f"on_{content['do']}")(**content["with"])
        except Exception as error:
            logger.exception("a handler failed")
            await self.send_json({"problem": type(error).__name__})

    async def on_open(self, owner):
        self.owner, self.notes = owner, []
        await self.send_json({"html": f"<h1>{owner}</h1>"})

    async def on_add(self, text):
        await Note.objects.acreate(text=text)
        self.notes.append(text)
        await self.send_json({"html": f"<li>{text}</li>"})
        await self.send_json({"sound": "ding"})

    # docs:end pages-consumer

    async def on_break(self) -> None:
        self.notes.append("half")
        raise ValueError("the list is full")

    async def on_hide(self) -> None:
        await self.send_json({"problem": "hidden"})

    async def on_crash(self) -> None:
        logger.error("this is no exception")
        await database_sync_to_async(Note.objects.count)()
        raise self.exit()

    async def on_close(self) -> None:
        await self.close(code=4400)

    async def on_binary(self) -> None:
        await self.send(bytes_data=b"\x00")

    async def on_wait(self) -> None:
        await self.channel_layer.group_add("lists", self.channel_name)

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("lists", self.channel_name)

    async def list_shout(self, event: Any) -> None:
        if event["text"] == "break":
            try:
                raise OSError("no voice")
            except OSError:
                logger.exception("a shout failed")
        await self.send_json({"shout": event["text"]})

    @staticmethod
    def exit() -> Exception:
        return RuntimeError("gone")


class NoEntryConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.close(code=4401)


# docs:start pages-adapter
class ListPage(Page):
    error_loggers = ("tests.pages",)

    def mount_frame(self, params):
        return {"do": "open", "with": params}

    def event_frame(self, name, params):
        return {"do": name, "with": params}

    def error(self, frame):
        return frame.get("problem") if isinstance(frame, dict) else None

    def state(self, consumer):
        return {"owner": consumer.owner, "notes": consumer.notes}


# docs:end pages-adapter


def list_client(**options: Any) -> PageClient:
    return PageClient(ListPage(), application=ListConsumer.as_asgi(), **options)


# docs:start pages-test
class ListTests(ChannelTestCase):
    def test_a_note_is_added(self):
        client = PageClient(ListPage(), application=ListConsumer.as_asgi())
        client.mount(owner="ann")
        client.send_event("add", text="milk")
        client.assert_state(notes=["milk"])
        client.assert_frame({"html": "<li>milk</li>"})

    # docs:end pages-test

    # docs:start pages-async-test
    async def test_a_note_is_added_in_an_async_test(self):
        client = AsyncPageClient(ListPage(), application=ListConsumer.as_asgi())
        await client.mount(owner="ann")
        await client.send_event("add", text="milk")
        client.assert_state(notes=["milk"])
        client.assert_frame({"html": "<li>milk</li>"})

    # docs:end pages-async-test

    def test_client_of_an_async_test_disconnects(self):
        client = list_client().mount(owner="ann")
        client.disconnect(4000, reason="enough")
        self.assertEqual(
            driver_of(client.communicator).connection.state, "disconnected"
        )
        last = client.communicator.transcript.entries[-1].event
        self.assertEqual((last["code"], last["reason"]), (4000, "enough"))

    async def test_async_client_disconnects(self):
        client = AsyncPageClient(ListPage(), application=ListConsumer.as_asgi())
        await client.mount(owner="ann")
        await client.disconnect(4000, reason="enough")
        self.assertEqual(
            driver_of(client.communicator).connection.state, "disconnected"
        )
        last = client.communicator.transcript.entries[-1].event
        self.assertEqual((last["code"], last["reason"]), (4000, "enough"))

    def test_rows_of_the_page_are_in_the_transaction_of_the_test(self):
        list_client().mount(owner="ann").send_event("add", text="milk")
        self.assertEqual(Note.objects.get().text, "milk")

    def test_user_is_in_the_scope(self):
        ann = User.objects.create_user("ann")
        client = list_client(user=ann).mount(owner="ann")
        self.assertEqual(client.consumer.scope["user"], ann)

    def test_repr_names_the_page(self):
        self.assertEqual(repr(list_client()), "<PageClient ListPage>")


class TurnTests(ChannelTestCase):
    def test_turn_holds_what_one_action_caused(self):
        client = list_client().mount(owner="ann")
        mounting = client.turn
        client.send_event("add", text="milk")
        self.assertEqual(mounting.frames, [{"html": "<h1>ann</h1>"}])
        expected = [{"html": "<li>milk</li>"}, {"sound": "ding"}]
        self.assertEqual(client.turn.frames, expected)
        self.assertEqual(
            str(client.turn),
            "The turn of send_event('add') held:\n"
            '     1  {"html": "<li>milk</li>"}\n'
            '     2  {"sound": "ding"}',
        )

    def test_what_comes_before_the_next_action_belongs_to_it(self):
        client = list_client().mount(owner="ann")
        client.send_event("wait")
        self.assertEqual(
            str(client.turn), "The turn of send_event('wait') held no frame."
        )
        self.shout("hey")
        client.assert_frame({"shout": "hey"})

    def shout(self, text: str) -> None:
        Group("lists").send({"type": "list.shout", "text": text})
        self.settle()

    def test_exception_that_is_caught_outside_of_an_action_fails(self):
        client = list_client().mount(owner="ann")
        client.send_event("wait")
        with self.assertRaisesMessage(OSError, "no voice"):
            self.shout("break")

    def test_binary_frame_stands_for_itself(self):
        client = list_client().mount(owner="ann")
        client.send_event("binary")
        self.assertEqual(client.turn.frames, [b"\x00"])
        self.assertIn("b'\\x00'", str(client.turn))

    def test_frame_that_does_not_match_fails(self):
        client = list_client().mount(owner="ann")
        client.send_event("add", text="milk")
        with self.assertRaises(AssertionError) as caught:
            client.assert_frame({"sound": "dong"})
        self.assertEqual(
            str(caught.exception),
            "No frame of send_event('add') matches.\n\n"
            'Expected: {"sound": "dong"}\n\n'
            "The turn of send_event('add') held:\n"
            '     1  {"html": "<li>milk</li>"}\n'
            '     2  {"sound": "ding"}',
        )

    def test_frame_that_must_not_come(self):
        client = list_client().mount(owner="ann")
        client.send_event("add", text="milk")
        client.assert_no_frame({"sound": "dong"})
        with self.assertRaises(AssertionError) as caught:
            client.assert_no_frame({"sound": "ding"})
        verdict, _, evidence = str(caught.exception).partition("\n\n")
        text = "A frame of send_event('add') matches, and should not."
        self.assertEqual(verdict, text)
        self.assertTrue(evidence.startswith('Not expected: {"sound": "ding"}\n\n'))


class EventTests(ChannelTestCase):
    def test_result_has_the_state_before_and_after(self):
        client = list_client().mount(owner="ann")
        result = client.send_event("add", text="milk")
        self.assertEqual(result["state_before"], {"owner": "ann", "notes": []})
        self.assertEqual(result["state_after"], {"owner": "ann", "notes": ["milk"]})
        self.assertTrue(result["success"])
        self.assertIsNone(result.exception)
        self.assertEqual(len(result["frames"]), 2)

    def test_exception_is_told_by_the_result(self):
        client = list_client().mount(owner="ann")
        result = client.send_event("break")
        self.assertEqual(result["error"], "the list is full")
        self.assertIsInstance(result.exception, ValueError)

    def test_error_without_an_exception_is_the_text_of_the_frame(self):
        client = list_client().mount(owner="ann")
        result = client.send_event("hide")
        self.assertEqual(result.get("error"), "hidden")
        self.assertIsNone(result.get("nothing"))

    def test_log_entry_without_an_exception_is_passed_over(self):
        client = list_client().mount(owner="ann")
        result = client.send_event("crash")
        self.assertIsInstance(result.exception, RuntimeError)

    def test_failure_is_told_by_the_assertion_after_it(self):
        client = list_client().mount(owner="ann")
        client.send_event("break")
        with self.assertRaises(AssertionError) as caught:
            client.assert_state(notes=[])
        self.assertEqual(
            str(caught.exception),
            "State variable 'notes': expected nothing, got 'half' at '[0]'.\n\n"
            "The server raised ValueError: the list is full\n\n"
            "The turn of send_event('break') held:\n"
            '     1  {"problem": "ValueError"}',
        )
        self.assertIsInstance(caught.exception.__cause__, ValueError)

    def test_page_that_an_event_closes_has_no_state_any_more(self):
        client = list_client().mount(owner="ann")
        result = client.send_event("close")
        self.assertEqual(result["state_after"], {})

    def test_expected_exception_is_taken(self):
        client = list_client().mount(owner="ann")
        with self.assertApplicationRaises(ValueError):
            client.send_event("break")
        client.send_event("add", text="milk")


class UnexaminedTests(OuterTestCase):
    def test_failure_that_nobody_looks_at_fails_the_test_at_its_end(self):
        class Inner(ChannelTestCase):
            def test(self) -> None:
                list_client().mount(owner="ann").send_event("break")

        (error,) = run_case(Inner).raised
        self.assertEqual(
            str(error),
            "send_event('break') failed on the server: the list is full\n\n"
            "If the test expects this, look at 'success' or 'error' of the result.",
        )
        self.assertIsInstance(error.__cause__, ValueError)

    def test_failure_that_nobody_looks_at_fails_the_next_action(self):
        class Inner(ChannelTestCase):
            async def test(self) -> None:
                application = ListConsumer.as_asgi()
                client = AsyncPageClient(ListPage(), application=application)
                await client.mount(owner="ann")
                await client.send_event("hide")
                await client.send_event("add", text="milk")

        (error,) = run_case(Inner).raised
        self.assertIn("send_event('hide') failed on the server: hidden", str(error))

    def test_call_that_is_not_awaited_fails(self):
        class Inner(ChannelTestCase):
            async def test(self) -> None:
                AsyncPageClient(ListPage(), application=ListConsumer.as_asgi()).mount()

        (error,) = run_case(Inner).raised
        self.assertIn("never awaited", str(error))

    def test_handlers_of_loggers_are_taken_away(self):
        class Inner(ChannelTestCase):
            def test(self) -> None:
                list_client()
                list_client()

        before = list(logger.handlers)
        self.assertTrue(run_case(Inner).wasSuccessful())
        self.assertEqual(logger.handlers, before)


class MountTests(ChannelTestCase):
    def test_error_of_the_page_refuses_it(self):
        class Refusing(ListPage):
            def mount_frame(self, params: Any) -> Any:
                return {"do": "hide", "with": {}}

        client = PageClient(Refusing(), application=ListConsumer.as_asgi())
        with self.assertRaises(MountRefused) as caught:
            client.mount()
        self.assertEqual(
            str(caught.exception),
            "Refusing was not mounted: hidden\n\n"
            'The turn of mount() held:\n     1  {"problem": "hidden"}',
        )
        self.assertEqual(
            caught.exception.turn.find({"problem": str}), [{"problem": "hidden"}]
        )

    def test_close_refuses_it(self):
        class Closing(ListPage):
            def mount_frame(self, params: Any) -> Any:
                return {"do": "close", "with": {}}

        client = PageClient(Closing(), application=ListConsumer.as_asgi())
        with self.assertRaises(MountRefused) as caught:
            client.mount()
        self.assertEqual(
            str(caught.exception),
            "Closing was not mounted: the connection was closed with code 4400.\n\n"
            "The turn of mount() held no frame.",
        )

    def test_refused_handshake_fails(self):
        client = PageClient(ListPage(), application=NoEntryConsumer.as_asgi())
        with self.assertRaisesMessage(AssertionError, "refused the handshake"):
            client.mount(owner="ann")

    def test_exception_of_the_page_is_raised(self):
        with self.assertRaisesMessage(TypeError, "owner"):
            list_client().mount()

    def test_page_may_need_no_frame(self):
        class Silent(ListPage):
            mount_frame = Page.mount_frame

        client = PageClient(Silent(), application=ListConsumer.as_asgi()).mount()
        self.assertEqual(client.turn.frames, [])

    def test_page_is_mounted_once(self):
        client = list_client().mount(owner="ann")
        with self.assertRaisesMessage(RuntimeError, "create another client."):
            client.mount(owner="ben")

    def test_call_before_mount_says_so(self):
        with self.assertRaisesMessage(
            RuntimeError, "ListPage is not mounted. Call mount() first."
        ):
            list_client().assert_state(notes=[])


class StateTests(ChannelTestCase):
    def test_unknown_name_fails_and_names_the_closest(self):
        client = list_client().mount(owner="ann")
        with self.assertRaises(AssertionError) as caught:
            client.assert_state(note=[])
        text, _, _ = str(caught.exception).partition("\n\n")
        self.assertEqual(
            text,
            "State variable 'note' not found. Available: ['notes', 'owner']. Did you"
            " mean 'notes'?",
        )

    def test_parts_of_the_state(self):
        client = list_client().mount(owner="ann")
        client.send_event("add", text="milk")
        client.assert_state_contains(owner="an", notes=["milk"])
        with self.assertRaises(AssertionError) as caught:
            client.assert_state_contains(notes=["tea"])
        text, _, _ = str(caught.exception).partition("\n\n")
        self.assertEqual(
            text, "State variable 'notes': expected to contain ['tea'], got ['milk']."
        )

    def test_adapter_has_to_say_what_it_can(self):
        page = Page()
        for call, name in (
            (lambda: page.event_frame("add", {}), "event_frame"),
            (lambda: page.state(None), "state"),  # type: ignore[arg-type]
        ):
            with self.assertRaises(NotImplementedError) as caught:
                call()
            self.assertEqual(str(caught.exception), f"Page has no {name}().")
        self.assertIsNone(page.error({}))


class SideBySideTests(WebsocketTestCase):
    """Headers of the class are asked for, in sync and async tests."""

    ws_headers = (("X-Tenant", "blue"),)

    def test_headers_of_the_class_are_sent(self):
        client = list_client().mount(owner="ann")
        self.assertIn((b"x-tenant", b"blue"), client.consumer.scope["headers"])

    def test_frames_of_a_page_count_as_read(self):
        client = list_client().mount(owner="ann")
        self.assertEqual(list(driver_of(client.communicator).connection.unread), [])

    async def test_sync_client_is_refused_in_an_async_test(self):
        with self.assertRaisesMessage(
            RuntimeError, "write 'await AsyncPageClient(...).mount(...)'"
        ):
            list_client().mount(owner="ann")


class WithoutDatabaseTests(SimpleChannelTestCase):
    def test_page_that_touches_no_rows_works(self):
        list_client().mount(owner="ann").assert_state(owner="ann")


class NoTestTests(SimpleTestCase):
    def test_client_outside_of_a_test_of_the_kit_says_so(self):
        with self.assertRaisesMessage(RuntimeError, "PageClient works while"):
            list_client()


class ContainsTests(SimpleTestCase):
    def test_contents(self):
        for expected, actual in (
            ("ell", "hello"),
            ({"a": 1}, {"a": 1, "b": 2}),
            ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}),
            ([1], [1, 2]),
            ([3, 1], (1, 2, 3)),
            ([{"a": 1}], [{"a": 1, "b": 2}]),
            ({1}, {1, 2}),
            (1, [1, 2]),
            ({"a": 1}, [{"a": 1, "b": 2}]),
            (b"x", b"x"),
            (5, 5),
        ):
            with self.subTest(expected=expected, actual=actual):
                self.assertTrue(contains(expected, actual))

    def test_what_is_not_contained(self):
        for expected, actual in (
            ("ello!", "hello"),
            ({"a": 2}, {"a": 1}),
            ([1, 3], [1, 2]),
            (3, [1, 2]),
            (5, 6),
            ("a", {"a": 1}),
        ):
            with self.subTest(expected=expected, actual=actual):
                self.assertFalse(contains(expected, actual))

    def test_copy_of_a_state_does_not_change_with_it(self):
        lock = logging._lock  # type: ignore[attr-defined]
        state = {"list": [1], "uncopied": lock}
        copy = snapshot(state)
        state["list"].append(2)
        self.assertEqual(copy, {"list": [1], "uncopied": lock})

    def test_what_is_no_json_is_shown_as_it_is(self):
        self.assertEqual(in_json({1, 2}), "{1, 2}")

    def test_result_is_a_dict(self):
        result = EventResult("send_event('x')", None, success=True, error=None)
        self.assertEqual(result, {"success": True, "error": None})
        self.assertIsNone(result.failure())
