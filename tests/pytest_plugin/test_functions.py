"""Plain functions have what the methods of a test case have."""

from __future__ import annotations

from .inner import CONSUMERS, PytestCase, needs

ONE_IMPORT = (
    CONSUMERS
    + """
    import pytest

    from channels_testkit import WebsocketCommunicator

    @pytest.mark.asyncio
    async def test_layers_are_captive_and_receives_end_at_rest():
        ann, ben = [WebsocketCommunicator(ROOM, "/") for _ in range(2)]
        assert await ann.connect()
        assert await ben.connect()
        await get_channel_layer().group_send("room", {"type": "tell", "text": "hi"})
        assert await ann.receive_json_from() == "hi"
        assert await ben.receive_json_from() == "hi"
        assert await ben.receive_nothing()
        assert type(get_channel_layer()).__name__ == "CaptiveChannelLayer"
        await ann.disconnect()

    @pytest.mark.asyncio
    async def test_nothing_of_the_test_before_is_there():
        assert get_channel_layer().groups() == {}

    @pytest.mark.asyncio
    async def test_sync_consumers_run_in_the_thread_of_the_test(db):
        ann = WebsocketCommunicator(NOTES, "/")
        await ann.connect()
        await ann.send_json_to("hello")
        assert await ann.receive_json_from() == [1, OWN]

    def test_rows_are_gone(db):
        assert not Note.objects.exists()

    @pytest.mark.asyncio
    async def test_a_task_that_fails():
        ann = WebsocketCommunicator(ROOM, "/")
        await ann.connect()
        await ann.send_json_to("fail later")

    @pytest.mark.asyncio
    async def test_a_failure_in_a_body_that_goes_on(db):
        ann = WebsocketCommunicator(ROOM, "/")
        await ann.connect()
        await ann.send_json_to("raise")
        with pytest.raises(ValueError, match="asked for"):
            await ann.receive_json_from()

    @pytest.mark.asyncio
    async def test_the_next_one_is_told_nothing():
        pass
"""
)
SYNC = (
    CONSUMERS
    + """
    from django.urls import path

    from channels_testkit import (
        Group,
        WebsocketCommunicator,
        WSClient,
        apply_routes,
    )

    @apply_routes(path("room/", ROOM))
    def test_clients_and_groups():
        ann, ben = WSClient("/room/"), WSClient("/room/")
        ann.connect(), ben.connect()
        Group("room").send({"type": "tell", "text": "hi"})
        assert ann.receive_json() == ben.receive_json() == "hi"

    @apply_routes(path("notes/", NOTES))
    class TestPlainClass:
        def test_rows(self, db):
            ann = WSClient("/notes/")
            ann.connect()
            ann.send_json("hello")
            assert ann.receive_json() == [1, OWN]

        def test_rows_again(self, db):
            self.test_rows(None)

    def test_a_coroutine_that_the_test_runs_itself():
        async def work():
            ann = WebsocketCommunicator(ROOM, "/")
            assert await ann.connect()
            await ann.send_json_to("hello")
            return await ann.receive_json_from()

        assert async_to_sync(work)() == "hello"

    def test_routes_of_the_project():
        assert WSClient("/ws/echo/").connect()
"""
)
FIXTURES = (
    CONSUMERS
    + """
    import pytest
    from django.contrib.auth.models import User

    from channels_testkit import Group

    pytestmark = pytest.mark.channels_test(application=ROOM, ws_path="/")

    def test_connect(ws_connect, channel_layer):
        ann = ws_connect(headers={"x-from": "test"})
        assert list(channel_layer.groups()) == ["room"]
        ann.send_json("hello")
        assert ann.receive_json() == "hello"

    def test_block(ws_connect, channel_layer):
        with ws_connect():
            assert list(channel_layer.groups()) == ["room"]
        assert list(channel_layer.groups()) == []

    @pytest.mark.asyncio
    async def test_async_block(aws_connect, channel_layer):
        async with aws_connect():
            assert list(channel_layer.groups()) == ["room"]
        assert list(channel_layer.groups()) == []

    @pytest.mark.asyncio
    async def test_aconnect(aws_connect, channels_test):
        ann = await aws_connect()
        await ann.send_json_to("hello")
        channels_test.assertReceivesJson(ann, "hello")

    def test_attributes(channels_test, ws_connect):
        channels_test.application = NOTES
        channels_test.ws_path = "/other/"
        channels_test.encode_frame = lambda payload: payload.upper()
        assert ws_connect().label == "/other/"

    def test_nothing_is_sent(channels_test, ws_connect):
        with channels_test.assertNothingSentAnywhere():
            ws_connect()
        Group("room").send({"type": "tell", "text": "hi"})
        with pytest.raises(AssertionError, match="group 'room' .default."):
            channels_test.assertNothingSentAnywhere()

    def test_login(channels_test, ws_connect):
        asked, ann = [], User(username="ann", pk=1)
        channels_test.get_login = lambda user: asked.append(user) or {}
        ws_connect(user=ann)
        assert asked == [ann]

    def test_clients(channels_test, client, async_client):
        assert channels_test.client is client
        assert channels_test.async_client is async_client

    @pytest.mark.parametrize("name", ["client", "async_client"])
    def test_cookies_of_a_client_that_no_fixture_asks_for(
        name, channels_test, ws_connect
    ):
        getattr(channels_test, name).cookies["theme"] = "dark"
        assert (b"cookie", b"theme=dark") in ws_connect().scope["headers"]

    @pytest.mark.channels_test(ws_path="/nearer/")
    def test_the_nearest_mark_wins(channels_test):
        assert channels_test.ws_path == "/nearer/"
        assert channels_test.application is ROOM

    def test_a_callback_runs_as_in_production(
        db, channels_test, django_capture_on_commit_callbacks
    ):
        from django.db import transaction

        ran = []
        transaction.on_commit(lambda: ran.append("at once"))
        assert ran == ["at once"]
        with django_capture_on_commit_callbacks() as callbacks:
            transaction.on_commit(lambda: ran.append("captured"))
        with channels_test.captureOnCommitCallbacks(execute=True):
            transaction.on_commit(lambda: ran.append("executed"))
        assert len(callbacks) == 1 and ran == ["at once", "executed"]

    @pytest.mark.asyncio
    async def test_queries_are_counted_in_async_tests(
        db, aws_connect, django_assert_num_queries, mailoutbox
    ):
        from django.core.mail import send_mail

        ann = await aws_connect()
        with django_assert_num_queries(1):
            await ann.send_json_to("count")
        assert await ann.receive_json_from() == 0
        await sync_to_async(send_mail)("hi", "there", "a@example.com", ["b@x.com"])
        assert len(mailoutbox) == 1
"""
)
RUN_BY_THE_KIT = (
    CONSUMERS
    + """
    import pytest

    @pytest.fixture
    async def ann(aws_connect, channels_test):
        channels_test.application = ROOM
        ann = await aws_connect("/")
        yield ann
        await ann.disconnect()

    @pytest.fixture
    async def note(db):
        return await Note.objects.acreate(text="of a fixture")

    async def test_by_fixture(ann, note):
        await ann.send_json_to("count")
        assert await ann.receive_json_from() == 1
        assert threading.get_ident() == OWN

    @pytest.mark.channels_test
    async def test_by_mark():
        await asyncio.sleep(0)

    class TestInAClass:
        @pytest.fixture
        async def told(self, ann):
            await ann.send_json_to("hello")

        async def test_method(self, told, ann):
            assert await ann.receive_json_from() == "hello"
"""
)


@needs("pytest_django", "pytest_asyncio")
class FunctionTests(PytestCase):
    def test_one_import_is_enough(self) -> None:
        ended = self.pytest(ONE_IMPORT)
        self.assert_outcomes(ended, passed=6, failed=1)
        name = "FAILED test_inner.py::test_a_task_that_fails"
        self.assertIn(f"{name} - LookupError: nobody awaits this", ended.printed)

    def test_sync_functions(self) -> None:
        self.assert_outcomes(self.pytest(SYNC), passed=5)

    def test_fixtures_and_the_mark(self) -> None:
        self.assert_outcomes(self.pytest(FIXTURES), passed=13)

    def test_async_functions_that_nobody_else_runs(self) -> None:
        for options in ((), ("-p", "no:asyncio", "-p", "no:anyio")):
            with self.subTest(options=options):
                ended = self.pytest(RUN_BY_THE_KIT, *options)
                self.assert_outcomes(ended, passed=3)
