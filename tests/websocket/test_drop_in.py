"""What suites for ``channels.testing`` rely on, with one import changed."""

from __future__ import annotations

import asyncio
import math
from typing import ClassVar
from unittest import mock

from channels.consumer import AsyncConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase
from django.urls import path

from channels_testkit import (
    ApplicationCommunicator,
    HttpCommunicator,
    NoFrame,
    NoRoute,
    ProtocolError,
    SimpleWebsocketTestCase,
    WebsocketCommunicator,
)
from channels_testkit.engine import private
from tests.utils import run_case

# What subclasses do.


class Echo(AsyncWebsocketConsumer):
    groups: ClassVar[list[str]] = ["echo"]
    codes: ClassVar[list[int]] = []

    async def receive(self, text_data=None, bytes_data=None):
        if text_data == "raise":
            raise ValueError("asked for")
        if text_data == "bye":
            await self.close(code=4003)
        elif text_data == "1011":
            await self.close(code=1011)
        else:
            await self.send(text_data=text_data, bytes_data=bytes_data)

    async def disconnect(self, code):
        self.codes.append(code)


ECHO = Echo.as_asgi()
OURS = (
    *("_driver", "channel_name", "consumer", "frames", "groups", "instance"),
    *("label", "response_headers", "transcript", "connected", "state", "run"),
)


class WithAttributes(WebsocketCommunicator):
    """Has attributes of its own, some by names that the package uses."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        for name in OURS:
            setattr(self, name, name.upper())


class Recording:
    """Records what goes through the three calls that others are made of."""

    def __init__(self, *args, **options):
        self.calls = []
        super().__init__(*args, **options)

    async def send_input(self, message):
        self.calls.append(message["type"])
        await super().send_input(message)

    async def receive_output(self, timeout=1):
        event = await super().receive_output(timeout)
        self.calls.append(event["type"])
        return event

    async def wait(self, timeout=1):
        self.calls.append("wait")
        await super().wait(timeout)


class Recorded(Recording, WebsocketCommunicator):
    pass


class RecordedRequest(Recording, HttpCommunicator):
    pass


class OfQueues(WebsocketCommunicator):
    """Receives as asgiref's communicator does, by its future and its queue."""

    async def receive_output(self, timeout=1):
        if self.future.done():
            self.future.result()
        return await asyncio.wait_for(self.output_queue.get(), timeout)


class OfItsOwnAnswer(WebsocketCommunicator):
    async def receive_output(self, timeout=1):
        event = await super().receive_output(timeout)
        return {**event, "subprotocol": "changed", "headers": [(b"a", b"b")]}


class Shouting(WebsocketCommunicator):
    async def send_to(self, text_data=None, bytes_data=None):
        await super().send_to(text_data=text_data.upper())

    async def receive_from(self, timeout=1):
        return (await super().receive_from(timeout)).lower()


