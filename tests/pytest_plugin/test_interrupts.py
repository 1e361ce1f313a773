"""Ctrl-C in a test function ends the session, and is told once."""

from __future__ import annotations

from .inner import CONSUMERS, PytestCase, needs

INTERRUPTED = (
    CONSUMERS
    + """
    import signal

    import pytest

    from channels_testkit import WebsocketCommunicator

    def interrupt_and_go_on():
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it went on")

    class Job(JsonWebsocketConsumer):
        def receive_json(self, content, **options):
            interrupt_and_go_on()

    class Loop(AsyncJsonWebsocketConsumer):
        async def receive_json(self, content, **options):
            interrupt_and_go_on()

    @pytest.fixture
    def layer(channel_layer):
        yield
        print("the finalizer has run")

    @pytest.mark.asyncio
    @pytest.mark.parametrize("kind", [Job, Loop])
    async def test_interrupted(kind, layer):
        ann = WebsocketCommunicator(kind.as_asgi(), "/")
        await ann.connect()
        await ann.send_json_to("hello")

    def test_sync(layer, channels_test):
        channels_test.application = Job.as_asgi()
        channels_test.connect("/").send_json("hello")

    def test_never_reached():
        raise AssertionError("it went on")
"""
)


@needs("pytest_django", "pytest_asyncio")
class InterruptTests(PytestCase):
    def test_the_session_ends_at_once(self) -> None:
        for kind in ("Job", "Loop", "test_sync"):
            with self.subTest(kind):
                ended = self.pytest(INTERRUPTED, "-s", "-k", f"{kind} or never")
                self.assertRegex(ended.printed, r"test_inner.py:\d+: KeyboardInterrupt")
                self.assertIn("the finalizer has run", ended.printed)
                self.assertNotRegex(ended.printed, r"\d (passed|failed|error)")
                self.assertNotIn("it went on", ended.printed)
