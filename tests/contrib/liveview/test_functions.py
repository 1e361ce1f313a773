"""django-liveview's consumer in plain functions of pytest."""

from __future__ import annotations

from tests.pytest_plugin.inner import PytestCase, needs

FUNCTIONS = """
    import pytest
    from asgiref.sync import sync_to_async
    from django.contrib.auth.models import User

    from channels_testkit import WebsocketCommunicator
    from tests.contrib.liveview.asgi import application
    from tests.contrib.liveview.newsroom.models import Story

    pytestmark = [pytest.mark.asyncio, pytest.mark.django_db]

    def call(function, room="desk", **form):
        content = {"data": {}, "lang": "en", "room": room}
        return {"function": function, "form": form, **content}

    @pytest.fixture
    def connect():
        async def connect(room="desk", user=None):
            communicator = WebsocketCommunicator(
                application, f"/ws/liveview/{room}/", [(b"origin", b"http://testserver")]
            )
            if user is not None:
                communicator.scope["user"] = user
            connected, _ = await communicator.connect()
            assert connected
            return communicator

        return connect

    async def test_websocket_connection(connect):
        communicator = await connect()
        await communicator.send_json_to(call("greet", name="Ann"))
        response = await communicator.receive_json_from()
        assert response["target"] == "#desk"
        assert "Good day, Ann" in response["html"]
        await communicator.disconnect()

    async def test_form_validation(connect):
        communicator = await connect()
        await communicator.send_json_to(call("file_story", headline=""))
        response = await communicator.receive_json_from()
        assert "error" in response["html"].lower()
        assert await Story.objects.acount() == 0
        await communicator.disconnect()

    async def test_broadcast_to_all_users(connect):
        user1, user2 = await connect(), await connect()
        await user1.send_json_to(call("ring", text="lunch"))
        for user in (user1, user2):
            assert "lunch" in (await user.receive_json_from())["html"]

    async def test_rows_are_gone():
        assert await Story.objects.acount() == 0
"""


@needs("pytest_django", "pytest_asyncio")
class FunctionTests(PytestCase):
    def test_every_example(self) -> None:
        ended = self.pytest(FUNCTIONS, settings="tests.contrib.liveview.settings")
        self.assert_outcomes(ended, passed=4)
