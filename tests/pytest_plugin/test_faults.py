"""``layer_faults()`` in test functions."""

from __future__ import annotations

from .inner import CONSUMERS, PytestCase, needs

SYNC = (
    CONSUMERS
    + """
    import pytest

    def tell(text):
        message = {"type": "tell", "text": text}
        async_to_sync(get_channel_layer().group_send)("room", message)

    def test_a_function(channels_test):
        ann = channels_test.connect("/", application=ROOM)
        with channels_test.layer_faults(lose=1) as faults:
            tell("one")
            tell("two")
        assert ann.receive_all_json() == ["two"]
        assert len(faults.lost) == 1

    @pytest.fixture
    def late(channels_test):
        with channels_test.layer_faults(delay=1) as faults:
            yield faults

    def test_a_fixture(channels_test, late):
        ann = channels_test.connect("/", application=ROOM)
        tell("one")
        assert ann.receive_all_json() == []
        assert len(late.delayed) == 1

    def test_a_fixture_that_does_nothing(channels_test, late):
        channels_test.connect("/", application=ROOM)

    def test_a_failure(channels_test):
        ann = channels_test.connect("/", application=ROOM, name="ann")
        with channels_test.layer_faults(lose=0.9):
            tell("one")
        assert ann.receive_json() == "one"

    @pytest.mark.channels_test(use_virtual_time=True)
    def test_virtual_time(channels_test):
        ann = channels_test.connect("/", application=ROOM)
        with channels_test.layer_faults(delay=1, by=60):
            tell("one")
        assert channels_test.advance(60) == 1
        assert ann.receive_json() == "one"
"""
)
ASYNC = """
    async def test_a_function(channels_test):
        ann = await channels_test.aconnect("/", application=ROOM)
        layer = get_channel_layer()
        with channels_test.layer_faults(duplicate=1):
            await layer.group_send("room", {"type": "tell", "text": "one"})
        async with channels_test.layer_faults(delay=1):
            await layer.group_send("room", {"type": "tell", "text": "late"})
            await layer.group_send("room", {"type": "tell", "text": "two"})
        assert await ann.receive_all_json() == ["one", "one", "two", "late"]

    async def test_a_sync_block(channels_test):
        with channels_test.layer_faults(delay=1):
            pass
"""
TEXT = "write 'async with channels_test.layer_faults(...)'"


class FaultTests(PytestCase):
    def test_sync_functions(self) -> None:
        ran = self.pytest(SYNC)
        self.assert_outcomes(ran, passed=4, failed=1, error=1)
        self.assertIn("layer_faults(delay=1) has delayed nothing", ran.printed)
        note = (
            "layer_faults(lose=0.9, seed=0) has made these faults:\n"
            "E         lost: 'tell' to group 'room', for ann (/)"
        )
        self.assertIn(note, ran.printed)

    def test_functions_that_the_kit_runs(self) -> None:
        ran = self.pytest(CONSUMERS + ASYNC, "-p", "no:asyncio", "-p", "no:anyio")
        self.assert_outcomes(ran, passed=1, failed=1)
        self.assertIn(TEXT, ran.printed)

    @needs("pytest_asyncio")
    def test_on_a_loop_of_pytest_asyncio(self) -> None:
        mark = "\n    import pytest\n    pytestmark = pytest.mark.asyncio\n"
        ran = self.pytest(CONSUMERS + mark + ASYNC)
        self.assert_outcomes(ran, passed=1, failed=1)
        self.assertIn(TEXT, ran.printed)
