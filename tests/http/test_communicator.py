from __future__ import annotations

import asyncio
import re
import threading
import warnings
from typing import Any

from channels.generic.http import AsyncHttpConsumer
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import (
    Client,
    SimpleTestCase,
    override_settings,
)
from django.urls import path

from channels_testkit import (
    ChannelsTestkitWarning,
    ChannelTestCase,
    Group,
    HttpCommunicator,
    NoFrame,
    ProtocolError,
    ServerSentEvent,
    SimpleChannelTestCase,
    TransactionChannelTestCase,
    apply_routes,
)
from channels_testkit.asgi.breaches import BREACHES
from tests.app.models import Note
from tests.explored import not_explored
from tests.utils import LoopTestCase, run_case

DJANGO = ASGIHandler()
EVENT_STREAM = [(b"content-type", b"text/event-stream")]
START = {"type": "http.response.start", "status": 200}
STREAM = {**START, "headers": EVENT_STREAM}


def part(body, *, more_body=True):
    return {"type": "http.response.body", "body": body, "more_body": more_body}


# Applications.


class EchoConsumer(AsyncHttpConsumer):
    """Answers with the method, the query and the body of the request."""

    async def handle(self, body):
        method, query = self.scope["method"].encode(), self.scope["query_string"]
        headers = {b"x-one": b"1"}
        await self.send_response(201, b"|".join([method, query, body]), headers=headers)


class FeedConsumer(AsyncHttpConsumer):
    """A stream of what is sent to a group, for as long as the client stays."""

    async def http_request(self, message):
        await self.send_headers(headers=EVENT_STREAM)
        await self.send_body(b": welcome\n\n", more_body=True)
        await self.channel_layer.group_add("feed", self.channel_name)

    async def feed_note(self, event):
        await self.send_body(f"data: {event['text']}\n\n".encode(), more_body=True)

    async def feed_end(self, event):
        await self.send_body(b"", more_body=False)

    async def disconnect(self):
        await self.channel_layer.group_discard("feed", self.channel_name)
        await Note.objects.acreate(text="gone")


def sending(*events):
    """Return an application that sends events, whatever it is asked."""

    async def application(scope, receive, send):
        await receive()
        for event in events:
            await send(event)

    return application


async def silent(scope, receive, send):
    """Never answer, until the client goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def failing(scope, receive, send):
    raise ValueError("asked for")


async def ticking(scope, receive, send):
    """Send a part each hundredth of a second."""
    await send(STREAM)
    for number in range(3):
        await asyncio.sleep(0.01)
        await send(part(f"data: {number}\n\n".encode()))
    await send(part(b"", more_body=False))


class Waiting:
    """Begins a response, and keeps what it receives after that."""

    def __init__(self) -> None:
        self.received: list[Any] = []

    async def __call__(self, scope, receive, send):
        await receive()
        await send(START)
        await send(part(b"one"))
        self.received.append(await receive())
        await send(part(b"too late"))
        self.received.append("cleaned up")


# Views.


def notes(request):
    texts = Note.objects.order_by("pk").values_list("text", flat=True)
    return JsonResponse({"notes": list(texts)})


def add(request):
    note = Note.objects.create(text=request.body.decode())
    return HttpResponse(note.text, status=201)


async def aadd(request):
    note = await Note.objects.acreate(text=request.body.decode())
    return HttpResponse(note.text, status=201)


def whoami(request):
    response = HttpResponse(request.user.get_username())
    response.set_cookie("seen", "yes")
    return response


def crash(request):
    raise ValueError("asked for")


def stream(request):
    return StreamingHttpResponse(["one\n", "two\n"], content_type="text/plain")


async def astream(request):
    async def content():
        try:
            yield ": welcome\n\n"
            async for note in Note.objects.order_by("pk"):
                yield f"id: {note.pk}\ndata: {note.text}\n\n"
            layer = get_channel_layer()
            channel = await layer.new_channel()
            await layer.group_add("notes", channel)
            while True:
                message = await layer.receive(channel)
                yield f"data: {message['text']}\n\n"
        finally:
            await Note.objects.acreate(text="closed")

    return StreamingHttpResponse(content(), content_type="text/event-stream")


urlpatterns = [
    path("notes/", notes),
    path("add/", add),
    path("aadd/", aadd),
    path("whoami/", whoami),
    path("crash/", crash),
    path("stream/", stream),
    path("astream/", astream),
]


class ChangeOfImportTests(SimpleChannelTestCase):
    """What channels.testing's class does, done here."""

    async def test_a_consumer_answers(self):
        communicator = HttpCommunicator(
            EchoConsumer.as_asgi(), "post", "/echo/?a=1&b=%C3%A9", body=b"hello"
        )
        response = await communicator.get_response()
        self.assertEqual(
            response,
            {
                "status": 201,
                "headers": [(b"x-one", b"1")],
                "body": b"POST|a=1&b=%C3%A9|hello",
            },
        )

    async def test_a_timeout_may_be_positional(self):
        communicator = HttpCommunicator(EchoConsumer.as_asgi(), "GET", "/")
        self.assertEqual((await communicator.get_response(3))["status"], 201)

    async def test_the_scope_can_be_changed_before_the_request(self):
        communicator = HttpCommunicator(EchoConsumer.as_asgi(), "GET", "/")
        communicator.scope["method"] = "PATCH"
        self.assertEqual((await communicator.get_response())["body"], b"PATCH||")

    async def test_events_can_be_sent_and_received_one_by_one(self):
        communicator = HttpCommunicator(EchoConsumer.as_asgi(), "GET", "/")
        request = {"type": "http.request", "body": b"a", "more_body": True}
        await communicator.send_input(request)
        self.assertTrue(await communicator.receive_nothing())
        await communicator.send_input({"type": "http.request", "body": b"b"})
        self.assertFalse(await communicator.receive_nothing())
        start = await communicator.receive_output()
        self.assertEqual((start["type"], start["status"]), (START["type"], 201))
        self.assertEqual((await communicator.receive_output())["body"], b"GET||ab")
        self.assertTrue(await communicator.receive_nothing(0, 0))
        await communicator.wait()

    async def test_stop_cancels_without_a_disconnect(self):
        application = Waiting()
        communicator = HttpCommunicator(application, "GET", "/")
        communicator.stop()
        await communicator.start()
        communicator.stop()
        await self.asettle()
        self.assertEqual(application.received, [])
        self.assertEqual(repr(communicator), "<HttpCommunicator GET /: ended>")

    async def test_stop_raises_what_the_application_raised(self):
        with self.assertApplicationRaises(ValueError):
            communicator = HttpCommunicator(failing, "GET", "/")
            await communicator.send_input({"type": "http.request"})
        communicator.stop()

    async def test_wait_says_that_the_application_goes_on(self):
        communicator = HttpCommunicator(silent, "GET", "/")
        await communicator.send_input({"type": "http.request"})
        with self.assertRaisesMessage(
            NoFrame, "No end of the application from GET /: the application is at rest."
        ):
            await communicator.wait()


