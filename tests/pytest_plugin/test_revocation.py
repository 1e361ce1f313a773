"""``check_revoked`` and ``assertAllClosed()`` in test functions."""

from __future__ import annotations

from .inner import CONSUMERS, PytestCase, needs

FEED = (
    CONSUMERS
    + """
    import pytest
    from channels.auth import AuthMiddlewareStack
    from django.contrib.auth.models import User

    class Feed(AsyncJsonWebsocketConsumer):
        groups = ["feed"]

        async def tell(self, event):
            await self.send_json(event["text"])

        async def leave(self, event):
            await self.close(4401)

    FEED = AuthMiddlewareStack(Feed.as_asgi())
    NEWS = {"type": "tell", "text": "news"}
    revoked = pytest.mark.channels_test(
        check_revoked="fail", application=FEED, ws_path="/"
    )

    @pytest.fixture
    def ann(db):
        return User.objects.create_user("ann")
"""
)
SYNC = (
    FEED
    + """
    from channels_testkit import Group

    def send(message):
        async_to_sync(get_channel_layer().group_send)("feed", message)

    @revoked
    def test_a_frame(channels_test, ann):
        channels_test.connect(user=ann)
        User.objects.update(is_active=False)
        Group("feed").send(NEWS)

    @revoked
    def test_the_client_of_pytest_django(channels_test, client, ann):
        client.force_login(ann)
        channels_test.connect()
        client.logout()
        with pytest.raises(AssertionError, match="the session of user 'ann' had"):
            Group("feed").send(NEWS)

    @revoked
    def test_a_goodbye(channels_test, ann):
        channels_test.connect(user=ann)
        ann.delete()
        send({"type": "leave"})
        channels_test.assertAllClosed(user=ann, code=4401)

    @pytest.mark.channels_test(check_revoked="of")
    def test_a_level(channels_test):
        pass
"""
)
ASYNC = """
    @revoked
    async def test_a_frame(channels_test, ann):
        await channels_test.aconnect(user=ann)
        await User.objects.aupdate(is_active=False)
        await get_channel_layer().group_send("feed", NEWS)

    @revoked
    async def test_a_goodbye(channels_test, ann):
        await channels_test.aconnect(user=ann)
        await ann.adelete()
        await get_channel_layer().group_send("feed", {"type": "leave"})
        channels_test.assertAllClosed(user=ann, code=4401)
"""
VERDICT = "ann (/) received a frame after user 'ann' was deactivated"


class RevocationTests(PytestCase):
    def test_sync_functions(self) -> None:
        ran = self.pytest(SYNC)
        self.assert_outcomes(ran, passed=2, failed=1, error=1)
        self.assertIn(VERDICT, ran.printed)
        self.assertIn("check_revoked is one of 'fail', 'warn', 'off'", ran.printed)

    def test_functions_that_the_kit_runs(self) -> None:
        ran = self.pytest(FEED + ASYNC, "-p", "no:asyncio", "-p", "no:anyio")
        self.assert_outcomes(ran, passed=1, failed=1)
        self.assertIn(VERDICT, ran.printed)

    @needs("pytest_asyncio")
    def test_on_a_loop_of_pytest_asyncio(self) -> None:
        mark = "\n    pytestmark = pytest.mark.asyncio\n"
        ran = self.pytest(FEED + mark + ASYNC)
        self.assert_outcomes(ran, passed=1, failed=1)
        self.assertIn(VERDICT, ran.printed)