class SubclassTests(SimpleWebsocketTestCase):
    async def test_attributes_may_have_any_name(self):
        communicator = WithAttributes(ECHO, "/")
        self.assertTrue((await communicator.connect())[0])
        await communicator.send_json_to({"n": 1})
        self.assertEqual(await communicator.receive_json_from(), {"n": 1})
        with self.assertRaisesMessage(NoFrame, "No frame from LABEL"):
            await communicator.receive_from()
        await communicator.disconnect()
        for name in OURS:
            self.assertEqual(getattr(communicator, name), name.upper())

    async def test_an_attribute_can_be_taken_away_again(self):
        communicator = WithAttributes(ECHO, "/")
        await communicator.connect()
        del communicator.groups
        self.assertEqual(communicator.groups, ["echo"])

    async def test_a_label_that_is_no_text_is_not_shown(self):
        communicator = WebsocketCommunicator(ECHO, "/")
        communicator.label = 7
        self.assertEqual(repr(communicator), "<WebsocketCommunicator /: new>")

    async def test_the_other_calls_use_what_is_overridden(self):
        communicator = Recorded(ECHO, "/")
        await communicator.connect()
        await communicator.send_to(text_data="one")
        await communicator.receive_from()
        await communicator.send_json_to({"n": 1})
        await communicator.receive_json_from()
        await communicator.send_text("two")
        await communicator.receive_text()
        await communicator.send_json_to([3])
        self.assertEqual(await communicator.receive_all_json(), [[3]])
        await communicator.disconnect()
        sent_and_received = ["websocket.receive", "websocket.send"]
        self.assertEqual(
            communicator.calls,
            [
                *("websocket.connect", "websocket.accept"),
                *(4 * sent_and_received),
                *("websocket.disconnect", "wait"),
            ],
        )

    async def test_after_a_close_only_the_end_is_waited_for(self):
        communicator = Recorded(ECHO, "/")
        await communicator.connect()
        await communicator.send_to(text_data="bye")
        with self.assertRaisesMessage(AssertionError, "closed the connection"):
            await communicator.receive_from()
        await communicator.disconnect()
        self.assertEqual(communicator.calls[-2:], ["websocket.close", "wait"])

    async def test_a_patch_of_an_instance_counts_as_well(self):
        communicator = WebsocketCommunicator(ECHO, "/")
        given = []

        async def send_input(message):
            given.append(message["type"])
            await WebsocketCommunicator.send_input(communicator, message)

        communicator.send_input = send_input
        await communicator.connect()
        self.assertEqual(given, ["websocket.connect"])

    async def test_1006_is_a_lost_connection(self):
        for kind in (WebsocketCommunicator, Recorded):
            Echo.codes.clear()
            communicator = kind(ECHO, "/")
            await communicator.connect()
            await communicator.disconnect(code=1006)
            await communicator.disconnect(code=1006)
            self.assertEqual(Echo.codes, [1006])

    async def test_an_override_is_given_the_code_and_the_reason(self):
        communicator = WebsocketCommunicator(ECHO, "/")
        await communicator.connect()
        given = []

        async def send_input(message):
            given.append(message)
            await WebsocketCommunicator.send_input(communicator, message)

        communicator.send_input = send_input
        await communicator.disconnect(4000, 1, reason="enough")
        event = {"type": "websocket.disconnect", "code": 4000, "reason": "enough"}
        self.assertEqual(given, [event])

    async def test_an_override_may_use_the_queue_and_the_future(self):
        communicator = OfQueues(ECHO, "/")
        self.assertTrue((await communicator.connect())[0])
        await communicator.send_to(text_data="hello")
        self.assertEqual(await communicator.receive_from(), "hello")
        await communicator.send_to(text_data="raise")
        with self.assertRaisesMessage(ValueError, "asked for"):
            await communicator.receive_from()
        # It was seen: neither this call raises it nor the end of the test.
        await communicator.wait()

    def test_an_exception_that_is_only_heard_of_is_raised_at_the_end(self):
        class Inner(SimpleWebsocketTestCase):
            async def test(self):
                communicator = WebsocketCommunicator(ECHO, "/")
                await communicator.connect()
                await communicator.send_to(text_data="raise")
                assert communicator.future.done()

        self.assertEqual(run_case(Inner).texts, ["asked for"])

    async def test_the_answer_to_a_handshake_is_what_an_override_returns(self):
        communicator = OfItsOwnAnswer(ECHO, "/")
        handshake = await communicator.connect()
        self.assertEqual(handshake, (True, "changed"))
        self.assertEqual(communicator.response_headers, [(b"a", b"b")])
        refused = WebsocketCommunicator(ECHO, "/")
        answer = {"type": "websocket.close", "code": 4000}
        refused.receive_output = mock.AsyncMock(return_value=answer)
        self.assertEqual(await refused.connect(), (False, 4000))

    async def test_json_goes_through_the_calls_for_text(self):
        communicator = Shouting(ECHO, "/")
        await communicator.connect()
        await communicator.send_json_to({"say": "Hello"})
        self.assertEqual(await communicator.receive_json_from(), {"say": "hello"})
        self.assertEqual(communicator.frames, ['{"SAY": "HELLO"}'])

    async def test_requests_use_what_is_overridden(self):
        class Answer(AsyncHttpConsumer):
            async def handle(self, body):
                await self.send_response(200, body)

        communicator = RecordedRequest(Answer.as_asgi(), "POST", "/", b"hello")
        response = await communicator.get_response()
        self.assertEqual(response["body"], b"hello")
        self.assertEqual(
            communicator.calls,
            ["http.request", "http.response.start", "http.response.body"],
        )