class RequestTests(SimpleChannelTestCase):
    async def ask(self, *args, **options):
        communicator = HttpCommunicator(EchoConsumer.as_asgi(), *args, **options)
        await communicator.get_response()
        return communicator.scope

    async def test_the_scope_is_what_a_server_builds(self):
        scope = await self.ask("get", "/a%20b/?c=d")
        expected = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/a b/",
            "raw_path": b"/a%20b/",
            "query_string": b"c=d",
            "root_path": "",
            "headers": [(b"host", b"testserver")],
            "client": ["127.0.0.1", 0],
            "server": ["testserver", 80],
            "state": {},
            "extensions": {},
        }
        self.assertEqual({key: scope[key] for key in expected}, expected)

    async def test_headers_may_be_a_dict_or_pairs_of_str_or_bytes(self):
        for headers in [
            {"X-One": "1"},
            {b"x-one": b"1"},
            [("x-one", "1")],
            [[b"X-One", b"1"]],
        ]:
            with self.subTest(headers):
                scope = await self.ask("GET", "/", headers=headers)
                self.assertIn((b"x-one", b"1"), scope["headers"])

    async def test_a_header_that_is_given_is_not_added(self):
        headers = {"Host": "example.com", "Content-Length": "3"}
        scope = await self.ask("POST", "/", b"abc", headers)
        self.assertEqual(
            scope["headers"], [(b"host", b"example.com"), (b"content-length", b"3")]
        )

    async def test_the_length_of_a_body_is_said(self):
        scope = await self.ask("POST", "/", b"abc")
        self.assertIn((b"content-length", b"3"), scope["headers"])

    async def test_an_address_may_be_a_path_of_a_host(self):
        scope = await self.ask("GET", "http://example.com/a/?b=c")
        self.assertEqual((scope["path"], scope["query_string"]), ("/a/", b"b=c"))

    def test_what_is_no_request_is_refused(self):
        application = EchoConsumer.as_asgi()
        for message, args, options in [
            ("body is bytes, not 'hello'.", ("POST", "/", "hello"), {}),
            ("A path is a str, not 5.", ("GET", 5), {}),
            (
                "headers are a dict or a list of pairs, not 'a'.",
                ("GET", "/"),
                {"headers": "a"},
            ),
            (
                "client= is a Django test client, not '::1'. To set the address of"
                " the peer, use remote_address=.",
                ("GET", "/"),
                {"client": "::1"},
            ),
        ]:
            with self.subTest(message), self.assertRaisesMessage(TypeError, message):
                HttpCommunicator(application, *args, **options)

    def test_a_consumer_class_is_refused(self):
        message = (
            "EchoConsumer is a consumer class, not an application: use"
            " EchoConsumer.as_asgi()."
        )
        with self.assertRaisesMessage(TypeError, message):
            HttpCommunicator(EchoConsumer, "GET", "/")


