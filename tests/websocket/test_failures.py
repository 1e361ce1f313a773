"""What is not a scenario of tests/test_failure_texts.py."""

from __future__ import annotations

import textwrap

from channels.generic.websocket import AsyncWebsocketConsumer, JsonWebsocketConsumer
from channels.security.websocket import WebsocketDenier
from django.contrib.auth.models import AnonymousUser, User
from django.test import SimpleTestCase

from channels_testkit import (
    Group,
    HttpCommunicator,
    NoFrame,
    NoRoute,
    SimpleWebsocketTestCase,
)
from channels_testkit.asgi.environment import Environment
from channels_testkit.routing.application import with_routes
from channels_testkit.websocket.connection import WebsocketConnection
from channels_testkit.websocket.frame_failures import check_frame_is_next
from channels_testkit.websocket.handshake_failures import check_user, refused
from channels_testkit.websocket.subjects import driver_of
from tests.app import asgi
from tests.app.consumers import EchoConsumer
from tests.app.failing import MisspellingConsumer
from tests.utils import run_case

ECHO = EchoConsumer.as_asgi()


def make_connection(label="/ws/"):
    return WebsocketConnection(lambda: label, Environment())


def verdict(error):
    return str(error).partition("\n")[0]


class UnheardTests(SimpleWebsocketTestCase):
    """A receive that gets nothing names the groups that nobody was in."""

    application = MisspellingConsumer.as_asgi()
    ws_path = "/"

    def unheard_by(self, client):
        with self.assertRaises(NoFrame) as caught:
            client.receive_json()
        lines = str(caught.exception).split("\n")
        return [line for line in lines if "had no members" in line]

    def test_each_is_named_once(self):
        ann = self.connect()
        ann.send_json({"groups": ["stars", "moon", "stars"]})
        was = (
            "Group {!r} had no members when a message was sent to it at failing.py:114."
        )
        self.assertEqual(self.unheard_by(ann), list(map(was.format, ["stars", "moon"])))

    def test_a_group_that_has_members_by_now_is_not_named(self):
        # A consumer may tell a room of its client before it joins.
        ann = self.connect()
        ann.send_json({"groups": ["stars"]})
        Group("stars").add("somebody")
        self.assertEqual(self.unheard_by(ann), [])

    def test_groups_with_members_are_not_named(self):
        ann, ben = self.connect_many(2)
        ann.send_json({"groups": ["chat_lobby"]})
        ann.receive_text(), ben.receive_text()
        self.assertEqual(self.unheard_by(ann), [])

    def test_who_listens_is_told_what_others_have_sent(self):
        ann, ben = self.connect_many(2)
        ann.send_json({"groups": ["stars"]})
        self.assertEqual(len(self.unheard_by(ben)), 1)

    async def test_a_request_that_is_not_answered_names_them_too(self):
        async def tell_nobody(scope, receive, send):
            await self.channel_layer.group_send("stars", {"type": "shine"})
            while (await receive())["type"] != "http.disconnect":
                pass

        communicator = HttpCommunicator(tell_nobody, "GET", "/")
        with self.assertRaisesMessage(NoFrame, "Group 'stars' had no members when"):
            await communicator.get_response()

    def test_what_was_sent_before_the_last_frame_of_the_test_does_not_count(self):
        ann = self.connect()
        ann.send_json({"groups": ["stars"]})
        ann.send_json({"groups": []})
        self.assertEqual(self.unheard_by(ann), [])


class Deaf(AsyncWebsocketConsumer):
    async def recieve(self, text_data=None, bytes_data=None):
        await self.send(text_data)


class DeafJson(JsonWebsocketConsumer):
    def receive_jsn(self, content, **kwargs):
        self.send_json(content)


class Pusher(AsyncWebsocketConsumer):
    """Only tells its client what happens elsewhere."""


class Raw(Pusher):
    async def websocket_receive(self, message):
        pass