class AttributeTests(SimpleWebsocketTestCase):
    async def test_application_future_and_queues(self):
        communicator = WebsocketCommunicator(ECHO, "/")
        self.assertIs(communicator.application, ECHO)
        await communicator.connect()
        self.assertFalse(communicator.future.done())
        self.assertIs(communicator.instance, communicator.consumer)
        event = {"type": "websocket.receive", "text": "hello"}
        await communicator.input_queue.put(event)
        self.assertEqual((await communicator.output_queue.get())["text"], "hello")
        self.assertTrue(communicator.output_queue.empty())
        communicator.input_queue.put_nowait(event)
        await self.asettle()
        self.assertEqual(communicator.output_queue.qsize(), 1)
        self.assertEqual(await communicator.receive_from(), "hello")
        self.assertEqual(len(communicator.transcript.entries), 6)
        await communicator.disconnect()
        self.assertTrue(communicator.future.done())

    async def test_before_connect(self):
        communicator = WebsocketCommunicator(ECHO, "/")
        for name in ("future", "input_queue", "output_queue"):
            text = f"{name} before connect(): open the connection first"
            with self.assertRaisesMessage(RuntimeError, text):
                getattr(communicator, name)
        # A tearDown() may leave all communicators, also those not used.
        await communicator.disconnect()
        self.assertTrue((await communicator.connect()).accepted)

    async def test_the_scope_can_be_replaced_before_connect(self):
        communicator = WebsocketCommunicator(ECHO, "/")
        communicator.scope = {**communicator.scope, "user": "ann"}
        await communicator.connect()
        self.assertEqual(communicator.scope["user"], "ann")
        text = "The scope of / is given before its application starts"
        with self.assertRaisesMessage(RuntimeError, text):
            communicator.scope = {}

    async def test_it_is_an_application_communicator(self):
        self.assertTrue(issubclass(WebsocketCommunicator, ApplicationCommunicator))
        self.assertTrue(issubclass(HttpCommunicator, ApplicationCommunicator))

    async def test_the_body_of_a_request(self):
        class Answer(AsyncHttpConsumer):
            async def handle(self, body):
                length = dict(self.scope["headers"])[b"content-length"]
                await self.send_response(200, length + b" " + body)

        communicator = HttpCommunicator(Answer.as_asgi(), "POST", "/", b"a")
        self.assertEqual(communicator.body, b"a")
        communicator.body = b"hello"
        self.assertFalse(communicator.sent_request)
        response = await communicator.get_response()
        self.assertEqual(response["body"], b"5 hello")
        self.assertTrue(communicator.sent_request)
        self.assertEqual(communicator.body, b"5 hello")
        with self.assertRaisesMessage(RuntimeError, "before the request is sent"):
            communicator.body = b"again"


# Where exceptions come out, and what one connection allows.


