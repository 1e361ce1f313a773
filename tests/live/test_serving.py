"""Each server serves the project, on the test's database and layers."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock
from urllib.request import urlopen

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from django.core import mail
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from channels_testkit import Group, LiveServerTestCase, apply_routes
from tests.app import views
from tests.app.models import Note

from .clients import SERVERS, dial, fetch, fetch_json, hear, say


class Words(AsyncJsonWebsocketConsumer):
    """Answers with the word of this class, and with a mail."""

    word = "as written"

    async def receive_json(self, content, **kwargs):
        mail.EmailMessage("Words", self.word, to=["ann@example.com"]).send()
        await self.send_json({"word": self.word})


async def pair(scope, receive, send):
    """Wait for two events at a time, and echo the second."""
    first, second = [asyncio.create_task(receive()) for _ in range(2)]
    await first
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": (await second)["text"]})
    await receive()


class FlavourTests:
    """What is true on each server."""

    def test_views_see_the_rows_of_the_test(self):
        Note.objects.create(text="made by the test")
        self.assertEqual(fetch_json(f"{self.live_server_url}/notes/"), {"notes": 1})
        self.assertEqual(fetch_json(f"{self.live_server_url}/anotes/"), {"notes": 1})

    def test_consumers_write_rows_that_the_test_sees(self):
        for number, name in enumerate(["room", "sync-room"], 1):
            with self.subTest(name):
                ann = dial(self, f"/ws/{name}/1/")
                ben = dial(self, f"/ws/{name}/1/")
                say(ann, {"note": name})
                self.assertEqual(hear(ben), {"note": name})
                self.assertEqual(Note.objects.filter(text=name).count(), 1)
                self.assertEqual(Note.objects.count(), number)

    def test_the_layers_are_those_of_the_test(self):
        ann = dial(self, "/ws/room/1/")
        Group("room-1").send({"type": "room.message", "content": "from the test"})
        self.assertEqual(hear(ann), "from the test")
        say(ann, "from the client")
        self.assertGroupSent("room-1", {"content": "from the client"}, partial=True)

    def test_a_client_in_process_meets_one_on_the_network(self):
        ann, ben = self.connect("/ws/room/1/"), dial(self, "/ws/room/1/")
        ann.send_json("hello")
        self.assertEqual(hear(ben), "hello")
        say(ben, "hello yourself")
        self.assertEqual(ann.receive_json(), "hello")
        self.assertReceivesJson(ann, "hello yourself")

    async def test_async_tests_wait_for_the_network(self):
        ann = await self.aconnect("/ws/room/1/")
        say(dial(self, "/ws/room/1/"), "hello")
        self.assertEqual(await ann.receive_json_from(), "hello")
        self.assertEqual(await Note.objects.acount(), 0)

    @apply_routes([path("ws/words/", Words.as_asgi())])
    def test_patches_and_outbox_and_routes_of_the_test_are_met(self):
        client = dial(self, "/ws/words/")
        with mock.patch.object(Words, "word", "as patched"):
            say(client, {})
            self.assertEqual(hear(client), {"word": "as patched"})
        self.assertEqual(mail.outbox[0].body, "as patched")

    @apply_routes([path("ws/pair/", pair)])
    def test_an_application_may_wait_for_two_events_at_a_time(self):
        client = dial(self, "/ws/pair/")
        say(client, "hello")
        self.assertEqual(hear(client), "hello")

    @override_settings(ROOT_URLCONF=(path("only-here/", lambda _: HttpResponse("ok")),))
    def test_settings_of_a_method_are_met(self):
        self.assertEqual(fetch(f"{self.live_server_url}/only-here/"), (200, b"ok"))

    def test_an_origin_elsewhere_is_refused(self):
        with self.assertRaisesRegex(Exception, "403"):
            dial(self, "/ws/room/1/", origin="http://elsewhere.example")

    def test_on_commit_comes_after_the_rows(self):
        ann = dial(self, "/ws/room/1/")
        url = f"{self.live_server_url}/broadcast/1/"
        self.assertEqual(fetch(url, b"text=hello")[0], 200)
        self.assertEqual(hear(ann), {"note": "hello"})
        self.assertGroupSentAfterCommit("room-1")

    def test_a_broadcast_inside_a_block_is_told_from_one_after_it(self):
        def early(request):
            with views.transaction.atomic():
                Note.objects.create(text="early")
                send = views.async_to_sync(get_channel_layer().group_send)
                send("room-1", {"type": "room.message", "content": "early"})
            return HttpResponse()

        with override_settings(ROOT_URLCONF=(path("early/", early),)):
            fetch(f"{self.live_server_url}/early/")
        with self.assertRaisesRegex(AssertionError, "inside an atomic block"):
            self.assertGroupSentAfterCommit("room-1")


class DaphneTests(FlavourTests, LiveServerTestCase):
    server_class = SERVERS[0]


class UvicornTests(FlavourTests, LiveServerTestCase):
    server_class = SERVERS[1]


class LoginTests(LiveServerTestCase):
    def get_login(self, user):
        return {"headers": {"Authorization": f"Token {user}"}, "cookies": {"a": "b"}}

    def test_what_logs_a_user_in_is_returned_as_headers(self):
        self.assertEqual(
            self.login_headers("ann"), {"authorization": "Token ann", "cookie": "a=b"}
        )

    async def test_so_they_are_in_an_async_test(self):
        self.assertEqual(
            await self.alogin_headers("ann"),
            {"authorization": "Token ann", "cookie": "a=b"},
        )

    async def test_the_sync_call_in_an_async_test_names_the_other(self):
        with self.assertRaises(RuntimeError) as caught:
            self.login_headers("ann")
        self.assertEqual(
            str(caught.exception),
            "A sync call in an async test: write 'await self.alogin_headers(...)'.",
        )


class AsyncLoginTests(LoginTests):
    async def get_login(self, user):
        return super().get_login(user)


SECURITY = "django.middleware.security.SecurityMiddleware"


@override_settings(MIDDLEWARE=[SECURITY], SECURE_REFERRER_POLICY="origin")
class MiddlewareTests(LiveServerTestCase):
    def policy(self):
        with urlopen(f"{self.live_server_url}/notes/") as response:
            return response.headers["Referrer-Policy"]

    def test_that_of_the_class_is_met(self):
        self.assertEqual(self.policy(), "origin")

    @override_settings(SECURE_REFERRER_POLICY="same-origin")
    def test_it_reads_the_settings_of_a_method(self):
        self.assertEqual(self.policy(), "same-origin")

    def test_it_reads_the_settings_of_a_block(self):
        with override_settings(SECURE_REFERRER_POLICY="no-referrer"):
            self.assertEqual(self.policy(), "no-referrer")
        self.assertEqual(self.policy(), "origin")

    def test_it_can_be_another_in_a_block(self):
        with override_settings(MIDDLEWARE=[]):
            self.assertIsNone(self.policy())


@override_settings(
    INSTALLED_APPS=["django.contrib.staticfiles", "tests.app"], STATIC_URL="static/"
)
class FilesTests(LiveServerTestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.directory = Path(directory.name)
        for name in ("static", "media"):
            (cls.directory / name).mkdir()
            (cls.directory / name / "hello.txt").write_text(name)
        settings = override_settings(
            STATICFILES_DIRS=[cls.directory / "static"],
            MEDIA_ROOT=cls.directory / "media",
            MEDIA_URL="/media/",
        )
        cls.enterClassContext(settings)
        super().setUpClass()

    def test_static_files_are_served_without_collecting_them(self):
        answer = fetch(f"{self.live_server_url}/static/hello.txt")
        self.assertEqual(answer, (200, b"static"))

    def test_media_files_are_served(self):
        answer = fetch(f"{self.live_server_url}/media/hello.txt")
        self.assertEqual(answer, (200, b"media"))
        self.assertEqual(fetch(f"{self.live_server_url}/media/none.txt")[0], 404)

    def test_pages_are_served_beside_them(self):
        self.assertEqual(fetch_json(f"{self.live_server_url}/notes/"), {"notes": 0})

    @override_settings(MEDIA_ROOT="")
    def test_without_a_media_root_the_application_is_asked(self):
        self.assertEqual(fetch(f"{self.live_server_url}/media/hello.txt")[0], 404)


class NoFilesTests(FilesTests):
    serve_static = False

    def test_static_files_are_served_without_collecting_them(self):
        self.assertEqual(fetch(f"{self.live_server_url}/static/hello.txt")[0], 404)


class OwnWrapperTests(FilesTests):
    def static_wrapper(application):
        async def wrapped(scope, receive, send):
            if scope["path"] != "/static/hello.txt":
                return await application(scope, receive, send)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            return await send({"type": "http.response.body", "body": b"wrapped"})

        return wrapped

    def test_static_files_are_served_without_collecting_them(self):
        answer = fetch(f"{self.live_server_url}/static/hello.txt")
        self.assertEqual(answer, (200, b"wrapped"))


class AddressTests(LiveServerTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.answer = fetch_json(f"{cls.live_server_url}/notes/")

    def test_the_urls_are_those_of_the_class(self):
        self.assertRegex(self.live_server_url, r"^http://127\.0\.0\.1:\d+$")
        self.assertRegex(self.live_server_ws_url, r"^ws://127\.0\.0\.1:\d+$")
        self.assertEqual(AddressTests.live_server_url, self.live_server_url)

    def test_the_server_runs_from_the_classs_set_up_on(self):
        self.assertEqual(self.answer, {"notes": 0})


@unittest.skipUnless(os.path.exists("/proc/net/if_inet6"), "needs IPv6")
class AddressOfVersionSixTests(LiveServerTestCase):
    host = "::1"

    def test_the_address_is_written_as_urls_have_it(self):
        self.assertRegex(self.live_server_url, r"^http://\[::1\]:\d+$")

    def test_it_is_served(self):
        answer = fetch(f"{self.live_server_url}/notes/")[1]
        self.assertEqual(json.loads(answer), {"notes": 0})


class ApplicationTests(LiveServerTestCase):
    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"bare"})

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.answer = fetch(cls.live_server_url)

    def test_an_application_of_the_class_is_served(self):
        self.assertEqual(fetch(self.live_server_url), (200, b"bare"))
        self.assertEqual(self.answer, (200, b"bare"))


class OutsideAClassTests(unittest.TestCase):
    def test_there_is_no_address_before_the_class_is_set_up(self):
        text = (
            r"^DaphneTests has no server now: it runs from setUpClass\(\) to the"
            r" class's clean-ups\.$"
        )
        with self.assertRaisesRegex(AttributeError, text):
            _ = DaphneTests.live_server_url