class IgnoredFrameTests(SimpleWebsocketTestCase):
    """A receive that gets nothing says so if the consumer ignores frames."""

    def lines_of(self, kind, frame="[]"):
        client = self.connect("/", application=kind.as_asgi())
        if frame:
            client.send_text(frame)
        with self.assertRaises(NoFrame) as caught:
            client.receive_text()
        return str(caught.exception).split("\n")

    def test_its_method_has_another_name(self):
        for kind, said in (
            (
                Deaf,
                "Deaf has no receive(), so it ignores frames. Did you mean recieve()?",
            ),
            (
                DeafJson,
                "DeafJson has no receive_json(), so it ignores frames. Did you mean"
                " receive_jsn()?",
            ),
            (Pusher, "Pusher has no receive(), so it ignores frames."),
        ):
            with self.subTest(kind.__name__):
                self.assertIn(said, self.lines_of(kind))

    def test_one_that_takes_them_otherwise_or_gets_none(self):
        for kind, frame in ((Raw, "[]"), (Pusher, "")):
            with self.subTest(kind.__name__):
                self.assertNotIn("ignores", "".join(self.lines_of(kind, frame)))


class LaterFrameTests(SimpleWebsocketTestCase):
    """A frame that differs is told with the unread one that matches."""

    application = ECHO
    ws_path = "/"

    def text_of(self, expected, *frames):
        ann = self.connect()
        for frame in frames:
            ann.send_text(frame)
        with self.assertRaises(AssertionError) as caught:
            self.assertReceivesJson(ann, expected)
        ann.receive_all_json()
        return str(caught.exception)

    def test_frames_that_are_no_json_are_passed_over(self):
        ann = self.connect()
        for frame in ('{"greeting": 1}', "no json", '{"item": 2}'):
            ann.send_text(frame)
        with self.assertRaisesMessage(AssertionError, "matches, number 8 of"):
            self.assertReceivesJson(ann, {"item": 2})
        ann.receive_text(), ann.receive_text()

    def test_none_is_named_where_none_matches(self):
        text = self.text_of({"item": 3}, '{"greeting": 1}', '{"item": 2}')
        self.assertNotIn("later frame", text)

    def test_predicates_are_not_called_on_later_frames(self):
        seen = []
        for expected in (seen.append, [seen.append], {"item": seen.append}):
            with self.subTest(expected):
                text = self.text_of(expected, '{"greeting": 1}', '{"item": 2}')
                self.assertNotIn("later frame", text)
                self.assertNotIn({"item": 2}, seen)
                self.assertNotIn(2, seen)


class RefusedTests(SimpleWebsocketTestCase):
    ws_path = "/"

    def refusal_of(self, application, **options):
        stranger = self.create_client(application=application, **options)
        stranger.connect()
        return str(refused(driver_of(stranger).connection))

    def test_without_an_answer(self):
        self.assertEqual(verdict(refused(make_connection())), "/ws/ was not accepted.")

    def steps_of(self, refusal):
        """Return the code that a refusal prints for a test of the refusal."""
        _, _, steps = str(refusal.exception).partition("the same options:\n")
        return textwrap.dedent(steps.partition("\n\n")[0])

    def test_the_steps_that_are_printed_work(self):
        with self.assertRaises(AssertionError) as refusal:
            self.connect("/ws/who/?room=1", application=asgi.application)
        self.application = asgi.application
        exec(self.steps_of(refusal), {"self": self})

    async def test_the_steps_that_are_printed_in_an_async_test_work(self):
        self.application = asgi.application
        with self.assertRaises(AssertionError) as refusal:
            await self.aconnect("/ws/who/")
        steps = textwrap.indent(self.steps_of(refusal), "    ")
        names = {"self": self}
        exec(f"async def follow():\n{steps}", names)
        await names["follow"]()

    def test_a_denier_that_is_not_a_validators_is_told_by_its_code(self):
        text = self.refusal_of(WebsocketDenier.as_asgi(), origin=None)
        self.assertEqual(verdict(text), "/ refused the handshake: close code 1000.")
        self.assertIn("\nOrigin: none\n", text)

    def test_the_same_user_needs_no_hint(self):
        class Consumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.close()

        user = User(pk=1, username="ann")
        text = self.refusal_of(Consumer.as_asgi(), scope={"user": user})
        self.assertIn("scope['user']: ann\n", text)
        self.assertNotIn("get_login", text)

    def test_who_has_sent_cookies_needs_another_hint(self):
        class Consumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.close()

        stranger = {"scope": {"user": AnonymousUser()}}
        hint = "without user="
        self.assertIn(hint, self.refusal_of(Consumer.as_asgi(), **stranger))
        text = self.refusal_of(Consumer.as_asgi(), **stranger, cookies={"token": "1"})
        self.assertNotIn(hint, text)

    def test_a_long_body_is_cut(self):
        async def application(scope, receive, send):
            await receive()
            await send({"type": "websocket.http.response.start", "status": 404})
            await send({"type": "websocket.http.response.body", "body": b"x" * 500})

        text = self.refusal_of(application)
        self.assertEqual(
            verdict(text),
            f"/ refused the handshake: status 404, body b'{'x' * 154} ....",
        )