class ExceptionTests(SimpleWebsocketTestCase):
    async def crashed(self):
        communicator = WebsocketCommunicator(ECHO, "/")
        await communicator.connect()
        await communicator.send_to(text_data="raise")
        return communicator

    async def test_the_next_call_raises_it(self):
        event = {"type": "websocket.receive", "text": "again"}
        for name, arguments in (
            *((name, ()) for name in ("receive_from", "receive_output", "wait")),
            *((name, ()) for name in ("receive_nothing", "disconnect")),
            *(("send_input", (event,)), ("send_to", ("again",))),
            *(("send_json_to", ({},)), ("send_bytes", (b"again",))),
        ):
            with self.subTest(name):
                communicator = await self.crashed()
                with self.assertRaisesMessage(ValueError, "asked for"):
                    await getattr(communicator, name)(*arguments)

    async def test_it_is_raised_once_and_told_in_words_after_that(self):
        communicator = await self.crashed()
        with self.assertRaisesMessage(ValueError, "asked for"):
            await communicator.send_to(text_data="again")
        with self.assertRaisesMessage(NoFrame, "its application raised ValueError"):
            await communicator.receive_from()
        with self.assertRaisesMessage(RuntimeError, "application raised ValueError"):
            await communicator.send_to(text_data="again")
        await communicator.wait()
        await communicator.disconnect()

    async def test_the_next_chunk_of_a_request_raises_it(self):
        async def reads_one(scope, receive, send):
            await receive()
            raise ValueError("asked for")

        request = HttpCommunicator(reads_one, "POST", "/", more_body=True)
        await request.send_chunk(b"one")
        with self.assertRaisesMessage(ValueError, "asked for"):
            await request.send_chunk(b"two")

    async def test_what_others_do_meanwhile_does_not_raise_it(self):
        communicator = await self.crashed()
        ben = await self.aconnect("/", application=ECHO)
        await ben.send_text("hello")
        self.assertEqual(await ben.receive_text(), "hello")
        with self.assertRaisesMessage(ValueError, "asked for"):
            await communicator.wait()

    async def test_one_of_a_handler_of_messages(self):
        communicator = WebsocketCommunicator(ECHO, "/")
        await communicator.connect()
        await self.channel_layer.group_send("echo", {"type": "unknown"})
        with self.assertRaisesMessage(ValueError, "No handler for message type"):
            await communicator.receive_from()

    async def test_an_assertion_about_the_connection_raises_it(self):
        communicator = await self.crashed()
        with self.assertRaisesMessage(ValueError, "asked for"):
            self.assertReceivesText(communicator, "hello")

    async def test_a_connection_of_the_test_case_raises_it_at_once(self):
        ann = await self.aconnect("/", application=ECHO)
        with self.assertRaisesMessage(ValueError, "asked for"):
            await ann.send_to(text_data="raise")

    def test_the_end_of_the_test_raises_it(self):
        class Inner(SimpleWebsocketTestCase):
            async def test(self):
                communicator = WebsocketCommunicator(ECHO, "/")
                await communicator.connect()
                await communicator.send_to(text_data="raise")

        self.assertEqual(run_case(Inner).texts, ["asked for"])

    def test_a_block_that_expects_it_has_it(self):
        class Inner(SimpleWebsocketTestCase):
            async def test(self):
                communicator = WebsocketCommunicator(ECHO, "/")
                await communicator.connect()
                with self.assertApplicationRaises(ValueError):
                    await communicator.send_to(text_data="raise")

        self.assertEqual(run_case(Inner).texts, [])

    async def test_no_route_is_a_value_error_too(self):
        router = URLRouter([path("ws/echo/", ECHO)])
        communicator = WebsocketCommunicator(router, "/ws/nowhere/")
        with self.assertRaisesRegex(ValueError, "No route found for path") as caught:
            await communicator.connect()
        self.assertIsInstance(caught.exception, (NoRoute, AssertionError))
        self.assertIn("The routes are:\n  /ws/echo/", str(caught.exception))

    async def test_no_websocket_route_is_a_value_error_too(self):
        router = ProtocolTypeRouter({"http": ECHO})
        for error in (ValueError, ImproperlyConfigured):
            communicator = WebsocketCommunicator(router, "/")
            with self.assertRaisesMessage(error, "has no websocket route"):
                await communicator.connect()

    async def test_no_route_inside_of_something_that_is_no_router(self):
        inner = URLRouter([path("ws/echo/", ECHO)])

        async def outer(scope, receive, send):
            await inner(scope, receive, send)

        communicator = WebsocketCommunicator(outer, "/ws/nowhere/")
        with self.assertRaises(NoRoute) as caught:
            await communicator.connect()
        text = "No route found for path 'ws/nowhere/'."
        self.assertEqual(str(caught.exception), text)


