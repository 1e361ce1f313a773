"""The orders of fixtures, loops and finalizers that were found to matter."""

from __future__ import annotations

from .inner import CONSUMERS, PytestCase, needs

BEFORE_THE_FIRST_OBJECT = (
    CONSUMERS
    + """
    import pytest
    import pytest_asyncio

    from channels_testkit import WebsocketCommunicator

    @pytest.fixture
    def first():
        return type(get_channel_layer()).__name__

    @pytest_asyncio.fixture
    async def job():
        return await sync_to_async(threading.get_ident)()

    @pytest.mark.asyncio
    async def test_the_run_begins_before_the_first_fixture(first, job):
        assert first == "CaptiveChannelLayer"
        assert job == OWN

    @pytest_asyncio.fixture
    async def note(db):
        note = await Note.objects.acreate(text="of an async fixture")
        yield note
        assert await Note.objects.acount() == 1
        await note.adelete()

    @pytest.fixture
    def sync_note(db):
        return Note.objects.create(text="of a sync fixture")

    @pytest_asyncio.fixture
    async def ann():
        ann = WebsocketCommunicator(ROOM, "/")
        await ann.connect()
        yield ann
        await ann.disconnect()

    async def count(ann):
        await ann.send_json_to("count")
        return await ann.receive_json_from()

    @pytest.mark.asyncio
    async def test_ann_then_db(ann, note):
        assert await count(ann) == 1

    @pytest.mark.asyncio
    async def test_db_then_ann(note, ann):
        assert await count(ann) == 1

    @pytest.mark.asyncio
    async def test_ann_then_sync_row(ann, sync_note):
        assert await count(ann) == 1

    @pytest.mark.asyncio
    @pytest.mark.django_db
    async def test_nothing_is_left(ann):
        assert await count(ann) == 0

    @pytest.mark.asyncio
    async def test_a_message_before_the_first_object():
        await get_channel_layer().group_send("room", {"type": "tell", "text": "old"})
        ann = WebsocketCommunicator(ROOM, "/")
        await ann.connect()
        assert await ann.receive_nothing()
"""
)
FINALIZERS = (
    CONSUMERS
    + """
    import pytest
    import pytest_asyncio

    from channels_testkit import WebsocketCommunicator, WSClient

    seen = []

    class Leaving(Room):
        async def disconnect(self, code):
            seen.append((code, await Note.objects.acount()))

    LEAVING = Leaving.as_asgi()

    @pytest_asyncio.fixture
    async def ann():
        ann = WebsocketCommunicator(LEAVING, "/")
        await ann.connect()
        yield ann
        await ann.disconnect(code=4001)

    @pytest.mark.asyncio
    async def test_the_runner_goes_after_the_database(ann, db):
        await Note.objects.acreate(text="seen by disconnect()")

    def test_it_has_left_before_the_rollback(db):
        assert seen == [(1000, 1)]
        seen.clear()

    @pytest.mark.asyncio
    async def test_the_database_goes_after_the_runner(db, ann):
        await Note.objects.acreate(text="seen by disconnect()")

    def test_the_fixture_has_ended_it(db):
        assert seen == [(4001, 1)]
        seen.clear()

    @pytest.mark.asyncio
    async def test_a_finalizer_of_the_body(request, db):
        ann = WebsocketCommunicator(ROOM, "/")
        await ann.connect()
        request.addfinalizer(lambda: seen.append(get_channel_layer().groups()))

    def test_layers_are_there_until_the_last_finalizer(db):
        assert seen == [{}]

    @pytest.fixture
    def sync_ann(channels_test):
        channels_test.application = ROOM
        ann = channels_test.connect("/")
        ann.send_json("hello")
        yield ann
        assert get_channel_layer().groups() == {"room": (ann.channel_name,)}

    @pytest.mark.asyncio
    async def test_a_sync_fixture_connects_on_the_loop_of_the_test(sync_ann):
        assert await sync_ann.areceive_json() == "hello"
        assert sync_ann.consumer is not None

    @pytest.mark.asyncio
    async def test_tasks_of_a_fixture(background):
        assert not background.done()

    @pytest_asyncio.fixture
    async def background():
        task = asyncio.create_task(asyncio.Event().wait())
        yield task
        task.cancel()
"""
)
WIDER = (
    CONSUMERS
    + """
    import pytest

    from channels_testkit import WebsocketCommunicator

    @pytest.fixture(scope="module")
    def ann():
        return WebsocketCommunicator(ROOM, "/")

    @pytest.mark.asyncio
    async def test_a_client_of_a_module(ann):
        pass

    @pytest.fixture(scope="module")
    def layer():
        return get_channel_layer()

    @pytest.mark.asyncio
    async def test_a_layer_of_a_module(layer):
        assert type(layer).__name__ == "CaptiveChannelLayer"
"""
)
SCOPES = (
    CONSUMERS
    + """
    import pytest
    import pytest_asyncio

    from channels_testkit import WebsocketCommunicator

    pytestmark = pytest.mark.asyncio(loop_scope="SCOPE")

    @pytest_asyncio.fixture(scope="SCOPE", loop_scope="SCOPE")
    async def older():
        ticks = []

        async def tick():
            while True:
                ticks.append(await asyncio.sleep(0.001))

        task = asyncio.create_task(tick())
        yield task
        task.cancel()

    @pytest.mark.parametrize("number", [1, 2])
    class TestOnOneLoop:
        async def test_room(self, older, db, number):
            ann = WebsocketCommunicator(NOTES, "/")
            await ann.connect()
            await ann.send_json_to(number)
            assert await ann.receive_json_from() == [1, OWN]
            assert not older.done()

        async def test_a_task_that_is_left(self, number):
            ann = WebsocketCommunicator(ROOM, "/")
            await ann.connect()
            asyncio.create_task(asyncio.Event().wait(), name=f"left {number}")

        async def test_it_has_gone(self, older, number):
            names = {task.get_name() for task in asyncio.all_tasks()}
            assert not any("left" in name for name in names)
            assert await sync_to_async(threading.get_ident)() == OWN
"""
)
SYNC_WITH_ASYNC_FIXTURE = (
    CONSUMERS
    + """
    import pytest
    import pytest_asyncio

    @pytest_asyncio.fixture
    async def ann(channels_test):
        channels_test.application = ROOM
        client = channels_test.create_client("/")
        await client.aconnect()
        return client

    def test_sync(ann):
        ann.send_json("hello")
        assert ann.receive_json() == "hello"
"""
)


