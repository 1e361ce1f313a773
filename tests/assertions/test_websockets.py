"""
Each assertion: it passes, it fails, it is misused, the consumer has crashed.

Its whole text is in docs/failures; here the verdict tells which one it was.
"""

from __future__ import annotations

import asyncio
import datetime
import threading
from typing import NamedTuple

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.test import SimpleTestCase

from channels_testkit import NoFrame, SimpleWebsocketTestCase
from channels_testkit.websocket.subjects import driver_of
from tests.app import asgi, failing
from tests.app.consumers import EchoConsumer
from tests.explored import not_explored
from tests.utils import run_case, timers_held


class SoonConsumer(AsyncJsonWebsocketConsumer):
    """Answers or closes after a hundredth of a second, or a fifth."""

    async def receive_json(self, content, **kwargs):
        await failing.asyncio.sleep(0.2 if content == "later" else 0.01)
        if content == "close":
            await self.close(code=4000)
        else:
            await self.send_json(content)


class RejectingConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self):
        await self.close(code=4401, reason="log in first")


class Case(NamedTuple):
    """An assertion, what is sent before, and calls that pass and fail."""

    name: str
    sent: list
    passes: tuple
    passing_options: dict
    fails: tuple
    failing_options: dict
    verdict: str
    result: object = None


HELLO = {"text": "hello", "n": 1}
CLOSE = {"close": 4403, "reason": "not a member"}
CASES = [
    Case(
        "assertReceivesJson",
        [HELLO],
        (HELLO,),
        {},
        ({"text": "hello"},),
        {},
        "JSON frame from /ws/echo/ differs at 'n': expected no such key, received 1.",
        HELLO,
    ),
    Case(
        "assertReceivesJson",
        [HELLO],
        ({"n": int},),
        {"partial": True},
        ({"n": 2},),
        {"partial": True},
        "JSON frame from /ws/echo/ differs at 'n': expected 2, received 1.",
        HELLO,
    ),
    Case(
        "assertReceivesText",
        ["hello"],
        ("hello",),
        {},
        ("hullo",),
        {},
        "The text frame from /ws/echo/ differs: expected 'hullo', received 'hello'.",
        "hello",
    ),
    Case(
        "assertReceivesBytes",
        [b"\x00"],
        (b"\x00",),
        {},
        (b"\x01",),
        {},
        "The binary frame from /ws/echo/ differs: expected b'\\x01', received b'\\x00'.",  # noqa: E501
        b"\x00",
    ),
    Case(
        "assertReceivesBytes",
        ["hello"],
        None,
        {},
        (b"\x01",),
        {},
        "/ws/echo/ sent a text frame where a binary frame was expected: 'hello'.",
    ),
    Case(
        "assertReceivesNothing",
        [],
        (),
        {},
        None,
        {},
        "",
    ),
    Case(
        "assertReceivesNothing",
        [b"\x00"],
        None,
        {},
        (),
        {},
        "/ws/echo/ received a binary frame where none was expected: b'\\x00'.",
    ),
    Case(
        "assertAccepted",
        [],
        (),
        {},
        (),
        {"subprotocol": "chat.v1"},
        "/ws/echo/ was accepted with subprotocol None, not 'chat.v1'.",
    ),
    Case("assertOpen", [], (), {}, None, {}, ""),
    Case(
        "assertOpen",
        [CLOSE],
        None,
        {},
        (),
        {},
        "/ws/echo/ is closed by the application (code 4403), and should be open.",
    ),
    Case(
        "assertClosed",
        [CLOSE],
        (),
        {"code": 4403, "reason": "not a member"},
        (),
        {"code": 4403, "reason": "banned"},
        "/ws/echo/ closed with reason 'not a member', not 'banned'.",
    ),
    Case(
        "assertClosed",
        [],
        None,
        {},
        (),
        {},
        "/ws/echo/ is open: the application has not closed it.",
    ),
    Case(
        "assertRejected",
        [],
        None,
        {},
        (),
        {},
        "/ws/echo/ was accepted, and should have been rejected.",
    ),
]