class ChunkedRequestTests(SimpleChannelTestCase):
    async def test_a_body_can_be_sent_in_chunks(self):
        communicator = HttpCommunicator(
            EchoConsumer.as_asgi(), "POST", "/", b"one,", more_body=True
        )
        await communicator.send_chunk(b"two,")
        await communicator.send_chunk(b"three", more_body=False)
        response = await communicator.get_response()
        self.assertEqual(response["body"], b"POST||one,two,three")
        headers = communicator.scope["headers"]
        self.assertIn((b"transfer-encoding", b"chunked"), headers)

    async def test_nothing_is_sent_before_the_first_chunk(self):
        application = Waiting()
        communicator = HttpCommunicator(application, "POST", "/", more_body=True)
        with self.assertRaises(NoFrame):
            await communicator.start()
        await communicator.send_chunk(b"")
        self.assertEqual(communicator.body, b"one")

    async def test_a_chunk_is_seen_at_once(self):
        application = Waiting()
        communicator = HttpCommunicator(application, "POST", "/", more_body=True)
        await communicator.send_chunk(b"one")
        await communicator.send_chunk(b"two")
        (received, _) = application.received
        self.assertEqual(
            received, {"type": "http.request", "body": b"two", "more_body": True}
        )

    async def test_a_chunk_after_the_end_is_refused(self):
        for options in [{}, {"body": b"all", "more_body": False}]:
            communicator = HttpCommunicator(silent, "POST", "/", **options)
            with self.assertRaisesMessage(
                RuntimeError,
                "send_chunk() after the end of the body: create the communicator with"
                " more_body=True, and send the last chunk with more_body=False.",
            ):
                await communicator.send_chunk(b"more")

    async def test_a_chunk_of_a_client_that_has_gone_is_refused(self):
        communicator = HttpCommunicator(silent, "POST", "/", more_body=True)
        await communicator.send_chunk(b"one")
        await communicator.disconnect()
        with self.assertRaisesMessage(
            RuntimeError,
            "send_chunk() on a connection that is disconnected by the test.",
        ):
            await communicator.send_chunk(b"two")

    async def test_a_chunk_is_bytes(self):
        communicator = HttpCommunicator(silent, "POST", "/", more_body=True)
        with self.assertRaisesMessage(TypeError, "A chunk is bytes, not 'one'."):
            await communicator.send_chunk("one")

    @not_explored
    async def test_a_response_that_waits_for_the_rest_says_so(self):
        communicator = HttpCommunicator(
            EchoConsumer.as_asgi(), "POST", "/", b"one", more_body=True
        )
        with self.assertRaises(NoFrame) as caught:
            await communicator.get_response()
        self.assertEqual(
            str(caught.exception),
            "No complete response from POST /: the application is at rest.\n\n"
            "The body of the request is not complete: send its last part with"
            " send_chunk(..., more_body=False).\n\n"
            "Transcript of POST / (-> test to application, <- application to test):\n"
            "     1  -> request body=b'one' more_body=True",
        )


class ResponseTests(SimpleChannelTestCase):
    async def test_a_function_answers(self):
        application = sending(
            {**START, "headers": iter([(b"a", b"b")])},
            part(b"one"),
            part(b"two", more_body=False),
        )
        response = await HttpCommunicator(application, "GET", "/").get_response()
        self.assertEqual(
            response, {"status": 200, "headers": [(b"a", b"b")], "body": b"onetwo"}
        )

    async def test_optional_keys_may_be_missing(self):
        body = {"type": "http.response.body"}
        communicator = HttpCommunicator(sending(START, body), "GET", "/")
        response = await communicator.get_response()
        self.assertEqual(response, {"status": 200, "headers": [], "body": b""})

    async def test_a_response_can_be_asked_for_again(self):
        communicator = HttpCommunicator(EchoConsumer.as_asgi(), "GET", "/")
        response = await communicator.get_response()
        self.assertEqual(await communicator.get_response(), response)
        self.assertIsNone(await communicator.receive_chunk())

    async def test_its_parts_can_be_read(self):
        communicator = HttpCommunicator(EchoConsumer.as_asgi(), "GET", "/")
        self.assertEqual(await communicator.start(), 201)
        self.assertEqual(communicator.status, 201)
        self.assertEqual(communicator.headers, [(b"x-one", b"1")])
        self.assertEqual(communicator.body, b"GET||")
        self.assertTrue(communicator.is_complete)
        self.assertIsInstance(communicator.consumer, EchoConsumer)
        self.assertIs(communicator.scope, communicator.consumer.scope)

    async def test_the_consumer_is_the_first_that_is_met(self):
        class Outer(EchoConsumer):
            async def handle(self, body):
                events = asyncio.Queue()
                events.put_nowait({"type": "http.request", "body": body})
                await EchoConsumer.as_asgi()(self.scope, events.get, self.base_send)

        communicator = HttpCommunicator(Outer.as_asgi(), "GET", "/")
        await communicator.send_input({"type": "http.request"})
        self.assertIsInstance(communicator.consumer, Outer)

    async def test_a_function_has_no_consumer(self):
        communicator = HttpCommunicator(silent, "GET", "/")
        await communicator.send_input({"type": "http.request"})
        with self.assertRaisesMessage(
            RuntimeError, "GET / has led to no Channels consumer."
        ):
            _ = communicator.consumer

    async def test_reads_before_the_request_say_what_to_do(self):
        communicator = HttpCommunicator(silent, "GET", "/")
        for name in ["status", "headers", "is_complete", "transcript"]:
            with self.assertRaisesMessage(
                RuntimeError,
                f"{name} before the request: write 'await communicator.start()' first.",
            ):
                getattr(communicator, name)
        for name in ["disconnect", "wait", "receive_output", "receive_nothing"]:
            with self.assertRaisesMessage(
                RuntimeError,
                f"{name}() before the request: write 'await communicator.start()'"
                " first.",
            ):
                await getattr(communicator, name)()
        self.assertEqual(repr(communicator), "<HttpCommunicator GET /: new>")

    @not_explored
    async def test_the_transcript_has_what_happened(self):
        communicator = HttpCommunicator(EchoConsumer.as_asgi(), "POST", "/a/", b"b")
        await communicator.get_response()
        self.assertEqual(
            str(communicator.transcript),
            "Transcript of POST /a/ (-> test to application, <- application to test):\n"
            "     1  -> request body=b'b'\n"
            "     2  <- response.start status=201 headers=[(b'x-one', b'1')]\n"
            "     3  <- response.body body=b'POST||b'",
        )

    async def test_the_application_hears_of_the_end(self):
        received = []

        async def application(scope, receive, send):
            await send(START)
            await send(part(b"", more_body=False))
            received.append(await receive())
            received.append(await receive())

        await HttpCommunicator(application, "GET", "/").get_response()
        self.assertEqual(
            received,
            [
                {"type": "http.request", "body": b"", "more_body": False},
                {"type": "http.disconnect"},
            ],
        )


