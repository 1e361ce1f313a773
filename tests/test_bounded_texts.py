"""
Texts of failures, which stay short however large the messages are.

Each call fails on values of several shapes, all of them far longer than a
text may be.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import pydantic
from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
)
from channels.routing import URLRouter
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase, override_settings
from django.urls import path

from channels_testkit import (
    Channel,
    ChannelClient,
    Group,
    HttpCommunicator,
    SimpleWebsocketTestCase,
    apply_routes,
)
from channels_testkit.contrib.pages import Page, PageClient
from tests.app.consumers import EchoConsumer

from .running.test_error_kinds import SMALL
from .running.test_leftovers import WatchedCase, WatchTestCase
from .utils import told_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What no text of a failure is longer than.
MOST = 20_000
#: How long the values are.
LENGTH = 60_000
#: How many things there are, where many are at fault.
MANY = 500


class Long:
    """Something whose ``repr()`` is long, and a predicate that never holds."""

    def __repr__(self) -> str:
        return "x" * LENGTH

    def __call__(self, value: object) -> bool:
        return False


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


VALUES: dict[str, Any] = {
    "a long text": "x" * LENGTH,
    "a long list": list(range(LENGTH // 8)),
    "many texts": ["x" * 100] * (LENGTH // 100),
    "a wide dict": {f"key{n}": n for n in range(LENGTH // 16)},
    "a long key": {"k" * LENGTH: 1},
    "a deep dict": nested(400),
    "long keys": nested(30) | {"k" * LENGTH: nested(300)},
}
NAMES = [f"name-{number:0>90}" for number in range(MANY)]


class Shape(pydantic.BaseModel):
    v: None


class Form(msgspec.Struct):
    v: None


class BoundedMixin:
    @contextlib.contextmanager
    def assertBounded(
        self, kind: type[BaseException] = AssertionError
    ) -> Iterator[Any]:
        with self.assertRaises(kind) as caught:  # type: ignore[attr-defined]
            yield caught
        self.assertIsShort(caught.exception)

    def assertIsShort(self, error: BaseException) -> None:
        text = told_with(error)
        self.assertLess(len(text), MOST)  # type: ignore[attr-defined]

    def assertAllBounded(
        self, *calls: Callable[[], Any], kind: type[BaseException] = AssertionError
    ) -> None:
        for number, call in enumerate(calls, 1):
            with self.subTest(call=number), self.assertBounded(kind):  # type: ignore[attr-defined]
                call()


class SayingConsumer(AsyncWebsocketConsumer):
    """Says what it hears, whatever that is."""

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(text_data=text_data)


class LayerTests(BoundedMixin, SimpleWebsocketTestCase):
    application = EchoConsumer.as_asgi()
    ws_path = "/"

    def test_a_large_message_was_sent(self) -> None:
        for name, value in VALUES.items():
            with self.subTest(name):
                Channel("jobs").send({"type": "job", "value": value})
                Group("lobby").send({"type": "job", "value": value})
                self.assertAllBounded(
                    partial(self.assertSent, "jobs", {"type": "other"}),
                    partial(self.assertSent, "jobs", count=100),
                    partial(self.assertGroupSent, "lobby", {"type": "other"}),
                    partial(self.assertGroupSent, "lobby", Long()),
                    partial(self.assertNothingSent),
                    partial(self.assertNothingGroupSent),
                    partial(self.assertSentInOrder, {"type": "other"}),
                    partial(
                        self.assertSentInOrder,
                        {"type": "job", "value": value},
                        {"type": "other"},
                    ),
                )

    def test_a_large_message_is_expected(self) -> None:
        Channel("jobs").send({"type": "job"})
        Group("lobby").send({"type": "job"})
        for name, value in VALUES.items():
            expected = {"type": "job", "value": value}
            with self.subTest(name):
                self.assertAllBounded(
                    partial(self.assertSent, "jobs", expected),
                    partial(self.assertSent, "jobs", expected, partial=True),
                    partial(self.assertGroupSent, "lobby", expected),
                    partial(self.assertSentInOrder, expected),
                    partial(self.assertSent, "none", expected),
                )

    def test_a_large_message_differs_in_its_end(self) -> None:
        text = "x" * LENGTH
        Channel("jobs").send({"type": "job", "value": [text, f"{text}a"]})
        self.assertAllBounded(
            partial(self.assertSent, "jobs", {"type": "job", "value": [text, text]})
        )

    def test_a_message_is_as_deep_as_a_layer_takes_it(self) -> None:
        message = {"type": "job", "value": nested(1_000)}
        Channel("jobs").send(message)
        self.assertSent("jobs", message)
        self.assertAllBounded(
            partial(self.assertSent, "jobs", {"type": "job", "value": nested(999)}),
            partial(self.assertSent, "jobs", {"type": "job"}),
            partial(self.assertSentInOrder, message, message),
            partial(self.assertNothingSent),
        )
        self.assertSent("jobs", {"type": "job"}, partial=True)
        self.assertIsNotNone(self.get_next_message("jobs"))

    def test_faults_of_large_messages(self) -> None:
        def send(count: int, **options: Any) -> None:
            with self.layer_faults(**options):
                for number in range(count):
                    message = {"type": f"{number}{'x' * LENGTH}", "value": value}
                    Channel("jobs").send(message)

        value = "x" * LENGTH
        self.assertAllBounded(
            partial(send, 1, lose=Long()),
            partial(send, 1, lose=1, group="yard" * LENGTH),
            partial(send, 20, duplicate=100),
        )
        with self.layer_faults(lose=1.0) as faults:
            for number in range(MANY):
                Channel("jobs").send({"type": f"{number}{'x' * 1_000}"})
        self.assertLess(len(str(faults)), MOST)

    def test_there_are_many_messages(self) -> None:
        for name in NAMES:
            Channel(name).send({"type": "job"})
            Group(name).send({"type": "job"})
        self.assertAllBounded(
            partial(self.assertSent, "jobs"),
            partial(self.assertSent, NAMES[0], {"type": "other"}),
            partial(self.assertGroupSent, "lobby"),
            partial(self.assertNothingSent),
            partial(self.assertNothingGroupSent),
            partial(self.assertSentInOrder, {"type": "other"}),
            partial(self.get_next_message, "jobs", require=True),
        )

    def test_there_are_many_groups_and_members(self) -> None:
        for name in NAMES:
            Group(name).add("ann")
            Group("lobby").add(name)
        self.assertAllBounded(
            partial(self.assertInGroup, "ann", "yard"),
            partial(self.assertInGroup, NAMES[0], "yard"),
            partial(self.assertGroupMembers, "lobby", []),
            partial(self.assertGroupMembers, "yard", NAMES),
            partial(self.assertInGroup, "ann" * LENGTH, "yard"),
            partial(self.assertInGroup, "ann", "yard" * LENGTH),
        )

    def test_many_groups_had_nobody_in_them(self) -> None:
        ann = self.connect()
        for number in range(100):
            Group(f"group-{number:0>90}").send({"type": "job"})
        for number in range(20):
            Group(f"read-{number:0>90}").send({"type": "job"})
            for name in NAMES[:30]:
                Group(f"read-{number:0>90}").add(name)
            Group(f"read-{number:0>90}").send({"type": "job"})
        self.assertAllBounded(partial(ann.receive_json))

    def test_arguments_are_large(self) -> None:
        for name, value in VALUES.items():
            with self.subTest(name):
                self.assertAllBounded(
                    partial(self.assertSent, {"v": value}, "jobs"),
                    partial(self.assertGroupSent, {"v": value}, "jobs"),
                    partial(self.assertInGroup, [value], "jobs"),
                    partial(self.assertReceivesJson, {"v": value}, 1),
                    partial(self.assertAllReceive, {"v": value}, [1]),
                    partial(self.assertSentInOrder, (1, value, 2)),
                    partial(self.assertSentInOrder, str(value)),
                    partial(self.get_next_message, [value]),
                    partial(self.connect_many, [value]),
                    partial(Group, [value]),  # type: ignore[arg-type]
                    partial(Channel("jobs").send, [value]),  # type: ignore[arg-type]
                    partial(self.connect, [value]),  # type: ignore[arg-type]
                    kind=TypeError,
                )

    def test_names_and_options_are_long(self) -> None:
        long = "x" * LENGTH
        self.assertAllBounded(
            partial(self.connect, **{long: 1}),  # type: ignore[arg-type]
            partial(self.connect, user=long),  # type: ignore[arg-type]
            partial(self.connect, client=long),  # type: ignore[arg-type]
            partial(self.connect, cookies=long),  # type: ignore[arg-type]
            partial(self.connect, cookies={long: None}),  # type: ignore[dict-item]
            partial(self.connect, cookies={"a": long.encode()}),  # type: ignore[dict-item]
            partial(self.connect, subprotocols=long),
            partial(self.connect, origin=[long]),  # type: ignore[arg-type]
            partial(self.connect, application=long),  # type: ignore[arg-type]
            partial(self.connect, headers=[long]),  # type: ignore[list-item]
            partial(Group(long).add, "ann"),
            partial(Group("lobby").add, long),
            partial(self.assertApplicationRaises, long),  # type: ignore[arg-type]
            kind=TypeError,
        )
        self.assertAllBounded(
            partial(self.connect, cookies={f"{long} ": "1"}),
            partial(self.connect, user=get_user_model()(username=long)),
            kind=ValueError,
        )
        self.assertAllBounded(
            partial(self.get_next_message, "jobs", alias=long),
            partial(self.connect, check_protocol=long),  # type: ignore[arg-type]
            kind=ImproperlyConfigured,
        )

    def test_a_value_that_no_layer_takes_is_at_a_long_path(self) -> None:
        value: Any = object()
        for _ in range(400):
            value = {"k" * 1_000: value}
        with self.assertBounded(TypeError):
            Channel("jobs").send({"type": "job", "value": value})


class SocketTests(BoundedMixin, SimpleWebsocketTestCase):
    application = EchoConsumer.as_asgi()
    ws_path = "/"

    def sent(self, value: object) -> Any:
        client = self.connect()
        client.send_json({"v": value})
        return client

    def test_a_large_frame_has_come(self) -> None:
        for name, value in VALUES.items():
            with self.subTest(name):
                self.assertAllBounded(
                    partial(self.assertReceivesJson, self.sent(value), {"v": 1}),
                    partial(
                        self.assertReceivesJson,
                        self.sent(value),
                        {"v": 1},
                        partial=True,
                    ),
                    partial(self.assertReceivesJson, self.sent(value), Long()),
                    partial(self.assertReceivesText, self.sent(value), "hello"),
                    partial(self.assertReceivesBytes, self.sent(value), b"hello"),
                    partial(self.assertReceivesNothing, self.sent(value)),
                    partial(self.assertAllReceive, [self.sent(value)], {"v": 1}),
                    partial(self.assertClosed, self.sent(value)),
                    partial(self.assertRejected, self.sent(value)),
                    partial(
                        self.assertAccepted, self.sent(value), subprotocol="x" * LENGTH
                    ),
                    partial(self.sent(value).receive_until, {"v": Long()}),
                )
                with self.assertBounded():
                    self.sent(value).assert_closed()

    def test_a_large_reply(self) -> None:
        for name, value in VALUES.items():
            with self.subTest(name):
                payload = {"v": value}
                self.assertAllBounded(
                    partial(self.connect().request, payload, reply={"v": 1}),
                    partial(self.connect().request, payload, reply=Long()),
                    partial(self.connect().request, payload, reply="hello"),
                    partial(self.sent(value).request, {}, reply=payload),
                    partial(self.connect().request, {}, reply=payload),
                )

    def test_a_large_frame_breaks_a_schema(self) -> None:
        def refuse(payload: Any) -> None:
            raise ValueError(str(payload))

        kinds = [{"properties": {"v": {"type": "null"}}}, Shape, Form, refuse]
        for name, value in VALUES.items():
            for schema in kinds:
                with self.subTest(name, schema=schema):
                    ann = self.connect(frame_schema=schema)
                    ben = self.connect(sent_frame_schema=schema)
                    payload = {"v": value, "\n" * LENGTH: 1}
                    self.assertAllBounded(
                        partial(ann.send_json, payload),
                        partial(ben.send_json, payload),
                        partial(ben.send_bytes, b"x" * LENGTH),
                    )

    def test_many_places_break_a_schema(self) -> None:
        schema = {"items": {"type": "null"}, "title": "x" * LENGTH}
        ann = self.connect(frame_schema=schema)
        with self.assertBounded():
            ann.send_json([1] * LENGTH)

    def test_what_is_given_as_a_schema_is_large(self) -> None:
        for given in ("x" * LENGTH, {"x" * LENGTH: 1, "type": "y" * LENGTH}):
            with self.assertBounded(ImproperlyConfigured):
                self.connect(frame_schema=given)

    def test_a_large_frame_is_expected(self) -> None:
        for name, value in VALUES.items():
            with self.subTest(name):
                self.assertAllBounded(
                    partial(self.assertReceivesJson, self.sent(1), {"v": value}),
                    partial(self.assertReceivesJson, self.sent(1), value),
                    partial(self.assertReceivesText, self.sent(1), str(value)),
                    partial(
                        self.assertReceivesBytes, self.sent(1), str(value).encode()
                    ),
                )
                with self.assertBounded():
                    self.assertReceivesJson(self.connect(), {"v": value})

    def test_a_deep_frame_differs(self) -> None:
        text = '{"a":' * 900 + "1" + "}" * 900
        ann = self.connect(application=SayingConsumer.as_asgi())
        for is_partial in (False, True):
            ann.send_text(text)
            with self.assertBounded():
                self.assertReceivesJson(ann, {"a": 1}, partial=is_partial)

    def test_large_payloads_differ_everywhere(self) -> None:
        ann = self.connect()
        ann.send_json([{"number": n, "name": f"{n:x}"} for n in range(5_000)])
        with self.assertBounded():
            self.assertReceivesJson(
                ann, [{"number": -n, "name": f"{n:o}"} for n in range(5_000)]
            )

    def test_payloads_are_too_large_for_a_diff(self) -> None:
        ann = self.connect()
        ann.send_json(list(range(30_000)))
        with self.assertBounded() as caught:
            self.assertReceivesJson(ann, [*range(29_999), "last"])
        paragraphs = str(caught.exception).split("\n\n")
        self.assertEqual(len(paragraphs), 3)
        self.assertIn(
            "differs at '[29999]': expected 'last', received 29999.", paragraphs[0]
        )

    def test_a_diff_begins_before_the_first_difference(self) -> None:
        ann = self.connect()
        ann.send_json(list(range(1_000)))
        with self.assertBounded() as caught:
            self.assertReceivesJson(ann, [*range(900), "x", *range(901, 1_000)])
        lines = str(caught.exception).split("\n\n")[2].splitlines()
        self.assertEqual(lines[:2], ["    ... 891 equal lines", "        890,"])
        self.assertEqual(lines[11:13], ['  -     "x",', "  +     900,"])

    def test_large_binary_frames(self) -> None:
        ann = self.connect()
        for _ in range(20):
            ann.send_bytes(b"x" * LENGTH)
        self.assertAllBounded(
            partial(self.assertReceivesBytes, ann, b"x" * LENGTH + b"y"),
            partial(self.assertReceivesText, ann, "x"),
            partial(self.assertReceivesJson, ann, {}),
        )

    def test_everything_about_the_connection_is_long(self) -> None:
        long = "x" * LENGTH
        ann = self.connect(
            f"/{long}/?q={long}",
            name=long,
            headers={"x-long": long},
            cookies={"c": long},
            subprotocols=[long],
            origin=f"http://{long}",
            remote_address=(long, 1),
        )
        self.assertAllBounded(
            partial(self.assertReceivesJson, ann, {}),
            partial(self.assertRejected, ann),
            partial(self.assertInGroup, ann, "lobby"),
            partial(self.assertAccepted, ann, subprotocol="v1"),
        )

    def test_a_refusal_is_long(self) -> None:
        class Refusing(AsyncConsumer):
            async def websocket_disconnect(self, event: Any) -> None:
                raise StopConsumer

            async def websocket_connect(self, event: Any) -> None:
                body = {"type": "websocket.http.response.body", "body": b"x" * LENGTH}
                start = {"type": "websocket.http.response.start", "status": 403}
                await self.send({**start, "headers": [(b"x", b"x" * LENGTH)] * 50})
                await self.send(body)

        long = "x" * LENGTH
        with self.assertBounded():
            self.connect(f"/{long}", application=Refusing.as_asgi(), name=long)

    def test_a_close_is_long(self) -> None:
        class Closing(AsyncJsonWebsocketConsumer):
            async def receive(self, *args: Any, **data: Any) -> None:
                await self.close(4000, reason="x" * LENGTH)

        options = {"application": Closing.as_asgi(), "check_protocol": "off"}
        ann = self.connect(**options)  # type: ignore[arg-type]
        ann.send_text("go")
        self.assertAllBounded(
            partial(self.assertReceivesJson, ann, {}),
            partial(self.assertOpen, ann),
            partial(self.assertClosed, ann, code=4001),
            partial(self.assertClosed, ann, reason="y" * LENGTH),
        )

    def test_no_route_leads_to_a_long_path(self) -> None:
        routes = [path(f"{name}/", EchoConsumer.as_asgi()) for name in NAMES]
        with self.assertBounded():
            self.connect(f"/{'x' * LENGTH}", application=URLRouter(routes))

    def test_many_subprotocols_are_offered(self) -> None:
        with self.assertBounded():
            self.connect(application=SayingConsumer.as_asgi(), subprotocols=NAMES)

    def test_breaches_are_long(self) -> None:
        class Breaking(AsyncConsumer):
            event: Any

            async def websocket_connect(self, event: Any) -> None:
                await self.send({"type": "websocket.accept"})

            async def websocket_receive(self, event: Any) -> None:
                await self.send(self.event)

        long = "x" * LENGTH
        for number, event in enumerate(
            (
                {"type": long},
                {long: 1},
                {"type": "websocket.send", "text": [long]},
                {"type": "websocket.send", "bytes": long},
                {"type": "websocket.send", "text": f"{long}\ud800"},
                {"type": "websocket.close", "code": long},
                {"type": "websocket.close", "code": 1000, "reason": long},
                {"type": "websocket.close", "code": 10**5_000},
                {"type": "websocket.send"},
            )
        ):
            with self.subTest(number):
                kind = type("Kind", (Breaking,), {"event": event})
                ann = self.connect(application=kind.as_asgi())
                with self.assertBounded():
                    ann.send_text("go")


class HttpTests(BoundedMixin, SimpleWebsocketTestCase):
    async def test_a_response_is_large(self) -> None:
        class Answering(AsyncHttpConsumer):
            async def handle(self, body: bytes) -> None:
                kind = [(b"content-type", b"x" * LENGTH)]
                await self.send_response(200, b"x" * LENGTH, headers=kind)

        request = HttpCommunicator(Answering.as_asgi(), "GET", f"/{'x' * LENGTH}")
        with self.assertBounded():
            await request.receive_event()

    async def test_a_response_never_ends(self) -> None:
        class Slow(AsyncHttpConsumer):
            async def handle(self, body: bytes) -> None:
                await self.send_headers(headers=[(b"x", b"x" * LENGTH)] * 10)
                for _ in range(50):
                    await self.send_body(b"x" * LENGTH, more_body=True)
                await asyncio.Event().wait()

        request = HttpCommunicator(Slow.as_asgi(), "GET", "/")
        with self.assertBounded():
            await request.get_response()
        request.stop()

    def test_arguments_are_large(self) -> None:
        request = HttpCommunicator(EchoConsumer.as_asgi(), "GET", "/")
        with self.assertBounded(TypeError):
            request.body = "x" * LENGTH  # type: ignore[assignment]


class WorkerTests(BoundedMixin, SimpleWebsocketTestCase):
    class Waiting(AsyncConsumer):
        async def wait(self, message: Any) -> None:
            await asyncio.Event().wait()

    async def test_messages_of_workers_are_large(self) -> None:
        routes = {name: self.Waiting.as_asgi() for name in NAMES[:200]}
        message = {"type": "wait", "value": "x" * LENGTH}
        with apply_routes(routes):
            client = ChannelClient()
            with self.assertBounded():
                await client.aconsume("jobs")
            await client.asend("jobs", message)
            with self.assertBounded():
                await client.aconsume("jobs")
            await client.asend(NAMES[0], message)
            with self.assertBounded():
                await client.aconsume(NAMES[0])
            with self.assertBounded():
                async with self.run_worker(NAMES[1]):
                    await Channel("jobs").asend(message)


class HugePage(Page):
    """A page whose state and frames are as large as its event says."""

    def event_frame(self, name: str, params: Any) -> object:
        return {"name": name, **params}

    def state(self, consumer: Any) -> Any:
        return {"value": VALUES["many texts"], **dict.fromkeys(NAMES, 1)}


class PageTests(BoundedMixin, SimpleWebsocketTestCase):
    def test_state_and_frames_are_large(self) -> None:
        page = PageClient(HugePage(), application=EchoConsumer.as_asgi())
        page.mount()
        page.send_event("x" * LENGTH, value=VALUES["many texts"])
        for name, value in VALUES.items():
            with self.subTest(name):
                self.assertAllBounded(
                    partial(page.assert_state, value=value, x=1),
                    partial(page.assert_state_contains, value=[value]),
                    partial(page.assert_state, **{"x" * LENGTH: 1}),
                    partial(page.assert_frame, {"v": value}),
                    partial(page.assert_no_frame, {"value": VALUES["many texts"]}),
                )


class FindingTests(BoundedMixin, WatchTestCase):
    """What is found at the end of a test."""

    def assertEndIsShort(self, case: type[Any], most: int) -> None:
        raised = self.run_watched(case).raised
        self.assertTrue(raised)
        self.assertLessEqual(len(raised), most)
        for error in raised:
            self.assertIsShort(error)

    def test_unread_frames(self) -> None:
        class Inner(WatchedCase):
            check_unread = "fail"

            def test_it(self) -> None:
                for number in range(50):
                    name = f"{chr(97 + number % 26)}" * LENGTH + str(number)
                    ann = self.connect(name=name)
                    for _ in range(3):
                        ann.send_text("x" * 10_000)

        self.assertEndIsShort(Inner, 1)

    def test_dropped_messages(self) -> None:
        class Inner(WatchedCase):
            check_dropped = "fail"

            def test_it(self) -> None:
                for name in NAMES[:200]:
                    Group("lobby").add(name)
                for _ in range(3):
                    Group("lobby").send({"type": "hello", "value": "x" * LENGTH})

        with override_settings(CHANNEL_LAYERS=SMALL):
            self.assertEndIsShort(Inner, 1)

    def test_leaks(self) -> None:
        async def linger() -> None:
            await asyncio.Event().wait()

        class Staying(AsyncJsonWebsocketConsumer):
            tasks: Any = []  # noqa: RUF012

            async def connect(self) -> None:
                for name in NAMES[:10]:
                    await self.channel_layer.group_add(name, self.channel_name)
                    task = asyncio.create_task(linger(), name=name * 100)
                    self.tasks.append(task)
                await self.accept()

        class Inner(WatchedCase):
            application = Staying.as_asgi()
            check_leaks = "fail"

            def test_it(self) -> None:
                for number in range(50):
                    self.connect(name=f"{chr(97 + number % 26)}" * LENGTH)

        self.assertEndIsShort(Inner, 1)

    def test_exceptions_of_many_tasks(self) -> None:
        async def fail(number: int) -> None:
            raise ValueError(f"no seat {number}")

        class Failing(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content: Any, **kwargs: Any) -> None:
                await asyncio.wait([asyncio.create_task(fail(n)) for n in range(500)])

        class Inner(WatchedCase):
            application = Failing.as_asgi()
            application_errors = "fail"

            def test_it(self) -> None:
                self.connect().send_json({})

        # One from the call, one when the client leaves, the others at the end.
        self.assertEndIsShort(Inner, 3)

    def test_a_test_that_nothing_can_wake(self) -> None:
        class Crowded(AsyncJsonWebsocketConsumer):
            async def connect(self) -> None:
                for name in NAMES[:500]:
                    await self.channel_layer.group_add(name, self.channel_name)
                    await self.channel_layer.send(name, {"type": "job"})
                self.tasks = [
                    asyncio.create_task(asyncio.Event().wait(), name=name * 100)
                    for name in NAMES
                ]
                await self.accept()

        class Inner(WatchedCase):
            application = Crowded.as_asgi()

            async def test_it(self) -> None:
                await self.aconnect()
                await asyncio.Event().wait()

        self.assertEndIsShort(Inner, 1)


class ValueTests(SimpleTestCase):
    def test_each_value_is_longer_than_a_text_may_be(self) -> None:
        for name, value in VALUES.items():
            with self.subTest(name):
                depth_counts = name == "a deep dict"
                self.assertTrue(depth_counts or len(repr(value)) > MOST)
