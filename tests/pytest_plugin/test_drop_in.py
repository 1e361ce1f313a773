"""A suite for channels.testing runs as it is, and with one import changed."""

from __future__ import annotations

import textwrap
from pathlib import Path

from .inner import CONSUMERS, PytestCase, needs

SUITE = Path(__file__).with_name("chat_suite.py").read_text()
PASSED = 46  # of forty functions, some with parameters

CHANGED = SUITE.replace("from channels.testing import", "from channels_testkit import")
NO_ROWS_LEFT = """
    import sys

    import pytest
    from channels.layers import get_channel_layer
    from django.apps import apps
    from django.db import connection

    blockers = []

    @pytest.fixture(scope="session", autouse=True)
    def keep_blocker(django_db_setup, django_db_blocker):
        blockers.append(django_db_blocker)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown():
        result = yield
        with blockers[0].unblock():
            for name in ("auth.User", "sessions.Session", "app.Note"):
                assert not apps.get_model(name).objects.exists(), name
        return result
"""
LAYER_OF_CHANNELS = """
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call():
        assert type(get_channel_layer()).__name__ == "InMemoryChannelLayer"
        result = yield
        assert "channels_testkit.running.run" not in sys.modules
        return result
"""
CAPTIVE_LAYER = """
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call():
        assert type(get_channel_layer()).__name__ == "CaptiveChannelLayer"
        result = yield
        assert type(get_channel_layer()).__name__ == "CaptiveChannelLayer"
        return result
"""
ONE_TRANSACTION = """
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(item):
        result = yield
        has_mark = item.get_closest_marker("django_db") is not None
        assert connection.in_atomic_block == (has_mark or "db" in item.fixturenames)
        return result
"""

#: asgiref's thread keeps its connection to a database in memory.
NO_DATABASE = (
    CONSUMERS
    + """
    import pytest

    from channels_testkit import WebsocketCommunicator

    async def count():
        return await sync_to_async(Note.objects.count)()

    async def talk():
        communicator = WebsocketCommunicator(ROOM, "/")
        await communicator.connect()
        await communicator.send_json_to("hello")
        assert await communicator.receive_json_from() == "hello"
        await communicator.disconnect()

    @pytest.mark.django_db
    def test_with_a_database():
        assert asyncio.run(count()) == 0

    def test_without_one():
        asyncio.run(talk())

    def test_queries_are_refused_still():
        with pytest.raises(RuntimeError, match="Database access not allowed"):
            asyncio.run(count())
"""
)


@needs("pytest_django", "pytest_asyncio", "daphne")
class DropInTests(PytestCase):
    def assert_all_pass(self, suite: str, *guards: str, may_leak: bool = False) -> None:
        conftest = "".join(map(textwrap.dedent, (NO_ROWS_LEFT, *guards)))
        ended = self.pytest(suite, may_leak=may_leak, conftest=conftest)
        self.assert_outcomes(ended, passed=PASSED)
        self.assertIn("exit code 0", ended.printed)

    def test_with_channels_testing_it_is_left_alone(self) -> None:
        # Its threads leave connections behind, which Python 3.13 reports.
        self.assert_all_pass(SUITE, LAYER_OF_CHANNELS, may_leak=True)

    def test_one_import_changed(self) -> None:
        self.assertNotEqual(CHANGED, SUITE)
        self.assert_all_pass(CHANGED, CAPTIVE_LAYER)

    def test_without_transactional_marks_rows_are_rolled_back(self) -> None:
        rolled_back = CHANGED.replace("(transaction=True)", "")
        self.assertNotEqual(rolled_back, CHANGED)
        self.assert_all_pass(rolled_back, CAPTIVE_LAYER, ONE_TRANSACTION)

    def test_a_test_without_a_database_needs_none_without_the_plugin_either(
        self,
    ) -> None:
        names = ("channels_testkit", "channels_testkit.pytest.plugin")
        without = [option for name in names for option in ("-p", f"no:{name}")]
        ended = self.pytest(NO_DATABASE, *without, may_leak=True)
        self.assert_outcomes(ended, passed=3)