class FourWaysTests(SimpleTestCase):
    """Sync and async tests, client and communicator."""

    def test_passes(self):
        for case in CASES:
            if case.passes is not None:
                self.check(case, case.passes, case.passing_options, None)

    def test_fails(self):
        for case in CASES:
            if case.fails is not None:
                self.check(case, case.fails, case.failing_options, case.verdict)

    def test_fails_with_the_message_on_the_first_line(self):
        for case in CASES:
            if case.fails is not None:
                options = {**case.failing_options, "msg": "why"}
                self.check(
                    case, case.fails, options, f"{case.verdict.removesuffix('.')} : why"
                )

    def check(self, case, arguments, options, verdict):
        returned = []

        class Inner(SimpleWebsocketTestCase):
            application = asgi.websocket_application
            ws_path = "/ws/echo/"

            def judge(self, connection):
                method = getattr(self, case.name)
                returned.append(method(connection, *arguments, **options))

            def test_client(self):
                ann = self.connect()
                for payload in case.sent:
                    kind = {str: "text", bytes: "bytes"}.get(type(payload), "json")
                    getattr(ann, f"send_{kind}")(payload)
                self.judge(ann)

            async def test_async_client(self):
                ann = self.create_client()
                await ann.aconnect()
                for payload in case.sent:
                    kind = {str: "text", bytes: "bytes"}.get(type(payload), "json")
                    await getattr(ann, f"asend_{kind}")(payload)
                self.judge(ann)

            async def test_communicator(self):
                ann = await self.aconnect()
                for payload in case.sent:
                    kind = {str: "text", bytes: "bytes"}.get(type(payload), "json")
                    await getattr(ann, f"send_{kind}")(payload)
                self.judge(ann)

        with self.subTest(case.name, arguments=arguments, options=options):
            result = run_case(Inner)
            verdicts = [text.partition("\n")[0] for text in result.texts]
            self.assertEqual(verdicts, [verdict] * 3 if verdict else [])
            self.assertEqual(returned, [] if verdict else [case.result] * 3)
            for error in result.raised:
                self.assertIsInstance(error, AssertionError)

    def test_an_unconnected_one_is_a_misuse(self):
        class Inner(SimpleWebsocketTestCase):
            application = asgi.websocket_application
            ws_path = "/ws/echo/"

            def test(self):
                for case in CASES:
                    arguments = case.passes or case.fails or ()
                    for make in (self.create_client, self.create_communicator):
                        with self.subTest(case.name):
                            getattr(self, case.name)(make(), *arguments)

        result = run_case(Inner)
        self.assertEqual(len(result.raised), 2 * len(CASES))
        self.assertEqual(
            set(result.texts),
            {
                f"An assertion about a connection before connect(): write '{call}'"
                " first."
                for call in ("client.connect()", "await communicator.connect()")
            },
        )

    def test_something_else_is_a_misuse(self):
        class Inner(SimpleWebsocketTestCase):
            def test(self):
                for case in CASES:
                    with self.subTest(case.name):
                        getattr(self, case.name)(
                            "ann", *(case.passes or case.fails or ())
                        )

        result = run_case(Inner)
        found = "'ann' is not a client or communicator of the kit."
        for case, text in zip(CASES, result.texts, strict=True):
            expected = [
                "A connection is a client or a communicator of the kit, not 'ann'.",
                f"{case.name}(connection, expected): {found}",
            ]
            self.assertIn(text, expected)

    def test_a_crash_comes_out_instead_of_a_failure(self):
        """Where the test was told of it before, the verdict says so."""

        class Inner(SimpleWebsocketTestCase):
            application = EchoConsumer.as_asgi()
            ws_path = "/"
            case = None

            def test(self):
                ann = self.connect()
                with self.assertRaises(ValueError):
                    ann.send_json({"raise": "ValueError"})
                self.judge(ann)

            async def test_async(self):
                ann = await self.aconnect()
                with self.assertRaises(ValueError):
                    await ann.send_json({"raise": "ValueError"})
                self.judge(ann)

            def judge(self, connection):
                case = self.case
                getattr(self, case.name)(connection, *(case.passes or case.fails or ()))

        for case in CASES:
            if case.name in {"assertAccepted", "assertRejected"}:
                continue
            Inner.case = case
            with self.subTest(case.name):
                texts = run_case(Inner).texts
                self.assertEqual(len(texts), 2)
                for text in texts:
                    self.assertRegex(
                        text.partition("\n")[0],
                        "its application (raised ValueError|has ended)",
                    )

    def test_a_crash_that_nobody_was_told_of_is_raised_by_the_assertion(self):
        class Inner(SimpleWebsocketTestCase):
            application = EchoConsumer.as_asgi()
            ws_path = "/"

            def test(self):
                ann = self.connect()
                event = {"type": "websocket.receive", "text": '{"raise": "KeyError"}'}
                self._kit.bridge.loop.call_soon(driver_of(ann).connection.feed, event)
                self.assertReceivesJson(ann, {})

        (error,) = run_case(Inner).raised
        self.assertIsInstance(error, KeyError)