class ProjectApplicationTests(ChannelTestCase):
    async def test_that_of_the_settings_answers(self):
        response = await HttpCommunicator(None, "GET", "/notes/").get_response()
        self.assertEqual(response["body"], b'{"notes": 0}')

    async def test_that_of_apply_routes_comes_first(self):
        with apply_routes(EchoConsumer.as_asgi()):
            response = await HttpCommunicator(None, "GET", "/notes/").get_response()
        self.assertEqual(response["status"], 201)

    @override_settings(ASGI_APPLICATION=None)
    async def test_without_any_the_setting_is_named(self):
        with self.assertRaisesMessage(
            ImproperlyConfigured,
            "ASGI_APPLICATION is not set: name the project's application in the"
            " settings, or set application on the test case.",
        ):
            await HttpCommunicator(None, "GET", "/notes/").get_response()


class ApplicationOfTheClassTests(SimpleChannelTestCase):
    application = EchoConsumer.as_asgi()

    async def test_that_of_the_class_answers(self):
        response = await HttpCommunicator(None, "GET", "/notes/").get_response()
        self.assertEqual(response["status"], 201)


class ViewMixin:
    """What is true of views in a transaction of the test, and without one."""

    async def get(self, *args, **options):
        communicator = HttpCommunicator(DJANGO, *args, **options)
        return await communicator.get_response()

    async def test_a_view_sees_rows_of_the_test(self):
        await Note.objects.acreate(text="mine")
        response = await self.get("GET", "/notes/")
        self.assertEqual(response["body"], b'{"notes": ["mine"]}')
        self.assertIn((b"Content-Type", b"application/json"), response["headers"])

    async def test_the_test_sees_rows_of_a_view(self):
        for path_ in ["/add/", "/aadd/"]:
            response = await self.get("POST", path_, path_.encode())
            self.assertEqual(
                (response["status"], response["body"]), (201, path_.encode())
            )
        texts = [note.text async for note in Note.objects.order_by("pk")]
        self.assertEqual(texts, ["/add/", "/aadd/"])

    async def test_what_other_tests_wrote_is_gone(self):
        response = await self.get("GET", "/notes/")
        self.assertEqual(response["body"], b'{"notes": []}')

    async def test_a_body_in_chunks_is_one_to_a_view(self):
        communicator = HttpCommunicator(
            DJANGO, "POST", "/add/", b"one ", more_body=True
        )
        await communicator.send_chunk(b"two", more_body=False)
        self.assertEqual((await communicator.get_response())["body"], b"one two")

    async def test_a_missing_page_is_a_status(self):
        self.assertEqual((await self.get("GET", "/nowhere/"))["status"], 404)

    async def test_a_view_that_raises_is_a_status(self):
        with self.assertLogs("django.request", "ERROR") as logged:
            response = await self.get("GET", "/crash/")
        self.assertEqual(response["status"], 500)
        self.assertEqual(logged.records[0].exc_info[0], ValueError)

    async def test_a_client_is_logged_in(self):
        user = await User.objects.acreate(username="ann")
        await self.async_client.aforce_login(user)
        response = await self.get("GET", "/whoami/", client=self.async_client)
        self.assertEqual(response["body"], b"ann")
        self.assertEqual(self.async_client.cookies["seen"].value, "yes")

    async def test_nobody_is_logged_in_without_a_client(self):
        user = await User.objects.acreate(username="ann")
        await self.async_client.aforce_login(user)
        self.assertEqual((await self.get("GET", "/whoami/"))["body"], b"")

    async def test_cookies_may_be_a_header(self):
        client = Client()
        client.cookies["a"] = "b"
        communicator = HttpCommunicator(
            DJANGO,
            "GET",
            "/whoami/",
            headers={"Cookie": "c=d"},
            client=client,
        )
        await communicator.get_response()
        cookies = [
            value for name, value in communicator.scope["headers"] if name == b"cookie"
        ]
        self.assertEqual(cookies, [b"c=d"])

    async def test_sync_content_comes_in_parts(self):
        communicator = HttpCommunicator(DJANGO, "GET", "/stream/")
        message = "must consume synchronous iterators"
        with self.assertWarnsRegex(Warning, message):
            self.assertEqual(await communicator.receive_chunk(), b"one\n")
        self.assertEqual([chunk async for chunk in communicator.chunks()], [b"two\n"])

    async def test_a_stream_has_rows_and_messages_until_the_client_goes(self):
        note = await Note.objects.acreate(text="first")
        communicator = HttpCommunicator(DJANGO, "GET", "/astream/")
        first = await communicator.receive_event()
        self.assertEqual(first, ServerSentEvent(data="first", id=str(note.pk)))
        await Group("notes").asend({"type": "note", "text": "second"})
        self.assertEqual((await communicator.receive_event()).data, "second")
        await communicator.disconnect()
        self.assertEqual(await Note.objects.acount(), 2)
        await communicator.wait()


@override_settings(ROOT_URLCONF=__name__)
class ViewTests(ViewMixin, ChannelTestCase):
    def test_a_sync_set_up_sees_the_same_rows(self):
        Note.objects.create(text="mine")
        self.assertEqual(self.client.get("/notes/").json(), {"notes": ["mine"]})


@override_settings(ROOT_URLCONF=__name__)
class TransactionViewTests(ViewMixin, TransactionChannelTestCase):
    pass