@needs("pytest_django", "pytest_asyncio")
class OrderTests(PytestCase):
    def test_the_run_begins_before_anything_of_the_function(self) -> None:
        ended = self.pytest(BEFORE_THE_FIRST_OBJECT)
        self.assert_outcomes(ended, passed=6)

    def test_connections_end_before_rows_and_loops_go(self) -> None:
        ended = self.pytest(FINALIZERS)
        self.assert_outcomes(ended, passed=8)

    def test_what_would_outlive_the_test_is_refused(self) -> None:
        ended = self.pytest(WIDER)
        self.assert_outcomes(ended, passed=1, error=1)
        self.assertIn(
            "RuntimeError: This is made in the fixture 'ann' of scope 'module', and"
            " would outlive the test: make it in a fixture of scope 'function', or in"
            " the test.",
            ended.printed,
        )

    def test_loops_that_tests_share(self) -> None:
        for scope in ("function", "class", "module", "session"):
            with self.subTest(scope):
                tests = SCOPES.replace("SCOPE", scope)
                of_kit = "channels_testkit.exceptions.ChannelsTestkitWarning"
                ended = self.pytest(tests, "-W", f"default::{of_kit}")
                self.assert_outcomes(ended, passed=6, warnings=2)
                for left in ("left 1", "left 2"):
                    self.assertIn(
                        f"\n    task '{left}', started at test_inner.py:", ended.printed
                    )

    def test_an_async_fixture_of_a_sync_test(self) -> None:
        self.assert_outcomes(self.pytest(SYNC_WITH_ASYNC_FIXTURE), passed=1)