class EchoTestCase(SimpleWebsocketTestCase):
    application = asgi.websocket_application
    ws_path = "/ws/echo/"


class HandshakeTests(SimpleWebsocketTestCase):
    ws_path = "/"
    application = RejectingConsumer.as_asgi()

    def test_a_rejection_is_judged_by_code_and_reason(self):
        stranger = self.create_client()
        stranger.connect()
        self.assertRejected(stranger)
        self.assertRejected(stranger, code=4401, reason="log in first")
        for options, text in (
            ({"code": 4403}, "/ was rejected with code 4401, not 4403."),
            ({"reason": "no"}, "/ was rejected with reason 'log in first', not 'no'."),
            ({"status": 403}, "/ was rejected with status None, not 403."),
        ):
            with self.subTest(options), self.assertRaisesMessage(AssertionError, text):
                self.assertRejected(stranger, **options)

    def test_a_rejection_is_not_accepted(self):
        stranger = self.create_client()
        stranger.connect()
        text = "/ refused the handshake: close code 4401, reason 'log in first' : why"
        with self.assertRaisesMessage(AssertionError, text):
            self.assertAccepted(stranger, msg="why")

    def test_an_accepted_subprotocol(self):
        application = EchoConsumer.as_asgi()
        ann = self.connect(application=application, subprotocols=["chat.v1"])
        self.assertAccepted(ann, subprotocol="chat.v1")

    def test_without_an_answer_neither_holds(self):
        silent = self.create_client(application=failing.SilentConsumer.as_asgi())
        with self.assertRaises(NoFrame):
            silent.connect()
        for method in (self.assertAccepted, self.assertRejected):
            with self.subTest(method), self.assertRaises(NoFrame) as caught:
                method(silent)
            self.assertIn("No answer to the handshake from /", str(caught.exception))


class ExpectedTests(EchoTestCase):
    def test_values_are_normalized_as_they_are_sent(self):
        now = datetime.datetime(2026, 11, 20, tzinfo=datetime.timezone.utc)
        ann = self.connect()
        ann.send_json({"at": now})
        self.assertReceivesJson(ann, {"at": now})

    def test_frames_after_the_one_stay(self):
        ann = self.connect()
        ann.send_json({"n": 1})
        ann.send_json({"n": 2})
        self.assertReceivesJson(ann, {"n": 1})
        self.assertReceivesJson(ann, {"n": 2})
        self.assertReceivesNothing(ann)

    def test_a_payload_that_is_no_container_has_no_diff(self):
        ann = self.connect()
        ann.send_json([1])
        with self.assertRaises(AssertionError) as caught:
            self.assertReceivesJson(ann, 1)
        self.assertIn("Received: [1]\n\nTranscript of", str(caught.exception))

    def test_a_long_diff_is_cut(self):
        ann = self.connect()
        ann.send_json(list(range(500)))
        with self.assertRaises(AssertionError) as caught:
            self.assertReceivesJson(ann, [])
        self.assertLess(len(str(caught.exception).splitlines()), 80)


