"""Which functions are tests of the kit, and what others notice of it."""

from __future__ import annotations

from .inner import CONSUMERS, PytestCase, needs

LAYER = """
    from channels.layers import get_channel_layer

    def kind():
        return type(get_channel_layer()).__name__
"""
OF_NOBODY = (
    LAYER
    + """
    def test_the_layer_is_the_projects():
        assert kind() == "InMemoryChannelLayer"
"""
)
BY_IMPORT = (
    LAYER
    + """
    from channels_testkit import Group

    def test_the_layer_is_captive():
        assert kind() == "CaptiveChannelLayer"
"""
)
BY_HELPER = """
    from layers import kind, make_client

    def test_it_begins_where_something_is_made():
        assert kind() == "InMemoryChannelLayer"
        make_client()
        assert kind() == "CaptiveChannelLayer"

    def test_it_has_ended():
        assert kind() == "InMemoryChannelLayer"
"""
HELPER = (
    LAYER
    + """
    def make_client():
        from channels_testkit import WSClient

        return WSClient("/ws/echo/")
"""
)
TOO_LATE = """
    import asyncio

    import pytest
    from asgiref.sync import sync_to_async
    from channels.layers import get_channel_layer
    from layers import make_client

    @pytest.mark.asyncio
    async def test_a_message():
        await get_channel_layer().send("a-channel", {"type": "early"})
        make_client()
        await asyncio.sleep(0)

    @pytest.mark.asyncio
    async def test_a_job():
        await sync_to_async(int)()
        make_client()
"""
IMPORTING = """
    from channels_testkit import WSClient

    def make_client():
        return WSClient("/ws/echo/")
"""
ASYNC_HELPER = (
    CONSUMERS
    + """
    import pytest
    from layers import make_client

    @pytest.mark.asyncio
    async def test_it_begins_on_the_running_loop():
        ann = make_client()
        assert await ann.aconnect()
        await ann.asend_json({"hello": 1})
        assert await ann.areceive_json() == {"hello": 1}
"""
)
AUTO = (
    CONSUMERS
    + """
    async def test_run_by_the_kit():
        assert type(get_channel_layer()).__name__ == "CaptiveChannelLayer"
"""
)
UNITTEST = """
    import unittest

    from channels.layers import get_channel_layer
    from channels_testkit import SimpleWebsocketTestCase, WSClient

    class PlainTests(unittest.TestCase):
        def test_nothing_of_the_plugin(self):
            assert type(get_channel_layer()).__name__ == "InMemoryChannelLayer"

    class EchoTests(SimpleWebsocketTestCase):
        def test_echo(self):
            self.connect("/ws/echo/").send_json({})

    def test_function_between():
        assert WSClient("/ws/echo/").connect()
"""
UNRELATED = """
    import sys

    def test_nothing_is_imported():
        names = {"django", "channels", "asgiref", "channels_testkit.running"}
        assert not names & sys.modules.keys()

    async def test_nobody_runs_this():
        pass
"""


@needs("pytest_django", "pytest_asyncio")
class SignTests(PytestCase):
    def test_a_suite_without_the_kit_is_left_alone(self) -> None:
        self.assert_outcomes(self.pytest(OF_NOBODY), passed=1)

    def test_a_name_of_the_module(self) -> None:
        self.assert_outcomes(self.pytest(BY_IMPORT), passed=1)

    def test_a_name_of_a_conftest(self) -> None:
        ended = self.pytest(
            OF_NOBODY.replace("InMemory", "Captive"),
            conftest="from channels_testkit import WSClient",
        )
        self.assert_outcomes(ended, passed=1)

    def test_code_that_pytest_cannot_see(self) -> None:
        self.assert_outcomes(self.pytest(BY_HELPER, layers=HELPER), passed=2)

    def test_what_came_before_is_a_warning(self) -> None:
        of_kit = "channels_testkit.exceptions.ChannelsTestkitWarning"
        ended = self.pytest(TOO_LATE, "-W", f"default::{of_kit}", layers=IMPORTING)
        self.assert_outcomes(ended, passed=2, warnings=2)
        for line, what in (
            (11, "used a channel layer, which was not captive yet"),
            (17, "gave a job to a thread, which was not the test's yet"),
        ):
            self.assertRegex(
                " ".join(ended.printed.split()),
                rf"The line \S*test_inner.py:{line} in \w+\(\) {what}: put"
                r" @pytest.mark.channels_test on the test, so that its run begins"
                r" before\.",
            )

    def test_the_same_in_a_coroutine(self) -> None:
        self.assert_outcomes(self.pytest(ASYNC_HELPER, layers=HELPER), passed=1)

    def test_the_ini_file(self) -> None:
        ended = self.pytest(AUTO, "-o", "channels_test_auto=true")
        self.assert_outcomes(ended, passed=1)

    def test_test_cases_go_on_as_they_are(self) -> None:
        self.assert_outcomes(self.pytest(UNITTEST), passed=3)

    def test_a_suite_without_django(self) -> None:
        ended = self.pytest(UNRELATED, "-p", "no:anyio", settings="")
        self.assert_outcomes(ended, passed=1, failed=1)
        self.assertIn("async def functions are not natively supported", ended.printed)
