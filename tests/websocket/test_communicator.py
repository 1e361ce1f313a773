from __future__ import annotations

import asyncio
import pickle
import threading
import unittest
import warnings
from typing import ClassVar
from urllib.parse import unquote

from asgiref.sync import SyncToAsync, async_to_sync
from channels.consumer import AsyncConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import (
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase, TestCase, TransactionTestCase
from django.urls import path

from channels_testkit import (
    ChannelTestCase,
    HttpCommunicator,
    NoFrame,
    SimpleWebsocketTestCase,
    WebsocketCommunicator,
    WebsocketTestCase,
)
from channels_testkit.websocket.subjects import driver_of
from tests.app import asgi, failing
from tests.app.consumers import EchoConsumer
from tests.explored import not_explored
from tests.utils import LoopTestCase, run_case

ECHO = EchoConsumer.as_asgi()


class SimpleConsumer(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data=text_data, bytes_data=bytes_data)


class IgnoringConsumer(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        pass


class PageConsumer(AsyncHttpConsumer):
    async def handle(self, body):
        await self.send_response(200, b"here")


class KwargsConsumer(WebsocketConsumer):
    def connect(self):
        self.accept()
        self.send(text_data=self.scope["url_route"]["kwargs"]["message"])


class UserConsumer(JsonWebsocketConsumer):
    def connect(self):
        self.accept(
            subprotocol=self.scope["subprotocols"][-1],
            headers=[(b"x-user", self.scope["user"].encode())],
        )


class ByeConsumer(AsyncWebsocketConsumer):
    """Closes as soon as it has accepted and said something."""

    async def connect(self):
        await self.accept()
        await self.send(text_data="hello")
        await self.close(code=4000, reason="bye")


class LastWordsConsumer(AsyncWebsocketConsumer):
    """Sends when the client has gone, and keeps what it is told."""

    codes: ClassVar[list[int]] = []

    async def disconnect(self, code):
        self.codes.append(code)
        await self.send(text_data="too late")


class CrashConsumer(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data="one")
        await self.send(text_data="two")
        raise ValueError("after two frames")


class RelayConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        await self.channel_layer.group_add("all", self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        await self.channel_layer.group_discard("all", self.channel_name)

    async def tell(self, event):
        await self.send(text_data=event["text"])


async def endless(scope, receive, send):
    """Go on after the client has gone."""
    await receive()
    await send({"type": "websocket.accept"})
    await asyncio.Event().wait()


async def ticking(scope, receive, send):
    """Send twice, so many seconds apart as the first frame says."""
    await receive()
    await send({"type": "websocket.accept"})
    seconds = float((await receive())["text"])
    for text in ("one", "two"):
        await asyncio.sleep(seconds)
        await send({"type": "websocket.send", "text": text})
    await receive()


class ChangeOfImportTests:
    """What is true of the class wherever it is used; below it is, in each."""

    async def test_text_bytes_and_json_come_back(self):
        communicator = WebsocketCommunicator(SimpleConsumer.as_asgi(), "/testws/")
        connected, subprotocol = await communicator.connect()
        self.assertTrue(connected)
        self.assertIsNone(subprotocol)
        await communicator.send_to(text_data="hello")
        self.assertEqual(await communicator.receive_from(), "hello")
        await communicator.send_to(bytes_data=b"w\0\0\0")
        self.assertEqual(await communicator.receive_from(), b"w\0\0\0")
        await communicator.send_json_to({"hello": "world"})
        self.assertEqual(await communicator.receive_json_from(), {"hello": "world"})
        await communicator.disconnect()

    async def test_empty_frames_are_frames(self):
        communicator = WebsocketCommunicator(SimpleConsumer.as_asgi(), "/")
        await communicator.connect()
        await communicator.send_to(text_data="")
        self.assertEqual(await communicator.receive_from(), "")
        await communicator.send_to(bytes_data=b"")
        self.assertEqual(await communicator.receive_from(), b"")
        await communicator.disconnect()

    async def test_the_route_gives_its_arguments(self):
        routes = [path("testws/<str:message>/", KwargsConsumer.as_asgi())]
        communicator = WebsocketCommunicator(URLRouter(routes), "/testws/test/")
        self.assertTrue((await communicator.connect())[0])
        self.assertEqual(await communicator.receive_from(), "test")
        await communicator.disconnect()

    async def test_a_timeout_leaves_the_application_running(self):
        communicator = WebsocketCommunicator(SimpleConsumer.as_asgi(), "/")
        await communicator.connect()
        with self.assertRaises(asyncio.TimeoutError):
            await communicator.receive_from(timeout=0.01)
        await communicator.send_to(text_data="still there")
        self.assertEqual(await communicator.receive_from(), "still there")
        await communicator.disconnect()

    async def test_disconnect_works_after_a_timeout(self):
        communicator = WebsocketCommunicator(IgnoringConsumer.as_asgi(), "/testws/")
        await communicator.connect()
        await communicator.send_to(text_data="hello")
        with self.assertRaises(NoFrame):
            await communicator.receive_from()
        await communicator.disconnect()
        self.assertFalse(driver_of(communicator).needs_closing)

    async def test_the_address_becomes_path_and_query(self):
        for address in (
            "user:pass@example.com:8080/p/a/t/h?query=string#hash",
            "wss://user:pass@example.com:8080/p/a/t/h?query=string#hash",
            "ws://example.com/%E9%A6%96%E9%A1%B5/index.php?foo=%E9%A6%96&spam=eggs",
            "testws",
        ):
            with self.subTest(address):
                communicator = WebsocketCommunicator(ECHO, address)
                scope = communicator.scope
                self.assertEqual(scope["type"], "websocket")
                self.assertEqual(scope["path"], unquote(scope["path"]))
                self.assertIsInstance(scope["query_string"], bytes)
                self.assertTrue((await communicator.connect())[0])
                await communicator.disconnect()

    async def test_the_scope_can_be_changed_before_connect(self):
        communicator = WebsocketCommunicator(
            UserConsumer.as_asgi(), "/", subprotocols=["one", "two"]
        )
        communicator.scope["user"] = "ann"
        self.assertIsNone(communicator.response_headers)
        self.assertEqual(await communicator.connect(), (True, "two"))
        self.assertEqual(communicator.response_headers, [(b"x-user", b"ann")])
        self.assertEqual(communicator.scope["user"], "ann")
        await communicator.disconnect()

    async def test_a_rejection_gives_the_code(self):
        communicator = WebsocketCommunicator(asgi.websocket_application, "/ws/who/")
        communicator.scope["user"] = failing.AnonymousUser()
        handshake = await communicator.connect()
        self.assertEqual(handshake, (False, 4401))
        self.assertEqual(handshake.reason, "log in first")
        await communicator.disconnect()

    async def test_a_denial_gives_the_status(self):
        communicator = WebsocketCommunicator(failing.forbid, "/")
        handshake = await communicator.connect()
        self.assertEqual(handshake, (False, 403))
        self.assertEqual((handshake.status, handshake.body), (403, b"not here"))
        await communicator.disconnect()

    async def test_events_can_be_driven_one_by_one(self):
        communicator = WebsocketCommunicator(ECHO, "/")
        await communicator.send_input({"type": "websocket.connect"})
        accepted = await communicator.receive_output()
        self.assertEqual(accepted["type"], "websocket.accept")
        await communicator.send_input({"type": "websocket.receive", "text": "hello"})
        frame = await communicator.receive_output(timeout=1)
        self.assertEqual((frame["type"], frame["text"]), ("websocket.send", "hello"))
        await communicator.send_input({"type": "websocket.disconnect", "code": 1001})
        await communicator.wait()

    async def test_a_close_after_the_accept_is_an_event(self):
        communicator = WebsocketCommunicator(ByeConsumer.as_asgi(), "/")
        self.assertTrue((await communicator.connect())[0])
        self.assertFalse(await communicator.receive_nothing())
        self.assertEqual(await communicator.receive_from(), "hello")
        closed = await communicator.receive_output()
        self.assertEqual((closed["type"], closed["code"]), ("websocket.close", 4000))
        self.assertTrue(await communicator.receive_nothing())
        await communicator.disconnect()

    async def test_nothing_and_something_received(self):
        communicator = WebsocketCommunicator(ECHO, "/")
        await communicator.connect()
        self.assertTrue(await communicator.receive_nothing(timeout=60, interval=1))
        await communicator.send_to(text_data="hello")
        self.assertFalse(await communicator.receive_nothing())
        await communicator.disconnect()

    async def test_a_receive_waits_for_a_timer_of_the_application(self):
        communicator = WebsocketCommunicator(ticking, "/")
        await communicator.connect()
        await communicator.send_to("0.01")
        self.assertEqual(await communicator.receive_from(), "one")
        self.assertFalse(await communicator.receive_nothing(timeout=60))
        self.assertEqual(await communicator.receive_from(), "two")
        await communicator.disconnect()

    async def test_a_receive_does_not_wait_for_a_timer_that_is_due_later(self):
        communicator = WebsocketCommunicator(ticking, "/")
        await communicator.connect()
        await communicator.send_to("600")
        self.assertTrue(await communicator.receive_nothing(timeout=0))
        self.assertTrue(await communicator.receive_nothing(timeout=60))
        communicator.stop()

    async def test_frames_before_a_crash_stay_readable(self):
        communicator = WebsocketCommunicator(CrashConsumer.as_asgi(), "/")
        await communicator.connect()
        await communicator.send_to(text_data="go")
        self.assertEqual(await communicator.receive_from(), "one")
        self.assertEqual(await communicator.receive_from(), "two")
        with self.assertRaisesMessage(ValueError, "after two frames"):
            await communicator.receive_from()
        with self.assertRaisesMessage(NoFrame, "its application raised ValueError."):
            await communicator.receive_from()
        await communicator.disconnect()

    async def test_stop_ends_an_application(self):
        communicator = WebsocketCommunicator(endless, "/")
        communicator.stop()
        await communicator.connect()
        communicator.stop()
        await communicator.wait()
        self.assertFalse(driver_of(communicator).needs_closing)
        communicator.stop()

    async def test_wait_for_an_application_that_does_not_end(self):
        communicator = WebsocketCommunicator(endless, "/")
        await communicator.connect()
        with self.assertRaisesMessage(NoFrame, "No end of the application from /"):
            await communicator.wait(timeout=0.01)
        communicator.stop()
        await communicator.wait()

    async def test_as_a_context_manager(self):
        async with WebsocketCommunicator(ECHO, "/") as communicator:
            await communicator.send_json_to({"n": 1})
            self.assertEqual(await communicator.receive_json(), {"n": 1})
        self.assertFalse(driver_of(communicator).needs_closing)

    async def test_as_a_context_manager_a_refusal_fails(self):
        communicator = WebsocketCommunicator(failing.forbid, "/")
        with self.assertRaisesMessage(AssertionError, "/ refused the handshake"):
            async with communicator:
                self.fail("The block was entered.")  # pragma: no cover

    async def test_the_version_of_the_specification(self):
        communicator = WebsocketCommunicator(ECHO, "/", spec_version="2.3")
        self.assertEqual(communicator.scope["asgi"]["spec_version"], "2.3")
        self.assertEqual(communicator.scope["spec_version"], "2.3")


class OurCaseTests(ChangeOfImportTests, WebsocketTestCase):
    # Some of the tests count connections, or leave the application alone.
    check_leaks = "off"


class LayerCaseTests(ChangeOfImportTests, ChannelTestCase):
    check_leaks = "off"


class DjangoCaseTests(ChangeOfImportTests, TestCase):
    pass


class LoopTests(TransactionTestCase):
    """async_to_sync() and asyncio.run() have loops of their own."""

    async def talk(self):
        async with WebsocketCommunicator(ECHO, "/") as communicator:
            await communicator.send_json_to({"n": 1})
            return await communicator.receive_json_from()

    def test_in_async_to_sync(self):
        self.assertEqual(async_to_sync(self.talk)(), {"n": 1})

    def test_in_asyncio_run(self):
        self.assertEqual(asyncio.run(self.talk()), {"n": 1})

    def test_in_a_loop_of_a_sync_test_of_ours(self):
        case = self

        class Inner(SimpleWebsocketTestCase):
            def test(self):
                asyncio.run(case.talk())

        # Nothing has begun, of which something would be left.
        with self.assertNoLogs(), warnings.catch_warnings():
            warnings.simplefilter("error")
            (text,) = run_case(Inner).texts
        self.assertEqual(
            text,
            "This call runs in another event loop than the test's, such as that of"
            " asyncio.run(). In a sync test use the sync calls, such as"
            " self.connect(), or async_to_sync(); or write an async test.",
        )


class FirstCallTests(SimpleWebsocketTestCase):
    """async_to_sync() as the first call that a sync test makes."""

    talk = LoopTests.talk

    def test_all_calls_in_one(self):
        self.assertEqual(async_to_sync(self.talk)(), {"n": 1})
        # There is a loop by now.
        self.assertEqual(async_to_sync(self.talk)(), {"n": 1})

    def test_one_by_one(self):
        communicator = WebsocketCommunicator(ECHO, "/")
        async_to_sync(communicator.connect)()
        async_to_sync(communicator.send_json_to)({"n": 1})
        received = async_to_sync(communicator.receive_json_from)()
        self.assertEqual(received, {"n": 1})
        async_to_sync(communicator.disconnect)()

    def test_a_request(self):
        async def request():
            communicator = HttpCommunicator(PageConsumer.as_asgi(), "GET", "/")
            return await communicator.get_response()

        self.assertEqual(async_to_sync(request)()["body"], b"here")

    def test_what_it_raises_is_for_its_caller(self):
        class Inner(SimpleWebsocketTestCase):
            async def fail_late(self):
                await asyncio.sleep(0)
                raise ValueError("asked for")

            def test_caught(self):
                for _ in range(2):
                    with self.assertRaises(ValueError):
                        async_to_sync(self.fail_late)()

            def test_not_caught(self):
                async_to_sync(self.fail_late)()

        self.assertEqual(run_case(Inner, "test_caught").texts, [])
        self.assertEqual(run_case(Inner, "test_not_caught").texts, ["asked for"])

    def test_calls_inside_it_are_those_of_an_async_test(self):
        class Inner(SimpleWebsocketTestCase):
            application = ECHO

            async def assert_received(self):
                ann = await self.aconnect("/")
                await ann.send_to("hello")
                self.assertReceivesText(ann, "hello")
                self.assertReceivesNothing(ann)
                self.assertReceivesText(ann, "more")

            async def connect_sync(self):
                self.connect("/")

            def test_an_assertion(self):
                async_to_sync(self.assert_received)()

            def test_a_sync_call(self):
                async_to_sync(self.connect_sync)()

        (text,) = run_case(Inner, "test_an_assertion").texts
        self.assertIn("No text frame from /: the application is at rest", text)
        self.assertEqual(
            run_case(Inner, "test_a_sync_call").texts,
            ["A sync call in an async test: write 'await self.aconnect(...)'."],
        )

    def test_the_next_test_has_none_of_it(self):
        class Inner(SimpleWebsocketTestCase):
            talk = LoopTests.talk

            def test(self):
                async_to_sync(self.talk)()

        before = dict(vars(SyncToAsync.threadlocal))
        self.assertEqual(run_case(Inner).texts, [])
        self.assertEqual(vars(SyncToAsync.threadlocal), before)


class IsolatedCaseTests(LoopTestCase):
    async def test_a_frame_comes_back(self):
        async with WebsocketCommunicator(ECHO, "/") as communicator:
            await communicator.send_to(text_data="hello")
            self.assertEqual(await communicator.receive_from(), "hello")
            with self.assertRaises(NoFrame):
                await communicator.receive_from(timeout=60)

    async def test_an_exception_of_the_application_comes_out(self):
        communicator = WebsocketCommunicator(CrashConsumer.as_asgi(), "/")
        await communicator.connect()
        await communicator.send_to(text_data="go")
        with self.assertRaises(ValueError):
            await communicator.wait()


class NoFrameTests(SimpleTestCase):
    def test_is_both_kinds_of_error(self):
        self.assertTrue(issubclass(NoFrame, AssertionError))
        self.assertTrue(issubclass(NoFrame, asyncio.TimeoutError))

    def test_can_be_pickled(self):
        error = pickle.loads(pickle.dumps(NoFrame("No frame.\n\nTranscript")))
        self.assertIs(type(error), NoFrame)
        self.assertEqual(str(error), "No frame.\n\nTranscript")


class ConstructorTests(SimpleTestCase):
    def test_a_path_that_is_not_a_str(self):
        with self.assertRaisesMessage(TypeError, "A path is a str, not b'/'."):
            WebsocketCommunicator(ECHO, b"/")

    def test_a_consumer_class(self):
        with self.assertRaisesMessage(TypeError, "use EchoConsumer.as_asgi()."):
            WebsocketCommunicator(EchoConsumer, "/")

    def test_something_that_is_not_callable(self):
        with self.assertRaisesMessage(TypeError, "callable; 'app' is not."):
            WebsocketCommunicator("app", "/")


class ReadingTests(SimpleWebsocketTestCase):
    application = asgi.websocket_application
    ws_path = "/ws/room/1/"

    async def test_what_can_be_read(self):
        ann = await self.aconnect()
        await ann.send_json({"n": 1})
        self.assertEqual(await ann.receive_json(), {"n": 1})
        self.assertEqual(ann.frames, ['{"n": 1}'])
        self.assertEqual(type(ann.consumer).__name__, "RoomConsumer")
        self.assertEqual(ann.channel_name, ann.consumer.channel_name)
        self.assertEqual(ann.groups, ["room-1"])
        self.assertIs(ann.scope, ann.consumer.scope)
        self.assertEqual(len(ann.transcript), 4)

    async def test_before_connect_there_is_little_to_read(self):
        ann = self.create_communicator()
        self.assertEqual(ann.scope["path"], "/ws/room/1/")
        self.assertIsNone(ann.response_headers)
        for name in ("frames", "consumer", "transcript", "channel_name", "groups"):
            with self.subTest(name), self.assertRaises(RuntimeError) as caught:
                getattr(ann, name)
            what = name if name in {"frames", "transcript"} else "consumer"
            self.assertEqual(
                str(caught.exception),
                f"{what} before connect(): open the connection first, or use"
                " 'self.connect(path)'.",
            )

    async def test_an_application_without_consumer(self):
        ann = await self.aconnect("/", application=endless)
        with self.assertRaisesMessage(
            RuntimeError, "/ has led to no Channels consumer"
        ):
            _ = ann.consumer
        ann.stop()

    def test_repr_tells_the_state(self):
        ann = self.create_client(name="ann")
        self.assertEqual(repr(ann), "<WSClient ann (/ws/room/1/): new>")
        ann.connect()
        self.assertEqual(
            repr(ann._communicator), "<WebsocketCommunicator ann (/ws/room/1/): open>"
        )

    def test_labels_number_the_connections_where_there_are_many(self):
        ann = self.connect()
        self.assertEqual(ann.label, "/ws/room/1/")
        ben = self.connect()
        self.assertEqual(ann.label, "connection 1 (/ws/room/1/)")
        self.assertEqual(ann.transcript.label, "connection 1 (/ws/room/1/)")
        self.assertEqual(ben.label, "connection 2 (/ws/room/1/)")
        self.assertEqual(self.create_client(name="cal").label, "cal (/ws/room/1/)")


class NoLayerTests(SimpleTestCase):
    def test_a_consumer_without_layer_has_no_channel(self):
        class Inner(SimpleWebsocketTestCase):
            def test_name(self):
                _ = self.connect("/", application=ECHO).channel_name

            def test_groups(self):
                _ = self.connect("/", application=ECHO).groups

        with self.settings(CHANNEL_LAYERS={}):
            raised = run_case(Inner).raised
        text = "EchoConsumer has no channel layer: set CHANNEL_LAYERS."
        self.assertEqual([str(error) for error in raised], [text, text])
        self.assertIsInstance(raised[0], ImproperlyConfigured)


class ClosingTests(SimpleWebsocketTestCase):
    ws_path = "/"
    application = LastWordsConsumer.as_asgi()

    def setUp(self):
        LastWordsConsumer.codes = []

    async def test_disconnect_tells_the_application_the_code(self):
        ann = await self.aconnect()
        await ann.disconnect(code=1001)
        self.assertEqual(LastWordsConsumer.codes, [1001])

    async def test_the_application_receives_a_reason(self):
        ann = await self.aconnect()
        await ann.disconnect(4000, reason="done for today, grüße")
        event = {"type": "websocket.disconnect", "code": 4000}
        event["reason"] = "done for today, grüße"
        self.assertIn(event, [entry.event for entry in ann.transcript])
        self.assertEqual(LastWordsConsumer.codes, [4000])

    async def test_a_code_that_an_endpoint_may_send_is_delivered(self):
        codes = [1000, 1001, 1003, 1005, 1011, 3000, 4999]
        for code in codes:
            ann = await self.aconnect()
            await ann.disconnect(code)
        self.assertEqual(LastWordsConsumer.codes, codes)

    async def test_what_no_client_can_send_is_refused_at_once(self):
        ann = await self.aconnect()
        long = "ü" * 62
        for options, kind, text in (
            (
                {"code": 1006},
                ValueError,
                "disconnect(code=1006): no client sends this code, which means that"
                " the connection was lost. To lose the connection, write drop().",
            ),
            *(
                (
                    {"code": code},
                    ValueError,
                    f"disconnect(code={code}): no client can send this code. A page can"
                    " send 1000 and 3000 to 4999, and a browser sends 1001 when a page"
                    " is left.",
                )
                for code in (0, 999, 1004, 1015, 2000, 5000, -1)
            ),
            (
                {"code": "bye"},
                TypeError,
                "disconnect(code='bye'): a close code is an int.",
            ),
            (
                {"code": True},
                TypeError,
                "disconnect(code=True): a close code is an int.",
            ),
            (
                {"reason": b"bye"},
                TypeError,
                "disconnect(reason=b'bye'): a reason is a str.",
            ),
            (
                {"reason": None},
                TypeError,
                "disconnect(reason=None): a reason is a str.",
            ),
            (
                {"reason": long},
                ValueError,
                f"disconnect(reason=...): {long!r} has 124 bytes, and a close frame has"
                " room for 123. Shorten it.",
            ),
            (
                {"reason": "\ud800"},
                ValueError,
                "disconnect(reason='\\ud800'): it cannot be UTF-8.",
            ),
            (
                {"code": 1005, "reason": "bye"},
                ValueError,
                "disconnect(code=1005): this means a close without a code, which can"
                " have no reason. To send a reason, give another code.",
            ),
        ):
            with self.subTest(options), self.assertRaises(kind) as caught:
                await ann.disconnect(**options)
            self.assertEqual(str(caught.exception), text)
        self.assertOpen(ann)
        await ann.disconnect(reason="x" * 123)

    async def test_a_lost_connection_is_1006(self):
        ann = await self.aconnect()
        await ann.drop()
        self.assertEqual(LastWordsConsumer.codes, [1006])

    @not_explored
    async def test_what_is_sent_too_late_is_dropped_and_shown(self):
        ann = await self.aconnect()
        await ann.disconnect()
        self.assertEqual(ann.frames, [])
        self.assertEqual(
            str(ann.transcript.entries[-1]),
            "<- text    'too late'   (dropped: the client had gone)",
        )

    async def test_a_second_disconnect_does_nothing(self):
        ann = await self.aconnect()
        await ann.disconnect()
        await ann.disconnect(code=1001)
        await ann.drop()
        self.assertEqual(LastWordsConsumer.codes, [1000])

    async def test_a_close_is_delivered_with_its_code(self):
        class Consumer(LastWordsConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.close(code=4403)

            async def disconnect(self, code):
                self.codes.append(code)

        ann = await self.aconnect(application=Consumer.as_asgi())
        await ann.send_text("close")
        await ann.disconnect()
        self.assertEqual(LastWordsConsumer.codes, [4403])

    async def test_reconnect_loses_the_connection_and_opens_another(self):
        ann = await self.aconnect()
        first = driver_of(ann).connection
        self.assertTrue(await ann.reconnect())
        self.assertEqual(LastWordsConsumer.codes, [1006])
        self.assertIsNot(driver_of(ann).connection, first)
        await ann.disconnect()
        self.assertTrue(await ann.reconnect())

    async def test_reconnect_can_be_the_first_connect(self):
        ann = self.create_communicator()
        self.assertTrue(await ann.reconnect())

    async def test_connect_twice_is_an_error(self):
        ann = await self.aconnect()
        with self.assertRaises(RuntimeError) as caught:
            await ann.connect()
        self.assertEqual(
            str(caught.exception),
            "connect() on a connection that is open and whose application is running:"
            " call disconnect() or wait() first.",
        )

    async def test_connect_to_another_path(self):
        ann = self.create_communicator("/one/?a=1")
        await ann.connect(ws_path="/two/?b=2")
        self.assertEqual(ann.scope["path"], "/two/")
        self.assertEqual(ann.scope["raw_path"], b"/two/")
        self.assertEqual(ann.scope["query_string"], b"b=2")

    async def test_assert_closed(self):
        ann = await self.aconnect(application=ByeConsumer.as_asgi())
        ann.assert_closed()
        ann.assert_closed(code=4000)
        with self.assertRaisesMessage(
            AssertionError, "closed with code 4000, not 4001"
        ):
            ann.assert_closed(code=4001)

    async def test_sending_when_it_cannot_be(self):
        ann = self.create_communicator()
        with self.assertRaisesMessage(RuntimeError, "send_to() before connect()"):
            await ann.send_to(text_data="hello")
        await ann.connect()
        await ann.disconnect()
        text = "send_text() on a connection that is disconnected by the test."
        with self.assertRaisesMessage(RuntimeError, text):
            await ann.send_text("hello")

    def test_an_application_that_does_not_end_is_cancelled_and_told(self):
        class Inner(SimpleWebsocketTestCase):
            check_leaks = "fail"

            def test(self):
                self.connect("/", application=endless)

        (text,) = run_case(Inner).texts
        self.assertIn("did not end after websocket.disconnect", text)


class FrameTests(SimpleWebsocketTestCase):
    application = asgi.websocket_application
    ws_path = "/ws/echo/"

    async def test_short_names(self):
        ann = await self.aconnect()
        await ann.send_text("hello")
        self.assertEqual(await ann.receive_text(), "hello")
        await ann.send_bytes(b"\x00")
        self.assertEqual(await ann.receive_bytes(), b"\x00")
        await ann.send_json([1])
        self.assertEqual(await ann.receive_json(), [1])
        await ann.send_message({"n": 1})
        self.assertEqual(await ann.receive_json_from(), {"n": 1})

    async def test_text_and_binary_are_told_apart(self):
        ann = await self.aconnect()
        await ann.send_text("hello")
        text = "sent a text frame where a binary frame was expected: 'hello'."
        with self.assertRaisesMessage(AssertionError, text):
            await ann.receive_bytes()

    async def test_frames_of_the_wrong_type_are_type_errors(self):
        ann = await self.aconnect()
        with self.assertRaisesMessage(TypeError, "text_data is a str, not 7."):
            await ann.send_text(7)
        with self.assertRaisesMessage(TypeError, "bytes_data is bytes, not 'x'."):
            await ann.send_bytes("x")

    async def test_all_frames_at_once(self):
        ann = await self.aconnect()
        self.assertEqual(await ann.receive_all_json(), [])
        for number in range(3):
            await ann.send_json({"n": number})
        await ann.send_json({"close": 4000})
        frames = await ann.receive_all_json(timeout=5, wait_group=True)
        self.assertEqual(frames, [{"n": 0}, {"n": 1}, {"n": 2}])

    async def test_all_frames_up_to_one(self):
        ann = await self.aconnect()
        for number in range(3):
            await ann.send_json({"n": number, "x": 0})
        frames = await ann.receive_until({"n": 1}, partial=True)
        self.assertEqual([frame["n"] for frame in frames], [0, 1])
        self.assertEqual(await ann.receive_json(), {"n": 2, "x": 0})

    async def test_tasks_and_groups_take_the_calls(self):
        ann = await self.aconnect()
        receiving = asyncio.create_task(ann.receive_json())
        await asyncio.gather(ann.send_json({"n": 1}))
        self.assertEqual(await receiving, {"n": 1})

    async def test_receives_at_the_same_time_are_served_in_order(self):
        ann = await self.aconnect()
        for number in range(4):
            await ann.send_json({"n": number})
        frames = await asyncio.gather(*(ann.receive_json() for _ in range(4)))
        self.assertEqual([frame["n"] for frame in frames], [0, 1, 2, 3])

    @not_explored
    async def test_receives_that_wait_are_served_in_order(self):
        ann = await self.aconnect()
        consumer = ann.consumer
        receives = [asyncio.create_task(ann.receive_json()) for _ in range(4)]
        with self.background(self.send_four):
            loop = asyncio.get_running_loop()
            sending = asyncio.to_thread(self.send_four, consumer, loop)
            frames, _ = await asyncio.gather(asyncio.gather(*receives), sending)
        self.assertEqual([frame["n"] for frame in frames], [0, 1, 2, 3])

    def send_four(self, consumer, loop):
        for number in range(4):
            sent = consumer.send_json({"n": number})
            asyncio.run_coroutine_threadsafe(sent, loop).result()

    async def test_one_that_is_cancelled_leaves_the_others_in_order(self):
        ann = await self.aconnect()
        receives = [asyncio.create_task(ann.receive_json()) for _ in range(3)]
        receives[0].cancel()
        for number in range(2):
            await ann.send_json({"n": number})
        frames = await asyncio.gather(*receives[1:])
        self.assertEqual([frame["n"] for frame in frames], [0, 1])

    @unittest.skipUnless(hasattr(asyncio, "TaskGroup"), "Python 3.11")
    async def test_a_task_group_takes_the_calls(self):
        ann, ben = await self.aconnect_many(2)
        async with asyncio.TaskGroup() as group:
            group.create_task(ann.send_json({"n": 1}))
            group.create_task(ben.send_json({"n": 2}))
        self.assertEqual(await ann.receive_json(), {"n": 1})
        self.assertEqual(await ben.receive_json(), {"n": 2})


class WaitingTests(SimpleWebsocketTestCase):
    ws_path = "/"
    application = RelayConsumer.as_asgi()

    async def test_timers_of_the_test_itself_do_not_count(self):
        ann = await self.aconnect()
        timer = asyncio.create_task(asyncio.sleep(600))
        with self.assertRaisesMessage(NoFrame, "the application is at rest."):
            await ann.receive_from(timeout=600)
        timer.cancel()

    async def test_timeouts_of_the_test_do_not_count_either(self):
        ann = await self.aconnect()
        with self.assertRaisesMessage(NoFrame, "the application is at rest."):
            await asyncio.wait_for(ann.receive_from(timeout=600), timeout=600)

    async def test_a_task_of_the_test_that_sleeps_may_bring_the_frame(self):
        ann = await self.aconnect()
        heard, _ = await asyncio.gather(ann.receive_from(), self.tell_later())
        self.assertEqual(heard, "later")
        task = asyncio.create_task(self.tell_later())
        self.assertFalse(await ann.receive_nothing(timeout=600))
        self.assertEqual(await ann.receive_from(), "later")
        await task

    async def test_a_receive_in_a_task_waits_while_the_test_sleeps(self):
        ann = await self.aconnect()
        task = asyncio.create_task(ann.receive_from())
        await self.tell_later()
        self.assertEqual(await task, "later")

    async def tell_later(self):
        await asyncio.sleep(0.01)
        await get_channel_layer().group_send("all", {"type": "tell", "text": "later"})

    @not_explored
    async def test_a_thread_may_bring_the_frame(self):
        ann = await self.aconnect()
        go = threading.Event()
        self.addCleanup(go.set)
        layer = get_channel_layer()

        def feed():
            go.wait()
            message = {"type": "tell", "text": "from a thread"}
            asyncio.run(layer.group_send("all", message))

        thread = threading.Thread(target=feed)
        thread.start()
        self.addCleanup(thread.join)
        asyncio.get_running_loop().call_later(0.01, go.set)
        self.assertEqual(await ann.receive_from(timeout=10), "from a thread")

    def test_a_thread_may_bring_the_frame_in_a_sync_test(self):
        ann = self.connect()
        layer = get_channel_layer()
        message = {"type": "tell", "text": "from a thread"}
        timer = threading.Timer(
            0.01, lambda: asyncio.run(layer.group_send("all", message))
        )
        timer.start()
        self.addCleanup(timer.join)
        self.assertEqual(ann.receive_text(timeout=10), "from a thread")


class BareApplicationTests(SimpleWebsocketTestCase):
    async def test_a_consumer_of_the_lowest_kind(self):
        class Consumer(AsyncConsumer):
            async def websocket_connect(self, event):
                await self.send({"type": "websocket.accept"})
                await self.send({"type": "websocket.send", "text": "hello"})

        communicator = WebsocketCommunicator(Consumer.as_asgi(), "/")
        await communicator.connect()
        self.assertEqual(await communicator.receive_from(), "hello")
        communicator.stop()


class LabelTests(SimpleWebsocketTestCase):
    async def test_failures_call_it_by_the_label_of_a_subclass(self):
        class Named(WebsocketCommunicator):
            label = "the phone"

        communicator = Named(EchoConsumer.as_asgi(), "/")
        await communicator.connect()
        with self.assertRaises(NoFrame) as caught:
            await communicator.receive_text(timeout=0)
        self.assertIn("No text frame from the phone: ", str(caught.exception))
        self.assertIn("Transcript of the phone ", str(caught.exception))
