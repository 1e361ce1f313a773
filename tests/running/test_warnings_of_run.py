"""Where and how often a test is warned."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any
from unittest import mock

from django.test import SimpleTestCase, override_settings

from channels_testkit import ChannelsTestkitWarning, SimpleWebsocketTestCase
from channels_testkit.running.warnings_of_run import TestWarnings
from channels_testkit.testcases.options import OptionsOfCase
from tests.app.consumers import EchoConsumer
from tests.utils import run_case

if TYPE_CHECKING:
    import types


class WarningTests(SimpleTestCase):
    class Inner(SimpleWebsocketTestCase):
        application = EchoConsumer.as_asgi()
        ws_path = "/"
        check_unread = "warn"
        application_errors = "warn"

        def talk(self) -> None:
            self.connect().send_text("unread")

        def test_sync(self) -> None:
            self.talk()

        async def test_async(self) -> None:
            await (await self.aconnect()).send_text("unread")

        @override_settings(DEBUG=True)
        @mock.patch("os.sep", "/")
        def test_decorated(self) -> None:
            self.talk()

        test_object = staticmethod(functools.partial(int))

        def test_error(self) -> None:
            ann = self.connect()
            for _ in range(2):
                ann.send_json({"raise": "ValueError"})
                ann.reconnect()

    def line_of(self, name: str) -> int:
        code: types.CodeType = getattr(self.Inner, name).__code__
        return code.co_firstlineno

    def warned(self, *names: str) -> list[Any]:
        """Return the warnings of tests, as Python filters them by default."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            self.assertEqual(run_case(self.Inner, *names).texts, [])
        return caught

    def test_file_and_line_are_those_of_the_test(self) -> None:
        decorated = self.Inner.test_decorated.__wrapped__.__wrapped__
        for name, line in (
            ("test_sync", self.line_of("test_sync")),
            ("test_async", self.line_of("test_async")),
            ("test_decorated", decorated.__code__.co_firstlineno),
            ("test_error", self.line_of("test_error")),
        ):
            with self.subTest(name):
                (warning,) = self.warned(name)
                self.assertEqual((warning.filename, warning.lineno), (__file__, line))
                self.assertIn(f".Inner.{name}: ", str(warning.message))

    def test_a_method_that_is_no_function_is_where_its_class_is(self) -> None:
        with self.assertWarns(ChannelsTestkitWarning) as warned:
            TestWarnings(OptionsOfCase(self.Inner("test_object"))).warn("told")
        self.assertEqual((warned.filename, warned.lineno), (__file__, 1))

    def test_each_test_is_warned(self) -> None:
        self.assertEqual(len(self.warned("test_sync", "test_sync", "test_error")), 3)

    def test_filters_find_the_module_of_the_test(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", module=__name__.replace(".", r"\."))
            self.assertEqual(run_case(self.Inner, "test_sync", "test_error").texts, [])

    def test_warnings_that_are_errors_fail_the_test(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for name in ("test_sync", "test_error"):
                with self.subTest(name):
                    self.assertTrue(run_case(self.Inner, name).texts)
