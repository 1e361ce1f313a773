"""Virtual time in test functions."""

from __future__ import annotations

from .inner import CONSUMERS, PytestCase, needs

BEATS = (
    CONSUMERS
    + """
    import time

    import pytest
    from django.utils import timezone

    class Beats(AsyncJsonWebsocketConsumer):
        async def connect(self):
            await self.accept()
            self.task = asyncio.create_task(self.beat())

        async def beat(self):
            while True:
                await asyncio.sleep(30)
                await self.send_json(await Note.objects.acount())

        async def disconnect(self, code):
            self.task.cancel()

    BEATS = Beats.as_asgi()
    virtual = pytest.mark.channels_test(use_virtual_time=True)
"""
)
SYNC = (
    BEATS
    + """
    @virtual
    def test_a_function(channels_test, db):
        began = timezone.now()
        ann = channels_test.connect("/", application=BEATS)
        assert channels_test.advance(60) == 2
        assert ann.receive_all_json() == [0, 0]
        assert channels_test.clock.now == 60
        assert (timezone.now() - began).total_seconds() == 60

    def test_a_block(channels_test, db):
        ann = channels_test.connect("/", application=BEATS)
        with channels_test.virtual_time() as clock:
            channels_test.assertReceivesJson(ann, 0, timeout=30)
            assert 0 < clock.now <= 30

    def test_too_late(channels_test):
        text = r"@pytest.mark.channels_test\\(use_virtual_time=True\\)"
        with pytest.raises(AttributeError, match=text):
            channels_test.use_virtual_time = True

    def test_real_time(channels_test):
        text = r"with @pytest.mark.channels_test\\(use_virtual_time=True\\)"
        with pytest.raises(RuntimeError, match=text):
            channels_test.advance(1)
        with pytest.raises(RuntimeError, match="with channels_test.virtual_time()"):
            channels_test.advance(1)

    @virtual
    def test_on_a_live_server(channels_live_server):
        pass
"""
)
ASYNC = """
    @virtual
    async def test_a_function(channels_test, db):
        ann = await channels_test.aconnect("/", application=BEATS)
        assert await channels_test.aadvance(60) == 2
        assert await ann.receive_all_json() == [0, 0]
        await asyncio.sleep(3600)
        assert len(ann.frames) == 122
        assert channels_test.clock.now == 3660

    async def test_a_block(channels_test, db):
        before = asyncio.get_running_loop().time()
        ann = await channels_test.aconnect("/", application=BEATS)
        with channels_test.virtual_time() as clock:
            await asyncio.sleep(30)
            assert await ann.receive_json_from() == 0
            assert clock.now == 30
        assert asyncio.get_running_loop().time() >= before + 30

    async def test_the_next_one_has_real_time(channels_test):
        began = time.monotonic()
        await asyncio.sleep(0.01)
        assert time.monotonic() - began >= 0.009
"""


class TimeTests(PytestCase):
    def test_sync_functions(self) -> None:
        ran = self.pytest(SYNC)
        self.assert_outcomes(ran, passed=4, error=1)
        self.assertIn("Virtual time together with a live server", ran.printed)

    def test_functions_that_the_kit_runs(self) -> None:
        ran = self.pytest(BEATS + ASYNC, "-p", "no:asyncio", "-p", "no:anyio")
        self.assert_outcomes(ran, passed=3)

    @needs("pytest_asyncio")
    def test_on_loops_of_pytest_asyncio(self) -> None:
        for scope in ("function", "session"):
            with self.subTest(scope):
                mark = f'\n    pytestmark = pytest.mark.asyncio(loop_scope="{scope}")\n'
                ran = self.pytest(BEATS + mark + ASYNC)
                self.assert_outcomes(ran, passed=3)

    @needs("anyio")
    def test_on_the_loop_of_anyio(self) -> None:
        mark = "\n    pytestmark = pytest.mark.anyio\n"
        backend = """
    @pytest.fixture
    def anyio_backend():
        return "asyncio"
"""
        ran = self.pytest(BEATS + mark + backend + ASYNC, "-p", "no:asyncio")
        self.assert_outcomes(ran, passed=3)
