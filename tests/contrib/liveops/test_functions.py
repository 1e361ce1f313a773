"""The clients in plain functions of pytest, as liveops' own page has them."""

from __future__ import annotations

from tests.pytest_plugin.inner import PytestCase, needs

FUNCTIONS = """
    import json
    from unittest.mock import MagicMock

    import pytest
    from asgiref.sync import sync_to_async
    from channels.layers import get_channel_layer
    from django.contrib.auth.models import User
    from liveops.consumers import LiveOperationConsumer
    from liveops.progress import WebProgress
    from liveops.security import make_subscription_token

    from channels_testkit import WebsocketCommunicator
    from channels_testkit.contrib.liveops import LiveOpClient
    from tests.contrib.liveops.shop.models import Import

    @pytest.fixture
    def user(db):
        return User.objects.create_user("ann")

    @pytest.fixture
    def running_op(user):
        return Import.objects.create(owner=user, lines=["tea"])

    @pytest.fixture
    def finished_op(running_op):
        running_op.enqueue()
        return running_op

    @pytest.mark.django_db
    async def test_snapshot_on_connect(user, finished_op):
        token = make_subscription_token(user, finished_op)
        communicator = WebsocketCommunicator(
            LiveOperationConsumer.as_asgi(),
            f"/asgi/notifications/?subscription_token={token}",
        )
        communicator.scope["user"] = user
        connected, _ = await communicator.connect()
        assert connected
        data = json.loads(await communicator.receive_from(timeout=2))
        assert "op-result" in data["liveop_html"]
        await communicator.disconnect()

    @pytest.mark.django_db
    def test_progress_status_pushes_envelope(running_op):
        sent = []
        layer = MagicMock()
        layer.group_send = sync_to_async(lambda channel, msg: sent.append(msg))
        WebProgress(running_op, layer).status("Testing")
        assert "op-status" in sent[0]["liveop_html"]

    def test_the_client(running_op):
        ann = LiveOpClient(running_op)
        ann.connect()
        running_op.enqueue()
        ann.assert_result()

    async def test_round_trip(user, redis_layer, running_op):
        ann = LiveOpClient(running_op, user=user)
        await ann.aconnect()
        progress = WebProgress(running_op, get_channel_layer())
        await sync_to_async(progress.status)("Testing")
        await ann.areceive_until(
            lambda frame: "Testing" in frame["liveop_html"], timeout=5
        )
"""


@needs("pytest_django", "pytest_asyncio")
class FunctionTests(PytestCase):
    def test_every_example(self) -> None:
        settings = "tests.contrib.liveops.settings"
        ended = self.pytest(FUNCTIONS, "--asyncio-mode=auto", settings=settings)
        self.assert_outcomes(ended, passed=4)
