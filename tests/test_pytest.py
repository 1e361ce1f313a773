"""
The test cases under pytest, with pytest-django.

A run takes most of a second, so that each is asked for all that it can tell.
"""

from __future__ import annotations

import importlib.util
import re
import unittest

from tests.test_runners import FAILING, PASSING
from tests.utils import run_python, starts_programs

BLOCKED = """
    from channels_testkit import SimpleWebsocketTestCase
    from tests.app.asgi import websocket_application

    class CountTests(SimpleWebsocketTestCase):
        application = websocket_application
        ws_path = "/ws/count/"

        async def test_consumer_without_a_database(self):
            ann = await self.aconnect("/ws/echo/")
            await ann.send_json({"say": "hello"})
            self.assertReceivesJson(ann, {"say": "hello"})

        async def test_query(self):
            ann = await self.aconnect()
            await ann.send_json({"way": "async"})

        def test_query_in_thread(self):
            self.connect().send_json({"way": "thread"})
"""


@unittest.skipUnless(
    importlib.util.find_spec("pytest_django"),
    "these run pytest-django (python -m pip install pytest-django)",
)
@starts_programs
class PytestTests(unittest.TestCase):
    def pytest(self, *options: str, **modules: str) -> str:
        printed = run_python(
            *("-X", "dev", "-m", "pytest", "-q", "--ds=tests.settings"),
            *("-p", "no:cacheprovider", "-p", "no:asyncio", "-W", "error", *options),
            *(f"{module}.py" for module in modules),
            **modules,
        )
        self.assertNotIn("Exception ignored", printed)
        return printed

    def test_tests_pass(self) -> None:
        printed = self.pytest(inner_tests=PASSING)
        self.assertRegex(printed, r"\n6 passed in .*\n\nexit code 0")

    @unittest.skipUnless(
        importlib.util.find_spec("xdist"),
        "-n needs pytest-xdist (python -m pip install pytest-xdist)",
    )
    def test_tests_pass_in_several_processes(self) -> None:
        printed = self.pytest("-n", "2", inner_tests=PASSING)
        self.assertRegex(printed, r"\n6 passed in .*\n\nexit code 0")

    def test_failures_end_at_the_authors_line(self) -> None:
        options = ("-k", "ConsumerTests", "--show-capture=no")
        printed = self.pytest(*options, inner_tests=FAILING)
        self.assertIn("3 failed", printed)
        self.assertIn("E           ValueError: asked for", printed)
        # The author's call, then the application's own lines.
        self.assertIn('>       self.connect().send_json({"raise": ', printed)
        self.assertNotIn("channels_testkit/", printed)

    def test_simple_cases_have_no_database(self) -> None:
        printed = self.pytest("-rf", inner_tests=BLOCKED)
        self.assertIn("2 failed, 1 passed", printed)
        refusal = r"^E +\S*DatabaseOperationForbidden: Database queries to 'default'"
        self.assertEqual(len(re.findall(refusal, printed, re.MULTILINE)), 2)
