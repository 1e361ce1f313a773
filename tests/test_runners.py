"""
The test cases under Django's runner and unittest's.

A run takes most of a second, so that each is asked for all that it can tell.
"""

from __future__ import annotations

import importlib.util
import sys
import unittest

from tests.utils import run_python, starts_programs

PASSING = """
    import asyncio

    from channels_testkit import SimpleWebsocketTestCase, TransactionWebsocketTestCase
    from channels_testkit import WebsocketTestCase
    from tests.app.asgi import websocket_application
    from tests.app.models import Note

    class Rooms:
        ws_path = "/ws/room/1/"

        def test_sync(self):
            ann, ben = self.connect(), self.connect("/ws/sync-room/1/")
            ann.send_json({"note": "hello"})
            self.assertReceivesJson(ben, {"note": "hello"})
            self.assertEqual(Note.objects.count(), 1)

        async def test_async(self):
            ann, ben = await self.aconnect(), await self.aconnect("/ws/sync-room/1/")
            await ann.send_json({"note": "hello"})
            self.assertReceivesJson(ben, {"note": "hello"})
            self.assertEqual(await Note.objects.acount(), 1)

    class RoomTests(Rooms, WebsocketTestCase):
        pass

    class CommittedRoomTests(Rooms, TransactionWebsocketTestCase):
        pass

    class EchoTests(SimpleWebsocketTestCase):
        application = websocket_application
        ws_path = "/ws/echo/"

        def test_sync(self):
            ann = self.connect()
            ann.send_json({"say": "hello"})
            self.assertReceivesJson(ann, {"say": "hello"})

        async def test_async(self):
            ann = await self.aconnect()
            await ann.send_json({"say": "hello"})
            self.assertReceivesJson(ann, {"say": "hello"})
"""

FAILING = """
    from channels_testkit import SimpleWebsocketTestCase
    from tests.app.asgi import websocket_application

    class Echoes(SimpleWebsocketTestCase):
        application = websocket_application
        ws_path = "/ws/echo/"

    class SubtestTests(Echoes):
        def setUp(self):
            self.ann = self.connect(name="ann")

        def test_subtests(self):
            for number in range(3):
                with self.subTest(number=number):
                    self.assertNotEqual(number, 1)

        async def test_async_subtests(self):
            for number in range(3):
                with self.subTest(number=number):
                    self.assertNotEqual(number, 2)

    class ConsumerTests(Echoes):
        def test_consumer_raises(self):
            self.connect().send_json({"raise": "ValueError"})

        async def test_no_frame(self):
            await (await self.aconnect(name="ben")).receive_json_from()

        async def test_breach(self):
            async def application(scope, receive, send):
                await send({"type": "websocket.send", "text": "early"})

            await self.aconnect(application=application)
"""


@starts_programs
class DjangoRunnerTests(unittest.TestCase):
    def django_test(self, *options: str, stdin: str = "", **modules: str) -> str:
        return run_python(
            *("-X", "dev", "-W", "error", "-m", "django", "test", *modules, *options),
            "--settings=tests.settings",
            stdin=stdin,
            **modules,
        )

    def assert_passes(self, printed: str) -> None:
        self.assertIn("Ran 6 tests", printed)
        self.assertIn("\nOK", printed)
        self.assertTrue(printed.endswith("\nexit code 0"), printed)
        self.assertNotIn("Warning", printed)
        self.assertNotIn("Exception ignored", printed)

    def test_parallel_and_shuffled_tests_pass(self) -> None:
        options = ("--parallel=2", "--shuffle")
        self.assert_passes(self.django_test(*options, inner_tests=PASSING))

    def test_reversed_tests_pass_in_debug_mode(self) -> None:
        options = ("--reverse", "--debug-mode", "--timing")
        self.assert_passes(self.django_test(*options, inner_tests=PASSING))

    @unittest.skipUnless(
        importlib.util.find_spec("tblib"),
        "failures of --parallel need tblib (python -m pip install tblib)",
    )
    def test_failures_come_out_of_other_processes(self) -> None:
        printed = self.django_test("--parallel=2", inner_tests=FAILING)
        self.assertIn("FAILED (failures=4, errors=1)", printed)
        for told in (
            " (number=1)\n",
            " (number=2)\n",
            "ValueError: asked for",
            "NoFrame: No JSON frame from ben (/ws/echo/): the application is at rest.",
            "ProtocolError: ",
        ):
            with self.subTest(told):
                self.assertIn(told, printed)
        if sys.version_info >= (3, 11):
            self.assertIn(", the application of /ws/echo/.\n", printed)

    def test_debugger_stops_where_a_test_fails(self) -> None:
        printed = self.django_test(
            *("--pdb", "-k", "test_no_frame", "-k", "test_consumer_raises"),
            stdin="p 'seen by', type(self).__name__\nc\n" * 2,
            inner_tests=FAILING,
        )
        self.assertEqual(printed.count("Opening PDB: "), 2)
        self.assertIn("('seen by', 'ConsumerTests')", printed)
        self.assertIn("('seen by', 'EchoConsumer')", printed)
        self.assertIn("FAILED (failures=1, errors=1)", printed)


@starts_programs
class UnittestTests(unittest.TestCase):
    def test_tests_pass_where_django_is_set_up(self) -> None:
        setting_up = """
            import django
            from django.test.utils import setup_databases, setup_test_environment

            django.setup()
            setup_test_environment()
            setup_databases(verbosity=0, interactive=False)

            from inner_tests import *
        """
        printed = run_python(
            *("-X", "dev", "-W", "error", "-c", RUN_UNITTEST),
            set_up_tests=setting_up,
            inner_tests=PASSING,
        )
        self.assertIn("Ran 6 tests", printed)
        self.assertTrue(printed.endswith("OK\n\nexit code 0"), printed)


RUN_UNITTEST = """
import os, runpy, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
sys.argv = ["unittest", "set_up_tests"]
runpy.run_module("unittest", run_name="__main__")
"""