class PolicyTests(SimpleWebsocketTestCase):
    async def test_a_breach_is_allowed_on_one_connection(self):
        allowed = WebsocketCommunicator(ECHO, "/", check_protocol=["close-code"])
        other = WebsocketCommunicator(ECHO, "/")
        for communicator in (allowed, other):
            await communicator.connect()
        await allowed.send_to(text_data="1011")
        self.assertClosed(allowed, code=1011)
        with self.assertRaisesMessage(ProtocolError, "give this connection"):
            await other.send_to(text_data="1011")

    async def test_so_it_is_on_connections_of_the_test_case(self):
        ann = await self.aconnect("/", application=ECHO, check_protocol="off")
        await ann.send_text("1011")
        self.assertClosed(ann, code=1011)

    async def test_exceptions_of_one_application_are_left_alone(self):
        communicator = WebsocketCommunicator(ECHO, "/", application_errors="off")
        await communicator.connect()
        await communicator.send_to(text_data="raise")
        with self.assertRaisesMessage(NoFrame, "its application raised ValueError"):
            await communicator.receive_from()

    async def test_how_long_one_waits(self):
        async def late(scope, receive, send):
            await receive()
            await send({"type": "websocket.accept"})
            await asyncio.sleep(600)

        communicator = WebsocketCommunicator(late, "/", receive_timeout=0)
        await communicator.connect()
        with self.assertRaisesMessage(NoFrame, "No frame from / within 0 s"):
            await communicator.receive_from()
        communicator.stop()

    def test_what_means_nothing_is_refused(self):
        for options, text in (
            ({"check_protocol": "never"}, "check_protocol= is one of 'fail', 'warn'"),
            ({"check_protocol": ["typo"]}, "check_protocol= allows 'typo', but"),
            ({"receive_timeout": "1"}, "receive_timeout= is a number of seconds, not"),
            ({"receive_timeout": math.nan}, "is a number of seconds, not nan"),
            ({"application_errors": "no"}, "application_errors= is one of"),
        ):
            with self.assertRaisesMessage(ImproperlyConfigured, text):
                WebsocketCommunicator(ECHO, "/", **options)
            with self.assertRaisesMessage(ImproperlyConfigured, text):
                HttpCommunicator(ECHO, "GET", "/", **options)

    async def test_what_is_no_event_or_scope_is_refused(self):
        communicator = WebsocketCommunicator(ECHO, "/")
        for event in (None, "websocket.connect", {"text": "hello"}):
            text = f"An event is a dict with a 'type', not {event!r}."
            with self.assertRaisesMessage(TypeError, text):
                await communicator.send_input(event)
        for scope in (None, "/"):
            text = f"A scope is a dict, not {scope!r}."
            with self.assertRaisesMessage(TypeError, text):
                ApplicationCommunicator(ECHO, scope)

    async def test_a_stubborn_client_sends_after_the_close(self):
        heard = []

        async def open_ended(scope, receive, send):
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 4003})
            while (event := await receive())["type"] != "websocket.receive":
                heard.append(event["type"])
            heard.append(event["text"])

        communicator = WebsocketCommunicator(open_ended, "/")
        await communicator.connect()
        with self.assertRaisesMessage(RuntimeError, "sends anyway, use send_input("):
            await communicator.send_to(text_data="anybody there?")
        event = {"type": "websocket.receive", "text": "anybody there?"}
        await communicator.send_input(event)
        self.assertEqual(heard, ["websocket.disconnect", "anybody there?"])


