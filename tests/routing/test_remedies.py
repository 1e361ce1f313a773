"""Exceptions of applications that have a note which says what to do."""

from __future__ import annotations

import sys
import unittest
from typing import Any, ClassVar

from asgiref.sync import async_to_sync
from channels.auth import AuthMiddlewareStack
from channels.consumer import AsyncConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    JsonWebsocketConsumer,
)
from channels.layers import get_channel_layer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django.test import SimpleTestCase, override_settings
from django.urls import path

from channels_testkit import Channel, Group, HttpCommunicator, SimpleWebsocketTestCase
from tests.app import views
from tests.utils import run_case

IN_MEMORY = {"BACKEND": "channels.layers.InMemoryChannelLayer"}


class Reading(AsyncJsonWebsocketConsumer):
    """Looks for something in its scope."""

    wanted: str

    async def connect(self) -> None:
        self.scope[self.wanted]


class RoomReading(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        self.scope["url_route"]["kwargs"]["room"]


class Raising(AsyncJsonWebsocketConsumer):
    error: BaseException

    async def connect(self) -> None:
        raise self.error


class JsonReading(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        {"users": 1}["user"]


class Joining(AsyncJsonWebsocketConsumer):
    channel_layer_alias = "default"

    async def connect(self) -> None:
        await self.channel_layer.group_add("lobby", self.channel_name)


class Telling(JsonWebsocketConsumer):
    def connect(self) -> None:
        layer = get_channel_layer()
        async_to_sync(layer.group_send)("lobby", {"type": "told"})


class Member(AsyncJsonWebsocketConsumer):
    groups = ("lobby",)


class ReadingMiddleware:
    """Reads the user in the wrong place."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.inner({**scope, "name": str(scope["user"])}, receive, send)


class Page(AsyncHttpConsumer):
    async def handle(self, body: bytes) -> None:
        self.scope["user"]


class Work(AsyncConsumer):
    async def work(self, message: dict[str, Any]) -> None:
        await self.channel_layer.group_send(self.scope["user"], message)


def reading(key: str) -> Any:
    return type("Reading", (Reading,), {"wanted": key}).as_asgi()


class NotesCase(SimpleTestCase):
    """Runs a test that connects, and looks at the notes of what it raises."""

    maxDiff = None

    def notes(self, given: Any, body: Any = None) -> list[str]:
        class Inner(SimpleWebsocketTestCase):
            application = given

            def test(self) -> None:
                self.connect("/")

        if body is not None:
            Inner.test = body  # type: ignore[method-assign]
        (error,) = run_case(Inner).raised
        notes: list[str] = getattr(error, "__notes__", [])
        self.assertIn("Raised by ", notes[0])
        return [it for it in notes[1:] if "events, in one order" not in it]


@unittest.skipIf(sys.version_info < (3, 11), "needs notes on exceptions")
class ScopeTests(NotesCase):
    WRAP = "wrap the application in SessionMiddlewareStack or AuthMiddlewareStack."
    REMEDIES: ClassVar = {
        "user": "The scope has no 'user': wrap the application in AuthMiddlewareStack."
        " A test of a bare consumer can pass user= to connect(), which sets it.",
        "session": f"The scope has no 'session': {WRAP}",
        "cookies": f"The scope has no 'cookies': {WRAP}",
        "url_route": "The scope has no 'url_route': route the consumer in a URLRouter."
        " A test of a bare consumer can pass path_kwargs={...} to connect(), which"
        " sets it.",
    }

    def test_a_key_that_a_middleware_sets(self) -> None:
        for key, remedy in self.REMEDIES.items():
            with self.subTest(key):
                self.assertEqual(self.notes(reading(key)), [remedy])

    def test_the_steps_that_are_named_help(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            def test(self) -> None:
                for key, wrap in [
                    ("user", AuthMiddlewareStack),
                    ("session", SessionMiddlewareStack),
                    ("cookies", AuthMiddlewareStack),
                    ("url_route", lambda app: URLRouter([path("", app)])),
                ]:
                    client = self.create_client("/", application=wrap(reading(key)))
                    client.send_input({"type": "websocket.connect"})
                options: Any = {"path_kwargs": {"room": "lobby"}}
                client = self.create_client(
                    "/", application=RoomReading.as_asgi(), **options
                )
                client.send_input({"type": "websocket.connect"})

        self.assertEqual(run_case(Inner).texts, [])

    def test_what_is_inside_of_the_middleware_that_reads(self) -> None:
        inner = AuthMiddlewareStack(reading("user"))
        remedy = "AuthMiddleware sets it only for what it wraps."
        self.assertEqual(
            self.notes(ReadingMiddleware(inner)),
            [f"The scope has no 'user': {remedy}"],
        )

    def test_a_part_of_a_route(self) -> None:
        self.assertEqual(
            self.notes(URLRouter([path("", RoomReading.as_asgi())])),
            [
                "The route has no 'room': name it in its pattern, as <room> in path()."
                " A test of a bare consumer can pass it to connect(), in path_kwargs."
            ],
        )

    def test_keys_of_others_and_other_keys(self) -> None:
        for application in (JsonReading.as_asgi(), reading("tenant")):
            with self.subTest(application):
                self.assertEqual(self.notes(application), [])

    def test_requests_and_workers(self) -> None:
        async def request(case: Any) -> None:
            await HttpCommunicator(None, "GET", "/").get_response()

        def work(case: Any) -> None:
            with case.run_worker():
                Channel("works").send({"type": "work"})

        websocket = AuthMiddlewareStack(reading("user"))
        for kind, inner, body in [
            ("http", Page.as_asgi(), request),
            ("channel", ChannelNameRouter({"works": Work.as_asgi()}), work),
        ]:
            with self.subTest(kind):
                router = ProtocolTypeRouter({"websocket": websocket, kind: inner})
                self.assertEqual(self.notes(router, body), [self.REMEDIES["user"]])


class Told(AsyncJsonWebsocketConsumer):
    groups: ClassVar = ["room"]

    async def chat_mesage(self, event: Any) -> None:
        """Have a name that is misspelled."""


class SyncTold(JsonWebsocketConsumer):
    groups: ClassVar = ["room"]

    def chat_mesage(self, event: Any) -> None:
        """Have a name that is misspelled."""


@unittest.skipIf(sys.version_info < (3, 11), "needs notes on exceptions")
class HandlerTests(NotesCase):
    @staticmethod
    def send(kind: str) -> Any:
        def test(case: Any) -> None:
            case.connect("/")
            Group("room").send({"type": kind})

        return test

    def test_a_misspelled_handler(self) -> None:
        for consumer in (Told, SyncTold):
            with self.subTest(consumer):
                remedy = (
                    f"{consumer.__name__} has no chat_message()."
                    " Did you mean chat_mesage()?"
                )
                found = self.notes(consumer.as_asgi(), self.send("chat.message"))
                self.assertEqual(found, [remedy])

    def test_no_handler_that_is_alike(self) -> None:
        found = self.notes(Told.as_asgi(), self.send("presence"))
        self.assertEqual(found, ["Told has no presence()."])

    def test_the_timeline_says_so(self) -> None:
        class Inner(SimpleWebsocketTestCase):
            application = Told.as_asgi()

            def test(inner) -> None:
                inner.connect("/")
                with inner.assertApplicationRaises(ValueError):
                    Group("room").send({"type": "chat.message"})
                self.assertIn("Told has no chat_message()", str(inner.timeline))
                self.assertNotIn("runs", str(inner.timeline))

        self.assertEqual(run_case(Inner).texts, [])

    def test_a_dispatch_of_the_project_may_need_no_method(self) -> None:
        class Catching(AsyncJsonWebsocketConsumer):
            groups: ClassVar = ["room"]

            async def dispatch(self, message: Any) -> None:
                if message["type"] != "chat.message":
                    await super().dispatch(message)

        class Inner(SimpleWebsocketTestCase):
            application = Catching.as_asgi()

            def test(inner) -> None:
                inner.connect("/")
                Group("room").send({"type": "chat.message"})
                self.assertNotIn("has no", str(inner.timeline))

        self.assertEqual(run_case(Inner).texts, [])

    def test_another_value_error_has_no_remedy(self) -> None:
        class Strict(AsyncJsonWebsocketConsumer):
            async def connect(self) -> None:
                raise ValueError("No handler for message type anything")

        self.assertEqual(self.notes(Strict.as_asgi()), [])


@unittest.skipIf(sys.version_info < (3, 11), "needs notes on exceptions")
class LayerTests(NotesCase):
    def test_no_layer_is_configured(self) -> None:
        remedy = (
            "The channel layer is None, as in production: CHANNEL_LAYERS has none. Add"
            " a 'default' to the settings, or use"
            " override_settings(CHANNEL_LAYERS=...)."
        )
        for consumer in (Joining, Telling, Member):
            with self.subTest(consumer), override_settings(CHANNEL_LAYERS={}):
                self.assertEqual(self.notes(consumer.as_asgi()), [remedy])

    def test_an_alias_is_not_configured(self) -> None:
        with override_settings(CHANNEL_LAYERS={"other": IN_MEMORY}):
            self.assertEqual(
                self.notes(Joining.as_asgi()),
                [
                    "The channel layer is None, as in production: CHANNEL_LAYERS has"
                    " only 'other'."
                ],
            )


@unittest.skipIf(sys.version_info < (3, 11), "needs notes on exceptions")
class RouteTests(NotesCase):
    def routed(self, given: Any) -> list[str]:
        return self.notes(URLRouter([path("", given)]))

    def test_a_class(self) -> None:
        remedy = "Route Joining.as_asgi(), not the class Joining."
        self.assertEqual(self.routed(Joining), [remedy])
        router = ProtocolTypeRouter({"websocket": AuthMiddlewareStack(Joining)})
        self.assertEqual(self.notes(router), [remedy])

    def test_a_method_that_is_not_called(self) -> None:
        self.assertEqual(
            self.routed(Joining.as_asgi), ["Route Joining.as_asgi(): call it."]
        )

    def test_a_view(self) -> None:
        self.assertEqual(
            self.routed(views.notes),
            [
                "notes() is not an ASGI application, which takes scope, receive and"
                " send. Route a view in urls.py."
            ],
        )

    def test_errors_of_another_kind(self) -> None:
        for error in (TypeError("something else"), AttributeError("nothing here")):
            with self.subTest(error):
                self.assertEqual(self.routed(Raising.as_asgi(error=error)), [])
                router = URLRouter(
                    [path("", Raising.as_asgi(error=error)), path("a", Joining)]
                )
                self.assertEqual(self.notes(router), [])
