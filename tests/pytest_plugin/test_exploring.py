"""``@explore_schedules()`` on test functions."""

from __future__ import annotations

from .inner import CONSUMERS, PytestCase, needs

RACES = (
    CONSUMERS
    + """
    import pytest

    from channels_testkit import explore_schedules

    made = []

    class Counter(AsyncJsonWebsocketConsumer):
        async def receive_json(self, content, **options):
            note = await Note.objects.aget()
            note.text = str(int(note.text) + 1)
            await note.asave()

    COUNTER = Counter.as_asgi()

    @pytest.fixture
    def note(db):
        made.append(Note.objects.create(text="0"))
        return made[-1]
"""
)
FUNCTIONS = (
    RACES
    + """
    @explore_schedules(20, sends_overlap=True)
    def test_a_race(channels_test, note):
        clients = [channels_test.connect("/", application=COUNTER) for _ in range(2)]
        for client in clients:
            client.send_json("count")
        channels_test.settle()
        note.refresh_from_db()
        assert note.text == "2"

    @explore_schedules(20)
    def test_no_race(channels_test, note):
        clients = [channels_test.connect("/", application=COUNTER) for _ in range(2)]
        for client in clients:
            client.send_json("count")
        note.refresh_from_db()
        assert note.text == "2"
        channels_test.advance(30)

    def test_rows_are_gone_and_fixtures_were_made_anew(db):
        assert not Note.objects.exists()
        assert len(made) > 22

    @explore_schedules(20)
    def test_a_usual_failure(channels_test, note):
        assert False, "as always"

    @pytest.mark.parametrize("number", [1, 2])
    @explore_schedules(3)
    def test_parameters(channels_test, number):
        assert number in (1, 2)

    @explore_schedules(3)
    def test_skipped(channels_test):
        pytest.skip("no need")

    @explore_schedules(3)
    class TestClass:
        def test_method(self, channels_test):
            channels_test.advance(1)
"""
)
ASYNC = (
    RACES
    + """
    @explore_schedules(50)
    async def test_a_race(channels_test, note):
        clients = [
            await channels_test.aconnect("/", application=COUNTER) for _ in range(2)
        ]
        await asyncio.gather(*[it.send_json("count") for it in clients])
        await note.arefresh_from_db()
        assert note.text == "2"

    @explore_schedules(50)
    async def test_no_race(channels_test, note):
        ann = await channels_test.aconnect("/", application=COUNTER)
        await ann.send_json("count")
        await note.arefresh_from_db()
        assert note.text == "1"
"""
)


class ExploringTests(PytestCase):
    def test_functions(self) -> None:
        ran = self.pytest(FUNCTIONS)
        self.assert_outcomes(ran, passed=5, failed=2, skipped=1)
        self.assertIn("This test fails under schedule 0 of 20", ran.printed)
        self.assertIn("as always", ran.printed)

    def test_functions_that_the_kit_runs(self) -> None:
        ran = self.pytest(ASYNC, "-p", "no:asyncio", "-p", "no:anyio")
        self.assert_outcomes(ran, passed=1, failed=1)

    @needs("pytest_asyncio")
    def test_on_loops_of_pytest_asyncio(self) -> None:
        for scope in ("function", "session"):
            with self.subTest(scope):
                mark = f'\n    pytestmark = pytest.mark.asyncio(loop_scope="{scope}")\n'
                ran = self.pytest(ASYNC + mark)
                self.assert_outcomes(ran, passed=1, failed=1)
