from __future__ import annotations

import asyncio
import inspect
import threading
import zlib
from typing import ClassVar

from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
)
from django.contrib.auth.models import AnonymousUser, User
from django.core.asgi import get_asgi_application
from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase, override_settings

from channels_testkit import (
    SimpleWebsocketTestCase,
    WebsocketCommunicator,
    WebsocketTestCase,
    WSClient,
)
from channels_testkit.websocket.subjects import driver_of
from tests.app import asgi, failing
from tests.app.consumers import EchoConsumer
from tests.utils import run_case

ECHO = EchoConsumer.as_asgi()


class Tagging:
    """Middleware that copies the scope, as most do."""

    def __init__(self, inner):
        self.inner = inner

    async def __call__(self, scope, receive, send):
        await self.inner({**scope, "tag": "seen"}, receive, send)


class PackedConsumer(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(bytes_data=bytes_data)


PACKED = PackedConsumer.as_asgi()


class DisconnectingConsumer(AsyncJsonWebsocketConsumer):
    gone: ClassVar[list[tuple[bytes, int]]] = []

    async def disconnect(self, code):
        self.gone.append((self.scope["query_string"], code))


class ConnectTests(SimpleWebsocketTestCase):
    application = asgi.websocket_application
    ws_path = "/ws/echo/"

    def test_a_connected_client(self):
        ann = self.connect()
        self.assertIsInstance(ann, WSClient)
        self.assertAccepted(ann)
        self.assertEqual(ann.scope["path"], "/ws/echo/")

    async def test_a_connected_communicator(self):
        ann = await self.aconnect("/ws/room/1/?a=1")
        self.assertIsInstance(ann, WebsocketCommunicator)
        self.assertAccepted(ann)
        self.assertEqual(ann.scope["path"], "/ws/room/1/")
        self.assertEqual(ann.scope["query_string"], b"a=1")

    async def test_tasks_take_the_calls(self):
        one = asyncio.create_task(self.aconnect())
        many = asyncio.create_task(self.aconnect_many(2))
        self.assertAccepted(await one)
        self.assertEqual(len(await many), 2)

    def test_creating_does_not_connect(self):
        for make in (self.create_client, self.create_communicator):
            with self.subTest(make):
                self.assertIsNone(driver_of(make()).connection)

    def test_a_refusal_fails_with_its_code(self):
        text = "/ refused the handshake: status 403, body b'not here'."
        with self.assertRaisesMessage(AssertionError, text):
            self.connect("/", application=failing.forbid)

    async def test_a_refusal_fails_with_its_code_in_an_async_test(self):
        text = "/ refused the handshake: status 403, body b'not here'."
        with self.assertRaisesMessage(AssertionError, text):
            await self.aconnect("/", application=failing.forbid)

    async def test_sync_calls_name_their_twins(self):
        for call, twin in (
            (self.connect, "aconnect"),
            (lambda: self.connect_many(2), "aconnect_many"),
            (self.disconnect_all, "adisconnect_all"),
        ):
            with self.subTest(twin), self.assertRaises(RuntimeError) as caught:
                call()
            self.assertEqual(
                str(caught.exception),
                f"A sync call in an async test: write 'await self.{twin}(...)'.",
            )

    def test_the_application_of_a_call_goes_first(self):
        ann = self.connect("/", application=ECHO)
        self.assertIsInstance(ann.consumer, EchoConsumer)

    def test_the_consumer_is_found_through_middleware(self):
        ann = self.connect(application=Tagging(Tagging(asgi.websocket_application)))
        self.assertIsInstance(ann.consumer, EchoConsumer)
        self.assertEqual(ann.scope["tag"], "seen")
        self.assertEqual(ann.channel_name, ann.consumer.channel_name)
        self.assertEqual(ann.groups, [])


class NoPathTests(SimpleWebsocketTestCase):
    application = ECHO

    def test_is_improperly_configured(self):
        for make in (self.connect, self.create_client, self.create_communicator):
            with self.subTest(make), self.assertRaises(ImproperlyConfigured) as caught:
                make()
            self.assertEqual(
                str(caught.exception),
                "NoPathTests has no ws_path: set it, or give a path to the call.",
            )

    def test_is_fine_for_a_bare_consumer_with_arguments(self):
        ann = self.connect(path_kwargs={"room": "lobby"})
        self.assertEqual(ann.scope["path"], "/")
        self.assertEqual(ann.scope["url_route"]["kwargs"], {"room": "lobby"})


class ApplicationTests(SimpleTestCase):
    def texts_of(self, **attributes):
        class Inner(SimpleWebsocketTestCase):
            ws_path = "/"

            def test(self):
                self.connect()

        for name, value in attributes.items():
            setattr(Inner, name, value)
        return [f"{type(e).__name__}: {e}" for e in run_case(Inner).raised]

    def test_a_plain_function_is_not_bound(self):
        async def application(scope, receive, send):
            await receive()
            await send({"type": "websocket.accept"})
            await receive()

        self.assertEqual(self.texts_of(application=application), [])

    def test_a_consumer_class_is_refused(self):
        self.assertEqual(
            self.texts_of(application=EchoConsumer),
            [
                "TypeError: EchoConsumer is a consumer class, not an application: use"
                " EchoConsumer.as_asgi()."
            ],
        )

    def test_one_that_serves_http_alone_is_refused(self):
        self.assertEqual(
            self.texts_of(application=get_asgi_application()),
            [
                "ImproperlyConfigured: The application of this connection has no"
                " websocket route: wrap it in ProtocolTypeRouter({'http': ...,"
                " 'websocket': ...})."
            ],
        )

    @override_settings(ASGI_APPLICATION=None)
    def test_none_at_all_is_improperly_configured(self):
        (text,) = self.texts_of()
        self.assertTrue(
            text.startswith("ImproperlyConfigured: ASGI_APPLICATION is not set"), text
        )


class ManyTests(WebsocketTestCase):
    ws_path = "/ws/who/"

    @classmethod
    def setUpTestData(cls):
        cls.users = [User.objects.create_user(name) for name in ("ann", "ben")]

    def test_n(self):
        found = self.connect_many(2, "/ws/echo/", query={"a": 1})
        self.assertEqual([c.scope["query_string"] for c in found], [b"a=1"] * 2)
        self.assertEqual(
            [c.label for c in found],
            ["connection 1 (/ws/echo/)", "connection 2 (/ws/echo/)"],
        )
        self.assertEqual(self.connect_many(0), [])

    def test_one_for_each_user(self):
        ann, ben = self.connect_many(users=self.users)
        self.assertEqual(ann.receive_json(), {"user": "ann"})
        self.assertEqual(ben.receive_json(), {"user": "ben"})

    async def test_in_an_async_test(self):
        ann, ben = await self.aconnect_many(users=iter(self.users))
        self.assertReceivesJson(ann, {"user": "ann"})
        self.assertReceivesJson(ben, {"user": "ben"})
        self.assertEqual(len(await self.aconnect_many(3, "/ws/echo/")), 3)

    def test_neither_or_both_is_a_type_error(self):
        for arguments, options in (
            ((), {}),
            ((2,), {"users": self.users}),
            ((), {"users": self.users, "user": self.users[0]}),
        ):
            with self.subTest(options), self.assertRaises(TypeError) as caught:
                self.connect_many(*arguments, **options)
            self.assertEqual(
                str(caught.exception), "Give a number of connections, or users=[...]."
            )

    def test_another_number_is_a_type_error(self):
        for number in (True, -1, 1.5, "2"):
            with self.subTest(number), self.assertRaises(TypeError) as caught:
                self.connect_many(number)
            self.assertEqual(
                str(caught.exception),
                f"A number of connections is an int, not {number!r}. Users are given"
                " as users=[...].",
            )


class UserInTheWrongPlaceTests(SimpleWebsocketTestCase):
    ws_path = "/"
    application = EchoConsumer.as_asgi()

    def assert_told(self, call, text):
        with self.assertRaises(TypeError) as caught:
            call()
        self.assertEqual(str(caught.exception), text)

    def test_the_right_call_is_told(self):
        ann = User(username="ann")
        for call, right in (
            (lambda: self.connect(ann, "/ws/"), "self.connect('/ws/', user=...)"),
            (lambda: self.connect("/ws/", ann), "self.connect('/ws/', user=...)"),
            (lambda: self.connect(ann), "self.connect('/ws/...', user=...)"),
            (lambda: self.connect(path=ann), "self.connect('/ws/...', user=...)"),
            (lambda: self.aconnect(ann), "self.aconnect('/ws/...', user=...)"),
            (
                lambda: self.create_client(AnonymousUser(), "/a/"),
                "self.create_client('/a/', user=...)",
            ),
            (
                lambda: self.create_communicator(ann),
                "self.create_communicator('/ws/...', user=...)",
            ),
            (
                lambda: self.connect_many(ann, "/ws/"),
                "self.connect_many(path='/ws/', users=[...])",
            ),
            (
                lambda: self.aconnect_many(ann),
                "self.aconnect_many(path='/ws/...', users=[...])",
            ),
        ):
            name = right.partition("(")[0].removeprefix("self.")
            with self.subTest(right):
                self.assert_told(
                    call,
                    f"{name}() takes a path, and users by name only: write '{right}'.",
                )

    def test_what_is_made_by_hand_tells_of_user(self):
        ann = User(username="ann")
        for call in (
            lambda: WSClient(ann),
            lambda: self.create_client().connect(ann),
            lambda: WebsocketCommunicator(self.application, ann),
        ):
            self.assert_told(
                call, f"A path is a str, not {ann!r}. To pass a user, use user=."
            )


class AuthCommunicatorTests(WebsocketTestCase):
    ws_path = "/ws/echo/"
    first = None

    async def test_is_the_same_for_the_whole_test(self):
        self.assertIs(self.auth_communicator, self.auth_communicator)
        await self.auth_communicator.connect()
        await self.auth_communicator.send_message({"n": 1})
        self.assertEqual(await self.auth_communicator.receive_all_json(), [{"n": 1}])

    def test_is_another_one_in_the_next_test(self):
        class Inner(SimpleWebsocketTestCase):
            application = ECHO
            ws_path = "/"
            seen: ClassVar[list[WebsocketCommunicator]] = []

            def test_one(self):
                self.seen.append(self.auth_communicator)

            test_two = test_one

        self.assertEqual(run_case(Inner).texts, [])
        one, two = Inner.seen
        self.assertIsNot(one, two)


class DisconnectAllTests(SimpleWebsocketTestCase):
    application = DisconnectingConsumer.as_asgi()

    def setUp(self):
        DisconnectingConsumer.gone = []

    def test_closes_the_last_one_first(self):
        self.connect("/?1")
        self.connect("/?2")
        self.create_client("/?3")
        self.disconnect_all()
        self.assertEqual(DisconnectingConsumer.gone, [(b"2", 1000), (b"1", 1000)])
        self.disconnect_all()
        self.assertEqual(len(DisconnectingConsumer.gone), 2)

    async def test_closes_in_an_async_test(self):
        await self.aconnect("/?1")
        await self.aconnect("/?2")
        await self.adisconnect_all()
        self.assertEqual(DisconnectingConsumer.gone, [(b"2", 1000), (b"1", 1000)])


class WireTests(SimpleWebsocketTestCase):
    """Frames in a format of the project's own, whatever reads them."""

    application = PACKED
    ws_path = "/"

    def encode_frame(self, payload):
        return zlib.compress(super().encode_frame(payload).encode())

    def decode_frame(self, frame):
        return super().decode_frame(zlib.decompress(frame).decode())

    def test_a_client_talks_in_it(self):
        ann = self.connect()
        ann.send_json({"n": 1})
        self.assertIsInstance(ann.frames[0], bytes)
        self.assertReceivesJson(ann, {"n": 1})
        ann.send_message([2])
        self.assertEqual(ann.receive_all_json(), [[2]])

    async def test_a_communicator_talks_in_it(self):
        ann = await self.aconnect()
        await ann.send_json_to({"n": 1})
        self.assertEqual(await ann.receive_until({"n": 1}), [{"n": 1}])

    async def test_a_free_standing_one_as_well(self):
        async with WebsocketCommunicator(PACKED, "/") as communicator:
            await communicator.send_json_to({"n": 1})
            self.assertEqual(await communicator.receive_json_from(), {"n": 1})


class ThreadTests(SimpleWebsocketTestCase):
    application = ECHO
    ws_path = "/"

    def get_ws_headers(self):
        self.thread = threading.current_thread()
        return

    async def test_the_methods_run_on_the_tests_thread(self):
        await self.aconnect()
        self.assertIs(self.thread, threading.main_thread())


class SignatureTests(SimpleTestCase):
    def test_say_what_to_give(self):
        for name in ("connect", "aconnect", "connect_many", "aconnect_many"):
            with self.subTest(name):
                signature = inspect.signature(getattr(WebsocketTestCase, name))
                self.assertIn("path", signature.parameters)
                self.assertTrue(inspect.getdoc(getattr(WebsocketTestCase, name)))
