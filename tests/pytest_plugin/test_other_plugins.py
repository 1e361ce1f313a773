"""Beside anyio's plugin, Hypothesis, xdist, pytest-randomly and subtests."""

from __future__ import annotations

from .inner import CONSUMERS, SEED, PytestCase, needs

ANYIO = (
    CONSUMERS
    + """
    import anyio
    import pytest

    from channels_testkit import WebsocketCommunicator

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    @pytest.fixture
    async def ann():
        ann = WebsocketCommunicator(ROOM, "/")
        await ann.connect()
        yield ann
        await ann.disconnect()

    async def test_room(ann):
        await ann.send_json_to("hello")
        assert await ann.receive_json_from() == "hello"
        assert await ann.receive_nothing()

    async def test_rows(db, ann):
        ben = WebsocketCommunicator(NOTES, "/")
        await ben.connect()
        await ben.send_json_to("hello")
        assert await ben.receive_json_from() == [1, OWN]

    async def test_rows_are_gone(ann, db):
        await ann.send_json_to("count")
        assert await ann.receive_json_from() == 0

    async def test_a_task_group(ann):
        async with anyio.create_task_group() as group:
            group.start_soon(ann.send_json_to, "hello")
        with anyio.move_on_after(5):
            assert await ann.receive_json_from() == "hello"

    async def test_a_task_that_fails(ann):
        await ann.send_json_to("fail later")

    @pytest.mark.parametrize("number", [1, 2])
    async def test_nothing_of_the_test_before(number):
        assert get_channel_layer().groups() == {}
"""
)
GIVEN = (
    CONSUMERS
    + """
    import pytest
    from hypothesis import given, settings, strategies

    from channels_testkit import WebsocketCommunicator, WSClient, apply_routes
    from django.urls import path

    few = settings(max_examples=5, deadline=None, database=None)
    texts = strategies.text(max_size=5)

    @pytest.mark.asyncio
    @pytest.mark.django_db
    @few
    @given(texts)
    async def test_each_example_has_a_run_and_a_savepoint(text):
        assert get_channel_layer().groups() == {}
        ann = WebsocketCommunicator(NOTES, "/")
        await ann.connect()
        await ann.send_json_to(text)
        assert await ann.receive_json_from() == [1, OWN]
        ben = WebsocketCommunicator(ROOM, "/")
        await ben.connect()

    @pytest.mark.django_db
    @few
    @given(text=texts)
    @apply_routes(path("notes/", NOTES))
    def test_sync(text):
        ann = WSClient("/notes/")
        ann.connect()
        ann.send_json(text)
        assert ann.receive_json() == [1, OWN]

    @pytest.mark.channels_test
    @few
    @given(texts)
    async def test_run_by_the_kit(text):
        ann = WebsocketCommunicator(ROOM, "/")
        await ann.connect()
        await ann.send_json_to([text])
        assert await ann.receive_json_from() == [text]

    @pytest.mark.channels_test
    @few
    @given(strategies.integers())
    async def test_an_example_that_fails(number):
        ann = WebsocketCommunicator(ROOM, "/")
        await ann.connect()
        await ann.send_json_to(number)
        assert await ann.receive_json_from() != 0

    @few
    @given(texts)
    def test_a_fixture_that_examples_would_share(channels_test, text):
        pass
"""
)
SUBTESTS = (
    CONSUMERS
    + """
    def test_subtests(subtests, ws_connect):
        for number in (1, 2):
            with subtests.test(number=number):
                ann = ws_connect("/ws/echo/")
                ann.send_json({"number": number})
                assert ann.receive_json() == {"number": 1}

    def test_what_a_part_raises(subtests, ws_connect):
        ann = ws_connect("/ws/echo/")
        with subtests.test():
            ann.receive_json(timeuot=1)
        with subtests.test():
            ann.receive_json()

    def test_after_it(channel_layer):
        assert channel_layer.groups() == {}
"""
)
MANY = (
    CONSUMERS
    + """
    import pytest

    from channels_testkit import WebsocketCommunicator

    @pytest.mark.parametrize("number", range(8))
    @pytest.mark.django_db
    @pytest.mark.asyncio
    async def test_room(number):
        ann = WebsocketCommunicator(NOTES, "/")
        await ann.connect()
        await ann.send_json_to(number)
        assert (await ann.receive_json_from())[0] == 1 + (number == 7)
"""
)


@needs("pytest_django", "pytest_asyncio")
class OtherPluginTests(PytestCase):
    @needs("anyio")
    def test_anyio(self) -> None:
        ended = self.pytest(ANYIO)
        self.assert_outcomes(ended, passed=6, failed=1)
        self.assertIn("LookupError: nobody awaits this", ended.printed)

    @needs("hypothesis")
    def test_hypothesis(self) -> None:
        ended = self.pytest(GIVEN)
        self.assert_outcomes(ended, passed=3, failed=1, error=1)
        self.assertIn("<- text    0\n", ended.printed)
        self.assertIn(
            "RuntimeError: Each example of @given is a run of its own, and would share"
            " what this fixture makes with the others: put @pytest.mark.channels_test"
            " on the test, and make it there.",
            ended.printed,
        )

    def test_subtests(self) -> None:
        ended = self.pytest(SUBTESTS)
        self.assertEqual((ended.passed, ended.failed), (1, 5), ended.printed)
        self.assertIn('<- text    {"number": 2}', ended.printed)
        self.assertIn("Did you mean timeout=?", ended.printed)
        self.assertIn("NoFrame: No JSON frame from /ws/echo/", ended.printed)
        self.assertNotIn("frames.py", ended.printed)

    @needs("xdist")
    def test_xdist_brings_transcripts(self) -> None:
        ended = self.pytest(MANY, "-n", "2")
        self.assert_outcomes(ended, passed=7, failed=1)
        self.assertIn("  <- text    [1, ", ended.printed)

    @needs("pytest_randomly")
    def test_in_any_order(self) -> None:
        for seed in ("1", "2"):
            with self.subTest(seed):
                ended = self.pytest(MANY, f"{SEED}{seed}")
                self.assert_outcomes(ended, passed=7, failed=1)