class StreamTests(SimpleChannelTestCase):
    async def test_parts_come_as_they_are_sent(self):
        application = sending(
            START, part(b""), part(b"one"), part(b"two"), part(b"3", more_body=False)
        )
        communicator = HttpCommunicator(application, "GET", "/")
        self.assertEqual(await communicator.receive_chunk(), b"one")
        rest = [chunk async for chunk in communicator.chunks()]
        self.assertEqual(rest, [b"two", b"3"])
        self.assertIsNone(await communicator.receive_chunk())
        self.assertEqual(communicator.body, b"onetwo3")

    async def test_a_part_that_a_timer_brings_is_waited_for(self):
        communicator = HttpCommunicator(ticking, "GET", "/")
        chunks = [chunk async for chunk in communicator.chunks()]
        self.assertEqual(chunks, [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n"])

    @not_explored
    async def test_a_part_that_is_too_late_fails(self):
        async def slow(scope, receive, send):
            await send(START)
            await asyncio.sleep(600)

        communicator = HttpCommunicator(slow, "GET", "/")
        with self.assertRaises(NoFrame) as caught:
            await communicator.receive_chunk(timeout=0.01)
        verdict, call, _ = str(caught.exception).split("\n\n")
        self.assertRegex(
            verdict,
            r"No part of the body from GET / within 0\.01 s: .*\.slow\(\)"
            r" \(test_communicator\.py:\d+\) waits for a timer that is due in 600 s\.",
        )
        self.assertEqual(
            call,
            "To wait for it, give timeout=, or set receive_timeout on the test case."
            " With use_virtual_time = True, the wait takes no real time.",
        )
        communicator.stop()

    async def test_a_stream_that_is_not_finished_is_told(self):
        communicator = HttpCommunicator(sending(START, part(b"one")), "GET", "/")
        self.assertEqual(await communicator.receive_chunk(), b"one")
        with self.assertRaises(NoFrame) as caught:
            await communicator.receive_chunk()
        self.assertEqual(
            str(caught.exception).partition("\n")[0],
            "No part of the body from GET /: the connection is gone, because its"
            " application has ended.",
        )

    @not_explored
    async def test_a_part_from_outside_is_waited_for(self):
        async def application(scope, receive, send):
            done = asyncio.Event()
            loop = asyncio.get_running_loop()
            await send(START)
            release.wait()
            thread = threading.Timer(0.01, loop.call_soon_threadsafe, [done.set])
            thread.start()
            await done.wait()
            thread.join()
            await send(part(b"one", more_body=False))

        release = threading.Event()
        release.set()
        response = await HttpCommunicator(application, "GET", "/").get_response()
        self.assertEqual(response["body"], b"one")


class EventTests(SimpleChannelTestCase):
    async def test_events_are_parsed(self):
        body = (
            b": hello\nretry: 10\n\nid: 1\nevent: note\ndata: a\ndata: b\n\ndata: c\n\n"
        )
        application = sending(
            STREAM, *map(part, [body[:9], body[9:]]), part(b"", more_body=False)
        )
        communicator = HttpCommunicator(application, "GET", "/")
        events = [event async for event in communicator.events()]
        self.assertEqual(
            events,
            [ServerSentEvent("note", "a\nb", "1"), ServerSentEvent(data="c", id="1")],
        )
        self.assertEqual(communicator.last_event_id, "1")
        self.assertEqual(communicator.retry, 10)
        self.assertIsNone(await communicator.receive_event())

    async def test_an_event_that_is_not_finished_is_none(self):
        application = sending(STREAM, part(b"data: a\n\ndata: b", more_body=False))
        communicator = HttpCommunicator(application, "GET", "/")
        self.assertEqual((await communicator.receive_event()).data, "a")
        self.assertIsNone(await communicator.receive_event())

    async def test_comments_are_not_waited_for_without_end(self):
        async def application(scope, receive, send):
            await send(STREAM)
            while True:
                await send(part(b": still here\n\n"))
                await asyncio.sleep(0.005)

        communicator = HttpCommunicator(application, "GET", "/")
        with self.assertRaises(NoFrame):
            await communicator.receive_event(timeout=0.02)
        communicator.stop()

    async def test_a_stream_is_opened_again_with_the_last_id(self):
        seen = []

        async def application(scope, receive, send):
            seen.append(dict(scope["headers"]).get(b"last-event-id"))
            await send(STREAM)
            await send(part("id: ü1\ndata: a\n\n".encode(), more_body=False))

        first = HttpCommunicator(application, "GET", "/")
        self.assertIsNone(first.last_event_id)
        await first.receive_event()
        again = HttpCommunicator(
            application, "GET", "/", last_event_id=first.last_event_id
        )
        self.assertEqual(again.last_event_id, "ü1")
        await again.receive_event()
        await HttpCommunicator(application, "GET", "/", last_event_id="").start()
        self.assertEqual(seen, [None, "ü1".encode(), None])

    @not_explored
    async def test_a_response_that_is_no_stream_fails(self):
        headers = [(b"Content-Type", b"text/html"), (b"Location", b"/login/")]
        moved = {**START, "status": 302, "headers": headers}
        application = sending(moved, part(b"", more_body=False))
        communicator = HttpCommunicator(application, "GET", "/feed/")
        with self.assertRaises(AssertionError) as caught:
            await communicator.receive_event()
        self.assertEqual(
            str(caught.exception),
            "GET /feed/ did not answer with an event stream: status 302, content type"
            " 'text/html'.\n\nA browser takes only status 200 and 'text/event-stream'."
            " receive_chunk() and get_response() read any response.\n\n"
            "Transcript of GET /feed/ (-> test to application, <- application to"
            " test):\n"
            "     1  -> request\n"
            "     2  <- response.start status=302 headers=[(b'Content-Type',"
            " b'text/html'), (b'Location', b'/login/')]\n"
            "     3  <- response.body",
        )
        with self.assertRaises(AssertionError):
            [event async for event in communicator.events()]

    async def test_the_type_of_a_stream_may_have_parameters(self):
        kind = [(b"content-type", b"text/event-stream; charset=utf-8")]
        application = sending({**STREAM, "headers": kind}, part(b"data: a\n\n"))
        communicator = HttpCommunicator(application, "GET", "/")
        self.assertEqual((await communicator.receive_event()).data, "a")


class LongLivedTests(ChannelTestCase):
    """A consumer that streams what is sent to a group."""

    async def open(self):
        communicator = HttpCommunicator(FeedConsumer.as_asgi(), "GET", "/feed/")
        self.assertEqual(await communicator.start(), 200)
        return communicator

    async def test_a_message_is_an_event(self):
        feed, other = await self.open(), await self.open()
        self.assertInGroup(feed.consumer.channel_name, "feed")
        await Group("feed").asend({"type": "feed.note", "text": "one"})
        for communicator in [feed, other]:
            self.assertEqual((await communicator.receive_event()).data, "one")

    @not_explored
    async def test_silence_fails_at_once_and_the_application_goes_on(self):
        feed = await self.open()
        with self.assertRaises(NoFrame) as caught:
            await feed.receive_event(timeout=30)
        self.assertEqual(
            str(caught.exception),
            "No event from GET /feed/: the application is at rest.\n\n"
            "Transcript of GET /feed/ (-> test to application, <- application to"
            " test):\n"
            "     1  -> request\n"
            "     2  <- response.start status=200 headers=[(b'content-type',"
            " b'text/event-stream')]\n"
            "     3  <- response.body body=b': welcome\\n\\n' more_body=True",
        )
        await Group("feed").asend({"type": "feed.note", "text": "one"})
        self.assertEqual((await feed.receive_event()).data, "one")

    async def test_the_application_can_end_the_stream(self):
        feed = await self.open()
        await Group("feed").asend({"type": "feed.note", "text": "one"})
        await Group("feed").asend({"type": "feed.end"})
        self.assertEqual([event.data async for event in feed.events()], ["one"])
        await feed.wait()
        self.assertGroupMembers("feed", [])

    async def test_the_application_cleans_up_when_the_client_goes(self):
        feed = await self.open()
        await feed.disconnect()
        self.assertGroupMembers("feed", [])
        self.assertEqual(await Note.objects.acount(), 1)
        self.assertEqual(str(feed.transcript).rpartition("  ")[2], "-> disconnect")
        self.assertEqual(repr(feed), "<HttpCommunicator GET /feed/: disconnected>")
        with self.assertRaisesMessage(
            NoFrame,
            "No event from GET /feed/: the connection is disconnected by the test.",
        ):
            await feed.receive_event()

    async def test_a_read_while_the_application_works_says_what_to_do(self):
        feed = await self.open()
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: None)
        with self.assertRaisesMessage(
            RuntimeError,
            "The application is still working: 'await self.asettle()' first.",
        ):
            _ = feed.body


class LeavingTests(SimpleChannelTestCase):
    @not_explored
    async def test_what_is_sent_after_the_client_has_gone_is_dropped(self):
        application = Waiting()
        communicator = HttpCommunicator(application, "GET", "/")
        self.assertEqual(await communicator.receive_chunk(), b"one")
        await communicator.disconnect()
        self.assertEqual(
            application.received, [{"type": "http.disconnect"}, "cleaned up"]
        )
        self.assertEqual(communicator.body, b"one")
        self.assertEqual(
            str(communicator.transcript).split("\n")[-2:],
            [
                "     4  -> disconnect",
                "     5  <- response.body body=b'too late' more_body=True   (dropped:"
                " the client had gone)",
            ],
        )

    async def test_parts_from_before_can_be_read_afterwards(self):
        communicator = HttpCommunicator(Waiting(), "GET", "/")
        await communicator.start()
        await communicator.disconnect()
        self.assertEqual(await communicator.receive_chunk(), b"one")
        with self.assertRaises(NoFrame):
            await communicator.receive_chunk()

    async def test_leaving_twice_or_after_the_end_does_nothing(self):
        application = Waiting()
        communicator = HttpCommunicator(application, "GET", "/")
        await communicator.start()
        await communicator.disconnect()
        await communicator.disconnect()
        self.assertEqual(len(application.received), 2)
        communicator = HttpCommunicator(EchoConsumer.as_asgi(), "GET", "/")
        await communicator.get_response()
        await communicator.disconnect()
        self.assertNotIn("disconnect", str(communicator.transcript))

    async def test_a_clean_up_that_takes_time_is_waited_for(self):
        async def application(scope, receive, send):
            await silent(scope, receive, send)
            await asyncio.sleep(0.01)
            ended.append(True)

        ended: list[bool] = []
        communicator = HttpCommunicator(application, "GET", "/")
        await communicator.send_input({"type": "http.request"})
        await communicator.disconnect()
        self.assertEqual(ended, [True])

    async def test_a_clean_up_that_raises_is_told(self):
        async def application(scope, receive, send):
            await silent(scope, receive, send)
            raise ValueError("asked for")

        communicator = HttpCommunicator(application, "GET", "/")
        await communicator.send_input({"type": "http.request"})
        with self.assertRaisesMessage(ValueError, "asked for"):
            await communicator.disconnect()


class EndOfTestTests(SimpleTestCase):
    def test_the_client_goes_away(self):
        application = Waiting()

        class Inner(SimpleChannelTestCase):
            async def test_it(self):
                await HttpCommunicator(application, "GET", "/").start()

        self.assertEqual(run_case(Inner).texts, [])
        self.assertEqual(
            application.received, [{"type": "http.disconnect"}, "cleaned up"]
        )

    def test_one_that_was_not_sent_is_nothing(self):
        class Inner(SimpleChannelTestCase):
            check_leaks = "fail"

            def test_it(self):
                HttpCommunicator(silent, "GET", "/")

        self.assertEqual(run_case(Inner).texts, [])

    def test_an_application_that_does_not_end_is_cancelled_and_told(self):
        async def endless(scope, receive, send):
            await send(START)
            await asyncio.Event().wait()

        class Inner(SimpleChannelTestCase):
            check_leaks = "fail"

            async def test_it(self):
                await HttpCommunicator(endless, "GET", "/endless/").start()

        self.assertEqual(
            run_case(Inner).texts,
            [
                "Still there after all clients had left:\n  the application of GET"
                " /endless/, which did not end after http.disconnect"
            ],
        )

    def test_a_membership_that_is_left_is_told(self):
        class Staying(AsyncHttpConsumer):
            async def handle(self, body):
                await self.channel_layer.group_add("lobby", self.channel_name)
                await self.send_response(200, b"")

        class Inner(SimpleChannelTestCase):
            check_leaks = "fail"

            async def test_it(self):
                await HttpCommunicator(Staying.as_asgi(), "GET", "/").get_response()

        self.assertEqual(
            run_case(Inner).texts,
            [
                "Still there after all clients had left:\n  GET / in group 'lobby':"
                " call group_discard()"
            ],
        )

    def test_a_call_that_is_not_awaited_is_told(self):
        class Inner(SimpleChannelTestCase):
            def test_it(self):
                HttpCommunicator(silent, "GET", "/").get_response()

        (text,) = run_case(Inner).texts
        self.assertRegex(
            text,
            r"^get_response\(\) was called at test_communicator\.py:\d+ but never"
            r" awaited, so it did nothing\. Write"
            r" 'await communicator\.get_response\(\.\.\.\)' in an async test\.$",
        )

    def test_all_can_be_closed_earlier(self):
        application = Waiting()

        class Inner(SimpleChannelTestCase):
            async def test_it(self):
                await HttpCommunicator(application, "GET", "/").start()
                await self._kit.opened.aclose_all()
                self.assertEqual(application.received[-1], "cleaned up")

        self.assertEqual(run_case(Inner).texts, [])


class CrashTests(SimpleTestCase):
    def run_crash(self, *before, caught=False):
        """Run a test of an application that raises after these events."""

        async def application(scope, receive, send):
            for event in before:
                await send(event)
            raise ValueError("asked for")

        class Inner(SimpleChannelTestCase):
            async def test_it(self):
                communicator = HttpCommunicator(application, "GET", "/")
                if caught:
                    with self.assertApplicationRaises(ValueError):
                        await communicator.start()
                await communicator.get_response()

        return run_case(Inner)

    def test_it_is_raised_whenever_it_happens(self):
        for before in [
            (),
            (START,),
            (START, part(b"one")),
            (START, part(b"one", more_body=False)),
        ]:
            with self.subTest(before):
                result = self.run_crash(*before)
                self.assertEqual(result.texts, ["asked for"])
                self.assertIs(type(result.raised[0]), ValueError)

    def test_a_response_after_it_is_told_with_its_reason(self):
        result = self.run_crash(START, part(b"one"), caught=True)
        self.assertEqual(
            result.texts,
            [
                "No complete response from GET /: its application raised"
                " ValueError.\n\n"
                "To read a stream, use receive_chunk() or receive_event().\n\n"
                "Transcript of GET / (-> test to application, <- application to"
                " test):\n"
                "     1  -> request\n"
                "     2  <- response.start status=200\n"
                "     3  <- response.body body=b'one' more_body=True\n"
                "     4  <- raised  ValueError: asked for"
            ],
        )

    def test_one_that_was_expected_leaves_a_whole_response(self):
        last = part(b"one", more_body=False)
        self.assertEqual(self.run_crash(START, last, caught=True).texts, [])


class NoResponseTests(SimpleChannelTestCase):
    @not_explored
    async def test_an_application_that_never_answers_fails_at_once(self):
        communicator = HttpCommunicator(silent, "GET", "/never/")
        for call, what in [
            (communicator.get_response, "complete response"),
            (communicator.start, "response"),
            (communicator.receive_chunk, "part of the body"),
            (communicator.receive_event, "event"),
        ]:
            with self.subTest(what), self.assertRaises(NoFrame) as caught:
                await call()
            self.assertEqual(
                str(caught.exception),
                f"No {what} from GET /never/: the application is at rest.\n\n"
                "An application answers with 'http.response.start' and"
                " 'http.response.body'.\n\n"
                "Transcript of GET /never/ (-> test to application, <- application to"
                " test):\n"
                "     1  -> request",
            )

    async def test_a_response_that_goes_on_says_how_to_read_it(self):
        application = Waiting()
        communicator = HttpCommunicator(application, "GET", "/")
        with self.assertRaises(NoFrame) as caught:
            await communicator.get_response()
        _, hint, _ = str(caught.exception).split("\n\n")
        self.assertEqual(
            hint, "To read a stream, use receive_chunk() or receive_event()."
        )
        self.assertEqual(await communicator.receive_chunk(), b"one")

    async def test_output_that_does_not_come_is_told(self):
        communicator = HttpCommunicator(silent, "GET", "/")
        await communicator.send_input({"type": "http.request"})
        with self.assertRaisesMessage(NoFrame, "No ASGI event from GET /: the"):
            await communicator.receive_output()


GUILTY = {
    "body-not-bytes": (START, part("one")),
    "headers-not-bytes": ({**START, "headers": [("a", "b")]},),
    "no-type": ({"status": 200},),
    "not-a-dict": (b"hello",),
    "response-after-end": (START, part(b"", more_body=False), part(b"more")),
    "response-before-start": (part(b"one"),),
    "response-status": ({**START, "status": "200"},),
    "response-twice": (START, START),
    "unknown-type": ({"type": "websocket.accept"},),
}


class ProtocolTests(SimpleTestCase):
    def run_guilty(self, name, policy="fail"):
        application = sending(*GUILTY[name], START, part(b"", more_body=False))
        responses = []

        class Inner(SimpleChannelTestCase):
            check_protocol = policy

            async def test_it(self):
                communicator = HttpCommunicator(application, "GET", "/")
                responses.append(await communicator.get_response())

        return run_case(Inner), responses

    def test_each_breach_of_a_response_is_tried(self):
        names = {name for name in BREACHES if name.startswith("response-")}
        self.assertEqual(names - GUILTY.keys(), set())

    def test_a_breach_is_raised(self):
        for name in GUILTY:
            with self.subTest(name):
                (error,) = self.run_guilty(name)[0].raised
                self.assertIsInstance(error, ProtocolError)
                self.assertEqual(error.breach, name)

    def test_a_breach_is_told_with_what_happened(self):
        (text,) = self.run_guilty("response-twice")[0].texts
        text, count = re.subn(r"Sent at test_communicator\.py:\d+ in", "Sent in", text)
        self.assertEqual(count, 1)
        self.assertEqual(
            text,
            "GET /: The application sent 'http.response.start' a second time, and a"
            " server refuses to start a response again; start it once.\n\n"
            "Sent in application().\n\n"
            "To allow it, give this connection check_protocol=['response-twice'],"
            " or set that on the test case.\n\n"
            "Transcript of GET / (-> test to application, <- application to test):\n"
            "     1  -> request\n"
            "     2  <- response.start status=200\n"
            "     3  <- response.start status=200   (refused: response-twice)",
        )

    def test_a_breach_that_is_allowed_is_ignored(self):
        expected = {"status": 200, "headers": [], "body": b""}
        allowed = [*GUILTY]
        for name in GUILTY:
            with self.subTest(name):
                result, responses = self.run_guilty(name, allowed)
                self.assertEqual(result.texts, [])
                self.assertEqual(responses, [expected])

    def test_a_breach_can_be_a_warning(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ChannelsTestkitWarning)
            result, _ = self.run_guilty("response-before-start", "warn")
        self.assertEqual(result.texts, [])
        (warning,) = caught
        self.assertEqual(
            str(warning.message).partition(",")[0],
            "GET /: The application sent 'http.response.body' before"
            " 'http.response.start'",
        )

    def test_nonsense_after_the_client_has_gone_is_dropped(self):
        async def application(scope, receive, send):
            await silent(scope, receive, send)
            await send(b"hello")

        class Inner(SimpleChannelTestCase):
            check_protocol = "off"

            async def test_it(self):
                communicator = HttpCommunicator(application, "GET", "/")
                await communicator.send_input({"type": "http.request"})
                await communicator.disconnect()
                last = str(communicator.transcript).rpartition("\n")[2]
                self.assertEqual(
                    last, "     3  <- b'hello'   (dropped: the client had gone)"
                )

        self.assertEqual(run_case(Inner).texts, [])


class WithoutTestCaseTests(LoopTestCase):
    """On a loop that is not the kit's."""

    async def test_a_response_is_received(self):
        communicator = HttpCommunicator(EchoConsumer.as_asgi(), "GET", "/")
        self.assertEqual((await communicator.get_response())["status"], 201)
        self.assertEqual(communicator.body, b"GET||")

    async def test_a_stream_is_received(self):
        communicator = HttpCommunicator(ticking, "GET", "/")
        data = [event.data async for event in communicator.events(timeout=5)]
        self.assertEqual(data, ["0", "1", "2"])

    async def test_silence_fails_at_once(self):
        communicator = HttpCommunicator(silent, "GET", "/")
        with self.assertRaises(NoFrame):
            await communicator.get_response(timeout=30)
        await communicator.disconnect()
        self.assertEqual(communicator._kit_driver.connection.state, "disconnected")

    async def test_stop_raises_what_was_not_raised_so_far(self):
        async def application(scope, receive, send):
            await receive()
            await doomed.wait()
            raise ValueError("asked for")

        doomed = asyncio.Event()
        communicator = HttpCommunicator(application, "GET", "/")
        await communicator.send_input({"type": "http.request"})
        doomed.set()
        await asyncio.wait([communicator._kit_driver.connection.task])
        with self.assertRaisesRegex(ValueError, "asked for"):
            communicator.stop()
        communicator.stop()

    async def test_an_exception_is_raised(self):
        communicator = HttpCommunicator(DJANGO, "GET", "/")
        communicator.scope["type"] = "websocket"
        with self.assertRaisesRegex(ValueError, "Django can only handle ASGI/HTTP"):
            await communicator.get_response()


class RunTests(SimpleTestCase):
    def test_asyncio_run_is_enough(self):
        async def main():
            communicator = HttpCommunicator(EchoConsumer.as_asgi(), "GET", "/")
            return await communicator.get_response()

        self.assertEqual(asyncio.run(main())["status"], 201)
        self.assertEqual(asyncio.run(main())["status"], 201)
