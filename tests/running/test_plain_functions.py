"""The run of a test that is a function: no test case, nothing private."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import time
from typing import Any, ClassVar

from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase

from channels_testkit import HangError, WebsocketCommunicator, WSClient, apply_routes
from channels_testkit.assertions.methods import TestMethods
from channels_testkit.running.options import RunOptions
from channels_testkit.running.run import TestRun, current


class EchoConsumer(AsyncJsonWebsocketConsumer):
    left: ClassVar[list[int]] = []

    async def receive_json(self, content: Any, **options: Any) -> None:
        if content == "raise":
            raise ValueError("asked for")
        await self.send_json(content)

    async def disconnect(self, code: int) -> None:
        self.left.append(code)


class Mailer(AsyncConsumer):
    async def deliver(self, message: dict[str, Any]) -> None:
        mailed = {"type": "mailed", "to": message["to"]}
        await self.channel_layer.group_send("mailed", mailed)


ECHO: Any = EchoConsumer.as_asgi()


class RunTests(SimpleTestCase):
    def setUp(self) -> None:
        EchoConsumer.left = []

    def test_a_function_begins_connects_fails_and_tears_down(self) -> None:
        def run_a_test() -> tuple[AssertionError, list[BaseException]]:
            test = TestMethods(application=ECHO, ws_path="/")
            test.run.begin()
            try:
                ann = test.connect()
                ann.send_json({"say": "hello"})
                test.assertReceivesJson(ann, {"say": "hullo"})
            except AssertionError as failure:
                return failure, test.run.end()
            raise LookupError("it passed")

        layer = get_channel_layer()
        failure, findings = run_a_test()
        self.assertEqual(
            str(failure).partition("\n")[0],
            "JSON frame from / differs at 'say': expected 'hullo', received 'hello'.",
        )
        self.assertEqual(findings, [])
        self.assertEqual(EchoConsumer.left, [1000])
        self.assertIsNone(current())
        self.assertIs(get_channel_layer(), layer)

    def test_a_hang_at_the_end_is_told(self) -> None:
        class StuckConsumer(AsyncJsonWebsocketConsumer):
            async def disconnect(self, code: int) -> None:
                time.sleep(2)  # noqa: ASYNC251 - what must not be

        test = TestMethods(application=StuckConsumer.as_asgi(), hang_timeout=0.1)
        test.run.begin()
        test.connect("/")
        with contextlib.redirect_stderr(io.StringIO()):
            told = test.run.end()
        self.assertEqual(list(map(type, told)), [HangError])

    def test_what_is_opened_registers_without_the_methods(self) -> None:
        run = TestRun(RunOptions(get_application=lambda: ECHO))
        run.begin()
        client = WSClient("/")
        client.connect()
        self.assertEqual([opened.label for opened in run.opened.items], ["/"])
        self.assertEqual(run.end(), [])
        self.assertEqual(EchoConsumer.left, [1000])

    def test_a_coroutine_function_is_resumed_at_rest(self) -> None:
        async def a_test() -> object:
            async with WebsocketCommunicator(ECHO, "/") as ann:
                await ann.send_json({"say": "hello"})
                return await ann.receive_json()

        run = TestRun(RunOptions())
        run.begin()
        self.assertEqual(run.call_test_code(a_test), {"say": "hello"})
        self.assertEqual(run.end(), [])

    def test_what_no_call_has_raised_is_found_at_the_end(self) -> None:
        async def a_test() -> None:
            ann = WebsocketCommunicator(ECHO, "/")
            await ann.connect()
            ann.send_json("never awaited")

        run = TestRun(RunOptions(get_application=lambda: ECHO))
        run.begin()
        run.call_test_code(a_test)
        (finding,) = run.end()
        self.assertIn("but never awaited, so it did nothing", str(finding))

    def test_an_exception_of_the_application_is_raised_by_the_call(self) -> None:
        test = TestMethods(application=ECHO, ws_path="/")
        test.run.begin()
        ann = test.connect()
        with self.assertRaisesMessage(ValueError, "asked for"):
            ann.send_json("raise")
        self.assertEqual(test.run.end(), [])

    def test_workers_and_messages(self) -> None:
        test = TestMethods()
        test.run.begin()
        with apply_routes({"mails": Mailer.as_asgi()}), test.run_worker("mails"):
            work = test.channel_layer.send("mails", {"type": "deliver", "to": "ann"})
            test.run.run_work(work)
        test.assertGroupSent("mailed", {"to": "ann"}, partial=True)
        self.assertEqual(test.run.end(), [])

    def test_clean_ups_run_in_reverse_order_before_the_layers_go(self) -> None:
        steps: list[Any] = []
        run = TestRun(RunOptions())
        run.begin()
        for step in (1, 2):
            run.add_cleanup(lambda step=step: steps.append((step, current() is run)))
        self.assertEqual(run.end(), [])
        self.assertEqual(steps, [(2, True), (1, True)])

    def test_a_failure_of_the_methods_is_an_assertion_error(self) -> None:
        test = TestMethods()
        test.run.begin()
        self.addCleanup(test.run.end)
        with self.assertRaises(AssertionError) as caught:
            test.assertGroupSent("lobby")
        self.assertEqual(
            str(caught.exception).partition("\n")[0],
            "Nothing was sent to group 'lobby'.",
        )


class OptionTests(SimpleTestCase):
    def test_a_value_that_means_nothing_is_refused_and_leaves_nothing(self) -> None:
        run = TestRun(RunOptions(check_leaks="of"))
        with self.assertRaises(ImproperlyConfigured) as caught:
            run.begin()
        self.assertEqual(
            str(caught.exception),
            "RunOptions.check_leaks is one of 'fail', 'warn', 'off', not 'of'.",
        )
        self.assertIsNone(current())

    def test_an_unknown_option_is_a_type_error(self) -> None:
        with self.assertRaises(TypeError):
            RunOptions(check_leak="fail")  # type: ignore[call-arg]
        with self.assertRaisesMessage(TypeError, "A test has no attribute 'ws_pth'."):
            TestMethods(ws_pth="/")

    def test_attributes_and_options_have_the_same_defaults(self) -> None:
        said, options = TestMethods().run.options, RunOptions()
        for field in dataclasses.fields(RunOptions):
            if not field.name.startswith("get_") and field.name != "wire":
                with self.subTest(field.name):
                    value = getattr(said, field.name)
                    self.assertEqual(value, getattr(options, field.name))

    def test_attributes_that_change_count(self) -> None:
        test = TestMethods()
        test.receive_timeout = 3
        test.check_protocol = "off"
        self.assertEqual(test.run.receive_timeout, 3)
        self.assertTrue(test.run.allows_breach("close-code"))

    def test_an_attribute_that_means_nothing_is_refused(self) -> None:
        with self.assertRaises(ImproperlyConfigured) as caught:
            TestMethods(check_leaks="of").run.begin()
        self.assertEqual(
            str(caught.exception),
            "TestMethods.check_leaks is one of 'fail', 'warn', 'off', not 'of'.",
        )


class LifeTests(SimpleTestCase):
    """A run begins once and ends once."""

    def test_a_run_begins_once(self) -> None:
        run = TestRun(RunOptions())
        run.begin()
        with self.assertRaisesMessage(RuntimeError, "begin() on a run that has begun."):
            run.begin()
        self.assertEqual(run.end(), [])
        with self.assertRaisesMessage(RuntimeError, "begin() on a run that has ended."):
            run.begin()
        self.assertIsNone(current())

    def test_to_end_it_again_or_before_does_nothing(self) -> None:
        run = TestRun(RunOptions(get_application=lambda: ECHO))
        self.assertEqual(run.end(), [])
        run.begin()
        WSClient("/").connect()
        self.assertEqual(run.end(), [])
        self.assertEqual(run.end(), [])

    def test_clean_ups_may_be_coroutine_functions(self) -> None:
        steps: list[str] = []

        async def clean_up(step: str) -> None:
            steps.append(step)

        run = TestRun(RunOptions())
        run.begin()
        run.add_cleanup(clean_up, "done")
        self.assertEqual(run.end(), [])
        self.assertEqual(steps, ["done"])

    def test_each_connection_is_closed_and_each_error_told(self) -> None:
        class Rude(AsyncJsonWebsocketConsumer):
            async def disconnect(self, code: int) -> None:
                raise ValueError(f"bye {self.scope['path']}")

        rude: Any = Rude.as_asgi()
        test = TestMethods(application=rude)
        test.run.begin()
        for path in ("/a", "/b"):
            test.connect(path)
        self.assertEqual([str(e) for e in test.run.end()], ["bye /b", "bye /a"])

    def test_an_interrupt_at_the_end_leaves_nothing_in_place(self) -> None:
        def interrupt() -> None:
            raise KeyboardInterrupt

        run = TestRun(RunOptions())
        run.begin()
        run.add_cleanup(interrupt)
        with self.assertRaises(KeyboardInterrupt):
            run.end()
        self.assertIsNone(current())
