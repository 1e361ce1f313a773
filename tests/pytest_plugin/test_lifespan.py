"""Lifespans of test functions, and of those that share a loop."""

from __future__ import annotations

from .inner import PytestCase, needs

HEAD = """
    import asyncio
    import contextlib

    import pytest
    from channels.layers import get_channel_layer

    from channels_testkit import WebsocketCommunicator, explore_schedules
    from tests.app.models import Note
    from tests.lifespans import StateConsumer, lifespan_of, noting, routed

    LOG = []
    APPLICATION = routed(noting(LOG))
"""
KINDS = (
    HEAD
    + """
    pytestmark = pytest.mark.channels_test(
        run_lifespan=True, application=APPLICATION, check_leaks="fail"
    )

    @pytest.fixture
    def patched():
        LOG.append("patched")

    @pytest.fixture(autouse=True)
    def checked():
        assert LOG[-1:] in ([], ["shut down"])
        LOG.clear()

    def test_sync(patched, channels_test):
        assert LOG == ["patched", "started"]
        ann = channels_test.connect("/")
        ann.send_json("loop")
        channels_test.assertReceivesJson(ann, channels_test.lifespan_state["loop"])

    async def test_async(channels_test):
        loop = id(asyncio.get_running_loop())
        assert channels_test.lifespan_state["loop"] == loop

    def test_without_a_fixture():
        assert LOG == ["started"]

    async def test_communicators_by_hand():
        ann = WebsocketCommunicator(APPLICATION, "/")
        await ann.connect()
        await ann.send_json_to("loop")
        assert await ann.receive_json_from() == id(asyncio.get_running_loop())

    @pytest.fixture
    async def ben(aws_connect):
        return await aws_connect("/")

    async def test_a_client_of_a_fixture(ben):
        assert LOG == ["started"]
        await ben.send_json("loop")
        assert await ben.receive_json() == id(asyncio.get_running_loop())

    @pytest.mark.channels_test(run_lifespan=False)
    def test_after_them():
        pass
"""
)
MISTAKES = (
    HEAD
    + """
    import pytest_asyncio

    lifespan = pytest.mark.channels_test(run_lifespan=True, application=APPLICATION)

    @pytest_asyncio.fixture
    async def ann():
        ann = WebsocketCommunicator(APPLICATION, "/")
        await ann.connect()
        return ann

    @lifespan
    @pytest.mark.asyncio
    async def test_too_early(ann):
        pass

    @lifespan
    @pytest.mark.channels_test(application=StateConsumer.as_asgi())
    def test_a_consumer_alone(channels_test):
        pass

    @pytest.mark.channels_test(application=routed(None))
    def test_late(channels_test):
        channels_test.run_lifespan = True

    @lifespan
    @pytest.mark.channels_test(run_lifespan="class")
    def test_value():
        pass

    @lifespan
    @pytest.mark.channels_test(run_lifespan="loop")
    def test_no_loop():
        pass

    @lifespan
    @pytest.mark.channels_test(run_lifespan="loop")
    @explore_schedules(2)
    @pytest.mark.asyncio
    async def test_explored(channels_test):
        pass

    def test_none_to_read(channels_test):
        channels_test.lifespan_state

    async def stubborn(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise ConnectionError("Redis has gone")

    @pytest.mark.channels_test(run_lifespan=True, application=routed(stubborn))
    def test_shutdown():
        pass
"""
)
TEXTS = (
    "RuntimeError: A connection before start-up: the lifespan starts with the first"
    " fixture of channels_testkit or, without one, after all fixtures. Let this"
    " fixture request channels_test.",
    "The application has no lifespan: for the scope type 'lifespan' it raised"
    " ValueError: No handler for message type lifespan.startup.",
    "channels_test.run_lifespan must be known before the test begins: write"
    " @pytest.mark.channels_test(run_lifespan=True).",
    "channels_test.run_lifespan is one of False, True, 'loop', not 'class'.",
    "test_inner.py::test_no_loop: @pytest.mark.channels_test(run_lifespan='loop') is"
    " for tests that share a loop of pytest-asyncio, by loop_scope='class', 'module'"
    " or the like. Write run_lifespan=True, for this test.",
    "test_inner.py::test_explored: an explored test starts anew for each schedule:"
    " write @pytest.mark.channels_test(run_lifespan=True), for this test.",
    "RuntimeError: channels_test.lifespan_state is the state of a lifespan, and this"
    " test runs none: set run_lifespan = True.",
    "ConnectionError: Redis has gone",
)
DATABASE = (
    HEAD
    + """
    @contextlib.asynccontextmanager
    async def with_note(state):
        note = await Note.objects.acreate(text="of start-up")
        yield
        await note.adelete()

    class Notes(StateConsumer):
        async def receive_json(self, content, **options):
            await self.send_json(await Note.objects.acount())

    lifespan = pytest.mark.channels_test(
        run_lifespan=True,
        application=routed(lifespan_of(with_note), Notes.as_asgi()),
    )

    @lifespan
    def test_whatever_comes_first(ws_connect, db):
        ann = ws_connect("/")
        ann.send_json("?")
        assert ann.receive_json() == 1

    @lifespan
    @pytest.mark.django_db
    def test_by_the_mark_alone():
        assert Note.objects.count() == 1

    @pytest.mark.django_db
    def test_nothing_stays():
        assert not Note.objects.count()

    @lifespan
    @pytest.mark.asyncio
    async def test_async(db, aws_connect):
        ann = await aws_connect("/")
        await ann.send_json("?")
        assert await ann.receive_json() == 1

    @lifespan
    def test_no_database(channels_test):
        pass
"""
)
LOOP = (
    HEAD
    + """
    @contextlib.asynccontextmanager
    async def news(state):
        LOG.append("started")
        state["loop"] = id(asyncio.get_running_loop())
        state["sent"] = 0
        pending = state["pending"] = []

        async def broadcast():
            while True:
                await asyncio.sleep(10)
                pending.append(asyncio.create_task(asyncio.sleep(1000)))
                state["sent"] += 1
                message = {"type": "news", "number": state["sent"]}
                await get_channel_layer().group_send("news", message)

        task = asyncio.create_task(broadcast())
        yield
        for it in (task, *pending):
            it.cancel()
        await asyncio.wait([task, *pending])
        LOG.append("shut down")

    class News(StateConsumer):
        groups = ["news"]

        async def news(self, message):
            await self.send_json(message["number"])

    @pytest.mark.asyncio(loop_scope="class")
    @pytest.mark.channels_test(
        run_lifespan="loop",
        application=routed(lifespan_of(news), News.as_asgi()),
        use_virtual_time=True,
        check_leaks="fail",
    )
    class TestNews:
        async def test_one(self, channels_test):
            await self.hear(channels_test)

        async def test_two(self, channels_test):
            await self.hear(channels_test)

        async def test_in_the_database(self, channels_test, db):
            await self.hear(channels_test)

        async def hear(self, test):
            assert LOG == ["started"]
            state = test.lifespan_state
            assert state["loop"] == id(asyncio.get_running_loop())
            sent = state["sent"]
            ann = await test.aconnect("/")
            await test.aadvance(10)
            assert await ann.receive_json() == sent + 1

        @pytest.mark.channels_test(application=APPLICATION)
        async def test_another_application(self, channels_test):
            assert LOG == ["started", "started"]
            assert channels_test.lifespan_state["log"] is LOG
            assert await channels_test.aadvance(10) == 1

        @pytest.mark.channels_test(run_lifespan=False)
        async def test_none_of_its_own(self, channels_test):
            ann = await channels_test.aconnect("/")
            assert ann.scope["state"] == {}
            await channels_test.aadvance(10)
            assert await ann.receive_json() > 0

        @pytest.mark.channels_test(run_lifespan=True)
        async def test_one_of_its_own(self, channels_test):
            assert LOG == ["started", "started", "started"]
            await channels_test.aadvance(10)
            assert channels_test.lifespan_state["sent"] == 1

        async def test_nothing_was_cancelled(self, channels_test):
            assert LOG == ["started", "started", "started", "shut down"]
            state = channels_test.lifespan_state
            assert len(state["pending"]) == state["sent"] == 6
            assert not any(task.done() for task in state["pending"])

    def test_after_it():
        assert LOG == 3 * ["started"] + 3 * ["shut down"]
"""
)
LOOP_MISTAKES = (
    HEAD
    + """
    pytestmark = [
        pytest.mark.asyncio(loop_scope="class"),
        pytest.mark.channels_test(run_lifespan="loop"),
    ]

    async def no_redis(scope, receive, send):
        await receive()
        raise ConnectionError("no Redis")

    @pytest.mark.channels_test(application=routed(no_redis))
    class TestStartUp:
        async def test_one(self):
            pass

    async def stubborn(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise ConnectionError("Redis has gone")

    @pytest.mark.channels_test(application=routed(stubborn))
    class TestShutdown:
        async def test_one(self):
            pass

    @contextlib.asynccontextmanager
    async def with_task(state):
        async def wait():
            await state["go"].wait()
            raise ValueError("in the background")

        state["go"] = asyncio.Event()
        state["task"] = asyncio.create_task(wait())
        yield

    @pytest.mark.channels_test(application=routed(lifespan_of(with_task)))
    class TestTask:
        async def test_one(self, channels_test):
            pass

        async def test_two(self, channels_test):
            channels_test.lifespan_state["go"].set()
            await channels_test.asettle()
            raise AssertionError("not told")

    @contextlib.asynccontextmanager
    async def with_note(state):
        await Note.objects.acount()
        yield

    @pytest.mark.channels_test(application=routed(lifespan_of(with_note)))
    class TestDatabase:
        async def test_one(self, db):
            pass
"""
)
LIVE = (
    HEAD
    + """
    import json

    import websocket

    class Loop(StateConsumer):
        async def receive_json(self, content, **options):
            state = self.scope["state"]
            await self.send_json(state["loop"] == id(asyncio.get_running_loop()))

    lifespan = pytest.mark.channels_test(
        run_lifespan=True, application=routed(noting(LOG), Loop.as_asgi())
    )

    @lifespan
    def test_on_the_loop_of_the_server(channels_live_server, channels_test):
        url = channels_live_server.ws_url
        origin = channels_live_server.url
        ann = websocket.create_connection(url, origin=origin)
        ann.send(json.dumps("?"))
        assert json.loads(ann.recv())
        ann.close()
        assert channels_test.lifespan_state["log"] is LOG
        assert LOG == ["started"]

    @lifespan
    def test_whatever_comes_first(channels_test, channels_live_server):
        assert LOG == ["started", "shut down", "started"]

    async def no_redis(scope, receive, send):
        await receive()
        raise ConnectionError("no Redis")

    @pytest.mark.channels_test(run_lifespan=True, application=routed(no_redis))
    def test_no_redis(channels_live_server):
        pass
"""
)
EXAMPLES = (
    HEAD
    + """
    from hypothesis import given, settings, strategies

    @pytest.mark.channels_test(run_lifespan=True, application=APPLICATION)
    @settings(max_examples=3, derandomize=True, deadline=None)
    @given(strategies.just(1))
    def test_examples(number):
        assert LOG[-1] == "started"

    def test_each_had_its_own():
        assert LOG and LOG == ["started", "shut down"] * (len(LOG) // 2)
"""
)