class AnyApplicationTests(SimpleWebsocketTestCase):
    class Consumer(AsyncConsumer):
        async def ask(self, message):
            if message.get("raise"):
                raise ValueError("asked for")
            await self.send({"type": "answer", "kind": self.scope["type"]})

    def made(self, **scope):
        return ApplicationCommunicator(self.Consumer.as_asgi(), scope)

    async def test_it_begins_with_the_first_call(self):
        communicator = self.made(type="channel")
        self.assertEqual(repr(communicator), _repr("new"))
        self.assertFalse(communicator.future.done())
        self.assertEqual(repr(communicator), _repr("open"))
        await communicator.send_input({"type": "ask"})
        answer = await communicator.receive_output(timeout=3)
        self.assertEqual(answer, {"type": "answer", "kind": "channel"})
        self.assertTrue(await communicator.receive_nothing())
        communicator.stop()
        await communicator.wait()
        self.assertEqual(repr(communicator), _repr("ended"))

    async def test_its_exception_comes_out_of_the_next_call(self):
        communicator = self.made(type="channel")
        await communicator.send_input({"type": "ask", "raise": True})
        with self.assertRaisesMessage(ValueError, "asked for"):
            await communicator.receive_output()

    async def test_nothing_comes(self):
        text = "No event from the 'channel' application: the application is at rest."
        with self.assertRaisesMessage(NoFrame, text):
            await self.made(type="channel").receive_output()

    async def test_waiting_for_an_end_that_does_not_come(self):
        text = (
            "No end of the application from the 'channel' application: the application"
            " is at rest.\n\nAn application runs until it returns or raises"
            " StopConsumer. Every call returns when the application has done its work,"
            " so you need not wait; stop() ends it."
        )
        worker = self.made(type="channel")
        with self.assertRaisesMessage(NoFrame, text):
            await worker.wait()
        # It was left running.
        await worker.send_input({"type": "ask"})
        self.assertEqual((await worker.receive_output())["type"], "answer")

    def test_one_that_has_no_end_is_cancelled_in_silence(self):
        class Inner(SimpleWebsocketTestCase):
            check_leaks = "fail"

            async def test(inner):
                await self.made(type="channel").send_input({"type": "ask"})

        self.assertEqual(run_case(Inner).texts, [])

    def test_one_of_a_client_is_told_that_it_has_gone(self):
        Echo.codes.clear()

        class Inner(SimpleWebsocketTestCase):
            async def test(self):
                communicator = ApplicationCommunicator(
                    ECHO, {"type": "websocket", "path": "/ws/"}
                )
                self.assertEqual(communicator.label, "/ws/")
                await communicator.send_input({"type": "websocket.connect"})

        self.assertEqual(run_case(Inner).texts, [])
        self.assertEqual(Echo.codes, [1000])


def _repr(state: str) -> str:
    return f"<ApplicationCommunicator the 'channel' application: {state}>"


class WithoutRunTests(SimpleTestCase):
    async def test_it_is_all_there_in_djangos_own_test_case(self):
        communicator = Recorded(ECHO, "/", check_protocol="off")
        await communicator.connect()
        await communicator.send_to(text_data="raise")
        with self.assertRaisesMessage(ValueError, "asked for"):
            await communicator.receive_from()
        worker = ApplicationCommunicator(ECHO, {"type": "channel"})
        self.assertTrue(await worker.receive_nothing())
        worker.stop()

    async def test_what_nobody_is_told_is_left_for_asyncio_to_log(self):
        communicator = WebsocketCommunicator(ECHO, "/")
        await communicator.connect()
        await communicator.send_to(text_data="raise")
        self.assertTrue(private.is_unretrieved(communicator.future))
        with self.assertRaisesMessage(ValueError, "asked for"):
            await communicator.wait()
        self.assertFalse(private.is_unretrieved(communicator.future))
