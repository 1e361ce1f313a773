"""Real servers, browsers and Redis in test functions."""

from __future__ import annotations

from channels_testkit.browser.chromium import find_programs
from channels_testkit.redis import RedisServer

from .inner import CONSUMERS, PytestCase, needs

LIVE = (
    CONSUMERS
    + """
    import urllib.request

    import pytest
    from django.contrib.auth.models import User
    from websockets.sync.client import connect

    def test_a_page(channels_live_server):
        Note.objects.create(text="seen by the server")
        with urllib.request.urlopen(f"{channels_live_server.url}/notes/") as page:
            assert page.read().decode() == '{"notes": 1}'

    def test_rows_are_flushed(db):
        assert not Note.objects.exists()

    def dial(server, path, **headers):
        return connect(
            f"{server.ws_url}{path}", origin=server.url, additional_headers=headers
        )

    def test_a_socket_and_captive_layers(channels_live_server, channels_test):
        with dial(channels_live_server, "/ws/room/1/") as ann:
            ann.send('{"hello": 1}')
            assert ann.recv() == '{"hello": 1}'
        channels_test.assertGroupSent("room-1")

    def test_a_login(channels_live_server):
        ann = User.objects.create_user("ann")
        headers = channels_live_server.login_headers(ann)
        with dial(channels_live_server, "/ws/who/", **headers) as socket:
            assert "ann" in socket.recv()

    async def test_a_login_in_an_async_test(channels_live_server):
        with pytest.raises(RuntimeError) as caught:
            channels_live_server.login_headers(None)
        assert str(caught.value) == (
            "A sync call in an async test: write 'await"
            " channels_live_server.alogin_headers(...)'."
        )
        ann = await User.objects.acreate_user("ann")
        assert "sessionid" in (await channels_live_server.alogin_headers(ann))["cookie"]

    @pytest.mark.channels_test(host="localhost")
    def test_settings(channels_live_server):
        assert channels_live_server.url.startswith("http://localhost:")

    def test_an_exception_of_the_server(channels_live_server):
        with dial(channels_live_server, "/ws/echo/") as ann:
            ann.send('{"raise": "ValueError"}')
"""
)
ROLLBACK = (
    CONSUMERS
    + """
    import urllib.request

    import pytest
    from django.core.exceptions import ImproperlyConfigured
    from django.db import IntegrityError, connection, transaction
    from websockets.sync.client import connect

    @pytest.fixture
    def note(db):
        return Note.objects.create(text="of a fixture", slug="fixture")

    def count(server):
        with urllib.request.urlopen(f"{server.url}/notes/") as page:
            return page.read().decode()

    def test_a_page(note, channels_rollback_live_server):
        assert connection.in_atomic_block
        Note.objects.create(text="of the test")
        assert count(channels_rollback_live_server) == '{"notes": 2}'

    def test_rows_are_rolled_back(db):
        assert not Note.objects.exists()

    def test_a_socket_and_one_in_process(channels_rollback_live_server, channels_test):
        server = channels_rollback_live_server
        url = f"{server.ws_url}/ws/room/1/"
        with connect(url, origin=server.url) as ann:
            ben = channels_test.connect("/ws/room/1/")
            ann.send('{"hello": 1}')
            channels_test.assertReceivesJson(ben, {"hello": 1})

    async def test_an_async_test(channels_rollback_live_server):
        await Note.objects.acreate(text="of the test")
        found = await asyncio.to_thread(count, channels_rollback_live_server)
        assert found == '{"notes": 1}'

    def test_a_query_that_fails(note, channels_rollback_live_server):
        with pytest.raises(IntegrityError):
            Note.objects.create(text="again", slug="fixture")
        assert count(channels_rollback_live_server) == '{"notes": 1}'

    @pytest.mark.channels_test(hang_timeout=0.2)
    def test_a_block(channels_rollback_live_server):
        with transaction.atomic():
            count(channels_rollback_live_server)

    @pytest.mark.django_db(transaction=True)
    def test_one_that_commits(channels_rollback_live_server):
        raise AssertionError("it ran")
"""
)
REDIS = (
    CONSUMERS
    + """
    import pytest

    from channels_testkit import WebsocketCommunicator

    pytestmark = pytest.mark.asyncio

    @pytest.mark.parametrize("number", [1, 2])
    async def test_core(redis_layer, number):
        assert "channels_redis.core" in repr(type(redis_layer).__mro__) + repr(
            redis_layer.__class__
        )
        ann = WebsocketCommunicator(ROOM, "/")
        await ann.connect()
        await redis_layer.group_send("room", {"type": "tell", "text": number})
        assert await ann.receive_json_from() == number

    @pytest.mark.asyncio(loop_scope="module")
    async def test_on_a_loop_that_goes_with_the_module(redis_layer):
        await redis_layer.send("a", {"type": "left"})

    @pytest.mark.channels_test(redis_config={"capacity": 1})
    async def test_drops(redis_layer):
        await redis_layer.group_add("room", "slow")
        await redis_layer.group_send("room", {"type": "tell"})
        await redis_layer.group_send("room", {"type": "tell"})

    @pytest.mark.channels_test(redis_backend="pubsub")
    async def test_pubsub(redis_layer):
        assert "pubsub" in redis_layer.__class__.__module__
"""
)
BROWSER = (
    CONSUMERS
    + """
    from django.contrib.auth.models import User

    def test_a_page(channels_browser, channels_test):
        ann = User.objects.create_user("ann")
        channels_test.browser_login(ann)
        assert channels_test.open_page("/who/") is channels_browser
        assert "ann" in channels_browser.page_source

    def test_a_failure_has_evidence(channels_browser, channels_live_server):
        channels_browser.get(f"{channels_live_server.url}/who/")
        assert "ann" in channels_browser.page_source

    def test_in_one_transaction(channels_rollback_browser, channels_test):
        channels_test.browser_login(User.objects.create_user("ben"))
        channels_test.open_page("/who/")
        assert "ben" in channels_rollback_browser.page_source

    def test_rows_are_rolled_back(channels_rollback_browser):
        assert not User.objects.exists()
"""
)


@needs("pytest_django", "pytest_asyncio", "daphne", "websockets")
class ServerTests(PytestCase):
    def test_live_server(self) -> None:
        ended = self.pytest(LIVE)
        self.assert_outcomes(ended, passed=6, failed=1)
        self.assertIn("ValueError: asked for", ended.printed)

    def test_rollback_live_server(self) -> None:
        ended = self.pytest(ROLLBACK)
        self.assert_outcomes(ended, passed=5, failed=1, error=1)
        self.assertIn("OperationalError: Database 'default' is locked", ended.printed)
        self.assertIn(
            "ImproperlyConfigured: Database 'default' has no transaction that is"
            " rolled back after this test",
            ended.printed,
        )

    def test_redis(self) -> None:
        RedisServer.obtain()
        ended = self.pytest(REDIS)
        self.assert_outcomes(ended, passed=4, failed=1)
        name = "FAILED test_inner.py::test_drops"
        self.assertIn(f"{name} - AssertionError: 1 message to group", ended.printed)

    def test_browser(self) -> None:
        find_programs()
        ended = self.pytest(BROWSER)
        self.assert_outcomes(ended, passed=3, failed=1)
        self.assertIn("Browser evidence: ", ended.printed)
