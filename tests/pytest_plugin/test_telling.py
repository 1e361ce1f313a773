"""What a run has to tell is told, whatever else goes wrong, and to whom."""

from __future__ import annotations

import re

from .inner import CONSUMERS, PytestCase, needs

TESTS = (
    CONSUMERS
    + """
    import signal

    import pytest
    import pytest_asyncio

    from channels_testkit import WebsocketCommunicator

    class BadEnd(Room):
        async def disconnect(self, code):
            raise KeyError("bad end")

    class BadTell(Room):
        async def tell(self, event):
            raise ValueError("handler fails")

    BAD_END, BAD_TELL = BadEnd.as_asgi(), BadTell.as_asgi()

    @pytest.fixture
    def broken_finalizer():
        yield
        raise RuntimeError("finalizer raises")

    @pytest.fixture
    def ann(channels_test):
        channels_test.application = BAD_TELL
        return channels_test.connect("/ann/")

    @pytest_asyncio.fixture
    async def bad_end():
        communicator = WebsocketCommunicator(BAD_END, "/bad-end/")
        await communicator.connect()
        return communicator

    @pytest.mark.asyncio
    @pytest.mark.xfail(reason="the finalizer only", raises=RuntimeError)
    async def test_a_finalizer_hides_nothing(broken_finalizer, bad_end):
        pass

    @pytest.mark.asyncio
    async def test_what_the_body_has_opened_fails_the_test(ann):
        ben = WebsocketCommunicator(BAD_END, "/ben/")
        await ben.connect()

    def test_a_handler_of_a_client_of_a_fixture(ann):
        async_to_sync(get_channel_layer().group_send)("room", {"type": "tell"})

    @pytest.mark.asyncio
    @pytest.mark.channels_test(check_unread="fail")
    async def test_two_things_at_the_end(bad_end):
        await bad_end.send_json_to("unread")

    @pytest_asyncio.fixture
    async def from_inside(channels_test):
        channels_test.application = ROOM
        client = channels_test.create_client("/")
        await client.aconnect()
        return client

    def test_attached_inside_of_a_loop(from_inside):
        from_inside.send_json("hello")

    def test_handlers_of_signals_are_as_before():
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""
)
KEPT = (
    CONSUMERS
    + """
    import sys

    import pytest
    import pytest_asyncio

    from channels_testkit import WebsocketCommunicator

    class Keeping(Room):
        async def receive_json(self, content, **options):
            if content == "exit":
                raise SystemExit(3)
            self.kept.append(
                self.fail() if content == "coroutine" else self.failed_future()
            )

        def failed_future(self):
            future = asyncio.get_running_loop().create_future()
            future.set_exception(ValueError("nobody asks"))
            return future

    async def connected():
        Keeping.kept = []
        room = WebsocketCommunicator(Keeping.as_asgi(), "/room/")
        await room.connect()
        return room

    @pytest_asyncio.fixture
    async def room(channels_test):
        return await connected()

    @pytest.mark.asyncio
    async def test_it_may_ask_when_the_fixture_ends(room):
        await room.send_json_to("future")

    @pytest.mark.channels_test
    @pytest.mark.asyncio
    @pytest.mark.parametrize("what", ["coroutine", "future", "exit"])
    async def test_async(what):
        await (await connected()).send_json_to(what)

    @pytest.mark.parametrize("what", ["coroutine", "future", "exit"])
    def test_sync(ws_connect, what):
        Keeping.kept = []
        ws_connect("/room/", application=Keeping.as_asgi()).send_json(what)

    @pytest.mark.asyncio
    async def test_next(room):
        pass
    """
)
LEAVING = (
    CONSUMERS
    + """
    import pytest
    import pytest_asyncio

    @pytest_asyncio.fixture
    async def leaves(channels_test):
        raise SystemExit(3)

    @pytest.mark.asyncio
    async def test_it(leaves):
        pass
    """
)
GIVEN = (
    CONSUMERS
    + """
    import pytest
    import pytest_asyncio
    from hypothesis import HealthCheck, given, settings, strategies

    few = settings(
        max_examples=2,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )

    @pytest_asyncio.fixture
    async def row(db):
        return await Note.objects.acreate(text="too early")

    @pytest.fixture
    def layer():
        async_to_sync(get_channel_layer().group_add)("a-group", "a-channel")

    @pytest.mark.channels_test
    @pytest.mark.asyncio
    @few
    @given(number=strategies.integers())
    async def test_row(row, number):
        pass

    @pytest.mark.channels_test
    @few
    @given(number=strategies.integers())
    def test_layer(layer, number):
        pass
"""
)


@needs("pytest_django", "pytest_asyncio")
class TellingTests(PytestCase):
    def test_nothing_is_lost(self) -> None:
        ended = self.pytest(TESTS)
        counts = (ended.passed, ended.failed, ended.xpassed, ended.errors)
        self.assertEqual(counts, (3, 2, 1, 2), ended.printed)
        for line in (
            "ERROR test_inner.py::test_a_finalizer_hides_nothing - ",
            "ERROR test_inner.py::test_two_things_at_the_end - KeyError: 'bad end'",
            "FAILED test_inner.py::test_what_the_body_has_opened_fails_the_test - KeyE",
            "FAILED test_inner.py::test_a_handler_of_a_client_of_a_fixture - ValueErr",
        ):
            with self.subTest(line):
                self.assertIn(line, ended.printed)
        self.assertIn("RuntimeError: finalizer raises", ended.printed)
        self.assertIn("The test did not read 1 frame from /bad-end/", ended.printed)

    def test_what_is_only_kept(self) -> None:
        ended = self.pytest(KEPT)
        self.assert_outcomes(ended, failed=6, passed=2, error=1)
        self.assertIn("ERROR test_inner.py::test_it_may_ask_when", ended.printed)
        for way in ("sync", "async"):
            for what, told in (
                ("coroutine", r"AssertionError: Room\.fail\(\) was called at "),
                ("future", "ValueError: nobody asks"),
                ("exit", "SystemExit: 3"),
            ):
                with self.subTest(way=way, what=what):
                    self.assertRegex(
                        ended.printed,
                        rf"FAILED test_inner.py::test_{way}\[{what}\] - {told[:12]}",
                    )
                    found = re.findall(f"E +{told}", ended.printed)
                    self.assertEqual(len(found), 3 if what == "future" else 2)

    def test_an_exit_of_a_fixture_is_as_without_the_plugin(self) -> None:
        ended = self.pytest(LEAVING)
        self.assert_outcomes(ended, error=1)
        self.assertIn("ERROR test_inner.py::test_it - SystemExit: 3\n", ended.printed)

    @needs("hypothesis")
    def test_fixtures_before_the_examples(self) -> None:
        # The thread that has made the row keeps a connection.
        ended = self.pytest(GIVEN, may_leak=True)
        self.assert_outcomes(ended, failed=2)
        for what in ("gave a job to a thread", "used a channel layer"):
            self.assertRegex(
                ended.printed,
                rf"RuntimeError: (The line .*in \w+\(\)|A thread) {what}, which"
                r" was not .* yet\. A fixture comes before the runs of the examples of"
                r" @given",
            )

    def test_a_plan_needs_no_run(self) -> None:
        ended = self.pytest(TESTS, "--setup-plan")
        self.assertIn("no tests ran", ended.printed)