class LifespanTests(PytestCase):
    def test_functions_that_the_kit_runs(self) -> None:
        ran = self.pytest(KINDS, "-p", "no:asyncio", "-p", "no:anyio")
        self.assert_outcomes(ran, passed=6)

    @needs("pytest_asyncio")
    def test_on_loops_of_pytest_asyncio(self) -> None:
        for scope in ("function", "session"):
            with self.subTest(scope):
                ran = self.pytest(
                    KINDS,
                    *("-o", "asyncio_mode=auto"),
                    *("-o", f"asyncio_default_test_loop_scope={scope}"),
                    *("-o", f"asyncio_default_fixture_loop_scope={scope}"),
                )
                self.assert_outcomes(ran, passed=6)

    @needs("anyio")
    def test_on_the_loop_of_anyio(self) -> None:
        tests = KINDS.replace("pytestmark =", "pytestmark = pytest.mark.anyio,") + (
            """
    @pytest.fixture
    def anyio_backend():
        return "asyncio"
"""
        )
        tests = tests.replace("pytest.mark.anyio, pytest", "[pytest.mark.anyio, pytest")
        tests = tests.replace('"fail"\n    )', '"fail"\n    )]')
        ran = self.pytest(tests, "-p", "no:asyncio")
        self.assert_outcomes(ran, passed=6)

    @needs("pytest_asyncio")
    def test_mistakes(self) -> None:
        ran = self.pytest(MISTAKES)
        for text in TEXTS:
            with self.subTest(text):
                self.assertIn(text, ran.printed)
        self.assert_outcomes(ran, failed=3, errors=5)

    @needs("pytest_asyncio")
    def test_the_database_is_that_of_the_test(self) -> None:
        ran = self.pytest(DATABASE)
        self.assert_outcomes(ran, passed=4, error=1)
        self.assertIn("Database access not allowed", ran.printed)

    @needs("pytest_asyncio")
    def test_once_for_a_loop(self) -> None:
        self.assert_outcomes(self.pytest(LOOP), passed=8)

    @needs("pytest_asyncio")
    def test_mistakes_of_one_for_a_loop(self) -> None:
        ran = self.pytest(LOOP_MISTAKES)
        self.assert_outcomes(ran, passed=2, failed=1, errors=3)
        for text in (
            "ConnectionError: no Redis",
            "ConnectionError: Redis has gone",
            "ValueError: in the background",
            "Database access not allowed",
        ):
            self.assertIn(text, ran.printed)

    @needs("daphne", "websocket")
    def test_on_a_live_server(self) -> None:
        ran = self.pytest(LIVE, may_leak=True)
        self.assert_outcomes(ran, passed=2, error=1)
        self.assertIn("ConnectionError: no Redis", ran.printed)

    @needs("hypothesis")
    def test_each_example_has_its_own(self) -> None:
        self.assert_outcomes(self.pytest(EXAMPLES), passed=2)
