"""The mark, the attributes, and what they refuse."""

from __future__ import annotations

from .inner import CONSUMERS, PytestCase, needs

REFUSED = (
    CONSUMERS
    + """
    import pytest

    @pytest.mark.channels_test(ws_pth="/ws/")
    def test_unknown_option():
        pass

    @pytest.mark.channels_test("/ws/")
    def test_without_a_name():
        pass

    @pytest.mark.channels_test(application_errors="of")
    def test_value():
        pass

    @pytest.mark.channels_test(port="80")
    def test_value_of_the_server(channels_live_server):
        pass

    def test_attribute(channels_test):
        channels_test.ws_pth = "/ws/"

    def test_attribute_that_is_late(channels_test):
        channels_test.application_errors = "off"

    async def test_wrong_twin(ws_connect):
        ws_connect("/ws/echo/")

    def test_after_all_of_these(channel_layer):
        assert type(get_channel_layer()) is type(channel_layer)
"""
)
TEXTS = (
    "test_inner.py::test_unknown_option: @pytest.mark.channels_test() has no option"
    " 'ws_pth'; did you mean ws_path?",
    "test_inner.py::test_without_a_name: @pytest.mark.channels_test('/ws/') has values"
    " without a name; write them by keyword, such as channels_test(ws_path='/ws/').",
    "channels_test.application_errors is one of 'fail', 'warn', 'off', not 'of'.",
    "channels_live_server.port is a number from 0 to 65535, not '80'.",
    "AttributeError: channels_test has no attribute 'ws_pth'; did you mean ws_path?",
    "AttributeError: channels_test.application_errors must be known before the test"
    " begins: write @pytest.mark.channels_test(application_errors='off').",
    "RuntimeError: A sync call in an async test: write 'await"
    " channels_test.aconnect(...)'.",
)
OFF = (
    CONSUMERS
    + """
    import pytest

    @pytest.mark.asyncio
    @pytest.mark.channels_test(application_errors="off", application=ROOM)
    async def test_errors_are_off(aws_connect):
        ann = await aws_connect("/")
        await ann.send_json_to("raise")

    @pytest.mark.channels_test(check_unread="fail", application=ROOM)
    class TestClass:
        @pytest.mark.channels_test(check_unread="off")
        def test_the_nearer_one(self, ws_connect):
            ws_connect("/").send_json("unread")

        def test_that_of_the_class(self, ws_connect):
            ws_connect("/").send_json("unread")
"""
)
USERS_OWN = (
    CONSUMERS
    + """
    import pytest

    @pytest.fixture
    def channels_test():
        return "the user's own"

    @pytest.fixture
    def channel_layer():
        return "the user's own"

    def test_theirs_win(channels_test, channel_layer):
        assert channels_test == channel_layer == "the user's own"
        assert type(get_channel_layer()).__name__ == "InMemoryChannelLayer"

    def test_ours_need_none_of_them(ws_connect):
        assert ws_connect("/ws/echo/").label
"""
)


@needs("pytest_django", "pytest_asyncio")
class MarkTests(PytestCase):
    def test_bad_input(self) -> None:
        ended = self.pytest(REFUSED)
        self.assert_outcomes(ended, passed=1, failed=3, errors=4)
        for text in TEXTS:
            with self.subTest(text):
                self.assertIn(text, " ".join(ended.printed.split()))

    def test_options(self) -> None:
        ended = self.pytest(OFF)
        self.assert_outcomes(ended, passed=2, failed=1)
        self.assertIn(
            "AssertionError: The test did not read 1 frame from /", ended.printed
        )

    def test_a_users_own_fixture_wins(self) -> None:
        self.assert_outcomes(self.pytest(USERS_OWN), passed=2)