class WaitingTests(SimpleWebsocketTestCase):
    ws_path = "/"
    application = SoonConsumer.as_asgi()

    def test_a_sync_test_waits_for_a_timer(self):
        ann = self.connect()
        with timers_held(self._kit.bridge.loop):
            ann.send_json([1])
            self.assertReceivesNothing(ann)
        self.assertReceivesJson(ann, [1], timeout=5)

    def test_a_sync_test_waits_for_a_close(self):
        ann = self.connect()
        with timers_held(self._kit.bridge.loop):
            ann.send_json("close")
            self.assertOpen(ann)
        self.assertClosed(ann, code=4000)

    @not_explored
    async def test_an_async_test_judges_what_has_come(self):
        ann = await self.aconnect()
        with timers_held(asyncio.get_running_loop()):
            await ann.send_json([1])
            with self.assertRaises(NoFrame) as caught:
                self.assertReceivesJson(ann, [1])
        self.assertIn("await communicator.receive_json_from(", str(caught.exception))
        self.assertEqual(await ann.receive_json_from(timeout=5), [1])

    async def test_each_kind_of_frame_names_the_call_that_waits(self):
        client = self.create_client()
        await client.aconnect()
        communicator = await self.aconnect()
        for connection, name in (
            (client, "await client.areceive_"),
            (communicator, "await communicator.receive_"),
        ):
            # Something outside of the loop, so that waiting can help.
            done = threading.Event()
            thread = threading.Thread(target=done.wait)
            thread.start()
            for method, kind in (
                (self.assertReceivesText, "text"),
                (self.assertReceivesBytes, "bytes"),
                (self.assertReceivesJson, "json"),
            ):
                with self.subTest(method), self.assertRaises(NoFrame) as caught:
                    method(connection, "x")
                call = f"To wait for it, write '{name}{kind}"
                self.assertIn(call, str(caught.exception))
                self.assertIn("may still cause one.", str(caught.exception))
            done.set()
            thread.join()

    def test_nothing_within_waits_for_timers_that_are_due(self):
        ann = self.connect()
        ann.send_json("later")
        self.assertReceivesNothing(ann, within=0.001)
        with self.assertRaisesMessage(AssertionError, "received a text frame"):
            self.assertReceivesNothing(ann, within=5)

    async def test_nothing_within_has_a_twin_for_async_tests(self):
        ann = await self.aconnect()
        await ann.send_json("later")
        await self.aassertReceivesNothing(ann)
        await self.aassertReceivesNothing(ann, within=0.001)
        with self.assertRaisesMessage(AssertionError, "received a text frame"):
            await self.aassertReceivesNothing(ann, within=5, msg="why")
        with self.assertRaises(RuntimeError) as caught:
            self.assertReceivesNothing(ann, within=5)
        self.assertEqual(
            str(caught.exception),
            "A sync call in an async test: write 'await"
            " self.aassertReceivesNothing(...)'.",
        )

    def test_the_twin_that_is_not_awaited_is_told(self):
        class Inner(SimpleWebsocketTestCase):
            application = EchoConsumer.as_asgi()
            ws_path = "/"

            async def test(self):
                self.aassertReceivesNothing(await self.aconnect())

        (text,) = run_case(Inner).texts
        self.assertIn("but never awaited", text)


class ManyTests(SimpleWebsocketTestCase):
    application = asgi.websocket_application
    ws_path = "/ws/room/1/"

    def test_all_receive(self):
        ann, ben = self.connect_many(2)
        ann.send_json({"n": 1})
        self.assertEqual(self.assertAllReceive([ann, ben], {"n": int}), [{"n": 1}] * 2)

    def test_one_does_not(self):
        ann = self.connect(name="ann")
        cal = self.connect("/ws/room/2/", name="cal")
        ann.send_json({"n": 1})
        with self.assertRaisesMessage(NoFrame, "No JSON frame from cal (/ws/room/2/)"):
            self.assertAllReceive([ann, cal], {"n": 1}, msg="why")

    def test_only_these_receive(self):
        ann, ben = self.connect_many(2)
        cal = self.connect("/ws/room/2/")
        cal.send_json({"n": 2})
        self.create_client()
        ann.send_json({"n": 1})
        self.assertEqual(len(self.assertOnlyReceive(iter([ann, ben]), {"n": 1})), 2)
        self.assertReceivesJson(cal, {"n": 2})

    def test_somebody_else_receives_as_well(self):
        ann, _ = self.connect_many(2)
        ann.send_json({"n": 1, "x": 0})
        text = (
            "connection 2 (/ws/room/1/) received a frame that only others should"
            " receive : why"
        )
        with self.assertRaisesMessage(AssertionError, text):
            self.assertOnlyReceive([ann], {"n": 1}, partial=True, msg="why")

    def test_frames_that_are_not_json_are_no_match(self):
        ann = self.connect()
        ben = self.connect("/ws/echo/")
        ben.send_bytes(b"\x00")
        ann.send_json({"n": 1})
        self.assertOnlyReceive([ann], {"n": 1})
        self.assertReceivesBytes(ben, b"\x00")

    async def test_in_an_async_test(self):
        ann, ben = await self.aconnect_many(2)
        await ann.send_json({"n": 1})
        self.assertOnlyReceive([ann, ben], {"n": 1})