class CheckUserTests(SimpleTestCase):
    def test_nobody_asked(self):
        check_user(make_connection(), None)

    def test_the_same_user_by_key(self):
        connection = make_connection()
        connection.scope = {"user": User(pk=1, username="other name")}
        check_user(connection, User(pk=1, username="ann"))

    def test_another_user_by_key(self):
        connection = make_connection()
        connection.scope = {"user": User(pk=2, username="ann")}
        with self.assertRaises(AssertionError) as caught:
            check_user(connection, User(pk=1, username="ann"))
        self.assertEqual(
            verdict(caught.exception),
            "/ws/ was opened as ann (pk 1), but the application's scope has the user"
            " ann (pk 2).",
        )

    def test_users_without_keys_are_compared(self):
        connection = make_connection()
        connection.scope = {"user": "ann"}
        check_user(connection, "ann")
        with self.assertRaises(AssertionError):
            check_user(connection, "ben")


class MissingRouteTests(SimpleTestCase):
    def test_another_error_is_not_explained(self):
        error = ValueError("something else")
        self.assertIs(with_routes(error, ECHO), error)

    def test_where_there_is_no_router_no_routes_are_listed(self):
        error = ValueError("No route found for path 'x/'.")
        told = with_routes(error, ECHO)
        self.assertEqual((type(told), str(told)), (NoRoute, str(error)))


class NextFrameTests(SimpleWebsocketTestCase):
    ws_path = "/"

    def test_an_event_that_is_no_frame(self):
        client = self.create_client(application=ECHO)
        client.send_input({"type": "websocket.connect"})
        with self.assertRaises(AssertionError) as caught:
            check_frame_is_next(driver_of(client).connection, "text frame")
        self.assertEqual(
            verdict(caught.exception),
            "/ sent 'websocket.accept' where a text frame was expected.",
        )

    def test_a_frame_that_the_projects_wire_refuses(self):
        class Inner(SimpleWebsocketTestCase):
            def decode_frame(self, frame):
                raise ValueError("wrong checksum")

            def test(self):
                client = self.connect("/", application=ECHO)
                client.send_text("hello")
                client.receive_json()

        (error,) = run_case(Inner).raised
        self.assertEqual(
            verdict(error),
            "The frame from / cannot be decoded: 'hello' (wrong checksum).",
        )


class StillEncodedTests(SimpleWebsocketTestCase):
    application = ECHO

    def said(self, payload, expected):
        client = self.connect("/")
        client.send_json(payload)
        with self.assertRaises(AssertionError) as caught:
            self.assertReceivesJson(client, expected)
        return str(caught.exception).split("\n\n")

    def test_json_text_of_what_came(self):
        paragraphs = self.said({"a": 1}, '{"a": 1}')
        self.assertEqual(paragraphs[2], "Frames are compared decoded: expect {'a': 1}.")

    def test_other_texts_have_no_hint(self):
        for expected in ('{"a": 2}', "{", "1"):
            with self.subTest(expected):
                text = "".join(self.said({"a": 1}, expected))
                self.assertNotIn("compared decoded", text)
